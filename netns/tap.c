// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The link of a virtual machine: a tap behind the container's end of a pair.
 *
 * The pair is a container's, with all that is on the node's end of it (guard, caps,
 * counters, bridge).  What comes in at its other end goes out at the tap and the other
 * way round, before the namespace's own network sees it: that answers nothing.
 *
 * With routed addresses the namespace is the guest's router instead, and the pair is
 * venet0's, which has no frames of its own to forge.  It knows the guest by a permanent
 * neighbour: nothing that the guest says or does not say changes where packets go.
 */
#define VZ_ROOM "netns"
#include <stdio.h>
#include <sys/socket.h>

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

/* The namespace says nothing of its own on the wire. */
static int silence(int netns_fd, const char *name, struct vz_err *e)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "ipv6/conf/%s/disable_ipv6", name);
	r = net_sysctl_set(netns_fd, path, "1");
	if (r < 0 && r != -ENOENT)
		return vz_fail(e, VZ_NETDEV_ERROR, -r, "cannot switch IPv6 off for %s", name);
	return 0;
}

int net_tap_wire(int netns_fd, const char *tap, const char *link, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock s = NL_SOCK_INIT;
	_cleanup_close_ int fd = net_tap_make(netns_fd, tap, e);
	int r = fd < 0 ? fd : silence(netns_fd, link, e);

	if (r == 0)
		r = silence(netns_fd, tap, e);
	if (r == 0)
		r = ctside_open(netns_fd, &s, VZ_NETDEV_ERROR, e);
	if (r == 0)
		r = join(&s, tap, link, e);
	return r < 0 ? r : take_fd(&fd);
}

/* ---- routed ---------------------------------------------------------- */

static const struct net_addr gw4 = { AF_INET, { 169, 254, 0, 1 }, 32 };
static const struct net_addr gw6 = { AF_INET6, { 0xfe, 0x80, [15] = 0xfe }, 64 };
static const struct net_addr guest4 = { AF_INET, { 169, 254, 0, 2 }, 32 };
static const struct net_addr guest6 = { AF_INET6, { 0xfe, 0x80, [15] = 0xff }, 128 };

const struct net_addr *ctside_tap_guest(int family)
{
	return family == AF_INET6 ? &guest6 : &guest4;
}

/*
 * Of a namespace that is new: IPv4's begin with the node's.  Whoever has an address that
 * is not its own is met by the guard, on the node's end of venet0, where it is counted.
 */
static int router(int netns_fd, struct vz_err *e)
{
	static const struct {
		const char *path, *value;
	} set[] = {
		{ "ipv4/conf/all/forwarding", "1" },	 { "ipv4/conf/default/forwarding", "1" },
		{ "ipv4/conf/all/rp_filter", "0" },	 { "ipv4/conf/default/rp_filter", "0" },
		{ "ipv4/conf/all/send_redirects", "0" },
		{ "ipv4/conf/default/send_redirects", "0" },
		{ "ipv4/conf/all/log_martians", "0" },	 { "ipv4/conf/default/log_martians", "0" },
		{ "ipv6/conf/all/forwarding", "1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(set); i++) {
		int r = net_sysctl_set(netns_fd, set[i].path, set[i].value);

		if (r < 0 && !(r == -ENOENT && str_has_prefix(set[i].path, "ipv6/")))
			return vz_fail(e, VZ_CANT_ADDIP, -r, "cannot set net/%s of the router",
				       set[i].path);
	}
	return 0;
}

/* A guest may also be told that its network is on the link. */
static int answer_all(int netns_fd, struct vz_err *e)
{
	int r = net_sysctl_set(netns_fd, "ipv4/conf/" NET_TAP_NAME "/proxy_arp", "1");

	if (r == 0)
		r = net_sysctl_set(netns_fd, "ipv4/neigh/" NET_TAP_NAME "/proxy_delay", "0");
	return r < 0 ? vz_fail(e, VZ_CANT_ADDIP, -r, "cannot set up %s", NET_TAP_NAME) : 0;
}

static int be_gateway(int netns_fd, const uint8_t mac[6], struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock s = NL_SOCK_INIT;
	struct rtnl_setlink own = { .set = RTNL_SET_MAC };
	struct nl_batch b;
	int r = ctside_open(netns_fd, &s, VZ_CANT_ADDIP, e);

	if (r < 0)
		return r;
	/* The same after each start: a guest that is resumed remembers it. */
	memcpy(own.mac, mac, sizeof(own.mac));
	own.mac[0] = 0xfe;
	nl_batch_reset(&b);
	rtnl_setlink(&b, NET_TAP_IFINDEX, &own);
	/* One link-local address, not another made from the MAC. */
	if (host_has_ipv6())
		rtnl_link_conf(&b, NET_TAP_IFINDEX, NULL, 0, true);
	rtnl_link_up(&b, NET_TAP_IFINDEX);
	rtnl_addr(&b, RTM_NEWADDR, NLM_F_CREATE, NET_TAP_IFINDEX, &gw4, NULL);
	rtnl_neigh(&b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, NET_TAP_IFINDEX, &guest4, mac);
	if (host_has_ipv6()) {
		rtnl_addr_net(&b, RTM_NEWADDR, NLM_F_CREATE, NET_TAP_IFINDEX, &gw6);
		rtnl_neigh(&b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, NET_TAP_IFINDEX,
			   &guest6, mac);
	}
	return rtnl_commit(&s, &b, VZ_CANT_ADDIP, e);
}

int net_tap_route(int netns_fd, const uint8_t mac[6], struct vz_err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r = router(netns_fd, e);

	if (r < 0)
		return r;
	fd = ctside_tap_make(netns_fd, NET_TAP_NAME, NET_TAP_IFINDEX, e);
	r = fd < 0 ? fd : answer_all(netns_fd, e);
	if (r == 0)
		r = be_gateway(netns_fd, mac, e);
	return r < 0 ? r : take_fd(&fd);
}
