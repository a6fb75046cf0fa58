//go:build windows

package winhost

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Names. A Linux name is bytes, a Windows name is 16-bit units without some
// characters. As in Cygwin and WSL, a character that Windows refuses becomes
// U+F000 plus itself; so does a byte that is not part of valid UTF-8. A
// character that already looks like one of those is written as its bytes, so
// that every Linux name has one Windows name and comes back as it was.
// A Windows name with half a surrogate pair is listed with three bytes in its
// place and cannot be opened: the other way round, Wine could not store it.

const privateUse = 0xF000

// refused tells the ASCII characters that cannot be in a name. Dots and
// spaces are refused at the end only.
func refused(c rune) bool {
	return c < 0x20 && c > 0 || strings.ContainsRune(`"*:<>?|\`, c)
}

// mapped tells whether U+F000+c stands for the byte c.
func mapped(c rune) bool {
	return c >= 0x80 && c <= 0xFF || c == '.' || c == ' ' || refused(c)
}

// appendName appends a path of Linux's form with backslashes.
func appendName(dst []uint16, path string) []uint16 {
	for i := 0; i < len(path); {
		c := path[i]
		if c < utf8.RuneSelf {
			i++
			last := i == len(path) || path[i] == '/'
			switch {
			case c == '/':
				dst = append(dst, '\\')
			case refused(rune(c)) || last && (c == '.' || c == ' '):
				dst = append(dst, privateUse|uint16(c))
			default:
				dst = append(dst, uint16(c))
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(path[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, privateUse|uint16(c))
		case r >= privateUse && r <= privateUse|0xFF && mapped(r&0xFF):
			for _, b := range []byte(path[i : i+n]) {
				dst = append(dst, privateUse|uint16(b))
			}
		default:
			dst = utf16.AppendRune(dst, r)
		}
		i += n
	}
	return dst
}

// decodeName turns one name of Windows into bytes.
func decodeName(u []uint16) string {
	b := make([]byte, 0, len(u)+8)
	for i := 0; i < len(u); i++ {
		c := rune(u[i])
		switch {
		case c < utf8.RuneSelf:
			b = append(b, byte(c))
		case c >= privateUse && c <= privateUse|0xFF && mapped(c&0xFF):
			b = append(b, byte(c))
		case c >= 0xD800 && c < 0xE000:
			if i+1 < len(u) {
				if r := utf16.DecodeRune(c, rune(u[i+1])); r != utf8.RuneError {
					b = utf8.AppendRune(b, r)
					i++
					continue
				}
			}
			b = append(b, 0xED, 0x80|byte(c>>6)&0x3F, 0x80|byte(c)&0x3F)
		default:
			b = utf8.AppendRune(b, c)
		}
	}
	return string(b)
}

// ntPath turns a full path in Windows' notation into the NT form.
func ntPath(full string) string {
	full = strings.ReplaceAll(full, "/", `\`)
	switch {
	case strings.HasPrefix(full, `\??\`):
		return full
	case strings.HasPrefix(full, `\\?\`):
		return `\??\` + full[4:]
	case strings.HasPrefix(full, `\\`):
		return `\??\UNC\` + full[2:]
	}
	return `\??\` + full
}
