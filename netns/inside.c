// SPDX-License-Identifier: GPL-2.0-or-later
/* What has no netlink form and acts on the namespace of the thread that calls. */
#define VZ_ROOM "netns"
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/io.h"
#include "ctside.h"
#include "link.h"

/* Returns what leave() wants, or -errno. */
static int enter(int netns_fd)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	return take_fd(&own);
}

static void leave(int own)
{
	/* Going on in a container's namespace would apply host changes there. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	close(own);
}

int ctside_open(int netns_fd, struct nl_sock *ret, enum vz_code code, struct vz_err *e)
{
	int own = enter(netns_fd), r;

	if (own < 0)
		return vz_fail(e, code, -own, "cannot enter the container's network namespace");
	/* A netlink socket stays with the namespace that it was made in. */
	r = nl_open(ret);
	leave(own);
	return r < 0 ? vz_fail(e, code, -r, "cannot open a netlink socket in the container") : 0;
}

/* /dev/net/tun binds to the namespace at open(2), not at the ioctl (drivers/net/tun.c). */
static int open_tap(const char *name, int ifindex)
{
	_cleanup_close_ int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct ifreq q = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL };

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", name);
	if (fd < 0 || (ifindex && ioctl(fd, TUNSETIFINDEX, &ifindex) < 0) ||
	    ioctl(fd, TUNSETIFF, &q) < 0 || ioctl(fd, TUNSETPERSIST, 1) < 0)
		return -errno;
	return take_fd(&fd);
}

int ctside_tap_make(int netns_fd, const char *name, int ifindex, struct vz_err *e)
{
	int own = -EBADF, fd;

	if (strlen(name) >= IF_NAMESIZE)
		return vz_fail(e, VZ_NETDEV_ERROR, ENAMETOOLONG, "tap device %s", name);
	if (netns_fd >= 0) {
		own = enter(netns_fd);
		if (own < 0)
			return vz_fail(e, VZ_NETDEV_ERROR, -own, "cannot enter the namespace");
	}
	fd = open_tap(name, ifindex);
	if (own >= 0)
		leave(own);
	return fd < 0 ? vz_fail(e, VZ_NETDEV_ERROR, -fd, "cannot add tap device %s", name) : fd;
}

int net_tap_make(int netns_fd, const char *name, struct vz_err *e)
{
	return ctside_tap_make(netns_fd, name, 0, e);
}

/* Below /proc/sys/net and nowhere else, whatever @path says. */
static int sysctl_path(const char *path, char *buf, size_t size)
{
	if (*path == '/' || strstr(path, "..") ||
	    snprintf(buf, size, "/proc/sys/net/%s", path) >= (int)size)
		return -EINVAL;
	return 0;
}

int host_sysctl(const char *path, const char *value)
{
	char full[128];
	int r = sysctl_path(path, full, sizeof(full));

	return r < 0 ? r : io_write_small_at(AT_FDCWD, full, value);
}

/* enter(), with the whole path of the file in @full. */
static int enter_for(int netns_fd, const char *path, char *full, size_t size)
{
	int r = sysctl_path(path, full, size);

	return r < 0 ? r : enter(netns_fd);
}

int net_sysctl_set(int netns_fd, const char *path, const char *value)
{
	char full[128];
	int r, own = enter_for(netns_fd, path, full, sizeof(full));

	if (own < 0)
		return own;
	r = io_write_small_at(AT_FDCWD, full, value);
	leave(own);
	return r < 0 ? r : 0;
}

int net_sysctl_get(int netns_fd, const char *path, char *buf, size_t size)
{
	char full[128];
	int r, own = enter_for(netns_fd, path, full, sizeof(full));

	if (own < 0)
		return own;
	r = (int)io_read_small_at(AT_FDCWD, full, buf, size);
	leave(own);
	return r;
}
