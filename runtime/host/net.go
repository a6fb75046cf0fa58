package host

import "bee/runtime/abi"

// SockAddr is an address of the internet families. A Family of AF_UNSPEC is no
// address.
type SockAddr struct {
	Family uint16   // abi.AF_INET or abi.AF_INET6
	Port   uint16   // in the host's byte order
	Addr   [16]byte // AF_INET: the first four
	Flow   uint32   // as it goes over the wire
	Scope  uint32   // index of an interface
}

// SockOption is an option of a socket that the host must carry out; those that
// the kernel keeps for itself are not here. Values are Linux's.
type SockOption uint8

// The options.
const (
	OptNoDelay SockOption = iota
	OptKeepAlive
	OptKeepIdle     // seconds
	OptKeepInterval // seconds
	OptKeepCount
	OptBroadcast
	OptReceiveBuffer // bytes, not doubled
	OptSendBuffer    // bytes, not doubled
	OptOnly6
	OptTTL
	OptTOS
	OptHops6
	OptClass6
	OptMulticastTTL
	OptMulticastLoop
	OptMulticastHops6
	OptMulticastLoop6
	OptMulticastIf  // index of an interface
	OptMulticastIf6 // index of an interface
	OptInlineOOB
	OptReuseAddr // of datagrams: several sockets may have one address
	OptReusePort // the same
	OptLinger    // seconds; negative is off
	// What Recv is to tell of datagrams.
	OptPacketInfo  // Packet.To, IPv4
	OptPacketInfo6 // IPv6
	OptRecvTTL     // Packet.TTL, IPv4
	OptRecvTTL6    // IPv6
	OptRecvTOS     // Packet.TOS, IPv4
	OptRecvTOS6    // IPv6
)

// Packet is what a host tells of a datagram beside its bytes.
type Packet struct {
	From SockAddr
	// To is the address that it was sent to, and in Scope the index of the
	// interface that it came by. AF_UNSPEC: not told.
	To SockAddr
	// TTL is the time to live (the hop limit) and TOS the type of service (the
	// traffic class); negative: not told.
	TTL, TOS int
}

// Net is the host's network.
type Net interface {
	// Socket makes a socket that never waits: EAGAIN in place of that.
	// EAFNOSUPPORT, EPROTONOSUPPORT, EPERM for raw sockets and the like.
	Socket(family, typ, proto int) (NetSocket, abi.Errno)
	// Interfaces tells those that are up, with their addresses.
	Interfaces() ([]Interface, abi.Errno)
	// Resolver tells how the host looks for names.
	Resolver() Resolver
}

// NetFiles are Files of a host with a network.
type NetFiles interface {
	Network() Net
}

// Resolver is what the host's settings say about names.
type Resolver struct {
	Servers []string // addresses, as text
	Search  []string // domains
	Hosts   string   // lines of the host's own hosts file
}

// Interface is a network interface.
type Interface struct {
	Index    uint32
	Name     string // as Linux would call it: lo, eth0
	MAC      []byte
	MTU      uint32
	Loopback bool
	Up       bool
	Addrs    []InterfaceAddr
}

// InterfaceAddr is one of its addresses.
type InterfaceAddr struct {
	Family uint16
	Addr   [16]byte
	Prefix uint8 // bits
}

// NetSocket is a socket of the internet families. Methods may be called by any
// number of goroutines; Close once, after which nothing else is called.
//
// Errors are those of Linux. What becomes of a connection is told by Poll: Err
// and Hup after a reset or a connect that failed, RdHup once the other side
// has ended its part.
type NetSocket interface {
	// Watch makes told be called, from a goroutine of the host's, whenever
	// what Poll answers may have changed since it was asked, or since another
	// call answered EAGAIN or EINPROGRESS. It is called once at most. told
	// does not block. A call may still come while Close runs, not later.
	Watch(told func()) abi.Errno
	Bind(a SockAddr) abi.Errno
	// Connect answers EINPROGRESS if the outcome is still open. For datagrams
	// AF_UNSPEC takes the connection back.
	Connect(a SockAddr) abi.Errno
	Listen(backlog int) abi.Errno
	Accept() (NetSocket, SockAddr, abi.Errno)
	// Send knows MSG_OOB and MSG_DONTROUTE. to is nil for where the socket is
	// connected to. from is the own address of a datagram, and in Scope the
	// interface; nil: as the host likes.
	Send(bufs [][]byte, flags int, to, from *SockAddr) (int, abi.Errno)
	// Recv knows MSG_PEEK and MSG_OOB. The int is the number of bytes that are
	// in bufs, and the flags may have MSG_TRUNC: the datagram was longer. p
	// may be nil.
	Recv(bufs [][]byte, flags int, p *Packet) (n, out int, e abi.Errno)
	Shutdown(how int) abi.Errno // abi.SHUT_RD...
	Name() (SockAddr, abi.Errno)
	Peer() (SockAddr, abi.Errno)
	Poll() Ready
	// Error tells and forgets why a connection or a datagram has failed.
	Error() abi.Errno
	// Available tells the bytes that can be read; of datagrams, those of the
	// first.
	Available() (int, abi.Errno)
	SetOption(o SockOption, v int) abi.Errno
	Option(o SockOption) (int, abi.Errno)
	// Join enters, or leaves, a multicast group on an interface (index; 0: as
	// the host likes).
	Join(group SockAddr, index uint32, leave bool) abi.Errno
	Close()
}
