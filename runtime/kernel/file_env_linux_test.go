//go:build linux

package kernel

import (
	"bee/runtime/host"
	linuxhost "bee/runtime/host/linux"
)

func testHost() (host.Memory, host.Clock, host.System, host.Files) {
	return &linuxhost.Memory{}, linuxhost.Clock{}, linuxhost.System{}, linuxhost.Files{}
}

func testParker() host.Parker { return linuxhost.NewParker() }
