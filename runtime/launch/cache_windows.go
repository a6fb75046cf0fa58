//go:build 386 || amd64

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Cached tells the path of a file in the user's cache folder, which content
// makes if it is not there. The file appears whole or not at all; name must
// change whenever the content would, and match one of cachePatterns. What was
// not used for long goes when something new comes.
func Cached(name string, content func() ([]byte, error)) (string, error) {
	dir, err := cacheFolder()
	if err != nil {
		return "", err
	}
	return cachedIn(dir, name, content)
}

// cacheFolder is the user's own folder for the cache, which exists.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return privateFolder(os.TempDir())
	}
	dir := filepath.Join(cache, "bee")
	return dir, os.MkdirAll(dir, 0o700)
}

// cachedIn is Cached in the folder dir.
func cachedIn(dir, name string, content func() ([]byte, error)) (string, error) {
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err == nil {
		touch(path, info)
		return path, nil
	}
	file, err := content()
	if err != nil {
		return "", err
	}
	tmp, err := os.CreateTemp(dir, "*.tmp")
	if err != nil {
		return "", err
	}
	if _, err = tmp.Write(file); err == nil {
		// The name may reach the disk before the content.
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		os.Remove(tmp.Name())
		// Another beerun may have been quicker: its copy is as good, and
		// Windows does not replace a program that runs.
		if _, e := os.Stat(path); e == nil {
			return path, nil
		}
		return "", fmt.Errorf("%s: %w", path, err)
	}
	prune(dir)
	return path, nil
}

// lastUse is the later one of a file's access and modification time.
func lastUse(info fs.FileInfo) time.Time {
	used := info.ModTime()
	if d, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		if at := time.Unix(0, d.LastAccessTime.Nanoseconds()); at.After(used) {
			used = at
		}
	}
	return used
}

// touch renews the access time. The modification time stays: other files'
// names depend on it. It is no harm if this fails.
func touch(path string, info fs.FileInfo) {
	if now := time.Now(); now.Sub(lastUse(info)) > cacheTouch {
		_ = os.Chtimes(path, now, info.ModTime())
	}
}

// prune removes from dir what is superfluous. Windows keeps what runs.
func prune(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []cached
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, cached{info.Name(), info.Size(), lastUse(info)})
		}
	}
	for _, name := range superfluous(files, time.Now()) {
		_ = os.Remove(filepath.Join(dir, name))
	}
}
