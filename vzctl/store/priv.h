/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of this room share; nobody outside includes it. */
#ifndef VZ_STORE_PRIV_H
#define VZ_STORE_PRIV_H

#include "store/store.h"

#define STORE_MARK "trusted.vz.layout"

struct store_driver {
	const char *name;
	const char *fs;		/* file system that the kernel must know, or NULL */
	/* What else this kernel lacks for it, NULL when nothing; or NULL. */
	const char *(*lacks)(void);
	/*
	 * Makes directory @name below @parent: whole, marked and durable.  What is
	 * left after a failure is removed by the caller.
	 */
	int (*build)(const struct store_ref *s, int parent, const char *name, const char *tree,
		     struct vz_err *e);
	/* @dir: the private area, O_PATH.  Returns a mount for store_finish_mount(). */
	int (*mount)(const struct store_ref *s, int dir, int userns_fd, struct vz_err *e);
	int (*umount_done)(const struct store_ref *s, int dir, struct vz_err *e); /* or NULL */
	int (*usage)(const struct store_ref *s, int dir, struct store_usage *ret,
		     struct vz_err *e);
	int (*resize)(const struct store_ref *s, int dir, struct vz_err *e);
};

extern const struct store_driver store_overlay, store_dir, store_btrfs, store_image,
	store_image_xfs;

/* vz_fail() with VZ_FS_NO_DISK_SPACE instead of @code when the disk is full. */
#define store_fail(e, code, sys, ...)                                              \
	vz_fail(e, (sys) == ENOSPC || (sys) == EDQUOT ? VZ_FS_NO_DISK_SPACE : (code), \
		sys, __VA_ARGS__)

/* The template tree, O_RDONLY: VZ_OSTEMPLATE_NOT_FOUND. */
int store_open_tree(const char *tree, struct vz_err *e);
/* mkdir @name below @parent, mode 0700; returns it O_RDONLY. */
int store_mkdir(int parent, const char *name, struct vz_err *e);
/* Records the layout on directory @fd. */
int store_mark(int fd, const char *layout, struct vz_err *e);
/* The recorded layout in @buf, or -ENODATA. */
int store_read_mark(const char *path, char *buf, size_t size);

/*
 * A detached private copy of the mount of directory @dfd/@path (AT_EMPTY_PATH
 * when it is ""), ids mapped with @userns_fd unless that is -1.
 */
int store_clone_mount(int dfd, const char *path, int userns_fd, struct vz_err *e);
/* nodev, private propagation and the id mapping on a fresh mount. */
int store_set_mount(int mnt, int userns_fd, const char *what, struct vz_err *e);

/* The overlay, with the layers attached in a passing mount namespace (< 6.15). */
int overlay_mount_attached(int lower, int private, const char *path, struct vz_err *e);
int overlay_mount_detached(int lower, int private, const char *path, struct vz_err *e);

/* Project quota (quota.c).  @fd: a directory on the file system, O_RDONLY. */
bool quota_enforced(int fd);
/* New files below @fd are counted for project @id. */
int quota_tag(int fd, uint32_t id);
/* Tags all that exists below @fd. */
int quota_tag_tree(int fd, uint32_t id, struct vz_err *e);
int quota_set(int fd, uint32_t id, uint64_t kb, uint64_t inodes);
int quota_get(int fd, uint32_t id, struct store_usage *ret);
/* The three that dir and overlay share. */
int quota_build(const struct store_ref *s, int fd, struct vz_err *e);
int quota_usage(const struct store_ref *s, int dir, struct store_usage *ret, struct vz_err *e);
int quota_resize(const struct store_ref *s, int dir, struct vz_err *e);

/* Whether btrfs accounts subvolumes (qgroups) where @fd is. */
bool btrfs_quota_enabled(int fd);

/*
 * Copies what the directory @src contains into the empty directory @dst, with
 * owners, modes, times, attributes, links and holes, and @src's own metadata.
 */
int store_copy_tree(int src, int dst, struct vz_err *e);

#endif
