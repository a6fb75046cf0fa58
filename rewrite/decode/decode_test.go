package decode

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSpecial shows bytes, text and fields of the encodings that decoders get wrong.
func TestSpecial(t *testing.T) {
	const both, only32, only64 = 96, 32, 64
	tests := []struct {
		mode  int
		bytes string
		text  string
		check func(i *Inst) bool
	}{
		{both, "f3 0f 1e fa", "endbr64", func(i *Inst) bool { return i.Class == Seq && !i.MemOperand && i.Opcode == 0x1e }},
		{both, "f3 0f 1e fb", "endbr32", nil},
		{both, "f3 0f 1e c8", "rdsspd %eax", func(i *Inst) bool { return i.GPRMask(nil)&1 != 0 }},
		{only64, "f3 48 0f 1e c9", "rdsspq %rcx", func(i *Inst) bool { return i.REX == 0x48 && i.REXOff == 1 && i.GPRMask(nil)&2 != 0 }},
		{only64, "f3 48 0f ae e8", "incsspq %rax", nil},
		{both, "f3 0f 01 ea", "saveprevssp", nil},
		{both, "c5 f8 77", "vzeroupper", func(i *Inst) bool { return i.Enc == VEX2 && !i.HasModRM && i.Map == Map0F }},
		{both, "c4 e1 7c 77", "vzeroall", func(i *Inst) bool { return i.Enc == VEX3 }},
		{only64, "f3 0f ae c0", "rdfsbase %eax", func(i *Inst) bool { return i.FSGSBase == RdFSBase }},
		{only64, "f3 48 0f ae cb", "rdgsbase %rbx", func(i *Inst) bool { return i.FSGSBase == RdGSBase }},
		{only64, "f3 48 0f ae d7", "wrfsbase %rdi", func(i *Inst) bool { return i.FSGSBase == WrFSBase && i.GPRMask(nil)&0x80 != 0 }},
		{only64, "f3 49 0f ae d8", "wrgsbase %r8", func(i *Inst) bool { return i.FSGSBase == WrGSBase && i.GPRMask(nil)&0x100 != 0 }},
		{only32, "a1 44 33 22 11", "mov 0x11223344,%eax", func(i *Inst) bool { return i.Moffs && i.DispOff == 1 && i.DispLen == 4 && i.MemOperand && !i.HasModRM }},
		{only32, "67 a1 22 11", "addr16 mov 0x1122,%eax", func(i *Inst) bool { return i.DispOff == 2 && i.DispLen == 2 && i.EffectiveAddrSize() == 16 }},
		{only32, "65 a1 14 00 00 00", "mov %gs:0x14,%eax", func(i *Inst) bool { return i.Seg == GS && i.SegOff == 0 && i.DispOff == 2 }},
		{only64, "48 a1 88 77 66 55 44 33 22 11", "movabs 0x1122334455667788,%rax", func(i *Inst) bool { return i.DispLen == 8 && i.Moffs && i.OperandSize() == 64 }},
		{only64, "67 a1 44 33 22 11", "addr32 mov 0x11223344,%eax", func(i *Inst) bool { return i.DispLen == 4 && i.EffectiveAddrSize() == 32 }},
		{only64, "48 b8 88 77 66 55 44 33 22 11", "movabs $0x1122334455667788,%rax", func(i *Inst) bool { return i.ImmLen == 8 && i.ImmOff == 2 }},
		{only64, "64 48 8b 04 25 28 00 00 00", "mov %fs:0x28,%rax", func(i *Inst) bool {
			_, base := i.MemBase()
			_, index := i.MemIndex()
			return i.Seg == FS && i.HasSIB && i.DispOff == 5 && i.DispLen == 4 && !i.RIPRel && !base && !index
		}},
		{only64, "64 2e 8b 00", "cs override of no effect behind fs", func(i *Inst) bool { return i.Seg == FS && i.SegOff == 0 }},
		{only32, "65 2e 8b 00", "mov %cs:(%eax),%eax", func(i *Inst) bool { return i.Seg == CS && i.SegOff == 1 }},
		{only32, "65 ff 15 10 00 00 00", "call *%gs:0x10", func(i *Inst) bool { return i.Class == CallInd && i.Seg == GS && i.DispOff == 3 && i.DispLen == 4 }},
		{only32, "65 89 31", "mov %esi,%gs:(%ecx)", func(i *Inst) bool { return i.GPRMask(nil) == 0x42 }},
		{only64, "48 8b 05 10 00 00 00", "mov 0x10(%rip),%rax", func(i *Inst) bool { return i.RIPRel && i.PCRel && i.DispOff == 3 && i.DispLen == 4 }},
		{only32, "8b 05 10 00 00 00", "mov 0x10,%eax", func(i *Inst) bool { return !i.RIPRel && !i.PCRel && i.DispLen == 4 }},
		{only64, "c5 f9 6f 05 10 00 00 00", "vmovdqa 0x10(%rip),%xmm0", func(i *Inst) bool { return i.RIPRel && i.DispOff == 4 && i.Enc == VEX2 }},
		{only64, "c4 e2 79 18 05 10 00 00 00", "vbroadcastss 0x10(%rip),%xmm0", func(i *Inst) bool { return i.RIPRel && i.DispOff == 5 && i.Map == Map0F38 }},
		{only64, "62 f1 7d 48 6f 05 10 00 00 00", "vmovdqa32 0x10(%rip),%zmm0", func(i *Inst) bool { return i.RIPRel && i.DispOff == 6 && i.Enc == EVEX }},
		{both, "62 f1 7d 48 6f 40 01", "vmovdqa32 0x40(%rax),%zmm0", func(i *Inst) bool { return i.DispLen == 1 && i.DispOff == 6 }},
		{only64, "62 b1 7c 48 10 04 f0", "vmovups (%rax,%r14,8),%zmm0", func(i *Inst) bool { r, ok := i.MemIndex(); return ok && r == 14 }},
		{both, "62 f5 7c 48 58 c1", "vaddph %zmm1,%zmm0,%zmm0", func(i *Inst) bool { return i.Map == Map5 }},
		{both, "62 f6 7d 48 98 c1", "vfmadd132ph %zmm1,%zmm0,%zmm0", func(i *Inst) bool { return i.Map == Map6 }},
		{both, "62 f2 7d 49 90 0c 05 10 00 00 00", "vpgatherdd 0x10(,%zmm0,1),%zmm1{%k1}", func(i *Inst) bool { _, ok := i.MemIndex(); return i.VSIB && !ok && i.DispLen == 4 }},
		{both, "8f e9 78 81 c1", "vfrczpd %xmm1,%xmm0", func(i *Inst) bool { return i.Enc == XOP && i.Map == MapXOP9 }},
		{both, "8f ea 78 10 c1 44 33 22 11", "bextr $0x11223344,%ecx,%eax", func(i *Inst) bool { return i.ImmLen == 4 && i.Map == MapXOPA }},
		{both, "8f e8 70 a2 c2 10", "vpcmov %xmm1,%xmm2,%xmm1,%xmm0", func(i *Inst) bool { return i.ImmLen == 1 && i.Map == MapXOP8 }},
		{both, "8f 00", "pop (%rax)", func(i *Inst) bool { return i.Enc == Legacy && i.MemOperand }},
		{both, "0f 0f c1 9e", "pfadd %mm1,%mm0", func(i *Inst) bool { return i.Map == Map3DNow && i.Opcode == 0x9e && i.OpcodeOff == 3 }},
		{both, "0f 0f 40 10 b4", "pfmul 0x10(%rax),%mm0", func(i *Inst) bool { return i.DispOff == 3 && i.OpcodeOff == 4 && i.MemOperand }},
		{both, "c8 10 00 02", "enter $0x10,$0x2", func(i *Inst) bool { return i.ImmOff == 1 && i.ImmLen == 3 }},
		{only32, "9a 44 33 22 11 33 00", "lcall $0x33,$0x11223344", func(i *Inst) bool { return i.Class == FarCall && i.ImmLen == 6 }},
		{only32, "66 ea 22 11 33 00", "ljmpw $0x33,$0x1122", func(i *Inst) bool { return i.Class == FarJmp && i.ImmLen == 4 }},
		{both, "ff 18", "lcall *(%rax)", func(i *Inst) bool { return i.Class == FarCall }},
		{both, "ff 28", "ljmp *(%rax)", func(i *Inst) bool { return i.Class == FarJmp }},
		{both, "cb", "lret", func(i *Inst) bool { return i.Class == FarRet && !i.FallsThrough() }},
		{both, "ca 04 00", "lret $4", func(i *Inst) bool { return i.Class == FarRet }},
		{both, "cf", "iret", func(i *Inst) bool { return i.Class == FarRet }},
		{both, "0f 07", "sysret", func(i *Inst) bool { return i.Class == FarRet }},
		{both, "0f 35", "sysexit", func(i *Inst) bool { return i.Class == FarRet }},
		{both, "cd 80", "int $0x80", func(i *Inst) bool { return i.Class == Int80 && i.FallsThrough() && i.ImmLen == 1 }},
		{both, "cd 81", "int $0x81", func(i *Inst) bool { return i.Class == IntN }},
		{both, "cc", "int3", func(i *Inst) bool { return i.Class == Int3 }},
		{both, "f1", "int1", func(i *Inst) bool { return i.Class == IntN }},
		{only32, "ce", "into", func(i *Inst) bool { return i.Class == IntN }},
		{both, "0f 05", "syscall", func(i *Inst) bool { return i.Class == Syscall }},
		{both, "0f 34", "sysenter", func(i *Inst) bool { return i.Class == Sysenter }},
		{both, "0f 0b", "ud2", func(i *Inst) bool { return i.Class == Halt && !i.FallsThrough() }},
		{both, "0f b9 40 10", "ud1 0x10(%rax),%eax", func(i *Inst) bool { return i.Class == Halt }},
		{both, "0f ff c0", "ud0 %eax,%eax", func(i *Inst) bool { return i.Class == Halt }},
		{both, "f4", "hlt", func(i *Inst) bool { return i.Class == Halt }},
		{both, "0f a0", "push %fs", func(i *Inst) bool { return i.Sreg == FS && i.SregRead && !i.SregWrite }},
		{both, "0f a9", "pop %gs", func(i *Inst) bool { return i.Sreg == GS && i.SregWrite && !i.SregRead }},
		{only32, "1e", "push %ds", func(i *Inst) bool { return i.Sreg == DS && i.SregRead }},
		{only32, "07", "pop %es", func(i *Inst) bool { return i.Sreg == ES && i.SregWrite }},
		{both, "66 8c e8", "mov %gs,%ax", func(i *Inst) bool { return i.Sreg == GS && i.SregRead && i.GPRMask(nil)&1 != 0 }},
		{both, "8e e0", "mov %eax,%fs", func(i *Inst) bool { return i.Sreg == FS && i.SregWrite }},
		{both, "65 8e 28", "mov %gs:(%rax),%gs", func(i *Inst) bool { return i.Sreg == GS && i.SregWrite && i.Seg == GS }},
		{both, "0f b5 08", "lgs (%rax),%ecx", func(i *Inst) bool { return i.Sreg == GS && i.SregWrite && i.MemOperand }},
		{both, "0f b4 08", "lfs (%rax),%ecx", func(i *Inst) bool { return i.Sreg == FS && i.SregWrite }},
		{both, "0f b2 08", "lss (%rax),%ecx", func(i *Inst) bool { return i.Sreg == SS && i.SregWrite }},
		{only32, "c5 08", "lds (%eax),%ecx", func(i *Inst) bool { return i.Sreg == DS && i.SregWrite && i.Enc == Legacy }},
		{only32, "c4 08", "les (%eax),%ecx", func(i *Inst) bool { return i.Sreg == ES && i.SregWrite }},
		{only32, "62 08", "bound %ecx,(%eax)", func(i *Inst) bool { return i.Enc == Legacy && i.MemOperand }},
		{only32, "63 08", "arpl %cx,(%eax)", nil},
		{only64, "48 63 c1", "movslq %ecx,%rax", nil},
		{only32, "66 e8 10 00", "callw 0x14", func(i *Inst) bool { return i.RelLen == 2 && i.Target(0) == 0x14 && !i.AmbiguousOpSize }},
		{only32, "66 0f 84 fe ff", "je 0x3", func(i *Inst) bool { return i.Rel == -2 && i.Target(0x40000) == 3 }},
		{only64, "66 e8 10 00 00 00", "call 0x16", func(i *Inst) bool { return i.AmbiguousOpSize && i.RelLen == 4 && i.OperandSize() == 64 }},
		{only64, "66 c3", "retw", func(i *Inst) bool { return i.AmbiguousOpSize }},
		{only64, "66 ff e0", "jmp *%ax", func(i *Inst) bool { return i.AmbiguousOpSize && i.Class == JmpInd }},
		{only64, "66 66 48 e8 10 00 00 00", "data16 data16 rex.W call", func(i *Inst) bool { return !i.AmbiguousOpSize && i.Target(0) == 0x18 }},
		{only64, "67 e8 10 00 00 00", "addr32 call", func(i *Inst) bool { return i.Class == Call && i.RelOff == 2 }},
		{both, "e8 fb ff ff ff", "call 0", func(i *Inst) bool { return i.Target(0x1000) == 0x1000 && i.Class == Call && i.PCRel }},
		{both, "eb fe", "jmp 0", func(i *Inst) bool { return i.Target(0x1000) == 0x1000 && i.Class == Jmp && !i.FallsThrough() }},
		{both, "e3 00", "jrcxz", func(i *Inst) bool { return i.Class == Jcc && i.GPRMask(nil) == 2 }},
		{both, "e2 fe", "loop", func(i *Inst) bool { return i.Class == Jcc && i.RelOff == 1 && i.RelLen == 1 }},
		{both, "f2 e9 00 00 00 00", "bnd jmp", func(i *Inst) bool { return i.Class == Jmp && i.Prefix == Repne|prefRepneLast }},
		{both, "3e ff e0", "notrack jmp *%rax", func(i *Inst) bool { return i.Class == JmpInd && !i.MemOperand }},
		{both, "c7 f8 10 00 00 00", "xbegin", func(i *Inst) bool { return i.Class == Jcc && i.RelOff == 2 && i.RelLen == 4 }},
		{both, "c6 f8 10", "xabort", func(i *Inst) bool { return i.Class == Seq && i.ImmLen == 1 }},
		{both, "f3 c3", "repz ret", func(i *Inst) bool { return i.Class == Ret }},
		{both, "c2 08 00", "ret $8", func(i *Inst) bool { return i.Class == Ret && i.ImmLen == 2 }},
		{both, "f3 a4", "rep movsb", func(i *Inst) bool { return i.StringOp && i.MemOperand && i.GPRMask(nil)&0xc2 == 0xc2 }},
		{both, "65 d7", "xlat %gs:(%rbx)", func(i *Inst) bool { return i.StringOp && i.Seg == GS }},
		{both, "0f f7 c1", "maskmovq %mm1,%mm0", func(i *Inst) bool { return i.StringOp && i.GPRMask(nil)&0x80 != 0 }},
		{both, "c5 f9 f7 c1", "vmaskmovdqu %xmm1,%xmm0", func(i *Inst) bool { return i.StringOp && i.GPRMask(nil)&0x80 != 0 }},
		{both, "f6 c1 10", "test $0x10,%cl", func(i *Inst) bool { return i.ImmLen == 1 }},
		{both, "f7 d1", "not %ecx", func(i *Inst) bool { return i.ImmLen == 0 && i.GPRMask(nil)&2 != 0 }},
		{both, "66 f7 c1 10 00", "test $0x10,%cx", func(i *Inst) bool { return i.ImmLen == 2 && i.OperandSize() == 16 }},
		{both, "f7 e1", "mul %ecx", func(i *Inst) bool { return i.GPRMask(nil)&7 == 7 }},
		{both, "f0 0f c7 08", "lock cmpxchg8b (%rax)", func(i *Inst) bool { return i.GPRMask(nil)&15 == 15 }},
		{both, "c4 e2 73 f6 c2", "mulx %edx,%ecx,%eax", func(i *Inst) bool { return i.GPRMask(nil)&7 == 7 }},
		{both, "c4 e2 69 f7 c1", "shlx %edx,%ecx,%eax", func(i *Inst) bool { return i.GPRMask(nil)&7 == 7 }},
		{both, "88 e0", "mov %ah,%al", func(i *Inst) bool { return i.GPRMask(nil) == 1 }},
		{only64, "40 88 e0", "mov %spl,%al", func(i *Inst) bool { return i.GPRMask(nil) == 0x11 }},
		{only64, "6a 10", "push $0x10", func(i *Inst) bool { return i.OperandSize() == 64 && i.GPRMask(nil) == 0x10 }},
		{only64, "48 66 8b 00", "REX without effect before 66", func(i *Inst) bool { return i.REX == 0 && i.OperandSize() == 16 }},
		{only32, "40", "inc %eax", nil},
		{only32, "67 8b 40 10", "mov 0x10(%bx,%si),%eax", func(i *Inst) bool {
			b, _ := i.MemBase()
			x, _ := i.MemIndex()
			return b == 3 && x == 6 && !i.HasSIB && i.DispLen == 1
		}},
		{only32, "67 8b 06 10 00", "mov 0x10,%eax", func(i *Inst) bool { _, ok := i.MemBase(); return !ok && i.DispLen == 2 }},
		{only32, "67 8b 87 10 00", "mov 0x10(%bx),%eax", func(i *Inst) bool { b, _ := i.MemBase(); return b == 3 && i.DispLen == 2 }},
		{only64, "4a 8b 44 e5 08", "mov 0x8(%rbp,%r12,8),%rax", func(i *Inst) bool { b, _ := i.MemBase(); x, _ := i.MemIndex(); return b == 5 && x == 12 }},
		{only64, "c4 e2 7b 4b 0c 18", "tileloadd (%rax,%rbx,1),%tmm1", func(i *Inst) bool { x, _ := i.MemIndex(); return x == 3 }},
		{only64, "c4 e2 78 49 c0", "tilerelease", nil},
		{only64, "c4 e2 73 5e c2", "tdpbssd %tmm1,%tmm2,%tmm0", nil},
		{both, "0f 20 00", "mov %cr0,%eax, whatever ModRM.mod is", func(i *Inst) bool { return !i.MemOperand && i.HasModRM }},
		{both, "66 0f 78 c1 02 03", "extrq $3,$2,%xmm1", func(i *Inst) bool { return i.ImmLen == 2 }},
		{both, "9b", "fwait", nil},
		{both, "9b d9 38", "fwait of fstcw", nil},
		{both, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "nop, 15 bytes", nil},
		{both, "df e0", "fnstsw %ax", func(i *Inst) bool { return i.GPRMask(nil)&1 != 0 }},
	}
	for _, test := range tests {
		code := unhex(t, test.bytes)
		for _, mode := range []Mode{Mode32, Mode64} {
			if test.mode&int(mode) == 0 {
				continue
			}
			want := len(code)
			if test.text == "fwait of fstcw" {
				want = 1
			}
			in, err := Decode(append(bytes.Clone(code), 0xcc, 0xcc), mode)
			if err != nil || int(in.Len) != want || test.check != nil && !test.check(&in) {
				t.Errorf("%s (%s) in mode %d: %v: %+v, registers %#x", test.text, test.bytes, mode, err, in, in.GPRMask(code))
			}
		}
	}
}

func TestInvalid(t *testing.T) {
	tests := []struct {
		mode  Mode
		bytes string
		why   string
	}{
		{Mode64, "06", "push %es in 64-bit mode"},
		{Mode64, "60", "pusha in 64-bit mode"},
		{Mode64, "9a 00 00 00 00 00 00", "far call in 64-bit mode"},
		{Mode64, "d4 0a", "aam in 64-bit mode"},
		{Mode64, "82 c0 01", "alias of 80 in 64-bit mode"},
		{Mode64, "62 08", "bound in 64-bit mode"},
		{Mode32, "f3 0f ae c0", "rdfsbase in 32-bit mode"},
		{Mode32, "0f 01 f8", "swapgs in 32-bit mode"},
		{Mode32, "f0 89 c0", "lock mov"},
		{Mode32, "f0 01 c0", "lock add without memory"},
		{Mode32, "f0 83 38 00", "lock cmp"},
		{Mode64, "66 c5 f8 77", "66 before VEX"},
		{Mode64, "f3 c5 f8 77", "f3 before VEX"},
		{Mode64, "48 c5 f8 77", "REX before VEX"},
		{Mode64, "f0 c5 f8 58 00", "lock before VEX"},
		{Mode64, "c5 f8 04 c0", "no such VEX opcode"},
		{Mode64, "c4 e0 78 58 c0", "VEX map 0"},
		{Mode64, "62 f1 78 48 58 c0", "EVEX with its fixed bit clear"},
		{Mode64, "62 f1 7c c8 58 c0", "zeroing without mask"},
		{Mode64, "62 f1 7c 68 58 c0", "vector length 3"},
		{Mode64, "62 f4 7c 48 58 c0", "EVEX map 4"},
		{Mode64, "c4 e2 61 90 44 1d 00", "gather with the mask as index"},
		{Mode64, "0f 0f c0 00", "no such 3DNow! suffix"},
		{Mode64, "0f 04", "no such opcode"},
		{Mode64, "fe d0", "group 4"},
		{Mode64, "ff f8", "group 5"},
		{Mode64, "ff d8", "far call through a register"},
		{Mode64, "8d c0", "lea of a register"},
		{Mode64, "8e c8", "mov to %cs"},
		{Mode64, "8c f0", "no such segment register"},
		{Mode64, "d6", "undocumented"},
		{Mode64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", "16 bytes"},
		{Mode32, "2e 2e 2e 2e 2e 2e 2e 2e 2e 2e 2e c7 05 00 00 00 00 00 00 00 00", "21 bytes"},
		{16, "90", "mode"},
	}
	for _, test := range tests {
		if in, err := Decode(unhex(t, test.bytes), test.mode); !errors.Is(err, ErrInvalid) || in != (Inst{}) {
			t.Errorf("%s (%s): %v, %+v", test.why, test.bytes, err, in)
		}
	}
}

// property checks what must hold for any bytes.
func property(t *testing.T, code []byte, mode Mode) {
	t.Helper()
	in, err := Decode(code, mode)
	again, err2 := Decode(bytes.Clone(code), mode)
	if in != again || !errors.Is(err, err2) {
		t.Fatalf("% x: two answers", code)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrTruncated):
		if len(code) >= maxLen {
			t.Fatalf("% x: truncated at %d bytes", code, len(code))
		}
		return
	case errors.Is(err, ErrInvalid):
		return
	default:
		t.Fatal(err)
	}
	n := int(in.Len)
	if n == 0 || n > maxLen || n > len(code) {
		t.Fatalf("% x: length %d", code, n)
	}
	for k := range n {
		if _, err := Decode(code[:k], mode); !errors.Is(err, ErrTruncated) {
			t.Fatalf("% x: first %d bytes: %v", code[:n], k, err)
		}
	}
	if short, err := Decode(code[:n:n], mode); err != nil || short != in {
		t.Fatalf("% x: bytes behind the instruction matter", code[:n])
	}
	for _, f := range [][2]uint8{{in.DispOff, in.DispLen}, {in.ImmOff, in.ImmLen}, {in.RelOff, in.RelLen}, {in.OpcodeOff, 1}} {
		if int(f[0])+int(f[1]) > n {
			t.Fatalf("% x: field outside: %+v", code[:n], in)
		}
	}
	if code[in.OpcodeOff] != in.Opcode || in.HasModRM && code[in.ModRMOff] != in.ModRM || in.HasSIB && code[in.ModRMOff+1] != in.SIB ||
		in.REX != 0 && code[in.REXOff] != in.REX {
		t.Fatalf("% x: field elsewhere: %+v", code[:n], in)
	}
	if in.Seg == FS && code[in.SegOff] != 0x64 || in.Seg == GS && code[in.SegOff] != 0x65 {
		t.Fatalf("% x: segment: %+v", code[:n], in)
	}
	mask := in.GPRMask(code[:n])
	if mode == Mode32 && mask > 0xff || mask > 0xffff {
		t.Fatalf("% x: registers %#x", code[:n], mask)
	}
	if r, ok := in.MemBase(); ok && mask>>r&1 == 0 {
		t.Fatalf("% x: base %d", code[:n], r)
	}
	if r, ok := in.MemIndex(); ok && mask>>r&1 == 0 {
		t.Fatalf("% x: index %d", code[:n], r)
	}
	in.Target(0)
	in.OperandSize()
	in.FallsThrough()
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	starts := [][]byte{{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}, {0x66, 0x0f}, {0xf3, 0x0f}, {0xc5}, {0xc4}, {0x62}, {0x8f}, {0x48}, {0x67}, {0xf0}}
	code := make([]byte, 20)
	for n := range 400_000 {
		for i := range code {
			code[i] = byte(r.Uint32())
		}
		copy(code, starts[n%len(starts)])
		property(t, code, Mode32)
		property(t, code, Mode64)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"f30f1efa", "c5f877", "62f17d486f400190", "8fea7810c144332211", "0f0f40109e", "48b88877665544332211", "66e81000", "67a12211"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, code []byte) {
		property(t, code, Mode32)
		property(t, code, Mode64)
	})
}
