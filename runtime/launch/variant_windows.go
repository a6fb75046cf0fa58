package launch

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"

	"bee/internal/peimage"
)

// Where programs and the runner lie in a 32-bit process.
const (
	// lowestUsual is where linkers other than lld begin (gcc: 0x08048000).
	// What Windows puts into a new process (stacks, heap, tables) lies below.
	lowestUsual = 0x0800_0000
	// runnerBase is where `make build` puts the runner: above every usual
	// program and its heap, below the libraries.
	runnerBase = 0x4000_0000
	// Programs below lowestUsual (lld: 0x400000) get a runner right behind
	// them, with a first stack that is too large for the gap: it goes behind
	// the runner. Go refuses stacks of more than 64 MiB, hence the end.
	lowRunnerMin = 0x0200_0000
	lowRunnerMax = 0x03f0_0000
	lowHeap      = 16 << 20 // room for brk behind the program, at least
)

// errTooLarge is a program that is linked low and leaves no room for the runner.
var errTooLarge = errors.New("a program linked below 0x8000000 may be 30 MiB long, its heap included; link it without --image-base")

// Executable tells which executable can hold a program at must: self, where
// its own image does not stand in the way, else a copy of it that lies
// elsewhere, kept in the user's cache folder.
func Executable(self string, must Range) (string, error) {
	base, stack := uint64(runnerBase), uint64(0)
	if must.Lo < lowestUsual {
		base = max(lowRunnerMin, (must.Hi+lowHeap+granularity-1)&^(granularity-1))
		stack = base
		if base > lowRunnerMax {
			return "", errTooLarge
		}
	}
	h, err := readHeader(self)
	if err != nil {
		return "", err
	}
	if must.Lo >= lowestUsual && uint64(h.base) >= base || uint64(h.base) == base && uint64(h.stack) == stack {
		return self, nil
	}
	return variant(self, base, stack)
}

// header is what decides whether an executable's own image is in the way.
type header struct{ base, stack uint32 }

// Places in PE32 headers (Microsoft's "PE Format"), bytes.
const (
	offNewHeader    = 0x3c // in the DOS header: where the PE signature lies
	offOptional     = 24   // from the signature
	magicPE32       = 0x10b
	offImageBase    = 28 // in the optional header
	offStackReserve = 72
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
	if at+offStackReserve+4 > uint64(len(b)) || binary.LittleEndian.Uint16(b[at:]) != magicPE32 {
		return header{}, fmt.Errorf("%s: no 32-bit executable", path)
	}
	return header{
		base:  binary.LittleEndian.Uint32(b[at+offImageBase:]),
		stack: binary.LittleEndian.Uint32(b[at+offStackReserve:]),
	}, nil
}

// variant makes the copy, unless it is there already. Its name says of which
// executable it is one, so that an update gets its own.
func variant(self string, base, stack uint64) (string, error) {
	st, err := os.Stat(self)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "bee")
	key := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %#x %#x", self, st.Size(), st.ModTime().UnixNano(), base, stack))
	path := filepath.Join(dir, fmt.Sprintf("beerun-%x.exe", key[:8]))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}

	file, err := os.ReadFile(self)
	if err != nil {
		return "", err
	}
	if file, err = peimage.Rebase(file, base); err == nil {
		file, err = peimage.SetLargeAddressAware(file)
	}
	if err == nil && stack != 0 {
		file, err = peimage.SetStackReserve(file, stack)
	}
	if err != nil {
		return "", fmt.Errorf("%s: a copy at %#x: %w", self, base, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "beerun-*.tmp")
	if err != nil {
		return "", err
	}
	_, err = tmp.Write(file)
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err == nil {
		// Another beerun may have been quicker: its copy is as good.
		err = windows.Rename(tmp.Name(), path)
		if _, e := os.Stat(path); err != nil && e == nil {
			os.Remove(tmp.Name())
			return path, nil
		}
	}
	if err != nil {
		os.Remove(tmp.Name())
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return path, nil
}
