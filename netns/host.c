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

bool host_first_addr(const struct net_plan *p, int family, struct net_addr *ret)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (p->addrs[i].family == family) {
			*ret = net_addr_own(&p->addrs[i]);
			return true;
		}
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

int host_open_link(struct nl_sock *ret_h, uint32_t ctid, const char *name, struct rtnl_link *ret,
		   enum vz_code code, struct vz_err *e)
{
	int r = host_open(ret_h, code, e);
	char venet[16];

	if (r < 0)
		return r;
	net_venet_hostname(ctid, venet);
	return host_link(ret_h, ctid, name ? name : venet, ret, code, e);
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

int host_addr_route(struct nl_sock *h, const struct net_addr *a, int *ret_oif, struct nl_fail *f)
{
	struct rtnl_route_info i;
	int r = rtnl_route_match(h, a, &i, f);

	if (host_no_route(r))
		return 0;
	if (r < 0)
		return r;
	if (i.dst.plen != (a->family == AF_INET6 ? 128 : 32))
		return 0;
	*ret_oif = i.oif;
	return i.type == RTN_LOCAL || i.type == RTN_UNICAST;
}

struct net_addr *host_addrs_sorted(const struct net_addr *addrs, size_t n)
{
	struct net_addr *v = xcalloc(n ? n : 1, sizeof(*v));

	if (n)
		memcpy(v, addrs, n * sizeof(*v));
	qsort(v, n, sizeof(*v), net_addr_cmp);
	return v;
}

bool host_addrs_have(const struct net_addr *sorted, size_t n, const struct net_addr *a)
{
	const struct net_addr *k = n ? bsearch(a, sorted, n, sizeof(*a), net_addr_cmp) : NULL;

	return k && net_addr_same_route(k, a);
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

struct adding {
	struct nl_sock *h;
	struct nl_batch *b;
	int oif;
	const struct net_addr *have;	/* sorted */
	size_t n_have;
	struct uplinks u;
	struct announce tell;
};

static int add_one(struct adding *ad, const struct net_addr *a, struct vz_err *e)
{
	struct rtnl_route route = { .family = a->family, .dst = a, .oif = ad->oif,
				    .src = ad->u.have_src ? &ad->u.src : NULL };
	bool again = host_addrs_have(ad->have, ad->n_have, a);
	int r;

	/* EXCL: two containers that start at once cannot both have it. */
	rtnl_route(ad->b, RTM_NEWROUTE, NLM_F_CREATE | (again ? NLM_F_REPLACE : NLM_F_EXCL),
		   &route);
	r = rtnl_flush(ad->h, ad->b, VZ_CANT_ADDIP, e);
	for (size_t k = 0; k < ad->u.n && r >= 0; k++) {
		if (!uplink_wants(&ad->u, k, a) || ad->u.v[k].ifindex == ad->oif)
			continue;
		if (a->family == AF_INET6)
			r = allow_proxy_ndp(&ad->u.v[k], e);
		rtnl_proxy(ad->b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
			   ad->u.v[k].ifindex, a);
		announce_add(&ad->tell, ad->u.v[k].ifindex, a);
		if (r >= 0)
			r = rtnl_flush(ad->h, ad->b, VZ_CANT_ADDIP, e);
	}
	return r;
}

int host_addrs_add(struct nl_sock *h, struct nl_batch *b, const struct net_plan *p, int oif,
		   const struct net_addr *addrs, size_t n, const struct net_addr *have,
		   size_t n_have, struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct adding ad = { .h = h, .b = b, .oif = oif, .have = have, .n_have = n_have };
	int r = 0;

	for (size_t k = 0; k < ARRAY_SIZE(families) && r >= 0; k++) {
		if (!host_has_family(addrs, n, families[k]))
			continue;
		r = uplinks_load(h, p, families[k], &ad.u, e);
		for (size_t i = 0; i < n && r >= 0; i++) {
			if (addrs[i].family == families[k])
				r = add_one(&ad, &addrs[i], e);
		}
	}
	if (r >= 0)
		r = rtnl_commit(h, b, VZ_CANT_ADDIP, e);
	if (r >= 0)
		announce_start(&ad.tell, p->detect == NET_DETECT_LATER);
	announce_done(&ad.tell);
	if (r != -EEXIST)
		return r;
	/* Say whose it is, if it still is. */
	for (size_t i = 0; i < n; i++) {
		if (host_addr_in_use(h, &addrs[i], p->ctid, e) == 1)
			return -EEXIST;
	}
	return r;
}

int host_detect(struct nl_sock *h, const struct net_plan *p, const struct net_addr *addrs,
		size_t n, const struct net_addr *have, size_t n_have, struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	_cleanup_announce_ struct announce ask = { 0 };
	struct uplinks u;
	int r;

	if (p->detect != NET_DETECT_FIRST)
		return 0;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		if (!host_has_family(addrs, n, families[f]))
			continue;
		r = uplinks_load(h, p, families[f], &u, e);
		if (r < 0)
			return r;
		for (size_t i = 0; i < n; i++) {
			if (addrs[i].family != families[f] ||
			    host_addrs_have(have, n_have, &addrs[i]))
				continue;
			for (size_t k = 0; k < u.n; k++)
				if (uplink_wants(&u, k, &addrs[i]))
					announce_add(&ask, u.v[k].ifindex, &addrs[i]);
		}
	}
	return announce_detect(&ask, e);
}

int host_addrs_del(struct nl_sock *h, int oif, const struct net_addr *addrs, size_t n,
		   enum vz_code code, struct vz_err *e)
{
	struct nl_batch b;
	int r = 0;

	nl_batch_reset(&b);
	for (size_t i = 0; oif && i < n && r >= 0; i++) {
		rtnl_route(&b, RTM_DELROUTE, 0,
			   &(struct rtnl_route){ .family = addrs[i].family, .dst = &addrs[i],
						 .oif = oif });
		nl_tolerate(&b, ESRCH);
		r = rtnl_flush(h, &b, code, e);
	}
	if (r >= 0)
		r = rtnl_commit(h, &b, code, e);
	/* After the routes: an address that still has one is another's. */
	return r < 0 ? r : host_proxies_del(h, addrs, n, code, e);
}

/* ---- what should not be there ----------------------------------------- */

struct extra {
	struct net_addr *plan, *v;
	size_t n_plan, n;
};

static int see_route(const struct rtnl_route_info *i, void *arg)
{
	struct extra *x = arg;

	if (i->protocol != NET_RTPROT || host_addrs_have(x->plan, x->n_plan, &i->dst))
		return 0;
	x->v = xgrow(x->v, x->n, sizeof(*x->v));
	x->v[x->n++] = i->dst;
	return 0;
}

static int extra_family(struct nl_sock *h, int family, int oif, struct extra *x,
			struct nl_fail *f)
{
	size_t start = x->n;
	int r, tries = 0;

	do {
		x->n = start;
		r = rtnl_route_dump(h, family, oif, see_route, x, f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	/*
	 * No such table: no route.  No such device: the namespace ended just now and
	 * took the link with its routes along.
	 */
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int host_extra(struct nl_sock *h, const struct net_plan *p, int oif, struct net_addr **ret,
	       size_t *ret_n, enum vz_code code, struct vz_err *e)
{
	struct extra x = { .plan = host_addrs_sorted(p->addrs, p->n_addrs), .n_plan = p->n_addrs };
	struct nl_fail f;
	int r = extra_family(h, AF_INET, oif, &x, &f);

	if (r >= 0 && host_has_ipv6())
		r = extra_family(h, AF_INET6, oif, &x, &f);
	free(x.plan);
	if (r < 0) {
		free(x.v);
		return rtnl_fail(e, code, r, &f);
	}
	if (x.n)
		qsort(x.v, x.n, sizeof(*x.v), net_addr_cmp);
	*ret = x.v;
	*ret_n = x.n;
	return 0;
}

/* ---- proxy neighbours ----------------------------------------------- */

struct proxies {
	struct net_addr *addrs;		/* sorted */
	size_t n_addrs, n;
	struct rtnl_proxy_info *v;
};

static int see_proxy(const struct rtnl_proxy_info *i, void *arg)
{
	struct proxies *p = arg;

	if (i->protocol != NET_RTPROT || !p->n_addrs ||
	    !bsearch(&i->addr, p->addrs, p->n_addrs, sizeof(i->addr), net_addr_cmp))
		return 0;
	p->v = xgrow(p->v, p->n, sizeof(*p->v));
	p->v[p->n++] = *i;
	return 0;
}

static int del_proxies(struct nl_sock *h, const struct proxies *p, enum vz_code code,
		       struct vz_err *e)
{
	struct nl_batch b;
	struct nl_fail f;
	int r = 0;

	nl_batch_reset(&b);
	for (size_t i = 0; i < p->n && r >= 0; i++) {
		int oif;

		/* By now it is another's: a start that failed with "in use" ends here. */
		r = host_addr_route(h, &p->v[i].addr, &oif, &f);
		if (r < 0)
			return rtnl_fail(e, code, r, &f);
		if (r > 0)
			continue;
		rtnl_proxy(&b, RTM_DELNEIGH, 0, p->v[i].ifindex, &p->v[i].addr);
		nl_tolerate(&b, ENOENT);
		r = rtnl_flush(h, &b, code, e);
	}
	return r < 0 ? r : rtnl_commit(h, &b, code, e);
}

static int del_family(struct nl_sock *h, struct proxies *p, int family, enum vz_code code,
		      struct vz_err *e)
{
	struct nl_fail f;
	int r, tries = 0;

	do {
		p->n = 0;
		r = rtnl_proxy_dump(h, family, see_proxy, p, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	return r < 0 ? rtnl_fail(e, code, r, &f) : del_proxies(h, p, code, e);
}

int host_proxies_del(struct nl_sock *h, const struct net_addr *addrs, size_t n,
		     enum vz_code code, struct vz_err *e)
{
	struct proxies p = { .addrs = host_addrs_sorted(addrs, n), .n_addrs = n };
	int r = 0;

	if (host_has_family(addrs, n, AF_INET))
		r = del_family(h, &p, AF_INET, code, e);
	if (r >= 0 && host_has_family(addrs, n, AF_INET6) && host_has_ipv6())
		r = del_family(h, &p, AF_INET6, code, e);
	free(p.addrs);
	free(p.v);
	return r;
}
