//go:build linux

package tebtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/image"
	"bee/internal/winetest"
	"bee/rewrite"
)

// Instructions, each in a program of its own with all registers, flags and
// memory known before and compared after. TP stands for the segment prefix of
// thread-local memory, SP for the displacement that makes the stack pointer
// 0x40. Before each, register n holds 0x48+8n; thread-local memory is 0x400
// bytes; scratch is other memory (see testdata/teb/cases.c).
var anyWidth = []string{
	// Mirrored words.
	"mov TP0,%eax", "mov TP0,%ecx", "mov %edx,TPCANARY", "xor TPCANARY,%eax", "cmp %ecx,TPCANARY", "mov TPCANARY,%esi",
	// A plain load, whose register is free.
	"mov TP0x40,%eax", "mov TP0x40,%ecx", "mov TP(%eax),%eax", "mov TP(%ecx),%edx", "mov TP-8(%ecx),%edx", "mov TP0x90(%ebp),%edi",
	"mov TP(%ebp),%ecx", "mov TP0x40(%eax,%ecx),%ebx", "mov TP(%ebp,%eax),%ecx", "mov TP(%edx,%edx),%edx", "mov TP(,%esi,4),%ecx",
	"mov TPSP(%esp),%eax", "mov TPSP(%esp,%eax),%edx", "movzbl TP(%eax),%edx", "movsbl TP0x41,%ecx", "movzwl TP3(%edi),%edi", "movswl TP(%ebx),%esi",
	"movb TP0x44,%al", "movb TP(%eax),%ah", "movb TP(%ecx),%dl", "movw TP0x46,%ax", "movw TP(%edx),%bx",
	// Stores.
	"mov %eax,TP0x40", "mov %al,TP0x40", "mov %ax,TP0x40", "mov %ecx,TP(%ecx)", "mov %ebp,TP(%eax)", "mov %esp,TP(%eax)", "mov %dh,TP(%ebx)",
	"movl $0x12345678,TP0x40", "movl $0x12345678,TP(%eax)", "movb $0x55,TP5(%eax)", "movw $0x1234,TP(%edi)", "movl $-1,TP0x80(%eax,%ecx,2)",
	"movnti %edx,TP(%eax)",
	// Arithmetic; the flags matter.
	"add %eax,TP(%ecx)", "add TP(%ecx),%eax", "adcl $5,TP0x50", "sbb TP(%eax),%edx", "incl TP(%eax)", "decl TP0x40", "negl TP(%edx)", "notl TP(%edx)",
	"addl $1,TP0x40", "subl $0x1234567,TP(%eax,%ebx)", "cmpl $0,TP(%eax)", "cmpb $1,TP(%eax)", "testl $4,TP0x44", "test %eax,TP(%ecx)",
	"imul TP(%eax),%ecx", "imul $3,TP(%eax),%ecx", "imul $0x300,TP0x40,%ecx", "mull TP(%ecx)", "divl TP(%ecx)", "imull TP0x40",
	"shll %cl,TP(%eax)", "rorl $3,TP(%eax)", "shld %cl,%edx,TP(%eax)", "shrd $4,%ebx,TP0x40", "bt %edx,TP(%eax)", "btsl $3,TP(%eax)", "btc %ecx,TP0x40",
	"sete TP(%eax)", "setb TP0x47", "cmove TP(%eax),%ecx", "cmovne TP(%eax),%ecx", "bsf TP(%eax),%ecx", "bswap %eax",
	// Atomics.
	"xchg %eax,TP(%ecx)", "lock xadd %edx,TP(%eax)", "lock cmpxchg %edx,TP(%ecx)", "lock cmpxchg %ebx,TP0x40", "lock incl TP(%eax)", "lock orl $1,TP0x40",
	"lock cmpxchg8b TP(%edi)", "cmpxchg8b TP0x40", "lock decl TP(%edi)", "lock andl $-2,TPSP(%esp)",
	// The FPU and vectors.
	"fldl TP0x40; fstpl scratch", "fildl TP(%eax); fistpl scratch", "fldcw TP(%eax); fnstcw scratch", "fnstcw TP(%eax)", "fldz; fstps TP(%ebx)",
	"movd TP(%eax),%xmm1", "movq TP0x40,%xmm2", "movq %xmm3,TP(%eax)", "movups TP(%eax),%xmm1", "movaps TP0x40,%xmm1", "movaps %xmm7,TP0x40",
	"paddd TP0x40,%xmm5", "pshufd $0x1b,TP0x80,%xmm1", "cvtsi2sdl TP(%eax),%xmm1", "pinsrw $3,TP(%eax),%xmm1", "movhps TP(%ecx),%xmm2", "addsd TP0x48,%xmm0",
	"pshufb TP0x80,%xmm4", "pextrd $1,%xmm3,TP(%edx)", "pblendw $0x55,TP0x80,%xmm6", "movntdqa TP0x80,%xmm1",
	"prefetcht0 TP(%eax)", "nopl TP(%eax)", "lea TP4(%eax),%ecx",
	"ldmxcsr scratch+0x60; stmxcsr TP(%eax)",
	// Jumps through thread-local memory.
	"jmp *TP0x100", "jmp *TP0xb8(%eax)", "jmp *TP0x40(%eax,%esi)",
	// Calls: the callee shows its return address.
	"call *TP0x110", "call *TP0xc8(%eax)", "call *TP0x68(%eax,%ebx)", "call *TPSP+0xd0(%esp)", "call *TP0xa0(%ebp)",
	// Parts of mirrored words, and what reaches over their ends.
	"movb TPCANARY+1,%al", "movb TPCANARY+3,%dl", "movw TPCANARY+2,%cx", "movb %dl,TPCANARY+3", "addb $1,TPCANARY+1", "movzbl TPCANARY+2,%esi", "mov %bx,TPCANARY+2",
	"cmpb $0x55,TPCANARY+2", "xchg %al,TPCANARY+1", "mov TPCANARY-2,%eax", "mov TPCANARY-2,%edx", "mov %edx,TPCANARY-2", "addl $0x10001,TPCANARY-2",
	"lock incl TPCANARY-1", "movups TPCANARY-4,%xmm1", "movups %xmm1,TPCANARY-4", "movups TP0,%xmm1", "movups %xmm2,TP4", "fldl TPCANARY-4; fstpl scratch",
	"fildl scratch; fstpl TPCANARY-4", "xchg %eax,TPCANARY+6", "movw %ax,TPCANARY-1", "mov $1,%eax; movnti %edx,TPCANARY",
	// Strings.
	"lodsb TP(%esi),%al", "lodsw TP(%esi),%ax", "lodsl TP(%esi),%eax", "mov $3,%ecx; rep lodsl TP(%esi),%eax", "xor %ecx,%ecx; rep lodsb TP(%esi),%al",
	"mov $scratch+0x40,%edi; movsb TP(%esi),%es:(%edi)", "mov $scratch+0x40,%edi; movsw TP(%esi),%es:(%edi)", "mov $scratch+0x40,%edi; movsl TP(%esi),%es:(%edi)",
	"mov $scratch+0x40,%edi; mov $5,%ecx; rep movsb TP(%esi),%es:(%edi)", "mov $scratch+0x40,%edi; mov $3,%ecx; rep movsw TP(%esi),%es:(%edi)",
	"mov $scratch+0x40,%edi; mov $2,%ecx; rep movsl TP(%esi),%es:(%edi)", "xor %ecx,%ecx; rep movsl TP(%esi),%es:(%edi)",
	"mov $scratch+0x40,%edi; cmpsb %es:(%edi),TP(%esi)", "mov $scratch+0x40,%edi; cmpsw %es:(%edi),TP(%esi)", "mov $scratch+0x40,%edi; cmpsl %es:(%edi),TP(%esi)",
	"mov $scratch+0x40,%edi; mov $4,%ecx; repe cmpsb %es:(%edi),TP(%esi)", "mov $scratch+0x40,%edi; mov $4,%ecx; repne cmpsb %es:(%edi),TP(%esi)",
	"mov $scratch+0x40,%edi; mov $3,%ecx; repne cmpsl %es:(%edi),TP(%esi)", "xlat TP(%ebx)", "mov $0xff,%al; xlat TP(%ebx)",
	".byte TPBYTE; maskmovdqu %xmm1,%xmm2", "mov $scratch+0x40,%edi; .byte TPBYTE; stosb",
	"mov $scratch+0x40,%edi; .byte TPBYTE; scasb",
}

// Extensions that a processor may lack, by the flag in /proc/cpuinfo.
var extensions = []struct {
	flags string
	list  []string
}{
	{"avx", []string{
		"vmovups TP(%eax),%xmm1", "vmovdqu %xmm1,TP0x40", "vaddps TP0x40(%ecx,%edx),%xmm2,%xmm3", "vmovd TP(%ebp),%xmm1", "vpshufd $0x1b,TP0x40,%xmm1",
		"vpinsrd $2,TP(%ecx),%xmm1,%xmm2", "vcvtsi2sdl TP(%edi),%xmm1,%xmm2", "vbroadcastss TP0x44,%xmm5",
	}},
	{"avx2", []string{"vpaddd TP(%eax),%xmm1,%xmm2", "pcmpeqd %xmm2,%xmm2; pxor %xmm1,%xmm1; vpgatherdd %xmm2,TP0x10(%eax,%xmm1,1),%xmm3", "vpmaskmovd %xmm1,%xmm2,TP(%eax)"}},
	{"avx512f avx512vl", []string{
		"vpaddd TP0x40(%eax),%xmm1,%xmm2", "vmovdqu32 TP0x80,%xmm1", "vaddps TP0x90(%ebx){1to4},%xmm1,%xmm2", "vmovdqu64 %xmm1,TP(%ecx)",
		"vpternlogd $0x96,TP0x20(%edx,%ecx),%xmm1,%xmm2",
		"pxor %xmm1,%xmm1; kxnorw %k0,%k0,%k1; vpgatherdd TP0x10(%eax,%xmm1,4),%xmm3{%k1}",
	}},
	{"bmi1 bmi2", []string{
		"andn TP(%ecx),%eax,%edx", "bextr %ecx,TP(%eax),%edx", "rorx $5,TP(%eax),%ecx", "mulx TP(%edi),%ecx,%ebx", "blsi TP0x40,%eax", "pdep TP(%eax),%ecx,%edx",
	}},
	{"movbe", []string{"movbe TP(%eax),%ecx", "movbe %ebx,TP0x40"}},
	{"popcnt", []string{"popcnt TP(%eax),%ecx"}},
	{"sse4_2", []string{"crc32b TP(%eax),%ecx", "crc32l TP0x40,%eax", "pcmpistri $0,TP0x40,%xmm1"}},
	{"adx", []string{"adcx TP(%eax),%ecx", "adox TP0x40,%ebx"}},
	{"xop", []string{"vprotd $3,TP(%eax),%xmm1"}},
}

var only32 = []string{
	"push TP(%eax)", "push TP0x40", "pop TP(%eax)", "pop TP0x40", "pop TPSP(%esp)", "pop TPSP+0x10(%esp,%ecx)", "popw TPSP(%esp)", "push TPSP(%esp)",
	"push TPCANARY-2", "pop TPCANARY-2", "lock cmpxchg8b TP(%esi,%edi)", "cmpxchg8b TPCANARY-4",
	// 16-bit addresses.
	"addr16 mov TP0x40,%eax", "addr16 mov %ecx,TP0x48", "addr16 mov TPCANARY,%eax", "addr16 mov TPCANARY,%ecx", "addr16 movb TPCANARY+1,%al", "addr16 incl TP0x40",
	"mov $0x12340060,%ebx; mov TP(%bx),%eax", "mov TP(%bx,%si),%ebx", "mov TP4(%bp,%di),%ecx", "mov %edx,TP-0x10(%bp)", "mov $0xfff0,%ebx; mov TP0x60(%bx),%eax",
	"mov $0xfff0,%ebx; addl $5,TP0x160(%bx,%di)", "incl TP0x100(%si)", "lock cmpxchg8b TP(%bp,%di)", "push TP(%bx)", "pop TP(%bx)", "call *TP0xb0(%bx)", "jmp *TP0xa0(%bx)",
	"fldl TP(%bx); fstpl TP8(%si)", "movups TP(%bx),%xmm1", "addr16 xlat TP(%bx)", "mov $0x5678ffc0,%ebx; addr16 xlat TP(%bx)", "addr16 call *TP0x110",
	"mov $0x77770080,%edi; .byte TPBYTE; addr16 maskmovdqu %xmm1,%xmm2", "mov TPCANARY+1(%di),%al", "movzwl TP(%di),%edi", "addr16 movl $0x12345678,TP0x40",
	"mov %gs,%eax", "mov %gs,%ebp", "mov %gs,%dx", "mov %gs,scratch+4", "mov %gs,3(%esp)", "mov %fs,%ecx", "mov %fs,(%esp)",
	"movl $0,8(%esp); lea 12(%esp),%esp; push %gs; lea -8(%esp),%esp", "movw $0,6(%esp); lea 8(%esp),%esp; pushw %gs", "movl $0,-4(%esp); push %fs",
	"mov $0x63,%eax; mov %eax,%gs; mov TP0x40,%ecx", "mov scratch+0x44,%gs; mov TP0x40,%ecx", "mov $scratch,%ebx; mov 0x44(%ebx),%gs; mov TP(%eax),%eax",
	"movl $0x63,(%esp); pop %gs", "movl $0,(%esp); pop %fs", "lgs scratch+0x40,%ebx; mov TP4,%edx", "xor %ecx,%ecx; mov %ecx,%fs",
	"mov $9999,%eax; int $0x80", "mov $9999,%eax; call *%gs:0x10", "mov $20,%eax; mov $-1,%ebx; mov $6,%eax; int $0x80",
	"mov $9999,%eax; call *%gs:0x10; mov -4(%esp),%ebx",
	// What is moved with a site.
	"mov $9999,%eax; int $0x80; call callee", "mov $9999,%eax; int $0x80; je 5f; lea 9(%edi),%edi; 5:", "mov $9999,%eax; int $0x80; loop 5f; lea 9(%edi),%edi; 5:",
	"mov $9999,%eax; int $0x80; jecxz 5f; lea 9(%edi),%edi; 5:", "mov $9999,%eax; xor %ecx,%ecx; int $0x80; jecxz 5f; lea 9(%edi),%edi; 5:",
	"mov $9999,%eax; int $0x80; push %esp; pop %edi", "movl $6f,(%esp); mov $9999,%eax; int $0x80; ret; 6: lea 7(%edi),%edi",
	"mov $9999,%eax; int $0x80; call *scratch+0x48", "push %eax; mov TP(%eax),%eax; pop %ecx", "mov TP(%eax),%eax; int $0x80",
}

var only64 = []string{
	"mov TP0,%rax", "mov TPCANARY,%rax", "xor TPCANARY,%rdx", "mov TP0,%r9", "sub TPCANARY,%r15", "mov %r8,TPCANARY", "movq $-5,TPCANARY",
	"mov TP0x40,%rax", "mov TP0x40,%r12", "mov TP(%rax),%rax", "mov TP(%r12),%r12", "mov TP(%r13),%r13", "mov TP8(%r13,%r9),%r10", "mov TP(%r9),%rcx",
	"mov TPSP-0x80(%rsp,%r14),%rax", "mov TPSP(%rsp),%r11", "movslq TP(%rax),%rcx", "movslq TP(%r9),%r9", "movzbl TP(%r14),%r8d", "movzwq TP(%rdi),%rdi",
	"mov %r13,TP(%r13)", "mov %r12b,TP(%r12)", "mov %sil,TP(%rdi)", "movq $-2,TP0x40", "movq $0x1234567,TP(%r8,%r9,2)", "movb $1,TP(%r12)",
	"add %r8,TP(%r9)", "lock xadd %r10,TP(%r11)", "lock cmpxchg %r8,TP(%rcx)", "lock cmpxchg16b TP0x40", "cmpxchg8b TP(%r15)", "incq TP(%r13)", "mulq TP(%r12)",
	"push TP(%rax)", "push TP0x40", "pop TP(%rax)", "pop TP(%r12)", "pop TPSP-0x80(%rsp,%r14)", "pop TPSP(%rsp)", "popw TPSP(%rsp)", "push TPSP(%rsp)",
	"push TPCANARY-2", "pop TPCANARY-2", "cmpxchg8b TPCANARY-4", "mov $0x70,%esi; mov $0x80,%edi; lock cmpxchg16b TP0x10(%rsi,%rdi)", "movl TPCANARY,%eax", "movl TPCANARY+4,%ecx", "movl %edx,TPCANARY+4",
	"movw TPCANARY+6,%cx", "mov TPCANARY+1,%rax", "mov %r9,TPCANARY-5", "addq $-1,TPCANARY+4", "movabs TPCANARY+1,%al", "movabs %al,TPCANARY+7", "movabs TPCANARY+4,%rax",
	// 32-bit addresses.
	"mov TP(%eax),%ecx", "mov TP(%eax),%eax", "mov TP8(%r13d,%r9d),%r10", "mov %rdx,TP0x40(%ecx,%edx,2)", "movabs $0x1234567800000048,%rax; mov TP(%eax),%ecx",
	"mov $-8,%eax; mov TP0x50(%eax),%rcx", "addr32 mov TP0x40,%ecx", "addr32 mov TPCANARY,%rcx", "addr32 mov TP0x40,%rax", "addr32 incq TP(%r12d)", "xchg %rax,TP(%r8d)",
	"call *TP0xc8(%eax)", "jmp *TP0xb8(%eax)", "push TP(%eax)", "pop TP(%eax)", "pop TPSP(%esp)", "movups TP(%r13d),%xmm1", "mov $0x70,%esi; mov $0x80,%edi; lock cmpxchg16b TP0x10(%esi,%edi)",
	".byte 0x67,0x64,0xa1,0x40,0,0,0", "movabs $0xff00000000000060,%rbx; xlat TP(%ebx)", "mov $0x80,%al; xlat TP(%ebx)", "mov $-0x20,%ebx; xlat TP(%ebx)",
	"lodsb TP(%esi),%al", "lodsq TP(%esi),%rax", "mov $scratch+0x40,%edi; mov $3,%ecx; rep movsb TP(%esi),%es:(%edi)", "mov $scratch+0x40,%edi; mov $3,%ecx; repe cmpsl %es:(%edi),TP(%esi)",
	"mov $scratch+0x40,%edi; movsq TP(%esi),%es:(%edi)", ".byte 0x67,TPBYTE; maskmovdqu %xmm1,%xmm2",
	"lodsq TP(%rsi),%rax", "mov $scratch+0x40,%edi; mov $3,%ecx; rep movsq TP(%rsi),%es:(%rdi)", "mov $scratch+0x40,%edi; mov $3,%ecx; repe cmpsq %es:(%rdi),TP(%rsi)",
	// Addresses relative to rip.
	"mov TPtls40(%rip),%eax", "mov TPtls40(%rip),%rdx", "addl $7,TPtls40(%rip)", "movups TPtls40(%rip),%xmm1", "mov TPtlscanary(%rip),%rax", "mov %cl,TPtlscanary+3(%rip)",
	"call *TPtls110(%rip)", "jmp *TPtls100(%rip)", "push TPtls40(%rip)", "pop TPtls40(%rip)", "movw $5,TPtls40(%rip)", "mov TPtls40(%eip),%r8", "lock cmpxchg16b TPtls40(%rip)",
	"call *TP0x68(%r12)", "call *TPSP-0x80+0x98(%rsp,%r14)",
	"movabs TP0x40,%rax", "movabs %al,TP0x48", "movabs TP0x50,%eax", "movabs %rax,TP0x58",
	"movups TP(%r9),%xmm1", "movq TP(%r13),%xmm2", "pinsrq $1,TP(%r8),%xmm1", "cvtsi2sdq TP(%r12),%xmm1", "movq %r10,%xmm1; movdqu %xmm1,TP(%r13,%r14)",
	"jmp *TP0x58(%r12)",
	"rdfsbase %rax", "rdfsbase %r13", "rdfsbase %ecx", "mov scratch+0x50,%rbx; wrfsbase %rbx; mov TP0x40,%rcx", "mov scratch+0x50,%r9; wrfsbase %r9d; mov TP(%rax),%rcx",
	"rdgsbase %rdx", "rdgsbase %r8d", "wrgsbase %r8; rdgsbase %r9", "wrgsbase %eax",
	"mov $9999,%eax; syscall", "mov $9999,%eax; mov $1,%ebx; syscall; mov %rcx,%rdi", "mov $3,%eax; mov $-1,%rdi; syscall", "mov $9999,%eax; int $0x80",
	"mov $158,%eax; mov $0x1003,%edi; mov $scratch,%esi; syscall", "mov $158,%eax; mov $0x1004,%edi; mov $scratch,%esi; syscall",
	"mov $9999,%eax; syscall; call callee", "mov $9999,%eax; syscall; jmp 5f; lea 9(%rdi),%rdi; 5:", "mov $9999,%eax; syscall; loop 5f; lea 9(%rdi),%rdi; 5:",
	"mov $9999,%eax; syscall; jrcxz 5f; lea 9(%rdi),%rdi; 5:", "mov $9999,%eax; syscall; js 5f; lea 9(%rdi),%rdi; 5:", "mov $9999,%eax; syscall; mov scratch(%rip),%rbx",
	"mov $9999,%eax; syscall; movl $7,scratch+4(%rip)", "mov $9999,%eax; syscall; cmpb $5,scratch(%rip)", "mov $9999,%eax; int $0x80; lea scratch(%rip),%rbx",
	"movq $6f,(%rsp); mov $9999,%eax; syscall; ret; 6: lea 7(%rdi),%rdi", "mov $9999,%eax; syscall; call *scratch+0x48(%rip)",
	"mov %rax,-8(%rsp); mov $9999,%eax; syscall; mov -8(%rsp),%rbx", "mov TP(%rax),%rax; syscall",
	"mov $9999,%eax; syscall; callq *scratch+0x48", "mov $9999,%eax; syscall; push $5; pop %rsi", "mov TP(%rax),%ecx; mov scratch(%rip),%edx",
}

// Registers that only 64-bit programs have, in VEX and EVEX instructions.
var extensions64 = []struct {
	flags string
	list  []string
}{
	{"avx avx2", []string{
		"vmovups TP(%r13),%xmm1", "vpaddd TP(%r12,%r9),%xmm9,%xmm1", "vmovdqu %xmm9,TP8(%r8)", "vmovq TP(%r10),%xmm12", "vcvtsi2sdq TP(%r11),%xmm1,%xmm2",
		"pcmpeqd %xmm2,%xmm2; pxor %xmm9,%xmm9; vpgatherdd %xmm2,TP0x10(%r13,%xmm9,8),%xmm3",
	}},
	{"avx512f avx512vl", []string{
		"vmovdqu32 TP0x80,%xmm17; vmovdqu32 %xmm17,%xmm1", "vpaddq TP0x40(%r13),%xmm3,%xmm1", "vaddpd TP8(%r12){1to2},%xmm2,%xmm1",
		"pxor %xmm0,%xmm0; vmovdqa32 %xmm0,%xmm20; kxnorw %k0,%k0,%k1; vpgatherdd TP(%r9,%xmm20,4),%xmm3{%k1}",
	}},
	{"bmi1 bmi2", []string{"andn TP(%r9),%r10,%r11", "rorx $9,TP(%r13),%rdx", "shlx %r8,TP(%r12,%r10),%rax"}},
}

// A surrounding puts an instruction where a short one needs a certain tactic.
var surroundings = []struct{ name, before, after string }{
	{"neighbours", "", "lea 3(%edx),%edx; lea 5(%edi),%edi; jmp save"},
	{"padding", "jecxz 2f; jmp 1f; 1:", "2: jmp save; .skip 12,0xcc"},
	{"neighbour to evict", "jecxz 2f; jmp 1f; 1:", "2: movl $0x12345678,scratch+0x20; jmp save"},
	{"in front", "jecxz 2f; lea 1(%edi),%edi; lea 1(%esi),%esi;", "2: jmp save"},
}

// program gives the assembly of all cases, and their names.
func program(wide bool, has func(flags string) bool) (text string, names []string) {
	list := append([]string(nil), anyWidth...)
	for _, e := range extensions {
		if has(e.flags) {
			list = append(list, e.list...)
		}
	}
	if wide {
		for i, c := range list {
			list[i] = wideBases(c)
		}
		list = append(list, only64...)
		for _, e := range extensions64 {
			if has(e.flags) {
				list = append(list, e.list...)
			}
		}
	} else {
		list = append(list, only32...)
	}
	return surrounded(wide, list)
}

// surrounded puts each instruction of list in each surrounding.
func surrounded(wide bool, list []string) (text string, names []string) {
	prefix, code65, canary, address := "%gs:", "0x65", "0x14", "jecxz"
	if wide {
		prefix, code65, canary, address = "%fs:", "0x64", "0x28", "jrcxz"
	}
	var code, table strings.Builder
	for _, s := range surroundings {
		fmt.Fprintf(&code, ".p2align 4\n")
		for _, c := range list {
			body := s.before + " " + strings.NewReplacer("TPCANARY", prefix+canary, "TPSP", prefix+"0x40-0x9000800", "TPBYTE", code65, "TP", prefix).Replace(c) + "; " + s.after
			body = strings.Replace(body, "jecxz 2f", address+" 2f", 1)
			if wide {
				body = strings.ReplaceAll(body, "0x40-0x9000800", "-0x90007c0")
			}
			if s.before != "" && strings.Contains(c, "jmp *TP") {
				continue
			}
			n := len(names)
			fmt.Fprintf(&code, ".type case%d,@function\ncase%d: %s\n.size case%d,.-case%d\n", n, n, body, n, n)
			word := ".long"
			if wide {
				word = ".quad"
			}
			fmt.Fprintf(&table, "%s case%d\n", word, n)
			names = append(names, s.name+": "+c)
		}
	}
	word := ".long"
	if wide {
		word = ".quad"
	}
	text = fmt.Sprintf(".text\n%s\n.p2align 4\n.section .rodata\n.p2align 3\n.globl case_table,case_count\ncase_table:\n%scase_count: %s %d\n.section .note.GNU-stack,\"\",@progbits\n",
		&code, &table, word, len(names))
	return text, names
}

// wideBases makes the registers in an operand's parentheses 64 bits wide, as
// compilers write them.
func wideBases(s string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '(':
			inside = true
		case s[i] == ')':
			inside = false
		case inside && s[i] == '%' && s[i+1] == 'e':
			b.WriteString("%r")
			i++
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// cpuHas tells whether the processor has all flags.
func cpuHas(t *testing.T) func(string) bool {
	t.Helper()
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "flags") {
			for _, f := range strings.Fields(line) {
				have[f] = true
			}
			break
		}
	}
	return func(flags string) bool {
		for _, f := range strings.Fields(flags) {
			if !have[f] {
				return false
			}
		}
		return true
	}
}

// assembleCases builds the program of all cases.
func assembleCases(t *testing.T, option, text string) string {
	t.Helper()
	dir := t.TempDir()
	src, exe := filepath.Join(dir, "cases.s"), filepath.Join(dir, "cases")
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	teb := filepath.Join("..", "..", "testdata", "teb")
	cmd := exec.Command("gcc", option, "-O1", "-static", "-no-pie", "-nostdlib", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-mgeneral-regs-only",
		"-fno-asynchronous-unwind-tables", "-Wl,--section-start=.teststack=0x9000000",
		"-Wl,--defsym=tls40=0x40,--defsym=tls100=0x100,--defsym=tls110=0x110,--defsym=tlscanary=0x28,--defsym=far=0x30000000", "-o", exe,
		filepath.Join(teb, "run.S"), filepath.Join(teb, "cases.c"), src)
	if out, err := cmd.CombinedOutput(); err != nil {
		if _, err := exec.LookPath("gcc"); err != nil {
			winetest.Missing(t, err.Error())
		}
		t.Fatalf("%v\n%.3000s", err, out)
	}
	return exe
}

// TestInstructions runs every instruction in every surrounding, natively,
// patched and in the linux-proof form, and compares the whole state after it.
func TestInstructions(t *testing.T) {
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			text, names := program(w.name == "amd64", cpuHas(t))
			exe := assembleCases(t, w.option, text)
			im := patched(t, exe, exe+".patched")
			t.Log(tactics(im))
			size := 11*4 + 0x780 // of a record
			if w.name == "amd64" {
				size = 19*8 + 0x780
			}
			want, err := command(t, exe).Output()
			if err != nil {
				t.Fatalf("natively: %v in %q", err, names[min(len(want)/size/2, len(names)-1)])
			}
			if len(want) != size*2*len(names) {
				t.Fatalf("%d bytes for %d cases of %d", len(want), len(names), size)
			}
			proofForm(t, exe, exe+".proof")
			for _, form := range []string{".patched", ".proof"} {
				var stderr bytes.Buffer
				cmd := command(t, exe+form)
				cmd.Stderr = &stderr
				got, err := cmd.Output()
				if err != nil {
					n := len(got) / size
					t.Errorf("%s: %v\n%s in %q", form, err, &stderr, names[min(n/2, len(names)-1)])
				}
				bad := 0
				for i := 0; i < len(got)/size; i++ {
					g, n := got[i*size:(i+1)*size], want[i*size:(i+1)*size]
					if bytes.Equal(g, n) {
						continue
					}
					if form == ".proof" && strings.Contains(names[i/2], "syscall") {
						continue // there, rcx is the trampoline's
					}
					t.Errorf("%s: %s, round %d:\n%s", form, names[i/2], i%2, different(g, n, w.name == "amd64"))
					if bad++; bad == 20 {
						t.Fatal("and so on")
					}
				}
			}
			seen := map[image.Tactic]bool{}
			for _, s := range im.Sites {
				seen[s.Tactic] = true
			}
			for _, tactic := range []image.Tactic{image.TacticSameLength, image.TacticJump, image.TacticPad, image.TacticWindow, image.TacticEviction} {
				if !seen[tactic] {
					t.Errorf("tactic %d does not occur", tactic)
				}
			}
		})
	}
}

// proofForm writes the program's linux-proof form to file.
func proofForm(t *testing.T, exe, file string) {
	t.Helper()
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rewrite.Bytes(data, rewrite.Options{Name: exe, Form: rewrite.FormLinuxProof})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, res.Output, 0o755); err != nil {
		t.Fatal(err)
	}
}

// different lists the words of a record that are not the same.
func different(got, want []byte, wide bool) string {
	word := 4
	regs := []string{"ax", "cx", "dx", "bx", "sp", "bp", "si", "di"}
	if wide {
		word = 8
		for i := 8; i < 16; i++ {
			regs = append(regs, fmt.Sprint("r", i))
		}
	}
	fields := append(regs, "flags", "self", "canary")
	var b strings.Builder
	for i := 0; i+word <= len(got) && b.Len() < 1000; i += word {
		if bytes.Equal(got[i:i+word], want[i:i+word]) {
			continue
		}
		name := ""
		rest := i - len(fields)*word
		switch {
		case rest < 0:
			name = fields[i/word]
		case rest < 128:
			name = fmt.Sprintf("xmm%d+%d", rest/16, rest%16)
		case rest < 128+0x400:
			name = fmt.Sprintf("thread-local %#x", rest-128)
		case rest < 128+0x500:
			name = fmt.Sprintf("scratch %#x", rest-128-0x400)
		default:
			name = fmt.Sprintf("stack %+d", rest-128-0x500-0x100)
		}
		fmt.Fprintf(&b, "  %s: % x, natively % x\n", name, got[i:i+word], want[i:i+word])
	}
	return b.String()
}
