//go:build linux

package kernel

import (
	"testing"

	"bee/image"
	"bee/runtime/abi"
)

// threadFlags are those of a thread of libc's.
const threadFlags = abi.CLONE_VM | abi.CLONE_FS | abi.CLONE_FILES | abi.CLONE_SIGHAND | abi.CLONE_THREAD | abi.CLONE_SYSVSEM

// spawnHere makes clone work without running what it makes; made are the tasks.
func spawnHere(p *Process) (made *[]*Task) {
	made = new([]*Task)
	p.spawn = func(_ *Registers, _ uint64, attach func(CPU) *Task) abi.Errno {
		*made = append(*made, attach(&testCPU{}))
		return 0
	}
	return made
}

func TestThreadsLimit(t *testing.T) {
	task, _ := testSpace(t, image.AMD64)
	p := task.proc
	made := spawnHere(p)
	p.limits[abi.RLIMIT_NPROC].cur = 3
	for i := range 4 {
		if _, e := call(t, task, "clone", threadFlags); (e == 0) != (i < 2) || e != 0 && e != abi.EAGAIN {
			t.Errorf("thread %d: %v", i+2, e)
		}
	}
	call(t, (*made)[0], "exit", 0)
	if _, e := call(t, task, "clone", threadFlags); e != 0 {
		t.Errorf("after one has ended: %v", e)
	}
}
