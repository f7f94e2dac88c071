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

#define BELOW (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

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

/* The directory of "net/tun", made when missing; the tenant may own the names. */
static int open_parent(int dev, const char *name, const struct ns_idmap *map, const char **ret_base)
{
	const char *slash = strrchr(name, '/');
	char dir[sizeof(((struct ns_dev *)0)->name)];
	int fd, r;

	*ret_base = slash ? slash + 1 : name;
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
	fd = sys_openat2(dev, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, BELOW);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	r = strchr(dir, '/') ? -ENOENT : make_dir(dev, dir, map);
	if (r < 0)
		return r;
	fd = sys_openat2(dev, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, BELOW);
	return fd < 0 ? -errno : fd;
}

/* Only the node that was just made: in a running container the name may be another's by now. */
static int own_node(int parent, const char *base, const struct ns_dev *d,
		    const struct ns_idmap *map)
{
	_cleanup_close_ int fd = sys_openat2(parent, base, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
					     BELOW);
	struct stat st, in;

	if (fd < 0 || fstat(fd, &st) < 0 || fstat(parent, &in) < 0)
		return -errno;
	if (st.st_dev != in.st_dev || st.st_rdev != makedev(d->major, d->minor) ||
	    (st.st_mode & S_IFMT) != (d->type == 'b' ? S_IFBLK : S_IFCHR))
		return -EEXIST;
	return own(fd, "", map);
}

/* The mode is set by mknod alone: a chmod of the name could be led elsewhere. */
static int make_node(int dev, const struct ns_dev *d, const struct ns_idmap *map)
{
	_cleanup_close_ int parent = -EBADF;
	const char *base;
	mode_t mask;
	int r;

	parent = open_parent(dev, d->name, map, &base);
	if (parent < 0)
		return parent;
	/* Named twice in the config: the later row wins. */
	if (unlinkat(parent, base, 0) < 0 && errno != ENOENT)
		return -errno;
	mask = umask(0);
	r = mknodat(parent, base, (d->type == 'b' ? S_IFBLK : S_IFCHR) | d->mode,
		    makedev(d->major, d->minor)) < 0 ? -errno : 0;
	umask(mask);
	return r < 0 ? r : own_node(parent, base, d, map);
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

int ns_dev_update(pid_t init, const struct ns_dev *devs, size_t n, const char *const *gone,
		  const struct ns_idmap *map, struct vz_err *e)
{
	_cleanup_close_ int root = -EBADF, dev = -EBADF;
	char path[40];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)init);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root >= 0)
		dev = sys_openat2(root, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (dev < 0)
		return vz_fail(e, VZ_SET_DEVICES, errno, "Unable to open the container's /dev");
	for (; gone && *gone; gone++) {
		_cleanup_close_ int parent = -EBADF;
		const char *base;

		parent = open_parent(dev, *gone, map, &base);
		if (parent >= 0)
			(void)unlinkat(parent, base, 0);
	}
	for (size_t i = 0; i < n; i++) {
		r = make_node(dev, &devs[i], map);
		if (r < 0)
			return vz_fail(e, VZ_SET_DEVICES, -r, "Unable to make '/dev/%s'",
				       devs[i].name);
	}
	return 0;
}
