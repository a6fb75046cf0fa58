//go:build 386 || amd64

package launch

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"
)

var procIsProcessInJob = kernel32.NewProc("IsProcessInJob")

// TestJob: the new process is in the job before it runs, or is put there where
// the system refuses the attribute; without a job it runs as well.
func TestJob(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// A child that is never resumed needs no section.
	inherited, err := windows.CreateEvent(&windows.SecurityAttributes{
		Length: uint32(unsafe.Sizeof(windows.SecurityAttributes{})), InheritHandle: 1,
	}, 0, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	inJob := func(pi *windows.ProcessInformation, job windows.Handle) bool {
		t.Helper()
		var in int32
		// BOOL IsProcessInJob(HANDLE, HANDLE, PBOOL)
		if r, _, err := procIsProcessInJob.Call(uintptr(pi.Process), uintptr(job), uintptr(unsafe.Pointer(&in))); r == 0 {
			t.Fatal(err)
		}
		return in != 0
	}
	end := func(pi *windows.ProcessInformation) {
		_ = windows.TerminateProcess(pi.Process, 1)
		windows.CloseHandle(pi.Process)
		windows.CloseHandle(pi.Thread)
	}

	c := &Child{section: inherited, view: make([]byte, 1), job: createJob()}
	if pi, err := c.create(exe, c.job); err != nil {
		t.Logf("the attribute is refused: %v", err)
	} else {
		if !inJob(pi, c.job) {
			t.Error("created outside of the job")
		}
		end(pi)
	}
	pi, err := c.createSuspended(exe)
	if err != nil {
		t.Fatal(err)
	}
	if c.job == 0 || !inJob(pi, c.job) {
		t.Error("not in the job")
	}
	end(pi)

	windows.CloseHandle(c.job)
	c.job = inherited // an event is no job
	if pi, err = c.createSuspended(exe); err != nil {
		t.Fatalf("no job: %v", err)
	}
	if c.job != 0 {
		t.Error("an event was taken for a job")
	}
	end(pi)
}
