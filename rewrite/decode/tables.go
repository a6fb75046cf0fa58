package decode

import (
	"strconv"
	"strings"
)

// attr is what the decoder knows of an opcode before it looks at operands. Zero is an invalid opcode.
type attr uint64

const (
	aNP      attr = 1 << iota // mandatory prefixes with which the opcode exists: none,
	a66                       // 66,
	aF3                       // f3,
	aF2                       // f2; an opcode that takes no mandatory prefix has all four
	aModRM                    // a ModRM byte follows
	aMem                      // only with mod != 3
	aReg                      // only with mod == 3
	aPrefix                   // not an opcode but a prefix
	aEscape                   // 0f, or a byte that may begin VEX, EVEX or XOP
	aLock                     // may be locked, subject to lockable
	aByte                     // register operands are 8 bits wide
	aByteSrc                  // with aByte: one of them is wider
	aOpReg                    // opcode bits 0-2 are a register
	aString                   // implicit memory operand
	aAllRegs                  // GPRMask gives up
	aNear                     // near branch: 66 is ambiguous in 64-bit mode
	aAnyPfx  = aNP | a66 | aF3 | aF2
)

const (
	aImmShift      = 24 // 4 bits, immKind
	aSpecialShift  = 28 // 5 bits, special
	aClassShift    = 33 // 4 bits, Class
	aImplicitShift = 40 // 8 bits, general registers 0-7 that are implied
)

// immKind is what follows ModRM, SIB and displacement.
type immKind uint8

const (
	immNone  immKind = iota
	imm8             // 1 byte
	imm16            // 2 bytes
	immZ             // 2 or 4 bytes by operand size
	immV             // 2, 4 or 8 bytes by operand size
	imm16x8          // enter: 3 bytes
	imm8x8           // extrq, insertq: 2 bytes
	immMoffs         // an address
	immRel8          // branch displacement
	immRelZ          // branch displacement, 2 or 4 bytes
	immFar           // offset and selector
	imm32            // 4 bytes
)

// special names the check or the extra fields that an opcode needs beyond its attributes; see (*Inst).special.
type special uint8

const (
	spNone special = iota
	spSegPush
	spSegPop
	spMovFromSeg
	spMovToSeg
	spLoadFar // les, lds, lss, lfs, lgs
	spPop
	spGrp3
	spGrp4
	spGrp5
	spMovImm // c6, c7
	spX87
	spInt
	spControl // 0f 20-23: mod is ignored
	spGrp6
	spGrp7
	spGrp8
	spGrp9
	spGrp15
	spExtrq
	spMovlp
	spMovq2dq
	spShift // 0f 71-73
	spPadlock
	spIncssp // 0f 1e
	sp3DNow
	sp38
	spHreset
	spPopcnt
)

var specialNames = map[string]special{
	"segpush": spSegPush, "segpop": spSegPop, "movfromseg": spMovFromSeg, "movtoseg": spMovToSeg, "loadfar": spLoadFar, "pop": spPop,
	"grp3": spGrp3, "grp4": spGrp4, "grp5": spGrp5, "movimm": spMovImm, "x87": spX87, "int": spInt, "control": spControl,
	"grp6": spGrp6, "grp7": spGrp7, "grp8": spGrp8, "grp9": spGrp9, "grp15": spGrp15, "extrq": spExtrq, "movlp": spMovlp,
	"movq2dq": spMovq2dq, "shift": spShift, "padlock": spPadlock, "nop1e": spIncssp, "3dnow": sp3DNow, "38": sp38, "hreset": spHreset,
	"popcnt": spPopcnt,
}

var attrNames = map[string]attr{
	"m": aModRM, "mem": aModRM | aMem, "reg": aModRM | aReg, "pfx": aPrefix, "esc": aEscape, "lk": aLock, "b": aByte, "bsrc": aByte | aByteSrc,
	"opreg": aOpReg, "str": aString, "+all": aAllRegs, "near": aNear,
	"+a": 1 << aImplicitShift, "+c": 2 << aImplicitShift, "+d": 4 << aImplicitShift, "+b": 8 << aImplicitShift,
	"+sp": 16 << aImplicitShift, "+bp": 32 << aImplicitShift, "+si": 64 << aImplicitShift, "+di": 128 << aImplicitShift,
	"i8": attr(imm8) << aImmShift, "i16": attr(imm16) << aImmShift, "iz": attr(immZ) << aImmShift, "iv": attr(immV) << aImmShift,
	"i16x8": attr(imm16x8) << aImmShift, "moffs": attr(immMoffs) << aImmShift, "rel8": attr(immRel8) << aImmShift,
	"relz": attr(immRelZ) << aImmShift, "far": attr(immFar) << aImmShift,
}

// A line of a legacy table is a list of opcodes (first-last/step, commas), then words: attributes, "@" and the mandatory prefixes (n, 6, 3,
// 2) with which the opcodes exist, "=" and a class, "." and a special. x32 and x64 tie a line to one mode.
const (
	oneByteSpec = `
26,2e,36,3e,64-67,f0,f2,f3 pfx
40-4f x64 pfx
0f,62,8f,c4,c5 m esc
00-30/8 m b lk
01-31/8 m lk
38 m b
39 m
02-3a/8 m b
03-3b/8 m
04-3c/8 i8 +a
05-3d/8 iz +a
06-1e/8 x32 +sp .segpush
07,17,1f x32 +sp .segpop
27,2f,37,3f x32 +a
40-4f x32 opreg
50-5f opreg +sp
60,61 x32 +all
63 m
68 iz +sp
69 m iz
6a i8 +sp
6b m i8
6c,6d str +d +di +c
6e,6f str +d +si +c
70-7f rel8 near =jcc
80 m b i8 lk
81 m iz lk
82 x32 m b i8 lk
83 m i8 lk
84 m b
85 m
86 m b lk
87 m lk
88,8a m b
89,8b m
8c m .movfromseg
8d mem
8e m .movtoseg
8f m +sp .pop
90-97 opreg +a
98,99 +a +d
9a x32 far =farcall
9b
9c,9d +sp
9e,9f +a
a0-a3 moffs +a
a4-a7 str +si +di +c
a8 i8 +a
a9 iz +a
aa,ab,ae,af str +a +di +c
ac,ad str +a +si +c
b0-b7 opreg b i8
b8-bf opreg iv
c0 m b i8
c1 m i8
c2 i16 near +sp =ret
c3 near +sp =ret
c6 m b i8 .movimm
c7 m iz .movimm
c8 i16x8 +sp +bp
c9 +sp +bp
ca i16 =farret
cb,cf =farret
cc =int3
cd i8 =intn .int
ce x32 =intn
d0 m b
d1 m
d2 m b +c
d3 m +c
d4,d5 x32 i8 +a
d7 str +a +b
d8-df m .x87
e0-e3 rel8 near +c =jcc
e4-e7 i8 +a
e8 relz near +sp =call
e9 relz near =jmp
ea x32 far =farjmp
eb rel8 near =jmp
ec-ef +a +d
f1 =intn
f4 =halt
f5,f8-fd
f6 m b lk .grp3
f7 m lk .grp3
fe m b lk .grp4
ff m lk .grp5`

	map0FSpec = `
00 m .grp6
01 m .grp7
02,03 m
05 =syscall
06,08
09 @n3
07,35 +all =farret
0b =halt
0d,18-1d,1f m
0e
0f m .3dnow
1e m .nop1e
10,11 m @n632
12,16 m @n632 .movlp
13,17 mem @n6
14,15,28,29,2e,2f m @n6
2a,2c,2d m @n632
2b mem @n632
20-23 m .control
30,32 +a +c +d
31 +a +d
33 +a +c +d
34 =sysenter
37 +all
40-4f m
50 reg @n6
51,58,59,5a,5c-5f m @n632
52,53 m @n3
54-57 m @n6
5b m @n63
60-6b,6e,74-76 m @n6
6c,6d m @6
6f,7e m @n63
70 m i8 @n632
71-73 reg i8 @n6 .shift
77 @n
78,79 m @n62 .extrq
7c,7d m @62
7f m @n63
80-8f relz near =jcc
90-9f m b
a0,a8 +sp .segpush
a1,a9 +sp .segpop
a2 +a +b +c +d
a3 m
a4,ac m i8
a5,ad m +c
a6,a7 m +all .padlock
aa +all =farret
ab,b3,bb m lk
ae m .grp15
af m
b0 m b lk +a
b1 m lk +a
b2,b4,b5 mem .loadfar
b6,be m bsrc
b7,bc,bd,bf m
b8 m @3 .popcnt
b9,ff m =halt
ba m i8 lk .grp8
c0 m b lk
c1 m lk
c2 m i8 @n632
c3 mem @n
c4 m i8 @n6
c5 reg i8 @n6
c6 m i8 @n6
c7 m lk .grp9
c8-cf opreg
d0 m @62
d1-d5,d8-e5,e8-ef,f1-f6,f8-fe m @n6
d6 m @632 .movq2dq
d7 reg @n6
e6 m @632
e7 mem @n6
f0 mem @2
f7 reg str @n6`

	map38Spec = `
00-0b,1c-1e m @n6
10,14,15,17,20-25,28,29,2b m @6
2a mem @6
30-35,37-41 m @6
80-82 mem @6
c8-cd m @n
cf m @6
d8 mem @3 .38
db m @6
dc-df m @63 .38
f0 m @n62 bsrc .38
f1 m @n62 .38
f5 mem @6
f6 m @n63 .38
f8 mem @632
f9 mem @n
fa,fb reg @3
fc mem @n632`

	map3ASpec = `
08-0e,14-17,20-22,40-42,44 m i8 @6
0f m i8 @n6
60-63 m i8 @6 +a +c +d
cc m i8 @n
ce,cf,df m i8 @6
f0 reg i8 @3 +a .hreset`
)

// legacyTables are the four legacy maps of one mode, vectorTable the forms of one map of VEX, EVEX or XOP by mandatory prefix.
type (
	legacyTables [4][256]attr
	vectorTable  [4][256]vattr
	vattr        uint32 // forms, regs<<8, flags, lengths<<28
)

const (
	vUnused vattr = 1 << (24 + iota) // vvvv must be unused
	vNoMask
	vMask
	vLenShift = 28
)

// All tables are filled once, from the text above, and never change.
var (
	tables32 = parseLegacy("x32")
	tables64 = parseLegacy("x64")
	vexMaps  = parseVector(vexSpec)
	evexMaps = parseVector(evexSpec)
	xopMaps  = parseVector(xopSpec)
)

func parseLegacy(mode string) *legacyTables {
	t := new(legacyTables)
	for n, spec := range []string{oneByteSpec, map0FSpec, map38Spec, map3ASpec} {
	lines:
		for line := range strings.Lines(spec) {
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			a, mandatory := attr(0), aAnyPfx
			for _, w := range words[1:] {
				switch {
				case w == "x32" || w == "x64":
					if w != mode {
						continue lines
					}
				case w[0] == '@':
					mandatory = 0
					for _, c := range w[1:] {
						mandatory |= map[rune]attr{'n': aNP, '6': a66, '3': aF3, '2': aF2}[c]
					}
				case w[0] == '=':
					for c, name := range classNames {
						if name == w[1:] {
							a |= attr(c) << aClassShift
						}
					}
				case w[0] == '.':
					a |= attr(must(specialNames, w[1:])) << aSpecialShift
				default:
					a |= must(attrNames, w)
				}
			}
			opcodes(words[0], func(op int) { t[n][op] |= a | mandatory })
		}
	}
	return t
}

func parseVector(spec string) *[11]vectorTable {
	t := new([11]vectorTable)
	for line := range strings.Lines(spec) {
		words := strings.Fields(line)
		pp := map[string]int{"np": 0, "66": 1, "f3": 2, "f2": 3}[words[1]]
		for _, w := range words[2:] {
			w, lengths, ok := strings.Cut(w, ":")
			v := vattr(7) << vLenShift
			if ok {
				v = vattr(hexNum(lengths)) << vLenShift
			}
			for {
				flag := map[byte]vattr{'!': vUnused, 'k': vNoMask, 'K': vMask}[w[len(w)-1]]
				if flag == 0 {
					break
				}
				v |= flag
				w = w[:len(w)-1]
			}
			w, regs, ok := strings.Cut(w, "/")
			ops, forms, _ := strings.Cut(w, "=")
			v |= vattr(hexNum(forms))
			if ok {
				v |= vattr(hexNum(regs)) << 8
			} else {
				v |= 0xffff << 8
			}
			opcodes(ops, func(op int) { t[hexNum(words[0])][pp][op] = v })
		}
	}
	return t
}

// opcodes calls f for every opcode of a list.
func opcodes(list string, f func(op int)) {
	for part := range strings.SplitSeq(list, ",") {
		part, by, _ := strings.Cut(part, "/")
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		step := 1
		if by != "" {
			step = hexNum(by)
		}
		for op := hexNum(first); op <= hexNum(last); op += step {
			f(op)
		}
	}
}

// hex and must stop the program at start: the tables are constants, and a test would not start either.
func hexNum(s string) int {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		panic("decode: table: " + err.Error())
	}
	return int(n)
}

func must[V any](m map[string]V, word string) V {
	v, ok := m[word]
	if !ok {
		panic("decode: table: unknown word " + word)
	}
	return v
}
