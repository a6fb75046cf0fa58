package vt

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/hinshun/vt10x"
)

// glass is a device that keeps what is drawn.
type glass struct {
	cols, rows int
	cells      []Cell
	x, y       int
	hidden     bool
	moved      bool
	fed        int
	title      string
	replies    string
	app        bool
	bells      int
}

func newGlass(cols, rows int) *glass {
	g := &glass{cols: cols, rows: rows, cells: make([]Cell, cols*rows), moved: true}
	for i := range g.cells {
		g.cells[i] = Cell{' ', 7}
	}
	return g
}

func (g *glass) Look() (Look, bool) {
	return Look{Cols: g.cols, Rows: g.rows, X: g.x, Y: g.y, Attr: 7, Moved: g.moved}, true
}

func (g *glass) Read(cells []Cell, _, _ int) bool { return copy(cells, g.cells) == len(g.cells) }
func (g *glass) Draw(cells []Cell, cols, top int) { copy(g.cells[top*cols:], cells) }
func (g *glass) Cursor(x, y int, visible bool)    { g.x, g.y, g.hidden, g.moved = x, y, !visible, false }
func (g *glass) Title(s string)                   { g.title = s }
func (g *glass) Bell()                            { g.bells++ }
func (g *glass) Reply(s string)                   { g.replies += s }
func (g *glass) Application(on bool)              { g.app = on }

func (g *glass) Feed(n int) {
	g.fed += n
	copy(g.cells, g.cells[n*g.cols:])
	for i := (g.rows - n) * g.cols; i < len(g.cells); i++ {
		g.cells[i] = Cell{' ', 7}
	}
}

func (g *glass) text() string {
	var b strings.Builder
	for y := range g.rows {
		var row []rune
		for _, c := range g.cells[y*g.cols : (y+1)*g.cols] {
			row = append(row, rune(c.Char))
		}
		b.WriteString("|" + strings.TrimRight(string(row), " ") + "\n")
	}
	return b.String()
}

func emulated(cols, rows int, text string) string {
	e := vt10x.New(vt10x.WithSize(cols, rows))
	_, _ = e.Write([]byte(text))
	e.Lock()
	defer e.Unlock()
	var b strings.Builder
	for y := range rows {
		var row []rune
		for x := range cols {
			c := e.Cell(x, y).Char
			if c == 0 {
				c = ' '
			}
			row = append(row, c)
		}
		b.WriteString("|" + strings.TrimRight(string(row), " ") + "\n")
	}
	c := e.Cursor()
	return b.String() + fmt.Sprint(c.X, " ", c.Y)
}

// TestScreenLikeEmulator writes the same to a Screen and to an emulator that
// others wrote, in one piece and byte by byte.
func TestScreenLikeEmulator(t *testing.T) {
	const cols, rows = 20, 6
	tests := map[string]string{
		"plain":          "one\r\ntwo\r\n\tthree\bX",
		"wrap":           strings.Repeat("0123456789", 5) + "\r\nnext",
		"last column":    strings.Repeat("x", 20) + "\ry",
		"scroll":         "1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8",
		"position":       "\x1b[3;5Ha\x1b[Hb\x1b[99;99Hc\x1b[2;Hd\x1b[1;4He\x1b[4df\x1b[7Gg",
		"moves":          "\x1b[3;5Hx\x1b[Ay\x1b[2Bz\x1b[3D1\x1b[2C2\x1b[E3\x1b[F4\x1b[99A5",
		"erase":          "aaaaaaaa\r\nbbbbbbbb\r\ncccccccc\x1b[2;4H\x1b[K\x1b[3;4H\x1b[1K\x1b[1;3H\x1b[2X",
		"erase screen":   "aaaaaaaa\r\nbbbbbbbb\r\ncccccccc\x1b[2;4H\x1b[J",
		"erase above":    "aaaaaaaa\r\nbbbbbbbb\r\ncccccccc\x1b[3;4H\x1b[1J",
		"erase all":      "aaaaaaaa\r\nbbbbbbbb\x1b[2J",
		"insert, delete": "abcdefgh\x1b[1;3H\x1b[2@\x1b[1;8H\x1b[P\r\n1\r\n2\r\n3\x1b[2;1H\x1b[L\x1b[4;1H\x1b[M",
		"region":         "1\r\n2\r\n3\r\n4\r\n5\x1b[2;4r\x1b[4;1H\r\nx\r\ny\x1b[2;1H\x1bMz\x1b[r\x1b[6;1Hend",
		"scroll by":      "1\r\n2\r\n3\r\n4\x1b[2S\x1b[1;5Hx\x1b[T",
		"save":           "ab\x1b7\x1b[4;4Hcd\x1b8ef\x1b[s\x1b[5;5Hgh\x1b[uij",
		"alternate":      "usual\x1b[?1049h\x1b[2;2Hother\x1b[?1049lagain",
		"index":          "a\x1bDb\x1bEc\x1b[6;1H\x1bDd\x1bEe",
		"no wrap":        "\x1b[?7l" + strings.Repeat("0123456789", 3) + "\x1b[?7hxy",
		"tabs":           "\ta\tb\r\x1b[3g\x1b[5G\x1bH\r\tc\x1b[Z",
		"line drawing":   "\x1b(0lqk\x1b(Bx",
		"title":          "\x1b]0;a title\x07text\x1b]2;x\x1b\\more",
		"cut off":        "a\x1b[2;3\x1b[Hc",
		"unknown":        "a\x1b[?2004h\x1b[>c\x1b[1 qb\x1b=c",
		"reset":          "abc\x1b[2;3r\x1b[5;5H\x1bcx",
		"UTF-8":          "äöü€→\r\nx",
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			want := emulated(cols, rows, text)
			for _, pieces := range []int{len(text), 1} {
				g := newGlass(cols, rows)
				s := NewScreen(g)
				for i := 0; i < len(text); i += pieces {
					s.Write([]byte(text[i : i+pieces]))
				}
				if got := g.text() + fmt.Sprint(g.x, " ", g.y); got != want {
					t.Errorf("in pieces of %d:\n%s\nwant\n%s", pieces, got, want)
				}
			}
		})
	}
}

// TestScreenColours compares attributes with Windows's bits.
func TestScreenColours(t *testing.T) {
	for sgr, want := range map[string]uint16{
		"": 7, "0": 7, "31": 4, "32": 2, "34": 1, "1": 0xf, "1;31": 0xc, "44": 0x17, "7": 0x70, "7;31": 0x40,
		"4": 7 | attrUnderline, "91": 0xc, "101;30": 0xc0, "38;5;9": 0xc, "38;5;196": 0xc, "38;2;0;0;255": 9, "48;5;232": 7, "31;39": 7, "1;22": 7, "8": 0,
	} {
		g := newGlass(4, 2)
		NewScreen(g).Write([]byte("\x1b[" + sgr + "mx"))
		if got := g.cells[0].Attr; got != want {
			t.Errorf("SGR %q: %#x, want %#x", sgr, got, want)
		}
	}
}

// TestScreenAnswers are what programs ask.
func TestScreenAnswers(t *testing.T) {
	g := newGlass(20, 6)
	s := NewScreen(g)
	s.Write([]byte("\x1b[3;5H\x1b[6n\x1b[5n\x1b[c\x1b[?25l\x1b[?1h\a"))
	if want := "\x1b[3;5R\x1b[0n\x1b[?1;2c"; g.replies != want || !g.hidden || !g.app || g.bells != 1 {
		t.Errorf("%q, want %q; %+v", g.replies, want, g)
	}
	// What another process writes is taken over.
	g.cells[0].Char, g.x, g.y, g.moved = 'Q', 1, 0, true
	s.Write([]byte("R"))
	if g.cells[0].Char != 'Q' || g.cells[1].Char != 'R' {
		t.Errorf("%q", g.text())
	}
	for text, want := range map[string]string{
		"abc\r\x1b[4hxy\x1b[4lz": "xyzbc", // IRM
		"a\x1b[3\x18b":           "ab",    // CAN
		"ab\x1b[;4Hc":            "ab c",  // a parameter left out
		"字x":                     "字字x",   // two cells, as Windows has it
	} {
		g = newGlass(20, 2)
		NewScreen(g).Write([]byte(text))
		if got, _, _ := strings.Cut(g.text(), "\n"); got != "|"+want {
			t.Errorf("%q shows %q, want %q", text, got, want)
		}
	}
	g = newGlass(20, 2)
	s = NewScreen(g)
	s.Write([]byte("a\nb\nc\n"))
	if g.fed != 2 {
		t.Errorf("%d lines went above the window, want 2", g.fed)
	}
}

// TestScreenHammer writes nonsense: nothing may be out of bounds.
func TestScreenHammer(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"\x1b[", "\x1b]", "\x1b", ";", "?", "\n", "\r", "\t", "\b", "h", "l", "字", "x", "€"}
	for c := byte('@'); c < 0x7f; c++ {
		alphabet = append(alphabet, "\x1b["+fmt.Sprint(r.IntN(40))+string(rune(c)), string(rune(c)))
	}
	for _, n := range []int{6, 7, 47, 1047, 1049} {
		alphabet = append(alphabet, fmt.Sprintf("\x1b[?%dh", n), fmt.Sprintf("\x1b[?%dl", n))
	}
	alphabet = append(alphabet, "99999999999", "\x1b[3;5r", "\x1b[2;99r", "\xff", "\xe2\x82")
	g := newGlass(9, 5)
	s := NewScreen(g)
	for range 200_000 {
		s.Write([]byte(alphabet[r.IntN(len(alphabet))]))
		if r.IntN(1000) == 0 {
			n := newGlass(1+r.IntN(12), 1+r.IntN(8))
			g.cols, g.rows, g.cells = n.cols, n.rows, n.cells
			g.x, g.y = min(g.x, g.cols-1), min(g.y, g.rows-1)
		}
		if g.x < 0 || g.y < 0 || g.x >= g.cols || g.y >= g.rows {
			t.Fatalf("the cursor is at %d, %d", g.x, g.y)
		}
	}
}

// TestKeys are key events and what an xterm sends.
func TestKeys(t *testing.T) {
	tests := []struct {
		name string
		key  Key
		want string
	}{
		{"a letter", Key{Down: true, Repeat: 1, Code: 'A', Char: 'a'}, "a"},
		{"let go", Key{Code: 'A', Char: 'a'}, ""},
		{"held", Key{Down: true, Repeat: 3, Code: 'A', Char: 'a'}, "aaa"},
		{"€ with AltGr", Key{Down: true, Repeat: 1, Code: 'E', Char: '€', State: rightAlt | leftCtrl}, "€"},
		{"Alt", Key{Down: true, Repeat: 1, Code: 'A', Char: 'a', State: leftAlt}, "\x1ba"},
		{"digits with Alt", Key{Code: keyAlt, Char: 'ß'}, "ß"},
		{"Backspace", Key{Down: true, Repeat: 1, Code: keyBack, Char: '\b'}, "\x7f"},
		{"Ctrl and Backspace", Key{Down: true, Repeat: 1, Code: keyBack, Char: 0x7f, State: leftCtrl}, "\b"},
		{"Ctrl-H", Key{Down: true, Repeat: 1, Code: 'H', Char: '\b', State: leftCtrl}, "\b"},
		{"Ctrl and Space", Key{Down: true, Repeat: 1, Code: keySpace, State: leftCtrl}, "\x00"},
		{"Shift and Tab", Key{Down: true, Repeat: 1, Code: keyTab, Char: '\t', State: shift}, "\x1b[Z"},
		{"Shift alone", Key{Down: true, Repeat: 1, Code: 0x10, State: shift}, ""},
		{"Up", Key{Down: true, Repeat: 1, Code: 0x26}, "\x1b[A"},
		{"Ctrl and Left", Key{Down: true, Repeat: 1, Code: 0x25, State: leftCtrl}, "\x1b[1;5D"},
		{"Delete", Key{Down: true, Repeat: 1, Code: 0x2e}, "\x1b[3~"},
		{"Shift and Page Up", Key{Down: true, Repeat: 1, Code: 0x21, State: shift}, "\x1b[5;2~"},
		{"F1", Key{Down: true, Repeat: 1, Code: 0x70}, "\x1bOP"},
		{"F12", Key{Down: true, Repeat: 1, Code: 0x7b}, "\x1b[24~"},
		{"Escape", Key{Down: true, Repeat: 1, Code: keyEscape, Char: 0x1b}, "\x1b"},
	}
	for _, c := range tests {
		var k Keys
		if got := string(k.Append(nil, c.key)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	k := Keys{Application: true}
	if got := string(k.Append(nil, Key{Down: true, Code: 0x26})); got != "\x1bOA" {
		t.Errorf("%q", got)
	}
	var b []byte
	for _, e := range Typed([]byte("a😀é")) {
		b = k.Append(b, e)
	}
	if string(b) != "a😀é" {
		t.Errorf("typed %q", b)
	}
}
