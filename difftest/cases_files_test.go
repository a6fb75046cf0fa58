//go:build linux

package difftest

import "testing"

// made are steps that fill a folder with what the guest makes itself, then
// more of them.
func made(more ...string) []string {
	return append([]string{"cp a.txt t/one", "cp b.txt t/two", "chmod 400 t/two", "cp run.sh t/d/run", "ln -s one t/soft", "ln t/one t/hard", "ln -s ../d t/d/up"}, more...)
}

// fileApplets are busybox applets on files: what they do together more than
// what each can do.
var fileApplets = []Case{
	{Cmd: "mkdir -p t/d", Name: "find_by_mode", Then: made("find t -perm 400", "find t -perm -600 -type f", "find t -perm /022", "find t -type l", "find t -links +1 -type f", "find -L t -type l"), Opt: SortLines, Reason: order},
	{Cmd: "find . -perm 644", Opt: SortLines, Reason: order},
	{Cmd: "find . -mtime +30 -name '*.txt'", Opt: SortLines, Reason: order},
	{Cmd: "find . -type f -name 'a*' -print0"},
	{Cmd: "find dir -depth", Opt: SortLines, Reason: order},
	{Cmd: "ls -laR", Opt: MaskDirs, Reason: "directories' sizes and link counts differ between Linux file systems too"},
	{Cmd: "ls -lt a.txt data.bin"},
	{Cmd: "ls -A -p"},
	{Cmd: "mkdir -p t/d", Name: "cp_-r_of_links", Then: made("cp -r t copy", "ls -1F copy/d copy", "cat copy/d/up/run"), Opt: SortLines | MaskDirs, Reason: order},
	{Cmd: "mkdir -p t/d", Name: "cp_-a_of_links", Then: made("cp -a t copy", "stat -c '%n %a %h %F' copy/one copy/two copy/hard copy/soft copy/d/run", "readlink copy/d/up")},
	{Cmd: "mkdir -p t/d", Name: "cp_makes_links", Then: made("cp -s a.txt soft2", "cp -l a.txt hard2", "cp -L t/soft copied", "cp -P t/soft kept", "readlink kept", "stat -c %h a.txt", "cat copied soft2")},
	{Cmd: "cp -u a.txt b.txt"},
	{Cmd: "cp -p a.txt new.txt", Opt: Mtimes},
	{Cmd: "cp a.txt a.txt"},
	{Cmd: "cp a.txt dir/../copy.txt"},
	{Cmd: "mkdir -p t/d", Name: "mv_across_folders", Then: made("mv t/d hollow", "mv t hollow/d/sub", "mv hollow moved", "find moved", "mv moved moved/d", "cat moved/d/sub/soft moved/d/up/run"), Opt: SortLines, Reason: order},
	{Cmd: "mv -n a.txt b.txt"},
	{Cmd: "mv dir hollow"},
	{Cmd: "mv a.txt hollow/", Opt: Mtimes},
	{Cmd: "mv a.txt hollow/missing/"},
	{Cmd: "mv hollow dir/sub/../back"},
	{Cmd: "mkdir -p t/d", Name: "tar_of_links", Then: made("tar cf t.tar t/d t/one t/two t/hard t/soft", "tar tf t.tar", "tar xf t.tar -C hollow", "stat -c '%n %a %h %F' hollow/t/one hollow/t/two hollow/t/hard hollow/t/soft hollow/t/d/run", "readlink hollow/t/d/up", "rm t.tar"), Opt: SortLines, Reason: order},
	{Cmd: "tar cf t.tar dir hollow", Then: []string{"tar xf t.tar -C hollow", "rm t.tar"}, Opt: Mtimes},
	{Cmd: "tar cOf - a.txt b.txt", Name: "tar_to_a_pipe"},
	{Cmd: "sort -o a.txt -r a.txt"},
	{Cmd: "sort -c numbers.txt"},
	{Cmd: "cp -r dir other", Then: []string{"rm other/sub/../sub/missing", "diff -r dir other", "touch other/new", "diff -r dir other"}},
	{Cmd: "diff -rq dir hollow"},
	{Cmd: "sed -i.bak '2d' a.txt b.txt"},
	{Cmd: "sed -i 's/a/b/' readonly.txt"},
	{Cmd: "sed -n 'w dir/copy.txt' text.txt"},
	{Cmd: `awk '{print NR": "$0 > "out-" (NR%2); print >> "dir/all"} END{close("out-0"); while((getline l < "out-0")>0) print "got", l; print "x" > "/dev/stderr"}' a.txt`},
	{Cmd: `awk 'BEGIN{while(("cat a.txt" | getline l)>0) print l; print ENVIRON["HOME"]; getline < "missing"; printf "%s", "end" > "last"}'`, Known: "second process"},
	{Cmd: "dd if=a.txt of=b.txt bs=1 seek=3 count=4 conv=notrunc", Opt: NoStderr, Reason: "it tells the speed"},
	{Cmd: "dd if=a.txt of=new bs=4 seek=1000 count=2", Opt: NoStderr, Reason: "as above"},
	{Cmd: "dd if=/dev/zero of=new bs=1k count=64 conv=fsync", Opt: NoStderr, Reason: "as above"},
	{Cmd: "dd if=a.txt of=new bs=5 conv=sync,ucase", Opt: NoStderr, Reason: "as above"},
	{Cmd: "dd of=new bs=7 iflag=fullblock", Stdin: Noise(1000), Opt: NoStderr, Reason: "as above"},
	{Cmd: "truncate -s +10 a.txt", Then: []string{"truncate -s -3 b.txt", "truncate -c -s 5 missing", "truncate -s 0 readonly.txt", "wc -c a.txt b.txt"}},
	{Cmd: "truncate -s 5000000000 huge", Then: []string{"stat -c %s huge", "tail -c 3 huge", "rm huge"}},
	{Cmd: "mkdir -p t/d", Name: "ln_-f", Then: made("ln -sf two t/soft", "readlink t/soft", "ln -f t/two t/hard", "stat -c %h t/two t/one", "ln t/missing x", "ln t x", "ln -s x t", "ln -sn dir t/soft", "ln -sfn dir t/soft", "ls -1F t", "stat -c '%N %h' t/one t/two t/hard t/soft t/x"), Opt: MaskDirs | SortLines, Reason: order},
	{Cmd: "mkdir -p t/d", Name: "readlink_-f", Then: made("readlink -f t/soft", "readlink -f t/d/../soft", "readlink -f t/missing", "readlink -f t/no/missing", "realpath t/soft t/d/up/up/up/run", "readlink t/d", "cat t/d/up/up/../soft")},
	{Cmd: "ln -s b a", Name: "links_in_circles", Then: []string{"ln -s a b", "cat a", "stat -c %N a", "readlink -f a", "mkdir -p d/e", "ln -s ../.. d/e/up", "cat d/e/up/a.txt", "sh -c 'cd d/e/up; pwd; pwd -P; cd d/e/up/d; pwd -P'", "ls d/e/up/d", "test -e a", "test -L a", "find a -follow", "rm a b"}, Opt: MaskDirs | SortLines, Reason: order},
	{Cmd: "ln -s dir way", Name: "rm_of_a_link_to_a_folder", Then: []string{"sh -c 'echo new >way/new'", "ls way/", "rmdir way", "rm -r way", "ls dir", "ln -s dir way", "rm -r way/", "ls dir way"}},
	{Cmd: "touch -r data.bin -c a.txt missing", Opt: Mtimes},
	{Cmd: "touch -t 203801190314.08 a.txt", Opt: Mtimes},
	{Cmd: "touch -d @1 a.txt", Then: []string{"stat -c %Y a.txt", "ls -l --full-time a.txt"}, Opt: Mtimes},
	{Cmd: "touch -m -d '1999-12-31 23:59:59' dir", Then: []string{"stat -c '%Y' dir"}},
	{Cmd: "touch dir/", Opt: NoStderr, Reason: "as on Linux it works"},
	{Cmd: "touch a.txt/x"},
	{Cmd: "mkdir -p t/d", Name: "stat_of_links", Then: made("stat -c '%A %h %u %g %s' t/one t/two t/d/run t/soft", "stat -c %N t/soft", "stat -L -c %F t/soft t/d/up")},
	{Cmd: "stat -c '%t %T %F' /dev/null"},
	{Cmd: "du -b a.txt data.bin", Opt: NoStderr, Reason: "some builds lack -b"},
	{Cmd: "cmp -l a.txt b.txt"},
	{Cmd: "cmp -s a.txt missing"},
	{Cmd: "cmp a.txt -", Stdin: Text("alpha\nbeta\ngamma\ndelta\n")},
	{Cmd: "tail -c 10 data.bin", Name: "tail_-c"},
	{Cmd: "tail -n 3", Stdin: From("text.txt"), Name: "tail_of_standard_input"},
	{Cmd: "tail -c +5", Stdin: From("a.txt"), Name: "tail_from_an_offset_of_standard_input"},
	{Cmd: "head -n -1 a.txt"},
	{Cmd: "uniq -d dup.txt"},
	{Cmd: "uniq -u", Stdin: Text("a\na\nb\n")},
	{Cmd: "mktemp -d hollow/XXXXXX", Opt: IgnoreFiles, Reason: "the name is random", Stdout: "name", Then: []string{"wc -c name", "find hollow -mindepth 1 -perm 700 -type d -name nothing"}},
	{Cmd: "mktemp -q missing/XXXXXX"},
	{Cmd: "sh -c 'set -C; echo a >new; echo b >new; echo $?; read x <new; echo $x; echo c >|new; read x <new; echo $x; : >new; test -s new; echo $?'"},
	{Cmd: "sh -c 'exec 3<>new; echo abc >&3; read x <&3; echo [$x]; exec 4<new; read y <&4; echo [$y]; echo more >&3; read z <&4; echo [$z]; exec 5>>new; echo end >&5; read z <&4; echo [$z]; exec 4<&-; read z <&4'", Then: []string{"cat new"}},
	{Cmd: "sh -c 'cd dir/sub; pwd; cd ../..; cd dir//sub/./..; pwd; cd a.txt; cd missing; echo $PWD; cd /; pwd; cd -; cd ..; pwd'"},
	{Cmd: "sh -c 'umask 077; echo x >n; umask 0; echo x >o; umask 777; echo x >p; umask; read x <p; echo y >p'", Then: []string{"stat -c %a o p", "rm -f p"}, Opt: IgnoreFiles, Reason: "the host has no mode for what nobody may do"},
	{Cmd: "sh -c 'test -w readonly.txt; echo $?; test -r a.txt; echo $?; echo x >readonly.txt; echo x >>readonly.txt; read x <readonly.txt; echo $x; : <>readonly.txt'", Then: []string{"chmod +w readonly.txt", "sh -c 'echo x >readonly.txt'", "chmod 0 a.txt", "cat a.txt", "rm -f a.txt", "ls a.txt"}},
	{Cmd: "sh -c 'while read a b; do echo \"$b|$a\"; done'", Stdin: Text("one two three\nfour\n\nlast line")},
	{Cmd: "sh -c 'read -t 2 a; echo $a; read -n 3 b; echo $b; read c; echo $c'", Stdin: Text("one\ntwothree\n")},
	{Cmd: "sh -c 'read a; echo $a; exec 3<&0; read b <&3; read c; echo $c-$b'", Stdin: From("a.txt"), Name: "sh_shares_standard_input"},
	{Cmd: "sh -c 'echo /dev/std*; test -c /dev/null; echo $?; read x </dev/fd/0; echo $x'", Stdin: From("a.txt")},
	{Cmd: "rm -r dir/sub/.. .", Opt: NoStderr, Reason: "the message is busybox's own business"},
	{Cmd: "rm -rf dir missing hollow/"},
	{Cmd: "rmdir -p dir/sub"},
	{Cmd: "mkdir -m 700 made", Then: []string{"stat -c %a made", "mkdir made/", "mkdir new/", "rmdir made/"}},
	{Cmd: "unlink a.txt", Then: []string{"unlink dir", "unlink missing"}},
	{Cmd: "link a.txt linked", Then: []string{"link a.txt b.txt", "link dir x", "stat -c %h linked"}},
	{Cmd: "tee -a out", Stdin: Noise(300000), Opt: LargeOutput},
	{Cmd: "ar rc lib.a a.txt b.txt", Then: []string{"ar t lib.a", "ar p lib.a b.txt"}, Opt: IgnoreFiles, Reason: "times are in the archive"},
	{Cmd: "fallocate -l 10000 new", Then: []string{"stat -c %s new"}},
	{Cmd: "mknod pipe p", Opt: NoStderr, Known: "host feature: no named pipes"},
	{Cmd: "chmod -R a-w dir/sub", Then: []string{"stat -c %a dir/sub/deep.txt", "chmod -R u+w dir/sub"}},
	{Cmd: "chown 1000:1000 a.txt", Then: []string{"chown 0 a.txt", "chgrp 1000 b.txt"}},
	{Prog: glibc("waiting.c"), Stdin: Text("a few words\nof input\n")},
	{Prog: musl("waiting.c"), Stdin: Text("")},
	{Prog: glibc("waiting.c"), Stdin: Noise(100000), Name: "waiting_for_much"},
	{Prog: musl("waiting.c"), Name: "waiting_for_nothing"},
}

// callParts are the parts of file_calls.c.
var callParts = []string{"temporary", "space", "vectors", "copies", "advice", "names", "resolving", "times", "modes", "behind", "spelling", "limits", "folders", "odds"}

func TestFileCalls(t *testing.T) {
	var cases []Case
	for _, part := range callParts {
		cases = append(cases, Case{Prog: glibc("file_calls.c"), Cmd: part, Files: NoFiles})
	}
	table(t, cases)
}

func TestFiles(t *testing.T) { table(t, fileApplets) }
