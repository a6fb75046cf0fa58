//go:build linux

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// callNames are the kinds of calls that bench/programs/calls.c times, with
// what the table calls them.
var callNames = [][2]string{
	{"null", "null call (getppid)"},
	{"write", "write 1 KiB to a file"},
	{"read", "read 1 KiB from a file"},
	{"open", "open and close a file"},
	{"map", "map, touch and unmap 64 KiB"},
}

// calls times single calls in both widths.
func calls(l *lab, runs int) (string, error) {
	var b strings.Builder
	b.WriteString("## Single calls\n\nNanoseconds a call, in a loop (`bench/programs/calls.c`).\n\n")
	b.WriteString("| call | width | native Linux | native Windows program | BEE | BEE against native Windows |\n|---|---|---|---|---|---|\n")
	for _, w := range []struct{ name, gcc, mingw, folder string }{
		{"IA-32", "-m32", "i686-w64-mingw32-gcc", "windows-386"},
		{"x86-64", "-m64", "x86_64-w64-mingw32-gcc", "windows-amd64"},
	} {
		at := func(name string) string { return filepath.Join(l.work, "calls"+w.gcc+name) }
		src := filepath.Join("bench", "programs", "calls.c")
		for _, s := range [][]string{
			{"gcc", w.gcc, "-static", "-O2", "-o", at(""), src},
			{w.mingw, "-O2", "-o", at(".exe"), src},
			{filepath.Join(l.build, "linux", "beerewrite"), "-q", at(""), "-o", at(".bee")},
		} {
			if err := l.make(nil, s[0], s[1:]...); err != nil {
				return "", err
			}
		}
		beerun := filepath.Join(l.build, w.folder, "beerun.exe")
		medians, err := l.callTimes(runs, [][]string{
			{at("")},
			{l.wine(), at(".exe")},
			{l.wine(), beerun, at(".bee")},
		})
		if err != nil {
			return "", err
		}
		for _, c := range callNames {
			cell := func(who int) string {
				v, ok := medians[who][c[0]]
				if !ok {
					return "-"
				}
				return fmt.Sprintf("%.0f", v)
			}
			ratio := "-"
			if native := medians[1][c[0]]; native > 0 {
				ratio = fmt.Sprintf("%.2f", medians[2][c[0]]/native)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", c[1], w.name, cell(0), cell(1), cell(2), ratio)
		}
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// callTimes runs the commands in turn and gives the median of each line that
// they print.
func (l *lab) callTimes(runs int, commands [][]string) ([]map[string]float64, error) {
	samples := make([]map[string][]float64, len(commands))
	for range runs {
		for i, c := range commands {
			cmd := exec.Command(c[0], append(slices.Clone(c[1:]), "calls.dat", "100000")...)
			cmd.Dir = l.work
			out, err := cmd.Output()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", strings.Join(c, " "), err)
			}
			if samples[i] == nil {
				samples[i] = map[string][]float64{}
			}
			for line := range strings.Lines(string(out)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				ns, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return nil, fmt.Errorf("%s: line %q: %w", strings.Join(c, " "), line, err)
				}
				samples[i][name] = append(samples[i][name], ns)
			}
		}
	}
	medians := make([]map[string]float64, len(commands))
	for i, s := range samples {
		medians[i] = map[string]float64{}
		for name, v := range s {
			slices.Sort(v)
			medians[i][name] = v[len(v)/2]
		}
	}
	return medians, nil
}
