//go:build windows

package winhost

import (
	"encoding/binary"
	"strings"
	"syscall"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Symbolic links. Windows' own need a privilege, so new ones are WSL's
// (IO_REPARSE_TAG_LX_SYMLINK: a version and the target in UTF-8), or, where
// the volume takes no reparse points, Cygwin's: a file with the system
// attribute that holds a mark and the target in UTF-16. All three are read;
// junctions are folders.
const (
	tagSymlink   = 0xA000000C // IO_REPARSE_TAG_SYMLINK
	tagLXSymlink = 0xA000001D // IO_REPARSE_TAG_LX_SYMLINK

	fsctlSetReparse = 0x000900A4
	fsctlGetReparse = 0x000900A8

	cygwinMark = "!<symlink>"
	maxLink    = 2*abi.PATH_MAX + 16 // bytes of a link in Cygwin's form
)

func isLinkTag(t uint32) bool { return t == tagSymlink || t == tagLXSymlink }

func fsControl(h windows.Handle, code uint32, in, out []byte) (int, windows.NTStatus) {
	var io windows.IO_STATUS_BLOCK
	r, _, _ := syscall.SyscallN(ntFsControl.Addr(), uintptr(h), 0, 0, 0, uintptr(unsafe.Pointer(&io)), uintptr(code),
		uintptr(unsafe.Pointer(unsafe.SliceData(in))), uintptr(len(in)), uintptr(unsafe.Pointer(unsafe.SliceData(out))), uintptr(len(out)))
	return int(io.Information), windows.NTStatus(r)
}

// readReparse tells the target of a reparse point that is a link.
func readReparse(h windows.Handle) (string, abi.Errno) {
	buf := make([]byte, 16<<10)
	n, st := fsControl(h, fsctlGetReparse, nil, buf)
	if st != 0 {
		return "", statusErrno(st)
	}
	if n < 8 {
		return "", abi.EINVAL
	}
	data := buf[8:min(n, 8+int(binary.LittleEndian.Uint16(buf[4:])))]
	switch binary.LittleEndian.Uint32(buf) {
	case tagLXSymlink:
		if len(data) >= 4 {
			return string(data[4:]), 0
		}
	case tagSymlink:
		if len(data) < 12 {
			break
		}
		off, size := int(binary.LittleEndian.Uint16(data[4:])), int(binary.LittleEndian.Uint16(data[6:]))
		if size == 0 { // no name to print: the real one
			off, size = int(binary.LittleEndian.Uint16(data)), int(binary.LittleEndian.Uint16(data[2:]))
		}
		if names := data[12:]; off+size <= len(names) {
			return linuxTarget(decodeUTF16(names[off : off+size])), 0
		}
	}
	return "", abi.EINVAL
}

func decodeUTF16(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return decodeName(u)
}

// linuxTarget turns the target of a link of Windows into a path as the
// default mounts have it.
func linuxTarget(s string) string {
	s = strings.TrimPrefix(s, `\??\`)
	s = strings.ReplaceAll(s, `\`, "/")
	if len(s) >= 2 && s[1] == ':' {
		s = "/mnt/" + strings.ToLower(s[:1]) + s[2:]
	}
	return s
}

// readCygwin reads a link in Cygwin's form; EINVAL if it is none.
func (f *Files) readCygwin(h windows.Handle, size int64) (string, abi.Errno) {
	if size < int64(len(cygwinMark)) || size > maxLink {
		return "", abi.EINVAL
	}
	b := make([]byte, size)
	n, e := f.begin(h, b)
	if e != 0 {
		return "", e
	}
	s := string(b[:n])
	s, ok := strings.CutPrefix(s, cygwinMark)
	if !ok {
		return "", abi.EINVAL
	}
	if u, ok := strings.CutPrefix(s, "\xff\xfe"); ok {
		return strings.TrimRight(decodeUTF16([]byte(u)), "\x00"), 0
	}
	return strings.TrimRight(s, "\x00"), 0 // Cygwin before 1.7
}

func (t *tree) Readlink(path string) (string, abi.Errno) {
	h, e := t.openStat(path)
	if e != 0 {
		return "", e
	}
	defer windows.CloseHandle(h)
	attr, reparse, st := tag(h)
	switch {
	case st != 0:
		return "", statusErrno(st)
	case attr&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 && isLinkTag(reparse):
		return readReparse(h)
	case attr&(windows.FILE_ATTRIBUTE_SYSTEM|windows.FILE_ATTRIBUTE_DIRECTORY) == windows.FILE_ATTRIBUTE_SYSTEM:
		var std standardInfo
		if st := query(h, infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)); st != 0 {
			return "", statusErrno(st)
		}
		return t.f.readCygwin(h, std.size)
	}
	return "", abi.EINVAL
}

func (t *tree) Symlink(target, path string) abi.Errno {
	h, _, st := t.open(path, windows.FILE_GENERIC_READ|windows.FILE_GENERIC_WRITE|windows.DELETE, windows.FILE_CREATE,
		windows.FILE_NON_DIRECTORY_FILE, windows.FILE_ATTRIBUTE_NORMAL, nil)
	if st != 0 {
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	if !t.vol().noLinkTags.Load() {
		b := make([]byte, 12, 12+len(target))
		binary.LittleEndian.PutUint32(b, tagLXSymlink)
		binary.LittleEndian.PutUint16(b[4:], uint16(4+len(target)))
		b[8] = 2 // version
		if _, st = fsControl(h, fsctlSetReparse, append(b, target...), nil); st == 0 {
			return 0
		}
		t.vol().noLinkTags.Store(true)
	}
	b := []byte(cygwinMark + "\xff\xfe")
	for _, c := range appendTarget(nil, target) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	b = append(b, 0, 0)
	_, e := t.f.WriteAt(host.Handle(h), b, 0)
	if e == 0 {
		basic := [5]int64{4: windows.FILE_ATTRIBUTE_SYSTEM}
		e = statusErrno(set(h, infoBasic, unsafe.Pointer(&basic), unsafe.Sizeof(basic)))
	}
	if e != 0 {
		dispose(h)
	}
	return e
}

// appendTarget is UTF-16 of a target, with bytes that are not UTF-8 kept.
func appendTarget(dst []uint16, s string) []uint16 {
	for _, part := range strings.SplitAfter(s, "/") {
		name, slash := strings.CutSuffix(part, "/")
		for _, r := range name {
			if r == 0xFFFD || r >= privateUse && r <= privateUse|0xFF {
				dst = appendName(dst, name) // rare: the way of names
				name = ""
				break
			}
		}
		dst = append(dst, utf16.Encode([]rune(name))...)
		if slash {
			dst = append(dst, '/')
		}
	}
	return dst
}
