package kernel

import "bee/runtime/abi"

// Chdir makes path, relative to the root, the working directory, as chdir(2)
// does. The runner calls it before the first instruction, for --cwd.
func (t *Task) Chdir(path string) abi.Errno {
	return t.find(abi.AT_FDCWD, path, true, t.setCwd)
}
