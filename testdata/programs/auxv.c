/* The auxiliary vector, as far as it must be equal everywhere. */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(void)
{
	printf("pagesz %lu clktck %lu entry %d\n", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_ENTRY) != 0);
	printf("uid %lu euid %lu gid %lu egid %lu secure %lu\n", getauxval(AT_UID), getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID), getauxval(AT_SECURE));
	printf("ids %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
	const unsigned char *r = (void *)getauxval(AT_RANDOM);
	int set = 0;
	for (int i = 0; r && i < 16; i++)
		set += r[i] != 0;
	printf("random %d\n", set > 8);
	const char *fn = (void *)getauxval(AT_EXECFN);
	printf("execfn %d\n", fn && strlen(fn) > 0);
	const char *platform = (void *)getauxval(AT_PLATFORM);
	printf("platform %s\n", platform ? platform : "none");
	printf("hwcap fpu %lu tsc %lu sse2 %lu\n", getauxval(AT_HWCAP) & 1, getauxval(AT_HWCAP) >> 4 & 1, getauxval(AT_HWCAP) >> 26 & 1);
	const ElfW(Phdr) *ph = (void *)getauxval(AT_PHDR);
	unsigned long n = getauxval(AT_PHNUM);
	printf("phent %lu phnum>0 %d\n", getauxval(AT_PHENT), n > 0);
	int load = 0, entry_inside = 0, phdr_inside = 0;
	for (unsigned long i = 0; ph && i < n; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		load++;
		unsigned long e = getauxval(AT_ENTRY), p = (unsigned long)ph;
		if (e >= ph[i].p_vaddr && e < ph[i].p_vaddr + ph[i].p_memsz)
			entry_inside++;
		if (p >= ph[i].p_vaddr && p < ph[i].p_vaddr + ph[i].p_memsz)
			phdr_inside++;
	}
	printf("loads>0 %d entry inside %d phdr inside %d\n", load > 0, entry_inside, phdr_inside);
	printf("base %lu\n", getauxval(AT_BASE));
	return 0;
}
