package host

import "bee/runtime/abi"

// Terminal is the terminal that the process belongs to: what /dev/tty means,
// whatever the standard streams are. It is a terminal without a line
// discipline, which is the kernel's: what is typed arrives as it is typed, in
// UTF-8, keys that are no characters as the sequences of an xterm; what is
// written understands the same sequences, and a line feed does no more than
// that.
//
// Other processes may use the same console. So it stays as it was found until
// the first Start or Write, and input is taken only while the program wants
// some.
type Terminal interface {
	// Connect says who is told of what happens. It is called once, before
	// all else.
	Connect(TerminalEvents)
	// Start makes the console one that a program reads. Further calls do
	// nothing.
	Start() abi.Errno
	// Signals says whether Ctrl-C is to reach all processes of the console,
	// as an Interrupt event, rather than to be input.
	Signals(on bool)
	// Want says whether input is awaited. While it is, a goroutine of the
	// console's own waits for it, without using the processor.
	Want(on bool)
	// Drain passes on what has been typed already, and does not wait.
	Drain()
	// Discard forgets what has been typed and not been passed on.
	Discard()
	// Write shows text; it may keep the beginning of a character whose end
	// comes with the next call.
	Write(p []byte) (int, abi.Errno)
	// Size tells columns and rows.
	Size() (cols, rows uint16, e abi.Errno)
	// Close gives unread input back to whoever reads the console next, and
	// leaves the console as it was found.
	Close(unread []byte)
}

// TerminalEvents takes what happens on a console. Calls come from goroutines of
// the console's, Input and Resized also from within Drain.
type TerminalEvents interface {
	Input(p []byte) // p is the caller's
	Interrupt()     // Ctrl-C, if it is no input
	Quit()          // Ctrl-Break
	Closed()        // the window is closed, or the user logs off
	Resized()
	HangUp() // no more input will come
}
