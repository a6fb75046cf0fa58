/* The machine, and what only its administrator may do. */
#include "call.h"
#include <sys/ptrace.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/utsname.h>

static char buf[4096];

static void names(void)
{
	struct utsname u;
	CALL(uname, "", &u);
	data("%s %s", u.sysname, u.machine);
	CALL(uname, "bad pointer", BAD);
#ifdef __i386__
	CALL(olduname, "", buf);
	data("%s %s", buf, buf + 4 * 65);
	CALL(olduname, "bad pointer", BAD);
	CALL(oldolduname, "", buf);
	data("%s %s", buf, buf + 4 * 9);
	CALL(oldolduname, "bad pointer", BAD);
#endif
	CALL(sethostname, "not permitted", "name", 4);
	CALL(setdomainname, "not permitted", "name", 4);
}

static void state(void)
{
	struct sysinfo s;
	CALL(sysinfo, "", &s);
	data("%d %d", s.uptime > 0, s.totalram >= s.freeram);
	CALL(sysinfo, "bad pointer", BAD);
	NUMBER(getrandom, "ten", buf, 10, 0);
	NUMBER(getrandom, "none", buf, 0, 0);
	NUMBER(getrandom, "at once, insecure", buf, 8, 4);
	CALL(getrandom, "bad pointer", BAD, 10, 0);
	CALL(getrandom, "bad flag", buf, 10, 99);
	NUMBER(syslog, "open the log", 1, 0, 0);
	CALL(syslog, "no such action", 99, 0, 0);
}

static void refused(void)
{
	CALL(reboot, "not permitted", 0, 0, 0, 0);
	CALL(mount, "not permitted", "a", ".", "tmpfs", 0, 0);
	CALL(umount2, "not permitted", ".", 0);
	CALL(ptrace, "itself", PTRACE_ATTACH, getpid(), 0, 0);
	CALL(ptrace, "nobody", PTRACE_ATTACH, 0x3fffffff, 0, 0);
	CALL(ptrace, "not traced", PTRACE_CONT, getpid(), 0, 0);
	CALL(vhangup, "not permitted");
	CALL(acct, "not permitted", 0);
	CALL(swapon, "not permitted", "none", 0);
	CALL(swapoff, "not permitted", "none");
	CALL(pivot_root, "not permitted", ".", ".");
	CALL(unshare, "nothing", 0);
	CALL(unshare, "bad flag", 1);
	CALL(setns, "bad fd", 99, 0);
	CALL(kcmp, "own file and itself", getpid(), getpid(), 0, 0, 0);
	CALL(kcmp, "bad fd", getpid(), getpid(), 0, 0, 99);
	CALL(kcmp, "no such kind", getpid(), getpid(), 99, 0, 0);
	CALL(perf_event_open, "bad pointer", BAD, 0, -1, -1, 0);
	unsigned event[32] = { 1, 128 };
	CALL(perf_event_open, "of a processor", event, -1, 0, -1, 0);
	static uint64_t attr[16] = { 1 | 1ULL << 32, 0, 0 };
	attr[1] = attr[2] = (uintptr_t)buf;
	CALL(bpf, "load a program", 5, attr, sizeof attr);
	CALL(seccomp, "no such operation", 99, 0, 0);
	CALL(userfaultfd, "not permitted", 0);
	CALL(userfaultfd, "bad flag", 1 << 5 | 1);
	CALL(fanotify_init, "not permitted", 0, 0);
	CALL(fanotify_mark, "bad fd", 99, 1, WIDE(1), AT_FDCWD, ".");
	CALL(fsopen, "not permitted", "tmpfs", 0);
	CALL(fspick, "not permitted", AT_FDCWD, ".", 0);
	CALL(fsmount, "not permitted", 99, 0, 0);
	CALL(move_mount, "not permitted", AT_FDCWD, ".", AT_FDCWD, ".", 0);
	CALL(mount_setattr, "not permitted", AT_FDCWD, ".", 0, attr, 32);
#ifdef SYS_umount
	CALL(umount, "not permitted", ".");
	CALL(umount, "no file", "none");
#endif
	CALL(add_key, "bad pointer", BAD, 0, 0, 0, 0);
	CALL(keyctl, "no such operation", 9999, 0, 0, 0, 0);
	CALL(io_setup, "none", 0, BAD);
	CALL(io_uring_setup, "bad pointer", 1, BAD);
	CALL(name_to_handle_at, "bad fd", 99, "x", buf, buf, 0);
	struct {
		unsigned bytes;
		int type;
		char handle[8];
	} handle = { 8, 1, "" };
	CALL(open_by_handle_at, "not permitted", open(".", O_RDONLY), &handle, 0);
	CALL(migrate_pages, "nobody", 0x3fffffff, 0, 0, 0);
	CALL(move_pages, "nobody", 0x3fffffff, 0, 0, 0, 0, 0);
	char from[] = "copied", to[8] = "";
	struct iovec own = { to, 7 }, other = { from, 7 };
	NUMBER(process_vm_readv, "self", getpid(), &own, 1, &other, 1, 0);
	data("%s", to);
	CALL(process_vm_readv, "bad flag", getpid(), &own, 1, &other, 1, 1);
	CALL(process_vm_readv, "nobody", 0x3fffffff, &own, 1, &other, 1, 0);
	NUMBER(process_vm_writev, "self", getpid(), &own, 1, &other, 1, 0);
	CALL(process_vm_writev, "bad flag", getpid(), &own, 1, &other, 1, 1);
	CALL(process_vm_writev, "nobody", 0x3fffffff, &own, 1, &other, 1, 0);
	CALL(pidfd_open, "nobody", 0x3fffffff, 0);
	close(CALL(pidfd_open, "self", getpid(), 0));
	CALL(pidfd_send_signal, "bad fd", 99, 0, 0, 0);
	CALL(pidfd_getfd, "bad fd", 99, 0, 0);
	CALL(sysfs, "number of types", 3);
	CALL(sysfs, "no such option", 99);
}

int main(void)
{
	names();
	state();
	refused();
	return 0;
}
