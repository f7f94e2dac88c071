// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/spawn.h"

#include "base/io.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define SPAWN_CAPTURE_MAX (1u << 20)

/* dup2() onto itself would keep O_CLOEXEC: move the fd away first. */
static int place_fd(int fd, int target)
{
	if (fd == target)
		fd = fcntl(fd, F_DUPFD, 3);
	return fd < 0 || dup2(fd, target) < 0 ? -1 : 0;
}

static __noreturn void spawn_child(const struct spawn *sp, const char *const *env, int out,
				   int err, int report)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	int e;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* Keep the three clear of 0..2 before they are placed. */
	if (null < 0)
		goto fail;
	if (place_fd(sp->in >= 0 ? sp->in : null, 0) < 0)
		goto fail;
	if (out >= 0 && place_fd(out, 1) < 0)
		goto fail;
	if (err >= 0 && place_fd(err, 2) < 0)
		goto fail;
	execve(sp->path, (char *const *)sp->argv, (char *const *)env);
fail:
	e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		_exit(127);
	_exit(127);
}

static void drain(struct pollfd *p, struct vz_buf *b)
{
	char chunk[4096];
	ssize_t n;

	if (!b || !p->revents)
		return;
	n = read(p->fd, chunk, sizeof(chunk));
	if (n > 0) {
		if (b->len + (size_t)n <= SPAWN_CAPTURE_MAX)
			vz_buf_add(b, chunk, n);
	} else if (n == 0 || errno != EINTR) {
		close(p->fd);
		p->fd = -1;
	}
}

static int spawn_wait(const struct spawn *sp, pid_t pid, int pidfd, int out, int err)
{
	long long deadline = sp->timeout_ms ? vz_now_ms() + sp->timeout_ms : 0;
	struct pollfd p[3] = {
		{ .fd = pidfd, .events = POLLIN },
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
	};
	bool late = false;
	int status;

	/* A grandchild may hold the pipes: the exit of the child ends the wait. */
	while (!p[0].revents) {
		long long left = deadline ? deadline - vz_now_ms() : -1;

		if (deadline && left <= 0) {
			kill(pid, SIGKILL);
			late = true;
			break;
		}
		if (poll(p, 3, (int)left) < 0 && errno != EINTR)
			break;
		drain(&p[1], sp->ret_out);
		drain(&p[2], sp->ret_err);
	}
	while (!late && (p[1].fd >= 0 || p[2].fd >= 0) && poll(p + 1, 2, 0) > 0) {
		drain(&p[1], sp->ret_out);
		drain(&p[2], sp->ret_err);
	}
	if (p[1].fd >= 0)
		close(p[1].fd);
	if (p[2].fd >= 0)
		close(p[2].fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return late ? -ETIMEDOUT : status;
}

static const char **spawn_env(const struct spawn *sp)
{
	static const char *const base[] = { "HOME=/", "TERM=linux", "LC_ALL=C", SPAWN_PATH };
	const char **env;
	size_t n = 0, extra = 0;

	while (sp->env && sp->env[extra])
		extra++;
	env = xcalloc(ARRAY_SIZE(base) + extra + 1, sizeof(*env));
	for (; n < ARRAY_SIZE(base); n++)
		env[n] = base[n];
	for (size_t i = 0; i < extra; i++)
		env[n++] = sp->env[i];
	return env;
}

int spawn_run(const struct spawn *sp)
{
	_cleanup_close_ int report_r = -EBADF, report_w = -EBADF, pidfd = -EBADF;
	_cleanup_close_ int out_r = -EBADF, out_w = -EBADF, err_r = -EBADF, err_w = -EBADF;
	_cleanup_free_ const char **env = spawn_env(sp);
	int p[2], e = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return -errno;
	report_r = p[0];
	report_w = p[1];
	if (sp->ret_out) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		out_r = p[0];
		out_w = p[1];
	}
	if (sp->ret_err) {
		if (pipe2(p, O_CLOEXEC) < 0)
			return -errno;
		err_r = p[0];
		err_w = p[1];
	}
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		spawn_child(sp, env, sp->ret_out ? out_w : sp->out,
			    sp->ret_err ? err_w : sp->err, report_w);
	close_fd(&report_w);
	close_fd(&out_w);
	close_fd(&err_w);
	if (io_read_full(report_r, &e, sizeof(e)) == sizeof(e)) {
		waitpid(pid, NULL, 0);
		return -e;
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0) {
		e = errno;
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return -e;
	}
	return spawn_wait(sp, pid, pidfd, take_fd(&out_r), take_fd(&err_r));
}
