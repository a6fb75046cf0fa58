package vt

import "fmt"

// state is where the parser is in a sequence.
type state uint8

const (
	ground state = iota
	escape
	csi
	charset // behind ESC ( or ESC )
	skipOne // behind ESC # and the like
	osc
	text // other strings, which are skipped
)

// sequence is what has been read of a control sequence.
type sequence struct {
	state   state
	private byte
	inter   byte // the last intermediate character
	params  []int
	given   bool // the last parameter has a digit
	str     []byte
	esc     bool // in a string, behind an ESC
}

const (
	mostParams = 32
	mostParam  = 1 << 15
	mostString = 4096
)

// byte takes one byte of a sequence, or a character of ASCII.
func (s *Screen) byte(c byte) {
	q := &s.seq
	if q.state == osc || q.state == text {
		s.inString(c)
		return
	}
	switch c { // valid within sequences too
	case 0x18, 0x1a:
		q.state = ground
		return
	case 0x1b:
		*q = sequence{state: escape}
		return
	}
	if c < ' ' {
		s.control(c)
		return
	}
	switch q.state {
	case ground:
		if c != 0x7f {
			s.print(rune(c))
		}
	case escape:
		s.escape(c)
	case charset:
		if q.inter == '(' || q.inter == ')' {
			s.sets[q.inter-'('] = c
		}
		q.state = ground
	case skipOne:
		q.state = ground
	case csi:
		s.inCSI(c)
	}
}

func (s *Screen) control(c byte) {
	switch c {
	case '\a':
		s.dev.Bell()
	case '\b':
		s.x, s.wrap = max(s.x-1, 0), false
	case '\t':
		s.tab(1)
	case '\n', '\v', '\f':
		s.feed()
	case '\r':
		s.x, s.wrap = 0, false
	case 0x0e, 0x0f:
		s.shift = int(0x0f - c)
	}
}

func (s *Screen) escape(c byte) {
	q := &s.seq
	q.state = ground
	switch c {
	case '[':
		q.state = csi
	case ']':
		q.state = osc
	case 'P', 'X', '^', '_':
		q.state = text
	case '(', ')', '*', '+', '-', '.':
		q.state, q.inter = charset, c
	case '#', '%', ' ':
		q.state = skipOne
	case '7':
		s.saved = s.cursor
	case '8':
		s.restore()
	case 'D':
		s.feed()
	case 'E':
		s.x = 0
		s.feed()
	case 'M':
		s.wrap = false
		if s.y == s.top {
			s.down(s.top, s.bot, 1)
		} else {
			s.y = max(s.y-1, 0)
		}
	case 'H':
		s.setTab(s.x, true)
	case 'c':
		s.reset()
	}
}

func (s *Screen) restore() {
	s.cursor = s.saved
	s.x, s.y = clamp(s.x, 0, s.cols-1), clamp(s.y, 0, s.rows-1)
}

func (s *Screen) setTab(x int, on bool) {
	if s.tabs == nil {
		s.tabs = map[int]bool{}
	}
	s.tabs[x] = on != (x%8 == 0)
}

// inString takes a byte of an OSC or another string: up to BEL, or ESC \.
func (s *Screen) inString(c byte) {
	q := &s.seq
	switch {
	case q.esc && c != '\\':
		*q = sequence{state: escape}
		s.byte(c)
	case c == 0x1b:
		q.esc = true
	case c == '\a', q.esc:
		if q.state == osc && len(q.str) > 1 && q.str[1] == ';' && (q.str[0] == '0' || q.str[0] == '2') {
			s.dev.Title(string(q.str[2:]))
		}
		*q = sequence{}
	case c == 0x18, c == 0x1a:
		*q = sequence{}
	case len(q.str) < mostString:
		q.str = append(q.str, c)
	}
}

func (s *Screen) inCSI(c byte) {
	q := &s.seq
	switch {
	case '0' <= c && c <= '9':
		if !q.given {
			q.params, q.given = append(q.params, 0), true
		}
		p := &q.params[len(q.params)-1]
		*p = min(*p*10+int(c-'0'), mostParam)
	case c == ';' || c == ':':
		if !q.given {
			q.params = append(q.params, -1)
		}
		q.given = false
		if len(q.params) > mostParams {
			q.params = q.params[:mostParams]
		}
	case '<' <= c && c <= '?':
		q.private = c
	case c < '0':
		q.inter = c
	default:
		q.state = ground
		if q.inter == 0 && (q.private == 0 || q.private == '?') {
			s.dispatch(c)
		}
	}
}

// param is parameter i, or what it is when it is left out.
func (s *Screen) param(i, usual int) int {
	if i < len(s.seq.params) && s.seq.params[i] >= 0 {
		return s.seq.params[i]
	}
	return usual
}

// count is a parameter of which 0 means 1.
func (s *Screen) count() int { return max(s.param(0, 1), 1) }

func (s *Screen) dispatch(c byte) {
	if s.seq.private == '?' {
		switch c {
		case 'h', 'l':
			for _, n := range s.seq.params {
				s.private(n, c == 'h')
			}
		case 'J', 'K':
			s.dispatchErase(c)
		}
		return
	}
	n := s.count()
	y := s.y
	if s.origin {
		y -= s.top
	}
	switch c {
	case 'A', 'F':
		lo := 0
		if s.y >= s.top {
			lo = s.top
		}
		s.y, s.wrap = max(s.y-n, lo), false
	case 'B', 'E', 'e':
		hi := s.rows - 1
		if s.y <= s.bot {
			hi = s.bot
		}
		s.y, s.wrap = min(s.y+n, hi), false
	case 'C', 'a':
		s.x, s.wrap = min(s.x+n, s.cols-1), false
	case 'D':
		s.x, s.wrap = max(s.x-n, 0), false
	case 'G', '`':
		s.x, s.wrap = clamp(n-1, 0, s.cols-1), false
	case 'H', 'f':
		s.place(max(s.param(1, 1), 1)-1, n-1)
	case 'd':
		s.place(s.x, n-1)
	case 'I':
		s.tab(n)
	case 'Z':
		s.tab(-n)
	case 'J', 'K':
		s.dispatchErase(c)
	case 'L', 'M':
		if s.y < s.top || s.y > s.bot {
			break
		}
		if c == 'L' {
			s.down(s.y, s.bot, n)
		} else if s.y == 0 && s.bot == s.rows-1 {
			// Not a scroll: nothing is kept above the window.
			alt := s.alt
			s.alt = true
			s.up(s.y, s.bot, n)
			s.alt = alt
		} else {
			s.up(s.y, s.bot, n)
		}
		s.x, s.wrap = 0, false
	case 'P':
		s.shiftLeft(n)
	case '@':
		s.shiftRight(n)
	case 'X':
		s.clear(s.y, s.x, s.y, min(s.x+n, s.cols))
	case 'S':
		s.up(s.top, s.bot, n)
	case 'T':
		s.down(s.top, s.bot, n)
	case 'b':
		for range min(n, s.cols*s.rows) {
			if s.last != 0 {
				s.print(s.last)
			}
		}
	case 'm':
		s.colours()
	case 'r':
		top, bot := n-1, s.param(1, s.rows)-1
		if bot < 0 || bot >= s.rows {
			bot = s.rows - 1
		}
		if top < bot {
			s.top, s.bot = top, bot
			s.place(0, 0)
		}
	case 's':
		s.saved = s.cursor
	case 'u':
		s.restore()
	case 'h', 'l':
		if s.param(0, 0) == 4 {
			s.insert = c == 'h'
		}
	case 'g':
		switch s.param(0, 0) {
		case 0:
			s.setTab(s.x, false)
		case 3:
			for x := range s.cols {
				s.setTab(x, false)
			}
		}
	case 'n':
		switch s.param(0, 0) {
		case 5:
			s.dev.Reply("\x1b[0n")
		case 6:
			s.dev.Reply(fmt.Sprintf("\x1b[%d;%dR", y+1, s.x+1))
		}
	case 'c':
		if s.param(0, 0) == 0 {
			s.dev.Reply("\x1b[?1;2c") // VT100 with advanced video
		}
	}
	if c == 'E' || c == 'F' {
		s.x = 0
	}
}

// place is CUP: within the scrolling region where the program wants that.
func (s *Screen) place(x, y int) {
	if s.origin {
		y += s.top
	}
	s.move(x, y)
}

func (s *Screen) dispatchErase(c byte) {
	row := c == 'K'
	switch s.param(0, 0) {
	case 0:
		end := s.rows
		if row {
			end = s.y + 1
		}
		s.clear(s.y, s.x, end, 0)
	case 1:
		from := 0
		if row {
			from = s.y
		}
		s.clear(from, 0, s.y, s.x+1)
	case 2:
		if row {
			s.clear(s.y, 0, s.y+1, 0)
		} else {
			s.clear(0, 0, s.rows, 0)
		}
	}
}

// private sets one of DEC's or xterm's modes.
func (s *Screen) private(mode int, on bool) {
	switch mode {
	case 1:
		s.dev.Application(on)
	case 6:
		s.origin = on
		s.place(0, 0)
	case 7:
		s.noWrap = !on
	case 25:
		s.hide = !on
	case 47, 1047:
		s.alternate(on)
	case 1048, 1049:
		if on {
			s.saved = s.cursor
		}
		if mode == 1049 {
			s.alternate(on)
		}
		if !on {
			s.restore()
		}
	}
}

// colours is SGR.
func (s *Screen) colours() {
	p := s.seq.params
	if len(p) == 0 {
		p = []int{0}
	}
	st := &s.style
	for i := 0; i < len(p); i++ {
		switch n := max(p[i], 0); {
		case n == 0:
			*st = style{fg: -1, bg: -1}
		case n == 1:
			st.bold = true
		case n == 4:
			st.underline = true
		case n == 7:
			st.reverse = true
		case n == 8:
			st.hidden = true
		case n == 21, n == 22:
			st.bold = false
		case n == 24:
			st.underline = false
		case n == 27:
			st.reverse = false
		case n == 28:
			st.hidden = false
		case n >= 30 && n <= 37:
			st.fg = int8(n - 30)
		case n >= 40 && n <= 47:
			st.bg = int8(n - 40)
		case n >= 90 && n <= 97:
			st.fg = int8(n - 90 + 8)
		case n >= 100 && n <= 107:
			st.bg = int8(n - 100 + 8)
		case n == 39:
			st.fg = -1
		case n == 49:
			st.bg = -1
		case n == 38, n == 48:
			c, used := extended(p[i+1:])
			i += used
			if n == 38 {
				st.fg = c
			} else {
				st.bg = c
			}
		}
	}
}

// extended reads 5;n or 2;r;g;b and tells the nearest of the 16 colours.
func extended(p []int) (c int8, used int) {
	switch {
	case len(p) >= 2 && p[0] == 5:
		n := clamp(p[1], 0, 255)
		switch {
		case n < 16:
			return int8(n), 2
		case n < 232:
			n -= 16
			level := func(v int) int { return v * 51 }
			return nearest(level(n/36), level(n/6%6), level(n%6)), 2
		}
		g := 8 + (n-232)*10
		return nearest(g, g, g), 2
	case len(p) >= 4 && p[0] == 2:
		return nearest(p[1], p[2], p[3]), 4
	}
	return -1, len(p)
}

// nearest compares with the usual palette: halves, and full for the intense.
func nearest(r, g, b int) int8 {
	best, c := 1<<30, int8(0)
	for i := range 16 {
		full := 128
		if i >= 8 {
			full = 255
		}
		part := func(bit int) int {
			if i&bit != 0 {
				return full
			}
			return 0
		}
		pr, pg, pb := part(1), part(2), part(4)
		switch i {
		case 7:
			pr, pg, pb = 192, 192, 192
		case 8:
			pr, pg, pb = 128, 128, 128
		}
		if d := (r-pr)*(r-pr) + (g-pg)*(g-pg) + (b-pb)*(b-pb); d < best {
			best, c = d, int8(i)
		}
	}
	return c
}
