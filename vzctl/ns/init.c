// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the container's first process does before it becomes the container's
 * init.  It runs in all new namespaces; no allocation, no stdio.
 */
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"
#include "sys/ve.h"

static const struct {
	int what;
	rlim_t soft, hard;
} default_limits[] = {
	{ RLIMIT_CORE, 0, RLIM_INFINITY },
	{ RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_NOFILE, 1024, 524288 },
	{ RLIMIT_STACK, 8 << 20, RLIM_INFINITY },
	{ RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY },
	{ RLIMIT_NICE, 0, 0 },
	{ RLIMIT_RTPRIO, 0, 0 },
};

/*
 * The caller's taskset is not the container's.  And before 6.4 a process that is
 * cloned into a cgroup keeps its parent's CPUs whatever the cpuset there says:
 * asking for all of them gives those of the cpuset.
 */
static void reset_affinity(void)
{
	uint8_t all[1024];

	memset(all, 0xff, sizeof(all));
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(all), all);
}

void ns_reset_process(void)
{
	/* The kernel's struct sigaction: handler SIG_DFL, flags, restorer, mask. */
	static const unsigned long dfl[4];
	sigset_t none;

	/*
	 * Handlers are gone by CLONE_CLEAR_SIGHAND, which leaves ignored signals
	 * ignored: vzctl's SIGPIPE, and whatever its caller (nohup, cron) ignores.
	 * Raw calls, because glibc hides signals 32 and 33, and make ignores them.
	 */
	for (int sig = 1; sig < _NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	(void)setpriority(PRIO_PROCESS, 0, 0);
	reset_affinity();
	for (size_t i = 0; i < ARRAY_SIZE(default_limits); i++) {
		struct rlimit old, rl = { default_limits[i].soft, default_limits[i].hard };

		if (getrlimit(default_limits[i].what, &old) < 0)
			continue;
		/* Raising needs CAP_SYS_RESOURCE on the host: take what there is. */
		if (old.rlim_max < rl.rlim_max)
			rl.rlim_max = old.rlim_max;
		if (rl.rlim_cur > rl.rlim_max)
			rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(default_limits[i].what, &rl);
	}
	/* The caller's session keyring would come along otherwise (keyrings(7)). */
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static __noreturn void die(const struct ns_init *in, const struct vz_err *e)
{
	(void)send(in->sock, e, sizeof(*e), MSG_NOSIGNAL);
	_exit(1);
}

/* vzctl speaks when the root is mounted; its end of the socket dies with it. */
static int wait_mount(const struct ns_init *in, char what, struct vz_err *e)
{
	int fd = -EBADF;
	char got = 0;
	ssize_t n = ns_recv_fd(in->sock, &fd, &got, 1);

	if (n != 1 || got != what || fd < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, n < 0 ? (int)-n : 0, "Start was given up");
	return fd;
}

/* The monitor says so when the maps are written: before, there is no id 0. */
static int become_root(const struct ns_init *in, const struct ns_idmap *map, struct vz_err *e)
{
	char c;

	if (!map->count)
		return 0;
	if (recv(in->console, &c, 1, 0) != 1)
		return vz_fail(e, VZ_IDMAP, 0, "The monitor gave up");
	/* Raw calls: glibc's would signal threads that do not exist. */
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return vz_fail(e, VZ_IDMAP, errno, "Unable to become the container's root");
	return 0;
}

static int wait_script(pid_t pid, int timeout_ms, struct vz_err *e)
{
	int status, pidfd = sys_pidfd_open(pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && poll(&p, 1, timeout_ms) == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(pidfd);
		return vz_fail(e, VZ_EXEC_TIMEOUT, 0,
			       "Configuration script took more than %d seconds", timeout_ms / 1000);
	}
	if (pidfd >= 0)
		close(pidfd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Lost the configuration script");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return vz_fail(e, WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) :
								     VZ_ACTIONSCRIPT_ERROR,
		       0, "Configuration script failed inside the container (%s %d)",
		       WIFEXITED(status) ? "exit code" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* The text goes to a shell's standard input; rights are dropped already. */
static int run_script(const struct ns_init *in, int slave, struct vz_err *e)
{
	static const char *const shells[] = { "/bin/bash", "/bin/sh" };
	int p[2], r;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a pipe");
	pid = fork();
	if (pid < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to fork");
	if (pid == 0) {
		dup2(p[0], 0);
		dup2(slave, 1);
		dup2(slave, 2);
		for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
			const char *const argv[] = { shells[i], "-s", NULL };

			execve(shells[i], (char *const *)argv, (char *const *)in->script_env);
		}
		_exit(127);
	}
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	r = io_write_full(p[1], in->script, in->script_len);
	signal(SIGPIPE, SIG_DFL);
	close(p[1]);
	if (r < 0 && r != -EPIPE)
		kill(pid, SIGKILL);
	return wait_script(pid, in->script_timeout_ms, e);
}

static int exec_init(const struct ns_init *in, struct vz_err *e)
{
	int err = ENOENT;

	for (const char *const *p = in->inits; *p; p++) {
		const char *const argv[] = { *p, NULL };

		execve(*p, (char *const *)argv, (char *const *)in->env);
		if (errno != ENOENT)
			err = errno;
	}
	return vz_fail(e, VZ_FS_BAD_TMPL, err,
		       "Unable to start init, probably incorrect template");
}

static int take_console(int slave, struct vz_err *e)
{
	if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to take the console");
	if (dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to take the console");
	/* Everything else closes on exec, whatever opened it. */
	(void)sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return 0;
}

/*
 * Keeps the namespaces for scripts while the container's own init may be
 * broken: reaps, until it is killed.
 */
static __noreturn void stand_in(const struct ns_init *in)
{
	sys_close_range(3, ~0U, 0);
	for (;;)
		if (waitpid(-1, NULL, 0) < 0)
			poll(NULL, 0, 200);
}

/*
 * CLONE_INTO_CGROUP with CLONE_NEWCGROUP would root it at the parent's.  Nothing of the
 * ve namespace is for the container's root to change later.
 */
static int unshare_rest(const struct ns_init *in, struct vz_err *e)
{
	int r;

	if (unshare(CLONE_NEWCGROUP | in->ve) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to create a cgroup namespace");
	if (!in->ve)
		return 0;
	r = sys_ve_configure(in->ve_name, in->klog ? SYS_VE_LOG_SIZE : 0, true);
	if (r < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "Unable to set up the ve namespace");
	return 0;
}

static int init_setup(const struct ns_init *in, const struct ns_idmap *map, struct vz_err *e)
{
	struct ns_mounts m;
	int r, master = -EBADF, slave = -EBADF;

	prctl(PR_SET_DUMPABLE, 0);
	ns_reset_process();
	r = become_root(in, map, e);
	if (r < 0)
		return r;
	r = unshare_rest(in, e);
	if (r < 0)
		return r;
	if (in->hostname && sethostname(in->hostname, strlen(in->hostname)) < 0)
		return vz_fail(e, VZ_BADHOSTNAME, errno, "Unable to set hostname '%s'",
			       in->hostname);
	/* Up to here vzctl works in parallel, on the root and the network. */
	r = ns_mounts_open(in, &m, e);
	if (r < 0)
		return r;
	m.tree = wait_mount(in, 'r', e);
	if (m.tree < 0)
		return m.tree;
	m.dev = wait_mount(in, 'd', e);
	if (m.dev < 0)
		return m.dev;
	r = ns_mounts_enter(in, &m, e);
	if (r == 0)
		r = ns_console_open(&m, &master, &slave, e);
	if (r < 0)
		return r;
	r = ns_send_fd(in->console, master, "c", 1);
	if (r < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "The monitor is gone");
	close(master);
	r = take_console(slave, e);
	if (r == 0 && in->secure && (r = in->secure(in->secure_arg)) < 0)
		r = vz_fail(e, VZ_SET_CAP, -r, "Unable to drop rights");
	if (r == 0 && in->script_len)
		r = run_script(in, 2, e);
	return r;
}

void ns_init_main(const struct ns_init *in, const struct ns_idmap *map)
{
	struct vz_err e = VZ_ERR_INIT;
	int r = init_setup(in, map, &e);

	if (r == 0 && (in->flags & NS_NO_INIT))
		stand_in(in);
	if (r == 0)
		exec_init(in, &e);
	die(in, &e);
}
