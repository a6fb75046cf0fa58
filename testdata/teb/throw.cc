// Exceptions, backtraces and longjmp through instructions that stand beside a
// site and are moved with it: calls above all, whose return address the
// unwinder looks up. The addresses that it finds are printed.
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <unwind.h>

#ifdef __i386__
#define SITE "mov $9999,%eax; int $0x80;"
#define ENTER "sub $12,%esp; .cfi_adjust_cfa_offset 12;"
#define LEAVE "add $12,%esp; .cfi_adjust_cfa_offset -12; ret;"
#define SKIP "jecxz"
#define SP "%esp"
#define LOAD "mov %gs:(%eax),%ecx;"
#define ENV "movl $env,(%esp);"
#define TLS_CALL "call *%gs:tls_thrower@ntpoff;"
#define TLS_SHORT_CALL "mov $tls_thrower@ntpoff,%eax; call *%gs:(%eax);"
#else
#define SITE "mov $9999,%eax; syscall;"
#define ENTER "sub $8,%rsp; .cfi_adjust_cfa_offset 8;"
#define LEAVE "add $8,%rsp; .cfi_adjust_cfa_offset -8; ret;"
#define SKIP "jrcxz"
#define SP "%rsp"
#define LOAD "mov %fs:(%rax),%rcx;"
#define ENV "mov $env,%edi;"
#define TLS_CALL "call *%fs:tls_thrower@tpoff;"
#define TLS_SHORT_CALL "mov $tls_thrower@tpoff,%rax; call *%fs:(%rax);"
#endif

#define FUNCTION(name, body) \
	extern "C" int name(void); \
	asm(".text\n.globl " #name "\n.type " #name ",@function\n" #name ": .cfi_startproc;" body ".cfi_endproc\n.size " #name ",.-" #name "\n")

// Padding within reach would be preferred to all else: there is none.
FUNCTION(filler, ".rept 60; lea 1(" SP "),%eax; .endr; ret;");

// The call is the site's neighbour, and last in the window.
FUNCTION(window_call, ENTER SITE "call thrower;" LEAVE);

// Thread-local memory in front of the call.
FUNCTION(load_call, ENTER "xor %eax,%eax;" LOAD "call thrower;" LEAVE);
// Control arrives behind the site, so a neighbour is evicted, the call with it.
FUNCTION(evicted_call, ENTER "mov $9999,%eax;" SKIP " 2f; jmp 1f; 1: int $0x80; 2: mov $1,%edx; call thrower;" LEAVE);
// Two sites in a row, then the call.
FUNCTION(two_sites, ENTER SITE SITE "call thrower;" LEAVE);
#ifdef __i386__
FUNCTION(vsyscall, ENTER "mov $9999,%eax; call *%gs:0x10; call thrower;" LEAVE);
#endif
#ifdef __i386__
FUNCTION(site_call_site, ENTER SITE "call nothing;" SITE "call thrower;" LEAVE);
#endif
// A call that returns twice.
FUNCTION(window_setjmp, ENTER ENV SITE "call _setjmp; test %eax,%eax; jne 1f; call jumper; 1:" LEAVE);
FUNCTION(load_setjmp, ENTER ENV "xor %eax,%eax;" LOAD "call _setjmp; test %eax,%eax; jne 1f; call jumper; 1:" LEAVE);
FUNCTION(nothing, ".rept 60; lea 1(" SP "),%eax; .endr; ret;");
// The call is the site: through a pointer in thread-local memory, in place and
// behind a neighbour.
FUNCTION(tls_call, ENTER TLS_CALL LEAVE);
FUNCTION(tls_short_call, ENTER TLS_SHORT_CALL LEAVE);
FUNCTION(filler_behind, ".rept 60; lea 1(" SP "),%eax; .endr; ret;");

extern "C" {
jmp_buf env;
int depth;
}

static _Unwind_Reason_Code frame(_Unwind_Context *c, void *)
{
	std::printf(" %#lx", (unsigned long)_Unwind_GetIP(c));
	return _URC_NO_REASON;
}

extern "C" void thrower(void)
{
	if (depth == 0) {
		_Unwind_Backtrace(frame, nullptr);
		std::printf("\n");
	}
	throw std::runtime_error("thrown " + std::to_string(depth));
}

extern "C" {
__thread void (*tls_thrower)(void) = thrower;
}

extern "C" void jumper(void) { longjmp(env, 40 + depth); }

static const struct {
	const char *name;
	int (*f)(void);
} list[] = {
	{ "window_call", window_call },
	{ "load_call", load_call },
	{ "evicted_call", evicted_call },
	{ "two_sites", two_sites },
#ifdef __i386__
	{ "vsyscall", vsyscall },
	{ "site_call_site", site_call_site },
#endif
	{ "tls_call", tls_call },
	{ "tls_short_call", tls_short_call },
	{ "window_setjmp", window_setjmp },
	{ "load_setjmp", load_setjmp },
};

int main()
{
	for (auto &l : list)
		for (depth = 0; depth < 200; depth++)
			try {
				int v = l.f();
				if (depth < 2 || v != 40 + depth)
					std::printf("%s: %d\n", l.name, v);
			} catch (const std::exception &e) {
				if (depth < 2)
					std::printf("%s: %s\n", l.name, e.what());
			}
	return 5;
}
