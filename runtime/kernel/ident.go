package kernel

import (
	"encoding/binary"

	"bee/image"
	"bee/runtime/abi"
)

// identityCalls are about who the program is. Ids do not change: setting one
// to itself succeeds, everything else answers EPERM, as for any user who is
// not root.
func identityCalls() []Call {
	pid := func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.proc.pid), 0 }
	uid := func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.proc.uid), 0 }
	gid := func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.proc.gid), 0 }
	const fixed = "ids cannot be changed: EPERM"
	list := []Call{
		{Name: "getpid", Handler: pid, Support: Full},
		{Name: "getppid", Handler: func(t *Task, _ Args) (uint64, abi.Errno) { return uint64(t.proc.PPID()), 0 }, Support: Full},
		{Name: "getpgrp", Handler: pid, Support: Partial, Note: "the process is its own group"},
		{Name: "getpgid", Handler: sysOfSelf, Support: Partial, Note: "the process is its own group"},
		{Name: "getsid", Handler: sysOfSelf, Support: Partial, Note: "the process is its own session"},
		{Name: "setsid", Handler: sysNotPermitted, Support: Full},
		{Name: "setpgid", Handler: sysSetpgid, Support: Partial, Note: "the process is its own group"},
		{Name: "capget", Handler: sysCapget, Support: Full},
		{Name: "capset", Handler: sysCapset, Support: Full},
		{Name: "personality", Handler: sysPersonality, Support: Partial, Note: "kept; PER_LINUX32 changes uname's answer"},
		{Name: "prctl", Handler: sysPrctl, Support: Partial, Note: "no seccomp, memory layout, speculation control; subreaper and death signal are kept and told"},
	}
	// The plain names take 16-bit ids on IA-32, those with 32 at the end
	// take whole ones; x86-64 has the plain names only.
	for _, suffix := range []string{"", "32"} {
		arch := image.Arch(0)
		if suffix == "32" {
			arch = image.I386
		}
		ids := []Call{
			{Name: "getuid", Handler: uid, Support: Full},
			{Name: "geteuid", Handler: uid, Support: Full},
			{Name: "getgid", Handler: gid, Support: Full},
			{Name: "getegid", Handler: gid, Support: Full},
			{Name: "setuid", Handler: setIDs(false, 1, suffix == ""), Support: Partial, Note: fixed},
			{Name: "setgid", Handler: setIDs(true, 1, suffix == ""), Support: Partial, Note: fixed},
			{Name: "setreuid", Handler: setIDs(false, 2, suffix == ""), Support: Partial, Note: fixed},
			{Name: "setregid", Handler: setIDs(true, 2, suffix == ""), Support: Partial, Note: fixed},
			{Name: "setresuid", Handler: setIDs(false, 3, suffix == ""), Support: Partial, Note: fixed},
			{Name: "setresgid", Handler: setIDs(true, 3, suffix == ""), Support: Partial, Note: fixed},
			{Name: "getresuid", Handler: getIDs(false, suffix == ""), Support: Full},
			{Name: "getresgid", Handler: getIDs(true, suffix == ""), Support: Full},
			{Name: "setfsuid", Handler: uid, Support: Partial, Note: fixed},
			{Name: "setfsgid", Handler: gid, Support: Partial, Note: fixed},
			{Name: "getgroups", Handler: getgroups(suffix == ""), Support: Full},
			{Name: "setgroups", Handler: sysNotPermitted, Support: Full},
		}
		for _, c := range ids {
			c.Name += suffix
			c.Arch = arch
			list = append(list, c)
		}
	}
	return list
}

// sysOfSelf answers getpgid and getsid, which take any thread's id.
func sysOfSelf(t *Task, a Args) (uint64, abi.Errno) {
	if id := int32(a[0]); id != 0 && t.proc.task(int(id)) == nil {
		return 0, abi.ESRCH
	}
	return uint64(t.proc.pid), 0
}

func sysSetpgid(t *Task, a Args) (uint64, abi.Errno) {
	who, group := int32(a[0]), int32(a[1])
	switch {
	case group < 0:
		return 0, abi.EINVAL
	case who != 0 && t.proc.task(int(who)) == nil:
		return 0, abi.ESRCH
	case who != 0 && int(who) != t.proc.pid:
		return 0, abi.EINVAL // a thread that is not the first
	case group != 0 && int(group) != t.proc.pid:
		return 0, abi.EPERM
	}
	return 0, 0
}

// narrow tells whether a call without a suffix uses 16-bit ids.
func (t *Task) narrow(plain bool) bool { return plain && !t.is64() }

func (t *Task) id(group bool) uint32 {
	if group {
		return t.proc.gid
	}
	return t.proc.uid
}

func setIDs(group bool, n int, plain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		for _, v := range a[:n] {
			id, keep := uint32(v), uint32(0xffffffff)
			if t.narrow(plain) {
				id, keep = uint32(uint16(v)), 0xffff
			}
			if id == keep {
				if n == 1 {
					return 0, abi.EINVAL
				}
				continue
			}
			if id != t.id(group) {
				return 0, abi.EPERM
			}
		}
		return 0, 0
	}
}

func (t *Task) putID(addr uint64, id uint32, narrow bool) abi.Errno {
	if !narrow {
		return t.WriteUint32(addr, id)
	}
	return t.CopyOut(addr, binary.LittleEndian.AppendUint16(nil, uint16(id)))
}

func getIDs(group, plain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		for _, addr := range a[:3] {
			if err := t.putID(addr, t.id(group), t.narrow(plain)); err != 0 {
				return 0, err
			}
		}
		return 0, 0
	}
}

func getgroups(plain bool) Handler {
	return func(t *Task, a Args) (uint64, abi.Errno) {
		n := int32(a[0])
		if n < 0 {
			return 0, abi.EINVAL
		}
		if n == 0 {
			return 1, 0
		}
		return 1, t.putID(a[1], t.proc.gid, t.narrow(plain))
	}
}

func sysCapget(t *Task, a Args) (uint64, abi.Errno) {
	words, err := t.capVersion(a[0])
	if err != 0 || a[1] == 0 {
		if a[1] == 0 && err == abi.EINVAL {
			return 0, 0 // how programs ask for the version
		}
		return 0, err
	}
	b := make([]byte, words*abi.SizeofI386CapData)
	if t.proc.uid == 0 {
		for i := range words {
			d := b[i*abi.SizeofI386CapData:]
			v := ^uint32(0)
			if i == 1 {
				v = 1<<(abi.CAP_LAST_CAP-31) - 1
			}
			binary.LittleEndian.PutUint32(d[abi.I386CapDataEffective:], v)
			binary.LittleEndian.PutUint32(d[abi.I386CapDataPermitted:], v)
		}
	}
	return 0, t.CopyOut(a[1], b)
}

// capVersion reads the header; it tells how many words of capabilities follow.
func (t *Task) capVersion(addr uint64) (int, abi.Errno) {
	v, err := t.ReadUint32(addr)
	if err != 0 {
		return 0, err
	}
	pid, err := t.ReadUint32(addr + abi.I386CapHeaderPid)
	if err != 0 {
		return 0, err
	}
	words := 2
	switch v {
	case 0x19980330:
		words = 1
	case 0x20071026, 0x20080522:
	default:
		if err := t.WriteUint32(addr, 0x20080522); err != 0 {
			return 0, err
		}
		return 0, abi.EINVAL
	}
	if pid != 0 && int(int32(pid)) != t.proc.pid {
		return 0, abi.ESRCH
	}
	return words, 0
}

func sysCapset(t *Task, a Args) (uint64, abi.Errno) {
	words, err := t.capVersion(a[0])
	if err != 0 {
		return 0, err
	}
	b := make([]byte, words*abi.SizeofI386CapData)
	if err := t.CopyIn(a[1], b); err != 0 {
		return 0, err
	}
	for _, v := range b {
		if v != 0 && t.proc.uid != 0 {
			return 0, abi.EPERM
		}
	}
	return 0, 0
}

func sysPersonality(t *Task, a Args) (uint64, abi.Errno) {
	p := t.proc
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.personality
	if uint32(a[0]) != 0xffffffff {
		p.personality = uint32(a[0])
	}
	return uint64(old), 0
}
