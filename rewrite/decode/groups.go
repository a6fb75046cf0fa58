package decode

// x87 validity: ModRM.reg of memory forms, and register forms c0-ff as bits.
var (
	x87Mem = [8]uint8{0xff, 0xfd, 0xff, 0xaf, 0xff, 0xdf, 0xff, 0xff}
	x87Reg = [8]uint64{
		0xffffffffffffffff,
		0xffff7f330001ffff, // d9: fnop only of d0-d7, no d8-df; fchs fabs ftst fxam; constants but ef
		0x00000200ffffffff, // da: fucompp
		0x00ffff1fffffffff, // db: fneni fndisi fnclex fninit fnsetpm
		0xffffffff0000ffff, // dc
		0x0000ffffffff00ff, // dd
		0xffffffff0200ffff, // de: fcompp
		0x00ffff01000000ff, // df: ffreep, fnstsw
	}
)

// special does what attributes cannot say: checks on ModRM.reg and on prefixes, classes inside groups, segment registers. It gives the
// kind of immediate, and false for an invalid instruction.
func (i *Inst) special(sp special, imm immKind, mandatory uint8) (immKind, bool) {
	reg, mem, long := i.ModRM>>3&7, i.MemOperand, i.mode == Mode64
	switch sp {
	case spSegPush, spSegPop:
		i.Sreg = ES + Seg(i.Opcode>>3&3)
		if i.Map == Map0F {
			i.Sreg = FS + Seg(i.Opcode>>3&1)
		}
		i.SregRead, i.SregWrite = sp == spSegPush, sp == spSegPop
	case spMovFromSeg, spMovToSeg:
		if reg > 5 || sp == spMovToSeg && reg == 1 {
			return imm, false
		}
		i.Sreg = ES + Seg(reg)
		i.SregRead, i.SregWrite = sp == spMovFromSeg, sp == spMovToSeg
	case spLoadFar:
		i.SregWrite = true
		i.Sreg = [8]Seg{4: ES, 5: DS, 2: SS, 0: FS}[i.Opcode&7]
		if i.Map == Map0F {
			i.Sreg = [8]Seg{2: SS, 4: FS, 5: GS}[i.Opcode&7]
		}
	case spPop:
		return imm, reg == 0
	case spGrp3:
		if reg < 2 {
			if imm = imm8; i.Opcode == 0xf7 {
				imm = immZ
			}
		}
	case spGrp4:
		return imm, reg < 2
	case spGrp5:
		switch reg {
		case 2:
			i.Class = CallInd
			i.attrs |= aNear
		case 3:
			i.Class = FarCall
			return imm, mem
		case 4:
			i.Class = JmpInd
			i.attrs |= aNear
		case 5:
			i.Class = FarJmp
			return imm, mem
		case 7:
			return imm, false
		}
	case spMovImm:
		if reg == 0 {
			return imm, true
		}
		if i.ModRM != 0xf8 {
			return imm, false
		}
		if i.Opcode == 0xc7 { // xbegin
			i.Class = Jcc
			i.attrs |= aNear
			return immRelZ, true
		}
	case spX87:
		n := i.Opcode & 7
		if mem {
			return imm, x87Mem[n]>>reg&1 != 0
		}
		if n == 7 && i.ModRM == 0xe0 { // fnstsw ax
			i.attrs |= 1 << aImplicitShift
		}
		return imm, x87Reg[n]>>(i.ModRM&63)&1 != 0
	case spControl:
		if i.Opcode&1 == 0 { // control registers
			return imm, reg == 0 || reg >= 2 && reg <= 4
		}
	case spGrp6:
		if reg == 6 && mandatory == 3 && long { // lkgs
			i.Sreg, i.SregWrite = GS, true
			return imm, true
		}
		return imm, reg < 6
	case spGrp7:
		return imm, i.grp7(mandatory)
	case spGrp8:
		return imm, reg >= 4
	case spGrp9:
		return imm, i.grp9(mandatory)
	case spGrp15:
		return imm, i.grp15(mandatory)
	case spPopcnt:
	case spExtrq:
		if mandatory == 0 {
			return imm, true // vmread, vmwrite
		}
		if i.Opcode == 0x78 {
			return imm8x8, !mem && (mandatory != 1 || reg == 0)
		}
		return imm, !mem
	case spMovlp:
		return imm, mandatory != 1 && (mandatory != 3 || i.Opcode == 0x12) || mandatory == 1 && mem
	case spMovq2dq:
		return imm, mandatory == 1 || !mem
	case spShift:
		if i.Opcode == 0x73 {
			return imm, reg == 2 || reg == 6 || mandatory == 1 && (reg == 3 || reg == 7)
		}
		return imm, reg == 2 || reg == 4 || reg == 6
	case spPadlock:
		i.StringOp, i.MemOperand = true, true
		if i.Opcode == 0xa6 {
			return imm, i.ModRM == 0xc0 || i.ModRM == 0xc8 || i.ModRM == 0xd0
		}
		return imm, !mem && i.ModRM&7 == 0 && reg < 6
	case sp38:
		return imm, i.map38(mandatory)
	case spHreset:
		return imm, i.ModRM == 0xc0
	}
	return imm, true
}

// map38 checks opcodes of 0F 38 whose prefixes give different instructions.
func (i *Inst) map38(mandatory uint8) bool {
	switch op := i.Opcode; {
	case op == 0xd8: // aesencwide128kl and its like
		return i.ModRM>>3&7 < 4
	case op == 0xdc: // aesenc128kl, loadiwkey in the register form
		return true
	case op >= 0xdd && op <= 0xdf:
		return mandatory == 1 || i.MemOperand
	case op == 0xf0 || op == 0xf1: // movbe, crc32
		if mandatory == 3 {
			return true
		}
		i.attrs &^= aByte | aByteSrc
		return i.MemOperand
	case op == 0xf6: // wrssd, adcx, adox
		return mandatory != 0 || i.MemOperand
	}
	return true
}

func (i *Inst) grp7(mandatory uint8) bool {
	reg, long := i.ModRM>>3&7, i.mode == Mode64
	if i.MemOperand {
		return reg != 5 || mandatory == 2 // rstorssp
	}
	if reg == 4 || reg == 6 { // smsw, lmsw
		return true
	}
	const np, o66, f3, f2 = 1, 2, 4, 8
	allowed := uint8(np | o66 | f3 | f2)
	switch m := i.ModRM; m {
	case 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc9, 0xca, 0xcb, 0xcf, 0xd0, 0xd1, 0xd4, 0xd5, 0xd6, 0xd7:
		allowed = np
		if m == 0xcf && long {
			allowed = np | o66
		}
	case 0xc6:
		if allowed = np; long {
			allowed = np | f3 | f2
		}
	case 0xc8: // monitor
		allowed = np
		i.StringOp, i.MemOperand = true, true
	case 0xcc:
		allowed = o66
	case 0xcd, 0xce:
		if allowed = 0; long {
			allowed = o66
		}
	case 0xd8, 0xda, 0xdb, 0xdf: // vmrun, vmload, vmsave, invlpga
	case 0xdc, 0xdd, 0xde:
	case 0xd9: // vmmcall, vmgexit
		allowed = np | f3 | f2
	case 0xe8:
		allowed = np | f3 | f2
	case 0xe9:
		allowed = f2
	case 0xea:
		allowed = f3
	case 0xec, 0xed: // uiret, testui
		if !long {
			return false
		}
		allowed = f3
		if m == 0xec && mandatory == 2 {
			i.Class = FarRet
		}
	case 0xee, 0xef: // rdpkru, wrpkru, clui, stui
		if allowed = np; long {
			allowed = np | f3
		}
	case 0xf8: // swapgs
		return long
	case 0xf9: // rdtscp
	case 0xfb: // mwaitx
		allowed = np
	case 0xfd: // rdpru, rmpquery
		if allowed = np; long {
			allowed = np | f3
		}
	case 0xfa, 0xfc: // monitorx or mcommit, clzero
		if m == 0xfa {
			allowed = np | f3
		}
		if m == 0xfc || mandatory != 2 {
			i.StringOp, i.MemOperand = true, true
		}
	case 0xfe: // invlpgb, rmpadjust
		if allowed = np; long {
			allowed = np | f3 | f2
		}
	case 0xff: // tlbsync, psmash, pvalidate
		if allowed = np | f2; long {
			allowed = np | f3 | f2
		}
	default:
		return false
	}
	return allowed>>mandatory&1 != 0
}

func (i *Inst) grp9(mandatory uint8) bool {
	reg := i.ModRM >> 3 & 7
	if i.MemOperand {
		switch reg {
		case 1:
			return true
		case 3, 4, 5:
			return mandatory == 0
		case 6:
			return mandatory != 3
		case 7:
			return mandatory == 0
		}
		return false
	}
	switch reg {
	case 6: // rdrand, senduipi
		return mandatory != 3 && (mandatory != 2 || i.mode == Mode64)
	case 7: // rdseed, rdpid
		return mandatory != 3
	}
	return false
}

func (i *Inst) grp15(mandatory uint8) bool {
	reg := i.ModRM >> 3 & 7
	if i.MemOperand {
		switch mandatory {
		case 0:
			return true
		case 1: // clwb, clflushopt
			return reg >= 6
		case 2: // ptwrite, clrssbsy
			return reg == 4 || reg == 6
		}
		return false
	}
	switch mandatory {
	case 0: // fences
		return reg >= 5
	case 1: // tpause
		return reg == 6
	case 2:
		switch {
		case reg < 4:
			i.FSGSBase = RdFSBase + FSGSBase(reg)
			return i.mode == Mode64
		case reg == 6: // umonitor
			i.StringOp, i.MemOperand = true, true
		}
		return reg <= 6
	}
	return reg == 6 // umwait
}

// is3DNow knows the suffixes of AMD's 3DNow! and its extension.
func is3DNow(b byte) bool {
	switch b {
	case 0x0c, 0x0d, 0x1c, 0x1d, 0x8a, 0x8e, 0x90, 0x94, 0x96, 0x97, 0x9a, 0x9e, 0xa0, 0xa4, 0xa6, 0xa7, 0xaa, 0xae, 0xb0, 0xb4, 0xb6,
		0xb7, 0xbb, 0xbf:
		return true
	}
	return false
}
