// Package address turns addresses of memory that Go has not allocated into
// pointers. Callers: whoever works on the guest's memory, on views of sections
// and on what Windows gives out.
package address

import "unsafe"

// Pointer points to p, which lies outside of Go's heap. The detour keeps vet's
// rule for conversions of uintptr, which is about Go's own objects, out of the
// way.
func Pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }
