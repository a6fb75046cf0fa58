/* Shared memory objects and named semaphores: what C libraries make of /dev/shm. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	char name[40], buf[16] = "";
	snprintf(name, sizeof name, "/bee-shm-%d", getpid());
	int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	printf("made %d size %d\n", fd >= 0, ftruncate(fd, 100000));
	char *a = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *b = mmap(NULL, 100000, PROT_READ, MAP_SHARED, fd, 0);
	printf("mapped %d %d\n", a != MAP_FAILED, b != MAP_FAILED);
	if (a == MAP_FAILED || b == MAP_FAILED)
		return 1;
	strcpy(a + 70000, "shared");
	printf("seen %s\n", b + 70000);
	printf("read %zd %s\n", pread(fd, buf, 7, 70000), buf);
	printf("written %zd", pwrite(fd, "other", 6, 10));
	printf(" %s\n", b + 10);
	close(fd);
	fd = shm_open(name, O_RDWR, 0);
	char *c = mmap(NULL, 100000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	printf("again %s\n", c == MAP_FAILED ? "-" : c + 70000);
	printf("unlink %d\n", shm_unlink(name));
	fd = shm_open(name, O_RDWR, 0);
	printf("gone %d %s\n", fd, strerror(errno));
	a[0] = 'x';
	printf("still there %c\n", b[0]);

	snprintf(name, sizeof name, "/bee-sem-%d", getpid());
	sem_t *s = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	printf("semaphore %d\n", s != SEM_FAILED);
	if (s == SEM_FAILED) {
		perror("sem_open");
		return 1;
	}
	sem_t *t = sem_open(name, 0);
	printf("the same %d\n", s == t);
	printf("exists %d", sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	printf(" %s\n", strerror(errno));
	int v = -1;
	sem_wait(s);
	sem_getvalue(s, &v);
	printf("value %d\n", v);
	printf("trywait %d", sem_trywait(s));
	printf(" %s\n", strerror(errno));
	struct timespec soon;
	clock_gettime(CLOCK_REALTIME, &soon);
	printf("timedwait %d", sem_timedwait(s, &soon));
	printf(" %s\n", strerror(errno));
	sem_post(t);
	sem_getvalue(s, &v);
	printf("value %d\n", v);
	sem_close(t);
	printf("unlink %d", sem_unlink(name));
	printf(" %d", sem_unlink(name));
	printf(" %s\n", strerror(errno));
	return 0;
}
