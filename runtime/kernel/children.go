package kernel

import "bee/runtime/abi"

// Options of wait4(2) and waitid(2) that linux/wait.h names with two
// underscores, and the kinds of its waitid(2) argument.
const (
	waitNoThread = 1 << 29 // __WNOTHREAD
	waitAll      = 1 << 30 // __WALL
	waitClone    = 1 << 31 // __WCLONE

	waitAny     = 0 // P_ALL
	waitPID     = 1 // P_PID
	waitPGID    = 2 // P_PGID
	waitPIDFD   = 3 // P_PIDFD
	waitMachine = waitNoThread | waitAll | waitClone
)

// sysWait4 is wait4(2), and IA-32's waitpid(2): pid, status, options. There are
// no child processes, so what it is asked for is all that it can look at.
func sysWait4(_ *Task, a Args) (uint64, abi.Errno) {
	if uint32(a[2])&^(abi.WNOHANG|abi.WUNTRACED|abi.WCONTINUED|waitMachine) != 0 {
		return 0, abi.EINVAL
	}
	if int32(a[0]) == -1<<31 { // it has no opposite, which would be the group
		return 0, abi.ESRCH
	}
	return 0, abi.ECHILD
}

// sysWaitid is waitid(2): kind, id, siginfo, options.
func sysWaitid(_ *Task, a Args) (uint64, abi.Errno) {
	const states = abi.WEXITED | abi.WSTOPPED | abi.WCONTINUED
	options, id := uint32(a[3]), int32(a[1])
	if options&^(states|abi.WNOHANG|abi.WNOWAIT|waitMachine) != 0 || options&states == 0 {
		return 0, abi.EINVAL
	}
	switch int32(a[0]) {
	case waitAny:
	case waitPID:
		if id <= 0 {
			return 0, abi.EINVAL
		}
	case waitPGID:
		if id < 0 {
			return 0, abi.EINVAL
		}
	case waitPIDFD:
		if id < 0 {
			return 0, abi.EINVAL
		}
		return 0, abi.EBADF // there are no pidfds
	default:
		return 0, abi.EINVAL
	}
	return 0, abi.ECHILD
}
