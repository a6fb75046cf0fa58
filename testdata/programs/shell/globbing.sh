# File names.
echo *
echo *.txt
echo d*/*
echo d*/*/*.c
echo [ab].txt ?.txt [!a]*.txt
if [[ -n $ZSH_VERSION ]]; then
	setopt nonomatch
fi
echo *.nothing 'quoted*' "a*"
for f in dir/*; do
	if [[ -d $f ]]; then
		echo "directory $f"
	elif [[ -f $f ]]; then
		echo "file $f"
	fi
done
[[ -e missing ]] || echo missing
[[ -s empty ]] || echo empty
[[ -r a.txt && -w a.txt && ! -w readonly.txt ]] && echo access
[[ a.txt -ef ./a.txt ]] && echo same
[[ file.tar.gz == *.tar.* ]] && echo matches
[[ abc < abd ]] && echo before
case a.txt in
?.txt) echo "one letter" ;;
esac
cd dir
echo * "$PWD"
cd sub
echo *
cd ../..
[[ $PWD == /* ]] && echo "an absolute path"
for f in *.txt; do
	echo -n "${f%.txt} "
done
echo
set -- *
echo $#
set -f
echo *.txt
set +f
echo {a,b,c}{1,2} pre{x,y}post
