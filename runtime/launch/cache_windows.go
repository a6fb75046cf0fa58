//go:build 386 || amd64

package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Cached tells the path of a file in the user's cache folder, which content
// makes if it is not there. The file appears whole or not at all; name must
// change whenever the content would.
func Cached(name string, content func() ([]byte, error)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "bee")
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	file, err := content()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
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
	return path, nil
}
