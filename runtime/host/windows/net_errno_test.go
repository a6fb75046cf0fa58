//go:build windows

package winhost

import (
	"fmt"
	"testing"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
)

func TestSocketErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want abi.Errno
	}{
		{nil, 0},
		{windows.WSAEINTR, abi.EINTR},
		{windows.WSAEBADF, abi.EBADF},
		{windows.WSAENOTSOCK, abi.EBADF},
		{windows.WSAEACCES, abi.EACCES},
		{windows.WSAEFAULT, abi.EFAULT},
		{windows.WSAEINVAL, abi.EINVAL},
		{windows.WSAEMFILE, abi.EMFILE},
		{windows.WSAEWOULDBLOCK, abi.EAGAIN},
		{windows.WSAEINPROGRESS, abi.EINPROGRESS},
		{windows.WSAEALREADY, abi.EALREADY},
		{windows.WSAEDESTADDRREQ, abi.EDESTADDRREQ},
		{windows.WSAEMSGSIZE, abi.EMSGSIZE},
		{windows.WSAEPROTOTYPE, abi.EPROTOTYPE},
		{windows.WSAENOPROTOOPT, abi.ENOPROTOOPT},
		{windows.WSAEPROTONOSUPPORT, abi.EPROTONOSUPPORT},
		{windows.WSAESOCKTNOSUPPORT, abi.ESOCKTNOSUPPORT},
		{windows.WSAEOPNOTSUPP, abi.EOPNOTSUPP},
		{windows.WSAEPFNOSUPPORT, abi.EAFNOSUPPORT},
		{windows.WSAEAFNOSUPPORT, abi.EAFNOSUPPORT},
		{windows.WSAEADDRINUSE, abi.EADDRINUSE},
		{windows.WSAEADDRNOTAVAIL, abi.EADDRNOTAVAIL},
		{windows.WSAENETDOWN, abi.ENETDOWN},
		{windows.WSAENETUNREACH, abi.ENETUNREACH},
		{windows.WSAENETRESET, abi.ECONNRESET},
		{windows.WSAECONNABORTED, abi.ECONNRESET},
		{windows.WSAECONNRESET, abi.ECONNRESET},
		{windows.WSAENOBUFS, abi.ENOBUFS},
		{windows.WSAEISCONN, abi.EISCONN},
		{windows.WSAENOTCONN, abi.ENOTCONN},
		{windows.WSAESHUTDOWN, abi.EPIPE},
		{windows.WSAETOOMANYREFS, abi.ETOOMANYREFS},
		{windows.WSAETIMEDOUT, abi.ETIMEDOUT},
		{windows.WSAECONNREFUSED, abi.ECONNREFUSED},
		{windows.WSAEREFUSED, abi.ECONNREFUSED},
		{windows.WSAELOOP, abi.ELOOP},
		{windows.WSAENAMETOOLONG, abi.ENAMETOOLONG},
		{windows.WSAEHOSTDOWN, abi.EHOSTDOWN},
		{windows.WSAEHOSTUNREACH, abi.EHOSTUNREACH},
		{windows.WSAENOTEMPTY, abi.ENOTEMPTY},
		{windows.WSAEPROCLIM, abi.EUSERS},
		{windows.WSAEUSERS, abi.EUSERS},
		{windows.WSAEDQUOT, abi.EDQUOT},
		{windows.WSAESTALE, abi.ESTALE},
		{windows.WSAEREMOTE, abi.EREMOTE},
		{windows.WSASYSNOTREADY, abi.EAFNOSUPPORT},
		{windows.WSAVERNOTSUPPORTED, abi.EAFNOSUPPORT},
		{windows.WSANOTINITIALISED, abi.EAFNOSUPPORT},
		{windows.WSAEINVALIDPROCTABLE, abi.EAFNOSUPPORT},
		{windows.WSAEINVALIDPROVIDER, abi.EAFNOSUPPORT},
		{windows.WSAEPROVIDERFAILEDINIT, abi.EAFNOSUPPORT},
		{windows.WSASYSCALLFAILURE, abi.EAFNOSUPPORT},
		{windows.WSAEDISCON, abi.ECONNRESET},
		{windows.WSAECANCELLED, abi.EINTR},
		{windows.WSA_E_CANCELLED, abi.EINTR},
		{windows.ERROR_OPERATION_ABORTED, abi.EINTR},
		{windows.ERROR_NOT_ENOUGH_MEMORY, abi.ENOMEM},
		{fmt.Errorf("send: %w", windows.WSAECONNRESET), abi.ECONNRESET},
	} {
		if got := SocketErrno(c.err); got != c.want {
			t.Errorf("%v: %v, want %v", c.err, got, c.want)
		}
	}
}
