package launch

// memoryBasicInformation is MEMORY_BASIC_INFORMATION of 32-bit processes
// (winnt.h); x/sys/windows has the 64-bit layout only.
type memoryBasicInformation struct {
	baseAddress, allocationBase uintptr
	allocationProtect           uint32
	regionSize                  uintptr
	state, protect, kind        uint32
}
