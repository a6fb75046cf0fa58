package kernel

import "bee/runtime/abi"

func sysGetrandom(t *Task, a Args) (uint64, abi.Errno) {
	const bits = abi.GRND_RANDOM | abi.GRND_INSECURE
	flags := uint32(a[2])
	if flags&^(bits|abi.GRND_NONBLOCK) != 0 || flags&bits == bits {
		return 0, abi.EINVAL
	}
	m, err := t.BytesPartial(a[0], min(a[1], 32<<20), true)
	if err != 0 {
		return 0, err
	}
	return uint64(len(m)), t.proc.system.Random(m)
}

// Random fills b with random bytes.
func (p *Process) Random(b []byte) abi.Errno { return p.system.Random(b) }
