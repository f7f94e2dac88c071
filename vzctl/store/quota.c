// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Project quota (ext4, xfs, f2fs): the project id is the container id.  CT root
 * cannot change project ids (fileattr_set_prepare() wants the initial user
 * namespace), and statfs of a tagged directory reports the limit, so df is right.
 */
#define VZ_ROOM "store"
#include <dirent.h>
#include <linux/dqblk_xfs.h>
#include <linux/fs.h>
#include <linux/quota.h>
#include <sys/ioctl.h>

#include "store/priv.h"
#include "sys/syscalls.h"
#include "sys/walk.h"

/* sys/quota.h and linux/quota.h cannot be included together. */
static int quotactl_fd(int fd, unsigned int cmd, uint32_t id, void *arg)
{
	return (int)syscall(SYS_quotactl_fd, fd, QCMD(cmd, PRJQUOTA), id, arg);
}

bool quota_enforced(int fd)
{
	struct fs_quota_statv st = { .qs_version = FS_QSTATV_VERSION1 };

	/* ext4 counts without the mount option prjquota, but then limits nothing. */
	return quotactl_fd(fd, Q_XGETQSTATV, 0, &st) == 0 && (st.qs_flags & FS_QUOTA_PDQ_ENFD);
}

int quota_tag(int fd, uint32_t id)
{
	struct fsxattr x;

	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return -errno;
	x.fsx_projid = id;
	x.fsx_xflags |= FS_XFLAG_PROJINHERIT;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0 ? -errno : 0;
}

static int tag_file(int dirfd, const char *name, uint32_t id)
{
	_cleanup_close_ int fd = -EBADF;
	struct fsxattr x;

	fd = sys_openat2(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == EXDEV ? 0 : -errno;
	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return -errno;
	if (x.fsx_projid == id)
		return 0;
	x.fsx_projid = id;
	return ioctl(fd, FS_IOC_FSSETXATTR, &x) < 0 ? -errno : 0;
}

struct tag {
	struct walk w;
	uint32_t id;
};

/* Links, devices and sockets have no blocks worth counting. */
static int tag_entry(int fd, const char *name, unsigned char type, void *data)
{
	struct tag *t = data;
	struct stat st;

	if (type == DT_UNKNOWN && fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		type = IFTODT(st.st_mode);
	if (type == DT_DIR)
		walk_push(&t->w, name);
	return type == DT_REG ? tag_file(fd, name, t->id) : 0;
}

static int tag_dir(struct tag *t, int fd)
{
	/* The top comes last: its id says that the whole tree is done. */
	int r = t->w.depth ? quota_tag(fd, t->id) : 0;

	if (r == 0)
		r = walk_enter(&t->w, fd);
	return r < 0 ? r : walk_entries(fd, tag_entry, t);
}

int quota_tag_tree(int dir, uint32_t id, struct vz_err *e)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tag t = { .id = id };
	int r = fd < 0 ? -errno : tag_dir(&t, fd);

	while (r == 0 && t.w.depth) {
		const char *name = walk_top(&t.w);
		int sub;

		if (!name) {
			r = walk_leave(&t.w, &fd);
			if (t.w.depth)
				walk_pop(&t.w);
			continue;
		}
		sub = walk_open(fd, name);
		if (sub < 0) {
			/* Gone meanwhile, or somebody else's mount. */
			if (sub != -ENOENT && sub != -EXDEV && sub != -ENOTDIR && sub != -ELOOP)
				r = sub;
			walk_pop(&t.w);
			continue;
		}
		close(fd);
		fd = sub;
		r = tag_dir(&t, fd);
	}
	walk_done(&t.w);
	if (r == 0)
		r = quota_tag(fd, id);
	return r < 0 ? vz_fail(e, VZ_DQ_SET, -r, "cannot assign files to project %u", id) : 0;
}

int quota_set(int fd, uint32_t id, uint64_t kb, uint64_t inodes)
{
	/* dqb_bhardlimit counts KiB (QIF_DQBLKSIZE); 0 is no limit. */
	struct if_dqblk q = {
		.dqb_bhardlimit = kb,
		.dqb_ihardlimit = inodes,
		.dqb_valid = QIF_LIMITS,
	};

	return quotactl_fd(fd, Q_SETQUOTA, id, &q) < 0 ? -errno : 0;
}

int quota_get(int fd, uint32_t id, struct store_usage *ret)
{
	struct if_dqblk q = { 0 };

	if (quotactl_fd(fd, Q_GETQUOTA, id, &q) < 0)
		return -errno;
	*ret = (struct store_usage){
		.used_kb = q.dqb_curspace / 1024,
		.used_inodes = q.dqb_curinodes,
		.hard_kb = q.dqb_bhardlimit,
		.hard_inodes = q.dqb_ihardlimit,
		.have_limit = q.dqb_bhardlimit || q.dqb_ihardlimit,
	};
	return 0;
}

int quota_build(const struct store_ref *s, int fd, struct vz_err *e)
{
	int r;

	if (!quota_enforced(fd))
		return 0;
	r = quota_tag(fd, s->ctid);
	if (r == 0)
		r = quota_set(fd, s->ctid, s->disk_kb, s->inodes);
	return r < 0 ? vz_fail(e, VZ_DQ_SET, -r, "cannot set project quota %u", s->ctid) : 0;
}

static int quota_open(const struct store_ref *s, int dir, enum vz_code code, struct vz_err *e)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return vz_fail(e, code, errno, "%s", s->private);
	if (!quota_enforced(fd))
		return vz_fail(e, code, EOPNOTSUPP,
			       "no project quota on the file system of %s (mount option prjquota)",
			       s->private);
	return take_fd(&fd);
}

int quota_usage(const struct store_ref *s, int dir, struct store_usage *ret, struct vz_err *e)
{
	_cleanup_close_ int fd = quota_open(s, dir, VZ_GET_QUOTA_USAGE, e);
	struct fsxattr x = { 0 };
	int r;

	if (fd < 0)
		return fd;
	/* An area that was never tagged: the project's zeroes would be a lie. */
	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) == 0 && x.fsx_projid != s->ctid)
		return vz_fail(e, VZ_GET_QUOTA_USAGE, EOPNOTSUPP,
			       "files of %s are not counted yet, set --diskspace", s->private);
	r = quota_get(fd, s->ctid, ret);
	return r < 0 ? vz_fail(e, VZ_GET_QUOTA_USAGE, -r, "project quota %u", s->ctid) : 0;
}

int quota_resize(const struct store_ref *s, int dir, struct vz_err *e)
{
	_cleanup_close_ int fd = quota_open(s, dir, VZ_DQ_SET, e);
	struct fsxattr x;
	int r;

	if (fd < 0)
		return fd;
	/* 4.x counted files by other means: assign them all, once. */
	if (ioctl(fd, FS_IOC_FSGETXATTR, &x) < 0)
		return vz_fail(e, VZ_DQ_SET, errno, "%s", s->private);
	if (x.fsx_projid != s->ctid || !(x.fsx_xflags & FS_XFLAG_PROJINHERIT)) {
		r = quota_tag_tree(fd, s->ctid, e);
		if (r < 0)
			return r;
	}
	r = quota_set(fd, s->ctid, s->disk_kb, s->inodes);
	return r < 0 ? vz_fail(e, VZ_DQ_SET, -r, "cannot set project quota %u", s->ctid) : 0;
}
