package vt

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Cell is a CHAR_INFO: a UTF-16 unit and its colours.
type Cell struct{ Char, Attr uint16 }

// Device is the console below a Screen. Positions are those in the window,
// from 0; rows may be scrolled out of it at the top.
type Device interface {
	// Look tells the window's size, the cursor, and the colours in which the
	// console would write. moved tells whether anybody else has written or
	// scrolled since the last call of any method.
	Look() (l Look, ok bool)
	// Read fills cells with the window's content, row by row.
	Read(cells []Cell, cols, rows int) bool
	// Draw shows cells, which are the whole rows from top on, cols wide.
	Draw(cells []Cell, cols, top int)
	// Feed moves the window's content up by n rows, or the window down.
	Feed(n int)
	Cursor(x, y int, visible bool)
	Title(s string)
	Bell()
	// Reply is typed for the user: the answer to a question of the program.
	Reply(s string)
	// Application says what the cursor keys are to send.
	Application(on bool)
}

// Look is what a device tells.
type Look struct {
	Cols, Rows int
	X, Y       int
	Attr       uint16
	Moved      bool
}

// Bits of Cell.Attr.
const (
	attrIntense   = 0x08
	attrLeading   = 0x100 // the left half of a wide character
	attrTrailing  = 0x200
	attrUnderline = 0x8000
)

type style struct {
	fg, bg                   int8 // -1: the usual one
	bold, underline, reverse bool
	hidden                   bool
}

// cursor is what ESC 7 keeps.
type cursor struct {
	x, y   int
	wrap   bool // a character in the last column: the next one begins a line
	style  style
	sets   [2]byte // what G0 and G1 are: 'B' or '0'
	shift  int
	origin bool
}

// Screen draws on a device what is written to it. It takes the control
// sequences of an xterm that full-screen programs use; what it does not know
// it skips.
type Screen struct {
	dev        Device
	base       uint16 // the usual colours
	loaded     bool
	cols, rows int
	cells      []Cell
	dirty      []bool
	top, bot   int // the scrolling region, both included

	cursor
	saved   cursor
	other   []Cell // the usual screen while the alternate one shows
	alt     bool
	hide    bool // the cursor
	noWrap  bool
	insert  bool
	tabs    map[int]bool // columns that differ from every eighth
	last    rune         // for REP
	partial []byte       // of a character
	seq     sequence
}

// NewScreen draws on dev.
func NewScreen(dev Device) *Screen {
	s := &Screen{dev: dev}
	s.style = style{fg: -1, bg: -1}
	s.sets = [2]byte{'B', 'B'}
	s.saved = s.cursor
	return s
}

// Write shows p.
func (s *Screen) Write(p []byte) bool {
	if !s.load() {
		return false
	}
	if len(s.partial) > 0 {
		p = append(s.partial, p...)
		s.partial = nil
	}
	for len(p) > 0 {
		c := p[0]
		if c < utf8.RuneSelf || s.seq.state != ground {
			s.byte(c)
			p = p[1:]
			continue
		}
		if !utf8.FullRune(p) {
			s.partial = append([]byte(nil), p...)
			break
		}
		r, n := utf8.DecodeRune(p)
		s.print(r)
		p = p[n:]
	}
	s.flush()
	return true
}

// load takes over what others have done to the console.
func (s *Screen) load() bool {
	l, ok := s.dev.Look()
	if !ok || l.Cols <= 0 || l.Rows <= 0 {
		return false
	}
	if s.loaded && !l.Moved && l.Cols == s.cols && l.Rows == s.rows {
		return true
	}
	if !s.loaded {
		s.base = l.Attr
	}
	if !s.loaded || l.Cols != s.cols || l.Rows != s.rows {
		s.cols, s.rows = l.Cols, l.Rows
		s.top, s.bot = 0, s.rows-1
		s.other = nil
	}
	s.cells = make([]Cell, s.cols*s.rows)
	s.dirty = make([]bool, s.rows)
	if !s.dev.Read(s.cells, s.cols, s.rows) {
		for i := range s.cells {
			s.cells[i] = Cell{' ', s.base}
		}
	}
	s.x, s.y, s.wrap = clamp(l.X, 0, s.cols-1), clamp(l.Y, 0, s.rows-1), false
	s.loaded = true
	return true
}

// flush shows what has changed.
func (s *Screen) flush() {
	for y := 0; y < s.rows; y++ {
		if !s.dirty[y] {
			continue
		}
		end := y
		for end < s.rows && s.dirty[end] && (end-y)*s.cols < 8192 {
			s.dirty[end] = false
			end++
		}
		s.dev.Draw(s.cells[y*s.cols:end*s.cols], s.cols, y)
		y = end - 1
	}
	s.dev.Cursor(s.x, s.y, !s.hide)
}

func clamp(v, lo, hi int) int { return max(lo, min(v, hi)) }

// attr is the style in Windows's bits: blue 1, green 2, red 4, intense 8.
func (s *Screen) attr() uint16 {
	fg, bg := s.base&0xf, s.base>>4&0xf
	if s.style.fg >= 0 {
		fg = colour(s.style.fg)
	}
	if s.style.bg >= 0 {
		bg = colour(s.style.bg)
	}
	if s.style.bold {
		fg |= attrIntense
	}
	if s.style.reverse {
		fg, bg = bg, fg
	}
	if s.style.hidden {
		fg = bg
	}
	a := fg | bg<<4
	if s.style.underline {
		a |= attrUnderline
	}
	return a
}

// colour turns ISO 6429's order, red 1, green 2, blue 4, into Windows's.
func colour(c int8) uint16 {
	return uint16(c&1)<<2 | uint16(c&2) | uint16(c&4)>>2 | uint16(c&8)
}

// blank is what erasing leaves.
func (s *Screen) blank() Cell {
	st := s.style
	s.style = style{fg: -1, bg: st.bg}
	c := Cell{' ', s.attr()}
	s.style = st
	return c
}

// graphics are the line-drawing characters of DEC's set, from '`' on.
var graphics = []rune("◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·")

func (s *Screen) print(r rune) {
	if s.sets[s.shift] == '0' && r >= '`' && r <= '~' {
		r = graphics[r-'`']
	}
	w := 1
	switch k := width.LookupRune(r).Kind(); {
	case r >= 0x300 && unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return // a cell has no room for marks
	case k == width.EastAsianWide || k == width.EastAsianFullwidth:
		w = 2
	}
	s.last = r
	u := uint16(r)
	if r > 0xffff {
		u = 0xfffd // nor for halves
	}
	if s.wrap || s.x+w > s.cols {
		if s.noWrap {
			s.x = s.cols - w
		} else {
			s.x = 0
			s.feed()
		}
		s.wrap = false
	}
	s.x = max(s.x, 0)
	if s.insert {
		s.shiftRight(w)
	}
	row := s.row(s.y)
	a := s.attr()
	row[s.x] = Cell{u, a}
	if w == 2 && s.x+1 < s.cols {
		row[s.x].Attr |= attrLeading
		row[s.x+1] = Cell{u, a | attrTrailing}
	}
	if s.x += w; s.x >= s.cols {
		s.x, s.wrap = s.cols-1, true
	}
}

// row gives a row that is about to change.
func (s *Screen) row(y int) []Cell {
	s.dirty[y] = true
	return s.cells[y*s.cols : (y+1)*s.cols]
}

// feed is a line feed.
func (s *Screen) feed() {
	s.wrap = false
	if s.y != s.bot {
		s.y = min(s.y+1, s.rows-1)
		return
	}
	s.up(s.top, s.bot, 1)
}

// up moves rows top to bot up by n. What leaves the top of the window stays
// above it if the console keeps what was there.
func (s *Screen) up(top, bot, n int) {
	n = clamp(n, 0, bot-top+1)
	if n == 0 {
		return
	}
	if top == 0 && bot == s.rows-1 && !s.alt {
		s.flush()
		s.dev.Feed(n)
		copy(s.cells, s.cells[n*s.cols:])
		s.clear(s.rows-n, 0, s.rows, 0)
		return
	}
	copy(s.cells[top*s.cols:], s.cells[(top+n)*s.cols:(bot+1)*s.cols])
	for y := top; y <= bot; y++ {
		s.dirty[y] = true
	}
	s.clear(bot+1-n, 0, bot+1, 0)
}

// down moves rows top to bot down by n.
func (s *Screen) down(top, bot, n int) {
	n = clamp(n, 0, bot-top+1)
	copy(s.cells[(top+n)*s.cols:(bot+1)*s.cols], s.cells[top*s.cols:])
	for y := top; y <= bot; y++ {
		s.dirty[y] = true
	}
	s.clear(top, 0, top+n, 0)
}

// clear blanks from one position up to another one, exclusive.
func (s *Screen) clear(y, x, endY, endX int) {
	b := s.blank()
	for i := y*s.cols + x; i < endY*s.cols+endX && i < len(s.cells); i++ {
		s.cells[i] = b
		s.dirty[i/s.cols] = true
	}
}

func (s *Screen) shiftRight(n int) {
	row := s.row(s.y)
	n = clamp(n, 0, s.cols-s.x)
	copy(row[s.x+n:], row[s.x:])
	s.clear(s.y, s.x, s.y, s.x+n)
}

func (s *Screen) shiftLeft(n int) {
	row := s.row(s.y)
	n = clamp(n, 0, s.cols-s.x)
	copy(row[s.x:], row[s.x+n:])
	s.clear(s.y, s.cols-n, s.y, s.cols)
}

// move places the cursor.
func (s *Screen) move(x, y int) {
	lo, hi := 0, s.rows-1
	if s.origin {
		lo, hi = s.top, s.bot
	}
	s.x, s.y, s.wrap = clamp(x, 0, s.cols-1), clamp(y, lo, hi), false
}

func (s *Screen) tab(n int) {
	s.wrap = false
	for ; n > 0 && s.x < s.cols-1; n-- {
		for s.x++; s.x < s.cols-1 && !s.stop(s.x); s.x++ {
		}
	}
	for ; n < 0 && s.x > 0; n++ {
		for s.x--; s.x > 0 && !s.stop(s.x); s.x-- {
		}
	}
}

func (s *Screen) stop(x int) bool { return (x%8 == 0) != s.tabs[x] }

// alternate shows the alternate screen, which is empty, or the usual one as it
// was.
func (s *Screen) alternate(on bool) {
	if s.alt == on {
		return
	}
	s.alt = on
	if on {
		s.other = append([]Cell(nil), s.cells...)
		s.clear(0, 0, s.rows, 0)
		return
	}
	if len(s.other) == len(s.cells) {
		copy(s.cells, s.other)
		for y := range s.dirty {
			s.dirty[y] = true
		}
	}
	s.other = nil
}

// reset is ESC c.
func (s *Screen) reset() {
	s.alternate(false)
	s.cursor = NewScreen(s.dev).cursor
	s.saved = s.cursor
	s.hide, s.noWrap, s.insert, s.tabs = false, false, false, nil
	s.top, s.bot = 0, s.rows-1
	s.dev.Application(false)
	s.clear(0, 0, s.rows, 0)
}
