package abi

import (
	"testing"
)

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		e          Errno
		name, text string
	}{
		{ENOENT, "ENOENT", "No such file or directory"},
		{EAGAIN, "EAGAIN", "Resource temporarily unavailable"},
		{EDEADLK, "EDEADLK", "Resource deadlock avoided"},
		{EOPNOTSUPP, "EOPNOTSUPP", "Operation not supported"},
		{EHWPOISON, "EHWPOISON", "Memory page has hardware error"},
		{41, "ERRNO_41", "Unknown error 41"},
		{4000, "ERRNO_4000", "Unknown error 4000"},
	} {
		if c.e.Name() != c.name || c.e.Error() != c.text {
			t.Errorf("%d: %s %q, want %s %q", c.e, c.e.Name(), c.e.Error(), c.name, c.text)
		}
	}
	if Errno(0).Error() != "Success" {
		t.Error(Errno(0).Error())
	}
}

func TestSignal(t *testing.T) {
	for _, c := range []struct {
		s          Signal
		name, text string
	}{
		{SIGSEGV, "SIGSEGV", "Segmentation fault"},
		{SIGABRT, "SIGABRT", "Aborted"},
		{34, "SIGRT_2", "Real-time signal 0"},
		{65, "65", "Unknown signal 65"},
	} {
		if c.s.Name() != c.name || c.s.String() != c.text {
			t.Errorf("%d: %s %q", c.s, c.s.Name(), c.s)
		}
	}
}

// TestLayouts checks against numbers that are known by heart, so that a
// generator that looks at the wrong structure does not go unnoticed.
func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"i386 stat64", SizeofI386Stat64, 96},
		{"i386 stat64.st_mode", I386Stat64Mode, 16},
		{"i386 stat64.st_size", I386Stat64Size, 44},
		{"i386 stat64.st_ino", I386Stat64Ino, 88},
		{"i386 stat", SizeofI386Stat, 64},
		{"amd64 stat", SizeofAMD64Stat, 144},
		{"amd64 stat.st_size", AMD64StatSize, 48},
		{"statx", SizeofI386Statx, 256},
		{"i386 timespec", SizeofI386Timespec, 8},
		{"i386 timespec64", SizeofI386Timespec64, 16},
		{"i386 sysinfo", SizeofI386Sysinfo, 64},
		{"amd64 sysinfo", SizeofAMD64Sysinfo, 112},
		{"i386 rusage", SizeofI386Rusage, 72},
		{"amd64 rusage", SizeofAMD64Rusage, 144},
		{"utsname", SizeofI386Utsname, 390},
		{"i386 statfs64", SizeofI386Statfs64, 84},
		{"i386 flock64", SizeofI386Flock64, 24},
		{"i386 sigaction", SizeofI386Sigaction, 20},
		{"amd64 sigaction", SizeofAMD64Sigaction, 32},
		{"siginfo", SizeofAMD64Siginfo, 128},
		{"amd64 statfs", SizeofAMD64Statfs, 120},
		{"amd64 timespec", SizeofAMD64Timespec, 16},
		{"amd64 timeval", SizeofAMD64Timeval, 16},
		{"amd64 rlimit", SizeofAMD64Rlimit, 16},
		{"amd64 iovec", SizeofAMD64Iovec, 16},
		{"amd64 flock", SizeofAMD64Flock, 32},
		{"amd64 flock.l_pid", AMD64FlockPid, 24},
		{"amd64 stack", SizeofAMD64Stack, 24},
		{"amd64 stack.ss_size", AMD64StackSize, 16},
		{"amd64 siginfo.si_addr", AMD64SiginfoAddr, 16},
		{"amd64 dirent.d_name", AMD64DirentName, 18},
		{"amd64 epoll_event", SizeofAMD64EpollEvent, 12},
		{"termios", SizeofI386Termios, 36},
		{"user_desc", SizeofI386UserDesc, 16},
		{"dirent64.d_name", I386Dirent64Name, 19},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	i386, amd64 := I386Syscalls(), AMD64Syscalls()
	if i386[4] != "write" || i386[192] != "mmap2" || i386[I386NrClockGettime64] != "clock_gettime64" || amd64[1] != "write" || amd64[231] != "exit_group" {
		t.Error("system call numbers")
	}
}
