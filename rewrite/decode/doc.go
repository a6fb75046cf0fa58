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
//     Inst.AmbiguousOpSize is set.
//   - LOCK before anything that cannot be locked, REX, 66, f2, f3 or LOCK before VEX, EVEX or XOP, and more than 15 bytes are
//     invalid here; objdump prints some of these.
package decode
