// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "store"
#include "store/loop.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/io.h"
#include "base/num.h"

/* Others take the number that LOOP_CTL_GET_FREE gave: ask again. */
#define LOOP_TRIES 64

static int loop_open(int n, int flags)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/loop%d", n);
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int loop_attach(int backing, int *ret_n, struct vz_err *e)
{
	_cleanup_close_ int ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	/* Direct I/O: the pages of an image would be cached twice otherwise. */
	struct loop_config cfg = {
		.fd = backing,
		.block_size = 4096,
		.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO,
	};

	if (ctl < 0)
		return vz_fail(e, VZ_IMAGE_MOUNT, errno, "/dev/loop-control");
	for (int i = 0; i < LOOP_TRIES; i++) {
		_cleanup_close_ int fd = -EBADF;
		int n = ioctl(ctl, LOOP_CTL_GET_FREE);

		if (n < 0)
			return vz_fail(e, VZ_IMAGE_MOUNT, errno, "no free loop device");
		fd = loop_open(n, O_RDWR);
		if (fd < 0 && fd != -ENOENT && fd != -ENXIO)
			return vz_fail(e, VZ_IMAGE_MOUNT, -fd, "/dev/loop%d", n);
		if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &cfg) == 0) {
			*ret_n = n;
			return take_fd(&fd);
		}
		if (fd >= 0 && errno != EBUSY)
			return vz_fail(e, VZ_IMAGE_MOUNT, errno, "/dev/loop%d", n);
	}
	return vz_fail(e, VZ_IMAGE_MOUNT, EBUSY, "no free loop device");
}

static int loop_is(int n, dev_t dev, ino_t ino)
{
	_cleanup_close_ int fd = loop_open(n, O_RDWR | O_NONBLOCK);
	struct loop_info64 info;

	if (fd < 0 || ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return -ENOENT;
	/* The kernel encodes it as user space does (huge_encode_dev). */
	if (info.lo_device != dev || info.lo_inode != ino)
		return -ENOENT;
	return take_fd(&fd);
}

int loop_find(dev_t dev, ino_t ino, int *ret_n)
{
	DIR *d = opendir("/sys/block");
	struct dirent *de;
	int fd = -ENOENT;

	if (!d)
		return -errno;
	while (fd < 0 && (de = readdir(d))) {
		char path[300];
		uint32_t n;

		if (!str_has_prefix(de->d_name, "loop") || num_parse_u32(de->d_name + 4, &n) < 0)
			continue;
		/* Idle devices have no such directory, and opening one is not free. */
		snprintf(path, sizeof(path), "/sys/block/%s/loop", de->d_name);
		if (!io_exists(path))
			continue;
		fd = loop_is((int)n, dev, ino);
		if (fd >= 0)
			*ret_n = (int)n;
	}
	closedir(d);
	return fd;
}

int loop_grow(int loop)
{
	return ioctl(loop, LOOP_SET_CAPACITY, 0) < 0 ? -errno : 0;
}
