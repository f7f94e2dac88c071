// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Takes what a container has a limit for, says how much it got, and keeps it until
 * it is killed: hold lock PAGES | hold signals N | hold memory MIB |
 * hold huge MIB.
 * hold spin: burns a CPU.  hold write FILE KIB SIZE: writes KIB of KiB past the page
 * cache, SIZE KiB at a time, says how many milliseconds that took, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>
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

static long touch_memory(long mib, int flags)
{
	size_t size = (size_t)mib << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
		       0);

	if (p == MAP_FAILED)
		return 0;
	/* Of differing pages: none can be merged or is all zeroes. */
	for (size_t i = 0; i < size; i += 4096)
		*(size_t *)(p + i) = i + 1;
	return mib;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int write_disk(const char *path, long kib, long size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	void *buf;
	long t;

	if (fd < 0 || posix_memalign(&buf, 4096, (size_t)size << 10) != 0) {
		perror(path);
		return 1;
	}
	memset(buf, 'x', (size_t)size << 10);
	/* Blocks are there before the clock runs. */
	if (posix_fallocate(fd, 0, kib << 10) != 0 || fsync(fd) < 0) {
		perror(path);
		return 1;
	}
	t = now_ms();
	for (long done = 0; done < kib; done += size)
		if (pwrite(fd, buf, (size_t)size << 10, done << 10) != size << 10) {
			perror(path);
			return 1;
		}
	printf("%ld\n", now_ms() - t);
	return 0;
}

static long take(const char *what, long n)
{
	if (strcmp(what, "lock") == 0)
		return lock_pages(n);
	if (strcmp(what, "signals") == 0)
		return queue_signals(n);
	return touch_memory(n, strcmp(what, "huge") == 0 ? MAP_HUGETLB : 0);
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "write") == 0)
		return write_disk(argv[2], atol(argv[3]), atol(argv[4]));
	if (argc == 2 && strcmp(argv[1], "spin") == 0)
		for (volatile unsigned long n = 0;; n++)
			;
	if (argc != 3)
		return 2;
	printf("%ld\n", take(argv[1], atol(argv[2])));
	fflush(stdout);
	fclose(stdout);
	pause();
	return 0;
}
