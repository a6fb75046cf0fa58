// Package decode tells the length, the fields and the control flow of IA-32 and x86-64 instructions.
//
// Bytes come in, an Inst goes out: where the prefixes, opcode, ModRM, displacement and immediate of one instruction stand, what kind of
// branch it is, which segment registers and general registers it touches. The planner of the rewriter calls it for every byte that
// evidence says is code. There is no text here; golang.org/x/arch/x86/x86asm prints.
//
// The package knows the one-byte, 0F, 0F 38, 0F 3A and 3DNow! maps, VEX, EVEX (with maps 5 and 6), XOP, AMX and CET. It never guesses:
// bytes that are no instruction it knows give ErrInvalid, and bytes that end too early give ErrTruncated.
//
// # Where it differs from objdump
//
// Tests compare with objdump (binutils 2.40) at objdump's own boundaries. These differences are conventions, not errors:
//
//   - objdump prints prefixes that have no effect as instructions of their own ("rex.W", "data16", "repz", "cs", "lock"); here they
//     belong to the instruction behind them, as for the processor. A lone 9b is fwait here and there; "fstcw" and its like, which objdump
//     prints with 9b in front, are two instructions for the processor and here.
//   - 66 before a near branch in 64-bit mode: objdump shows AMD's 16-bit displacement, here it is Intel's 32-bit one and
//     Inst.AmbiguousOpSize is set. In 32-bit mode a short branch with 66 has its target cut to 16 bits here, as in the processor.
//   - LOCK before anything that cannot be locked, REX, 66, f2, f3 or LOCK before VEX, EVEX or XOP, and more than 15 bytes are
//     invalid here; objdump prints some of these. So are test registers, control registers that do not exist, mov to %cs and segment
//     registers 6 and 7, frstpm, and members of 0F 01, 0F AE, 0F C7, extrq, pmovmskb and the AMX configuration with prefixes or fields
//     for which there is no instruction.
//   - Valid here though objdump 2.40 says "(bad)": lkgs, register forms of 0F 0D, 0F 1A and 0F 1B (no operation), bsf and bsr with f2,
//     fences with another ModRM.rm than 0, and SHA512, SM3, SM4, AVX-VNNI-INT16 and AMX-COMPLEX.
//
// Missing: APX (REX2, EVEX map 4), AVX10.2 and VEX map 7.
package decode
