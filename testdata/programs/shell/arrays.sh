# Arrays, and what goes with them.
if [[ -n $ZSH_VERSION ]]; then
	setopt ksharrays
fi
a=(one two "three four" five)
echo ${#a[@]} "${a[0]}" "${a[2]}"
for w in "${a[@]}"; do
	echo -n "<$w>"
done
echo
a[7]=eight
echo ${#a[@]}
unset 'a[1]'
echo "${a[*]}"
a+=(nine ten)
echo "${a[@]}"
set -- x "y z" w
echo $# "$2" "$*"
shift
echo $# "$1"
i=0
while ((i < 300)); do
	list[i]=$((i * i % 97))
	((i++))
done
# Insertion sort.
i=0
while ((++i < 60)); do
	v=${list[i]}
	k=$i
	while ((k > 0 && list[k - 1] > v)); do
		list[k]=${list[k - 1]}
		((k--))
	done
	list[k]=$v
done
i=0
out=
while ((i < 60)); do
	out="$out ${list[i]}"
	((i++))
done
echo $out
IFS=:
path=/usr/bin:/bin::/opt
if [[ -n $ZSH_VERSION ]]; then
	setopt shwordsplit
fi
for p in $path; do
	echo "[$p]"
done
IFS=,
echo "$*"
