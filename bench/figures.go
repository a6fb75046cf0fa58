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

// sheet is a C program that prints a figure per line, and what the table says
// of it. The same source is built for Linux and for Windows.
type sheet struct {
	title, note string
	source      string // below bench/programs
	args        []string
	linux, win  []string // further arguments of the compilers
	rows        []row
}

// row is one figure: the name that the program prints, and the table's words.
type row struct {
	name, what string
	format     string
	// more is better, so the ratio tells how many times as much BEE does.
	more bool
}

var callSheet = sheet{
	title:  "Single calls",
	note:   "Nanoseconds a call, in a loop (`bench/programs/calls.c`).",
	source: "calls.c", args: []string{"calls.dat", "100000"},
	rows: []row{
		{"null", "null call (getppid)", "%.0f", false},
		{"write", "write 1 KiB to a file", "%.0f", false},
		{"read", "read 1 KiB from a file", "%.0f", false},
		{"open", "open and close a file", "%.0f", false},
		{"map", "map, touch and unmap 64 KiB", "%.0f", false},
	},
}

var threadSheet = sheet{
	title: "Threads, pipes and sockets",
	note: "Nanoseconds, unless a row says otherwise (`bench/programs/threads.c`); the Windows program uses slim locks, condition variables, " +
		"anonymous pipes and Winsock. A guest's pipes are BEE's own.",
	source: "threads.c", args: []string{"5000"}, linux: []string{"-pthread"}, win: []string{"-lws2_32"},
	rows: []row{
		{"scale", "two threads compute, times one thread's work", "%.2f", true},
		{"create", "begin and end a thread", "%.0f", false},
		{"turns", "two threads take turns: condition variable, there and back", "%.0f", false},
		{"lock", "two threads want one lock: a turn of it", "%.0f", false},
		{"pipe", "a byte to another thread and back, pipes", "%.0f", false},
		{"tcp", "a byte to another thread and back, TCP on loopback", "%.0f", false},
		{"stream", "TCP on loopback, MB/s", "%.0f", true},
		{"in-read", "a signal to a thread that reads a pipe, until its handler runs", "%.0f", false},
		{"in-futex", "a signal to a thread that waits for a semaphore", "%.0f", false},
		{"in-code", "a signal to a thread that computes", "%.0f", false},
	},
}

// figures gives the section of a sheet.
func (s *sheet) figures(l *lab, runs int) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", s.title, s.note)
	b.WriteString("| | width | native Linux | native Windows program | BEE | BEE against native Windows |\n|---|---|---|---|---|---|\n")
	for _, w := range []struct{ name, gcc, mingw, folder string }{
		{"IA-32", "-m32", "i686-w64-mingw32-gcc", "windows-386"},
		{"x86-64", "-m64", "x86_64-w64-mingw32-gcc", "windows-amd64"},
	} {
		at := func(name string) string { return filepath.Join(l.work, s.source+w.gcc+name) }
		src := filepath.Join("bench", "programs", s.source)
		for _, c := range [][]string{
			append([]string{"gcc", w.gcc, "-static", "-O2", "-o", at(""), src}, s.linux...),
			append([]string{w.mingw, "-O2", "-o", at(".exe"), src}, s.win...),
			{filepath.Join(l.build, "linux", "beerewrite"), "-q", at(""), "-o", at(".bee")},
		} {
			if err := l.make(nil, c[0], c[1:]...); err != nil {
				return "", err
			}
		}
		beerun := filepath.Join(l.build, w.folder, "beerun.exe")
		medians, err := l.figures(runs, s.args, [][]string{
			{at("")},
			{l.wine(), at(".exe")},
			{l.wine(), beerun, at(".bee")},
		})
		if err != nil {
			return "", err
		}
		for _, r := range s.rows {
			cell := func(who int) string {
				v, ok := medians[who][r.name]
				if !ok {
					return "-"
				}
				return fmt.Sprintf(r.format, v)
			}
			ratio := "-"
			if native := medians[1][r.name]; native > 0 {
				ratio = fmt.Sprintf("%.2f", medians[2][r.name]/native)
				if r.more {
					ratio += " times as much"
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.what, w.name, cell(0), cell(1), cell(2), ratio)
		}
	}
	b.WriteByte('\n')
	return b.String(), nil
}

// figures runs the commands in turn and gives the median of each line that
// they print.
func (l *lab) figures(runs int, args []string, commands [][]string) ([]map[string]float64, error) {
	samples := make([]map[string][]float64, len(commands))
	for range runs {
		for i, c := range commands {
			cmd := exec.Command(c[0], append(slices.Clone(c[1:]), args...)...)
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
