// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * root.img: ext4 in a sparse file on a loop device.  The content is copied
 * through the mounted file system rather than by mke2fs -d, which loses
 * nanoseconds and reports a full image as text only.
 *
 * Every operation mounts: a second mount of a device in use is the same super
 * block, so growing and counting need not know where the container's is.
 */
#define VZ_ROOM "store"
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "base/spawn.h"
#include "store/loop.h"
#include "store/priv.h"
#include "sys/syscalls.h"

#define IMAGE_NAME "root.img"
#define IMAGE_BLOCK 4096
#define IMAGE_SLACK_KB 8192	/* smaller ones cannot hold a journal */
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)	/* fs/ext4/ext4.h */

/* What a container's owner may choose; none weakens the host. */
static const struct {
	const char *key, *value;	/* value NULL: a flag; "#": a number */
	unsigned int attr;		/* of the mount, not of the file system */
} image_opts[] = {
	{ .key = "noatime", .attr = MOUNT_ATTR_NOATIME },
	{ .key = "relatime" },
	{ .key = "discard" },
	{ .key = "nodiscard" },
	{ .key = "barrier" },
	{ .key = "nobarrier" },
	{ .key = "usrquota" },
	{ .key = "grpquota" },
	{ .key = "barrier", .value = "#" },
	{ .key = "commit", .value = "#" },
	{ .key = "data", .value = "ordered" },
	{ .key = "data", .value = "writeback" },
	{ .key = "data", .value = "journal" },
};

static bool opt_matches(size_t i, const char *key, const char *value)
{
	const char *want = image_opts[i].value;
	uint32_t n;

	if (!str_eq(image_opts[i].key, key))
		return false;
	if (!want || !value)
		return !want && !value;
	return str_eq(want, value) || (str_eq(want, "#") && num_parse_u32(value, &n) == 0);
}

/* One "key" or "key=value" of MOUNT_OPTS; split in place. */
static int set_user_opt(int ctx, char *word, unsigned int *attrs, struct vz_err *e)
{
	char *value = strchr(word, '=');
	int r = 0;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(image_opts); i++) {
		if (!opt_matches(i, word, value))
			continue;
		*attrs |= image_opts[i].attr;
		/* relatime is what a mount is anyway. */
		if (!image_opts[i].attr && !str_eq(word, "relatime"))
			r = sys_fsconfig(ctx, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
					 word, value, 0);
		if (r < 0)
			return vz_fail(e, VZ_IMAGE_MOUNT, errno, "mount option %s", word);
		return 0;
	}
	return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, EINVAL, "mount option %s%s%s", word,
		       value ? "=" : "", value ? value : "");
}

static int set_user_opts(int ctx, const char *opts, unsigned int *attrs, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;
	int r = 0;

	vz_strv_split(&l, opts, ", ");
	for (size_t i = 0; i < l.n && r == 0; i++)
		r = set_user_opt(ctx, l.v[i], attrs, e);
	return r;
}

static int mount_device(const struct store_ref *s, int n, struct vz_err *e)
{
	_cleanup_close_ int ctx = sys_fsopen("ext4", FSOPEN_CLOEXEC);
	unsigned int attrs = MOUNT_ATTR_NODEV;
	char dev[32];
	int mnt, r;

	snprintf(dev, sizeof(dev), "/dev/loop%d", n);
	if (ctx < 0)
		return vz_fail(e, VZ_STORAGE_UNSUP, errno, "this kernel has no ext4");
	if (sys_fsconfig(ctx, FSCONFIG_SET_STRING, "source", dev, 0) < 0 ||
	    sys_fsconfig(ctx, FSCONFIG_SET_STRING, "errors", "remount-ro", 0) < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s", dev);
	if (s->mount_opts) {
		r = set_user_opts(ctx, s->mount_opts, &attrs, e);
		if (r < 0)
			return r;
	}
	if (sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s on %s", IMAGE_NAME, dev);
	mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, attrs);
	return mnt < 0 ? vz_fail(e, VZ_IMAGE_MOUNT, errno, "%s on %s", IMAGE_NAME, dev) : mnt;
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
	int n, mnt;

	loop = attach(image, &n, e);
	if (loop < 0)
		return loop;
	mnt = mount_device(s, n, e);
	if (mnt >= 0 && ret_loop)
		*ret_loop = take_fd(&loop);
	return mnt;
}

static const char *find_mke2fs(void)
{
	static const char *const where[] = { "/usr/sbin/mke2fs", "/sbin/mke2fs" };

	for (size_t i = 0; i < ARRAY_SIZE(where); i++)
		if (access(where[i], X_OK) == 0)
			return where[i];
	return NULL;
}

/* @image is given as standard input: no path to get wrong. */
static int make_fs(const struct store_ref *s, int image, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf err = VZ_BUF_INIT;
	char inodes[24];
	const char *argv[] = {
		"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0",
		"-E", "root_owner=0:0", "/proc/self/fd/0", NULL, NULL, NULL,
	};
	struct spawn sp = SPAWN_INIT;
	int st;

	if (s->inodes) {
		snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)s->inodes);
		argv[11] = "-N";
		argv[12] = inodes;
		argv[13] = "/proc/self/fd/0";
	}
	sp.path = find_mke2fs();
	sp.argv = argv;
	sp.in = image;
	sp.ret_err = &err;
	sp.timeout_ms = 10 * 60 * 1000;
	if (!sp.path)
		return vz_fail(e, VZ_NO_HELPER, ENOENT, "mke2fs (package e2fsprogs)");
	st = spawn_run(&sp);
	if (st < 0)
		return vz_fail(e, VZ_IMAGE_CREATE, -st, "%s", sp.path);
	if (st == 0)
		return 0;
	/* One sentence: mke2fs says more only when asked. */
	if (err.s)
		err.s[strcspn(err.s, "\n")] = '\0';
	return vz_fail(e, VZ_IMAGE_CREATE, 0, "mke2fs: %s", vz_buf_str(&err));
}

static int fill_image(const struct store_ref *s, int image, int tree, struct vz_err *e)
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
	r = store_copy_tree(tree, root, e);
	if (r == 0 && syncfs(root) < 0)
		r = store_fail(e, VZ_IMAGE_CREATE, errno, "cannot write " IMAGE_NAME);
	return r;
}

static int check_opts(const char *opts, struct vz_err *e)
{
	_cleanup_close_ int ctx = sys_fsopen("ext4", FSOPEN_CLOEXEC);
	unsigned int attrs = 0;

	return opts && ctx >= 0 ? set_user_opts(ctx, opts, &attrs, e) : 0;
}

static int image_build(const struct store_ref *s, int parent, const char *name,
		       const char *tree, struct vz_err *e)
{
	_cleanup_close_ int src = -EBADF, dir = -EBADF, image = -EBADF;
	int r = check_opts(s->mount_opts, e);

	if (r < 0)
		return r;
	if (!s->disk_kb)
		return vz_fail(e, VZ_DISKSPACE_NOT_SET, 0, "layout image needs a disk space limit");
	if (s->disk_kb < IMAGE_SLACK_KB || s->disk_kb > INT64_MAX / 1024 / 2)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "disk space of %llu KiB for an image",
			       (unsigned long long)s->disk_kb);
	src = store_open_tree(tree, e);
	if (src < 0)
		return src;
	dir = store_mkdir(parent, name, e);
	if (dir < 0)
		return dir;
	r = store_mark(dir, store_image.name, e);
	if (r < 0)
		return r;
	image = openat(dir, IMAGE_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (image < 0 || ftruncate(image, s->disk_kb * 1024 / IMAGE_BLOCK * IMAGE_BLOCK) < 0)
		return store_fail(e, VZ_IMAGE_CREATE, errno, "cannot make " IMAGE_NAME);
	r = make_fs(s, image, e);
	if (r == 0)
		r = fill_image(s, image, src, e);
	if (r == 0 && (fsync(image) < 0 || fsync(dir) < 0))
		r = store_fail(e, VZ_IMAGE_CREATE, errno, "cannot write " IMAGE_NAME);
	return r;
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

static uint32_t le32_at(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The counters of an image at rest: struct ext4_super_block, 1024 bytes in. */
static int usage_at_rest(int image, struct store_usage *ret)
{
	unsigned char sb[1024];
	uint64_t blocks, free_blocks, kb;

	if (pread(image, sb, sizeof(sb), 1024) != sizeof(sb) || sb[0x38] != 0x53 ||
	    sb[0x39] != 0xef || le32_at(sb + 0x18) > 6)
		return -EINVAL;
	kb = 1ull << le32_at(sb + 0x18);
	blocks = le32_at(sb + 0x4) | (uint64_t)le32_at(sb + 0x150) << 32;
	free_blocks = le32_at(sb + 0xc) | (uint64_t)le32_at(sb + 0x158) << 32;
	blocks -= le32_at(sb + 0x248);	/* s_overhead_clusters, as statfs does */
	*ret = (struct store_usage){
		.used_kb = blocks > free_blocks ? (blocks - free_blocks) * kb : 0,
		.hard_kb = blocks * kb,
		.used_inodes = le32_at(sb) - le32_at(sb + 0x10),
		.hard_inodes = le32_at(sb),
		.have_limit = true,
	};
	return 0;
}

static int usage_mounted(const struct store_ref *s, int n, struct store_usage *ret,
			 struct vz_err *e)
{
	struct store_ref plain = *s;
	_cleanup_close_ int mnt = -EBADF;
	struct statfs sfs;
	uint64_t kb;

	plain.mount_opts = NULL;
	mnt = mount_device(&plain, n, e);
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
		return usage_mounted(s, n, ret, e);
	r = usage_at_rest(image, ret);
	return r < 0 ? vz_fail(e, VZ_GET_QUOTA_USAGE, -r, IMAGE_NAME " is no ext4") : 0;
}

/* A run that was killed between the steps is finished by the next. */
static int grow(const struct store_ref *s, int image, uint64_t bytes, struct vz_err *e)
{
	_cleanup_close_ int loop = -EBADF, mnt = -EBADF, root = -EBADF;
	struct store_ref plain = *s;
	uint64_t blocks = bytes / IMAGE_BLOCK;
	int r;

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
	if (root < 0 || ioctl(root, EXT4_IOC_RESIZE_FS, &blocks) < 0)
		return vz_fail(e, VZ_IMAGE_RESIZE, errno, "cannot grow ext4 of " IMAGE_NAME);
	return 0;
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

const struct store_driver store_image = {
	.name = "image",
	.fs = "ext4",
	.build = image_build,
	.mount = image_mount,
	.umount_done = image_umount_done,
	.usage = image_usage,
	.resize = image_resize,
};
