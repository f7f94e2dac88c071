// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The process that stays beside a container.
 *
 * It is the parent of the container's init, and does four things: it keeps
 * the console (a ring of the last 64 KiB, a log file, up to eight clients), it
 * runs `vzctl _hits` when the container has hit a limit, it reaps init, and then
 * it becomes `vzctl _exited`, which cleans up and starts the container again if
 * it rebooted.  It holds no other state: when it is killed, the next vzctl does
 * the rest.
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
#define CLOCK_MONOTONIC 1
#define SEEK_SET 0
#define STATUS_SIZE 16
#define HITS_DELAY 100		/* ms: the kernel counts first and logs then */
#define HITS_PAUSE 1000		/* ms between reports, while there is credit */
#define HITS_PAUSE_LONG 10000	/* and without: what a container can cause is bounded */
#define HITS_CREDIT 6

struct timeout {
	__s64 sec, nsec;
};

static int pty = MON_FD_PTY;	/* -1: taken over from a dead monitor, whose master is lost */
static char ring[MON_RING_SIZE];
static unsigned int ring_at, ring_len;
static int clients[MAX_CLIENTS];
static char log_name[24], log_old[28];
static char **self_argv, **self_envp;
static int hits[MON_N_HITS];	/* -1: cannot be watched */
/* `vzctl _hits`, its output or -1; what a report may not begin before; is one due? */
static int helper = -1, helper_pid;
static __s64 hits_from, hits_last;
static int hits_due, hits_credit = HITS_CREDIT;

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

static void console_put(const char *buf, long n)
{
	ring_add(buf, (unsigned int)n);
	if (sc(write, MON_FD_LOG, buf, n) > 0)
		log_rotate();
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] >= 0)
			client_send(i, buf, n);
}

/* What read(2) said: 0 or -EIO when no slave is open. */
static long pty_output(void)
{
	char buf[MON_PACKET_MAX];
	long n = sc(read, pty, buf, sizeof(buf));

	if (n > 0)
		console_put(buf, n);
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

/* ---- limits that were hit ------------------------------------------------- */

static __s64 now_ms(void)
{
	struct timeout t = { 0 };

	sc(clock_gettime, CLOCK_MONOTONIC, &t);
	return t.sec * 1000 + t.nsec / 1000000;
}

/* Reading makes a file quiet until its next change. */
static void hits_arm(int i)
{
	char buf[512];

	if (sc(lseek, hits[i], 0, SEEK_SET) < 0 || sc(read, hits[i], buf, sizeof(buf)) < 0)
		hits[i] = -1;
}

static void hits_seen(int i)
{
	__s64 from = now_ms() + HITS_DELAY;

	hits_arm(i);
	hits_due = 1;
	if (hits_from < from)
		hits_from = from;
}

static void helper_main(int out)
{
	char name[] = "_hits", *argv[4];

	argv[0] = self_argv[3];
	argv[1] = name;
	argv[2] = self_argv[1];
	argv[3] = NULL;
	sc(dup3, out, 1, 0);
	sc(execve, argv[0], argv, self_envp);
	sc(exit_group, 3);
}

static void helper_start(void)
{
	__s64 now = now_ms(), more = (now - hits_last) / HITS_PAUSE_LONG;
	int p[2];

	hits_due = 0;
	hits_credit = more < HITS_CREDIT - hits_credit ? hits_credit + (int)more : HITS_CREDIT;
	hits_from = now + (hits_credit ? HITS_PAUSE : HITS_PAUSE_LONG);
	hits_credit -= hits_credit > 0;
	hits_last = now;
	if (sc(pipe2, p, O_CLOEXEC) < 0)
		return;
	helper_pid = (int)sc(clone, SIGCHLD, 0, 0, 0, 0);
	if (helper_pid == 0)
		helper_main(p[1]);
	sc(close, p[1]);
	if (helper_pid < 0)
		sc(close, p[0]);
	else
		helper = p[0];
}

/* What it says is for the console, too: "[vzmon: LINE]". */
static void helper_output(void)
{
	static const char before[] = "\r\n[vzmon: ", after[] = "]\r\n";
	char buf[1024];
	long n = sc(read, helper, buf, sizeof(buf)), start = 0;
	int status;

	if (n <= 0) {
		sc(close, helper);
		helper = -1;
		sc(wait4, helper_pid, &status, 0, 0);
		return;
	}
	for (long i = 0; i < n; i++) {
		if (buf[i] != '\n')
			continue;
		console_put(before, sizeof(before) - 1);
		console_put(buf + start, i - start);
		console_put(after, sizeof(after) - 1);
		start = i + 1;
	}
}

/* ---- until init has ended -------------------------------------------------- */

enum { P_INIT, P_PTY, P_LISTEN, P_HELPER, P_HITS, P_CLIENT = P_HITS + MON_N_HITS,
       P_ALL = P_CLIENT + MAX_CLIENTS };

static void fill(struct pollfd *p, int pidfd, int hung)
{
	p[P_INIT] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	p[P_PTY] = (struct pollfd){ .fd = hung ? -1 : pty, .events = POLLIN };
	p[P_LISTEN] = (struct pollfd){ .fd = MON_FD_LISTEN, .events = POLLIN };
	p[P_HELPER] = (struct pollfd){ .fd = helper, .events = POLLIN };
	for (int i = 0; i < MON_N_HITS; i++)
		p[P_HITS + i] = (struct pollfd){ .fd = hits_due ? -1 : hits[i], .events = POLLPRI };
	for (int i = 0; i < MAX_CLIENTS; i++)
		p[P_CLIENT + i] = (struct pollfd){ .fd = clients[i], .events = POLLIN };
}

static void serve(const struct pollfd *p)
{
	if (p[P_LISTEN].revents)
		accept_client();
	if (p[P_HELPER].revents)
		helper_output();
	for (int i = 0; i < MON_N_HITS; i++)
		if (p[P_HITS + i].revents & POLLPRI)
			hits_seen(i);
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (p[P_CLIENT + i].fd >= 0 && p[P_CLIENT + i].revents &&
		    clients[i] == p[P_CLIENT + i].fd)
			client_input(i);
}

/* Until when a pause or a nap lasts; NULL: for ever. */
static struct timeout *wait_for(struct timeout *t, int hung)
{
	__s64 ms = hung ? 200 : -1;

	if (hits_due && helper < 0) {
		__s64 left = hits_from - now_ms();

		if (left < 0)
			left = 0;
		if (ms < 0 || left < ms)
			ms = left;
	}
	t->sec = ms / 1000;
	t->nsec = ms % 1000 * 1000000;
	return ms < 0 ? NULL : t;
}

/*
 * Without a getty the slave side closes now and then and poll reports POLLHUP for
 * ever: the pty is left out of the next round's wait and looked at after a nap.
 */
static void loop(int pidfd)
{
	struct pollfd p[P_ALL];
	struct timeout t;
	int hung = 0;
	long r;

	for (;;) {
		fill(p, pidfd, hung);
		r = sc(ppoll, p, P_ALL, wait_for(&t, hung), NULL, 0);
		if (r < 0 && r != -EINTR)
			return;
		hung = 0;
		if (r < 0)
			continue;
		if (p[P_PTY].revents) {
			r = pty_output();
			hung = r <= 0 && r != -EAGAIN && r != -EINTR;
		}
		serve(p);
		if (p[P_INIT].revents)
			return;
		if (hits_due && helper < 0 && now_ms() >= hits_from)
			helper_start();
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
	self_argv = argv;
	self_envp = envp;
	pid = get_num(argv[2]);
	name_logs(argv[1]);
	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i] = -1;
	sc(prctl, PR_SET_NAME, "vzmon", 0, 0, 0);
	ignore(SIGPIPE);
	ignore(SIGHUP);
	/* MON_FD_SEED and MON_FD_NFT are only kept open. */
	for (int fd = MON_FD_PTY; fd <= MON_FD_LAST; fd++)
		sc(fcntl, fd, F_SETFD, 1 /* FD_CLOEXEC */);
	for (int i = 0; i < MON_N_HITS; i++) {
		hits[i] = MON_FD_HITS + i;
		hits_arm(i);
	}
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
