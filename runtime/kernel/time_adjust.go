package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// What adjtimex(2) tells of a clock that nobody disciplines, as Linux does
// after its start: errors at their maximum (NTP_PHASE_LIMIT, in microseconds),
// no correction. Windows keeps its clock itself and does not tell how well.
const (
	timexMaxError  = 16000000
	timexTolerance = 32768000 // MAXFREQ_SCALED: 500 ppm, in units of 2^-16 ppm
	timexTick      = 10000    // microseconds
	timexConstant  = 2

	// Bits of modes that the kernel keeps to itself: the program asks as
	// adjtime(3) does, and asks only.
	adjAdjtime  = 0x8000
	adjReadOnly = 0x2000
)

// adjtimex reads the clock's state; changing it is not permitted. wide is the
// structure with 64-bit fields in programs of 32 bits.
func adjtimex(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) { return t.adjtime(a[0], wide) }
}

func clockAdjtime(wide bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		id := int32(a[0])
		if id != abi.CLOCK_REALTIME {
			if _, _, _, cpu := cpuClock(id); !cpu {
				if _, ok := clockNow(t, id); !ok {
					return 0, abi.EINVAL
				}
			}
			if _, err := t.Bytes(a[1], t.timexSize(wide), true); err != 0 {
				return 0, err
			}
			return 0, abi.EOPNOTSUPP
		}
		return t.adjtime(a[1], wide)
	}
}

func (t *Task) timexSize(wide bool) uint64 {
	switch {
	case t.is64():
		return abi.SizeofAMD64Timex
	case wide:
		return abi.SizeofI386Timex64
	}
	return abi.SizeofI386Timex
}

func (t *Task) adjtime(addr uint64, wide bool) (uint64, abi.Errno) {
	m, err := t.Bytes(addr, t.timexSize(wide), true)
	if err != 0 {
		return 0, err
	}
	modes := binary.LittleEndian.Uint32(m)
	if modes&adjAdjtime != 0 {
		if modes&abi.ADJ_OFFSET == 0 {
			return 0, abi.EINVAL
		}
		if modes&adjReadOnly == 0 {
			return 0, abi.EPERM
		}
	} else if modes != 0 {
		return 0, abi.EPERM
	}
	now := t.proc.clock.Realtime()
	if !t.is64() && !wide {
		clear(m[4:])
		put := func(off int, v uint32) { binary.LittleEndian.PutUint32(m[off:], v) }
		put(abi.I386TimexMaxerror, timexMaxError)
		put(abi.I386TimexEsterror, timexMaxError)
		put(abi.I386TimexStatus, abi.STA_UNSYNC)
		put(abi.I386TimexConstant, timexConstant)
		put(abi.I386TimexPrecision, 1)
		put(abi.I386TimexTolerance, timexTolerance)
		put(abi.I386TimexTick, timexTick)
		t.putTimeval(m[abi.I386TimexTime:], now)
		return abi.TIME_ERROR, 0
	}
	// struct timex of x86-64 and struct __kernel_timex are one layout.
	clear(m[8:])
	put := func(off int, v uint64) { binary.LittleEndian.PutUint64(m[off:], v) }
	put(abi.AMD64TimexMaxerror, timexMaxError)
	put(abi.AMD64TimexEsterror, timexMaxError)
	binary.LittleEndian.PutUint32(m[abi.AMD64TimexStatus:], abi.STA_UNSYNC)
	put(abi.AMD64TimexConstant, timexConstant)
	put(abi.AMD64TimexPrecision, 1)
	put(abi.AMD64TimexTolerance, timexTolerance)
	put(abi.AMD64TimexTick, timexTick)
	put(abi.AMD64TimexTime, uint64(now/1e9))
	put(abi.AMD64TimexTime+8, uint64(now%1e9/1e3))
	return abi.TIME_ERROR, 0
}
