//go:build linux

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"bee/rewrite"
)

// Bounds of one damaged file. They are far above what an undamaged one needs
// (memory: see docs/coverage.md) and far below what would hurt.
const (
	soakTime   = 20 * time.Second
	soakMemory = 64 << 20 // and soakTimes times the file
	soakTimes  = 40
)

// soaked is the outcome of a soak.
type soaked struct {
	mutants, accepted, refused int
	slowest                    time.Duration
	memory                     uint64 // largest growth of the heap
	took                       time.Duration
	failures                   []string
}

func (s *soaked) String() string {
	return fmt.Sprintf("soak: %d damaged files, %d accepted and verified again, %d refused, %d failures; slowest %v, most memory %d MB, in %v",
		s.mutants, s.accepted, s.refused, len(s.failures), s.slowest.Round(time.Millisecond), s.memory>>20, s.took.Round(time.Second))
}

// soakPrograms are those of the corpus that soak damages.
var soakPrograms = regexp.MustCompile(`^(hello-(musl|pie)|exceptions-gcc)-O2-(i386|amd64)$`)

// soakFiles are the files that soak damages: small, and one of each kind.
func soakFiles(l *lab) []string {
	out := []string{
		filepath.Join(l.root, "testdata", "elf", "tiny-386"),
		filepath.Join(l.root, "testdata", "elf", "tiny-amd64"),
	}
	more := []string{
		l.bin("hello-musl-O2-i386"), l.bin("hello-musl-O2-amd64"), l.bin("exceptions-gcc-O2-i386"), l.bin("hello-pie-O2-amd64"), l.bin("hello-pie-O2-i386"),
		filepath.Join(l.dir, "packages", "mksh-i386", "usr", "lib", "klibc", "bin", "mksh"),
	}
	for _, f := range more {
		if _, err := os.Stat(f); err == nil {
			out = append(out, f)
		}
	}
	return out
}

// soak damages files n times and gives each to the rewriter: no panic, no
// hang, bounded memory, and whatever it accepts verifies.
func soak(files []string, n int, seed uint64) *soaked {
	s := &soaked{}
	start := time.Now()
	r := rand.New(rand.NewPCG(seed, 0xbee))
	var data [][]byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.failures = append(s.failures, err.Error())
			continue
		}
		data = append(data, b)
	}
	if len(data) == 0 {
		return s
	}
	for k := range n {
		// Small files twice as often: they are quick.
		i := r.IntN(len(data))
		if len(data[i]) > 1<<18 && r.IntN(4) != 0 {
			i = r.IntN(min(4, len(data)))
		}
		b := damage(r, data[i])
		s.mutants++
		fail := func(format string, args ...any) {
			s.failures = append(s.failures, fmt.Sprintf("mutant %d of %s (seed %d): %s", k, filepath.Base(files[i]), seed, fmt.Sprintf(format, args...)))
		}
		ok, took, memory, err := one(b, k%2 == 1)
		s.slowest, s.memory = max(s.slowest, took), max(s.memory, memory)
		switch {
		case err != nil:
			fail("%v", err)
			if took >= soakTime {
				s.took = time.Since(start)
				return s // it is still running
			}
		case ok:
			s.accepted++
		default:
			s.refused++
		}
		if memory > soakMemory+soakTimes*uint64(len(b)) {
			fail("%d MB for a file of %d KB", memory>>20, len(b)>>10)
		}
	}
	s.took = time.Since(start)
	return s
}

// one rewrites b, and looks at the output if there is one.
func one(b []byte, proof bool) (accepted bool, took time.Duration, memory uint64, err error) {
	type outcome struct {
		ok  bool
		err error
	}
	runtime.GC()
	before := heap()
	start := time.Now()
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if p := recover(); p != nil {
				o.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			}
			done <- o
		}()
		o.ok, o.err = accept(b, proof)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case o := <-done:
			if h := heap(); h > before {
				memory = max(memory, h-before)
			}
			return o.ok, time.Since(start), memory, o.err
		case <-tick.C:
			if h := heap(); h > before {
				memory = max(memory, h-before)
			}
			if took := time.Since(start); took > soakTime {
				return false, took, memory, fmt.Errorf("no end after %v", soakTime)
			}
		}
	}
}

func heap() uint64 {
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

func accept(b []byte, proof bool) (bool, error) {
	before := bytes.Clone(b)
	o := rewrite.Options{Name: "damaged"}
	if proof {
		o.Form = rewrite.FormLinuxProof
	}
	res, err := rewrite.Bytes(b, o)
	if !bytes.Equal(b, before) {
		return false, fmt.Errorf("the input was changed")
	}
	if err != nil {
		return false, nil
	}
	if err := res.Manifest.Check(); err != nil {
		return false, fmt.Errorf("accepted, but the manifest: %w", err)
	}
	if proof {
		if _, err := elf.NewFile(bytes.NewReader(res.Output)); err != nil {
			// Section headers that debug/elf does not take were so before.
			if _, was := elf.NewFile(bytes.NewReader(b)); was == nil {
				return false, fmt.Errorf("accepted, but the proof form is no ELF file: %w", err)
			}
		}
		return true, nil
	}
	if !bytes.HasPrefix(res.Output, b) {
		return false, fmt.Errorf("accepted, but the output does not begin with the program")
	}
	if _, err := rewrite.Verify("damaged", res.Output); err != nil {
		return false, fmt.Errorf("accepted, but: %w", err)
	}
	return true, nil
}

// Values that bounds are forgotten for.
var edges = []uint64{0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x1000, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff, 1 << 40, 1<<63 - 1, 1 << 63, 1<<64 - 1}

// damage gives a damaged copy of b, mostly in what is read as structure:
// headers, tables behind them, notes, and what lies at the end.
func damage(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			break
		}
		at := r.IntN(len(b))
		switch r.IntN(4) {
		case 0: // ELF and program headers
			at = r.IntN(min(len(b), 512))
		case 1: // section headers, symbols
			at = len(b) - 1 - r.IntN(min(len(b), 8192))
		}
		switch r.IntN(10) {
		case 0, 1:
			b[at] ^= 1 << r.IntN(8)
		case 2, 3:
			b[at] = byte(r.Uint32())
		case 4, 5: // a field
			v, n := edges[r.IntN(len(edges))], []int{2, 4, 4, 8}[r.IntN(4)]
			at &^= n - 1
			var w [8]byte
			binary.LittleEndian.PutUint64(w[:], v)
			copy(b[at:], w[:n])
		case 6: // a little more or less
			n := 4
			at &^= n - 1
			if at+n <= len(b) {
				binary.LittleEndian.PutUint32(b[at:], binary.LittleEndian.Uint32(b[at:])+uint32(r.IntN(65)-32))
			}
		case 7: // a stretch of something else
			n := min(1+r.IntN(64), len(b)-at)
			from := r.IntN(len(b) - n + 1)
			copy(b[at:at+n], bytes.Clone(b[from:from+n]))
		case 8:
			n := min(1+r.IntN(256), len(b)-at)
			clear(b[at : at+n])
		case 9:
			if r.IntN(4) == 0 {
				b = b[:at]
			} else { // noise in the code
				n := min(1+r.IntN(32), len(b)-at)
				for i := range n {
					b[at+i] = byte(r.Uint32())
				}
			}
		}
	}
	return b
}
