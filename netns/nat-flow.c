// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conntrack translates a connection as it began.  TCP begins anew with every
 * connection; a UDP client that keeps sending from one port (a resolver, a VPN)
 * keeps its entry, and would go on to reach who had the port before.  So what
 * concerns a forward that changed is forgotten.  Best effort: a kernel without
 * nf_conntrack_netlink forgets by itself after 30 to 120 seconds.
 */
#define VZ_ROOM "netns"
#include "nft.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include "nat.h"

#define MSG(msg) ((uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | (msg)))
/* In nf_internals.h and since 5.8 part of the interface: match the protocol only. */
#define FILTER_PROTO_NUM (1u << 3)

/* The tuple of an entry's first direction, as received: addresses, protocol, ports. */
struct tuple {
	uint8_t b[120];
	size_t n;
};

struct flows {
	const struct nat_elem *const *v;	/* forwards that changed */
	size_t n_v;
	bool v6;
	struct tuple *found;			/* owned */
	size_t n;
};

static bool is_udp(const struct nat_elem *e, bool v6)
{
	return (e->set == (v6 ? NAT_ANY6 : NAT_ANY4) || e->set == (v6 ? NAT_ONE6 : NAT_ONE4)) &&
	       e->key[0] == IPPROTO_UDP;
}

/* Attribute @type inside of attribute @outer of @s; empty: none. */
static struct nl_span inner(struct nl_span s, uint16_t outer, uint16_t type)
{
	struct nl_attr a, b;

	while (nl_attr_next(&s, &a) > 0) {
		if (a.type != outer)
			continue;
		while (nl_attr_next(&a.v, &b) > 0)
			if (b.type == type)
				return b.v;
	}
	return (struct nl_span){ 0 };
}

/* Does the entry go to the port of a forward, and to its container or to nobody's? */
static bool concerns(const struct flows *f, struct nl_span orig, struct nl_span reply)
{
	size_t len = f->v6 ? 16 : 4;
	struct nl_span port = inner(orig, CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT);
	struct nl_span dst = inner(orig, CTA_TUPLE_IP, f->v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST);
	struct nl_span src = inner(reply, CTA_TUPLE_IP, f->v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC);
	struct nl_span asks = inner(orig, CTA_TUPLE_IP, f->v6 ? CTA_IP_V6_SRC : CTA_IP_V4_SRC);
	struct nl_span hears = inner(reply, CTA_TUPLE_IP, f->v6 ? CTA_IP_V6_DST : CTA_IP_V4_DST);
	bool plain;

	if (port.n != 2 || dst.n != len || src.n != len || asks.n != len || hears.n != len)
		return false;
	/* Nothing was translated: a container's question to port 53 elsewhere is no such. */
	plain = !memcmp(src.p, dst.p, len) && !memcmp(asks.p, hears.p, len);
	for (size_t i = 0; i < f->n_v; i++) {
		const struct nat_elem *e = f->v[i];

		if (!is_udp(e, f->v6) || memcmp(e->key + 4, port.p, 2) != 0)
			continue;
		if (plain || !memcmp(src.p, e->to, len))
			return true;
	}
	return false;
}

static int see_flow(const struct nlmsghdr *h, void *arg)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg)), orig = { 0 }, reply = { 0 };
	struct flows *f = arg;
	struct nl_attr a;

	while (nl_attr_next(&s, &a) > 0) {
		if (a.type == CTA_TUPLE_ORIG)
			orig = a.v;
		else if (a.type == CTA_TUPLE_REPLY)
			reply = a.v;
	}
	if (!orig.p || orig.n > sizeof(f->found->b) || !concerns(f, orig, reply))
		return 0;
	f->found = xgrow(f->found, f->n, sizeof(*f->found));
	memcpy(f->found[f->n].b, orig.p, orig.n);
	f->found[f->n++].n = orig.n;
	return 0;
}

static void begin(struct nl_batch *b, uint16_t msg, uint16_t flags, bool v6)
{
	struct nfgenmsg g = { .nfgen_family = v6 ? AF_INET6 : AF_INET, .version = NFNETLINK_V0 };

	nl_begin(b, MSG(msg), flags, &g, sizeof(g));
}

static int dump(struct nl_sock *s, struct flows *f)
{
	struct nl_batch b;
	struct nl_fail fail;
	size_t tuple, proto, filter;

	nl_batch_reset(&b);
	begin(&b, IPCTNL_MSG_CT_GET, NLM_F_DUMP, f->v6);
	tuple = nl_nest(&b, CTA_TUPLE_ORIG | NLA_F_NESTED);
	proto = nl_nest(&b, CTA_TUPLE_PROTO | NLA_F_NESTED);
	nl_put_u8(&b, CTA_PROTO_NUM, IPPROTO_UDP);
	nl_nest_end(&b, proto);
	nl_nest_end(&b, tuple);
	filter = nl_nest(&b, CTA_FILTER | NLA_F_NESTED);
	nl_put_u32(&b, CTA_FILTER_ORIG_FLAGS, FILTER_PROTO_NUM);
	nl_nest_end(&b, filter);
	return nl_query(s, &b, see_flow, f, &fail);
}

static void forget(struct nl_sock *s, const struct flows *f)
{
	struct nl_batch b;
	struct nl_fail fail;

	nl_batch_reset(&b);
	for (size_t i = 0; i < f->n; i++) {
		size_t tuple;

		begin(&b, IPCTNL_MSG_CT_DELETE, 0, f->v6);
		tuple = nl_nest(&b, CTA_TUPLE_ORIG | NLA_F_NESTED);
		nl_put_raw(&b, f->found[i].b, f->found[i].n);
		nl_nest_end(&b, tuple);
		nl_tolerate(&b, ENOENT);
		if (nl_batch_has_room(&b, 1) && i + 1 < f->n)
			continue;
		if (nl_commit(s, &b, &fail) < 0)
			return;
		nl_batch_reset(&b);
	}
}

void nat_flows_forget(const struct nat_elem *const *v, size_t n)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct flows f = { .v = v, .n_v = n, .v6 = v6 };
		struct nl_sock *s;
		size_t i = 0;

		while (i < n && !is_udp(v[i], v6))
			i++;
		if (i == n || nft_socket(&s, VZ_SYSTEM_ERROR, VZ_IGNORE) < 0)
			continue;
		/* A table that changes all the time is never seen at one moment. */
		(void)dump(s, &f);
		forget(s, &f);
		free(f.found);
	}
}
