// Package abi holds what Linux promises its programs: error numbers, flags
// and structure layouts, per architecture where they differ. It imports
// nothing of BEE.
package abi

// Errno is a Linux error number. 0 is success. It is a Go error, so host
// packages return it as such when they have mapped a host's failure.
type Errno uint32
