// SPDX-License-Identifier: GPL-2.0-or-later
/* The private area is the root tree: what 4.x made as simfs works as it is. */
#define VZ_ROOM "store"
#include <fcntl.h>

#include "store/priv.h"

static int dir_build(const struct store_ref *s, int parent, const char *name, const char *tree,
		     struct vz_err *e)
{
	_cleanup_close_ int src = -EBADF, dst = -EBADF;
	int r;

	src = store_open_tree(tree, e);
	if (src < 0)
		return src;
	dst = store_mkdir(parent, name, e);
	if (dst < 0)
		return dst;
	r = quota_build(s, dst, e);
	if (r == 0)
		r = store_mark(dst, store_dir.name, e);
	if (r == 0)
		r = store_copy_tree(src, dst, e);
	if (r == 0 && syncfs(dst) < 0)
		r = store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot write the copy");
	return r;
}

static int dir_mount(const struct store_ref *s, int dir, int userns_fd, struct vz_err *e)
{
	return store_clone_mount(dir, "", userns_fd, e);
}

const struct store_driver store_dir = {
	.name = "dir",
	.build = dir_build,
	.mount = dir_mount,
	.usage = quota_usage,
	.resize = quota_resize,
};
