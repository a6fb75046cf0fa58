// Package launch starts the guest's process: the parent creates beerun again,
// suspended, reserves the image's own addresses there before anything else
// can take them, and lets it go. Both sides meet in a shared section that
// carries the configuration, the image and, at the end, the exit mark.
package launch

// Config is what the child is to run. Its strings need not be UTF-8.
type Config struct {
	// Program is the file that holds the program as the caller names it, for
	// messages and AT_EXECFN.
	Program string
	// File is its absolute path, for /proc/self/exe.
	File string
	// Offset is where the program begins in that file.
	Offset int64
	Args   []string // with argv[0]
	Env    []string
	Root   string  // host directory, or empty
	Mounts []Mount // beyond the default ones
	Cwd    string  // guest path; empty: the caller's directory
	Strace Strace
	// CountCalls is the host file that gets the counts of system calls
	// (kernel.Table.WriteCounts) at the end, or empty.
	CountCalls string
	// Base is where the image lies: where it is linked, but for
	// position-independent programs.
	Base uint64
	// Reserved are the ranges that the parent has reserved, one call each.
	Reserved []Range
	// ImageSize is the length in bytes of the .bee file, which follows the
	// configuration in the section.
	ImageSize int
}

// Mount shows a host directory at a guest path.
type Mount struct{ Guest, Host string }

// Strace says what to write to standard error about system calls.
type Strace uint8

// The forms of --strace.
const (
	StraceOff Strace = iota
	StraceCalls
	StraceSummary
)

// Range is [Lo, Hi) in the child's address space.
type Range struct{ Lo, Hi uint64 }

// EnvVar names the environment variable by which the child learns that it is
// one: "HANDLE SIZE" in hexadecimal, of the inherited section.
const EnvVar = "BEERUN_SECTION"
