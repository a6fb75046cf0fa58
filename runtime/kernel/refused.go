package kernel

import (
	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// refusedCalls administer a machine, make namespaces, or look into the kernel.
// They answer what Linux answers a user without privileges; where Linux looks
// at an argument first, so do they.
func refusedCalls() []Call {
	list := []Call{
		{Name: "acct", Handler: sysNotPermitted, Support: Full},
		{Name: "swapon", Handler: sysSwapon, Support: Full},
		{Name: "swapoff", Handler: sysNotPermitted, Support: Full},
		{Name: "vhangup", Handler: sysNotPermitted, Support: Full},
		{Name: "pivot_root", Handler: sysNotPermitted, Support: Full},
		{Name: "umount", Handler: sysUmount, Support: Full, Arch: image.I386},
		{Name: "umount2", Handler: sysUmount, Support: Full},
		{Name: "chroot", Handler: sysChroot, Support: Full},
		{Name: "mount", Handler: sysMount, Support: Full},
		{Name: "reboot", Handler: sysNotPermitted, Support: Full},
		{Name: "syslog", Handler: sysNotPermitted, Support: Full},
		{Name: "ptrace", Handler: sysPtrace, Support: Partial, Note: "EPERM, ESRCH: nothing is traced"},
		{Name: "init_module", Handler: sysNotPermitted, Support: Full},
		{Name: "finit_module", Handler: sysNotPermitted, Support: Full},
		{Name: "delete_module", Handler: sysNotPermitted, Support: Full},
		{Name: "kexec_load", Handler: sysNotPermitted, Support: Full},
		{Name: "kexec_file_load", Handler: sysNotPermitted, Support: Full, Arch: image.AMD64},
		{Name: "lookup_dcookie", Handler: sysNotPermitted, Support: Full},
		{Name: "open_by_handle_at", Handler: sysNotPermitted, Support: Full},
		{Name: "fsopen", Handler: sysNotPermitted, Support: Full},
		{Name: "fspick", Handler: sysNotPermitted, Support: Full},
		{Name: "fsmount", Handler: sysNotPermitted, Support: Full},
		{Name: "move_mount", Handler: sysNotPermitted, Support: Full},
		{Name: "mount_setattr", Handler: sysNotPermitted, Support: Full},
		{Name: "bpf", Handler: sysNotPermitted, Support: Full},
		{Name: "fanotify_init", Handler: sysNotPermitted, Support: Full},
		{Name: "fanotify_mark", Handler: sysFanotifyMark, Support: Full},
		{Name: "userfaultfd", Handler: sysUserfaultfd, Support: Full},
		{Name: "perf_event_open", Handler: sysPerfEventOpen, Support: Full},
		{Name: "quotactl", Handler: sysNotPermitted, Support: Full},
		{Name: "iopl", Handler: sysIopl, Support: Full},
		{Name: "ioperm", Handler: sysIoperm, Support: Full},
		{Name: "unshare", Handler: sysUnshare, Support: Partial, Note: "EPERM for namespaces; what one thread shares with nobody is its own already"},
		{Name: "setns", Handler: sysSetns, Support: Partial, Note: "there are no namespaces: EINVAL"},
		{Name: "kcmp", Handler: sysKcmp, Support: Partial, Note: "of the process's own threads"},
		{Name: "process_vm_readv", Handler: processVM(false), Support: Partial, Note: "the process's own memory"},
		{Name: "process_vm_writev", Handler: processVM(true), Support: Partial, Note: "the process's own memory"},
		{Name: "membarrier", Handler: sysMembarrier, Support: Partial, Note: "no SYNC_CORE, no RSEQ"},
	}
	return list
}

// sysFanotifyMark has no descriptor that fanotify_init made.
func sysFanotifyMark(t *Task, a Args) (uint64, abi.Errno) {
	f, err := t.file(a[0])
	if err != 0 {
		return 0, err
	}
	t.proc.files.put(f)
	return 0, abi.EINVAL
}

// sysUserfaultfd answers as with vm.unprivileged_userfaultfd off.
func sysUserfaultfd(_ *Task, a Args) (uint64, abi.Errno) {
	const userModeOnly = 1
	if uint32(a[0])&^(userModeOnly|abi.O_CLOEXEC|abi.O_NONBLOCK) != 0 {
		return 0, abi.EINVAL
	}
	return 0, abi.EPERM
}

// perfAttrSize0 is the first published size of struct perf_event_attr, whose
// own size stands at 4.
const perfAttrSize0 = 64

// sysPerfEventOpen answers as with kernel.perf_event_paranoid at its most.
func sysPerfEventOpen(t *Task, a Args) (uint64, abi.Errno) {
	if _, err := t.Bytes(a[0], perfAttrSize0, false); err != 0 {
		return 0, err
	}
	return 0, abi.EACCES
}

func sysIopl(_ *Task, a Args) (uint64, abi.Errno) {
	switch level := uint32(a[0]); {
	case level > 3:
		return 0, abi.EINVAL
	case level > 0:
		return 0, abi.EPERM
	}
	return 0, 0
}

func sysIoperm(t *Task, a Args) (uint64, abi.Errno) {
	const ports = 65536
	from, n := a[0], a[1]
	if from+n <= from || from+n > ports {
		return 0, abi.EINVAL
	}
	if int32(a[2]) != 0 {
		return 0, abi.EPERM
	}
	return 0, 0
}

func sysUnshare(t *Task, a Args) (uint64, abi.Errno) {
	const (
		namespaces = abi.CLONE_NEWNS | abi.CLONE_NEWCGROUP | abi.CLONE_NEWUTS | abi.CLONE_NEWIPC | abi.CLONE_NEWUSER | abi.CLONE_NEWPID |
			abi.CLONE_NEWNET | abi.CLONE_NEWTIME
		together = abi.CLONE_THREAD | abi.CLONE_SIGHAND | abi.CLONE_VM
		separate = abi.CLONE_FS | abi.CLONE_FILES | abi.CLONE_SYSVSEM
	)
	flags := a[0] & 0xffffffff
	if flags&^(namespaces|together|separate) != 0 {
		return 0, abi.EINVAL
	}
	if flags&namespaces != 0 {
		return 0, abi.EPERM
	}
	p := t.proc
	p.mu.Lock()
	alone := len(p.taskList) <= 1
	p.mu.Unlock()
	if !alone && flags != 0 {
		return 0, abi.EINVAL
	}
	return 0, 0
}

func sysSetns(t *Task, a Args) (uint64, abi.Errno) {
	f, err := t.file(a[0])
	if err != 0 {
		return 0, err
	}
	t.proc.files.put(f)
	return 0, abi.EINVAL
}

func sysSwapon(_ *Task, a Args) (uint64, abi.Errno) {
	const flags = 0x8000 | 0x7fff | 0x10000 | 0x20000 | 0x40000 // SWAP_FLAG_PREFER, its priority, the kinds of discard
	if uint32(a[1])&^flags != 0 {
		return 0, abi.EINVAL
	}
	return 0, abi.EPERM
}

// notPermittedAt is EPERM for a path that is there.
func (t *Task) notPermittedAt(addr uint64, follow bool) abi.Errno {
	name, err := t.Path(addr)
	if err != 0 {
		return err
	}
	return t.at(abi.AT_FDCWD, name, follow, func(pl place) abi.Errno {
		if _, err := t.typeOf(pl); err != 0 {
			return err
		}
		return abi.EPERM
	})
}

// sysUmount is umount2 too: IA-32's umount has no flags, and whatever is in the
// second register is not one.
func sysUmount(t *Task, a Args) (uint64, abi.Errno) {
	return 0, t.notPermittedAt(a[0], true)
}

func sysMount(t *Task, a Args) (uint64, abi.Errno) {
	// Type and source are strings of at most a page, and may be left out.
	for _, addr := range []uint64{a[2], a[0]} {
		if addr != 0 {
			if _, err := t.CString(addr, abi.PageSize); err == abi.ENAMETOOLONG {
				return 0, abi.EINVAL
			} else if err != 0 {
				return 0, err
			}
		}
	}
	return 0, t.notPermittedAt(a[1], true)
}

func sysChroot(t *Task, a Args) (uint64, abi.Errno) {
	var st host.Stat
	if err := t.statOf(abi.AT_FDCWD, a[0], 0, &st); err != 0 {
		return 0, err
	}
	if st.Mode&abi.S_IFMT != abi.S_IFDIR {
		return 0, abi.ENOTDIR
	}
	return 0, abi.EPERM
}

func sysPtrace(t *Task, a Args) (uint64, abi.Errno) {
	const (
		traceMe = 0
		attach  = 16
		seize   = 0x4206
	)
	request := t.long(a[0])
	if request == traceMe {
		return 0, abi.EPERM
	}
	t.proc.mu.Lock()
	defer t.proc.mu.Unlock()
	if int32(a[1]) == 0 {
		return 0, abi.ESRCH
	}
	if _, err := t.taskByID(int32(a[1])); err != 0 {
		return 0, err
	}
	if request != attach && request != seize {
		return 0, abi.ESRCH // it is not traced
	}
	return 0, abi.EPERM
}
