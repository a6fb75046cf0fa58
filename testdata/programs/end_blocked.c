/* Another thread ends the program while the first one waits for input that does not come. */
#include <pthread.h>
#include <unistd.h>

static void *ends(void *arg)
{
	usleep(100000);
	_exit(5);
	return arg;
}

int main(void)
{
	pthread_t t;
	char c;
	if (pthread_create(&t, 0, ends, 0) != 0 || write(1, "waiting\n", 8) != 8)
		return 1;
	return read(0, &c, 1) < 0 ? 2 : 3;
}
