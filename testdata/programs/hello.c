/* The smallest program of a C library; its argument is the exit status. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	printf("hello, world\n");
	return argc > 1 ? atoi(argv[1]) : 0;
}
