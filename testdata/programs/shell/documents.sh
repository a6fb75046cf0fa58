# Here-documents and redirections.
name=bee
while read -r line; do
	echo "line: $line"
done <<END
hello $name, $((3 * 4))
	a tab before, a "quote", a \$dollar
END
while IFS= read -r line; do
	echo "raw: $line"
done <<'END'
$name is not expanded \n
   blanks before
END
while read -r line; do
	echo "stripped: $line"
done <<-END
	one
		two
	END
read -r a b rest <<<"first second third fourth"
echo "$a|$b|$rest"
{
	echo one
	echo two
} >out.txt
echo three >>out.txt
while read -r line; do
	echo "from the file: $line"
done <out.txt
exec 3>log.txt
echo "to descriptor three" >&3
echo "and again" >&3
exec 3>&-
exec 4<log.txt
read -r line <&4
echo "$line"
read -r line <&4
echo "$line"
read -r line <&4 || echo "end of file"
exec 4<&-
echo "to standard error" >&2
{ echo hidden; echo "also hidden" >&2; } >/dev/null 2>&1
i=0
while ((i < 3000)); do
	echo "$i $((i * i)) some more text to fill the line"
	((i++))
done >many.txt
n=0
sum=0
while read -r i square rest; do
	((n++, sum += square))
done <many.txt
echo "$n lines, $sum"
read -r line <missing || echo "no such file"
set -o noclobber
echo x >out.txt || echo "not overwritten"
echo y >|out.txt
read -r line <out.txt
echo "$line"
