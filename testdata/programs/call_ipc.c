/* Shared memory, semaphores and message queues of System V, and POSIX's queues. */
#include "call.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

static struct {
	long type;
	char text[16];
} message = { 1, "hello" };

int main(void)
{
	int shm = CALL(shmget, "private", IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	CALL(shmget, "no size", IPC_PRIVATE, 0, IPC_CREAT | 0600);
	CALL(shmget, "no key", 0x12345, 4096, 0);
	char *p = (char *)CALL(shmat, "private", shm, 0, 0);
	CALL(shmat, "no such", -1, 0, 0);
	CALL(shmdt, "private", p);
	CALL(shmdt, "again", p);
	CALL(shmctl, "remove", shm, IPC_RMID, 0);
	CALL(shmctl, "no such", -1, IPC_RMID, 0);
	int sem = CALL(semget, "private", IPC_PRIVATE, 2, IPC_CREAT | 0600);
	CALL(semget, "no number", IPC_PRIVATE, 0, IPC_CREAT | 0600);
	NUMBER(semctl, "value", sem, 0, GETVAL, 0);
	CALL(semctl, "no such", -1, 0, GETVAL, 0);
	struct sembuf up = { 0, 2, 0 }, down = { 1, -1, IPC_NOWAIT };
#ifdef SYS_semop
	CALL(semop, "up", sem, &up, 1);
	CALL(semop, "down at 0", sem, &down, 1);
#endif
#ifdef SYS_semtimedop
	CALL(semtimedop, "up", sem, &up, 1, 0);
	CALL(semtimedop, "down at 0", sem, &down, 1, 0);
#endif
#ifdef SYS_semtimedop_time64
	CALL(semtimedop_time64, "up", sem, &up, 1, 0);
	CALL(semtimedop_time64, "down at 0", sem, &down, 1, 0);
#endif
	semctl(sem, 0, IPC_RMID);
	int msg = CALL(msgget, "private", IPC_PRIVATE, IPC_CREAT | 0600);
	CALL(msgget, "no key", 0x12345, 0);
	CALL(msgsnd, "text", msg, &message, 6, 0);
	CALL(msgsnd, "no such", -1, &message, 6, 0);
	NUMBER(msgrcv, "text", msg, &message, 16, 0, 0);
	data("%s", message.text);
	CALL(msgrcv, "none", msg, &message, 16, 0, IPC_NOWAIT);
	CALL(msgctl, "remove", msg, IPC_RMID, 0);
	CALL(msgctl, "no such", -1, IPC_RMID, 0);
#ifdef SYS_ipc
	shm = NUMBER(ipc, "no key", 23, 0x12345, 4096, 0, 0, 0);
	shm = CALL(ipc, "shared memory", 23, IPC_PRIVATE, 4096, IPC_CREAT | 0600, 0, 0);
	CALL(ipc, "remove", 24, shm, IPC_RMID, 0, 0, 0);
#endif
	char name[32], text[16];
	unsigned priority = 0;
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 16 }, was;
	struct oldtime past = { 1, 0 };
	snprintf(name, sizeof name, "bee-call-%d", getpid());
	int queue = CALL(mq_open, "new", name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
	CALL(mq_open, "again", name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	CALL(mq_open, "none", "bee-call-none", O_RDWR, 0, 0);
	CALL(mq_getsetattr, "ask", queue, 0, &was);
	data("%ld %ld", was.mq_maxmsg, was.mq_msgsize);
	CALL(mq_getsetattr, "bad fd", 99, 0, &was);
	CALL(mq_timedsend, "text", queue, "hello", 6, 3, 0);
	CALL(mq_timedsend, "too long", queue, text, 100, 3, 0);
	CALL(mq_timedsend, "bad fd", 99, "hello", 6, 3, 0);
	NUMBER(mq_timedreceive, "text", queue, text, 16, &priority, 0);
	data("%s %u", text, priority);
	CALL(mq_timedreceive, "none", queue, text, 16, &priority, &past);
	CALL(mq_timedreceive, "bad fd", 99, text, 16, &priority, 0);
#ifdef SYS_mq_timedsend_time64
	struct time64 past64 = { 1, 0 };
	CALL(mq_timedsend_time64, "text", queue, "hello", 6, 3, 0);
	CALL(mq_timedsend_time64, "bad fd", 99, "hello", 6, 3, 0);
	NUMBER(mq_timedreceive_time64, "text", queue, text, 16, &priority, 0);
	CALL(mq_timedreceive_time64, "none", queue, text, 16, &priority, &past64);
#endif
	CALL(mq_notify, "nobody", queue, 0);
	CALL(mq_notify, "bad fd", 99, 0);
	CALL(mq_unlink, "queue", name);
	CALL(mq_unlink, "again", name);
	return 0;
}
