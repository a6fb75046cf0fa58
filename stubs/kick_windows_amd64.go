package stubs

// CONTEXT of 64-bit Windows (winnt.h): its size, and CONTEXT_CONTROL |
// CONTEXT_INTEGER with CONTEXT_EXCEPTION_REQUEST: whether the thread is in a
// service or an exception is to be told, too.
const (
	contextSize     = 1232
	contextFlagsOff = 0x30
	contextFlags    = 0x100003 | contextRequest
	contextRequest  = 0x40000000
)
