//go:build 386 || amd64

package launch

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// folder is a folder for the test. t.TempDir would not do: os.RemoveAll asks for
// more than Wine 8 has.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "launch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		var all []string
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			all = append(all, path)
			return err
		})
		for _, path := range slices.Backward(all) {
			if err := os.Remove(path); err != nil {
				t.Error(err)
			}
		}
	})
	return dir
}

// TestCachedIn: made once, found then; a use renews the access time and
// nothing else; what is old goes when something new comes.
func TestCachedIn(t *testing.T) {
	dir := folder(t)
	made := 0
	get := func(name string) string {
		t.Helper()
		path, err := cachedIn(dir, name, func() ([]byte, error) { made++; return []byte(name), nil })
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, []byte(name)) {
			t.Fatalf("%s: %q, %v", name, b, err)
		}
		return path
	}
	path := get("program-1.bee")
	old := time.Now().Add(-100 * 24 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Minute)
	get("program-1.bee")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if made != 1 || !info.ModTime().Equal(old) || lastUse(info).Before(before) {
		t.Errorf("made %d times; changed %v (want %v), used %v", made, info.ModTime(), old, lastUse(info))
	}

	for i := range 2 * cacheFiles {
		name := filepath.Join(dir, fmt.Sprintf("program-old%03d.bee", i))
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	get("program-2.bee")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != cacheFiles || !slices.Contains(names, "program-1.bee") || !slices.Contains(names, "program-2.bee") {
		t.Errorf("%d files are left: %q", len(names), names)
	}

	failure := errors.New("cannot be made")
	if _, err := cachedIn(dir, "program-3.bee", func() ([]byte, error) { return nil, failure }); err != failure {
		t.Errorf("content fails: %v", err)
	}
}

// TestPrivateFolder: the same folder each time; a file, or another user's
// folder, in its place is an error that names it.
func TestPrivateFolder(t *testing.T) {
	temp := folder(t)
	dir, err := privateFolder(temp)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := privateFolder(temp)
	if err != nil || again != dir {
		t.Errorf("%s, %v; want %s", again, err, dir)
	}
	// The folder's owner is this user, not the system.
	if err := makePrivate(dir, "S-1-5-18"); !errors.Is(err, errForeign) {
		t.Errorf("a folder of another user: %v", err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	if err := makePrivate(filepath.Join(dir, "x"), user.User.Sid.String()); !errors.Is(err, errForeign) {
		t.Errorf("a file: %v", err)
	}
}
