# Parameter expansion and the shell's own string work.
s=/usr/local/lib/libbee.so.1.2
echo ${s##*/} ${s%/*} ${s#*/} ${s%%.*} ${#s}
echo ${s:5:5} ${s/lib/LIB} ${s//lib/LIB} ${s/%2/9} ${s/#\/usr/ROOT}
unset u
echo ${u:-default} ${u-unset} ${u:+set} "[${u}]"
echo ${u:=assigned} $u
e=
echo "[${e:-empty}] [${e-set but empty}] [${e+there}]"
typeset -u upper=shout
typeset -l lower=WHISPER
echo $upper $lower
typeset -i n=12
n=n+30
echo $n
if [[ -z $KSH_VERSION ]]; then
	printf '%s|%10s|%-10s|%.3s|%c\n' plain right left truncated x
	printf '%b' 'a\tb\n' 'oct\0101\n'
fi
echo $'tab\there' $'quote\'s' $'\x41\102'
q="double \"quotes\" and 'single' ones"
echo "$q"
text="the quick brown fox jumps over the lazy dog"
longest=
count=0
if [[ -n $ZSH_VERSION ]]; then
	setopt shwordsplit
fi
for w in $text; do
	((count++))
	((${#w} > ${#longest})) && longest=$w
done
echo "$count words, the longest is $longest"
r=
i=0
while ((i < ${#text})); do
	r=${text:$i:1}$r
	((i++))
done
echo "$r"
big=x
i=0
while ((i < 14)); do
	big=$big$big
	((i++))
done
echo ${#big}
x=abc
case $x in
a*c) echo "glob in case" ;;
esac
[[ $x == a?c ]] && echo "glob in test"
[[ -z "" && -n $x ]] && echo lengths
umlaut='größe'
echo "$umlaut"
