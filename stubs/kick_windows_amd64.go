package stubs

// CONTEXT of 64-bit Windows (winnt.h): its size, and CONTEXT_CONTROL |
// CONTEXT_INTEGER.
const (
	contextSize     = 1232
	contextFlagsOff = 0x30
	contextFlags    = 0x100003
)
