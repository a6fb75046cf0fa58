//go:build windows

package kernel

import (
	"bee/runtime/host"
	winhost "bee/runtime/host/windows"
)

func testHost() (host.Memory, host.Clock, host.System, host.Files) {
	return winhost.Memory{}, winhost.NewClock(), winhost.System{}, winhost.NewFiles()
}

func testParker() host.Parker { return winhost.NewParker() }
