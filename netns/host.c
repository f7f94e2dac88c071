// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "host.h"

#include <fcntl.h>
#include <linux/ip.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"

int host_open(struct nl_sock *ret, enum vz_code code, struct vz_err *e)
{
	int r = nl_open(ret);

	return r < 0 ? vz_fail(e, code, -r, "cannot open a netlink socket") : 0;
}

bool host_has_ipv6(void)
{
	return access("/proc/sys/net/ipv6", F_OK) == 0;
}

bool host_has_family(const struct net_addr *addrs, size_t n, int family)
{
	for (size_t i = 0; i < n; i++) {
		if (addrs[i].family == family)
			return true;
	}
	return false;
}

int host_link(struct nl_sock *h, uint32_t ctid, const char *name, struct rtnl_link *ret,
	      enum vz_code code, struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;
	int r = rtnl_link_get(h, name, 0, &l, &f);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return rtnl_fail(e, code, r, &f);
	if (l.group != host_group(ctid))
		return vz_fail(e, code, EEXIST, "device %s is not container %u's", name, ctid);
	*ret = l;
	return 1;
}

int host_links_del(struct nl_sock *h, uint32_t ctid, enum vz_code code, struct vz_err *e)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_group_del(&b, host_group(ctid));
	nl_tolerate(&b, ENODEV);
	return rtnl_commit(h, &b, code, e);
}

static int sysctl6(const char *dev, const char *key, const char *value, struct vz_err *e)
{
	char path[96];
	int r;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/%s", dev, key);
	r = io_write_small_at(AT_FDCWD, path, value);
	return r < 0 ? vz_fail(e, VZ_CANT_ADDIP, -r, "cannot set %s to %s", path, value) : 0;
}

/*
 * What a router owes a link to a stranger: strict source check, no redirects,
 * no source routes, and no router advertisement is believed.
 */
int host_venet_conf(struct nl_batch *b, const struct rtnl_link *l, bool ipv6, struct vz_err *e)
{
	static const struct rtnl_inet_conf conf[] = {
		{ IPV4_DEVCONF_FORWARDING, 1 },
		{ IPV4_DEVCONF_RP_FILTER, 1 },
		{ IPV4_DEVCONF_ACCEPT_REDIRECTS, 0 },
		{ IPV4_DEVCONF_SEND_REDIRECTS, 0 },
		{ IPV4_DEVCONF_ACCEPT_SOURCE_ROUTE, 0 },
	};
	bool have6 = host_has_ipv6();
	int r;

	rtnl_link_conf(b, l->ifindex, conf, ARRAY_SIZE(conf), have6);
	rtnl_link_up(b, l->ifindex);
	if (!have6)
		return 0;
	/* IPv6 sysctls have no netlink form. */
	if (!ipv6)
		return sysctl6(l->name, "disable_ipv6", "1", e);
	r = sysctl6(l->name, "accept_ra", "0", e);
	return r < 0 ? r : sysctl6(l->name, "disable_ipv6", "0", e);
}

/* ---- addresses ------------------------------------------------------ */

int host_addr_route(struct nl_sock *h, const struct net_addr *a, int *ret_oif, bool *ret_local,
		    struct nl_fail *f)
{
	struct rtnl_route_info i;
	int r = rtnl_route_match(h, a, &i, f);

	/* No route, or one that refuses. */
	if (r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL)
		return 0;
	if (r < 0)
		return r;
	if (i.dst.plen != (a->family == AF_INET6 ? 128 : 32))
		return 0;
	*ret_oif = i.oif;
	*ret_local = i.type == RTN_LOCAL;
	return i.type == RTN_LOCAL || i.type == RTN_UNICAST;
}

int host_addr_in_use(struct nl_sock *h, const struct net_addr *a, uint32_t own_ctid,
		     struct vz_err *e)
{
	char text[NET_ADDR_STRLEN];
	struct net_addr full = *a;
	struct rtnl_link l;
	struct nl_fail f;
	bool local;
	int oif, r;

	r = host_addr_route(h, a, &oif, &local, &f);
	if (r < 0)
		return rtnl_fail(e, VZ_CANT_ADDIP, r, &f);
	if (r == 0)
		return 0;
	full.plen = 128;
	net_addr_format(&full, text);
	if (local) {
		vz_fail(e, VZ_IP_INUSE, EEXIST, "address %s is this node's own", text);
		return 1;
	}
	r = rtnl_link_get(h, NULL, oif, &l, &f);
	if (r < 0)	/* It went in between: so did its routes. */
		return 0;
	if (l.group == host_group(own_ctid))
		return 0;
	if (host_group_is_ours(l.group))
		vz_fail(e, VZ_IP_INUSE, EEXIST, "address %s is used by container %u", text,
			l.group & 0x7fffffffu);
	else
		vz_fail(e, VZ_IP_INUSE, EEXIST, "address %s is routed to device %s", text, l.name);
	return 1;
}

/* Proxy NDP answers only where the device allows it. */
static int allow_proxy_ndp(struct uplink *u, struct vz_err *e)
{
	char name[IF_NAMESIZE], path[96], v[8];

	if (u->ndp || !if_indextoname((unsigned int)u->ifindex, name))
		return 0;
	u->ndp = true;
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/proxy_ndp", name);
	if (io_read_small_at(AT_FDCWD, path, v, sizeof(v)) > 0 && str_eq(v, "1"))
		return 0;
	return sysctl6(name, "proxy_ndp", "1", e);
}

static int add_family(struct nl_sock *h, struct nl_batch *b, const struct net_plan *p, int family,
		      int oif, const struct net_addr *addrs, size_t n, uint16_t flags,
		      struct vz_err *e)
{
	struct uplinks u;
	int r = uplinks_load(h, p, family, &u, e);

	for (size_t i = 0; i < n && r >= 0; i++) {
		const struct net_addr *a = &addrs[i];

		if (a->family != family)
			continue;
		rtnl_route(b, RTM_NEWROUTE, NLM_F_CREATE | flags,
			   &(struct rtnl_route){ .family = family, .dst = a, .oif = oif,
						 .src = u.have_src ? &u.src : NULL });
		r = rtnl_flush(h, b, VZ_CANT_ADDIP, e);
		for (size_t k = 0; k < u.n && r >= 0; k++) {
			if (!uplink_wants(&u, k, a) || u.v[k].ifindex == oif)
				continue;
			if (family == AF_INET6)
				r = allow_proxy_ndp(&u.v[k], e);
			rtnl_proxy(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
				   u.v[k].ifindex, a);
			if (r >= 0)
				r = rtnl_flush(h, b, VZ_CANT_ADDIP, e);
		}
	}
	return r;
}

int host_addrs_add(struct nl_sock *h, struct nl_batch *b, const struct net_plan *p, int oif,
		   const struct net_addr *addrs, size_t n, bool replace, struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	/* EXCL: two containers that start at once cannot both have it. */
	uint16_t flags = replace ? NLM_F_REPLACE : NLM_F_EXCL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++) {
		if (host_has_family(addrs, n, families[i]))
			r = add_family(h, b, p, families[i], oif, addrs, n, flags, e);
	}
	if (r >= 0)
		r = rtnl_commit(h, b, VZ_CANT_ADDIP, e);
	if (r != -EEXIST)
		return r;
	/* Say whose it is, if it still is. */
	for (size_t i = 0; i < n; i++) {
		if (host_addr_in_use(h, &addrs[i], p->ctid, e) == 1)
			return -EEXIST;
	}
	return r;
}

/* ---- proxy neighbours ----------------------------------------------- */

struct proxies {
	const struct net_addr *addrs;
	size_t n_addrs, n;
	struct rtnl_proxy_info v[128];
};

static int see_proxy(const struct rtnl_proxy_info *i, void *arg)
{
	struct proxies *p = arg;

	if (i->protocol != NET_RTPROT || p->n == ARRAY_SIZE(p->v))
		return 0;
	for (size_t k = 0; k < p->n_addrs; k++) {
		if (net_addr_same(&p->addrs[k], &i->addr)) {
			p->v[p->n++] = *i;
			break;
		}
	}
	return 0;
}

/* Returns how many were deleted. */
static int del_some(struct nl_sock *h, const struct proxies *p, enum vz_code code,
		    struct vz_err *e)
{
	struct nl_batch b;
	struct nl_fail f;
	int r, n = 0;

	nl_batch_reset(&b);
	for (size_t i = 0; i < p->n; i++) {
		bool local;
		int oif;

		/* By now it is another's: a start that failed with "in use" ends here. */
		r = host_addr_route(h, &p->v[i].addr, &oif, &local, &f);
		if (r < 0)
			return rtnl_fail(e, code, r, &f);
		if (r > 0)
			continue;
		rtnl_proxy(&b, RTM_DELNEIGH, 0, p->v[i].ifindex, &p->v[i].addr);
		nl_tolerate(&b, ENOENT);
		n++;
		r = rtnl_flush(h, &b, code, e);
		if (r < 0)
			return r;
	}
	r = rtnl_commit(h, &b, code, e);
	return r < 0 ? r : n;
}

int host_proxies_del(struct nl_sock *h, const struct net_addr *addrs, size_t n,
		     enum vz_code code, struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct proxies p;
	struct nl_fail f;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int tries = 0;

		if (!host_has_family(addrs, n, families[i]) ||
		    (families[i] == AF_INET6 && !host_has_ipv6()))
			continue;
		do {
			p = (struct proxies){ .addrs = addrs, .n_addrs = n };
			r = rtnl_proxy_dump(h, families[i], see_proxy, &p, &f);
			if (r == -EAGAIN && ++tries < HOST_DUMP_TRIES)
				continue;
			if (r < 0)
				return rtnl_fail(e, code, r, &f);
			r = del_some(h, &p, code, e);
			if (r < 0)
				return r;
			/* A full list may have left some out. */
		} while (r == -EAGAIN || (p.n == ARRAY_SIZE(p.v) && r > 0));
	}
	return 0;
}
