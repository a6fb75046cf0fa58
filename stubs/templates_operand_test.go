package stubs

// As templateCases, for the glue of operands. Behind the number of the register
// that is in SlotSpill stand that in SlotResume and what else is not the
// guest's.
var operandCases = []templateCase{
	{"address", false, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.Lea(CX, true, 0, 0x47, 8) // 8(%bx)
		a.State(0x8048100, CX)
		a.AddBase(CX, DX)
		a.Raw([]byte{0xff, 0x01}) // incl (%ecx)
		a.State(0x8048104, CX)
		a.LoadSlot(CX, SlotSpill)
	}, `
64890d040f0000 | mov %ecx,%fs:0xf04 | 0x8048100* -
678d4f08 | lea 0x8(%bx),%ecx | 0x8048100 -
648915080f0000 | mov %edx,%fs:0xf08 | 0x8048100 1
648b15f00e0000 | mov %fs:0xef0,%edx | 0x8048100 1
8d0c0a | lea (%edx,%ecx),%ecx | 0x8048100 1,2
648b15080f0000 | mov %fs:0xf08,%edx | 0x8048100 1,2
ff01 | incl (%ecx) | 0x8048100 1
648b0d040f0000 | mov %fs:0xf04,%ecx | 0x8048104 1
`, 5, 0},
	{"address", true, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.Lea(CX, true, 3, 0x44, 0x8d, 8) // 8(%r13d,%r9d,4)
		a.State(0x8048100, CX)
		a.AddBase(CX, DX)
		a.Raw([]byte{0xff, 0x01}) // incl (%rcx)
		a.State(0x8048104, CX)
		a.LoadSlot(CX, SlotSpill)
	}, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
67438d4c8d08 | lea 0x8(%r13d,%r9d,4),%ecx | 0x8048100 -
654889142570160000 | mov %rdx,%gs:0x1670 | 0x8048100 1
65488b142540160000 | mov %gs:0x1640,%rdx | 0x8048100 1
488d0c0a | lea (%rdx,%rcx),%rcx | 0x8048100 1,2
65488b142570160000 | mov %gs:0x1670,%rdx | 0x8048100 1,2
ff01 | incl (%rcx) | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048104 1
`, 5, 0},
	{"immediate address", true, func(a *Asm) {
		a.MovImm(CX, 0x90000000)
		a.MovImm(9, 0x123456789a)
		a.MovImm(10, 1)
	}, `
b900000090 | mov $-0x70000000,%ecx | 0x8048100* -
49b99a78563412000000 | mov $0x123456789a,%r9 | 0x8048100 -
41ba01000000 | mov $0x1,%r10d | 0x8048100 -
`, 0, 0},
	{"immediate address", false, func(a *Asm) { a.MovImm(CX, 0x1234) }, `
b934120000 | mov $0x1234,%ecx | 0x8048100* -
`, 0, 0},
	{"cut", false, func(a *Asm) { a.Cut(DI, 2) }, `
0fb7ff | movzwl %di,%edi | 0x8048100* -
`, 0, 0},
	{"cut", true, func(a *Asm) { a.Cut(DI, 4); a.Cut(9, 4) }, `
89ff | mov %edi,%edi | 0x8048100* -
4589c9 | mov %r9d,%r9d | 0x8048100 -
`, 0, 0},
	{"xlat", false, func(a *Asm) {
		a.MovzxAL(SI)
		a.Lea(SI, true, 0, 0)
	}, `
0fb6f0 | movzbl %al,%esi | 0x8048100* -
678d30 | lea (%bx,%si),%esi | 0x8048100 -
`, 0, 0},
	{"string", false, func(a *Asm) { a.StringGlue([]byte{0xf3, 0xa4}, DX, false, nil, 0x8048103) }, `
648915040f0000 | mov %edx,%fs:0xf04 | 0x8048100* -
648b15f00e0000 | mov %fs:0xef0,%edx | 0x8048100 -
8d3432 | lea (%edx,%esi),%esi | 0x8048100 2
f3a4 | rep movsb %ds:(%esi),%es:(%edi) | 0x8048100 2 biased
f7d2 | not %edx | 0x8048103 2 biased
8d741601 | lea 0x1(%esi,%edx),%esi | 0x8048103 2 biased
648b15040f0000 | mov %fs:0xf04,%edx | 0x8048103 2
`, 3, 0},
	{"string", true, func(a *Asm) { a.StringGlue([]byte{0xf3, 0x48, 0xa5}, DX, false, nil, 0x8048104) }, `
654889142568160000 | mov %rdx,%gs:0x1668 | 0x8048100* -
65488b142540160000 | mov %gs:0x1640,%rdx | 0x8048100 -
488d3432 | lea (%rdx,%rsi),%rsi | 0x8048100 2
f348a5 | rep movsq %ds:(%rsi),%es:(%rdi) | 0x8048100 2 biased
48f7d2 | not %rdx | 0x8048104 2 biased
488d741601 | lea 0x1(%rsi,%rdx),%rsi | 0x8048104 2 biased
65488b142568160000 | mov %gs:0x1668,%rdx | 0x8048104 2
`, 3, 0},
	{"string with 32-bit addresses", true, func(a *Asm) { a.StringGlue([]byte{0xf3, 0xa4}, DX, true, []Reg{DI, CX}, 0x8048104) }, `
654889142568160000 | mov %rdx,%gs:0x1668 | 0x8048100* -
65488b142540160000 | mov %gs:0x1640,%rdx | 0x8048100 -
89f6 | mov %esi,%esi | 0x8048100 2
89ff | mov %edi,%edi | 0x8048100 2
89c9 | mov %ecx,%ecx | 0x8048100 2
488d3432 | lea (%rdx,%rsi),%rsi | 0x8048100 2
f3a4 | rep movsb %ds:(%rsi),%es:(%rdi) | 0x8048100 2 biased
89ff | mov %edi,%edi | 0x8048104 2 biased
48f7d2 | not %rdx | 0x8048104 2 biased
8d741601 | lea 0x1(%rsi,%rdx),%esi | 0x8048104 2 biased
65488b142568160000 | mov %gs:0x1668,%rdx | 0x8048104 2
`, 3, 0},
	{"complement above 7", true, func(a *Asm) {
		a.Not(9)
		a.LeaLess(SI, 9, false)
		a.LeaLess(9, SI, true)
	}, `
49f7d1 | not %r9 | 0x8048100* -
4a8d740e01 | lea 0x1(%rsi,%r9),%rsi | 0x8048100 -
458d4c3101 | lea 0x1(%r9,%rsi),%r9d | 0x8048100 -
`, 0, 0},
	{"call", false, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.State(0x8048100, CX)
		a.CallTargetGlue(CX, 0x8048107, false)
	}, `
64890d040f0000 | mov %ecx,%fs:0xf04 | 0x8048100* -
64890d080f0000 | mov %ecx,%fs:0xf08 | 0x8048100 1
648b0d040f0000 | mov %fs:0xf04,%ecx | 0x8048100 1
6807810408 | push $0x8048107 | 0x8048100 -
64ff25080f0000 | jmp *%fs:0xf08 | 0x8048100 - pushed
`, 4, 1},
	{"call", true, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.State(0x8048100, CX)
		a.CallTargetGlue(CX, 0x8048107, false)
	}, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
6548890c2570160000 | mov %rcx,%gs:0x1670 | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048100 1
6807810408 | pushq $0x8048107 | 0x8048100 -
65ff242570160000 | jmpq *%gs:0x1670 | 0x8048100 - pushed
`, 4, 1},
	{"call, relocatable", true, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.State(0x8048100, CX)
		a.CallTargetGlue(CX, 0x8048107, true)
	}, `
6548890c2568160000 | mov %rcx,%gs:0x1668 | 0x8048100* -
6548890c2570160000 | mov %rcx,%gs:0x1670 | 0x8048100 1
488d0dee7004ff | lea 0xff0470ee(%rip),%rcx | 0x8048100 1
51 | push %rcx | 0x8048100 1
65488b0c2568160000 | mov %gs:0x1668,%rcx | 0x8048100 1 pushed
65ff242570160000 | jmpq *%gs:0x1670 | 0x8048100 - pushed
`, 4, 0},
	{"over the end of a mirrored word", false, func(a *Asm) {
		a.StoreSlot(SlotSpill, CX)
		a.LoadSlot(CX, SlotBase)
		a.State(0x8048100, CX)
		words := []MirrorWord{{0x14, SlotCanary}, {0x18, SlotPointerGuard}}
		a.WriteBack(CX, DX, words)
		a.Raw([]byte{0x0f, 0x11, 0x81, 0x10, 0, 0, 0}) // movups %xmm0,0x10(%ecx)
		a.State(0x8048108, CX)
		a.Reload(CX, DX, words)
		a.LoadSlot(CX, SlotSpill)
	}, `
64890d040f0000 | mov %ecx,%fs:0xf04 | 0x8048100* -
648b0df00e0000 | mov %fs:0xef0,%ecx | 0x8048100 -
648915080f0000 | mov %edx,%fs:0xf08 | 0x8048100 1
648b15f80e0000 | mov %fs:0xef8,%edx | 0x8048100 1,2
899114000000 | mov %edx,0x14(%ecx) | 0x8048100 1,2
648b15000f0000 | mov %fs:0xf00,%edx | 0x8048100 1,2
899118000000 | mov %edx,0x18(%ecx) | 0x8048100 1,2
648b15080f0000 | mov %fs:0xf08,%edx | 0x8048100 1,2
0f118110000000 | movups %xmm0,0x10(%ecx) | 0x8048100 1
648915080f0000 | mov %edx,%fs:0xf08 | 0x8048108 1 reload
8b9114000000 | mov 0x14(%ecx),%edx | 0x8048108 1,2 reload
648915f80e0000 | mov %edx,%fs:0xef8 | 0x8048108 1,2 reload
8b9118000000 | mov 0x18(%ecx),%edx | 0x8048108 1,2 reload
648915000f0000 | mov %edx,%fs:0xf00 | 0x8048108 1,2 reload
648b15080f0000 | mov %fs:0xf08,%edx | 0x8048108 1,2
648b0d040f0000 | mov %fs:0xf04,%ecx | 0x8048108 1
`, 11, 0},
	{"over the end of a mirrored word", true, func(a *Asm) {
		words := []MirrorWord{{0x28, SlotCanary}}
		a.State(0x8048100, 9)
		a.WriteBack(9, DX, words)
		a.State(0x8048108, 9)
		a.Reload(9, DX, words)
	}, `
654889142570160000 | mov %rdx,%gs:0x1670 | 0x8048100* 9
65488b142550160000 | mov %gs:0x1650,%rdx | 0x8048100 9,2
49899128000000 | mov %rdx,0x28(%r9) | 0x8048100 9,2
65488b142570160000 | mov %gs:0x1670,%rdx | 0x8048100 9,2
654889142570160000 | mov %rdx,%gs:0x1670 | 0x8048108 9 reload
498b9128000000 | mov 0x28(%r9),%rdx | 0x8048108 9,2 reload
654889142550160000 | mov %rdx,%gs:0x1650 | 0x8048108 9,2 reload
65488b142570160000 | mov %gs:0x1670,%rdx | 0x8048108 9,2
`, 6, 0},
	{"return address, proof", false, func(a *Asm) { a.PushProof(0x8048107, false) }, `
6807810408 | push $0x8048107 | 0x8048100* -
`, 0, 1},
	{"return address, proof, relocatable", true, func(a *Asm) { a.PushProof(0x8048107, true) }, `
51 | push %rcx | 0x8048100* -
488d0dff7004ff | lea 0xff0470ff(%rip),%rcx | 0x8048100 -
48870c24 | xchg %rcx,(%rsp) | 0x8048100 -
`, 0, 0},
}
