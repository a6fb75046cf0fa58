//go:build 386 || amd64

package launch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"bee/internal/exe"
	"bee/internal/peimage"
)

// Where programs and the runner lie.
const (
	// lowestUsual is where linkers other than lld begin (gcc: 0x08048000 and
	// 0x400000). What Windows puts into a new process (stacks, heap, tables)
	// lies below.
	lowestUsual32 = 0x0800_0000
	lowestUsual64 = 0x0040_0000
	// runnerBase32 is where `make build` puts the 32-bit runner: above every
	// usual program and its heap, below the libraries.
	runnerBase32 = 0x4000_0000
	// runnerMin64 is the least base of a 64-bit runner that stands in no
	// program's way; linkers put it at 0x140000000.
	runnerMin64 = 0x8000_0000
	// Programs below lowestUsual (lld: 0x400000 and 0x200000) get a runner
	// right behind them, with a first stack that is too large for the gap: it
	// goes behind the runner. Go refuses stacks of more than 64 MiB, hence the
	// end.
	lowRunnerMin = 0x0200_0000
	lowRunnerMax = 0x03f0_0000
	lowHeap      = 16 << 20 // room for brk behind the program, at least
)

// errTooLarge is a program that is linked low and leaves no room for the runner.
var errTooLarge = errors.New("a program linked so low may be 40 MiB long; link it without --image-base (lld) or as a static PIE")

// Executable tells which executable can hold a program at must: runner, where
// its own image does not stand in the way, else a copy of it that lies
// elsewhere, kept in the user's cache folder.
func Executable(runner string, wide bool, must Range) (string, error) {
	h, err := readHeader(runner)
	if err != nil {
		return "", err
	}
	if h.wide != wide {
		return "", fmt.Errorf("%s: its width is not the program's", runner)
	}
	least, base, stack := uint64(runnerBase32), uint64(runnerBase32), uint64(0)
	low := must.Lo < lowestUsual32
	if wide {
		least, base = runnerMin64, runnerMin64
		low = must.Lo < lowestUsual64
	}
	if low {
		base = max(lowRunnerMin, (must.Hi+lowHeap+granularity-1)&^(granularity-1))
		stack = base
		if base > lowRunnerMax {
			return "", errTooLarge
		}
	}
	if !low && h.base >= least || h.base == base && h.stack == stack {
		return runner, nil
	}
	return variant(runner, base, stack)
}

// header is what decides whether an executable's own image is in the way.
type header struct {
	wide        bool
	base, stack uint64
}

// Places in PE headers (Microsoft's "PE Format"), bytes.
const (
	offNewHeader    = 0x3c // in the DOS header: where the PE signature lies
	offOptional     = 24   // from the signature
	magicPE32       = 0x10b
	magicPE32Plus   = 0x20b
	offImageBase32  = 28 // in the optional header, 4 bytes
	offImageBase64  = 24 // 8 bytes
	offStackReserve = 72 // 4 or 8 bytes
)

// readHeader reads no more than the headers: debug/pe would read the symbol
// table too, which takes longer than all else that beerun does.
func readHeader(path string) (header, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	b := make([]byte, 4096)
	if _, err := io.ReadFull(f, b); err != nil {
		return header{}, fmt.Errorf("%s: %w", path, err)
	}
	at := uint64(binary.LittleEndian.Uint32(b[offNewHeader:])) + offOptional
	if at+offStackReserve+8 > uint64(len(b)) {
		return header{}, fmt.Errorf("%s: no Windows executable", path)
	}
	o := b[at:]
	switch binary.LittleEndian.Uint16(o) {
	case magicPE32:
		return header{
			base:  uint64(binary.LittleEndian.Uint32(o[offImageBase32:])),
			stack: uint64(binary.LittleEndian.Uint32(o[offStackReserve:])),
		}, nil
	case magicPE32Plus:
		return header{
			wide:  true,
			base:  binary.LittleEndian.Uint64(o[offImageBase64:]),
			stack: binary.LittleEndian.Uint64(o[offStackReserve:]),
		}, nil
	}
	return header{}, fmt.Errorf("%s: no Windows executable", path)
}

// variant makes the copy, unless it is there already. Its name says of which
// executable it is one, so that an update gets its own.
func variant(runner string, base, stack uint64) (string, error) {
	st, err := os.Stat(runner)
	if err != nil {
		return "", err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %#x %#x", runner, st.Size(), st.ModTime().UnixNano(), base, stack))
	return Cached(fmt.Sprintf("beerun-%x.exe", key[:8]), func() ([]byte, error) {
		file, err := os.ReadFile(runner)
		if err != nil {
			return nil, err
		}
		// The child gets its program through the section.
		if file, err = exe.Bare(file); err == nil {
			file, err = peimage.Rebase(file, base)
		}
		if err == nil {
			file, err = peimage.SetLargeAddressAware(file)
		}
		if err == nil && stack != 0 {
			file, err = peimage.SetStackReserve(file, stack)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: a copy at %#x: %w", runner, base, err)
		}
		return file, nil
	})
}
