/* A signal that nobody handles ends the program while it waits for input that does not come. */
#include <unistd.h>

int main(void)
{
	char c;
	alarm(1);
	if (write(1, "waiting\n", 8) != 8)
		return 1;
	return read(0, &c, 1) < 0 ? 2 : 3;
}
