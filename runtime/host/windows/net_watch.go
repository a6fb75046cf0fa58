//go:build windows

package winhost

import (
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
)

// Changes are told by WSAEventSelect: each watched socket has an event, and a
// thread waits for up to 63 of them. A socket's end leaves its event where it
// is, for the next socket, so that the thread need not be told. With nothing
// going on nothing runs.

const (
	fdRead    = 1 << 0 // FD_READ (winsock2.h) and so on
	fdWrite   = 1 << 1
	fdOOB     = 1 << 2
	fdAccept  = 1 << 3
	fdConnect = 1 << 4
	fdClose   = 1 << 5

	groupSize = 63 // MAXIMUM_WAIT_OBJECTS, without the one that wakes the thread

	// lookAgain is how often, in milliseconds, a socket is looked at that is
	// waited for until it takes data: FD_WRITE is certain to come only after a
	// send that has failed.
	lookAgain = 20
)

var (
	procEventSelect   = ws2.NewProc("WSAEventSelect")
	procAsyncSelect   = ws2.NewProc("WSAAsyncSelect")
	procNetworkEvents = ws2.NewProc("WSAEnumNetworkEvents")
)

// watchGroup is a thread with the events that it waits for.
type watchGroup struct {
	n     *network
	wake  windows.Handle // an auto-reset event: slots or looks have changed
	slots []*watchSlot   // guarded by n.mu; it only grows
	looks int            // sockets that are to be looked at, guarded by n.mu
}

type watchSlot struct {
	group *watchGroup
	event windows.Handle
	// s is guarded by the network's mu, as is look.
	s    *socket
	look bool
}

// networkEvents is WSANETWORKEVENTS.
type networkEvents struct {
	events int32
	errors [10]int32
}

// Watch implements host.NetSocket.
func (s *socket) Watch(told func()) abi.Errno {
	s.tell.Lock()
	s.told = told
	s.tell.Unlock()
	slot, err := s.n.slot(s)
	if err != nil {
		return Errno(err)
	}
	s.mu.Lock()
	s.slot = slot
	s.mu.Unlock()
	return s.arm()
}

// arm makes Windows record the socket's events, and those at once that are
// true already.
func (s *socket) arm() abi.Errno {
	const all = fdRead | fdWrite | fdOOB | fdAccept | fdConnect | fdClose
	r, _, err := procEventSelect.Call(uintptr(s.h), uintptr(s.slot.event), all)
	if r != 0 {
		return SocketErrno(err)
	}
	return 0
}

// again has FD_ACCEPT told once more, at once if there is a connection. s.mu is
// held. Windows forgets what it has told when WSAEventSelect is called, Wine
// when WSAAsyncSelect is, for a window of any number: that one stands for
// messages to nobody and is refused by Windows, which changes nothing. What
// Wine records between the two calls it loses, so that is looked at.
func (s *socket) again() {
	s.acceptTold = false
	if s.slot == nil {
		return
	}
	const messageOnly = ^uintptr(2) // HWND_MESSAGE
	_, _, _ = procAsyncSelect.Call(uintptr(s.h), messageOnly, 0, 0)
	_ = s.arm()
	if in, _, _ := s.selected(true, false); in {
		s.events++
		s.noRead = false
		go s.changed()
	}
}

// slot finds an event for a socket.
func (n *network) slot(s *socket) (*watchSlot, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if last := len(n.free) - 1; last >= 0 {
		slot := n.free[last]
		n.free = n.free[:last]
		slot.s = s
		return slot, nil
	}
	event, err := windows.CreateEvent(nil, 1, 0, nil)
	if err != nil {
		return nil, err
	}
	if n.filling == nil || len(n.filling.slots) == groupSize {
		wake, err := windows.CreateEvent(nil, 0, 0, nil)
		if err != nil {
			_ = windows.CloseHandle(event)
			return nil, err
		}
		n.filling = &watchGroup{n: n, wake: wake}
		go n.filling.run()
	}
	g := n.filling
	slot := &watchSlot{group: g, event: event, s: s}
	g.slots = append(g.slots, slot)
	return slot, windows.SetEvent(g.wake)
}

// unwatch gives a socket's event back.
func (n *network) unwatch(slot *watchSlot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	slot.s = nil
	if slot.look {
		slot.look = false
		slot.group.looks--
	}
	n.free = append(n.free, slot)
}

// lookFor has the thread look whether the socket takes data.
func (n *network) lookFor(slot *watchSlot) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slot.look {
		return
	}
	slot.look = true
	if slot.group.looks++; slot.group.looks == 1 {
		_ = windows.SetEvent(slot.group.wake)
	}
}

func (g *watchGroup) run() {
	var handles []windows.Handle
	for {
		g.n.mu.Lock()
		handles = append(handles[:0], g.wake)
		for _, s := range g.slots {
			handles = append(handles, s.event)
		}
		timeout := uint32(windows.INFINITE)
		if g.looks > 0 {
			timeout = lookAgain
		}
		g.n.mu.Unlock()
		r, err := windows.WaitForMultipleObjects(handles, false, timeout)
		if err != nil {
			return // the handles are ours and open: this does not happen
		}
		if r == uint32(windows.WAIT_TIMEOUT) {
			g.lookAll()
			continue
		}
		// The wait tells the first event only: ask for the ones behind it.
		for i := int(r); i < len(handles); {
			if i > 0 {
				g.fired(i - 1)
			}
			if i+1 == len(handles) {
				break
			}
			r, err := windows.WaitForMultipleObjects(handles[i+1:], false, 0)
			if err != nil || r == uint32(windows.WAIT_TIMEOUT) {
				break
			}
			i += 1 + int(r)
		}
	}
}

// fired takes what Windows has recorded for a slot and tells it.
func (g *watchGroup) fired(i int) {
	g.n.mu.Lock()
	slot := g.slots[i]
	s := slot.s
	g.n.mu.Unlock()
	if s != nil && s.record(slot) {
		s.changed()
		return
	}
	g.n.mu.Lock()
	defer g.n.mu.Unlock()
	if slot.s == s {
		_ = windows.ResetEvent(slot.event)
	} // else another socket has it by now, and the event may be its own
}

// record takes the events of a socket; it tells whether the socket is still
// there.
func (s *socket) record(slot *watchSlot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	return s.take(slot)
}

// take asks Windows for the events since it was asked last. s.mu is held.
func (s *socket) take(slot *watchSlot) bool {
	var e networkEvents
	r, _, _ := procNetworkEvents.Call(uintptr(s.h), uintptr(slot.event), uintptr(unsafe.Pointer(&e)))
	if r != 0 {
		return false
	}
	s.events++
	if e.events&(fdRead|fdOOB|fdAccept|fdClose|fdConnect) != 0 {
		s.noRead = false
	}
	if e.events&(fdWrite|fdClose|fdConnect) != 0 {
		s.noWrite = false
	}
	if e.events&fdAccept != 0 {
		s.acceptTold = true
		s.accepts++
	}
	if e.events&fdRead != 0 {
		s.readTold = true
	}
	if e.events&fdClose != 0 {
		ended := s.closeTold
		s.closeTold = true
		if c := e.errors[5]; c != 0 && !s.dead { // FD_CLOSE_BIT
			s.dead, s.err = true, SocketErrno(windows.Errno(c))
		} else if e := s.lostReset(); !ended && e != 0 && !s.dead {
			s.dead, s.err = true, e
		}
	}
	return true
}

// changed calls back.
func (s *socket) changed() {
	s.tell.Lock()
	defer s.tell.Unlock()
	if s.told != nil {
		s.told()
	}
}

// lookAll looks at the sockets that somebody waits for until they take data.
func (g *watchGroup) lookAll() {
	g.n.mu.Lock()
	var list []*watchSlot
	for _, slot := range g.slots {
		if slot.look && slot.s != nil {
			list = append(list, slot)
		}
	}
	g.n.mu.Unlock()
	for _, slot := range list {
		g.n.mu.Lock()
		s := slot.s
		g.n.mu.Unlock()
		if s == nil {
			continue
		}
		s.mu.Lock()
		_, out, failed := false, true, false
		if !s.closed {
			_, out, failed = s.selected(false, true)
		}
		if out || failed {
			s.noWrite = false
		}
		s.mu.Unlock()
		if !out && !failed {
			continue
		}
		g.n.mu.Lock()
		if slot.look {
			slot.look = false
			g.looks--
		}
		g.n.mu.Unlock()
		s.changed()
	}
}
