//go:build linux

package difftest

import (
	"runtime"
	"strings"
	"testing"
)

func glibc(source string, flags ...string) Program  { return kit(Glibc, source, flags) }
func musl(source string, flags ...string) Program   { return kit(Musl, source, flags) }
func nolibc(source string, flags ...string) Program { return kit(NoLibc, source, flags) }
func cxx(source string, flags ...string) Program    { return kit(CXX, source, flags) }
func lld(source string, flags ...string) Program    { return kit(LLD, source, flags) }
func pie(source string, flags ...string) Program    { return kit(PIE, source, flags) }
func cxxpie(source string, flags ...string) Program { return kit(CXXPIE, source, flags) }

func kit(k Kit, source string, flags []string) Program {
	return Program{Source: source, Kit: k, Flags: strings.Join(flags, " ")}
}

const compileTime = "it takes the compiler ten seconds, and exceptions.cc is linked that way for both widths"

const noRedZone = "IA-32 has no red zone"

// programs are ours: one for each area, built for several C libraries.
var programs = []Case{
	{Prog: glibc("hello.c")},
	{Prog: glibc("hello.c"), Cmd: "77"},
	{Prog: musl("hello.c")},
	{Prog: lld("hello.c")},
	{Prog: pie("hello.c")},
	{Prog: glibc("hello.c", "-O0")},
	{Prog: glibc("heap.c"), Opt: LargeOutput},
	{Prog: musl("heap.c"), Opt: LargeOutput},
	{Prog: lld("heap.c"), Opt: LargeOutput},
	{Prog: pie("heap.c"), Opt: LargeOutput},
	{Prog: glibc("numbers.c")},
	{Prog: musl("numbers.c")},
	{Prog: glibc("numbers.c", "-msse2", "-mfpmath=sse"), Only: I386, Why: "x86-64 computes that way anyway"},
	{Prog: glibc("numbers.c", "-mfpmath=387"), Only: AMD64, Why: "IA-32 computes that way anyway"},
	{Prog: glibc("numbers.c", "-O3", "-march=native")},
	{Prog: glibc("dump.c"), Cmd: "plain 'two words' ''", Args: words(`"quoted"`, `back\`, `end\\"`, "größe", "日本語", "🐝", "tab\there", "new\nline", "", "$HOME", "%PATH%", "*.txt", "a'b")},
	{Prog: musl("dump.c"), Cmd: "a b", Env: words("Z=last", "A=first", "EMPTY=", "NAME=größe", "BLANK= x ", "EQ=a=b", "a=lower")},
	{Prog: glibc("dump.c"), Opt: NeedsEmpty, Name: "empty_environment"},
	{Prog: glibc("dump.c"), Args: manyArguments(), Name: "many_arguments"},
	{Prog: glibc("input.c")},
	{Prog: glibc("input.c"), Stdin: Text("text"), Name: "stdin_pipe"},
	{Prog: glibc("input.c"), Stdin: Text(""), Name: "stdin_empty_pipe"},
	{Prog: glibc("input.c"), Stdin: From("a.txt"), Name: "stdin_file"},
	{Prog: glibc("input.c"), Stdin: Closed, Name: "stdin_closed"},
	{Prog: glibc("input.c"), Cmd: "close", Stdin: Text("x"), Name: "stdin_closed_by_the_guest"},
	{Prog: glibc("auxv.c")},
	{Prog: musl("auxv.c")},
	{Prog: lld("auxv.c")},
	{Prog: pie("auxv.c")},
	{Prog: pie("jumps.c")},
	{Prog: pie("locale.c")},
	{Prog: pie("memory.c")},
	{Prog: glibc("jumps.c")},
	{Prog: musl("jumps.c")},
	{Prog: glibc("memory.c")},
	{Prog: musl("memory.c")},
	{Prog: glibc("files.c")},
	{Prog: musl("files.c")},
	{Prog: glibc("listing.c")},
	{Prog: musl("listing.c")},
	{Prog: glibc("clocks.c")},
	{Prog: musl("clocks.c")},
	{Prog: glibc("system.c")},
	{Prog: musl("system.c")},
	{Prog: glibc("locale.c")},
	{Prog: musl("locale.c")},
	{Prog: glibc("tls.c")},
	{Prog: glibc("tls.c", "-O0", "-fstack-protector-all")},
	{Prog: musl("tls.c")},
	{Prog: lld("tls.c")},
	{Prog: pie("tls.c")},
	{Prog: glibc("segment.c")},
	{Prog: musl("segment.c")},
	{Prog: lld("segment.c")},
	{Prog: pie("segment.c"), Only: AMD64, Why: "its text holds absolute offsets, which a position-independent IA-32 program cannot have"},
	{Prog: glibc("redzone.c"), Only: AMD64, Why: noRedZone},
	{Prog: musl("redzone.c"), Only: AMD64, Why: noRedZone},
	{Prog: lld("redzone.c"), Only: AMD64, Why: noRedZone},
	{Prog: cxxpie("exceptions.cc")},
	{Prog: cxxpie("streams.cc"), Only: AMD64, Why: compileTime},
	{Prog: glibc("stack.c")},
	{Prog: musl("stack.c")},
	{Prog: glibc("large.c")},
	{Prog: musl("large.c")},
	{Prog: glibc("copy.c"), Stdin: Text("a short text\n")},
	{Prog: nolibc("raw.c"), Cmd: "one 'two words'"},
	{Prog: cxx("exceptions.cc")},
	{Prog: cxx("exceptions.cc", "-O0")},
	{Prog: cxx("exceptions.cc", "-fuse-ld=lld", "-no-pie")},
	{Prog: cxx("streams.cc"), Stdin: Text("the bee and the hive and the queen\nbee\n")},
	{Prog: cxx("uncaught.cc"), Opt: Fault},
}

func words(w ...string) []string { return w }

func manyArguments() []string {
	words := make([]string, 500)
	for i := range words {
		words[i] = string(rune('a'+i%26)) + " " + string(rune('a'+i/26%26))
	}
	return words
}

// endings are the ways to end without a fault of the processor.
var endings = []Case{
	{Prog: glibc("ending.c"), Cmd: "exit 0"},
	{Prog: glibc("ending.c"), Cmd: "exit 3"},
	{Prog: glibc("ending.c"), Cmd: "exit 255"},
	{Prog: glibc("ending.c"), Cmd: "exit 256"},
	{Prog: glibc("ending.c"), Cmd: "exit -1"},
	{Prog: glibc("ending.c"), Cmd: "exit 139"},
	{Prog: glibc("ending.c"), Cmd: "return 4"},
	{Prog: glibc("ending.c"), Cmd: "_exit 5"},
	{Prog: glibc("ending.c"), Cmd: "thread-exit 6"},
	{Prog: glibc("ending.c"), Cmd: "atexit 7"},
	{Prog: glibc("ending.c"), Cmd: "_exit-in-atexit 8"},
	{Prog: glibc("ending.c"), Cmd: "abort", Opt: Fault},
	{Prog: musl("ending.c"), Cmd: "abort", Opt: Fault},
	{Prog: glibc("ending.c"), Cmd: "assert", Opt: Fault},
	{Prog: glibc("ending.c"), Cmd: "raise 15", Opt: Fault},
	{Prog: musl("ending.c"), Cmd: "raise 10", Opt: Fault},
	{Prog: glibc("ending.c"), Cmd: "kill 9", Opt: Fault},
	{Prog: glibc("ending.c"), Cmd: "raise 17", Name: "raise_a_signal_that_is_ignored"},
}

// faults end by what the processor says.
var faults = []string{
	"null-read", "null-write", "jump-0", "jump-wild", "jump-data", "high-read", "divide", "divide-overflow", "ud2", "bad-opcode", "int3", "hlt", "in",
	"int-81", "write-text", "write-const", "guard-page", "unaligned-sse", "x87", "sse", "overflow", "sp-0", "sp-16", "sp-high", "sp-unmapped",
	"sp-read-only", "sp-bad-null", "bad-call",
}

// faults64 are those that only addresses and operands of 64 bits can give.
var faults64 = []string{"noncanonical-read", "noncanonical-jump", "kernel-read", "divide-64", "red-zone"}

const (
	ownCalls32 = "int $0x80 and the call through gs:0x10 are IA-32's ways"
	ownCalls64 = "syscall is x86-64's way"
)

// vector has each way to make a system call and each width of register. The
// call that Go serves takes another way back than the one that the stub does.
var vector = []Case{
	{Prog: glibc("vector.c"), Cmd: "int80 sse 30000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "int80 avx2 30000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "int80 avx512 30000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "vsyscall sse 1000000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "vsyscall avx2 1000000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "vsyscall avx512 1000000", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "vsyscall avx512 1000000 close", Only: I386, Why: ownCalls32},
	{Prog: glibc("vector.c"), Cmd: "syscall sse 1000000", Only: AMD64, Why: ownCalls64},
	{Prog: glibc("vector.c"), Cmd: "syscall avx2 1000000", Only: AMD64, Why: ownCalls64},
	{Prog: glibc("vector.c"), Cmd: "syscall avx512 1000000", Only: AMD64, Why: ownCalls64},
	{Prog: glibc("vector.c"), Cmd: "syscall sse 1000000 close", Only: AMD64, Why: ownCalls64},
	{Prog: glibc("vector.c"), Cmd: "syscall avx512 1000000 close", Only: AMD64, Why: ownCalls64},
	{Prog: lld("vector.c"), Cmd: "syscall avx2 1000000 close", Only: AMD64, Why: ownCalls64},
}

// controls must not survive behind the guard. A raw `syscall` of IA-32 has no
// place here: on an Intel processor it is an undefined instruction outside of
// 64-bit mode and never reaches the kernel.
var controls = []Case{
	{Prog: nolibc("hidden.c"), Opt: MustBeKill},
	{Prog: nolibc("hidden.c", "-DINT80"), Opt: MustBeKill, Only: AMD64, Why: "IA-32 has no other call to hide"},
}

// carried are IA-32 programs for the 64-bit beerun, which carries the 32-bit
// one: its input, output, arguments, files, status and ways to end go through
// one process more.
var carried = []Case{
	{Cmd: "cat - a.txt", Stdin: Text("from the pipe\n")},
	{Cmd: "ls -l a.txt data.bin run.sh readonly.txt"},
	{Cmd: "echo", Args: words("", "two  blanks", `back\slash"quote'`, "größe 世界", "*", "%PATH%"), Name: "echo_odd_arguments"},
	{Cmd: "env", Env: words("B=2", "A=1 with blank", "UTF8=größe", "EMPTY="), Name: "env_odd"},
	{Cmd: "sha256sum data.bin a.txt", Stdout: "sums", Then: words("cat sums"), Name: "sha256sum_to_a_file"},
	{Cmd: "sh -c 'exit 5'"},
	{Cmd: "cat", Stdin: Closed, Name: "cat_closed_stdin"},
	{Prog: glibc("hello.c"), Cmd: "77"},
	{Prog: lld("hello.c")},
	{Prog: pie("tls.c")},
	{Prog: cxx("exceptions.cc")},
	{Prog: glibc("ending.c"), Cmd: "abort", Opt: Fault},
	{Prog: glibc("fault.c"), Cmd: "null-read", Opt: Fault},
	{Prog: glibc("fault.c"), Cmd: "sp-0", Opt: Fault},
	{Prog: glibc("vector.c"), Cmd: "vsyscall avx512 1000000", Only: I386, Why: ownCalls32},
	{Prog: Bash, Cmd: "traps.sh", Files: script("traps.sh"), Name: "bash_traps"},
	{Prog: nolibc("hidden.c"), Opt: MustBeKill},
}

func TestCarried(t *testing.T) {
	tableIn(t, carried, func(Case) []width { return []width{{guest: I386, runner: AMD64}} })
}

func TestPrograms(t *testing.T) { table(t, programs) }
func TestEndings(t *testing.T)  { table(t, endings) }
func TestVector(t *testing.T)   { table(t, vector) }
func TestControls(t *testing.T) { table(t, controls) }

func TestFaults(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "386" {
		t.Skip("the processor's faults are those of x86")
	}
	var cases []Case
	for _, how := range faults {
		cases = append(cases, Case{Prog: glibc("fault.c"), Cmd: how, Opt: Fault})
	}
	for _, how := range faults64 {
		cases = append(cases, Case{Prog: glibc("fault.c"), Cmd: how, Opt: Fault, Only: AMD64, Why: "IA-32 has no such address or operand"})
	}
	cases = append(cases,
		Case{
			Prog: glibc("fault.c"), Cmd: "sp-noncanonical", Opt: Fault, Only: AMD64, Why: "IA-32 has no such address",
			Known: "a fault that no handler sees is told as SIGSEGV; Linux tells this one as SIGBUS",
		},
		Case{Prog: musl("fault.c"), Cmd: "null-read", Opt: Fault},
		Case{Prog: musl("fault.c"), Cmd: "overflow", Opt: Fault},
		Case{Prog: lld("fault.c"), Cmd: "jump-0", Opt: Fault},
		Case{Prog: pie("fault.c"), Cmd: "jump-0", Opt: Fault},
	)
	table(t, cases)
}
