/* SQLite in WAL mode: the index of the log is a file that is mapped shared and
 * writable, grown page by page; two connections see each other's changes. With
 * mmap_size the database itself is mapped for reading, too. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int row(void *what, int n, char **values, char **names)
{
	printf("%s:", (char *)what);
	for (int i = 0; i < n; i++)
		printf(" %s=%s", names[i], values[i] ? values[i] : "NULL");
	printf("\n");
	return 0;
}

static void sql(sqlite3 *db, char *who, const char *text)
{
	char *message = NULL;
	int r = sqlite3_exec(db, text, row, who, &message);
	if (r != SQLITE_OK)
		printf("%s: %s: %d %s\n", who, text, r, message ? message : "");
	sqlite3_free(message);
}

int main(int argc, char **argv)
{
	sqlite3 *a, *b;
	const char *mapped = argc > 1 ? argv[1] : "0";
	char pragma[64];
	snprintf(pragma, sizeof pragma, "PRAGMA mmap_size=%s", mapped);
	if (sqlite3_open("test.db", &a) != SQLITE_OK || sqlite3_open("test.db", &b) != SQLITE_OK)
		return 1;
	sqlite3_busy_timeout(a, 1000);
	sql(a, "a", pragma);
	sql(b, "b", pragma);
	sql(a, "a", "PRAGMA journal_mode=WAL");
	sql(a, "a", "PRAGMA wal_autocheckpoint=200");
	sql(a, "a", "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, value BLOB)");
	sql(b, "b", "PRAGMA journal_mode");
	for (int i = 0; i < 40; i++) {
		char text[200];
		snprintf(text, sizeof text,
			"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<150)"
			" INSERT INTO t(name, value) SELECT 'row ' || (i + %d), zeroblob(700) FROM n",
			i * 150);
		sql(i % 3 ? a : b, i % 3 ? "a" : "b", text);
		if (i % 10 == 9)
			sql(i % 3 ? b : a, "other", "SELECT count(*) AS n, sum(length(value)) AS bytes, max(name) AS last FROM t");
	}
	sql(b, "b", "BEGIN; SELECT count(*) AS before FROM t");
	sql(a, "a", "DELETE FROM t WHERE id % 3 = 0");
	sql(b, "b", "SELECT count(*) AS snapshot FROM t");
	sql(b, "b", "COMMIT; SELECT count(*) AS after FROM t");
	sql(a, "a", "CREATE INDEX names ON t(name)");
	sql(b, "b", "SELECT name FROM t WHERE name LIKE 'row 44%' ORDER BY name LIMIT 5");
	sql(a, "a", "BEGIN IMMEDIATE");
	sql(b, "b", "BEGIN IMMEDIATE");
	sql(a, "a", "ROLLBACK");
	sql(a, "a", "PRAGMA wal_checkpoint(TRUNCATE)");
	sql(a, "a", "VACUUM");
	sql(b, "b", "PRAGMA integrity_check");
	sql(b, "b", "SELECT count(*) AS n, total(length(value)) AS bytes FROM t");
	sqlite3_close(b);
	sql(a, "a", "PRAGMA journal_mode=DELETE");
	sqlite3_close(a);
	return 0;
}
