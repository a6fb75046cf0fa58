//go:build linux && amd64

package tebtest

import (
	"slices"
	"strings"
	"testing"

	"bee/image"
	"bee/stubs"
)

// Wild values, and what a handler makes of them: an index into thread-local
// memory, the address of scratch, the stack pointer.
const (
	wildIndex  = 0x70000000
	wildMemory = 0x70001000
	wildFar    = 0x7000000000000000 // not canonical
	goodIndex  = 0x48
	stackTop   = 0x9000800
)

// Instructions that fault where they stand for a site's, or are moved with
// one. SYS is a system call that does not exist.
var (
	faultsAny = []string{
		// Thread-local memory at a wild index.
		"mov $0x70000000,%eax; mov TP(%eax),%ecx", "mov $0x70000000,%eax; mov TP(%eax),%eax", "mov $0x70000000,%ecx; mov TP(%eax,%ecx),%ebx",
		"mov $0x70000000,%eax; movzbl TP(%eax),%edx", "mov $0x70000000,%ebp; mov TP(%ebp),%ecx", "mov TP0x70000000,%eax", "mov TP0x70000000,%edx",
		"mov $0x70000000,%eax; mov %edx,TP(%eax)", "mov $0x70000000,%ecx; mov %ecx,TP(%ecx)", "mov $0x70000000,%edi; movl $0x12345678,TP(%edi)",
		"mov $0x70000000,%ecx; add %eax,TP(%ecx)", "mov $0x70000000,%ecx; add TP(%ecx),%eax", "mov $0x70000000,%eax; incl TP(%eax)", "mov $0x70000000,%edx; notl TP(%edx)",
		"mov $0x70000000,%ecx; lock cmpxchg %edx,TP(%ecx)", "mov $0x70000000,%ecx; xchg %eax,TP(%ecx)", "mov $0x70000000,%ecx; mull TP(%ecx)",
		"mov $0x70000000,%eax; push TP(%eax)", "mov $0x70000000,%eax; pop TP(%eax)", "mov $0x70000000,%esp; push TP(%eax)", "mov $0x70000000,%esp; pop TP(%eax)",
		"mov $0x70000000,%eax; movups TP(%eax),%xmm1", "mov $0x70000000,%ebx; movdqu %xmm1,TP(%ebx)", "movaps TP0x44,%xmm1", "movaps %xmm1,TP0x48",
		"mov $0x70000000,%eax; fldl TP(%eax)", "mov $0x70000000,%eax; cmove TP(%eax),%ecx", "mov $0x70000000,%eax; jmp *TP(%eax)", "jmp *TP0x70000000",
		"movl $0,TP0x40; divl TP0x40",
		// Nothing in front to be moved.
		"mov $0x70000000,%eax; jmp 3f; 3: mov TP(%eax),%ecx", "mov $0x70000000,%eax; jmp 3f; 3: incl TP(%eax)", "mov $0x70000000,%edx; jmp 3f; 3: notl TP(%edx)",
		// Moved with a site, in front of it or behind it.
		"mov $0x70001000,%ebx; SYS; mov (%ebx),%edx", "mov $0x70001000,%ebx; SYS; mov %edx,(%ebx)", "mov $0x70001000,%ebx; SYS; incl (%ebx)",
		"mov $0x70001000,%ebx; SYS; push (%ebx)", "mov $0x70001000,%ebx; SYS; pop (%ebx)", "mov $0x70001000,%ebx; SYS; call *(%ebx)",
		"mov $0x70001000,%ebx; SYS; lea 8(%edx),%edx; xchg %edx,(%ebx)", "mov $0x70001000,%esi; mov $scratch,%edi; SYS; movsb",
		"mov $0x70000000,%esp; SYS; call callee", "mov $0x70000000,%esp; SYS; ret", "mov $0x70000000,%esp; SYS; pushf",
		"xor %esi,%esi; SYS; div %esi", "SYS; hlt",
		"mov $9999,%eax; mov $0x70001000,%ebx; mov (%ebx),%edx; SYSONLY", "mov $9999,%eax; mov $0x70001000,%ebx; incl (%ebx); SYSONLY",
		"mov $0x70000000,%ebx; SYS; mov TP(%ebx),%edx", "mov $0x70000000,%ebx; SYS; addl $1,TP(%ebx)",
		"mov $0x70001000,%ebx; mov TP(%eax),%eax; incl (%ebx)",
		// Strings: the source, the destination, and in the middle.
		"mov $0x70000000,%esi; lodsb TP(%esi),%al", "mov $0x70000000,%esi; mov $3,%ecx; rep lodsl TP(%esi),%eax",
		"mov $0x70000000,%esi; mov $scratch+0x40,%edi; movsl TP(%esi),%es:(%edi)", "mov $0x70001000,%edi; mov $4,%ecx; rep movsl TP(%esi),%es:(%edi)",
		"mov $0x70000000,%esi; mov $scratch+0x40,%edi; mov $4,%ecx; repe cmpsb %es:(%edi),TP(%esi)", "mov $0x70001000,%edi; cmpsw %es:(%edi),TP(%esi)",
		"std; mov $0x9000001,%edi; mov $4,%ecx; rep movsb TP(%esi),%es:(%edi)", "std; mov $0x9000005,%edi; mov $4,%ecx; rep movsw TP(%esi),%es:(%edi)",
		"mov $0x70000000,%ebx; xlat TP(%ebx)", "mov $0x70000000,%edi; .byte TPBYTE; maskmovdqu %xmm1,%xmm1",
		// Calls: of the target's word, of the push, and of the target.
		"mov $0x70000000,%eax; call *TP(%eax)", "call *TP0x70000000", "mov $0x70000000,%esp; call *TP0x110", "call *TP0x40", "mov $0x70000000,%ebp; call *TP(%ebp)",
		"mov $0x70000000,%eax; mov $0,%ebp; pop TPSP(%eax,%ebp)",
	}
	faults32 = []string{
		"mov $9999,%eax; mov $0x70000000,%esp; call *%gs:0x10", "mov $0x70000000,%esp; SYS; push %ebx", "mov $0x70000000,%esp; SYS; pop %ebx",
		"mov $0x70000000,%esp; pushl TP0", "mov $0x70000000,%eax; lock cmpxchg8b TP(%eax)",
		"mov $0x70000000,%esp; pop TP0x40(%esp)", "addr16 mov TP0xf123,%eax", "mov $0xf123,%ebx; mov TP(%bx),%ecx", "mov $0xf123,%ebx; incl TP(%bx,%si)",
		"mov $0xf123,%ebx; call *TP(%bx)", "mov $0xf123,%ebx; addr16 xlat TP(%bx)", "mov $0x1234f123,%edi; .byte TPBYTE; addr16 maskmovdqu %xmm1,%xmm1",
	}
	faults64 = []string{
		"mov $0x70000000,%esp; SYS; push %rbx", "mov $0x70000000,%esp; SYS; pop %rbx", "mov $0x70000000,%r9d; mov TP(%r9),%rcx", "mov $0x70000000,%r12d; mov %r13,TP(%r12)",
		"movabs $0x7000000000000000,%rax; mov TP(%rax),%rcx", "movabs $0x7000000000000000,%rbp; mov TP(%rbp),%rcx", "movabs $0x7000000000000000,%r13; add %rdx,TP(%r13)",
		"movabs $0x7000000000000000,%rsp; mov TP(%rsp),%rcx", "movabs $0x7000000000000000,%rax; jmp *TP(%rax)", "movabs $0x7000000000000000,%rax; push TP(%rax)",
		"movabs $0x7000000000000000,%rbx; SYS; mov (%rbx),%rdx", "movabs $0x7000000000000000,%rbp; SYS; mov (%rbp),%rdx", "movabs $0x7000000000000000,%rsp; SYS; push %rbx",
		"movabs $0x7000000000000000,%rsp; SYS; call callee", "movabs $0x7000000000000000,%rsp; push TP(%rax)", "movabs $0x7000000000000000,%rsp; SYS; ret",
		"mov $0x70000000,%eax; lock cmpxchg16b TP(%rax)", "lock cmpxchg16b TP0x48",
		"mov $0x70000000,%eax; mov TP(%eax),%rcx", "mov $0x70000000,%ebx; addq $5,TP(%ebx)", "mov $0x70000000,%eax; push TP(%eax)", "mov $0x70000000,%eax; call *TP(%eax)",
		"movabs TP0x123456789a,%rax", "movabs %eax,TP0x123456789a", "addr32 mov TP0x90000000,%rcx", "mov TPfar(%rip),%rax", "call *TPfar(%rip)", "incl TPfar(%rip)",
		"movabs $0x7000000000000000,%rsi; lodsq TP(%rsi),%rax", "mov $0x70000000,%esi; lodsl TP(%esi),%eax", "mov $0x70001000,%edi; mov $3,%ecx; rep movsb TP(%esi),%es:(%edi)",
		"movabs $0x7000000000000000,%rax; call *TP(%rax)", "movabs $0x7000000000000000,%rsp; call *TP0x110", "movabs $0x7000000000000000,%rbx; xlat TP(%rbx)",
		"movabs $0x7000000000000000,%rsp; pop TP(%rsp)",
	}
)

// TestLockstepFaults holds what programs see of a fault inside a trampoline:
// signal, code, address and registers. The first time a handler leaves for
// another place, the second time it mends the registers and goes back.
func TestLockstepFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("traces programs")
	}
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			wide := w.name == "amd64"
			call, more := "int $0x80", faults32
			if wide {
				call, more = "syscall", faults64
			}
			var list []string
			for _, c := range faultsAny {
				if wide {
					c = wideBases(c)
					c = strings.NewReplacer("push (", "pushq (", "pop (", "popq (").Replace(c)
				}
				list = append(list, c)
			}
			list = append(list, more...)
			for i, c := range list {
				list[i] = strings.NewReplacer("SYSONLY", call, "SYS", "mov $9999,%eax; "+call).Replace(c)
			}
			text, names := surrounded(wide, list)
			exe := assembleCases(t, w.option, text)
			l := begin(t, exe, wide, "faults")
			l.vectors = true
			l.back = func(uint64) int { return 2 }
			scratch, _ := l.symbol("scratch")
			save, _ := l.symbol("save")
			l.onFault = func() { l.handle(scratch, save) }
			l.cases(names)
			l.report()
			l.sameOutput(exe)
			for _, tactic := range []image.Tactic{image.TacticJump, image.TacticPad, image.TacticWindow, image.TacticEviction} {
				if len(l.tactics[tactic]) == 0 {
					t.Errorf("no site of tactic %d was run", tactic)
				}
			}
		})
	}
}

// handle is a handler of the signal that both have pending.
func (l *lockstep) handle(scratch, save uint64) {
	s, m := l.o.now(), l.mapped()
	mended := l.round == 1 && l.n.inCase == 1
	if mended {
		mended = false
		for i, v := range s.r {
			good := uint64(goodIndex)
			switch {
			case !slices.Contains([]uint64{wildIndex, wildMemory, wildFar}, v):
				continue
			case i == int(stubs.SP):
				good = stackTop
			case v == wildMemory:
				good = scratch + 0x48
			}
			s.r[i], m.r[i] = good, good
			mended = true
		}
	}
	if !mended {
		s.pc, m.pc = save, save
		m.r = s.r // a load's register, if it is not the same
		l.touched = false
	}
	l.must(l.o.set(s))
	l.resumeAt(m)
}
