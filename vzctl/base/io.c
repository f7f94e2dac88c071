// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

int io_write_full(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t w = write(fd, p, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= w;
	}
	return 0;
}

ssize_t io_read_full(int fd, void *data, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)data + got, n - got);

		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r == 0)
			break;
		got += r;
	}
	return (ssize_t)got;
}

int io_read_file_at(int dirfd, const char *path, struct vz_buf *ret, size_t max)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[8192];
	size_t total = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t r = read(fd, chunk, sizeof(chunk));

		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r == 0)
			return 0;
		total += r;
		if (total > max)
			return -EFBIG;
		vz_buf_add(ret, chunk, r);
	}
}

ssize_t io_read_small_at(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t r;

	if (fd < 0)
		return -errno;
	r = io_read_full(fd, buf, size - 1);
	if (r < 0)
		return r;
	if (r > 0 && buf[r - 1] == '\n')
		r--;
	buf[r] = '\0';
	return r;
}

int io_write_small_at(int dirfd, const char *path, const char *value)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = strlen(value);
	ssize_t w;

	if (fd < 0)
		return -errno;
	w = write(fd, value, n);
	if (w < 0)
		return -errno;
	return (size_t)w == n ? 0 : -EIO;
}

static int sync_parent(int dirfd, const char *path)
{
	_cleanup_free_ char *dir = xstrdup(path);
	_cleanup_close_ int fd = -EBADF;
	char *slash = strrchr(dir, '/');

	if (slash == dir)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	fd = openat(dirfd, slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_tmp(int fd, const void *data, size_t n, mode_t mode, const struct stat *old,
		     unsigned int flags)
{
	int r = io_write_full(fd, data, n);

	if (r < 0)
		return r;
	if (old && fchown(fd, old->st_uid, old->st_gid) < 0)
		return -errno;
	if (fchmod(fd, old ? (old->st_mode & 07777) : mode) < 0)
		return -errno;
	if (!(flags & IO_ATOMIC_NOSYNC) && fsync(fd) < 0)
		return -errno;
	return 0;
}

int io_write_atomic_at(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
		       unsigned int flags)
{
	_cleanup_free_ char *tmp = NULL;
	_cleanup_close_ int fd = -EBADF;
	const struct stat *old = NULL;
	unsigned int rnd = 0;
	struct stat st;
	int r;

	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) < 0)
		rnd = (unsigned int)getpid();
	tmp = xasprintf("%s.tmp%08x", path, rnd);
	if ((flags & IO_ATOMIC_KEEP_OWNER) &&
	    fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		old = &st;
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_tmp(fd, data, n, mode, old, flags);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	return (flags & IO_ATOMIC_NOSYNC) ? 0 : sync_parent(dirfd, path);
}

int io_mkdir_p(const char *path, mode_t mode)
{
	_cleanup_free_ char *p = xstrdup(path);

	for (char *s = p + 1; *s; s++) {
		if (*s != '/')
			continue;
		*s = '\0';
		if (mkdir(p, mode) < 0 && errno != EEXIST)
			return -errno;
		*s = '/';
	}
	if (mkdir(p, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

bool io_exists(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int flock_wait(int fd, int op, int wait_ms)
{
	struct timespec nap = { .tv_nsec = 5 * 1000 * 1000 };

	if (wait_ms < 0) {
		while (flock(fd, op) < 0)
			if (errno != EINTR)
				return -errno;
		return 0;
	}
	for (;; wait_ms -= 5) {
		if (flock(fd, op | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (wait_ms <= 0)
			return -EWOULDBLOCK;
		/* flock(2) has no timeout; a nap costs less than a signal timer. */
		nanosleep(&nap, NULL);
	}
}

static int lock_open(const char *path, int op, int wait_ms)
{
	for (;;) {
		_cleanup_close_ int fd = -EBADF;
		struct stat a, b;
		int r;

		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
		if (fd < 0)
			return -errno;
		r = flock_wait(fd, op, wait_ms);
		if (r < 0)
			return r;
		/* Somebody may have removed the file by hand while we waited. */
		if (fstat(fd, &a) < 0)
			return -errno;
		if (stat(path, &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev)
			return take_fd(&fd);
	}
}

int io_lock(const char *path, int wait_ms, const char *what)
{
	char line[128];
	int fd, n;

	fd = lock_open(path, LOCK_EX, wait_ms);
	if (fd < 0)
		return fd;
	n = snprintf(line, sizeof(line), "%d\n%s\n", (int)getpid(), what);
	if (ftruncate(fd, 0) == 0)
		(void)io_write_full(fd, line, n);
	return fd;
}

int io_lock_shared(const char *path, int wait_ms)
{
	return lock_open(path, LOCK_SH, wait_ms);
}

int io_sync_parent(const char *path)
{
	return sync_parent(AT_FDCWD, path);
}

int io_unlink_sync(const char *path)
{
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : -errno;
	return io_sync_parent(path);
}

static int unix_address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

int io_unix_connect(const char *path, int type)
{
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = fd < 0 ? -errno : unix_address(path, &sa);

	if (r < 0)
		return r;
	return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? -errno : take_fd(&fd);
}

int io_unix_listen(const char *path, int type, int backlog)
{
	_cleanup_close_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int r = fd < 0 ? -errno : unix_address(path, &sa);

	if (r < 0)
		return r;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, backlog) < 0)
		return -errno;
	return take_fd(&fd);
}

/* The kernel copies within one kind of file system only. */
static ssize_t copy_some(int from, int to, off_t at, size_t n)
{
	off_t src = at, dst = at;
	ssize_t r = copy_file_range(from, &src, to, &dst, n, 0);
	char buf[65536];

	if (r >= 0 || (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS))
		return r;
	r = pread(from, buf, n < sizeof(buf) ? n : sizeof(buf), at);
	return r <= 0 ? r : pwrite(to, buf, (size_t)r, at);
}

int io_clone(int from, int to, bool (*stop)(void))
{
	off_t at = 0, end = lseek(from, 0, SEEK_END);

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (end < 0 || ftruncate(to, end) < 0)
		return -errno;
	while ((at = lseek(from, at, SEEK_DATA)) >= 0 && at < end) {
		off_t hole = lseek(from, at, SEEK_HOLE);

		while (at < hole) {
			ssize_t n = copy_some(from, to, at, (size_t)(hole - at));

			if (n < 0 && errno != EINTR)
				return -errno;
			if (n == 0 || (stop && stop()))
				return n == 0 ? -EIO : -EINTR;
			at += n > 0 ? n : 0;
		}
	}
	return at < 0 && errno != ENXIO ? -errno : 0;
}
