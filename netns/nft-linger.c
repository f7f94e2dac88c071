// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Closing a netfilter socket waits until what transactions have removed is freed,
 * and so does the end of a process that has one: 10 to 30 ms.  The caller of a command
 * need not: a child that shares our memory, so that it costs next to nothing to make,
 * keeps the socket and nothing else, closes it, and ends.
 */
#define VZ_ROOM "netns"
#include "nft.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
/* Its bookkeeping is that of the thread whose memory the child shares. */
void nft_linger(int fd)
{
}

void nft_kept(void)
{
}
#else

static int socket_fd = -EBADF;
static bool kept;
/* The child has only the socket; and it is the last one that has. */
static atomic_int alone, last;
static _Alignas(16) char stack[8192];

static void wait_for(atomic_int *word)
{
	/* Nobody answers when the other one was killed. */
	const struct timespec second = { .tv_sec = 1 };

	while (!atomic_load(word))
		if (syscall(SYS_futex, word, FUTEX_WAIT, 0, &second, NULL, 0) < 0 &&
		    errno == ETIMEDOUT)
			break;
}

static void tell(atomic_int *word)
{
	atomic_store(word, 1);
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int keep(void *arg)
{
	const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
	unsigned int fd = (unsigned int)socket_fd;

	(void)syscall(SYS_prctl, PR_SET_NAME, "vz-linger");
	if (fd)
		(void)syscall(SYS_close_range, 0, fd - 1, 0);
	(void)syscall(SYS_close_range, fd + 1, ~0U, 0);
	tell(&alone);
	wait_for(&last);
	/* While it waits nobody changes anything: until then most of it is freed. */
	(void)syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &moment, NULL);
	(void)syscall(SYS_close, fd);
	syscall(SYS_exit, 0);
	return 0;
}

static void at_exit(void)
{
	if (kept)
		return;
	/* No signal: nobody who waits for children waits for this one. */
	if (clone(keep, stack + sizeof(stack), CLONE_VM, NULL) < 0)
		return;
	/* Until then it holds the container's lock, and the caller's pipe, too. */
	wait_for(&alone);
	close(socket_fd);
	tell(&last);
}

void nft_kept(void)
{
	kept = true;
}

void nft_linger(int fd)
{
	if (socket_fd < 0 && atexit(at_exit) == 0)
		socket_fd = fd;
}
#endif
