package abi

// Terminal settings whose names the generator's rules leave out
// (asm-generic/termbits.h, asm-generic/ioctls.h); the values are those of both
// architectures.
const (
	BRKINT = 0o2
	PARMRK = 0o10
	IUTF8  = 0o40000

	TABDLY = 0o14000
	XTABS  = 0o14000

	B38400 = 0o17

	ECHO    = 0o10
	ECHOE   = 0o20
	ECHOK   = 0o40
	ECHONL  = 0o100
	ECHOCTL = 0o1000
	ECHOPRT = 0o2000
	ECHOKE  = 0o4000
	FLUSHO  = 0o10000
	EXTPROC = 0o200000

	VEOL2 = 16

	// struct termio: four 16-bit flags, the line discipline, 8 characters.
	SizeofTermio = 18
	// struct termios2: struct termios without its end's padding, and two
	// speeds of 32 bits, in bits per second.
	SizeofTermios2 = 44

	TCGETS2  = 0x802c542a // _IOR('T', 0x2A, struct termios2)
	TCSETS2  = 0x402c542b // _IOW('T', 0x2B, struct termios2)
	TCSETSW2 = 0x402c542c
	TCSETSF2 = 0x402c542d
)
