# read from standard input, in its forms.
read -r first
echo "first: $first"
read -r a b c
echo "a=$a b=$b c=$c"
IFS=, read -r x y z
echo "x=$x y=$y z=$z"
read continued
echo "continued: $continued"
n=0
while IFS= read -r line && [[ $line != END ]]; do
	((n++))
	echo "$n: [$line]"
done
echo "the rest:"
while read -r word rest || [[ -n $word ]]; do
	echo "$word -> $rest"
done
read -r nothing
echo "at the end: $?"
