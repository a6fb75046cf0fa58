//go:build linux

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// build makes the programs that are not there yet, and gives those that are
// there then. missing says what could not be made, and why.
func (l *lab) build(list []*program, only *regexp.Regexp) (have []*program, missing []string) {
	if only == nil {
		only = regexp.MustCompile("")
	}
	wanted := map[*program]bool{}
	for _, p := range list {
		if only.MatchString(p.name) {
			wanted[p] = true
			if p.from != nil {
				wanted[p.from] = true
			}
		}
	}
	// Whole compilers may be missing: their programs make one line.
	absent := map[string]int{}
	for _, p := range list {
		if !wanted[p] {
			continue
		}
		if len(p.argv) > 0 {
			if _, err := exec.LookPath(p.argv[0]); err != nil {
				absent[p.argv[0]]++
				continue
			}
		}
		if err := l.make(p); err != nil {
			missing = append(missing, fmt.Sprintf("%s: %v", p.name, err))
			continue
		}
		have = append(have, p)
	}
	for name, n := range absent {
		missing = append(missing, fmt.Sprintf("%d programs: there is no %s", n, filepath.Base(name)))
	}
	return have, missing
}

// make builds one program unless it is there, made by the same command from
// the same sources.
func (l *lab) make(p *program) error {
	if len(p.argv) == 0 && p.from == nil {
		_, err := os.Stat(p.path)
		return err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", p.env, p.argv)
	deps := p.sources
	if p.from != nil {
		deps = []string{p.from.path}
	}
	if len(p.argv) > 0 {
		fmt.Fprintln(h, l.version(p.argv[0]))
	}
	for _, s := range deps {
		if !filepath.IsAbs(s) {
			s = filepath.Join(l.root, s)
		}
		b, err := os.ReadFile(s)
		if err != nil {
			return err
		}
		h.Write(b)
	}
	key, stamp := hex.EncodeToString(h.Sum(nil)), p.path+".key"
	if b, err := os.ReadFile(stamp); err == nil && string(b) == key {
		if _, err := os.Stat(p.path); err == nil {
			return nil
		}
	}
	os.Remove(stamp)
	if p.from != nil {
		b, err := os.ReadFile(p.from.path)
		if err == nil {
			b, err = p.change(b)
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(p.path, b, 0o755); err != nil {
			return err
		}
	} else {
		cmd := exec.Command(p.argv[0], p.argv[1:]...)
		cmd.Dir = l.root
		cmd.Env = append(os.Environ(), p.env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
			return fmt.Errorf("%s: %w: %.200s", p.argv[0], err, first)
		}
	}
	return os.WriteFile(stamp, []byte(key), 0o644)
}

// version is what a compiler says of itself.
func (l *lab) version(compiler string) string {
	if v, ok := l.compilerCache[compiler]; ok {
		return v
	}
	arg := "--version"
	if compiler == "go" {
		arg = "version"
	}
	out, err := exec.Command(compiler, arg).Output()
	if err != nil {
		out = nil
	}
	l.compilerCache[compiler] = string(out)
	return string(out)
}
