//go:build linux

package kernel

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// TestWideTable checks that what IA-32 programs can call x86-64 programs can
// call too, under the name that it has there.
func TestWideTable(t *testing.T) {
	known := map[string]bool{}
	for _, name := range abi.AMD64Syscalls() {
		known[name] = true
	}
	wide := map[string]*Entry{}
	for _, e := range NewTable(image.AMD64).Entries() {
		wide[e.Name()] = e
	}
	// What an IA-32 name becomes, and what x86-64 does not have.
	names := map[string]string{
		"waitpid": "wait4", "umount": "umount2", "stime": "settimeofday", "nice": "setpriority", "signal": "rt_sigaction", "sigaction": "rt_sigaction",
		"sgetmask": "rt_sigprocmask", "ssetmask": "rt_sigprocmask", "sigprocmask": "rt_sigprocmask", "sigpending": "rt_sigpending",
		"olduname": "uname", "oldolduname": "uname", "ugetrlimit": "getrlimit", "_newselect": "select", "_llseek": "lseek",
		"fstatat64": "newfstatat", "fadvise64_64": "fadvise64", "mmap2": "mmap",
		"sigsuspend": "rt_sigsuspend", "sigreturn": "rt_sigreturn",
		"socketcall":      "socket",
		"set_thread_area": "arch_prctl", "get_thread_area": "arch_prctl",
	}
	for _, e := range NewTable(image.I386).Entries() {
		if e.Support() == None {
			continue
		}
		name := e.Name()
		if n, ok := names[name]; ok {
			name = n
		}
		for _, suffix := range []string{"_time64", "64", "32"} {
			if !known[name] {
				name = strings.TrimSuffix(name, suffix)
			}
		}
		w := wide[name]
		if w == nil {
			t.Errorf("%s has no counterpart", e.Name())
		} else if w.Support() == None {
			t.Errorf("%s works in part at least, %s of x86-64 does not", e.Name(), name)
		}
	}
	for _, name := range []string{"set_thread_area", "get_thread_area"} {
		if wide[name].Support() != None { // Linux has the number and nothing behind it
			t.Errorf("%s is no call of x86-64", name)
		}
	}
}

func TestThreadBases(t *testing.T) {
	task, arena := testSpace(t, image.AMD64)
	p := scratch(t, task, arena.Lo)
	for _, c := range []struct {
		set, get int
	}{{abi.ARCH_SET_FS, abi.ARCH_GET_FS}, {abi.ARCH_SET_GS, abi.ARCH_GET_GS}} {
		for _, base := range []uint64{0x7123_4567_8000, 0, 1<<47 - abi.PageSize - 1} {
			if _, err := call(t, task, "arch_prctl", uint64(c.set), base); err != 0 {
				t.Errorf("%#x %#x: %v", c.set, base, err)
			}
			_ = task.WriteUint64(p, 1)
			if _, err := call(t, task, "arch_prctl", uint64(c.get), p); err != 0 {
				t.Error(err)
			}
			if v, _ := task.ReadUint64(p); v != base {
				t.Errorf("%#x: %#x, want %#x", c.get, v, base)
			}
		}
		if _, err := call(t, task, "arch_prctl", uint64(c.set), 1<<47); err != abi.EPERM {
			t.Error(err)
		}
		if _, err := call(t, task, "arch_prctl", uint64(c.get), arena.Hi); err != abi.EFAULT {
			t.Error(err)
		}
	}
}

func TestVsyscall(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	for addr, want := range map[uint64]string{
		0xffffffffff600000: "gettimeofday", 0xffffffffff600400: "time", 0xffffffffff600800: "getcpu",
		0xffffffffff600c00: "", 0xffffffffff600001: "", 0xffffffffff601000: "", 0xffffffffff5ffc00: "", 0: "", 0x400000: "",
	} {
		nr, ok := task.Vsyscall(addr)
		if ok != (want != "") || ok && task.proc.table.entry(nr).Name() != want {
			t.Errorf("%#x: %d %v, want %q", addr, nr, ok, want)
		}
	}
	narrow, _ := testSpace(t, image.I386)
	if _, ok := narrow.Vsyscall(vsyscallPage); ok {
		t.Error("IA-32 has no such page")
	}
}

// FuzzArguments gives calls arguments that no program would: nothing but an
// errno may come of it.
func FuzzArguments(f *testing.F) {
	// Calls that wait, end the process or write to the user are left out.
	skip := map[string]bool{
		"exit": true, "exit_group": true, "pause": true, "nanosleep": true, "clock_nanosleep": true, "clock_nanosleep_time64": true,
		"rt_sigsuspend": true, "rt_sigtimedwait": true, "rt_sigtimedwait_time64": true, "futex": true, "futex_time64": true,
		"kill": true, "tkill": true, "tgkill": true, "rt_sigqueueinfo": true,
	}
	list := func(arch image.Arch) []uint32 {
		own := map[string]bool{}
		for _, area := range [][]Call{taskCalls(), memoryCalls(), timeCalls(), identityCalls(), limitCalls(), machineCalls(), signalCalls(), tlsCalls()} {
			for _, c := range area {
				own[c.Name] = !skip[c.Name]
			}
		}
		var nrs []uint32
		for _, e := range NewTable(arch).Entries() {
			if own[e.Name()] {
				nrs = append(nrs, e.Nr)
			}
		}
		return nrs
	}
	numbers := map[bool][]uint32{false: list(image.I386), true: list(image.AMD64)}
	for i := range byte(200) {
		f.Add([]byte{i, 1, 1, 0, 0, 0, 2, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 9, 2, 9, 4, 8, 8, 8}, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, b []byte, wide bool) {
		arch := image.I386
		if wide {
			arch = image.AMD64
		}
		task, arena := testSpace(t, arch)
		task.proc.as.limit = 64 << 20
		p := scratch(t, task, arena.Lo)
		task.proc.as.SetBrk(arena.Lo + 16*abi.PageSize)
		next := func(n int) uint64 {
			var v [8]byte
			b = b[copy(v[:n], b):]
			return binary.LittleEndian.Uint64(v[:])
		}
		// A few calls one after the other; an argument is a byte that says of
		// which kind it is, and its value.
		for range 4 {
			if len(b) == 0 {
				break
			}
			nr := numbers[wide][next(1)%uint64(len(numbers[wide]))]
			var a Args
			for i := range a {
				switch next(1) % 8 {
				case 0:
				case 1:
					a[i] = p + next(1)*8
				case 2:
					a[i] = next(1)
				case 3:
					a[i] = next(8)
				case 4:
					a[i] = arena.Lo + next(2)%1024*abi.PageSize
				case 5:
					a[i] = next(2) * 256
				case 6:
					a[i] = -next(1)
				case 7:
					a[i] = p + abi.PageSize - next(1) // ends too early
				}
				if !wide {
					a[i] &= 0xffffffff
				}
			}
			// Some wait for a signal; they get one.
			stop := time.AfterFunc(20*time.Millisecond, func() { task.Kill(abi.SIGKILL) })
			r := makeCall(task, nr, a)
			stop.Stop()
			if r < 0 && r > -4096 && !NeedsRestart(r) && strings.HasPrefix(abi.Errno(-r).Name(), "ERRNO_") {
				t.Errorf("call %d%#x: %d", nr, a, r)
			}
			s := task.proc.as
			_, committed := s.Usage()
			shared := map[*object]bool{} // memory of no file counts as a whole
			for i := range s.vmas {
				if o := s.vmas[i].obj; o != nil && o.file == nil && !shared[o] {
					shared[o] = true
					committed += o.size
				}
			}
			if committed != s.committed {
				t.Fatalf("call %d%#x: %d bytes are committed, %d counted", nr, a, committed, s.committed)
			}
			for i := range s.vmas {
				if v := &s.vmas[i]; v.lo >= v.hi || i > 0 && s.vmas[i-1].hi > v.lo {
					t.Fatalf("call %d%#x: mappings\n%s", nr, a, s.MapsText())
				}
			}
		}
	})
}
