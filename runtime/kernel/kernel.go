// Package kernel is the Linux kernel that a guest sees, in Go: system calls
// come in with numbers and arguments, results and error numbers go out. It
// knows nothing of machine code or of Windows: below it stand packages abi
// (layouts, constants) and host (memory, files, clocks).
//
// The objects are Linux's own: an AddressSpace holds mappings, a Process holds
// files, working directory, limits and identity, a Task is one thread.
// Several Processes may share one AddressSpace (vfork). No package-level
// state: everything is reached through the Task.
package kernel

import (
	"bee/image"
	"bee/runtime/abi"
)

// Args are a system call's arguments, zero-extended from the guest's width.
type Args [6]uint64

// Handler carries out one system call. The result is the value that Linux
// returns; with a non-zero Errno it is ignored and -errno goes to the guest.
type Handler func(t *Task, a Args) (uint64, abi.Errno)

// Support says how much of a call is implemented.
type Support uint8

// The levels, as the compatibility pages show them.
const (
	None    Support = iota // answers ENOSYS, quietly and counted
	Partial                // works as far as Call.Note says
	Full
)

// Call is a row of an area's list of system calls. Areas (files, memory,
// time...) each have such a list; the table of an architecture joins their
// names with its numbers.
type Call struct {
	Name    string
	Handler Handler
	Support Support
	Note    string // for users: what is missing
	// Arch restricts the row to one architecture where calls of one name
	// differ (old mmap, select); 0 means all.
	Arch image.Arch
}

// CPU is what the kernel asks of a task's virtual processor.
type CPU interface {
	// ThreadPointer is the base that the guest's thread pointer register has
	// (%gs on IA-32, %fs on x86-64).
	ThreadPointer() uint64
	// SetThreadPointer changes it; mirrored words are written back to the
	// old block and loaded from the new one.
	SetThreadPointer(base uint64) abi.Errno
	// Block says that a call of the host follows that may take long and that
	// Interrupt is to end, with EINTR, or that it is over.
	Block(begin bool)
	Machine
}
