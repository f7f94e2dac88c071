// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "look.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "ctside.h"
#include "link.h"
#include "nat.h"
#include "nft.h"

struct looking {
	struct net_look *out;
	const struct net_plan *p;
	struct nl_sock h, c;
	int *masters;			/* of out->links[i].host */
	struct uplinks up;
	size_t own_links;		/* links without a host end that are kept */
};

static const int families[] = { AF_INET, AF_INET6 };

/* ---- links -------------------------------------------------------------- */

static void fill_end(struct net_look_end *e, const struct rtnl_link *l)
{
	*e = (struct net_look_end){ .ifindex = l->ifindex, .mtu = l->mtu,
				    .up = (l->flags & IFF_UP) != 0 };
	memcpy(e->name, l->name, sizeof(e->name));
	memcpy(e->kind, l->kind, sizeof(e->kind));
	memcpy(e->mac, l->mac, sizeof(e->mac));
}

static struct net_look_link *add_link(struct net_look *o)
{
	o->links = xrealloc(o->links, (o->n_links + 1) * sizeof(*o->links));
	o->links[o->n_links] = (struct net_look_link){ 0 };
	return &o->links[o->n_links++];
}

/* The peer's index is kept in ct.ifindex until the container has been looked at. */
static int see_host(const struct rtnl_link *l, void *arg)
{
	struct looking *k = arg;
	struct net_look_link *n;

	if (l->group != host_group(k->p->ctid))
		return 0;
	n = add_link(k->out);
	fill_end(&n->host, l);
	n->ct.ifindex = str_eq(l->kind, "veth") ? -l->peer : 0;
	k->masters = xrealloc(k->masters, k->out->n_links * sizeof(*k->masters));
	k->masters[k->out->n_links - 1] = l->master;
	return 0;
}

static int see_inside(const struct rtnl_link *l, void *arg)
{
	struct looking *k = arg;

	for (size_t i = 0; i < k->out->n_links && k->out->links[i].host.ifindex; i++) {
		struct net_look_link *n = &k->out->links[i];

		/* Both say that they belong together, and neither is in the other's namespace. */
		if (n->ct.ifindex == -l->ifindex && l->peer == n->host.ifindex &&
		    l->peer_elsewhere && str_eq(l->kind, "veth")) {
			fill_end(&n->ct, l);
			return 0;
		}
	}
	if (k->own_links == NET_LOOK_LINKS) {
		k->out->more_links++;
		return 0;
	}
	k->own_links++;
	fill_end(&add_link(k->out)->ct, l);
	return 0;
}

static int load_links(struct looking *k, struct nl_fail *f)
{
	size_t n_host;
	int r, tries = 0;

	do {
		k->out->n_links = 0;
		r = rtnl_link_dump(&k->h, see_host, k, f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	if (r < 0)
		return r;
	n_host = k->out->n_links;
	for (tries = 0; tries < HOST_DUMP_TRIES; tries++) {
		k->out->n_links = n_host;
		k->out->more_links = k->own_links = 0;
		r = rtnl_link_dump(&k->c, see_inside, k, f);
		if (r != -EAGAIN)
			break;
	}
	/* Its root can make every dump of its links fail: what was told has to do. */
	k->out->torn = r == -EAGAIN;
	for (size_t i = 0; i < n_host; i++) {
		if (k->out->links[i].ct.ifindex < 0)
			k->out->links[i].ct.ifindex = 0;
	}
	return r == -EAGAIN ? 0 : r;
}

static void load_vlans(struct looking *k, struct net_look_link *n)
{
	struct rtnl_vlans v;
	struct nl_fail f;

	if (rtnl_brvlan_get(&k->h, n->host.ifindex, &v, &f) < 0)
		return;
	n->pvid = v.pvid;
	for (unsigned int id = 1; id < RTNL_VLANS; id++) {
		if (!rtnl_vlan_has(v.on, id) || id == v.pvid)
			continue;
		n->tagged = xrealloc(n->tagged, (n->n_tagged + 1) * sizeof(*n->tagged));
		n->tagged[n->n_tagged++] = (uint16_t)id;
	}
}

/* A link or bridge that has gone meanwhile is in none. */
static void load_ports(struct looking *k)
{
	for (size_t i = 0; i < k->out->n_links; i++) {
		struct net_look_link *n = &k->out->links[i];
		struct rtnl_link br;
		struct nl_fail f;

		if (!n->host.ifindex || !k->masters[i] ||
		    rtnl_link_get(&k->h, NULL, k->masters[i], &br, &f) < 0)
			continue;
		memcpy(n->bridge, br.name, sizeof(n->bridge));
		if (br.vlan_filtering)
			load_vlans(k, n);
	}
}

/* ---- addresses, routes, proxies ------------------------------------------- */

static struct net_look_addr *add_addr(struct net_look_list *l, const struct net_addr *a,
				      const char *dev)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n] = (struct net_look_addr){ .a = *a };
	snprintf(l->v[l->n].dev, sizeof(l->v[l->n].dev), "%s", dev);
	return &l->v[l->n++];
}

static bool is_planned(const struct net_plan *p, const struct net_addr *a)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		struct net_addr own = net_addr_own(&p->addrs[i]);

		if (net_addr_same(&own, a))
			return true;
	}
	for (size_t i = 0; i < p->n_veths; i++)
		for (size_t k = 0; k < p->veths[i].n_addrs; k++)
			if (net_addr_same(&p->veths[i].addrs[k], a))
				return true;
	return false;
}

static int see_addr(const struct rtnl_addr_info *i, void *arg)
{
	struct looking *k = arg;
	const struct net_look_link *n = NULL;

	for (size_t l = 0; l < k->out->n_links && !n; l++)
		if (k->out->links[l].ct.ifindex == i->ifindex)
			n = &k->out->links[l];
	/* Those that the plan has on our links are few, and never left out. */
	if (k->out->addrs.n >= NET_LOOK_ADDRS &&
	    !(n && n->host.ifindex && is_planned(k->p, &i->addr)))
		k->out->more_addrs++;
	else
		add_addr(&k->out->addrs, &i->addr, n ? n->ct.name : "?");
	return 0;
}

static int load_addrs(struct looking *k, int family, struct nl_fail *f)
{
	size_t start = k->out->addrs.n, more = k->out->more_addrs;
	int r = 0;

	for (int tries = 0; tries < HOST_DUMP_TRIES; tries++) {
		k->out->addrs.n = start;
		k->out->more_addrs = more;
		r = rtnl_addr_dump(&k->c, family, see_addr, k, f);
		if (r != -EAGAIN)
			return r;
	}
	k->out->torn = true;
	return 0;
}

static int see_route(const struct rtnl_route_info *i, void *arg)
{
	struct looking *k = arg;

	for (size_t l = 0; l < k->out->n_links; l++)
		if (i->oif && k->out->links[l].host.ifindex == i->oif && i->type == RTN_UNICAST)
			add_addr(&k->out->routes, &i->dst, k->out->links[l].host.name);
	return 0;
}

static int see_proxy(const struct rtnl_proxy_info *i, void *arg)
{
	struct looking *k = arg;
	char dev[IF_NAMESIZE] = "?";

	for (size_t n = 0; n < k->p->n_addrs; n++) {
		if (!net_addr_same(&k->p->addrs[n], &i->addr))
			continue;
		if_indextoname((unsigned int)i->ifindex, dev);
		add_addr(&k->out->proxies, &i->addr, dev);
		break;
	}
	return 0;
}

/* As net_attach() would make them now. */
static int want_proxies(struct looking *k, int family, struct vz_err *e)
{
	struct net_look_list *l = &k->out->proxies;
	size_t have = l->n;
	int r = 0;

	if (host_has_family(k->p->addrs, k->p->n_addrs, family))
		r = uplinks_load(&k->h, k->p, family, &k->up, e);
	else
		return 0;
	for (size_t i = 0; i < k->p->n_addrs && r >= 0; i++) {
		for (size_t u = 0; u < k->up.n && k->p->addrs[i].family == family; u++) {
			char dev[IF_NAMESIZE];
			bool there = !uplink_wants(&k->up, u, &k->p->addrs[i]) ||
				     !if_indextoname((unsigned int)k->up.v[u].ifindex, dev);

			for (size_t n = 0; n < have && !there; n++)
				there = net_addr_same(&l->v[n].a, &k->p->addrs[i]) &&
					str_eq(l->v[n].dev, dev);
			if (!there)
				add_addr(l, &k->p->addrs[i], dev)->missing = true;
		}
	}
	return r;
}

static int load_routes(struct looking *k, int family, struct nl_fail *f)
{
	size_t routes = k->out->routes.n, proxies = k->out->proxies.n;
	int r, tries = 0;

	do {
		k->out->routes.n = routes;
		k->out->proxies.n = proxies;
		r = rtnl_route_dump(&k->h, family, 0, see_route, k, f);
		/* No such table: no route. */
		if (r >= 0 || r == -ENOENT)
			r = rtnl_proxy_dump(&k->h, family, see_proxy, k, f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	return r;
}

/* ---- nf_tables ------------------------------------------------------------- */

static void see_drop(const char *name, uint64_t packets, uint64_t bytes, void *arg)
{
	struct net_look *o = arg;
	struct net_look_count *d;

	o->drops = xrealloc(o->drops, (o->n_drops + 1) * sizeof(*o->drops));
	d = &o->drops[o->n_drops++];
	*d = (struct net_look_count){ .packets = packets, .bytes = bytes };
	snprintf(d->name, sizeof(d->name), "%.31s", name);
}

static int load_guard(struct looking *k, struct vz_err *e)
{
	_cleanup_free_ struct guard_port *ports = xcalloc(k->p->n_veths + 1, sizeof(*ports));
	int r = guard_look(k->p->ctid, &k->out->guards, &k->out->guard_bpf, see_drop,
			   k->out, e);
	size_t n = 0;

	for (size_t i = 0; i < k->p->n_veths + 1 && r >= 0; i++) {
		ports[n] = i ? ctside_veth_port(k->p->ctid, &k->p->veths[i - 1]) :
			       guard_venet(k->p);
		n += vz_strv_has(&k->out->guards, ports[n].dev);
	}
	return r < 0 ? r : guard_compare(k->p, ports, n, &k->out->guard_faults, e);
}

static int cmp_forward(const void *x, const void *y)
{
	const struct net_look_forward *a = x, *b = y;
	int r = net_addr_cmp(&a->to, &b->to);

	if (r == 0)
		r = net_addr_cmp(&a->f.host, &b->f.host);
	if (r == 0)
		r = (int)a->f.udp - (int)b->f.udp;
	return r ? r : (int)a->f.port - (int)b->f.port;
}

/* One of the kernel's elements; @v6 and its key as nat.h has them. */
static void add_nat(struct net_look *o, const struct nat_elem *n)
{
	bool v6 = n->set & 1, one = n->set == NAT_ONE4 || n->set == NAT_ONE6;
	size_t len = v6 ? 16 : 4;
	struct net_addr a = { .family = v6 ? AF_INET6 : AF_INET, .plen = v6 ? 128 : 32 };
	struct net_look_forward *f;
	uint16_t port;

	if (n->set >= NAT_MASQ4) {
		memcpy(a.a, n->key, len);
		if (n->set == NAT_MASQ4 || n->set == NAT_MASQ6)
			add_addr(&o->masq, &a, "");
		return;
	}
	o->fwds = xgrow(o->fwds, o->n_fwds, sizeof(*o->fwds));
	f = &o->fwds[o->n_fwds++];
	*f = (struct net_look_forward){ .f = { .n = 1, .udp = n->key[0] == IPPROTO_UDP } };
	memcpy(&port, n->key + 4, sizeof(port));
	f->f.port = ntohs(port);
	if (one) {
		memcpy(a.a, n->key + 8, len);
		f->f.host = a;
	}
	memcpy(a.a, n->to, len);
	f->to = a;
	memcpy(&port, n->to + len, sizeof(port));
	f->f.ct_port = ntohs(port);
}

/* Ports in a row that lead to ports in a row are one. */
static void join_forwards(struct net_look *o)
{
	size_t n = 0;

	if (!o->n_fwds)
		return;
	qsort(o->fwds, o->n_fwds, sizeof(*o->fwds), cmp_forward);
	for (size_t i = 1; i < o->n_fwds; i++) {
		struct net_look_forward next = o->fwds[n];

		next.f.port = (uint16_t)(next.f.port + next.f.n);
		if (cmp_forward(&next, &o->fwds[i]) == 0 &&
		    o->fwds[n].f.ct_port + o->fwds[n].f.n == o->fwds[i].f.ct_port)
			o->fwds[n].f.n++;
		else
			o->fwds[++n] = o->fwds[i];
	}
	o->n_fwds = n + 1;
}

static int load_nat(struct looking *k, struct vz_err *e)
{
	struct nat_elems l = { 0 };
	int r = nat_look(k->p, &l, &k->out->nat_missing, &k->out->nat_extra, e);

	for (size_t i = 0; i < l.n && r >= 0; i++)
		add_nat(k->out, &l.v[i]);
	free(l.v);
	join_forwards(k->out);
	return r;
}

/* ---- all of it --------------------------------------------------------------- */

static int look(struct looking *k, struct nl_fail *f, struct vz_err *e)
{
	int r = load_links(k, f);

	if (r >= 0)
		load_ports(k);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++) {
		if (families[i] == AF_INET6 && !host_has_ipv6())
			continue;
		r = load_addrs(k, families[i], f);
		if (r >= 0)
			r = load_routes(k, families[i], f);
	}
	if (r < 0)
		return rtnl_fail(e, VZ_SYSTEM_ERROR, r, f);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++)
		r = want_proxies(k, families[i], e);
	if (r >= 0)
		r = load_guard(k, e);
	return r < 0 ? r : load_nat(k, e);
}

int net_look(const struct net_plan *p, int netns_fd, struct net_look *ret, struct vz_err *e)
{
	struct net_look out = { 0 };
	struct looking k = { .out = &out, .p = p, .h = NL_SOCK_INIT, .c = NL_SOCK_INIT };
	struct nl_fail f;
	int r = host_open(&k.h, VZ_SYSTEM_ERROR, e);

	if (r >= 0)
		r = ctside_open(netns_fd, &k.c, VZ_SYSTEM_ERROR, e);
	if (r >= 0)
		r = look(&k, &f, e);
	nl_close(&k.h);
	nl_close(&k.c);
	free(k.masters);
	if (r < 0) {
		net_look_done(&out);
		return r;
	}
	*ret = out;
	return 0;
}

void net_look_done(struct net_look *l)
{
	for (size_t i = 0; i < l->n_links; i++)
		free(l->links[i].tagged);
	free(l->links);
	free(l->addrs.v);
	free(l->routes.v);
	free(l->proxies.v);
	free(l->masq.v);
	free(l->drops);
	free(l->fwds);
	vz_strv_done(&l->guards);
	vz_strv_done(&l->guard_faults);
	*l = (struct net_look){ 0 };
}
