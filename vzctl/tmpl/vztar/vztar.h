/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vztar: template archive to tree and back, apart from vzctl because it feeds
 * hostile bytes to decompressors.  libarchive only decodes; every file is made
 * here, relative to descriptors, without following a symlink.
 */
#ifndef VZ_TMPL_VZTAR_H
#define VZ_TMPL_VZTAR_H

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include "base/util.h"

/* Exit codes; tmpl/unpack.c turns them into those of vzctl. */
enum vztar_exit {
	VZTAR_OK = 0,
	VZTAR_FAILED = 1,	/* the system failed: I/O, permission */
	VZTAR_USAGE = 2,
	VZTAR_REFUSED = 3,	/* the archive is damaged or hostile */
	VZTAR_NOSPACE = 4,
};

struct vztar_opts {
	bool progress;
	bool report;		/* errors as "error TEXT" on stdout, for tmpl_tree() */
	int level;		/* zstd level of create */
	uint64_t max_bytes, max_entries;
};

/* Prints one line and ends the process: half a tree is the caller's to remove. */
__noreturn __printf(2, 3) void die(enum vztar_exit code, const char *fmt, ...);
/* "ENTRY: what: strerror(err)", with the exit code that @err asks for. */
__noreturn void die_entry(const char *entry, const char *what, int err);
/* The archive's fault: "ENTRY: why". */
__noreturn void refuse(const char *entry, const char *why);

/* ---- stream.c: bytes of the archive file, hashed and counted on the way ---- */

struct stream;
/* Before the sandbox: libcrypto reads files of its own, the terminal is asked once. */
void stream_prepare(void);
struct stream *stream_new(int fd, bool write, bool progress);
/* Hooks the stream into libarchive. */
void stream_attach_reader(struct stream *s, struct archive *a);
void stream_attach_writer(struct stream *s, struct archive *a);
uint64_t stream_bytes(const struct stream *s);
/* Reads what the decoder left, so that the hash covers the whole file. */
void stream_drain(struct stream *s);
/* For create, where only the amount of input is known: 0..100. */
void stream_progress(struct stream *s, uint64_t done, uint64_t total);
void stream_finish(struct stream *s, char hex[65]);
void stream_sha256(const void *data, size_t n, char hex[65]);

/* ---- meta.c ---------------------------------------------------------------- */

struct meta_count {
	uint64_t xattrs_dropped;	/* trusted.*, security.* but capability, user.overlay.* */
	uint64_t acls_dropped;		/* named by user name only */
};

/* Is there anything that meta_xattrs() would set? */
bool meta_has_xattrs(struct archive_entry *ae);
/* ACLs and permitted xattrs of a file or directory; after owner and mode. */
void meta_xattrs(int fd, struct archive_entry *ae, const char *path, struct meta_count *c);

/* Adds what meta_xattrs() would set: for create. */
void meta_read_xattrs(int fd, struct archive_entry *ae, const char *path);

/* ---- sandbox.c ------------------------------------------------------------- */

/*
 * After this the process can make files below @dirfd, read those below @readfd
 * and nothing else: five file capabilities, Landlock where the kernel has it, a
 * seccomp list, limits on memory.  -EBADF: no files at all.
 */
void sandbox_enter(int dirfd, int readfd);

/* ---- layer.c --------------------------------------------------------------- */

/* Every path of an archive is opened here: below the root, over no symlink. */
int tree_open(int root, const char *path, int flags);
/* Removes @name and what is in it; @path is for the message. */
void tree_remove(int dirfd, const char *name, const char *path);

enum whiteout {
	WHITEOUT_NONE,
	WHITEOUT_REMOVE,	/* what has the name is gone */
	WHITEOUT_OPAQUE,	/* what is in the directory is gone */
	WHITEOUT_IGNORE,	/* reserved, means nothing here */
};

/* @path is normalized; @ret (TMPL_PATH_MAX + 1 bytes): what is hidden. */
enum whiteout whiteout_of(const char *path, char *ret);

struct whiteouts;
struct whiteouts *whiteouts_new(void);
void whiteouts_add(struct whiteouts *w, enum whiteout kind, const char *path);
/* Removes all of it below @root, and frees @w. */
void whiteouts_apply(struct whiteouts *w, int root);

/* ---- extract.c, create.c, oci.c -------------------------------------------- */

enum vztar_filter { FILTER_ANY, FILTER_NONE, FILTER_GZIP, FILTER_ZSTD };

struct extract;
/* @layers: several archives over each other, with whiteouts. */
struct extract *extract_new(int dirfd, bool layers, const struct vztar_opts *o);
/* Refused, before anything is made, unless the sum of the file is @sha256. */
void extract_layer(struct extract *x, int fd, enum vztar_filter filter, const char *sha256);
/* Directories get their metadata, stdout the result; frees @x. */
void extract_finish(struct extract *x, const char *hex);

void vztar_extract(int dirfd, int archive_fd, const struct vztar_opts *o);
/* Reads and checks everything, makes nothing. */
void vztar_test(int archive_fd, const struct vztar_opts *o);
void vztar_create(int dirfd, int archive_fd, const struct vztar_opts *o);
/* The image @tag (NULL: the only one) of the OCI layout at @layoutfd. */
void vztar_oci(int dirfd, int layoutfd, const char *tag, const struct vztar_opts *o);

#endif
