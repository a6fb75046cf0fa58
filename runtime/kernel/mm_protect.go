package kernel

import "bee/runtime/abi"

// mprotect changes what [lo, hi) allows. Like Linux it changes what lies
// before the first hole and then answers ENOMEM.
func (s *AddressSpace) mprotect(lo, hi uint64, prot uint8, trusted bool, call string, limits *memoryLimits) abi.Errno {
	s.mu.Lock()
	defer s.unlock()
	s.settle(lo, hi)
	if !trusted && s.hiddenIn(lo, hi) {
		return abi.ENOMEM
	}
	if prot&abi.PROT_EXEC != 0 && !trusted && !s.execAlready(lo, hi, prot) {
		hook := s.exec
		s.mu.Unlock()
		err := hook(lo, hi-lo, call)
		s.mu.Lock()
		if err != 0 {
			return err
		}
	}
	// The changed mappings are put in place at once: one by one each would
	// move all that follow.
	var changed []vma
	at, errno := lo, abi.Errno(0)
	fresh := uint64(0) // committed here; carve counts it for good
	for i := s.find(lo); at < hi; i++ {
		if i == len(s.vmas) || s.vmas[i].lo > at {
			errno = abi.ENOMEM
			break
		}
		w := s.vmas[i].cut(at, min(hi, s.vmas[i].hi))
		if prot&abi.PROT_WRITE != 0 && w.flags&vmShared != 0 && w.obj != nil && (!w.obj.write || w.obj.copied || w.flags&vmNoWrite != 0) {
			errno = abi.EACCES
			break
		}
		if prot != w.prot {
			x := w
			if x.prot = prot; limits != nil && x.isData() && !w.isData() && w.hi-w.lo > limits.data-min(limits.data, s.data) {
				errno = abi.ENOMEM
				break
			}
			switch {
			case w.beyond:
			case w.committed, w.viewed():
				if s.protect(w.lo, w.hi, prot) != 0 {
					errno = abi.ENOMEM
				}
			case prot != 0:
				if errno = s.supply(w.lo, w.hi, prot); errno == 0 {
					w.committed = true
					fresh += w.hi - w.lo
					s.committed += w.hi - w.lo
				}
			}
			if errno != 0 {
				break
			}
			w.prot = prot
		}
		changed = append(changed, w)
		at = w.hi
	}
	s.committed -= fresh
	if at > lo {
		s.carve(lo, at, changed...)
	}
	return errno
}

// execAlready tells whether all of [lo, hi) is executable and stays as it is
// but for rights that are taken away.
//
// Preconditions: s.mu is held.
func (s *AddressSpace) execAlready(lo, hi uint64, prot uint8) bool {
	if !s.covered(lo, hi) {
		return false
	}
	for i := s.find(lo); i < len(s.vmas) && s.vmas[i].lo < hi; i++ {
		p := s.vmas[i].prot
		if p&abi.PROT_EXEC == 0 || prot&abi.PROT_WRITE&^p != 0 || p&abi.PROT_WRITE != 0 {
			return false
		}
	}
	return true
}
