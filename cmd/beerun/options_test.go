package main

import (
	"slices"
	"testing"

	"bee/runtime/launch"
)

func TestStraceMode(t *testing.T) {
	for value, want := range map[string]launch.Strace{"": launch.StraceOff, "calls": launch.StraceCalls, "summary": launch.StraceSummary} {
		if got := (&options{strace: value}).straceMode(); got != want {
			t.Errorf("%q: %d, want %d", value, got, want)
		}
		if !isStrace(value) {
			t.Errorf("%q is refused", value)
		}
	}
	if isStrace("all") {
		t.Error("--strace=all is accepted")
	}
}

func TestMountList(t *testing.T) {
	got, err := (&options{mounts: []string{"/data=D:\\set 1", "/a=b=c"}}).mountList()
	want := []launch.Mount{{Guest: "/data", Host: "D:\\set 1"}, {Guest: "/a", Host: "b=c"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "/data", "/data=", "data=C:\\"} {
		if _, err := (&options{mounts: []string{bad}}).mountList(); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestGuestEnv(t *testing.T) {
	caller := []string{"=C:=C:\\x", "Path=C:\\Windows", "TEMP=C:\\T", "OMP_NUM_THREADS=2", "Mixed=1", "HOME=C:\\Users\\u"}
	for _, c := range []struct {
		name string
		o    options
		want []string
	}{
		{"the caller's, but for the places", options{}, []string{"OMP_NUM_THREADS=2", "Mixed=1", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp"}},
		{"empty", options{clearEnv: true}, nil},
		{"set", options{clearEnv: true, env: []string{"A=1", "B=x=y", "A=2"}}, []string{"A=2", "B=x=y"}},
		{"passed by name, in any case as Windows does", options{clearEnv: true, env: []string{"MIXED", "NOTHING"}}, []string{"MIXED=1"}},
		{"set over the caller's", options{env: []string{"HOME=/h"}}, []string{"OMP_NUM_THREADS=2", "Mixed=1", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/h"}},
	} {
		if got, err := c.o.guestEnv(caller); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "=", "=value"} {
		if got, err := (&options{env: []string{bad}}).guestEnv(caller); err == nil {
			t.Errorf("--env %q is accepted: %q", bad, got)
		}
	}
}
