package kernel

import "bee/runtime/abi"

func openFlags() []flag {
	return []flag{
		{abi.O_TMPFILE, "O_TMPFILE"},
		{abi.O_CREAT, "O_CREAT"},
		{abi.O_EXCL, "O_EXCL"},
		{abi.O_NOCTTY, "O_NOCTTY"},
		{abi.O_TRUNC, "O_TRUNC"},
		{abi.O_APPEND, "O_APPEND"},
		{abi.O_NONBLOCK, "O_NONBLOCK"},
		{abi.O_SYNC, "O_SYNC"},
		{abi.O_DSYNC, "O_DSYNC"},
		{abi.O_DIRECT, "O_DIRECT"},
		{abi.O_LARGEFILE, "O_LARGEFILE"},
		{abi.O_NOFOLLOW, "O_NOFOLLOW"},
		{abi.O_NOATIME, "O_NOATIME"},
		{abi.O_CLOEXEC, "O_CLOEXEC"},
		{abi.O_PATH, "O_PATH"},
		{abi.O_DIRECTORY, "O_DIRECTORY"},
	}
}

func protFlags() []flag {
	return []flag{
		{abi.PROT_READ, "PROT_READ"},
		{abi.PROT_WRITE, "PROT_WRITE"},
		{abi.PROT_EXEC, "PROT_EXEC"},
		{abi.PROT_GROWSDOWN, "PROT_GROWSDOWN"},
		{abi.PROT_GROWSUP, "PROT_GROWSUP"},
	}
}

func mapFlags() []flag {
	return []flag{
		{abi.MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"},
		{abi.MAP_SHARED, "MAP_SHARED"},
		{abi.MAP_PRIVATE, "MAP_PRIVATE"},
		{abi.MAP_FIXED, "MAP_FIXED"},
		{abi.MAP_ANONYMOUS, "MAP_ANONYMOUS"},
		{abi.MAP_GROWSDOWN, "MAP_GROWSDOWN"},
		{abi.MAP_DENYWRITE, "MAP_DENYWRITE"},
		{abi.MAP_LOCKED, "MAP_LOCKED"},
		{abi.MAP_NORESERVE, "MAP_NORESERVE"},
		{abi.MAP_POPULATE, "MAP_POPULATE"},
		{abi.MAP_NONBLOCK, "MAP_NONBLOCK"},
		{abi.MAP_STACK, "MAP_STACK"},
		{abi.MAP_HUGETLB, "MAP_HUGETLB"},
		{abi.MAP_FIXED_NOREPLACE, "MAP_FIXED_NOREPLACE"},
	}
}

func actionFlags() []flag {
	return []flag{
		{abi.SA_RESTORER, "SA_RESTORER"},
		{abi.SA_ONSTACK, "SA_ONSTACK"},
		{abi.SA_RESTART, "SA_RESTART"},
		{abi.SA_NODEFER, "SA_NODEFER"},
		{abi.SA_RESETHAND, "SA_RESETHAND"},
		{abi.SA_SIGINFO, "SA_SIGINFO"},
		{abi.SA_NOCLDSTOP, "SA_NOCLDSTOP"},
		{abi.SA_NOCLDWAIT, "SA_NOCLDWAIT"},
	}
}

func atFlags() []flag {
	return []flag{
		{abi.AT_SYMLINK_NOFOLLOW, "AT_SYMLINK_NOFOLLOW"},
		{abi.AT_REMOVEDIR, "AT_REMOVEDIR"},
		{abi.AT_SYMLINK_FOLLOW, "AT_SYMLINK_FOLLOW"},
		{abi.AT_NO_AUTOMOUNT, "AT_NO_AUTOMOUNT"},
		{abi.AT_EMPTY_PATH, "AT_EMPTY_PATH"},
		{abi.AT_STATX_FORCE_SYNC, "AT_STATX_FORCE_SYNC"},
		{abi.AT_STATX_DONT_SYNC, "AT_STATX_DONT_SYNC"},
	}
}

func accessFlags() []flag { return []flag{{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}} }

func randomFlags() []flag {
	return []flag{{abi.GRND_NONBLOCK, "GRND_NONBLOCK"}, {abi.GRND_RANDOM, "GRND_RANDOM"}, {abi.GRND_INSECURE, "GRND_INSECURE"}}
}

func mremapFlags() []flag {
	return []flag{{abi.MREMAP_MAYMOVE, "MREMAP_MAYMOVE"}, {abi.MREMAP_FIXED, "MREMAP_FIXED"}}
}

// argOpen shows open's flags: an access mode and bits.
func argOpen() traceArg {
	return in(func(f *traceFormatter, i int) string {
		mode := []string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"}[f.a[i]&abi.O_ACCMODE]
		if rest := flagText(f.a[i]&^abi.O_ACCMODE, "", openFlags()); rest != "" {
			mode += "|" + rest
		}
		return mode
	})
}

// traceSpecs tells how calls are written, by name. It is made once per trace.
func traceSpecs() map[string]traceSpec {
	openF := argOpen()
	prot := argFlags("PROT_NONE", protFlags)
	mapF := argFlags("0", mapFlags)
	at := argFlags("0", atFlags)
	access := argFlags("F_OK", accessFlags)
	clock := argEnum(map[int32]string{
		abi.CLOCK_REALTIME: "CLOCK_REALTIME", abi.CLOCK_MONOTONIC: "CLOCK_MONOTONIC",
		abi.CLOCK_PROCESS_CPUTIME_ID: "CLOCK_PROCESS_CPUTIME_ID", abi.CLOCK_THREAD_CPUTIME_ID: "CLOCK_THREAD_CPUTIME_ID",
		abi.CLOCK_MONOTONIC_RAW: "CLOCK_MONOTONIC_RAW", abi.CLOCK_REALTIME_COARSE: "CLOCK_REALTIME_COARSE",
		abi.CLOCK_MONOTONIC_COARSE: "CLOCK_MONOTONIC_COARSE", abi.CLOCK_BOOTTIME: "CLOCK_BOOTTIME",
	})
	limit := argEnum(map[int32]string{
		abi.RLIMIT_CPU: "RLIMIT_CPU", abi.RLIMIT_FSIZE: "RLIMIT_FSIZE", abi.RLIMIT_DATA: "RLIMIT_DATA",
		abi.RLIMIT_STACK: "RLIMIT_STACK", abi.RLIMIT_CORE: "RLIMIT_CORE", abi.RLIMIT_RSS: "RLIMIT_RSS",
		abi.RLIMIT_NPROC: "RLIMIT_NPROC", abi.RLIMIT_NOFILE: "RLIMIT_NOFILE", abi.RLIMIT_MEMLOCK: "RLIMIT_MEMLOCK",
		abi.RLIMIT_AS: "RLIMIT_AS",
	})
	how := argEnum(map[int32]string{abi.SIG_BLOCK: "SIG_BLOCK", abi.SIG_UNBLOCK: "SIG_UNBLOCK", abi.SIG_SETMASK: "SIG_SETMASK"})
	whence := argEnum(map[int32]string{
		abi.SEEK_SET: "SEEK_SET", abi.SEEK_CUR: "SEEK_CUR", abi.SEEK_END: "SEEK_END",
		abi.SEEK_DATA: "SEEK_DATA", abi.SEEK_HOLE: "SEEK_HOLE",
	})
	advice := argEnum(map[int32]string{
		abi.MADV_NORMAL: "MADV_NORMAL", abi.MADV_RANDOM: "MADV_RANDOM", abi.MADV_SEQUENTIAL: "MADV_SEQUENTIAL",
		abi.MADV_WILLNEED: "MADV_WILLNEED", abi.MADV_DONTNEED: "MADV_DONTNEED", abi.MADV_FREE: "MADV_FREE",
		abi.MADV_HUGEPAGE: "MADV_HUGEPAGE", abi.MADV_NOHUGEPAGE: "MADV_NOHUGEPAGE",
	})
	ioctl := argEnum(map[int32]string{
		abi.TCGETS: "TCGETS", abi.TCSETS: "TCSETS", abi.TCSETSW: "TCSETSW", abi.TIOCGWINSZ: "TIOCGWINSZ",
		abi.TIOCGPGRP: "TIOCGPGRP", abi.FIONREAD: "FIONREAD", abi.FIONBIO: "FIONBIO",
	})
	fcntl := argEnum(map[int32]string{
		abi.F_DUPFD: "F_DUPFD", abi.F_GETFD: "F_GETFD", abi.F_SETFD: "F_SETFD", abi.F_GETFL: "F_GETFL", abi.F_SETFL: "F_SETFL",
		abi.F_GETLK: "F_GETLK", abi.F_SETLK: "F_SETLK", abi.F_SETLKW: "F_SETLKW", abi.F_DUPFD_CLOEXEC: "F_DUPFD_CLOEXEC",
		abi.I386_F_GETLK64: "F_GETLK64", abi.I386_F_SETLK64: "F_SETLK64", abi.I386_F_SETLKW64: "F_SETLKW64",
	})
	specs := map[string]traceSpec{}
	add := func(name string, args ...traceArg) { specs[name] = traceSpec{args: args} }
	addHex := func(name string, args ...traceArg) { specs[name] = traceSpec{args: args, result: hexResult} }

	for _, name := range []string{
		"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32", "getgid32", "getegid32",
		"getpgrp", "setsid", "sched_yield", "pause", "sync", "fork", "vfork", "munlockall",
	} {
		add(name)
	}
	// Processes.
	add("exit", argInt)
	add("exit_group", argInt)
	add("set_tid_address", argPtr)
	add("set_robust_list", argPtr, argUint)
	add("getpgid", argInt)
	add("getsid", argInt)
	add("setpgid", argInt, argInt)
	add("kill", argInt, argSignal)
	add("tkill", argInt, argSignal)
	add("tgkill", argInt, argInt, argSignal)
	add("execve", argPath, argPtr, argPtr)
	add("wait4", argInt, argPtr, argInt, argPtr)
	add("set_thread_area", argUserDesc)
	add("get_thread_area", argUserDesc)
	add("arch_prctl", argHex, argHex)
	add("prctl", argInt, argHex, argHex, argHex, argHex)
	add("personality", argHex)
	add("uname", outUname)
	add("sysinfo", argPtr)
	add("umask", argOct)
	add("getrandom", outBuf, argUint, argFlags("0", randomFlags))
	add("getrlimit", limit, outRlimit)
	add("ugetrlimit", limit, outRlimit)
	add("setrlimit", limit, argRlimit)
	add("prlimit64", argInt, limit, argRlimit64, outRlimit64)
	add("sched_getaffinity", argInt, argUint, argPtr)
	add("futex", argPtr, argHex, argInt, argPtr)
	add("futex_time64", argPtr, argHex, argInt, argPtr)
	add("rseq", argPtr, argHex, argInt, argHex)
	// Memory.
	addHex("brk", argPtr)
	addHex("mmap", argPtr, argUint, prot, mapF, argInt, argHex)
	addHex("mmap2", argPtr, argUint, prot, mapF, argInt, argHex)
	add("munmap", argPtr, argUint)
	add("mprotect", argPtr, argUint, prot)
	addHex("mremap", argPtr, argUint, argUint, argFlags("0", mremapFlags))
	add("madvise", argPtr, argUint, advice)
	add("msync", argPtr, argUint, argHex)
	// Time.
	add("time", argPtr)
	add("gettimeofday", outTimeval, argPtr)
	add("clock_gettime", clock, outTimespec)
	add("clock_gettime64", clock, outTimespec64)
	add("clock_getres", clock, outTimespec)
	add("clock_getres_time64", clock, outTimespec64)
	add("nanosleep", argTimespec, argPtr)
	add("clock_nanosleep", clock, argHex, argTimespec, argPtr)
	add("clock_nanosleep_time64", clock, argHex, argTimespec64, argPtr)
	add("times", argPtr)
	add("getrusage", argInt, argPtr)
	// Signals.
	add("rt_sigaction", argSignal, argAction, outAction, argUint)
	add("rt_sigprocmask", how, argSigset, outSigset, argUint)
	add("rt_sigsuspend", argSigset, argUint)
	add("sigaltstack", argPtr, argPtr)
	specs["rt_sigreturn"] = traceSpec{args: []traceArg{argReturnMask(true)}, returns: true}
	specs["sigreturn"] = traceSpec{args: []traceArg{argReturnMask(false)}, returns: true}
	// Files.
	add("read", argInt, outBuf, argUint)
	add("write", argInt, argBuf(2), argUint)
	add("readv", argInt, outIovecs(2), argInt)
	add("writev", argInt, argIovecs(2), argInt)
	add("pread64", argInt, outBuf, argUint, argLong)
	add("pwrite64", argInt, argBuf(2), argUint, argLong)
	add("open", argPath, openF, argMode)
	add("openat", argAt, argPath, openF, argMode)
	add("creat", argPath, argOct)
	add("close", argInt)
	add("close_range", argUint, argUint, argHex)
	add("dup", argInt)
	add("dup2", argInt, argInt)
	add("dup3", argInt, argInt, openF)
	add("pipe", outInts)
	add("pipe2", outInts, openF)
	add("lseek", argInt, argLong, whence)
	add("_llseek", argInt, argUint, argUint, outLoff, whence)
	add("stat", argPath, outOldStat)
	add("lstat", argPath, outOldStat)
	add("fstat", argInt, outOldStat)
	add("stat64", argPath, outStat)
	add("lstat64", argPath, outStat)
	add("fstat64", argInt, outStat)
	add("fstatat64", argAt, argPath, outStat, at)
	add("newfstatat", argAt, argPath, outStat, at)
	add("statx", argAt, argPath, at, argHex, outStatx)
	add("statfs", argPath, argPtr)
	add("statfs64", argPath, argUint, argPtr)
	add("fstatfs64", argInt, argUint, argPtr)
	add("access", argPath, access)
	add("faccessat", argAt, argPath, access)
	add("faccessat2", argAt, argPath, access, at)
	add("readlink", argPath, outBuf, argUint)
	add("readlinkat", argAt, argPath, outBuf, argUint)
	add("getcwd", outBuf, argUint)
	add("chdir", argPath)
	add("fchdir", argInt)
	add("mkdir", argPath, argOct)
	add("mkdirat", argAt, argPath, argOct)
	add("rmdir", argPath)
	add("unlink", argPath)
	add("unlinkat", argAt, argPath, at)
	add("rename", argPath, argPath)
	add("renameat", argAt, argPath, argAt, argPath)
	add("renameat2", argAt, argPath, argAt, argPath, argHex)
	add("link", argPath, argPath)
	add("linkat", argAt, argPath, argAt, argPath, at)
	add("symlink", argPath, argPath)
	add("symlinkat", argPath, argAt, argPath)
	add("chmod", argPath, argOct)
	add("fchmod", argInt, argOct)
	add("fchmodat", argAt, argPath, argOct)
	add("chown", argPath, argInt, argInt)
	add("chown32", argPath, argInt, argInt)
	add("lchown32", argPath, argInt, argInt)
	add("fchown32", argInt, argInt, argInt)
	add("fchownat", argAt, argPath, argInt, argInt, at)
	add("truncate", argPath, argLong)
	add("ftruncate", argInt, argLong)
	add("truncate64", argPath, argUint, argUint)
	add("ftruncate64", argInt, argUint, argUint)
	add("fsync", argInt)
	add("fdatasync", argInt)
	add("getdents", argInt, argPtr, argUint)
	add("getdents64", argInt, argPtr, argUint)
	add("fcntl", argInt, fcntl, argHex)
	add("fcntl64", argInt, fcntl, argHex)
	add("ioctl", argInt, ioctl, argPtr)
	add("utimensat", argAt, argPath, argPtr, at)
	add("utimensat_time64", argAt, argPath, argPtr, at)
	add("poll", argPtr, argUint, argInt)
	add("sendfile", argInt, argInt, argPtr, argUint)
	add("sendfile64", argInt, argInt, argPtr, argUint)
	return specs
}
