// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new process in a running container.
 *
 * vzctl joins the pid namespace for its children only and clones one straight
 * into the container's cgroup; the child joins the rest through init's pidfd,
 * becomes the container's root, drops rights and executes.  Until then it is
 * not dumpable: nothing inside can ptrace it or reach the host's binary
 * through /proc/PID/exe (CVE-2019-5736, CVE-2016-9962).
 */
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"

#define JOIN_NS (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | \
		 CLONE_NEWCGROUP)

static __noreturn void die(int report, const struct vz_err *e)
{
	(void)send(report, e, sizeof(*e), MSG_NOSIGNAL);
	_exit(127);
}

int ns_pty_open(int *ret_master, int *ret_slave)
{
	_cleanup_close_ int dir = -EBADF, master = -EBADF;
	struct statfs sf;
	struct stat st;
	int zero = 0, slave;

	/* The tenant owns these names: check the objects, follow no link. */
	dir = sys_openat2(AT_FDCWD, "/dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
			  RESOLVE_NO_SYMLINKS);
	if (dir < 0)
		return -errno;
	if (fstatfs(dir, &sf) < 0 || sf.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	master = openat(dir, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	if (master < 0)
		return -errno;
	if (fstat(master, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	if (ioctl(master, TIOCSPTLCK, &zero) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	*ret_master = take_fd(&master);
	*ret_slave = slave;
	return 0;
}

/*
 * What init has, not what the caller's shell has: limits of locked memory and
 * queued signals are LOCKEDPAGES and NUMSIGINFO.  1 is the container's init here.
 */
static const int init_limits[] = { RLIMIT_MEMLOCK, RLIMIT_SIGPENDING };

/* A hard limit can be raised on the host only: later, the caller's is the most there is. */
static void make_room(void)
{
	struct rlimit rl;

	for (size_t i = 0; i < ARRAY_SIZE(init_limits); i++) {
		if (getrlimit(init_limits[i], &rl) < 0)
			continue;
		rl.rlim_max = RLIM_INFINITY;
		(void)setrlimit(init_limits[i], &rl);
	}
}

static void take_limits(void)
{
	const int *what = init_limits;
	struct rlimit rl, own;

	for (size_t i = 0; i < ARRAY_SIZE(init_limits); i++) {
		if (prlimit(1, what[i], NULL, &rl) < 0 || getrlimit(what[i], &own) < 0)
			continue;
		if (rl.rlim_max > own.rlim_max)
			rl.rlim_max = own.rlim_max;
		if (rl.rlim_cur > rl.rlim_max)
			rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(what[i], &rl);
	}
}

/*
 * Time namespaces are optional (5.6+, and may be off): joined apart.  A ve that the host
 * owns could not be joined by the container's root: a container that was started by a
 * vzctl without it is in the node's.
 */
static int join(int pidfd, int ve, struct vz_err *e)
{
	(void)setns(pidfd, CLONE_NEWTIME);
	if ((ve && setns(pidfd, ve) < 0) || setns(pidfd, JOIN_NS) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno,
			       "Unable to join the container's namespaces");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresuid, 0, 0, 0) < 0)
		return vz_fail(e, VZ_IDMAP, errno, "Unable to become the container's root");
	prctl(PR_SET_DUMPABLE, 0);
	take_limits();
	return 0;
}

static int setup_stdio(const struct ns_enter *en, int report, struct vz_err *e)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fds[3] = { en->in, en->out, en->err };
	int master = -EBADF, slave = -EBADF, r;

	if (en->pty) {
		r = ns_pty_open(&master, &slave);
		if (r < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, -r,
				       "Unable to allocate a terminal in the container");
		r = ns_send_fd(report, master, "m", 1);
		close(master);
		if (r < 0)
			return r;
		if (setsid() < 0 || ioctl(slave, TIOCSCTTY, 0) < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to take the terminal");
		fds[0] = fds[1] = fds[2] = slave;
	} else if (setsid() < 0) {
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to start a session");
	}
	/* Two rounds, so that no source is overwritten before it is copied. */
	for (int i = 0; i < 3; i++) {
		fds[i] = fcntl(fds[i] >= 0 ? fds[i] : null, F_DUPFD_CLOEXEC, 3);
		if (fds[i] < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to set up descriptors");
	}
	for (int i = 0; i < 3; i++)
		if (dup2(fds[i], i) < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to set up descriptors");
	(void)sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	return 0;
}

static int enter_child(const struct ns_enter *en, int report, struct vz_err *e)
{
	const char *path;
	int r;

	prctl(PR_SET_DUMPABLE, 0);
	ns_reset_process();
	make_room();
	r = join(en->pidfd, en->ve, e);
	if (r == 0)
		r = setup_stdio(en, report, e);
	if (r < 0)
		return r;
	if (chdir(en->cwd ? en->cwd : "/") < 0 && chdir("/") < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to change to '/'");
	if (en->secure && (r = en->secure(en->secure_arg)) < 0)
		return vz_fail(e, VZ_SET_CAP, -r, "Unable to drop rights");
	/* Who ends vzctl means what it runs.  Changes of rights clear this: last. */
	(void)prctl(PR_SET_PDEATHSIG, SIGHUP);
	path = en->path ? en->path : en->argv[0];
	execve(path, (char *const *)en->argv, (char *const *)en->env);
	if (errno == ENOENT && en->alt) {
		path = en->alt_path ? en->alt_path : en->alt[0];
		execve(path, (char *const *)en->alt, (char *const *)en->env);
	}
	return vz_fail(e, VZ_COMMAND_EXECUTION_ERROR, errno,
		       "Unable to execute '%s' in the container", path);
}

static int read_report(int sock, bool pty, int *ret_master, struct vz_err *e)
{
	union {
		struct vz_err err;
		char m;
	} u;
	int fd;
	ssize_t n;

	for (;;) {
		n = ns_recv_fd(sock, &fd, &u, sizeof(u));
		if (n == 0)
			return 0;
		if (n == 1 && u.m == 'm' && fd >= 0 && pty && *ret_master < 0) {
			*ret_master = fd;
			continue;
		}
		if (fd >= 0)
			close(fd);
		if (n != sizeof(u.err))
			return vz_fail(e, VZ_SYSTEM_ERROR, n < 0 ? (int)-n : 0,
				       "Lost the process in the container");
		u.err.msg[sizeof(u.err.msg) - 1] = '\0';
		u.err.room[sizeof(u.err.room) - 1] = '\0';
		*e = u.err;
		return e->sys > 0 ? -e->sys : -EPROTO;
	}
}

/* A process of the container, or -errno.  This one, and its other children, stay outside. */
static pid_t clone_inside(const struct ns_enter *en, struct clone_args *args)
{
	_cleanup_close_ int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid;

	/* For children only (pid_namespaces(7)). */
	if (own < 0 || setns(en->pidfd, CLONE_NEWPID) < 0)
		return -errno;
	pid = sys_clone3(args);
	if (pid == 0)
		return 0;
	if (pid < 0)
		pid = -errno;
	/* Or a hook would be run inside, as root of the node. */
	if (setns(own, CLONE_NEWPID) < 0)
		abort();
	return pid;
}

pid_t ns_enter_spawn(const struct ns_enter *en, int *ret_master, struct vz_err *e)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)en->cgroup,
	};
	_cleanup_close_ int report = -EBADF, child_report = -EBADF;
	int sp[2], r, master = -EBADF;
	struct vz_err sub = VZ_ERR_INIT;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a socket pair");
	report = sp[0];
	child_report = sp[1];
	pid = clone_inside(en, &args);
	if (pid == 0) {
		r = enter_child(en, child_report, &sub);
		if (r < 0)
			die(child_report, &sub);
		_exit(0);
	}
	if (pid == -EAGAIN)
		return vz_fail(e, VZ_ENVCREATE_ERROR, EAGAIN,
			       "The container has as many processes as it may have (NUMPROC)");
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, (int)-pid,
			       "Unable to create a process in the container");
	close_fd(&child_report);
	r = read_report(report, en->pty, &master, e);
	if (r < 0) {
		close_fd(&master);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	if (en->pty)
		*ret_master = master;
	return pid;
}
