// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "ctside.h"
#include "link.h"

#include <fcntl.h>
#include <linux/ip.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/io.h"

/* Never an address of anything: NOARP makes any on-link gateway right. */
static const struct net_addr gw4 = { AF_INET, { 169, 254, 1, 1 }, 32 };
static const struct net_addr gw6 = { AF_INET6, { 0xfe, 0x80, [15] = 1 }, 128 };

/* A left-over of an earlier run is ours to replace; anything else is not. */
int ctside_pair_make(struct nl_sock *h, uint32_t ctid, const struct rtnl_veth *v,
		     enum vz_code code, struct vz_err *e)
{
	struct rtnl_link old;
	struct vz_err first;
	struct nl_batch b;
	int r;

	nl_batch_reset(&b);
	rtnl_veth_add(&b, v);
	r = rtnl_commit(h, &b, code, &first);
	if (r == -EEXIST) {
		r = host_link(h, ctid, v->name, &old, code, e);
		if (r < 0)
			return r;
		if (r > 0) {
			rtnl_link_del(&b, old.ifindex);
			nl_tolerate(&b, ENODEV);
			r = rtnl_commit(h, &b, code, e);
			if (r < 0)
				return r;
		}
		rtnl_veth_add(&b, v);
		r = rtnl_commit(h, &b, code, &first);
	}
	if (r < 0)
		*e = first;
	return r;
}

/* host_link() of a link that must be there. */
int ctside_own_link(struct nl_sock *h, uint32_t ctid, const char *name, struct rtnl_link *ret,
		    enum vz_code code, struct vz_err *e)
{
	int r = host_link(h, ctid, name, ret, code, e);

	return r == 0 ? vz_fail(e, code, ENODEV, "device %s is gone already", name) : r;
}

int ctside_venet_make(struct nl_sock *h, const struct net_plan *p, int netns_fd,
		      struct rtnl_link *ret, struct vz_err *e)
{
	char name[16];
	struct rtnl_veth v = { .name = name, .peer_name = "venet0", .peer_netns_fd = netns_fd,
			       .group = host_group(p->ctid), .noarp = true };
	int r;

	net_venet_hostname(p->ctid, name);
	ctside_mac_random(v.mac);
	memcpy(v.peer_mac, v.mac, sizeof(v.mac));
	r = ctside_pair_make(h, p->ctid, &v, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	r = ctside_own_link(h, p->ctid, name, ret, VZ_CANT_ADDIP, e);
	return r < 0 ? r : 0;
}

/* ---- inside --------------------------------------------------------- */

void ctside_up(struct nl_batch *b, int ifindex)
{
	/* Like OpenVZ's venet0: no link-local address, so no router is solicited either. */
	if (host_has_ipv6())
		rtnl_link_conf(b, ifindex, NULL, 0, true);
	rtnl_link_up(b, ifindex);
}

void ctside_default(struct nl_batch *b, const struct net_plan *p, int ifindex, int family,
		    bool renew)
{
	struct rtnl_route r = { .family = family, .oif = ifindex,
				.via = family == AF_INET6 ? &gw6 : &gw4 };
	struct net_addr first;
	bool have = host_first_addr(p, family, &first);

	/* Matches our protocol number: not a route that the container made. */
	if (!have || renew) {
		rtnl_route(b, RTM_DELROUTE, 0, &r);
		nl_tolerate(b, ESRCH);
	}
	if (!have)
		return;
	/* IPv4 prefers the first address by itself, IPv6 the last. */
	if (family == AF_INET6 && !p->tap)
		r.src = &first;
	/* A container that has chosen another default route, keeps it. */
	rtnl_route(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r);
	nl_tolerate(b, EEXIST);
	if (!renew || !r.src)
		return;
	/* And one that has removed that address still has a route. */
	nl_tolerate(b, EINVAL);
	r.src = NULL;
	rtnl_route(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &r);
	nl_tolerate(b, EEXIST);
}

/*
 * venet0:N, as OpenVZ numbers aliases and distribution scripts look for them: N counts
 * the IPv4 addresses of the plan.  Those of a call come in the plan's order, so the
 * search goes on where the last one ended.
 */
struct alias {
	const struct net_plan *p;
	size_t next;		/* in the plan */
	unsigned int n;		/* IPv4 addresses before it */
	char label[16];
};

static const char *alias(struct alias *l, const struct net_addr *a)
{
	const struct net_plan *p = l->p;

	if (a->family != AF_INET)
		return NULL;
	for (size_t k = 0; k <= p->n_addrs; k++) {
		if (l->next >= p->n_addrs)
			l->next = l->n = 0;
		if (l->next < p->n_addrs && net_addr_same(&p->addrs[l->next], a))
			break;
		l->n += l->next < p->n_addrs && p->addrs[l->next].family == AF_INET;
		l->next++;
	}
	snprintf(l->label, sizeof(l->label), "venet0:%u", l->n);
	return l->label;
}

/*
 * What the container has not given to anything of the prefix ends here: by its default
 * route it would come back to the node, and so on until the hop limit (RFC 7084, WPD-5).
 */
static void prefix_end(struct nl_batch *b, const struct net_addr *a, bool add)
{
	struct rtnl_route r = { .family = a->family, .type = RTN_UNREACHABLE, .dst = a };

	rtnl_route(b, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &r);
	nl_tolerate(b, add ? EEXIST : ESRCH);
}

/* To the guest behind the tap, which has the address itself. */
static void to_guest(struct nl_batch *b, const struct net_addr *a, bool add)
{
	struct rtnl_route r = { .family = a->family, .dst = a, .oif = NET_TAP_IFINDEX,
				.via = ctside_tap_guest(a->family) };

	rtnl_route(b, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_REPLACE : 0,
		   &r);
	if (!add)
		nl_tolerate(b, ESRCH);
}

int ctside_addrs_add(struct nl_sock *c, struct nl_batch *b, const struct net_plan *p, int ifindex,
		     const struct net_addr *addrs, size_t n, bool renew6, struct vz_err *e)
{
	struct alias l = { .p = p };
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct net_addr own = net_addr_own(&addrs[i]);

		if (p->tap) {
			to_guest(b, &addrs[i], true);
			r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
			continue;
		}
		rtnl_addr(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, ifindex, &own,
			  alias(&l, &addrs[i]));
		r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
		if (r >= 0 && net_addr_is_prefix(&addrs[i])) {
			prefix_end(b, &addrs[i], true);
			r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
		}
	}
	if (r >= 0 && host_has_family(addrs, n, AF_INET))
		ctside_default(b, p, ifindex, AF_INET, false);
	if (r >= 0 && host_has_family(addrs, n, AF_INET6))
		ctside_default(b, p, ifindex, AF_INET6, renew6);
	return r;
}

/* What the plan gives the container, sorted; the caller frees. */
static struct net_addr *own_addrs(const struct net_plan *p)
{
	struct net_addr *v = host_addrs_sorted(p->addrs, p->n_addrs);

	for (size_t i = 0; i < p->n_addrs; i++)
		v[i] = net_addr_own(&v[i]);
	qsort(v, p->n_addrs, sizeof(*v), net_addr_cmp);
	return v;
}

int ctside_addrs_del(struct nl_sock *c, struct nl_batch *b, const struct net_plan *p, int ifindex,
		     const struct net_addr *addrs, size_t n, struct vz_err *e)
{
	struct net_addr *left = own_addrs(p);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct net_addr own = net_addr_own(&addrs[i]);

		if (p->tap) {
			to_guest(b, &addrs[i], false);
			r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
			continue;
		}
		/* Another entry may give the same address: 2001:db8::/64 and 2001:db8::1. */
		if (!host_addrs_have(left, p->n_addrs, &own)) {
			rtnl_addr(b, RTM_DELADDR, 0, ifindex, &own, NULL);
			nl_tolerate(b, EADDRNOTAVAIL);
			r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
		}
		if (r >= 0 && net_addr_is_prefix(&addrs[i])) {
			prefix_end(b, &addrs[i], false);
			r = rtnl_flush(c, b, VZ_CANT_ADDIP, e);
		}
	}
	free(left);
	if (r >= 0 && host_has_family(addrs, n, AF_INET))
		ctside_default(b, p, ifindex, AF_INET, false);
	if (r >= 0 && host_has_family(addrs, n, AF_INET6))
		ctside_default(b, p, ifindex, AF_INET6, true);
	return r < 0 ? r : rtnl_commit(c, b, VZ_CANT_ADDIP, e);
}
