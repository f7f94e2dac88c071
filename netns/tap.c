// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The link of a virtual machine: a tap behind the container's end of a pair.
 *
 * The pair is a container's, with all that is on the node's end of it (guard, caps,
 * counters, bridge).  What comes in at its other end goes out at the tap and the other
 * way round, before the namespace's own network sees it: that answers nothing.
 */
#define VZ_ROOM "netns"
#include "ctside.h"
#include "link.h"
#include "tc.h"

static int join(struct nl_sock *s, const char *tap, const char *link, struct vz_err *e)
{
	struct rtnl_link l = { 0 }, t = { 0 };
	struct nl_batch b;
	struct nl_fail f;
	int r;

	r = rtnl_link_get(s, link, 0, &l, &f);
	if (r == 0)
		r = rtnl_link_get(s, tap, 0, &t, &f);
	if (r < 0)
		return vz_fail(e, VZ_NETDEV_ERROR, -r, "link %s of the virtual machine", link);
	nl_batch_reset(&b);
	tc_clsact_add(&b, l.ifindex);
	tc_clsact_add(&b, t.ifindex);
	tc_ingress_redirect(&b, l.ifindex, t.ifindex);
	tc_ingress_redirect(&b, t.ifindex, l.ifindex);
	rtnl_link_up(&b, t.ifindex);
	rtnl_link_up(&b, l.ifindex);
	return rtnl_commit(s, &b, VZ_NETDEV_ERROR, e);
}

int net_tap_wire(int netns_fd, const char *tap, const char *link, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock s = NL_SOCK_INIT;
	_cleanup_close_ int fd = -EBADF;
	int r;

	/* The namespace says nothing of its own on the wire. */
	r = net_sysctl_set(netns_fd, "ipv6/conf/all/disable_ipv6", "1");
	if (r < 0 && r != -ENOENT)
		return vz_fail(e, VZ_NETDEV_ERROR, -r, "cannot switch IPv6 off for %s", link);
	fd = net_tap_make(netns_fd, tap, e);
	if (fd < 0)
		return fd;
	r = ctside_open(netns_fd, &s, VZ_NETDEV_ERROR, e);
	if (r == 0)
		r = join(&s, tap, link, e);
	return r < 0 ? r : take_fd(&fd);
}
