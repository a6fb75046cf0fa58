package main

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/windows"

	"bee/stubs"
)

// init takes the TLS indexes that the rewriter writes into programs, and says
// which it got. TestTakenSlots builds it into beerun.
func init() {
	kernel32 := windows.NewLazySystemDLL("kernel32.dll")
	alloc, free := kernel32.NewProc("TlsAlloc"), kernel32.NewProc("TlsFree")
	var others []uintptr
	said := "taken:"
	for {
		i, _, err := alloc.Call()
		if uint32(i) == 0xffffffff {
			panic(err)
		}
		switch {
		case i < stubs.TLSBase:
			others = append(others, i)
			continue
		case i < stubs.TLSBase+uintptr(stubs.NumSlots):
			said += " " + strconv.Itoa(int(i))
			continue
		}
		others = append(others, i)
		break
	}
	for _, i := range slices.Backward(others) {
		free.Call(i)
	}
	os.Stderr.WriteString(said + "\n")
}
