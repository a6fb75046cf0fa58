package abi

// Types in directory entries, which kernel headers do not export.
const (
	DT_UNKNOWN = 0
	DT_FIFO    = 1
	DT_CHR     = 2
	DT_DIR     = 4
	DT_BLK     = 6
	DT_REG     = 8
	DT_LNK     = 10
	DT_SOCK    = 12
)

// What execve(2) and the memory manager take for granted on x86.
const (
	PageSize    = 4096
	MmapMinAddr = 64 << 10
)

// SIG_DFL and SIG_IGN are the two dispositions that are no addresses.
const (
	SIG_DFL = 0
	SIG_IGN = 1
)
