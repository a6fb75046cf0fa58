//go:build 386 || amd64

package launch

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/internal/address"
	"bee/runtime/vcpu"
	"bee/stubs"
)

// scenarios are what a child can play; of an error the test has failed.
var scenarios = map[string]func(a *Attached, args []string) error{
	"faults":   playFaults,
	"loop":     playLoop,
	"hammer":   playHammer,
	"refused":  playRefused,
	"config":   playConfig,
	"die":      playDie,
	"exit":     playExit,
	"sleep":    playSleep,
	"registry": playRegistry,
}

// guest is a thread of machine code.
type guest struct {
	a     *Attached
	cpu   *vcpu.VCPU
	code  []byte // one page, executable
	stack []byte // the upper half of a range whose lower half has no access
}

const stackSize = 128 << 10

// slotsOnce allocates the slots once per process.
var slotsOnce = sync.OnceValues(func() (*stubs.Slots, error) {
	slots, err := stubs.AllocateSlots()
	if err == nil {
		err = slots.InstallHandlers()
	}
	return &slots, err
})

// newGuest makes a guest on the calling thread, which the goroutine stays
// locked to.
func newGuest(a *Attached) (*guest, error) {
	runtime.LockOSThread()
	slots, err := slotsOnce()
	if err != nil {
		return nil, err
	}
	code, err := allocate(2*stubs.ThunkPageSize, windows.PAGE_EXECUTE_READWRITE)
	if err != nil {
		return nil, err
	}
	copy(unsafe.Slice((*byte)(address.Pointer(code)), stubs.ThunkPageSize), thunkPage(code, slots))
	stack, err := allocate(2*stackSize, windows.PAGE_READWRITE)
	if err != nil {
		return nil, err
	}
	var old uint32
	if err := windows.VirtualProtect(stack, stackSize, windows.PAGE_NOACCESS, &old); err != nil {
		return nil, err
	}
	g := &guest{
		a: a, code: unsafe.Slice((*byte)(address.Pointer(code+stubs.ThunkPageSize)), stubs.ThunkPageSize),
		stack: unsafe.Slice((*byte)(address.Pointer(stack+stackSize)), stackSize),
	}
	if g.cpu, err = vcpu.New(slots, code, nil, nil); err != nil {
		return nil, err
	}
	return g, g.cpu.Bind()
}

// register tells the debugger of g.
func (g *guest) register() (release func()) {
	return g.a.RegisterThread(windows.GetCurrentThreadId(), uintptr(unsafe.Pointer(g.cpu.State)))
}

func (g *guest) start() uintptr { return uintptr(unsafe.Pointer(&g.code[0])) }
func (g *guest) top() uintptr   { return uintptr(unsafe.Pointer(&g.stack[0])) + stackSize }

// run lets code run from its first byte.
func (g *guest) run(code []byte, sp uintptr) stubs.Reason {
	copy(g.code, code)
	g.cpu.Start(uint64(g.start()), uint64(sp))
	return g.cpu.Run()
}

// NTSTATUS values of ntstatus.h.
const (
	statusAccessViolation = 0xc0000005
	statusIllegal         = 0xc000001d
	statusIntDivide       = 0xc0000094
	statusPrivileged      = 0xc0000096
)

// aFault is code that faults, in bytes that mean the same in both widths.
type aFault struct {
	name string
	code []byte
	// at is where the guest is then, from the code's start; absolute where
	// there is no code.
	at       uint64
	absolute bool
	status   uint32
	// info and addr are as in State, for access violations.
	info, addr uint64
}

var faults = []aFault{
	{"null load", []byte{0x31, 0xc0, 0x8b, 0x00}, 2, false, statusAccessViolation, 0, 0},
	{"store at 0x80", []byte{0x31, 0xc0, 0x89, 0x80, 0x80, 0, 0, 0}, 2, false, statusAccessViolation, 1, 0x80},
	{"jump to 0x40", []byte{0x31, 0xc0, 0xb0, 0x40, 0xff, 0xe0}, 0x40, true, statusAccessViolation, 8, 0x40},
	{"ud2", []byte{0x90, 0x0f, 0x0b}, 1, false, statusIllegal, 0, 0},
	{"idiv", []byte{0x31, 0xc9, 0xf7, 0xf9}, 2, false, statusIntDivide, 0, 0},
	{"hlt", []byte{0xf4}, 0, false, statusPrivileged, 0, 0},
	// Linux tells the address behind a breakpoint.
	{"int3", []byte{0x90, 0xcc, 0x90}, 2, false, statusBreakpoint, 0, 0},
	{"int $3", []byte{0x90, 0xcd, 0x03, 0x90}, 3, false, statusBreakpoint, 0, 0},
	// pushf; orl $TF,(sp); popf; nop; the next nop is not executed
	{"single step", []byte{0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0x90}, 10, false, statusSingleStep, 0, 0},
	{"ud2 backwards", []byte{0xfd, 0x0f, 0x0b}, 1, false, statusIllegal, 0, 0}, // std
}

// check runs f and compares all that the State tells. Below the stack pointer
// nothing may change, if that is asked for.
func (g *guest) check(f aFault, sp uintptr, below bool) error {
	s := g.cpu.State
	*flags(s) = 0x202
	for i, r := range registers(s) {
		*r = 0x1111_1111 * word(i+1)
	}
	want := *s
	for i := range g.stack {
		g.stack[i] = byte(i * 7)
	}
	filled := bytes.Clone(g.stack)
	if reason := g.run(f.code, sp); reason != stubs.ReasonFault {
		return fmt.Errorf("%s: comes back for reason %d", f.name, reason)
	}
	at := f.at
	if !f.absolute {
		at += uint64(g.start())
	}
	if counter(s) != at || s.FaultCode != f.status {
		return fmt.Errorf("%s: code %#x at %#x, want %#x at %#x", f.name, s.FaultCode, counter(s), f.status, at)
	}
	if f.status == statusAccessViolation && (faultInfo(s) != f.info || faultAddr(s) != f.addr) {
		return fmt.Errorf("%s: access %d to %#x, want %d to %#x", f.name, faultInfo(s), faultAddr(s), f.info, f.addr)
	}
	// The code changes eax and ecx; the stack pointer was set.
	*registers(&want)[stubs.SP] = word(sp)
	for i, r := range registers(s) {
		if w := *registers(&want)[i]; *r != w && i != int(stubs.AX) && i != int(stubs.CX) {
			return fmt.Errorf("%s: register %d is %#x, want %#x", f.name, i, *r, w)
		}
	}
	if s.InGuest != 0 {
		return fmt.Errorf("%s: still in the guest", f.name)
	}
	// The single step's own push.
	used := sp - 16 - uintptr(unsafe.Pointer(&g.stack[0]))
	if below && !bytes.Equal(g.stack[:used], filled[:used]) {
		return fmt.Errorf("%s: memory below the stack pointer has changed", f.name)
	}
	return nil
}

// word is a register.
type word = uintWord

// playFaults plays every fault, with "debugger" after asking for one.
func playFaults(a *Attached, args []string) error {
	g, err := newGuest(a)
	if err != nil {
		return err
	}
	defer g.register()()
	debugger := args[0] == "debugger"
	if debugger {
		if err := a.WantDebugger(); err != nil {
			return err
		}
	}
	top := g.top()
	for _, f := range faults {
		if err := g.check(f, top-64, debugger); err != nil {
			return err
		}
	}
	// Vector registers of the guest: pcmpeqd %xmm5,%xmm5; ud2.
	if err := g.check(aFault{"xmm", []byte{0x66, 0x0f, 0x76, 0xed, 0x0f, 0x0b}, 4, false, statusIllegal, 0, 0}, top-64, debugger); err != nil {
		return err
	}
	const xmm5 = 160 + 5*16 // in the area of fxsave (Intel SDM vol. 1, 10.5.1)
	area := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(g.cpu.State), stubs.VectorOffset+xmm5)), 16)
	if !bytes.Equal(area, bytes.Repeat([]byte{0xff}, 16)) {
		return fmt.Errorf("xmm5 is %x", area)
	}
	if !debugger {
		return nil
	}
	// A stack pointer that no frame can be written to.
	for _, sp := range []uintptr{0, 0x10, topAddress, g.top() - stackSize - 4096} {
		for _, f := range faults {
			if f.name == "single step" {
				continue // it pushes
			}
			if err := g.check(f, sp, false); err != nil {
				return fmt.Errorf("stack pointer %#x: %w", sp, err)
			}
		}
	}
	// The stack overflows: push %eax in a loop.
	low := g.top() - stackSize
	if reason := g.run([]byte{0x50, 0xeb, 0xfd}, top-64); reason != stubs.ReasonFault {
		return fmt.Errorf("stack overflow: comes back for reason %d", reason)
	}
	s := g.cpu.State
	if addr := faultAddr(s); uintptr(*registers(s)[stubs.SP]) != low || uint64(low)-addr > 16 || s.FaultCode != statusAccessViolation {
		return fmt.Errorf("stack overflow: code %#x, address %#x, stack pointer %#x, the stack ends at %#x", s.FaultCode, addr, *registers(s)[stubs.SP], low)
	}
	return errors.Join(ownFault(), a.WantDebugger())
}

// ownFault is a fault of the runner's own code, which Go turns into a panic.
func ownFault() (err error) {
	defer func() {
		if recover() == nil {
			err = errors.New("a nil pointer was followed")
		}
	}()
	var p *int
	*p++
	return nil
}

// playLoop faults so many times, with args[1] a debugger, and tells the time
// of one in nanoseconds.
func playLoop(a *Attached, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	g, err := newGuest(a)
	if err != nil {
		return err
	}
	defer g.register()()
	if args[1] == "debugger" {
		if err := a.WantDebugger(); err != nil {
			return err
		}
	}
	begin := time.Now()
	for i := range n {
		if r := g.run(faults[0].code, g.top()-64); r != stubs.ReasonFault || counter(g.cpu.State) != uint64(g.start())+2 {
			return fmt.Errorf("fault %d: reason %d at %#x", i, r, counter(g.cpu.State))
		}
	}
	each := time.Since(begin).Nanoseconds() / int64(n)
	a.Leave(Mark{Kind: MarkExited, Message: strconv.FormatInt(each, 10)}, 0)
	return nil
}

// playHammer has threads fault at the same time, which come and go, while
// others ask for the debugger and have faults of their own.
func playHammer(a *Attached, _ []string) error {
	const threads, rounds, each = 4, 3, 12
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for i := range threads {
		wg.Go(func() {
			for round := range rounds {
				// A goroutine that ends locked takes its thread along.
				done := make(chan struct{})
				go func() {
					defer close(done)
					g, err := newGuest(a)
					if err != nil {
						errs <- err
						return
					}
					release := g.register()
					defer release()
					for n := range each {
						if n == each/2 && round == 1 {
							errs <- a.WantDebugger()
						}
						f := faults[(i+n)%len(faults)]
						// Only with a debugger for certain is nothing written.
						if err := g.check(f, g.top()-stackSize/2, round > 1); err != nil {
							errs <- err
						}
					}
				}()
				<-done
			}
		})
	}
	wg.Go(func() {
		for range each {
			errs <- ownFault()
		}
	})
	wg.Wait()
	// A thread that the debugger does not know is left to the handler.
	g, err := newGuest(a)
	if err == nil {
		err = g.check(faults[0], g.top()-stackSize/2, false)
	}
	for {
		select {
		case e := <-errs:
			err = errors.Join(err, e)
		default:
			return err
		}
	}
}

var (
	procIsDebuggerPresent = kernel32.NewProc("IsDebuggerPresent")
	procExitThread        = kernel32.NewProc("ExitThread")
)

// playRefused asks for a debugger when there is another one.
func playRefused(a *Attached, _ []string) error {
	for range 1000 {
		if r, _, _ := procIsDebuggerPresent.Call(); r != 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	g, err := newGuest(a)
	if err != nil {
		return err
	}
	defer g.register()()
	err = a.WantDebugger()
	if !errors.Is(err, errNoDebugger) {
		return fmt.Errorf("the second debugger: %w", err)
	}
	if again := a.WantDebugger(); again != err {
		return fmt.Errorf("asked again: %w", again)
	}
	return g.check(faults[0], g.top()-64, false)
}

// playConfig tells whether names arrive byte for byte.
func playConfig(a *Attached, args []string) error {
	if len(args) != 2 || args[0] != oddName || args[1] != "" || string(a.Image) != "image" {
		return fmt.Errorf("arguments %q, image %q", args, a.Image)
	}
	return nil
}

// oddName has a lone surrogate as WTF-8 has it, and a byte of no encoding.
const oddName = "a\xed\xa0\x80b\xffc"

// playDie has a thread end without release: "faulting" with a stack pointer
// that no frame can be written to, and no debugger, or just "silently".
func playDie(a *Attached, args []string) error {
	for range watcherMax + 3 { // more than one watcher takes
		started := make(chan error)
		go func() {
			g, err := newGuest(a)
			if err == nil {
				g.register()
			}
			started <- err
			select {}
		}()
		if err := <-started; err != nil {
			return err
		}
	}
	go func() {
		g, err := newGuest(a)
		if err != nil {
			return
		}
		g.register()
		if args[0] == "faulting" {
			g.run(faults[0].code, 0x10)
		}
		procExitThread.Call(0)
	}()
	time.Sleep(20 * time.Second)
	return errors.New("nobody noticed")
}

// playExit ends while threads run, or, with "debugger", fault all the time:
// their end is not a fault.
func playExit(a *Attached, args []string) error {
	code := []byte{0xeb, 0xfe} // jmp .
	if args[0] == "debugger" {
		if err := a.WantDebugger(); err != nil {
			return err
		}
		code = faults[0].code
	}
	ready := make(chan error)
	for range 8 {
		go func() {
			g, err := newGuest(a)
			ready <- err
			if err != nil {
				return
			}
			g.register()
			for g.run(code, g.top()-64) == stubs.ReasonFault {
			}
		}()
		if err := <-ready; err != nil {
			return err
		}
	}
	time.Sleep(20 * time.Millisecond)
	return nil
}

// playSleep waits to be killed.
func playSleep(a *Attached, args []string) error {
	if args[0] == "debugger" {
		if err := a.WantDebugger(); err != nil {
			return err
		}
	}
	if err := windows.SetEvent(windows.Handle(a.control().answer)); err != nil {
		return err
	}
	time.Sleep(time.Minute)
	return errors.New("the parent's end went unnoticed")
}

// playRegistry fills the table of threads.
func playRegistry(a *Attached, _ []string) error {
	c := a.control()
	var release []func()
	first := windows.GetCurrentThreadId()
	for i := range MaxThreads + 10 {
		release = append(release, a.RegisterThread(first, uintptr(0x1000*(i+1))))
	}
	if state, ok := c.stateOf(first); !ok || state != 0x1000 {
		return fmt.Errorf("the first: %#x, %v", state, ok)
	}
	for range 2 { // twice does no harm
		for _, f := range release {
			f()
		}
	}
	if _, ok := c.stateOf(first); ok {
		return errors.New("released and still there")
	}
	if n := len(a.threads.free); n != MaxThreads {
		return fmt.Errorf("%d of %d entries are free", n, MaxThreads)
	}
	a.RegisterThread(first, 0x5000)
	if state, ok := c.stateOf(first); !ok || state != 0x5000 || c.used != MaxThreads {
		return fmt.Errorf("again: %#x, %v, %d entries", state, ok, c.used)
	}
	// A thread that was released may end.
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		a.RegisterThread(windows.GetCurrentThreadId(), 0x1000)()
		close(done)
	}()
	<-done
	time.Sleep(300 * time.Millisecond)
	a.threads.mu.Lock()
	defer a.threads.mu.Unlock()
	if n := len(a.threads.watched); n != 0 {
		return fmt.Errorf("%d threads are still watched", n)
	}
	return nil
}
