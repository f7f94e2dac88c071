// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes what a user namespace has a ceiling for, says how much it got, and keeps
 * it until it is killed: hold lock KIB | hold signals N.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static long lock_memory(long kib)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (size_t)kib << 10, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long n;

	if (p == MAP_FAILED)
		return -1;
	for (n = 0; n < kib; n += (long)(page >> 10))
		if (mlock(p + (n << 10), page) < 0)
			break;
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
						  lock_memory(atol(argv[2])));
	fflush(stdout);
	fclose(stdout);
	pause();
	return 0;
}
