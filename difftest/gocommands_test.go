//go:build linux

package difftest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goCommands are Go programs of others, at versions that stay.
var goCommands = []struct{ name, pkg, version string }{
	{"esbuild", "github.com/evanw/esbuild/cmd/esbuild", "v0.25.0"},
	{"fzf", "github.com/junegunn/fzf", "v0.60.0"},
}

// buildGoCommand leaves the program of that width below the build directory.
func (l *Lab) buildGoCommand(name, pkg, version string, a Arch) error {
	to := filepath.Join(l.store.build, "gocommands", a.String(), name)
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	dir, err := os.MkdirTemp("", "bee-gocommand-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	arch := map[Arch]string{I386: "386", AMD64: "amd64"}[a]
	for _, args := range [][]string{
		{"mod", "init", "command"}, {"get", pkg + "@" + version}, {"build", "-trimpath", "-o", to, pkg},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// TestGoCommands gives Go programs of others work to do. It downloads them, so
// it is for -gotests.
func TestGoCommands(t *testing.T) {
	if !*goTestsAll {
		t.Skip("only with -gotests")
	}
	for _, c := range goCommands {
		for _, w := range (Case{}).widths() {
			if err := lab.buildGoCommand(c.name, c.pkg, c.version, w.guest); err != nil {
				t.Fatal(err)
			}
		}
	}
	var script, numbers strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&script, "export function f%d(a: number, b?: string): string { const {x, ...r} = {x: a, y: b, z: [1, %d]}; return `${x ?? %d} ${JSON.stringify(r)}` }\n", i, i, i)
		fmt.Fprintln(&numbers, i*37)
	}
	esbuild := Program{Path: "gocommands/ARCH/esbuild", Argv0: "esbuild"}
	fzf := Program{Path: "gocommands/ARCH/fzf", Argv0: "fzf"}
	table(t, []Case{
		{Name: "esbuild", Prog: esbuild, Cmd: "--loader=ts --minify --target=es2015 --sourcemap=inline", Stdin: Text(script.String())},
		{Name: "esbuild-error", Prog: esbuild, Cmd: "--loader=ts", Stdin: Text("let a: = 1\n")},
		{Name: "fzf", Prog: fzf, Cmd: "--filter 777", Stdin: Text(numbers.String())},
	})
}
