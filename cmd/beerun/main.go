// Command beerun runs a rewritten Linux program in a Windows process.
package main

import (
	"os"
	"runtime/debug"
)

// Exit statuses of beerun itself; all others are the guest's.
const (
	exitRunner    = 125 // beerun or its host failed, or was called wrongly
	exitCannotRun = 126 // the program cannot be run
	exitNotFound  = 127 // there is no such program
)

func main() {
	// The guest's own memory is not Go's; what little the runner allocates
	// is not worth a collection in the first moments.
	debug.SetGCPercent(400)
	if status, done := runChild(); done {
		leave(status)
	}
	if status, done := runCarried(os.Args[1:]); done {
		leave(status)
	}
	leave(execute(os.Args[1:]))
}
