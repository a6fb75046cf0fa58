//go:build windows

package winhost

import (
	"testing"
	"time"
)

func TestSleepIsNeverShort(t *testing.T) {
	c := NewClock()
	for _, d := range []time.Duration{0, 1, time.Millisecond, 3 * time.Millisecond, 30 * time.Millisecond} {
		for range 5 {
			start := c.Monotonic()
			if !c.Sleep(d, nil) {
				t.Fatalf("%v: cancelled", d)
			}
			if slept := c.Monotonic() - start; slept < d {
				t.Errorf("slept %v of %v", slept, d)
			}
		}
	}
	cancel := make(chan struct{})
	close(cancel)
	if c.Sleep(time.Hour, cancel) {
		t.Error("a sleep that was cancelled says that its time has passed")
	}
}
