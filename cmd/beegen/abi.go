package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// newABICommand makes `beegen abi`, which asks the C compiler and the kernel's
// headers for numbers, names and layouts and writes them as Go constants.
func newABICommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "abi",
		Short: "Write runtime/abi/z*.go from the kernel's headers (needs gcc for both widths)",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return generateABI(dir) },
	}
	c.Flags().StringVar(&dir, "dir", "runtime/abi", "the package's folder")
	return c
}

// abiArch is one of the two architectures as the compiler and our names know it.
type abiArch struct {
	prefix string // of Go names
	suffix string // of file names; not a GOARCH, which would restrict the file
	flag   string // of gcc
}

func abiArchs() []abiArch {
	return []abiArch{{"I386", "ia32", "-m32"}, {"AMD64", "x64", "-m64"}}
}

// abiHeaders are the kernel's own, not libc's: the layouts differ.
const abiHeaders = `
#include <linux/types.h>
#include <linux/posix_types.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/times.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/utsname.h>
#include <linux/uio.h>
#include <linux/fcntl.h>
#include <linux/falloc.h>
#include <linux/fadvise.h>
#include <linux/stat.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/random.h>
#include <linux/futex.h>
#include <linux/auxvec.h>
#include <linux/magic.h>
#include <linux/limits.h>
#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/close_range.h>
#include <linux/memfd.h>
#include <linux/openat2.h>
#include <linux/eventpoll.h>
#include <linux/rseq.h>
#include <linux/fs.h>
#include <linux/utime.h>
#include <linux/membarrier.h>
#include <linux/xattr.h>
#include <linux/inotify.h>
#include <linux/fanotify.h>
#include <linux/timex.h>
#include <linux/kcmp.h>
#include <linux/ioprio.h>
#include <linux/securebits.h>
#include <linux/seccomp.h>
#include <linux/wait.h>
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <asm/termios.h>
#include <asm/ioctls.h>
#include <linux/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <linux/signalfd.h>
#include <asm/poll.h>
#include <asm/unistd.h>
`

// abiExtra declares what the kernel does not export but programs rely on.
const abiExtra = `
int printf(const char *, ...);
struct k_sigaction { unsigned long handler, flags, restorer; unsigned long long mask; };
struct k_dirent { unsigned long d_ino, d_off; unsigned short d_reclen; char d_name[1]; };
struct k_dirent64 { unsigned long long d_ino; long long d_off; unsigned short d_reclen; unsigned char d_type; char d_name[1]; };
struct k_timespec { __kernel_long_t tv_sec, tv_nsec; };
struct k_timeval { __kernel_long_t tv_sec, tv_usec; };
struct k_itimerval { struct k_timeval it_interval, it_value; };
struct k_rusage {
	struct k_timeval ru_utime, ru_stime;
	__kernel_long_t ru_maxrss, ru_ixrss, ru_idrss, ru_isrss, ru_minflt, ru_majflt, ru_nswap, ru_inblock, ru_oublock,
		ru_msgsnd, ru_msgrcv, ru_nsignals, ru_nvcsw, ru_nivcsw;
};
struct k_sigset { unsigned long sig[64 / (8 * sizeof(long))]; };
struct k_ucontext { unsigned long uc_flags; void *uc_link; stack_t uc_stack; struct sigcontext uc_mcontext; struct k_sigset uc_sigmask; };
#ifdef __i386__
struct k_sigframe { void *pretcode; int sig; struct sigcontext sc; struct _fpstate_32 unused; unsigned extramask; char retcode[8]; };
struct k_rt_sigframe { void *pretcode; int sig; void *pinfo, *puc; siginfo_t info; struct k_ucontext uc; char retcode[8]; };
#else
struct k_rt_sigframe { void *pretcode; struct k_ucontext uc; siginfo_t info; };
#endif
struct k_itimerspec { struct k_timespec it_interval, it_value; };
struct k_mmap { unsigned int addr, len, prot, flags, fd, offset; };
#define BADOFF(t, f) __builtin_offsetof(t, f)
`

// abiStruct is a structure whose size and fields are wanted.
type abiStruct struct {
	name   string // in Go
	c      string
	strip  string // prefix of the C fields
	fields string
	only   string // prefix of the one architecture that has it
}

func abiStructs() []abiStruct {
	const stat = "st_dev st_ino st_mode st_nlink st_uid st_gid st_rdev st_size st_blksize st_blocks st_atime st_atime_nsec st_mtime st_mtime_nsec st_ctime st_ctime_nsec"
	const statfs = "f_type f_bsize f_blocks f_bfree f_bavail f_files f_ffree f_fsid f_namelen f_frsize f_flags"
	return []abiStruct{
		{"Stat", "struct stat", "st_", stat, ""},
		{"Stat64", "struct stat64", "st_", "__st_ino " + stat, "I386"},
		{"Statfs", "struct statfs", "f_", statfs, ""},
		{"Statfs64", "struct statfs64", "f_", statfs, ""},
		{"Statx", "struct statx", "stx_", "stx_mask stx_blksize stx_attributes stx_nlink stx_uid stx_gid stx_mode stx_ino stx_size stx_blocks stx_attributes_mask stx_atime stx_btime stx_ctime stx_mtime stx_rdev_major stx_rdev_minor stx_dev_major stx_dev_minor stx_mnt_id", ""},
		{"StatxTime", "struct statx_timestamp", "tv_", "tv_sec tv_nsec", ""},
		{"Timespec", "struct k_timespec", "tv_", "tv_sec tv_nsec", ""},
		{"Timespec64", "struct __kernel_timespec", "tv_", "tv_sec tv_nsec", ""},
		{"Timeval", "struct k_timeval", "tv_", "tv_sec tv_usec", ""},
		{"Itimerval", "struct k_itimerval", "it_", "it_interval it_value", ""},
		{"Timezone", "struct timezone", "tz_", "tz_minuteswest tz_dsttime", ""},
		{"Tms", "struct tms", "tms_", "tms_utime tms_stime tms_cutime tms_cstime", ""},
		{"Utimbuf", "struct utimbuf", "", "actime modtime", ""},
		{"Rusage", "struct k_rusage", "ru_", "ru_utime ru_stime ru_maxrss ru_ixrss ru_idrss ru_isrss ru_minflt ru_majflt ru_nswap ru_inblock ru_oublock ru_msgsnd ru_msgrcv ru_nsignals ru_nvcsw ru_nivcsw", ""},
		{"Sysinfo", "struct sysinfo", "", "uptime loads totalram freeram sharedram bufferram totalswap freeswap procs totalhigh freehigh mem_unit", ""},
		{"Utsname", "struct new_utsname", "", "sysname nodename release version machine domainname", ""},
		{"OldUtsname", "struct old_utsname", "", "sysname nodename release version machine", ""},
		{"OldoldUtsname", "struct oldold_utsname", "", "sysname nodename release version machine", ""},
		{"Rlimit", "struct rlimit", "rlim_", "rlim_cur rlim_max", ""},
		{"Rlimit64", "struct rlimit64", "rlim_", "rlim_cur rlim_max", ""},
		{"Dirent", "struct k_dirent", "d_", "d_ino d_off d_reclen d_name", ""},
		{"Dirent64", "struct k_dirent64", "d_", "d_ino d_off d_reclen d_type d_name", ""},
		{"Iovec", "struct iovec", "iov_", "iov_base iov_len", ""},
		{"UserDesc", "struct user_desc", "", "entry_number base_addr limit", ""},
		{"Winsize", "struct winsize", "ws_", "ws_row ws_col ws_xpixel ws_ypixel", ""},
		{"Termios", "struct termios", "c_", "c_iflag c_oflag c_cflag c_lflag c_line c_cc", ""},
		{"Sigaction", "struct k_sigaction", "", "handler flags restorer mask", ""},
		{"OldSigaction", "struct sigaction", "sa_", "sa_handler sa_mask sa_flags sa_restorer", "I386"},
		{"Stack", "stack_t", "ss_", "ss_sp ss_flags ss_size", ""},
		{"Siginfo", "siginfo_t", "si_", "si_signo si_errno si_code si_pid si_uid si_status si_utime si_stime si_value si_addr si_band si_fd", ""},
		{"Sigcontext", "struct sigcontext", "", "r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip eflags cs err trapno oldmask cr2 fpstate", "AMD64"},
		{"Sigcontext", "struct sigcontext", "", "gs fs es ds edi esi ebp esp ebx edx ecx eax trapno err eip cs eflags esp_at_signal ss fpstate oldmask cr2", "I386"},
		{"Ucontext", "struct k_ucontext", "uc_", "uc_flags uc_link uc_stack uc_mcontext uc_sigmask", ""},
		{"Sigframe", "struct k_sigframe", "", "pretcode sig sc extramask retcode", "I386"},
		{"RtSigframe", "struct k_rt_sigframe", "", "pretcode sig pinfo puc info uc retcode", "I386"},
		{"RtSigframe", "struct k_rt_sigframe", "", "pretcode uc info", "AMD64"},
		{"Sigevent", "struct sigevent", "sigev_", "sigev_value sigev_signo sigev_notify sigev_notify_thread_id", ""},
		{"Itimerspec", "struct k_itimerspec", "it_", "it_interval it_value", ""},
		{"Itimerspec64", "struct __kernel_itimerspec", "it_", "it_interval it_value", ""},
		{"SignalfdSiginfo", "struct signalfd_siginfo", "ssi_", "ssi_signo ssi_errno ssi_code ssi_pid ssi_uid ssi_fd ssi_tid ssi_band ssi_overrun ssi_trapno ssi_status ssi_int ssi_ptr ssi_utime ssi_stime ssi_addr ssi_addr_lsb", ""},
		{"SiginfoTimer", "siginfo_t", "si_", "si_tid si_overrun si_value", ""},
		{"Flock", "struct flock", "l_", "l_type l_whence l_start l_len l_pid", ""},
		{"Flock64", "struct flock64", "l_", "l_type l_whence l_start l_len l_pid", "I386"},
		{"Pollfd", "struct pollfd", "", "fd events revents", ""},
		{"OpenHow", "struct open_how", "", "flags mode resolve", ""},
		{"MmapArgs", "struct k_mmap", "", "addr len prot flags fd offset", "I386"},
		{"CapHeader", "struct __user_cap_header_struct", "", "version pid", ""},
		{"CapData", "struct __user_cap_data_struct", "", "effective permitted inheritable", ""},
		{"CloneArgs", "struct clone_args", "", "flags pidfd child_tid parent_tid exit_signal stack stack_size tls set_tid set_tid_size cgroup", ""},
		{"RobustListHead", "struct robust_list_head", "", "list futex_offset list_op_pending", ""},
		{"Timex", "struct timex", "", "modes offset freq maxerror esterror status constant precision tolerance time tick ppsfreq jitter shift stabil jitcnt calcnt errcnt stbcnt tai", ""},
		{"Timex64", "struct __kernel_timex", "", "modes offset freq maxerror esterror status constant precision tolerance time tick ppsfreq jitter shift stabil jitcnt calcnt errcnt stbcnt tai", "I386"},
		{"SchedAttr", "struct sched_attr", "sched_", "size sched_policy sched_flags sched_nice sched_priority sched_runtime sched_deadline sched_period sched_util_min sched_util_max", ""},
		{"InotifyEvent", "struct inotify_event", "", "wd mask cookie len", ""},
		{"EpollEvent", "struct epoll_event", "", "events data", ""},
	}
}

// abiConsts chooses the macros that become constants.
var (
	abiConsts = regexp.MustCompile(`^(O|S|F|AT|SEEK|LOCK|RENAME|STATX|FALLOC_FL|POSIX_FADV|PROT|MAP|MREMAP|MADV|MCL|MS|MLOCK|CLONE|PR|ARCH|RLIMIT|RLIM|RUSAGE|CLOCK|TIMER|GRND|FUTEX|SA|SS|SI|SIG[A-Z]*|ILL|FPE|SEGV|BUS|TRAP|CLD|POLL[A-Z]*|EPOLL[A-Z]*|TC[A-Z]*|TIO[A-Z]*|FIO[A-Z]*|LINUX_CAPABILITY|CAP|ADDR|READ|PER|CLOSE|MFD|RESOLVE|RWF|XATTR|W[A-Z]+|FD|SCHED|MEMBARRIER|PATH|NAME|ITIMER|FS_IOC|AF|V[A-Z]+|I[A-Z]+|E[A-Z]+|N[A-Z]+|OPOST|OLCUC|ONLCR|OCRNL|ONOCR|ONLRET|B|CS[0-9A-Z]+|CREAD|PAREN[AB]|PARODD|HUPCL|CLOCAL|CRTSCTS|XCASE|TOSTOP|DN|UTIME|ADJ|STA|TIME|KCMP|SECBIT|SECCOMP|FAN)(_[A-Z0-9_]+)?$|^[A-Z0-9]+_MAGIC$|^(SIG|POLL|EPOLL)[A-Z0-9_]+$`)
	abiNot    = regexp.MustCompile(`^(SIG_(IGN|DFL|ERR)|E[0-9A-Z]+|NULL|SI_PAD_SIZE|SI_MAX_SIZE|IS_[A-Z]+|S_IS[A-Z]+|NR_OPEN|.*_H|INT_.*|WIFEX.*|INR_OPEN.*|CAP_TO.*|CAP_OPT.*|VOID|.*_IOCTL.*|NSIG|MAP_TYPE_.*|BLK.*|FS_IOC_.*|F_LINUX.*|IOC.*|SIGEV_PAD_SIZE|INIT_C_CC|MINSIGSTKSZ|XATTR_[A-Z0-9_]*(NAME|PREFIX|SUFFIX|POSIX|HURD)[A-Z0-9_]*|XATTR_[A-Z]+_(EXEC|IPIN|IPOUT|MMAP|TRANSMUTE)|XATTR_POSIX_ACL_[A-Z]+|PR_SET_PTRACER_ANY|RLIM_INFINITY)$`)
	abiDefine = regexp.MustCompile(`(?m)^#define ([A-Za-z_][A-Za-z0-9_]*) (.+)$`)
)

func generateABI(dir string) error {
	tmp, err := os.MkdirTemp("", "beegen-abi-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)

	if err := generateErrno(tmp, dir); err != nil {
		return err
	}
	consts := map[string]map[string]string{}
	for _, arch := range abiArchs() {
		macros, err := headerMacros(tmp, arch.flag, abiHeaders)
		if err != nil {
			return err
		}
		if err := generateNumbers(dir, arch, macros); err != nil {
			return err
		}
		if err := generateLayouts(tmp, dir, arch); err != nil {
			return err
		}
		if consts[arch.prefix], err = evalConsts(tmp, arch, macros); err != nil {
			return err
		}
	}
	if err := generateNet(tmp, dir); err != nil {
		return err
	}
	return writeConsts(dir, consts)
}

// headerMacros preprocesses and tells the object-like macros.
func headerMacros(tmp, flag, src string) (map[string]string, error) {
	f := filepath.Join(tmp, "in.c")
	if err := os.WriteFile(f, []byte(src), 0o600); err != nil {
		return nil, err
	}
	out, err := runTool("gcc", flag, "-E", "-dM", f)
	if err != nil {
		return nil, err
	}
	m := map[string]string{}
	for _, d := range abiDefine.FindAllStringSubmatch(out, -1) {
		m[d[1]] = strings.TrimSpace(d[2])
	}
	return m, nil
}

func runTool(name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// runC compiles a program and tells what it prints.
func runC(tmp, flag, src string) (string, error) {
	f, exe := filepath.Join(tmp, "prog.c"), filepath.Join(tmp, "prog")
	if err := os.WriteFile(f, []byte(src), 0o600); err != nil {
		return "", err
	}
	if _, err := runTool("gcc", flag, "-w", "-o", exe, f); err != nil {
		return "", err
	}
	return runTool(exe)
}

func generateErrno(tmp, dir string) error {
	macros, err := headerMacros(tmp, "-m64", "#include <errno.h>\n")
	if err != nil {
		return err
	}
	var names []string
	for n := range macros {
		if regexp.MustCompile(`^E[A-Z0-9]+$`).MatchString(n) {
			names = append(names, n)
		}
	}
	var src strings.Builder
	src.WriteString("#include <errno.h>\n#include <stdio.h>\n#include <string.h>\nint main(void) {\n")
	for _, n := range names {
		fmt.Fprintf(&src, "\tprintf(\"%s\\t%%d\\t%%s\\n\", %s, strerror(%s));\n", n, n, n)
	}
	src.WriteString("\treturn 0;\n}\n")
	out, err := runC(tmp, "-m64", src.String())
	if err != nil {
		return err
	}
	type errno struct {
		name, text string
		num        int
	}
	var list []errno
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		p := strings.Split(l, "\t")
		n, err := strconv.Atoi(p[1])
		if err != nil {
			return err
		}
		list = append(list, errno{p[0], p[2], n})
	}
	// Of two names for one number, the one that is defined by itself counts.
	primary := func(e errno) bool { _, err := strconv.Atoi(macros[e.name]); return err == nil }
	sort.Slice(list, func(i, j int) bool {
		if list[i].num != list[j].num {
			return list[i].num < list[j].num
		}
		if primary(list[i]) != primary(list[j]) {
			return primary(list[i])
		}
		return list[i].name < list[j].name
	})
	var b strings.Builder
	b.WriteString("// Linux's error numbers.\nconst (\n")
	for _, e := range list {
		fmt.Fprintf(&b, "\t%s Errno = %d // %s\n", e.name, e.num, e.text)
	}
	b.WriteString(")\n\n// errnoTable holds name and text by number.\nvar errnoTable = [...]struct{ name, text string }{\n")
	last := -1
	for _, e := range list {
		if e.num != last {
			fmt.Fprintf(&b, "\t%d: {%q, %q},\n", e.num, e.name, e.text)
		}
		last = e.num
	}
	b.WriteString("}\n")
	return writeGo(dir, "zerrno.go", b.String())
}

func generateNumbers(dir string, arch abiArch, macros map[string]string) error {
	byNum := map[int]string{}
	for n, v := range macros {
		name, ok := strings.CutPrefix(n, "__NR_")
		if !ok {
			continue
		}
		if num, err := strconv.Atoi(v); err == nil && name != "syscalls" {
			byNum[num] = name
		}
	}
	if len(byNum) < 300 {
		return fmt.Errorf("%s: only %d system calls found", arch.prefix, len(byNum))
	}
	var nums []int
	for n := range byNum {
		nums = append(nums, n)
	}
	sort.Ints(nums)
	var b strings.Builder
	fmt.Fprintf(&b, "// System call numbers of %s.\nconst (\n", arch.prefix)
	for _, n := range nums {
		fmt.Fprintf(&b, "\t%sNr%s = %d\n", arch.prefix, camel(byNum[n]), n)
	}
	fmt.Fprintf(&b, ")\n\n// %sSyscalls tells the names by number; \"\" where a number is free.\nfunc %sSyscalls() []string {\n\treturn []string{\n", arch.prefix, arch.prefix)
	for _, n := range nums {
		fmt.Fprintf(&b, "\t\t%d: %q,\n", n, byNum[n])
	}
	b.WriteString("\t}\n}\n")
	return writeGo(dir, "zsysnum_"+arch.suffix+".go", b.String())
}

func generateLayouts(tmp, dir string, arch abiArch) error {
	var src strings.Builder
	src.WriteString(abiHeaders + abiExtra + "int main(void) {\n")
	for _, s := range abiStructs() {
		if s.only != "" && s.only != arch.prefix {
			continue
		}
		fmt.Fprintf(&src, "\tprintf(\"S %s %%d\\n\", (int)sizeof(%s));\n", s.name, s.c)
		for _, f := range strings.Fields(s.fields) {
			// si_pid and the like are macros for members of a union, and
			// the struct's own members must not be expanded twice: offsetof
			// takes both.
			goName := camel(strings.TrimPrefix(f, s.strip))
			if strings.HasPrefix(f, "__st_") {
				goName = "OldIno"
			}
			fmt.Fprintf(&src, "\tprintf(\"F %s%s %%d\\n\", (int)BADOFF(%s, %s));\n", s.name, goName, s.c, f)
		}
	}
	src.WriteString("\treturn 0;\n}\n")
	out, err := runC(tmp, arch.flag, src.String())
	if err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "// Sizes of structures of %s and offsets of their fields.\nconst (\n", arch.prefix)
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		p := strings.Fields(l)
		if p[0] == "S" {
			fmt.Fprintf(&b, "\n\tSizeof%s%s = %s\n", arch.prefix, p[1], p[2])
		} else {
			fmt.Fprintf(&b, "\t%s%s = %s\n", arch.prefix, p[1], p[2])
		}
	}
	b.WriteString(")\n")
	return writeGo(dir, "zlayout_"+arch.suffix+".go", b.String())
}

func evalConsts(tmp string, arch abiArch, macros map[string]string) (map[string]string, error) {
	var names []string
	for n := range macros {
		if abiConsts.MatchString(n) && !abiNot.MatchString(n) {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	// Macros that are no integer constants do not compile; the compiler's
	// messages name their lines, and the second attempt is without them.
	for range 10 {
		var src strings.Builder
		src.WriteString(abiHeaders + abiExtra + "int main(void) {\n#line 1 \"consts\"\n")
		for _, n := range names {
			fmt.Fprintf(&src, "\t{ static const long long v = (long long)(%s); printf(\"%s %%lld\\n\", sizeof(%s) == 4 && v < 0 && (%s) > 0 ? (long long)(unsigned)v : v); }\n", n, n, n, n)
		}
		src.WriteString("\treturn 0;\n}\n")
		out, err := runC(tmp, arch.flag, src.String())
		if err == nil {
			m := map[string]string{}
			for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
				p := strings.Fields(l)
				m[p[0]] = p[1]
			}
			return m, nil
		}
		bad := map[int]bool{}
		for _, m := range regexp.MustCompile(`consts:(\d+):\d+: error`).FindAllStringSubmatch(err.Error(), -1) {
			n, _ := strconv.Atoi(m[1])
			bad[n] = true
		}
		if len(bad) == 0 {
			return nil, err
		}
		var good []string
		for i, n := range names {
			if !bad[i+1] {
				good = append(good, n)
			}
		}
		names = good
	}
	return nil, errors.New("constants: the compiler refuses them again and again")
}

func writeConsts(dir string, consts map[string]map[string]string) error {
	all := map[string]bool{}
	for _, m := range consts {
		for n := range m {
			all[n] = true
		}
	}
	var names []string
	for n := range all {
		names = append(names, n)
	}
	sort.Strings(names)
	var same, differ strings.Builder
	for _, n := range names {
		a, inA := consts["I386"][n]
		b, inB := consts["AMD64"][n]
		if inA && inB && a == b {
			fmt.Fprintf(&same, "\t%s = %s\n", n, hexIfFlag(a))
			continue
		}
		if inA {
			fmt.Fprintf(&differ, "\tI386%s = %s\n", "_"+n, hexIfFlag(a))
		}
		if inB {
			fmt.Fprintf(&differ, "\tAMD64%s = %s\n", "_"+n, hexIfFlag(b))
		}
	}
	return writeGo(dir, "zconst.go",
		"// Constants that are equal on both architectures.\nconst (\n"+same.String()+")\n\n// Constants that differ.\nconst (\n"+differ.String()+")\n")
}

// hexIfFlag writes larger numbers the way headers do.
func hexIfFlag(v string) string {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 32 {
		return v
	}
	return fmt.Sprintf("%#x", n)
}

// camel turns a C name into a Go one: clock_gettime64 into ClockGettime64.
func camel(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		if r == '_' {
			up = true
			continue
		}
		if up {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteRune(r)
		}
		up = false
	}
	return b.String()
}

func writeGo(dir, name, body string) error {
	src := "// Code generated by `beegen abi`; DO NOT EDIT.\n\npackage abi\n\n" + body
	out, err := format.Source([]byte(src))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(filepath.Join(dir, name), out, 0o644)
}
