// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers in nf_tables attributes are big endian (nf_tables.h, nfnetlink.h). */
#define VZ_ROOM "netns"
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#define SUBSYS(msg) ((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | (msg)))
/* A list of elements that is longer goes on in another message: nla_len has 16 bits. */
#define ELEMS_MAX 32768
#define UDATA_COMMENT 0		/* NFTNL_UDATA_SET_ELEM_COMMENT */

static void put_be32(struct nft *t, uint16_t type, uint32_t v)
{
	nl_put_u32(&t->b, type, htonl(v));
}

static size_t nest(struct nft *t, uint16_t type)
{
	return nl_nest(&t->b, type | NLA_F_NESTED);
}

static void nest_end(struct nft *t, size_t at)
{
	nl_nest_end(&t->b, at);
}

static void begin_raw(struct nft *t, uint16_t type, uint16_t flags, uint8_t family, uint16_t res)
{
	struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0,
			      .res_id = htons(res) };

	nl_begin(&t->b, type, flags, &g, sizeof(g));
}

static void elems_close(struct nft *t)
{
	if (t->elems)
		nest_end(t, t->elems_nest);
	t->elems = NULL;
}

/* Every object's first attribute is its table (enum nft_*_attributes). */
static void begin(struct nft *t, uint16_t msg, uint16_t flags)
{
	elems_close(t);
	begin_raw(t, SUBSYS(msg), flags, t->family, 0);
	nl_put_str(&t->b, NFTA_CHAIN_TABLE, t->table);
}

void nft_table(struct nft *t, uint8_t family, const char *table)
{
	elems_close(t);
	t->family = family;
	if ((size_t)snprintf(t->table, sizeof(t->table), "%s", table) >= sizeof(t->table))
		t->b.overflow = true;
}

void nft_begin(struct nft *t, uint8_t family, const char *table)
{
	nl_batch_grow(&t->b);
	t->elems = NULL;
	t->set_id = 0;
	nft_table(t, family, table);
	begin_raw(t, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

void nft_only_if(struct nft *t, uint32_t generation)
{
	put_be32(t, NFNL_BATCH_GENID, generation);
}

void nft_done(struct nft *t)
{
	nl_batch_done(&t->b);
}

void nft_tolerate(struct nft *t, int err)
{
	nl_tolerate(&t->b, err);
}

/* ---- objects --------------------------------------------------------- */

void nft_table_add(struct nft *t)
{
	begin(t, NFT_MSG_NEWTABLE, NLM_F_CREATE);
}

void nft_table_new(struct nft *t)
{
	begin(t, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
}

void nft_table_del(struct nft *t)
{
	begin(t, NFT_MSG_DELTABLE, 0);
}

void nft_table_fresh(struct nft *t)
{
	/* Deleting what may be missing would fail; DESTROYTABLE came in 6.3. */
	nft_table_add(t);
	nft_table_del(t);
	nft_table_add(t);
}

void nft_chain_add(struct nft *t, const struct nft_chain *c)
{
	size_t hook;

	begin(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE | (c->fresh ? NLM_F_EXCL : 0));
	nl_put_str(&t->b, NFTA_CHAIN_NAME, c->name);
	if (!c->base)
		return;
	hook = nest(t, NFTA_CHAIN_HOOK);
	put_be32(t, NFTA_HOOK_HOOKNUM, c->hook);
	put_be32(t, NFTA_HOOK_PRIORITY, (uint32_t)c->prio);
	if (c->dev)
		nl_put_str(&t->b, NFTA_HOOK_DEV, c->dev);
	nest_end(t, hook);
	put_be32(t, NFTA_CHAIN_POLICY, c->drop ? NF_DROP : NF_ACCEPT);
	nl_put_str(&t->b, NFTA_CHAIN_TYPE, c->type ?: "filter");
}

void nft_chain_flush(struct nft *t, const char *name)
{
	begin(t, NFT_MSG_DELRULE, 0);
	nl_put_str(&t->b, NFTA_RULE_CHAIN, name);
}

void nft_chain_del(struct nft *t, const char *name)
{
	begin(t, NFT_MSG_DELCHAIN, 0);
	nl_put_str(&t->b, NFTA_CHAIN_NAME, name);
}

static void put_devs(struct nft *t, const char *dev)
{
	size_t hook = nest(t, NFTA_CHAIN_HOOK), devs = nest(t, NFTA_HOOK_DEVS);

	nl_put_str(&t->b, NFTA_DEVICE_NAME, dev);
	nest_end(t, devs);
	nest_end(t, hook);
}

void nft_chain_dev_add(struct nft *t, uint64_t handle, const char *dev)
{
	uint64_t be = htobe64(handle);

	begin(t, NFT_MSG_NEWCHAIN, 0);
	nl_put(&t->b, NFTA_CHAIN_HANDLE, &be, sizeof(be));
	put_devs(t, dev);
}

void nft_chain_dev_del(struct nft *t, const char *name, const char *dev)
{
	begin(t, NFT_MSG_DELCHAIN, 0);
	nl_put_str(&t->b, NFTA_CHAIN_NAME, name);
	put_devs(t, dev);
}

void nft_rule_open(struct nft *t, const char *chain)
{
	begin(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nl_put_str(&t->b, NFTA_RULE_CHAIN, chain);
}

static uint32_t type_len(uint32_t type)
{
	return type & 0xff;
}

static void put_set_desc(struct nft *t, const struct nft_set *s, bool fields)
{
	size_t desc, concat, elem;

	if (!s->size && !fields)
		return;
	desc = nest(t, NFTA_SET_DESC);
	if (s->size)
		put_be32(t, NFTA_SET_DESC_SIZE, s->size);
	if (fields) {
		concat = nest(t, NFTA_SET_DESC_CONCAT);
		for (size_t i = 0; i < NFT_KEY_FIELDS && s->key[i]; i++) {
			elem = nest(t, NFTA_LIST_ELEM);
			put_be32(t, NFTA_SET_FIELD_LEN, type_len(s->key[i]));
			nest_end(t, elem);
		}
		nest_end(t, concat);
	}
	nest_end(t, desc);
}

/* nft packs the numbers of a concatenation, 6 bits each. */
static uint32_t packed_type(const uint32_t *types, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n && types[i]; i++)
		v = v << 6 | types[i] >> 8;
	return v;
}

/* Each field of several takes whole registers. */
static uint32_t packed_len(const uint32_t *types, size_t n)
{
	uint32_t len = 0;

	for (size_t i = 0; i < n && types[i]; i++)
		len += NLA_ALIGN(type_len(types[i]));
	return types[1] ? len : type_len(types[0]);
}

void nft_set_add(struct nft *t, const struct nft_set *s)
{
	uint32_t flags = s->flags;
	bool fields = s->key[1] && s->flags & NFT_SET_INTERVAL;

	if (fields)
		flags |= NFT_SET_CONCAT;
	if (s->to_verdict || s->to)
		flags |= NFT_SET_MAP;
	begin(t, NFT_MSG_NEWSET, NLM_F_CREATE | (s->fresh ? NLM_F_EXCL : 0));
	nl_put_str(&t->b, NFTA_SET_NAME, s->name);
	put_be32(t, NFTA_SET_FLAGS, flags);
	put_be32(t, NFTA_SET_KEY_TYPE, packed_type(s->key, NFT_KEY_FIELDS));
	put_be32(t, NFTA_SET_KEY_LEN, packed_len(s->key, NFT_KEY_FIELDS));
	if (s->to_verdict) {
		put_be32(t, NFTA_SET_DATA_TYPE, NFT_DATA_VERDICT);
	} else if (s->to) {
		const uint32_t both[] = { s->to, s->to2 };

		put_be32(t, NFTA_SET_DATA_TYPE, packed_type(both, 2));
		put_be32(t, NFTA_SET_DATA_LEN, packed_len(both, 2));
	}
	put_set_desc(t, s, fields);
	put_be32(t, NFTA_SET_ID, ++t->set_id);
	if (s->counted) {
		size_t expr = nest(t, NFTA_SET_EXPR);

		nl_put_str(&t->b, NFTA_EXPR_NAME, "counter");
		nest_end(t, nest(t, NFTA_EXPR_DATA));
		nest_end(t, expr);
	}
}

void nft_set_flush(struct nft *t, const char *name)
{
	begin(t, NFT_MSG_DELSETELEM, 0);
	nl_put_str(&t->b, NFTA_SET_ELEM_LIST_SET, name);
}

void nft_set_del(struct nft *t, const char *name)
{
	begin(t, NFT_MSG_DELSET, 0);
	nl_put_str(&t->b, NFTA_SET_NAME, name);
}

/* ---- elements -------------------------------------------------------- */

static void elems_open(struct nft *t, uint16_t msg, const char *set)
{
	begin(t, msg, msg == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
	nl_put_str(&t->b, NFTA_SET_ELEM_LIST_SET, set);
	t->elems_nest = nest(t, NFTA_SET_ELEM_LIST_ELEMENTS);
	t->elems = set;
	t->elems_type = msg;
}

void nft_elems(struct nft *t, const char *set)
{
	elems_open(t, NFT_MSG_NEWSETELEM, set);
}

void nft_elems_del(struct nft *t, const char *set)
{
	elems_open(t, NFT_MSG_DELSETELEM, set);
}

static void put_value(struct nft *t, uint16_t type, const void *data, size_t len)
{
	size_t at = nest(t, type);

	nl_put(&t->b, NFTA_DATA_VALUE, data, len);
	nest_end(t, at);
}

static void put_verdict(struct nft *t, uint16_t type, int code, const char *chain)
{
	size_t data = nest(t, type), v = nest(t, NFTA_DATA_VERDICT);

	put_be32(t, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nl_put_str(&t->b, NFTA_VERDICT_CHAIN, chain);
	nest_end(t, v);
	nest_end(t, data);
}

static size_t elem_open(struct nft *t, const void *key, size_t len)
{
	size_t at;

	if (t->elems && t->b.len - t->elems_nest > ELEMS_MAX)
		elems_open(t, t->elems_type, t->elems);
	at = nest(t, NFTA_LIST_ELEM);
	put_value(t, NFTA_SET_ELEM_KEY, key, len);
	return at;
}

void nft_elem(struct nft *t, const void *key, size_t len)
{
	nest_end(t, elem_open(t, key, len));
}

void nft_elem_range(struct nft *t, const void *key, const void *end, size_t len)
{
	size_t at = elem_open(t, key, len);

	put_value(t, NFTA_SET_ELEM_KEY_END, end, len);
	nest_end(t, at);
}

static void put_limit_over(struct nft *t, uint32_t rate, uint32_t burst)
{
	uint64_t be = htobe64(rate), second = htobe64(1);

	nl_put(&t->b, NFTA_LIMIT_RATE, &be, sizeof(be));
	nl_put(&t->b, NFTA_LIMIT_UNIT, &second, sizeof(second));
	put_be32(t, NFTA_LIMIT_BURST, burst);
	put_be32(t, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_be32(t, NFTA_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

void nft_elem_limit(struct nft *t, const void *key, size_t len, uint32_t rate, uint32_t burst)
{
	size_t at = elem_open(t, key, len), expr = nest(t, NFTA_SET_ELEM_EXPR), data;

	nl_put_str(&t->b, NFTA_EXPR_NAME, "limit");
	data = nest(t, NFTA_EXPR_DATA);
	put_limit_over(t, rate, burst);
	nest_end(t, data);
	nest_end(t, expr);
	nest_end(t, at);
}

void nft_elem_comment(struct nft *t, const void *key, size_t len, const void *to, size_t to_len,
		      const char *comment)
{
	/* Type, length, text: as libnftnl's udata.h keeps them. */
	uint8_t udata[2 + sizeof(((struct nft_elem_info *)0)->comment)] = { UDATA_COMMENT };
	size_t n = strlen(comment) + 1, at = elem_open(t, key, len);

	if (n > sizeof(udata) - 2)
		abort();	/* no comment of ours is that long */
	if (t->elems_type == NFT_MSG_NEWSETELEM) {
		if (to)
			put_value(t, NFTA_SET_ELEM_DATA, to, to_len);
		udata[1] = (uint8_t)n;
		memcpy(udata + 2, comment, n);
		nl_put(&t->b, NFTA_SET_ELEM_USERDATA, udata, n + 2);
	}
	nest_end(t, at);
}

void nft_elem_verdict(struct nft *t, const void *key, size_t len, int code, const char *chain)
{
	size_t at = elem_open(t, key, len);

	if (t->elems_type == NFT_MSG_NEWSETELEM)
		put_verdict(t, NFTA_SET_ELEM_DATA, code, chain);
	nest_end(t, at);
}

void nft_elem_end(struct nft *t, const void *key, size_t len)
{
	size_t at = elem_open(t, key, len);

	put_be32(t, NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END);
	nest_end(t, at);
}

void nft_key_add(struct nft_key *k, const void *data, size_t len)
{
	size_t padded = NLA_ALIGN(len);

	if (padded > sizeof(k->b) - k->n)
		abort();	/* no type of ours is that long */
	memset(k->b + k->n, 0, padded);
	memcpy(k->b + k->n, data, len);
	k->n += padded;
}

/* ---- sending --------------------------------------------------------- */

static const char *const nouns[] = {
	[NFT_MSG_NEWTABLE] = "add table",	[NFT_MSG_DELTABLE] = "delete table",
	[NFT_MSG_NEWCHAIN] = "add chain",	[NFT_MSG_DELCHAIN] = "delete chain",
	[NFT_MSG_NEWRULE] = "add rule of chain", [NFT_MSG_DELRULE] = "delete rules of chain",
	[NFT_MSG_NEWSET] = "add set",		[NFT_MSG_DELSET] = "delete set",
	[NFT_MSG_NEWSETELEM] = "add elements of set",
	[NFT_MSG_DELSETELEM] = "delete elements of set",
};

static const struct nlmsghdr *message(const struct nft *t, uint32_t index)
{
	struct nl_span s = { t->b.buf, t->b.len };
	const struct nlmsghdr *h = NULL;

	do {
		if (nl_msg_next(&s, &h) <= 0)
			return NULL;
	} while (index--);
	return h;
}

static int fail(const struct nft *t, enum vz_code code, int err, const struct nl_fail *f,
		struct vz_err *e)
{
	const struct nlmsghdr *h = f->index == UINT32_MAX ? NULL : message(t, f->index);
	unsigned int msg = h ? h->nlmsg_type & 0xff : UINT8_MAX;
	const char *table = NULL, *name = NULL;
	struct nl_attr a;
	struct nl_span s;

	if (!h || h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || msg >= ARRAY_SIZE(nouns) ||
	    !nouns[msg])
		return vz_fail(e, code, -err, "cannot change the packet filter (nf_tables)%s%s",
			       *f->text ? ": " : "", f->text);
	s = nl_msg_attrs(h, sizeof(struct nfgenmsg));
	while (nl_attr_next(&s, &a) > 0) {
		if (!table)
			table = nl_attr_str(&a);
		else if (!name)
			name = nl_attr_str(&a);
	}
	/* A table has no further name. */
	if (msg == NFT_MSG_NEWTABLE || msg == NFT_MSG_DELTABLE)
		return vz_fail(e, code, -err, "cannot %s %s%s%s%s", nouns[msg], table ?: "?",
			       *f->text ? " (" : "", f->text, *f->text ? ")" : "");
	return vz_fail(e, code, -err, "cannot %s %s in table %s%s%s%s", nouns[msg], name ?: "?",
		       table ?: "?", *f->text ? " (" : "", f->text, *f->text ? ")" : "");
}

int nft_socket(struct nl_sock **ret, enum vz_code code, struct vz_err *e)
{
	static struct nl_sock sock = { .fd = -EBADF };
	int r = sock.fd >= 0 ? 0 : nl_open_proto(&sock, NETLINK_NETFILTER);

	*ret = &sock;
	return r < 0 ? vz_fail(e, code, -r, "cannot open a netlink socket (netfilter)") : 0;
}

int nft_commit(struct nft *t, enum vz_code code, struct vz_err *e)
{
	struct nl_sock *s;
	struct nl_fail f;
	int r = nft_socket(&s, code, e);

	if (r < 0)
		return r;
	elems_close(t);
	begin_raw(t, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	t->b.trailer = 1;
	r = nl_commit(s, &t->b, &f);
	nft_linger(s->fd);
	return r < 0 ? fail(t, code, r, &f, e) : 0;
}

int nft_end(struct nft *t, enum vz_code code, struct vz_err *e)
{
	int r = nft_commit(t, code, e);

	nft_done(t);
	return r;
}

bool nft_missing(int err)
{
	return err == -EPROTONOSUPPORT || err == -EAFNOSUPPORT || err == -EOPNOTSUPP;
}

/* ---- reading --------------------------------------------------------- */

static bool attr_be64(const struct nl_attr *a, uint64_t *ret)
{
	uint64_t v;

	if (a->v.n < sizeof(v))
		return false;
	memcpy(&v, a->v.p, sizeof(v));
	*ret = be64toh(v);
	return true;
}

int nft_parse_values(struct nl_span s, uint64_t *bytes, uint64_t *packets)
{
	struct nl_attr a;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0) {
		if ((a.type == NFTA_COUNTER_BYTES && !attr_be64(&a, bytes)) ||
		    (a.type == NFTA_COUNTER_PACKETS && !attr_be64(&a, packets)))
			return -EBADMSG;
	}
	return r;
}
