package peimage_test

import (
	"bytes"
	debugpe "debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/internal/peimage"
	"bee/internal/winetest"
)

// IMAGE_REL_BASED_HIGHLOW and IMAGE_REL_BASED_DIR64.
const (
	highLow = 3
	dir64   = 10
)

// printBase prints the address that its own image is loaded at.
const printBase = `package main

import (
	"fmt"
	"syscall"
)

func main() {
	base, _, _ := syscall.NewLazyDLL("kernel32.dll").NewProc("GetModuleHandleW").Call(0)
	fmt.Printf("%#x\n", base)
}
`

// build compiles printBase for windows and the given architecture.
func build(t *testing.T, arch string, flags ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.go": printBase, "go.mod": "module printbase\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out.exe")
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", out, ".")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// headers returns what the tests compare, read by the standard library.
func headers(t *testing.T, file []byte) (base uint64, characteristics uint16, f *debugpe.File) {
	t.Helper()
	f, err := debugpe.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	switch h := f.OptionalHeader.(type) {
	case *debugpe.OptionalHeader32:
		base = uint64(h.ImageBase)
	case *debugpe.OptionalHeader64:
		base = h.ImageBase
	}
	return base, f.Characteristics, f
}

// relocated walks .reloc by itself and calls do with the bytes of each place in old and changed.
func relocated(t *testing.T, old, changed []byte, do func(kind uint16, a, b []byte)) int {
	t.Helper()
	_, _, f := headers(t, old)
	data, err := f.Section(".reloc").Data()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for len(data) >= 8 {
		page, size := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
		if size < 8 || int(size) > len(data) {
			break
		}
		for e := data[8:size]; len(e) >= 2; e = e[2:] {
			v := binary.LittleEndian.Uint16(e)
			if v>>12 == 0 {
				continue
			}
			rva := page + uint32(v&0xfff)
			for _, s := range f.Sections {
				if rva >= s.VirtualAddress && rva < s.VirtualAddress+s.Size {
					off := s.Offset + rva - s.VirtualAddress
					do(v>>12, old[off:], changed[off:])
					count++
				}
			}
		}
		data = data[size:]
	}
	return count
}

func TestRebase(t *testing.T) {
	tests := []struct {
		arch string
		base uint64
		kind uint16
	}{
		{"386", 0x60000000, highLow},
		{"amd64", 0x60000000, dir64},
		{"amd64", 0x7ff600000000, dir64},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%s/%#x", test.arch, test.base), func(t *testing.T) {
			old := build(t, test.arch, "-buildmode=pie")
			file, err := peimage.Rebase(old, test.base)
			if err != nil {
				t.Fatal(err)
			}
			if len(file) != len(old) {
				t.Fatalf("the file has %d bytes, had %d", len(file), len(old))
			}
			oldBase, _, _ := headers(t, old)
			base, _, _ := headers(t, file)
			if base != test.base {
				t.Fatalf("ImageBase is %#x, want %#x", base, test.base)
			}
			delta := test.base - oldBase
			changes := 0
			n := relocated(t, old, file, func(kind uint16, a, b []byte) {
				if kind != test.kind {
					t.Errorf("a relocation of type %d", kind)
				}
				if kind == highLow {
					if got := binary.LittleEndian.Uint32(b) - binary.LittleEndian.Uint32(a); got != uint32(delta) {
						t.Errorf("a place moved by %#x, want %#x", got, uint32(delta))
					}
				} else if got := binary.LittleEndian.Uint64(b) - binary.LittleEndian.Uint64(a); got != delta {
					t.Errorf("a place moved by %#x, want %#x", got, delta)
				}
			})
			if n == 0 {
				t.Fatal("no relocations were checked")
			}
			for i := range old {
				if old[i] != file[i] {
					changes++
				}
			}
			// Header fields apart, nothing but the places may change.
			if most := n*8 + 12; changes > most {
				t.Errorf("%d bytes changed, at most %d can", changes, most)
			}
			back, err := peimage.Rebase(file, oldBase)
			if err != nil {
				t.Fatal(err)
			}
			again, err := peimage.Rebase(back, test.base)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(again, file) {
				t.Error("rebasing there and back and there again gives another file")
			}

			w := winetest.Require(t)
			exe := filepath.Join(t.TempDir(), "rebased.exe")
			if err := os.WriteFile(exe, file, 0o755); err != nil {
				t.Fatal(err)
			}
			out, err := w.Command(t.Context(), exe).Output()
			if err != nil {
				t.Fatalf("under Wine: %v", err)
			}
			if got, want := strings.TrimSpace(string(out)), fmt.Sprintf("%#x", test.base); got != want {
				t.Errorf("the program runs at %s, want %s", got, want)
			}
		})
	}
}

func TestRebaseErrors(t *testing.T) {
	pie := build(t, "386", "-buildmode=pie")
	fixed := build(t, "386", "-buildmode=exe")
	tests := []struct {
		name string
		file []byte
		base uint64
		want error
	}{
		{"unaligned", pie, 0x60001000, peimage.ErrBadBase},
		{"zero", pie, 0, peimage.ErrBadBase},
		{"above 4 GiB", pie, 0xffff0000, peimage.ErrBadBase},
		{"no relocations", fixed, 0x60000000, peimage.ErrNoRelocations},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := peimage.Rebase(test.file, test.base); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
	if _, err := peimage.Rebase([]byte("no executable"), 0x60000000); err == nil {
		t.Error("a text file was accepted")
	}
}

func TestSetLargeAddressAware(t *testing.T) {
	old := build(t, "386", "-buildmode=pie")
	clear := bytes.Clone(old)
	at := int(binary.LittleEndian.Uint32(clear[0x3c:])) + 4 + 18
	binary.LittleEndian.PutUint16(clear[at:], binary.LittleEndian.Uint16(clear[at:])&^debugpe.IMAGE_FILE_LARGE_ADDRESS_AWARE)
	file, err := peimage.SetLargeAddressAware(clear)
	if err != nil {
		t.Fatal(err)
	}
	if _, c, _ := headers(t, file); c&debugpe.IMAGE_FILE_LARGE_ADDRESS_AWARE == 0 {
		t.Errorf("characteristics %#x lack the flag", c)
	}
}

func TestSetStackReserve(t *testing.T) {
	old := build(t, "386", "-buildmode=pie")
	file, err := peimage.SetStackReserve(old, 0x2000000)
	if err != nil {
		t.Fatal(err)
	}
	f, err := debugpe.NewFile(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.OptionalHeader.(*debugpe.OptionalHeader32).SizeOfStackReserve; got != 0x2000000 {
		t.Errorf("stack of %#x bytes", got)
	}
	if _, err := peimage.SetStackReserve(old, 1<<33); err == nil {
		t.Error("a 32-bit process with a stack of 8 GiB")
	}
}
