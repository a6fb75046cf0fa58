package launch

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestSuperfluous(t *testing.T) {
	now := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(h time.Duration) time.Time { return now.Add(-h * time.Hour) }
	many := func(n int, age time.Duration) (files []cached) {
		for i := range n {
			files = append(files, cached{fmt.Sprintf("program-%02d.bee", i), 1, ago(age + time.Duration(i))})
		}
		return files
	}
	for _, c := range []struct {
		name  string
		files []cached
		want  []string
	}{
		{"empty", nil, nil},
		{"as many as may be", many(64, 10), nil},
		{"the oldest beyond", many(66, 10), []string{"program-64.bee", "program-65.bee"}},
		{"in use", many(66, -100), nil},
		{"too large", []cached{
			{"program-a.bee", 1 << 29, ago(3)},
			{"beerun-b.exe", 1 << 30, ago(4)},
			{"beerun-386-c.exe", 1 << 29, ago(5)},
			{"program-d.bee", 1, ago(6)},
		}, []string{"beerun-b.exe", "program-d.bee"}},
		{"in use and too large", []cached{{"program-a.bee", 1 << 31, ago(1)}, {"program-b.bee", 1, ago(3)}}, []string{"program-b.bee"}},
		{"half-written", []cached{{"1.tmp", 1, ago(1)}, {"2.tmp", 1, ago(3)}}, []string{"2.tmp"}},
		{"somebody else's", append(many(64, 10), cached{"notes.txt", 1 << 40, ago(9999)}, cached{"program-x", 1, ago(9999)}), nil},
	} {
		if got := superfluous(c.files, now); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
