package kernel

import (
	"path"
	"strings"

	"bee/runtime/abi"
)

// Chdir makes path, relative to the root, the working directory, as chdir(2)
// does. The runner calls it before the first instruction, for --cwd.
func (t *Task) Chdir(path string) abi.Errno {
	return t.find(abi.AT_FDCWD, path, true, t.setCwd)
}

// Warn tells the user something once; key says what counts as the same.
func (p *Process) Warn(key, format string, args ...any) { p.logOnce(key, format, args...) }

// guestExe is the program's path as the program sees it. Where it does not see
// the folder (--root), the name alone.
func (p *Process) guestExe(native string) string {
	if g, ok := p.GuestPath(native); ok {
		return g
	}
	return path.Join("/", path.Base(strings.ReplaceAll(native, `\`, "/")))
}
