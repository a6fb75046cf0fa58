#!/usr/bin/env bash
# Shows Linux programs running on the Windows API. `make demo` has done the set-up and the build; every run under Wine goes through
# the guard, which kills a system call that leaves guest memory for the Linux kernel below.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BEE_BUILD:-$PWD/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '\n== %s\n' "$*"; }

# show COMMAND...: prints the command as a user would type it.
show() { printf '$ %s\n' "$(printf '%s ' "$@" | sed "s|$build/linux/||g; s|$build/thirdparty/||g; s|$work/||g; s|$PWD/||g")"; }

# beerun ARGS...: under Wine and the guard; the mark that the guest left decides.
beerun() {
	show beerun "$@"
	local status=0
	(cd "$work" && "$build/linux/guard" -o "$work/guard" "$build/wine/run" "$build/windows-386/beerun.exe" --mark mark "$@") || status=$?
	[ ! -s "$work/guard" ] || { echo "demo: a raw system call left the guest: $(cat "$work/guard")" >&2; exit 1; }
	grep -qx "exited $status" "$work/mark" || { echo "demo: the guest did not end by itself: $(cat "$work/mark")" >&2; exit 1; }
	return $status
}

# same FILE1 FILE2: the outputs of both sides.
same() { cmp -s "$1" "$2" || { echo "demo: Linux and Windows differ" >&2; diff "$1" "$2" >&2 || true; exit 1; }; }

step "busybox from Debian, a program that nobody here built (IA-32, static)"
busybox=$build/thirdparty/busybox-static-i386/bin/busybox
show beerewrite "$busybox" -o busybox.bee
"$build/linux/beerewrite" "$busybox" -o "$work/busybox.bee"

step "its sha256sum on Linux and on the Windows API"
cp README.md "$work/file.txt"
(cd "$work" && show busybox sha256sum file.txt && "$busybox" sha256sum file.txt | tee linux.out)
beerun busybox.bee sha256sum file.txt | tee "$work/windows.out"
tail -n +2 "$work/windows.out" >"$work/windows.txt"
same "$work/linux.out" "$work/windows.txt"

step "a C program, built here by gcc against glibc"
show gcc -m32 -static -O2 hello.c -o hello
gcc -m32 -static -O2 testdata/programs/hello.c -o "$work/hello"
show beerewrite hello -o hello.bee
"$build/linux/beerewrite" "$work/hello" -o "$work/hello.bee"
(cd "$work" && show ./hello && ./hello | tee linux.out)
beerun hello.bee | tee "$work/windows.out"
tail -n +2 "$work/windows.out" >"$work/windows.txt"
same "$work/linux.out" "$work/windows.txt"

step "the same file on Linux, as it is: a .bee file begins with the original program"
show ./hello.bee
"$work/hello.bee"
printf '\ndemo: Linux and Windows agree\n'
