/* System V's shared memory, semaphores and message queues. */
#include "call.h"
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
	return 0;
}
