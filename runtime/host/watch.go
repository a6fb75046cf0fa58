package host

import "bee/runtime/abi"

// ChangeOp is what happened to an entry of a folder.
type ChangeOp uint8

// The changes. RenamedTo follows RenamedFrom where both are in one folder.
const (
	Added ChangeOp = iota
	Removed
	Modified
	AttributesChanged
	RenamedFrom
	RenamedTo
	Lost // some changes were lost
	Gone // the folder is no longer there, or its volume; nothing follows
)

// Change is one of them; Name is in Linux's form.
type Change struct {
	Op   ChangeOp
	Name string
}

// Watcher tells changes of folders, whoever makes them.
type Watcher interface {
	// Watch tells what happens to the entries of a folder of a tree until stop
	// is called; of each folder once at a time. Calls of told come one after
	// the other, from a goroutine of the watcher's. told may stop watches; it
	// must not make any, nor close the watcher.
	Watch(tree Tree, path string, told func(Change)) (stop func(), e abi.Errno)
	// Close ends all watches. When it returns nothing is told any more.
	Close()
}

// WatchingFiles are Files that can watch folders.
type WatchingFiles interface {
	NewWatcher() (Watcher, abi.Errno)
}
