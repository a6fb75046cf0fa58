package abi

import "strconv"

// Signal is a Linux signal number. Both architectures number alike.
type Signal uint8

// NumSignals is the highest signal number (_NSIG).
const NumSignals = 64

// signalTable holds names and the texts of strsignal(3),
// by number.
var signalTable = [...]struct {
	name, text string
}{
	SIGHUP:    {"SIGHUP", "Hangup"},
	SIGINT:    {"SIGINT", "Interrupt"},
	SIGQUIT:   {"SIGQUIT", "Quit"},
	SIGILL:    {"SIGILL", "Illegal instruction"},
	SIGTRAP:   {"SIGTRAP", "Trace/breakpoint trap"},
	SIGABRT:   {"SIGABRT", "Aborted"},
	SIGBUS:    {"SIGBUS", "Bus error"},
	SIGFPE:    {"SIGFPE", "Floating point exception"},
	SIGKILL:   {"SIGKILL", "Killed"},
	SIGUSR1:   {"SIGUSR1", "User defined signal 1"},
	SIGSEGV:   {"SIGSEGV", "Segmentation fault"},
	SIGUSR2:   {"SIGUSR2", "User defined signal 2"},
	SIGPIPE:   {"SIGPIPE", "Broken pipe"},
	SIGALRM:   {"SIGALRM", "Alarm clock"},
	SIGTERM:   {"SIGTERM", "Terminated"},
	SIGSTKFLT: {"SIGSTKFLT", "Stack fault"},
	SIGCHLD:   {"SIGCHLD", "Child exited"},
	SIGCONT:   {"SIGCONT", "Continued"},
	SIGSTOP:   {"SIGSTOP", "Stopped (signal)"},
	SIGTSTP:   {"SIGTSTP", "Stopped"},
	SIGTTIN:   {"SIGTTIN", "Stopped (tty input)"},
	SIGTTOU:   {"SIGTTOU", "Stopped (tty output)"},
	SIGURG:    {"SIGURG", "Urgent I/O condition"},
	SIGXCPU:   {"SIGXCPU", "CPU time limit exceeded"},
	SIGXFSZ:   {"SIGXFSZ", "File size limit exceeded"},
	SIGVTALRM: {"SIGVTALRM", "Virtual timer expired"},
	SIGPROF:   {"SIGPROF", "Profiling timer expired"},
	SIGWINCH:  {"SIGWINCH", "Window changed"},
	SIGIO:     {"SIGIO", "I/O possible"},
	SIGPWR:    {"SIGPWR", "Power failure"},
	SIGSYS:    {"SIGSYS", "Bad system call"},
}

// Name tells the constant's name, as in "SIGSEGV".
func (s Signal) Name() string {
	if int(s) < len(signalTable) && signalTable[s].name != "" {
		return signalTable[s].name
	}
	if s >= 32 && s <= NumSignals {
		return "SIGRT_" + strconv.Itoa(int(s)-32)
	}
	return strconv.Itoa(int(s))
}

// String tells strsignal(3)'s text, as in "Segmentation fault".
func (s Signal) String() string {
	if int(s) < len(signalTable) && signalTable[s].text != "" {
		return signalTable[s].text
	}
	if s >= 34 && s <= NumSignals {
		return "Real-time signal " + strconv.Itoa(int(s)-34)
	}
	return "Unknown signal " + strconv.Itoa(int(s))
}

// Ignored tells whether the default action is to do nothing.
func (s Signal) Ignored() bool {
	return s == SIGCHLD || s == SIGURG || s == SIGWINCH || s == SIGCONT
}

// Stops tells whether the default action is to stop the process.
func (s Signal) Stops() bool {
	return s == SIGSTOP || s == SIGTSTP || s == SIGTTIN || s == SIGTTOU
}
