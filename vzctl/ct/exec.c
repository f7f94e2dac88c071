// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec: a command inside, its three streams relayed.  The process gets pipes,
 * never the caller's descriptors: what it holds cannot outlive or reach them.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "ct/vm.h"
#include "sys/syscalls.h"

#define RELAY_BUF 65536
#define DRAIN_MS 100	/* after the command's end, for what its children still write */
#define DRAIN_ROUNDS 256
#define EOF_AGAIN_MS 300	/* between two Ctrl-D after the end of standard input */
#define SCRIPT_MAX (16u << 20)

/* One direction: @from is read when there is room, @to written when it takes. */
struct stream {
	int from, to;
	bool own_to;	/* close it at the end: the container's standard input */
	size_t len, at;
	char *buf;
};

static const char *const base_env[] = {
	"HOME=/", "TERM=linux",
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
};

static void stream_end(struct stream *s)
{
	if (s->own_to && s->to >= 0)
		close(s->to);
	s->to = -1;
	s->from = -1;
	s->len = 0;
}

static void stream_read(struct stream *s)
{
	ssize_t n = read(s->from, s->buf, RELAY_BUF);

	if (n > 0) {
		s->len = n;
		s->at = 0;
	} else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		stream_end(s);
	}
}

static void stream_write(struct stream *s)
{
	ssize_t n = write(s->to, s->buf + s->at, s->len - s->at);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n < 0) {
		stream_end(s);
		return;
	}
	s->at += n;
	if (s->at == s->len)
		s->len = 0;
}

static short stream_poll(const struct stream *s, struct pollfd *p)
{
	p->fd = -1;
	p->events = 0;
	p->revents = 0;
	if (s->from < 0)
		return 0;
	p->fd = s->len ? s->to : s->from;
	p->events = s->len ? POLLOUT : POLLIN;
	return p->events;
}

/* A reader that went away shows only as POLLERR on what we would write to. */
static void stream_step(struct stream *s, const struct pollfd *p)
{
	if (!p->revents || s->from < 0)
		return;
	if (s->len)
		stream_write(s);
	else
		stream_read(s);
}

/*
 * Until the command has ended and its output is read; a daemon it left behind
 * may hold the pipes for ever, or write to them: then until they have been idle
 * for a moment, or DRAIN_ROUNDS later.  What the command itself wrote is in the
 * pipes when it ends, however late we look.
 */
static int relay(struct stream s[3], int pidfd, long long deadline)
{
	long long limit = deadline, left;
	struct pollfd p[4];
	int rounds = 0, n;
	bool ended = false;

	for (;;) {
		for (int i = 0; i < 3; i++)
			stream_poll(&s[i], &p[i]);
		p[3] = (struct pollfd){ .fd = ended ? -1 : pidfd, .events = POLLIN };
		if (ended && p[1].fd < 0 && p[2].fd < 0)
			return 0;
		left = limit ? limit - vz_now_ms() : -1;
		if (limit && left < 0)
			left = 0;
		n = poll(p, 4, (int)left);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return ended ? 0 : -ETIMEDOUT;
		for (int i = 0; n > 0 && i < 3; i++)
			stream_step(&s[i], &p[i]);
		if (n > 0 && p[3].revents) {
			ended = true;
			stream_end(&s[0]);
		}
		if (!ended)
			continue;
		if (++rounds > DRAIN_ROUNDS)
			return 0;
		limit = vz_now_ms() + DRAIN_MS;
	}
}

static char *join_words(const char *const *argv)
{
	struct vz_buf b = VZ_BUF_INIT;

	/* The contract of 4.x: blanks between, '' for an empty one, no quoting. */
	for (size_t i = 0; argv[i]; i++) {
		if (i)
			vz_buf_addc(&b, ' ');
		vz_buf_adds(&b, *argv[i] ? argv[i] : "''");
	}
	return b.s ? b.s : xstrdup("");
}

struct command {
	const char *argv[4], *alt[4];
	char *line;
};

static void make_command(const struct ct_exec_opts *o, struct command *c, struct ns_enter *en)
{
	memset(c, 0, sizeof(*c));
	if (o->flags & CT_EXEC_NO_SHELL) {
		en->argv = o->argv;
		return;
	}
	c->argv[0] = "/bin/bash";
	c->alt[0] = "/bin/sh";
	if (o->flags & CT_EXEC_SCRIPT) {
		c->argv[1] = c->alt[1] = "-s";
	} else {
		c->line = join_words(o->argv);
		c->argv[1] = c->alt[1] = "-c";
		c->argv[2] = c->alt[2] = c->line;
	}
	en->argv = c->argv;
	en->alt = c->alt;
}

static const char **make_env(const char *const *more)
{
	size_t n = 0, m = 0;
	const char **env;

	while (more && more[m])
		m++;
	env = xcalloc(ARRAY_SIZE(base_env) + m + 1, sizeof(*env));
	for (; n < ARRAY_SIZE(base_env); n++)
		env[n] = base_env[n];
	for (size_t i = 0; i < m; i++)
		env[n++] = more[i];
	return env;
}

struct pipes {
	int r[3], w[3];
};

static int pipes_open(struct pipes *p, struct vz_err *e)
{
	for (int i = 0; i < 3; i++)
		p->r[i] = p->w[i] = -EBADF;
	for (int i = 0; i < 3; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a pipe");
		p->r[i] = fds[0];
		p->w[i] = fds[1];
	}
	return 0;
}

static void pipes_close(struct pipes *p)
{
	for (int i = 0; i < 3; i++) {
		close_fd(&p->r[i]);
		close_fd(&p->w[i]);
	}
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Rights and cgroup of a process that joins; pidfd and group are the caller's. */
static int enter_prepare(struct ct *ct, struct ct_plan *p, struct ns_enter *en, struct vz_err *e)
{
	pid_t init;
	int r;

	init = ct_init_pid(ct, &en->pidfd, e);
	if (init < 0)
		return init;
	/* Its namespaces are the emulator's. */
	if (ct_is_vm(ct->conf))
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "Nothing of the node can run in a virtual machine");
	/* What is cloned into a frozen cgroup never gets as far as its exec. */
	if (cg_frozen(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0,
			       "Container is suspended: resume it with `vzctl chkpnt %u --resume`",
			       ct->id);
	r = ct_plan_make(ct, "exec", p, e);
	if (r < 0)
		return r;
	en->cgroup = cg_join_open(ct->slice, ct->id, init, e);
	if (en->cgroup < 0)
		return en->cgroup;
	en->ve = p->ve;
	en->secure = ct_secure;
	en->secure_arg = p;
	return 0;
}

static int run_inside(struct ct *ct, const struct ct_exec_opts *o, int out, int err,
		      int timeout_ms, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	_cleanup_(pipes_close) struct pipes pi;
	_cleanup_free_ char *bufs = xmalloc(3 * (size_t)RELAY_BUF);
	_cleanup_free_ const char **env = make_env(o->env);
	struct ns_enter en = { .pidfd = -EBADF, .cgroup = -EBADF, .env = env };
	_cleanup_close_ int pidfd = -EBADF;
	struct command c;
	struct stream s[3];
	pid_t pid;
	int r;

	r = pipes_open(&pi, e);
	if (r < 0)
		return r;
	r = enter_prepare(ct, &p, &en, e);
	if (r < 0)
		goto out;
	make_command(o, &c, &en);
	en.in = pi.r[0];
	en.out = pi.w[1];
	en.err = pi.w[2];
	pid = ns_enter_spawn(&en, NULL, e);
	free(c.line);
	if (pid < 0) {
		r = pid;
		goto out;
	}
	close_fd(&pi.r[0]);
	close_fd(&pi.w[1]);
	close_fd(&pi.w[2]);
	fcntl(pi.w[0], F_SETFL, O_NONBLOCK);
	s[0] = (struct stream){ .from = o->in, .to = take_fd(&pi.w[0]), .own_to = true };
	s[1] = (struct stream){ .from = pi.r[1], .to = out };
	s[2] = (struct stream){ .from = pi.r[2], .to = err };
	for (int i = 0; i < 3; i++)
		s[i].buf = bufs + i * (size_t)RELAY_BUF;
	if (o->in < 0)
		stream_end(&s[0]);
	pidfd = sys_pidfd_open(pid, 0);
	r = relay(s, pidfd, timeout_ms ? vz_now_ms() + timeout_ms : 0);
	if (r < 0)
		kill(pid, SIGKILL);
	stream_end(&s[0]);
	if (r < 0) {
		reap(pid);
		r = vz_fail(e, VZ_EXEC_TIMEOUT, -r, "Command in the container did not end");
	} else {
		r = reap(pid);
	}
out:
	close_fd(&en.pidfd);
	close_fd(&en.cgroup);
	return r;
}

int ct_exec(struct ct *ct, const struct ct_exec_opts *o, struct vz_err *e)
{
	if (ct_is_vm(ct->conf))
		return ct_vm_exec(ct, o, e);
	return run_inside(ct, o, STDOUT_FILENO, STDERR_FILENO, 0, e);
}

int ct_run_script(struct ct *ct, const char *text, size_t len, const char *const *env,
		  int timeout_ms, struct vz_err *e)
{
	struct ct_exec_opts o = { .flags = CT_EXEC_SCRIPT, .env = env };
	_cleanup_close_ int mem = (int)syscall(SYS_memfd_create, "script", 1 /* MFD_CLOEXEC */);

	if (mem < 0 || io_write_full(mem, text, len) < 0 || lseek(mem, 0, SEEK_SET) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to pass a script");
	o.in = mem;
	return run_inside(ct, &o, STDOUT_FILENO, STDERR_FILENO, timeout_ms, e);
}

int ct_runscript(struct ct *ct, const char *file, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	bool started;
	int r;

	if (ct_is_vm(ct->conf))
		return ct_vm_runscript(ct, file, e);
	r = io_read_file_at(AT_FDCWD, file, &b, SCRIPT_MAX);
	if (r < 0)
		return vz_fail(e, VZ_NOSCRIPT, -r, "Unable to read script '%s'", file);
	r = ct_borrow(ct, &started, e);
	if (r < 0)
		return r;
	r = ct_run_script(ct, vz_buf_str(&b), b.len, NULL, 0, e);
	ct_return(ct, started);
	return r;
}

/* ---- enter --------------------------------------------------------------- */

static volatile sig_atomic_t winch;

static void on_winch(int sig)
{
	winch = 1;
}

static void copy_winsize(int to)
{
	struct winsize ws;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) == 0)
		(void)ioctl(to, TIOCSWINSZ, &ws);
}

/* The local terminal passes every key on; the container's own does the rest. */
static bool raw_mode(struct termios *saved)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, saved) < 0)
		return false;
	t = *saved;
	cfmakeraw(&t);
	return tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0;
}

static void terminal_loop(int master, int pidfd)
{
	char in[4096], out[RELAY_BUF];
	bool stdin_open = true, ended = false;

	for (;;) {
		struct pollfd p[3] = {
			{ .fd = master, .events = POLLIN },
			{ .fd = stdin_open ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = ended ? -1 : pidfd, .events = POLLIN },
		};
		int n = poll(p, 3, ended ? DRAIN_MS : stdin_open ? -1 : EOF_AGAIN_MS);
		ssize_t got;

		if (winch) {
			winch = 0;
			copy_winsize(master);
		}
		if (n == 0 && ended)
			return;
		/* A shell that just changes the terminal's mode loses a Ctrl-D. */
		if (n == 0)
			(void)io_write_full(master, "\004", 1);
		if (n <= 0)
			continue;
		if (p[0].revents) {
			got = read(master, out, sizeof(out));
			if (got <= 0)
				return;
			(void)io_write_full(STDOUT_FILENO, out, got);
		}
		if (p[1].revents) {
			got = read(STDIN_FILENO, in, sizeof(in));
			if (got > 0) {
				(void)io_write_full(master, in, got);
			} else if (got == 0) {
				/* Not a terminal: its end is Ctrl-D for the shell. */
				(void)io_write_full(master, "\004", 1);
				stdin_open = false;
			}
		}
		if (p[2].revents)
			ended = true;
	}
}

static void run_terminal(int master, pid_t pid, const char *type)
{
	struct sigaction sa = { .sa_handler = on_winch };
	_cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);
	struct termios saved;
	bool raw;

	sigaction(SIGWINCH, &sa, NULL);
	copy_winsize(master);
	raw = raw_mode(&saved);
	if (type) {
		(void)io_write_full(master, type, strlen(type));
		(void)io_write_full(master, "\n", 1);
	}
	terminal_loop(master, pidfd);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
}

static int enter_container(struct ct *ct, const char *type, struct vz_err *e)
{
	static const char *const bash[] = { "-bash", NULL }, *const sh[] = { "-sh", NULL };
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	const char *term = getenv("TERM");
	_cleanup_free_ char *term_env = xasprintf("TERM=%s", term ? term : "linux");
	const char *env[] = { "USER=root", "LOGNAME=root", "HOME=/root", "HISTFILE=/dev/null",
			      base_env[2], term_env, NULL };
	struct ns_enter en = { .pidfd = -EBADF, .cgroup = -EBADF, .argv = bash, .alt = sh,
			       .path = "/bin/bash", .alt_path = "/bin/sh", .env = env,
			       .pty = true, .cwd = "/root" };
	int r = enter_prepare(ct, &p, &en, e), master = -EBADF;
	pid_t pid;

	if (r == 0) {
		pid = ns_enter_spawn(&en, &master, e);
		if (pid < 0)
			r = vz_wrap(e, pid, "enter into CT %u failed", ct->id);
	}
	if (r == 0) {
		vz_info("entered into CT %u", ct->id);
		run_terminal(master, pid, type);
		/* Hang up, as a closed ssh session does. */
		close_fd(&master);
		reap(pid);
		vz_info("exited from CT %u", ct->id);
	}
	close_fd(&en.pidfd);
	close_fd(&en.cgroup);
	return r;
}

/* A guest gives no terminal but its console; a command goes to its agent. */
int ct_enter(struct ct *ct, const char *type, struct vz_err *e)
{
	const char *const argv[] = { type, NULL };
	const struct ct_exec_opts o = { .argv = argv };

	if (!ct_is_vm(ct->conf))
		return enter_container(ct, type, e);
	return type ? ct_vm_exec(ct, &o, e) : ct_console(ct, e);
}
