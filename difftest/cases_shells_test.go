//go:build linux

package difftest

import (
	"os"
	"path/filepath"
	"testing"
)

// script is a file of testdata/programs/shell, in a directory with the
// standard ones.
func script(name string) Files {
	return All(StandardFiles, func(dir string) error {
		text, err := os.ReadFile(filepath.Join(lab.Root, "testdata/programs/shell", name))
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o644)
	})
}

const lines = "one line\n1 2 3 4\nx,y,z\nback\\\nslash\nl1\n  l2 \n\nEND\nw1 r r\n\tw2\nlast"

// TestShells runs Debian's static shells on scripts that need no second
// process: the same ones for each shell, and what it alone can do. mksh comes
// with three C libraries, of which two are found nowhere else.
func TestShells(t *testing.T) {
	var cases []Case
	for _, sh := range []struct {
		name string
		prog Program
	}{{"bash", Bash}, {"zsh", Zsh}, {"mksh-musl", MkshMusl}, {"mksh-dietlibc", MkshDiet}, {"mksh-klibc", MkshKlibc}} {
		for _, name := range []string{"arithmetic", "arrays", "functions", "documents", "globbing", "strings", "reading", "traps"} {
			c := Case{Prog: sh.prog, Cmd: name + ".sh", Files: script(name + ".sh"), Name: sh.name + "_" + name}
			if name == "reading" {
				c.Stdin = Text(lines)
			}
			cases = append(cases, c)
		}
	}
	table(t, append(cases, shells...))
}

// shells is what one shell alone can do, and the ways to start it.
var shells = []Case{
	{Prog: Bash, Cmd: `-c 'declare -A m=([one]=1 [two]=2); m[three]=3; for k in one two three; do echo $k ${m[$k]}; done; [[ abc123 =~ ([a-z]+)([0-9]+) ]]; echo ${BASH_REMATCH[2]}; mapfile -t l <a.txt; echo ${#l[@]} ${l[-1]}; echo ${l[@]^^}; printf "%q %(%Y)T\n" "a b" 0'`, Name: "bash_alone"},
	{Prog: Bash, Cmd: "--posix -s first second", Stdin: Text("echo $0 $1 $2 $#\nexit 4\n"), Name: "bash_from_a_pipe"},
	{Prog: Bash, Cmd: "-c 'kill -TERM $$; echo never'", Opt: Fault, Name: "bash_kills_itself"},
	{Prog: Bash, Cmd: "-n broken.sh", Files: Txtar("-- broken.sh --\nif true; then\n  echo (\n"), Name: "bash_syntax_error"},
	{Prog: Zsh, Cmd: `-f -c 'typeset -A m; m=(one 1 two 2); print -r -- ${(ok)m} ${m[two]}; a=(3 1 2); print ${(on)a} ${(j:-:)a}; print -l **/*.c(N); print $((2.5 ** 3)) ${(U):-shout}; print -f "%s|%5.2f\n" pi 3.14159'`, Name: "zsh_alone"},
	{Prog: Zsh, Cmd: "-f", Stdin: Text("echo $((6*7))\nexit 5\n"), Name: "zsh_from_a_pipe"},
	{Prog: MkshMusl, Cmd: `-c 'nameref r=x; x=1; r=2; print $x; x=${|REPLY=funsub;}; print $x; print -r "a\\b"; set -A v 3 1 2; print ${v[*]} ${#v[*]}; print -n ${x:1:2}; print; exit 6'`, Name: "mksh_alone"},
}
