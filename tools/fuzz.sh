#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

# Only packages that hold a target are compiled.
mapfile -t files < <(git ls-files -co --exclude-standard '*_test.go')
[ ${#files[@]} -gt 0 ] || exit 0
mapfile -t dirs < <({ grep -lE '^func Fuzz[A-Z]' "${files[@]}" 2>/dev/null || true; } | xargs -r -n1 dirname | sort -u)

for dir in "${dirs[@]}"; do
	if ! go list "./$dir" >/dev/null 2>&1; then
		echo "fuzz: $dir: left out: it builds on Windows only"
		continue
	fi
	targets=$(go test -list '^Fuzz' "./$dir")
	for target in $(grep '^Fuzz' <<<"$targets" || true); do
		echo "fuzz: $dir $target"
		# Two workers: that is what the machines have.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-30s}" -parallel=2 "./$dir"
	done
done
