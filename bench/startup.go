//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// subject is a command whose whole run is timed.
type subject struct {
	name string
	argv []string
}

// startup times "hello, world" from the start of the process to its end, in
// both widths.
func startup(l *lab, runs int) (string, error) {
	var b strings.Builder
	b.WriteString("## Start-up\n\n`hello, world`, from the start of the process to its end.\n\n")
	b.WriteString("| program | width | ms | against native C |\n|---|---|---|---|\n")
	for _, w := range []struct{ name, gcc, musl, mingw, goarch string }{
		{"IA-32", "-m32", "i386-gcc", "i686-w64-mingw32-gcc", "386"},
		{"x86-64", "-m64", "amd64-gcc", "x86_64-w64-mingw32-gcc", "amd64"},
	} {
		at := func(name string) string { return filepath.Join(l.work, w.goarch+name) }
		src := filepath.Join("testdata", "programs", "hello.c")
		beerun := filepath.Join(l.build, "windows-"+w.goarch, "beerun.exe")
		beerewrite := filepath.Join(l.build, "linux", "beerewrite")
		for _, s := range [][]string{
			{"", w.mingw, "-O2", "-o", at("chello.exe"), src},
			{"GOOS=windows GOARCH=" + w.goarch, "go", "build", "-o", at("gohello.exe"), "./bench/programs/gohello"},
			{"", "gcc", w.gcc, "-static", "-O2", "-o", at("glibc"), src},
			{"", filepath.Join(l.build, "musl", w.musl), "-static", "-O2", "-o", at("musl"), src},
			{"", beerewrite, "-q", at("glibc"), "-o", at("glibc.bee")},
			{"", beerewrite, "-q", at("musl"), "-o", at("musl.bee")},
		} {
			if err := l.make(strings.Fields(s[0]), s[1], s[2:]...); err != nil {
				return "", err
			}
		}
		subjects := []subject{
			{"native Linux, C (glibc)", []string{at("glibc")}},
			{"native Windows program, C", []string{l.wine(), at("chello.exe")}},
			{"native Windows program, Go", []string{l.wine(), at("gohello.exe")}},
			{"BEE, C (glibc)", []string{l.wine(), beerun, at("glibc.bee")}},
			{"BEE, C (musl)", []string{l.wine(), beerun, at("musl.bee")}},
		}
		medians, err := timeAll(subjects, runs, "hello, world")
		if err != nil {
			return "", err
		}
		for i, s := range subjects {
			fmt.Fprintf(&b, "| %s | %s | %.1f | %.1f |\n", s.name, w.name, ms(medians[i]), float64(medians[i])/float64(medians[1]))
		}
	}
	b.WriteByte('\n')
	return b.String(), nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// timeAll runs the subjects in turn, so that what disturbs the machine
// disturbs all of them, and gives their medians. Each must print want.
func timeAll(subjects []subject, runs int, want string) ([]time.Duration, error) {
	times := make([][]time.Duration, len(subjects))
	for range runs {
		for i, s := range subjects {
			cmd := exec.Command(s.argv[0], s.argv[1:]...)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			start := time.Now()
			err := cmd.Run()
			d := time.Since(start)
			if err != nil || strings.TrimSpace(out.String()) != want {
				return nil, fmt.Errorf("%s: %w, output %q", s.name, err, out.String())
			}
			times[i] = append(times[i], d)
		}
	}
	medians := make([]time.Duration, len(subjects))
	for i := range times {
		slices.Sort(times[i])
		medians[i] = times[i][len(times[i])/2]
	}
	return medians, nil
}
