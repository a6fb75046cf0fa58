package kernel

import "bee/runtime/abi"

// Commands of membarrier(2); linux/membarrier.h has them as an enum.
const (
	membarrierQuery           = 0
	membarrierGlobal          = 1 << 0
	membarrierGlobalExpedited = 1 << 1
	membarrierRegisterGlobal  = 1 << 2
	membarrierPrivate         = 1 << 3
	membarrierRegisterPrivate = 1 << 4
)

// membarriers are the commands of membarrier(2) that work. Each is the same to
// the host: a barrier on every processor that runs a thread of the process.
const membarriers = membarrierGlobal | membarrierGlobalExpedited | membarrierRegisterGlobal |
	membarrierPrivate | membarrierRegisterPrivate

func sysMembarrier(t *Task, a Args) (uint64, abi.Errno) {
	if uint32(a[1]) != 0 {
		return 0, abi.EINVAL
	}
	p := t.proc
	switch int32(a[0]) {
	case membarrierQuery:
		return membarriers, 0
	case membarrierRegisterPrivate, membarrierRegisterGlobal:
		p.mu.Lock()
		p.traits.barriers |= uint32(a[0])
		p.mu.Unlock()
		return 0, 0
	case membarrierPrivate:
		p.mu.Lock()
		registered := p.traits.barriers&membarrierRegisterPrivate != 0
		p.mu.Unlock()
		if !registered {
			return 0, abi.EPERM
		}
		fallthrough
	case membarrierGlobal, membarrierGlobalExpedited:
		p.system.FlushWrites()
		return 0, 0
	}
	return 0, abi.EINVAL
}
