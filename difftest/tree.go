//go:build linux

package difftest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
	"unicode/utf16"
)

// entry is one file of a case's directory after the run.
type entry struct {
	path    string
	kind    string // "file", "dir", "link" or what else it is
	mode    fs.FileMode
	content string // digest of a file, target of a link
	mtime   string
}

// hashWhole is the size up to which a file's whole content is compared; of a
// larger one, size, head and tail.
const hashWhole = 1 << 30

// readTree lists dir. Symbolic links are told as such in both shapes: the
// host's own, and the file that stands for one where the host has none.
func readTree(dir string) ([]entry, error) {
	var list []entry
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel == "." {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := entry{
			path:  filepath.ToSlash(rel),
			mode:  info.Mode().Perm(),
			mtime: timeText(info.ModTime()),
		}
		switch info.Mode().Type() {
		case 0:
			e.kind = "file"
			if target, ok := linkFile(path, info.Size()); ok {
				e.kind, e.content, e.mode = "link", target, 0o777
				break
			}
			if e.content, err = digest(path, info.Size()); err != nil {
				return err
			}
		case fs.ModeDir:
			e.kind = "dir"
		case fs.ModeSymlink:
			e.kind = "link"
			e.mode = 0o777
			if e.content, err = os.Readlink(path); err != nil {
				return err
			}
		default:
			e.kind = info.Mode().Type().String()
		}
		list = append(list, e)
		return nil
	})
	sort.Slice(list, func(i, j int) bool { return list[i].path < list[j].path })
	return list, err
}

// timeText is a file's time, or that it was changed just now.
func timeText(t time.Time) string {
	if d := time.Since(t); -time.Minute < d && d < time.Hour {
		return "now"
	}
	return t.UTC().Format("2006-01-02 15:04:05.000000000")
}

// linkFile reads Cygwin's form of a symbolic link: a small file that begins
// with "!<symlink>" and holds the target in UTF-16 after a byte order mark,
// or in UTF-8.
func linkFile(path string, size int64) (string, bool) {
	const magic = "!<symlink>"
	if size < int64(len(magic)) || size > 64<<10 {
		return "", false
	}
	data, err := os.ReadFile(path)
	if err != nil || !bytes.HasPrefix(data, []byte(magic)) {
		return "", false
	}
	data = data[len(magic):]
	if !bytes.HasPrefix(data, []byte{0xff, 0xfe}) {
		return strings.TrimRight(string(data), "\x00"), true
	}
	var units []uint16
	for i := 2; i+1 < len(data); i += 2 {
		u := uint16(data[i]) | uint16(data[i+1])<<8
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), true
}

func digest(path string, size int64) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("%d bytes, unreadable", size), nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if size <= hashWhole {
		_, err = io.Copy(h, f)
	} else {
		if _, err = io.CopyN(h, f, 1<<20); err == nil {
			_, err = io.Copy(h, io.NewSectionReader(f, size-1<<20, 1<<20))
		}
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, sha256 %x", size, h.Sum(nil)[:8]), nil
}

// treeText is the list as text, with what the options ask for.
func treeText(list []entry, opt Option, looseModes bool) string {
	var b strings.Builder
	for _, e := range list {
		mode := fmt.Sprintf("%04o", e.mode)
		if looseModes {
			mode = "ro"
			if e.mode&0o200 != 0 {
				mode = "rw"
			}
			if e.kind == "dir" {
				mode = ""
			}
		}
		if e.kind == "link" {
			mode = ""
		}
		fmt.Fprintf(&b, "%s %s %s %s", e.path, e.kind, mode, e.content)
		// A link's own time cannot be set everywhere, a directory's changes with its contents.
		if opt&Mtimes != 0 && e.kind == "file" {
			fmt.Fprintf(&b, " %s", e.mtime)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
