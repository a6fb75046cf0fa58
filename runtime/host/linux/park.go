//go:build linux

package linuxhost

import (
	"time"

	"bee/runtime/host"
)

// parker holds a token in a channel.
type parker chan struct{}

// NewParker makes one for a thread that will call Park.
func NewParker() host.Parker { return make(parker, 1) }

// Park implements host.Parker.
func (p parker) Park(d time.Duration) {
	if d < 0 {
		<-p
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-p:
	case <-t.C:
	}
}

// Unpark implements host.Parker.
func (p parker) Unpark() {
	select {
	case p <- struct{}{}:
	default:
	}
}
