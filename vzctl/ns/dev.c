// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The container's /dev, made by the host in one detached tmpfs: its super
 * block belongs to the initial user namespace, so that nodes work, and its
 * limits cannot be changed from inside.
 */
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "ns/ns-int.h"
#include "sys/syscalls.h"

static int own(int dir, const char *name, const struct ns_idmap *map)
{
	return fchownat(dir, name, map->uid, map->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0 ?
		       -errno : 0;
}

static int make_dir(int dev, const char *name, const struct ns_idmap *map)
{
	if (mkdirat(dev, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	return own(dev, name, map);
}

static int make_node(int dev, const struct ns_dev *d, const struct ns_idmap *map)
{
	const char *s = d->name;
	char dir[sizeof(d->name)];
	int r;

	while ((s = strchr(s, '/'))) {
		snprintf(dir, sizeof(dir), "%.*s", (int)(s - d->name), d->name);
		r = make_dir(dev, dir, map);
		if (r < 0)
			return r;
		s++;
	}
	/* Named twice in the config: the later row wins. */
	if (unlinkat(dev, d->name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (mknodat(dev, d->name, (d->type == 'b' ? S_IFBLK : S_IFCHR),
		    makedev(d->major, d->minor)) < 0)
		return -errno;
	r = own(dev, d->name, map);
	/* By chmod: mknod's mode is subject to the umask. */
	return r == 0 && fchmodat(dev, d->name, d->mode, 0) < 0 ? -errno : r;
}

static int fill(int dev, const struct ns_idmap *map)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" },	 { "/proc/self/fd/0", "stdin" },
		{ "/proc/self/fd/1", "stdout" }, { "/proc/self/fd/2", "stderr" },
		{ "pts/ptmx", "ptmx" },		 { "/proc/kcore", "core" },
	};
	static const char *const dirs[] = { "pts", "shm", "mqueue" };
	int r = own(dev, "", map);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(dirs); i++)
		r = make_dir(dev, dirs[i], map);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(links); i++) {
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			return -errno;
		r = own(dev, links[i][1], map);
	}
	if (r == 0 && mknodat(dev, "console", S_IFREG | 0600, 0) < 0)
		return -errno;
	return r == 0 ? own(dev, "console", map) : r;
}

int ns_dev_mount(const struct ns_dev *devs, size_t n, const struct ns_idmap *map,
		 struct vz_err *e)
{
	const struct ns_fs_opt opt[] = { { "mode", "755" }, { "size", "4m" },
					 { "nr_inodes", "64k" } };
	_cleanup_close_ int dev = -EBADF;
	int r;

	dev = ns_fs_mount("tmpfs", MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
			  opt, ARRAY_SIZE(opt), e);
	if (dev < 0)
		return dev;
	r = fill(dev, map);
	if (r < 0)
		return vz_fail(e, VZ_SET_DEVICES, -r, "Unable to make the container's /dev");
	for (size_t i = 0; i < n; i++) {
		r = make_node(dev, &devs[i], map);
		if (r < 0)
			return vz_fail(e, VZ_SET_DEVICES, -r, "Unable to make '/dev/%s'",
				       devs[i].name);
	}
	return take_fd(&dev);
}
