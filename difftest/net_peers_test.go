//go:build linux

package difftest

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exchanged is how much TestExchange sends each way.
var exchanged = flag.Int("exchange", 64, "megabytes that a guest and a native program send each other in TestExchange")

// client runs a program as a client of a port, and tells what it printed.
func client(t *testing.T, prog Program, f form, a Arch, limit time.Duration, args ...string) (string, error) {
	t.Helper()
	c := Case{Prog: prog, Opt: IgnoreFiles}
	dir, err := os.MkdirTemp(lab.work, "client-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	user := lab.owner
	if f == bee {
		user = nil
	}
	run := filepath.Join(dir, "run")
	if err := prepare(run, NoFiles, user); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	program, err := lab.program(prog, a, f)
	if err != nil {
		return "", err
	}
	s, err := lab.step(c, width{a, a}, f, program, args, Stdin{}, run, limit)
	if err != nil {
		return "", err
	}
	if s.guard != "" {
		return "", errors.New(s.guard)
	}
	return fmt.Sprintf("%s%s%s\n", s.stdout.head.String(), s.stderr.head.String(), s.status), nil
}

// sequence is what net_exchange.c sends and expects: xorshift, 32 bits.
type sequence uint32

func (s *sequence) fill(b []byte) {
	x := uint32(*s)
	for i := 0; i+4 <= len(b); i += 4 {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		binary.LittleEndian.PutUint32(b[i:], x)
	}
	*s = sequence(x)
}

// TestExchange: a guest and a native program send each other much at the same
// time; both compare every word.
func TestExchange(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	const piece = 1 << 16
	total := int64(*exchanged) << 20
	for _, a := range []Arch{I386, AMD64} {
		t.Run(a.String(), func(t *testing.T) {
			l, err := net.Listen("tcp4", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			start := time.Now()
			sums := make(chan error, 2)
			var sum uint32
			go func() {
				c, err := l.Accept()
				if err != nil {
					sums <- err
					sums <- nil
					return
				}
				go func() { sums <- give(c.(*net.TCPConn), total, piece, &sum) }()
				sums <- take(c, total, piece)
			}()
			limit := 2*time.Minute + time.Duration(*exchanged)*200*time.Millisecond
			out, err := client(t, Program{Source: "net_exchange.c"}, bee, a, limit, strconv.Itoa(l.Addr().(*net.TCPAddr).Port), strconv.Itoa(*exchanged))
			if err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			for range 2 {
				if err := <-sums; err != nil {
					t.Error(err)
				}
			}
			want := fmt.Sprintf("%d bytes came, 0 words wrong, sum %08x, then 0\nexited 0\n", total, sum)
			if out != want {
				t.Errorf("the guest says %q, want %q", out, want)
			}
			d := time.Since(start)
			t.Logf("%d MB each way in %.1f s, %.0f MB/s each way", *exchanged, d.Seconds(), float64(*exchanged)/d.Seconds())
		})
	}
}

// give sends the second sequence and ends; sum is what the guest is to find.
func give(c *net.TCPConn, total, piece int64, sum *uint32) error {
	b, seq := make([]byte, piece), sequence(2)
	for done := int64(0); done < total; done += piece {
		seq.fill(b)
		for i := 0; i < len(b); i += 4 {
			*sum = *sum*31 + binary.LittleEndian.Uint32(b[i:])
		}
		if _, err := c.Write(b); err != nil {
			return fmt.Errorf("sending, after %d bytes: %w", done, err)
		}
	}
	return c.CloseWrite()
}

// take receives the first sequence and the end behind it.
func take(c io.Reader, total, piece int64) error {
	want, got, seq := make([]byte, piece), make([]byte, piece), sequence(1)
	for done := int64(0); done < total; done += piece {
		if n, err := io.ReadFull(c, got); err != nil {
			return fmt.Errorf("receiving, after %d bytes: %w", done+int64(n), err)
		}
		seq.fill(want)
		if string(got) != string(want) {
			return fmt.Errorf("wrong bytes between %d and %d", done, done+piece)
		}
	}
	if n, err := c.Read(got); err != io.EOF {
		return fmt.Errorf("%d bytes behind the end, %v", n, err)
	}
	return nil
}

// peer is the other side of net_peers.c. What it says has to be the same for
// the native program and for the guest.
type peer struct {
	what string
	side func(c *net.TCPConn, l net.Listener) string
	// lost: Wine's server looks at connections that are watched, and now and then
	// takes the error of a reset away before the program asks: EPIPE in place of
	// ECONNRESET, or the error comes with the next call. That is told, and no failure.
	lost bool
}

func peers() []peer {
	resets := func(c *net.TCPConn, _ net.Listener) string {
		_, err := io.ReadFull(c, make([]byte, 2))
		_ = c.SetLinger(0)
		return fmt.Sprint(err)
	}
	return []peer{
		{what: "half", side: func(c *net.TCPConn, _ net.Listener) string {
			_, _ = c.Write(pattern(300000))
			_ = c.CloseWrite()
			return drained(c)
		}},
		{what: "half_full", side: func(c *net.TCPConn, l net.Listener) string {
			time.Sleep(200 * time.Millisecond) // the other side has filled all buffers
			_ = c.CloseWrite()
			time.Sleep(400 * time.Millisecond)
			n, err := io.Copy(io.Discard, c)
			told, err2 := l.Accept() // which says how much it was
			if err2 != nil {
				return err2.Error()
			}
			defer told.Close()
			want, _ := io.ReadAll(told)
			return fmt.Sprint(strconv.FormatInt(n, 10) == string(want), err)
		}},
		{what: "answer", side: func(c *net.TCPConn, _ net.Listener) string {
			got := drained(c)
			_, _ = c.Write(pattern(700000))
			return got
		}},
		{what: "reset", side: resets},
		{what: "reset_write", side: resets, lost: true},
		{what: "reset_asked", side: resets, lost: true},
		{what: "reset_waiting", side: func(c *net.TCPConn, _ net.Listener) string {
			got := resets(c, nil)
			time.Sleep(300 * time.Millisecond) // the other side waits
			return got
		}},
		{what: "unread", side: func(*net.TCPConn, net.Listener) string { // closed with unread bytes, which is a reset
			time.Sleep(100 * time.Millisecond)
			return ""
		}},
		{what: "slow", side: slowPeer},
		{what: "slow_poll", side: slowPeer},
		{what: "vanish", side: func(c *net.TCPConn, _ net.Listener) string {
			_, err := io.ReadFull(c, make([]byte, 500000))
			return fmt.Sprint(err)
		}},
		{what: "vanish_idle", side: func(c *net.TCPConn, _ net.Listener) string {
			_, err := io.ReadFull(c, make([]byte, 2))
			return fmt.Sprint(err)
		}},
	}
}

// slowPeer reads a little now and then, and then sends byte by byte.
func slowPeer(c *net.TCPConn, _ net.Listener) string {
	const size = 12000000 // more than the host keeps for anybody
	sum, n := uint32(0), 0
	for n < size {
		piece := make([]byte, 60000)
		k, err := io.ReadFull(c, piece[:min(len(piece), size-n)])
		if n += k; err != nil {
			return fmt.Sprint(n, err)
		}
		for _, x := range piece[:k] {
			sum = sum*31 + uint32(x)
		}
		time.Sleep(2 * time.Millisecond)
	}
	for i := range 700 {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			return fmt.Sprint(err)
		}
		if i%20 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
	return fmt.Sprintf("%d bytes, sum %08x", n, sum)
}

func pattern(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + i/251)
	}
	return b
}

// drained reads to the end and tells how much it was.
func drained(c io.Reader) string {
	b, err := io.ReadAll(c)
	return fmt.Sprint(len(b), string(b) == string(pattern(len(b))), err)
}

// TestPeers: half-closed, resetting, slow and vanishing peers are the same to
// the native program and to the guest.
func TestPeers(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	for _, p := range peers() {
		for _, a := range []Arch{I386, AMD64} {
			t.Run(p.what+"/"+a.String(), func(t *testing.T) {
				t.Parallel()
				want, got := p.meet(t, native, a), p.meet(t, bee, a)
				switch {
				case got == want:
				case p.lost && resetLost(got) == resetLost(want):
					t.Logf("Wine has lost the error of the reset:\n%s", indent(got))
				default:
					t.Errorf("got\n%s\nwant\n%s", indent(got), indent(want))
				}
			})
		}
	}
}

// resetLost makes alike what differs when a reset's error is lost.
func resetLost(s string) string {
	for _, pair := range [][2]string{
		{"= EPIPE\n", "= ECONNRESET\n"}, {"2 SIGPIPE", "1 SIGPIPE"}, {"error 1\n", "error 0\n"}, {"10) = ECONNRESET", "10) = 0"},
	} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	return s
}

func indent(s string) string { return "\t" + strings.ReplaceAll(s, "\n", "\n\t") }

// meet runs the client in a form and tells what both sides saw.
func (p peer) meet(t *testing.T, f form, a Arch) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_ = l.(*net.TCPListener).SetDeadline(time.Now().Add(time.Minute))
	side := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			side <- err.Error()
			return
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		side <- p.side(c.(*net.TCPConn), l)
	}()
	out, err := client(t, Program{Source: "net_peers.c"}, f, a, time.Minute, p.what, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	if err != nil {
		t.Fatalf("%s: %v", f, err)
	}
	return out + "the peer: " + <-side
}

// TestUnixElsewhere: a path of AF_UNIX that another beerun has bound cannot be
// reached, and the user is told so once.
func TestUnixElsewhere(t *testing.T) {
	if reason := lab.MissingWine(); reason != "" {
		t.Skip(reason)
	}
	prog := Program{Source: "net_unix.c"}
	program, err := lab.program(prog, AMD64, bee)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(lab.work, "elsewhere")
	if err := prepare(dir, NoFiles, nil); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	run := func(what string) (step, error) {
		// Each sees the folder under a name of its own, where its marks are.
		alias := dir + "-" + what
		if err := os.Symlink(dir, alias); err != nil {
			return step{}, err
		}
		defer func() {
			for _, name := range []string{alias, alias + ".mark", alias + ".guard"} {
				_ = os.Remove(name)
			}
		}()
		return lab.step(Case{Prog: prog}, width{AMD64, AMD64}, bee, program, []string{what}, Stdin{}, alias, time.Minute)
	}
	served := make(chan error)
	go func() {
		s, err := run("serve")
		if err == nil && s.status != "exited 0" {
			err = fmt.Errorf("%s: %s", s.status, s.stderr.head.String())
		}
		served <- err
	}()
	for range 300 {
		if _, err := os.Stat(filepath.Join(dir, "sock")); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond) // the path is made before it is bound
	s, err := run("call")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "stop"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if got := strings.Count(s.stdout.head.String(), "= ECONNREFUSED"); got != 2 {
		t.Errorf("the client says %q", s.stdout.head.String())
	}
	if got := s.stderr.head.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "sock is a socket of another program") {
		t.Errorf("the user was told %q", got)
	}
}
