// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * root.img: ext4 or xfs in a sparse file on a loop device.  The content is copied
 * through the mounted file system rather than by mke2fs -d, which loses
 * nanoseconds and reports a full image as text only.
 *
 * Every operation mounts: a second mount of a device in use is the same super
 * block, so growing and counting need not know where the container's is.
 */
#define VZ_ROOM "store"
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "store/image-fs.h"
#include "store/loop.h"
#include "sys/syscalls.h"

static int mount_device_with(const struct store_ref *s, const struct image_fs *fs,
			     const char *dev, const char *quota, struct vz_err *e)
{
	_cleanup_close_ int ctx = sys_fsopen(fs->name, FSOPEN_CLOEXEC);
	unsigned int attrs = MOUNT_ATTR_NODEV;
	int mnt, r;

	if (ctx < 0)
		return vz_fail(e, VZ_STORAGE_UNSUP, errno, "this kernel has no %s", fs->name);
	if (sys_fsconfig(ctx, FSCONFIG_SET_STRING, "source", dev, 0) < 0 ||
	    sys_fsconfig(ctx, fs->always.value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			 fs->always.key, fs->always.value, 0) < 0 ||
	    (quota && sys_fsconfig(ctx, FSCONFIG_SET_FLAG, quota, NULL, 0) < 0))
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s", dev);
	if (s->mount_opts) {
		r = image_fs_options(fs, ctx, s->mount_opts, &attrs, e);
		if (r < 0)
			return r;
	}
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s on %s", IMAGE_NAME, dev);
	mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, attrs);
	return mnt < 0 ? vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s on %s", IMAGE_NAME, dev) : mnt;
}

static int mount_device(const struct store_ref *s, const struct image_fs *fs, int n,
			struct vz_err *e)
{
	char dev[32];
	int r;

	snprintf(dev, sizeof(dev), "/dev/loop%d", n);
	r = mount_device_with(s, fs, dev, fs->quota, e);
	/* A kernel built without quota for it. */
	if (r == -EINVAL && fs->quota)
		r = mount_device_with(s, fs, dev, NULL, e);
	return r;
}

static int open_image(int dir, int flags, struct vz_err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	fd = sys_openat2(dir, IMAGE_NAME, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0 || fstat(fd, &st) < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, IMAGE_NAME);
	if (!S_ISREG(st.st_mode))
		return vz_fail(e, VZ_IMAGE_MOUNT, 0, IMAGE_NAME " is no file");
	return take_fd(&fd);
}

/* Two loop devices over one file would be two super blocks: reuse. */
static int attach(int image, int *ret_n, struct vz_err *e)
{
	struct stat st;
	int fd;

	if (fstat(image, &st) < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, IMAGE_NAME);
	fd = loop_find(st.st_dev, st.st_ino, ret_n);
	return fd >= 0 ? fd : loop_attach(image, ret_n, e);
}

/* The mount of @image; the device in *@ret_loop lives until its last use. */
static int mount_image(const struct store_ref *s, int image, int *ret_loop, struct vz_err *e)
{
	_cleanup_close_ int loop = -EBADF;
	const struct image_fs *fs;
	int n, mnt, r = image_fs_of(image, &fs, e);

	if (r < 0)
		return r;
	loop = attach(image, &n, e);
	if (loop < 0)
		return loop;
	mnt = mount_device(s, fs, n, e);
	if (mnt >= 0 && ret_loop)
		*ret_loop = take_fd(&loop);
	return mnt;
}

/* ext4 has its number of inodes from birth. */
static int limit_inodes(const struct store_ref *s, const struct image_fs *fs, int root,
			struct vz_err *e)
{
	struct store_ref files = *s;

	files.disk_kb = 0;
	if (!fs->quota)
		return 0;
	if (quota_enforced(root))
		return quota_resize(&files, root, e);
	return s->inodes ? vz_fail(e, VZ_DQ_SET, EOPNOTSUPP, "DISKINODES is not enforced: this "
				   "kernel has no quota for %s", fs->name) : 0;
}

static int fill_image(const struct store_ref *s, const struct image_fs *fs, int image, int tree,
		      struct vz_err *e)
{
	_cleanup_close_ int mnt = -EBADF, root = -EBADF;
	struct store_ref plain = *s;
	int r;

	plain.mount_opts = NULL;
	mnt = mount_image(&plain, image, NULL, e);
	if (mnt < 0)
		return mnt;
	root = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, IMAGE_NAME);
	r = limit_inodes(s, fs, root, e);
	if (r == -EOPNOTSUPP) {
		vz_warn("%s", e->msg);
		r = 0;
	}
	if (r == 0)
		r = store_copy_tree(tree, root, e);
	if (r == 0 && syncfs(root) < 0)
		r = store_fail(e, VZ_IMAGE_CREATE, errno, "cannot write " IMAGE_NAME);
	return r;
}

static int check_opts(const struct image_fs *fs, const char *opts, struct vz_err *e)
{
	_cleanup_close_ int ctx = sys_fsopen(fs->name, FSOPEN_CLOEXEC);
	unsigned int attrs = 0;

	return opts && ctx >= 0 ? image_fs_options(fs, ctx, opts, &attrs, e) : 0;
}

static int check_size(const struct store_ref *s, const struct image_fs *fs, struct vz_err *e)
{
	if (!s->disk_kb)
		return vz_fail(e, VZ_DISKSPACE_NOT_SET, 0, "layout image needs a disk space limit");
	if (s->disk_kb < fs->min_kb || s->disk_kb > INT64_MAX / 1024 / 2)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "disk space of %llu KiB for an image with %s, at least %llu",
			       (unsigned long long)s->disk_kb, fs->name,
			       (unsigned long long)fs->min_kb);
	return 0;
}

static int build(const struct store_ref *s, const struct store_driver *d,
		 const struct image_fs *fs, int parent, const char *name, const char *tree,
		 struct vz_err *e)
{
	_cleanup_close_ int src = -EBADF, dir = -EBADF, image = -EBADF;
	int r = check_opts(fs, s->mount_opts, e);

	if (r == 0)
		r = check_size(s, fs, e);
	if (r < 0)
		return r;
	src = store_open_tree(tree, e);
	if (src < 0)
		return src;
	dir = store_mkdir(parent, name, e);
	if (dir < 0)
		return dir;
	r = store_mark(dir, d->name, e);
	if (r < 0)
		return r;
	image = openat(dir, IMAGE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (image < 0 || ftruncate(image, s->disk_kb * 1024 / IMAGE_BLOCK * IMAGE_BLOCK) < 0)
		return store_fail(e, VZ_IMAGE_CREATE, errno, "cannot make " IMAGE_NAME);
	r = fs->make(s, image, e);
	if (r == 0)
		r = fill_image(s, fs, image, src, e);
	if (r == 0 && (fsync(image) < 0 || fsync(dir) < 0))
		r = store_fail(e, VZ_IMAGE_CREATE, errno, "cannot write " IMAGE_NAME);
	return r;
}

static int build_ext4(const struct store_ref *s, int parent, const char *name, const char *tree,
		      struct vz_err *e)
{
	return build(s, &store_image, &image_ext4, parent, name, tree, e);
}

static int build_xfs(const struct store_ref *s, int parent, const char *name, const char *tree,
		     struct vz_err *e)
{
	return build(s, &store_image_xfs, &image_xfs, parent, name, tree, e);
}

static int image_mount(const struct store_ref *s, int dir, int userns_fd, struct vz_err *e)
{
	_cleanup_close_ int image = open_image(dir, O_RDWR, e), mnt = -EBADF;
	int r;

	if (image < 0)
		return image;
	mnt = mount_image(s, image, NULL, e);
	if (mnt < 0)
		return mnt;
	r = store_set_mount(mnt, userns_fd, IMAGE_NAME, e);
	return r < 0 ? r : take_fd(&mnt);
}

int store_adopt_image(const char *private, const char *image, struct vz_err *e)
{
	_cleanup_close_ int fd = open(image, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_close_ int dir = -EBADF;
	const struct image_fs *fs;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, fd < 0 ? errno : EINVAL, "%s", image);
	r = image_fs_of(fd, &fs, e);
	if (r < 0)
		return r;
	dir = store_mkdir(AT_FDCWD, private, e);
	if (dir < 0)
		return dir;
	r = store_mark(dir, fs == &image_xfs ? "image:xfs" : "image", e);
	if (r == 0 && linkat(AT_FDCWD, image, dir, IMAGE_NAME, 0) < 0)
		r = store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot link %s", image);
	return r == 0 && fsync(dir) < 0 ? store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "%s", private) :
					  r;
}

static int usage_mounted(const struct store_ref *s, int image, int n, struct store_usage *ret,
			 struct vz_err *e)
{
	struct store_ref plain = *s;
	_cleanup_close_ int mnt = -EBADF;
	const struct image_fs *fs;
	struct statfs sfs;
	uint64_t kb;
	int r = image_fs_of(image, &fs, e);

	if (r < 0)
		return r;
	plain.mount_opts = NULL;
	mnt = mount_device(&plain, fs, n, e);
	if (mnt < 0)
		return mnt;
	if (fstatfs(mnt, &sfs) < 0)
		return vz_fail(e, VZ_GET_QUOTA_USAGE, errno, IMAGE_NAME);
	kb = sfs.f_bsize / 1024;
	*ret = (struct store_usage){
		.used_kb = (sfs.f_blocks - sfs.f_bfree) * kb,
		.hard_kb = sfs.f_blocks * kb,
		.used_inodes = sfs.f_files - sfs.f_ffree,
		.hard_inodes = sfs.f_files,
		.have_limit = true,
	};
	return 0;
}

static int image_usage(const struct store_ref *s, int dir, struct store_usage *ret,
		       struct vz_err *e)
{
	_cleanup_close_ int image = open_image(dir, O_RDONLY, e), loop = -EBADF;
	struct stat st;
	int n, r;

	if (image < 0)
		return image;
	if (fstat(image, &st) < 0)
		return vz_fail(e, VZ_GET_QUOTA_USAGE, errno, IMAGE_NAME);
	loop = loop_find(st.st_dev, st.st_ino, &n);
	if (loop >= 0)
		return usage_mounted(s, image, n, ret, e);
	r = image_fs_usage(image, ret);
	if (r < 0)
		return vz_fail(e, VZ_GET_QUOTA_USAGE, -r, IMAGE_NAME " is neither ext4 nor xfs");
	return 0;
}

/* A run that was killed between the steps is finished by the next. */
static int grow(const struct store_ref *s, int image, uint64_t bytes, struct vz_err *e)
{
	_cleanup_close_ int loop = -EBADF, mnt = -EBADF, root = -EBADF;
	struct store_ref plain = *s;
	const struct image_fs *fs;
	int r = image_fs_of(image, &fs, e);

	if (r < 0)
		return r;
	if (ftruncate(image, (off_t)bytes) < 0 || fsync(image) < 0)
		return store_fail(e, VZ_IMAGE_RESIZE, errno, IMAGE_NAME);
	plain.mount_opts = NULL;
	mnt = mount_image(&plain, image, &loop, e);
	if (mnt < 0)
		return mnt;
	r = loop_grow(loop);
	if (r < 0)
		return vz_fail(e, VZ_IMAGE_RESIZE, -r, "loop device of " IMAGE_NAME);
	root = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? -errno : fs->grow(root, image, bytes / IMAGE_BLOCK);
	if (r < 0)
		return vz_fail(e, VZ_IMAGE_RESIZE, -r, "cannot grow %s of " IMAGE_NAME, fs->name);
	return limit_inodes(s, fs, root, e);
}

static int image_resize(const struct store_ref *s, int dir, struct vz_err *e)
{
	_cleanup_close_ int image = open_image(dir, O_RDWR, e);
	uint64_t bytes = s->disk_kb * 1024 / IMAGE_BLOCK * IMAGE_BLOCK;
	struct stat st;

	if (image < 0)
		return image;
	if (!s->disk_kb)
		return vz_fail(e, VZ_DISKSPACE_NOT_SET, 0, "layout image needs a disk space limit");
	if (s->disk_kb > INT64_MAX / 1024 / 2 || fstat(image, &st) < 0)
		return vz_fail(e, VZ_IMAGE_RESIZE, EINVAL, "%s", s->private);
	if (bytes < (uint64_t)st.st_size)
		return vz_fail(e, VZ_IMAGE_RESIZE, EINVAL,
			       "image of %llu KiB cannot shrink to %llu KiB",
			       (unsigned long long)st.st_size / 1024,
			       (unsigned long long)s->disk_kb);
	return grow(s, image, bytes, e);
}

/* The device goes with the last reference, which the kernel may drop a bit later. */
static int image_umount_done(const struct store_ref *s, int dir, struct vz_err *e)
{
	_cleanup_close_ int image = open_image(dir, O_RDONLY, e);
	struct timespec nap = { .tv_nsec = 10 * 1000 * 1000 };
	struct stat st;

	if (image < 0)
		return image;
	if (fstat(image, &st) < 0)
		return vz_fail(e, VZ_FS_CANTUMOUNT, errno, IMAGE_NAME);
	for (int i = 0; i < 200; i++) {
		int n, loop = loop_find(st.st_dev, st.st_ino, &n);

		if (loop < 0)
			return 0;
		close(loop);
		nanosleep(&nap, NULL);
	}
	return vz_fail(e, VZ_FS_CANTUMOUNT, EBUSY, "image of %s is still in use", s->private);
}

#define IMAGE_DRIVER(word, filesystem, make)	\
{						\
	.name = word,				\
	.fs = filesystem,			\
	.build = make,				\
	.mount = image_mount,			\
	.umount_done = image_umount_done,	\
	.usage = image_usage,			\
	.resize = image_resize,			\
}

const struct store_driver store_image = IMAGE_DRIVER("image", "ext4", build_ext4);
const struct store_driver store_image_xfs = IMAGE_DRIVER("image:xfs", "xfs", build_xfs);
