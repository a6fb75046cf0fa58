package kernel

import (
	"bee/runtime/abi"
	"bee/runtime/host"
)

// consoleOps are descriptors of the process's terminal: standard streams that
// are the console, and /dev/tty.
type consoleOps struct{ baseOps }

func (consoleOps) tty(f *File) *tty { return f.data.(*tty) }

func (o consoleOps) read(t *Task, f *File, p []byte) (int, abi.Errno) {
	return o.tty(f).read(t, p, f.nonblock())
}

func (o consoleOps) write(t *Task, f *File, p []byte) (int, abi.Errno) {
	return o.tty(f).write(t, p, f.nonblock())
}

// stat tells the device of /dev/tty for all of them, so that ttyname finds
// that name.
func (o consoleOps) stat(t *Task, f *File, st *host.Stat) abi.Errno {
	o.tty(f).node.stat(t, st)
	return 0
}

func (o consoleOps) poll(_ *Task, f *File) host.Ready {
	return o.tty(f).ready()
}

// queue implements queued: whoever has asked poll is told of input.
func (o consoleOps) queue(f *File) *waitQueue { return &o.tty(f).changed }

func (o consoleOps) ioctl(t *Task, f *File, cmd uint32, arg uint64) (uint64, abi.Errno) {
	return o.tty(f).ioctl(t, cmd, arg)
}

// openTTY opens /dev/tty. ENXIO if the process has no terminal.
func openTTY(t *Task, _ int) (*File, abi.Errno) {
	y := t.proc.files.tty
	if y == nil {
		return nil, abi.ENXIO
	}
	return &File{ops: consoleOps{}, kind: host.Console, path: "/dev/tty", data: y, h: host.NoHandle, keep: true}, 0
}

// newTTYNode makes the file /dev/tty.
func newTTYNode() *node {
	n := newDevice("tty", 5, 0, nil)
	n.magic = openTTY
	return n
}
