// SPDX-License-Identifier: GPL-2.0-or-later
/* What nf_tables has: elements of sets, chains.  Written by anybody: not trusted. */
#define VZ_ROOM "netns"
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>

#define MSG(msg) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (msg)))

static void begin(struct nl_batch *b, uint16_t msg, uint16_t flags, uint8_t family)
{
	struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_batch_reset(b);
	nl_begin(b, MSG(msg), flags, &g, sizeof(g));
}

static bool attr_be32(const struct nl_attr *a, uint32_t *ret)
{
	if (!nl_attr_u32(a, ret))
		return false;
	*ret = ntohl(*ret);
	return true;
}

/* ---- generation --------------------------------------------------------- */

static int see_generation(const struct nlmsghdr *h, void *arg)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg));
	struct nl_attr a;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0)
		if (a.type == NFTA_GEN_ID && attr_be32(&a, arg))
			return 0;
	return r < 0 ? r : -EBADMSG;
}

int nft_generation(struct nl_sock *s, uint32_t *ret, enum vz_code code, struct vz_err *e)
{
	uint32_t gen = 0;
	struct nl_batch b;
	struct nl_fail f;
	int r;

	begin(&b, NFT_MSG_GETGEN, 0, AF_UNSPEC);
	r = nl_query(s, &b, see_generation, &gen, &f);
	if (r < 0 && nft_missing(r))
		return vz_fail(e, code, -r, "this kernel has no nf_tables");
	if (r < 0)
		return vz_fail(e, code, -r, "cannot talk to the kernel (nf_tables)");
	*ret = gen;
	return 0;
}

/* ---- elements ------------------------------------------------------------ */

struct nl_span nft_elem_list(const struct nlmsghdr *h)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg));
	struct nl_attr a;

	while (h->nlmsg_type == MSG(NFT_MSG_NEWSETELEM) && nl_attr_next(&s, &a) > 0)
		if (a.type == NFTA_SET_ELEM_LIST_ELEMENTS)
			return a.v;
	return (struct nl_span){ 0 };
}

/* The value inside of a key or of data; a verdict has none. */
static struct nl_span value_of(struct nl_span s)
{
	struct nl_attr a;

	while (nl_attr_next(&s, &a) > 0)
		if (a.type == NFTA_DATA_VALUE)
			return a.v;
	return (struct nl_span){ 0 };
}

/* The counter of an element; other expressions have none of it. */
static void counter_of(struct nl_span s, struct nft_elem_info *i)
{
	struct nl_span data = { 0 };
	bool counter = false;
	struct nl_attr a;

	while (nl_attr_next(&s, &a) > 0) {
		if (a.type == NFTA_EXPR_NAME)
			counter = str_eq(nl_attr_str(&a) ?: "", "counter");
		else if (a.type == NFTA_EXPR_DATA)
			data = a.v;
	}
	if (counter)
		(void)nft_parse_values(data, &i->bytes, &i->packets);
}

/* Pieces of one byte type, one byte length, value: the comment is type 0. */
static void comment_of(struct nl_span s, char *ret, size_t size)
{
	while (s.n >= 2 && s.p[1] <= s.n - 2) {
		size_t n = s.p[1];

		if (s.p[0] == 0 && n && n <= size && !s.p[2 + n - 1]) {
			memcpy(ret, s.p + 2, n);
			return;
		}
		s.p += n + 2;
		s.n -= n + 2;
	}
}

int nft_elem_next(struct nl_span *list, struct nft_elem_info *ret)
{
	struct nft_elem_info i = { 0 };
	struct nl_attr elem, a;
	uint32_t flags;
	int r = nl_attr_next(list, &elem);

	if (r <= 0)
		return r;
	while ((r = nl_attr_next(&elem.v, &a)) > 0) {
		if (a.type == NFTA_SET_ELEM_KEY)
			i.key = value_of(a.v);
		else if (a.type == NFTA_SET_ELEM_KEY_END)
			i.end = value_of(a.v);
		else if (a.type == NFTA_SET_ELEM_FLAGS)
			i.interval_end = attr_be32(&a, &flags) && flags & NFT_SET_ELEM_INTERVAL_END;
		else if (a.type == NFTA_SET_ELEM_EXPR)
			counter_of(a.v, &i);
		else if (a.type == NFTA_SET_ELEM_DATA)
			i.to = value_of(a.v);
		else if (a.type == NFTA_SET_ELEM_USERDATA)
			comment_of(a.v, i.comment, sizeof(i.comment));
	}
	if (r < 0)
		return r;
	*ret = i;
	return 1;
}

struct dump {
	void *fn, *arg;
};

/*
 * What a dump has told.  While the kernel makes a set's hash table larger, which it
 * does some time after elements were added, it tells some of them twice
 * (rhashtable_walk_start_check()): deleting one twice would fail.
 */
struct told {
	struct told_key {
		uint8_t n, b[79];	/* n: 0 is a free place */
	} *v;
	size_t n, size;			/* a power of two, or 0 */
};

struct elems_dump {
	struct dump d;
	struct told told;
	size_t messages;
	bool intervals;
};

static struct told_key *told_place(struct told *t, const struct told_key *k)
{
	size_t h = 2166136261u;

	for (size_t i = 0; i < k->n; i++)
		h = (h ^ k->b[i]) * 16777619u;
	h ^= h >> 15;
	for (;; h++) {
		struct told_key *at = &t->v[h & (t->size - 1)];

		if (!at->n || (at->n == k->n && !memcmp(at->b, k->b, k->n)))
			return at;
	}
}

static void told_grow(struct told *t)
{
	struct told new = { .n = t->n, .size = t->size ? 2 * t->size : 64 };

	new.v = xcalloc(new.size, sizeof(*new.v));
	for (size_t i = 0; i < t->size; i++)
		if (t->v[i].n)
			*told_place(&new, &t->v[i]) = t->v[i];
	free(t->v);
	*t = new;
}

/* Of a range both ends make the key; keys of intervals are never told twice. */
static bool told_before(struct told *t, const struct nft_elem_info *i)
{
	struct told_key k = { .n = (uint8_t)(i->key.n + i->end.n) }, *at;

	if (i->interval_end || !i->key.n || i->key.n + i->end.n > sizeof(k.b))
		return false;
	memcpy(k.b, i->key.p, i->key.n);
	if (i->end.n)
		memcpy(k.b + i->key.n, i->end.p, i->end.n);
	if (2 * t->n >= t->size)
		told_grow(t);
	at = told_place(t, &k);
	if (at->n)
		return true;
	*at = k;
	t->n++;
	return false;
}

static int see_elems(const struct nlmsghdr *h, void *arg)
{
	struct nl_span list = nft_elem_list(h);
	struct elems_dump *ed = arg;
	const struct dump *d = &ed->d;
	struct nft_elem_info i;
	int r;

	ed->messages++;
	while ((r = nft_elem_next(&list, &i)) > 0) {
		ed->intervals |= i.interval_end;
		if (told_before(&ed->told, &i))
			continue;
		r = ((nft_elem_fn)d->fn)(&i, d->arg);
		if (r < 0)
			return r;
	}
	return r;
}

/*
 * The kernel finds the place where a dump of several messages goes on by counting:
 * when the table was made larger in between, it also leaves some out.  So it is asked
 * until it has nothing new to tell.
 */
static int dump_elems(struct nl_sock *s, struct nl_batch *b, struct elems_dump *d,
		      struct nl_fail *f)
{
	int r = 0, tries = 0;
	size_t before;

	do {
		before = d->told.n;
		d->messages = 0;
		r = nl_query(s, b, see_elems, d, f);
	} while (r >= 0 && d->messages > 1 && !d->intervals && d->told.n > before && ++tries < 8);
	return r;
}

/* @key NULL: all of them. */
static int read_elems(struct nl_sock *s, uint8_t family, const char *table, const char *set,
		      const void *key, size_t len, nft_elem_fn fn, void *arg, enum vz_code code,
		      struct vz_err *e)
{
	struct elems_dump d = { .d = { (void *)fn, arg } };
	struct nl_batch b;
	struct nl_fail f;
	size_t at[3];
	int r;

	begin(&b, NFT_MSG_GETSETELEM, key ? 0 : NLM_F_DUMP, family);
	nl_put_str(&b, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(&b, NFTA_SET_ELEM_LIST_SET, set);
	if (key) {
		at[0] = nl_nest(&b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
		at[1] = nl_nest(&b, NFTA_LIST_ELEM | NLA_F_NESTED);
		at[2] = nl_nest(&b, NFTA_SET_ELEM_KEY | NLA_F_NESTED);
		nl_put(&b, NFTA_DATA_VALUE, key, len);
		for (size_t i = ARRAY_SIZE(at); i-- > 0;)
			nl_nest_end(&b, at[i]);
	}
	r = dump_elems(s, &b, &d, &f);
	free(d.told.v);
	return r >= 0 || r == -ENOENT || r == -EAGAIN ? r :
		vz_fail(e, code, -r, "cannot read set %s of table %s", set, table);
}

int nft_elems_dump(struct nl_sock *s, uint8_t family, const char *table, const char *set,
		   nft_elem_fn fn, void *arg, enum vz_code code, struct vz_err *e)
{
	return read_elems(s, family, table, set, NULL, 0, fn, arg, code, e);
}

int nft_elem_get(struct nl_sock *s, uint8_t family, const char *table, const char *set,
		 const void *key, size_t len, nft_elem_fn fn, void *arg, enum vz_code code,
		 struct vz_err *e)
{
	return read_elems(s, family, table, set, key, len, fn, arg, code, e);
}

/* ---- rules --------------------------------------------------------------- */

int nft_rule_chain(const struct nlmsghdr *h, char *ret, size_t size)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg));
	struct nl_attr a;

	while (h->nlmsg_type == MSG(NFT_MSG_NEWRULE) && nl_attr_next(&s, &a) > 0)
		if (a.type == NFTA_RULE_CHAIN)
			return nl_attr_copy_str(&a, ret, size) < 0 ? -ENOENT : 0;
	return -ENOENT;
}

int nft_rules_dump(struct nl_sock *s, uint8_t family, const char *table, nl_reply_fn fn, void *arg,
		   enum vz_code code, struct vz_err *e)
{
	struct nl_batch b;
	struct nl_fail f;
	int r;

	begin(&b, NFT_MSG_GETRULE, NLM_F_DUMP, family);
	nl_put_str(&b, NFTA_RULE_TABLE, table);
	r = nl_query(s, &b, fn, arg, &f);
	return r >= 0 || r == -ENOENT || r == -EAGAIN ? r :
		vz_fail(e, code, -r, "cannot read the rules of table %s", table);
}

/* ---- chains -------------------------------------------------------------- */

static int parse_hook(struct nl_span s, struct nft_chain_info *c)
{
	struct nl_attr a;
	int r;

	c->base = true;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == NFTA_HOOK_HOOKNUM && !attr_be32(&a, &c->hook))
			return -EBADMSG;
		if (a.type == NFTA_HOOK_DEVS)
			c->devs = a.v;
	}
	return r;
}

bool nft_chain_has_dev(const struct nft_chain_info *c, const char *dev)
{
	struct nl_span s = c->devs;
	struct nl_attr a;

	while (nl_attr_next(&s, &a) > 0)
		if (a.type == NFTA_DEVICE_NAME && str_eq(nl_attr_str(&a) ?: "", dev))
			return true;
	return false;
}

static int parse_handle(const struct nl_attr *a, struct nft_chain_info *c)
{
	uint64_t be;

	if (a->v.n != sizeof(be))
		return -EBADMSG;
	memcpy(&be, a->v.p, sizeof(be));
	c->handle = be64toh(be);
	return 0;
}

int nft_chain_parse(const struct nlmsghdr *h, struct nft_chain_info *ret)
{
	const struct nfgenmsg *g = nl_msg_hdr(h, sizeof(*g));
	struct nl_span s = nl_msg_attrs(h, sizeof(*g));
	struct nft_chain_info c = { 0 };
	struct nl_attr a;
	uint32_t v;
	int r;

	if (h->nlmsg_type != MSG(NFT_MSG_NEWCHAIN) || !g)
		return -ENOENT;
	c.family = g->nfgen_family;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == NFTA_CHAIN_TABLE)
			r = nl_attr_copy_str(&a, c.table, sizeof(c.table));
		else if (a.type == NFTA_CHAIN_NAME)
			r = nl_attr_copy_str(&a, c.name, sizeof(c.name));
		else if (a.type == NFTA_CHAIN_HOOK)
			r = parse_hook(a.v, &c);
		else if (a.type == NFTA_CHAIN_HANDLE)
			r = parse_handle(&a, &c);
		else if (a.type == NFTA_CHAIN_POLICY && attr_be32(&a, &v))
			c.drop = v == NF_DROP;
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

static int see_chain(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct nft_chain_info c;
	int r = nft_chain_parse(h, &c);

	return r == -ENOENT ? 0 : r < 0 ? r : ((nft_chain_fn)d->fn)(&c, d->arg);
}

int nft_chains(struct nl_sock *s, uint8_t family, nft_chain_fn fn, void *arg, enum vz_code code,
	       struct vz_err *e)
{
	struct dump d = { (void *)fn, arg };
	struct nl_batch b;
	struct nl_fail f;
	int r;

	begin(&b, NFT_MSG_GETCHAIN, NLM_F_DUMP, family);
	r = nl_query(s, &b, see_chain, &d, &f);
	if (r >= 0 || nft_missing(r))
		return 0;
	return vz_fail(e, code, -r, "cannot read chains of nf_tables");
}

struct finding {
	const char *dev;
	struct nft_chain_at *ret;
	bool there;
};

static int see_one(const struct nlmsghdr *h, void *arg)
{
	struct finding *f = arg;
	struct nft_chain_info c;

	if (nft_chain_parse(h, &c) < 0)
		return 0;
	f->there = true;
	f->ret->handle = c.handle;
	f->ret->has_dev = f->dev && nft_chain_has_dev(&c, f->dev);
	return 0;
}

bool nft_chain_find(struct nl_sock *s, uint8_t family, const char *table, const char *chain,
		    const char *dev, struct nft_chain_at *ret)
{
	struct finding x = { .dev = dev, .ret = ret };
	struct nl_batch b;
	struct nl_fail f;

	begin(&b, NFT_MSG_GETCHAIN, 0, family);
	nl_put_str(&b, NFTA_CHAIN_TABLE, table);
	nl_put_str(&b, NFTA_CHAIN_NAME, chain);
	return nl_query(s, &b, see_one, &x, &f) >= 0 && x.there;
}

bool nft_chain_there(struct nl_sock *s, uint8_t family, const char *table, const char *chain)
{
	struct nft_chain_at at;

	return nft_chain_find(s, family, table, chain, NULL, &at);
}
