//go:build 386 || amd64

package launch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/internal/address"
)

var (
	kernel32           = windows.NewLazySystemDLL("kernel32.dll")
	procVirtualAllocEx = kernel32.NewProc("VirtualAllocEx")
	procVirtualQueryEx = kernel32.NewProc("VirtualQueryEx")
	procTerminate      = kernel32.NewProc("TerminateProcess")
	errRangeTaken      = errors.New("address range is taken")
)

const (
	// startAttempts is how often a process is started until the range is free.
	startAttempts = 16
	// granularity is that of reservations, in bytes
	// (SYSTEM_INFO.dwAllocationGranularity, the same on every Windows).
	granularity uint64 = 65536
	// endGrace is how long a process may outlive the guest's thread,
	// milliseconds.
	endGrace = 2000
	// procThreadAttributeJobList is PROC_THREAD_ATTRIBUTE_JOB_LIST
	// (processthreadsapi.h): the jobs that a new process is in from its start.
	procThreadAttributeJobList = 0x2000d
)

// Reservation is what the parent reserves in the child.
type Reservation struct {
	// Must is the image with its trampolines.
	Must Range
	// Room is how far behind it the heap may grow at best; less is fine.
	Room uint64
	// Also is reserved besides; where it is taken, the guest does without.
	Also []Range
}

// Child is a started guest process.
type Child struct {
	process windows.Handle
	thread  windows.Handle // the first one, which runs the guest
	job     windows.Handle
	view    []byte
	section windows.Handle
	pid     uint32
	// request and answer are the events of control, 0 if they could not be
	// made.
	request, answer windows.Handle
	// debugged is closed once the debugger, if there is one, is done.
	debugged chan struct{}
}

// Start runs cfg with image in a child whose address space has res reserved.
// A process's first stack and heap may lie in the wanted range by chance, so
// it tries several times.
func Start(exe string, cfg Config, img []byte, res Reservation) (*Child, error) {
	cfg.ImageSize = len(img)
	// The reserved ranges are known only once the child exists; leave room.
	probe := cfg
	probe.Reserved = slices.Repeat([]Range{{^uint64(0), ^uint64(0)}}, 1+len(res.Also))
	configRoom := len(encode(probe))
	size := configStart + configRoom + len(img)

	sa := windows.SecurityAttributes{InheritHandle: 1}
	sa.Length = uint32(unsafe.Sizeof(sa))
	section, err := windows.CreateFileMapping(windows.InvalidHandle, &sa, windows.PAGE_READWRITE, 0, uint32(size), nil)
	if err != nil {
		return nil, fmt.Errorf("shared section of %d bytes: %w", size, err)
	}
	addr, err := windows.MapViewOfFile(section, windows.FILE_MAP_READ|windows.FILE_MAP_WRITE, 0, 0, uintptr(size))
	if err != nil {
		windows.CloseHandle(section)
		return nil, fmt.Errorf("shared section of %d bytes: %w", size, err)
	}
	c := &Child{section: section, view: unsafe.Slice((*byte)(address.Pointer(addr)), size)}
	copy(c.view[configStart+configRoom:], img)
	binary.LittleEndian.PutUint64(c.view[configSize:], uint64(configRoom))
	// Without the events the guest runs, but without a debugger.
	if c.request, err = windows.CreateEvent(&sa, 0, 0, nil); err == nil {
		if c.answer, err = windows.CreateEvent(&sa, 1, 0, nil); err == nil {
			control := controlOf(c.view)
			control.request, control.answer = uint64(c.request), uint64(c.answer)
		}
	}
	c.job = createJob()

	var last error
	for range startAttempts {
		last = c.startOnce(exe, cfg, res, configRoom)
		if last == nil {
			return c, nil
		}
		// Creating a process may fail for a moment on a busy machine, which
		// Windows calls an internal error.
		if !errors.Is(last, errRangeTaken) && !errors.Is(last, windows.ERROR_INTERNAL_ERROR) {
			break
		}
	}
	c.Close()
	return nil, last
}

// startOnce creates the process, reserves and lets it go.
func (c *Child) startOnce(exe string, cfg Config, res Reservation, configRoom int) error {
	pi, err := c.createSuspended(exe)
	if err != nil {
		return err
	}
	started := false
	defer func() {
		if !started {
			windows.CloseHandle(pi.Thread)
			_ = windows.TerminateProcess(pi.Process, 1)
			windows.CloseHandle(pi.Process)
		}
	}()

	cfg.Reserved, err = reserve(pi.Process, res)
	if err != nil {
		return err
	}
	copy(c.view[configStart:configStart+configRoom], encode(cfg))
	controlOf(c.view).firstThread = pi.ThreadId

	if _, err := windows.ResumeThread(pi.Thread); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	started = true
	c.process, c.thread, c.pid = pi.Process, pi.Thread, pi.ProcessId
	return nil
}

// createJob makes the job that takes the guest along when its parent is
// killed. 0 if there can be none.
func createJob() windows.Handle {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return 0
	}
	var limit windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limit.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limit)), uint32(unsafe.Sizeof(limit)))
	if err != nil {
		windows.CloseHandle(job)
		return 0
	}
	return job
}

// createSuspended starts exe again, inside the job. A process that is put into
// its job later would stay, suspended, if the parent was killed in between; so
// that is only for systems that refuse the attribute.
func (c *Child) createSuspended(exe string) (*windows.ProcessInformation, error) {
	if c.job != 0 {
		if pi, err := c.create(exe, c.job); err == nil {
			return pi, nil
		}
	}
	pi, err := c.create(exe, 0)
	if err == nil && c.job != 0 {
		if windows.AssignProcessToJobObject(c.job, pi.Process) != nil {
			// Inside a job that forbids nesting: the guest runs without.
			windows.CloseHandle(c.job)
			c.job = 0
		}
	}
	return pi, err
}

// create starts exe again, suspended, in job if there is one, with the
// section, the events and the standard handles, and nothing else, inherited.
func (c *Child) create(exe string, job windows.Handle) (*windows.ProcessInformation, error) {
	exe16, err := windows.UTF16PtrFromString(exe)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", exe, err)
	}
	cmdline, err := windows.UTF16PtrFromString(windows.EscapeArg(exe))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", exe, err)
	}

	var si windows.StartupInfoEx
	si.Cb = uint32(unsafe.Sizeof(si))
	si.Flags = windows.STARTF_USESTDHANDLES
	inherit := []windows.Handle{c.section}
	if c.answer != 0 {
		inherit = append(inherit, c.request, c.answer)
	}
	std := func(which uint32) windows.Handle {
		h, err := windows.GetStdHandle(which)
		if err != nil || h == 0 || h == windows.InvalidHandle {
			return 0
		}
		// A handle that is closed or a console's stand-in cannot be made
		// inheritable; the child then has none.
		if windows.SetHandleInformation(h, windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT) != nil {
			return 0
		}
		for _, have := range inherit {
			if have == h {
				return h
			}
		}
		inherit = append(inherit, h)
		return h
	}
	si.StdInput = std(windows.STD_INPUT_HANDLE)
	si.StdOutput = std(windows.STD_OUTPUT_HANDLE)
	si.StdErr = std(windows.STD_ERROR_HANDLE)

	list, err := windows.NewProcThreadAttributeList(2)
	if err != nil {
		return nil, fmt.Errorf("attribute list: %w", err)
	}
	defer list.Delete()
	err = list.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
		unsafe.Pointer(&inherit[0]), uintptr(len(inherit))*unsafe.Sizeof(inherit[0]))
	if err != nil {
		return nil, fmt.Errorf("attribute list: %w", err)
	}
	if job != 0 {
		if err := list.Update(procThreadAttributeJobList, unsafe.Pointer(&job), unsafe.Sizeof(job)); err != nil {
			return nil, fmt.Errorf("attribute list: %w", err)
		}
	}
	si.ProcThreadAttributeList = list.List()

	env := childEnv(fmt.Sprintf("%s=%x %x", EnvVar, uintptr(c.section), len(c.view)))
	pi := new(windows.ProcessInformation)
	err = windows.CreateProcess(exe16, cmdline, nil, nil, true,
		windows.CREATE_SUSPENDED|windows.CREATE_UNICODE_ENVIRONMENT|windows.EXTENDED_STARTUPINFO_PRESENT,
		&env[0], nil, &si.StartupInfo, pi)
	if err != nil {
		return nil, fmt.Errorf("%s: start again for the guest: %w", exe, err)
	}
	return pi, nil
}

// childEnv is the environment block of the runner itself (not the guest's).
func childEnv(extra string) []uint16 {
	var b []uint16
	for _, kv := range append(os.Environ(), extra) {
		if strings.IndexByte(kv, 0) >= 0 {
			continue
		}
		u, err := windows.UTF16FromString(kv)
		if err != nil {
			continue
		}
		b = append(b, u...)
	}
	return append(b, 0)
}

// reserve takes the image's range and as much room behind it as there is.
func reserve(p windows.Handle, res Reservation) ([]Range, error) {
	lo := res.Must.Lo &^ (granularity - 1)
	hi := (res.Must.Hi + granularity - 1) &^ (granularity - 1)
	try := func(lo, hi uint64) bool {
		r, _, _ := procVirtualAllocEx.Call(uintptr(p), uintptr(lo), uintptr(hi-lo),
			windows.MEM_RESERVE, windows.PAGE_NOACCESS)
		return r == uintptr(lo) && r != 0
	}
	taken := []Range(nil)
	for room := res.Room &^ (granularity - 1); room >= granularity && taken == nil; room = room / 2 &^ (granularity - 1) {
		if try(lo, hi+room) {
			taken = []Range{{lo, hi + room}}
		}
	}
	if taken == nil && try(lo, hi) {
		taken = []Range{{lo, hi}}
	}
	for _, r := range res.Also {
		if taken != nil && try(r.Lo, r.Hi) {
			taken = append(taken, r)
		}
	}
	if taken != nil {
		return taken, nil
	}
	return nil, fmt.Errorf("%w: [%#x, %#x), where the program is linked, in the new process: %s",
		errRangeTaken, lo, hi, occupant(p, lo, hi))
}

// occupant says what lies in the range, for the error message.
func occupant(p windows.Handle, lo, hi uint64) string {
	for at := uintptr(lo); uint64(at) < hi; {
		var mbi memoryBasicInformation
		if n, _, _ := procVirtualQueryEx.Call(uintptr(p), at, uintptr(unsafe.Pointer(&mbi)), unsafe.Sizeof(mbi)); n == 0 || mbi.regionSize == 0 {
			break
		}
		const memFree, memImage = 0x10000, 0x1000000
		if mbi.state != memFree {
			what := "memory"
			if mbi.kind == memImage {
				what = "an executable or library"
			}
			return fmt.Sprintf("%s at %#x, %#x bytes",
				what, mbi.baseAddress, mbi.regionSize)
		}
		at = mbi.baseAddress + mbi.regionSize
	}
	return "no room"
}

// Wait waits for the end and gives the mark and the process's own status. If
// the child asks for a debugger meanwhile, it becomes one.
func (c *Child) Wait() (Mark, uint32, error) {
	handles := []windows.Handle{c.process, c.thread}
	if c.answer != 0 {
		handles = append(handles, c.request)
	}
	which, err := windows.WaitForMultipleObjects(handles, false, windows.INFINITE)
	if err == nil && which == windows.WAIT_OBJECT_0+2 {
		c.startDebugger()
		which, err = windows.WaitForMultipleObjects(handles[:2], false, windows.INFINITE)
	}
	if err != nil {
		return Mark{}, 0, fmt.Errorf("wait for the guest: %w", err)
	}
	if which != windows.WAIT_OBJECT_0 {
		// The guest's thread has ended. Either the process is about to, or a
		// fault with a wild stack pointer took the thread alone, and Go's
		// other threads would stay for ever.
		if e, _ := windows.WaitForSingleObject(c.process, endGrace); e != windows.WAIT_OBJECT_0 {
			_ = windows.TerminateProcess(c.process, 0)
			_, _ = windows.WaitForSingleObject(c.process, windows.INFINITE)
		}
	}
	var status uint32
	if err := windows.GetExitCodeProcess(c.process, &status); err != nil {
		return Mark{}, 0, fmt.Errorf("the guest's status: %w", err)
	}
	return readMark(c.view), status, nil
}

// startDebugger has the child debugged.
func (c *Child) startDebugger() {
	d := &debugger{pid: c.pid, process: c.process, control: controlOf(c.view), answer: c.answer}
	done := make(chan struct{})
	c.debugged = done
	go func() {
		defer close(done)
		d.debug()
	}()
}

// Close lets go of the handles; a guest that still runs is ended by its job.
func (c *Child) Close() {
	if c.job != 0 {
		windows.CloseHandle(c.job)
		c.job = 0
	}
	if c.debugged != nil {
		// It uses all of the following.
		select {
		case <-c.debugged:
		case <-time.After(endGrace * time.Millisecond):
			return
		}
	}
	for _, h := range []*windows.Handle{&c.process, &c.thread, &c.section, &c.request, &c.answer} {
		if *h != 0 {
			windows.CloseHandle(*h)
			*h = 0
		}
	}
	if len(c.view) > 0 {
		_ = windows.UnmapViewOfFile(uintptr(unsafe.Pointer(&c.view[0])))
		c.view = nil
	}
}
