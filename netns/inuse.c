// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose is an address on this node: host_addr_in_use(). */
#define VZ_ROOM "netns"
#include <stdio.h>
#include <sys/socket.h>

#include "host.h"

/* "is VERBed by container 101" for the owner of the device @oif; 0: it is @own_ctid's. */
static int say_owner(struct nl_sock *h, const char *what, const char *verb, int oif,
		     uint32_t own_ctid, struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;

	if (rtnl_link_get(h, NULL, oif, &l, &f) < 0)
		return 0;	/* It went in between: so did its routes. */
	if (l.group == host_group(own_ctid))
		return 0;
	if (host_group_is_ours(l.group))
		vz_fail(e, VZ_IP_INUSE, EEXIST, "%s is %s by container %u", what, verb,
			host_group_ctid(l.group));
	else
		vz_fail(e, VZ_IP_INUSE, EEXIST, "%s is routed to device %s", what, l.name);
	return 1;
}

/* A host address: what the node would do with a packet to it says all. */
static int addr_in_use(struct nl_sock *h, const struct net_addr *a, uint32_t own_ctid,
		       struct vz_err *e)
{
	const struct net_addr own = net_addr_own(a);
	char addr[NET_ADDR_STRLEN], net[NET_ADDR_STRLEN], what[2 * NET_ADDR_STRLEN + 32];
	struct rtnl_route_info i;
	struct nl_fail f;
	int r = rtnl_route_match(h, a, &i, &f);

	if (host_no_route(r))
		return 0;
	if (r < 0)
		return rtnl_fail(e, VZ_CANT_ADDIP, r, &f);
	net_addr_format(&own, addr);
	if (i.dst.plen == own.plen) {
		snprintf(what, sizeof(what), "address %s", addr);
		if (i.type == RTN_LOCAL || i.type == RTN_BROADCAST || i.type == RTN_ANYCAST) {
			vz_fail(e, VZ_IP_INUSE, EEXIST, "%s is this node's own", what);
			return 1;
		}
		return i.type == RTN_UNICAST ? say_owner(h, what, "used", i.oif, own_ctid, e) : 0;
	}
	/* Within what is routed to another container?  The node's own networks do not count. */
	if (i.protocol != NET_RTPROT || i.type != RTN_UNICAST)
		return 0;
	snprintf(what, sizeof(what), "address %s of the prefix %s", addr,
		 net_addr_format(&i.dst, net));
	return say_owner(h, what, "used", i.oif, own_ctid, e);
}

/* ---- prefixes ------------------------------------------------------- */

struct overlaps {
	const struct net_addr *prefix;
	struct rtnl_route_info *v;
	size_t n;
};

static int see_route(const struct rtnl_route_info *i, void *arg)
{
	struct overlaps *o = arg;
	const struct net_addr *p = o->prefix;

	if (!net_addr_in(p, i->dst.plen < p->plen ? i->dst.plen : p->plen, &i->dst))
		return 0;
	/* A wider route of the node's, such as the default, is what a prefix is cut from. */
	if (i->dst.plen < p->plen && i->protocol != NET_RTPROT)
		return 0;
	o->v = xgrow(o->v, o->n, sizeof(*o->v));
	o->v[o->n++] = *i;
	return 0;
}

static int see_addr(const struct rtnl_addr_info *i, void *arg)
{
	struct overlaps *o = arg;

	if (o->n || !net_addr_in(o->prefix, o->prefix->plen, &i->addr))
		return 0;
	o->v[o->n++].dst = i->addr;
	return 0;
}

/* Is one of the node's own addresses in the prefix?  1 and the text, 0. */
static int node_in_prefix(struct nl_sock *h, const struct net_addr *a, const char *text,
			  struct vz_err *e)
{
	char addr[NET_ADDR_STRLEN];
	struct rtnl_route_info one = { 0 };
	struct overlaps o;
	struct nl_fail f;
	int r, tries = 0;

	do {
		o = (struct overlaps){ .prefix = a, .v = &one };
		r = rtnl_addr_dump(h, a->family, see_addr, &o, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	if (r < 0)
		return rtnl_fail(e, VZ_CANT_ADDIP, r, &f);
	if (!o.n)
		return 0;
	vz_fail(e, VZ_IP_INUSE, EEXIST, "prefix %s has this node's own address %s", text,
		net_addr_format(&one.dst, addr));
	return 1;
}

static int prefix_in_use(struct nl_sock *h, const struct net_addr *a, uint32_t own_ctid,
			 struct vz_err *e)
{
	char text[NET_ADDR_STRLEN], other[NET_ADDR_STRLEN], what[2 * NET_ADDR_STRLEN + 32];
	struct overlaps o = { .prefix = a };
	struct nl_fail f;
	int r, tries = 0;

	net_addr_format(a, text);
	r = node_in_prefix(h, a, text, e);
	if (r != 0)
		return r;
	do {
		o.n = 0;
		r = rtnl_route_dump(h, a->family, 0, see_route, &o, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	/* -ENOENT: no such table, no route. */
	if (r < 0 && r != -ENOENT)
		rtnl_fail(e, VZ_CANT_ADDIP, r, &f);
	else
		r = 0;
	for (size_t i = 0; i < o.n && r == 0; i++) {
		net_addr_format(&o.v[i].dst, other);
		snprintf(what, sizeof(what), "prefix %s overlaps %s, which", text, other);
		if (o.v[i].oif) {
			r = say_owner(h, what, "used", o.v[i].oif, own_ctid, e);
		} else if (o.v[i].dst.plen >= a->plen) {
			vz_fail(e, VZ_IP_INUSE, EEXIST, "%s has a route of its own", what);
			r = 1;
		}
	}
	free(o.v);
	return r;
}

int host_addr_in_use(struct nl_sock *h, const struct net_addr *a, uint32_t own_ctid,
		     struct vz_err *e)
{
	return net_addr_is_prefix(a) ? prefix_in_use(h, a, own_ctid, e) :
				       addr_in_use(h, a, own_ctid, e);
}

int host_addrs_free(struct nl_sock *h, const struct net_addr *addrs, size_t n,
		    uint32_t own_ctid, struct vz_err *e)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		if (addrs[i].family == AF_INET6 && !host_has_ipv6())
			return vz_fail(e, VZ_CANT_ADDIP, EAFNOSUPPORT,
				       "this node's kernel has no IPv6");
		r = host_addr_in_use(h, &addrs[i], own_ctid, e);
		if (r != 0)
			return r < 0 ? r : -EEXIST;
	}
	return 0;
}
