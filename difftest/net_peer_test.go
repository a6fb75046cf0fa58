//go:build linux

package difftest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bee/internal/winetest"
)

// guestNetwork starts busybox as a guest under the guard.
func guestNetwork(t *testing.T, a Arch, dir string, args ...string) (cmd *exec.Cmd, report string) {
	t.Helper()
	wine := winetest.Require(t)
	runner := winetest.File(t, map[Arch]string{I386: "windows-386", AMD64: "windows-amd64"}[a]+"/beerun.exe")
	guest := filepath.Join(dir, "busybox")
	out, err := exec.Command(winetest.File(t, "linux/beerewrite"), "-o", guest, winetest.File(t, "thirdparty/busybox-static-"+a.String()+"/bin/busybox")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	report = filepath.Join(dir, "killed")
	cmd = wine.Guarded(ctx, report, runner, append([]string{guest}, args...)...)
	cmd.Dir = dir
	return cmd, report
}

func unkilled(t *testing.T, report string) {
	t.Helper()
	if lines, err := winetest.Killed(report); err != nil || len(lines) > 0 {
		t.Errorf("the guard: %v %q", err, lines)
	}
}

// busybox wget as a guest fetches what a native server has.
func TestGuestWget(t *testing.T) {
	want := make([]byte, 3<<20+17)
	_, _ = newNoise(7).Read(want)
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(want) })}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	for _, a := range []Arch{I386, AMD64} {
		t.Run(a.String(), func(t *testing.T) {
			dir := t.TempDir()
			cmd, report := guestNetwork(t, a, dir, "wget", "-q", "-O", "got", fmt.Sprintf("http://%s/file", l.Addr()))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("wget: %v\n%s", err, out)
			}
			unkilled(t, report)
			got, err := os.ReadFile(filepath.Join(dir, "got"))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
			}
		})
	}
}

// busybox nc as a guest listens; a native program connects.
func TestGuestNc(t *testing.T) {
	for _, a := range []Arch{I386, AMD64} {
		t.Run(a.String(), func(t *testing.T) {
			dir := t.TempDir()
			_, port, _ := net.SplitHostPort(freeAddress(t))
			cmd, report := guestNetwork(t, a, dir, "nc", "-l", "-p", port)
			cmd.Stdin = strings.NewReader("from the guest\n")
			var out bytes.Buffer
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var (
				c   net.Conn
				err error
			)
			for range 300 { // until it listens
				if c, err = net.Dial("tcp4", "127.0.0.1:"+port); err == nil {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(c, "to the guest\n")
			_ = c.(*net.TCPConn).CloseWrite()
			got, err := io.ReadAll(c)
			if err != nil || string(got) != "from the guest\n" {
				t.Errorf("got %q, %v", got, err)
			}
			_ = c.Close()
			if err := cmd.Wait(); err != nil || out.String() != "to the guest\n" {
				t.Errorf("nc: %v, %q", err, out.String())
			}
			unkilled(t, report)
		})
	}
}
