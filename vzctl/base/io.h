/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and descriptors.  All return 0 (or a count) or a negative errno. */
#ifndef VZ_BASE_IO_H
#define VZ_BASE_IO_H

#include <sys/types.h>

#include "base/buf.h"

/* Writes all @n bytes, restarting on EINTR. */
int io_write_full(int fd, const void *data, size_t n);
/* Reads up to @n bytes until EOF; returns the count. */
ssize_t io_read_full(int fd, void *data, size_t n);

/* dirfd may be AT_FDCWD.  Appends to @ret; fails with EFBIG above @max bytes. */
int io_read_file_at(int dirfd, const char *path, struct vz_buf *ret, size_t max);
/*
 * Reads a small kernel file into @buf (NUL terminated, trailing newline cut);
 * returns the length.  No allocation.
 */
ssize_t io_read_small_at(int dirfd, const char *path, char *buf, size_t size);
/* One write(2) to an existing file: for procfs, sysfs and cgroupfs. */
int io_write_small_at(int dirfd, const char *path, const char *value);

enum io_atomic_flags {
	IO_ATOMIC_NOSYNC = 1u << 0,	/* volatile state in /run */
	IO_ATOMIC_KEEP_OWNER = 1u << 1,	/* mode and owner of the old file survive */
};

/*
 * Replaces @path so that a crash at any instant leaves the old or the new
 * content: temporary file in the same directory, fsync, rename, fsync of the
 * directory.  A symlink at @path is replaced; callers resolve it first if they
 * want to follow it.
 */
int io_write_atomic_at(int dirfd, const char *path, const void *data, size_t n, mode_t mode,
		       unsigned int flags);

/* mkdir -p; existing directories are fine, mode applies to new ones. */
int io_mkdir_p(const char *path, mode_t mode);
bool io_exists(const char *path);

/*
 * A lock that dies with its holder: flock(2) on a file that is created when
 * missing and never removed.  @wait_ms: 0 = try once, -1 = for ever.
 * Returns the fd (close it to unlock) or -EWOULDBLOCK.  The holder's pid and
 * @what are written to the file for people who look.
 */
int io_lock(const char *path, int wait_ms, const char *what);
/* The same, shared, writing nothing. */
int io_lock_shared(const char *path, int wait_ms);

/* After a rename() to @path that a power cut must not undo. */
int io_sync_parent(const char *path);
/* unlink() that a power cut does not undo; none is fine. */
int io_unlink_sync(const char *path);

/*
 * The data of @from, a regular file, into the empty file @to: as a clone where the file
 * system has it, else copied, with holes as holes.  @stop (or NULL) ends it: -EINTR.
 */
int io_clone(int from, int to, bool (*stop)(void));
/* A UNIX socket of @type (SOCK_STREAM, more flags), connected to @path: the fd or -errno. */
int io_unix_connect(const char *path, int type);
/* One that listens at @path, which is replaced. */
int io_unix_listen(const char *path, int type, int backlog);

#endif
