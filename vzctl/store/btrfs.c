// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The private area is a subvolume.  The template is one too, or is copied (by
 * reference) into one beside the private areas once, so that the next container
 * of it is a snapshot.
 */
#define VZ_ROOM "store"
#include <endian.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include "store/priv.h"
#include "sys/rmtree.h"
#include "sys/walk.h"

#define CACHE_PREFIX ".vz-tree-"
#define CACHE_ORIGIN "trusted.vz.tree"	/* on a cached template: where it is from */

static bool on_btrfs(int fd)
{
	struct statfs sfs;

	return fstatfs(fd, &sfs) == 0 && sfs.f_type == BTRFS_SUPER_MAGIC;
}

static bool is_subvolume(int fd)
{
	struct stat st;

	return on_btrfs(fd) && fstat(fd, &st) == 0 && st.st_ino == BTRFS_FIRST_FREE_OBJECTID;
}

static int subvol_create(int parent, const char *name)
{
	struct btrfs_ioctl_vol_args_v2 args = { 0 };

	snprintf(args.name, sizeof(args.name), "%s", name);
	return ioctl(parent, BTRFS_IOC_SUBVOL_CREATE_V2, &args) < 0 ? -errno : 0;
}

static int subvol_snapshot(int src, int parent, const char *name)
{
	struct btrfs_ioctl_vol_args_v2 args = { .fd = src };

	snprintf(args.name, sizeof(args.name), "%s", name);
	return ioctl(parent, BTRFS_IOC_SNAP_CREATE_V2, &args) < 0 ? -errno : 0;
}

static int subvol_id(int fd, uint64_t *ret)
{
	struct btrfs_ioctl_ino_lookup_args args = { .objectid = BTRFS_FIRST_FREE_OBJECTID };

	if (ioctl(fd, BTRFS_IOC_INO_LOOKUP, &args) < 0)
		return neg_errno();
	*ret = args.treeid;
	return 0;
}

/*
 * The item @type of qgroup @id in the quota tree: what a search for one key
 * returns.  -ENOENT without such an item or with quotas off.
 */
static int qgroup_item(int fd, uint32_t type, uint64_t id, void *ret, size_t size)
{
	struct btrfs_ioctl_search_args args = {
		.key = {
			.tree_id = BTRFS_QUOTA_TREE_OBJECTID,
			.min_type = type,
			.max_type = type,
			.min_offset = id,
			.max_offset = id,
			.max_transid = UINT64_MAX,
			.nr_items = 1,
		},
	};
	struct btrfs_ioctl_search_header h;

	if (ioctl(fd, BTRFS_IOC_TREE_SEARCH, &args) < 0)
		return neg_errno();
	memcpy(&h, args.buf, sizeof(h));
	if (!args.key.nr_items || h.type != type || h.offset != id || h.len < size)
		return -ENOENT;
	memcpy(ret, args.buf + sizeof(h), size);
	return 0;
}

bool btrfs_quota_enabled(int fd)
{
	struct btrfs_qgroup_status_item st;

	return on_btrfs(fd) &&
	       qgroup_item(fd, BTRFS_QGROUP_STATUS_KEY, 0, &st, sizeof(st)) == 0 &&
	       (le64toh(st.flags) & BTRFS_QGROUP_STATUS_FLAG_ON);
}

/* Referenced bytes, the template's included: what df and other layouts count. */
static int qgroup_limit(int fd, uint64_t kb)
{
	struct btrfs_ioctl_qgroup_limit_args args = {
		.lim = {
			.flags = BTRFS_QGROUP_LIMIT_MAX_RFER,
			.max_rfer = kb ? kb * 1024 : UINT64_MAX,
		},
	};
	uint64_t id;
	int r = subvol_id(fd, &id);

	if (r < 0)
		return r;
	args.qgroupid = id;
	return ioctl(fd, BTRFS_IOC_QGROUP_LIMIT, &args) < 0 ? -errno : 0;
}

/* A copy of @tree as subvolume @name, whole or not there. */
static int cache_make(int parent, const char *name, int tree, const char *origin,
		      struct vz_err *e)
{
	_cleanup_free_ char *tmp = xasprintf("%s.new", name);
	_cleanup_close_ int fd = -EBADF;
	int r = sys_rmtree_at(parent, tmp, e);

	if (r < 0)
		return r;
	r = subvol_create(parent, tmp);
	if (r < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, -r, "cannot make subvolume %s", tmp);
	fd = walk_open(parent, tmp);
	if (fd < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, -fd, "%s", tmp);
	r = store_copy_tree(tree, fd, e);
	if (r == 0 && syncfs(fd) < 0)
		r = store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot write %s", tmp);
	if (r == 0 && fsetxattr(fd, CACHE_ORIGIN, origin, strlen(origin), 0) < 0)
		r = store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "%s", tmp);
	if (r == 0 && renameat2(parent, tmp, parent, name, RENAME_NOREPLACE) < 0)
		r = vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "%s", name);
	if (r < 0)
		sys_rmtree_at(parent, tmp, VZ_IGNORE);
	return r;
}

/* Drops cached trees whose template is gone. */
static int cache_expire(int parent, const char *name, unsigned char type, void *data)
{
	_cleanup_close_ int fd = -EBADF;
	char origin[4096];
	ssize_t n;

	if (!str_has_prefix(name, CACHE_PREFIX))
		return 0;
	fd = walk_open(parent, name);
	n = fd < 0 ? -1 : fgetxattr(fd, CACHE_ORIGIN, origin, sizeof(origin) - 1);
	if (n <= 0)
		return 0;
	origin[n] = '\0';
	if (access(origin, F_OK) < 0 && errno == ENOENT)
		sys_rmtree_at(parent, name, VZ_IGNORE);
	return 0;
}

/* The subvolume to snapshot for @origin: O_RDONLY. */
static int cache_open(int parent, int tree, const char *origin, struct vz_err *e)
{
	_cleanup_close_ int dir = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *name = xasprintf(CACHE_PREFIX "%s", strrchr(origin, '/') + 1);
	int fd, r;

	/* One maker at a time; the lock ends with the descriptor. */
	if (dir < 0 || flock(dir, LOCK_EX) < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "lock of the private areas");
	fd = walk_open(parent, name);
	if (fd >= 0)
		return fd;
	walk_entries(dir, cache_expire, NULL);
	r = cache_make(parent, name, tree, origin, e);
	if (r < 0)
		return r;
	fd = walk_open(parent, name);
	return fd < 0 ? vz_fail(e, VZ_FS_NEW_VE_PRVT, -fd, "%s", name) : fd;
}

/* A tree that is a subvolume here needs no copy; one elsewhere is EXDEV. */
static int snapshot_tree(int parent, const char *name, int tree, const char *origin,
			 struct vz_err *e)
{
	_cleanup_close_ int cache = -EBADF;
	int r = is_subvolume(tree) ? subvol_snapshot(tree, parent, name) : -EXDEV;

	if (r == -EXDEV) {
		cache = cache_open(parent, tree, origin, e);
		if (cache < 0)
			return cache;
		r = subvol_snapshot(cache, parent, name);
	}
	return r < 0 ? store_fail(e, VZ_FS_NEW_VE_PRVT, -r, "snapshot of %s", origin) : 0;
}

static int btrfs_build(const struct store_ref *s, int parent, const char *name, const char *tree,
		       struct vz_err *e)
{
	_cleanup_close_ int src = -EBADF, dst = -EBADF;
	int r;

	if (!on_btrfs(parent))
		return vz_fail(e, VZ_STORAGE_UNSUP, EOPNOTSUPP,
			       "layout btrfs needs a private area on btrfs");
	src = store_open_tree(tree, e);
	if (src < 0)
		return src;
	r = snapshot_tree(parent, name, src, tree, e);
	if (r < 0)
		return r;
	dst = walk_open(parent, name);
	if (dst < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, -dst, "%s", name);
	r = store_mark(dst, store_btrfs.name, e);
	if (r < 0)
		return r;
	if (btrfs_quota_enabled(dst)) {
		r = qgroup_limit(dst, s->disk_kb);
		if (r < 0)
			return vz_fail(e, VZ_DQ_SET, -r, "limit of the subvolume");
	}
	if (fsync(dst) < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot write the subvolume");
	return 0;
}

static int btrfs_mount(const struct store_ref *s, int dir, int userns_fd, struct vz_err *e)
{
	return store_clone_mount(dir, "", userns_fd, e);
}

static int btrfs_open(const struct store_ref *s, int dir, enum vz_code code, struct vz_err *e)
{
	_cleanup_close_ int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return vz_fail(e, code, errno, "%s", s->private);
	if (!btrfs_quota_enabled(fd))
		return vz_fail(e, code, EOPNOTSUPP,
			       "no quotas on the file system of %s (btrfs quota enable)",
			       s->private);
	return take_fd(&fd);
}

static int btrfs_usage(const struct store_ref *s, int dir, struct store_usage *ret,
		       struct vz_err *e)
{
	_cleanup_close_ int fd = btrfs_open(s, dir, VZ_GET_QUOTA_USAGE, e);
	struct btrfs_qgroup_limit_item lim = { 0 };
	struct btrfs_qgroup_info_item info;
	uint64_t id = 0;
	int r;

	if (fd < 0)
		return fd;
	r = subvol_id(fd, &id);
	if (r == 0)
		r = qgroup_item(fd, BTRFS_QGROUP_INFO_KEY, id, &info, sizeof(info));
	if (r < 0)
		return vz_fail(e, VZ_GET_QUOTA_USAGE, -r, "quota of %s", s->private);
	*ret = (struct store_usage){ .used_kb = le64toh(info.rfer) / 1024 };
	if (qgroup_item(fd, BTRFS_QGROUP_LIMIT_KEY, id, &lim, sizeof(lim)) == 0 &&
	    (le64toh(lim.flags) & BTRFS_QGROUP_LIMIT_MAX_RFER)) {
		ret->hard_kb = le64toh(lim.max_rfer) / 1024;
		ret->have_limit = true;
	}
	return 0;
}

static int btrfs_resize(const struct store_ref *s, int dir, struct vz_err *e)
{
	_cleanup_close_ int fd = btrfs_open(s, dir, VZ_DQ_SET, e);
	int r;

	if (fd < 0)
		return fd;
	r = qgroup_limit(fd, s->disk_kb);
	return r < 0 ? vz_fail(e, VZ_DQ_SET, -r, "limit of %s", s->private) : 0;
}

const struct store_driver store_btrfs = {
	.name = "btrfs",
	.fs = "btrfs",
	.build = btrfs_build,
	.mount = btrfs_mount,
	.usage = btrfs_usage,
	.resize = btrfs_resize,
};
