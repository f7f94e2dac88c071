// SPDX-License-Identifier: GPL-2.0-or-later
/* What the node as a whole needs for routed containers. */
#define VZ_ROOM "netns"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "host.h"

#define FORWARD4 "/proc/sys/net/ipv4/ip_forward"
#define CONF6 "/proc/sys/net/ipv6/conf"

static bool is_value(int dirfd, const char *path, const char *want)
{
	char v[16];

	return io_read_small_at(dirfd, path, v, sizeof(v)) >= 0 && str_eq(v, want);
}

static int set(int dirfd, const char *dir, const char *path, const char *value, struct vz_err *e)
{
	int r = io_write_small_at(dirfd, path, value);

	if (r < 0)
		return vz_fail(e, VZ_CANT_ADDIP, -r, "cannot set %s%s to %s", dir, path, value);
	vz_verbose("Set %s%s to %s", dir, path, value);
	return 0;
}

/*
 * A router does not listen to routers unless accept_ra is 2
 * (Documentation/networking/ip-sysctl.rst): keep what this node learned.
 */
static int keep_ra(struct vz_err *e)
{
	DIR *d = opendir(CONF6);
	struct dirent *de;
	int r = 0;

	if (!d)
		return vz_fail(e, VZ_CANT_ADDIP, errno, "cannot read " CONF6);
	while (r >= 0 && (de = readdir(d))) {
		char path[NAME_MAX + 16];

		/* "default" as well: a device that comes later is in the same place. */
		if (de->d_name[0] == '.' || str_eq(de->d_name, "all") || str_eq(de->d_name, "lo"))
			continue;
		snprintf(path, sizeof(path), "%s/accept_ra", de->d_name);
		if (is_value(dirfd(d), path, "1"))
			r = set(dirfd(d), CONF6 "/", path, "2", e);
	}
	closedir(d);
	return r;
}

int net_node_setup(const struct net_plan *p, struct vz_err *e)
{
	int r = 0;

	if ((p->n_addrs || p->want_venet) && !is_value(AT_FDCWD, FORWARD4, "1"))
		r = set(AT_FDCWD, "", FORWARD4, "1", e);
	if (r < 0 || !host_has_family(p->addrs, p->n_addrs, AF_INET6) || !host_has_ipv6() ||
	    is_value(AT_FDCWD, CONF6 "/all/forwarding", "1"))
		return r;
	r = keep_ra(e);
	return r < 0 ? r : set(AT_FDCWD, "", CONF6 "/all/forwarding", "1", e);
}
