/* Prints arguments and environment, each byte that is not plain as hex. */
#include <stdio.h>

extern char **environ;

static void show(const char *what, int i, const char *s)
{
	printf("%s[%d]=", what, i);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < ' ' || c > '~' || c == '\\')
			printf("\\x%02x", c);
		else
			putchar(c);
	}
	putchar('\n');
}

int main(int argc, char **argv)
{
	printf("argc=%d\n", argc);
	for (int i = 0; i <= argc; i++)
		if (argv[i])
			show("argv", i, argv[i]);
		else
			printf("argv[%d] is null\n", i);
	int n = 0;
	for (; environ[n]; n++)
		show("env", n, environ[n]);
	printf("%d variables\n", n);
	return 0;
}
