# Integers: operators, precedence, bases, assignment, loops.
i=7
echo $((i * 6)) $((i / 2)) $((-i / 2)) $((i % 4)) $((i << 20)) $((i ^ 3)) $((~i)) $((!i))
echo $((1 + 2 * 3 - (4 - 5))) $((i > 3 && i < 9)) $((i == 7 ? 70 : 71)) $((0x1f)) $((017)) $((2#1011)) $((36#zz))
echo $((i += 5)) $((i -= 2)) $((i *= 3)) $i $((i++)) $((++i)) $i
s=0
k=1
while ((k <= 2000)); do
	((s = (s * 31 + k++) % 1000003))
done
echo "sum $s"
# Primes below 200.
n=1
while ((++n < 200)); do
	d=1
	while ((++d * d <= n)); do
		((n % d == 0)) && continue 2
	done
	echo -n "$n "
done
echo
a=1 b=1
while ((a < 1000000)); do
	t=$((a + b))
	a=$b
	b=$t
done
echo "fibonacci $a"
let 'x=5*5'
echo $x
echo $((2147483647)) $((-2147483647))
# Where it would be another program, it is left out.
if [[ -z $KSH_VERSION ]]; then
	printf '%05d|%x|%o|%-6d|%+d\n' 42 255 8 7 3
fi
((x == 25)) && echo equal
[[ 10 -gt 9 ]] && echo greater
echo $((1 / 0))
echo "not reached in every shell: $?"
