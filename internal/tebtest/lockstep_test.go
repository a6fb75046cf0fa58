//go:build linux && amd64

package tebtest

import (
	"bytes"
	"debug/elf"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bee/image"
	"bee/internal/winetest"
	"bee/rewrite/decode"
	"bee/stubs"
)

// lockstep runs a program and its patched form side by side, instruction by
// instruction. Wherever the patched one stands, the PC map gives the state
// that a signal there would show; it must be the state of the original at one
// instruction boundary, and the next state the same one or the next boundary's.
//
// Taken over from the original, and counted: what system calls answer that is
// not the same twice (process numbers, times, random bytes, file numbers), and
// the flags at the program's first instruction.
//
// What the PC map documents as different, and allowed, and counted:
//
//   - A plain load from thread-local memory into a register that its operand
//     does not name uses that register for the address: at the site, it is
//     changed already. Running the site again is right.
//   - Between the `lea` of ThunkSyscall's rcx and the thunk, rcx holds where
//     the program goes on, which is what the system call leaves there.
//   - Where the last x87 instruction was (FIP) is the trampoline's address; the
//     PC map has it.
type lockstep struct {
	t      *testing.T
	im     *image.Image
	data   []byte // the original file
	f      *elf.File
	o, p   *tracee
	mode   decode.Mode
	sites  map[uint64]*image.Site
	thunks uint64 // the thunk page
	code   uint64 // the trampolines
	runner uint64 // the stand-in
	spill  uint64 // SlotSpill
	resume uint64 // SlotResume

	vectors bool             // compare x87 and SSE registers too
	back    func(uint64) int // at which visit of an address to try the way back, 0: never
	onFault func()           // what to do where both have the same signal pending

	round   int  // of a case
	touched bool // an allowed difference was seen since the last boundary
	still   int  // steps since the last boundary
	visits  map[uint64]int
	tactics map[image.Tactic]map[uint64]bool
	n       struct {
		steps, original, trampoline, redirected, faults, inCase int
		loads, rcx, fip, taken, reloads                         int
	}
	trail  []string
	caught *string // where a control wants the failure
}

// begin starts both; they stand at the program's first instruction.
func begin(t *testing.T, exe string, wide bool, args ...string) *lockstep {
	t.Helper()
	lockThread(t)
	im := patched(t, exe, exe+".patched")
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	l := &lockstep{t: t, im: im, data: data, f: f, mode: decode.Mode32, sites: map[uint64]*image.Site{}, visits: map[uint64]int{}, tactics: map[image.Tactic]map[uint64]bool{}}
	for i := range im.Sites {
		l.sites[im.Base+im.Sites[i].Addr] = &im.Sites[i]
	}
	l.thunks = im.Base + uint64(im.TrampAddr)
	l.code = l.thunks + stubs.ThunkPageSize
	l.runner = align(l.code + uint64(len(im.Tramp)))
	disp := func(s stubs.Slot) uint64 { return uint64(s.Disp32()) }
	if wide {
		l.mode = decode.Mode64
		disp = func(s stubs.Slot) uint64 { return uint64(s.Disp64()) }
	}
	l.spill, l.resume = l.runner+zeroesAt+disp(stubs.SlotSpill), l.runner+zeroesAt+disp(stubs.SlotResume)

	// The original gets the segment too, unused, so that the memory behind it
	// begins at the same address.
	both, err := os.ReadFile(exe + ".patched")
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(both)
	for _, p := range im.Patches {
		off := fileOffset(t, f, im.Base+p.Addr)
		copy(other[off:off+uint64(len(p.Data))], data[off:])
	}
	copy(other[24:32], data[24:32])
	// One name for both, which are gone when they run: /proc/self/exe is the
	// same.
	dir := t.TempDir()
	start := func(content []byte, output string) *tracee {
		out, err := os.Create(exe + output)
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		name := filepath.Join(dir, "program")
		if err := os.WriteFile(name, content, 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(name)
		return launch(t, wide, name, dir, out, args...)
	}
	l.o, l.p = start(other, ".out"), start(both, ".patched.out")
	l.must(l.sameStack())
	l.must(l.o.runTo(f.Entry))
	l.must(l.p.runTo(f.Entry))
	if a, b := l.o.now(), l.p.now(); a.flags != b.flags {
		b.flags = a.flags
		l.n.taken++
		l.must(l.p.set(b))
	}
	return l
}

// sameStack hides the vdso from the original, as the stand-in does, and gives
// both the same random bytes.
func (l *lockstep) sameStack() error {
	w := uint64(l.o.wordSize())
	get := func(a uint64) uint64 {
		v, err := l.o.word(a)
		l.must(err)
		return v
	}
	if l.o.regs.Rsp != l.p.regs.Rsp {
		return fmt.Errorf("the stacks begin at %#x and %#x", l.o.regs.Rsp, l.p.regs.Rsp)
	}
	a := l.o.regs.Rsp
	a += (get(a) + 2) * w
	for ; get(a) != 0; a += w {
	}
	for a += w; get(a) != 0; a += 2 * w {
		switch get(a) {
		case 32, 33: // AT_SYSINFO, AT_SYSINFO_EHDR
			if err := l.o.setWord(a, 1); err != nil {
				return err
			}
		case 25: // AT_RANDOM
			b, err := l.o.read(get(a+w), 16)
			if err != nil {
				return err
			}
			if err := l.p.write(get(a+w), b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *lockstep) must(err error) {
	l.t.Helper()
	if err != nil {
		l.fail("%v", err)
	}
}

// fail tells where both are, and how the patched one came there.
func (l *lockstep) fail(format string, args ...any) {
	l.t.Helper()
	if l.caught != nil {
		*l.caught = fmt.Sprintf(format, args...)
		panic(l.caught)
	}
	l.t.Fatalf("%s\nafter %d steps; original at %#x, patched at %#x\n%s", fmt.Sprintf(format, args...), l.n.steps, l.o.regs.Rip, l.p.regs.Rip, strings.Join(l.trail, "\n"))
}

func (l *lockstep) inTramp(pc uint64) bool { return pc-l.code < uint64(len(l.im.Tramp)) }

// ours tells whether pc lies in the thunk page or the stand-in.
func (l *lockstep) ours(pc uint64) bool {
	return pc-l.thunks < stubs.ThunkPageSize || pc-l.runner < zeroesAt+zeroes
}

// mapped gives the state that the patched program's stands for.
func (l *lockstep) mapped() state {
	s := l.p.now()
	e, ok := l.im.Entry(s.pc - l.im.Base)
	switch {
	case ok:
		s.pc = l.im.Base + e.Orig
		l.im.Restore(&e, &s.r, l.slot)
	case l.inTramp(s.pc):
		l.fail("the PC map does not have %#x", s.pc)
	}
	return s
}

// slot gives a slot of the patched program.
func (l *lockstep) slot(s stubs.Slot) uint64 {
	v, err := l.p.word(l.slotAt(s))
	l.must(err)
	return v
}

func (l *lockstep) slotAt(s stubs.Slot) uint64 {
	if l.o.wide {
		return l.runner + zeroesAt + uint64(s.Disp64())
	}
	return l.runner + zeroesAt + uint64(s.Disp32())
}

// reload loads the mirrored words from the thread control block.
func (l *lockstep) reload() {
	base := l.slot(stubs.SlotBase)
	for _, m := range l.im.Mirrors {
		v, err := l.p.word(base + uint64(int64(m.Off)))
		l.must(err)
		l.must(l.p.setWord(l.slotAt(stubs.Slot(m.Slot)), v))
	}
	l.n.reloads++
}

// patchAt gives the patch that has the address, or nil.
func (l *lockstep) patchAt(pc uint64) *image.Patch {
	i, found := slices.BinarySearchFunc(l.im.Patches, pc-l.im.Base, func(p image.Patch, a uint64) int {
		switch {
		case p.Addr < a:
			return -1
		case p.Addr > a:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i >= 0 && pc-l.im.Base-l.im.Patches[i].Addr < uint64(len(l.im.Patches[i].Data)) {
		return &l.im.Patches[i]
	}
	return nil
}

// allowed takes the documented differences at one place out of m, which
// should be s.
func (l *lockstep) allowed(m *state, s state) {
	site := l.sites[s.pc]
	if m.pc != s.pc || site == nil {
		return
	}
	begins := false // nothing was changed yet
	if t, ok := l.im.MapToTramp(site.Addr); ok {
		begins = l.p.regs.Rip == l.im.Base+t
	}
	if begins && !l.touched {
		return
	}
	off := fileOffset(l.t, l.f, s.pc)
	raw := l.data[off : off+uint64(site.Len)]
	in, err := decode.Decode(raw, l.mode)
	l.must(err)
	switch {
	case site.Kind == image.KindTLSOperand:
		if r, ok := plainLoad(&in); ok && m.r[r] != s.r[r] {
			m.r[r] = s.r[r]
			l.n.loads++
			l.touched = true
		}
	case site.Kind == image.KindSyscall && m.r[stubs.CX] != s.r[stubs.CX]:
		next := m.r[stubs.CX] - l.im.Base
		if o, _, ok := l.im.MapToOrig(next); ok {
			next = o
		}
		if next == site.Addr+uint64(site.Len) {
			m.r[stubs.CX] = s.r[stubs.CX]
			l.n.rcx++
			l.touched = true
		}
	}
}

// plainLoad gives the register that an instruction overwrites as a whole and
// that its operand does not name.
func plainLoad(in *decode.Inst) (uint8, bool) {
	r := in.ModRM>>3&7 | in.REX&4<<1
	switch {
	case in.Enc != decode.Legacy || in.OperandSize() < 32:
		return 0, false
	case in.Moffs && in.Opcode == 0xa1:
		return 0, true
	case in.Map == decode.MapOneByte && (in.Opcode == 0x8b || in.Opcode == 0x63 && in.REX&8 != 0):
	case in.Map == decode.Map0F && (in.Opcode&^1 == 0xb6 || in.Opcode&^1 == 0xbe):
	default:
		return 0, false
	}
	if b, ok := in.MemBase(); ok && b == r {
		return 0, false
	}
	if x, ok := in.MemIndex(); ok && x == r {
		return 0, false
	}
	return r, true
}

func difference(m, s state) string {
	var b strings.Builder
	if m.pc != s.pc {
		fmt.Fprintf(&b, " PC %#x, original %#x;", m.pc, s.pc)
	}
	if m.flags != s.flags {
		fmt.Fprintf(&b, " flags %#x, original %#x;", m.flags, s.flags)
	}
	for i := range m.r {
		if m.r[i] != s.r[i] {
			fmt.Fprintf(&b, " register %d %#x, original %#x;", i, m.r[i], s.r[i])
		}
	}
	return b.String()
}

// agrees tells whether the mapped state m is the original's.
func (l *lockstep) agrees(m state) bool {
	s := l.o.now()
	l.allowed(&m, s)
	return m == s
}

// note remembers the last steps, for failures.
func (l *lockstep) note() {
	if len(l.trail) == 24 {
		l.trail = slices.Delete(l.trail, 0, 1)
	}
	l.trail = append(l.trail, fmt.Sprintf("  patched %#x, original %#x", l.p.regs.Rip, l.o.regs.Rip))
}

// run goes on until both are at the address, or have ended.
func (l *lockstep) run(until uint64) {
	for l.o.regs.Rip != until || l.p.regs.Rip != until {
		if l.one(); l.o.ended {
			return
		}
	}
}

// one is one instruction of the patched program, and none or one of the
// original.
func (l *lockstep) one() {
	l.note()
	l.turnBack()
	l.n.steps++
	from := l.p.regs.Rip
	must := l.patchAt(from) == nil && !l.inTramp(from) // each step is an instruction of the program
	if site := l.sites[from]; site != nil && site.Tactic == image.TacticSameLength {
		must = true
	}
	l.must(l.p.step())
	if l.p.ended {
		l.fail("the patched program has ended: %#x", l.p.ws)
	}
	if l.ours(l.p.regs.Rip) && l.p.signal() == syscall.SIGTRAP {
		l.serve()
		return
	}
	m := l.mapped()
	if l.p.signal() != syscall.SIGTRAP {
		l.fault(m)
		return
	}
	if !must && l.agrees(m) {
		if l.still++; l.still > 1000 { // each address of a trampoline leads back once
			l.fail("no progress")
		}
		l.check(m)
		return
	}
	if site := l.sites[l.o.regs.Rip]; site != nil {
		l.reached(site)
	}
	before := l.o.now()
	l.must(l.o.step())
	if l.o.ended || l.o.signal() != syscall.SIGTRAP {
		l.fail("the original has stopped: %#x", l.o.ws)
	}
	l.touched, l.still = false, 0
	l.n.original++
	if !l.agrees(m) {
		l.fail("the mapped state is neither that before %#x nor that behind it:%s\n  before:%s", before.pc, difference(m, l.o.now()), difference(m, before))
	}
	l.check(m)
}

func (l *lockstep) reached(s *image.Site) {
	if l.tactics[s.Tactic] == nil {
		l.tactics[s.Tactic] = map[uint64]bool{}
	}
	l.tactics[s.Tactic][s.Addr] = true
}

// check counts where the patched program is, and compares what else there is.
func (l *lockstep) check(m state) {
	pc := l.p.regs.Rip
	_, _, known := l.im.MapToOrig(pc - l.im.Base)
	if !known {
		return
	}
	l.visits[pc]++
	l.n.trampoline++
	if !l.vectors {
		return
	}
	want, fip, err := l.o.fpu()
	l.must(err)
	got, other, err := l.p.fpu()
	l.must(err)
	if !bytes.Equal(got, want) {
		i := 0
		for got[i] == want[i] {
			i++
		}
		l.fail("x87 and vector registers at %#x differ at %d", m.pc, i)
	}
	if fip != other {
		orig, _, ok := l.im.MapToOrig(other - l.im.Base)
		if !ok || l.im.Base+orig != fip {
			l.fail("the last x87 instruction was at %#x, in the original at %#x", other, fip)
		}
		l.n.fip++
	}
}

// turnBack makes the patched program go on as after a signal: at the address
// of the trampoline that stands for its mapped program counter, with its
// mapped registers, and nothing in the slots.
func (l *lockstep) turnBack() {
	pc := l.p.regs.Rip
	if l.back == nil || l.visits[pc] == 0 || l.visits[pc] != l.back(pc) {
		return
	}
	l.visits[pc]++
	l.resumeAt(l.mapped())
	l.n.redirected++
}

// resumeAt makes m the patched program's state, as a return from a signal's
// handler does.
func (l *lockstep) resumeAt(m state) {
	if site := l.sites[m.pc]; site != nil && site.Kind == image.KindSyscall {
		// Here the program may see where the system call goes on.
		if o, _, ok := l.im.MapToOrig(m.r[stubs.CX] - l.im.Base); ok && l.inTramp(m.r[stubs.CX]) {
			m.r[stubs.CX] = l.im.Base + o
		}
	}
	if e, ok := l.im.Entry(l.p.regs.Rip - l.im.Base); ok {
		r := m.r
		if l.im.Restore(&e, &r, l.slot) {
			l.reload()
		}
	}
	to := m
	if t, ok := l.im.MapToTramp(m.pc - l.im.Base); ok {
		to.pc = l.im.Base + t
	}
	l.must(l.p.setWord(l.spill, 0x5a5a5a5a5a5a5a5a))
	l.must(l.p.setWord(l.resume, 0xa5a5a5a5a5a5a5a5))
	l.must(l.p.set(to))
	if again := l.mapped(); again != m {
		l.fail("%#x and back:%s", m.pc, difference(again, m))
	}
}

// serve lets the stand-in serve a thunk, and the original run the site.
func (l *lockstep) serve() {
	site := l.sites[l.o.regs.Rip]
	if site == nil {
		l.fail("a thunk was entered, but the original is at no site")
	}
	l.reached(site)
	call := l.o.now()
	end := l.im.Base + site.Addr + uint64(site.Len)
	l.must(l.o.step())
	for !l.o.ended && site.Kind == image.KindVsyscallCall && (l.o.regs.Rip != end || l.o.now().r[stubs.SP] != call.r[stubs.SP]) {
		if l.o.signal() != syscall.SIGTRAP {
			l.fail("the original has stopped: %#x", l.o.ws)
		}
		l.must(l.o.step())
	}
	leave := l.thunks + stubs.EnterGlue32 + 2 // jmp *SlotResume
	if l.o.wide {
		leave = l.thunks + stubs.EnterGlue64 + 3
	}
	l.must(l.p.runTo(leave))
	if l.o.ended || l.p.ended {
		if !l.o.ended || !l.p.ended || l.o.ws != l.p.ws {
			l.fail("the ends are %#x and %#x", l.o.ws, l.p.ws)
		}
		return
	}
	for l.ours(l.p.regs.Rip) { // the jump, and a return
		l.must(l.p.step())
		if l.p.ended || l.p.signal() != syscall.SIGTRAP {
			l.fail("no way out of a thunk: %#x", l.p.ws)
		}
	}
	l.touched, l.still = false, 0
	l.n.original++
	switch site.Kind {
	case image.KindSyscall, image.KindInt80, image.KindVsyscallCall:
		l.answer(call, site.Kind)
	}
	m := l.mapped()
	if !l.agrees(m) {
		l.fail("behind the thunk of %#x:%s", call.pc, difference(m, l.o.now()))
	}
	l.check(m)
}

// An answer is what a system call writes that is not the same twice: size
// bytes (0: as many as it returns) where argument arg points.
type answer struct{ arg, size int }

var answers = map[bool]map[uint64]answer{
	true: {
		4: {1, 144}, 5: {1, 144}, 6: {1, 144}, 262: {2, 144}, 332: {4, 256}, // stat, fstat, lstat, newfstatat, statx
		228: {1, 16}, 96: {0, 16}, 99: {0, 112}, 318: {0, 0}, // clock_gettime, gettimeofday, sysinfo, getrandom
	},
	false: {
		195: {1, 96}, 196: {1, 96}, 197: {1, 96}, 300: {2, 96}, 383: {4, 256}, // stat64, lstat64, fstat64, fstatat64, statx
		265: {1, 8}, 403: {1, 16}, 78: {0, 8}, 355: {0, 0}, // clock_gettime, clock_gettime64, gettimeofday, getrandom
	},
}

// numbers are the system calls whose result is not the same twice: getpid,
// getpgrp, gettid, set_tid_address, time.
var numbers = map[bool][]uint64{true: {39, 111, 186, 218, 201}, false: {20, 65, 224, 258, 13}}

// answer gives the patched program what the original got.
func (l *lockstep) answer(call state, kind image.Kind) {
	o, p := l.o.now(), l.p.now()
	nr, wide := call.r[stubs.AX], kind == image.KindSyscall // int $0x80 has its own numbers and arguments everywhere
	if slices.Contains(numbers[wide], nr) && o.r[stubs.AX] != p.r[stubs.AX] {
		p.r[stubs.AX] = o.r[stubs.AX]
		l.n.taken++
	}
	if kind == image.KindSyscall && p.r[11] == o.r[11]&^trapFlag { // it was stepped over
		p.r[11] = o.r[11]
	}
	l.must(l.p.set(state{l.p.regs.Rip, p.flags, p.r}))
	a, ok := answers[wide][nr]
	result := int64(o.r[stubs.AX])
	if !l.o.wide {
		result = int64(int32(result))
	}
	if !ok || result < 0 {
		return
	}
	order := []stubs.Reg{stubs.BX, stubs.CX, stubs.DX, stubs.SI, stubs.DI}
	if wide {
		order = []stubs.Reg{stubs.DI, stubs.SI, stubs.DX, 10, 8}
	}
	if a.size == 0 {
		a.size = int(result)
	}
	at := call.r[order[a.arg]]
	want, err := l.o.read(at, a.size)
	l.must(err)
	got, err := l.p.read(at, a.size)
	l.must(err)
	if !bytes.Equal(got, want) {
		l.must(l.p.write(at, want))
		l.n.taken++
	}
}

// fault is called when the patched program has a signal pending: the original
// must have it too, at the mapped place.
func (l *lockstep) fault(m state) {
	if !l.agrees(m) {
		l.fail("%v where the mapped state is not the original's:%s", l.p.signal(), difference(m, l.o.now()))
	}
	l.must(l.o.step())
	if l.o.ended || l.o.signal() != l.p.signal() {
		l.fail("%v, the original has %#x", l.p.signal(), l.o.ws)
	}
	if !l.agrees(m) {
		l.fail("at %v:%s", l.p.signal(), difference(m, l.o.now()))
	}
	signo, code, addr, err := l.o.fault()
	l.must(err)
	signo2, code2, addr2, err := l.p.fault()
	l.must(err)
	if orig, _, ok := l.im.MapToOrig(addr2 - l.im.Base); ok { // that of an instruction
		addr2 = l.im.Base + orig
	}
	if signo != signo2 || code != code2 || addr != addr2 {
		l.fail("signal %d, code %d, address %#x; original %d, %d, %#x", signo2, code2, addr2, signo, code, addr)
	}
	l.n.faults++
	l.n.inCase++
	if l.onFault == nil {
		l.fail("%v in both", l.p.signal())
	}
	l.onFault()
}

// report tells what was compared.
func (l *lockstep) report() {
	begun, all := 0, 0
	for _, e := range l.im.PCMap {
		all++
		if l.visits[l.im.Base+e.Tramp] > 0 {
			begun++
		}
	}
	var sites [image.TacticTrap + 1]int
	for t, s := range l.tactics {
		sites[t] = len(s)
	}
	l.t.Logf("%d steps for %d instructions, %d of them mapped, %d of %d entries of the PC map; %d times back; %d faults", l.n.steps, l.n.original, l.n.trampoline, begun, all, l.n.redirected, l.n.faults)
	l.t.Logf("sites run: %d same length, %d jump, %d pad, %d window, %d eviction", sites[image.TacticSameLength], sites[image.TacticJump], sites[image.TacticPad], sites[image.TacticWindow], sites[image.TacticEviction])
	l.t.Logf("exceptions: %d loads, %d rcx, %d FIP; %d taken over; %d times mirrored words loaded again", l.n.loads, l.n.rcx, l.n.fip, l.n.taken, l.n.reloads)
}

// sameOutput compares what both wrote.
func (l *lockstep) sameOutput(exe string) {
	want, err := os.ReadFile(exe + ".out")
	l.must(err)
	got, err := os.ReadFile(exe + ".patched.out")
	l.must(err)
	if len(want) == 0 || !bytes.Equal(got, want) {
		l.t.Errorf("%d bytes written, %d by the original, not the same", len(got), len(want))
	}
}

// symbol gives a function's address and the one behind it.
func (l *lockstep) symbol(name string) (start, end uint64) {
	symbols, err := l.f.Symbols()
	l.must(err)
	for _, s := range symbols {
		if s.Name == name {
			return s.Value, s.Value + s.Size
		}
	}
	l.t.Fatalf("no symbol %s", name)
	return 0, 0
}

// cases runs the program of assembleCases: freely up to each case, in lockstep
// from there to save.
func (l *lockstep) cases(names []string) {
	_, jump := l.symbol("run_case")
	jump -= 6 // jmp *current
	if l.o.wide {
		jump--
	}
	save, _ := l.symbol("save")
	for i := range 2 * len(names) {
		for _, p := range []*tracee{l.o, l.p} {
			if l.must(p.runTo(jump)); p.ended {
				l.fail("ended in front of %q", names[i/2])
			}
		}
		l.trail = append(l.trail[:0], fmt.Sprintf("  %q, round %d", names[i/2], i%2))
		l.round, l.n.inCase = i%2, 0
		l.run(save)
		if l.onFault != nil && l.n.inCase == 0 {
			l.t.Errorf("%q: no fault in round %d", names[i/2], i%2)
		}
	}
	for _, p := range []*tracee{l.o, l.p} {
		if l.must(p.runTo(jump)); !p.ended || p.ws.ExitStatus() != 0 {
			l.fail("behind the last case: %#x", p.ws)
		}
	}
}

// TestLockstepInstructions holds every instruction of TestInstructions against
// the PC map, step by step, and goes back at every address of every
// trampoline.
func TestLockstepInstructions(t *testing.T) {
	if testing.Short() {
		t.Skip("traces programs")
	}
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			wide := w.name == "amd64"
			text, names := program(wide, cpuHas(t))
			exe := assembleCases(t, w.option, text)
			l := begin(t, exe, wide, "cases")
			l.vectors = true
			l.back = func(uint64) int { return 2 } // in the second round
			l.cases(names)
			l.report()
			l.sameOutput(exe)
			for _, tactic := range []image.Tactic{image.TacticSameLength, image.TacticJump, image.TacticPad, image.TacticWindow, image.TacticEviction} {
				if len(l.tactics[tactic]) == 0 {
					t.Errorf("no site of tactic %d was run", tactic)
				}
			}
		})
	}
}

// TestLockstepPrograms does the same with whole programs, from their first
// instruction to their end.
func TestLockstepPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("traces programs")
	}
	for _, w := range widths {
		for _, name := range []string{"hello", "busybox"} {
			t.Run(name+"/"+w.name, func(t *testing.T) {
				exe := filepath.Join(t.TempDir(), name)
				args := []string{"program"}
				if name == "hello" {
					build(t, []string{"gcc", w.option, "-O2"}, exe, filepath.Join("..", "..", "testdata", "programs", "hello.c"))
				} else {
					data, err := os.ReadFile(winetest.File(t, "thirdparty/busybox-static-"+w.debian+"/bin/busybox"))
					if err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(exe, data, 0o755); err != nil {
						t.Fatal(err)
					}
					args = []string{"busybox", "echo", "hello"}
				}
				l := begin(t, exe, w.name == "amd64", args...)
				rnd := rand.New(rand.NewPCG(1, 2))
				at := map[uint64]int{}
				l.back = func(pc uint64) int {
					if at[pc] == 0 {
						at[pc] = 1 + rnd.IntN(3)
					}
					return at[pc]
				}
				l.run(0)
				l.report()
				l.sameOutput(exe)
			})
		}
	}
}
