// SPDX-License-Identifier: GPL-2.0-or-later
/* Bridged interfaces: a pair with one end in a bridge of the node. */
#define VZ_ROOM "netns"
#include <linux/ip.h>
#include <stdio.h>
#include <sys/socket.h>

#include "brport.h"
#include "ctside.h"
#include "link.h"

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

void ctside_mac_random(uint8_t mac[6])
{
	char text[18];

	net_mac_generate(text);
	(void)parse_mac(text, mac);
}

void ctside_veth_name(uint32_t ctid, const struct net_veth *v, char buf[16])
{
	if (v->host_ifname && *v->host_ifname)
		snprintf(buf, 16, "%s", v->host_ifname);
	else
		net_veth_hostname(ctid, v->ifname, buf);
}

static bool given(const char *s)
{
	return s && *s;
}

static int parse_macs(const struct net_veth *v, uint8_t mac[6], uint8_t host_mac[6],
		      struct vz_err *e)
{
	if (!given(v->mac))
		ctside_mac_random(mac);
	else if (parse_mac(v->mac, mac) < 0)
		return vz_fail(e, VZ_VETH_ERROR, EINVAL, "bad MAC address %s for %s", v->mac,
			       v->ifname);
	if (given(v->host_mac)) {
		if (parse_mac(v->host_mac, host_mac) < 0)
			return vz_fail(e, VZ_VETH_ERROR, EINVAL, "bad host MAC address %s for %s",
				       v->host_mac, v->ifname);
		return 0;
	}
	/* A bridge takes the lowest MAC of its ports: never this one. */
	memcpy(host_mac, mac, 6);
	host_mac[0] = 0xfe;
	return 0;
}

static struct guard_port port_of(const char *dev, const struct net_veth *v, const uint8_t mac[6])
{
	struct guard_port p = { .addrs = v->addrs, .n_addrs = v->n_addrs, .tagged = v->tagged,
				.n_tagged = v->n_tagged };

	snprintf(p.dev, sizeof(p.dev), "%s", dev);
	memcpy(p.mac, mac, sizeof(p.mac));
	return p;
}

struct guard_port ctside_veth_port(uint32_t ctid, const struct net_veth *v)
{
	uint8_t mac[6] = { 0 };
	char dev[16] = "";

	if (given(v->mac) && parse_mac(v->mac, mac) >= 0)
		ctside_veth_name(ctid, v, dev);
	return port_of(dev, v, mac);
}

static bool wants_vlan(const struct net_veth *v)
{
	return v->pvid || v->n_tagged;
}

/* The bridge's ifindex, or 0 when none is asked for. */
static int find_bridge(struct nl_sock *h, const struct net_veth *v, int *ret, struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;
	int r;

	*ret = 0;
	if (!given(v->bridge)) {
		if (wants_vlan(v))
			return vz_fail(e, VZ_VETH_ERROR, EINVAL,
				       "%s has a VLAN but no bridge whose port could be in it",
				       v->ifname);
		return 0;
	}
	r = rtnl_link_get(h, v->bridge, 0, &l, &f);
	if (r < 0)
		return vz_fail(e, VZ_VETH_ERROR, -r, "bridge %s of %s", v->bridge, v->ifname);
	if (!str_eq(l.kind, "bridge"))
		return vz_fail(e, VZ_VETH_ERROR, EINVAL, "device %s of %s is not a bridge",
			       v->bridge, v->ifname);
	/* Frames would go out untagged, to everybody. */
	if (wants_vlan(v) && !l.vlan_filtering)
		return vz_fail(e, VZ_VETH_ERROR, EINVAL,
			       "bridge %s of %s does not tell VLANs apart (ip link set %s type bridge vlan_filtering 1)",
			       v->bridge, v->ifname, v->bridge);
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

/* ---- VLANs ------------------------------------------------------------- */

static bool is_tagged(const struct net_veth *v, unsigned int vid)
{
	for (size_t i = 0; i < v->n_tagged; i++) {
		if (v->tagged[i] == vid)
			return true;
	}
	return false;
}

/* The port is in what @v says and in nothing else, whatever it was in before. */
static int set_vlans(struct nl_sock *h, struct nl_batch *b, int ifindex, const struct net_veth *v,
		     struct vz_err *e)
{
	struct rtnl_vlans now;
	struct nl_fail f;
	int tries = 0, r;

	if (!wants_vlan(v))
		return 0;
	do {
		r = rtnl_brvlan_get(h, ifindex, &now, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	if (r < 0)
		return rtnl_fail(e, VZ_VETH_ERROR, r, &f);
	for (unsigned int id = 1; id < RTNL_VLANS - 1 && r >= 0; id++) {
		bool pvid = id == v->pvid, want = pvid || is_tagged(v, id);
		bool have = rtnl_vlan_has(now.on, id);

		if (want)
			rtnl_brvlan(b, RTM_NEWLINK, ifindex, (uint16_t)id, pvid, pvid);
		else if (have)
			rtnl_brvlan(b, RTM_DELLINK, ifindex, (uint16_t)id, false, false);
		if (want || have)
			r = rtnl_flush(h, b, VZ_VETH_ERROR, e);
	}
	return r;
}

/* ---- inside ------------------------------------------------------------- */

static void put_gateway(struct nl_batch *b, uint16_t type, int ifindex, const struct net_addr *gw)
{
	struct rtnl_route r = { .family = gw->family, .via = gw, .oif = ifindex };

	if (!gw->family)
		return;
	rtnl_route(b, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &r);
	nl_tolerate(b, type == RTM_NEWROUTE ? EEXIST : ESRCH);
}

static int put_addrs(struct nl_sock *c, struct nl_batch *b, uint16_t type, int ifindex,
		     const struct net_veth *v, struct vz_err *e)
{
	bool add = type == RTM_NEWADDR;
	int r = 0;

	for (size_t i = 0; i < v->n_addrs && r >= 0; i++) {
		rtnl_addr_net(b, type, add ? NLM_F_CREATE | NLM_F_REPLACE : 0, ifindex,
			      &v->addrs[i]);
		if (!add)
			nl_tolerate(b, EADDRNOTAVAIL);
		r = rtnl_flush(c, b, VZ_VETH_ERROR, e);
	}
	return r;
}

/* Addresses need a link that is up for their gateways. */
static int set_inside(struct nl_sock *c, int ifindex, const struct net_veth *was,
		      const struct net_veth *now, struct vz_err *e)
{
	struct nl_batch b;
	int r = 0;

	nl_batch_reset(&b);
	if (was) {
		put_gateway(&b, RTM_DELROUTE, ifindex, &was->gw4);
		put_gateway(&b, RTM_DELROUTE, ifindex, &was->gw6);
		r = put_addrs(c, &b, RTM_DELADDR, ifindex, was, e);
	}
	if (r < 0)
		return r;
	if (now->n_addrs)
		rtnl_link_up(&b, ifindex);
	r = put_addrs(c, &b, RTM_NEWADDR, ifindex, now, e);
	if (r >= 0) {
		put_gateway(&b, RTM_NEWROUTE, ifindex, &now->gw4);
		put_gateway(&b, RTM_NEWROUTE, ifindex, &now->gw6);
		r = rtnl_commit(c, &b, VZ_VETH_ERROR, e);
	}
	return r;
}

/* ---- making ------------------------------------------------------------- */

int ctside_veth_make(struct nl_sock *h, uint32_t ctid, int netns_fd, const struct net_veth *v,
		     struct ctside_veth *ret, struct vz_err *e)
{
	struct ctside_veth made = { .v = v, .netns_fd = netns_fd, .guarded = v->mac_filter };
	char dev[16];
	struct rtnl_veth rv = { .name = dev, .peer_name = v->ifname, .peer_netns_fd = netns_fd,
				.group = host_group(ctid), .mtu = v->mtu };
	struct rtnl_link l = { 0 };
	int r;

	ctside_veth_name(ctid, v, dev);
	r = parse_macs(v, rv.peer_mac, rv.mac, e);
	if (r >= 0)
		r = find_bridge(h, v, &rv.master, e);
	if (r >= 0)
		r = ctside_pair_make(h, ctid, &rv, VZ_VETH_ERROR, e);
	if (r >= 0)
		r = ctside_own_link(h, ctid, dev, &l, VZ_VETH_ERROR, e);
	if (r < 0)
		return r;
	made.ifindex = l.ifindex;
	made.peer = l.peer;
	made.bridged = rv.master != 0;
	made.port = port_of(dev, v, rv.peer_mac);
	*ret = made;
	return 0;
}

int ctside_veth_up(struct nl_sock *h, const struct ctside_veth *m, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock c = NL_SOCK_INIT;
	char path[96];
	struct nl_batch b;
	int r;

	nl_batch_reset(&b);
	if (host_has_ipv6()) {
		/* The container is no router of ours. */
		snprintf(path, sizeof(path), "ipv6/conf/%s/accept_ra", m->port.dev);
		r = host_sysctl(path, "0");
		if (r < 0)
			return vz_fail(e, VZ_VETH_ERROR, -r, "cannot set /proc/sys/net/%s to 0",
				       path);
	}
	veth_conf(&b, m->ifindex, m->bridged);
	r = set_vlans(h, &b, m->ifindex, m->v, e);
	if (r < 0)
		return r;
	/* After the VLANs: the entry is made in each of them. */
	if (m->bridged && m->guarded)
		brport_guard(&b, m->ifindex, m->port.mac);
	rtnl_link_up(&b, m->ifindex);
	r = rtnl_commit(h, &b, VZ_VETH_ERROR, e);
	if (r < 0 || !m->v->n_addrs || m->v->tap)
		return r;
	r = ctside_open(m->netns_fd, &c, VZ_VETH_ERROR, e);
	return r < 0 ? r : set_inside(&c, m->peer, NULL, m->v, e);
}

/* Made, guarded and up, in a container that runs. */
static int make_live(struct nl_sock *h, const struct net_plan *p, int netns_fd,
		     const struct net_veth *v, struct vz_err *e)
{
	struct ctside_veth made;
	int r = ctside_veth_make(h, p->ctid, netns_fd, v, &made, e);

	if (r < 0)
		return r;
	if (made.guarded)
		r = guard_port_add(p, &made.port, e);
	if (r >= 0)
		r = ctside_veth_up(h, &made, e);
	if (r < 0)
		(void)net_veth_del(p->ctid, v, VZ_IGNORE);
	return r;
}

int net_veth_add(const struct net_plan *p, int netns_fd, const struct net_veth *v,
		 struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r = host_open(&h, VZ_VETH_ERROR, e);

	return r < 0 ? r : make_live(&h, p, netns_fd, v, e);
}

/* ---- changing ----------------------------------------------------------- */

struct veth_ends {
	struct rtnl_link host;
	struct nl_sock *h, *c;
	int inside;		/* ifindex, 0: not in the container's own namespace */
};

/* Its root may have moved it to a namespace of its own: then the index is another's. */
static int find_inside(struct veth_ends *x, struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;
	int r;

	x->inside = 0;
	r = rtnl_link_get(x->c, NULL, x->host.peer, &l, &f);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return rtnl_fail(e, VZ_VETH_ERROR, r, &f);
	if (str_eq(l.kind, "veth") && l.peer == x->host.ifindex)
		x->inside = l.ifindex;
	return 0;
}

static bool same(const char *a, const char *b)
{
	return str_eq(a ? a : "", b ? b : "");
}

static bool vlans_differ(const struct net_veth *a, const struct net_veth *b)
{
	return a->pvid != b->pvid || a->n_tagged != b->n_tagged ||
	       (a->n_tagged && memcmp(a->tagged, b->tagged, a->n_tagged * sizeof(*a->tagged)) != 0);
}

static bool addrs_differ(const struct net_veth *a, const struct net_veth *b)
{
	for (size_t i = 0; i < a->n_addrs && a->n_addrs == b->n_addrs; i++) {
		if (!net_addr_same(&a->addrs[i], &b->addrs[i]))
			return true;
	}
	return a->n_addrs != b->n_addrs;
}

/* What differs at the host's end; a rename needs it down before Linux 6.2. */
static void put_host(struct nl_batch *b, const struct veth_ends *x, const char *name,
		     const struct net_veth *was, const struct net_veth *now, int master,
		     const uint8_t mac[6], bool rejoin)
{
	struct rtnl_setlink s = { .name = name, .mtu = now->mtu ? now->mtu : 1500 };

	if (memcmp(mac, x->host.mac, 6) != 0)
		s.set |= RTNL_SET_MAC;
	memcpy(s.mac, mac, 6);
	if (was->mtu != now->mtu)
		s.set |= RTNL_SET_MTU;
	if (!str_eq(name, x->host.name))
		s.set |= RTNL_SET_NAME | RTNL_SET_DOWN;
	if (s.set)
		rtnl_setlink(b, x->host.ifindex, &s);
	s.set = RTNL_SET_MASTER;
	if (rejoin && x->host.master)
		rtnl_setlink(b, x->host.ifindex, &s);
	s.master = master;
	if (rejoin && master)
		rtnl_setlink(b, x->host.ifindex, &s);
}

/* The filter of the port as @now wants it; the port's settings follow it. */
static int set_guard(const struct veth_ends *x, const struct net_plan *p, const char *name,
		     const struct net_veth *now, const uint8_t mac[6], struct vz_err *e)
{
	struct guard_port port = port_of(name, now, mac);
	int r = 0;

	/* Of two chains on one device both decide: no moment without any. */
	if (now->mac_filter)
		r = guard_port_add(p, &port, e);
	if (r >= 0 && (!str_eq(name, x->host.name) || !now->mac_filter))
		r = guard_port_del(p->ctid, x->host.name, e);
	return r;
}

static int set_host(const struct veth_ends *x, const struct net_plan *p,
		    const struct net_veth *was, const struct net_veth *now,
		    const uint8_t mac[6], const uint8_t host_mac[6], struct vz_err *e)
{
	bool vlan = vlans_differ(was, now), moved, filter, rejoin;
	char name[16];
	struct nl_batch b;
	int master, r = find_bridge(x->h, now, &master, e);

	if (r < 0)
		return r;
	ctside_veth_name(p->ctid, now, name);
	moved = x->host.master != master;
	filter = was->mac_filter != now->mac_filter ||
		 (now->mac_filter && (!same(was->mac, now->mac) || addrs_differ(was, now) ||
				      vlan || !str_eq(name, x->host.name)));
	/* A port that joins again has the bridge's defaults, and its old entries are gone. */
	rejoin = moved || (vlan && !wants_vlan(now)) || was->mac_filter != now->mac_filter ||
		 (now->mac_filter && !same(was->mac, now->mac));
	nl_batch_reset(&b);
	put_host(&b, x, name, was, now, master, host_mac, rejoin);
	r = rtnl_commit(x->h, &b, VZ_VETH_ERROR, e);
	if (r >= 0 && filter)
		r = set_guard(x, p, name, now, mac, e);
	if (r >= 0 && (rejoin || vlan))
		r = set_vlans(x->h, &b, x->host.ifindex, now, e);
	if (r < 0)
		return r;
	if (master && now->mac_filter && (rejoin || vlan))
		brport_guard(&b, x->host.ifindex, mac);
	if (moved)
		veth_conf(&b, x->host.ifindex, master != 0);
	rtnl_link_up(&b, x->host.ifindex);
	return rtnl_commit(x->h, &b, VZ_VETH_ERROR, e);
}

static int set_peer(const struct veth_ends *x, const struct net_veth *was,
		    const struct net_veth *now, const uint8_t mac[6], struct vz_err *e)
{
	struct rtnl_setlink s = { .mtu = now->mtu ? now->mtu : 1500 };
	struct nl_batch b;
	int r;

	if (!x->inside)
		return 0;
	nl_batch_reset(&b);
	if (!same(was->mac, now->mac) && given(now->mac))
		s.set |= RTNL_SET_MAC;
	memcpy(s.mac, mac, 6);
	if (was->mtu != now->mtu)
		s.set |= RTNL_SET_MTU;
	if (s.set)
		rtnl_setlink(&b, x->inside, &s);
	r = rtnl_commit(x->c, &b, VZ_VETH_ERROR, e);
	return r < 0 ? r : set_inside(x->c, x->inside, was, now, e);
}

/* The MAC inside that the guard is to know. */
static int inner_mac(const struct veth_ends *x, const struct net_veth *now, uint8_t mac[6],
		     struct vz_err *e)
{
	struct rtnl_link l;
	struct nl_fail f;
	int r;

	if (given(now->mac) || !x->inside)
		return 0;
	r = rtnl_link_get(x->c, NULL, x->inside, &l, &f);
	if (r < 0)
		return rtnl_fail(e, VZ_VETH_ERROR, r, &f);
	memcpy(mac, l.mac, 6);
	return 0;
}

static int change(struct veth_ends *x, const struct net_plan *p, const struct net_veth *was,
		  const struct net_veth *now, struct vz_err *e)
{
	uint8_t mac[6], host_mac[6];
	int r = parse_macs(now, mac, host_mac, e);

	if (r >= 0)
		r = inner_mac(x, now, mac, e);
	if (r < 0)
		return r;
	/* Neither given: what it has stays. */
	if (!given(now->host_mac) && !given(now->mac))
		memcpy(host_mac, x->host.mac, sizeof(host_mac));
	r = set_host(x, p, was, now, mac, host_mac, e);
	return r < 0 ? r : set_peer(x, was, now, mac, e);
}

int net_veth_set(const struct net_plan *p, int netns_fd, const struct net_veth *was,
		 const struct net_veth *now, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	struct veth_ends x = { .h = &h, .c = &c };
	char name[16], new_name[16];
	struct nl_fail f;
	int r;

	ctside_veth_name(p->ctid, was, name);
	ctside_veth_name(p->ctid, now, new_name);
	r = host_open(&h, VZ_VETH_ERROR, e);
	if (r >= 0)
		r = host_link(&h, p->ctid, name, &x.host, VZ_VETH_ERROR, e);
	if (r == 0)
		return make_live(&h, p, netns_fd, now, e);
	if (r > 0 && !str_eq(name, new_name))
		r = net_veth_check(p->ctid, now, e);
	if (r >= 0)
		r = ctside_open(netns_fd, &c, VZ_VETH_ERROR, e);
	if (r >= 0)
		r = find_inside(&x, e);
	if (r < 0)
		return r;
	r = change(&x, p, was, now, e);
	if (r < 0 && rtnl_link_get(&h, NULL, x.host.ifindex, &x.host, &f) >= 0)
		(void)change(&x, p, now, was, VZ_IGNORE);
	return r;
}

/* ---- what somebody changed on the node ----------------------------------- */

static int restore_end(struct nl_sock *h, const struct net_veth *v, const struct rtnl_link *l,
		       const uint8_t mac[6], const uint8_t host_mac[6], int master,
		       struct vz_err *e)
{
	struct rtnl_setlink s = { .mtu = v->mtu, .master = master };
	struct nl_batch b;
	int r;

	nl_batch_reset(&b);
	if ((given(v->mac) || given(v->host_mac)) && memcmp(host_mac, l->mac, 6) != 0)
		s.set |= RTNL_SET_MAC;
	memcpy(s.mac, host_mac, 6);
	if (v->mtu && v->mtu != l->mtu)
		s.set |= RTNL_SET_MTU;
	/* Without a bridge in the plan the administrator's script may have one. */
	if (master && master != l->master)
		s.set |= RTNL_SET_MASTER;
	if (s.set)
		rtnl_setlink(&b, l->ifindex, &s);
	r = rtnl_commit(h, &b, VZ_VETH_ERROR, e);
	if (r >= 0)
		r = set_vlans(h, &b, l->ifindex, v, e);
	if (r < 0)
		return r;
	if (master && v->mac_filter && given(v->mac))
		brport_guard(&b, l->ifindex, mac);
	rtnl_link_up(&b, l->ifindex);
	return rtnl_commit(h, &b, VZ_VETH_ERROR, e);
}

int net_veth_restore(const struct net_plan *p, const struct net_veth *v, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct guard_port port = ctside_veth_port(p->ctid, v);
	uint8_t mac[6], host_mac[6];
	struct rtnl_link l;
	char name[16];
	int master, r;

	ctside_veth_name(p->ctid, v, name);
	r = host_open_link(&h, p->ctid, name, &l, VZ_VETH_ERROR, e);
	if (r <= 0)
		return r;
	r = parse_macs(v, mac, host_mac, e);
	if (r >= 0)
		r = find_bridge(&h, v, &master, e);
	/* Guarded before it is in its bridge. */
	if (r >= 0 && v->mac_filter && given(v->mac))
		r = guard_port_add(p, &port, e);
	return r < 0 ? r : restore_end(&h, v, &l, mac, host_mac, master, e);
}

/* ---- questions ---------------------------------------------------------- */

int net_veth_check(uint32_t ctid, const struct net_veth *v, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	char name[16];
	int master, r;

	ctside_veth_name(ctid, v, name);
	r = host_open_link(&h, ctid, name, &l, VZ_VETH_ERROR, e);
	return r < 0 ? r : find_bridge(&h, v, &master, e);
}

struct mac_search {
	uint32_t group;
	uint8_t mac[6];
	char *found;
};

static int see_mac(const struct rtnl_link *l, void *arg)
{
	const struct mac_search *s = arg;

	/* A macvlan in passthru mode, a bond's port: those are not ours to judge. */
	if (memcmp(l->mac, s->mac, 6) == 0 && l->group != s->group && !str_eq(l->kind, "bridge"))
		memcpy(s->found, l->name, sizeof(l->name));
	return 0;
}

int net_mac_find(uint32_t ctid, const char *mac, char ret_dev[16], struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct mac_search s = { .group = host_group(ctid), .found = ret_dev };
	struct nl_fail f;
	int tries = 0, r = host_open(&h, VZ_VETH_ERROR, e);

	if (r < 0)
		return r;
	if (parse_mac(mac, s.mac) < 0)
		return vz_fail(e, VZ_VETH_ERROR, EINVAL, "bad MAC address %s", mac);
	do {
		*ret_dev = '\0';
		r = rtnl_link_dump(&h, see_mac, &s, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	return r < 0 ? rtnl_fail(e, VZ_VETH_ERROR, r, &f) : 0;
}
