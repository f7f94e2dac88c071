// SPDX-License-Identifier: GPL-2.0-or-later
#include "tmpl/tmpl.h"

#include <dirent.h>
#include <fcntl.h>

#include "sys/syscalls.h"

/* Deeper than any tree that vztar makes; each level costs one descriptor. */
#define RMTREE_DEPTH (TMPL_DEPTH_MAX + 8)

static int empty_dir(int fd, int depth);

static int remove_one(int dirfd, const char *name, int depth)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (depth > RMTREE_DEPTH)
		return -ELOOP;
	/* A mount below is never ours to empty. */
	fd = sys_openat2(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (fd < 0)
		return errno == EXDEV ? -EBUSY : -errno;
	r = empty_dir(take_fd(&fd), depth);
	if (r < 0)
		return r;
	return unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* Owns @fd. */
static int empty_dir(int fd, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!d) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(d))) {
		if (str_eq(de->d_name, ".") || str_eq(de->d_name, ".."))
			continue;
		r = remove_one(dirfd(d), de->d_name, depth + 1);
	}
	if (r == 0 && errno)
		r = -errno;
	closedir(d);
	return r;
}

int tmpl_rmtree(int dfd, const char *name)
{
	return remove_one(dfd, name, 0);
}
