package decode

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const maxExamples = 6

// line is one instruction as objdump sees it, with the bytes of the section from there on.
type line struct {
	addr uint64
	n    int
	tail []byte
	text string
}

func needObjdump(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("objdump"); err != nil {
		t.Skip("objdump is not installed")
	}
}

// objdump runs it and calls f for every line of every section.
func objdump(t testing.TB, f func(line), args ...string) {
	t.Helper()
	cmd := exec.Command("objdump", append([]string{"-z", "-w", "--insn-width=16"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var lines []line
	var section []byte
	flush := func() {
		pos := 0
		for _, l := range lines {
			l.tail = section[pos:]
			pos += l.n
			f(l)
		}
		lines, section = lines[:0], section[:0]
	}
	sc := bufio.NewScanner(out)
	sc.Buffer(make([]byte, 1<<20), 1<<20)
	for sc.Scan() {
		s := sc.Text()
		if strings.HasPrefix(s, "Disassembly of section") {
			flush()
			continue
		}
		addr, rest, ok := strings.Cut(s, ":\t")
		if !ok {
			continue
		}
		a, err := strconv.ParseUint(strings.TrimSpace(addr), 16, 64)
		if err != nil {
			continue
		}
		code, text, _ := strings.Cut(rest, "\t")
		b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(code), " ", ""))
		if err != nil || len(b) == 0 {
			continue
		}
		if n := len(lines); n > 0 && (lines[n-1].addr+uint64(lines[n-1].n) != a || len(section) > 1<<22) {
			flush()
		}
		lines = append(lines, line{addr: a, n: len(b), text: strings.TrimSpace(text)})
		section = append(section, b...)
	}
	flush()
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Logf("objdump %v: %v", args, err)
	}
}

// objdumpBytes disassembles a blob.
func objdumpBytes(t testing.TB, blob []byte, mode Mode, f func(line)) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(name, blob, 0o600); err != nil {
		t.Fatal(err)
	}
	machine := "i386"
	if mode == Mode64 {
		machine = "i386:x86-64"
	}
	objdump(t, f, "-D", "-b", "binary", "-m", machine, name)
}

var prefixWords = map[string]bool{
	"data16": true, "addr16": true, "addr32": true, "lock": true, "rep": true, "repz": true, "repnz": true, "bnd": true, "notrack": true,
	"cs": true, "ds": true, "es": true, "ss": true, "fs": true, "gs": true, "rex": true, "xacquire": true, "xrelease": true, "data32": true,
}

// onlyPrefixes recognises the lines in which objdump prints prefixes as if they were an instruction.
func onlyPrefixes(text string) bool {
	for w := range strings.FieldsSeq(text) {
		w, _, _ = strings.Cut(w, ".")
		if !prefixWords[w] {
			return false
		}
	}
	return true
}

func isBad(text string) bool {
	return strings.Contains(text, "(bad)") || strings.Contains(text, "{bad}") || strings.HasPrefix(text, ".byte")
}

// registers gives the general registers that are named in a line, as a mask.
func registers(text string) (mask uint32) {
	if n := strings.IndexAny(text, "#<"); n >= 0 {
		text = text[:n]
	}
	for {
		n := strings.IndexByte(text, '%')
		if n < 0 {
			return mask
		}
		text = text[n+1:]
		end := strings.IndexFunc(text, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
		if end < 0 {
			end = len(text)
		}
		if r, ok := gprNames[text[:end]]; ok {
			mask |= 1 << r
		}
	}
}

var gprNames = func() map[string]int {
	m := make(map[string]int)
	for n, s := range strings.Fields("a c d b") {
		m[s+"l"], m[s+"h"], m[s+"x"], m["e"+s+"x"], m["r"+s+"x"] = n, n, n, n, n
	}
	for n, s := range strings.Fields("sp bp si di") {
		m[s+"l"], m[s], m["e"+s], m["r"+s] = n+4, n+4, n+4, n+4
	}
	for n := 8; n < 16; n++ {
		r := fmt.Sprintf("r%d", n)
		m[r], m[r+"d"], m[r+"w"], m[r+"b"] = n, n, n, n
	}
	return m
}()

// tally counts how our answers compare with objdump's.
type tally struct {
	lines, agree, bad, prefix, fwait, near16, stricter, wrong int
	badButValid                                               int
	masks                                                     int
	bytes                                                     int64
	examples                                                  []string
}

func (c *tally) String() string {
	return fmt.Sprintf("%d lines, %.1f MB: %d agree, %d lone prefixes, %d with fwait, %d near branches with 66, %d (bad) of which %d are valid here, %d invalid here, %d masks, %d wrong",
		c.lines, float64(c.bytes)/1e6, c.agree, c.prefix, c.fwait, c.near16, c.bad, c.badButValid, c.stricter, c.masks, c.wrong)
}

func (c *tally) add(o *tally) {
	c.lines += o.lines
	c.agree += o.agree
	c.bad += o.bad
	c.prefix += o.prefix
	c.fwait += o.fwait
	c.near16 += o.near16
	c.stricter += o.stricter
	c.wrong += o.wrong
	c.badButValid += o.badButValid
	c.masks += o.masks
	c.bytes += o.bytes
}

func (c *tally) fail(l line, mode Mode, format string, args ...any) {
	c.wrong++
	if len(c.examples) < maxExamples {
		c.examples = append(c.examples, fmt.Sprintf("%#x %d-bit % x: %q: %s", l.addr, mode, l.tail[:l.n], l.text, fmt.Sprintf(format, args...)))
	}
}

// check compares one line; branches says whether addresses are real, so that targets can be compared.
func (c *tally) check(l line, mode Mode) {
	c.lines++
	c.bytes += int64(l.n)
	in, err := Decode(l.tail, mode)
	text := l.text
	switch {
	case isBad(text):
		c.bad++
		if err == nil {
			c.badButValid++
		}
		return
	case onlyPrefixes(text):
		c.prefix++
		return
	case afterPrefixes(l.tail) == 0x9b && l.n > 1 || strings.HasPrefix(text, "fwait"):
		c.fwait++
		return
	case err == nil && in.AmbiguousOpSize:
		c.near16++
		return
	case err != nil && laxer(l):
		c.stricter++
		return
	case err != nil:
		c.fail(l, mode, "%v", err)
		return
	case int(in.Len) != l.n:
		c.fail(l, mode, "length %d", in.Len)
		return
	}
	c.agree++

	if want, got := registers(text), in.GPRMask(l.tail[:in.Len]); want&^got != 0 {
		c.fail(l, mode, "GPRMask %#x, named %#x", got, want)
	}
	if in.GPRMask(nil) != 0xff && mode == Mode32 || mode == Mode64 && in.GPRMask(nil) != 0xffff {
		c.masks++
	}
	if strings.Contains(text, "(%rip)") != in.RIPRel && !strings.Contains(text, "(%eip)") {
		c.fail(l, mode, "RIPRel %v", in.RIPRel)
	}
	for _, s := range []Seg{FS, GS} {
		if strings.Contains(text, "%"+s.String()+":") && in.Seg != s {
			c.fail(l, mode, "Seg %v", in.Seg)
		}
		if in.Sreg == s && !strings.Contains(text, "%"+s.String()) && !strings.Contains(text, "l"+s.String()) && !strings.Contains(text, "lkgs") {
			c.fail(l, mode, "Sreg %v", in.Sreg)
		}
		rest := strings.ReplaceAll(text, "%"+s.String()+":", "")
		if strings.Contains(rest, "%"+s.String()) && in.Sreg != s {
			c.fail(l, mode, "Sreg %v", in.Sreg)
		}
	}
	c.flow(l, mode, &in)
}

// flow compares class, target and memory operand with objdump's text.
func (c *tally) flow(l line, mode Mode, in *Inst) {
	words := strings.Fields(l.text)
	for len(words) > 1 && onlyPrefixes(strings.Split(words[0], ",")[0]) {
		words = words[1:]
	}
	name, _, _ := strings.Cut(words[0], ",")
	operand := ""
	if len(words) > 1 {
		operand = words[1]
	}
	indirect := strings.HasPrefix(operand, "*")
	want := Seq
	switch {
	case strings.HasPrefix(name, "jmp") && name != "jmpe":
		want = Jmp
		if indirect {
			want = JmpInd
		}
	case strings.HasPrefix(name, "ljmp"):
		want = FarJmp
	case strings.HasPrefix(name, "lcall"):
		want = FarCall
	case strings.HasPrefix(name, "call"):
		want = Call
		if indirect {
			want = CallInd
		}
	case strings.HasPrefix(name, "sysret"), strings.HasPrefix(name, "sysexit"), strings.HasPrefix(name, "lret"), strings.HasPrefix(name, "iret"),
		name == "rsm", name == "uiret":
		want = FarRet
	case strings.HasPrefix(name, "ret"):
		want = Ret
	case strings.HasPrefix(name, "j"), strings.HasPrefix(name, "loop"), strings.HasPrefix(name, "xbegin"):
		want = Jcc
	case name == "int" && operand == "$0x80":
		want = Int80
	case name == "int3":
		want = Int3
	case name == "int", name == "into", name == "int1", name == "icebp":
		want = IntN
	case name == "syscall":
		want = Syscall
	case name == "sysenter":
		want = Sysenter
	case name == "hlt", strings.HasPrefix(name, "ud0"), strings.HasPrefix(name, "ud1"), name == "ud2":
		want = Halt
	}
	if in.Class != want {
		c.fail(l, mode, "class %v, want %v", in.Class, want)
		return
	}
	if want == Jcc || want == Jmp || want == Call {
		target, err := strconv.ParseUint(strings.TrimPrefix(operand, "0x"), 16, 64)
		if mode == Mode32 && in.Prefix&OpSize66 != 0 && in.RelLen == 1 {
			target &= 0xffff // objdump does not cut it
		}
		if got := in.Target(l.addr); err != nil || got != target || !in.PCRel || in.RelLen == 0 {
			c.fail(l, mode, "target %#x", got)
		}
	}
	if strings.Contains(l.text, "(") && !strings.Contains(l.text, "%st") && !strings.Contains(l.text, "(%dx)") && !strings.Contains(l.text, "only)") && !in.MemOperand && !strings.Contains(l.text, "<") {
		c.fail(l, mode, "no memory operand")
	}
	base, okb := in.MemBase()
	index, oki := in.MemIndex()
	if n := strings.IndexByte(l.text, '('); n >= 0 && in.HasModRM && !in.StringOp && !strings.Contains(l.text, "%st") && in.MemOperand {
		addr, _, _ := strings.Cut(l.text[n:], ")")
		named := registers(addr)
		got := uint32(0)
		if okb {
			got |= 1 << base
		}
		if oki {
			got |= 1 << index
		}
		if named != got {
			c.fail(l, mode, "base and index %#x, named %#x", got, named)
		}
	}
}

func (c *tally) report(t *testing.T, name string) {
	t.Helper()
	t.Logf("%s: %v", name, c)
	for _, e := range c.examples {
		t.Error(e)
	}
}

// TestOpcodeSpace walks all opcodes of the legacy maps with every ModRM register form and the memory forms that differ.
func TestOpcodeSpace(t *testing.T) {
	needObjdump(t)
	var modrms [][]byte
	for m := range 64 {
		modrms = append(modrms, []byte{0xc0 | byte(m)})
	}
	for reg := range byte(8) {
		modrms = append(modrms, []byte{reg<<3 | 1}, []byte{reg<<3 | 4, 0x0c}, []byte{reg<<3 | 4, 0x25}, []byte{reg<<3 | 5}, []byte{reg<<3 | 6},
			[]byte{0x41 | reg<<3}, []byte{0x84 | reg<<3, 0x4b})
	}
	prefixes := [][]byte{{}, {0x66}, {0xf3}, {0xf2}, {0x67}, {0x65, 0x48}, {0x66, 0x4d}}
	if testing.Short() {
		prefixes = prefixes[:4]
	}
	for _, mode := range []Mode{Mode32, Mode64} {
		for _, pfx := range prefixes {
			if mode == Mode32 && len(pfx) > 0 && pfx[len(pfx)-1]&0xf0 == 0x40 {
				continue
			}
			t.Run(fmt.Sprintf("%d/%x", mode, pfx), func(t *testing.T) {
				t.Parallel()
				var blob []byte
				for _, m := range [][]byte{{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}} {
					for op := range 256 {
						if strings.Contains("0f 62 c4 c5", fmt.Sprintf("%02x", op)) && len(m) == 0 || len(m) == 1 && (op == 0x38 || op == 0x3a) {
							continue
						}
						if len(m) == 0 && (tables64[0][op]|tables32[0][op])&aPrefix != 0 && op>>4 != 4 {
							continue
						}
						for _, modrm := range modrms {
							if len(m) == 0 && op == 0x8f && modrm[0]&0x1f >= 8 {
								continue
							}
							blob = append(blob, pad(16, pfx, m, []byte{byte(op)}, modrm)...)
						}
					}
				}
				compareSlots(t, blob, mode, badButValid)
			})
		}
	}
}

// badButValid are instructions that objdump does not print and that processors run.
func badButValid(in *Inst) bool {
	if in.Enc != Legacy || in.Map != Map0F {
		return false
	}
	switch in.Opcode {
	case 0x00: // lkgs, newer than binutils 2.40
		return in.ModRM>>3&7 == 6
	case 0x0d, 0x1a, 0x1b: // no operation without a memory operand; bndmov with bnd4 to bnd7
		return true
	case 0xae: // fences ignore ModRM.rm
		return in.ModRM >= 0xe8
	case 0xbc, 0xbd: // bsf, bsr ignore f2
		return in.Prefix&Repne != 0
	}
	return false
}

// laxer says whether objdump prints something there that no processor runs.
func laxer(l line) bool {
	n := 0
	for tables64[0][l.tail[n]]&aPrefix != 0 {
		if l.tail[n] == 0xf0 {
			return true
		}
		n++
	}
	b := l.tail[n:]
	switch b[0] {
	case 0xc4: // ldtilecfg and sttilecfg with another ModRM.reg, tilezero with another ModRM.rm than 0
		return strings.Contains(l.text, "tilecfg") || strings.Contains(l.text, "tilezero")
	case 0x8c, 0x8e: // segment registers 6 and 7, mov to cs
		return strings.Contains(l.text, "?") || strings.Contains(l.text, "%cs")
	case 0xdb: // frstpm
		return b[1] == 0xe5
	case 0x0f:
		switch b[1] {
		case 0x01, 0x78, 0xae, 0xc7, 0xd7: // prefixes for which there is no instruction; swapgs; extrq with another ModRM.reg than 0
			return n > 0 || b[2] == 0xf8
		case 0x20, 0x22, 0x24, 0x26: // control registers that do not exist, test registers
			return true
		}
	}
	return false
}

func afterPrefixes(b []byte) byte {
	for len(b) > 1 && tables64[0][b[0]]&aPrefix != 0 {
		b = b[1:]
	}
	return b[0]
}

func pad(n int, parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	for len(b) < n {
		b = append(b, 0x90)
	}
	return b
}

// compareSlots compares the first instruction of every 16-byte slot.
func compareSlots(t *testing.T, blob []byte, mode Mode, allowed func(*Inst) bool) {
	var c tally
	objdumpBytes(t, blob, mode, func(l line) {
		if l.addr%16 != 0 {
			return
		}
		c.check(l, mode)
		if in, err := Decode(l.tail, mode); err == nil && isBad(l.text) && !allowed(&in) {
			l.n = int(in.Len)
			c.fail(l, mode, "valid here, length %d", in.Len)
		}
	})
	c.report(t, fmt.Sprintf("%d-bit", mode))
}

// TestVectorSpace walks VEX, EVEX and XOP: maps, mandatory prefixes, opcodes, W, L, broadcast, masks and the forms of ModRM.
func TestVectorSpace(t *testing.T) {
	needObjdump(t)
	var modrms [][]byte
	for reg := range byte(8) {
		modrms = append(modrms, []byte{0xc2 | reg<<3}, []byte{reg<<3 | 1}, []byte{reg<<3 | 0x44, 0x4b})
	}
	heads := map[string]func(add func(...byte)){
		"vex": func(add func(...byte)) {
			for m := range byte(3) {
				for w := range byte(2) {
					for l := range byte(2) {
						for pp := range byte(4) {
							add(0xc4, 0xe1+m, w<<7|0x78|l<<2|pp)
						}
					}
				}
			}
			for _, v := range []byte{0xf8, 0xe9, 0x7a, 0x5b} {
				add(0xc5, v)
				add(0xc4, 0xe2, v&0x7f)
			}
		},
		"evex": func(add func(...byte)) {
			for _, m := range []byte{1, 2, 3, 5, 6} {
				for _, w := range []byte{0x7c, 0xfc, 0x6c} {
					for pp := range byte(4) {
						for _, p2 := range []byte{0x08, 0x29, 0x59} {
							add(0x62, 0xf0+m, w|pp, p2)
						}
					}
				}
			}
		},
		"xop": func(add func(...byte)) {
			for m := range byte(3) {
				for _, w := range []byte{0x78, 0xf8, 0x68} {
					for pp := range byte(2) {
						add(0x8f, 0xe8+m, w|pp)
					}
				}
			}
		},
	}
	for _, mode := range []Mode{Mode64, Mode32} {
		for name, head := range heads {
			if testing.Short() && (name == "evex" || mode == Mode32) {
				continue
			}
			t.Run(fmt.Sprintf("%d/%s", mode, name), func(t *testing.T) {
				t.Parallel()
				var blob []byte
				head(func(h ...byte) {
					if name == "evex" && mode == Mode32 && h[3] != 0x29 { // differs only in what is ignored
						return
					}
					for op := range 256 {
						for n, m := range modrms {
							if name == "evex" && n%3 == 1 {
								continue
							}
							blob = append(blob, pad(16, h, []byte{byte(op)}, m)...)
						}
					}
				})
				compareSlots(t, blob, mode, newerVector)
			})
		}
	}
}

// newerVector are instructions that binutils 2.40 does not know.
func newerVector(in *Inst) bool {
	switch {
	case in.Enc != VEX3:
		return false
	case in.Map == Map0F38:
		switch in.Opcode {
		case 0x6c, 0xcb, 0xcc, 0xcd, 0xd2, 0xd3, 0xda:
			return true
		}
	case in.Map == Map0F3A:
		return in.Opcode == 0xde
	}
	return false
}
