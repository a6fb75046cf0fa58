package exe_test

import (
	"bytes"
	"context"
	debugpe "debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bee/image"
	"bee/internal/exe"
	"bee/internal/winetest"
	"bee/rewrite"
)

// widths are the runners that `make build` leaves, and a program for each.
var widths = []struct {
	name, runner, elf string
	arch              image.Arch
}{
	{"386", "runners/386.exe", "tiny-386", image.I386},
	{"amd64", "runners/amd64.exe", "tiny-amd64", image.AMD64},
}

// carry makes an executable of a runner and a program of testdata/elf.
func carry(t *testing.T, runner, elf, name string) (file, bee []byte) {
	t.Helper()
	r, err := os.ReadFile(winetest.File(t, runner))
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.ReadFile(filepath.Join("..", "..", "testdata", "elf", elf))
	if err != nil {
		t.Fatal(err)
	}
	res, err := rewrite.Bytes(p, rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	file, err = exe.Make(r, exe.Program{Name: name, Output: "out.exe", Bee: res.Output, Manifest: res.Manifest})
	if err != nil {
		t.Fatal(err)
	}
	return file, res.Output
}

func TestMake(t *testing.T) {
	for _, w := range widths {
		t.Run(w.name, func(t *testing.T) {
			file, bee := carry(t, w.runner, w.elf, "größe")
			c, err := exe.Find(bytes.NewReader(file))
			if err != nil || c == nil {
				t.Fatal(c, err)
			}
			got, err := c.Bee(bytes.NewReader(file))
			if err != nil || !bytes.Equal(got, bee) || c.Name != "größe" {
				t.Errorf("%q, %d bytes, want %d; %v", c.Name, len(got), len(bee), err)
			}
			// The standard library's reader agrees, and the image in memory has not grown by more than two pages.
			old, err := os.ReadFile(winetest.File(t, w.runner))
			if err != nil {
				t.Fatal(err)
			}
			f, err := debugpe.NewFile(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			s := f.Section(".bee")
			if s == nil || int64(s.Offset)+512 != c.Offset || s.VirtualSize != 512 || f.Section(".rsrc") == nil {
				t.Errorf("section %+v, the file at %#x", s, c.Offset)
			}
			g, err := debugpe.NewFile(bytes.NewReader(old))
			if err != nil {
				t.Fatal(err)
			}
			if more := size(f) - size(g); more != 0x2000 {
				t.Errorf("the image has grown by %#x bytes", more)
			}
			if f.Characteristics != g.Characteristics || base(f) != base(g) {
				t.Errorf("flags %#x, base %#x; the runner's are %#x, %#x", f.Characteristics, base(f), g.Characteristics, base(g))
			}
			if again, _ := carry(t, w.runner, w.elf, "größe"); !bytes.Equal(again, file) {
				t.Error("the same input gives another file")
			}
			if err := exe.CheckRunner(file, w.arch); !errors.Is(err, exe.ErrNotRunner) {
				t.Errorf("as a runner: %v", err)
			}
			bare, err := exe.Bare(file)
			if err != nil || exe.Carries(bare[:exe.HeadersSize]) || len(bare) >= len(file)-len(bee) {
				t.Errorf("without its program it has %d bytes of %d; %v", len(bare), len(file), err)
			}
			if again, err := exe.Bare(bare); err != nil || !bytes.Equal(again, bare) {
				t.Errorf("a bare runner changes: %v", err)
			}
		})
	}
}

func optional(f *debugpe.File) (imageSize uint32, imageBase uint64) {
	switch h := f.OptionalHeader.(type) {
	case *debugpe.OptionalHeader32:
		return h.SizeOfImage, uint64(h.ImageBase)
	case *debugpe.OptionalHeader64:
		return h.SizeOfImage, h.ImageBase
	}
	return 0, 0
}

func size(f *debugpe.File) uint32 { s, _ := optional(f); return s }
func base(f *debugpe.File) uint64 { _, b := optional(f); return b }

func TestCheckRunner(t *testing.T) {
	for i, w := range widths {
		r, err := os.ReadFile(winetest.File(t, w.runner))
		if err != nil {
			t.Fatal(err)
		}
		if err := exe.CheckRunner(r, w.arch); err != nil {
			t.Error(err)
		}
		if err := exe.CheckRunner(r, widths[1-i].arch); !errors.Is(err, exe.ErrNotRunner) || !strings.Contains(err.Error(), "-bit beerun.exe") {
			t.Errorf("the other width: %v", err)
		}
	}
	for _, bad := range [][]byte{nil, []byte("MZ"), []byte("text"), bytes.Repeat([]byte("MZ"), 4096)} {
		if err := exe.CheckRunner(bad, image.I386); !errors.Is(err, exe.ErrNotRunner) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// Damaged executables give an error or nothing, and Find never reads beyond what it says.
func TestDamaged(t *testing.T) {
	file, _ := carry(t, "runners/386.exe", "tiny-386", "tiny")
	c, err := exe.Find(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	at := c.Offset - 512
	for _, d := range []struct {
		name string
		off  int64
		b    []byte
		want error
	}{
		{"magic", at, []byte("x"), exe.ErrDamaged},
		{"version", at + 8, []byte{9}, exe.ErrVersion},
		{"name", at + 12, []byte{0, 2}, exe.ErrDamaged},
		{"length", at + 22, []byte{1}, exe.ErrDamaged},
	} {
		b := bytes.Clone(file)
		copy(b[d.off:], d.b)
		if _, err := exe.Find(bytes.NewReader(b)); !errors.Is(err, d.want) {
			t.Errorf("%s: %v", d.name, err)
		}
	}
	if _, err := exe.Find(bytes.NewReader(file[:at+100])); !errors.Is(err, exe.ErrDamaged) {
		t.Errorf("cut: %v", err)
	}
	if _, err := c.Bee(bytes.NewReader(file[:c.Offset+c.Size-1])); !errors.Is(err, exe.ErrDamaged) {
		t.Errorf("cut: %v", err)
	}
	for _, b := range [][]byte{nil, []byte("MZ"), file[:0x80], file[:0x180]} {
		if c, err := exe.Find(bytes.NewReader(b)); c != nil || err != nil {
			t.Errorf("%d bytes: %v, %v", len(b), c, err)
		}
	}
	for i := range 0x400 {
		b := bytes.Clone(file[:0x2000])
		b[i] ^= 0xff
		_, _ = exe.Find(bytes.NewReader(b))
	}
}

// endless is a file that goes on with zeros.
type endless []byte

func (e endless) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < int64(len(e)) {
		copy(b, e[off:])
	}
	return len(b), nil
}

// A section of a size that a 32-bit process cannot hold is refused, not allocated.
func TestTooLarge(t *testing.T) {
	file, _ := carry(t, "runners/386.exe", "tiny-386", "tiny")
	c, err := exe.Find(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	raw := binary.LittleEndian.AppendUint32(nil, uint32(c.Offset-512)) // PointerToRawData
	at := bytes.Index(file[:0x1000], raw) - 4                          // SizeOfRawData
	if at < 0 {
		t.Fatal("no section header")
	}
	for _, size := range []uint64{1 << 31, 1<<31 + 1, 0xfffff000 - 512} {
		b := bytes.Clone(file)
		binary.LittleEndian.PutUint32(b[at:], 0xfffff000)
		binary.LittleEndian.PutUint64(b[c.Offset-512+16:], size)
		if c, err := exe.Find(endless(b)); !errors.Is(err, exe.ErrDamaged) {
			t.Errorf("%#x bytes: %v, %v", size, c, err)
		}
	}
	for _, size := range []int64{-1, -1 << 63, 1 << 31, 1 << 32, 1<<63 - 1} {
		c := exe.Carried{Offset: c.Offset, Size: size}
		if b, err := c.Bee(endless(file)); !errors.Is(err, exe.ErrDamaged) {
			t.Errorf("%#x bytes: %d, %v", size, len(b), err)
		}
	}
}

// TestSigned: a signature is appended behind the section, which is still found; a copy without the program is without the
// signature too.
func TestSigned(t *testing.T) {
	for _, tool := range []string{"osslsigncode", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	dir := t.TempDir()
	tool := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	tool("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=test")
	for _, w := range widths {
		file, bee := carry(t, w.runner, w.elf, "tiny")
		if err := os.WriteFile(filepath.Join(dir, "plain.exe"), file, 0o755); err != nil {
			t.Fatal(err)
		}
		signed := filepath.Join(dir, w.name+".exe")
		tool("osslsigncode", "sign", "-certs", "cert.pem", "-key", "key.pem", "-in", "plain.exe", "-out", signed)
		b, err := os.ReadFile(signed)
		if err != nil {
			t.Fatal(err)
		}
		c, err := exe.Find(bytes.NewReader(b))
		if err != nil || c == nil {
			t.Fatal(c, err)
		}
		if got, err := c.Bee(bytes.NewReader(b)); err != nil || !bytes.Equal(got, bee) {
			t.Errorf("another program: %v", err)
		}
		// The signature covers the program: one byte of it changed, and it no longer fits.
		digests := func(path string) bool {
			// The certificate is nobody's, so verify fails either way.
			out, _ := exec.Command("osslsigncode", "verify", path).CombinedOutput()
			if !bytes.Contains(out, []byte("alculated message digest")) {
				t.Fatalf("osslsigncode verify: %s", out)
			}
			return !bytes.Contains(out, []byte("MISMATCH"))
		}
		if !digests(signed) {
			t.Error("the signature does not fit")
		}
		b[c.Offset+100] ^= 1
		if err := os.WriteFile(filepath.Join(dir, "changed.exe"), b, 0o755); err != nil {
			t.Fatal(err)
		}
		if digests(filepath.Join(dir, "changed.exe")) {
			t.Error("the signature does not cover the program")
		}
		bare, err := exe.Bare(b)
		if err != nil {
			t.Fatal(err)
		}
		want, err := exe.Bare(file)
		if err != nil || !bytes.Equal(bare, want) {
			t.Errorf("a signed and an unsigned one give another runner: %v", err)
		}
	}
}

// readVersion prints what Windows itself reads of a version resource.
const readVersion = `#include <windows.h>
#include <stdio.h>
int main(int argc, char **argv) {
	DWORD none, n = GetFileVersionInfoSizeA(argv[1], &none);
	void *b = malloc(n), *v; UINT len; VS_FIXEDFILEINFO *f; char name[99];
	if (!n || !GetFileVersionInfoA(argv[1], 0, n, b) || !VerQueryValueA(b, "\\", (void **)&f, &len)) return 1;
	printf("%lx %lx\n", f->dwFileVersionMS, f->dwFileVersionLS);
	if (!VerQueryValueA(b, "\\VarFileInfo\\Translation", &v, &len)) return 2;
	printf("%04x%04x\n", ((WORD *)v)[0], ((WORD *)v)[1]);
	for (int i = 2; i < argc; i++) {
		sprintf(name, "\\StringFileInfo\\040904B0\\%s", argv[i]);
		if (!VerQueryValueA(b, name, &v, &len)) return 3;
		printf("%s\n", (char *)v);
	}
	return 0;
}
`

// TestVersionInfo: GetFileVersionInfo reads what Make has written.
func TestVersionInfo(t *testing.T) {
	wine := winetest.Require(t)
	cc, err := exec.LookPath("x86_64-w64-mingw32-gcc")
	if err != nil {
		winetest.Missing(t, err.Error())
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "v.c"), []byte(readVersion), 0o644); err != nil {
		t.Fatal(err)
	}
	reader := filepath.Join(dir, "v.exe")
	if out, err := exec.Command(cc, "-o", reader, filepath.Join(dir, "v.c"), "-lversion").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, w := range widths {
		file, bee := carry(t, w.runner, w.elf, "worker.elf")
		path := filepath.Join(dir, w.name+".exe")
		if err := os.WriteFile(path, file, 0o755); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		out, err := wine.Command(ctx, reader, path, "FileDescription", "OriginalFilename", "SourceName", "SourceSHA256", "Rewriter").Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		f, err := image.Read(bytes.NewReader(bee), int64(len(bee)))
		if err != nil {
			t.Fatal(err)
		}
		var v [3]uint32
		if _, err := fmt.Sscanf(rewrite.Version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%x %x\n040904b0\nworker.elf (Linux program, run by BEE)\nout.exe\nworker.elf\n%x\nbeerewrite %s, file format %d\n",
			v[0]<<16|v[1], v[2]<<16, f.Main().SourceDigest, rewrite.Version, image.FormatVersion)
		if got := strings.ReplaceAll(string(out), "\r", ""); got != want {
			t.Errorf("%s: %s\nwant %s", w.name, got, want)
		}
	}
}

// FuzzFind: whatever the headers say, no panic, and no more memory than the file has.
func FuzzFind(f *testing.F) {
	b := make([]byte, 2048)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], 0x80)
	copy(b[0x80:], "PE\x00\x00\x4c\x01\x01\x00")
	binary.LittleEndian.PutUint16(b[0x80+4+16:], 224)
	s := b[0x80+24+224:]
	copy(s, ".bee")
	binary.LittleEndian.PutUint32(s[16:], 1024)
	binary.LittleEndian.PutUint32(s[20:], 1024)
	copy(b[1024:], "BEEEXE\r\n\x01\x00\x00\x00\x04\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00name")
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := exe.Find(bytes.NewReader(b))
		if err != nil || c == nil {
			return
		}
		if p, err := c.Bee(bytes.NewReader(b)); err == nil && len(p) > len(b) {
			t.Errorf("%d bytes out of %d", len(p), len(b))
		}
	})
}
