//go:build linux

package difftest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostNames makes names that every host can hold, and that a program may read
// as something else.
func hostNames(dir string) error {
	for _, name := range []string{
		"größe", "日本語", "😀", "with blank", " first", "-dash", "a+b=c,d;e", "{x}[y](z)", "$HOME", "%TEMP%", "#!@&'`^~", ".hidden", "..two",
		"LONGFI~1.TXT", "e\u0301", "é", strings.Repeat("n", 255), strings.Repeat("日", 85),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// deepPath is a path of 18 folders of 200 bytes.
var deepPath = strings.TrimSuffix(strings.Repeat(strings.Repeat("deep-", 40)+"/", 18), "/")

const substitutes = "the host's names have a substitute for each character that Windows refuses"

// nameCases are names of files: by a program that does everything with each of
// them, and by applets. Names that the host can hold are compared on the host too.
var nameCases = []Case{
	{Prog: glibc("names.c"), Cmd: "refused", Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Prog: glibc("names.c"), Cmd: "dots", Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Prog: glibc("names.c"), Cmd: "devices", Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Prog: glibc("names.c"), Cmd: "controls", Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Prog: glibc("names.c"), Cmd: "bytes", Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Prog: glibc("names.c"), Cmd: "longest", Files: NoFiles},
	{Prog: glibc("names.c"), Cmd: "deep", Files: NoFiles, Name: "deep", Opt: IgnoreFiles, Reason: "the folders' names depend on the room that the case's folder leaves"},
	{Prog: glibc("names.c"), Cmd: "plain", Files: NoFiles, Then: []string{"list"}},
	{Prog: glibc("names.c"), Cmd: "list", Files: hostNames},
	{Prog: glibc("names.c"), Cmd: "pairs", Files: NoFiles, Known: "host feature: Wine has no case-sensitive directories"},

	{Cmd: "touch a:b c?d e*f", Args: []string{`g"h`, "i<j>k", "l|m", `n\o`}, Name: "ls_of_refused_names", Then: []string{"ls -1", "ls -aF", "ls a:b c?d", "stat -c %n i<j>k"}, Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Cmd: "mkdir -p d:1/con d:1/trailing. 'd:1/blank '", Name: "find_of_refused_names", Then: []string{"touch d:1/con/nul d:1/trailing./aux.txt 'd:1/blank /x?y'", "find d:1", "find . -name '*:*' -o -name 'aux*'", "find . -name '*[?]*' -print0", "find d:1 -type f -delete", "ls -aR"}, Files: NoFiles, Opt: SortLines | IgnoreFiles, Reason: substitutes},
	{Cmd: "mkdir a:b c:d", Name: "mv_of_refused_names", Then: []string{"touch a:b/one? a:b/com1 'a:b/x. '", "mv a:b/one? a:b/com1 c:d", "ls a:b c:d", "mv c:d 'e*f. '", "mv 'e*f. /one?' plain", "ls . 'e*f. ' a:b", "cat plain"}, Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Cmd: "mkdir -p s:rc 's:rc/in '", Name: "cp_of_refused_names", Then: []string{"sh -c 'echo one >s:rc/a?; echo two >s:rc/prn; echo three >\"s:rc/dot.\"; echo four >\"s:rc/in /con.x\"'", "cp -a s:rc dst*", "ls -R dst*", "cat dst*/a? dst*/prn dst*/dot. 'dst*/in /con.x'", "diff -r s:rc dst*", "rm -r s:rc dst*/prn", "ls -R"}, Files: NoFiles, Opt: IgnoreFiles, Reason: substitutes},
	{Cmd: "mkdir t:d", Name: "tar_of_refused_names", Then: []string{"sh -c 'echo one >\"t:d/a?b\"; echo two >t:d/nul; echo three >\"t:d/dot. \"; echo four >\"t:d/back\\\\slash\"'", "tar cf x.tar t:d", "tar tf x.tar", "rm -r t:d", "ls", "tar xvf x.tar", "sh -c 'cd t:d; for f in *; do read l <\"$f\"; echo \"[$f] $l\"; done'"}, Files: NoFiles, Opt: IgnoreFiles | SortLines, Reason: substitutes},
	{Cmd: "ls -1", Name: "ls_of_host's_names", Files: hostNames},
	{Cmd: "find . -type f", Name: "find_of_host's_names", Files: hostNames, Opt: SortLines, Reason: order},
	{Cmd: "mkdir copy", Name: "host's_names_moved_and_copied", Then: []string{"cp größe 日本語 copy", "mv 😀 copy", "rm -- -dash LONGFI~1.TXT", "tar cf copy/x.tar größe 'with blank' e\u0301 é", "tar tf copy/x.tar", "rm copy/x.tar", "ls copy"}, Files: hostNames},
	{Cmd: "sh -c 'for f in *; do echo \"$f\"; done; echo *~1*; test -e longfi~2.txt; echo $?; test -e \"größe\" && echo yes'", Name: "sh_and_host's_names", Files: hostNames},
	{Cmd: "mkdir -p", Args: []string{deepPath}, Name: "deep_folders", Then: []string{
		"touch " + deepPath + "/leaf", "sh -c 'cd " + deepPath + "; echo deep >leaf; test ${#PWD} -gt 3600; echo $?; echo *; cd ../..; echo *'", "find . -type f -name leaf", "find . -type d",
		"cat " + deepPath + "/leaf", "mv " + deepPath + "/leaf up", "cp -r " + deepPath[:200] + " copy", "rm -r " + deepPath[:200],
	}, Files: NoFiles},
}

func TestNames(t *testing.T) { table(t, nameCases) }
