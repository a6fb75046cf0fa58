package stubs

// State32 is one vCPU of a 32-bit guest as the machine code sees it: the guest's registers while
// the host runs, and the host's stack while the guest runs. It lives outside
// Go's heap (the guest's registers are no Go pointers, and the vector area
// wants 64-byte alignment). enter_windows_386.s repeats the offsets; a test
// compares them.
type State32 struct {
	EAX, ECX, EDX, EBX uint32 // 0x00
	ESP, EBP, ESI, EDI uint32 // 0x10
	EIP, EFLAGS        uint32 // 0x20
	// Reason is why the guest was left.
	Reason uint32 // 0x28
	// InGuest is 1 from the entry into the guest until its registers are
	// saved again.
	InGuest uint32 // 0x2c
	// ExitNow asks the entry to return at once, as KVM's immediate_exit does.
	ExitNow uint32 // 0x30
	// HostESP is the host's stack pointer while the guest runs.
	HostESP uint32 // 0x34
	// FaultCode is the NTSTATUS of an exception, FaultInfo and FaultAddr the
	// first two words of its parameters (for access violations: 0 read,
	// 1 write, 8 execute; the address).
	FaultCode, FaultInfo, FaultAddr uint32 // 0x38
	// VectorMode says how vector state is saved: VectorFXSave...
	VectorMode uint32 // 0x44
	// VectorMaskLo and VectorMaskHi are the state components (XCR0).
	VectorMaskLo, VectorMaskHi uint32 // 0x48
	// HostMXCSR and HostFCW are the host's control words while the guest
	// runs.
	HostMXCSR uint32 // 0x50
	// EnterGlue is the address of the thunk page's code that loads eax and
	// jumps through SlotResume.
	EnterGlue uint32 // 0x54
	HostFCW   uint32 // 0x58
	// FaultPending says that the fault fields tell of an exception at the
	// saved registers, though a kick came in between: the debugger sets it.
	FaultPending uint32 // 0x5c
	_            [VectorOffset - 0x60]byte
}
