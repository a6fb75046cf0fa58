#!/usr/bin/env bash
# Fetches what the corpus is made of: compilers beside those of the set-up, and Debian's static programs and libraries of both widths, which are
# unpacked below build/corpus/packages/ only. What is there already is not fetched again; what cannot be fetched is told and left out, and the
# corpus counts it. Works as root, or with sudo. Wants `make setup` before it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${BEE_BUILD:-$root/build}
dir=$build/corpus/packages
logs=$build/corpus/logs
mkdir -p "$dir" "$logs"
exec 9>"$build/corpus/lock"
flock 9

say() { printf 'corpus: %s\n' "$*"; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

apt_options=(-o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 -o APT::Install-Recommends=false -o Acquire::Retries=3 -o APT::Sandbox::User=root)

updated=
update_indexes() {
	[ -z "$updated" ] || return 0
	updated=yes
	say "reading the package indexes"
	as_root apt-get "${apt_options[@]}" update >"$logs/update.log" 2>&1 || say "some package index could not be read; going on without it"
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install PACKAGE...: a compiler or tool that may be missing.
install() {
	local p want=()
	for p; do installed "$p" || want+=("$p"); done
	[ ${#want[@]} -gt 0 ] || return 0
	say "installing ${want[*]}"
	if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install -y "${want[@]}" >"$logs/install.log" 2>&1; then
		update_indexes
		as_root env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install -y "${want[@]}" >"$logs/install.log" 2>&1 ||
			say "could not be installed and is left out: ${want[*]} ($logs/install.log)"
	fi
}

# unpack PACKAGE ARCH [PATTERN...]: to packages/PACKAGE-ARCH, whole or only the files of the patterns.
unpack() {
	local package=$1 arch=$2 to=$dir/$1-$2 work
	shift 2
	[ -d "$to" ] && return
	work=$(mktemp -d "$dir/.work.XXXXXX")
	say "unpacking $package:$arch"
	if ! (cd "$work" && apt-get "${apt_options[@]}" download "$package:$arch") >"$logs/download.log" 2>&1; then
		update_indexes
		(cd "$work" && apt-get "${apt_options[@]}" download "$package:$arch") >"$logs/download.log" 2>&1 ||
			# The set-up's own lists hold the main archive alone, where both widths always have the same versions.
			(cd "$work" && apt-get "${apt_options[@]}" -o "Dir::Etc::sourcelist=$build/apt/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
				-o "Dir::State::Lists=$build/apt/lists" download "$package:$arch") >"$logs/download.log" 2>&1 || {
			say "could not be fetched and is left out: $package:$arch"
			rm -rf "$work"
			return
		}
	fi
	mkdir "$work/tree"
	if [ $# -gt 0 ]; then
		dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/tree" --wildcards "$@"
	else
		dpkg-deb -x "$work"/*.deb "$work/tree"
	fi
	mv "$work/tree" "$to"
	rm -rf "$work"
}

# What `make bench` needs of all this.
if [ "${1:-}" = valgrind ]; then
	install valgrind
	exit
fi

install gfortran
install gfortran-multilib
install clang
install valgrind

for arch in i386 amd64; do
	for package in busybox-static bash-static zsh-static mksh sash tini catatonit dumb-init e2fsck-static gpgv-static dar-static cdebootstrap-static libc-bin klibc-utils; do
		unpack $package $arch
	done
	unpack libopenblas-pthread-dev $arch
	unpack liblapack-dev $arch
done
unpack qemu-user-static amd64 ./usr/bin/qemu-i386-static ./usr/bin/qemu-x86_64-static ./usr/bin/qemu-aarch64-static
say "fetched"
