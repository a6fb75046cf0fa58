package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var callLists = filepath.Join("..", "..", "testdata", "calls")

// TestCompatIsCurrent fails when a table has changed and `beegen compat` was
// not run.
func TestCompatIsCurrent(t *testing.T) {
	for _, p := range compatPages() {
		want, err := p.text(callLists)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", p.file))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/%s is not current: run `go run ./cmd/beegen compat`", p.file)
		}
	}
}

// TestCompatCounts holds the number of calls that work and are proven.
func TestCompatCounts(t *testing.T) {
	atLeast := map[string]int{"compat-386.md": 250, "compat-amd64.md": 210}
	for _, p := range compatPages() {
		tests, err := readCallTests(filepath.Join(callLists, p.proofs))
		if err != nil {
			t.Fatal(err)
		}
		if full, partial := p.proven(tests); full+partial < atLeast[p.file] {
			t.Errorf("%s: %d calls in full, %d in part: at least %d are wanted", p.file, full, partial, atLeast[p.file])
		}
	}
}

// TestCompatNamesPrograms fails when a row names a test that is not there.
func TestCompatNamesPrograms(t *testing.T) {
	for _, p := range compatPages() {
		tests, err := readCallTests(filepath.Join(callLists, p.proofs))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range tests {
			if _, err := os.Stat(filepath.Join("..", "..", "testdata", "programs", c.test+".c")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestReadCallTests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("read call_files\nexit call_process it does not come back\n")
	got, err := readCallTests(path)
	if err != nil || len(got) != 2 || got["read"] != (callTest{test: "call_files"}) || got["exit"] != (callTest{"call_process", "it does not come back"}) {
		t.Errorf("%v, %v", got, err)
	}
	write("read\n")
	if _, err := readCallTests(path); err == nil || !strings.Contains(err.Error(), "NAME TEST") {
		t.Errorf("a line without a test: %v", err)
	}
}
