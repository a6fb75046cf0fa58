/*
 * bcryptprimitives.dll for the test prefix of a Wine that has none (Wine got
 * its own in 8.13). Go's runtime loads the DLL at start and ends the process
 * when ProcessPrng is missing.
 */
#include <windows.h>

/* RtlGenRandom is exported under this name only. */
BOOLEAN WINAPI SystemFunction036(PVOID buffer, ULONG length);

BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length)
{
	/* RtlGenRandom takes a ULONG, ProcessPrng a SIZE_T. */
	while (length > 0) {
		ULONG part = length > 0x40000000 ? 0x40000000 : (ULONG)length;

		if (!SystemFunction036(data, part))
			return FALSE;
		data += part;
		length -= part;
	}
	return TRUE;
}
