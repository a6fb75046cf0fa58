//go:build 386 || amd64

package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// privateFolder makes a folder in temp that is this user's alone, or finds the
// one made before. temp may be everybody's (that of services is), and what
// lies in the folder is executed, so another user must neither write there nor
// have prepared it.
func privateFolder(temp string) (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("who runs this: %w", err)
	}
	sid := user.User.Sid.String()
	dir := filepath.Join(temp, "bee-"+sid)
	if err := makePrivate(dir, sid); err != nil {
		return "", fmt.Errorf("%s: %w; set LocalAppData to a folder of your own", dir, err)
	}
	return dir, nil
}

// errForeign is a folder of another user, or none.
var errForeign = errors.New("exists, and is not a folder that this user has made")

// makePrivate creates dir so that only its owner sid, the system and
// administrators have access, or checks that it is such an owner's.
func makePrivate(dir, sid string) error {
	// Owner, and a protected access list: full access, inherited by what is
	// in it ("Security Descriptor String Format").
	const full = "(A;OICI;FA;;;%s)"
	sd, err := windows.SecurityDescriptorFromString("O:" + sid + "D:P" +
		fmt.Sprintf(full, sid) + fmt.Sprintf(full, "SY") + fmt.Sprintf(full, "BA"))
	if err != nil {
		return err
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	dir16, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	err = windows.CreateDirectory(dir16, &sa)
	if err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	// Nobody but administrators can make a folder that is owned by somebody
	// else; so one that is owned by this user was made above.
	attributes, err := windows.GetFileAttributes(dir16)
	if err != nil {
		return err
	}
	const kind = windows.FILE_ATTRIBUTE_DIRECTORY | windows.FILE_ATTRIBUTE_REPARSE_POINT
	if attributes&kind != windows.FILE_ATTRIBUTE_DIRECTORY {
		return errForeign
	}
	have, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return err
	}
	owner, _, err := have.Owner()
	if err != nil {
		return err
	}
	if owner == nil || owner.String() != sid {
		return errForeign
	}
	return nil
}
