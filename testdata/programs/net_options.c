/*
 * Options of sockets, one by one: net_options KIND. For each option of a table
 * it tells the value that a new socket has, what each of some values answers
 * and leaves, and what wrong lengths and pointers do; then the same for options
 * that are structures, and for levels that the socket does not have.
 */
#include "net.h"
#include <linux/netlink.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif
#ifndef SO_PEEK_OFF
#define SO_PEEK_OFF 42
#endif

#define BAD ((void *)16)

static int domain, type;
static const char *kind;

static int fresh(void)
{
	int s = socket(domain, type, 0);
	if (s < 0) {
		perror("socket");
		exit(1);
	}
	return s;
}

/* What getsockopt tells with room for so many bytes: the result, the length, and the bytes as a number. */
static void tell(int s, int level, int name, int room)
{
	unsigned char b[300];
	memset(b, 0xa5, sizeof b);
	socklen_t n = room;
	errno = 0;
	int r = getsockopt(s, level, name, b, &n);
	if (r < 0) {
		printf(" %s", err(r));
		return;
	}
	int v = 0;
	memcpy(&v, b, n < 4 ? n : 4);
	printf(" %d/%u", v, n);
	for (unsigned i = n < (unsigned)room ? n : (unsigned)room; i < sizeof b; i++)
		if (b[i] != 0xa5) {
			printf(" byte %u was written", i);
			break;
		}
}

static void set(int s, int level, int name, const void *p, int size)
{
	errno = 0;
	printf(" %s", err(setsockopt(s, level, name, p, size)));
}

/* One option with a value of type int. */
static void option(const char *text, int level, int name)
{
	static const int values[] = { 1, 0, 2, -1, -2, 5, 6, 7, 64, 100, 127, 128, 200, 255, 256, 1000, 32767, 32768, 100000, 2147483647, -2147483647 - 1 };
	struct { int v[5]; } wide = { { 1, 0, 0, 0, 0 } };
	int s = fresh();
	printf("%s %s: new", kind, text);
	tell(s, level, name, 4);
	/* SO_RCVLOWAT ends at half of net.ipv4.tcp_rmem. */
	int limited = level == SOL_SOCKET && name == SO_RCVLOWAT;
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
		if (limited && (values[i] < 0 || values[i] > 100000))
			continue;
		printf("; %d", values[i]);
		set(s, level, name, values + i, 4);
		tell(s, level, name, 4);
	}
	close(s);
	s = fresh();
	printf("\n\tlengths:");
	static const int sizes[] = { 0, 1, 2, 3, 5, 8, 12, 16, -1 };
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		printf(" %d", sizes[i]);
		set(s, level, name, &wide, sizes[i]);
	}
	printf("\n\troom:");
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		printf(" %d", sizes[i]);
		tell(s, level, name, sizes[i]);
	}
	socklen_t n = 4;
	printf("\n\tplaces:");
	set(s, level, name, BAD, 4);
	set(s, level, name, 0, 0);
	printf(" %s", err(getsockopt(s, level, name, BAD, &n)));
	printf(" %s\n", err(getsockopt(s, level, name, &n, BAD)));
	close(s);
}

#define O(level, name) option(#name, level, name)

static void generic(void)
{
	O(SOL_SOCKET, SO_REUSEADDR);
	if (domain != AF_UNIX)
		O(SOL_SOCKET, SO_REUSEPORT); /* of AF_UNIX until Linux 6.13 */
	O(SOL_SOCKET, SO_KEEPALIVE);
	O(SOL_SOCKET, SO_BROADCAST);
	O(SOL_SOCKET, SO_OOBINLINE);
	O(SOL_SOCKET, SO_DONTROUTE);
	O(SOL_SOCKET, SO_NO_CHECK);
	if (domain == AF_UNIX) { /* of others since Linux 6.16 */
		O(SOL_SOCKET, SO_PASSCRED);
		O(SOL_SOCKET, SO_PASSSEC);
		O(SOL_SOCKET, SO_PEEK_OFF);
	}
	O(SOL_SOCKET, SO_RXQ_OVFL);
	O(SOL_SOCKET, SO_PRIORITY);
	O(SOL_SOCKET, SO_RCVLOWAT);
	O(SOL_SOCKET, SO_SNDLOWAT);
	O(SOL_SOCKET, SO_TYPE);
	O(SOL_SOCKET, SO_DOMAIN);
	O(SOL_SOCKET, SO_PROTOCOL);
	O(SOL_SOCKET, SO_ERROR);
	O(SOL_SOCKET, SO_ACCEPTCONN);
	O(SOL_SOCKET, SO_DEBUG);
	O(SOL_SOCKET, SO_MARK);
	O(SOL_SOCKET, SO_TIMESTAMP);
	O(SOL_SOCKET, SO_TIMESTAMPNS);
	O(SOL_SOCKET, 9999);
	O(SOL_SOCKET, 0);
}

static void internet(void)
{
	O(IPPROTO_IP, IP_TOS);
	O(IPPROTO_IP, IP_TTL);
	O(IPPROTO_IP, IP_MTU_DISCOVER);
	O(IPPROTO_IP, IP_MTU);
	O(IPPROTO_IP, IP_RECVERR);
	O(IPPROTO_IP, IP_FREEBIND);
	O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	O(IPPROTO_IP, IP_MULTICAST_TTL);
	O(IPPROTO_IP, IP_MULTICAST_LOOP);
	O(IPPROTO_IP, IP_MULTICAST_ALL);
	O(IPPROTO_IP, IP_PKTINFO);
	O(IPPROTO_IP, IP_RECVTTL);
	O(IPPROTO_IP, IP_RECVTOS);
	O(IPPROTO_IP, IP_TRANSPARENT);
	O(IPPROTO_IP, IP_HDRINCL);
	O(IPPROTO_IP, 150);
	O(IPPROTO_IPV6, IPV6_V6ONLY);
	O(IPPROTO_IPV6, IPV6_UNICAST_HOPS);
	O(IPPROTO_IPV6, IPV6_TCLASS);
	O(IPPROTO_IPV6, IPV6_MULTICAST_HOPS);
	O(IPPROTO_IPV6, IPV6_MULTICAST_LOOP);
	O(IPPROTO_IPV6, IPV6_MTU_DISCOVER);
	O(IPPROTO_IPV6, IPV6_RECVERR);
	O(IPPROTO_IPV6, IPV6_RECVPKTINFO);
	O(IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
	O(IPPROTO_IPV6, IPV6_RECVTCLASS);
	O(IPPROTO_IPV6, 150);
}

static void tcp(void)
{
	O(IPPROTO_TCP, TCP_NODELAY);
	O(IPPROTO_TCP, TCP_CORK);
#ifdef TCP_INQ
	O(IPPROTO_TCP, TCP_INQ);
#endif
	O(IPPROTO_TCP, TCP_QUICKACK);
	O(IPPROTO_TCP, TCP_KEEPIDLE);
	O(IPPROTO_TCP, TCP_KEEPINTVL);
	O(IPPROTO_TCP, TCP_KEEPCNT);
	O(IPPROTO_TCP, TCP_SYNCNT);
	O(IPPROTO_TCP, TCP_LINGER2);
	O(IPPROTO_TCP, TCP_DEFER_ACCEPT);
	O(IPPROTO_TCP, TCP_USER_TIMEOUT);
	O(IPPROTO_TCP, TCP_NOTSENT_LOWAT);
	O(IPPROTO_TCP, TCP_WINDOW_CLAMP);
	O(IPPROTO_TCP, TCP_FASTOPEN);
	O(IPPROTO_TCP, TCP_MAXSEG);
	O(IPPROTO_TCP, 150);
}

/* Buffers: what is granted is the host's up to its limit, the least and the doubling are Linux's. */
static void buffers(void)
{
	static const int values[] = { 0, 1, 1000, 2304, 4000, 10000, 65536, 100000, 200000, -1, -5 };
	for (int name = SO_SNDBUF; name <= SO_RCVBUF; name++) {
		int s = fresh();
		printf("%s %s: new", kind, name == SO_SNDBUF ? "SO_SNDBUF" : "SO_RCVBUF");
		tell(s, SOL_SOCKET, name, 4);
		for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
			printf("; %d", values[i]);
			set(s, SOL_SOCKET, name, values + i, 4);
			if (values[i] >= 0)
				tell(s, SOL_SOCKET, name, 4);
		}
		puts("");
		close(s);
	}
}

/* Options that are structures, in every length up to more than theirs. */
static void lengths(const char *text, int level, int name, const void *value, int most)
{
	unsigned char b[300] = { 0 };
	int s = fresh();
	memcpy(b, value, most);
	printf("%s %s: new", kind, text);
	for (int room = 0; room <= most + 4; room++)
		tell(s, level, name, room);
	printf("\n\tset:");
	for (int size = -1; size <= most + 4; size++) {
		set(s, level, name, b, size);
		tell(s, level, name, most);
	}
	printf("\n\tplaces:");
	set(s, level, name, BAD, most);
	socklen_t n = most;
	printf(" %s", err(getsockopt(s, level, name, BAD, &n)));
	printf(" %s\n", err(getsockopt(s, level, name, &n, BAD)));
	close(s);
}

#define L(level, name, ...) ({ __auto_type v_ = __VA_ARGS__; lengths(#name, level, name, &v_, sizeof v_); })

static void structures(void)
{
	L(SOL_SOCKET, SO_LINGER, (struct linger){ 1, 5 });
	L(SOL_SOCKET, SO_LINGER, (struct linger){ -1, -5 });
	L(SOL_SOCKET, SO_LINGER, (struct linger){ 0, 7 });
	L(SOL_SOCKET, SO_LINGER, (struct linger){ 1, 2147483647 });
	L(SOL_SOCKET, SO_RCVTIMEO, (struct timeval){ 3, 250000 });
	L(SOL_SOCKET, SO_SNDTIMEO, (struct timeval){ 4, 999999 });
	L(SOL_SOCKET, SO_RCVTIMEO, (struct timeval){ 0, 0 });
	L(SOL_SOCKET, SO_RCVTIMEO, (struct timeval){ 0, 1000000 });
	L(SOL_SOCKET, SO_RCVTIMEO, (struct timeval){ 0, -1 });
	L(SOL_SOCKET, SO_SNDTIMEO, (struct timeval){ 2000000000, 0 });
	L(SOL_SOCKET, SO_RCVTIMEO, (struct timeval){ -5, 0 });
	L(SOL_SOCKET, SO_PEERCRED, (struct ucred){ 0, 0, 0 });
	L(SOL_SOCKET, SO_PEERNAME, (struct sockaddr_in){ 0 });
	L(IPPROTO_IP, IP_MULTICAST_IF, (struct in_addr){ 0 });
	L(IPPROTO_IP, IP_MULTICAST_IF, (struct in_addr){ htonl(INADDR_LOOPBACK) });
	L(IPPROTO_IP, IP_MULTICAST_IF, (struct in_addr){ htonl(0xc000024d) });
	L(IPPROTO_IP, IP_MULTICAST_IF, (struct ip_mreqn){ { 0 }, { htonl(INADDR_LOOPBACK) }, 0 });
	L(IPPROTO_IP, IP_ADD_MEMBERSHIP, (struct ip_mreq){ { htonl(0xefff0102) }, { htonl(INADDR_LOOPBACK) } });
	L(IPPROTO_IP, IP_ADD_MEMBERSHIP, (struct ip_mreq){ { htonl(0x0a000001) }, { htonl(INADDR_LOOPBACK) } });
	L(IPPROTO_IP, IP_DROP_MEMBERSHIP, (struct ip_mreq){ { htonl(0xefff0102) }, { htonl(INADDR_LOOPBACK) } });
	L(IPPROTO_IPV6, IPV6_MULTICAST_IF, (int){ 0 });
	L(IPPROTO_IPV6, IPV6_MULTICAST_IF, (int){ 1 });
	L(IPPROTO_IPV6, IPV6_MULTICAST_IF, (int){ 77777 });
	L(IPPROTO_IPV6, IPV6_JOIN_GROUP, (struct ipv6_mreq){ { { { 0xff, 1, [15] = 9 } } }, 1 });
	L(IPPROTO_IPV6, IPV6_JOIN_GROUP, (struct ipv6_mreq){ { { { 0xfe, 1, [15] = 9 } } }, 1 });
	L(IPPROTO_IPV6, IPV6_LEAVE_GROUP, (struct ipv6_mreq){ { { { 0xff, 1, [15] = 9 } } }, 1 });
	int s = fresh();
	char name[40];
	static const char *const names[] = { "reno", "no such thing", "", "renox" }; /* the others are the system's choice */
	for (int i = 0; i < 4; i++) {
		socklen_t n = sizeof name;
		printf("%s TCP_CONGESTION %s:", kind, names[i]);
		set(s, IPPROTO_TCP, TCP_CONGESTION, names[i], strlen(names[i]));
		memset(name, 0, sizeof name);
		int r = getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &n);
		printf(" %s %s %u", err(r), name, n);
		n = 3;
		memset(name, 0, sizeof name);
		r = getsockopt(s, IPPROTO_TCP, TCP_CONGESTION, name, &n);
		printf(" %s %s %u\n", err(r), name, n);
	}
	printf("%s TCP_INFO:", kind);
	static const int rooms[] = { 0, 1, 2, 3, 4, 8, 104 };
	for (int i = 0; i < 7; i++) {
		struct tcp_info t = { .tcpi_state = 99 };
		socklen_t n = rooms[i];
		int r = getsockopt(s, IPPROTO_TCP, TCP_INFO, &t, &n);
		printf(" %s %u %d", err(r), n, t.tcpi_state);
	}
	set(s, IPPROTO_TCP, TCP_INFO, name, 40);
	puts("");
	close(s);
}

/* Options of protocols that the socket does not have. */
static void levels(void)
{
	static const int list[] = { -1, 2, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_RAW, IPPROTO_IPV6, IPPROTO_IP, SOL_NETLINK, 300, 99999 };
	int s = fresh();
	for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
		int one = 1;
		printf("%s level %d:", kind, list[i]);
		set(s, list[i], 150, &one, 4);
		tell(s, list[i], 150, 4);
		set(s, list[i], 150, &one, 0);
		tell(s, list[i], 150, 0);
		set(s, list[i], 150, BAD, 4);
		puts("");
	}
	close(s);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; int domain, type; } kinds[] = {
		{ "tcp4", AF_INET, SOCK_STREAM }, { "udp4", AF_INET, SOCK_DGRAM }, { "tcp6", AF_INET6, SOCK_STREAM }, { "udp6", AF_INET6, SOCK_DGRAM },
		{ "unix1", AF_UNIX, SOCK_STREAM }, { "unix2", AF_UNIX, SOCK_DGRAM }, { "unix5", AF_UNIX, SOCK_SEQPACKET },
	};
	kind = argc > 1 ? argv[1] : "tcp4";
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].name, kind))
			domain = kinds[i].domain, type = kinds[i].type;
	generic();
	internet();
	tcp();
	buffers();
	structures();
	levels();
	return 0;
}
