// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ports in nf_tables: a device in a base chain of its kind, which leads to the common rules
 * (guard-rules.c), and the elements of sets that these look up.  Before Linux 6.4 the
 * chain is the port's own.  A port that changes gets the difference, in one transaction.
 */
#define VZ_ROOM "netns"
#include "guard.h"
#include "guard-int.h"

#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "host.h"

/* Before whatever the administrator may have there (priority filter is 0). */
#define PRIO (-500)
#define TRIES 8

struct elem {
	enum guard_set set;
	bool range;
	uint8_t n;			/* bytes of key, and of end */
	uint8_t key[20], end[20];
	char owner[32];			/* GUARD_PORT: "CTID/device" */
	uint32_t rate;			/* GUARD_BCAST */
	uint64_t packets, bytes;	/* GUARD_DROP, when read */
};

struct elems {
	struct elem *v;
	size_t n;
};

static void elems_done(struct elems *l)
{
	free(l->v);
}

#define _cleanup_elems_ _cleanup_(elems_done)

static struct elem *elems_add(struct elems *l, enum guard_set set)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n] = (struct elem){ .set = set };
	return &l->v[l->n++];
}

static uint32_t elem_ifindex(const struct elem *x)
{
	uint32_t v;

	memcpy(&v, x->key, sizeof(v));
	return v;
}

static void put_key(struct elem *x, uint32_t ifindex, const void *data, size_t len)
{
	struct nft_key k = { 0 };

	nft_key_add(&k, &ifindex, sizeof(ifindex));
	if (len)
		nft_key_add(&k, data, len);
	x->n = (uint8_t)k.n;
	memcpy(x->key, k.b, k.n);
}

static void want(struct elems *l, enum guard_set set, uint32_t ifindex, const void *data,
		 size_t len)
{
	put_key(elems_add(l, set), ifindex, data, len);
}

static void begin(struct nft *t)
{
	nft_begin(t, NFPROTO_NETDEV, NET_GUARD_TABLE);
}

/* ---- what a port consists of ---------------------------------------------- */

static bool any_prefix(const struct net_addr *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (net_addr_is_prefix(&a[i]))
			return true;
	}
	return false;
}

static void want_addr(struct elems *l, uint32_t ifindex, const struct net_addr *a)
{
	bool v6 = a->family == AF_INET6;

	if (net_addr_is_prefix(a)) {
		struct elem *x = elems_add(l, v6 ? GUARD_NET6 : GUARD_NET4), hi;
		uint8_t first[16], last[16];

		guard_addr_bounds(a, first, last);
		put_key(x, ifindex, first, host_addr_len(a));
		put_key(&hi, ifindex, last, host_addr_len(a));
		memcpy(x->end, hi.key, x->n);
		x->range = true;
	} else {
		want(l, v6 ? GUARD_IP6 : GUARD_IP4, ifindex, a->a, host_addr_len(a));
	}
}

static void want_ether(struct elems *l, const struct net_plan *plan, const struct guard_port *p,
		       uint32_t ifindex)
{
	struct net_addr local = guard_local_addr(p);

	want(l, GUARD_MAC, ifindex, p->mac, sizeof(p->mac));
	if (p->n_addrs)
		want_addr(l, ifindex, &local);
	for (size_t i = 0; i < p->n_tagged; i++) {
		uint16_t id = htobe16(p->tagged[i]);

		want(l, GUARD_VLAN, ifindex, &id, sizeof(id));
	}
	if (!plan->bcast_rate)
		return;
	want(l, GUARD_BCAST, ifindex, NULL, 0);
	l->v[l->n - 1].rate = plan->bcast_rate;
}

static void want_drops(struct elems *l, uint32_t ifindex)
{
	for (uint32_t i = 0; i < DROP_REASONS; i++)
		want(l, GUARD_DROP, ifindex, &i, sizeof(i));
}

static void want_port(struct elems *l, const struct net_plan *plan, const struct guard_port *p,
		      uint32_t ifindex)
{
	want(l, GUARD_PORT, ifindex, NULL, 0);
	snprintf(l->v[l->n - 1].owner, sizeof(l->v->owner), "%u/%s", plan->ctid, p->dev);
	want_drops(l, ifindex);
	if (!p->routed)
		want_ether(l, plan, p, ifindex);
	for (size_t i = 0; i < p->n_addrs; i++)
		if (!guard_addr_covered(p, i))
			want_addr(l, ifindex, &p->addrs[i]);
}

/* ---- into a transaction ------------------------------------------------------ */

static void put_elem(struct nft *t, const struct elem *x)
{
	if (x->set == GUARD_PORT)
		nft_elem_comment(t, x->key, x->n, NULL, 0, x->owner);
	else if (x->rate)
		nft_elem_limit(t, x->key, x->n, x->rate, x->rate);
	else if (x->range)
		nft_elem_range(t, x->key, x->end, x->n);
	else
		nft_elem(t, x->key, x->n);
}

static bool same(const struct elem *a, const struct elem *b)
{
	/* Whether its limit is the same the kernel is not asked. */
	return a->set == b->set && a->set != GUARD_BCAST && a->n == b->n && a->range == b->range &&
	       !memcmp(a->key, b->key, a->n) && (!a->range || !memcmp(a->end, b->end, a->n)) &&
	       str_eq(a->owner, b->owner);
}

static bool has(const struct elems *l, const struct elem *x)
{
	for (size_t i = 0; l && i < l->n; i++)
		if (same(&l->v[i], x))
			return true;
	return false;
}

/* Those of @l that @but does not have; a list for each set. */
static void put_elems(struct nft *t, const struct elems *l, const struct elems *but,
		      void (*open)(struct nft *t, const char *set))
{
	for (int set = 0; set < GUARD_SETS; set++) {
		bool opened = false;

		for (size_t i = 0; i < l->n; i++) {
			if (l->v[i].set != (enum guard_set)set || has(but, &l->v[i]))
				continue;
			if (!opened)
				open(t, guard_set_names[set]);
			opened = true;
			put_elem(t, &l->v[i]);
		}
	}
}

static const char *kind_of(const struct guard_port *p)
{
	return p->routed ? GUARD_ROUTED : p->n_addrs ? GUARD_ETHER_ADDRS : GUARD_ETHER;
}

static void chain_of(const struct guard_port *p, char ret[NFT_SHARE_LEN])
{
	if (nft_shares())
		nft_share_name(kind_of(p), p->dev, ret);
	else
		snprintf(ret, NFT_SHARE_LEN, "%s", p->dev);
}

/* The device's place: that it is not in another is the caller's to see to. */
static void put_chain(struct nft *t, struct nft_share *sh, const struct guard_port *p)
{
	char name[NFT_SHARE_LEN];
	struct nft_chain c = { .name = name, .base = true, .dev = p->dev, .drop = true,
			       .hook = NF_NETDEV_INGRESS, .prio = PRIO, .fresh = true };

	chain_of(p, name);
	nft_share_join(sh, t, &c, kind_of(p));
}

/* ---- where devices are ------------------------------------------------------- */

struct places {
	struct vz_strv devs;
	const char *stay;	/* the chain that the first one is to be in, or NULL */
	bool stays;		/* and is */
	struct nft *t;		/* it leaves the others here; or NULL */
	struct vz_strv *found;	/* devices that are in a chain; or NULL */
	size_t n;
};

/* Whatever its name is, a device has no chain of its own that is called like a shared one. */
static bool is_own(const char *chain, const char *dev)
{
	static const char *const kinds[] = { GUARD_ROUTED, GUARD_ETHER, GUARD_ETHER_ADDRS };
	char name[NFT_SHARE_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		nft_share_name(kinds[i], dev, name);
		if (str_eq(chain, name))
			return false;
	}
	return str_eq(chain, dev);
}

static void leave(struct places *pl, const char *chain, const char *dev)
{
	pl->n++;
	if (pl->found && !vz_strv_has(pl->found, dev))
		vz_strv_add(pl->found, dev);
	if (pl->t && is_own(chain, dev))
		nft_chain_del(pl->t, chain);
	else if (pl->t)
		nft_chain_dev_del(pl->t, chain, dev);
}

static void look_for(struct places *pl, const char *dev)
{
	if (!vz_strv_has(&pl->devs, dev))
		vz_strv_add(&pl->devs, dev);
}

static int see_place(const struct nft_chain_info *c, void *arg)
{
	struct places *pl = arg;

	if (!str_eq(c->table, NET_GUARD_TABLE))
		return 0;
	for (size_t i = 0; i < pl->devs.n; i++) {
		/* One without a hook, of its name, is only in the way. */
		if (c->base ? !nft_chain_has_dev(c, pl->devs.v[i]) :
			      !pl->t || !is_own(c->name, pl->devs.v[i]))
			continue;
		if (i == 0 && pl->stay && str_eq(pl->stay, c->name))
			pl->stays = true;
		else
			leave(pl, c->name, pl->devs.v[i]);
	}
	return 0;
}

/* Of all kinds, shared or not: an older vzctl may have put it there. */
static int find_places(struct places *pl, enum vz_code code, struct vz_err *e)
{
	struct nl_sock *s;
	int r = nft_socket(&s, code, e);

	return r < 0 ? r : nft_chains(s, NFPROTO_NETDEV, see_place, pl, code, e);
}

/* ---- what is there --------------------------------------------------------------- */

struct reading {
	enum guard_set set;
	struct elems *l;
	const struct elems *of;		/* ports; NULL: all */
	uint32_t ctid;			/* of GUARD_PORT */
	size_t others;			/* ports of other containers */
};

/* The device of a port of @ctid, or NULL. */
static const char *device_of(const struct elem *x, uint32_t ctid)
{
	char *end;
	unsigned long v = strtoul(x->owner, &end, 10);

	return *end == '/' && v == ctid ? end + 1 : NULL;
}

static bool is_of(const struct elem *x, const struct elems *ports)
{
	for (size_t i = 0; i < ports->n; i++)
		if (elem_ifindex(&ports->v[i]) == elem_ifindex(x))
			return true;
	return false;
}

static int see_elem(const struct nft_elem_info *i, void *arg)
{
	struct reading *rd = arg;
	struct elem x = { .set = rd->set, .n = (uint8_t)i->key.n, .packets = i->packets,
			  .bytes = i->bytes };

	if (i->key.n < sizeof(uint32_t) || i->key.n > sizeof(x.key))
		return 0;
	memcpy(x.key, i->key.p, i->key.n);
	if (i->end.n == i->key.n) {
		memcpy(x.end, i->end.p, i->end.n);
		x.range = rd->set == GUARD_NET4 || rd->set == GUARD_NET6;
	}
	snprintf(x.owner, sizeof(x.owner), "%s", i->comment);
	if (rd->set == GUARD_PORT ? !!device_of(&x, rd->ctid) : is_of(&x, rd->of))
		*elems_add(rd->l, rd->set) = x;
	else
		rd->others++;
	return 0;
}

/* -ENOENT (no error is set): there is no table. */
static int read_set(struct reading *rd, enum vz_code code, struct vz_err *e)
{
	size_t start = rd->l->n;
	struct nl_sock *s;
	int r = nft_socket(&s, code, e);

	if (r < 0)
		return r;
	for (int tries = 0; tries < TRIES; tries++) {
		rd->l->n = start;
		rd->others = 0;
		r = nft_elems_dump(s, NFPROTO_NETDEV, NET_GUARD_TABLE, guard_set_names[rd->set],
				   see_elem, rd, code, e);
		if (r != -EAGAIN)
			return r;
	}
	return vz_fail(e, code, EAGAIN, "the packet filter keeps changing");
}

/*
 * All of the ports in @ports, themselves too.  @drops: as they are, or as they must
 * be, which saves reading those of all containers.
 */
static int read_ports(const struct elems *ports, bool drops, struct elems *l, enum vz_code code,
		      struct vz_err *e)
{
	int r = 0;

	for (size_t i = 0; i < ports->n; i++) {
		*elems_add(l, GUARD_PORT) = ports->v[i];
		if (!drops)
			want_drops(l, elem_ifindex(&ports->v[i]));
	}
	for (int set = GUARD_PORT + 1; set < GUARD_SETS && ports->n && r >= 0; set++) {
		struct reading rd = { .set = (enum guard_set)set, .l = l, .of = ports };

		if (set != GUARD_DROP || drops)
			r = read_set(&rd, code, e);
		/* Somebody has deleted it: nothing is in it. */
		if (r == -ENOENT)
			r = 0;
	}
	return r;
}

/*
 * The ports of a container, or (@dev) the one of that name; how many there are
 * beside them.
 */
static int find_ports(uint32_t ctid, const char *dev, struct elems *ret, size_t *ret_others,
		      enum vz_code code, struct vz_err *e)
{
	struct reading rd = { .set = GUARD_PORT, .l = ret, .ctid = ctid };
	size_t n = 0;
	int r = read_set(&rd, code, e);

	if (r == -ENOENT || nft_missing(r))
		r = 0;
	for (size_t i = 0; i < ret->n && r >= 0; i++)
		if (!dev || str_eq(device_of(&ret->v[i], ctid), dev))
			ret->v[n++] = ret->v[i];
	if (ret_others)
		*ret_others = rd.others + ret->n - n;
	ret->n = n;
	return r;
}

/* ---- all of a container's ports ------------------------------------------------- */

/* The kernel may have nf_tables, but not what we need of it: then a module is missing. */
static int missing(const struct net_plan *p, int r, struct vz_err *e)
{
	if (r >= 0 || (!nft_missing(r) && r != -ENOENT))
		return r;
	if (p->guard == NET_GUARD_REQUIRE) {
		e->code = VZ_BAD_KERNEL;
		return vz_wrap(e, r, "NET_GUARD=require");
	}
	vz_warn("This kernel cannot check what the container sends (nf_tables, netdev ingress): "
		"%s; only rp_filter protects its neighbours", e->msg);
	return 0;
}

static int ifindex_of(const char *dev, uint32_t *ret, struct vz_err *e)
{
	*ret = if_nametoindex(dev);
	return *ret ? 0 : vz_fail(e, VZ_VETH_ERROR, errno, "cannot guard %s", dev);
}

/* What a transaction that adds ports takes for given. */
enum table { TABLE_THERE, TABLE_NEW, TABLE_MEND };

static int install(struct nl_sock *s, const struct guard_port *ports, size_t n,
		   const struct elems *l, enum table table, struct vz_err *e)
{
	_cleanup_share_ struct nft_share sh = { .s = table == TABLE_NEW ? NULL : s };
	_cleanup_nft_ struct nft t;

	begin(&t);
	if (table != TABLE_THERE)
		guard_rules(&t, table == TABLE_MEND);
	for (size_t i = 0; i < n; i++)
		put_chain(&t, &sh, &ports[i]);
	if (sh.stale)
		return vz_fail(e, VZ_CANT_ADDIP, EEXIST, "a device of this name is guarded");
	put_elems(&t, l, NULL, nft_elems);
	return nft_commit(&t, VZ_CANT_ADDIP, e);
}

/* Left by a container that died with its vzctl, or by somebody else. */
static int clear_way(uint32_t ctid, const struct guard_port *ports, size_t n, struct vz_err *e)
{
	struct places pl = { .t = NULL };
	struct nft t;
	int r = nft_guard_remove(ctid, e);

	begin(&t);
	pl.t = &t;
	for (size_t i = 0; i < n; i++)
		look_for(&pl, ports[i].dev);
	if (r >= 0)
		r = find_places(&pl, VZ_CANT_ADDIP, e);
	if (r >= 0 && pl.n)
		r = nft_commit(&t, VZ_CANT_ADDIP, e);
	nft_done(&t);
	vz_strv_done(&pl.devs);
	/* It went by itself meanwhile. */
	return r == -ENOENT ? 0 : r;
}

static int install_all(uint32_t ctid, const struct guard_port *ports, size_t n,
		       const struct elems *l, struct vz_err *e)
{
	bool cleared = false, made = false;
	enum table table = TABLE_THERE;
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_CANT_ADDIP, e);

	if (r < 0)
		return r;
	if (!nft_chain_there(s, NFPROTO_NETDEV, NET_GUARD_TABLE, GUARD_ROUTED))
		table = TABLE_NEW;

	for (int tries = 0; tries < TRIES; tries++) {
		struct vz_err last = VZ_ERR_INIT;

		r = install(s, ports, n, l, table, &last);
		if (r == -ENOENT && table == TABLE_THERE && !made) {
			/* Somebody deleted the table just now. */
			table = TABLE_NEW;
			made = true;
		} else if (r == -EEXIST && table == TABLE_NEW) {
			/* Another one was faster. */
			table = TABLE_THERE;
		} else if (r == -ENOENT && table == TABLE_THERE) {
			/* Somebody has deleted a part of it. */
			table = TABLE_MEND;
		} else if ((r == -EEXIST || nft_missing(r)) && !cleared) {
			/* Also how the kernel refuses a chain where one of another kind is. */
			r = clear_way(ctid, ports, n, e);
			if (r < 0)
				return r;
			cleared = true;
		} else {
			*e = last;
			return r;
		}
	}
	return vz_fail(e, VZ_CANT_ADDIP, EAGAIN, "the packet filter keeps changing");
}

int nft_guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_err *e)
{
	_cleanup_elems_ struct elems l = { 0 };
	uint32_t ifindex;
	int r = 0;

	if (!n || p->guard == NET_GUARD_NO)
		return 0;
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = ifindex_of(ports[i].dev, &ifindex, e);
		if (r >= 0)
			want_port(&l, p, &ports[i], ifindex);
	}
	if (r >= 0)
		r = install_all(p->ctid, ports, n, &l, e);
	return missing(p, r, e);
}

static int remove_once(uint32_t ctid, const struct elems *ports, const struct elems *all,
		       struct vz_err *e)
{
	_cleanup_nft_ struct nft t;
	struct places pl = { .t = &t };
	int r;

	begin(&t);
	for (size_t i = 0; i < ports->n; i++)
		look_for(&pl, device_of(&ports->v[i], ctid));
	r = find_places(&pl, VZ_SYSTEM_ERROR, e);
	vz_strv_done(&pl.devs);
	if (r < 0)
		return r;
	put_elems(&t, all, NULL, nft_elems_del);
	return nft_commit(&t, VZ_SYSTEM_ERROR, e);
}

static int remove_ports(uint32_t ctid, const char *dev, struct vz_err *e)
{
	_cleanup_elems_ struct elems ports = { 0 };
	int r = find_ports(ctid, dev, &ports, NULL, VZ_SYSTEM_ERROR, e);

	if (r < 0 || !ports.n)
		return r;
	/* Up to 6.15 a device leaves its chain when it goes; somebody may have emptied a set. */
	for (int tries = 0; tries < TRIES; tries++) {
		_cleanup_elems_ struct elems all = { 0 };

		r = read_ports(&ports, tries > 0, &all, VZ_SYSTEM_ERROR, e);
		if (r >= 0)
			r = remove_once(ctid, &ports, &all, e);
		if (r != -ENOENT)
			break;
	}
	return r == -ENOENT ? 0 : r;
}

int nft_guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e)
{
	return remove_ports(ctid, dev, e);
}

int nft_guard_remove(uint32_t ctid, struct vz_err *e)
{
	return remove_ports(ctid, NULL, e);
}

void nft_guard_tidy(void)
{
	_cleanup_elems_ struct elems none = { 0 };
	size_t others = 1;
	uint32_t generation;
	struct nl_sock *s;
	struct nft t;

	if (nft_socket(&s, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 ||
	    !nft_chain_there(s, NFPROTO_NETDEV, NET_GUARD_TABLE, GUARD_ROUTED) ||
	    nft_generation(s, &generation, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 ||
	    find_ports(UINT32_MAX, NULL, &none, &others, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 || others)
		return;
	begin(&t);
	nft_only_if(&t, generation);
	nft_table_del(&t);
	(void)nft_end(&t, VZ_SYSTEM_ERROR, VZ_IGNORE);
}

/* ---- a port of a running container ----------------------------------------------- */

/* @was: what the device's elements are; @old: an earlier name of it, or "". */
static int replace(const struct guard_port *p, const struct elems *was, const struct elems *l,
		   const char *old, struct vz_err *e)
{
	_cleanup_share_ struct nft_share sh = { .s = NULL };
	_cleanup_nft_ struct nft t;
	char chain[NFT_SHARE_LEN];
	struct places pl = { .stay = chain, .t = &t };
	int r;

	begin(&t);
	chain_of(p, chain);
	look_for(&pl, p->dev);
	if (*old)
		look_for(&pl, old);
	r = find_places(&pl, VZ_VETH_ERROR, e);
	vz_strv_done(&pl.devs);
	if (r >= 0)
		r = nft_socket(&sh.s, VZ_VETH_ERROR, e);
	if (r < 0)
		return r;
	if (pl.stays) {
		nft_chain_flush(&t, chain);
		nft_rule(&t, chain, nft_goto(kind_of(p)));
	} else {
		put_chain(&t, &sh, p);
	}
	put_elems(&t, was, l, nft_elems_del);
	put_elems(&t, l, was, nft_elems);
	return nft_commit(&t, VZ_VETH_ERROR, e);
}

/* What there is of the device, whatever its name was. */
static int read_device(const struct net_plan *p, uint32_t ifindex, struct elems *was,
		       char old[16], const char *dev, struct vz_err *e)
{
	_cleanup_elems_ struct elems ports = { 0 };
	int r = find_ports(p->ctid, NULL, &ports, NULL, VZ_VETH_ERROR, e);

	*old = '\0';
	for (size_t i = 0; i < ports.n && r >= 0; i++) {
		struct elems one = { &ports.v[i], 1 };
		const char *name = device_of(&ports.v[i], p->ctid);

		if (elem_ifindex(&ports.v[i]) != ifindex)
			continue;
		if (!str_eq(name, dev))
			snprintf(old, 16, "%s", name);
		return read_ports(&one, true, was, VZ_VETH_ERROR, e);
	}
	return r;
}

int nft_guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e)
{
	_cleanup_elems_ struct elems was = { 0 }, l = { 0 };
	uint32_t ifindex;
	char old[16];
	int r;

	if (p->guard == NET_GUARD_NO)
		return 0;
	r = ifindex_of(port->dev, &ifindex, e);
	if (r >= 0)
		r = read_device(p, ifindex, &was, old, port->dev, e);
	if (r < 0)
		return r;
	/* Its first time, or somebody emptied the whole filter. */
	if (!was.n)
		return nft_guard_install(p, port, 1, e);
	want_port(&l, p, port, ifindex);
	return replace(port, &was, &l, old, e);
}

/* venet0's port with other addresses, whatever they were. */
static int replace_venet(const struct net_plan *p, const struct net_addr *a, size_t n,
			 struct vz_err *e)
{
	struct guard_port port = guard_venet(p);

	port.addrs = a;
	port.n_addrs = n;
	return nft_guard_port_add(p, &port, e);
}

/* -ENOENT: there is no such port, or not these elements of it. */
static int change_elems(const struct net_plan *p, const struct net_addr *a, size_t n,
			void (*open)(struct nft *t, const char *set), struct vz_err *e)
{
	_cleanup_elems_ struct elems l = { 0 }, ports = { 0 };
	struct guard_port port = guard_venet(p);
	uint32_t ifindex;
	struct nft t;
	int r = ifindex_of(port.dev, &ifindex, e);

	if (r >= 0)
		r = find_ports(p->ctid, port.dev, &ports, NULL, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	if (!ports.n)
		return -ENOENT;
	for (size_t i = 0; i < n; i++)
		want_addr(&l, ifindex, &a[i]);
	begin(&t);
	put_elems(&t, &l, NULL, open);
	return nft_end(&t, VZ_CANT_ADDIP, e);
}

static int replace_venet_both(const struct net_plan *p, const struct net_addr *have, size_t n_have,
			      const struct net_addr *a, size_t n, struct vz_err *e)
{
	_cleanup_free_ struct net_addr *all = xcalloc(n_have + n + 1, sizeof(*all));

	if (n_have)
		memcpy(all, have, n_have * sizeof(*all));
	if (n)
		memcpy(all + n_have, a, n * sizeof(*all));
	return replace_venet(p, all, n_have + n, e);
}

int nft_guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		      struct vz_err *e)
{
	return replace_venet_both(p, have, n_have, p->addrs, p->n_addrs, e);
}

int nft_guard_mend(const struct net_plan *p, struct vz_err *e)
{
	struct nft t;
	int r;

	if (p->guard == NET_GUARD_NO)
		return 0;
	begin(&t);
	guard_rules(&t, true);
	r = nft_end(&t, VZ_CANT_ADDIP, e);
	return missing(p, r, e);
}

/* @rest: what it has beside @a.  1: elements will not do, or one of them is gone. */
static int try_elems(const struct net_plan *p, const struct net_addr *rest, size_t n_rest,
		     const struct net_addr *a, size_t n,
		     void (*open)(struct nft *t, const char *set), struct vz_err *e)
{
	int r;

	if (p->guard == NET_GUARD_NO || !n)
		return 0;
	if (any_prefix(rest, n_rest) || any_prefix(a, n))
		return 1;
	r = change_elems(p, a, n, open, e);
	return r == -ENOENT || nft_missing(r) ? 1 : r;
}

int nft_guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int r = try_elems(p, have, n_have, a, n, nft_elems, e);

	return r > 0 ? replace_venet_both(p, have, n_have, a, n, e) : r;
}

int nft_guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int r = try_elems(p, left, n_left, a, n, nft_elems_del, e);

	return r > 0 ? replace_venet(p, left, n_left, e) : r;
}

/* ---- questions ------------------------------------------------------------------------ */

int nft_guard_look(uint32_t ctid, struct vz_strv *ret, guard_drop_fn fn, void *arg,
		   struct vz_err *e)
{
	_cleanup_elems_ struct elems ports = { 0 }, drops = { 0 };
	int r = find_ports(ctid, NULL, &ports, NULL, VZ_SYSTEM_ERROR, e);
	struct reading rd = { .set = GUARD_DROP, .l = &drops, .of = &ports };
	struct places pl = { .found = ret };

	if (r < 0 || !ports.n)
		return r;
	for (size_t i = 0; i < ports.n; i++)
		look_for(&pl, device_of(&ports.v[i], ctid));
	r = find_places(&pl, VZ_SYSTEM_ERROR, e);
	vz_strv_done(&pl.devs);
	if (r >= 0)
		r = read_set(&rd, VZ_SYSTEM_ERROR, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (uint32_t reason = 0; reason < DROP_REASONS; reason++) {
		uint64_t packets = 0, bytes = 0;

		for (size_t i = 0; i < drops.n; i++) {
			if (memcmp(drops.v[i].key + 4, &reason, sizeof(reason)) != 0)
				continue;
			packets += drops.v[i].packets;
			bytes += drops.v[i].bytes;
		}
		fn(guard_reasons[reason], packets, bytes, arg);
	}
	return 0;
}

/* ---- is it as it should be? --------------------------------------------------------- */

struct rules {
	struct {
		char chain[32];
		size_t n;
	} v[64];
	size_t n;
};

static int count_rule(const struct nlmsghdr *h, void *arg)
{
	struct rules *c = arg;
	char chain[sizeof(c->v->chain)];
	size_t i = 0;

	if (nft_rule_chain(h, chain, sizeof(chain)) < 0)
		return 0;
	while (i < c->n && !str_eq(c->v[i].chain, chain))
		i++;
	if (i == ARRAY_SIZE(c->v))
		return 0;
	if (i == c->n)
		memcpy(c->v[c->n++].chain, chain, sizeof(chain));
	c->v[i].n++;
	return 0;
}

/* Rules of the table, and (@ports) of the chains of these. */
static void count_wanted(const struct guard_port *ports, size_t n, struct rules *ret)
{
	_cleanup_share_ struct nft_share sh = { .s = NULL };
	const struct nlmsghdr *h;
	struct nl_span s;
	struct nft t;

	begin(&t);
	guard_rules(&t, false);
	for (size_t i = 0; i < n; i++)
		put_chain(&t, &sh, &ports[i]);
	s = (struct nl_span){ t.b.buf, t.b.len };
	while (nl_msg_next(&s, &h) > 0)
		(void)count_rule(h, ret);
	nft_done(&t);
}

struct wanted {
	const struct rules *rules;
	struct rules have;
};

/* Other ports' chains are not of interest. */
static int count_there(const struct nlmsghdr *h, void *arg)
{
	struct wanted *w = arg;
	char chain[32];

	if (nft_rule_chain(h, chain, sizeof(chain)) < 0)
		return 0;
	for (size_t i = 0; i < w->rules->n; i++)
		if (str_eq(w->rules->v[i].chain, chain))
			return count_rule(h, &w->have);
	return 0;
}

static size_t count_of(const struct rules *c, const char *chain)
{
	for (size_t i = 0; i < c->n; i++)
		if (str_eq(c->v[i].chain, chain))
			return c->v[i].n;
	return 0;
}

static void say(struct vz_strv *ret, const char *what, const char *name, const char *rest)
{
	_cleanup_free_ char *text = xasprintf("guard: %s %s of table netdev " NET_GUARD_TABLE " %s",
					      what, name, rest);

	vz_strv_add(ret, text);
}

static int compare_rules(const struct guard_port *ports, size_t n, struct vz_strv *ret,
			 struct vz_err *e)
{
	struct rules want = { .n = 0 };
	struct wanted w = { .rules = &want };
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	count_wanted(ports, n, &want);
	for (int tries = 0; tries < TRIES; tries++) {
		w.have.n = 0;
		r = nft_rules_dump(s, NFPROTO_NETDEV, NET_GUARD_TABLE, count_there, &w,
				   VZ_SYSTEM_ERROR, e);
		if (r != -EAGAIN)
			break;
	}
	if (r < 0 && r != -ENOENT)
		return r == -EAGAIN ? vz_fail(e, VZ_SYSTEM_ERROR, EAGAIN,
					      "the packet filter keeps changing") : r;
	for (size_t i = 0; i < want.n; i++) {
		_cleanup_free_ char *rest = NULL;
		size_t there = count_of(&w.have, want.v[i].chain);

		if (there == want.v[i].n)
			continue;
		rest = xasprintf("has %zu rules, not %zu", there, want.v[i].n);
		say(ret, "chain", want.v[i].chain, rest);
	}
	return 0;
}

/* Whatever the limit of broadcasts is: the kernel is not asked for that. */
static bool lacks(const struct elems *l, const struct elems *of, enum guard_set set)
{
	for (size_t i = 0; i < of->n; i++)
		if (of->v[i].set == set && set != GUARD_BCAST && !has(l, &of->v[i]))
			return true;
	return false;
}

static int compare_elems(const struct net_plan *p, const struct guard_port *port,
			 struct vz_strv *ret, struct vz_err *e)
{
	_cleanup_elems_ struct elems have = { 0 }, l = { 0 };
	uint32_t ifindex = if_nametoindex(port->dev);
	char old[16];
	int r;

	/* Its chain outlives a device, since 6.16; what is missing is said elsewhere. */
	if (!ifindex)
		return 0;
	r = read_device(p, ifindex, &have, old, port->dev, e);
	if (r < 0)
		return r;
	want_port(&l, p, port, ifindex);
	for (int set = 0; set < GUARD_SETS; set++) {
		_cleanup_free_ char *rest = xasprintf("has not what %s should have", port->dev);

		if (lacks(&have, &l, (enum guard_set)set) || lacks(&l, &have, (enum guard_set)set))
			say(ret, "set", guard_set_names[set], rest);
	}
	return 0;
}

int nft_guard_compare(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_strv *ret, struct vz_err *e)
{
	int r = n ? compare_rules(ports, n, ret, e) : 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = compare_elems(p, &ports[i], ret, e);
	return r;
}
