/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file systems that an image can hold, and what differs between them. */
#ifndef VZ_STORE_IMAGE_FS_H
#define VZ_STORE_IMAGE_FS_H

#include "store/priv.h"

#define IMAGE_NAME "root.img"
#define IMAGE_BLOCK 4096

struct image_fs {
	const char *name;
	uint64_t min_kb;	/* smaller ones cannot be made */
	/* A mount option that is always set; @value NULL: a flag. */
	struct { const char *key, *value; } always;
	/* Flag for project quota, tried at every mount, or NULL: never. */
	const char *quota;
	/* Makes the file system in @image, which has its final size. */
	int (*make)(const struct store_ref *s, int image, struct vz_err *e);
	/* Counters in the super block @sb of an image at rest. */
	void (*usage)(const unsigned char *sb, struct store_usage *ret);
	/* Grows what is mounted at @root (O_RDONLY) to @blocks of IMAGE_BLOCK: negative errno. */
	int (*grow)(int root, int image, uint64_t blocks);
};

/* What @image holds: VZ_IMAGE_MOUNT for what none of these is. */
int image_fs_of(int image, const struct image_fs **ret, struct vz_err *e);
extern const struct image_fs image_ext4, image_xfs;

/* The counters of an image that is not mounted. */
int image_fs_usage(int image, struct store_usage *ret);

/* Applies MOUNT_OPTS to the context @ctx of @fs; attributes of the mount in *@attrs. */
int image_fs_options(const struct image_fs *fs, int ctx, const char *opts, unsigned int *attrs,
		     struct vz_err *e);

#endif
