#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME, one after the other.
set -euo pipefail
cd "$(dirname "$0")/.."

# fuzz DIR TARGET [late]: Go's fuzzer now and then takes the end of its own time for a failure ("context deadline exceeded", and no input that
# fails): such a run does not count, and is made once more.
fuzz() {
	local log status=0
	log=$(mktemp)
	go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-30s}" -parallel=2 "./$1" 2>&1 | tee "$log" || status=$?
	if [ "$status" != 0 ] && { [ "${3:-}" = late ] || ! grep -q '^ *context deadline exceeded' "$log" || grep -q 'Failing input' "$log"; }; then
		rm -f "$log"
		exit "$status"
	fi
	rm -f "$log"
	return "$status"
}

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
		fuzz "$dir" "$target" || fuzz "$dir" "$target" late
	done
done
