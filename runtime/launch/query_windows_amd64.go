package launch

// memoryBasicInformation is MEMORY_BASIC_INFORMATION of 64-bit processes
// (winnt.h).
type memoryBasicInformation struct {
	baseAddress, allocationBase uintptr
	allocationProtect           uint32
	partition                   uint16
	regionSize                  uintptr
	state, protect, kind        uint32
}
