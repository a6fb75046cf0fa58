package stubs

// CONTEXT of 32-bit Windows (winnt.h): its size, and CONTEXT_CONTROL |
// CONTEXT_INTEGER.
const (
	contextSize     = 716
	contextFlagsOff = 0
	contextFlags    = 0x10003
)
