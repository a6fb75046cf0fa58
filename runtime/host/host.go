// Package host is what the kernel asks of the machine below it. The product's
// implementation is runtime/host/windows; runtime/host/linux serves the
// kernel's own tests natively and with -race.
//
// Every method returns a Linux error: implementations map their own errors
// with one documented function, so that the kernel never sees a foreign one.
package host

import (
	"time"

	"bee/runtime/abi"
)

// Prot is what a page allows. 0 is no access.
type Prot uint8

// The rights, as in PROT_READ, PROT_WRITE, PROT_EXEC.
const (
	Read Prot = 1 << iota
	Write
	Exec
)

// Memory is the process's own address space, in absolute addresses. All
// addresses and sizes are multiples of PageSize; those of Reserve and Release
// of Granularity.
//
// A page is free, reserved (takes no memory, faults on access) or committed.
// Calls may not span reservations made by several Reserve calls; the kernel
// splits them.
type Memory interface {
	PageSize() uintptr
	Granularity() uintptr
	// Reserve reserves exactly [addr, addr+size). ENOMEM where any part is
	// taken by somebody else.
	Reserve(addr, size uintptr) abi.Errno
	// ReserveAny reserves size bytes below limit (exclusive; 0: anywhere)
	// and tells where.
	ReserveAny(size, limit uintptr) (uintptr, abi.Errno)
	// Release frees exactly what one Reserve call reserved.
	Release(addr, size uintptr) abi.Errno
	// Commit makes reserved pages usable and zero. Pages that are committed
	// already keep their content and take the new protection.
	Commit(addr, size uintptr, p Prot) abi.Errno
	// Decommit gives pages back; their content is lost.
	Decommit(addr, size uintptr) abi.Errno
	// Protect changes committed pages.
	Protect(addr, size uintptr, p Prot) abi.Errno
	// Free tells the first free stretch of at least size bytes in [lo, hi),
	// searched from the top, aligned to Granularity.
	Free(lo, hi, size uintptr) (uintptr, bool)
	// Resident sets bit 0 of a byte of vec for each page that is in memory,
	// from addr on. The pages are committed, or of views.
	Resident(addr uintptr, vec []byte) abi.Errno

	Sections
}

// Section is memory that views show: what a file holds, or memory of no file.
type Section uintptr

// Sections are shared memory. What one view writes all others show, those of
// other processes on the same file too, and so do reads of the file.
type Sections interface {
	// NewSection makes a section of the first size bytes of an open file, or
	// of size bytes of zeroes if h is NoHandle. A file must be as long as
	// that, size greater than 0, and h open for reading, with write for
	// writing too. The section does not need h any more.
	NewSection(h Handle, size int64, write bool) (Section, abi.Errno)
	// CloseSection gives the section up. Its views stay.
	CloseSection(s Section) abi.Errno
	// MapView shows size bytes of the section, from off on, at addr. addr and
	// off are multiples of Granularity, the pages are free (not reserved), and
	// off+size does not go beyond the section; the last page may be partial,
	// and what lies behind the section's end in it is zero. Protect works on
	// the pages of a view like on committed ones, up to writing if write was
	// asked for here and in NewSection.
	MapView(s Section, off int64, addr, size uintptr, write bool) abi.Errno
	// UnmapView takes one view away, whole: its pages are free again.
	UnmapView(addr, size uintptr) abi.Errno
	// FlushView begins to write pages of one view to their file.
	FlushView(addr, size uintptr) abi.Errno
}

// Clock reads the host's clocks with the best granularity that it has.
type Clock interface {
	Realtime() time.Duration  // since 1970-01-01 UTC
	Monotonic() time.Duration // since boot
	ProcessCPU() (user, system time.Duration)
	ThreadCPU() (user, system time.Duration)
	// Sleep waits for d or until cancel is readable; it tells whether d has
	// passed.
	Sleep(d time.Duration, cancel <-chan struct{}) bool
}

// Parker lets one thread of the host wait. A host without one makes the kernel
// wait in Go's scheduler, which wakes a goroutine that is locked to its thread
// by way of two other threads.
type Parker interface {
	// Park waits until Unpark is called, or has been since Park returned last;
	// for d at most, if it is not negative, in steps of the host's timer. It
	// may return early.
	Park(d time.Duration)
	// Unpark may be called by anybody and does not block.
	Unpark()
}

// Info is what programs ask about the machine.
type Info struct {
	CPUs        int
	TotalMemory uint64 // bytes
	FreeMemory  uint64 // bytes
	TotalSwap   uint64 // bytes
	FreeSwap    uint64 // bytes
	Uptime      time.Duration
	Hostname    string
	UserName    string
	ParentPID   int
}

// Usage is what the process has used so far.
type Usage struct {
	// MinorFaults and MajorFaults count page faults without and with a read
	// from the disk; a host that does not tell them apart has all in the first.
	MinorFaults, MajorFaults uint64
	RSS, PeakRSS             uint64 // bytes of memory that are, and were at most, present
	ReadBytes, WriteBytes    uint64 // of read and write calls to the host
	ReadCalls, WriteCalls    uint64
}

// System is the rest of the machine. Methods that are about a thread mean the
// calling one.
type System interface {
	Info() Info
	Random(b []byte) abi.Errno
	PID() int
	Usage() Usage
	// CPUTimes tells the time since boot that all processors together spent
	// idle, in programs and in the system.
	CPUTimes() (idle, user, system time.Duration)
	// CPU tells the processor that runs the thread, below Info.CPUs.
	CPU() int
	// SetAffinity binds the thread to processors: bit i of mask is processor i.
	SetAffinity(mask []uint64) abi.Errno
	// SetNice gives the thread the priority that is nearest to a nice value
	// (-20 to 19); idle asks for the lowest there is.
	SetNice(nice int, idle bool)
	// Yield lets another thread that is ready run on the processor.
	Yield()
	// FlushWrites returns when every thread of the process has passed a memory
	// barrier.
	FlushWrites()
}
