// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/walk.h"

#include <dirent.h>

#include "sys/syscalls.h"

int walk_open(int dirfd, const char *name)
{
	int fd = sys_openat2(dirfd, name,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOATIME, 0,
			     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);

	return fd < 0 ? -errno : fd;
}

int walk_enter(struct walk *w, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (w->depth == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->level = xrealloc(w->level, w->cap * sizeof(*w->level));
	}
	w->level[w->depth++] = (struct walk_level){ st.st_dev, st.st_ino, w->names.len };
	return 0;
}

void walk_push(struct walk *w, const char *name)
{
	vz_buf_add(&w->names, name, strlen(name) + 1);
}

static size_t top_offset(const struct walk *w)
{
	size_t i = w->names.len - 1;

	while (i > 0 && w->names.s[i - 1])
		i--;
	return i;
}

const char *walk_top(const struct walk *w)
{
	if (w->depth && w->names.len == w->level[w->depth - 1].start)
		return NULL;
	return w->names.s + top_offset(w);
}

void walk_pop(struct walk *w)
{
	w->names.len = top_offset(w);
}

int walk_up(int *fd, dev_t dev, ino_t ino)
{
	_cleanup_close_ int up = openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
	struct stat st;

	if (up < 0 || fstat(up, &st) < 0)
		return -errno;
	if (st.st_dev != dev || st.st_ino != ino)
		return -ESTALE;
	close(*fd);
	*fd = take_fd(&up);
	return 0;
}

int walk_leave(struct walk *w, int *fd)
{
	const struct walk_level *l;

	w->depth--;
	if (!w->depth)
		return 0;
	l = &w->level[w->depth - 1];
	return walk_up(fd, l->dev, l->ino);
}

void walk_done(struct walk *w)
{
	vz_buf_done(&w->names);
	free(w->level);
	*w = (struct walk){ 0 };
}

int walk_entries(int fd, walk_fn fn, void *data)
{
	char buf[32768] __attribute__((aligned(8)));

	for (;;) {
		ssize_t n = getdents64(fd, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t off = 0; off < n;) {
			const struct dirent64 *d = (const void *)(buf + off);
			int r;

			off += d->d_reclen;
			if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
				continue;
			r = fn(fd, d->d_name, d->d_type, data);
			if (r)
				return r;
		}
	}
}
