package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCompatIsCurrent fails when a table has changed and `beegen compat` was
// not run.
func TestCompatIsCurrent(t *testing.T) {
	for name, want := range compatPages() {
		got, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("docs/%s is not current: run `go run ./cmd/beegen compat`", name)
		}
	}
}
