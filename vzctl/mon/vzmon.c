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
 * Static, no allocation, no stdio; its memory is what this file declares.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>	/* renameat() */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "mon/mon.h"

#define MAX_CLIENTS 8

static int pty = MON_FD_PTY;	/* -1: taken over from a dead monitor, whose master is lost */
static char ring[MON_RING_SIZE];
static size_t ring_at, ring_len;
static int clients[MAX_CLIENTS];
static char log_name[24], log_old[28];

static void ring_add(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ring[ring_at] = p[i];
		ring_at = (ring_at + 1) % sizeof(ring);
	}
	ring_len = ring_len + n > sizeof(ring) ? sizeof(ring) : ring_len + n;
}

static void log_rotate(void)
{
	struct stat st;
	int fd;

	if (fstat(MON_FD_LOG, &st) < 0 || st.st_size < MON_LOG_MAX)
		return;
	(void)renameat(MON_FD_LOGDIR, log_name, MON_FD_LOGDIR, log_old);
	fd = openat(MON_FD_LOGDIR, log_name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd >= 0 && fd != MON_FD_LOG) {
		dup3(fd, MON_FD_LOG, O_CLOEXEC);
		close(fd);
	}
}

static void client_drop(int i)
{
	close(clients[i]);
	clients[i] = -1;
}

/* A client that does not read loses output: the container never waits for it. */
static void client_send(int i, const char *p, size_t n)
{
	while (n) {
		size_t part = n < MON_PACKET_MAX ? n : MON_PACKET_MAX;

		if (send(clients[i], p, part, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			if (errno != EAGAIN)
				client_drop(i);
			return;
		}
		p += part;
		n -= part;
	}
}

static void client_replay(int i)
{
	size_t start = (ring_at + sizeof(ring) - ring_len) % sizeof(ring);
	size_t first = sizeof(ring) - start < ring_len ? sizeof(ring) - start : ring_len;

	client_send(i, ring + start, first);
	if (clients[i] >= 0 && ring_len > first)
		client_send(i, ring, ring_len - first);
}

static void accept_client(void)
{
	int fd = accept4(MON_FD_LISTEN, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	for (int i = 0; i < MAX_CLIENTS; i++) {
		if (clients[i] >= 0)
			continue;
		clients[i] = fd;
		client_replay(i);
		return;
	}
	close(fd);
}

/* Returns false at the end: the last slave is closed and nothing is left. */
static int pty_output(void)
{
	char buf[MON_PACKET_MAX];
	ssize_t n = read(pty, buf, sizeof(buf));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	ring_add(buf, n);
	if (write(MON_FD_LOG, buf, n) > 0)
		log_rotate();
	for (int i = 0; i < MAX_CLIENTS; i++)
		if (clients[i] >= 0)
			client_send(i, buf, n);
	return 1;
}

static void client_input(int i)
{
	char buf[MON_PACKET_MAX];
	struct winsize ws = { 0 };
	uint16_t size[2];
	ssize_t n = recv(clients[i], buf, sizeof(buf), MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		client_drop(i);
	} else if (n > 1 && buf[0] == 'd') {
		/* A full input queue drops keys, as a serial line would. */
		if (write(pty, buf + 1, n - 1) < 0)
			return;
	} else if (n == 1 + sizeof(size) && buf[0] == 'w') {
		memcpy(size, buf + 1, sizeof(size));
		ws.ws_row = size[0];
		ws.ws_col = size[1];
		(void)ioctl(pty, TIOCSWINSZ, &ws);
	}
}

/*
 * One round.  Without a getty the slave side closes now and then and poll
 * reports POLLHUP for ever: the pty is left out of the next round's wait and
 * looked at again after a nap.
 */
static int loop(int pidfd)
{
	struct pollfd p[3 + MAX_CLIENTS];
	int hung = 0;

	for (;;) {
		p[0] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
		p[1] = (struct pollfd){ .fd = hung ? -1 : pty, .events = POLLIN };
		p[2] = (struct pollfd){ .fd = MON_FD_LISTEN, .events = POLLIN };
		for (int i = 0; i < MAX_CLIENTS; i++)
			p[3 + i] = (struct pollfd){ .fd = clients[i], .events = POLLIN };
		if (poll(p, 3 + MAX_CLIENTS, hung ? 200 : -1) < 0 && errno != EINTR)
			return -1;
		hung = 0;
		if (p[1].revents && !pty_output())
			hung = 1;
		if (p[2].revents)
			accept_client();
		for (int i = 0; i < MAX_CLIENTS; i++)
			if (p[3 + i].fd >= 0 && p[3 + i].revents && clients[i] == p[3 + i].fd)
				client_input(i);
		if (p[0].revents)
			return 0;
	}
}

/*
 * Only a parent learns it: what a pidfd tells (PIDFD_GET_INFO) is SIGKILL for
 * a reboot of a pid namespace as for a real kill.
 */
static int exit_status(int pid)
{
	int status;

	for (;;) {
		if (waitpid(pid, &status, 0) == pid)
			return status;
		if (errno != EINTR)
			return MON_STATUS_UNKNOWN;
	}
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

int main(int argc, char **argv, char **envp)
{
	char status_text[16], note[] = "\r\n[vzmon: container stopped]\r\n";
	int status, pidfd, pid;
	unsigned int ptn;
	char *next[6];
	size_t n;

	if (argc != 4)
		return 20;
	pid = atoi(argv[2]);
	n = strnlen(argv[1], 12);
	memcpy(log_name, argv[1], n);
	memcpy(log_name + n, ".console", sizeof(".console"));
	memcpy(log_old, argv[1], n);
	memcpy(log_old + n, ".console.1", sizeof(".console.1"));
	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i] = -1;
	prctl(PR_SET_NAME, "vzmon");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	for (int fd = MON_FD_PTY; fd <= MON_FD_LOG; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (ioctl(MON_FD_PTY, TIOCGPTN, &ptn) < 0)
		pty = -1;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0) {
		fcntl(pidfd, F_SETFD, FD_CLOEXEC);
		loop(pidfd);
	}
	status = exit_status(pid);
	do {
		errno = 0;
	} while (pty_output() && errno != EAGAIN);
	ring_add(note, sizeof(note) - 1);
	(void)!write(MON_FD_LOG, note, sizeof(note) - 1);
	next[0] = argv[3];
	next[1] = "_exited";
	next[2] = argv[1];
	next[3] = argv[2];
	next[4] = put_num(status_text + sizeof(status_text), (unsigned int)status);
	next[5] = NULL;
	execve(next[0], next, envp);
	return 3;
}
