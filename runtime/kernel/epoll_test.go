package kernel

import (
	"encoding/binary"
	"testing"

	"bee/runtime/abi"
)

// epollEvent makes a struct epoll_event.
func epollEvent(events uint32, data uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, events)
	return binary.LittleEndian.AppendUint64(b, data)
}

// gotEvent is one that epoll_wait has told.
type gotEvent struct {
	events uint32
	data   uint64
}

// epollGet asks an epoll for at most n events, and does not wait.
func (b *box) epollGet(ep uint64, n int) []gotEvent {
	b.Helper()
	at := b.put(make([]byte, 12*n))
	k := b.must("epoll_wait", ep, at, n, 0)
	m, _ := b.task.Bytes(at, uint64(12*n), false)
	var got []gotEvent
	for i := range int(k) {
		got = append(got, gotEvent{le32(m[12*i:]), le64(m[12*i+4:])})
	}
	return got
}

func (b *box) wantEvents(ep uint64, want ...gotEvent) {
	b.Helper()
	got := b.epollGet(ep, 8)
	if len(got) != len(want) {
		b.Fatalf("events %#x, not %#x", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			b.Fatalf("events %#x, not %#x", got, want)
		}
	}
}

// newPipe makes a pipe that does not wait.
func (b *box) newPipe() (r, w uint64) {
	b.Helper()
	m := b.put(make([]byte, 8))
	b.must("pipe2", m, abi.O_NONBLOCK)
	r32, _ := b.task.ReadUint32(m)
	w32, _ := b.task.ReadUint32(m + 4)
	return uint64(r32), uint64(w32)
}

func TestEpollLevelEdgeOneShot(t *testing.T) {
	bothArchs(t, func(b *box) {
		r, w := b.newPipe()
		ep := b.must("epoll_create1", 0)
		b.must("epoll_ctl", ep, abi.EPOLL_CTL_ADD, r, epollEvent(abi.POLLIN, 7))
		b.wantEvents(ep)
		b.write(w, "x")
		b.wantEvents(ep, gotEvent{abi.POLLIN, 7})
		b.wantEvents(ep, gotEvent{abi.POLLIN, 7})
		b.must("epoll_ctl", ep, abi.EPOLL_CTL_MOD, r, epollEvent(abi.POLLIN|epollET, 8))
		b.wantEvents(ep, gotEvent{abi.POLLIN, 8})
		b.wantEvents(ep)
		b.write(w, "y")
		b.wantEvents(ep, gotEvent{abi.POLLIN, 8})
		b.must("epoll_ctl", ep, abi.EPOLL_CTL_MOD, r, epollEvent(abi.POLLIN|epollOneShot, 1<<63|9))
		b.wantEvents(ep, gotEvent{abi.POLLIN, 1<<63 | 9})
		b.write(w, "z")
		b.wantEvents(ep)
		b.must("epoll_ctl", ep, abi.EPOLL_CTL_MOD, r, epollEvent(abi.POLLIN, 10))
		b.wantEvents(ep, gotEvent{abi.POLLIN, 10})
		d := b.must("dup", r)
		b.must("close", r)
		b.wantEvents(ep, gotEvent{abi.POLLIN, 10}) // the description is still open
		b.must("close", d)
		b.wantEvents(ep)
		b.must("close", w)
		b.must("close", ep)
	})
}
