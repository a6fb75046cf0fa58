// Package abi holds what Linux promises its programs: error numbers, flags
// and structure layouts, per architecture where they differ. It imports
// nothing of BEE.
//
// The files z*.go are written by `beegen abi` from the kernel's C headers.
// Names of constants are C's (O_RDONLY, MAP_FIXED); where a value differs
// between the architectures it carries a prefix (I386_O_..., AMD64_O_...).
// Layouts are constants too: SizeofI386Stat64, and I386Stat64Mode for the
// offset of st_mode.
package abi

import "strconv"

// Errno is a Linux error number. 0 is success. It is a Go error, so host
// packages return it as such when they have mapped a host's failure.
type Errno uint32

// Error tells the text that strerror(3) gives.
func (e Errno) Error() string {
	if int(e) < len(errnoTable) && (e == 0 || errnoTable[e].name != "") {
		if e == 0 {
			return "Success"
		}
		return errnoTable[e].text
	}
	return "Unknown error " + strconv.Itoa(int(e))
}

// Name tells the constant's name, as in "ENOENT".
func (e Errno) Name() string {
	if int(e) < len(errnoTable) && errnoTable[e].name != "" {
		return errnoTable[e].name
	}
	return "ERRNO_" + strconv.Itoa(int(e))
}
