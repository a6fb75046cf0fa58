package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bee/image"
	"bee/runtime/abi"
)

// inotifyEvents reads what comes until want of it has, or too long has passed.
func (b *box) inotifyEvents(fd uint64, want int) []string {
	b.Helper()
	const size = 4096
	at := b.put(make([]byte, size))
	var got []string
	for deadline := time.Now().Add(20 * time.Second); len(got) < want && time.Now().Before(deadline); {
		n, e := b.sys("read", fd, at, size)
		if e == abi.EAGAIN {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		if e != 0 {
			b.Fatal("read", e)
		}
		for m := rawBytes(at, n); len(m) > 0; {
			head := abi.SizeofI386InotifyEvent
			name := strings.TrimRight(string(m[head:head+int(le32(m[12:]))]), "\x00")
			text := fmt.Sprintf("%d %#x %s", le32(m), le32(m[4:]), name)
			if len(got) == 0 || got[len(got)-1] != text {
				got = append(got, text)
			}
			m = m[head+int(le32(m[12:])):]
		}
	}
	return got
}

func TestInotify(t *testing.T) {
	for _, arch := range []image.Arch{image.I386, image.AMD64} {
		t.Run(fmt.Sprint(arch), func(t *testing.T) {
			b := newBox(t, arch)
			for _, dir := range []string{"d", "e"} {
				if err := os.Mkdir(filepath.Join(b.root, dir), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			fd := b.must("inotify_init1", abi.O_NONBLOCK)
			const mask = abi.IN_CREATE | abi.IN_DELETE | abi.IN_MOVED_FROM | abi.IN_MOVED_TO
			d, e := b.must("inotify_add_watch", fd, "/d", mask), b.must("inotify_add_watch", fd, "/e", mask)
			expect := func(what string, want ...string) {
				t.Helper()
				if got := b.inotifyEvents(fd, len(want)); strings.Join(got, ", ") != strings.Join(want, ", ") {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			event := func(wd uint64, mask int, name string) string { return fmt.Sprintf("%d %#x %s", wd, mask, name) }
			// By somebody else.
			if err := os.WriteFile(filepath.Join(b.root, "d", "theirs"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			expect("made by others", event(d, abi.IN_CREATE, "theirs"))
			// By the program itself: a folder that replaces one, between folders.
			b.must("mkdir", "/d/f", 0o755)
			expect("made", event(d, abi.IN_CREATE|abi.IN_ISDIR, "f"))
			b.must("rename", "/d/f", "/e/g")
			expect("moved", event(d, abi.IN_MOVED_FROM|abi.IN_ISDIR, "f"), event(e, abi.IN_MOVED_TO|abi.IN_ISDIR, "g"))
			b.must("rename", "/d/theirs", "/d/ours")
			expect("renamed", event(d, abi.IN_MOVED_FROM, "theirs"), event(d, abi.IN_MOVED_TO, "ours"))
			b.must("rmdir", "/e/g")
			expect("deleted", event(e, abi.IN_DELETE|abi.IN_ISDIR, "g"))
			b.must("unlink", "/d/ours")
			expect("deleted", event(d, abi.IN_DELETE, "ours"))
			b.must("inotify_rm_watch", fd, d)
			expect("removed", event(d, abi.IN_IGNORED, ""))
			if _, err := b.sys("inotify_rm_watch", fd, d); err != abi.EINVAL {
				t.Errorf("removed twice: %v", err)
			}
			b.must("close", fd)
		})
	}
}

// TestInotifyHammer makes and deletes files while watches come and go, and the
// descriptor is closed in the middle of it.
func TestInotifyHammer(t *testing.T) {
	b := newBox(t, image.AMD64)
	dir := filepath.Join(b.root, "d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	for k := range 2 {
		others.Go(func() {
			name := filepath.Join(dir, fmt.Sprint("f", k))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if os.WriteFile(name, nil, 0o644) == nil {
					_ = os.Rename(name, name+"x")
					_ = os.Remove(name + "x")
				}
			}
		})
	}
	at := b.put(make([]byte, 4096))
	for range 20 {
		fd := b.must("inotify_init1", 0)
		wd := b.must("inotify_add_watch", fd, "/d", abi.IN_ALL_EVENTS)
		if n, e := b.sys("read", fd, at, 4096); e != 0 || n < abi.SizeofI386InotifyEvent {
			t.Errorf("read: %d %v", n, e)
		}
		b.must("inotify_rm_watch", fd, wd)
		b.must("inotify_add_watch", fd, "/d", abi.IN_ALL_EVENTS)
		b.must("close", fd)
	}
	close(stop)
	others.Wait()
}
