// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mounts of a container, made by its init inside its own namespaces.
 *
 * New instances of proc and sysfs may only be mounted by a user namespace's
 * root while a fully visible one is in its mount namespace
 * (fs/namespace.c, mount_too_revealing()): so all file systems are created
 * detached before the pivot, and attached to the new root by descriptor.
 */
#define VZ_ROOM "ns"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"

int ns_fs_mount(const char *type, unsigned int attrs, const struct ns_fs_opt *opts, size_t n,
		struct vz_err *e)
{
	_cleanup_close_ int fs = sys_fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		goto fail;
	for (size_t i = 0; i < n; i++)
		if (sys_fsconfig(fs, opts[i].value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
				 opts[i].key, opts[i].value, 0) < 0)
			goto fail;
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		goto fail;
	fd = sys_fsmount(fs, FSMOUNT_CLOEXEC, attrs);
	if (fd >= 0)
		return fd;
fail:
	return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to mount %s for the container", type);
}

int ns_mounts_open(const struct ns_init *in, struct ns_mounts *m, struct vz_err *e)
{
	const unsigned int safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	char max[16], shm[32];
	struct ns_fs_opt pts[] = { { "mode", "620" }, { "gid", "5" }, { "ptmxmode", "666" },
				{ "max", max } };
	const struct ns_fs_opt shmo[] = { { "mode", "1777" }, { "size", shm } };

	snprintf(max, sizeof(max), "%u", in->pty_max);
	snprintf(shm, sizeof(shm), "%llu", (unsigned long long)in->shm_bytes);
	m->proc = ns_fs_mount("proc", safe, NULL, 0, e);
	if (m->proc < 0)
		return m->proc;
	/* Read-only tells systemd that devices are not its business. */
	m->sys = ns_fs_mount("sysfs", safe | MOUNT_ATTR_RDONLY, NULL, 0, e);
	if (m->sys < 0)
		return m->sys;
	m->cgroup = ns_fs_mount("cgroup2", safe, NULL, 0, e);
	if (m->cgroup < 0)
		return m->cgroup;
	m->pts = ns_fs_mount("devpts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, pts,
			  in->pty_max ? 4 : 3, e);
	if (m->pts < 0)
		return m->pts;
	m->shm = ns_fs_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, shmo,
			  in->shm_bytes ? 2 : 1, e);
	if (m->shm < 0)
		return m->shm;
	/* A kernel without POSIX queues is no reason to refuse a start. */
	m->mqueue = ns_fs_mount("mqueue", safe, NULL, 0, VZ_IGNORE);
	return 0;
}

/*
 * A directory of the tree that something is mounted on; made when missing.  The
 * tree is the tenant's: a symlink there must not redirect our mount.
 */
static int mount_point(int dirfd, const char *name, struct vz_err *e)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return vz_fail(e, VZ_FS_BAD_TMPL, errno, "Unable to create '/%s' in the container",
			       name);
	fd = sys_openat2(dirfd, name, O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return vz_fail(e, VZ_FS_BAD_TMPL, errno, "'/%s' of the container is no directory",
			       name);
	return fd;
}

static int attach(int mnt, int dirfd, const char *name, struct vz_err *e)
{
	_cleanup_close_ int at = mount_point(dirfd, name, e);

	if (at < 0)
		return at;
	if (sys_move_mount(mnt, "", at, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to attach '/%s'", name);
	return 0;
}

static int fill_dev(const struct ns_mounts *m, struct vz_err *e)
{
	int r = attach(m->pts, m->dev, "pts", e);

	if (r == 0)
		r = attach(m->shm, m->dev, "shm", e);
	if (r == 0 && m->mqueue >= 0)
		r = attach(m->mqueue, m->dev, "mqueue", e);
	return r;
}

/*
 * FEATURES nesting:off.  The user namespace is what protects the host; this
 * only hides what would confuse.  It is not the default because an over-mounted
 * /proc forbids new instances to containers inside the container.
 */
static void mask_proc(const struct ns_mounts *m)
{
	static const char *const files[] = { "kcore",	  "keys",      "latency_stats",
					     "timer_list", "sched_debug", "kallsyms",
					     "interrupts", "cmdline",   "config.gz" };
	static const char *const dirs[] = { "acpi", "scsi", "bus", "irq" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_close_ int null =
			sys_open_tree(m->dev, "null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

		if (null >= 0)
			(void)sys_move_mount(null, "", m->proc, files[i], MOVE_MOUNT_F_EMPTY_PATH);
	}
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		const struct ns_fs_opt opt[] = { { "size", "0" }, { "mode", "555" } };
		_cleanup_close_ int t = ns_fs_mount("tmpfs", MOUNT_ATTR_RDONLY, opt, 2, VZ_IGNORE);

		if (t >= 0)
			(void)sys_move_mount(t, "", m->proc, dirs[i], MOVE_MOUNT_F_EMPTY_PATH);
	}
}

int ns_pivot(int tree, struct vz_err *e)
{
	/* Nothing that is done here may travel to the host. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to make mounts private");
	/* Any place will do that the container's root may look up on the host. */
	if (sys_move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to attach the root");
	if (fchdir(tree) < 0 || sys_pivot_root(".", ".") < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to change the root");
	/* "." is now the old root, stacked on the new one (pivot_root(2), NOTES). */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to leave the host's root");
	return 0;
}

/*
 * In a seed the root goes over what is there: pivot_root(2) looks at every process
 * of the node, and to let go of the old root waits for an RCU grace period.  Not where
 * /proc is masked: the seed's, below, would let containers inside have an unmasked one.
 */
static int take_root(const struct ns_init *in, int tree, struct vz_err *e)
{
	if (in->seed < 0 || (in->flags & NS_MASK_PROC) || !ns_seed_inert())
		return ns_pivot(tree, e);
	if (sys_move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to attach the root");
	if (fchdir(tree) < 0 || chroot(".") < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to change the root");
	return 0;
}

int ns_mounts_enter(const struct ns_init *in, struct ns_mounts *m, struct vz_err *e)
{
	struct mount_attr shared = { .propagation = MS_SHARED };
	int r;

	r = take_root(in, m->tree, e);
	if (r < 0)
		return r;
	r = attach(m->dev, m->tree, "dev", e);
	if (r == 0)
		r = fill_dev(m, e);
	if (r == 0)
		r = attach(m->proc, m->tree, "proc", e);
	if (r == 0)
		r = attach(m->sys, m->tree, "sys", e);
	if (r < 0)
		return r;
	if (sys_move_mount(m->cgroup, "", m->sys, "fs/cgroup", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to attach '/sys/fs/cgroup'");
	if (in->flags & NS_MASK_PROC)
		mask_proc(m);
	/* What an init expects of a fresh machine (systemd does it itself). */
	(void)sys_mount_setattr(m->tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &shared);
	return 0;
}

int ns_pts_slave(int master, unsigned int *ret_n)
{
	int zero = 0;

	if (ioctl(master, TIOCSPTLCK, &zero) < 0 || ioctl(master, TIOCGPTN, ret_n) < 0)
		return -errno;
	return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int ns_console_open(const struct ns_mounts *m, int *ret_master, int *ret_slave, struct vz_err *e)
{
	_cleanup_close_ int master = -EBADF, slave = -EBADF, file = -EBADF, bind = -EBADF;
	unsigned int n = 0;
	char name[16];

	master = openat(m->pts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		goto fail;
	slave = ns_pts_slave(master, &n);
	if (slave < 0)
		goto fail;
	snprintf(name, sizeof(name), "%u", n);
	bind = sys_open_tree(m->pts, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	file = openat(m->dev, "console", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (bind < 0 || file < 0)
		goto fail;
	if (sys_move_mount(bind, "", file, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		goto fail;
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
fail:
	return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to create the console");
}
