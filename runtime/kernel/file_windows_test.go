//go:build windows

package kernel

import (
	"strings"
	"testing"

	"bee/image"
	"bee/runtime/abi"
	"bee/runtime/host"
)

// TestOwnerMode: Windows does not hold a file's owner to its mode, so the
// kernel does, unless the guest is root.
func TestOwnerMode(t *testing.T) {
	b := newBox(t, image.I386)
	fd := b.must("open", "ro", abi.O_CREAT|abi.O_RDWR, 0o444)
	b.write(fd, "text")
	b.must("close", b.must("open", "ro", abi.O_RDWR, 0)) // by root
	b.task.proc.uid = 1000
	b.want(abi.EACCES, "open", "ro", abi.O_WRONLY, 0)
	b.want(abi.EACCES, "open", "ro", abi.O_RDWR|abi.O_CREAT, 0o644)
	b.want(abi.EACCES, "open", "ro", abi.O_RDONLY|abi.O_TRUNC, 0)
	b.want(abi.EACCES, "truncate", "ro", 0)
	b.write(fd, " more")
	if s := b.content("ro"); s != "text more" {
		t.Errorf("content %q", s)
	}
	b.must("chmod", "ro", 0o200)
	b.want(abi.EACCES, "open", "ro", abi.O_RDONLY, 0)
	b.must("close", b.must("open", "ro", abi.O_WRONLY, 0))
	b.must("close", fd)
}

// TestNoLinks: a file that is deleted and open has no name left.
func TestNoLinks(t *testing.T) {
	b := newBox(t, image.I386)
	links := func(fd uint64) uint32 {
		t.Helper()
		var st host.Stat
		if e := b.task.fstat(int32(fd), &st); e != 0 {
			t.Fatal(e)
		}
		return st.Nlink
	}
	for round := range 3 { // file numbers come back
		fd := b.must("open", "a", abi.O_CREAT|abi.O_EXCL|abi.O_RDWR, 0o644)
		b.must("link", "a", "b")
		counts := []uint32{links(fd)}
		b.must("unlink", "a")
		counts = append(counts, links(fd))
		b.must("unlink", "b")
		counts = append(counts, links(fd))
		b.must("close", fd)
		if counts[0] != 2 || counts[1] != 1 || counts[2] != 0 {
			t.Errorf("round %d: links %v, want 2 1 0", round, counts)
		}
	}
}

// TestDrives: the default view, whose folders are opened when first needed.
func TestDrives(t *testing.T) {
	mem, clock, system, files := testHost()
	s, err := NewAddressSpace(SpaceConfig{Memory: mem, Arenas: []Range{{0x10000000, 0x10100000}}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProcess(Config{
		Arch: image.I386, Space: s, Clock: clock, System: system,
		Files: FilesConfig{Host: files, Mounts: []Mount{{"/mnt/own/folder", testDir(t)}, {"/mnt/c/over", testDir(t)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	task := p.NewTask(&testCPU{})
	for path, want := range map[string]uint32{
		"/": abi.S_IFDIR, "/mnt": abi.S_IFDIR, "/mnt/c": abi.S_IFDIR, "/mnt/c/windows": abi.S_IFDIR, "/mnt/c/windows/missing": 0, "/mnt/ccc": 0, "/mnt/C": 0,
		"/mnt/c/over": abi.S_IFDIR, "/mnt/own": abi.S_IFDIR, "/mnt/own/folder": abi.S_IFDIR, "/tmp": abi.S_IFDIR, "/etc/passwd": abi.S_IFREG, "/mnt/q": 0,
	} {
		kind, _ := task.typeOf(p.files.ns.at(path))
		var st host.Stat
		_ = task.lstat(p.files.ns.at(path), &st)
		if kind != want || st.Mode&abi.S_IFMT != want {
			t.Errorf("%s: type %#o, lstat %#o, want %#o", path, kind, st.Mode&abi.S_IFMT, want)
		}
	}
	if g, ok := p.GuestPath(`C:\Windows\x`); !ok || g != "/mnt/c/Windows/x" {
		t.Errorf("guest path %q %v", g, ok)
	}
	if m := p.mountsText(); !strings.Contains(m, "C:/ /mnt/c ntfs") {
		t.Errorf("mounts:\n%s", m)
	}
}
