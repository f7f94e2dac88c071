// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "store"
#include "store/store.h"

#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "base/log.h"
#include "store/priv.h"
#include "sys/rmtree.h"
#include "sys/syscalls.h"

static const struct store_driver *const drivers[] = {
	&store_overlay, &store_dir, &store_btrfs, &store_image, &store_image_xfs,
};

static const struct {
	const char *word;
	const struct store_driver *driver;
} layouts[] = {
	{ "overlay", &store_overlay },	{ "dir", &store_dir },	   { "simfs", &store_dir },
	{ "btrfs", &store_btrfs },	{ "image", &store_image }, { "ploop", &store_image },
	{ "image:ext4", &store_image }, { "image:xfs", &store_image_xfs },
};

static const char store_words[] = "overlay, dir (simfs), btrfs, image (ploop), image:xfs";

static const struct store_driver *driver_by_word(const char *word)
{
	/* 4.x: ploop:expanded, ploop:plain, ploop:raw */
	size_t n = str_has_prefix(word, "ploop:") ? strlen("ploop") : strlen(word);

	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
		if (strlen(layouts[i].word) == n && !strncmp(layouts[i].word, word, n))
			return layouts[i].driver;
	return NULL;
}

static const struct store_driver *driver_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (str_eq(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

static bool kernel_has_fs(const char *fs)
{
	/* Loads the module, if it is one, which reading /proc/filesystems would not. */
	_cleanup_close_ int fd = sys_fsopen(fs, FSOPEN_CLOEXEC);

	return fd >= 0 || errno != ENODEV;
}

static int driver_for_word(const char *word, const struct store_driver **ret, struct vz_err *e)
{
	const struct store_driver *d = driver_by_word(word);

	if (!d)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, 0, "unknown layout \"%s\", known: %s", word,
			       store_words);
	if (d->fs && !kernel_has_fs(d->fs))
		return vz_fail(e, VZ_STORAGE_UNSUP, 0,
			       "layout %s needs %s, which this kernel does not have", word, d->fs);
	if (d->lacks && d->lacks())
		return vz_fail(e, VZ_STORAGE_UNSUP, 0,
			       "layout %s needs %s, which this kernel does not have", word,
			       d->lacks());
	*ret = d;
	return 0;
}

int store_layout_check(const char *word, const char **ret_driver, struct vz_err *e)
{
	const struct store_driver *d;
	int r = driver_for_word(word, &d, e);

	if (r == 0)
		*ret_driver = d->name;
	return r;
}

/* PARENT and NAME of a private area. */
struct place {
	char *dir;		/* owned */
	const char *name;	/* within the path of the caller */
	char *tmp, *del;	/* owned: hidden siblings */
};

static void place_done(struct place *p)
{
	free(p->dir);
	free(p->tmp);
	free(p->del);
}
#define _cleanup_place_ _cleanup_(place_done)

static int place_split(const char *path, struct place *p, struct vz_err *e)
{
	const char *slash = strrchr(path, '/');

	if (path[0] != '/' || !slash[1] || str_eq(slash, "/.") || str_eq(slash, "/..") ||
	    strlen(slash) > 240)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, EINVAL, "private area %s", path);
	p->dir = slash == path ? xstrdup("/") : xstrndup(path, slash - path);
	p->name = slash + 1;
	/* Names that no administrator uses for a copy of his own. */
	p->tmp = xasprintf(".%s.vz-new", p->name);
	p->del = xasprintf(".%s.vz-del", p->name);
	return 0;
}

int store_read_mark(const char *path, char *buf, size_t size)
{
	ssize_t n = getxattr(path, STORE_MARK, buf, size - 1);

	if (n < 0)
		return errno == EOPNOTSUPP ? -ENODATA : -errno;
	buf[n] = '\0';
	return 0;
}

int store_mark(int fd, const char *layout, struct vz_err *e)
{
	if (fsetxattr(fd, STORE_MARK, layout, strlen(layout), 0) == 0)
		return 0;
	if (errno == EOPNOTSUPP) {
		vz_warn("No trusted attributes on this file system: keep VE_LAYOUT=%s in the "
			"configuration", layout);
		return 0;
	}
	return store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot record layout %s", layout);
}

static bool has(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int detect_unmarked(const char *path, const struct store_driver **ret, struct vz_err *e)
{
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *like = NULL;

	if (dir < 0)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, errno, "private area %s", path);
	if (has(dir, "root.hdd/DiskDescriptor.xml"))
		return vz_fail(e, VZ_STORAGE_UNSUP, EOPNOTSUPP,
			       "%s holds a ploop image of vzctl 4.x, which must be converted first",
			       path);
	/*
	 * The root tree of a dir area is written by its container: believing
	 * these names would hand it any directory or image of the host.
	 */
	if (has(dir, "lower") && has(dir, "upper") && has(dir, "work"))
		like = store_overlay.name;
	else if (has(dir, "root.img"))
		like = store_image.name;
	if (like)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, 0,
			       "%s looks like layout %s but is not marked so; set VE_LAYOUT in the "
			       "configuration if it is", path, like);
	*ret = &store_dir;
	return 0;
}

static int detect(const char *path, const struct store_driver **ret, struct vz_err *e)
{
	char mark[32];
	int r = store_read_mark(path, mark, sizeof(mark));

	if (r == -ENOENT)
		return vz_fail(e, VZ_FS_NOPRVT, ENOENT, "private area %s", path);
	if (r == -ENODATA)
		return detect_unmarked(path, ret, e);
	if (r < 0)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, -r, "private area %s", path);
	*ret = driver_by_name(mark);
	if (!*ret)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, 0, "%s is of layout %s, known: %s", path, mark,
			       store_words);
	return 0;
}

int store_detect(const char *private, const char **ret_driver, struct vz_err *e)
{
	const struct store_driver *d;
	int r = detect(private, &d, e);

	if (r == 0)
		*ret_driver = d->name;
	return r;
}

/* The mark wins over a guess, and a word that contradicts it is an error. */
static int driver_of(const struct store_ref *s, const struct store_driver **ret, struct vz_err *e)
{
	const struct store_driver *want = NULL, *found = NULL;
	char mark[32];
	int r;

	if (!s->layout)
		return detect(s->private, ret, e);
	r = driver_for_word(s->layout, &want, e);
	if (r < 0)
		return r;
	r = store_read_mark(s->private, mark, sizeof(mark));
	if (r == -ENOENT)
		return vz_fail(e, VZ_FS_NOPRVT, ENOENT, "private area %s", s->private);
	if (r == 0)
		found = driver_by_name(mark);
	if (found && found != want)
		return vz_fail(e, VZ_UNK_MOUNT_TYPE, 0, "%s is of layout %s, not %s", s->private,
			       found->name, want->name);
	*ret = want;
	return 0;
}

static int open_private(const struct store_ref *s, const struct store_driver **ret_driver,
			struct vz_err *e)
{
	_cleanup_close_ int dir = open(s->private, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return vz_fail(e, VZ_FS_NOPRVT, errno, "private area %s", s->private);
	r = driver_of(s, ret_driver, e);
	return r < 0 ? r : take_fd(&dir);
}

int store_open_tree(const char *tree, struct vz_err *e)
{
	int fd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0)
		return fd;
	return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, errno, "template tree %s", tree);
}

int store_mkdir(int parent, const char *name, struct vz_err *e)
{
	int fd;

	if (mkdirat(parent, name, 0700) < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot make directory %s", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "%s", name);
	return fd;
}

int store_set_mount(int mnt, int userns_fd, const char *what, struct vz_err *e)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_NODEV,
		/* A copy of a shared mount would hand what is mounted inside to the host. */
		.propagation = MS_PRIVATE,
	};

	if (sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "mount attributes of %s", what);
	if (userns_fd < 0)
		return 0;
	attr = (struct mount_attr){ .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = userns_fd };
	if (sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr) == 0)
		return 0;
	return vz_fail(e, VZ_IDMAP, errno,
		       "cannot map ids of %s: its file system does not support idmapped mounts",
		       what);
}

int store_clone_mount(int dfd, const char *path, int userns_fd, struct vz_err *e)
{
	_cleanup_close_ int mnt = -EBADF;
	const char *what = *path ? path : "the private area";
	int r;

	mnt = sys_open_tree(dfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
			    (*path ? 0 : AT_EMPTY_PATH));
	if (mnt < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "%s", what);
	r = store_set_mount(mnt, userns_fd, what, e);
	return r < 0 ? r : take_fd(&mnt);
}

static int open_parent(const struct place *p, bool create, struct vz_err *e)
{
	int fd;

	if (create) {
		int r = io_mkdir_p(p->dir, 0700);

		if (r < 0)
			return store_fail(e, VZ_CANT_CREATE_DIR, -r, "%s", p->dir);
	}
	fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? vz_fail(e, VZ_FS_NOPRVT, errno, "%s", p->dir) : fd;
}

static int check_vacant(int parent, const char *name, const char *path, struct vz_err *e)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR || errno == EBUSY)
		return vz_fail(e, VZ_FS_PRVT_AREA_EXIST, EEXIST, "private area %s", path);
	return vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "private area %s", path);
}

static int create_at(const struct store_ref *s, const struct store_driver *d, int parent,
		     const struct place *p, const char *tree, struct vz_err *e)
{
	int r = sys_rmtree_at(parent, p->tmp, e);

	if (r < 0)
		return r;
	r = d->build(s, parent, p->tmp, tree, e);
	if (r == 0 && renameat2(parent, p->tmp, parent, p->name, RENAME_NOREPLACE) < 0)
		r = vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot rename %s to %s", p->tmp,
			    s->private);
	if (r < 0) {
		sys_rmtree_at(parent, p->tmp, VZ_IGNORE);
		return r;
	}
	if (fsync(parent) < 0)
		return vz_fail(e, VZ_FS_NEW_VE_PRVT, errno, "%s", p->dir);
	return 0;
}

int store_create(const struct store_ref *s, const char *tree, struct vz_err *e)
{
	_cleanup_close_ int parent = -EBADF;
	_cleanup_place_ struct place p = { 0 };
	const struct store_driver *d = &store_overlay;
	int r;

	r = place_split(s->private, &p, e);
	if (r == 0 && s->layout)
		r = driver_for_word(s->layout, &d, e);
	if (r < 0)
		return r;
	parent = open_parent(&p, true, e);
	if (parent < 0)
		return parent;
	r = check_vacant(parent, p.name, s->private, e);
	if (r < 0)
		return r;
	r = create_at(s, d, parent, &p, tree, e);
	return vz_wrap(e, r, "Cannot create private area %s", s->private);
}

int store_mount(const struct store_ref *s, int userns_fd, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const struct store_driver *d;

	dir = open_private(s, &d, e);
	if (dir < 0)
		return dir;
	return vz_wrap(e, d->mount(s, dir, userns_fd, e), "Cannot mount %s", s->private);
}

int store_umount_done(const struct store_ref *s, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const struct store_driver *d;

	dir = open_private(s, &d, e);
	/* A private area that is gone holds no device. */
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	return d->umount_done ? d->umount_done(s, dir, e) : 0;
}

int store_usage(const struct store_ref *s, struct store_usage *ret, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const struct store_driver *d;

	dir = open_private(s, &d, e);
	return dir < 0 ? dir : d->usage(s, dir, ret, e);
}

int store_resize(const struct store_ref *s, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const struct store_driver *d;

	dir = open_private(s, &d, e);
	return dir < 0 ? dir : d->resize(s, dir, e);
}

/*
 * Deleting stops at a mount anyway; asking first leaves the container whole
 * when an administrator has something mounted in it.
 */
static int refuse_mounts_below(const char *path, struct vz_err *e)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	_cleanup_free_ char *line = NULL, *real = realpath(path, NULL);
	size_t n = real ? strlen(real) : 0, cap = 0;
	int r = 0;

	while (f && real && r == 0 && getline(&line, &cap, f) > 0) {
		char *save, *where = strtok_r(line, " ", &save);

		for (int i = 0; where && i < 4; i++)
			where = strtok_r(NULL, " ", &save);
		if (where && !strncmp(where, real, n) && (where[n] == '/' || !where[n]))
			r = vz_fail(e, VZ_FS_DEL_PRVT, EBUSY, "%s is mounted", where);
	}
	if (f)
		fclose(f);
	return r;
}

static int hide(int parent, const struct place *p)
{
	if (renameat(parent, p->name, parent, p->del) == 0 || errno == ENOENT)
		return 0;
	return -errno;
}

static int destroy_dir(const struct store_ref *s, int parent, const struct place *p,
		       struct vz_err *e)
{
	int r = refuse_mounts_below(s->private, e);

	if (r < 0)
		return r;
	r = hide(parent, p);
	if (r == -EPERM && sys_make_mutable(parent, p->name))
		r = hide(parent, p);
	if (r < 0)
		return vz_fail(e, VZ_FS_DEL_PRVT, -r, "cannot rename %s", s->private);
	fsync(parent);
	return sys_rmtree_at(parent, p->del, e);
}

int store_destroy(const struct store_ref *s, struct vz_err *e)
{
	_cleanup_close_ int parent = -EBADF;
	_cleanup_place_ struct place p = { 0 };
	struct stat st;
	int r;

	r = place_split(s->private, &p, e);
	if (r < 0)
		return r;
	parent = open(p.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return errno == ENOENT ? 0 : vz_fail(e, VZ_FS_DEL_PRVT, errno, "%s", p.dir);
	r = sys_rmtree_at(parent, p.tmp, e);
	if (r == 0)
		r = sys_rmtree_at(parent, p.del, e);
	if (r < 0)
		return vz_wrap(e, r, "Cannot destroy %s", s->private);
	if (fstatat(parent, p.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : vz_fail(e, VZ_FS_DEL_PRVT, errno, "%s", s->private);
	if (!S_ISLNK(st.st_mode))
		return vz_wrap(e, destroy_dir(s, parent, &p, e), "Cannot destroy %s", s->private);
	vz_warn("Container private area %s is a symbolic link: only the link is removed",
		s->private);
	if (unlinkat(parent, p.name, 0) < 0)
		return vz_fail(e, VZ_FS_DEL_PRVT, errno, "%s", s->private);
	return 0;
}

bool store_quota_supported(const struct store_ref *s)
{
	_cleanup_free_ char *path = xstrdup(s->private);
	_cleanup_close_ int fd = -EBADF;
	const struct store_driver *d = s->layout ? driver_by_word(s->layout) : &store_overlay;

	if (d == &store_image || d == &store_image_xfs)
		return true;
	/* The private area may not exist: its nearest ancestor is on the same disk. */
	while ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
	if (fd < 0)
		return false;
	return d == &store_btrfs ? btrfs_quota_enabled(fd) : quota_enforced(fd);
}
