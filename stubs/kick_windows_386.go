package stubs

// CONTEXT of 32-bit Windows (winnt.h): its size, and CONTEXT_CONTROL |
// CONTEXT_INTEGER with CONTEXT_EXCEPTION_REQUEST: whether the thread is in a
// service or an exception is to be told, too.
const (
	contextSize     = 716
	contextFlagsOff = 0
	contextFlags    = 0x10003 | contextRequest
	contextRequest  = 0x40000000
)
