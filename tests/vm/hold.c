// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes what a user namespace has a ceiling for, says how much it got, and keeps
 * it until it is killed: hold lock PAGES | hold signals N.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

/* Locked shared memory is counted for the user, mlock(2) for the process only. */
static long lock_pages(long want)
{
	long n;

	for (n = 0; n < want; n++) {
		int id = shmget(IPC_PRIVATE, 1, IPC_CREAT | 0600);

		if (id < 0 || shmctl(id, SHM_LOCK, NULL) < 0)
			break;
	}
	return n;
}

static long queue_signals(long want)
{
	union sigval v = { 0 };
	sigset_t set;
	long n;

	/* Blocked: each stays queued, and counts. */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (n = 0; n < want; n++)
		if (sigqueue(getpid(), SIGRTMIN, v) < 0)
			break;
	return n;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	printf("%ld\n", strcmp(argv[1], "lock") ? queue_signals(atol(argv[2])) :
						  lock_pages(atol(argv[2])));
	fflush(stdout);
	fclose(stdout);
	pause();
	return 0;
}
