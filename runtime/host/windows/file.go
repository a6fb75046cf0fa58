//go:build windows

package winhost

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// The NT calls that files need, bound once: os.File and the wrappers of x/sys
// cost several times what the calls do.
var (
	ntdll              = windows.NewLazySystemDLL("ntdll.dll")
	ntReadFile         = ntdll.NewProc("NtReadFile")
	ntWriteFile        = ntdll.NewProc("NtWriteFile")
	ntQueryDirectory   = ntdll.NewProc("NtQueryDirectoryFile")
	ntQueryVolume      = ntdll.NewProc("NtQueryVolumeInformationFile")
	ntFsControl        = ntdll.NewProc("NtFsControlFile")
	ntQuerySecurity    = ntdll.NewProc("NtQuerySecurityObject")
	ntSetSecurity      = ntdll.NewProc("NtSetSecurityObject")
	ntQueryObject      = ntdll.NewProc("NtQueryObject")
	ntFlushBuffersFile = ntdll.NewProc("NtFlushBuffersFile")
)

// Classes of NtQueryInformationFile and NtSetInformationFile.
const (
	infoBasic         = 4
	infoStandard      = 5
	infoInternal      = 6
	infoRename        = 10
	infoLink          = 11
	infoDisposition   = 13
	infoPosition      = 14
	infoAll           = 18
	infoAllocation    = 19
	infoEndOfFile     = 20
	infoPipeLocal     = 24
	infoAttributeTag  = 35
	infoID            = 59
	infoDispositionEx = 64
	infoRenameEx      = 65
	infoCaseSensitive = 71
)

const (
	createdNew = 2 // IO_STATUS_BLOCK.Information after NtCreateFile: FILE_CREATED

	shareAll = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE

	optBase = windows.FILE_SYNCHRONOUS_IO_NONALERT | windows.FILE_OPEN_FOR_BACKUP_INTENT | windows.FILE_OPEN_REPARSE_POINT

	// What a stat needs: attributes, the security descriptor, the first
	// bytes (links in Cygwin's form) or the entries (to count folders).
	accessStat = windows.FILE_READ_ATTRIBUTES | windows.FILE_READ_EA | windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_DATA
)

// Files are the files of Windows.
type Files struct {
	frames sync.Pool // *frame

	mu      sync.RWMutex
	volumes map[uint64]*volume // by serial number
	modes   map[fileKey]uint32 // permissions that the volume cannot keep, see mode.go

	// ofHandle remembers the volume of open files: asking takes long under
	// Wine. hidden counts, by file, the names that are deleted and that the
	// host still counts as links, see hide.
	ofHandle map[windows.Handle]*volume
	hidden   map[fileKey]uint32
	later    map[fileKey]laterFile // files to be deleted, see deleteLater
	temps    map[windows.Handle]temp

	// strict counts the folders that were given a mode, where only modes
	// knows it, in which their owner lacks a right.
	strict atomic.Int32

	sids    func() sids // read once
	trash   trashNames
	aheads  aheads
	behinds behinds

	terminal func() host.Terminal // opened once
}

var _ host.Files = (*Files)(nil)

// NewFiles makes the one Files of a process.
func NewFiles() *Files {
	f := &Files{
		volumes: map[uint64]*volume{}, modes: map[fileKey]uint32{}, ofHandle: map[windows.Handle]*volume{}, hidden: map[fileKey]uint32{}, temps: map[windows.Handle]temp{},
		sids: sync.OnceValue(readSIDs), terminal: sync.OnceValue(openConsole),
	}
	f.frames.New = func() any { return new(frame) }
	return f
}

// frame is what a transfer passes by address. It comes from a pool because
// pointers given to a system call escape, and a transfer must not allocate.
type frame struct {
	iosb   windows.IO_STATUS_BLOCK
	offset int64
}

const (
	offNone   = int64(-1 << 63)
	offAppend = int64(-1) // FILE_WRITE_TO_END_OF_FILE
)

// transfer is one NtReadFile or NtWriteFile.
func (f *Files) transfer(proc *windows.LazyProc, h host.Handle, p []byte, off int64) (int, windows.NTStatus) {
	fr := f.frames.Get().(*frame)
	fr.offset = off
	var po unsafe.Pointer
	if off != offNone {
		po = unsafe.Pointer(&fr.offset)
	}
	n := min(len(p), 1<<30)
	r, _, _ := syscall.SyscallN(proc.Addr(), uintptr(h), 0, 0, 0, uintptr(unsafe.Pointer(&fr.iosb)), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(n), uintptr(po), 0)
	st := windows.NTStatus(r)
	if st == statusPending {
		// The caller gave a handle that was opened for overlapped transfers.
		_, _ = windows.WaitForSingleObject(windows.Handle(h), windows.INFINITE)
		st = windows.NTStatus(fr.iosb.Status)
	}
	done := int(fr.iosb.Information)
	f.frames.Put(fr)
	if st>>30 == 3 || done < 0 || done > n {
		done = 0
	}
	return done, st
}

// ReadAt implements host.Files.
func (f *Files) ReadAt(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	n, st := f.transfer(ntReadFile, h, p, off)
	switch st {
	case 0, statusEndOfFile:
		return n, 0
	}
	return n, statusErrno(st)
}

// WriteAt implements host.Files.
func (f *Files) WriteAt(h host.Handle, p []byte, off int64) (int, abi.Errno) {
	n, st := f.transfer(ntWriteFile, h, p, off)
	return n, statusErrno(st)
}

// Append implements host.Files.
func (f *Files) Append(h host.Handle, p []byte) (int, abi.Errno) {
	n, st := f.transfer(ntWriteFile, h, p, offAppend)
	return n, statusErrno(st)
}

// Read implements host.Files.
func (f *Files) Read(h host.Handle, p []byte) (int, abi.Errno) {
	if a := f.aheads.of(h); a != nil {
		return a.read(p, nil)
	}
	return f.readNow(h, p)
}

func (f *Files) readNow(h host.Handle, p []byte) (int, abi.Errno) {
	n, st := f.transfer(ntReadFile, h, p, offNone)
	switch st {
	case 0, statusEndOfFile:
		return n, 0
	case statusPipeBroken, statusPipeClosing, statusPipeDisconnected:
		return 0, 0 // the last writer is gone: the end of the file
	case statusBufferOverflow:
		return n, 0 // a pipe of messages, and the rest of this one comes next
	}
	return n, statusErrno(st)
}

// Write implements host.Files.
func (f *Files) Write(h host.Handle, p []byte) (int, abi.Errno) {
	n, st := f.transfer(ntWriteFile, h, p, offNone)
	return n, statusErrno(st)
}

// Seek implements host.Files.
func (f *Files) Seek(h host.Handle, off int64, whence int) (int64, abi.Errno) {
	n, err := syscall.Seek(syscall.Handle(h), off, whence)
	if err != nil {
		return 0, Errno(err)
	}
	return n, 0
}

// Close implements host.Files.
func (f *Files) Close(h host.Handle) abi.Errno {
	f.aheads.closing(h)
	f.behinds.closing(h)
	f.mu.Lock()
	v := f.ofHandle[windows.Handle(h)]
	delete(f.ofHandle, windows.Handle(h))
	tmp, isTemp := f.temps[windows.Handle(h)]
	delete(f.temps, windows.Handle(h))
	hidden := len(f.hidden) > 0
	f.mu.Unlock()
	if hidden && v != nil {
		// The number of a file that is gone may soon be another's.
		if key, ok := keyOf(v, windows.Handle(h)); ok && !f.openElsewhere(v, key) {
			f.mu.Lock()
			if f.hidden[key] > 0 && v.method != modeLX && onlyHidden(windows.Handle(h), f.hidden[key]) {
				delete(f.modes, key)
			}
			delete(f.hidden, key)
			f.mu.Unlock()
			defer f.deleteNow(key)
		}
	}
	if isTemp && !tmp.onClose {
		_ = dispose(windows.Handle(h))
	}
	return Errno(windows.CloseHandle(windows.Handle(h)))
}

// openElsewhere tells whether another handle has the file open.
func (f *Files) openElsewhere(v *volume, key fileKey) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for h, o := range f.ofHandle {
		if o == v {
			if k, ok := keyOf(v, h); ok && k == key {
				return true
			}
		}
	}
	return false
}

// onlyHidden tells whether a file has no name but hidden ones.
func onlyHidden(h windows.Handle, hidden uint32) bool {
	var std standardInfo
	return query(h, infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)) == 0 && std.links <= hidden
}

// opened remembers the volume of a handle that Close will get.
func (f *Files) opened(h windows.Handle, v *volume) host.Handle {
	f.mu.Lock()
	f.ofHandle[h] = v
	f.mu.Unlock()
	return host.Handle(h)
}

// volumeFor tells the volume of an open file as it was when the file was
// opened: Wine looks for it by the name that the file had then.
func (f *Files) volumeFor(h windows.Handle) *volume {
	f.mu.RLock()
	v := f.ofHandle[h]
	f.mu.RUnlock()
	if v == nil {
		v = f.volumeOf(h)
	}
	return v
}

// keyOf asks for a file's number.
func keyOf(v *volume, h windows.Handle) (fileKey, bool) {
	var index uint64
	st := query(h, infoInternal, unsafe.Pointer(&index), unsafe.Sizeof(index))
	return fileKey{v.dev, index}, st == 0
}

// Sync implements host.Files.
func (f *Files) Sync(h host.Handle) abi.Errno {
	var io windows.IO_STATUS_BLOCK
	r, _, _ := syscall.SyscallN(ntFlushBuffersFile.Addr(), uintptr(h), uintptr(unsafe.Pointer(&io)))
	if st := windows.NTStatus(r); st != statusAccessDenied { // a handle for reading only has nothing to flush
		return statusErrno(st)
	}
	return 0
}

// set is NtSetInformationFile.
func set(h windows.Handle, class uint32, p unsafe.Pointer, size uintptr) windows.NTStatus {
	var io windows.IO_STATUS_BLOCK
	return status(windows.NtSetInformationFile(h, &io, (*byte)(p), uint32(size), class))
}

// query is NtQueryInformationFile. A name that did not fit does not matter.
func query(h windows.Handle, class uint32, p unsafe.Pointer, size uintptr) windows.NTStatus {
	var io windows.IO_STATUS_BLOCK
	st := status(windows.NtQueryInformationFile(h, &io, (*byte)(p), uint32(size), class))
	if st == statusBufferOverflow {
		return 0
	}
	return st
}

func status(err error) windows.NTStatus {
	if err == nil {
		return 0
	}
	if st, ok := err.(windows.NTStatus); ok {
		return st
	}
	return windows.NTStatus(0xC0000001)
}

// Allocate implements host.Files.
func (f *Files) Allocate(h host.Handle, size int64) abi.Errno {
	var std standardInfo
	if st := query(windows.Handle(h), infoStandard, unsafe.Pointer(&std), unsafe.Sizeof(std)); st != 0 {
		return statusErrno(st)
	}
	if std.allocation >= size {
		return 0
	}
	switch st := set(windows.Handle(h), infoAllocation, unsafe.Pointer(&size), 8); st {
	case statusNotImplemented, statusNotSupported, statusInvalidInfoClass:
		return 0 // space is not reserved then; writing may fail later
	default:
		return statusErrno(st)
	}
}

// tree is a folder by its NT path.
type tree struct {
	f      *Files
	prefix []uint16 // without a backslash at the end
	vol    func() *volume
}

var _ host.Tree = (*tree)(nil)

// Mount implements host.Files.
func (f *Files) Mount(native string) (host.Tree, abi.Errno) {
	p, err := windows.FullPath(native)
	if err != nil {
		return nil, Errno(err)
	}
	u, err := windows.UTF16FromString(strings.TrimRight(ntPath(p), `\`))
	if err != nil {
		return nil, abi.ENOENT
	}
	t := &tree{f: f, prefix: u[:len(u)-1]}
	h, _, st := t.open("", accessStat, windows.FILE_OPEN, windows.FILE_DIRECTORY_FILE, 0, nil)
	if st == statusAccessDenied || st == statusSharingViolation {
		h, _, st = t.open("", windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, windows.FILE_DIRECTORY_FILE, 0, nil)
	}
	if st != 0 {
		return nil, statusErrno(st)
	}
	t.vol = sync.OnceValue(func() *volume {
		defer windows.CloseHandle(h)
		return f.volumeOf(h)
	})
	return t, 0
}

// name makes the NT path of a path of this tree.
func (t *tree) name(path string) []uint16 {
	u := make([]uint16, 0, len(t.prefix)+len(path)+2)
	u = append(u, t.prefix...)
	if path != "" || len(t.prefix) > 0 && t.prefix[len(t.prefix)-1] == ':' {
		u = append(u, '\\') // a drive's root needs it
	}
	return appendName(u, path)
}

// open is NtCreateFile. An absolute security descriptor may be given to new
// files.
func (t *tree) open(path string, access, disposition, options, attributes uint32, sd *windows.SECURITY_DESCRIPTOR) (windows.Handle, bool, windows.NTStatus) {
	return create(t.name(path), access, shareAll, disposition, options|optBase, attributes, sd)
}

func create(name []uint16, access, share, disposition, options, attributes uint32, sd *windows.SECURITY_DESCRIPTOR) (windows.Handle, bool, windows.NTStatus) {
	if len(name) > 32766 {
		return 0, false, statusNameTooLong
	}
	us := windows.NTUnicodeString{Length: uint16(len(name) * 2), MaximumLength: uint16(len(name) * 2), Buffer: unsafe.SliceData(name)}
	oa := windows.OBJECT_ATTRIBUTES{ObjectName: &us, SecurityDescriptor: sd}
	oa.Length = uint32(unsafe.Sizeof(oa))
	for try := 0; ; try++ {
		var io windows.IO_STATUS_BLOCK
		var h windows.Handle
		st := status(windows.NtCreateFile(&h, access, &oa, &io, nil, attributes, share, disposition, options, 0, 0))
		if st == windows.STATUS_UNSUCCESSFUL && len(name) > abi.PATH_MAX/2 {
			st = statusNameTooLong // Wine's server has no word for the limit of the system that it runs on
		}
		if try == busyTries || share == 0 || !(st == statusSharingViolation || st == statusDeletePending && disposition != windows.FILE_OPEN) {
			return h, st == 0 && io.Information == createdNew, st
		}
		time.Sleep(busyPause)
	}
}

// Another runner that deletes or replaces a file without POSIX semantics has
// it for itself for a moment (see remove), and so have virus scanners and
// indexers. A file that is busy is tried this often before EBUSY.
const (
	busyTries = 20
	busyPause = time.Millisecond
)

// tag tells attributes and, for reparse points, what kind they are.
func tag(h windows.Handle) (attributes, reparse uint32, st windows.NTStatus) {
	var b [2]uint32
	st = query(h, infoAttributeTag, unsafe.Pointer(&b), unsafe.Sizeof(b))
	return b[0], b[1], st
}

func (t *tree) Open(path string, flags int, perm uint32) (host.Handle, host.Kind, abi.Errno) {
	access := uint32(windows.FILE_GENERIC_READ)
	options := uint32(0)
	write := flags&abi.O_ACCMODE != abi.O_RDONLY
	switch flags & abi.O_ACCMODE {
	case abi.O_WRONLY:
		access = windows.FILE_GENERIC_WRITE | windows.FILE_READ_ATTRIBUTES | windows.FILE_READ_EA
	case abi.O_RDWR:
		access |= windows.FILE_GENERIC_WRITE
	}
	if flags&abi.O_TRUNC != 0 {
		access |= windows.FILE_WRITE_DATA
	}
	switch {
	case flags&abi.O_DIRECTORY != 0:
		options |= windows.FILE_DIRECTORY_FILE
	case write || flags&abi.O_CREAT != 0:
		options |= windows.FILE_NON_DIRECTORY_FILE
	}
	disposition := uint32(windows.FILE_OPEN)
	if flags&abi.O_CREAT != 0 {
		disposition = windows.FILE_OPEN_IF
		if flags&abi.O_EXCL != 0 {
			disposition = windows.FILE_CREATE
		}
	}
	// The owner may always change modes and times; asked for at once, because
	// the program may want to.
	extra := uint32(0)
	if write || flags&abi.O_CREAT != 0 {
		extra = t.vol().chmodRights()
	}
	h, created, st := t.open(path, access|extra, disposition, options, windows.FILE_ATTRIBUTE_NORMAL, nil)
	if st == statusAccessDenied && extra != 0 {
		h, created, st = t.open(path, access, disposition, options, windows.FILE_ATTRIBUTE_NORMAL, nil)
	}
	if st != 0 {
		return host.NoHandle, 0, t.openError(path, st)
	}
	if created {
		t.vol().created(t.f, h, perm, false)
		return t.f.opened(h, t.vol()), host.Regular, 0
	}
	vol := t.vol()
	attr, reparse, st := tag(h)
	if st != 0 {
		_ = windows.CloseHandle(h)
		return host.NoHandle, 0, statusErrno(st)
	}
	if attr&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		_ = windows.CloseHandle(h)
		if isLinkTag(reparse) {
			return host.NoHandle, 0, abi.ELOOP
		}
		// Junctions, cloud files, compressed files: Windows opens what is
		// behind.
		h, _, st = create(t.name(path), access, shareAll, windows.FILE_OPEN, options|optBase&^windows.FILE_OPEN_REPARSE_POINT, 0, nil)
		if st != 0 {
			return host.NoHandle, 0, statusErrno(st)
		}
		vol = t.f.volumeOf(h)
	}
	if attr&(windows.FILE_ATTRIBUTE_SYSTEM|windows.FILE_ATTRIBUTE_DIRECTORY) == windows.FILE_ATTRIBUTE_SYSTEM {
		if _, e := t.Readlink(path); e == 0 {
			_ = windows.CloseHandle(h)
			return host.NoHandle, 0, abi.ELOOP
		}
	}
	if flags&host.CheckMode != 0 {
		want := [...]uint32{abi.O_RDONLY: 4, abi.O_WRONLY: 2, abi.O_RDWR: 6, abi.O_ACCMODE: 6}[flags&abi.O_ACCMODE]
		if flags&abi.O_TRUNC != 0 {
			want |= 2
		}
		if e := t.f.check(h, vol, attr, want); e != 0 {
			_ = windows.CloseHandle(h)
			return host.NoHandle, 0, e
		}
	}
	if attr&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		return t.f.opened(h, vol), host.Directory, 0
	}
	if flags&abi.O_TRUNC != 0 {
		if e := t.f.Truncate(host.Handle(h), 0); e != 0 {
			_ = windows.CloseHandle(h)
			return host.NoHandle, 0, e
		}
	}
	return t.f.opened(h, vol), host.Regular, 0
}

// openError tells why an open failed, where Windows says less than Linux.
func (t *tree) openError(path string, st windows.NTStatus) abi.Errno {
	switch st {
	case statusNotADirectory, statusFileIsADirectory:
		// It may be a link, which is neither.
		if _, e := t.Readlink(path); e == 0 {
			return abi.ELOOP
		}
	case statusNameCollision:
		return abi.EEXIST
	}
	return statusErrno(st)
}

// standardInfo is FILE_STANDARD_INFORMATION.
type standardInfo struct {
	allocation, size   int64
	links              uint32
	deleted, directory bool
	_                  uint16
}

// allInfo is FILE_ALL_INFORMATION up to what is used of it.
type allInfo struct {
	creation, access, write, change int64
	attributes, _                   uint32
	standard                        standardInfo
	index                           int64
	eaSize, granted                 uint32
	position                        int64
	mode, alignment, nameLength     uint32
	name                            [2]uint16
}

// query reads it all at once, or in parts: Wine refuses the whole for a file
// that came from Linux, which has no name.
func (a *allInfo) query(h windows.Handle) windows.NTStatus {
	if st := query(h, infoAll, unsafe.Pointer(a), unsafe.Sizeof(*a)); st != statusTypeMismatch {
		return st
	}
	if st := query(h, infoBasic, unsafe.Pointer(a), unsafe.Offsetof(a.standard)); st != 0 {
		return st
	}
	if st := query(h, infoStandard, unsafe.Pointer(&a.standard), unsafe.Sizeof(a.standard)); st != 0 {
		return st
	}
	return query(h, infoInternal, unsafe.Pointer(&a.index), unsafe.Sizeof(a.index))
}

const epoch = 116444736000000000 // 1970 in Windows' 100 ns units

func nanos(t int64) int64 { return (t - epoch) * 100 }

func ticks(ns int64) int64 {
	t := ns / 100
	if ns%100 < 0 {
		t--
	}
	return t + epoch
}

// Fstat implements host.Files.
func (f *Files) Fstat(h host.Handle, st *host.Stat) abi.Errno {
	f.mu.RLock()
	v := f.ofHandle[windows.Handle(h)]
	f.mu.RUnlock()
	if v != nil { // opened here, so it is no device; to ask makes Wine read from the file
		return f.stat(windows.Handle(h), v, st, true)
	}
	switch typ, _ := windows.GetFileType(windows.Handle(h)); typ {
	case windows.FILE_TYPE_PIPE:
		*st = host.Stat{Dev: 13, Ino: uint64(h), Mode: abi.S_IFIFO | 0o600, Nlink: 1, UID: ^uint32(0), GID: ^uint32(0), Blksize: 4096}
		return 0
	case windows.FILE_TYPE_CHAR:
		*st = host.Stat{Dev: 5, Ino: 3, Mode: abi.S_IFCHR | 0o620, Nlink: 1, UID: ^uint32(0), GID: ^uint32(0), Rdev: 0x8801, Blksize: 1024}
		var mode uint32
		if windows.GetConsoleMode(windows.Handle(h), &mode) != nil {
			st.Rdev, st.Mode = 0x103, abi.S_IFCHR|0o666 // NUL
		}
		return 0
	}
	v = f.volumeOf(windows.Handle(h))
	f.opened(windows.Handle(h), v)
	return f.stat(windows.Handle(h), v, st, true)
}

// junction is stat's answer for a reparse point that is no link: the caller
// looks at what is behind it.
const junction = ^abi.Errno(0)

// stat is Fstat of a file on a volume that is known. through tells that h was
// opened through whatever reparse points there are.
func (f *Files) stat(h windows.Handle, v *volume, st *host.Stat, through bool) abi.Errno {
	var a allInfo
	if e := a.query(h); e != 0 {
		return statusErrno(e)
	}
	*st = host.Stat{
		Dev: v.dev, Ino: uint64(a.index), Nlink: a.standard.links, UID: ^uint32(0), GID: ^uint32(0),
		Size: a.standard.size, Blksize: 4096, Blocks: (a.standard.allocation + 511) / 512,
		Atime: nanos(a.access), Mtime: nanos(a.write), Ctime: nanos(a.change), Btime: nanos(a.creation),
	}
	f.mu.RLock()
	if n := f.hidden[fileKey{v.dev, uint64(a.index)}]; n > 0 {
		st.Nlink -= min(n, st.Nlink)
	}
	f.mu.RUnlock()
	if a.change == 0 {
		st.Ctime = st.Mtime // volumes without a change time
	}
	if a.attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		_, reparse, _ := tag(h)
		switch {
		case isLinkTag(reparse):
			if target, e := readReparse(h); e == 0 {
				asLink(st, target)
				return 0
			}
		case !through:
			return junction
		}
	}
	if a.standard.directory {
		st.Mode, st.Size, st.Blocks = abi.S_IFDIR, 4096, 8
		f.mu.RLock()
		gone := a.standard.deleted || f.hidden[fileKey{v.dev, uint64(a.index)}] > 0
		f.mu.RUnlock()
		if st.Nlink = 0; !gone {
			st.Nlink = f.subfolders(h)
		}
		st.Mode |= f.permissions(h, v, &a, st)
		return 0
	}
	if a.attributes&windows.FILE_ATTRIBUTE_SYSTEM != 0 {
		if target, e := f.readCygwin(h, a.standard.size); e == 0 {
			asLink(st, target)
			return 0
		}
	}
	st.Mode = abi.S_IFREG
	st.Mode |= f.permissions(h, v, &a, st)
	return 0
}

func asLink(st *host.Stat, target string) {
	st.Mode, st.Size, st.Blocks = abi.S_IFLNK|0o777, int64(len(target)), 0
}

// openStat opens a file for questions about it. The link itself is opened,
// but what is behind a junction.
func (t *tree) openStat(path string) (windows.Handle, abi.Errno) {
	h, _, st := t.open(path, accessStat, windows.FILE_OPEN, 0, 0, nil)
	if st == statusAccessDenied || st == statusSharingViolation {
		h, _, st = t.open(path, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil)
	}
	if st != 0 {
		return 0, statusErrno(st)
	}
	return h, 0
}

func (t *tree) Lstat(path string, st *host.Stat) abi.Errno {
	h, e := t.openStat(path)
	if e != 0 {
		return e
	}
	defer windows.CloseHandle(h)
	e = t.f.stat(h, t.vol(), st, false)
	if e == junction {
		b, _, s := create(t.name(path), accessStat, shareAll, windows.FILE_OPEN, optBase&^windows.FILE_OPEN_REPARSE_POINT, 0, nil)
		if s != 0 {
			return statusErrno(s)
		}
		defer windows.CloseHandle(b)
		return t.f.stat(b, t.f.volumeOf(b), st, true)
	}
	return e
}

func (t *tree) Type(path string) (uint32, abi.Errno) {
	h, _, st := t.open(path, windows.FILE_READ_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil)
	if st != 0 {
		return 0, statusErrno(st)
	}
	attr, reparse, st := tag(h)
	_ = windows.CloseHandle(h)
	switch {
	case st != 0:
		return 0, statusErrno(st)
	case attr&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 && isLinkTag(reparse):
		return abi.S_IFLNK, 0
	case attr&windows.FILE_ATTRIBUTE_DIRECTORY != 0:
		return abi.S_IFDIR, 0
	case attr&windows.FILE_ATTRIBUTE_SYSTEM != 0:
		if _, e := t.Readlink(path); e == 0 {
			return abi.S_IFLNK, 0
		}
	}
	return abi.S_IFREG, 0
}

func (t *tree) Mkdir(path string, perm uint32) abi.Errno {
	h, created, st := t.open(path, accessStat|t.vol().chmodRights(),
		windows.FILE_CREATE, windows.FILE_DIRECTORY_FILE, windows.FILE_ATTRIBUTE_NORMAL, nil)
	if st != 0 {
		if st == statusNotADirectory {
			return abi.EEXIST
		}
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	if created {
		t.vol().created(t.f, h, perm, true)
		// New folders are to tell names apart as Linux does; NTFS can where
		// the feature for it is there.
		if yes := uint32(1); !t.vol().noCase.Load() && set(h, infoCaseSensitive, unsafe.Pointer(&yes), 4) != 0 {
			t.vol().noCase.Store(true)
		}
	}
	return 0
}

// Fchmod implements host.Files.
func (f *Files) Fchmod(h host.Handle, perm uint32) abi.Errno {
	w, e := f.reopen(windows.Handle(h), windows.FILE_WRITE_ATTRIBUTES|windows.FILE_WRITE_EA|windows.WRITE_DAC|windows.WRITE_OWNER)
	if e == abi.ENOENT {
		// On its way out: nobody but its handles will ask.
		v := f.volumeFor(windows.Handle(h))
		if key, ok := keyOf(v, windows.Handle(h)); ok {
			if v.method == modeLX {
				_ = setLX(windows.Handle(h), perm, false)
			}
			f.mu.Lock()
			f.modes[key] = perm & 0o7777
			f.mu.Unlock()
			return 0
		}
	}
	if e != 0 {
		return e
	}
	defer windows.CloseHandle(w)
	return f.volumeFor(windows.Handle(h)).chmod(f, w, perm)
}

// SetTimesOf implements host.Files.
func (f *Files) SetTimesOf(h host.Handle, atime, mtime int64) abi.Errno {
	w, e := f.reopen(windows.Handle(h), windows.FILE_WRITE_ATTRIBUTES)
	if e == abi.ENOENT { // on its way out: if the handle has the right
		return setTimes(windows.Handle(h), atime, mtime)
	}
	if e != 0 {
		return e
	}
	defer windows.CloseHandle(w)
	return setTimes(w, atime, mtime)
}

func setTimes(h windows.Handle, atime, mtime int64) abi.Errno {
	var b [5]int64 // FILE_BASIC_INFORMATION; 0 leaves a time alone
	if atime != host.OmitTime {
		b[1] = ticks(atime)
	}
	if mtime != host.OmitTime {
		b[2] = ticks(mtime)
	}
	return statusErrno(set(h, infoBasic, unsafe.Pointer(&b), unsafe.Sizeof(b)))
}

// again opens the file of a handle once more, whatever became of its name: an
// empty name relative to the file itself, as ReOpenFile does it. Under Wine it
// is the name that the file once had, so what was opened is compared.
func again(h windows.Handle, access, options uint32) (windows.Handle, windows.NTStatus) {
	var us windows.NTUnicodeString
	oa := windows.OBJECT_ATTRIBUTES{RootDirectory: h, ObjectName: &us}
	oa.Length = uint32(unsafe.Sizeof(oa))
	var io windows.IO_STATUS_BLOCK
	var w windows.Handle
	st := status(windows.NtCreateFile(&w, access, &oa, &io, nil, 0, shareAll, windows.FILE_OPEN, options|optBase, 0, 0))
	if st == 0 && !same(w, h) {
		_ = windows.CloseHandle(w)
		return 0, statusFileDeleted
	}
	return w, st
}

// same tells whether two handles are of one file.
func same(a, b windows.Handle) bool {
	var i, j uint64
	return query(a, infoInternal, unsafe.Pointer(&i), unsafe.Sizeof(i)) == 0 && query(b, infoInternal, unsafe.Pointer(&j), unsafe.Sizeof(j)) == 0 && i == j
}

// reopen opens a file once more with other rights.
func (f *Files) reopen(h windows.Handle, access uint32) (windows.Handle, abi.Errno) {
	for _, a := range []uint32{access | accessStat, access&^windows.WRITE_OWNER | windows.READ_CONTROL | windows.SYNCHRONIZE | windows.FILE_READ_ATTRIBUTES} {
		if w, st := again(h, a, 0); st == 0 {
			return w, 0
		}
	}
	var b struct {
		name windows.NTUnicodeString
		buf  [1200]uint16
	}
	r, _, _ := syscall.SyscallN(ntQueryObject.Addr(), uintptr(h), 1, uintptr(unsafe.Pointer(&b)), unsafe.Sizeof(b), 0)
	if r != 0 || b.name.Buffer == nil {
		return 0, abi.EPERM
	}
	name := unsafe.Slice(b.name.Buffer, b.name.Length/2)
	w, _, st := create(name, access|accessStat, shareAll, windows.FILE_OPEN, optBase, 0, nil)
	if st == statusAccessDenied {
		w, _, st = create(name, access&^windows.WRITE_OWNER|windows.READ_CONTROL|windows.SYNCHRONIZE|windows.FILE_READ_ATTRIBUTES, shareAll,
			windows.FILE_OPEN, optBase, 0, nil)
	}
	if st == 0 && !same(w, h) {
		_ = windows.CloseHandle(w)
		return 0, abi.ENOENT
	}
	return w, statusErrno(st)
}

func (t *tree) Chmod(path string, perm uint32) abi.Errno {
	h, _, st := t.open(path, accessStat|windows.FILE_WRITE_ATTRIBUTES|windows.FILE_WRITE_EA|windows.WRITE_DAC|windows.WRITE_OWNER, windows.FILE_OPEN, 0, 0, nil)
	if st == statusAccessDenied {
		h, _, st = t.open(path, windows.FILE_READ_ATTRIBUTES|windows.READ_CONTROL|windows.SYNCHRONIZE|windows.FILE_WRITE_ATTRIBUTES|windows.FILE_WRITE_EA|windows.WRITE_DAC,
			windows.FILE_OPEN, 0, 0, nil)
	}
	if st != 0 {
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	return t.vol().chmod(t.f, h, perm)
}

func (t *tree) SetTimes(path string, atime, mtime int64) abi.Errno {
	h, _, st := t.open(path, windows.FILE_WRITE_ATTRIBUTES|windows.SYNCHRONIZE, windows.FILE_OPEN, 0, 0, nil)
	if st != 0 {
		return statusErrno(st)
	}
	defer windows.CloseHandle(h)
	return setTimes(h, atime, mtime)
}

func (t *tree) Statfs(path string, st *host.StatFS) abi.Errno {
	h, e := t.openStat(path)
	if e != 0 {
		return e
	}
	defer windows.CloseHandle(h)
	return t.f.StatfsOf(host.Handle(h), st)
}

// StatfsOf implements host.Files.
func (f *Files) StatfsOf(h host.Handle, st *host.StatFS) abi.Errno {
	var b struct { // FILE_FS_FULL_SIZE_INFORMATION
		total, callerFree, free int64
		sectors, bytes          uint32
	}
	if e := queryVolume(windows.Handle(h), 7, unsafe.Pointer(&b), unsafe.Sizeof(b)); e != 0 {
		return statusErrno(e)
	}
	v := f.volumeFor(windows.Handle(h))
	*st = host.StatFS{
		Type:  0x5346544e, // NTFS_SB_MAGIC
		Bsize: int64(b.sectors) * int64(b.bytes), Blocks: uint64(b.total), Bfree: uint64(b.free), Bavail: uint64(b.callerFree),
		Files: 1 << 24, Ffree: 1 << 23, Fsid: v.serial, Namelen: 255, ReadOnly: v.readOnly,
	}
	return 0
}

func queryVolume(h windows.Handle, class uintptr, p unsafe.Pointer, size uintptr) windows.NTStatus {
	var io windows.IO_STATUS_BLOCK
	r, _, _ := syscall.SyscallN(ntQueryVolume.Addr(), uintptr(h), uintptr(unsafe.Pointer(&io)), uintptr(p), size, class)
	if st := windows.NTStatus(r); st != statusBufferOverflow {
		return st
	}
	return 0
}

// Std implements host.Files.
func (f *Files) Std(i int) (host.Handle, host.Kind, int, abi.Errno) {
	ids := [3]int32{-10, -11, -12}
	h, err := windows.GetStdHandle(uint32(ids[i]))
	if err != nil || h == 0 || h == windows.InvalidHandle {
		return host.NoHandle, 0, 0, abi.EBADF
	}
	typ, err := windows.GetFileType(h)
	if err != nil {
		return host.NoHandle, 0, 0, abi.EBADF
	}
	kind := host.Regular
	switch typ {
	case windows.FILE_TYPE_PIPE:
		kind = host.Pipe
	case windows.FILE_TYPE_CHAR:
		kind = host.Char
		var mode uint32
		if windows.GetConsoleMode(h, &mode) == nil {
			kind = host.Console
		}
	default:
		// No shell of Windows redirects from a folder. Wine shows one where
		// the stream was closed: it opens its own folder as descriptor 0.
		if attr, _, st := tag(h); st == 0 && attr&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
			return host.NoHandle, 0, 0, abi.EBADF
		}
	}
	flags := abi.O_RDWR
	if kind != host.Console {
		var b [14]uint32 // PUBLIC_OBJECT_BASIC_INFORMATION
		if r, _, _ := syscall.SyscallN(ntQueryObject.Addr(), uintptr(h), 0, uintptr(unsafe.Pointer(&b)), unsafe.Sizeof(b), 0); r == 0 {
			read, write := b[1]&windows.FILE_READ_DATA != 0, b[1]&(windows.FILE_WRITE_DATA|windows.FILE_APPEND_DATA) != 0
			switch {
			case read && !write:
				flags = abi.O_RDONLY
			case write && !read:
				flags = abi.O_WRONLY
			}
			if write && b[1]&windows.FILE_WRITE_DATA == 0 && kind == host.Regular {
				flags |= abi.O_APPEND
			}
		}
	}
	return host.Handle(h), kind, flags, 0
}

// Cwd implements host.Files.
func (f *Files) Cwd() string {
	d, err := os.Getwd()
	if err != nil {
		return `C:\`
	}
	return d
}

// Temp implements host.Files.
func (f *Files) Temp() string { return os.TempDir() }

// Lettered implements host.Files.
func (f *Files) Lettered() bool { return true }

// DriveRoot implements host.Files.
func (f *Files) DriveRoot(letter byte) string { return strings.ToUpper(string(rune(letter))) + `:\` }

// Drives implements host.Files.
func (f *Files) Drives() []byte {
	var d []byte
	mask, err := windows.GetLogicalDrives()
	if err != nil {
		return nil
	}
	for i := range byte(26) {
		if mask>>i&1 != 0 {
			d = append(d, 'a'+i)
		}
	}
	return d
}
