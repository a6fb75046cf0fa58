/* What programs ask about interfaces; only the loopback is the same everywhere. */
#include "net.h"
#include <ifaddrs.h>

/* linux/netlink.h and linux/rtnetlink.h, which not every C library finds. */
struct sockaddr_nl {
	sa_family_t nl_family;
	uint16_t pad;
	uint32_t nl_pid, nl_groups;
};
struct nlmsghdr {
	uint32_t nlmsg_len;
	uint16_t nlmsg_type, nlmsg_flags;
	uint32_t nlmsg_seq, nlmsg_pid;
};
struct ifinfomsg {
	unsigned char family, pad;
	uint16_t type;
	int ifi_index;
	unsigned flags, change;
};
enum { NETLINK_ROUTE, RTM_GETLINK = 18, NLM_F_REQUEST = 1 };

int main(void)
{
	struct ifaddrs *list, *i;
	char text[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
	printf("getifaddrs = %d\n", getifaddrs(&list));
	for (i = list; i; i = i->ifa_next) {
		if (!i->ifa_addr || !(i->ifa_flags & IFF_LOOPBACK) || i->ifa_addr->sa_family != AF_INET)
			continue;
		inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof text);
		inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_netmask)->sin_addr, mask, sizeof mask);
		printf("%s %s %s %s%s\n", i->ifa_name, text, mask, i->ifa_flags & IFF_UP ? "UP" : "", i->ifa_flags & IFF_RUNNING ? " RUNNING" : "");
	}
	int index = if_nametoindex("lo");
	printf("lo: %d, %s\n", index > 0, if_indextoname(index, text));
	printf("nothing: %d\n", if_nametoindex("nothing99"));
	int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = { 0 };
	strcpy(r.ifr_name, "lo");
	SAY(ioctl(s, SIOCGIFADDR, &r));
	printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	SAY(ioctl(s, SIOCGIFNETMASK, &r));
	printf("%s\n", inet_ntoa(((struct sockaddr_in *)&r.ifr_addr)->sin_addr));
	SAY(ioctl(s, SIOCGIFFLAGS, &r));
	printf("%x\n", r.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_BROADCAST));
	SAY(ioctl(s, SIOCGIFHWADDR, &r));
	printf("%d\n", r.ifr_hwaddr.sa_family);
	struct ifconf c = { .ifc_len = 0, .ifc_buf = 0 };
	SAY(ioctl(s, SIOCGIFCONF, &c));
	printf("%d\n", c.ifc_len >= (int)sizeof r && c.ifc_len % sizeof r == 0);
	strcpy(r.ifr_name, "nothing99");
	SAY(ioctl(s, SIOCGIFADDR, &r));
	SAY(socket(AF_NETLINK, SOCK_STREAM, 0));
	SAY(socket(AF_NETLINK, SOCK_RAW, 99));
	int n = OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	socklen_t k = sizeof a;
	SAY(bind(n, (void *)&a, sizeof a));
	SAY(getsockname(n, (void *)&a, &k));
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} q = { { sizeof q, RTM_GETLINK, NLM_F_REQUEST, 7, 0 }, { .ifi_index = index } };
	char buf[8192];
	SAY(send(n, &q, sizeof q, 0));
	long got = recv(n, buf, sizeof buf, 0);
	struct nlmsghdr *h = (void *)buf;
	printf("%d %d %d\n", got > 0 && h->nlmsg_len <= got, h->nlmsg_type, h->nlmsg_seq);
	q.h.nlmsg_type = 999;
	SAY(send(n, &q, sizeof q, 0));
	recv(n, buf, sizeof buf, 0);
	printf("%d %d\n", h->nlmsg_type, *(int *)(h + 1));
	SAY(recv(n, buf, sizeof buf, MSG_DONTWAIT));
	return 0;
}
