#!/usr/bin/env bash
# Shows a Linux program running on the Windows API. `make demo` has done the set-up and the build; every run under Wine goes through the guard.
set -euo pipefail
cd "$(dirname "$0")/.."
build=${BEE_BUILD:-$PWD/build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { printf '\n== %s\n' "$*"; }

# show COMMAND...: prints the command, then runs it.
show() { printf '$ %s\n' "$*" | sed "s|$build/||g; s|$work/||g"; "$@"; }

# wine WIDTH PROGRAM.exe ARGS...: under the guard; a raw system call of a guest ends the demo.
wine() {
	local width=$1 status=0
	shift
	"$build/linux/guard" -o "$work/guard" "$build/wine/run" "$build/windows-$width/$1" "${@:2}" || status=$?
	[ ! -s "$work/guard" ] || { echo "demo: a raw system call left the guest: $(cat "$work/guard")" >&2; exit 1; }
	return $status
}

step "Static Linux programs that nobody here wrote"
for arch in i386 amd64; do
	file -b "$build/thirdparty/busybox-static-$arch/bin/busybox" 2>/dev/null || true
done
