# Traps that the shell runs by itself, and the ways out.
trap 'echo "trap on exit, status $?"' EXIT
echo begin
f() {
	echo "in f"
	return 4
}
f
echo "f gave $?"
trap 'echo replaced; echo "with $((2 + 3))"; echo to a file >trapped.txt' EXIT
trap '' HUP
trap - HUP
if [[ -e missing ]]; then
	echo never
fi
echo leaving
exit 7
echo never
