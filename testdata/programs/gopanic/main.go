// Command gopanic ends in one of the ways that print a traceback: its lines
// name functions and code addresses, which must be the program's own.
package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

//go:noinline
func deep(n int, f func()) int {
	if n == 0 {
		f()
		return 0
	}
	return deep(n-1, f) + 1
}

// callers prints the frames with their addresses.
func callers() {
	pc := make([]uintptr, 64)
	frames := runtime.CallersFrames(pc[:runtime.Callers(0, pc)])
	for {
		f, more := frames.Next()
		fmt.Printf("%s+%#x %#x\n", f.Function, f.PC-f.Entry, f.PC)
		if !more {
			return
		}
	}
}

func main() {
	how := "panic"
	if len(os.Args) > 1 {
		how = os.Args[1]
	}
	deep(3, callers)
	switch how {
	case "nil":
		var p *int
		deep(10, func() { *p = 1 })
	case "deep":
		deep(0, func() {
			defer func() { fmt.Println(recover()); panic("again") }()
			deep(10, func() { panic(fmt.Errorf("an error")) })
		})
	case "syscall":
		// A bad buffer is an error of the call, not a fault.
		_, _, errno := syscall.Syscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(nil)), 10)
		fmt.Println(errno)
		deep(5, func() { panic(errno) })
	case "throw":
		m := map[int]int{}
		done := make(chan bool)
		for range 2 {
			go func() {
				defer func() { done <- true }()
				deep(3, func() { m[1]++ })
			}()
			<-done
		}
		deep(4, func() { var a [4]int; fmt.Println(a[len(os.Args)+10]) })
	default:
		deep(20, func() { panic(how) })
	}
}
