// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes of a running container, and questions. */
#define VZ_ROOM "netns"
#include <sys/socket.h>

#include "ctside.h"

static int del_link(struct nl_sock *h, const struct rtnl_link *l, enum vz_code code,
		    struct vz_err *e)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_link_del(&b, l->ifindex);
	nl_tolerate(&b, ENODEV);
	return rtnl_commit(h, &b, code, e);
}

/* @l is the container's venet0; @fresh: made just now. */
static int live_add(struct nl_sock *h, struct nl_sock *c, const struct net_plan *p,
		    const struct rtnl_link *l, bool fresh, const struct net_addr *a, size_t n,
		    struct vz_err *e)
{
	bool have6 = host_has_family(p->addrs, p->n_addrs, AF_INET6) || a->family == AF_INET6;
	struct nl_batch b;
	struct nl_fail f;
	bool local;
	int r, oif;

	nl_batch_reset(&b);
	/* In the order of net_attach(), for its reasons. */
	if (fresh)
		ctside_up(&b, l->peer);
	r = ctside_addrs_add(c, &b, p, l->peer, a, n, !fresh && a->family == AF_INET6, e);
	if (r >= 0)
		r = rtnl_commit(c, &b, VZ_CANT_ADDIP, e);
	if (r >= 0 && (fresh || a->family == AF_INET6))
		r = host_venet_conf(&b, l, have6, e);
	if (r < 0)
		return r;
	r = host_addr_route(h, a, &oif, &local, &f);
	if (r < 0)
		return rtnl_fail(e, VZ_CANT_ADDIP, r, &f);
	/* An earlier call may have got as far as the route: do it all again. */
	return host_addrs_add(h, &b, p, l->ifindex, a, n, r == 1 && oif == l->ifindex, e);
}

static int del_host(struct nl_sock *h, const struct rtnl_link *l, const struct net_addr *a,
		    struct vz_err *e)
{
	struct nl_batch b;
	int r = 0;

	nl_batch_reset(&b);
	if (l->ifindex) {
		rtnl_route(&b, RTM_DELROUTE, 0,
			   &(struct rtnl_route){ .family = a->family, .dst = a,
						 .oif = l->ifindex });
		nl_tolerate(&b, ESRCH);
		r = rtnl_commit(h, &b, VZ_CANT_ADDIP, e);
	}
	return r < 0 ? r : host_proxies_del(h, a, 1, VZ_CANT_ADDIP, e);
}

static int del_ct(struct nl_sock *c, const struct net_plan *p, const struct rtnl_link *l,
		  const struct net_addr *a, struct vz_err *e)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_addr(&b, RTM_DELADDR, 0, l->peer, a, NULL);
	nl_tolerate(&b, EADDRNOTAVAIL);
	ctside_default(&b, p, l->peer, a->family, a->family == AF_INET6);
	return rtnl_commit(c, &b, VZ_CANT_ADDIP, e);
}

/* The plan's addresses when it has @a among them, else @a alone. */
static size_t all_or_one(const struct net_plan *p, const struct net_addr **a)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (net_addr_same(&p->addrs[i], *a)) {
			*a = p->addrs;
			return p->n_addrs;
		}
	}
	return 1;
}

int net_addr_add(const struct net_plan *p, int netns_fd, const struct net_addr *a,
		 struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	struct rtnl_link l = { 0 };
	bool fresh = false;
	char name[16];
	size_t n = 1;
	int r = host_open(&h, VZ_CANT_ADDIP, e);

	if (r >= 0)
		r = ctside_open(netns_fd, &c, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	r = host_addr_in_use(&h, a, p->ctid, e);
	if (r != 0)
		return r < 0 ? r : -EEXIST;
	net_venet_hostname(p->ctid, name);
	r = host_link(&h, p->ctid, name, &l, VZ_CANT_ADDIP, e);
	if (r == 0) {
		/* None yet, or the container deleted it: then all its addresses are gone. */
		fresh = true;
		n = all_or_one(p, &a);
		r = ctside_venet_make(&h, p, netns_fd, &l, e);
	}
	if (r < 0)
		return r;
	r = live_add(&h, &c, p, &l, fresh, a, n, e);
	if (r >= 0)
		return r;
	if (fresh) {
		(void)del_link(&h, &l, VZ_CANT_ADDIP, VZ_IGNORE);
		(void)host_proxies_del(&h, a, n, VZ_CANT_ADDIP, VZ_IGNORE);
	} else {
		(void)del_host(&h, &l, a, VZ_IGNORE);
		(void)del_ct(&c, p, &l, a, VZ_IGNORE);
	}
	return r;
}

int net_addr_del(const struct net_plan *p, int netns_fd, const struct net_addr *a,
		 struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	struct rtnl_link l = { 0 };
	char name[16];
	int r = host_open(&h, VZ_CANT_ADDIP, e);

	if (r < 0)
		return r;
	net_venet_hostname(p->ctid, name);
	r = host_link(&h, p->ctid, name, &l, VZ_CANT_ADDIP, e);
	if (r >= 0)
		r = del_host(&h, &l, a, e);
	if (r < 0 || !l.ifindex)
		return r;
	r = ctside_open(netns_fd, &c, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	return del_ct(&c, p, &l, a, e);
}

int net_veth_add(const struct net_plan *p, int netns_fd, const struct net_veth *v,
		 struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r = host_open(&h, VZ_VETH_ERROR, e);

	return r < 0 ? r : ctside_veth_make(&h, p->ctid, netns_fd, v, e);
}

int net_veth_del(uint32_t ctid, const struct net_veth *v, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	char name[16];
	int r = host_open(&h, VZ_VETH_ERROR, e);

	if (r < 0)
		return r;
	ctside_veth_name(ctid, v, name);
	r = host_link(&h, ctid, name, &l, VZ_VETH_ERROR, e);
	return r <= 0 ? r : del_link(&h, &l, VZ_VETH_ERROR, e);
}

/* ---- questions ------------------------------------------------------ */

static int link_stat(uint32_t ctid, const char *name, struct net_stat *ret, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	int r = host_open(&h, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	r = host_link(&h, ctid, name, &l, VZ_SYSTEM_ERROR, e);
	if (r < 0)
		return r;
	if (r == 0 || !l.have_stats)
		return vz_fail(e, VZ_SYSTEM_ERROR, ENODEV, "device %s", name);
	/* What our end sends, the container receives. */
	*ret = (struct net_stat){ .rx_bytes = l.stat.tx_bytes, .rx_packets = l.stat.tx_packets,
				  .tx_bytes = l.stat.rx_bytes, .tx_packets = l.stat.rx_packets };
	return 0;
}

int net_stat(uint32_t ctid, struct net_stat *ret, struct vz_err *e)
{
	char name[16];

	net_venet_hostname(ctid, name);
	return link_stat(ctid, name, ret, e);
}

int net_veth_stat(uint32_t ctid, const struct net_veth *v, struct net_stat *ret, struct vz_err *e)
{
	char name[16];

	ctside_veth_name(ctid, v, name);
	return link_stat(ctid, name, ret, e);
}

int net_addr_in_use(const struct net_addr *a, uint32_t own_ctid, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r = host_open(&h, VZ_CANT_ADDIP, e);

	return r < 0 ? r : host_addr_in_use(&h, a, own_ctid, e);
}
