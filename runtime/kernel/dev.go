package kernel

import (
	"strings"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// devShm is the folder of shared memory objects and named semaphores.
const devShm = "/dev/shm"

// sharedMemory is that folder: one of the host's that all programs of the user
// share, below the folder for temporary files. It is made when it is first
// looked at.
func sharedMemory(files host.Files) *mount {
	if !files.Lettered() {
		return &mount{path: devShm, native: devShm, open: func() host.Tree {
			tree, _ := files.Mount(devShm)
			return tree
		}}
	}
	const name = "bee-shm"
	native := strings.TrimRight(files.Temp(), `\`) + `\` + name
	return &mount{path: devShm, native: native, open: func() host.Tree {
		temp, e := files.Mount(files.Temp())
		if e != 0 {
			return nil
		}
		if e := temp.Mkdir(name, 0o1777); e != 0 && e != abi.EEXIST {
			return nil
		}
		tree, _ := files.Mount(native)
		return tree
	}}
}

func devRoot(p *Process) *node {
	fdLink := func(name, target string) *node { return newLink(name, constant(target)) }
	n := newFolder("dev",
		newDevice("null", 1, 3, nullOps{}), newDevice("zero", 1, 5, zeroOps{}), newDevice("full", 1, 7, zeroOps{full: true}),
		newDevice("random", 1, 8, randomOps{}), newDevice("urandom", 1, 9, randomOps{always: true}),
		fdLink("stdin", "/proc/self/fd/0"), fdLink("stdout", "/proc/self/fd/1"), fdLink("stderr", "/proc/self/fd/2"), fdLink("fd", "/proc/self/fd"),
	)
	return n.add(newTTYNode())
}

// deviceOps know their node.
type deviceOps struct{ baseOps }

func (deviceOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	f.data.(*node).stat(t, st)
	return 0
}
func (deviceOps) seek(*Task, *File, int64, int) (int64, abi.Errno) { return 0, 0 }

type nullOps struct{ deviceOps }

func (nullOps) read(*Task, *File, []byte) (int, abi.Errno)                  { return 0, 0 }
func (nullOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno)           { return len(p), 0 }
func (nullOps) pread(*Task, *File, []byte, int64) (int, abi.Errno)          { return 0, 0 }
func (nullOps) pwrite(_ *Task, _ *File, p []byte, _ int64) (int, abi.Errno) { return len(p), 0 }

type zeroOps struct {
	deviceOps
	full bool
}

func (zeroOps) read(_ *Task, _ *File, p []byte) (int, abi.Errno) {
	clear(p)
	return len(p), 0
}

func (o zeroOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno) {
	if o.full {
		return 0, abi.ENOSPC
	}
	return len(p), 0
}

func (o zeroOps) pread(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) { return o.read(t, f, p) }

func (o zeroOps) pwrite(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) {
	return o.write(t, f, p)
}

type randomOps struct {
	deviceOps
	always bool // nobody waits for /dev/urandom, so it cannot be polled
}

func (randomOps) read(t *Task, _ *File, p []byte) (int, abi.Errno) {
	return len(p), t.proc.Random(p)
}
func (randomOps) write(_ *Task, _ *File, p []byte) (int, abi.Errno) { return len(p), 0 }
func (o randomOps) pread(t *Task, f *File, p []byte, _ int64) (int, abi.Errno) {
	return o.read(t, f, p)
}
