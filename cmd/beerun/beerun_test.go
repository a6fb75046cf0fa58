package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bee/internal/winetest"
	"bee/rewrite"
)

// beerun runs the command under Wine, in dir.
func beerun(t *testing.T, dir string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return guarded(t, dir, winetest.File(t, "windows-386/beerun.exe"), args...)
}

// guarded runs a beerun.exe under Wine and the guard, in dir.
func guarded(t *testing.T, dir, exe string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	return winetest.Require(t).Run(t, dir, nil, exe, args...)
}

// compile makes a static program of a source of testdata/programs.
func compile(t *testing.T, dir, name, width string) string {
	t.Helper()
	elf := filepath.Join(dir, name)
	cmd := exec.Command("gcc", width, "-static", "-O2", "-o", elf, "../../testdata/programs/"+name+".c")
	if out, err := cmd.CombinedOutput(); err != nil {
		winetest.Missing(t, "gcc "+width+": "+err.Error()+"\n"+string(out))
	}
	return elf
}

// program compiles a source of testdata/programs for IA-32 and rewrites it.
func program(t *testing.T, dir, name string) string {
	t.Helper()
	winetest.Require(t)
	elf := compile(t, dir, name, "-m32")
	bee := name + ".bee"
	if _, err := rewrite.File(elf, filepath.Join(dir, bee), rewrite.Options{}); err != nil {
		t.Fatal(err)
	}
	return bee
}

// TestBadInput: one clear line that names the file, and the documented status.
func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	good, err := os.ReadFile(filepath.Join(dir, program(t, dir, "hello")))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o755); err != nil {
			t.Fatal(err)
		}
		return name
	}
	changed := func(at int, b byte) []byte {
		c := bytes.Clone(good)
		c[at] ^= b
		return c
	}
	end := len(good)
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"nothing.bee"}, 127, "nothing.bee: "},
		{[]string{"."}, 126, "directory"},
		{[]string{write("text", []byte("#!/bin/sh\n"))}, 126, "neither a .bee file nor a Linux program"},
		{[]string{write("empty", nil)}, 126, "neither a .bee file nor a Linux program"},
		{[]string{write("head.bee", good[:100])}, 126, "truncated"},
		{[]string{write("tail.bee", good[:end-7])}, 126, "tail is cut"},
		{[]string{write("text.bee", changed(0x2000, 1))}, 126, "digest"},
		{[]string{write("payload.bee", changed(end-100, 1))}, 126, "digest"},
		{[]string{write("version.bee", changed(end-52+8, 0x40))}, 126, "version"},
		{[]string{"--root", "nowhere", "hello.bee"}, 126, "nowhere"},
		{[]string{"--cwd", "/nowhere", "hello.bee"}, 126, "--cwd /nowhere"},
		{[]string{"--mount", "data", "hello.bee"}, 125, "GUEST=HOST"},
		{[]string{"--env", "=x", "hello.bee"}, 125, "NAME=VALUE"},
		{[]string{"--strace=all", "hello.bee"}, 125, "--strace=all"},
		{[]string{"--wrong"}, 125, "--wrong"},
		{nil, 125, "which program"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			stdout, stderr, status := beerun(t, dir, c.args...)
			if status != c.status || stdout != "" {
				t.Errorf("status %d, output %q; want %d and none", status, stdout, c.status)
			}
			if !strings.HasPrefix(stderr, "beerun: ") || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
				t.Errorf("message %q, want one line with %q", stderr, c.says)
			}
		})
	}
}

func TestRuns(t *testing.T) {
	dir := t.TempDir()
	bee := program(t, dir, "hello")
	program(t, dir, "input")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string
		says   string // on standard error
	}{
		{"plain ELF file, rewritten in memory", []string{"hello"}, 0, "hello, world\n", ""},
		{"status", []string{bee, "42"}, 42, "hello, world\n", ""},
		{"mark", []string{"--mark", "mark", bee, "7"}, 7, "hello, world\n", ""},
		{"strace", []string{"--strace", bee}, 0, "hello, world\n", `write(1, "hello, world\n", 13)`},
		{"strace, the end", []string{"--strace", bee, "3"}, 3, "hello, world\n", "+++ exited with 3 +++"},
		{"summary", []string{"--strace=summary", bee}, 0, "hello, world\n", "usecs/call"},
		{"flags behind the program are the program's", []string{bee, "--strace"}, 0, "hello, world\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, status := beerun(t, dir, c.args...)
			if stdout != c.out || status != c.status {
				t.Errorf("output %q, status %d; want %q, %d; standard error %q", stdout, status, c.out, c.status, stderr)
			}
			if c.says == "" && stderr != "" || !strings.Contains(stderr, c.says) {
				t.Errorf("standard error %q, want %q", stderr, c.says)
			}
		})
	}
	if mark, err := os.ReadFile(filepath.Join(dir, "mark")); err != nil || string(mark) != "exited 7\n" {
		t.Errorf("mark %q, %v", mark, err)
	}
	beerun(t, dir, "--mark", "mark", "nothing.bee")
	if mark, err := os.ReadFile(filepath.Join(dir, "mark")); err != nil || !strings.HasPrefix(string(mark), "runner 127 nothing.bee: ") {
		t.Errorf("no such program: mark %q, %v", mark, err)
	}
}

// TestDamagedCache: a rewritten program that was damaged in the cache is made
// anew, in the cache too.
func TestDamagedCache(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "hello")
	elf, err := os.ReadFile(filepath.Join(dir, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	elf = append(elf, dir...) // a program that was never in the cache
	if err := os.WriteFile(filepath.Join(dir, "hello"), elf, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func() {
		t.Helper()
		if stdout, stderr, status := beerun(t, dir, "hello"); stdout != "hello, world\n" || stderr != "" || status != 0 {
			t.Errorf("status %d, output %q, standard error %q", status, stdout, stderr)
		}
	}
	run()
	cached := ""
	all, err := filepath.Glob(filepath.Join(winetest.Build(), "wine/prefix/drive_c/users/*/AppData/Local/bee/program-*.bee"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if b, err := os.ReadFile(path); err == nil && bytes.HasPrefix(b, elf) {
			cached = path
		}
	}
	if cached == "" {
		t.Fatalf("not in the cache: %q", all)
	}
	t.Cleanup(func() { os.Remove(cached) })
	good, err := os.ReadFile(cached)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, good[:len(good)/2], make([]byte, len(good))} {
		if err := os.WriteFile(cached, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		run()
		if again, err := os.ReadFile(cached); err != nil || !bytes.Equal(again, good) {
			t.Errorf("the damaged file is not replaced: %d bytes, %v", len(again), err)
		}
	}
}

// TestNoSections: a program without usable section headers runs, as on Linux;
// the start of every glibc program has a site whose original bytes are asked for.
func TestNoSections(t *testing.T) {
	dir := t.TempDir()
	program(t, dir, "hello")
	elf, err := os.ReadFile(filepath.Join(dir, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	clear(elf[32:36]) // e_shoff, but not e_shnum
	if err := os.WriteFile(filepath.Join(dir, "bare"), elf, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(dir, "bare")).Output(); err != nil || string(out) != "hello, world\n" {
		t.Fatalf("native: %q, %v", out, err)
	}
	if stdout, stderr, status := beerun(t, dir, "bare"); stdout != "hello, world\n" || status != 0 {
		t.Errorf("status %d, output %q, standard error %q", status, stdout, stderr)
	}
}

// TestOwnFile: the program finds its own file, however Windows lets it be named.
func TestOwnFile(t *testing.T) {
	dir := t.TempDir()
	busybox := winetest.File(t, "thirdparty/busybox-static-i386/bin/busybox")
	if _, err := rewrite.File(busybox, filepath.Join(dir, "busybox.bee"), rewrite.Options{}); err != nil {
		t.Fatal(err)
	}
	native, err := exec.Command(busybox, "sha256sum", "/proc/self/exe").Output()
	if err != nil {
		t.Fatal(err)
	}
	rooted := strings.ReplaceAll(filepath.Join(dir, "busybox.bee"), "/", `\`)
	for _, path := range []string{"busybox.bee", `.\busybox.bee`, rooted, "Z:" + rooted, "Z:busybox.bee"} {
		stdout, stderr, status := beerun(t, dir, "--argv0", "busybox", path, "sha256sum", "/proc/self/exe")
		if stdout != string(native) || status != 0 {
			t.Errorf("%s: status %d, output %q, standard error %q; want %q", path, status, stdout, stderr, native)
		}
	}
}
