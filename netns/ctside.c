// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "ctside.h"

#include <fcntl.h>
#include <linux/ip.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/io.h"
#include "brport.h"

/* Never an address of anything: NOARP makes any on-link gateway right. */
static const struct net_addr gw4 = { AF_INET, { 169, 254, 1, 1 }, 32 };
static const struct net_addr gw6 = { AF_INET6, { 0xfe, 0x80, [15] = 1 }, 128 };

int ctside_open(int netns_fd, struct nl_sock *ret, enum vz_code code, struct vz_err *e)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (own < 0)
		return vz_fail(e, code, errno, "cannot open /proc/thread-self/ns/net");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return vz_fail(e, code, errno, "cannot enter the container's network namespace");
	/* A netlink socket stays with the namespace that it was made in. */
	r = nl_open(ret);
	/* Going on in a container's namespace would apply host changes there. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	return r < 0 ? vz_fail(e, code, -r, "cannot open a netlink socket in the container") : 0;
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++, text += 3) {
		static const char hex[] = "0123456789abcdef0123456789ABCDEF";
		const char *hi = *text ? strchr(hex, text[0]) : NULL;
		const char *lo = hi && text[1] ? strchr(hex, text[1]) : NULL;

		if (!lo || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(((hi - hex) & 15) << 4 | ((lo - hex) & 15));
	}
	return mac[0] & 1 ? -EINVAL : 0;
}

static void random_mac(uint8_t mac[6])
{
	char text[18];

	net_mac_generate(text);
	(void)parse_mac(text, mac);
}

/* A left-over of an earlier run is ours to replace; anything else is not. */
static int make_pair(struct nl_sock *h, uint32_t ctid, const struct rtnl_veth *v,
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
static int own_link(struct nl_sock *h, uint32_t ctid, const char *name, struct rtnl_link *ret,
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
	random_mac(v.mac);
	memcpy(v.peer_mac, v.mac, sizeof(v.mac));
	r = make_pair(h, p->ctid, &v, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	r = own_link(h, p->ctid, name, ret, VZ_CANT_ADDIP, e);
	return r < 0 ? r : 0;
}

void ctside_veth_name(uint32_t ctid, const struct net_veth *v, char buf[16])
{
	if (v->host_ifname && *v->host_ifname)
		snprintf(buf, 16, "%s", v->host_ifname);
	else
		net_veth_hostname(ctid, v->ifname, buf);
}

static int veth_macs(const struct net_veth *v, struct rtnl_veth *rv, struct vz_err *e)
{
	bool given = v->mac && *v->mac;

	if (!given)
		random_mac(rv->peer_mac);
	else if (parse_mac(v->mac, rv->peer_mac) < 0)
		return vz_fail(e, VZ_VETH_ERROR, EINVAL, "bad MAC address %s for %s", v->mac,
			       v->ifname);
	if (v->host_mac && *v->host_mac) {
		if (parse_mac(v->host_mac, rv->mac) < 0)
			return vz_fail(e, VZ_VETH_ERROR, EINVAL, "bad host MAC address %s for %s",
				       v->host_mac, v->ifname);
		return 0;
	}
	/* A bridge takes the lowest MAC of its ports: never this one. */
	memcpy(rv->mac, rv->peer_mac, sizeof(rv->mac));
	rv->mac[0] = 0xfe;
	return 0;
}

static int find_bridge(struct nl_sock *h, const struct net_veth *v, int *ret, struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;
	int r;

	if (!v->bridge || !*v->bridge)
		return 0;
	r = rtnl_link_get(h, v->bridge, 0, &l, &f);
	if (r < 0)
		return vz_fail(e, VZ_VETH_ERROR, -r, "bridge %s of %s", v->bridge, v->ifname);
	*ret = l.ifindex;
	return 0;
}

/* Without a bridge the host routes, as vznetaddbr of vzctl 4.x prepares it. */
static void veth_conf(struct nl_batch *b, int ifindex, bool bridged)
{
	static const struct rtnl_inet_conf routed[] = {
		{ IPV4_DEVCONF_FORWARDING, 1 },
		{ IPV4_DEVCONF_PROXY_ARP, 1 },
	};

	bool ipv6 = host_has_ipv6();

	if (ipv6 || !bridged)
		rtnl_link_conf(b, ifindex, routed, bridged ? 0 : ARRAY_SIZE(routed), ipv6);
}

int ctside_veth_make(struct nl_sock *h, uint32_t ctid, int netns_fd, const struct net_veth *v,
		     struct ctside_veth *ret, struct vz_err *e)
{
	struct ctside_veth made = { .guarded = v->mac_filter };
	struct guard_port *p = &made.port;
	struct rtnl_veth rv = { .name = p->dev, .peer_name = v->ifname, .peer_netns_fd = netns_fd,
				.group = host_group(ctid) };
	struct rtnl_link l;
	int r;

	ctside_veth_name(ctid, v, p->dev);
	r = veth_macs(v, &rv, e);
	if (r >= 0)
		r = find_bridge(h, v, &rv.master, e);
	if (r >= 0)
		r = make_pair(h, ctid, &rv, VZ_VETH_ERROR, e);
	if (r >= 0)
		r = own_link(h, ctid, p->dev, &l, VZ_VETH_ERROR, e);
	if (r < 0)
		return r;
	made.ifindex = l.ifindex;
	made.bridged = rv.master != 0;
	memcpy(p->mac, rv.peer_mac, sizeof(p->mac));
	p->addrs = v->addrs;
	p->n_addrs = v->n_addrs;
	*ret = made;
	return 0;
}

int ctside_veth_up(struct nl_sock *h, const struct ctside_veth *v, struct vz_err *e)
{
	char path[96];
	struct nl_batch b;
	int r;

	nl_batch_reset(&b);
	if (host_has_ipv6()) {
		/* The container is no router of ours. */
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", v->port.dev);
		r = io_write_small_at(AT_FDCWD, path, "0");
		if (r < 0)
			return vz_fail(e, VZ_VETH_ERROR, -r, "cannot set %s to 0", path);
	}
	veth_conf(&b, v->ifindex, v->bridged);
	if (v->bridged && v->guarded)
		brport_guard(&b, v->ifindex, v->port.mac);
	rtnl_link_up(&b, v->ifindex);
	return rtnl_commit(h, &b, VZ_VETH_ERROR, e);
}

/* ---- inside --------------------------------------------------------- */

void ctside_up(struct nl_batch *b, int ifindex)
{
	/* Like OpenVZ's venet0: no link-local address, so no router is solicited either. */
	if (host_has_ipv6())
		rtnl_link_conf(b, ifindex, NULL, 0, true);
	rtnl_link_up(b, ifindex);
}

static bool first_of(const struct net_plan *p, int family, struct net_addr *ret)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (p->addrs[i].family == family) {
			*ret = net_addr_own(&p->addrs[i]);
			return true;
		}
	}
	return false;
}

void ctside_default(struct nl_batch *b, const struct net_plan *p, int ifindex, int family,
		    bool renew)
{
	struct rtnl_route r = { .family = family, .oif = ifindex,
				.via = family == AF_INET6 ? &gw6 : &gw4 };
	struct net_addr first;
	bool have = first_of(p, family, &first);

	/* Matches our protocol number: not a route that the container made. */
	if (!have || renew) {
		rtnl_route(b, RTM_DELROUTE, 0, &r);
		nl_tolerate(b, ESRCH);
	}
	if (!have)
		return;
	/* IPv4 prefers the first address by itself, IPv6 the last. */
	if (family == AF_INET6)
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

int ctside_addrs_add(struct nl_sock *c, struct nl_batch *b, const struct net_plan *p, int ifindex,
		     const struct net_addr *addrs, size_t n, bool renew6, struct vz_err *e)
{
	struct alias l = { .p = p };
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		struct net_addr own = net_addr_own(&addrs[i]);

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
