// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ports in the maps of dp.h.  A port is one element of map ports, with the addresses that
 * most have; others are elements of own and nets under the port's generation, a random
 * number: a changed port has a new one, so that it changes with that one element.
 */
#include "guard-int.h"

#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "dp.h"
#include "host.h"

#define NS_PER_S 1000000000ULL
#define SPREAD (PORT_MORE | PORT_NETS4 | PORT_NETS6 | PORT_VLANS)

_Static_assert((int)PD_N == (int)DROP_REASONS, "both name the same reasons, in one order");

static int failed(int r, const char *dev, struct vz_err *e)
{
	return r >= 0 ? 0 : vz_fail(e, VZ_CANT_ADDIP, -r, "cannot guard %s", dev);
}

/* ---- what a port consists of ------------------------------------------------- */

/* Elements of own and nets, to be written or to be looked for. */
struct spread {
	struct port_own *own;
	size_t n_own;
	struct port_net *nets;
	size_t n_nets;
};

static void spread_done(struct spread *s)
{
	free(s->own);
	free(s->nets);
}

#define _cleanup_spread_ _cleanup_(spread_done)

static uint64_t new_gen(void)
{
	uint64_t gen = 0;

	while (!gen && getrandom(&gen, sizeof(gen), 0) != sizeof(gen))
		;
	return gen;
}

static uint32_t kind_of(const struct net_addr *a)
{
	return a->family == AF_INET6 ? PORT_OWN_IP6 : PORT_OWN_IP4;
}

static void add_own(struct port *p, struct spread *s, uint32_t kind, const void *data, size_t len)
{
	struct port_own *o;

	s->own = xgrow(s->own, s->n_own, sizeof(*s->own));
	o = &s->own[s->n_own++];
	*o = (struct port_own){ .gen = p->gen, .kind = kind };
	memcpy(o->a, data, len);
	p->flags |= kind == PORT_OWN_VLAN ? PORT_VLANS : PORT_MORE;
}

static void add_net(struct port *p, struct spread *s, const struct net_addr *a)
{
	uint8_t first[16], last[16];
	struct port_net *n;

	s->nets = xgrow(s->nets, s->n_nets, sizeof(*s->nets));
	n = &s->nets[s->n_nets++];
	*n = (struct port_net){ .prefixlen = PORT_NET_BITS + net_addr_route_len(a),
				.kind = kind_of(a),
				.gen = { (uint32_t)p->gen, (uint32_t)(p->gen >> 32) } };
	guard_addr_bounds(a, first, last);
	memcpy(n->a, first, host_addr_len(a));
	p->flags |= a->family == AF_INET6 ? PORT_NETS6 : PORT_NETS4;
}

static void add_addr(struct port *p, struct spread *s, const struct net_addr *a)
{
	if (net_addr_is_prefix(a)) {
		add_net(p, s, a);
	} else if (a->family == AF_INET && !(p->flags & PORT_IP4)) {
		memcpy(&p->ip4, a->a, 4);
		p->flags |= PORT_IP4;
	} else if (a->family == AF_INET6 && !(p->flags & PORT_IP6)) {
		memcpy(p->ip6, a->a, 16);
		p->flags |= PORT_IP6;
	} else {
		add_own(p, s, kind_of(a), a->a, host_addr_len(a));
	}
}

static void want(const struct guard_port *g, uint32_t bcast_rate, uint64_t gen, struct port *p,
		 struct spread *s)
{
	*p = (struct port){ .gen = gen, .flags = PORT_GUARD };
	for (size_t i = 0; i < g->n_addrs; i++)
		if (!guard_addr_covered(g, i))
			add_addr(p, s, &g->addrs[i]);
	if (g->routed) {
		p->flags |= PORT_ROUTED;
		return;
	}
	memcpy(p->mac, g->mac, sizeof(p->mac));
	if (g->n_addrs) {
		struct net_addr local = guard_local_addr(g);

		memcpy(p->local, local.a, sizeof(p->local));
		p->flags |= PORT_ADDRS;
	}
	for (size_t i = 0; i < g->n_tagged; i++) {
		uint32_t id = g->tagged[i];

		add_own(p, s, PORT_OWN_VLAN, &id, sizeof(id));
	}
	if (bcast_rate) {
		p->gap = NS_PER_S / bcast_rate;
		p->burst = NS_PER_S - p->gap;
	}
}

/* ---- elements ------------------------------------------------------------------ */

static int put_spread(const struct spread *s)
{
	uint8_t one = 1;
	int r = 0;

	for (size_t i = 0; i < s->n_own && r >= 0; i++)
		r = dp_put(DP_own, &s->own[i], &one, 0);
	for (size_t i = 0; i < s->n_nets && r >= 0; i++)
		r = dp_put(DP_nets, &s->nets[i], &one, 0);
	return r;
}

static uint64_t own_gen(const struct port_own *k)
{
	return k->gen;
}

static uint64_t net_gen(const struct port_net *k)
{
	return k->gen[0] | (uint64_t)k->gen[1] << 32;
}

/* Calls @fn for each element of own and nets. */
typedef void (*spread_fn)(enum dp_map map, const void *key, uint64_t gen, void *arg);

static void for_spread(spread_fn fn, void *arg)
{
	_cleanup_free_ struct port_own *own = NULL;
	_cleanup_free_ struct port_net *nets = NULL;
	size_t n_own, n_nets;

	(void)dp_keys(DP_own, &own, &n_own);
	(void)dp_keys(DP_nets, &nets, &n_nets);
	for (size_t i = 0; i < n_own; i++)
		fn(DP_own, &own[i], own_gen(&own[i]), arg);
	for (size_t i = 0; i < n_nets; i++)
		fn(DP_nets, &nets[i], net_gen(&nets[i]), arg);
}

static void drop_gen(enum dp_map map, const void *key, uint64_t gen, void *arg)
{
	if (gen == *(uint64_t *)arg)
		(void)dp_del(map, key);
}

static void drop_spread(const struct port *p)
{
	uint64_t gen = p->gen;

	if (p->flags & SPREAD)
		for_spread(drop_gen, &gen);
}

void bpf_peer_put(const struct port *p, uint32_t ifindex, bool add)
{
	struct port_peer k = { .bridge = p->bridge };
	uint32_t there;

	memcpy(k.mac, p->mac, sizeof(k.mac));
	if (add)
		(void)dp_put(DP_peers, &k, &ifindex, 0);
	else if (p->flags & PORT_SHORT && dp_get(DP_peers, &k, &there) >= 0 && there == ifindex)
		(void)dp_del(DP_peers, &k);
}

/* What a device of this number has of an earlier one's. */
void bpf_port_forget(uint32_t ifindex)
{
	struct port old;

	if (dp_get(DP_ports, &ifindex, &old) >= 0) {
		bpf_peer_put(&old, ifindex, false);
		(void)dp_del(DP_ports, &ifindex);
		drop_spread(&old);
	}
	(void)dp_del(DP_stats, &ifindex);
	(void)dp_del(DP_slow, &ifindex);
	(void)dp_del(DP_owners, &ifindex);
}

/* Whose it is, and counters: those of a port that stays go on. */
int bpf_port_own(uint32_t ctid, uint32_t ifindex, const char *dev, uint64_t id)
{
	struct port_owner o = { 0 };
	static const struct port_slow none;
	int r;

	if (dp_get(DP_owners, &ifindex, &o) >= 0 && o.ctid != ctid) {
		bpf_port_forget(ifindex);
		o.id = 0;
	}
	o.ctid = ctid;
	if (id)
		o.id = id;
	memset(o.dev, 0, sizeof(o.dev));
	snprintf(o.dev, sizeof(o.dev), "%s", dev);
	r = dp_put(DP_owners, &ifindex, &o, 0);
	if (r >= 0)
		r = dp_put(DP_slow, &ifindex, &none, BPF_NOEXIST);
	return r < 0 && r != -EEXIST ? r : dp_stats_make(ifindex);
}

int bpf_guard_put(uint32_t ctid, uint32_t bcast_rate, const struct guard_port *g, struct vz_err *e)
{
	_cleanup_spread_ struct spread s = { 0 };
	uint32_t ifindex = if_nametoindex(g->dev);
	_cleanup_close_ int lock = -1;
	struct port old = { 0 }, p;
	int r;

	if (!ifindex)
		return vz_fail(e, VZ_VETH_ERROR, errno, "cannot guard %s", g->dev);
	lock = dp_hold(e);
	if (lock < 0)
		return lock;
	want(g, bcast_rate, new_gen(), &p, &s);
	r = bpf_port_own(ctid, ifindex, g->dev, 0);
	if (r >= 0)
		r = put_spread(&s);
	if (r >= 0 && dp_get(DP_ports, &ifindex, &old) >= 0)
		p.flags |= old.flags & PORT_COUNT;
	bpf_peer_put(&old, ifindex, false);
	if (r >= 0)
		r = dp_put(DP_ports, &ifindex, &p, 0);
	if (r >= 0)
		r = dp_attach(DP_INGRESS, ifindex);
	if (r >= 0)
		drop_spread(&old);
	return failed(r, g->dev, e);
}

/* ---- ports that are there -------------------------------------------------------- */

int bpf_owners(bpf_owner_fn fn, void *arg)
{
	_cleanup_free_ uint32_t *v = NULL;
	size_t n;
	int r = dp_keys(DP_owners, &v, &n);

	for (size_t i = 0; i < n; i++) {
		struct port_owner o;

		if (dp_get(DP_owners, &v[i], &o) >= 0)
			fn(v[i], &o, arg);
	}
	return r;
}

struct found {
	uint32_t ctid;
	const char *dev;	/* or NULL */
	uint32_t *v;
	size_t n;
};

static void see_owner(uint32_t ifindex, const struct port_owner *o, void *arg)
{
	struct found *f = arg;
	struct port p;

	if (o->ctid != f->ctid || (f->dev && !str_eq(o->dev, f->dev)) ||
	    dp_get(DP_ports, &ifindex, &p) < 0 || !(p.flags & PORT_GUARD))
		return;
	f->v = xgrow(f->v, f->n, sizeof(*f->v));
	f->v[f->n++] = ifindex;
}

int bpf_guard_has(uint32_t ctid, const char *dev)
{
	struct found f = { ctid, dev, NULL, 0 };
	struct port_owner o;
	uint32_t ifindex;
	int r = 0;

	if (!dev) {
		r = bpf_owners(see_owner, &f);
	} else {
		ifindex = if_nametoindex(dev);
		if (ifindex && dp_get(DP_owners, &ifindex, &o) >= 0)
			see_owner(ifindex, &o, &f);
	}
	free(f.v);
	return r < 0 ? r : f.n > 0;
}

static int del_port(uint32_t ifindex, bool whole)
{
	struct port p = { 0 }, count = { .flags = PORT_COUNT };
	struct port_owner o = { 0 };
	int r;

	(void)dp_get(DP_ports, &ifindex, &p);
	(void)dp_get(DP_owners, &ifindex, &o);
	bpf_peer_put(&p, ifindex, false);
	/* What is counted only goes on. */
	if (!whole && p.flags & PORT_COUNT) {
		r = dp_put(DP_ports, &ifindex, &count, 0);
	} else {
		r = dp_detach(DP_INGRESS, ifindex);
		(void)dp_del(DP_ports, &ifindex);
	}
	drop_spread(&p);
	/* Never counted: nobody asks for its counters. */
	if (!o.id)
		bpf_port_forget(ifindex);
	return r;
}

int bpf_guard_del(uint32_t ctid, const char *dev, struct vz_err *e)
{
	struct found f = { ctid, dev, NULL, 0 };
	int r = bpf_owners(see_owner, &f);

	for (size_t i = 0; i < f.n && r >= 0; i++)
		r = del_port(f.v[i], !dev);
	free(f.v);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot remove the guard of %s",
			       dev ? dev : "the container") : 0;
}

struct gens {
	uint64_t *v;
	size_t n;
};

static void drop_dead(enum dp_map map, const void *key, uint64_t gen, void *arg)
{
	const struct gens *g = arg;

	for (size_t i = 0; i < g->n; i++)
		if (g->v[i] == gen)
			return;
	(void)dp_del(map, key);
}

/* Where somebody puts something just now, it is left for the next time. */
void bpf_guard_tidy(void)
{
	_cleanup_close_ int lock = dp_lock(LOCK_EX | LOCK_NB);
	_cleanup_free_ uint32_t *ports = NULL;
	struct gens g = { NULL, 0 };
	size_t n;

	if (lock < 0 || dp_keys(DP_ports, &ports, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct port p;

		if (dp_get(DP_ports, &ports[i], &p) < 0 || !(p.flags & SPREAD))
			continue;
		g.v = xgrow(g.v, g.n, sizeof(*g.v));
		g.v[g.n++] = p.gen;
	}
	for_spread(drop_dead, &g);
	free(g.v);
	dp_tidy();
}

/* ---- questions -------------------------------------------------------------------- */

int bpf_guard_look(uint32_t ctid, struct vz_strv *ret, guard_drop_fn fn, void *arg,
		   struct vz_err *e)
{
	struct found f = { ctid, NULL, NULL, 0 };
	struct port_slow sum = { 0 };
	int r = bpf_owners(see_owner, &f);

	for (size_t i = 0; i < f.n && r >= 0; i++) {
		struct port_slow s = { 0 };
		struct port_owner o;

		if (dp_get(DP_owners, &f.v[i], &o) < 0)
			continue;
		(void)dp_get(DP_slow, &f.v[i], &s);
		for (size_t d = 0; d < PD_N; d++) {
			sum.drops[d].packets += s.drops[d].packets;
			sum.drops[d].bytes += s.drops[d].bytes;
		}
		if (dp_attached(DP_INGRESS, f.v[i]) > 0)
			vz_strv_add(ret, o.dev);
	}
	free(f.v);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot read the guard's maps");
	for (size_t d = 0; d < PD_N; d++)
		fn(guard_reasons[d], sum.drops[d].packets, sum.drops[d].bytes, arg);
	return 0;
}

struct size {
	uint64_t gen;
	size_t n;
};

static void count_gen(enum dp_map map, const void *key, uint64_t gen, void *arg)
{
	struct size *s = arg;

	s->n += gen == s->gen;
}

/* As many as should be there, and each of them. */
static bool same_spread(const struct spread *s, uint64_t gen)
{
	struct size there = { .gen = gen };
	uint8_t one;

	if (s->n_own || s->n_nets)
		for_spread(count_gen, &there);
	if (there.n != s->n_own + s->n_nets)
		return false;
	for (size_t i = 0; i < s->n_own; i++)
		if (dp_get(DP_own, &s->own[i], &one) < 0)
			return false;
	for (size_t i = 0; i < s->n_nets; i++)
		if (dp_get(DP_nets, &s->nets[i], &one) < 0)
			return false;
	return true;
}

static void say(struct vz_strv *ret, const char *what, const char *dev)
{
	_cleanup_free_ char *text = xasprintf("guard: %s has not what %s should have", what, dev);

	vz_strv_add(ret, text);
}

static void compare(uint32_t bcast_rate, const struct guard_port *g, struct vz_strv *ret)
{
	_cleanup_spread_ struct spread s = { 0 };
	uint32_t ifindex = if_nametoindex(g->dev);
	struct port p, there = { 0 };

	/* What is missing is said elsewhere. */
	if (!ifindex)
		return;
	if (dp_attached(DP_INGRESS, ifindex) <= 0)
		say(ret, "tcx", g->dev);
	(void)dp_get(DP_ports, &ifindex, &there);
	want(g, bcast_rate, there.gen, &p, &s);
	there.flags &= ~(uint32_t)(PORT_COUNT | PORT_SHORT);
	there.bridge = 0;
	if (memcmp(&p, &there, sizeof(p)) != 0)
		say(ret, "map ports", g->dev);
	else if (!same_spread(&s, there.gen))
		say(ret, "map own or nets", g->dev);
}

void bpf_guard_compare(uint32_t bcast_rate, const struct guard_port *ports, size_t n,
		       struct vz_strv *ret)
{
	for (size_t i = 0; i < n; i++)
		compare(bcast_rate, &ports[i], ret);
}
