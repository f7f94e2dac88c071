/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private areas: the disk of a container, in one of four layouts.
 *
 *	overlay	upper/ work/ lower: a writable layer over an unpacked template
 *	dir	the root tree itself (what 4.x calls simfs)
 *	btrfs	a subvolume that is the root tree
 *	image	root.img, an ext4 file system in a sparse file; image:xfs, an xfs one
 *
 * Ids on disk are 0-based; store_mount() maps them.  What made a private area
 * is recorded in the extended attribute trusted.vz.layout of its directory: a
 * container can write anything below the root of a "dir" area, files named
 * `lower` or `root.img` included, but no trusted.* attribute (xattr(7)).
 *
 * The caller holds the lock of the container for every call that changes it.
 */
#ifndef VZ_STORE_STORE_H
#define VZ_STORE_STORE_H

#include <stdint.h>

#include "base/err.h"

struct store_ref {			/* all strings borrowed */
	uint32_t ctid;
	const char *layout;		/* layout word of CTID.conf; NULL = detect */
	const char *private;		/* absolute, no trailing slash */
	uint64_t disk_kb;		/* hard limit in KiB, 0 = none */
	uint64_t inodes;		/* 0 = none */
	const char *mount_opts;		/* image: comma separated, whitelisted; or NULL */
};

struct store_usage {
	uint64_t used_kb, hard_kb;	/* hard_* are 0 when unlimited */
	uint64_t used_inodes, hard_inodes;
	bool have_limit;		/* some limit is enforced */
};

/*
 * A layout word (overlay, dir, simfs, btrfs, image, image:FS, ploop, ploop:MODE) to the
 * name of its driver, a static string.  VZ_UNK_MOUNT_TYPE for another word,
 * VZ_STORAGE_UNSUP when this kernel lacks the file system.
 */
int store_layout_check(const char *word, const char **ret_driver, struct vz_err *e);

/*
 * What lies at @private: a static driver name.  -ENOENT (VZ_FS_NOPRVT) when
 * nothing does, VZ_UNK_MOUNT_TYPE when it cannot be told safely,
 * VZ_STORAGE_UNSUP for a ploop image of 4.x.
 */
int store_detect(const char *private, const char **ret_driver, struct vz_err *e);

/*
 * Makes the private area from the unpacked template @tree (absolute path of
 * TEMPLATE/tree/NAME@HASH) and sets the limits of @s where the file system can
 * (see store_quota_supported).  Built in a hidden sibling, renamed when whole:
 * killed at any point, the next create or destroy removes the rest.  An empty
 * directory at s->private is replaced.  VZ_FS_PRVT_AREA_EXIST,
 * VZ_FS_NEW_VE_PRVT, VZ_FS_NO_DISK_SPACE, VZ_DISKSPACE_NOT_SET (image),
 * VZ_OSTEMPLATE_NOT_FOUND.
 */
int store_create(const struct store_ref *s, const char *tree, struct vz_err *e);

/*
 * A private area of layout image at @private, which must not exist, with the file @image,
 * ext4 or xfs, as its image: linked, so on the same file system.  VZ_FS_NEW_VE_PRVT.
 */
int store_adopt_image(const char *private, const char *image, struct vz_err *e);

/*
 * A detached, private, nodev mount of the root (for move_mount(2)), with ids
 * mapped as in the user namespace @userns_fd; -1 = no mapping.  Returns the
 * descriptor.  VZ_FS_NOPRVT, VZ_OSTEMPLATE_NOT_FOUND, VZ_IDMAP, VZ_FS_CANTMOUNT,
 * VZ_IMAGE_MOUNT.
 */
int store_mount(const struct store_ref *s, int userns_fd, struct vz_err *e);

/*
 * After the last umount: waits until the loop device of an image has let go of
 * it.  Idempotent.  VZ_FS_CANTUMOUNT (-EBUSY) when it is still in use.
 */
int store_umount_done(const struct store_ref *s, struct vz_err *e);

/*
 * Removes the private area and what killed commands left beside it: renames to
 * a hidden sibling, then deletes; never across mounts, never through a link.
 * A mount inside is refused before anything is touched.  When s->private is a
 * symbolic link, only the link goes, with a warning.  Nothing there: success.
 * VZ_FS_DEL_PRVT.
 */
int store_destroy(const struct store_ref *s, struct vz_err *e);

/*
 * -EOPNOTSUPP (VZ_GET_QUOTA_USAGE) when nothing counts: dir and overlay without
 * project quota, btrfs without qgroups.
 */
int store_usage(const struct store_ref *s, struct store_usage *ret, struct vz_err *e);

/*
 * Applies s->disk_kb and s->inodes, online.  -EOPNOTSUPP (VZ_DQ_SET) when the
 * file system has no project quota: a warning for the caller to print.
 * Image: grows; VZ_IMAGE_RESIZE when it would shrink.
 */
int store_resize(const struct store_ref *s, struct vz_err *e);

/* Whether limits of @s will be enforced; s->private need not exist yet. */
bool store_quota_supported(const struct store_ref *s);

#endif
