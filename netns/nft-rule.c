// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rules: what a statement means in the kernel's little machine.  A match loads
 * fields into registers and compares those; one that cannot be loaded (no such
 * header) ends the rule without a match.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>

enum kind { KIND_CMP = 1, KIND_RANGE, KIND_LOOKUP, KIND_VMAP, KIND_VERDICT, KIND_DNAT_MAP,
	    KIND_MASQUERADE, KIND_PRIORITY, KIND_PRIORITY_MAP, KIND_FWD_MAP };

/* The i-th 4 byte register; the first four bytes of NFT_REG_1 are the same. */
#define REG(i) (NFT_REG32_00 + (i))

static void put_be32(struct nft *t, uint16_t type, uint32_t v)
{
	nl_put_u32(&t->b, type, htonl(v));
}

struct expr {
	size_t elem, data;
};

static struct expr expr_open(struct nft *t, const char *name)
{
	struct expr x = { .elem = nl_nest(&t->b, NFTA_LIST_ELEM | NLA_F_NESTED) };

	nl_put_str(&t->b, NFTA_EXPR_NAME, name);
	x.data = nl_nest(&t->b, NFTA_EXPR_DATA | NLA_F_NESTED);
	return x;
}

static void expr_close(struct nft *t, struct expr x)
{
	nl_nest_end(&t->b, x.data);
	nl_nest_end(&t->b, x.elem);
}

static void put_data(struct nft *t, uint16_t type, const void *v, size_t len)
{
	size_t at = nl_nest(&t->b, type | NLA_F_NESTED);

	nl_put(&t->b, NFTA_DATA_VALUE, v, len);
	nl_nest_end(&t->b, at);
}

static void put_mask(struct nft *t, uint32_t reg, const void *mask, size_t len)
{
	static const uint8_t zero[16];
	struct expr x = expr_open(t, "bitwise");

	put_be32(t, NFTA_BITWISE_SREG, reg);
	put_be32(t, NFTA_BITWISE_DREG, reg);
	put_be32(t, NFTA_BITWISE_LEN, (uint32_t)len);
	put_data(t, NFTA_BITWISE_MASK, mask, len);
	put_data(t, NFTA_BITWISE_XOR, zero, len);
	expr_close(t, x);
}

/* A number in a register, in the host's byte order. */
static void put_number(struct nft *t, uint32_t reg, uint32_t v)
{
	struct expr x = expr_open(t, "immediate");

	put_be32(t, NFTA_IMMEDIATE_DREG, reg);
	put_data(t, NFTA_IMMEDIATE_DATA, &v, sizeof(v));
	expr_close(t, x);
}

static void load(struct nft *t, const struct nft_field *f, uint32_t reg)
{
	static const char *const names[] = { "payload", "meta", "exthdr", "fib" };
	uint16_t mask = htons(f->mask);
	struct expr x;

	if (f->from == NFT_FROM_CONST) {
		put_number(t, reg, f->key);
		return;
	}
	x = expr_open(t, names[f->from]);
	switch (f->from) {
	case NFT_FROM_PAYLOAD:
		put_be32(t, NFTA_PAYLOAD_DREG, reg);
		put_be32(t, NFTA_PAYLOAD_BASE, f->key);
		put_be32(t, NFTA_PAYLOAD_OFFSET, f->off);
		put_be32(t, NFTA_PAYLOAD_LEN, f->len);
		break;
	case NFT_FROM_META:
		put_be32(t, NFTA_META_DREG, reg);
		put_be32(t, NFTA_META_KEY, f->key);
		break;
	case NFT_FROM_EXTHDR:
		put_be32(t, NFTA_EXTHDR_DREG, reg);
		nl_put_u8(&t->b, NFTA_EXTHDR_TYPE, f->key);
		put_be32(t, NFTA_EXTHDR_OFFSET, f->off);
		put_be32(t, NFTA_EXTHDR_LEN, f->len);
		break;
	case NFT_FROM_FIB:
		put_be32(t, NFTA_FIB_DREG, reg);
		put_be32(t, NFTA_FIB_RESULT, f->key);
		put_be32(t, NFTA_FIB_FLAGS, f->off);
		break;
	}
	expr_close(t, x);
	if (f->mask)
		put_mask(t, reg, &mask, sizeof(mask));
}

/*
 * Fields one behind the other, each from a register's start, as keys of sets are
 * laid out.  Returns the first register that is free.
 */
static uint32_t load_all(struct nft *t, const struct nft_stmt *s)
{
	uint32_t reg = 0;

	for (size_t i = 0; i < s->n_fields; i++) {
		load(t, &s->f[i], REG(reg));
		reg += NLA_ALIGN(s->f[i].len) / 4u;
	}
	return reg;
}

static void put_cmp(struct nft *t, const struct nft_stmt *s)
{
	uint8_t len = s->f[0].len;
	struct expr x;

	load_all(t, s);
	if (s->masked)
		put_mask(t, REG(0), s->mask, len);
	if (s->kind == KIND_RANGE) {
		x = expr_open(t, "range");
		put_be32(t, NFTA_RANGE_SREG, REG(0));
		put_be32(t, NFTA_RANGE_OP, NFT_RANGE_EQ);
		put_data(t, NFTA_RANGE_FROM_DATA, s->value, len);
		put_data(t, NFTA_RANGE_TO_DATA, s->mask, len);
		expr_close(t, x);
		return;
	}
	x = expr_open(t, "cmp");
	put_be32(t, NFTA_CMP_SREG, REG(0));
	put_be32(t, NFTA_CMP_OP, s->invert ? NFT_CMP_NEQ : NFT_CMP_EQ);
	put_data(t, NFTA_CMP_DATA, s->value, len);
	expr_close(t, x);
}

static void put_lookup(struct nft *t, const struct nft_stmt *s)
{
	struct expr x;

	load_all(t, s);
	x = expr_open(t, "lookup");
	nl_put_str(&t->b, NFTA_LOOKUP_SET, s->name);
	put_be32(t, NFTA_LOOKUP_SREG, REG(0));
	if (s->kind == KIND_VMAP)
		put_be32(t, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	else if (s->invert)
		put_be32(t, NFTA_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
	expr_close(t, x);
}

static void put_verdict(struct nft *t, const struct nft_stmt *s)
{
	struct expr x = expr_open(t, "immediate");
	size_t data, v;

	put_be32(t, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nl_nest(&t->b, NFTA_IMMEDIATE_DATA | NLA_F_NESTED);
	v = nl_nest(&t->b, NFTA_DATA_VERDICT | NLA_F_NESTED);
	put_be32(t, NFTA_VERDICT_CODE, (uint32_t)s->code);
	if (s->name)
		nl_put_str(&t->b, NFTA_VERDICT_CHAIN, s->name);
	nl_nest_end(&t->b, v);
	nl_nest_end(&t->b, data);
	expr_close(t, x);
}

/* What a map has for the fields; returns its register. */
static uint32_t put_map(struct nft *t, const struct nft_stmt *s)
{
	uint32_t to = REG(load_all(t, s));
	struct expr x = expr_open(t, "lookup");

	nl_put_str(&t->b, NFTA_LOOKUP_SET, s->name);
	put_be32(t, NFTA_LOOKUP_SREG, REG(0));
	put_be32(t, NFTA_LOOKUP_DREG, to);
	expr_close(t, x);
	return to;
}

static void put_dnat_map(struct nft *t, const struct nft_stmt *s)
{
	uint32_t to = put_map(t, s);
	struct expr x = expr_open(t, "nat");

	put_be32(t, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	put_be32(t, NFTA_NAT_FAMILY, (uint32_t)s->code);
	put_be32(t, NFTA_NAT_REG_ADDR_MIN, to);
	put_be32(t, NFTA_NAT_REG_PROTO_MIN, to + (s->code == NFPROTO_IPV6 ? 4u : 1u));
	expr_close(t, x);
}

static void put_priority(struct nft *t, uint32_t reg)
{
	struct expr x = expr_open(t, "meta");

	put_be32(t, NFTA_META_KEY, NFT_META_PRIORITY);
	put_be32(t, NFTA_META_SREG, reg);
	expr_close(t, x);
}

static void put_fwd(struct nft *t, uint32_t reg)
{
	struct expr x = expr_open(t, "fwd");

	put_be32(t, NFTA_FWD_SREG_DEV, reg);
	expr_close(t, x);
}

static void put_stmt(struct nft *t, const struct nft_stmt *s)
{
	switch ((enum kind)s->kind) {
	case KIND_CMP:
	case KIND_RANGE:
		put_cmp(t, s);
		break;
	case KIND_LOOKUP:
	case KIND_VMAP:
		put_lookup(t, s);
		break;
	case KIND_VERDICT:
		put_verdict(t, s);
		break;
	case KIND_DNAT_MAP:
		put_dnat_map(t, s);
		break;
	case KIND_MASQUERADE:
		expr_close(t, expr_open(t, "masq"));
		break;
	case KIND_PRIORITY:
		put_number(t, REG(0), (uint32_t)s->code);
		put_priority(t, REG(0));
		break;
	case KIND_PRIORITY_MAP:
		put_priority(t, put_map(t, s));
		break;
	case KIND_FWD_MAP:
		put_fwd(t, put_map(t, s));
		break;
	}
}

void nft_rule_add(struct nft *t, const char *chain, const struct nft_stmt *s, size_t n)
{
	size_t list;

	nft_rule_open(t, chain);
	list = nl_nest(&t->b, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED);
	for (size_t i = 0; i < n; i++)
		put_stmt(t, &s[i]);
	nl_nest_end(&t->b, list);
}

/* ---- statements ------------------------------------------------------- */

/* @v as the kernel holds the field: its own byte order, or the network's. */
static void number(const struct nft_field *f, uint64_t v, uint8_t ret[16])
{
	uint64_t be = htobe64(v);

	if (f->len > sizeof(v))
		abort();	/* a programming error: numbers are not that long */
	if (f->host)
		memcpy(ret, (uint8_t *)&v + (htobe64(1) == 1 ? sizeof(v) - f->len : 0), f->len);
	else
		memcpy(ret, (uint8_t *)&be + sizeof(be) - f->len, f->len);
}

struct nft_stmt nft_is(struct nft_field f, uint64_t v)
{
	struct nft_stmt s = { .kind = KIND_CMP, .n_fields = 1, .f = { f } };

	number(&f, v, s.value);
	return s;
}

struct nft_stmt nft_is_not(struct nft_field f, uint64_t v)
{
	struct nft_stmt s = nft_is(f, v);

	s.invert = true;
	return s;
}

struct nft_stmt nft_is_bytes(struct nft_field f, const void *v)
{
	struct nft_stmt s = { .kind = KIND_CMP, .n_fields = 1, .f = { f } };

	memcpy(s.value, v, f.len);
	return s;
}

struct nft_stmt nft_is_not_bytes(struct nft_field f, const void *v)
{
	struct nft_stmt s = nft_is_bytes(f, v);

	s.invert = true;
	return s;
}

struct nft_stmt nft_between(struct nft_field f, uint64_t lo, uint64_t hi)
{
	struct nft_stmt s = nft_is(f, lo);

	s.kind = KIND_RANGE;
	number(&f, hi, s.mask);
	return s;
}

struct nft_stmt nft_there(struct nft_field f)
{
	/* The last byte will do. */
	f.off = (uint8_t)(f.off + f.len - 1);
	f.len = 1;
	return nft_none_of(f, 0);
}

struct nft_stmt nft_masked(struct nft_field f, uint64_t mask, uint64_t v)
{
	struct nft_stmt s = nft_is(f, v);

	s.masked = true;
	number(&f, mask, s.mask);
	return s;
}

struct nft_stmt nft_none_of(struct nft_field f, uint64_t bits)
{
	return nft_masked(f, bits, 0);
}

struct nft_stmt nft_any_of(struct nft_field f, uint64_t bits)
{
	struct nft_stmt s = nft_none_of(f, bits);

	s.invert = true;
	return s;
}

struct nft_stmt nft_in(struct nft_field f, const char *set)
{
	return (struct nft_stmt){ .kind = KIND_LOOKUP, .n_fields = 1, .f = { f }, .name = set };
}

struct nft_stmt nft_not_in(struct nft_field f, const char *set)
{
	struct nft_stmt s = nft_in(f, set);

	s.invert = true;
	return s;
}

struct nft_stmt nft_in2(struct nft_field f, struct nft_field g, const char *set)
{
	return (struct nft_stmt){ .kind = KIND_LOOKUP, .n_fields = 2, .f = { f, g }, .name = set };
}

struct nft_stmt nft_not_in2(struct nft_field f, struct nft_field g, const char *set)
{
	struct nft_stmt s = nft_in2(f, g, set);

	s.invert = true;
	return s;
}

struct nft_stmt nft_vmap(struct nft_field f, const char *set)
{
	return (struct nft_stmt){ .kind = KIND_VMAP, .n_fields = 1, .f = { f }, .name = set };
}

struct nft_stmt nft_set_priority(uint32_t v)
{
	return (struct nft_stmt){ .kind = KIND_PRIORITY, .code = (int32_t)v };
}

struct nft_stmt nft_set_priority_map(struct nft_field f, struct nft_field g, const char *map)
{
	struct nft_stmt s = nft_in2(f, g, map);

	s.kind = KIND_PRIORITY_MAP;
	return s;
}

struct nft_stmt nft_fwd_map(struct nft_field f, const char *map)
{
	struct nft_stmt s = nft_in(f, map);

	s.kind = KIND_FWD_MAP;
	return s;
}

struct nft_stmt nft_verdict(int code, const char *chain)
{
	return (struct nft_stmt){ .kind = KIND_VERDICT, .code = code, .name = chain };
}

struct nft_stmt nft_dnat_map(uint8_t family, const struct nft_field *f, size_t n, const char *map)
{
	struct nft_stmt s = { .kind = KIND_DNAT_MAP, .name = map, .code = family };

	for (; s.n_fields < n; s.n_fields++)
		s.f[s.n_fields] = f[s.n_fields];
	return s;
}

struct nft_stmt nft_masquerade(void)
{
	return (struct nft_stmt){ .kind = KIND_MASQUERADE };
}
