//go:build 386 || amd64

package launch

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	procDebugActiveProcess     = kernel32.NewProc("DebugActiveProcess")
	procDebugActiveProcessStop = kernel32.NewProc("DebugActiveProcessStop")
	procDebugKillOnExit        = kernel32.NewProc("DebugSetProcessKillOnExit")
	procWaitForDebugEvent      = kernel32.NewProc("WaitForDebugEvent")
	procContinueDebugEvent     = kernel32.NewProc("ContinueDebugEvent")
	procGetThreadContext       = kernel32.NewProc("GetThreadContext")
	procSetThreadContext       = kernel32.NewProc("SetThreadContext")
)

// Kinds of debug events (minwinbase.h).
const (
	exceptionEvent     = 1
	createThreadEvent  = 2
	createProcessEvent = 3
	exitThreadEvent    = 4
	exitProcessEvent   = 5
	loadDLLEvent       = 6
)

// Answers to an exception event (winnt.h, ntstatus.h).
const (
	dbgContinue            = 0x00010002
	dbgExceptionNotHandled = 0x80010001
)

// debugEvent is DEBUG_EVENT (minwinbase.h) with the largest of its variants.
type debugEvent struct {
	code, pid, tid uint32
	exception      exceptionDebugInfo
}

// exceptionDebugInfo is EXCEPTION_DEBUG_INFO with EXCEPTION_RECORD in it.
type exceptionDebugInfo struct {
	code, flags uint32
	_           uintptr // the next record
	address     uintptr
	nparams     uint32
	params      [15]uintptr
	firstChance uint32
}

// createProcessInfo is the head of CREATE_PROCESS_DEBUG_INFO.
type createProcessInfo struct{ file, process, thread windows.Handle }

// createThreadInfo is the head of CREATE_THREAD_DEBUG_INFO.
type createThreadInfo struct{ thread windows.Handle }

// loadDLLInfo is the head of LOAD_DLL_DEBUG_INFO.
type loadDLLInfo struct{ file windows.Handle }

func (e *debugEvent) createProcess() *createProcessInfo {
	return (*createProcessInfo)(unsafe.Pointer(&e.exception))
}

func (e *debugEvent) createThread() *createThreadInfo {
	return (*createThreadInfo)(unsafe.Pointer(&e.exception))
}

func (e *debugEvent) loadDLL() *loadDLLInfo {
	return (*loadDLLInfo)(unsafe.Pointer(&e.exception))
}

// told is the exception in the form that redirect32 and redirect64 take.
func (e *debugEvent) told() exception {
	x := exception{code: nativeStatus(e.exception.code), addr: uint64(e.exception.address)}
	if e.exception.nparams >= 2 {
		x.info, x.addr2 = uint64(e.exception.params[0]), uint64(e.exception.params[1])
	}
	return x
}

// attach makes the calling OS thread the debugger of a process. All further
// calls must come from this thread.
func attach(pid uint32) error {
	// BOOL DebugActiveProcess(DWORD)
	if r, _, err := procDebugActiveProcess.Call(uintptr(pid)); r == 0 {
		return fmt.Errorf("DebugActiveProcess: %w", err)
	}
	// BOOL DebugSetProcessKillOnExit(BOOL): as with the job, the guest does
	// not outlive its parent. It is the default, too.
	procDebugKillOnExit.Call(1)
	return nil
}

// detach lets the process go on without a debugger.
func detach(pid uint32) { procDebugActiveProcessStop.Call(uintptr(pid)) }

// wait waits for the next event.
func (e *debugEvent) wait() error {
	// BOOL WaitForDebugEvent(LPDEBUG_EVENT, DWORD)
	if r, _, err := procWaitForDebugEvent.Call(uintptr(unsafe.Pointer(e)), windows.INFINITE); r == 0 {
		return fmt.Errorf("WaitForDebugEvent: %w", err)
	}
	return nil
}

// resume lets the process go on after the event.
func (e *debugEvent) resume(answer uint32) error {
	// BOOL ContinueDebugEvent(DWORD, DWORD, DWORD)
	if r, _, err := procContinueDebugEvent.Call(uintptr(e.pid), uintptr(e.tid), uintptr(answer)); r == 0 {
		return fmt.Errorf("ContinueDebugEvent: %w", err)
	}
	return nil
}
