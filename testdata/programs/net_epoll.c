/*
 * An echo server with epoll in one thread, and clients in another:
 * net_epoll CONNECTIONS ROUNDS.
 */
#include "net.h"
#include <sys/epoll.h>
#include <sys/resource.h>

static int port, connections, rounds;
static long echoed;

static void *server(void *arg)
{
	int l = *(int *)arg, ep = epoll_create1(0), open = 0, seen = 0;
	struct epoll_event e = { .events = EPOLLIN, .data.fd = l }, list[64];
	fcntl(l, F_SETFL, O_NONBLOCK);
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &e);
	while (seen < connections || open > 0) {
		int n = epoll_wait(ep, list, 64, 20000);
		if (n <= 0) {
			printf("epoll_wait = %s with %d open, %d seen\n", err(n), open, seen);
			exit(1);
		}
		for (int i = 0; i < n; i++) {
			int fd = list[i].data.fd;
			char b[4096];
			if (fd == l) {
				int c;
				while ((c = accept4(l, 0, 0, SOCK_NONBLOCK)) >= 0) {
					e = (struct epoll_event){ .events = EPOLLIN | EPOLLRDHUP | (seen % 2 ? EPOLLET : 0), .data.fd = c };
					epoll_ctl(ep, EPOLL_CTL_ADD, c, &e);
					open++, seen++;
				}
				continue;
			}
			long r;
			while ((r = read(fd, b, sizeof b)) > 0) {
				echoed += r;
				if (write(fd, b, r) != r) {
					perror("write");
					exit(1);
				}
			}
			if (r == 0 || errno != EAGAIN)
				close(fd), open--;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	connections = argc > 1 ? atoi(argv[1]) : 100;
	rounds = argc > 2 ? atoi(argv[2]) : 3;
	struct rlimit rl = { 4096, 4096 };
	setrlimit(RLIMIT_NOFILE, &rl);
	int l = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = v4("127.0.0.1", 0);
	bind(l, (void *)&a, sizeof a);
	listen(l, 1024);
	a.sin_port = htons(port = port_of(l));
	pthread_t th;
	pthread_create(&th, 0, server, &l);
	int *fds = calloc(connections, sizeof *fds);
	long wrong = 0;
	for (int i = 0; i < connections; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (fds[i] < 0 || connect(fds[i], (void *)&a, sizeof a)) {
			printf("connection %d: %s\n", i, err(-1));
			return 1;
		}
	}
	for (int k = 0; k < rounds; k++) {
		char b[64], c[64];
		for (int i = 0; i < connections; i++) {
			int n = snprintf(b, sizeof b, "round %d of connection %d", k, i);
			wrong += write(fds[i], b, n) != n;
		}
		for (int i = connections - 1; i >= 0; i--) {
			int n = snprintf(b, sizeof b, "round %d of connection %d", k, i);
			wrong += recv(fds[i], c, n, MSG_WAITALL) != n || memcmp(b, c, n);
		}
	}
	for (int i = 0; i < connections; i++)
		close(fds[i]);
	pthread_join(th, 0);
	printf("%d connections, %d rounds, %ld bytes echoed, %ld wrong\n", connections, rounds, echoed, wrong);
	return wrong != 0;
}
