//go:build windows

package winhost

import (
	"errors"

	"golang.org/x/sys/windows"

	"bee/runtime/abi"
)

// SocketErrno turns what Winsock answered into the error that Linux would
// give. It is the only place where that happens; what depends on the socket's
// state (EPIPE after a shutdown, ECONNREFUSED of datagrams) is told apart by
// whoever knows the state. Source: "Windows Sockets Error Codes" (Microsoft)
// and errno(3).
func SocketErrno(err error) abi.Errno {
	var w windows.Errno
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &w):
		return Errno(err)
	}
	switch w {
	case windows.WSAEINTR:
		return abi.EINTR
	case windows.WSAEBADF, windows.WSAENOTSOCK:
		return abi.EBADF // a handle of ours that is gone: the program has not passed it
	case windows.WSAEACCES:
		// Linux says EACCES where Windows does: a port that may not be used,
		// a broadcast without SO_BROADCAST. A port that another program holds
		// exclusively is EACCES, too, but "in use" to Linux's programs: see
		// socket.Bind.
		return abi.EACCES
	case windows.WSAEFAULT:
		return abi.EFAULT
	case windows.WSAEINVAL:
		return abi.EINVAL
	case windows.WSAEMFILE:
		return abi.EMFILE
	case windows.WSAEWOULDBLOCK:
		return abi.EAGAIN
	case windows.WSAEINPROGRESS:
		return abi.EINPROGRESS
	case windows.WSAEALREADY:
		return abi.EALREADY
	case windows.WSAEDESTADDRREQ:
		return abi.EDESTADDRREQ
	case windows.WSAEMSGSIZE:
		return abi.EMSGSIZE
	case windows.WSAEPROTOTYPE:
		return abi.EPROTOTYPE
	case windows.WSAENOPROTOOPT:
		return abi.ENOPROTOOPT
	case windows.WSAEPROTONOSUPPORT:
		return abi.EPROTONOSUPPORT
	case windows.WSAESOCKTNOSUPPORT:
		return abi.ESOCKTNOSUPPORT
	case windows.WSAEOPNOTSUPP:
		return abi.EOPNOTSUPP
	case windows.WSAEPFNOSUPPORT, windows.WSAEAFNOSUPPORT:
		return abi.EAFNOSUPPORT // Linux has no socket that answers EPFNOSUPPORT
	case windows.WSAEADDRINUSE:
		return abi.EADDRINUSE
	case windows.WSAEADDRNOTAVAIL:
		return abi.EADDRNOTAVAIL
	case windows.WSAENETDOWN:
		return abi.ENETDOWN
	case windows.WSAENETUNREACH:
		return abi.ENETUNREACH
	case windows.WSAENETRESET:
		return abi.ECONNRESET // a keep-alive failed: ETIMEDOUT or ECONNRESET there
	case windows.WSAECONNABORTED:
		// The own side gave up: no answer to what was sent, or a reset that
		// was noticed while sending. Linux keeps ECONNABORTED for accept.
		return abi.ECONNRESET
	case windows.WSAECONNRESET:
		return abi.ECONNRESET
	case windows.WSAENOBUFS:
		return abi.ENOBUFS
	case windows.WSAEISCONN:
		return abi.EISCONN
	case windows.WSAENOTCONN:
		return abi.ENOTCONN
	case windows.WSAESHUTDOWN:
		return abi.EPIPE // sending after SHUT_WR; we never shut receiving down
	case windows.WSAETOOMANYREFS:
		return abi.ETOOMANYREFS
	case windows.WSAETIMEDOUT:
		return abi.ETIMEDOUT
	case windows.WSAECONNREFUSED, windows.WSAEREFUSED:
		return abi.ECONNREFUSED
	case windows.WSAELOOP:
		return abi.ELOOP
	case windows.WSAENAMETOOLONG:
		return abi.ENAMETOOLONG
	case windows.WSAEHOSTDOWN:
		return abi.EHOSTDOWN
	case windows.WSAEHOSTUNREACH:
		return abi.EHOSTUNREACH
	case windows.WSAENOTEMPTY:
		return abi.ENOTEMPTY
	case windows.WSAEPROCLIM, windows.WSAEUSERS:
		return abi.EUSERS
	case windows.WSAEDQUOT:
		return abi.EDQUOT
	case windows.WSAESTALE:
		return abi.ESTALE
	case windows.WSAEREMOTE:
		return abi.EREMOTE
	case windows.WSASYSNOTREADY, windows.WSAVERNOTSUPPORTED, windows.WSANOTINITIALISED,
		windows.WSAEINVALIDPROCTABLE, windows.WSAEINVALIDPROVIDER, windows.WSAEPROVIDERFAILEDINIT, windows.WSASYSCALLFAILURE:
		return abi.EAFNOSUPPORT // there is no network at all
	case windows.WSAEDISCON:
		return abi.ECONNRESET
	case windows.WSAECANCELLED, windows.WSA_E_CANCELLED, windows.ERROR_OPERATION_ABORTED:
		return abi.EINTR
	}
	return Errno(err)
}
