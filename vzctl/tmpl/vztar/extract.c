// SPDX-License-Identifier: GPL-2.0-or-later
#include "vztar.h"

#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>

#include "tmpl/tmpl.h"

/* A ratio says nothing about small archives: zeros compress 10000:1. */
#define RATIO_MAX 1000
#define RATIO_FROM (1ULL << 30)
/* Apparent size: holes cost nothing here but whatever copies the tree pays. */
#define FILE_MAX (1ULL << 40)
#define XATTR_MAX 256

/* What waits until the files below a directory are made. */
struct dir {
	char *path;
	uid_t uid;
	gid_t gid;
	mode_t mode;
	struct timespec times[2];
	struct archive_entry *xattrs;	/* NULL: none */
};

#define DIR_INIT(p) { .path = (p), .mode = 0755, \
		      .times = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } } }

struct extract {
	const struct vztar_opts *o;
	struct stream *s;
	struct archive *a;
	int root;		/* -EBADF: only test */
	bool layers;		/* archives over each other: the new replaces the old */
	struct whiteouts *scan;	/* set while a layer is only read */
	int parent;		/* cached descriptor of parent_path */
	char parent_path[TMPL_PATH_MAX + 1];
	bool parent_valid;
	struct dir **dirs;	/* in order of appearance, parents before children */
	void *dirs_by_path;	/* tsearch(3) tree of the same */
	size_t n_dirs, cap_dirs;
	uint64_t entries, bytes, devices, high_ids;
	uint64_t read_before;	/* archive bytes of earlier layers */
	struct meta_count meta;
};

/* One entry, its name checked and split. */
struct member {
	struct archive_entry *ae;
	char path[TMPL_PATH_MAX + 1];
	const char *base;	/* last component; "" for the root itself */
	int parent;		/* borrowed */
};

static struct timespec when(struct archive_entry *ae)
{
	struct timespec t = { .tv_nsec = UTIME_OMIT };

	if (archive_entry_mtime_is_set(ae)) {
		t.tv_sec = archive_entry_mtime(ae);
		t.tv_nsec = archive_entry_mtime_nsec(ae);
	}
	return t;
}

static int dir_cmp(const void *a, const void *b)
{
	const struct dir *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/* One per path: the last entry of a name decides, also over a parent that was implied. */
static struct dir *add_dir(struct extract *x, const char *path)
{
	struct dir *d = xmalloc(sizeof(*d)), **node;

	*d = (struct dir)DIR_INIT(xstrdup(path));
	node = tsearch(d, &x->dirs_by_path, dir_cmp);
	if (!node)
		die(VZTAR_FAILED, "out of memory");
	if (*node != d) {
		free(d->path);
		free(d);
		d = *node;
		archive_entry_free(d->xattrs);
		*d = (struct dir)DIR_INIT(d->path);
		return d;
	}
	if (x->n_dirs == x->cap_dirs) {
		x->cap_dirs = x->cap_dirs ? 2 * x->cap_dirs : 1024;
		x->dirs = xrealloc(x->dirs, x->cap_dirs * sizeof(struct dir *));
	}
	x->dirs[x->n_dirs++] = d;
	return d;
}

static int open_below(struct extract *x, const char *path, int flags)
{
	return tree_open(x->root, path, flags);
}

/* Archives may leave out parents: 0755 root, like every unpacker. */
static int make_parents(struct extract *x, const char *path, const char *entry)
{
	char part[TMPL_PATH_MAX + 1];
	int fd = -EBADF;

	for (size_t i = 0;; i++) {
		if (path[i] != '/' && path[i] != '\0') {
			part[i] = path[i];
			continue;
		}
		part[i] = '\0';
		if (fd >= 0)
			close(fd);
		fd = open_below(x, part, O_PATH | O_DIRECTORY);
		if (fd < 0 && errno == ENOENT) {
			char *slash = strrchr(part, '/');
			_cleanup_close_ int up = -EBADF;

			if (slash)
				*slash = '\0';
			up = open_below(x, slash ? part : "", O_PATH | O_DIRECTORY);
			if (slash)
				*slash = '/';
			if (up < 0 || mkdirat(up, slash ? slash + 1 : part, 0700) < 0)
				die_entry(entry, "making its directory", errno);
			add_dir(x, part);
			fd = open_below(x, part, O_PATH | O_DIRECTORY);
		}
		if (fd < 0)
			die_entry(entry, "opening its directory", errno);
		if (path[i] == '\0')
			return fd;
		part[i] = '/';
	}
}

static int open_parent(struct extract *x, const char *path, const char *entry,
		       const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	char parent[TMPL_PATH_MAX + 1];

	*ret_base = slash ? slash + 1 : path;
	/* What is removed or replaced is below it, so the descriptor stays right. */
	if (x->parent_valid && strlen(x->parent_path) == n &&
	    memcmp(x->parent_path, path, n) == 0)
		return x->parent;
	memcpy(parent, path, n);
	parent[n] = '\0';
	if (x->parent_valid)
		close(x->parent);
	x->parent_valid = false;
	x->parent = open_below(x, parent, O_PATH | O_DIRECTORY);
	if (x->parent < 0 && errno == ENOENT)
		x->parent = make_parents(x, parent, entry);
	if (x->parent < 0)
		die_entry(entry, "opening its directory", errno);
	memcpy(x->parent_path, parent, n + 1);
	x->parent_valid = true;
	return x->parent;
}

/* A later entry of the same name replaces a file, as tar does; only a layer a directory. */
static void make_room(struct extract *x, const struct member *n)
{
	if (unlinkat(n->parent, n->base, 0) < 0 && errno != ENOENT) {
		if (x->layers && (errno == EISDIR || errno == EPERM)) {
			tree_remove(n->parent, n->base, n->path);
			return;
		}
		if (errno == EISDIR || errno == EPERM)
			refuse(n->path, "the archive has a directory of that name before");
		die_entry(n->path, "replacing", errno);
	}
}

static void own(struct extract *x, struct archive_entry *ae, uid_t *uid, gid_t *gid,
		const char *path)
{
	int64_t u = archive_entry_uid(ae), g = archive_entry_gid(ae);

	if (u < 0 || g < 0 || u >= UINT32_MAX || g >= UINT32_MAX)
		refuse(path, "owner id out of range");
	x->high_ids += u > 65535 || g > 65535;
	*uid = (uid_t)u;
	*gid = (gid_t)g;
}

static void count_bytes(struct extract *x, const char *path, size_t n)
{
	x->bytes += n;
	if (x->bytes > x->o->max_bytes)
		die(VZTAR_REFUSED, "%.600s: the archive unpacks to more than %" PRIu64 " bytes",
		    path, x->o->max_bytes);
	if (x->bytes > RATIO_FROM && x->bytes / RATIO_MAX > x->read_before + stream_bytes(x->s))
		refuse(path, "the archive unpacks to more than 1000 times its size");
}

static void pwrite_all(int fd, const void *buf, size_t n, off_t off, const char *path)
{
	const char *p = buf;

	while (n) {
		ssize_t w = pwrite(fd, p, n, off);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			die_entry(path, "writing", errno);
		p += w;
		off += w;
		n -= (size_t)w;
	}
}

static void write_content(struct extract *x, const struct member *n, int fd)
{
	int64_t size = archive_entry_size_is_set(n->ae) ? archive_entry_size(n->ae) : 0;
	int64_t off, end = 0;
	const void *buf;
	size_t len;
	int r;

	if (size < 0 || (uint64_t)size > FILE_MAX)
		refuse(n->path, "file too large");
	while ((r = archive_read_data_block(x->a, &buf, &len, &off)) == ARCHIVE_OK) {
		if (!len)
			continue;
		/* Offsets of sparse maps come from the archive. */
		if (off < end || off > size || len > (uint64_t)(size - off))
			refuse(n->path, "data outside the file");
		count_bytes(x, n->path, len);
		if (fd >= 0)
			pwrite_all(fd, buf, len, off, n->path);
		end = off + (int64_t)len;
	}
	if (r != ARCHIVE_EOF)
		die(VZTAR_REFUSED, "%.600s: %s", n->path, archive_error_string(x->a));
	if (fd >= 0 && end < size && ftruncate(fd, size) < 0)
		die_entry(n->path, "setting the size", errno);
}

static void make_file(struct extract *x, const struct member *n)
{
	struct timespec times[2] = { when(n->ae), when(n->ae) };
	_cleanup_close_ int fd = -EBADF;
	uid_t uid;
	gid_t gid;

	own(x, n->ae, &uid, &gid, n->path);
	fd = openat(n->parent, n->base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		make_room(x, n);
		fd = openat(n->parent, n->base,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		die_entry(n->path, "creating", errno);
	write_content(x, n, fd);
	if (fchown(fd, uid, gid) < 0)
		die_entry(n->path, "setting the owner", errno);
	/* chown clears setuid and file capabilities: mode and xattrs come after. */
	if (fchmod(fd, archive_entry_perm(n->ae) & 07777) < 0)
		die_entry(n->path, "setting the mode", errno);
	if (meta_has_xattrs(n->ae))
		meta_xattrs(fd, n->ae, n->path, &x->meta);
	if (futimens(fd, times) < 0)
		die_entry(n->path, "setting the time", errno);
}

static void make_dir(struct extract *x, const struct member *n)
{
	struct dir *d;

	if (n->base[0] && mkdirat(n->parent, n->base, 0700) < 0) {
		_cleanup_close_ int fd = -EBADF;

		if (errno != EEXIST)
			die_entry(n->path, "creating", errno);
		fd = open_below(x, n->path, O_PATH | O_DIRECTORY);
		if (fd < 0 && !x->layers)
			refuse(n->path, "the archive has a file of that name before");
		if (fd < 0) {
			make_room(x, n);
			if (mkdirat(n->parent, n->base, 0700) < 0)
				die_entry(n->path, "creating", errno);
		}
	}
	d = add_dir(x, n->path);
	own(x, n->ae, &d->uid, &d->gid, n->path);
	d->mode = archive_entry_perm(n->ae) & 07777;
	d->times[0] = d->times[1] = when(n->ae);
	if (meta_has_xattrs(n->ae)) {
		d->xattrs = archive_entry_clone(n->ae);
		if (!d->xattrs)
			die(VZTAR_FAILED, "out of memory");
	}
}

static void finish_link(struct extract *x, const struct member *n, bool symlink)
{
	struct timespec times[2] = { when(n->ae), when(n->ae) };
	uid_t uid;
	gid_t gid;

	own(x, n->ae, &uid, &gid, n->path);
	if (fchownat(n->parent, n->base, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
		die_entry(n->path, "setting the owner", errno);
	if (!symlink && fchmodat(n->parent, n->base, archive_entry_perm(n->ae) & 07777, 0) < 0)
		die_entry(n->path, "setting the mode", errno);
	if (utimensat(n->parent, n->base, times, AT_SYMLINK_NOFOLLOW) < 0)
		die_entry(n->path, "setting the time", errno);
}

/* The text of a symlink is the container's business: it is only ever resolved there. */
static void make_symlink(struct extract *x, const struct member *n)
{
	const char *to = archive_entry_symlink(n->ae);

	if (!to || !to[0] || strlen(to) > TMPL_PATH_MAX)
		refuse(n->path, "bad symlink");
	if (symlinkat(to, n->parent, n->base) < 0) {
		if (errno == EEXIST)
			make_room(x, n);
		if (symlinkat(to, n->parent, n->base) < 0)
			die_entry(n->path, "creating", errno);
	}
	finish_link(x, n, true);
}

static void make_fifo(struct extract *x, const struct member *n)
{
	make_room(x, n);
	if (mknodat(n->parent, n->base, S_IFIFO | 0600, 0) < 0)
		die_entry(n->path, "creating", errno);
	finish_link(x, n, false);
}

static void make_hardlink(struct extract *x, const struct member *n)
{
	char to[TMPL_PATH_MAX + 1];
	_cleanup_close_ int dir = -EBADF;
	const char *why, *slash;

	if (!tmpl_entry_path(archive_entry_hardlink(n->ae), to, &why))
		die(VZTAR_REFUSED, "%.400s: hard link out of the tree (%s)", n->path, why);
	if (!to[0] || str_eq(to, n->path))
		refuse(n->path, "hard link to itself or to the root");
	slash = strrchr(to, '/');
	if (slash) {
		char up[TMPL_PATH_MAX + 1];

		memcpy(up, to, (size_t)(slash - to));
		up[slash - to] = '\0';
		dir = open_below(x, up, O_PATH | O_DIRECTORY);
	} else {
		dir = open_below(x, "", O_PATH | O_DIRECTORY);
	}
	if (dir < 0 && errno != ENOENT)
		die_entry(n->path, "hard link target", errno);
	make_room(x, n);
	if (dir < 0 || linkat(dir, slash ? slash + 1 : to, n->parent, n->base, 0) < 0) {
		if (errno == ENOENT)
			refuse(n->path, "hard link to a file that the archive does not have");
		if (errno == EPERM)
			refuse(n->path, "hard link to a directory");
		die_entry(n->path, "linking", errno);
	}
}

static void make_entry(struct extract *x, const struct member *n)
{
	unsigned int type = archive_entry_filetype(n->ae);

	if (type == AE_IFCHR || type == AE_IFBLK) {
		/* /dev is the runtime's; the container may not make nodes either. */
		x->devices++;
		return;
	}
	if (!n->base[0] && type != AE_IFDIR)
		refuse(n->path[0] ? n->path : ".", "the root is no directory");
	if (archive_entry_hardlink(n->ae)) {
		make_hardlink(x, n);
		return;
	}
	switch (type) {
	case AE_IFREG:
		make_file(x, n);
		break;
	case AE_IFDIR:
		make_dir(x, n);
		break;
	case AE_IFLNK:
		make_symlink(x, n);
		break;
	case AE_IFIFO:
		make_fifo(x, n);
		break;
	default:
		refuse(n->path, "unknown kind of entry");
	}
}

/* What can be said about an entry without a tree. */
static void test_entry(struct extract *x, const struct member *n)
{
	char to[TMPL_PATH_MAX + 1];
	const char *why;

	if (archive_entry_hardlink(n->ae)) {
		if (!tmpl_entry_path(archive_entry_hardlink(n->ae), to, &why))
			die(VZTAR_REFUSED, "%.400s: hard link out of the tree (%s)", n->path,
			    why);
	} else if (archive_entry_filetype(n->ae) == AE_IFREG) {
		write_content(x, n, -EBADF);
	}
}

static void next_entry(struct extract *x, struct archive_entry *ae)
{
	static struct member n;
	static char hidden[TMPL_PATH_MAX + 1];
	const char *raw = archive_entry_pathname(ae), *why;
	enum whiteout kind;

	n.ae = ae;
	if (!raw)
		raw = archive_entry_pathname_utf8(ae);
	if (++x->entries > x->o->max_entries)
		die(VZTAR_REFUSED, "more than %" PRIu64 " entries", x->o->max_entries);
	if (!tmpl_entry_path(raw, n.path, &why))
		refuse(raw ? raw : "(entry)", why);
	if (archive_entry_xattr_count(ae) > XATTR_MAX)
		refuse(n.path, "too many extended attributes");
	kind = x->layers ? whiteout_of(n.path, hidden) : WHITEOUT_NONE;
	if (kind != WHITEOUT_NONE) {
		if (x->scan && kind != WHITEOUT_IGNORE)
			whiteouts_add(x->scan, kind, hidden);
		return;
	}
	if (x->root < 0 || x->scan) {
		test_entry(x, &n);
		return;
	}
	n.parent = open_parent(x, n.path, n.path, &n.base);
	make_entry(x, &n);
}

static void dir_free(struct dir *d)
{
	archive_entry_free(d->xattrs);
	free(d->path);
	free(d);
}

/* The tree of pointers goes, what they point to stays. */
static void dir_keep(void *d)
{
	(void)d;
}

/* Children first: setting a time or dropping write permission must be the last touch. */
static void finish_dirs(struct extract *x)
{
	tdestroy(x->dirs_by_path, dir_keep);
	for (size_t i = x->n_dirs; i-- > 0;) {
		struct dir *d = x->dirs[i];
		const char *name = d->path[0] ? d->path : ".";
		_cleanup_close_ int fd = open_below(x, d->path, O_RDONLY | O_DIRECTORY);

		/* A later layer may have put something else there. */
		if (fd < 0 && x->layers &&
		    (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) {
			dir_free(d);
			continue;
		}
		if (fd < 0)
			die_entry(name, "opening", errno);
		if (fchown(fd, d->uid, d->gid) < 0)
			die_entry(name, "setting the owner", errno);
		if (fchmod(fd, d->mode) < 0)
			die_entry(name, "setting the mode", errno);
		if (d->xattrs)
			meta_xattrs(fd, d->xattrs, name, &x->meta);
		if (futimens(fd, d->times) < 0)
			die_entry(name, "setting the time", errno);
		dir_free(d);
	}
	free(x->dirs);
}

static struct archive *reader_new(enum vztar_filter filter)
{
	struct archive *a = archive_read_new();

	if (!a)
		die(VZTAR_FAILED, "out of memory");
	/* Only what template archives use: each decoder is attack surface. */
	if (filter == FILTER_ANY || filter == FILTER_GZIP)
		archive_read_support_filter_gzip(a);
	if (filter == FILTER_ANY || filter == FILTER_ZSTD)
		archive_read_support_filter_zstd(a);
	if (filter == FILTER_ANY) {
		archive_read_support_filter_bzip2(a);
		archive_read_support_filter_xz(a);
	}
	archive_read_support_format_tar(a);
	return a;
}

/* A layer is compressed as its media type says, or it is not what was meant. */
static void check_filter(struct archive *a, enum vztar_filter filter)
{
	static const int code[] = { [FILTER_NONE] = ARCHIVE_FILTER_NONE,
				    [FILTER_GZIP] = ARCHIVE_FILTER_GZIP,
				    [FILTER_ZSTD] = ARCHIVE_FILTER_ZSTD };

	if (filter != FILTER_ANY && archive_filter_code(a, 0) != code[filter])
		die(VZTAR_REFUSED, "a layer is not compressed as its media type says");
}

/* @hex: the sha256 of the whole file. */
static void read_all(struct extract *x, int fd, enum vztar_filter filter, char hex[65])
{
	struct archive_entry *ae;
	uint64_t before = x->entries;
	int r;

	x->s = stream_new(fd, false, x->o->progress && !x->scan);
	x->a = reader_new(filter);
	stream_attach_reader(x->s, x->a);
	check_filter(x->a, filter);
	while ((r = archive_read_next_header(x->a, &ae)) == ARCHIVE_OK || r == ARCHIVE_WARN)
		next_entry(x, ae);
	if (r != ARCHIVE_EOF)
		die(VZTAR_REFUSED, "damaged archive: %s", archive_error_string(x->a));
	/* A step of an image may have changed nothing but its configuration. */
	if (x->entries == before && !x->layers)
		die(VZTAR_REFUSED, "the archive is empty");
	stream_drain(x->s);
	archive_read_free(x->a);
	x->read_before += stream_bytes(x->s);
	stream_finish(x->s, hex);
}

static void print_result(const struct extract *x, const char *hex)
{
	printf("sha256 %s entries %" PRIu64 " bytes %" PRIu64 "\n", hex, x->entries, x->bytes);
	if (x->root >= 0)
		printf("skipped devices %" PRIu64 " xattrs %" PRIu64 " acl-names %" PRIu64
		       " ids-above-65535 %" PRIu64 "\n",
		       x->devices, x->meta.xattrs_dropped, x->meta.acls_dropped, x->high_ids);
	if (fflush(stdout))
		die(VZTAR_FAILED, "writing the result: %s", strerror(errno));
}

struct extract *extract_new(int dirfd, bool layers, const struct vztar_opts *o)
{
	struct extract *x = xcalloc(1, sizeof(*x));

	*x = (struct extract){ .o = o, .root = dirfd, .parent = -EBADF, .layers = layers };
	umask(0);
	return x;
}

static void forget_parent(struct extract *x)
{
	if (x->parent_valid)
		close(x->parent);
	x->parent_valid = false;
}

void extract_layer(struct extract *x, int fd, enum vztar_filter filter, const char *sha256)
{
	struct whiteouts *w = whiteouts_new();
	uint64_t entries = x->entries, bytes = x->bytes, before = x->read_before;
	char hex[65];

	/*
	 * Read first: nothing is made of bytes with the wrong sum, and whiteouts hide
	 * what is below their layer wherever in it they stand.
	 */
	x->scan = w;
	read_all(x, fd, filter, hex);
	x->scan = NULL;
	if (!str_eq(hex, sha256))
		die(VZTAR_REFUSED, "layer %.12s: its sha256 is %s", sha256, hex);
	forget_parent(x);
	whiteouts_apply(w, x->root);
	if (lseek(fd, 0, SEEK_SET) < 0)
		die(VZTAR_FAILED, "layer %.12s: %s", sha256, strerror(errno));
	x->entries = entries;
	x->bytes = bytes;
	x->read_before = before;
	read_all(x, fd, filter, hex);
	forget_parent(x);
	if (!str_eq(hex, sha256))
		die(VZTAR_REFUSED, "layer %.12s changed while it was read", sha256);
}

void extract_finish(struct extract *x, const char *hex)
{
	finish_dirs(x);
	forget_parent(x);
	print_result(x, hex);
	free(x);
}

static void run(int dirfd, int archive_fd, const struct vztar_opts *o)
{
	struct extract *x = extract_new(dirfd, false, o);
	char hex[65];

	stream_prepare();
	sandbox_enter(dirfd, -EBADF);
	read_all(x, archive_fd, FILTER_ANY, hex);
	extract_finish(x, hex);
}

void vztar_extract(int dirfd, int archive_fd, const struct vztar_opts *o)
{
	run(dirfd, archive_fd, o);
}

void vztar_test(int archive_fd, const struct vztar_opts *o)
{
	run(-EBADF, archive_fd, o);
}
