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
	took     time.Duration
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
		for i, m := range list {
			if m.report == nil {
				continue
			}
			// What the rewriter of this machine's width wrote, native. The
			// proof form of every fourth program too.
			want := map[string]string{"bee": m.bee}
			if i%4 == 0 {
				want["linux-proof"] = m.proof
			}
			for form, file := range want {
				row.programs++
				first, err := os.ReadFile(file)
				if err != nil {
					row.differ = append(row.differ, err.Error())
					continue
				}
				got, failure, d := l.rewriteWith(self.proof, ranges, m.path, form)
				row.took += d
				switch {
				case failure != "":
					row.differ = append(row.differ, fmt.Sprintf("%s, %s: %s", m.name, form, failure))
				case !bytes.Equal(first, got):
					row.differ = append(row.differ, fmt.Sprintf("%s, %s: other bytes", m.name, form))
				}
			}
		}
		s.rows = append(s.rows, row)
	}
	return s
}

func (l *lab) rewriteWith(rewriter string, ranges []string, path, form string) (out []byte, failure string, d time.Duration) {
	file := filepath.Join(l.tmp, "self.out")
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
		fmt.Printf("self %s: %d files, %d differ, %.1f s\n", r.arch, r.programs, len(r.differ), r.took.Seconds())
		for _, d := range r.differ {
			fmt.Println("  ", d)
		}
		n += len(r.differ)
	}
	return n
}

func (s *selfTested) markdown(b *strings.Builder) {
	b.WriteString("## The rewriter, rewritten\n\nbeerewrite's own linux-proof form, under the filter, writes the corpus in both forms: the same bytes as the native rewriter of x86-64?\n\n" +
		"| width | files | differ | s |\n|---|---|---|---|\n")
	for _, r := range s.rows {
		fmt.Fprintf(b, "| %s | %d | %d | %.1f |\n", r.arch, r.programs, len(r.differ), r.took.Seconds())
	}
	b.WriteByte('\n')
}
