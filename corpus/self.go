//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// selfTested is the outcome of the rewriter's own proof forms at work.
type selfTested struct {
	rows []selfRow
}

type selfRow struct {
	arch     string
	programs int
	differ   []string
	original time.Duration
	proof    time.Duration
}

// selfStress lets the rewriter, rewritten, rewrite the corpus, itself
// included: the bytes must be those that the original writes.
func (l *lab) selfStress(list []*outcome) *selfTested {
	s := &selfTested{}
	for _, arch := range arches {
		var self *outcome
		for _, m := range list {
			if m.name == "go-beerewrite-"+arch && m.report != nil {
				self = m
			}
		}
		if self == nil {
			continue
		}
		ranges, err := textRanges(self.path, self.proof)
		row := selfRow{arch: arch}
		if err != nil {
			row.differ = append(row.differ, err.Error())
		}
		for _, m := range list {
			if m.report == nil {
				continue
			}
			for _, form := range []string{"bee", "linux-proof"} {
				row.programs++
				want, wantErr, d1 := l.rewriteWith(self.path, []string{"0x1000-0x2000"}, m.path, form)
				got, gotErr, d2 := l.rewriteWith(self.proof, ranges, m.path, form)
				row.original += d1
				row.proof += d2
				switch {
				case wantErr != gotErr:
					row.differ = append(row.differ, fmt.Sprintf("%s, %s: %q, rewritten %q", m.name, form, wantErr, gotErr))
				case !bytes.Equal(want, got):
					row.differ = append(row.differ, fmt.Sprintf("%s, %s: other bytes", m.name, form))
				}
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func (l *lab) rewriteWith(rewriter string, ranges []string, path, form string) (out []byte, failure string, d time.Duration) {
	file := filepath.Join(l.dir, "work", "self.out")
	os.Remove(file)
	var args []string
	for _, r := range ranges {
		args = append(args, "-r", r)
	}
	start := time.Now()
	msg, err := exec.Command(l.guard, append(args, rewriter, path, "-q", "-o", file, "--form", form)...).CombinedOutput()
	d = time.Since(start)
	if err != nil {
		return nil, fmt.Sprintf("%v: %.300s", err, msg), d
	}
	out, err = os.ReadFile(file)
	if err != nil {
		return nil, err.Error(), d
	}
	return out, "", d
}

func (s *selfTested) print() int {
	n := 0
	for _, r := range s.rows {
		fmt.Printf("self %s: %d files, %d differ, %.1f s and %.1f s\n", r.arch, r.programs, len(r.differ), r.original.Seconds(), r.proof.Seconds())
		for _, d := range r.differ {
			fmt.Println("  ", d)
		}
		n += len(r.differ)
	}
	return n
}

func (s *selfTested) markdown(b *strings.Builder) {
	b.WriteString("## The rewriter, rewritten\n\nbeerewrite's own linux-proof form, under the filter, writes the corpus in both forms: the same bytes as the original?\n\n" +
		"| width | files | differ | original s | proof s |\n|---|---|---|---|---|\n")
	for _, r := range s.rows {
		fmt.Fprintf(b, "| %s | %d | %d | %.1f | %.1f |\n", r.arch, r.programs, len(r.differ), r.original.Seconds(), r.proof.Seconds())
	}
	b.WriteByte('\n')
}
