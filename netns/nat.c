// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Private addresses and forwarded ports: one table for all containers, whose
 * rules are fixed; a container is elements.  A packet costs one or two lookups
 * when its connection begins, however many containers there are.
 *
 * Every change is read, compared and written under the generation of the rules
 * (nfnetlink.c): if anybody changed anything in between, it starts over.
 */
#define VZ_ROOM "netns"
#include "host.h"
#include "nft.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "nat.h"

#define TABLE "vz_nat"
#define TRIES 64
/* One transaction stays below what a batch can hold (NL_BATCH_BIG). */
#define OPS_MAX 512

static const struct nat_set {
	struct nft_set set;
	size_t key_len, to_len;
} sets[NAT_SETS] = {
	/* protocol, port: address and port of a container */
	[NAT_ANY4] = { { .name = "any4", .to = NFT_IPV4_ADDR, .to2 = NFT_INET_SERVICE,
			 .key = { NFT_INET_PROTO, NFT_INET_SERVICE } }, 8, 8 },
	[NAT_ANY6] = { { .name = "any6", .to = NFT_IPV6_ADDR, .to2 = NFT_INET_SERVICE,
			 .key = { NFT_INET_PROTO, NFT_INET_SERVICE } }, 8, 20 },
	/* protocol, port, address of the node: the same */
	[NAT_ONE4] = { { .name = "one4", .to = NFT_IPV4_ADDR, .to2 = NFT_INET_SERVICE,
			 .key = { NFT_INET_PROTO, NFT_INET_SERVICE, NFT_IPV4_ADDR } }, 12, 8 },
	[NAT_ONE6] = { { .name = "one6", .to = NFT_IPV6_ADDR, .to2 = NFT_INET_SERVICE,
			 .key = { NFT_INET_PROTO, NFT_INET_SERVICE, NFT_IPV6_ADDR } }, 24, 20 },
	/* sources that are hidden */
	[NAT_MASQ4] = { { .name = "masq4", .key = { NFT_IPV4_ADDR } }, 4, 0 },
	[NAT_MASQ6] = { { .name = "masq6", .key = { NFT_IPV6_ADDR } }, 16, 0 },
	/* source and target of a container that is forwarded to itself */
	[NAT_SELF4] = { { .name = "self4", .key = { NFT_IPV4_ADDR, NFT_IPV4_ADDR } }, 8, 0 },
	[NAT_SELF6] = { { .name = "self6", .key = { NFT_IPV6_ADDR, NFT_IPV6_ADDR } }, 32, 0 },
};

/* ---- lists of elements ------------------------------------------------ */

static void elems_done(struct nat_elems *l)
{
	free(l->v);
}

struct nat_elem *nat_elems_add(struct nat_elems *l, enum nat_set_id set)
{
	l->v = xgrow(l->v, l->n, sizeof(*l->v));
	l->v[l->n] = (struct nat_elem){ .set = set };
	return &l->v[l->n++];
}

static bool same_key(const struct nat_elem *a, const struct nat_elem *b)
{
	return a->set == b->set && !memcmp(a->key, b->key, sets[a->set].key_len);
}

static bool same(const struct nat_elem *a, const struct nat_elem *b)
{
	return same_key(a, b) && a->ctid == b->ctid && !memcmp(a->to, b->to, sets[a->set].to_len);
}

static bool has(const struct nat_elems *l, const struct nat_elem *e)
{
	for (size_t i = 0; i < l->n; i++)
		if (same(&l->v[i], e))
			return true;
	return false;
}

/* ---- what a plan wants -------------------------------------------------- */

static bool masqueraded(const struct net_plan *p, const struct net_addr *a)
{
	for (size_t i = 0; i < p->n_nat_nets; i++)
		if (net_addr_in(&p->nat_nets[i], p->nat_nets[i].plen, a))
			return true;
	return false;
}

bool net_nat_wanted(const struct net_plan *p)
{
	if (p->n_fwds && p->n_addrs)
		return true;
	for (size_t i = 0; i < p->n_addrs; i++)
		if (masqueraded(p, &p->addrs[i]))
			return true;
	return false;
}

static void want_forward(const struct net_forward *f, const struct net_addr *target,
			 struct nat_elems *ret)
{
	bool v6 = target->family == AF_INET6;
	size_t len = host_addr_len(target);

	for (unsigned int i = 0; i < f->n; i++) {
		uint16_t port = htons((uint16_t)(f->port + i));
		uint16_t to = htons((uint16_t)(f->ct_port + i));
		struct nat_elem *e = nat_elems_add(ret, f->host.family ? v6 ? NAT_ONE6 : NAT_ONE4 :
						   v6 ? NAT_ANY6 : NAT_ANY4);

		e->key[0] = f->udp ? IPPROTO_UDP : IPPROTO_TCP;
		memcpy(e->key + 4, &port, sizeof(port));
		if (f->host.family)
			memcpy(e->key + 8, f->host.a, len);
		memcpy(e->to, target->a, len);
		memcpy(e->to + len, &to, sizeof(to));
	}
}

static void want_family(const struct net_plan *p, int family, struct nat_elems *ret)
{
	bool v6 = family == AF_INET6, forwards = false;
	size_t len = v6 ? 16 : 4;
	struct net_addr first;

	if (!host_first_addr(p, family, &first))
		return;
	for (size_t i = 0; i < p->n_fwds; i++) {
		if (p->fwds[i].host.family && p->fwds[i].host.family != family)
			continue;
		want_forward(&p->fwds[i], &first, ret);
		forwards = true;
	}
	for (size_t i = 0; i < p->n_addrs; i++) {
		struct net_addr a = net_addr_own(&p->addrs[i]);
		struct nat_elem *e;

		if (a.family != family)
			continue;
		if (masqueraded(p, &a)) {
			e = nat_elems_add(ret, v6 ? NAT_MASQ6 : NAT_MASQ4);
			memcpy(e->key, a.a, len);
		}
		if (forwards) {
			e = nat_elems_add(ret, v6 ? NAT_SELF6 : NAT_SELF4);
			memcpy(e->key, a.a, len);
			memcpy(e->key + len, first.a, len);
		}
	}
}

static void want_all(const struct net_plan *p, struct nat_elems *ret)
{
	want_family(p, AF_INET, ret);
	want_family(p, AF_INET6, ret);
	for (size_t i = 0; i < ret->n; i++)
		ret->v[i].ctid = p->ctid;
}

/* ---- what the kernel has -------------------------------------------------- */

struct load {
	struct nat_elems *l;
	enum nat_set_id set;
	bool odd;
};

static int see_elem(const struct nft_elem_info *i, void *arg)
{
	struct load *d = arg;
	const struct nat_set *s = &sets[d->set];
	struct nat_elem *e;

	/* Of another version, or somebody's. */
	if (i->key.n != s->key_len || i->to.n != s->to_len) {
		d->odd = true;
		return 0;
	}
	e = nat_elems_add(d->l, d->set);
	memcpy(e->key, i->key.p, i->key.n);
	if (i->to.n)
		memcpy(e->to, i->to.p, i->to.n);
	if (sscanf(i->comment, "CT %u", &e->ctid) != 1)
		e->ctid = 0;
	return 0;
}

/* *ret_whole: the table is there with all its sets, and they are as we make them. */
static int load(struct nl_sock *s, struct nat_elems *ret, bool *ret_whole, struct vz_err *e)
{
	*ret_whole = true;
	for (size_t i = 0; i < NAT_SETS; i++) {
		struct load d = { ret, i, false };
		int r = nft_elems_dump(s, NFPROTO_INET, TABLE, sets[i].set.name, see_elem, &d,
				       VZ_CANT_ADDIP, e);

		if (r == -ENOENT || d.odd)
			*ret_whole = false;
		else if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the table -------------------------------------------------------------- */

static void add_chains(struct nft *t)
{
	static const struct nft_chain chains[] = {
		{ .name = "forwards" },
		{ .name = "prerouting", .base = true, .type = "nat", .hook = NF_INET_PRE_ROUTING,
		  .prio = -100 },
		{ .name = "output", .base = true, .type = "nat", .hook = NF_INET_LOCAL_OUT,
		  .prio = -100 },
		{ .name = "postrouting", .base = true, .type = "nat",
		  .hook = NF_INET_POST_ROUTING, .prio = 100 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_add(t, &chains[i]);
}

/*
 * What goes to an address of the node is looked up: first with the address, then
 * without.  Not 127.0.0.1 and ::1: their packets may not leave by another device,
 * and the switch that would let them (route_localnet) lets the containers in, too.
 */
static void add_forwards(struct nft *t)
{
	static const uint8_t loopback6[16] = { [15] = 1 };
	struct nft_stmt local = nft_is(NFT_FIB_DADDR_TYPE, RTN_LOCAL);
	struct nft_stmt v4 = nft_is(NFT_META_NF, NFPROTO_IPV4);
	struct nft_stmt v6 = nft_is(NFT_META_NF, NFPROTO_IPV6);
	struct nft_field port[3] = { NFT_META_L4, NFT_DPORT };

	nft_rule(t, "prerouting", local, nft_jump("forwards"));
	nft_rule(t, "output", v4, nft_is(NFT_NH(16, 1), 127), nft_return());
	nft_rule(t, "output", v6, nft_is_bytes(NFT_IP6_DADDR, loopback6), nft_return());
	nft_rule(t, "output", local, nft_jump("forwards"));
	port[2] = NFT_IP_DADDR;
	nft_rule(t, "forwards", v4, nft_dnat_map(NFPROTO_IPV4, port, 3, "one4"));
	nft_rule(t, "forwards", v4, nft_dnat_map(NFPROTO_IPV4, port, 2, "any4"));
	port[2] = NFT_IP6_DADDR;
	nft_rule(t, "forwards", v6, nft_dnat_map(NFPROTO_IPV6, port, 3, "one6"));
	nft_rule(t, "forwards", v6, nft_dnat_map(NFPROTO_IPV6, port, 2, "any6"));
}

static void add_masquerade(struct nft *t)
{
	/* To no container: links of those, and no others, have this bit in their group. */
	struct nft_stmt out = nft_none_of(NFT_META_OIFG, host_group(0));
	struct nft_stmt v4 = nft_is(NFT_META_NF, NFPROTO_IPV4);
	struct nft_stmt v6 = nft_is(NFT_META_NF, NFPROTO_IPV6);

	nft_rule(t, "postrouting", v4, out, nft_in(NFT_IP_SADDR, "masq4"), nft_masquerade());
	nft_rule(t, "postrouting", v6, out, nft_in(NFT_IP6_SADDR, "masq6"), nft_masquerade());
	nft_rule(t, "postrouting", v4, nft_in2(NFT_IP_SADDR, NFT_IP_DADDR, "self4"),
		 nft_masquerade());
	nft_rule(t, "postrouting", v6, nft_in2(NFT_IP6_SADDR, NFT_IP6_DADDR, "self6"),
		 nft_masquerade());
}

static void add_table(struct nft *t)
{
	nft_table_fresh(t);
	for (size_t i = 0; i < NAT_SETS; i++)
		nft_set_add(t, &sets[i].set);
	add_chains(t);
	add_forwards(t);
	add_masquerade(t);
}

/* ---- changes ------------------------------------------------------------------ */

static void put_elem(struct nft *t, const struct nat_elem *e)
{
	const struct nat_set *s = &sets[e->set];
	char comment[24];

	snprintf(comment, sizeof(comment), "CT %u", e->ctid);
	nft_elem_comment(t, e->key, s->key_len, s->to_len ? e->to : NULL, s->to_len, comment);
}

static void put_elems(struct nft *t, bool del, const struct nat_elem *const *v, size_t n)
{
	int open = -1;

	for (size_t i = 0; i < n; i++) {
		if (v[i]->set != open) {
			open = v[i]->set;
			if (del)
				nft_elems_del(t, sets[open].set.name);
			else
				nft_elems(t, sets[open].set.name);
		}
		put_elem(t, v[i]);
	}
}

struct change {
	const struct nat_elem *v[OPS_MAX];
	size_t n;
	bool more;
};

static void change_add(struct change *c, const struct nat_elem *e)
{
	if (c->n == OPS_MAX)
		c->more = true;
	else
		c->v[c->n++] = e;
}

/* What is to go and what is to come; the number of elements that there will be. */
static size_t compare(uint32_t ctid, const struct nat_elems *have, const struct nat_elems *want,
		      bool whole, struct change *del, struct change *add)
{
	size_t keep = want->n;

	for (size_t i = 0; i < have->n; i++) {
		bool own = have->v[i].ctid == ctid;

		keep += !own;
		if (whole && own && !has(want, &have->v[i]))
			change_add(del, &have->v[i]);
		/* A table that is not whole is made anew, with what others had in it. */
		if (!whole && !own)
			change_add(add, &have->v[i]);
	}
	for (size_t i = 0; i < want->n; i++)
		if (!whole || !has(have, &want->v[i]))
			change_add(add, &want->v[i]);
	return keep;
}

/*
 * One transaction on the way from @have to @want.  1: there is more to do, 0:
 * done, -ERESTART: somebody was faster.
 */
static int step(uint32_t gen, uint32_t ctid, const struct nat_elems *have,
		const struct nat_elems *want, bool whole, struct vz_err *e)
{
	struct change del = { .n = 0 }, add = { .n = 0 };
	size_t keep = compare(ctid, have, want, whole, &del, &add);
	_cleanup_nft_ struct nft t;
	int r;

	nft_begin(&t, NFPROTO_INET, TABLE);
	nft_only_if(&t, gen);
	if (keep ? whole && !del.n && !add.n : !whole && !have->n)
		return 0;
	if (!keep) {
		nft_table_del(&t);
	} else {
		if (!whole)
			add_table(&t);
		put_elems(&t, true, del.v, del.n);
		if (!del.more)
			put_elems(&t, false, add.v, add.n);
	}
	r = nft_commit(&t, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	nat_flows_forget(del.v, del.n);
	nat_flows_forget(add.v, add.n);
	return keep && (del.more || add.more);
}

static int reconcile(uint32_t ctid, const struct nat_elems *want, struct vz_err *e)
{
	struct vz_err why = VZ_ERR_INIT;
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_CANT_ADDIP, e), tries = 0;

	if (r < 0)
		return r;
	do {
		_cleanup_(elems_done) struct nat_elems have = { 0 };
		uint32_t gen;
		bool whole;

		r = nft_generation(s, &gen, VZ_CANT_ADDIP, &why);
		if (r == 0)
			r = load(s, &have, &whole, &why);
		if (r == 0)
			r = nat_ports_check(&have, want, ctid, &why);
		if (r == 0)
			r = step(gen, ctid, &have, want, whole, &why);
	} while (r > 0 || ((r == -ERESTART || r == -EAGAIN) && ++tries < TRIES));
	if (r < 0)
		*e = why;
	return r;
}

int net_nat_apply(const struct net_plan *p, struct vz_err *e)
{
	_cleanup_(elems_done) struct nat_elems want = { 0 };

	want_all(p, &want);
	return reconcile(p->ctid, &want, e);
}

int net_nat_check(const struct net_plan *p, struct vz_err *e)
{
	_cleanup_(elems_done) struct nat_elems want = { 0 };
	struct nl_sock *s;
	int r, tries = 0;

	if (!p->n_fwds || !p->n_addrs)
		return 0;
	want_all(p, &want);
	r = nft_socket(&s, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	do {
		_cleanup_(elems_done) struct nat_elems have = { 0 };
		bool whole;

		r = load(s, &have, &whole, e);
		if (r == 0)
			r = nat_ports_check(&have, &want, p->ctid, e);
	} while (r == -EAGAIN && ++tries < TRIES);
	return r;
}

int net_nat_remove(uint32_t ctid, struct vz_err *e)
{
	struct nat_elems none = { 0 };

	return reconcile(ctid, &none, e);
}

int nat_look(const struct net_plan *p, struct nat_elems *ret, size_t *ret_missing,
	     size_t *ret_extra, struct vz_err *e)
{
	_cleanup_(elems_done) struct nat_elems want = { 0 };
	struct nat_elems have = { 0 };
	size_t n = 0, extra = 0, missing = 0;
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e), tries = 0;
	bool whole;

	if (r < 0)
		return r;
	do {
		elems_done(&have);
		have = (struct nat_elems){ 0 };
		r = load(s, &have, &whole, e);
	} while (r == -EAGAIN && ++tries < TRIES);
	if (r < 0) {
		elems_done(&have);
		return r;
	}
	want_all(p, &want);
	for (size_t i = 0; i < have.n; i++) {
		if (have.v[i].ctid != p->ctid)
			continue;
		have.v[n++] = have.v[i];
		extra += !has(&want, &have.v[n - 1]);
	}
	have.n = n;
	for (size_t i = 0; i < want.n; i++)
		missing += !has(&have, &want.v[i]);
	*ret = have;
	*ret_missing = missing;
	*ret_extra = extra;
	return 0;
}

/* ---- somebody else's filter ----------------------------------------------------- */

static int see_chain(const struct nft_chain_info *c, void *arg)
{
	char *name = arg;

	if (c->base && c->drop && c->hook == NF_INET_FORWARD && !*name)
		snprintf(name, 96, "%s %s %s", c->family == NFPROTO_INET ? "inet" : "ip", c->table,
			 c->name);
	return 0;
}

int net_forward_blocked(char name[96])
{
	/* What only ever drops IPv6 is not told: few have it, and many filter it. */
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_INET };
	struct nl_sock *s;
	int r;

	*name = '\0';
	r = nft_socket(&s, VZ_SYSTEM_ERROR, VZ_IGNORE);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++)
		r = nft_chains(s, families[i], see_chain, name, VZ_SYSTEM_ERROR, VZ_IGNORE);
	return r >= 0 && *name;
}
