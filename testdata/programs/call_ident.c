/* Who one is: ids, groups, sessions, capabilities. */
#include "call.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

static char buf[256];

static void get(struct which w)
{
	NUMBER_OF(w, "");
}

static void set_one(struct which w, long own)
{
	NUMBER_OF(w, "own", own);
	CALL_OF(w, "root", 0);
	CALL_OF(w, "none", -1);
}

static void set_many(struct which w, long own, long unset)
{
	CALL_OF(w, "own", own, own, own);
	CALL_OF(w, "nothing", unset, unset, unset);
	CALL_OF(w, "root", 0, 0, 0);
}

static void get_three(struct which w, int width)
{
	unsigned char ids[3][4] = { { 0 } };
	CALL_OF(w, "all", ids[0], ids[1], ids[2]);
	for (int i = 0; i < 3; i++) {
		unsigned v = 0;
		memcpy(&v, ids[i], width);
		data("%u", v);
	}
	CALL_OF(w, "bad pointer", BAD, ids[1], ids[2]);
}

static void groups(struct which g, struct which s)
{
	CALL_OF(g, "number", 0, 0);
	CALL_OF(g, "negative", -1, buf);
	CALL_OF(s, "none", 0, 0);
	CALL_OF(s, "one", 1, buf);
	CALL_OF(s, "too many", 1 << 20, buf);
}

static void fs_id(struct which w, long own)
{
	NUMBER_OF(w, "own", own);
	NUMBER_OF(w, "root", 0);
	NUMBER_OF(w, "none", -1);
}

static void capabilities(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2];
	CALL(capget, "self", &head, caps);
	data("%#x %#x", caps[0].effective, caps[1].permitted);
	CALL(capset, "the same", &head, caps);
	caps[0].effective = caps[0].permitted = 1;
	CALL(capset, "more", &head, caps);
	head.pid = 0x3fffffff;
	CALL(capget, "nobody", &head, caps);
	head.pid = 0;
	head.version = 1;
	CALL(capget, "wrong version", &head, caps);
	data("%#x", head.version);
	CALL(capget, "bad pointer", BAD, caps);
	head.version = 1;
	CALL(capset, "wrong version", &head, caps);
}

static void options(void)
{
	int n = -1;
	CALL(prctl, "set name", PR_SET_NAME, "longer than fifteen bytes");
	CALL(prctl, "get name", PR_GET_NAME, buf);
	data("%s", buf);
	NUMBER(prctl, "dumpable", PR_GET_DUMPABLE);
	NUMBER(prctl, "not dumpable", PR_SET_DUMPABLE, 0);
	NUMBER(prctl, "dumpable again", PR_GET_DUMPABLE);
	CALL(prctl, "dumpable 9", PR_SET_DUMPABLE, 9);
	CALL(prctl, "signal at the parent's death", PR_SET_PDEATHSIG, 12);
	CALL(prctl, "which signal", PR_GET_PDEATHSIG, &n);
	data("%d", n);
	CALL(prctl, "no such signal", PR_SET_PDEATHSIG, 65);
	NUMBER(prctl, "keep capabilities", PR_GET_KEEPCAPS);
	NUMBER(prctl, "no new privileges", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	NUMBER(prctl, "set no new privileges", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	NUMBER(prctl, "no new privileges again", PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	CALL(prctl, "never new privileges, wrong", PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0);
	CALL(prctl, "bad pointer", PR_SET_NAME, BAD);
	CALL(prctl, "no such option", 123456);
	NUMBER(prctl, "secure bits", PR_GET_SECUREBITS);
	CALL(prctl, "set secure bits", PR_SET_SECUREBITS, SECBIT_NOROOT);
	NUMBER(prctl, "bounding set", PR_CAPBSET_READ, 0);
	CALL(prctl, "bounding set, no such", PR_CAPBSET_READ, 99);
	CALL(prctl, "drop", PR_CAPBSET_DROP, 0);
	NUMBER(prctl, "slack", PR_GET_TIMERSLACK);
	NUMBER(prctl, "child subreaper", PR_SET_CHILD_SUBREAPER, 0);
	NUMBER(prctl, "seccomp", PR_GET_SECCOMP);
}

int main(void)
{
	long uid = getuid(), gid = getgid();
	get(WHICH(getuid));
	get(WHICH(geteuid));
	get(WHICH(getgid));
	get(WHICH(getegid));
	set_one(WHICH(setuid), uid);
	set_one(WHICH(setgid), gid);
#ifdef __i386__
	long unset = 0xffff;
	int width = 2;
	get(WHICH(getuid32));
	get(WHICH(geteuid32));
	get(WHICH(getgid32));
	get(WHICH(getegid32));
	set_one(WHICH(setuid32), uid);
	set_one(WHICH(setgid32), gid);
	set_many(WHICH(setreuid32), uid, -1);
	set_many(WHICH(setregid32), gid, -1);
	set_many(WHICH(setresuid32), uid, -1);
	set_many(WHICH(setresgid32), gid, -1);
	get_three(WHICH(getresuid32), 4);
	get_three(WHICH(getresgid32), 4);
	groups(WHICH(getgroups32), WHICH(setgroups32));
	fs_id(WHICH(setfsuid32), uid);
	fs_id(WHICH(setfsgid32), gid);
#else
	long unset = -1;
	int width = 4;
#endif
	set_many(WHICH(setreuid), uid, unset);
	set_many(WHICH(setregid), gid, unset);
	set_many(WHICH(setresuid), uid, unset);
	set_many(WHICH(setresgid), gid, unset);
	get_three(WHICH(getresuid), width);
	get_three(WHICH(getresgid), width);
	groups(WHICH(getgroups), WHICH(setgroups));
	fs_id(WHICH(setfsuid), uid);
	fs_id(WHICH(setfsgid), gid);

	long pid = CALL(getpid, "");
	data("%d", pid > 1);
	data("%d", CALL(gettid, "") == pid);
	CALL(getppid, "");
	data("%d", CALL(getpgrp, "") == pid);
	data("%d", CALL(getpgid, "self", 0) == pid);
	data("%d", CALL(getpgid, "by number", pid) == pid);
	CALL(getpgid, "nobody", 0x3fffffff);
	CALL(getsid, "self", 0);
	CALL(getsid, "nobody", 0x3fffffff);
	CALL(setpgid, "self", 0, 0);
	CALL(setpgid, "nobody", 0x3fffffff, 0);
	CALL(setpgid, "negative", 0, -1);
	CALL(setsid, "group leader");
	capabilities();
	NUMBER(personality, "ask", 0xffffffff);
	NUMBER(personality, "no randomization", 0x0040000);
	NUMBER(personality, "ask again", 0xffffffff);
	options();
	return 0;
}
