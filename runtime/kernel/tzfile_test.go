package kernel

import (
	"testing"
	"time"
	_ "time/tzdata"
)

// TestZoneFile reads the files back with another implementation, which must
// find the same times, beyond the last change that is written out too.
func TestZoneFile(t *testing.T) {
	for name, rule := range map[string]string{
		"UTC":                 "UTC0",
		"Europe/Berlin":       "CET-1CEST,M3.5.0,M10.5.0/3",
		"America/New_York":    "EST5EDT,M3.2.0,M11.1.0",
		"Australia/Lord_Howe": "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
		"Asia/Kolkata":        "IST-5:30",
		"Asia/Kathmandu":      "<+0545>-5:45",
		"America/St_Johns":    "NST3:30NDT,M3.2.0,M11.1.0",
		"Pacific/Auckland":    "NZST-12NZDT,M9.5.0,M4.1.0/3",
		"America/Sao_Paulo":   "<-03>3",
	} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		file := zoneFile(loc)
		got := string(file)
		got = got[:len(got)-1]
		for i := len(got) - 1; ; i-- {
			if got[i] == '\n' {
				got = got[i+1:]
				break
			}
		}
		if got != rule {
			t.Errorf("%s: rule %q, want %q", name, got, rule)
		}
		back, err := time.LoadLocationFromTZData(name, file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for at := time.Date(1970, 1, 1, 0, 30, 0, 0, time.UTC); at.Year() < 2060; at = at.Add(97 * time.Hour) {
			n1, o1 := at.In(loc).Zone()
			n2, o2 := at.In(back).Zone()
			if o1 != o2 || n1 != n2 {
				t.Errorf("%s: at %v %s %d, want %s %d", name, at, n2, o2, n1, o1)
				break
			}
		}
	}
}
