package kernel

import (
	"encoding/binary"

	"bee/runtime/abi"
)

// siginfo is what a program is told about a signal (sigaction(2), siginfo_t).
type siginfo struct {
	sig   abi.Signal
	errno int32
	code  int32
	// kind says which of the fields below siginfo_t's union holds.
	kind  infoKind
	pid   int32  // sender, or a timer's id
	uid   uint32 // sender, or a timer's overruns
	value uint64 // sigval
	addr  uint64 // faults
	// trap, err and cr2 are the processor's words about a fault
	// (sigcontext's trapno, err and cr2).
	trap, err, cr2 uint64
	// raw is what rt_sigqueueinfo was given.
	raw []byte
	// timer is told when its signal is taken, and says how often it has
	// expired since.
	timer interface{ delivered(in *siginfo) }
}

type infoKind uint8

const (
	infoSender infoKind = iota // pid, uid; with a value
	infoTimer                  // timer id, overruns, value
	infoFault                  // addr
	infoRaw
)

// sentBy is the siginfo of kill(2) and its family.
func (p *Process) sentBy(sig abi.Signal, code int32) siginfo {
	return siginfo{sig: sig, code: code, pid: int32(p.pid), uid: p.UID()}
}

// ofKernel is that of a signal that no program has sent.
func ofKernel(sig abi.Signal) siginfo { return siginfo{sig: sig, code: abi.SI_KERNEL} }

// encode makes a siginfo_t of the guest's width (128 bytes).
func (t *Task) encodeInfo(in *siginfo) []byte {
	if in.kind == infoRaw {
		return in.raw
	}
	b := make([]byte, abi.SizeofI386Siginfo)
	le := binary.LittleEndian
	le.PutUint32(b, uint32(in.sig))
	le.PutUint32(b[4:], uint32(in.errno))
	le.PutUint32(b[8:], uint32(in.code))
	pid, uid, value, addr := abi.I386SiginfoPid, abi.I386SiginfoUid, abi.I386SiginfoValue, abi.I386SiginfoAddr
	if t.is64() {
		pid, uid, value, addr = abi.AMD64SiginfoPid, abi.AMD64SiginfoUid, abi.AMD64SiginfoValue, abi.AMD64SiginfoAddr
	}
	if in.kind == infoFault {
		t.putWord(b[addr:], in.addr)
		return b
	}
	le.PutUint32(b[pid:], uint32(in.pid))
	le.PutUint32(b[uid:], in.uid)
	t.putWord(b[value:], in.value)
	return b
}

// sigPending are signals that wait to be delivered, to a task or to any of a
// process: those below 32 once each and once more for each timer, the others as
// often as they were sent.
type sigPending struct {
	set   uint64
	queue []siginfo
}

// add queues a signal; full tells that as many are queued as may be. false if
// the sender is to be told then (sigqueue(3): EAGAIN), which is so for
// real-time signals that neither kill(2) nor the kernel sends.
func (s *sigPending) add(in siginfo, full bool) bool {
	bit := sigBit(in.sig)
	if in.sig < firstRealTime && s.set&bit != 0 && in.timer == nil {
		return true // the first one stays
	}
	if full {
		if in.sig >= firstRealTime && in.code != abi.SI_USER && in.code != abi.SI_KERNEL {
			return false
		}
		s.set |= bit // told without its siginfo
		return true
	}
	s.set |= bit
	s.queue = append(s.queue, in)
	return true
}

// firstRealTime is SIGRTMIN of the kernel.
const firstRealTime = 32

func sigBit(sig abi.Signal) uint64 { return 1 << (sig - 1) }

// faults are the signals that are taken before all others, since they belong
// to the instruction at which the program stands.
const faults = 1<<(abi.SIGSEGV-1) | 1<<(abi.SIGBUS-1) | 1<<(abi.SIGILL-1) | 1<<(abi.SIGTRAP-1) | 1<<(abi.SIGFPE-1) | 1<<(abi.SIGSYS-1)

// next tells the signal of want that comes first.
func (s *sigPending) next(want uint64) (abi.Signal, bool) {
	ready := s.set & want
	if ready&faults != 0 {
		ready &= faults
	}
	for sig := abi.Signal(1); sig <= abi.NumSignals; sig++ {
		if ready&sigBit(sig) != 0 {
			return sig, true
		}
	}
	return 0, false
}

// take removes the first signal of that number.
func (s *sigPending) take(sig abi.Signal) siginfo {
	in := siginfo{sig: sig, code: abi.SI_USER}
	found, more := -1, false
	for i := range s.queue {
		if s.queue[i].sig != sig {
			continue
		}
		if found < 0 {
			found = i
		} else {
			more = true
			break
		}
	}
	if found >= 0 {
		in = s.queue[found]
		s.queue = append(s.queue[:found], s.queue[found+1:]...)
	}
	if !more {
		s.set &^= sigBit(sig)
	}
	return in
}

// drop forgets all of a set, which a new disposition ignores.
func (s *sigPending) drop(set uint64) {
	if s.set&set == 0 {
		return
	}
	s.set &^= set
	kept := s.queue[:0]
	for _, in := range s.queue {
		if sigBit(in.sig)&set == 0 {
			kept = append(kept, in)
		}
	}
	s.queue = kept
}
