// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "store"
#include "store/image-fs.h"

#include <endian.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/num.h"
#include "base/spawn.h"
#include "sys/syscalls.h"

/* The super blocks of all kinds are in what the file begins with. */
#define SB_READ 2048
#define EXT4_SB 1024

/* What a container's owner may choose; none weakens the host. */
static const struct {
	const char *key, *value;	/* value NULL: a flag; "#": a number */
	unsigned int attr;		/* of the mount, not of the file system */
	const struct image_fs *only;	/* NULL: all */
} image_opts[] = {
	{ .key = "noatime", .attr = MOUNT_ATTR_NOATIME },
	{ .key = "relatime" },
	{ .key = "discard" },
	{ .key = "nodiscard" },
	{ .key = "usrquota" },
	{ .key = "grpquota" },
	{ .key = "barrier", .only = &image_ext4 },
	{ .key = "nobarrier", .only = &image_ext4 },
	{ .key = "barrier", .value = "#", .only = &image_ext4 },
	{ .key = "commit", .value = "#", .only = &image_ext4 },
	{ .key = "data", .value = "ordered", .only = &image_ext4 },
	{ .key = "data", .value = "writeback", .only = &image_ext4 },
	{ .key = "data", .value = "journal", .only = &image_ext4 },
};

static bool opt_matches(const struct image_fs *fs, size_t i, const char *key, const char *value)
{
	const char *want = image_opts[i].value;
	uint32_t n;

	if (!str_eq(image_opts[i].key, key) || (image_opts[i].only && image_opts[i].only != fs))
		return false;
	if (!want || !value)
		return !want && !value;
	return str_eq(want, value) || (str_eq(want, "#") && num_parse_u32(value, &n) == 0);
}

/* One "key" or "key=value" of MOUNT_OPTS; split in place. */
static int set_opt(const struct image_fs *fs, int ctx, char *word, unsigned int *attrs,
		   struct vz_err *e)
{
	char *value = strchr(word, '=');
	int r = 0;

	if (value)
		*value++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(image_opts); i++) {
		if (!opt_matches(fs, i, word, value))
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
	return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, EINVAL, "mount option %s%s%s of %s", word,
		       value ? "=" : "", value ? value : "", fs->name);
}

int image_fs_options(const struct image_fs *fs, int ctx, const char *opts, unsigned int *attrs,
		     struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;
	int r = 0;

	vz_strv_split(&l, opts, ", ");
	for (size_t i = 0; i < l.n && r == 0; i++)
		r = set_opt(fs, ctx, l.v[i], attrs, e);
	return r;
}

static const struct image_fs *identify(const unsigned char *sb)
{
	if (sb[EXT4_SB + 0x38] == 0x53 && sb[EXT4_SB + 0x39] == 0xef)
		return &image_ext4;
	return memcmp(sb, "XFSB", 4) == 0 ? &image_xfs : NULL;
}

/* What tells the kinds apart never changes: right for a mounted image, too. */
int image_fs_of(int image, const struct image_fs **ret, struct vz_err *e)
{
	unsigned char sb[SB_READ];
	const struct image_fs *fs = NULL;
	ssize_t n = pread(image, sb, sizeof(sb), 0);

	if (n < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, IMAGE_NAME);
	if (n == sizeof(sb))
		fs = identify(sb);
	if (!fs)
		return vz_fail(e, VZ_IMAGE_MOUNT, 0, IMAGE_NAME " is neither ext4 nor xfs");
	*ret = fs;
	return 0;
}

int image_fs_usage(int image, struct store_usage *ret)
{
	unsigned char sb[SB_READ];
	const struct image_fs *fs;

	if (pread(image, sb, sizeof(sb), 0) != sizeof(sb))
		return -EINVAL;
	fs = identify(sb);
	if (!fs)
		return -EINVAL;
	fs->usage(sb, ret);
	return 0;
}

/*
 * Runs NAME of @package over @image, which is its standard input: no path to get
 * wrong.  @argv: the arguments, the last of them the file.
 */
static int run_mkfs(const char *const where[2], const char *package, const char *const *argv,
		    int image, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf err = VZ_BUF_INIT;
	struct spawn sp = SPAWN_INIT;
	int st;

	sp.path = access(where[0], X_OK) == 0 ? where[0] : where[1];
	sp.argv = argv;
	sp.in = image;
	sp.ret_err = &err;
	sp.timeout_ms = 10 * 60 * 1000;
	if (access(sp.path, X_OK) < 0)
		return vz_fail(e, VZ_NO_HELPER, errno, "%s (package %s)", argv[0], package);
	st = spawn_run(&sp);
	if (st < 0)
		return vz_fail(e, VZ_IMAGE_CREATE, -st, "%s", sp.path);
	if (st == 0)
		return 0;
	/* One sentence: what follows is usage. */
	if (err.s)
		err.s[strcspn(err.s, "\n")] = '\0';
	return vz_fail(e, VZ_IMAGE_CREATE, 0, "%s: %s", argv[0], vz_buf_str(&err));
}

#define IMAGE_STDIN "/proc/self/fd/0"

/* ---- ext4 ------------------------------------------------------------------ */

#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)	/* fs/ext4/ext4.h */

static int ext4_make(const struct store_ref *s, int image, struct vz_err *e)
{
	static const char *const where[] = { "/usr/sbin/mke2fs", "/sbin/mke2fs" };
	char inodes[24];
	const char *argv[] = {
		"mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0",
		"-E", "root_owner=0:0", IMAGE_STDIN, NULL, NULL, NULL,
	};

	if (s->inodes) {
		snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)s->inodes);
		argv[11] = "-N";
		argv[12] = inodes;
		argv[13] = IMAGE_STDIN;
	}
	return run_mkfs(where, "e2fsprogs", argv, image, e);
}

static uint32_t le32_at(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* struct ext4_super_block */
static void ext4_usage(const unsigned char *sb, struct store_usage *ret)
{
	uint64_t blocks, free_blocks, kb;

	sb += EXT4_SB;
	kb = 1ull << (le32_at(sb + 0x18) & 7);
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
}

static int ext4_grow(int root, int image, uint64_t blocks)
{
	(void)image;
	return ioctl(root, EXT4_IOC_RESIZE_FS, &blocks) < 0 ? -errno : 0;
}

const struct image_fs image_ext4 = {
	.name = "ext4",
	.min_kb = 8192,		/* room for a journal */
	.always = { "errors", "remount-ro" },
	.make = ext4_make,
	.usage = ext4_usage,
	.grow = ext4_grow,
};

/* ---- xfs ------------------------------------------------------------------- */

struct xfs_growfs_data {			/* fs/xfs/libxfs/xfs_fs.h */
	uint64_t newblocks;
	uint32_t imaxpct;
};
#define XFS_IOC_FSGROWFSDATA _IOW('X', 110, struct xfs_growfs_data)

/* In struct xfs_dsb, big endian. */
enum {
	XFS_BLOCKSIZE = 4, XFS_DBLOCKS = 8, XFS_LOGSTART = 48, XFS_LOGBLOCKS = 96,
	XFS_INOPBLOCK = 106, XFS_IMAX_PCT = 127, XFS_ICOUNT = 128, XFS_IFREE = 136,
	XFS_FDBLOCKS = 144,
};

static int xfs_make(const struct store_ref *s, int image, struct vz_err *e)
{
	static const char *const where[] = { "/usr/sbin/mkfs.xfs", "/sbin/mkfs.xfs" };
	/* Sectors of the size that the loop device has, or it cannot be mounted. */
	static const char *const argv[] = {
		"mkfs.xfs", "-q", "-f", "-b", "size=4096", "-s", "size=4096", IMAGE_STDIN, NULL,
	};

	(void)s;
	return run_mkfs(where, "xfsprogs", argv, image, e);
}

static uint32_t be32_at(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static uint64_t be64_at(const unsigned char *p)
{
	return (uint64_t)be32_at(p) << 32 | be32_at(p + 4);
}

/* As xfs_fs_statfs() counts, but for what a mount reserves. */
static void xfs_usage(const unsigned char *sb, struct store_usage *ret)
{
	uint64_t all = be64_at(sb + XFS_DBLOCKS), blocks = all;
	uint64_t free_blocks = be64_at(sb + XFS_FDBLOCKS), kb = be32_at(sb + XFS_BLOCKSIZE) / 1024;
	uint64_t inopb = sb[XFS_INOPBLOCK] << 8 | sb[XFS_INOPBLOCK + 1];
	uint64_t inodes = be64_at(sb + XFS_ICOUNT) + free_blocks * inopb, most;

	if (be64_at(sb + XFS_LOGSTART))
		blocks -= be32_at(sb + XFS_LOGBLOCKS);
	most = all * sb[XFS_IMAX_PCT] / 100 * inopb;
	*ret = (struct store_usage){
		.used_kb = blocks > free_blocks ? (blocks - free_blocks) * kb : 0,
		.hard_kb = blocks * kb,
		.used_inodes = be64_at(sb + XFS_ICOUNT) - be64_at(sb + XFS_IFREE),
		.hard_inodes = most && most < inodes ? most : inodes,
		.have_limit = true,
	};
}

static int xfs_grow(int root, int image, uint64_t blocks)
{
	struct xfs_growfs_data g = { .newblocks = blocks };
	unsigned char pct;

	/* It is set by the same call, and is to stay what it is. */
	if (pread(image, &pct, 1, XFS_IMAX_PCT) != 1)
		return -EIO;
	g.imaxpct = pct;
	return ioctl(root, XFS_IOC_FSGROWFSDATA, &g) < 0 ? -errno : 0;
}

const struct image_fs image_xfs = {
	.name = "xfs",
	.min_kb = 300 * 1024,	/* of mkfs.xfs since 5.19 */
	/* A copy of an image is to be mounted beside it. */
	.always = { "nouuid", NULL },
	.quota = "prjquota",
	.make = xfs_make,
	.usage = xfs_usage,
	.grow = xfs_grow,
};
