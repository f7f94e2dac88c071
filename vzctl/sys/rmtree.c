// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "sys"
#include "sys/rmtree.h"

#include <dirent.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "sys/syscalls.h"
#include "sys/walk.h"

/* A directory that somebody keeps filling is not ours to chase for ever. */
#define RM_RESCANS 64

struct rm {
	struct walk w;
	struct vz_err *e;
	unsigned int rescans;
	bool failed;		/* e is filled */
};

static int rm_fail(struct rm *rm, int err, const char *name)
{
	rm->failed = true;
	if (err == EXDEV || err == EBUSY)
		return vz_fail(rm->e, VZ_FS_DEL_PRVT, EBUSY, "%s is a mount point, not removed",
			       name);
	return vz_fail(rm->e, VZ_FS_DEL_PRVT, err, "cannot remove %s", name);
}

static bool clear_flags_fd(int fd)
{
	unsigned int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return false;
	flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

/* Opening anything but a file or directory could have effects: not done. */
bool sys_make_mutable(int dirfd, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return false;
	fd = sys_openat2(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	return fd >= 0 && clear_flags_fd(fd);
}

/* 0 also when it is already gone. */
static int unlink_hard(int dirfd, const char *name, int flags)
{
	if (unlinkat(dirfd, name, flags) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM)
		return -errno;
	clear_flags_fd(dirfd);
	sys_make_mutable(dirfd, name);
	return unlinkat(dirfd, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

static int rm_entry(int fd, const char *name, unsigned char type, void *data)
{
	struct rm *rm = data;
	int r;

	if (type != DT_DIR) {
		r = unlink_hard(fd, name, 0);
		if (r == 0)
			return 0;
		/* A type that was unknown, or a name that became a directory. */
		if (r != -EISDIR)
			return rm_fail(rm, -r, name);
	}
	walk_push(&rm->w, name);
	return 0;
}

/*
 * A subvolume may be deleted whole; one that is read-only or holds others is
 * made writable and emptied like a directory.  True when it is gone.
 */
static bool rm_subvolume(int dirfd, const char *name, int fd)
{
	struct btrfs_ioctl_vol_args args = { 0 };
	struct statfs sfs;
	struct stat st;
	uint64_t flags;

	if (fstat(fd, &st) < 0 || st.st_ino != BTRFS_FIRST_FREE_OBJECTID ||
	    fstatfs(fd, &sfs) < 0 || sfs.f_type != BTRFS_SUPER_MAGIC)
		return false;
	if (ioctl(fd, BTRFS_IOC_SUBVOL_GETFLAGS, &flags) == 0 && (flags & BTRFS_SUBVOL_RDONLY)) {
		flags &= ~BTRFS_SUBVOL_RDONLY;
		ioctl(fd, BTRFS_IOC_SUBVOL_SETFLAGS, &flags);
	}
	memcpy(args.name, name, strnlen(name, sizeof(args.name) - 1));
	return ioctl(dirfd, BTRFS_IOC_SNAP_DESTROY, &args) == 0;
}

/* Goes one down, or disposes of a name that is no directory any more. */
static int rm_descend(struct rm *rm, int *fd)
{
	const char *name = walk_top(&rm->w);
	_cleanup_close_ int sub = walk_open(*fd, name);
	int r;

	if (sub == -ENOENT || (sub >= 0 && rm_subvolume(*fd, name, sub))) {
		walk_pop(&rm->w);
		return 0;
	}
	if (sub == -ENOTDIR || sub == -ELOOP) {
		r = unlink_hard(*fd, name, 0);
		if (r < 0)
			return rm_fail(rm, -r, name);
		walk_pop(&rm->w);
		return 0;
	}
	if (sub < 0)
		return rm_fail(rm, -sub, name);
	r = walk_enter(&rm->w, sub);
	if (r == 0)
		r = walk_entries(sub, rm_entry, rm);
	if (r < 0)
		return rm->failed ? r : rm_fail(rm, -r, name);
	close(*fd);
	*fd = take_fd(&sub);
	return 0;
}

static int rm_ascend(struct rm *rm, int *fd, dev_t dev, ino_t ino)
{
	bool last = rm->w.depth == 1;
	const char *name;
	int r;

	r = walk_leave(&rm->w, fd);
	if (r == 0 && last)
		r = walk_up(fd, dev, ino);
	name = walk_top(&rm->w);
	if (r < 0)
		return rm_fail(rm, -r, name);
	r = unlink_hard(*fd, name, AT_REMOVEDIR);
	if (r == -ENOTEMPTY && rm->rescans++ < RM_RESCANS)
		return 0;
	if (r < 0)
		return rm_fail(rm, -r, name);
	walk_pop(&rm->w);
	return 0;
}

int sys_rmtree_at(int dirfd, const char *name, struct vz_err *e)
{
	_cleanup_close_ int fd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	struct rm rm = { .e = e };
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return vz_fail(e, VZ_FS_DEL_PRVT, errno, "cannot remove %s", name);
	walk_push(&rm.w, name);
	while (r == 0 && rm.w.names.len) {
		if (rm.w.depth && !walk_top(&rm.w))
			r = rm_ascend(&rm, &fd, st.st_dev, st.st_ino);
		else
			r = rm_descend(&rm, &fd);
	}
	walk_done(&rm.w);
	return r;
}
