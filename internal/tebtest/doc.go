// Package tebtest runs programs natively on Linux as they are patched for
// Windows: with the Windows patches, trampolines and thunk page, and with a
// stand-in for the runner (testdata/teb) behind them in the same segment.
//
//	thunk page | trampolines | code of the stand-in | params | zeroes
//
// The stand-in makes a TEB, keeps the slots, lets Linux carry out the system
// calls, and ends the program where a patch is not what it should be:
// thread-local memory is reached through the slots or not at all (the original
// segment is null), system calls come from the stand-in or kill (seccomp), and
// each arrival at a thunk must name its site and leave no address of a
// trampoline in a register or on the stack.
//
// The lockstep tests trace the original and the patched program side by side:
// at every single step, inside trampolines too, the PC map must give the state
// of the original at an instruction boundary, and going on from the mapped
// state must lead to the same.
//
// Single-threaded programs at fixed addresses only. It holds tests and nothing
// else.
package tebtest
