// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The counting half: one nft table of family netdev for each container.
 *
 *	chain tx_HOST	netdev ingress of each host end (what the container sends)
 *	map tx4, tx6	prefix -> goto tx_N	from the class file
 *	chain tx_N	counter txN_ID, then the cap of each link
 *
 * and the same with rx for egress.
 *
 * Everything but the counters is made anew, in one transaction, when something
 * changes.  ID tells one set of counters from the next (ct/traffic.h).
 */
#define VZ_ROOM "netns"
#include "net-traffic.h"

#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "ctside.h"
#include "nft.h"
#include "rate.h"

static void table_name(uint32_t ctid, char buf[NFT_TABLE_LEN])
{
	snprintf(buf, NFT_TABLE_LEN, "vzt_%u", ctid);
}

/* ---- counters ------------------------------------------------------------ */

/* Egress sees the Ethernet header, ingress does not any more. */
static uint64_t without_header(uint64_t bytes, uint64_t packets)
{
	uint64_t head = packets * ETH_HLEN;

	return bytes > head ? bytes - head : 0;
}

/*
 * Where the counters of a container are: netdev, and on Linux 5.15, whose netdev
 * family has no egress, rx in inet, where a packet is counted without that header.
 */
static const uint8_t families[] = { NFPROTO_NETDEV, NFPROTO_INET };

struct reading {
	struct net_counts *n;
	uint8_t family;
};

static int see_counter(const struct nft_counter *c, void *arg)
{
	const struct reading *rd = arg;
	struct net_counts *n = rd->n;
	unsigned int cls;
	uint64_t id;
	char dir;

	if (sscanf(c->name, "%cx%u_%16" SCNx64, &dir, &cls, &id) != 3 || cls >= NET_CLASSES ||
	    (dir != 't' && dir != 'r') || !id)
		return 0;
	n->id = id;
	n->have |= (uint16_t)(1u << cls);
	if (dir == 't') {
		n->cls[cls].tx_bytes = c->bytes;
		n->cls[cls].tx_packets = c->packets;
	} else {
		n->cls[cls].rx_bytes = rd->family == NFPROTO_INET ? c->bytes :
				       without_header(c->bytes, c->packets);
		n->cls[cls].rx_packets = c->packets;
	}
	return 0;
}

int net_traffic_read(uint32_t ctid, struct net_counts *ret, struct vz_err *e)
{
	struct net_counts n = { 0 };
	char table[NFT_TABLE_LEN];

	table_name(ctid, table);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct reading rd = { &n, families[i] };
		int r = nft_counters(families[i], table, false, see_counter, &rd, VZ_SYSTEM_ERROR,
				     e);

		if (r < 0)
			return r;
	}
	if (!n.id)
		return -ENOENT;
	*ret = n;
	return 0;
}

struct all {
	net_counts_fn fn;
	void *arg;
	uint8_t family;
	uint32_t ctid;
	struct net_counts n;	/* of @ctid */
};

static int flush_counts(struct all *a)
{
	int r = a->n.id ? a->fn(a->ctid, &a->n, a->arg) : 0;

	a->n = (struct net_counts){ 0 };
	return r;
}

/* The kernel lists table by table. */
static int see_any(const struct nft_counter *c, void *arg)
{
	struct all *a = arg;
	uint32_t ctid;
	int end = 0, r = 0;

	if (sscanf(c->table, "vzt_%" SCNu32 "%n", &ctid, &end) != 1 || c->table[end])
		return 0;
	if (ctid != a->ctid)
		r = flush_counts(a);
	a->ctid = ctid;
	return r < 0 ? r : see_counter(c, &(struct reading){ &a->n, a->family });
}

int net_traffic_read_all(net_counts_fn fn, void *arg, struct vz_err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++) {
		struct all a = { .fn = fn, .arg = arg, .family = families[i] };

		r = nft_counters(families[i], NULL, false, see_any, &a, VZ_SYSTEM_ERROR, e);
		if (r >= 0)
			r = flush_counts(&a);
	}
	return r;
}

int net_traffic_remove(uint32_t ctid, struct vz_err *e)
{
	char table[NFT_TABLE_LEN];
	int r = 0;

	table_name(ctid, table);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r >= 0; i++) {
		_cleanup_nft_ struct nft t;

		nft_begin(&t, families[i], table);
		nft_table_del(&t);
		nft_tolerate(&t, ENOENT);
		r = nft_commit(&t, VZ_SYSTEM_ERROR, e);
		/* Where there is no nf_tables there is no table. */
		if (r < 0 && nft_missing(r))
			r = 0;
	}
	return r;
}

/* ---- rules --------------------------------------------------------------- */

struct build {
	struct nft t;
	const struct net_traffic *tr;
	const struct rate_link *links;
	size_t n_links;
	int ifb;		/* 0: nothing is capped */
	uint64_t id;
	uint16_t old, want;	/* classes with counters */
	bool no_egress;		/* Linux 5.15 */
};

static const char *const dirs[] = { [RATE_OUT] = "tx", [RATE_IN] = "rx" };

static void chain_name(enum rate_dir dir, unsigned int cls, char buf[16])
{
	snprintf(buf, 16, "%s_%u", dirs[dir], cls);
}

static void link_chain(struct build *b, const struct rate_link *l, enum rate_dir dir, char buf[24])
{
	struct nft_chain c = { .name = buf, .base = true, .dev = l->l.name,
			       .hook = dir == RATE_OUT ? NF_NETDEV_INGRESS : NF_NETDEV_EGRESS,
			       .prio = NET_TRAFFIC_PRIO };

	snprintf(buf, 24, "%s_%s", dirs[dir], l->l.name);
	nft_chain_add(&b->t, &c);
}

static const struct nft_set maps[] = {
	{ .name = "tx4", .key = { NFT_IPV4_ADDR }, .to_verdict = true, .flags = NFT_SET_INTERVAL },
	{ .name = "tx6", .key = { NFT_IPV6_ADDR }, .to_verdict = true, .flags = NFT_SET_INTERVAL },
	{ .name = "rx4", .key = { NFT_IPV4_ADDR }, .to_verdict = true, .flags = NFT_SET_INTERVAL },
	{ .name = "rx6", .key = { NFT_IPV6_ADDR }, .to_verdict = true, .flags = NFT_SET_INTERVAL },
};

static const char *map_of(enum rate_dir dir, int family)
{
	return maps[(dir == RATE_IN ? 2 : 0) + (family == AF_INET6)].name;
}

/* Leaves the counters alone in the table. */
static void clean(struct build *b)
{
	char name[16];

	nft_flush(&b->t);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		nft_set_add(&b->t, &maps[i]);
		nft_set_flush(&b->t, maps[i].name);
		nft_set_del(&b->t, maps[i].name);
	}
	for (unsigned int dir = 0; dir < ARRAY_SIZE(dirs); dir++) {
		for (unsigned int cls = 0; cls < NET_CLASSES; cls++) {
			if (cls && !(b->old >> cls & 1))
				continue;
			chain_name(dir, cls, name);
			nft_chain_add(&b->t, &(struct nft_chain){ .name = name });
			nft_chain_del(&b->t, name);
		}
	}
}

static void add_map(struct build *b, enum rate_dir dir, int family)
{
	size_t n, size = family == AF_INET6 ? 16 : 4;
	struct net_range *r;
	char name[16];

	net_class_ranges(b->tr->classes, b->tr->n_classes, family, &r, &n);
	nft_elems(&b->t, map_of(dir, family));
	for (size_t i = 0; i < n; i++) {
		/* Where one ends the next begins; the kernel wants both said. */
		if (i)
			nft_elem_end(&b->t, r[i].first, size);
		chain_name(dir, r[i].cls, name);
		nft_elem_verdict(&b->t, r[i].first, size, NFT_GOTO, name);
	}
	free(r);
}

static void add_maps(struct build *b, enum rate_dir dir)
{
	for (size_t i = 0; i < 2; i++)
		nft_set_add(&b->t, &maps[(dir == RATE_IN ? 2 : 0) + i]);
	add_map(b, dir, AF_INET);
	add_map(b, dir, AF_INET6);
}

/* What is capped gets its HTB class; from the container it also changes to the ifb here. */
static void add_cap(struct build *b, const char *chain, const struct rate_link *l,
		    enum rate_dir dir, unsigned int cls)
{
	struct nft_stmt prio = nft_set_priority(rate_id(dir, l->idx, cls));

	if (!b->ifb || !rate_capped(b->tr, l->ifname, cls))
		return;
	if (dir == RATE_OUT)
		nft_rule(&b->t, chain, nft_is(NFT_META_IIFX, (uint32_t)l->l.ifindex), prio,
			 nft_fwd(b->ifb));
	else
		nft_rule(&b->t, chain, nft_is(NFT_META_OIFX, (uint32_t)l->l.ifindex), prio,
			 nft_accept());
}

static void add_class_chains(struct build *b, enum rate_dir dir)
{
	char name[16], counter[40];

	for (unsigned int cls = 0; cls < NET_CLASSES; cls++) {
		if (!(b->want >> cls & 1))
			continue;
		chain_name(dir, cls, name);
		nft_chain_add(&b->t, &(struct nft_chain){ .name = name });
		if (!cls)
			continue;
		snprintf(counter, sizeof(counter), "%s%u_%016" PRIx64, dirs[dir], cls, b->id);
		nft_counter_add(&b->t, counter);
		nft_rule(&b->t, name, nft_count(counter));
		for (size_t i = 0; i < b->n_links; i++)
			add_cap(b, name, &b->links[i], dir, cls);
	}
}

static void add_link_chains(struct build *b, const struct rate_link *l, enum rate_dir dir)
{
	struct nft_field v4 = dir == RATE_OUT ? NFT_IP_DADDR : NFT_IP_SADDR;
	struct nft_field v6 = dir == RATE_OUT ? NFT_IP6_DADDR : NFT_IP6_SADDR;
	char name[24];

	link_chain(b, l, dir, name);
	/* A container may have set it to one of ours: it would go through our ifb. */
	if (b->ifb && dir == RATE_IN)
		nft_rule(&b->t, name, nft_set_priority(0));
	nft_rule(&b->t, name, nft_is(NFT_META_ETHERTYPE, ETH_P_IP),
		 nft_vmap(v4, map_of(dir, AF_INET)));
	nft_rule(&b->t, name, nft_is(NFT_META_ETHERTYPE, ETH_P_IPV6),
		 nft_vmap(v6, map_of(dir, AF_INET6)));
	/* Not IP: not counted, and no way round the cap either. */
	add_cap(b, name, l, dir, NET_CLASS_DEFAULT);
}

static void add_direction(struct build *b, enum rate_dir dir)
{
	add_class_chains(b, dir);
	add_maps(b, dir);
	for (size_t i = 0; i < b->n_links; i++)
		add_link_chains(b, &b->links[i], dir);
}

/* What is routed to the container, without netdev egress: by the device it leaves over. */
static void add_postrouting(struct build *b)
{
	struct nft_chain c = { .name = "rx", .base = true, .hook = NF_INET_POST_ROUTING,
			       .prio = NET_TRAFFIC_PRIO + 200 };

	add_class_chains(b, RATE_IN);
	add_maps(b, RATE_IN);
	nft_chain_add(&b->t, &c);
	for (size_t i = 0; i < b->n_links; i++) {
		struct nft_stmt oif = nft_is(NFT_META_OIFX, (uint32_t)b->links[i].l.ifindex);

		if (b->ifb)
			nft_rule(&b->t, "rx", oif, nft_set_priority(0));
		nft_rule(&b->t, "rx", oif, nft_is(NFT_META_NF, NFPROTO_IPV4),
			 nft_vmap(NFT_IP_SADDR, map_of(RATE_IN, AF_INET)));
		nft_rule(&b->t, "rx", oif, nft_is(NFT_META_NF, NFPROTO_IPV6),
			 nft_vmap(NFT_IP6_SADDR, map_of(RATE_IN, AF_INET6)));
	}
}

static int commit_tables(struct build *b, uint32_t ctid, struct vz_err *e)
{
	char table[NFT_TABLE_LEN];
	int r;

	table_name(ctid, table);
	nft_begin(&b->t, NFPROTO_NETDEV, table);
	/*
	 * A new table is not emptied first: closing the socket of a transaction that
	 * deleted something waits for an RCU grace period (nft_rcv_nl_event(), 10 ms).
	 */
	nft_table_add(&b->t);
	if (b->old)
		clean(b);
	add_direction(b, RATE_OUT);
	if (b->no_egress) {
		nft_table(&b->t, NFPROTO_INET, table);
		nft_table_add(&b->t);
		if (b->old)
			clean(b);
		add_postrouting(b);
	} else {
		add_direction(b, RATE_IN);
	}
	r = nft_commit(&b->t, VZ_SYSTEM_ERROR, e);
	nft_done(&b->t);
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

static int commit_table(struct build *b, uint32_t ctid, struct vz_err *e)
{
	int r = -EOPNOTSUPP;

	b->no_egress = test_no_egress();
	if (!b->no_egress)
		r = commit_tables(b, ctid, e);
	if (r != -EOPNOTSUPP)
		return r;
	b->no_egress = true;
	return commit_tables(b, ctid, e);
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

static int apply(struct nl_sock *h, const struct net_plan *p, const struct net_traffic *t,
		 const struct rate_link *links, size_t n, struct vz_err *e)
{
	struct build b = { .tr = t, .links = links, .n_links = n, .want = classes_of(t) };
	struct net_counts old = { 0 };
	int r = net_traffic_read(p->ctid, &old, e);

	if (r < 0 && r != -ENOENT)
		return r;
	b.old = old.have;
	b.id = old.id ? old.id : new_id();
	r = 0;
	/* In this order nothing is sent where nobody waits for it. */
	if (t->n_caps)
		r = rate_queue_make(h, p->ctid, t, links, n, &b.ifb, e);
	if (r >= 0 && !t->n_caps)
		r = rate_redirect_off(h, links, n, e);
	if (r >= 0)
		r = commit_table(&b, p->ctid, e);
	if (r >= 0 && t->n_caps)
		r = rate_redirect(h, links, n, b.ifb, e);
	if (r >= 0 && !t->n_caps)
		r = rate_queue_remove(h, p->ctid, e);
	return r;
}

int net_traffic_apply(const struct net_plan *p, const struct net_traffic *t, struct vz_err *e)
{
	_cleanup_free_ struct rate_link *links = xcalloc(p->n_veths + 1, sizeof(*links));
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	size_t n = 0;
	int r = host_open(&h, VZ_SYSTEM_ERROR, e);

	if (r >= 0)
		r = find_links(&h, p, links, &n, e);
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
	_cleanup_free_ struct rate_link *links = xcalloc(p->n_veths + 1, sizeof(*links));
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	size_t n = 0;
	int r = host_open(&h, VZ_SYSTEM_ERROR, e);

	if (r >= 0)
		r = find_links(&h, p, links, &n, e);
	return r < 0 || n == 0 ? r : rate_compare(&h, p->ctid, t, links, n, ret, e);
}
