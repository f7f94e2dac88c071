/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nf_tables transactions, built by hand as everything on netlink here
 * (docs/decisions/0002-netlink.md).  A rule reads as nft(8) prints it:
 *
 *	struct nft t;
 *
 *	nft_begin(&t, NFPROTO_NETDEV, "vz_101");
 *	nft_table_fresh(&t);
 *	nft_set_add(&t, &(struct nft_set){ .name = "addr4", .key = { NFT_IPV4_ADDR } });
 *	nft_elems(&t, "addr4");
 *	nft_elem(&t, addr, 4);
 *	nft_chain_add(&t, &(struct nft_chain){ .name = "in", .base = true, .dev = "venet0.101",
 *					       .hook = NF_NETDEV_INGRESS });
 *	nft_rule(&t, "in", nft_is(NFT_ETHER_TYPE, ETH_P_IP), nft_in(NFT_IP_SADDR, "addr4"),
 *		 nft_accept());
 *	nft_rule(&t, "in", nft_drop());
 *	r = nft_end(&t, code, e);
 *
 * What is committed together takes effect together or not at all.  Names may
 * refer to what the same transaction makes.
 */
#ifndef NETNS_NFT_H
#define NETNS_NFT_H

#include "base/buf.h"
#include "base/err.h"
#include "nlsock.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define NFT_TABLE_LEN 32

struct nft {
	struct nl_batch b;
	uint8_t family;			/* NFPROTO_* */
	char table[NFT_TABLE_LEN];
	uint32_t set_id;
	const char *elems;		/* the set of the open element list, or NULL */
	uint16_t elems_type;
	size_t elems_nest;
};

/* An empty transaction, for one table; ends with nft_done(). */
void nft_begin(struct nft *t, uint8_t family, const char *table);
/*
 * Called next: the transaction is executed only if the rules are still those of
 * @generation, see nft_generation(); else nft_commit() returns -ERESTART.
 */
void nft_only_if(struct nft *t, uint32_t generation);
/* What follows belongs to another table of the same transaction. */
void nft_table(struct nft *t, uint8_t family, const char *table);
void nft_done(struct nft *t);
#define _cleanup_nft_ _cleanup_(nft_done)
/*
 * A positive errno (ENOENT, EEXIST; two at most) that the last message may
 * fail with.  The transaction is then not executed, as for every error, but
 * nft_commit() returns 0: of use for a transaction of one deletion or addition.
 */
void nft_tolerate(struct nft *t, int err);
/*
 * Sends it.  The error is a sentence with the kernel's words.  A kernel without
 * nf_tables: see nft_missing().
 */
int nft_commit(struct nft *t, enum vz_code code, struct vz_err *e);
/* nft_commit(), and nft_done() whatever came of it. */
int nft_end(struct nft *t, enum vz_code code, struct vz_err *e);
/* Is @err (negative) how a kernel without netfilter, nf_tables or the hook answers? */
bool nft_missing(int err);

/* ---- tables, chains, sets --------------------------------------------- */

void nft_table_add(struct nft *t);	/* existing is fine */
void nft_table_del(struct nft *t);	/* with all in it; ENOENT when there is none */
void nft_table_new(struct nft *t);	/* EEXIST when there is one */
void nft_table_fresh(struct nft *t);	/* there, and empty, whatever it was */

struct nft_chain {
	const char *name;
	const char *type;		/* NULL: "filter" */
	const char *dev;		/* netdev family */
	uint32_t hook;			/* NF_INET_*, NF_NETDEV_* */
	int32_t prio;
	bool base;			/* registered with a hook; else only jumped to */
	bool drop;			/* policy */
	bool fresh;			/* fails with EEXIST when there is one */
};

void nft_chain_add(struct nft *t, const struct nft_chain *c);
void nft_chain_del(struct nft *t, const char *name);	/* with its rules */
void nft_chain_flush(struct nft *t, const char *name);
/* One device more of a netdev base chain, which is named by its handle: ENOENT when it went. */
void nft_chain_dev_add(struct nft *t, uint64_t handle, const char *dev);
void nft_chain_dev_del(struct nft *t, const char *name, const char *dev);

/*
 * Base chains that devices share: one for each device would be walked by every
 * transaction, and from each of them all rules it leads to would be checked again.
 * Devices join and leave without a rule.  Up to Linux 6.15 a chain goes with its last
 * device; since 6.16 devices of a chain are names, and have to be taken out.
 */
bool nft_shares(void);		/* Linux 6.4 */
#define NFT_SHARE_LEN 32
/* "PREFIX-1f": the one of several that a device of this name is in. */
void nft_share_name(const char *prefix, const char *dev, char ret[NFT_SHARE_LEN]);

struct nft_share {
	struct nl_sock *s;	/* NULL: nothing is there yet */
	struct vz_strv made;
	bool stale;		/* a device was there: left by one of its name that is gone */
};

/* @c->dev joins @c, which is made when it is not there, with a goto @to for its only rule. */
void nft_share_join(struct nft_share *sh, struct nft *t, const struct nft_chain *c,
		    const char *to);
void nft_share_done(struct nft_share *sh);
#define _cleanup_share_ _cleanup_(nft_share_done)

/* Types of set keys: nft's own number (its datatype.h), which only "nft list" needs, and length. */
#define NFT_TYPE(id, len) ((id) << 8 | (len))
enum {
	NFT_IPV4_ADDR = NFT_TYPE(7, 4),
	NFT_IPV6_ADDR = NFT_TYPE(8, 16),
	NFT_ETHER_ADDR = NFT_TYPE(9, 6),
	NFT_INET_PROTO = NFT_TYPE(12, 1),
	NFT_INET_SERVICE = NFT_TYPE(13, 2),
	NFT_MARK = NFT_TYPE(19, 4),
	NFT_IFINDEX = NFT_TYPE(20, 4),
};

#define NFT_KEY_FIELDS 4

struct nft_set {
	const char *name;
	uint32_t key[NFT_KEY_FIELDS];	/* NFT_*; several are a concatenation */
	uint32_t flags;			/* NFT_SET_INTERVAL, NFT_SET_CONSTANT, NFT_SET_TIMEOUT */
	bool to_verdict;		/* a verdict map */
	bool counted;			/* each element counts what it matches */
	uint32_t to, to2;		/* a map to NFT_* (two: concatenated), or 0 */
	uint32_t size;			/* most elements; 0: no limit */
	bool fresh;			/* fails with EEXIST when there is one; older kernels
					 * (5.15) else take one of another kind for it */
};

void nft_set_add(struct nft *t, const struct nft_set *s);
void nft_set_del(struct nft *t, const char *name);
/* Its elements.  Before 6.4, chains they lead to stay in use until then. */
void nft_set_flush(struct nft *t, const char *name);

/*
 * Elements.  nft_elems() and nft_elems_del() open the list, which the next call
 * of another kind closes; 500 and more are fine.  Keys of several fields are
 * made with struct nft_key: each field is padded to 4 bytes.
 */
void nft_elems(struct nft *t, const char *set);
void nft_elems_del(struct nft *t, const char *set);
void nft_elem(struct nft *t, const void *key, size_t len);
/* With a comment, which nft(8) shows; @to may be NULL: a set's. */
void nft_elem_comment(struct nft *t, const void *key, size_t len, const void *to, size_t to_len,
		      const char *comment);
/* In a set with NFT_SET_INTERVAL and several fields: from @key to @end, each field by itself. */
void nft_elem_range(struct nft *t, const void *key, const void *end, size_t len);
/* Matches what exceeds @rate packets per second after @burst packets. */
void nft_elem_limit(struct nft *t, const void *key, size_t len, uint32_t rate, uint32_t burst);
/* @code: NF_ACCEPT, NF_DROP, NFT_JUMP, NFT_GOTO ...; @chain or NULL */
void nft_elem_verdict(struct nft *t, const void *key, size_t len, int code, const char *chain);
/* In a set with NFT_SET_INTERVAL: the first address behind the interval of the element before. */
void nft_elem_end(struct nft *t, const void *key, size_t len);

struct nft_key {
	uint8_t b[64];
	size_t n;
};

void nft_key_add(struct nft_key *k, const void *data, size_t len);

/* ---- rules ------------------------------------------------------------ */

struct nft_field {
	uint8_t from;			/* enum nft_from */
	uint8_t key;			/* header base, meta key, ... */
	uint8_t off, len;		/* bytes; off is used in payloads and extension headers */
	bool host;			/* byte order of the kernel's value */
	uint16_t mask;			/* of a payload of two bytes; 0: none */
};

enum nft_from { NFT_FROM_PAYLOAD, NFT_FROM_META, NFT_FROM_EXTHDR, NFT_FROM_FIB, NFT_FROM_CONST };

#define NFT_PAYLOAD(base, off, len) \
	((struct nft_field){ NFT_FROM_PAYLOAD, base, off, len, false, 0 })
#define NFT_LL(off, len)	NFT_PAYLOAD(NFT_PAYLOAD_LL_HEADER, off, len)
#define NFT_NH(off, len)	NFT_PAYLOAD(NFT_PAYLOAD_NETWORK_HEADER, off, len)
#define NFT_TH(off, len)	NFT_PAYLOAD(NFT_PAYLOAD_TRANSPORT_HEADER, off, len)
#define NFT_META(key, len, host) ((struct nft_field){ NFT_FROM_META, key, 0, len, host, 0 })
/* A number below 256 as one field of a key. */
#define NFT_CONST(v) ((struct nft_field){ NFT_FROM_CONST, v, 0, 4, true, 0 })
/* Of a tagged frame. */
#define NFT_VLAN_ID \
	((struct nft_field){ NFT_FROM_PAYLOAD, NFT_PAYLOAD_LL_HEADER, 14, 2, false, 0xfff })

/* What follows the tag; meta protocol looks through a second one since Linux 7. */
#define NFT_VLAN_TYPE		NFT_LL(16, 2)

#define NFT_ETHER_SADDR		NFT_LL(6, 6)
/* As on the wire: of a tagged frame it is the tag's, also when the NIC took that off. */
#define NFT_ETHER_TYPE		NFT_LL(12, 2)
#define NFT_IP_FRAG_OFF		NFT_NH(6, 2)
#define NFT_IP_SADDR		NFT_NH(12, 4)
#define NFT_IP_DADDR		NFT_NH(16, 4)
#define NFT_IP6_SADDR		NFT_NH(8, 16)
#define NFT_IP6_DADDR		NFT_NH(24, 16)
/* Ethernet/IPv4 of RFC 826 only: compare NFT_ARP_HEAD first. */
#define NFT_ARP_HEAD		NFT_NH(0, 6)	/* htype, ptype, hlen, plen */
#define NFT_ARP_OP		NFT_NH(6, 2)
#define NFT_ARP_SADDR_ETHER	NFT_NH(8, 6)
#define NFT_ARP_SADDR_IP	NFT_NH(14, 4)
#define NFT_ARP_DADDR_IP	NFT_NH(24, 4)
#define NFT_SPORT		NFT_TH(0, 2)
#define NFT_DPORT		NFT_TH(2, 2)
#define NFT_ICMP_TYPE		NFT_TH(0, 1)
#define NFT_ND_TARGET		NFT_TH(8, 16)
/* frag frag-off, the flags below it; no match without a fragment header. */
#define NFT_IP6_FRAG_OFF	((struct nft_field){ NFT_FROM_EXTHDR, 44, 2, 2, false, 0 })
#define NFT_META_ETHERTYPE	NFT_META(NFT_META_PROTOCOL, 2, false)
#define NFT_META_L4		NFT_META(NFT_META_L4PROTO, 1, false)
#define NFT_META_PKT		NFT_META(NFT_META_PKTTYPE, 1, false)	/* PACKET_* */
#define NFT_META_NF		NFT_META(NFT_META_NFPROTO, 1, false)
#define NFT_META_MARKF		NFT_META(NFT_META_MARK, 4, true)
#define NFT_META_IIFX		NFT_META(NFT_META_IIF, 4, true)
#define NFT_META_OIFX		NFT_META(NFT_META_OIF, 4, true)
#define NFT_META_IIFG		NFT_META(NFT_META_IIFGROUP, 4, true)
#define NFT_META_OIFG		NFT_META(NFT_META_OIFGROUP, 4, true)

/* fib daddr type: RTN_* */
#define NFT_FIB_DADDR_TYPE	((struct nft_field){ NFT_FROM_FIB, NFT_FIB_RESULT_ADDRTYPE, \
						     NFTA_FIB_F_DADDR, 4, true, 0 })

/* One match or statement; made by the functions below. */
struct nft_stmt {
	uint8_t kind;			/* nft.c */
	bool invert;
	uint8_t n_fields;
	struct nft_field f[NFT_KEY_FIELDS];
	bool masked;
	uint8_t value[16], mask[16];	/* mask: also the upper end of a range */
	const char *name;		/* set, counter or chain: borrowed */
	int32_t code;			/* verdict */
};

#define nft_rule(t, chain, ...)                                                        \
	nft_rule_add(t, chain, (const struct nft_stmt[]){ __VA_ARGS__ },               \
		     sizeof((const struct nft_stmt[]){ __VA_ARGS__ }) / sizeof(struct nft_stmt))
void nft_rule_add(struct nft *t, const char *chain, const struct nft_stmt *s, size_t n);

/* The message of a rule, still without expressions: for nft-rule.c. */
void nft_rule_open(struct nft *t, const char *chain);

/* Comparisons with a number (as written: ETH_P_IP, 67), or with bytes of the field's length. */
struct nft_stmt nft_is(struct nft_field f, uint64_t v);
struct nft_stmt nft_is_not(struct nft_field f, uint64_t v);
struct nft_stmt nft_is_bytes(struct nft_field f, const void *v);
struct nft_stmt nft_is_not_bytes(struct nft_field f, const void *v);
struct nft_stmt nft_any_of(struct nft_field f, uint64_t bits);	/* (f & bits) != 0 */
struct nft_stmt nft_none_of(struct nft_field f, uint64_t bits);	/* (f & bits) == 0 */
struct nft_stmt nft_between(struct nft_field f, uint64_t lo, uint64_t hi);	/* of a payload */
/* The payload has these bytes: a match that cannot be loaded is none, inverted or not. */
struct nft_stmt nft_there(struct nft_field f);
/* (f & mask) == v */
struct nft_stmt nft_masked(struct nft_field f, uint64_t mask, uint64_t v);
/* The fields, concatenated, are (not) in a set. */
struct nft_stmt nft_in(struct nft_field f, const char *set);
struct nft_stmt nft_not_in(struct nft_field f, const char *set);
struct nft_stmt nft_in2(struct nft_field f, struct nft_field g, const char *set);
struct nft_stmt nft_not_in2(struct nft_field f, struct nft_field g, const char *set);

struct nft_stmt nft_vmap(struct nft_field f, const char *set);	/* the element's verdict */
struct nft_stmt nft_set_priority(uint32_t v);	/* skb->priority */
/* The same from a map; no match where it has none. */
struct nft_stmt nft_set_priority_map(struct nft_field f, struct nft_field g, const char *map);
/* To the device of a map: the end of a rule of netdev ingress. */
struct nft_stmt nft_fwd_map(struct nft_field f, const char *map);
struct nft_stmt nft_verdict(int code, const char *chain);

/*
 * dnat to the address (of @family: NFPROTO_IPV4, NFPROTO_IPV6) and port that the
 * map has for @n fields; no match where it has none.
 */
struct nft_stmt nft_dnat_map(uint8_t family, const struct nft_field *f, size_t n, const char *map);
struct nft_stmt nft_masquerade(void);

static inline struct nft_stmt nft_accept(void)
{
	return nft_verdict(NF_ACCEPT, NULL);
}

static inline struct nft_stmt nft_drop(void)
{
	return nft_verdict(NF_DROP, NULL);
}

static inline struct nft_stmt nft_return(void)
{
	return nft_verdict(NFT_RETURN, NULL);
}

static inline struct nft_stmt nft_jump(const char *chain)
{
	return nft_verdict(NFT_JUMP, chain);
}

static inline struct nft_stmt nft_goto(const char *chain)
{
	return nft_verdict(NFT_GOTO, chain);
}

/* ---- reading ---------------------------------------------------------- */

/*
 * The netfilter socket of this process, in the namespace of the first call; it is
 * not closed.  Closing one waits, for 8 to 30 ms, while anything that was changed in
 * the namespace still is to be freed (nft_rcv_nl_event() in the kernel), and when the
 * process ends it is: see nft_linger().
 */
int nft_socket(struct nl_sock **ret, enum vz_code code, struct vz_err *e);
/* At exit(), leaves the closing of the socket to another process. */
void nft_linger(int fd);
/* Another process has it and closes it later. */
void nft_kept(void);

/* Changes with every transaction of anybody in this network namespace. */
int nft_generation(struct nl_sock *s, uint32_t *ret, enum vz_code code, struct vz_err *e);

struct nft_elem_info {
	struct nl_span key, end, to;	/* empty: none */
	bool interval_end;		/* the first key behind an interval */
	uint64_t bytes, packets;	/* of a set with counters */
	char comment[32];		/* "": none, or longer */
};

/* 1 and the next of the elements that a message of a dump has, 0, -EBADMSG. */
int nft_elem_next(struct nl_span *list, struct nft_elem_info *ret);
/* The list of the message; empty: not one of elements. */
struct nl_span nft_elem_list(const struct nlmsghdr *h);
typedef int (*nft_elem_fn)(const struct nft_elem_info *i, void *arg);
/* Each element once.  -ENOENT: no such set or table; -EAGAIN: it changed meanwhile. */
int nft_elems_dump(struct nl_sock *s, uint8_t family, const char *table, const char *set,
		   nft_elem_fn fn, void *arg, enum vz_code code, struct vz_err *e);

/* That one element; -ENOENT: there is none. */
int nft_elem_get(struct nl_sock *s, uint8_t family, const char *table, const char *set,
		 const void *key, size_t len, nft_elem_fn fn, void *arg, enum vz_code code,
		 struct vz_err *e);

struct nft_chain_info {
	uint8_t family;
	char table[NFT_TABLE_LEN], name[32];
	bool base, drop;		/* drop: the policy of a base chain */
	uint32_t hook;
	uint64_t handle;
	struct nl_span devs;		/* see nft_chain_has_dev() */
};

bool nft_chain_has_dev(const struct nft_chain_info *c, const char *dev);

/* The chain of a rule's message; -ENOENT: not one, or with a longer name. */
int nft_rule_chain(const struct nlmsghdr *h, char *ret, size_t size);
/* Every rule of a table, chain by chain; -ENOENT, -EAGAIN as above. */
int nft_rules_dump(struct nl_sock *s, uint8_t family, const char *table, nl_reply_fn fn, void *arg,
		   enum vz_code code, struct vz_err *e);

/* -ENOENT: no chain's, or with longer names. */
int nft_chain_parse(const struct nlmsghdr *h, struct nft_chain_info *ret);
typedef int (*nft_chain_fn)(const struct nft_chain_info *c, void *arg);
/*
 * Every chain of every table of the family; none where there is no nf_tables.  @fn
 * leaves the socket alone.  Family netdev has some for each link of a container.
 */
int nft_chains(struct nl_sock *s, uint8_t family, nft_chain_fn fn, void *arg, enum vz_code code,
	       struct vz_err *e);
/*
 * Ask before a transaction that would fail: one that does waits for an RCU grace period
 * (nf_tables_abort()), 10 to 20 ms on a busy node.  False also when it cannot be told.
 */
bool nft_chain_there(struct nl_sock *s, uint8_t family, const char *table, const char *chain);
/* The same, with what a device needs that joins it; @dev may be NULL. */
struct nft_chain_at {
	uint64_t handle;
	bool has_dev;
};

bool nft_chain_find(struct nl_sock *s, uint8_t family, const char *table, const char *chain,
		    const char *dev, struct nft_chain_at *ret);

/* What a counter expression says; -EBADMSG. */
int nft_parse_values(struct nl_span s, uint64_t *bytes, uint64_t *packets);

#endif
