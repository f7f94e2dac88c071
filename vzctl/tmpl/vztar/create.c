// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A tree becomes a pax archive in zstd: names sorted and times whole seconds,
 * so that the same tree gives the same bytes.
 */
#include "vztar.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <search.h>
#include <stdio.h>

#include "base/buf.h"
#include "tmpl/tmpl.h"

struct link {
	dev_t dev;
	ino_t ino;
	char *path;
};

struct create {
	const struct vztar_opts *o;
	struct stream *s;
	struct archive *a;
	dev_t dev;
	void *links;		/* tsearch(3) tree of struct link */
	uint64_t entries, bytes, total;
	char path[TMPL_PATH_MAX + 1];
	char *buf;
};

#define COPY_CHUNK (256u << 10)

static int link_cmp(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

static void link_free(void *p)
{
	struct link *l = p;

	free(l->path);
	free(l);
}

/* The name under which this inode was written before, or NULL. */
static const char *link_seen(struct create *c, const struct stat *st)
{
	struct link *l, **node;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return NULL;
	l = xmalloc(sizeof(*l));
	*l = (struct link){ st->st_dev, st->st_ino, xstrdup(c->path) };
	node = tsearch(l, &c->links, link_cmp);
	if (!node)
		die(VZTAR_FAILED, "out of memory");
	if (*node == l)
		return NULL;
	link_free(l);
	return (*node)->path;
}

static void write_header(struct create *c, struct archive_entry *ae)
{
	if (archive_write_header(c->a, ae) < ARCHIVE_WARN)
		die(VZTAR_FAILED, "%s: %s", c->path, archive_error_string(c->a));
	c->entries++;
}

/* Exactly @size bytes, whatever happens to the file meanwhile. */
static void write_content(struct create *c, int fd, int64_t size)
{
	while (size > 0) {
		size_t want = size < (int64_t)COPY_CHUNK ? (size_t)size : COPY_CHUNK;
		ssize_t n = read(fd, c->buf, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_entry(c->path, "reading", errno);
		if (n == 0)
			die(VZTAR_FAILED, "%s: the file shrank while it was read", c->path);
		if (archive_write_data(c->a, c->buf, (size_t)n) < 0)
			die(VZTAR_FAILED, "%s: %s", c->path, archive_error_string(c->a));
		size -= n;
		c->bytes += (uint64_t)n;
		stream_progress(c->s, c->bytes, c->total);
	}
}

/* libarchive takes the whole content and leaves out what is not in this map. */
static void add_holes(struct archive_entry *ae, int fd, off_t size)
{
	off_t data, hole = 0;

	while ((data = lseek(fd, hole, SEEK_DATA)) >= 0 && data < size) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			break;
		archive_entry_sparse_add_entry(ae, data, hole - data);
	}
	/* All hole: an empty block at the end says so. */
	if (archive_entry_sparse_count(ae) == 0 && size)
		archive_entry_sparse_add_entry(ae, size, 0);
	lseek(fd, 0, SEEK_SET);
}

static void fill_entry(struct create *c, struct archive_entry *ae, int dirfd, const char *base,
		       int fd, const struct stat *st)
{
	char to[TMPL_PATH_MAX + 1];
	ssize_t n;

	archive_entry_set_pathname(ae, c->path);
	archive_entry_copy_stat(ae, st);
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dirfd, base, to, sizeof(to));
		if (n < 0 || n == (ssize_t)sizeof(to))
			die_entry(c->path, "reading the link", n < 0 ? errno : ENAMETOOLONG);
		to[n] = '\0';
		archive_entry_set_symlink(ae, to);
	} else if (fd >= 0) {
		meta_read_xattrs(fd, ae, c->path);
	}
	if (S_ISREG(st->st_mode) && fd >= 0 && st->st_blocks * 512 < st->st_size)
		add_holes(ae, fd, st->st_size);
	/* Names of users belong to the tree, not to this host; times stay whole. */
	archive_entry_set_uname(ae, NULL);
	archive_entry_set_gname(ae, NULL);
	archive_entry_unset_atime(ae);
	archive_entry_unset_ctime(ae);
	archive_entry_unset_birthtime(ae);
	archive_entry_set_mtime(ae, st->st_mtime, 0);
}

static void add_dir(struct create *c, int fd);

static void add_one(struct create *c, int dirfd, const char *base)
{
	struct archive_entry *ae;
	_cleanup_close_ int fd = -EBADF;
	const char *seen;
	struct stat st;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		die_entry(c->path, "stat", errno);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode) || S_ISSOCK(st.st_mode))
		return;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		fd = openat(dirfd, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			die_entry(c->path, "opening", errno);
	}
	ae = archive_entry_new();
	if (!ae)
		die(VZTAR_FAILED, "out of memory");
	fill_entry(c, ae, dirfd, base, fd, &st);
	seen = link_seen(c, &st);
	if (seen) {
		archive_entry_set_hardlink(ae, seen);
		archive_entry_unset_size(ae);
	}
	write_header(c, ae);
	if (S_ISREG(st.st_mode) && !seen)
		write_content(c, fd, st.st_size);
	archive_entry_free(ae);
	/* A mount below the tree is somebody else's: its directory, not its content. */
	if (S_ISDIR(st.st_mode) && st.st_dev == c->dev)
		add_dir(c, fd);
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_dir(struct create *c, int fd)
{
	_cleanup_strv_ struct vz_strv names = VZ_STRV_INIT;
	size_t len = strlen(c->path);
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct dirent *de;
	DIR *d;

	d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		die_entry(c->path, "reading the directory", errno);
	while ((errno = 0, de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			vz_strv_add(&names, de->d_name);
	if (errno)
		die_entry(c->path, "reading the directory", errno);
	closedir(d);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), name_cmp);
	for (size_t i = 0; i < names.n; i++) {
		if (snprintf(c->path + len, sizeof(c->path) - len, "/%s", names.v[i]) >=
		    (int)(sizeof(c->path) - len))
			die_entry(c->path, names.v[i], ENAMETOOLONG);
		add_one(c, fd, names.v[i]);
		c->path[len] = '\0';
	}
}

/* For the progress bar only: nothing depends on it. */
static uint64_t tree_size(int dirfd, dev_t dev, int depth)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t total = 0;
	struct dirent *de;
	struct stat st;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		return 0;
	while ((de = readdir(d))) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, "..") ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_dev != dev)
			continue;
		if (S_ISREG(st.st_mode))
			total += (uint64_t)st.st_size;
		if (S_ISDIR(st.st_mode) && depth < TMPL_DEPTH_MAX) {
			_cleanup_close_ int sub = openat(fd, de->d_name,
							 O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
								 O_CLOEXEC);

			if (sub >= 0)
				total += tree_size(sub, dev, depth + 1);
		}
	}
	closedir(d);
	return total;
}

static struct archive *writer_new(int level)
{
	struct archive *a = archive_write_new();
	char num[16];

	if (!a)
		die(VZTAR_FAILED, "out of memory");
	archive_write_set_format_pax_restricted(a);
	if (archive_write_add_filter_zstd(a) != ARCHIVE_OK)
		die(VZTAR_FAILED, "this libarchive cannot write zstd");
	snprintf(num, sizeof(num), "%d", level);
	if (archive_write_set_filter_option(a, "zstd", "compression-level", num) != ARCHIVE_OK)
		die(VZTAR_USAGE, "--level %d: %s", level, archive_error_string(a));
	/* Not every libarchive has it; the result is the same, later. */
	archive_write_set_filter_option(a, "zstd", "threads", "2");
	/* GNU tar warns about the other spelling of the same attributes. */
	archive_write_set_format_option(a, "pax", "xattrheader", "SCHILY");
	archive_write_set_bytes_in_last_block(a, 1);
	return a;
}

void vztar_create(int dirfd, int archive_fd, const struct vztar_opts *o)
{
	static struct create c;
	struct stat st;
	char hex[65];

	c = (struct create){ .o = o, .buf = xmalloc(COPY_CHUNK), .path = "." };
	c.s = stream_new(archive_fd, true, o->progress);
	c.a = writer_new(o->level);
	if (fstat(dirfd, &st) < 0)
		die(VZTAR_FAILED, "directory: %s", strerror(errno));
	c.dev = st.st_dev;
	if (o->progress)
		c.total = tree_size(dirfd, c.dev, 0);
	stream_attach_writer(c.s, c.a);
	add_one(&c, dirfd, ".");
	if (archive_write_close(c.a) != ARCHIVE_OK)
		die(VZTAR_FAILED, "%s", archive_error_string(c.a));
	archive_write_free(c.a);
	tdestroy(c.links, link_free);
	free(c.buf);
	if (fsync(archive_fd) < 0)
		die(errno == ENOSPC ? VZTAR_NOSPACE : VZTAR_FAILED, "writing the archive: %s",
		    strerror(errno));
	stream_progress(c.s, 1, 1);
	stream_finish(c.s, hex);
	printf("sha256 %s entries %" PRIu64 " bytes %" PRIu64 "\n", hex, c.entries, c.bytes);
	if (fflush(stdout))
		die(VZTAR_FAILED, "writing the result: %s", strerror(errno));
}
