//go:build windows && (386 || amd64)

package main

import "golang.org/x/sys/windows"

// consoleModes are the console's modes before the guest ran. The guest's
// process puts them back itself; this is for one that was cut off.
type consoleModes []consoleMode

type consoleMode struct {
	handle windows.Handle
	mode   uint32
}

// findConsoleModes asks the process's console, if it has one.
func findConsoleModes() consoleModes {
	var found consoleModes
	for _, name := range []string{"CONIN$", "CONOUT$"} {
		p, err := windows.UTF16PtrFromString(name)
		if err != nil {
			continue
		}
		h, err := windows.CreateFile(p, windows.GENERIC_READ|windows.GENERIC_WRITE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE, nil,
			windows.OPEN_EXISTING, 0, 0)
		if err != nil {
			continue
		}
		m := consoleMode{handle: h}
		if windows.GetConsoleMode(h, &m.mode) != nil {
			windows.CloseHandle(h)
			continue
		}
		found = append(found, m)
	}
	return found
}

// restore puts back what has changed.
func (f consoleModes) restore() {
	for _, m := range f {
		var now uint32
		if windows.GetConsoleMode(m.handle, &now) == nil && now != m.mode {
			_ = windows.SetConsoleMode(m.handle, m.mode)
		}
	}
}
