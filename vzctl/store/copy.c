// SPDX-License-Identifier: GPL-2.0-or-later
/* Copies a tree with everything that an unpacked template can have. */
#define VZ_ROOM "store"
#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "base/io.h"
#include "store/priv.h"
#include "sys/syscalls.h"
#include "sys/walk.h"

#define COPY_CHUNK (128 * 1024)

/* A file with several names, and where its first copy is below the target. */
struct link {
	dev_t dev;
	ino_t ino;
	char *path;		/* owned; NULL: free slot */
};

struct copy {
	struct walk w, d;	/* source with names, target levels only */
	int src, dst, root;	/* current directories and the target's top */
	struct link *link;	/* open addressing, power of two */
	size_t n_links, cap_links;
	bool no_clone, no_range;
	char *buf;		/* COPY_CHUNK, made when needed */
	struct vz_err *e;
	bool failed;
};

static int copy_fail(struct copy *c, int err, const char *name)
{
	c->failed = true;
	return store_fail(c->e, VZ_FS_NEW_VE_PRVT, err, "cannot copy %s", name);
}

static struct link *link_slot(struct link *tab, size_t cap, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino * 0x9e3779b97f4a7c15ULL) >> 20) & (cap - 1);

	while (tab[i].path && (tab[i].ino != ino || tab[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return &tab[i];
}

static void links_grow(struct copy *c)
{
	size_t cap = c->cap_links ? 2 * c->cap_links : 256;
	struct link *tab = xcalloc(cap, sizeof(*tab));

	for (size_t i = 0; i < c->cap_links; i++)
		if (c->link[i].path)
			*link_slot(tab, cap, c->link[i].dev, c->link[i].ino) = c->link[i];
	free(c->link);
	c->link = tab;
	c->cap_links = cap;
}

/* The name being visited at each level lies just before the next one begins. */
static char *path_of(const struct copy *c, const char *name)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	for (size_t i = 1; i < c->w.depth; i++) {
		size_t end = c->w.level[i].start - 1, at = end;

		while (at > 0 && c->w.names.s[at - 1])
			at--;
		vz_buf_add(&b, c->w.names.s + at, end - at);
		vz_buf_addc(&b, '/');
	}
	vz_buf_adds(&b, name);
	return take_ptr(b.s);
}

/* 1: linked to an earlier copy; 0: this is the first, or has to be one. */
static int try_link(struct copy *c, const struct stat *st, const char *name)
{
	struct link *l;

	if (st->st_nlink < 2)
		return 0;
	if (2 * c->n_links >= c->cap_links)
		links_grow(c);
	l = link_slot(c->link, c->cap_links, st->st_dev, st->st_ino);
	if (l->path) {
		if (linkat(c->root, l->path, c->dst, name, 0) == 0)
			return 1;
		/* Too many names or too long a path here: a second copy it is. */
		return errno == EMLINK || errno == ENAMETOOLONG ? 0 : -errno;
	}
	*l = (struct link){ st->st_dev, st->st_ino, path_of(c, name) };
	c->n_links++;
	return 0;
}

static int copy_xattr(int src, int dst, const char *name)
{
	_cleanup_free_ char *value = NULL;
	ssize_t n = fgetxattr(src, name, NULL, 0);

	if (n < 0)
		return errno == ENODATA ? 0 : -errno;
	value = xmalloc(n + 1);
	n = fgetxattr(src, name, value, n);
	if (n < 0)
		return -errno;
	return fsetxattr(dst, name, value, n, 0) < 0 ? -errno : 0;
}

/*
 * Not trusted.*: to overlay and to us these are orders, and a template has none
 * to give.  SELinux labels are the host's.
 */
static int copy_xattrs(int src, int dst)
{
	_cleanup_free_ char *list = NULL;
	ssize_t n = flistxattr(src, NULL, 0);

	if (n <= 0)
		return n == 0 || errno == EOPNOTSUPP ? 0 : -errno;
	list = xmalloc(n);
	n = flistxattr(src, list, n);
	if (n < 0)
		return -errno;
	for (char *s = list; s < list + n; s += strlen(s) + 1) {
		int r;

		if (str_has_prefix(s, "trusted.") || str_eq(s, "security.selinux"))
			continue;
		r = copy_xattr(src, dst, s);
		if (r < 0)
			return r;
	}
	return 0;
}

/* In this order: chown clears suid bits and capabilities, writing sets times. */
static int copy_meta(int src, int dst, const struct stat *st)
{
	struct timespec ts[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(dst, st->st_uid, st->st_gid) < 0)
		return -errno;
	r = copy_xattrs(src, dst);
	if (r < 0)
		return r;
	if (fchmod(dst, st->st_mode & 07777) < 0)
		return -errno;
	return futimens(dst, ts) < 0 ? -errno : 0;
}

static int copy_by_hand(struct copy *c, int in, int out, off_t off, off_t end)
{
	if (!c->buf)
		c->buf = xmalloc(COPY_CHUNK);
	while (off < end) {
		size_t want = end - off < COPY_CHUNK ? end - off : COPY_CHUNK;
		ssize_t n = pread(in, c->buf, want, off);
		ssize_t done = 0;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		while (done < n) {
			ssize_t w = pwrite(out, c->buf + done, n - done, off + done);

			if (w < 0)
				return -errno;
			done += w;
		}
		off += n;
	}
	return 0;
}

static int copy_extent(struct copy *c, int in, int out, off_t off, off_t end)
{
	off_t to = off;

	while (!c->no_range && off < end) {
		ssize_t n = copy_file_range(in, &off, out, &to, end - off, 0);

		if (n > 0)
			continue;
		if (n == 0)
			break;
		if (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
			return -errno;
		c->no_range = true;
	}
	return copy_by_hand(c, in, out, off, end);
}

static int copy_data(struct copy *c, int in, int out, const struct stat *st)
{
	off_t off = 0, end = st->st_size;

	if (!end)
		return 0;
	if (!c->no_clone && ioctl(out, FICLONE, in) == 0)
		return 0;
	if (errno == EOPNOTSUPP || errno == EXDEV || errno == ENOTTY || errno == EINVAL)
		c->no_clone = true;
	if (st->st_blocks * 512 >= end)
		return copy_extent(c, in, out, 0, end);
	while (off < end) {
		off_t data = lseek(in, off, SEEK_DATA), hole;
		int r;

		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? -1 : lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_extent(c, in, out, data, hole);
		if (r < 0)
			return r;
		off = hole;
	}
	return ftruncate(out, end) < 0 ? -errno : 0;
}

static int copy_file(struct copy *c, const char *name)
{
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	struct stat st;
	int r;

	in = sys_openat2(c->src, name,
			 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (in < 0 || fstat(in, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ESTALE;
	out = openat(c->dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	r = copy_data(c, in, out, &st);
	return r < 0 ? r : copy_meta(in, out, &st);
}

static int copy_symlink(struct copy *c, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(c->src, name, target, sizeof(target));

	if (n < 0 || n == sizeof(target))
		return n < 0 ? -errno : -ENAMETOOLONG;
	target[n] = '\0';
	return symlinkat(target, c->dst, name) < 0 ? -errno : 0;
}

/* Devices, pipes and sockets; the mount of a container is nodev. */
static int copy_node(struct copy *c, const struct stat *st, const char *name)
{
	return mknodat(c->dst, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0 ? -errno : 0;
}

static int copy_name_meta(struct copy *c, const struct stat *st, const char *name)
{
	struct timespec ts[2] = { st->st_atim, st->st_mtim };

	if (fchownat(c->dst, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(c->dst, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(c->dst, name, ts, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_entry(int fd, const char *name, unsigned char type, void *data)
{
	struct copy *c = data;
	struct stat st;
	int r;

	if (type == DT_DIR) {
		walk_push(&c->w, name);
		return 0;
	}
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return copy_fail(c, errno, name);
	if (S_ISDIR(st.st_mode)) {
		walk_push(&c->w, name);
		return 0;
	}
	r = try_link(c, &st, name);
	if (r == 0 && S_ISREG(st.st_mode)) {
		r = copy_file(c, name);
	} else if (r == 0) {
		r = S_ISLNK(st.st_mode) ? copy_symlink(c, name) : copy_node(c, &st, name);
		if (r == 0)
			r = copy_name_meta(c, &st, name);
	}
	return r < 0 ? copy_fail(c, -r, name) : 0;
}

static int copy_enter(struct copy *c)
{
	int r = walk_enter(&c->w, c->src);

	if (r == 0)
		r = walk_enter(&c->d, c->dst);
	return r < 0 ? r : walk_entries(c->src, copy_entry, c);
}

static int copy_descend(struct copy *c, const char *name)
{
	_cleanup_close_ int src = -EBADF, dst = -EBADF;

	src = walk_open(c->src, name);
	if (src < 0)
		return src;
	if (mkdirat(c->dst, name, 0700) < 0)
		return -errno;
	dst = walk_open(c->dst, name);
	if (dst < 0)
		return dst;
	close(c->src);
	close(c->dst);
	c->src = take_fd(&src);
	c->dst = take_fd(&dst);
	return copy_enter(c);
}

/* A directory gets its own attributes once its entries cannot inherit them. */
static int copy_ascend(struct copy *c)
{
	struct stat st;
	int r;

	if (fstat(c->src, &st) < 0)
		return -errno;
	r = copy_meta(c->src, c->dst, &st);
	if (r == 0)
		r = walk_leave(&c->w, &c->src);
	if (r == 0)
		r = walk_leave(&c->d, &c->dst);
	if (r == 0 && c->w.depth)
		walk_pop(&c->w);
	return r;
}

static void copy_done(struct copy *c)
{
	for (size_t i = 0; i < c->cap_links; i++)
		free(c->link[i].path);
	free(c->link);
	free(c->buf);
	walk_done(&c->w);
	walk_done(&c->d);
	close_fd(&c->src);
	close_fd(&c->dst);
}

int store_copy_tree(int src, int dst, struct vz_err *e)
{
	struct copy c = { .root = dst, .e = e };
	const char *name = ".";
	int r;

	c.src = openat(src, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
	c.dst = openat(dst, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = c.src < 0 || c.dst < 0 ? -errno : copy_enter(&c);
	while (r == 0 && c.w.depth) {
		name = walk_top(&c.w);
		r = name ? copy_descend(&c, name) : copy_ascend(&c);
	}
	if (r < 0 && !c.failed)
		r = copy_fail(&c, -r, c.w.depth && walk_top(&c.w) ? walk_top(&c.w) : "directory");
	copy_done(&c);
	return r;
}
