// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that stays beside a container.
 *
 * It is the parent of the container's init, and does three things: it keeps
 * the console (a ring of the last 64 KiB, a log file, up to eight clients), it
 * reaps init, and then it becomes `vzctl _exited`, which cleans up and starts
 * the container again if it rebooted.  It holds no other state: when it is
 * killed, the next vzctl does the rest.
 *
 * No allocation, no C library; its memory is what this file declares.
 */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/termios.h>
#include <linux/types.h>

#include "mon/mon.h"
#include "mon/sc.h"

#define MAX_CLIENTS 8
/* socket.h and time64 are libc's names; the values are ABI (asm-generic). */
#define SOCK_CLOEXEC O_CLOEXEC
#define SOCK_NONBLOCK O_NONBLOCK
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define STATUS_SIZE 16

struct timeout {
	__s64 sec, nsec;
};

static int pty = MON_FD_PTY;	/* -1: taken over from a dead monitor, whose master is lost */
static char ring[MON_RING_SIZE];
static unsigned int ring_at, ring_len;
static int clients[MAX_CLIENTS];
static char log_name[24], log_old[28];

static void ring_add(const char *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ring[ring_at] = p[i];
		ring_at = (ring_at + 1) % sizeof(ring);
	}
	ring_len = ring_len + n > sizeof(ring) ? sizeof(ring) : ring_len + n;
}

static void log_rotate(void)
{
	long size = sc(lseek, MON_FD_LOG, 0, 2 /* SEEK_END */), fd;

	if (size < MON_LOG_MAX)
		return;
	sc(renameat2, MON_FD_LOGDIR, log_name, MON_FD_LOGDIR, log_old, 0);
	fd = sc(openat, MON_FD_LOGDIR, log_name,
		O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0 && fd != MON_FD_LOG) {
		sc(dup3, fd, MON_FD_LOG, O_CLOEXEC);
		sc(close, fd);
	}
}

static void client_drop(int i)
{
	sc(close, clients[i]);
	clients[i] = -1;
}

/* A client that does not read loses output: the container never waits for it. */
static void client_send(int i, const char *p, long n)
{
	while (n > 0) {
		long part = n < MON_PACKET_MAX ? n : MON_PACKET_MAX, r;

		r = sc5(SYS_sendto, clients[i], (long)p, part, MSG_DONTWAIT | MSG_NOSIGNAL, 0);
		if (r < 0) {
			if (r != -EAGAIN)
				client_drop(i);
			return;
		}
		p += part;
		n -= part;
	}
}

static void client_replay(int i)
{
	unsigned int start = (ring_at + sizeof(ring) - ring_len) % sizeof(ring);
	unsigned int first = sizeof(ring) - start < ring_len ? sizeof(ring) - start : ring_len;

	client_send(i, ring + start, first);
	if (clients[i] >= 0 && ring_len > first)
		client_send(i, ring, ring_len - first);
}

static void accept_client(void)
{
	long fd = sc(accept4, MON_FD_LISTEN, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i] >= 0)
			continue;
		clients[i] = (int)fd;
		client_replay(i);
		return;
	}
	sc(close, fd);
}

/* What read(2) said: 0 or -EIO when no slave is open. */
static long pty_output(void)
{
	char buf[MON_PACKET_MAX];
	long n = sc(read, pty, buf, sizeof(buf));

	if (n <= 0)
		return n;
	ring_add(buf, (unsigned int)n);
	if (sc(write, MON_FD_LOG, buf, n) > 0)
		log_rotate();
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] >= 0)
			client_send(i, buf, n);
	return n;
}

static void client_input(int i)
{
	struct winsize ws = { 0 };
	char buf[MON_PACKET_MAX];
	__u16 size[2];
	long n = sc5(SYS_recvfrom, clients[i], (long)buf, sizeof(buf), MSG_DONTWAIT, 0);

	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR)) {
		client_drop(i);
	} else if (n > 1 && buf[0] == 'd') {
		/* A full input queue drops keys, as a serial line would. */
		sc(write, pty, buf + 1, n - 1);
	} else if (n == 1 + (long)sizeof(size) && buf[0] == 'w') {
		__builtin_memcpy(size, buf + 1, sizeof(size));
		ws.ws_row = size[0];
		ws.ws_col = size[1];
		sc(ioctl, pty, TIOCSWINSZ, &ws);
	}
}

/*
 * Until init has ended.  Without a getty the slave side closes now and then
 * and poll reports POLLHUP for ever: the pty is left out of the next round's
 * wait and looked at again after a nap.
 */
static void loop(int pidfd)
{
	struct timeout nap = { .nsec = 200000000 }, left;
	struct pollfd p[3 + MAX_CLIENTS];
	int hung = 0;
	long r;

	for (;;) {
		p[0] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = hung ? -1 : pty, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = MON_FD_LISTEN, .events = POLLIN };
		for (int i = 0; i < MAX_CLIENTS; i++)
			p[3 + i] = (struct pollfd){ .fd = clients[i], .events = POLLIN };
		left = nap;
		r = sc(ppoll, p, 3 + MAX_CLIENTS, hung ? &left : NULL, NULL, 0);
		if (r < 0 && r != -EINTR)
			return;
		hung = 0;
		if (r < 0)
			continue;
		if (p[1].revents) {
			r = pty_output();
			hung = r <= 0 && r != -EAGAIN && r != -EINTR;
		}
		if (p[2].revents)
			accept_client();
		for (int i = 0; i < MAX_CLIENTS; i++)
			if (p[3 + i].fd >= 0 && p[3 + i].revents && clients[i] == p[3 + i].fd)
				client_input(i);
		if (p[0].revents)
			return;
	}
}

/*
 * Only a parent learns it: what a pidfd tells (PIDFD_GET_INFO) is SIGKILL for
 * a reboot of a pid namespace as for a real kill.
 */
static int exit_status(int pid)
{
	int status;
	long r;

	do {
		r = sc(wait4, pid, &status, 0, 0);
	} while (r == -EINTR);
	return r == pid ? status : MON_STATUS_UNKNOWN;
}

static char *put_num(char *end, unsigned int v)
{
	*--end = '\0';
	do {
		*--end = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return end;
}

static int get_num(const char *s)
{
	int v = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (*s - '0');
	return v;
}

/* CTIDs have at most ten digits. */
static void name_logs(const char *ctid)
{
	static const char tail[] = ".console.1";
	unsigned int n = 0;

	for (; n < 12 && ctid[n]; n++)
		log_name[n] = log_old[n] = ctid[n];
	for (unsigned int i = 0; i < sizeof(tail); i++)
		log_old[n + i] = tail[i];
	for (unsigned int i = 0; i < sizeof(tail) - 3; i++)
		log_name[n + i] = tail[i];
}

static void ignore(int sig)
{
	/* The kernel's own layout: handler, flags, restorer, mask. */
	unsigned long act[4] = { 1 /* SIG_IGN */, 0, 0, 0 };

	sc(rt_sigaction, sig, act, NULL, 8);
}

static int monitor(int argc, char **argv, char **envp)
{
	static const char note[] = "\r\n[vzmon: container stopped]\r\n";
	char status_text[STATUS_SIZE], exited[] = "_exited", *next[6];
	unsigned int ptn;
	long pidfd;
	int pid;

	if (argc != 4)
		return 20;
	pid = get_num(argv[2]);
	name_logs(argv[1]);
	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i] = -1;
	sc(prctl, PR_SET_NAME, "vzmon", 0, 0, 0);
	ignore(SIGPIPE);
	ignore(SIGHUP);
	for (int fd = MON_FD_PTY; fd <= MON_FD_LOG; fd++)
		sc(fcntl, fd, F_SETFD, 1 /* FD_CLOEXEC */);
	if (sc(ioctl, MON_FD_PTY, TIOCGPTN, &ptn) < 0)
		pty = -1;
	pidfd = sc(pidfd_open, pid, 0);	/* close-on-exec by itself */
	if (pidfd >= 0)
		loop((int)pidfd);
	next[4] = put_num(status_text + sizeof(status_text), (unsigned int)exit_status(pid));
	while (pty_output() > 0)
		;
	ring_add(note, sizeof(note) - 1);
	sc(write, MON_FD_LOG, note, sizeof(note) - 1);
	next[0] = argv[3];
	next[1] = exited;
	next[2] = argv[1];
	next[3] = argv[2];
	next[5] = NULL;
	sc(execve, next[0], next, envp);
	return 3;
}

#ifdef VZ_MON_LIBC

int main(int argc, char **argv, char **envp)
{
	return monitor(argc, argv, envp);
}

#else

void mon_start(long *sp);

__attribute__((used)) void mon_start(long *sp)
{
	int argc = (int)sp[0];
	char **argv = (char **)(sp + 1);

	sc(exit_group, monitor(argc, argv, argv + argc + 1));
	__builtin_unreachable();
}

#endif
