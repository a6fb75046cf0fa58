//go:build linux

package difftest

import (
	"testing"
	"time"
)

// alignmentChecks is a difference of Wine's: it turns the flag off at the first
// exception and goes on.
const alignmentChecks = "Wine turns alignment checks off and tells nobody"

// signals: each state that a thread can be in when a signal comes, the frame
// that its handler finds, faults of all kinds.
var signals = []Case{
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "memory"},
	{Prog: musl("sig_faults.c", "-w"), Cmd: "memory", Only: AMD64, Why: "musl's headers name IA-32's floating-point state otherwise"},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "instructions"},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "division"},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "odd"},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "alignment", Known: alignmentChecks},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "many 10000", Opt: LargeOutput},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "overflow"},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "ignored", Opt: Fault},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "blocked", Opt: Fault},
	{Prog: glibc("sig_faults.c", "-w"), Cmd: "bad-stack", Opt: Fault},

	{Prog: glibc("sig_frame.c"), Cmd: "look"},
	{Prog: lld("sig_frame.c"), Cmd: "look"},
	{Prog: glibc("sig_frame.c"), Cmd: "edit"},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil mMnx"},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil s", Opt: Fault},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil b", Opt: Fault},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil h", Opt: Fault},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil p", Opt: Fault},
	{Prog: glibc("sig_frame.c"), Cmd: "spoil u", Opt: Fault, Only: AMD64, Why: "IA-32's state is copied from anywhere"},
	{Prog: glibc("sig_frame.c"), Cmd: "raw", Only: I386, Why: "x86-64 has one kind of frame"},

	{Prog: glibc("sig_states.c", "-w"), Cmd: "queued"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "nested"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "alternate"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "jumps"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "computing"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "restarts"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "lost"},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "blocked", Opt: LargeOutput},
	{Prog: glibc("sig_states.c", "-w"), Cmd: "blocked-restart", Opt: LargeOutput},
	{Prog: glibc("sig_senders.c", "-pthread")},

	{Prog: glibc("sig_storm.c"), Cmd: "numbers 5000", Opt: LargeOutput},
	{Prog: glibc("sig_storm.c"), Cmd: "calls 5000", Opt: LargeOutput},
	{Prog: glibc("sig_storm.c"), Cmd: "locals 5000", Opt: LargeOutput},
	{Prog: glibc("sig_storm.c"), Cmd: "calls 2000 alternate", Opt: LargeOutput},
	{Prog: glibc("sig_storm.c"), Cmd: "faults 4000", Opt: LargeOutput},
	{Prog: glibc("sig_storm.c", "-O0"), Cmd: "locals 2000", Opt: LargeOutput},
	{Prog: musl("sig_storm.c"), Cmd: "calls 2000", Opt: LargeOutput},
	{Prog: musl("sig_storm.c"), Cmd: "numbers 2000", Opt: LargeOutput},
	{Prog: pie("sig_storm.c"), Cmd: "calls 2000", Opt: LargeOutput},
	{Prog: lld("sig_storm.c"), Cmd: "locals 2000", Opt: LargeOutput},

	{Prog: glibc("sig_streams.c"), Cmd: "reads", Stdin: Held},
	{Prog: glibc("sig_streams.c"), Cmd: "closed", Stdin: Held},
	{Prog: glibc("sig_streams.c"), Cmd: "writes", Late: 8 * time.Second, Opt: LargeOutput},

	{Prog: cxx("sig_unwind.cc", nonCall)},
	{Prog: cxxpie("sig_unwind.cc", nonCall)},

	{
		Name: "sas",
		Prog: Program{Kit: Glibc, In: selftests + "sigaltstack", Source: "sas.c", Flags: "-w"}, Suite: tap(),
	},
	{Name: "x86-sigaltstack", Prog: Program{Kit: Glibc, In: selftests + "x86", Source: "sigaltstack.c", Flags: "-w"}},
	{Name: "test_FCMOV", Prog: Program{Kit: Glibc, In: selftests + "x86", Source: "test_FCMOV.c", Flags: "-w"}},
	{
		Name:  "sigtrap_loop",
		Prog:  Program{Kit: Glibc, In: selftests + "x86", Source: "sigtrap_loop.c", Flags: "-w"},
		Known: "the trap flag is taken off when the guest goes on: it cannot step itself",
	},
}

// nonCall lets instructions throw that access memory.
const nonCall = "-fnon-call-exceptions -fasynchronous-unwind-tables"

func TestSignals(t *testing.T) { table(t, signals) }
