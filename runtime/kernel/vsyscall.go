package kernel

import "bee/runtime/abi"

// vsyscallPage is where old x86-64 programs call three functions of the
// kernel, 1024 bytes apart, on every Linux since 2.6.
const vsyscallPage = 0xffffffffff600000

// Vsyscall tells which system call a call of addr stands for; addr is where an
// instruction was to be fetched and the fault occurred.
//
// No program's memory lies there, so on Windows such a call is an access
// violation. The runner answers it like Linux, which emulates the page too: it
// carries out the system call with the usual arguments, puts the result into
// RAX, takes the return address off the stack and goes on there. The frame
// that the exception leaves below the stack pointer harms nobody: behind a call
// instruction there is no red zone.
func (t *Task) Vsyscall(addr uint64) (nr uint32, ok bool) {
	if !t.is64() {
		return 0, false
	}
	switch addr {
	case vsyscallPage:
		return abi.AMD64NrGettimeofday, true
	case vsyscallPage + 0x400:
		return abi.AMD64NrTime, true
	case vsyscallPage + 0x800:
		return abi.AMD64NrGetcpu, true
	}
	return 0, false
}
