# Functions: arguments, results, scope, recursion, case, options.
function greet {
	typeset name=$1
	echo "hello, $name ($#)"
	name=changed
	return 3
}
name=outer
greet world and all
echo $? $name
fact() {
	if (($1 <= 1)); then
		r=1
	else
		fact $(($1 - 1))
		r=$((r * $1))
	fi
}
fact 12
echo $r
hanoi() {
	(($1 == 0)) && return
	hanoi $(($1 - 1)) $2 $4 $3
	((moves++))
	hanoi $(($1 - 1)) $4 $3 $2
}
moves=0
hanoi 7 a b c
echo "moves $moves"
kind() {
	case $1 in
	[0-9]*) echo number ;;
	*.c | *.h) echo source ;;
	'') echo empty ;;
	*) echo other ;;
	esac
}
for w in 12 x.c y.h '' zzz; do
	kind "$w"
done
while getopts ab:c opt -a -b value -c rest; do
	echo "option $opt ${OPTARG:-}"
done
echo "$OPTIND"
code='echo evaluated $((6 * 7))'
eval "$code"
outer() {
	inner() { echo "inner sees $1"; }
	inner "$1"
}
outer 5
inner 6
unset -f inner
command -v inner || echo "inner is gone"
until ((moves < 120)); do
	((moves--))
done
echo $moves
false || echo "status kept: $?"
! true
echo $?
set -u
echo ${undefined:-default}
set +u
