package kernel

import (
	"encoding/binary"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// What uname(2) tells. The release is one that glibc, Go and others take for
// recent enough; the machine is x86_64 for both widths, as on a 64-bit Linux
// that runs IA-32 programs.
const (
	unameRelease = "6.1.0-bee"
	unameVersion = "#1 SMP BEE"
	unameDomain  = "(none)"

	personalityMask    = 0xff
	personalityLinux32 = 8
)

func machineCalls() []Call {
	return []Call{
		{Name: "uname", Handler: uname(abi.SizeofI386Utsname/6, true), Support: Full},
		{Name: "olduname", Handler: uname(abi.SizeofI386OldUtsname/5, false), Support: Full, Arch: image.I386},
		{Name: "oldolduname", Handler: uname(abi.SizeofI386OldoldUtsname/5, false), Support: Full, Arch: image.I386},
		{Name: "sethostname", Handler: sysNotPermitted, Support: Full},
		{Name: "setdomainname", Handler: sysNotPermitted, Support: Full},
		{Name: "sysinfo", Handler: sysSysinfo, Support: Partial, Note: "Windows has no load averages: 0; the processes counted are the program's own"},
		{Name: "getcpu", Handler: sysGetcpu, Support: Full},
		{Name: "getrandom", Handler: sysGetrandom, Support: Full},
	}
}

// Uname tells what the guest sees as the system's name.
func (p *Process) Uname() (sysname, nodename, release, version, machine string) {
	machine = "x86_64"
	p.mu.Lock()
	if p.personality&personalityMask == personalityLinux32 {
		machine = "i686"
	}
	p.mu.Unlock()
	return "Linux", p.info().Hostname, unameRelease, unameVersion, machine
}

func uname(field int, domain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		s, n, r, v, m := t.proc.Uname()
		list := []string{s, n, r, v, m}
		if domain {
			list = append(list, unameDomain)
		}
		b := make([]byte, field*len(list))
		for i, w := range list {
			copy(b[i*field:(i+1)*field-1], w)
		}
		return 0, t.CopyOut(a[0], b)
	}
}

func sysSysinfo(t *Task, a Args) (uint64, abi.Errno) {
	i := t.proc.system.Info()
	unit := uint64(1)
	if !t.is64() && max(i.TotalMemory, i.TotalSwap)>>32 != 0 {
		unit = abi.PageSize
	}
	if t.is64() {
		b := make([]byte, abi.SizeofAMD64Sysinfo)
		put := func(off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
		put(abi.AMD64SysinfoUptime, uint64(i.Uptime/time.Second))
		put(abi.AMD64SysinfoTotalram, i.TotalMemory)
		put(abi.AMD64SysinfoFreeram, i.FreeMemory)
		put(abi.AMD64SysinfoTotalswap, i.TotalSwap)
		put(abi.AMD64SysinfoFreeswap, i.FreeSwap)
		b[abi.AMD64SysinfoProcs] = 1
		binary.LittleEndian.PutUint32(b[abi.AMD64SysinfoMemUnit:], 1)
		return 0, t.CopyOut(a[0], b)
	}
	b := make([]byte, abi.SizeofI386Sysinfo)
	put := func(off int, v uint64) { binary.LittleEndian.PutUint32(b[off:], uint32(v)) }
	put(abi.I386SysinfoUptime, uint64(i.Uptime/time.Second))
	put(abi.I386SysinfoTotalram, i.TotalMemory/unit)
	put(abi.I386SysinfoFreeram, i.FreeMemory/unit)
	put(abi.I386SysinfoTotalswap, i.TotalSwap/unit)
	put(abi.I386SysinfoFreeswap, i.FreeSwap/unit)
	b[abi.I386SysinfoProcs] = 1
	put(abi.I386SysinfoMemUnit, unit)
	return 0, t.CopyOut(a[0], b)
}

// cpuNumber tells the processor that runs the thread, as far as the program knows of it.
func (t *Task) cpuNumber() int {
	n := t.proc.cpus()
	if n == 1 {
		return 0
	}
	return min(t.proc.system.CPU(), n-1)
}

func sysGetcpu(t *Task, a Args) (uint64, abi.Errno) {
	if a[0] != 0 {
		if err := t.WriteUint32(a[0], uint32(t.cpuNumber())); err != 0 {
			return 0, err
		}
	}
	if a[1] != 0 { // the node
		return 0, t.WriteUint32(a[1], 0)
	}
	return 0, 0
}
