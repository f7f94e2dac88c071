// SPDX-License-Identifier: GPL-2.0-or-later
/* See traffic-bpf.h. */
#define VZ_ROOM "netns"
#include "traffic-bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "dp.h"
#include "guard.h"

static int failed(int r, struct vz_err *e)
{
	return r >= 0 ? 0 : vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot use the maps of counters");
}

/* ---- links --------------------------------------------------------------------- */

static bool wants_guard(const struct net_plan *p, const char *ifname)
{
	if (p->guard == NET_GUARD_NO)
		return false;
	for (size_t i = 0; i < p->n_veths; i++)
		if (str_eq(p->veths[i].ifname, ifname))
			return p->veths[i].mac_filter;
	return true;
}

int bpf_traffic_can(const struct net_plan *p, const struct net_traffic *t,
		    const struct rate_link *links, size_t n, struct vz_err *e)
{
	struct port port;
	int r;

	if (t->n_classes || t->n_caps)
		return 0;
	r = guard_way(p, e);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		uint32_t ifindex = (uint32_t)links[i].l.ifindex;

		if (wants_guard(p, links[i].ifname) && dp_get(DP_ports, &ifindex, &port) < 0)
			return 0;
	}
	return 1;
}

/* The kernel passes what is bridged to iptables. */
static bool bridge_is_filtered(void)
{
	static const char *const files[] = { "bridge-nf-call-iptables",
					     "bridge-nf-call-ip6tables" };
	char path[64], text[8];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/sys/net/bridge/%s", files[i]);
		if (io_read_small_at(AT_FDCWD, path, text, sizeof(text)) > 0 && !str_eq(text, "0"))
			return true;
	}
	return false;
}

static bool has_vlans(const struct net_plan *p, const char *ifname)
{
	for (size_t i = 0; i < p->n_veths; i++)
		if (str_eq(p->veths[i].ifname, ifname))
			return p->veths[i].pvid || p->veths[i].n_tagged;
	return false;
}

/* Where nothing but the bridge's table decides where a frame goes. */
static bool may_shorten(struct nl_sock *h, const struct net_plan *p, const struct rate_link *l,
			const struct port *port)
{
	struct rtnl_link bridge;
	struct nl_fail f;

	return p->shortcut && l->l.master && port->flags & PORT_GUARD && !bridge_is_filtered() &&
	       !has_vlans(p, l->ifname) &&
	       rtnl_link_get(h, NULL, l->l.master, &bridge, &f) >= 0 &&
	       str_eq(bridge.kind, "bridge") && !bridge.vlan_filtering;
}

static int count(struct nl_sock *h, const struct net_plan *p, const struct rate_link *l,
		 uint64_t id)
{
	uint32_t ctid = p->ctid, ifindex = (uint32_t)l->l.ifindex;
	struct port port = { 0 };
	int r = bpf_port_own(ctid, ifindex, l->l.name, id);

	if (r < 0)
		return r;
	(void)dp_get(DP_ports, &ifindex, &port);
	bpf_peer_put(&port, ifindex, false);
	port.flags = (port.flags | PORT_COUNT) & ~(uint32_t)PORT_SHORT;
	port.bridge = 0;
	if (may_shorten(h, p, l, &port)) {
		port.flags |= PORT_SHORT;
		port.bridge = (uint32_t)l->l.master;
		bpf_peer_put(&port, ifindex, true);
	}
	r = dp_put(DP_ports, &ifindex, &port, 0);
	if (r >= 0)
		r = dp_attach(DP_INGRESS, ifindex);
	return r < 0 ? r : dp_attach(DP_EGRESS, ifindex);
}

struct whole {
	uint32_t ctid;
	uint64_t id;
	int r;
};

static void set_id(uint32_t ifindex, const struct port_owner *o, void *arg)
{
	struct whole *w = arg;
	struct port_owner now = *o;

	if (o->ctid != w->ctid || o->id == w->id || w->r < 0)
		return;
	now.id = w->id;
	w->r = dp_put(DP_owners, &ifindex, &now, 0);
}

int bpf_traffic_on(struct nl_sock *h, const struct net_plan *p, const struct rate_link *links,
		   size_t n, uint64_t id, struct vz_err *e)
{
	_cleanup_close_ int lock = dp_hold(e);
	int r = 0;

	if (lock < 0)
		return lock;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = count(h, p, &links[i], id);
	return failed(r, e);
}

static int stop(uint32_t ifindex)
{
	struct port p;
	int r = dp_get(DP_ports, &ifindex, &p);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!(p.flags & PORT_COUNT))
		return 0;
	bpf_peer_put(&p, ifindex, false);
	p.flags &= ~(uint32_t)(PORT_COUNT | PORT_SHORT);
	p.bridge = 0;
	r = dp_detach(DP_EGRESS, ifindex);
	if (r >= 0 && p.flags)
		return dp_put(DP_ports, &ifindex, &p, 0);
	if (r >= 0)
		r = dp_detach(DP_INGRESS, ifindex);
	return r < 0 ? r : dp_del(DP_ports, &ifindex);
}

int bpf_traffic_off(const struct net_plan *p, const struct rate_link *links, size_t n,
		    uint64_t id, struct vz_err *e)
{
	struct whole w = { p->ctid, id, 0 };
	int r = dp_open(e);

	if (r < 0)
		return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = stop((uint32_t)links[i].l.ifindex);
	if (r >= 0)
		r = bpf_owners(set_id, &w);
	return failed(r < 0 ? r : w.r, e);
}

/* ---- counters ------------------------------------------------------------------- */

struct reading {
	uint32_t ctid;		/* 0: all */
	net_counts_fn fn;
	void *arg;
	int r;
};

static void see_counters(uint32_t ifindex, const struct port_owner *o, void *arg)
{
	struct reading *rd = arg;
	struct net_counts n = { .id = o->id, .have = 1u << NET_CLASS_DEFAULT };
	struct net_count *c = &n.cls[NET_CLASS_DEFAULT];
	struct port_stats s;

	/* 0: the port is guarded here, and counted elsewhere or not yet. */
	if (!o->id || (rd->ctid && o->ctid != rd->ctid) || rd->r < 0 ||
	    dp_stats_get(ifindex, &s) < 0)
		return;
	*c = (struct net_count){ s.rx_bytes, s.rx_packets, s.tx_bytes, s.tx_packets };
	rd->r = rd->fn(o->ctid, &n, rd->arg);
}

int bpf_traffic_read(uint32_t ctid, net_counts_fn fn, void *arg, struct vz_err *e)
{
	struct reading rd = { ctid, fn, arg, 0 };
	int r = dp_open(e);

	if (r < 0)
		return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
	r = bpf_owners(see_counters, &rd);
	return r < 0 ? failed(r, e) : rd.r;
}

static void forget(uint32_t ifindex, const struct port_owner *o, void *arg)
{
	const uint32_t *ctid = arg;

	if (o->ctid != *ctid)
		return;
	(void)dp_detach(DP_EGRESS, ifindex);
	(void)dp_detach(DP_INGRESS, ifindex);
	bpf_port_forget(ifindex);
}

int bpf_traffic_remove(uint32_t ctid, struct vz_err *e)
{
	int r = dp_open(e);

	if (r < 0)
		return r == -ENOENT || r == -EOPNOTSUPP ? 0 : r;
	return failed(bpf_owners(forget, &ctid), e);
}
