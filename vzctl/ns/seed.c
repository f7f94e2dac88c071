// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mount namespace with nothing in it but what init needs until it has its root,
 * which goes on top (rootfs.c).
 *
 * A new mount namespace is a copy of its creator's, and a node's has a mount for
 * each running container: copying 500 of them and letting them go again costs
 * more than all else that a start does with mounts.
 */
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"

int ns_place_save(struct ns_place *p)
{
	p->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	p->mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (p->root >= 0 && p->mnt >= 0)
		return 0;
	ns_place_done(p);
	return -errno;
}

int ns_place_restore(const struct ns_place *p)
{
	/* setns() makes the namespace's root ours; a caller may live in a chroot. */
	if (setns(p->mnt, CLONE_NEWNS) < 0 || fchdir(p->root) < 0 || chroot(".") < 0)
		return -errno;
	return 0;
}

void ns_place_done(struct ns_place *p)
{
	close_fd(&p->root);
	close_fd(&p->mnt);
}

/* Makes both fds ours, which the caller shares, and ends with its namespaces. */
static __noreturn void mount_dead(int proc, int sys)
{
	int p = ns_fs_mount("proc", 0, NULL, 0, VZ_IGNORE);
	int s = ns_fs_mount("sysfs", 0, NULL, 0, VZ_IGNORE);

	_exit(p < 0 || s < 0 || dup3(p, proc, O_CLOEXEC) < 0 || dup3(s, sys, O_CLOEXEC) < 0 ||
	      close(p) < 0 || close(s) < 0);
}

/*
 * proc and sysfs of a pid and a network namespace that are no more: whole, because a
 * user namespace's root may mount only what it sees (rootfs.c), and without
 * processes and interfaces, because a tenant can get to them.
 */
static int dead_mounts(int *proc, int *sys)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_FILES,
		.exit_signal = SIGCHLD,
	};
	int status;
	pid_t pid;

	*proc = open("/", O_PATH | O_CLOEXEC);
	*sys = open("/", O_PATH | O_CLOEXEC);
	if (*proc < 0 || *sys < 0)
		return -1;
	pid = sys_clone3(&args);
	if (pid == 0)
		mount_dead(*proc, *sys);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

static int mount_on(int tree, const char *name, int fs)
{
	if (mkdirat(tree, name, 0555) < 0 ||
	    sys_move_mount(fs, "", tree, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -1;
	return 0;
}

static int fill(void)
{
	const struct ns_fs_opt small[] = { { "mode", "555" }, { "size", "4k" },
					   { "nr_inodes", "8" } };
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int tree = -EBADF, proc = -EBADF, sys = -EBADF;

	tree = ns_fs_mount("tmpfs", 0, small, ARRAY_SIZE(small), VZ_IGNORE);
	if (tree < 0 || dead_mounts(&proc, &sys) < 0 || ns_pivot(tree, VZ_IGNORE) < 0)
		return -1;
	if (mount_on(tree, "proc", proc) < 0 || mount_on(tree, "sys", sys) < 0)
		return -1;
	return sys_mount_setattr(tree, "", AT_EMPTY_PATH, &ro);
}

bool ns_seed_inert(void)
{
	char self[16];

	return readlink("/proc/self", self, sizeof(self)) < 0 && errno == ENOENT;
}

int ns_seed_make(void)
{
	/* The seed's /proc does not know us. */
	_cleanup_close_ int ns = open("/proc/self/ns", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct ns_place here;
	int fd = -ENOTSUP, r = ns_place_save(&here);

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNS) < 0)
		goto out;
	if (fill() == 0)
		fd = openat(ns, "mnt", O_RDONLY | O_CLOEXEC);
	if (ns_place_restore(&here) < 0)
		_exit(VZ_SYSTEM_ERROR);
out:
	ns_place_done(&here);
	return fd;
}

int ns_seed_open(pid_t pid, int fd)
{
	char path[64];
	int seed;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	seed = open(path, O_RDONLY | O_CLOEXEC);
	if (seed < 0)
		return -errno;
	if (ioctl(seed, NS_GET_NSTYPE) == CLONE_NEWNS)
		return seed;
	close(seed);
	return -ENOENT;
}
