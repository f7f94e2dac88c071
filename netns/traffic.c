// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The counting half: what all containers share is in one nft table.
 *
 * (Without class file and caps, and where it guards, BPF counts: traffic-bpf.h.)
 *
 *	chain tx.CLASSES-NN	netdev ingress of host ends: goto tx.CLASSES
 *	chain tx.CLASSES	prefix -> goto tx_N, as a class file says it
 *	chain tx_N		counts in set tx, by container and class; then the cap, if
 *				map txprio has the link and class
 *	chain tx_count		counts class 1: without class file and cap there is no more
 *
 * and the same with rx for egress; txc and rxc.CLASSES where a cap is.  Devices share the
 * first; before Linux 6.4 each has its own, tx_CTID_IFINDEX.  Set link says which devices
 * are whose.  CLASSES names the contents of the class file:
 * who was started with another one keeps that.  Elements of tx and rx say in their
 * comment which set of counters they are (ct/traffic.h).
 */
#define VZ_ROOM "netns"
#include "net-traffic.h"

#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "ctside.h"
#include "nft.h"
#include "rate.h"
#include "traffic-bpf.h"

#define TRIES 8

static const char *const dirs[] = { [RATE_OUT] = "tx", [RATE_IN] = "rx" };
/* Two, because a device cannot join two chains of a table in one transaction. */
static const char *const tables[] = { [RATE_OUT] = NET_TRAFFIC_TX, [RATE_IN] = NET_TRAFFIC_RX };

/* Sets, of the direction that is given by their first letters. */
static const char *const count_sets[] = { "tx", "rx" };
static const char *const prio_maps[] = { "txprio", "rxprio" };
#define IFB_MAP "ifb"		/* ifindex -> that of the ifb */
#define LINK_SET "link"		/* ifindices; "CTID/device" is their comment */
#define POST_MAP "post"		/* without egress: link group -> goto rx.CLASSES */

/*
 * Where the counters of a container are: netdev, and on Linux 5.15, whose netdev
 * family has no egress, rx in inet, where a packet is counted without that header.
 */
static const uint8_t families[] = { NFPROTO_NETDEV, NFPROTO_INET };

/* ---- counters ------------------------------------------------------------ */

/* Egress sees the Ethernet header, ingress does not any more. */
static uint64_t without_header(uint64_t bytes, uint64_t packets)
{
	uint64_t head = packets * ETH_HLEN;

	return bytes > head ? bytes - head : 0;
}

struct reading {
	net_counts_fn fn;
	void *arg;
	uint8_t family;
	enum rate_dir dir;
};

static void count_key(struct nft_key *k, uint32_t ctid, uint32_t cls)
{
	uint32_t group = host_group(ctid);

	k->n = 0;
	nft_key_add(k, &group, sizeof(group));
	nft_key_add(k, &cls, sizeof(cls));
}

static int see_count(const struct nft_elem_info *i, void *arg)
{
	const struct reading *rd = arg;
	struct net_counts n = { 0 };
	struct net_count *c;
	uint32_t key[2];

	if (i->key.n != sizeof(key))
		return 0;
	memcpy(key, i->key.p, sizeof(key));
	if (!host_group_is_ours(key[0]) || key[1] >= NET_CLASSES ||
	    sscanf(i->comment, "%16" SCNx64, &n.id) != 1 || !n.id)
		return 0;
	n.have = (uint16_t)(1u << key[1]);
	c = &n.cls[key[1]];
	if (rd->dir == RATE_OUT) {
		c->tx_bytes = i->bytes;
		c->tx_packets = i->packets;
	} else {
		c->rx_bytes = rd->family == NFPROTO_INET ? i->bytes :
			      without_header(i->bytes, i->packets);
		c->rx_packets = i->packets;
	}
	return rd->fn(host_group_ctid(key[0]), &n, rd->arg);
}

int net_traffic_read_all(net_counts_fn fn, void *arg, struct vz_err *e)
{
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		for (unsigned int dir = 0; dir < ARRAY_SIZE(dirs); dir++) {
			struct reading rd = { fn, arg, families[f], dir };

			r = nft_elems_dump(s, families[f], tables[dir], count_sets[dir], see_count,
					   &rd, VZ_SYSTEM_ERROR, e);
			if (r < 0 && r != -ENOENT && !nft_missing(r))
				return r == -EAGAIN ? vz_fail(e, VZ_SYSTEM_ERROR, EAGAIN,
					"the packet filter keeps changing") : r;
		}
	}
	return bpf_traffic_read(0, fn, arg, e);
}

struct one {
	uint32_t ctid;
	struct net_counts n;
};

static int add_one(uint32_t ctid, const struct net_counts *n, void *arg)
{
	struct one *o = arg;

	if (o->ctid != ctid)
		return 0;
	o->n.id = n->id;
	o->n.have |= n->have;
	for (unsigned int i = 0; i < NET_CLASSES; i++) {
		o->n.cls[i].rx_bytes += n->cls[i].rx_bytes;
		o->n.cls[i].rx_packets += n->cls[i].rx_packets;
		o->n.cls[i].tx_bytes += n->cls[i].tx_bytes;
		o->n.cls[i].tx_packets += n->cls[i].tx_packets;
	}
	return 0;
}

/* One of its counters, without reading those of everybody; none is fine. */
static int read_one(struct nl_sock *s, uint8_t family, enum rate_dir dir, unsigned int cls,
		    struct one *o, struct vz_err *e)
{
	struct reading rd = { add_one, o, family, dir };
	struct nft_key k;
	int r;

	count_key(&k, o->ctid, cls);
	r = nft_elem_get(s, family, tables[dir], count_sets[dir], k.b, k.n, see_count, &rd,
			 VZ_SYSTEM_ERROR, e);
	return r == -ENOENT || nft_missing(r) ? 0 : r;
}

/* Those of nf_tables; id 0: none. */
static int read_nft(struct one *o, struct vz_err *e)
{
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e);

	if (r >= 0)
		r = read_one(s, NFPROTO_NETDEV, RATE_OUT, NET_CLASS_DEFAULT, o, e);
	/* Each container that it counts has this one. */
	if (r < 0 || !o->n.id)
		return r;
	o->n = (struct net_counts){ 0 };
	for (unsigned int cls = 1; cls < NET_CLASSES && r >= 0; cls++) {
		r = read_one(s, NFPROTO_NETDEV, RATE_OUT, cls, o, e);
		for (size_t f = 0; f < ARRAY_SIZE(families) && r >= 0; f++)
			r = read_one(s, families[f], RATE_IN, cls, o, e);
	}
	return r;
}

int net_traffic_read(uint32_t ctid, struct net_counts *ret, struct vz_err *e)
{
	struct one o = { .ctid = ctid };
	int r = read_nft(&o, e);

	if (r >= 0)
		r = bpf_traffic_read(ctid, add_one, &o, e);
	if (r >= 0 && !o.n.id)
		return -ENOENT;
	if (r >= 0)
		*ret = o.n;
	return r;
}

/* ---- what all containers share --------------------------------------------- */

struct build {
	struct nft t;
	const struct net_plan *p;
	const struct net_traffic *tr;
	const struct rate_link *links;
	size_t n_links;
	int ifb;		/* 0: nothing is capped */
	uint64_t id;
	uint16_t want;		/* classes with counters */
	char classes[12];	/* name of the class file's contents */
	bool fresh;		/* nothing of the container is there */
	uint8_t *stays;		/* bits of enum rate_dir: the link is where it is to be */
	struct nft_share share;
	bool no_egress;		/* Linux 5.15 */
};

static void chain_name(enum rate_dir dir, unsigned int cls, char buf[16])
{
	snprintf(buf, 16, "%s_%u", dirs[dir], cls);
}

/* What is capped gets its HTB class; from the container it also changes to the ifb here. */
static void cap_rule(struct nft *t, const char *chain, enum rate_dir dir, unsigned int cls)
{
	struct nft_field number = NFT_CONST((uint8_t)cls);

	if (dir == RATE_OUT)
		nft_rule(t, chain, nft_set_priority_map(NFT_META_IIFX, number, prio_maps[dir]),
			 nft_fwd_map(NFT_META_IIFX, IFB_MAP));
	else
		nft_rule(t, chain, nft_set_priority_map(NFT_META_OIFX, number, prio_maps[dir]),
			 nft_accept());
}

static void class_chains(struct nft *t, enum rate_dir dir)
{
	struct nft_field group = dir == RATE_OUT ? NFT_META_IIFG : NFT_META_OIFG;
	char name[16];

	for (unsigned int cls = 0; cls < NET_CLASSES; cls++) {
		chain_name(dir, cls, name);
		nft_chain_add(t, &(struct nft_chain){ .name = name });
		if (!cls)
			continue;
		nft_rule(t, name, nft_in2(group, NFT_CONST((uint8_t)cls), count_sets[dir]));
		cap_rule(t, name, dir, cls);
	}
	snprintf(name, sizeof(name), "%s_count", dirs[dir]);
	nft_chain_add(t, &(struct nft_chain){ .name = name });
	nft_rule(t, name, nft_in2(group, NFT_CONST(NET_CLASS_DEFAULT), count_sets[dir]));
	/* Not IP: not counted, and no way round the cap either. */
	snprintf(name, sizeof(name), "%s_other", dirs[dir]);
	nft_chain_add(t, &(struct nft_chain){ .name = name });
	cap_rule(t, name, dir, NET_CLASS_DEFAULT);
}

static void share_direction(struct nft *t, enum rate_dir dir)
{
	nft_set_add(t, &(struct nft_set){ .name = count_sets[dir], .counted = true,
					  .key = { NFT_IFINDEX, NFT_MARK } });
	nft_set_add(t, &(struct nft_set){ .name = prio_maps[dir], .to = NFT_MARK,
					  .key = { NFT_IFINDEX, NFT_MARK } });
	if (dir == RATE_OUT)
		nft_set_add(t, &(struct nft_set){ .name = IFB_MAP, .to = NFT_IFINDEX,
						  .key = { NFT_IFINDEX } });
	class_chains(t, dir);
}

/* Without egress, what is routed to a container is seen where it leaves over its link. */
static void share_post(struct nft *t)
{
	share_direction(t, RATE_IN);
	nft_set_add(t, &(struct nft_set){ .name = POST_MAP, .to_verdict = true,
					  .key = { NFT_IFINDEX } });
	nft_chain_add(t, &(struct nft_chain){ .name = "post", .base = true,
					      .hook = NF_INET_POST_ROUTING,
					      .prio = NET_TRAFFIC_PRIO + 200 });
	nft_rule(t, "post", nft_vmap(NFT_META_OIFG, POST_MAP));
}

/* What follows is of that direction. */
static void turn_to(struct build *b, enum rate_dir dir)
{
	nft_table(&b->t, dir == RATE_IN && b->no_egress ? NFPROTO_INET : NFPROTO_NETDEV,
		  tables[dir]);
}

static void put_tables(struct build *b)
{
	nft_table_new(&b->t);
	share_direction(&b->t, RATE_OUT);
	turn_to(b, RATE_IN);
	nft_table_new(&b->t);
	if (b->no_egress)
		share_post(&b->t);
	else
		share_direction(&b->t, RATE_IN);
	turn_to(b, RATE_OUT);
}

/* ---- classes ------------------------------------------------------------------ */

/* FNV-1a of what the kernel gets; no file is "0". */
static void name_classes(const struct net_traffic *tr, char ret[12])
{
	uint32_t h = tr->n_classes ? 2166136261u : 0;

	for (size_t i = 0; i < tr->n_classes; i++) {
		const struct net_class *c = &tr->classes[i];
		uint8_t b[19];

		memcpy(b, c->prefix.a, 16);
		b[16] = (uint8_t)c->prefix.family;
		b[17] = c->prefix.plen;
		b[18] = c->cls;
		for (size_t k = 0; k < sizeof(b); k++)
			h = (h ^ b[k]) * 16777619u;
	}
	snprintf(ret, 12, "%x", h);
}

static void class_map(struct build *b, enum rate_dir dir, int family, const char *map)
{
	size_t n, size = family == AF_INET6 ? 16 : 4;
	struct net_range *r;
	char name[16];

	nft_set_add(&b->t, &(struct nft_set){ .name = map, .to_verdict = true, .fresh = true,
			.flags = NFT_SET_INTERVAL,
			.key = { family == AF_INET6 ? NFT_IPV6_ADDR : NFT_IPV4_ADDR } });
	net_class_ranges(b->tr->classes, b->tr->n_classes, family, &r, &n);
	nft_elems(&b->t, map);
	for (size_t i = 0; i < n; i++) {
		/* Where one ends the next begins; the kernel wants both said. */
		if (i)
			nft_elem_end(&b->t, r[i].first, size);
		chain_name(dir, r[i].cls, name);
		nft_elem_verdict(&b->t, r[i].first, size, NFT_GOTO, name);
	}
	free(r);
}

static void map_name(const struct build *b, enum rate_dir dir, int family, char name[24])
{
	snprintf(name, 24, "%s%c.%s", dirs[dir], family == AF_INET ? '4' : '6', b->classes);
}

static void class_rule(struct build *b, enum rate_dir dir, int family, const char *chain,
		       bool capped)
{
	struct nft_stmt proto = nft_is(NFT_META_ETHERTYPE, family == AF_INET ? ETH_P_IP :
									     ETH_P_IPV6);
	struct nft_field out = family == AF_INET ? NFT_IP_DADDR : NFT_IP6_DADDR;
	struct nft_field in = family == AF_INET ? NFT_IP_SADDR : NFT_IP6_SADDR;
	char name[24];

	if (b->tr->n_classes) {
		map_name(b, dir, family, name);
		nft_rule(&b->t, chain, proto, nft_vmap(dir == RATE_OUT ? out : in, name));
		return;
	}
	if (capped)
		chain_name(dir, NET_CLASS_DEFAULT, name);
	else
		snprintf(name, sizeof(name), "%s_count", dirs[dir]);
	nft_rule(&b->t, chain, proto, nft_goto(name));
}

static void class_entry(struct build *b, enum rate_dir dir, bool capped)
{
	char name[24], other[16];

	snprintf(name, sizeof(name), "%s%s.%s", dirs[dir], capped ? "c" : "", b->classes);
	snprintf(other, sizeof(other), "%s_other", dirs[dir]);
	nft_chain_add(&b->t, &(struct nft_chain){ .name = name, .fresh = true });
	/* A container may have set it to one of ours: it would go through our ifb. */
	if (capped && dir == RATE_IN)
		nft_rule(&b->t, name, nft_set_priority(0));
	class_rule(b, dir, AF_INET, name, capped);
	class_rule(b, dir, AF_INET6, name, capped);
	if (capped)
		nft_rule(&b->t, name, nft_goto(other));
}

/* tx.CLASSES and, for capped links, txc.CLASSES; or the same with rx. */
static void class_entries(struct build *b, enum rate_dir dir)
{
	static const int both[] = { AF_INET, AF_INET6 };
	char map[24];

	for (size_t i = 0; b->tr->n_classes && i < ARRAY_SIZE(both); i++) {
		map_name(b, dir, both[i], map);
		class_map(b, dir, both[i], map);
	}
	class_entry(b, dir, false);
	class_entry(b, dir, true);
}

static void put_classes(struct build *b)
{
	class_entries(b, RATE_OUT);
	turn_to(b, RATE_IN);
	class_entries(b, RATE_IN);
	turn_to(b, RATE_OUT);
}

/* ---- a container ------------------------------------------------------------------ */

/* The base chain that a link is to be in, and where that leads. */
static void link_place(const struct build *b, const struct rate_link *l, enum rate_dir dir,
		       char name[NFT_SHARE_LEN], char to[24])
{
	snprintf(to, 24, "%s%s.%s", dirs[dir], b->ifb ? "c" : "", b->classes);
	if (nft_shares())
		nft_share_name(to, l->l.name, name);
	else
		snprintf(name, NFT_SHARE_LEN, "%s_%u_%d", dirs[dir], b->p->ctid, l->l.ifindex);
}

static void link_chain(struct build *b, size_t i, enum rate_dir dir)
{
	const struct rate_link *l = &b->links[i];
	char name[NFT_SHARE_LEN], to[24];

	link_place(b, l, dir, name, to);
	if (!(b->stays[i] >> dir & 1)) {
		nft_share_join(&b->share, &b->t, &(struct nft_chain){
				.name = name, .base = true, .dev = l->l.name,
				.hook = dir == RATE_OUT ? NF_NETDEV_INGRESS : NF_NETDEV_EGRESS,
				.prio = NET_TRAFFIC_PRIO }, to);
	} else if (!nft_shares()) {
		/* Its class file may be another one now. */
		nft_chain_flush(&b->t, name);
		nft_rule(&b->t, name, nft_goto(to));
	}
}

static void own_links(struct build *b)
{
	char owner[32];

	/* Tables of an earlier vzctl have none. */
	nft_set_add(&b->t, &(struct nft_set){ .name = LINK_SET, .key = { NFT_IFINDEX } });
	nft_elems(&b->t, LINK_SET);
	for (size_t i = 0; i < b->n_links; i++) {
		const struct rtnl_link *l = &b->links[i].l;

		snprintf(owner, sizeof(owner), "%u/%s", b->p->ctid, l->name);
		nft_elem_comment(&b->t, &l->ifindex, sizeof(l->ifindex), NULL, 0, owner);
	}
}

static void counters(struct build *b, enum rate_dir dir)
{
	char id[20];
	struct nft_key k;

	snprintf(id, sizeof(id), "%016" PRIx64, b->id);
	nft_elems(&b->t, count_sets[dir]);
	for (uint32_t cls = 1; cls < NET_CLASSES; cls++) {
		if (!(b->want >> cls & 1))
			continue;
		count_key(&k, b->p->ctid, cls);
		nft_elem_comment(&b->t, k.b, k.n, NULL, 0, id);
	}
}

static void priorities(struct build *b, enum rate_dir dir)
{
	char owner[16];

	if (!b->ifb)
		return;
	snprintf(owner, sizeof(owner), "%u", b->p->ctid);
	nft_elems(&b->t, prio_maps[dir]);
	for (size_t i = 0; i < b->n_links; i++) {
		const struct rate_link *l = &b->links[i];

		for (uint32_t cls = 1; cls < NET_CLASSES; cls++) {
			uint32_t prio = rate_id(dir, l->idx, cls);
			struct nft_key k = { 0 };

			if (!(b->want >> cls & 1) || !rate_capped(b->tr, l->ifname, cls))
				continue;
			nft_key_add(&k, &l->l.ifindex, sizeof(l->l.ifindex));
			nft_key_add(&k, &cls, sizeof(cls));
			nft_elem_comment(&b->t, k.b, k.n, &prio, sizeof(prio), owner);
		}
	}
}

static void ifbs(struct build *b)
{
	char owner[16];

	if (!b->ifb)
		return;
	snprintf(owner, sizeof(owner), "%u", b->p->ctid);
	nft_elems(&b->t, IFB_MAP);
	for (size_t i = 0; i < b->n_links; i++)
		nft_elem_comment(&b->t, &b->links[i].l.ifindex, sizeof(int), &b->ifb, sizeof(int),
				 owner);
}

static void direction(struct build *b, enum rate_dir dir)
{
	counters(b, dir);
	priorities(b, dir);
	if (dir == RATE_OUT)
		ifbs(b);
}

static void put_container(struct build *b)
{
	uint32_t group = host_group(b->p->ctid);
	char to[24];

	own_links(b);
	for (size_t i = 0; i < b->n_links; i++)
		link_chain(b, i, RATE_OUT);
	direction(b, RATE_OUT);
	turn_to(b, RATE_IN);
	for (size_t i = 0; i < b->n_links && !b->no_egress; i++)
		link_chain(b, i, RATE_IN);
	direction(b, RATE_IN);
	if (!b->no_egress)
		return;
	snprintf(to, sizeof(to), "rx%s.%s", b->ifb ? "c" : "", b->classes);
	nft_elems(&b->t, POST_MAP);
	nft_elem_verdict(&b->t, &group, sizeof(group), NFT_GOTO, to);
}

/* ---- what there is of a container ---------------------------------------------------- */

struct found {
	uint32_t ctid;
	struct build *keep;	/* links stay where this one wants them; or NULL */
	struct vz_strv devs;	/* under all names */
	const char *map;
	struct nft *t;		/* deletions go here */
	size_t n, others;
};

static bool is_ours(const char *table)
{
	return str_eq(table, NET_TRAFFIC_TX) || str_eq(table, NET_TRAFFIC_RX);
}

/* Marks it when it does. */
static bool link_stays(struct build *b, const char *chain, const char *dev, int ifindex)
{
	char name[NFT_SHARE_LEN], to[24];

	for (size_t i = 0; b && i < b->n_links; i++) {
		if (dev ? !str_eq(b->links[i].l.name, dev) : b->links[i].l.ifindex != ifindex)
			continue;
		for (unsigned int dir = 0; dir < ARRAY_SIZE(dirs); dir++) {
			link_place(b, &b->links[i], dir, name, to);
			if (!str_eq(chain, name))
				continue;
			b->stays[i] |= (uint8_t)(1u << dir);
			return true;
		}
	}
	return false;
}

/* Chains of its own, which other kernels and earlier vzctls want. */
static bool see_own_chain(struct found *f, const char *name)
{
	uint32_t ctid;
	int ifindex;
	char dir;

	if (sscanf(name, "%cx_%" SCNu32 "_%d", &dir, &ctid, &ifindex) != 3)
		return false;
	if (ctid == f->ctid && !link_stays(f->keep, name, NULL, ifindex)) {
		nft_chain_del(f->t, name);
		f->n++;
	}
	return true;
}

static int see_chain(const struct nft_chain_info *c, void *arg)
{
	struct found *f = arg;

	if (!is_ours(c->table) || !c->base)
		return 0;
	nft_table(f->t, NFPROTO_NETDEV, c->table);
	if (see_own_chain(f, c->name))
		return 0;
	for (size_t i = 0; i < f->devs.n; i++) {
		if (!nft_chain_has_dev(c, f->devs.v[i]) ||
		    link_stays(f->keep, c->name, f->devs.v[i], 0))
			continue;
		nft_chain_dev_del(f->t, c->name, f->devs.v[i]);
		f->n++;
	}
	return 0;
}

static int see_link(const struct nft_elem_info *i, void *arg)
{
	struct found *f = arg;
	char *dev;

	if (strtoul(i->comment, &dev, 10) != f->ctid || *dev != '/' || !i->key.n)
		return 0;
	if (!vz_strv_has(&f->devs, dev + 1))
		vz_strv_add(&f->devs, dev + 1);
	if (!f->t->elems)
		nft_elems_del(f->t, LINK_SET);
	nft_elem(f->t, i->key.p, i->key.n);
	f->n++;
	return 0;
}

/* Its links leave their chains, and the set that says whose they are. */
static int drop_links(struct found *f, struct nl_sock *s, struct vz_err *e)
{
	int r;

	for (size_t i = 0; f->keep && i < f->keep->n_links; i++)
		if (!vz_strv_has(&f->devs, f->keep->links[i].l.name))
			vz_strv_add(&f->devs, f->keep->links[i].l.name);
	r = nft_elems_dump(s, NFPROTO_NETDEV, NET_TRAFFIC_TX, LINK_SET, see_link, f,
			   VZ_SYSTEM_ERROR, e);
	if (r >= 0 || r == -ENOENT || nft_missing(r))
		r = nft_chains(s, NFPROTO_NETDEV, see_chain, f, VZ_SYSTEM_ERROR, e);
	nft_table(f->t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	vz_strv_done(&f->devs);
	return r;
}

static int see_owned(const struct nft_elem_info *i, void *arg)
{
	struct found *f = arg;
	uint32_t owner;

	if (sscanf(i->comment, "%" SCNu32, &owner) != 1 || owner != f->ctid || !i->key.n)
		return 0;
	if (!f->t->elems)
		nft_elems_del(f->t, f->map);
	nft_elem(f->t, i->key.p, i->key.n);
	f->n++;
	return 0;
}

/* Deletions of its caps; they are made anew or not at all. */
static int drop_caps(struct found *f, struct nl_sock *s, struct vz_err *e)
{
	static const struct {
		uint8_t family;
		const char *table, *map;
	} where[] = { { NFPROTO_NETDEV, NET_TRAFFIC_TX, "txprio" },
		      { NFPROTO_NETDEV, NET_TRAFFIC_TX, IFB_MAP },
		      { NFPROTO_NETDEV, NET_TRAFFIC_RX, "rxprio" },
		      { NFPROTO_INET, NET_TRAFFIC_RX, "rxprio" } };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		f->map = where[i].map;
		nft_table(f->t, where[i].family, where[i].table);
		r = nft_elems_dump(s, where[i].family, where[i].table, f->map, see_owned, f,
				   VZ_SYSTEM_ERROR, e);
		if (r < 0 && r != -ENOENT && !nft_missing(r))
			return r;
	}
	nft_table(f->t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	return 0;
}

static int see_key(uint32_t ctid, const struct net_counts *n, void *arg)
{
	struct found *f = arg;
	struct nft_key k;

	if (ctid != f->ctid) {
		f->others++;
		return 0;
	}
	for (uint32_t cls = 1; cls < NET_CLASSES; cls++) {
		if (!(n->have >> cls & 1))
			continue;
		count_key(&k, ctid, cls);
		if (!f->t->elems)
			nft_elems_del(f->t, f->map);
		nft_elem(f->t, k.b, k.n);
		f->n++;
	}
	return 0;
}

static int see_any(const struct nft_elem_info *i, void *arg)
{
	*(bool *)arg = true;
	return 0;
}

/* Its element of POST_MAP, if it is there: somebody may have flushed that. */
static int drop_post(struct nft *t, uint32_t ctid, struct nl_sock *s, struct vz_err *e)
{
	uint32_t group = host_group(ctid);
	bool there = false;
	int r = nft_elem_get(s, NFPROTO_INET, NET_TRAFFIC_RX, POST_MAP, &group, sizeof(group),
			     see_any, &there, VZ_SYSTEM_ERROR, e);

	if (there) {
		nft_table(t, NFPROTO_INET, NET_TRAFFIC_RX);
		nft_elems_del(t, POST_MAP);
		nft_elem(t, &group, sizeof(group));
		nft_table(t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	}
	return r == -ENOENT ? 0 : r;
}

static int drop_counters(struct found *f, struct nl_sock *s, struct vz_err *e)
{
	bool post = false;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		for (unsigned int dir = 0; dir < ARRAY_SIZE(dirs); dir++) {
			struct reading rd = { see_key, f, families[i], dir };

			f->map = count_sets[dir];
			nft_table(f->t, families[i], tables[dir]);
			r = nft_elems_dump(s, families[i], tables[dir], f->map, see_count, &rd,
					   VZ_SYSTEM_ERROR, e);
			if (r < 0 && r != -ENOENT && !nft_missing(r))
				return r;
			post |= families[i] == NFPROTO_INET && r >= 0;
		}
	}
	return post ? drop_post(f->t, f->ctid, s, e) : 0;
}

static int remove_once(uint32_t ctid, bool counters, struct vz_err *e)
{
	_cleanup_nft_ struct nft t;
	struct found f = { .ctid = ctid, .t = &t };
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e);

	nft_begin(&t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	if (r >= 0)
		r = drop_links(&f, s, e);
	if (r >= 0)
		r = drop_caps(&f, s, e);
	if (r >= 0 && counters)
		r = drop_counters(&f, s, e);
	if (r < 0 || !f.n)
		return r;
	return nft_commit(&t, VZ_SYSTEM_ERROR, e);
}

static int remove_nft(uint32_t ctid, bool counters, struct vz_err *e)
{
	int r = 0;

	/* Up to 6.15 a chain goes with its device, any time. */
	for (int tries = 0; tries < TRIES; tries++) {
		r = remove_once(ctid, counters, e);
		if (r != -ENOENT && r != -EAGAIN)
			break;
	}
	return nft_missing(r) ? 0 : r;
}

int net_traffic_remove(uint32_t ctid, struct vz_err *e)
{
	int r = remove_nft(ctid, true, e);

	return r < 0 ? r : bpf_traffic_remove(ctid, e);
}

void net_traffic_tidy(void)
{
	struct found f = { .ctid = UINT32_MAX };
	struct reading rd = { see_key, &f, NFPROTO_NETDEV, RATE_OUT };
	uint32_t generation;
	struct nl_sock *s;
	struct nft t;

	if (nft_socket(&s, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 ||
	    !nft_chain_there(s, NFPROTO_NETDEV, NET_TRAFFIC_TX, "tx_other") ||
	    nft_generation(s, &generation, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 ||
	    nft_elems_dump(s, NFPROTO_NETDEV, NET_TRAFFIC_TX, count_sets[RATE_OUT], see_count,
			   &rd, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0 || f.others)
		return;
	nft_begin(&t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	nft_only_if(&t, generation);
	nft_table_del(&t);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (!nft_chain_there(s, families[i], NET_TRAFFIC_RX, "rx_other"))
			continue;
		nft_table(&t, families[i], NET_TRAFFIC_RX);
		nft_table_del(&t);
	}
	(void)nft_end(&t, VZ_SYSTEM_ERROR, VZ_IGNORE);
}

/* ---- transactions ---------------------------------------------------------------------- */

/* What is made anew, and chains of links that it has no more. */
static int drop_old(struct build *b, struct nl_sock *s, struct vz_err *e)
{
	struct found f = { .ctid = b->p->ctid, .t = &b->t, .keep = b };
	int r = drop_links(&f, s, e);

	if (r >= 0)
		r = drop_caps(&f, s, e);
	/* An element is not changed: it goes, and comes again in the same transaction. */
	return r >= 0 && b->no_egress ? drop_post(&b->t, b->p->ctid, s, e) : r;
}

/* What a transaction makes beside the container's own. */
enum with { WITH_NOTHING, WITH_CLASSES, WITH_TABLES };

static int commit_with(struct build *b, struct nl_sock *s, enum with with, struct vz_err *e)
{
	int r = 0;

	nft_begin(&b->t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	memset(b->stays, 0, b->n_links);
	vz_strv_done(&b->share.made);
	b->share.stale = false;
	b->share.s = with == WITH_TABLES ? NULL : s;
	if (!b->fresh && with != WITH_TABLES)
		r = drop_old(b, s, e);
	if (r < 0) {
		nft_done(&b->t);
		return r;
	}
	if (with == WITH_TABLES)
		put_tables(b);
	if (with != WITH_NOTHING)
		put_classes(b);
	put_container(b);
	if (b->fresh && b->share.stale) {
		nft_done(&b->t);
		return vz_fail(e, VZ_SYSTEM_ERROR, EEXIST, "a device of this name is counted");
	}
	return nft_end(&b->t, VZ_SYSTEM_ERROR, e);
}

struct entries {
	const char *keep;
	struct vz_strv found;
	struct vz_strv empty;	/* base chains that no device is in */
};

/* tx.CLASSES and what leads there. */
static int see_entry(const struct nft_chain_info *c, void *arg)
{
	struct entries *l = arg;

	if (!is_ours(c->table) || !strchr(c->name, '.'))
		return 0;
	if (c->base && !c->devs.n)
		vz_strv_add(&l->empty, c->name);
	else if (!c->base && str_has_prefix(c->name, "tx.") && !str_eq(c->name + 3, l->keep))
		vz_strv_add(&l->found, c->name + 3);
	return 0;
}

static void drop_direction(struct nft *t, const char *classes, enum rate_dir dir,
			   const struct vz_strv *empty)
{
	char name[40];

	for (size_t i = 0; i < 2; i++) {
		size_t n = (size_t)snprintf(name, sizeof(name), "%s%s.%s", dirs[dir],
					    i ? "" : "c", classes);

		for (size_t k = 0; k < empty->n; k++)
			if (str_has_prefix(empty->v[k], name) && empty->v[k][n] == '-')
				nft_chain_del(t, empty->v[k]);
		nft_chain_del(t, name);
	}
	for (const char *family = str_eq(classes, "0") ? "" : "46"; *family; family++) {
		snprintf(name, sizeof(name), "%s%c.%s", dirs[dir], *family, classes);
		nft_set_flush(t, name);
		nft_set_del(t, name);
	}
}

/* One that is in use refuses to go, and so do its maps with it. */
static int drop_entry(const char *classes, const struct vz_strv *empty, bool post,
		      uint32_t generation)
{
	struct nft t;

	nft_begin(&t, NFPROTO_NETDEV, NET_TRAFFIC_TX);
	/* A device may be joining one that was empty. */
	nft_only_if(&t, generation);
	drop_direction(&t, classes, RATE_OUT, empty);
	nft_table(&t, post ? NFPROTO_INET : NFPROTO_NETDEV, NET_TRAFFIC_RX);
	drop_direction(&t, classes, RATE_IN, empty);
	return nft_end(&t, VZ_SYSTEM_ERROR, VZ_IGNORE);
}

/* Entries for another contents of the class file, of which the last user has gone. */
static void drop_unused_entries(struct nl_sock *s, const struct build *b)
{
	bool more = true;

	for (size_t skip = 0; more && skip < TRIES;) {
		struct entries l = { .keep = b->classes };
		uint32_t generation;

		more = nft_generation(s, &generation, VZ_SYSTEM_ERROR, VZ_IGNORE) >= 0 &&
		       nft_chains(s, NFPROTO_NETDEV, see_entry, &l, VZ_SYSTEM_ERROR,
				  VZ_IGNORE) >= 0 && skip < l.found.n;
		if (more && drop_entry(l.found.v[skip], &l.empty, b->no_egress, generation) < 0)
			skip++;
		vz_strv_done(&l.found);
		vz_strv_done(&l.empty);
	}
}

static bool chain_there(struct nl_sock *s, enum rate_dir dir, const char *which)
{
	char chain[32];

	snprintf(chain, sizeof(chain), "%s%s", dirs[dir], which);
	return nft_chain_there(s, NFPROTO_NETDEV, tables[dir], chain);
}

/* Says also whether the tables that are there do without egress. */
static enum with look_first(struct nl_sock *s, struct build *b)
{
	static const enum rate_dir order[] = { RATE_IN, RATE_OUT };
	char classes[16];

	snprintf(classes, sizeof(classes), ".%s", b->classes);
	for (size_t i = 0; i < ARRAY_SIZE(order) * 2; i++) {
		enum rate_dir dir = order[i % 2];
		bool whole = i < ARRAY_SIZE(order);

		if (!chain_there(s, dir, whole ? classes : "_other"))
			continue;
		b->no_egress |= dir == RATE_OUT;
		return whole ? WITH_NOTHING : WITH_CLASSES;
	}
	return WITH_TABLES;
}

static int commit_all(struct build *b, struct vz_err *e)
{
	struct nl_sock *s;
	enum with with;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	with = look_first(s, b);
	for (int tries = 0; tries < 2 * TRIES; tries++) {
		r = commit_with(b, s, with, e);
		if (r == -ENOENT && with != WITH_TABLES)
			with++;
		else if (r == -EEXIST && with != WITH_NOTHING)
			with--;
		else if (r == -EEXIST && b->fresh)
			b->fresh = false;
		else if (r != -EAGAIN)
			break;
	}
	if (r >= 0 && with == WITH_CLASSES)
		drop_unused_entries(s, b);
	return r;
}

static bool test_no_egress(void)
{
#ifdef VZ_TEST_HOOKS
	return getenv("VZ_NO_EGRESS");
#else
	return false;
#endif
}

static int commit_table(struct build *b, struct vz_err *e)
{
	int r = -EOPNOTSUPP;

	b->no_egress = test_no_egress();
	if (!b->no_egress)
		r = commit_all(b, e);
	if (r != -EOPNOTSUPP)
		return r;
	b->no_egress = true;
	return commit_all(b, e);
}

static uint64_t new_id(void)
{
	uint64_t id = 0;

	while (!id && getrandom(&id, sizeof(id), 0) != sizeof(id))
		;
	return id;
}

static uint16_t classes_of(const struct net_traffic *t)
{
	uint16_t want = 1u << NET_CLASS_DEFAULT;

	for (size_t i = 0; i < t->n_classes; i++)
		want |= (uint16_t)(1u << t->classes[i].cls);
	return want;
}

/* ---- the whole ------------------------------------------------------------ */

static int find_link(struct nl_sock *h, const struct net_plan *p, const char *name,
		     const char *ifname, struct rate_link *links, size_t *n, struct vz_err *e)
{
	struct rate_link *l = &links[*n];
	int r = host_link(h, p->ctid, name, &l->l, VZ_SYSTEM_ERROR, e);

	if (r <= 0)
		return r;
	l->ifname = ifname;
	l->idx = (unsigned int)++*n;
	return 0;
}

static int find_links(struct nl_sock *h, const struct net_plan *p, struct rate_link *links,
		      size_t *n, struct vz_err *e)
{
	char name[16];
	int r;

	net_venet_hostname(p->ctid, name);
	r = find_link(h, p, name, "venet0", links, n, e);
	for (size_t i = 0; i < p->n_veths && r >= 0; i++) {
		ctside_veth_name(p->ctid, &p->veths[i], name);
		r = find_link(h, p, name, p->veths[i].ifname, links, n, e);
	}
	return r;
}

static int open_links(struct nl_sock *h, const struct net_plan *p, struct rate_link **ret,
		      size_t *ret_n, struct vz_err *e)
{
	int r = host_open(h, VZ_SYSTEM_ERROR, e);

	*ret = xcalloc(p->n_veths + 1, sizeof(**ret));
	*ret_n = 0;
	return r < 0 ? r : find_links(h, p, *ret, ret_n, e);
}

/* nf_tables has none of its links any more, and what it has counted stays there. */
static int apply_bpf(struct nl_sock *h, const struct net_plan *p, const struct rate_link *links,
		     size_t n, bool in_nft, uint64_t id, struct vz_err *e)
{
	int r = rate_redirect_off(h, links, n, e);

	if (r >= 0 && in_nft)
		r = remove_nft(p->ctid, false, e);
	if (r >= 0)
		r = bpf_traffic_on(h, p, links, n, id, e);
	return r < 0 ? r : rate_queue_remove(h, p->ctid, e);
}

static int apply_nft(struct nl_sock *h, struct build *b, struct vz_err *e)
{
	_cleanup_free_ uint8_t *stays = xcalloc(b->n_links, sizeof(*stays));
	uint32_t ctid = b->p->ctid;
	int r = 0;

	b->stays = stays;
	name_classes(b->tr, b->classes);
	/* In this order nothing is sent where nobody waits for it. */
	if (b->tr->n_caps)
		r = rate_queue_make(h, ctid, b->tr, b->links, b->n_links, &b->ifb, e);
	if (r >= 0 && !b->tr->n_caps)
		r = rate_redirect_off(h, b->links, b->n_links, e);
	if (r >= 0)
		r = bpf_traffic_off(b->p, b->links, b->n_links, b->id, e);
	if (r >= 0)
		r = commit_table(b, e);
	nft_share_done(&b->share);
	if (r >= 0 && b->tr->n_caps)
		r = rate_redirect(h, b->links, b->n_links, b->ifb, e);
	if (r >= 0 && !b->tr->n_caps)
		r = rate_queue_remove(h, ctid, e);
	return r;
}

static int apply(struct nl_sock *h, const struct net_plan *p, const struct net_traffic *t,
		 const struct rate_link *links, size_t n, struct vz_err *e)
{
	struct build b = { .p = p, .tr = t, .links = links, .n_links = n, .want = classes_of(t) };
	struct one o = { .ctid = p->ctid };
	int r = read_nft(&o, e);
	bool in_nft = o.n.id;

	if (r >= 0)
		r = bpf_traffic_read(p->ctid, add_one, &o, e);
	if (r < 0)
		return r;
	b.fresh = !in_nft;
	b.id = o.n.id ? o.n.id : new_id();
	r = bpf_traffic_can(p, t, links, n, e);
	if (r < 0)
		return r;
	return r ? apply_bpf(h, p, links, n, in_nft, b.id, e) : apply_nft(h, &b, e);
}

int net_traffic_apply(const struct net_plan *p, const struct net_traffic *t, struct vz_err *e)
{
	_cleanup_free_ struct rate_link *links = NULL;
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	size_t n;
	int r = open_links(&h, p, &links, &n, e);

	if (r < 0 || n == 0)
		return r;
	if (n > RATE_LINKS_MAX)
		return vz_fail(e, VZ_SYSTEM_ERROR, E2BIG, "more than %d interfaces",
			       RATE_LINKS_MAX);
	return apply(&h, p, t, links, n, e);
}

int net_traffic_compare(const struct net_plan *p, const struct net_traffic *t,
			struct vz_strv *ret, struct vz_err *e)
{
	_cleanup_free_ struct rate_link *links = NULL;
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	size_t n;
	int r = open_links(&h, p, &links, &n, e);

	return r < 0 || n == 0 ? r : rate_compare(&h, p->ctid, t, links, n, ret, e);
}
