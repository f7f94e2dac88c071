// SPDX-License-Identifier: GPL-2.0-or-later
/* The client of vzmon's console socket; mon/mon.h is the protocol. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "mon/mon.h"

static volatile sig_atomic_t winch = 1;

static void on_winch(int sig)
{
	winch = 1;
}

static int connect_console(uint32_t id)
{
	_cleanup_free_ char *path = ct_run_path(id, "console.sock");

	return io_unix_connect(path, SOCK_SEQPACKET);
}

static void send_winsize(int fd)
{
	struct winsize ws;
	char pkt[5] = "w";
	uint16_t size[2];

	winch = 0;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
		return;
	size[0] = ws.ws_row;
	size[1] = ws.ws_col;
	memcpy(pkt + 1, size, sizeof(size));
	(void)send(fd, pkt, sizeof(pkt), MSG_NOSIGNAL);
}

/*
 * ESC at the start of a line, then '.': detach.  An ESC that begins anything
 * else (arrow keys) is passed on with what follows it.
 */
struct escape {
	bool bol, esc;
};

static bool send_keys(int fd, struct escape *st, const char *in, size_t n)
{
	char pkt[MON_PACKET_MAX];
	size_t out = 1;

	pkt[0] = 'd';
	for (size_t i = 0; i < n; i++) {
		if (st->esc) {
			st->esc = false;
			if (in[i] == '.')
				return false;
			pkt[out++] = '\033';
		} else if (in[i] == '\033' && st->bol) {
			st->esc = true;
			continue;
		}
		st->bol = in[i] == '\r' || in[i] == '\n';
		pkt[out++] = in[i];
	}
	if (out > 1)
		(void)send(fd, pkt, out, MSG_NOSIGNAL);
	return true;
}

/* @waiting: the signal mask while there is nothing to do, with SIGWINCH let in. */
static void console_loop(int fd, const sigset_t *waiting)
{
	struct escape st = { .bol = true };
	bool stdin_open = true;
	char buf[MON_PACKET_MAX];

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
				       { .fd = stdin_open ? STDIN_FILENO : -1, .events = POLLIN } };
		ssize_t n;

		if (winch)
			send_winsize(fd);
		if (ppoll(p, 2, NULL, waiting) < 0)
			continue;
		if (p[0].revents) {
			n = recv(fd, buf, sizeof(buf), 0);
			if (n <= 0)
				return;
			(void)io_write_full(STDOUT_FILENO, buf, n);
		}
		if (p[1].revents) {
			/* Half a packet: an escape may double each byte. */
			n = read(STDIN_FILENO, buf, sizeof(buf) / 2 - 1);
			if (n == 0)
				stdin_open = false;
			if (n > 0 && !send_keys(fd, &st, buf, n))
				return;
		}
	}
}

/* The end of the log: what a container said before it stopped. */
static void show_log(uint32_t id)
{
	_cleanup_free_ char *path = ct_console_log(id);
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	char buf[8192];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_size > MON_RING_SIZE)
		(void)lseek(fd, -MON_RING_SIZE, SEEK_END);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		(void)io_write_full(STDOUT_FILENO, buf, n);
}

int ct_console(struct ct *ct, struct vz_err *e)
{
	struct sigaction sa = { .sa_handler = on_winch };
	_cleanup_close_ int fd = connect_console(ct->id);
	struct termios saved, t;
	sigset_t block, was;
	bool raw = false;

	if (fd < 0) {
		if (ct_is_running(ct->slice, ct->id))
			return vz_fail(e, VZ_SYSTEM_ERROR, -fd,
				       "Console of container %u is lost (its monitor is gone)",
				       ct->id);
		show_log(ct->id);
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	}
	fprintf(stderr, "Attached to CT %u (ESC . to detach)\n", ct->id);
	/* Blocked outside of ppoll(2): one that comes before it would be lost. */
	sigemptyset(&block);
	sigaddset(&block, SIGWINCH);
	sigprocmask(SIG_BLOCK, &block, &was);
	sigdelset(&was, SIGWINCH);
	sigaction(SIGWINCH, &sa, NULL);
	if (tcgetattr(STDIN_FILENO, &saved) == 0) {
		t = saved;
		cfmakeraw(&t);
		raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
	}
	console_loop(fd, &was);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	fprintf(stderr, "\nDetached from CT %u\n", ct->id);
	return 0;
}
