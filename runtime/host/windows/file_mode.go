//go:build windows

package winhost

import (
	"bytes"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
	"bee/runtime/host"
)

// Permissions. Windows has none of Linux's nine bits, so each volume keeps
// them as well as it can:
//
//   - Where there are extended attributes (NTFS), as $LXMOD, the attribute
//     that WSL uses and documents: exact, and seen by WSL too.
//   - Where there are only access lists (Wine, shares), as a list with entries
//     for the owner and for everyone, as Cygwin does. Wine turns such a list
//     into the file's real mode, but gives back only whether owner and others
//     may read and write; so x is true of folders and of files that begin
//     with "#!" or as an ELF file, and the group has what others have. What
//     the program itself set is remembered by file number until the runner
//     ends.
//   - Elsewhere (FAT) the read-only attribute stands for the w bits.
//
// A file without any of that is 0644, a folder 0755.
type volume struct {
	serial   uint64
	dev      uint64
	readOnly bool
	method   modeMethod
	// What the volume does not support is not tried twice.
	noLinkTags, noPosixDelete, noPosixRename, noCase atomic.Bool
}

type modeMethod uint8

const (
	modeAttribute modeMethod = iota // read-only attribute
	modeList                        // access control list
	modeLX                          // $LXMOD
)

// fileKey names a file in a way that survives renames.
type fileKey struct {
	dev, ino uint64
}

const (
	fsReadOnly           = 0x00080000 // FILE_READ_ONLY_VOLUME
	fsExtendedAttributes = 0x00800000 // FILE_SUPPORTS_EXTENDED_ATTRIBUTES
	fsPersistentACLs     = 0x00000008 // FILE_PERSISTENT_ACLS
)

// volumeOf tells the volume of an open file.
func (f *Files) volumeOf(h windows.Handle) *volume {
	var id struct {
		serial uint64
		_      [16]byte
	}
	if query(h, infoID, unsafe.Pointer(&id), unsafe.Sizeof(id)) != 0 {
		var b struct { // FILE_FS_VOLUME_INFORMATION
			_            int64
			serial, _, _ uint32
			_            [32]uint16
		}
		_ = queryVolume(h, 1, unsafe.Pointer(&b), unsafe.Sizeof(b))
		id.serial = uint64(b.serial)
	}
	f.mu.RLock()
	v := f.volumes[id.serial]
	f.mu.RUnlock()
	if v != nil {
		return v
	}
	v = &volume{serial: id.serial}
	// A device number that fits the old 16-bit fields, and is not 0.
	s := id.serial ^ id.serial>>32
	v.dev = 0x800 | (s^s>>8^s>>16^s>>24)&0xFF
	var a struct { // FILE_FS_ATTRIBUTE_INFORMATION
		flags, maxName, length uint32
		_                      [32]uint16
	}
	if queryVolume(h, 5, unsafe.Pointer(&a), unsafe.Sizeof(a)) == 0 {
		v.readOnly = a.flags&fsReadOnly != 0
		switch {
		case a.flags&fsExtendedAttributes != 0:
			v.method = modeLX
		case a.flags&fsPersistentACLs != 0:
			v.method = modeList
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if w := f.volumes[id.serial]; w != nil {
		return w
	}
	f.volumes[id.serial] = v
	return v
}

// chmodRights are the access rights that chmod needs. A list for the group
// apart from the owner needs the right to name another owner.
func (v *volume) chmodRights() uint32 {
	switch v.method {
	case modeList:
		return windows.FILE_WRITE_ATTRIBUTES | windows.FILE_WRITE_EA | windows.WRITE_DAC | windows.WRITE_OWNER
	case modeLX:
		return windows.FILE_WRITE_ATTRIBUTES | windows.FILE_WRITE_EA
	}
	return windows.FILE_WRITE_ATTRIBUTES
}

// created gives a new file its permissions.
func (v *volume) created(f *Files, h windows.Handle, perm uint32, folder bool) {
	plain := uint32(0o644)
	if folder {
		plain = 0o755
	}
	if v.method == modeLX && perm == plain {
		return // what a file without the attribute has
	}
	_ = v.chmod(f, h, perm)
}

// chmod sets permissions. h has the rights for it.
func (v *volume) chmod(f *Files, h windows.Handle, perm uint32) abi.Errno {
	var a allInfo
	if st := a.query(h); st != 0 {
		return statusErrno(st)
	}
	perm &= 0o7777
	e := abi.EOPNOTSUPP
	switch v.method {
	case modeLX:
		e = setLX(h, perm, a.standard.directory)
	case modeList:
		e = setList(h, perm, a.standard.directory, f.sids())
	}
	if e != 0 && !a.standard.directory {
		var b [5]int64
		b[4] = windows.FILE_ATTRIBUTE_NORMAL
		if perm&0o222 == 0 {
			b[4] = windows.FILE_ATTRIBUTE_READONLY
		}
		b[4] |= int64(a.attributes & (windows.FILE_ATTRIBUTE_HIDDEN | windows.FILE_ATTRIBUTE_SYSTEM))
		if st := set(h, infoBasic, unsafe.Pointer(&b), unsafe.Sizeof(b)); st != 0 {
			return statusErrno(st)
		}
	}
	if v.method == modeLX && e == 0 {
		return 0
	}
	if a.standard.directory && perm&0o700 != 0o700 {
		f.strict.Add(1)
	}
	f.mu.Lock()
	f.modes[fileKey{v.dev, uint64(a.index)}] = perm
	f.mu.Unlock()
	return 0
}

// forget drops what was remembered of a file that is about to go.
func (f *Files) forget(v *volume, h windows.Handle) {
	if v.method == modeLX {
		return
	}
	var a allInfo
	if a.query(h) == 0 && (a.standard.links <= 1 || a.standard.directory) {
		f.mu.Lock()
		delete(f.modes, fileKey{v.dev, uint64(a.index)})
		f.mu.Unlock()
	}
}

// permissions reads the twelve bits of a file.
func (f *Files) permissions(h windows.Handle, v *volume, a *allInfo, st *host.Stat) uint32 {
	if v.method == modeLX {
		if m, ok := getLX(h); ok {
			return m
		}
	}
	f.mu.RLock()
	m, ok := f.modes[fileKey{v.dev, uint64(a.index)}]
	f.mu.RUnlock()
	if ok {
		return m
	}
	if v.method == modeList {
		if m, ok := getList(h, a.standard.directory, f.sids()); ok {
			if !a.standard.directory && f.executable(h, st.Size) {
				m |= m & 0o444 >> 2
			}
			return m
		}
	}
	m = 0o644
	if a.standard.directory {
		return 0o755
	}
	if a.attributes&windows.FILE_ATTRIBUTE_READONLY != 0 {
		m = 0o444
	}
	return m
}

// executable looks whether a file begins as a script or an ELF file does.
func (f *Files) executable(h windows.Handle, size int64) bool {
	if size < 4 {
		return false
	}
	var b [4]byte
	n, e := f.begin(h, b[:])
	return e == 0 && n == 4 && (b[0] == '#' && b[1] == '!' || string(b[:]) == "\x7fELF")
}

// begin reads a file's first bytes. A transfer at an offset moves the handle's
// position, which somebody else may share.
func (f *Files) begin(h windows.Handle, b []byte) (int, abi.Errno) {
	var at int64
	st := query(h, infoPosition, unsafe.Pointer(&at), 8)
	n, e := f.ReadAt(host.Handle(h), b, 0)
	if st == 0 {
		_ = set(h, infoPosition, unsafe.Pointer(&at), 8)
	}
	return n, e
}

// check tells whether the mode of an open file allows its owner to read (4) or
// write (2) it.
func (f *Files) check(h windows.Handle, v *volume, attributes, want uint32) abi.Errno {
	var m uint32
	known := false
	folder := attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0
	switch v.method {
	case modeLX:
		m, known = getLX(h)
	case modeList:
		if key, ok := keyOf(v, h); ok {
			f.mu.RLock()
			m, known = f.modes[key]
			f.mu.RUnlock()
		}
		if !known {
			m, known = getList(h, folder, f.sids())
		}
	}
	if !known {
		m = 0o600
		if attributes&windows.FILE_ATTRIBUTE_READONLY != 0 && !folder {
			m = 0o400
		}
	}
	if want&^(m>>6) != 0 {
		return abi.EACCES
	}
	return 0
}

var lxmod = []byte("$LXMOD\x00")

// setLX writes the extended attribute $LXMOD: 4 bytes, type and permissions.
func setLX(h windows.Handle, perm uint32, folder bool) abi.Errno {
	mode := perm | abi.S_IFREG
	if folder {
		mode = perm | abi.S_IFDIR
	}
	// FILE_FULL_EA_INFORMATION: next, flags, name length, value length, name, value.
	b := []byte{0, 0, 0, 0, 0, 6, 4, 0}
	b = append(b, lxmod...)
	b = append(b, byte(mode), byte(mode>>8), byte(mode>>16), byte(mode>>24))
	var io windows.IO_STATUS_BLOCK
	return statusErrno(status(windows.NtSetEaFile(h, &io, &b[0], uint32(len(b)))))
}

// getLX reads $LXMOD.
func getLX(h windows.Handle) (uint32, bool) {
	// FILE_GET_EA_INFORMATION: next, name length, name.
	ask := append([]byte{0, 0, 0, 0, 6}, lxmod...)
	var b [64]byte
	var io windows.IO_STATUS_BLOCK
	if status(windows.NtQueryEaFile(h, &io, &b[0], uint32(len(b)), true, &ask[0], uint32(len(ask)), nil, true)) != 0 {
		return 0, false
	}
	value := 8 + int(b[5]) + 1
	if b[6] != 4 || b[7] != 0 || value+4 > len(b) || !bytes.EqualFold(b[8:value], lxmod) {
		return 0, false
	}
	return uint32(b[value]) | uint32(b[value+1])<<8&0o7777, true
}

// rights turns one digit of a mode into access rights.
func rights(digit uint32, owner, folder bool) uint32 {
	m := uint32(windows.FILE_READ_ATTRIBUTES | windows.FILE_READ_EA | windows.READ_CONTROL | windows.SYNCHRONIZE)
	if owner {
		m |= windows.FILE_WRITE_ATTRIBUTES | windows.FILE_WRITE_EA | windows.WRITE_DAC | windows.WRITE_OWNER | windows.DELETE
	}
	if digit&4 != 0 {
		m |= windows.FILE_READ_DATA
	}
	if digit&2 != 0 {
		m |= windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA
		if folder {
			m |= fileDeleteChild
		}
	}
	if digit&1 != 0 {
		m |= windows.FILE_EXECUTE
	}
	return m
}

const fileDeleteChild = 0x40 // FILE_DELETE_CHILD

// sids are the identities that access lists name. nil where Windows does not
// tell.
type sids struct {
	user, world *windows.SID
	// stranger is a user whom nobody is. Wine gives the owner's entry to the
	// group as well when the owner is the caller; named after a stranger it
	// goes to the owner alone.
	stranger *windows.SID
}

func readSIDs() (s sids) {
	if u, err := windows.GetCurrentProcessToken().GetTokenUser(); err == nil {
		s.user = u.User.Sid
	}
	s.world, _ = windows.CreateWellKnownSid(windows.WinWorldSid)
	s.stranger, _ = windows.StringToSid("S-1-5-21-0-0-0-4294967294")
	return s
}

func setList(h windows.Handle, perm uint32, folder bool, who sids) abi.Errno {
	u, g, o := perm>>6&7, perm>>3&7, perm&7
	if who.user == nil || who.world == nil || who.stranger == nil {
		return abi.EOPNOTSUPP
	}
	build := func(owner *windows.SID) *windows.SECURITY_DESCRIPTOR {
		var list []windows.EXPLICIT_ACCESS
		add := func(sid *windows.SID, typ windows.TRUSTEE_TYPE, m uint32) {
			list = append(list, windows.EXPLICIT_ACCESS{
				AccessPermissions: windows.ACCESS_MASK(m), AccessMode: windows.GRANT_ACCESS,
				Trustee: windows.TRUSTEE{TrusteeForm: windows.TRUSTEE_IS_SID, TrusteeType: typ, TrusteeValue: windows.TrusteeValueFromSID(sid)},
			})
		}
		add(owner, windows.TRUSTEE_IS_USER, rights(u, true, folder))
		add(who.world, windows.TRUSTEE_IS_WELL_KNOWN_GROUP, rights(o, false, folder))
		acl, err := windows.ACLFromEntries(list, nil)
		if err != nil {
			return nil
		}
		sd, err := windows.NewSecurityDescriptor()
		if err != nil || sd.SetDACL(acl, true, false) != nil || sd.SetControl(windows.SE_DACL_PROTECTED, windows.SE_DACL_PROTECTED) != nil ||
			sd.SetOwner(owner, false) != nil {
			return nil
		}
		sd, err = sd.ToSelfRelative()
		if err != nil {
			return nil
		}
		return sd
	}
	if !(u == g && u != o) {
		if sd := build(who.stranger); sd != nil && setSecurity(h, 1|4, sd) == 0 {
			return 0
		}
	}
	sd := build(who.user)
	if sd == nil {
		return abi.EOPNOTSUPP
	}
	return statusErrno(setSecurity(h, 4, sd))
}

func setSecurity(h windows.Handle, what uintptr, sd *windows.SECURITY_DESCRIPTOR) windows.NTStatus {
	r, _, _ := syscall.SyscallN(ntSetSecurity.Addr(), uintptr(h), what, uintptr(unsafe.Pointer(sd)))
	return windows.NTStatus(r)
}

func getList(h windows.Handle, folder bool, known sids) (uint32, bool) {
	var b [1024]byte
	var need uint32
	r, _, _ := syscall.SyscallN(ntQuerySecurity.Addr(), uintptr(h), 1|4, uintptr(unsafe.Pointer(&b)), unsafe.Sizeof(b), uintptr(unsafe.Pointer(&need)))
	if r != 0 {
		return 0, false
	}
	sd := (*windows.SECURITY_DESCRIPTOR)(unsafe.Pointer(&b))
	acl, _, err := sd.DACL()
	if err != nil || acl == nil {
		return 0, false
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return 0, false
	}
	var allowed, denied [2]uint32 // owner, everyone
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if windows.GetAce(acl, i, &ace) != nil {
			break
		}
		sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart))
		everyone := known.world != nil && sid.Equals(known.world)
		mine := everyone || owner != nil && sid.Equals(owner) || known.user != nil && sid.Equals(known.user)
		for who, applies := range [2]bool{mine, everyone} {
			switch {
			case !applies:
			case ace.Header.AceType == windows.ACCESS_ALLOWED_ACE_TYPE:
				allowed[who] |= uint32(ace.Mask) &^ denied[who]
			case ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE:
				denied[who] |= uint32(ace.Mask) &^ allowed[who]
			}
		}
	}
	digit := func(m uint32) (d uint32) {
		if m&windows.FILE_READ_DATA != 0 {
			d |= 4
			if folder {
				d |= 1
			}
		}
		if m&windows.FILE_WRITE_DATA != 0 {
			d |= 2
		}
		return d
	}
	u, o := digit(allowed[0]), digit(allowed[1])
	return u<<6 | o<<3 | o, true
}
