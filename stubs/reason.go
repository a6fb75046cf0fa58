package stubs

// Reason says why the guest came back to the host.
type Reason uint32

// The reasons. Those of thunks come from the thunk page, the others from the
// stubs themselves.
const (
	ReasonNone      Reason = iota
	ReasonSyscall          // ThunkSyscall, ThunkInt80: go on at the saved PC
	ReasonCall             // ThunkCall: the saved PC is a return instruction
	ReasonSysenter         // ThunkSysenter
	ReasonEmulate          // ThunkEmulate
	ReasonInt80            // ThunkInt80
	ReasonFault            // a hardware exception in the guest
	ReasonInterrupt        // ExitNow was set, or a kick
)
