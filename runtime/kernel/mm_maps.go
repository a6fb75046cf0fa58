package kernel

import (
	"fmt"
	"strings"

	"bee/runtime/abi"
)

// MapsText tells what /proc/self/maps shows.
func (s *AddressSpace) MapsText() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var b strings.Builder
	for i := 0; i < len(s.vmas); i++ {
		v := s.vmas[i]
		if v.hidden {
			continue
		}
		for i+1 < len(s.vmas) && s.vmas[i+1].lo == v.hi && v.alike(&s.vmas[i+1]) {
			i++
			v.hi = s.vmas[i].hi
		}
		perm := []byte("---p")
		if v.prot&abi.PROT_READ != 0 {
			perm[0] = 'r'
		}
		if v.prot&abi.PROT_WRITE != 0 {
			perm[1] = 'w'
		}
		if v.prot&abi.PROT_EXEC != 0 {
			perm[2] = 'x'
		}
		if v.flags&vmShared != 0 {
			perm[3] = 's'
		}
		var info MapInfo
		if v.file != nil {
			info = *v.file
		}
		name := v.name
		if name == "" {
			name = info.Path
		}
		line := fmt.Sprintf("%08x-%08x %s %08x %02x:%02x %d", v.lo, v.hi, perm, v.off, info.Major, info.Minor, info.Inode)
		if name != "" {
			// Names stand in column 73 on 64-bit Linux.
			line = fmt.Sprintf("%-72s %s", line, name)
		} else {
			line += " "
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// Usage tells how many bytes are mapped and committed.
func (s *AddressSpace) Usage() (mapped, committed uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.vmas {
		if v := &s.vmas[i]; !v.hidden {
			mapped += v.hi - v.lo
			if v.committed {
				committed += v.hi - v.lo
			}
		}
	}
	return mapped, committed
}
