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
	"sync"
	"testing"
	"time"

	"bee/internal/winetest"
)

// TestGoServer has Caddy, as a guest, serve 1,000 requests of a native client
// that holds 8 connections. It downloads Caddy, so it is for -gotests.
func TestGoServer(t *testing.T) {
	if !*goTestsAll {
		t.Skip("only with -gotests")
	}
	wine := winetest.Require(t)
	for _, a := range []Arch{I386, AMD64} {
		t.Run(a.String(), func(t *testing.T) {
			if err := lab.buildGoCommand("caddy", "github.com/caddyserver/caddy/v2/cmd/caddy", "v2.8.4", a); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			guest := filepath.Join(dir, "caddy")
			if out, err := exec.Command(winetest.File(t, "linux/beerewrite"), "-q", "-o", guest,
				winetest.File(t, "gocommands/"+a.String()+"/caddy")).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			files := servedFiles(t, filepath.Join(dir, "www"))
			address := freeAddress(t)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			report := filepath.Join(dir, "killed")
			runner := winetest.File(t, map[Arch]string{I386: "windows-386", AMD64: "windows-amd64"}[a]+"/beerun.exe")
			cmd := wine.Guarded(ctx, report, runner,
				"--env", "XDG_DATA_HOME=data", "--env", "XDG_CONFIG_HOME=config",
				guest, "file-server", "--listen", address, "--root", "www")
			cmd.Dir = dir
			var told bytes.Buffer
			cmd.Stderr = &told
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			err := requests("http://"+address, files, 1000, 8)
			cancel() // nothing else ends it
			_ = cmd.Wait()
			if err != nil {
				t.Errorf("%v\n%s", err, told.String())
			}
			unkilled(t, report)
		})
	}
}

// servedFiles writes 50 files of up to 150 kB.
func servedFiles(t *testing.T, dir string) [][]byte {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	files := make([][]byte, 50)
	noise := newNoise(11)
	for i := range files {
		files[i] = make([]byte, 1+3000*i)
		_, _ = noise.Read(files[i])
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), files[i], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// freeAddress is one that was free a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// requests fetches the files by name, n times in all, over so many connections,
// and compares what comes.
func requests(url string, files [][]byte, n, connections int) error {
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	get := func(i int) error {
		r, err := client.Get(fmt.Sprintf("%s/%d", url, i))
		if err != nil {
			return err
		}
		defer r.Body.Close()
		got, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK || !bytes.Equal(got, files[i]) {
			return fmt.Errorf("file %d: %s, %d bytes of %d, %v", i, r.Status, len(got), len(files[i]), err)
		}
		return nil
	}
	for range 300 { // until it listens
		if c, err := net.Dial("tcp4", url[len("http://"):]); err == nil {
			_ = c.Close()
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	var wg sync.WaitGroup
	errs := make(chan error, connections)
	for k := range connections {
		wg.Go(func() {
			for i := k; i < n; i += connections {
				if err := get(i % len(files)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
