// SPDX-License-Identifier: GPL-2.0-or-later
/* The holder of a virtual machine (vzctl/qemu), as vzctl sees it: starts it, asks it. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "ct/vm.h"
#include "sys/syscalls.h"

#define ANSWER_MAX (16u << 20)
#define HOLD_MS 30000
#define WAKE_MS 5000
#define LOAD_MS 1800000

extern char **environ;

/* All that comes until the other end closes; -ETIMEDOUT, -EFBIG. */
static int read_answer(int fd, int timeout_ms, struct vz_buf *b)
{
	long long end = vz_now_ms() + timeout_ms;
	char buf[16384];
	ssize_t n;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = end - vz_now_ms();
		int r = poll(&p, 1, left > 0 ? (int)left : 0);

		if (r < 0 && errno == EINTR && !ct_cancelled())
			continue;
		if (r <= 0)
			return r < 0 ? -errno : -ETIMEDOUT;
		n = read(fd, buf, sizeof(buf));
		if (n <= 0)
			return n < 0 ? -errno : 0;
		vz_buf_add(b, buf, (size_t)n);
		if (b->len > ANSWER_MAX)
			return -EFBIG;
	}
}

/* "CODE TEXT\n" and what follows. */
static int parse_answer(struct vz_buf *b, struct vz_buf *ret, struct vz_err *e)
{
	char *nl = b->len ? memchr(b->s, '\n', b->len) : NULL, *text;
	long code;

	if (!nl)
		return vz_fail(e, VZ_VM_ERROR, 0, "The holder of the virtual machine ended");
	*nl = '\0';
	code = strtol(b->s, &text, 10);
	if (code)
		return vz_fail(e, (int)code, 0, "%s", text + (*text == ' '));
	if (ret)
		vz_buf_add(ret, nl + 1, b->len - (size_t)(nl + 1 - b->s));
	return 0;
}

static int connect_holder(uint32_t id)
{
	_cleanup_free_ char *path = ct_run_path(id, "vm.sock");

	return io_unix_connect(path, SOCK_STREAM);
}

static __noreturn void exec_holder(const struct ct *ct, int ready, int err, const char *how)
{
	_cleanup_free_ char *exe = xasprintf("%s/vzqemu", vz_libexec_dir());
	_cleanup_free_ char *dir = ct_run_path(ct->id, ""), *dump = ct_vm_dump(ct);
	const struct vz_log_conf *lc = vz_log_conf();
	const char *argv[] = { "vzqemu", "hold", ct->idstr, dir, lc->file ? lc->file : "",
			       dump, how, NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* Away from 3 and 4, then there. */
	ready = fcntl(ready, F_DUPFD_CLOEXEC, 16);
	err = fcntl(err >= 0 ? err : null, F_DUPFD_CLOEXEC, 16);
	if (chdir("/") < 0 || null < 0 || ready < 0 || err < 0)
		_exit(VZ_SYSTEM_ERROR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(ready, 3);
	dup2(err, 4);
	sys_close_range(5, ~0U, 0);
	execve(exe, (char *const *)argv, environ);
	_exit(VZ_NO_HELPER);
}

int ct_vm_hold(const struct ct *ct, int err, const char *how, struct vz_err *e)
{
	const int timeout = str_eq(how, "load") ? LOAD_MS : HOLD_MS;
	_cleanup_close_ int mon = cg_mon_open(ct->slice, e), mine = -EBADF, its = -EBADF;
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int fds[2], r;
	pid_t pid;

	if (mon < 0)
		return mon;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a socket pair");
	mine = fds[0], its = fds[1];
	args.cgroup = (uint64_t)mon;
	pid = sys_clone3(&args);
	if (pid == 0)
		exec_holder(ct, its, err, how);
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to start the holder");
	close_fd(&its);
	r = read_answer(mine, timeout, &b);
	if (r < 0) {
		kill(pid, SIGKILL);
		return vz_fail(e, VZ_VM_ERROR, r == -ETIMEDOUT ? 0 : -r,
			       "The emulator did not answer within %d seconds", timeout / 1000);
	}
	if (!b.len)
		return vz_fail(e, VZ_NO_HELPER, 0, "Unable to run '%s/vzqemu'", vz_libexec_dir());
	return parse_answer(&b, NULL, e);
}

/* Two commands that miss it start one. */
static int find_holder(const struct ct *ct, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(ct->id, "hold.lock");
	_cleanup_close_ int lock = -EBADF;
	int fd = connect_holder(ct->id), r;

	if (fd >= 0)
		return fd;
	lock = io_lock(path, HOLD_MS, "hold");
	fd = lock < 0 ? lock : connect_holder(ct->id);
	if (fd >= 0 || lock < 0)
		return lock < 0 ? vz_fail(e, VZ_LOCKED, -lock, "Unable to lock '%s'", path) : fd;
	r = ct_vm_hold(ct, -EBADF, "look", e);
	if (r < 0)
		return r;
	fd = connect_holder(ct->id);
	return fd < 0 ? vz_fail(e, VZ_VM_ERROR, -fd, "The virtual machine has no holder") : fd;
}

int ct_vm_ask(const struct ct *ct, const char *word, const char *arg, const void *data, size_t len,
	      int timeout_ms, struct vz_buf *ret, struct vz_err *e)
{
	_cleanup_close_ int fd = find_holder(ct, e);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r;

	if (fd < 0)
		return fd;
	vz_buf_addf(&b, "%s %s\n", word, arg);
	vz_buf_add(&b, data, len);
	r = io_write_full(fd, b.s, b.len);
	b.len = 0;
	if (r == 0)
		r = shutdown(fd, SHUT_WR) < 0 ? -errno : read_answer(fd, timeout_ms, &b);
	if (r == -ETIMEDOUT)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "The emulator did not answer '%s %s' within %d seconds", word, arg,
			       timeout_ms / 1000);
	if (r < 0)
		return vz_fail(e, VZ_VM_ERROR, -r, "Lost the holder of the virtual machine");
	return parse_answer(&b, ret, e);
}

int ct_vm_wake(const struct ct *ct, bool restore)
{
	_cleanup_free_ char *dump = ct_vm_dump(ct);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	if (ct_vm_ask(ct, "status", "", NULL, 0, WAKE_MS, &b, VZ_IGNORE) < 0)
		return 0;
	if (!str_eq(vz_buf_str(&b), "prelaunch") &&
	    !(restore && str_eq(vz_buf_str(&b), "paused") && io_exists(dump)))
		return 0;
	return ct_vm_ask(ct, "cont", "", NULL, 0, WAKE_MS, NULL, VZ_IGNORE) == 0;
}

int ct_vm_qmp(struct ct *ct, const char *cmd, const char *args, struct vz_buf *ret,
	      struct vz_err *e)
{
	_cleanup_close_ int pidfd = -EBADF;
	pid_t init = ct_init_pid(ct, &pidfd, e);

	if (init < 0)
		return init;
	if (!ct_is_vm(ct->conf))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Container %u is no virtual machine", ct->id);
	return ct_vm_ask(ct, "qmp", cmd, args, args ? strlen(args) : 0, 60 * 1000, ret, e);
}
