/*
 * nostdin PROGRAM ARGUMENTS...: starts a Windows program whose standard input
 * is not open, and ends with its status. A closed descriptor 0 of Wine itself
 * does not say that: Wine puts a file of its own there.
 */
#include <windows.h>

int main(void)
{
	STARTUPINFOW si = { .cb = sizeof si, .dwFlags = STARTF_USESTDHANDLES };
	PROCESS_INFORMATION pi;
	DWORD status = 125;
	WCHAR *line = GetCommandLineW(), *p = line;
	int quoted = 0;

	/* What follows the first word goes on as it is. */
	for (; *p && (quoted || (*p != ' ' && *p != '\t')); p++)
		if (*p == '"')
			quoted = !quoted;
	while (*p == ' ' || *p == '\t')
		p++;
	si.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
	si.hStdError = GetStdHandle(STD_ERROR_HANDLE);
	if (!CreateProcessW(NULL, p, NULL, NULL, TRUE, 0, NULL, NULL, &si, &pi))
		return 125;
	WaitForSingleObject(pi.hProcess, INFINITE);
	GetExitCodeProcess(pi.hProcess, &status);
	return (int)status;
}
