// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The box of a virtual machine's emulator.
 *
 * Other than for a container, the user namespace comes last: whatever is mounted,
 * and the network namespace, belong to the node's root, and what runs in the box
 * has no capability over them even if it got all of its own namespace.
 */
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"

#define BOX_NS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)
#define BOX_FDS 64
#define BOX_HIGH 256	/* descriptors wait here for their numbers */

int ns_box_dev(uid_t kvm, struct vz_err *e)
{
	static const struct {
		const char *name;
		unsigned int major, minor;
	} nodes[] = { { "null", 1, 3 }, { "zero", 1, 5 }, { "urandom", 1, 9 }, { "kvm", 10, 232 } };
	const struct ns_fs_opt opt[] = { { "mode", "755" }, { "size", "64k" },
					 { "nr_inodes", "16" } };
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC |
					     MOUNT_ATTR_NOSUID };
	_cleanup_close_ int dev = ns_fs_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, opt,
					      ARRAY_SIZE(opt), e);
	mode_t mask = umask(0);
	int r = dev < 0 ? dev : 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(nodes) - !kvm; i++) {
		bool own = nodes[i].major == 10;

		if (mknodat(dev, nodes[i].name, S_IFCHR | (own ? 0600 : 0666),
			    makedev(nodes[i].major, nodes[i].minor)) < 0 ||
		    (own && fchownat(dev, nodes[i].name, kvm, kvm, AT_SYMLINK_NOFOLLOW) < 0))
			r = vz_fail(e, VZ_SET_DEVICES, errno, "Unable to make '/dev/%s'",
				    nodes[i].name);
	}
	umask(mask);
	if (r == 0 && sys_mount_setattr(dev, "", AT_EMPTY_PATH, &ro) < 0)
		r = vz_fail(e, VZ_SET_DEVICES, errno, "Unable to make /dev read-only");
	return r < 0 ? r : take_fd(&dev);
}

static int receive(const struct ns_box *b, struct ns_box_fd *fds, size_t *ret_n, struct vz_err *e)
{
	size_t n = 0;

	for (;;) {
		int to = -1, fd = -EBADF;
		ssize_t len = ns_recv_fd(b->sock, &fd, &to, sizeof(to));

		if (len != sizeof(to) || (fd >= 0 && n == BOX_FDS))
			return vz_fail(e, VZ_ENVCREATE_ERROR, 0, "Start was given up");
		if (fd < 0)
			break;
		fds[n].fd = fcntl(fd, F_DUPFD_CLOEXEC, BOX_HIGH);
		if (fds[n].fd < 0)
			return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Too many descriptors");
		fds[n++].to = to;
		close(fd);
	}
	*ret_n = n;
	return 0;
}

/* A terminal of a devpts instance that is mounted nowhere. */
static int open_console(int *ret_master, int *ret_slave, struct vz_err *e)
{
	const struct ns_fs_opt opts[] = { { "mode", "600" }, { "ptmxmode", "600" },
					  { "max", "1" } };
	_cleanup_close_ int pts = ns_fs_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, opts,
					      ARRAY_SIZE(opts), e);
	_cleanup_close_ int master = -EBADF;
	struct termios t;
	unsigned int n;
	int slave;

	if (pts < 0)
		return pts;
	master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	slave = master < 0 ? -errno : ns_pts_slave(master, &n);
	if (slave < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -slave, "Unable to create the console");
	/* Until the emulator has it, nothing is echoed. */
	if (tcgetattr(slave, &t) == 0) {
		cfmakeraw(&t);
		(void)tcsetattr(slave, TCSANOW, &t);
	}
	*ret_master = take_fd(&master);
	*ret_slave = slave;
	return 0;
}

static int cover(int mnt, int root, const char *name, struct vz_err *e)
{
	_cleanup_close_ int at = sys_openat2(root, name, O_PATH | O_CLOEXEC, 0,
					     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	if (at < 0 || sys_move_mount(mnt, "", at, "",
				     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to attach '/%s'", name);
	return 0;
}

static int enter_root(const struct ns_box *b, struct vz_err *e)
{
	int r = ns_pivot(b->root, e);

	if (r == 0)
		r = cover(b->dev, b->root, "dev", e);
	for (size_t i = 0; r == 0 && i < b->n_files; i++)
		r = cover(b->files[i].tree, b->root, b->files[i].name, e);
	return r;
}

/* vzctl writes the maps: nobody here has a right over the parent namespace. */
static int enter_userns(const struct ns_box *b, int proc, struct vz_err *e)
{
	_cleanup_close_ int limit = -EBADF;
	char c = 'u';

	if (unshare(CLONE_NEWCGROUP) < 0 || unshare(CLONE_NEWUSER) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to create namespaces");
	if (send(b->sock, &c, 1, MSG_NOSIGNAL) != 1 || recv(b->sock, &c, 1, 0) != 1)
		return vz_fail(e, VZ_IDMAP, 0, "Start was given up");
	/* No namespace below this one, should the filter of system calls have a hole. */
	limit = openat(proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	if (limit < 0 || write(limit, "0\n", 2) != 2)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to forbid user namespaces");
	return 0;
}

static int place_fds(const struct ns_box *b, int slave, const struct ns_box_fd *fds, size_t n)
{
	int sock = fcntl(b->sock, F_DUPFD_CLOEXEC, BOX_HIGH);

	if (sock < 0 || dup2(slave, 0) < 0 || dup2(slave, 1) < 0)
		return -errno;
	sys_close_range(2, BOX_HIGH - 1, 0);
	sys_close_range(BOX_HIGH, ~0U, CLOSE_RANGE_CLOEXEC);
	for (size_t i = 0; i < n; i++)
		if (fds[i].to < 2 || fds[i].to >= BOX_HIGH || dup2(fds[i].fd, fds[i].to) < 0)
			return -EBADF;
	return sock;
}

static int box_setup(struct ns_box *b, struct vz_err *e)
{
	struct ns_box_fd fds[BOX_FDS];
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r, master = -EBADF, slave = -EBADF;
	size_t n = 0;
	char c;

	prctl(PR_SET_DUMPABLE, 0);
	ns_reset_process();
	setsid();
	if (proc < 0 || sethostname("vm", 2) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to set up the box");
	r = open_console(&master, &slave, e);
	if (r == 0)
		r = receive(b, fds, &n, e);
	if (r == 0)
		r = enter_root(b, e);
	if (r == 0)
		r = enter_userns(b, proc, e);
	if (r < 0)
		return r;
	/* The monitor's word; unread, it would reset the socket when it is closed. */
	if (recv(b->console, &c, 1, 0) != 1)
		return vz_fail(e, VZ_ENVCREATE_ERROR, 0, "The monitor gave up");
	r = ns_send_fd(b->console, master, "c", 1);
	if (r < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "The monitor is gone");
	r = place_fds(b, slave, fds, n);
	if (r < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "Unable to place descriptors");
	b->sock = r;
	r = b->secure(b->secure_arg);
	return r < 0 ? vz_fail(e, VZ_SET_CAP, -r, "Unable to drop rights") : 0;
}

static __noreturn void box_main(const struct ns_box *box)
{
	struct vz_err e = VZ_ERR_INIT;
	struct ns_box b = *box;

	if (box_setup(&b, &e) == 0) {
		execve(b.argv[0], (char *const *)b.argv, (char *const *)b.env);
		vz_fail(&e, VZ_VM_ERROR, errno, "Unable to run '%s' in its box", b.argv[0]);
	}
	(void)send(b.sock, &e, sizeof(e), MSG_NOSIGNAL);
	_exit(1);
}

pid_t ns_box_clone(const struct ns_box *b, int cgroup, struct vz_err *e)
{
	struct clone_args args = {
		.flags = BOX_NS | CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		box_main(b);
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to create namespaces");
	return pid;
}

int ns_box_go(int sock, pid_t pid, const struct ns_idmap *map, const struct ns_box_fd *fds,
	      size_t n, struct vz_err *e)
{
	struct vz_err rec;
	int last = -1, r = 0;
	ssize_t len;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = ns_send_fd(sock, fds[i].fd, &fds[i].to, sizeof(fds[i].to));
	if (r < 0 || send(sock, &last, sizeof(last), MSG_NOSIGNAL) != sizeof(last))
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "The box is gone");
	do {
		len = recv(sock, &rec, sizeof(rec), 0);
	} while (len < 0 && errno == EINTR);
	if (len == sizeof(rec)) {
		rec.msg[sizeof(rec.msg) - 1] = '\0';
		rec.room[sizeof(rec.room) - 1] = '\0';
		*e = rec;
		return rec.sys > 0 ? -rec.sys : -EPROTO;
	}
	if (len != 1)
		return vz_fail(e, VZ_ENVCREATE_ERROR, 0, "Lost contact to the box");
	r = ns_write_maps(pid, map, e);
	if (r < 0)
		return r;
	if (send(sock, "m", 1, MSG_NOSIGNAL) != 1)
		return vz_fail(e, VZ_ENVCREATE_ERROR, 0, "Lost contact to the box");
	return ns_init_result(sock, e);
}
