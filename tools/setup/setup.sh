#!/usr/bin/env bash
# Prepares a Debian machine that has Go, gcc, git and apt for the build and the tests: packages (Wine and C compilers of both widths), programs
# that are unpacked under build/ only, and a private Wine prefix. Every step looks first whether it is done, so a repeated run costs nothing.
# Works as root, or with sudo.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BEE_BUILD:-$root/build}
stamps=$build/setup
apt_private=$build/apt

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

# Two runs at a time (two terminals, or make -j) would fight for apt's lock and build the prefix twice.
mkdir -p "$stamps"
exec 9>"$stamps/lock"
flock 9

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo -n "$@"
	else
		die "this needs root or sudo: $*"
	fi
}

# A stamp holds the checksum of what its step was made from.
key() { cat "$@" 2>/dev/null | sha256sum | cut -d' ' -f1; }
done_already() { [ -f "$stamps/$1" ] && [ "$(cat "$stamps/$1")" = "$2" ]; }
mark() { printf '%s\n' "$2" >"$stamps/$1.tmp" && mv "$stamps/$1.tmp" "$stamps/$1"; }

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null || die "this needs Debian's apt and dpkg"

# ---- packages

packages=(
	wine wine64 wine32:i386
	gcc-mingw-w64-i686-win32 gcc-mingw-w64-x86-64-win32
	gcc-multilib g++-multilib
	musl-tools
	lld binutils
	libsqlite3-dev
)

missing_packages() {
	local p
	for p in "${packages[@]}"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || printf '%s\n' "$p"
	done
}

apt_options=(
	-o DPkg::Lock::Timeout=600
	-o Dpkg::Use-Pty=0
	-o Dpkg::Options::=--force-confold
	-o APT::Install-Recommends=false
	-o Acquire::Retries=3
)

# The indexes that the machine's own configuration names. An index that is out of step (it happens to the security archive's i386 one) makes the update
# fail although the others were read, so a failure is told and not final.
update_indexes() {
	[ -f "$stamps/indexes" ] && return
	if ! dpkg --print-foreign-architectures | grep -qx i386; then
		say "adding the architecture i386"
		as_root dpkg --add-architecture i386
	fi
	say "reading the package indexes"
	as_root apt-get "${apt_options[@]}" update >"$stamps/update.log" 2>&1 ||
		say "some package index could not be read; going on without it ($stamps/update.log)"
	: >"$stamps/indexes"
}

# Sets private_options: apt with the main archive alone, where amd64 and i386 always have the same versions. The address is the one that the
# machine is configured with.
private_indexes() {
	[ ${#private_options[@]} -eq 0 ] || return 0
	local codename uri keyring signed=
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || die "/etc/os-release names no release"
	uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT) $(LABEL)' 'Created-By: Packages' |
		awk -v c="$codename" '$2 == c && $3 == "main" && $4 == "Debian" { print $1; exit }')
	[ -n "$uri" ] || die "apt's configuration names no main archive of Debian $codename"
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ ! -f $keyring ] || signed="[signed-by=$keyring] "
	mkdir -p "$apt_private/lists/partial"
	printf '%s %s%s %s main\n' deb "$signed" "$uri" "$codename" deb-src "$signed" "$uri" "$codename" >"$apt_private/sources.list"
	private_options=(
		-o "Dir::Etc::sourcelist=$apt_private/sources.list"
		-o Dir::Etc::sourceparts=/nonexistent
		-o "Dir::State::Lists=$apt_private/lists"
		-o APT::Sandbox::User=root
	)
	say "reading the main archive's indexes alone"
	as_root apt-get "${apt_options[@]}" "${private_options[@]}" update >"$stamps/update-private.log" 2>&1 || {
		tail -n 20 "$stamps/update-private.log" >&2
		die "the main archive's package indexes could not be read"
	}
}
private_options=()

install_packages() {
	local missing
	mapfile -t missing < <(missing_packages)
	[ ${#missing[@]} -gt 0 ] || return 0
	update_indexes
	say "installing ${missing[*]}"
	local install=(env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" install -y)
	if as_root "${install[@]}" "${missing[@]}" >"$stamps/install.log" 2>&1; then
		return
	fi
	say "the usual way failed ($stamps/install.log); trying the main archive alone"
	private_indexes
	if as_root "${install[@]}" "${private_options[@]}" "${missing[@]}" >"$stamps/install-private.log" 2>&1; then
		return
	fi
	# A library that was installed from the security archive has to step back to the version that i386 has too.
	say "that failed as well ($stamps/install-private.log); allowing downgrades"
	as_root "${install[@]}" --allow-downgrades "${private_options[@]}" "${missing[@]}" >"$stamps/install-downgrade.log" 2>&1 || {
		tail -n 30 "$stamps/install-downgrade.log" >&2
		die "these packages could not be installed: ${missing[*]}"
	}
}

# ---- packages that are only unpacked

# unpack PACKAGE ARCH DIR: for what cannot be installed beside its sibling of the other width.
unpack() {
	local package=$1 arch=$2 dir=$build/thirdparty/$3 work
	[ -d "$dir" ] && return
	update_indexes
	say "unpacking $package:$arch"
	mkdir -p "$build/thirdparty"
	work=$(mktemp -d "$build/thirdparty/.work.XXXXXX")
	if ! (cd "$work" && apt-get "${apt_options[@]}" -o APT::Sandbox::User=root download "$package:$arch") >"$stamps/download.log" 2>&1; then
		private_indexes
		(cd "$work" && apt-get "${apt_options[@]}" "${private_options[@]}" download "$package:$arch") >"$stamps/download.log" 2>&1 || {
			tail -n 20 "$stamps/download.log" >&2
			die "$package:$arch could not be downloaded"
		}
	fi
	dpkg-deb -x "$work"/*.deb "$work/tree"
	mv "$work/tree" "$dir"
	rm -rf "$work"
}

# The kernel's own tests of its system calls: tools/include and tools/testing/selftests of Debian's kernel source become build/thirdparty/linux-source.
# Nothing else of the archive, which is large, is unpacked, and the package does not stay.
kernel_selftests() {
	local dir=$build/thirdparty/linux-source package=linux-source-6.1 work
	[ -d "$dir" ] && return
	unpack $package amd64 $package
	say "unpacking the kernel's self-tests"
	work=$(mktemp -d "$build/thirdparty/.work.XXXXXX")
	tar -xJf "$build/thirdparty/$package/usr/src/$package.tar.xz" -C "$work" --strip-components=1 \
		$package/tools/include $package/tools/testing/selftests
	mv "$work" "$dir"
	chmod 755 "$dir"
	rm -rf "$build/thirdparty/$package"
}

# Busybox's own tests: the testsuite of Debian's source package, and the configuration that busybox-static was built with, become
# build/thirdparty/busybox-testsuite. None of Debian's patches is of the testsuite.
busybox_testsuite() {
	local dir=$build/thirdparty/busybox-testsuite work
	[ -d "$dir" ] && return
	update_indexes
	private_indexes
	say "unpacking busybox's testsuite"
	mkdir -p "$build/thirdparty"
	work=$(mktemp -d "$build/thirdparty/.work.XXXXXX")
	(cd "$work" && apt-get "${apt_options[@]}" "${private_options[@]}" source --download-only busybox) >"$stamps/download.log" 2>&1 || {
		tail -n 20 "$stamps/download.log" >&2
		die "busybox's source package could not be downloaded"
	}
	mkdir "$work/tree"
	tar -xjf "$work"/busybox_*.orig.tar.bz2 -C "$work/tree" --strip-components=1 --wildcards 'busybox-*/testsuite'
	tar -xJOf "$work"/busybox_*.debian.tar.xz debian/config/pkg/static >"$work/tree/config"
	mv "$work/tree" "$dir"
	rm -rf "$work"
}

# The wrappers have one name for both widths, whatever Debian calls its own. Static programs only: no musl loader is installed for i386.
musl_wrappers() {
	local dir=$build/musl tree=$build/thirdparty/musl-dev-i386
	local want
	want=$(key "$0")
	done_already musl "$want" && return
	mkdir -p "$dir"
	# Debian's specs name the directories of an installed package, and are meant for a compiler whose linker makes 32-bit programs anyway.
	sed "s|^-dynamic-linker|-m elf_i386 &|; s|/usr/include/i386-linux-musl|$tree/usr/include/i386-linux-musl|g; s|/usr/lib/i386-linux-musl|$tree/usr/lib/i386-linux-musl|g" \
		"$tree/usr/lib/i386-linux-musl/musl-gcc.specs" >"$dir/i386.specs"
	printf '#!/bin/sh\nexec gcc -m32 "$@" -specs "%s"\n' "$dir/i386.specs" >"$dir/i386-gcc"
	printf '#!/bin/sh\nexec musl-gcc "$@"\n' >"$dir/amd64-gcc"
	chmod +x "$dir/i386-gcc" "$dir/amd64-gcc"
	printf 'int puts(const char *);\nint main(void) { puts("musl"); return 0; }\n' >"$dir/try.c"
	local w
	for w in i386 amd64; do
		"$dir/$w-gcc" -static -O2 -o "$dir/try-$w" "$dir/try.c"
		[ "$("$dir/try-$w")" = musl ] || die "the musl compiler for $w makes programs that do not run"
	done
	mark musl "$want"
}

# ---- Wine

wine_dir=/usr/lib/wine

wine_wrappers() {
	local want
	want=$(key "$0" "$(dirname "$0")/winerun.c")
	done_already wrappers "$want" && [ -x "$build/wine/run" ] && return
	mkdir -p "$build/wine"
	# Not over the running one: other programs may be using it. Position-independent, since the guard takes what lies at 0x400000 for a guest.
	gcc -static-pie -O2 -Wall -Wextra -Werror -DWINE_DIR="\"$wine_dir\"" -DWINE_PREFIX="\"$build/wine/prefix\"" \
		-o "$build/wine/run.tmp" "$(dirname "$0")/winerun.c"
	mv "$build/wine/run.tmp" "$build/wine/run"
	write_script() { printf '%s\n' "$2" >"$build/wine/$1.tmp" && chmod +x "$build/wine/$1.tmp" && mv "$build/wine/$1.tmp" "$build/wine/$1"; }
	# Wine's services inherit the output of the program that started them and would hold a test's pipe open for ever, so they are
	# started here, with no output. They and the server go after 20 idle minutes, or with stop.
	write_script server "#!/bin/sh
export WINEPREFIX='$build/wine/prefix' WINEARCH=win64 WINEDEBUG=-all WINESERVER=$wine_dir/wineserver64
export WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d'
unset DISPLAY WAYLAND_DISPLAY
case \$1 in
start)
	exec </dev/null >/dev/null 2>&1 9>&-
	\$WINESERVER -p1200
	exec $wine_dir/wine64 cmd /c exit 0 ;;
stop) exec \$WINESERVER -k ;;
*) echo \"usage: \$0 start|stop\" >&2; exit 2 ;;
esac"
	mark wrappers "$want"
}

wine_prefix() {
	local want dll=$root/testdata/bcryptprimitives
	want=$(key "$dll"/* <("$wine_dir/wine64" --version))
	done_already prefix "$want" && [ -f "$build/wine/prefix/system.reg" ] && return
	say "making the Wine prefix"
	"$build/wine/server" stop 2>/dev/null || true
	rm -rf "$build/wine/prefix"
	mkdir -p "$build/wine/prefix"
	"$build/wine/run" wineboot -i </dev/null >"$stamps/wineboot.log" 2>&1 9>&- || {
		tail -n 20 "$stamps/wineboot.log" >&2
		die "wineboot failed"
	}
	local windows=$build/wine/prefix/drive_c/windows
	[ -d "$windows/system32" ] && [ -d "$windows/syswow64" ] || die "the Wine prefix lacks system32 or syswow64"
	local one
	for one in i686:syswow64 x86_64:system32; do
		local target=$windows/${one#*:}/bcryptprimitives.dll
		[ -e "$target" ] && continue
		say "building bcryptprimitives.dll for ${one#*:}"
		"${one%:*}-w64-mingw32-gcc" -shared -O2 -s -Wl,--enable-stdcall-fixup -o "$target" \
			"$dll/bcryptprimitives.c" "$dll/bcryptprimitives.def" -ladvapi32
	done
	# The registry is on disk only after the server has gone.
	WINEPREFIX=$build/wine/prefix timeout 60 "$wine_dir/wineserver64" -w || say "Wine's server did not end by itself"
	mark prefix "$want"
}

rm -f "$stamps/indexes"
install_packages
unpack musl-dev i386 musl-dev-i386
for arch in i386 amd64; do
	for package in busybox-static bash-static zsh-static mksh; do
		unpack "$package" "$arch" "$package-$arch"
	done
done
kernel_selftests
busybox_testsuite
musl_wrappers
wine_wrappers
wine_prefix
[ -f "$build/SETUP_OK" ] || date >"$build/SETUP_OK"
say "ready"
