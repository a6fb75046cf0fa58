package decode

import "golang.org/x/arch/x86/x86asm"

// SecondOpinion is the length that x86asm gives. It abstains where x86asm is known to be wrong or to know nothing: VEX, EVEX and XOP (it
// takes 4 to 8 bytes for the 3 of vzeroupper), results without an opcode, the hint space 0F 18 to 0F 1F with a mandatory prefix
// (endbr, rdssp), system instructions of 0F 01, 0F AE and 0F C7, moves of control and debug registers (it takes ModRM.mod for real), SSE4a and 3DNow!, near branches with 66, xbegin, and moffs with an
// address-size prefix.
func SecondOpinion(code []byte, mode Mode) (length int, ok bool) {
	in, err := Decode(code, mode)
	if err == nil {
		switch {
		case in.Enc != Legacy, in.Map == Map3DNow, in.Moffs && in.Prefix&AddrSize67 != 0, in.AmbiguousOpSize:
			return 0, false
		case in.branch() && in.Prefix&OpSize66 != 0:
			return 0, false
		case in.Map == MapOneByte && (in.Opcode == 0xc6 || in.Opcode == 0xc7) && in.ModRM == 0xf8:
			return 0, false
		case in.Map == Map0F:
			switch op := in.Opcode; {
			case op >= 0x18 && op <= 0x1f && in.Prefix&(Rep|Repne|OpSize66) != 0, op == 0x01, op == 0xae, op == 0xc7, op == 0x78, op == 0x79,
				op >= 0x20 && op <= 0x23:
				return 0, false
			}
		}
	}
	asm, err := x86asm.Decode(code, int(mode))
	if err != nil || asm.Op == 0 || asm.Len == 0 {
		return 0, false
	}
	return asm.Len, true
}
