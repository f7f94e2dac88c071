// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "guard-look.h"

#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#define MSG(msg) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (msg)))
#define TRIES 64

void guard_parts_done(struct guard_parts *p)
{
	free(p->v);
	*p = (struct guard_parts){ 0 };
}

static struct guard_part *find(const struct guard_parts *p, const char *name, bool is_set)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].is_set == is_set && str_eq(p->v[i].name, name))
			return &p->v[i];
	return NULL;
}

const struct guard_part *guard_parts_find(const struct guard_parts *p, const char *name,
					  bool is_set)
{
	return find(p, name, is_set);
}

static struct guard_part *part(struct guard_parts *p, const char *name, bool is_set)
{
	struct guard_part *old = find(p, name, is_set);

	if (old)
		return old;
	p->v = xrealloc(p->v, (p->n + 1) * sizeof(*p->v));
	p->v[p->n] = (struct guard_part){ .is_set = is_set };
	snprintf(p->v[p->n].name, sizeof(p->v[p->n].name), "%s", name);
	return &p->v[p->n++];
}

/* FNV-1a */
static uint64_t hash(struct nl_span s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 0x100000001b3;
	return h;
}

static int add_elems(const struct nlmsghdr *h, struct guard_part *p)
{
	struct nl_span list = nft_elem_list(h);
	struct nft_elem_info i;
	int r;

	while ((r = nft_elem_next(&list, &i)) > 0) {
		p->n++;
		p->sum += hash(i.key);
	}
	return r;
}

/* A message of our own transaction, or the same in a dump. */
static int see(const struct nlmsghdr *h, void *arg)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg));
	bool rule = h->nlmsg_type == MSG(NFT_MSG_NEWRULE);
	bool elems = h->nlmsg_type == MSG(NFT_MSG_NEWSETELEM);
	bool set = h->nlmsg_type == MSG(NFT_MSG_NEWSET);
	uint16_t want = rule ? NFTA_RULE_CHAIN : elems ? NFTA_SET_ELEM_LIST_SET : NFTA_SET_NAME;
	const char *name = NULL;
	struct guard_part *p;
	struct nl_attr a;
	int r = 0;

	if (!rule && !elems && !set)
		return 0;
	while (!name && (r = nl_attr_next(&s, &a)) > 0)
		name = a.type == want ? nl_attr_str(&a) : NULL;
	if (!name)
		return r;
	p = part(arg, name, !rule);
	p->n += rule;
	return elems ? add_elems(h, p) : 0;
}

void guard_parts_wanted(const struct net_plan *p, const struct guard_port *port,
			struct guard_parts *ret)
{
	_cleanup_nft_ struct nft t;
	const struct nlmsghdr *h;
	struct nl_span s;

	guard_port_text(&t, p, port);
	s = (struct nl_span){ t.b.buf, t.b.len };
	while (nl_msg_next(&s, &h) > 0)
		(void)see(h, ret);
}

/* Dumps of one type, of one table. */
static int dump(struct nl_sock *s, uint16_t msg, const char *table, const char *set,
		struct guard_parts *ret)
{
	struct nfgenmsg g = { .nfgen_family = NFPROTO_NETDEV, .version = NFNETLINK_V0 };
	struct nl_batch b;
	struct nl_fail f;
	int r;

	nl_batch_reset(&b);
	nl_begin(&b, MSG(msg), NLM_F_DUMP, &g, sizeof(g));
	/* The same number for both: NFTA_SET_ELEM_LIST_TABLE. */
	nl_put_str(&b, NFTA_RULE_TABLE, table);
	if (set)
		nl_put_str(&b, NFTA_SET_ELEM_LIST_SET, set);
	r = nl_query(s, &b, see, ret, &f);
	return r == -ENOENT ? 0 : r;
}

static int load(struct nl_sock *s, const char *table, const struct guard_parts *want,
		struct guard_parts *ret)
{
	int r = dump(s, NFT_MSG_GETRULE, table, NULL, ret);

	for (size_t i = 0; i < want->n && r >= 0; i++)
		if (want->v[i].is_set)
			r = dump(s, NFT_MSG_GETSETELEM, table, want->v[i].name, ret);
	return r;
}

int guard_parts_load(uint32_t ctid, const struct guard_parts *want, struct guard_parts *ret,
		     struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock s = NL_SOCK_INIT;
	int r = nft_open(&s, VZ_SYSTEM_ERROR, e), tries = 0;
	char table[NFT_TABLE_LEN];

	if (r < 0)
		return r;
	snprintf(table, sizeof(table), "vz_%u", ctid);
	do {
		guard_parts_done(ret);
		r = load(&s, table, want, ret);
	} while (r == -EAGAIN && ++tries < TRIES);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot read table %s of nf_tables", table);
	return 0;
}
