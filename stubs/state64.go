package stubs

// State64 is one vCPU of a 64-bit guest, as State32 is of a 32-bit one.
// enter_windows_amd64.s repeats the offsets; a test compares them.
type State64 struct {
	RAX, RCX, RDX, RBX uint64 // 0x00
	RSP, RBP, RSI, RDI uint64 // 0x20
	R8, R9, R10, R11   uint64 // 0x40
	R12, R13, R14, R15 uint64 // 0x60
	RIP, RFLAGS        uint64 // 0x80
	// Reason, InGuest and ExitNow are as in State32.
	Reason, InGuest, ExitNow uint32 // 0x90
	// VectorMode says how vector state is saved: VectorFXSave...
	VectorMode uint32 // 0x9c
	// HostRSP is the host's stack pointer while the guest runs.
	HostRSP uint64 // 0xa0
	// FaultCode, FaultInfo and FaultAddr are as in State32.
	FaultCode uint32 // 0xa8
	// HostMXCSR and HostFCW are the host's control words while the guest
	// runs.
	HostMXCSR            uint32 // 0xac
	FaultInfo, FaultAddr uint64 // 0xb0
	// VectorMaskLo and VectorMaskHi are the state components (XCR0).
	VectorMaskLo, VectorMaskHi uint32 // 0xc0
	// EnterGlue is the address of the thunk page's code that loads rax and
	// jumps through SlotResume.
	EnterGlue uint64 // 0xc8
	HostFCW   uint32 // 0xd0
	// FaultPending is as in State32.
	FaultPending uint32 // 0xd4
	_            [VectorOffset - 0xd8]byte
}
