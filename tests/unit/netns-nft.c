// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a transaction is on the wire (golden bytes of one rule; the rest is
 * read back), and, for root, what the kernel and nft(8) make of it.
 */
#include "nft.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink.h>
#include <sched.h>

#include "tests/lib/tap.h"

static const uint8_t addr_a[4] = { 192, 0, 2, 11 };

/* The i-th message of @t. */
static const struct nlmsghdr *msg(const struct nft *t, unsigned int i)
{
	struct nl_span s = { t->b.buf, t->b.len };
	const struct nlmsghdr *h = NULL;

	do {
		if (nl_msg_next(&s, &h) <= 0)
			return NULL;
	} while (i--);
	return h;
}

TEST(golden_rule)
{
	static const uint8_t want[] = {
		0xb8, 0, 0, 0, 6, 10, 0x01, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, /* NEWRULE, append */
		5, 0, 0, 0,						/* NFPROTO_NETDEV */
		7, 0, 1, 0, 'v', 'z', 0, 0, 7, 0, 2, 0, 'i', 'n', 0, 0,	/* table, chain */
		0x94, 0, 4, 0x80,					/* EXPRESSIONS */
		52, 0, 1, 0x80,						/* LIST_ELEM */
		12, 0, 1, 0, 'p', 'a', 'y', 'l', 'o', 'a', 'd', 0,
		36, 0, 2, 0x80,
		8, 0, 1, 0, 0, 0, 0, 8, 8, 0, 2, 0, 0, 0, 0, 0,		/* DREG, BASE ll */
		8, 0, 3, 0, 0, 0, 0, 12, 8, 0, 4, 0, 0, 0, 0, 2,	/* OFFSET, LEN */
		44, 0, 1, 0x80,
		8, 0, 1, 0, 'c', 'm', 'p', 0,
		32, 0, 2, 0x80,
		8, 0, 1, 0, 0, 0, 0, 8, 8, 0, 2, 0, 0, 0, 0, 0,		/* SREG, OP eq */
		12, 0, 3, 0x80, 6, 0, 1, 0, 0x08, 0x06, 0, 0,		/* 0x0806 */
		48, 0, 1, 0x80,
		14, 0, 1, 0, 'i', 'm', 'm', 'e', 'd', 'i', 'a', 't', 'e', 0, 0, 0,
		28, 0, 2, 0x80,
		8, 0, 1, 0, 0, 0, 0, 0,					/* DREG verdict */
		16, 0, 2, 0x80, 12, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 0, 0,	/* NF_DROP */
	};
	struct nft t;

	nft_begin(&t, NFPROTO_NETDEV, "vz");
	nft_rule(&t, "in", nft_is(NFT_ETHER_TYPE, ETH_P_ARP), nft_drop());
	/* Without the batch's beginning, 20 bytes. */
	is_int(t.b.len - 20, sizeof(want));
	for (size_t i = 0; i < sizeof(want) && i < t.b.len - 20; i++) {
		if (t.b.buf[20 + i] != want[i]) {
			printf("# byte %zu is %02x, want %02x\n", i, t.b.buf[20 + i], want[i]);
			tap_bad++;
			break;
		}
	}
	nft_done(&t);
}

TEST(a_fresh_table_is_added_deleted_added)
{
	struct nft t;

	nft_begin(&t, NFPROTO_NETDEV, "vz");
	nft_table_fresh(&t);
	is_int(msg(&t, 0)->nlmsg_type, NFNL_MSG_BATCH_BEGIN);
	is_int(msg(&t, 1)->nlmsg_type & 0xff, NFT_MSG_NEWTABLE);
	is_int(msg(&t, 2)->nlmsg_type & 0xff, NFT_MSG_DELTABLE);
	is_int(msg(&t, 3)->nlmsg_type & 0xff, NFT_MSG_NEWTABLE);
	ok(!(msg(&t, 1)->nlmsg_flags & NLM_F_EXCL));
	ok(!msg(&t, 4));
	nft_done(&t);
}

/* Elements of all NEWSETELEM messages from @i on. */
static unsigned int count_elems(const struct nft *t, unsigned int i, unsigned int *ret_msgs)
{
	const struct nlmsghdr *h;
	unsigned int n = 0;

	for (*ret_msgs = 0; (h = msg(t, i)); i++) {
		struct nl_span s = nl_msg_attrs(h, sizeof(struct nfgenmsg)), l;
		struct nl_attr a, b;
		int r;

		if ((h->nlmsg_type & 0xff) != NFT_MSG_NEWSETELEM)
			continue;
		(*ret_msgs)++;
		while ((r = nl_attr_next(&s, &a)) > 0) {
			if (a.type != NFTA_SET_ELEM_LIST_ELEMENTS)
				continue;
			for (l = a.v; (r = nl_attr_next(&l, &b)) > 0;)
				n += b.type == NFTA_LIST_ELEM;
			is_int(r, 0);
		}
		is_int(r, 0);
	}
	return n;
}

TEST(thousands_of_elements)
{
	unsigned int msgs;
	struct nft t;

	nft_begin(&t, NFPROTO_NETDEV, "vz");
	nft_elems(&t, "s");
	for (uint32_t i = 0; i < 3000; i++) {
		uint8_t a[16] = { 0x20, 1, [12] = (uint8_t)(i >> 8), [13] = (uint8_t)i };

		nft_elem(&t, a, sizeof(a));
	}
	nft_chain_del(&t, "c");		/* closes the list */
	ok(!t.b.overflow);
	is_int(count_elems(&t, 1, &msgs), 3000);
	ok(msgs > 1);	/* nla_len could not say it in one */
	nft_done(&t);
}

TEST(what_does_not_fit_fails)
{
	struct vz_err e = VZ_ERR_INIT;
	struct nft t;

	nft_begin(&t, NFPROTO_NETDEV, "vz");
	nft_elems(&t, "s");
	for (uint32_t i = 0; i < 10000; i++)
		nft_elem(&t, addr_a, 4);
	ok(t.b.overflow);
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), -EMSGSIZE);
	nft_done(&t);

	nft_begin(&t, NFPROTO_NETDEV, "a_table_whose_name_is_too_long_for_us");
	ok(t.b.overflow);
	nft_done(&t);
}

/* ---- reading --------------------------------------------------------- */

/* As the kernel tells an element with a comment and an expression; bytes of that counter. */
static void put_element(struct nl_batch *b, const char *expr_name, size_t value_len)
{
	struct nfgenmsg g = { .nfgen_family = NFPROTO_NETDEV };
	uint64_t bytes = htobe64(258), packets = htobe64(7);
	size_t list, elem, key, expr, data;

	nl_batch_reset(b);
	nl_begin(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, 0, &g, sizeof(g));
	list = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED);
	elem = nl_nest(b, NFTA_LIST_ELEM | NLA_F_NESTED);
	key = nl_nest(b, NFTA_SET_ELEM_KEY | NLA_F_NESTED);
	nl_put(b, NFTA_DATA_VALUE, addr_a, sizeof(addr_a));
	nl_nest_end(b, key);
	nl_put(b, NFTA_SET_ELEM_USERDATA, "\0\3ab", 5);
	expr = nl_nest(b, NFTA_SET_ELEM_EXPR | NLA_F_NESTED);
	nl_put_str(b, NFTA_EXPR_NAME, expr_name);
	data = nl_nest(b, NFTA_EXPR_DATA | NLA_F_NESTED);
	nl_put(b, NFTA_COUNTER_BYTES, &bytes, value_len);
	nl_put(b, NFTA_COUNTER_PACKETS, &packets, sizeof(packets));
	nl_nest_end(b, data);
	nl_nest_end(b, expr);
	nl_nest_end(b, elem);
	nl_nest_end(b, list);
}

static int read_element(struct nl_batch *b, struct nft_elem_info *ret)
{
	struct nl_span s = { b->buf, b->len };
	const struct nlmsghdr *h;

	if (nl_msg_next(&s, &h) <= 0)
		return -EINVAL;
	s = nft_elem_list(h);
	return nft_elem_next(&s, ret);
}

TEST(elements_are_read)
{
	struct nft_elem_info i;
	struct nl_batch b;

	put_element(&b, "counter", 8);
	is_int(read_element(&b, &i), 1);
	ok(i.key.n == 4 && !memcmp(i.key.p, addr_a, 4));
	is_str(i.comment, "ab");
	is_int(i.bytes, 258);
	is_int(i.packets, 7);
	/* Another expression is no counter; a value that was cut short is none either. */
	put_element(&b, "quota", 8);
	is_int(read_element(&b, &i), 1);
	is_int(i.bytes, 0);
	put_element(&b, "counter", 4);
	is_int(read_element(&b, &i), 1);
	is_int(i.bytes, 0);
}

/* ---- with the kernel -------------------------------------------------- */

static bool own_netns(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		printf("# SKIP needs root\n");
		return false;
	}
	return true;
}

static void some_sets(struct nft *t)
{
	uint32_t mark = 7, prio = 0x10020, from[2] = { 1, 0 }, to[2] = { 1, 0 };
	uint16_t port = htons(22);
	struct nft_key k = { .n = 0 };

	nft_set_add(t, &(struct nft_set){ .name = "a4", .key = { NFT_IPV4_ADDR } });
	nft_elems(t, "a4");
	nft_elem(t, addr_a, 4);
	memcpy(&from[1], addr_a, 4);
	memcpy(&to[1], "\300\0\2\377", 4);
	nft_set_add(t, &(struct nft_set){ .name = "nets", .key = { NFT_MARK, NFT_IPV4_ADDR },
					  .flags = NFT_SET_INTERVAL });
	nft_elems(t, "nets");
	nft_elem_range(t, from, to, sizeof(from));
	nft_set_add(t, &(struct nft_set){ .name = "hits", .key = { NFT_MARK }, .counted = true });
	nft_elems(t, "hits");
	nft_elem(t, &mark, sizeof(mark));
	nft_set_add(t, &(struct nft_set){ .name = "slow", .key = { NFT_MARK } });
	nft_elems(t, "slow");
	nft_elem_limit(t, &mark, sizeof(mark), 50, 100);
	nft_set_add(t, &(struct nft_set){ .name = "prio", .key = { NFT_MARK, NFT_MARK },
					  .to = NFT_MARK });
	nft_elems(t, "prio");
	nft_elem_comment(t, (uint32_t[]){ 1, 2 }, 8, &prio, sizeof(prio), "of 101");
	nft_set_add(t, &(struct nft_set){ .name = "pair",
					  .key = { NFT_ETHER_ADDR, NFT_IPV4_ADDR } });
	nft_key_add(&k, (uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 6);
	nft_key_add(&k, addr_a, 4);
	nft_elems(t, "pair");
	nft_elem(t, k.b, k.n);
	nft_chain_add(t, &(struct nft_chain){ .name = "ssh" });
	nft_set_add(t, &(struct nft_set){ .name = "ports", .key = { NFT_INET_SERVICE },
					  .to_verdict = true });
	nft_elems(t, "ports");
	nft_elem_verdict(t, &port, 2, NFT_GOTO, "ssh");
}

static void everything(struct nft *t)
{
	nft_table_fresh(t);
	some_sets(t);
	nft_chain_add(t, &(struct nft_chain){ .name = "in", .base = true, .dev = "lo",
					      .hook = NF_NETDEV_INGRESS, .prio = -7,
					      .drop = true });
	nft_rule(t, "in", nft_is_not_bytes(NFT_ETHER_SADDR, "\2\0\0\0\0\1"), nft_drop());
	nft_rule(t, "in", nft_is(NFT_META_ETHERTYPE, ETH_P_IP), nft_not_in(NFT_IP_SADDR, "a4"),
		 nft_drop());
	nft_rule(t, "in", nft_in2(NFT_ETHER_SADDR, NFT_IP_SADDR, "pair"), nft_accept());
	nft_rule(t, "in", nft_in(NFT_META_MARKF, "hits"));
	nft_rule(t, "in", nft_any_of(NFT_LL(0, 1), 1), nft_in(NFT_META_MARKF, "slow"), nft_drop());
	nft_rule(t, "in", nft_in2(NFT_META_MARKF, NFT_VLAN_ID, "nets"), nft_accept());
	nft_rule(t, "in", nft_set_priority_map(NFT_META_IIFX, NFT_CONST(2), "prio"));
	nft_rule(t, "in", nft_is(NFT_META_L4, IPPROTO_TCP), nft_vmap(NFT_DPORT, "ports"));
	nft_rule(t, "in", nft_is(NFT_META_MARKF, 0x1234), nft_accept());
	nft_rule(t, "in", nft_is(NFT_META_L4, IPPROTO_ICMPV6),
		 nft_between(NFT_ICMP_TYPE, 133, 137), nft_there(NFT_TH(24, 1)), nft_drop());
	nft_rule(t, "ssh", nft_return());
}

static char *listing(void)
{
	static char buf[8192];
	FILE *f = popen("nft list ruleset 2>&1", "r");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

	buf[n] = '\0';
	if (f)
		pclose(f);
	return buf;
}

TEST(nft_lists_what_was_meant)
{
	static const char *const want[] = {
		"table netdev vz_1 {",
		"set a4 {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.11 }",
		"set nets {\n\t\ttype mark . ipv4_addr\n\t\tflags interval",
		"192.0.2.11-192.0.2.255 }",
		"set hits {\n\t\ttype mark\n\t\tcounter\n"
		"\t\telements = { 0x07000000 counter packets 0 bytes 0 }",
		"elements = { 0x07000000 limit rate over 50/second burst 100 packets }",
		"map prio {\n\t\ttype mark . mark : mark\n"
		"\t\telements = { 0x00000001 . 0x00000002 comment \"of 101\" : 0x20000100 }",
		"set pair {\n\t\ttype ether_addr . ipv4_addr\n"
		"\t\telements = { 02:00:00:00:00:01 . 192.0.2.11 }",
		"map ports {\n\t\ttype inet_service : verdict\n\t\telements = { 22 : goto ssh }",
		"type filter hook ingress device \"lo\" priority filter - 7; policy drop;",
		/* Without a "meta iiftype", nft does not say ether saddr. */
		"@ll,48,48 != 0x20000000001 drop",
		"ip saddr != @a4 drop",
		"@ll,48,48 . @nh,96,32 @pair accept",
		"meta mark @hits",
		"tcp dport vmap @ports",
		"meta mark 0x00001234 accept",
		"icmpv6 type 133-137 @th,192,8 & 0x0 == 0x0 drop",
		"chain ssh {\n\t\treturn",
	};
	struct vz_err e = VZ_ERR_INIT;
	const char *text;
	struct nft t;

	if (!own_netns())
		return;
	for (int i = 0; i < 2; i++) {	/* twice: the second replaces the first */
		nft_begin(&t, NFPROTO_NETDEV, "vz_1");
		everything(&t);
		is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
		is_str(e.msg, "");
		nft_done(&t);
	}
	if (access("/usr/sbin/nft", X_OK) < 0)
		return;
	text = listing();
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		if (!strstr(text, want[i])) {
			printf("# missing: %s\n", want[i]);
			tap_bad++;
		}
	}
	if (tap_bad)
		printf("%s\n", text);
}

TEST(errors_name_the_object)
{
	struct vz_err e = VZ_ERR_INIT;
	struct nft t;

	if (!own_netns())
		return;
	nft_begin(&t, NFPROTO_NETDEV, "vz_1");
	nft_table_add(&t);
	nft_rule(&t, "none", nft_drop());
	is_int(nft_commit(&t, VZ_CANT_ADDIP, &e), -ENOENT);
	is_int(e.code, VZ_CANT_ADDIP);
	is_str(e.msg, "cannot add rule of chain none in table vz_1: No such file or directory");
	nft_done(&t);

	/* Nothing of a failed transaction stays. */
	nft_begin(&t, NFPROTO_NETDEV, "vz_1");
	nft_table_del(&t);
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), -ENOENT);
	is_str(e.msg, "cannot delete table vz_1: No such file or directory");
	nft_done(&t);
	nft_begin(&t, NFPROTO_NETDEV, "vz_1");
	nft_table_del(&t);
	nft_tolerate(&t, ENOENT);
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
	nft_done(&t);
}

static int sum(const struct nft_elem_info *i, void *arg)
{
	*(int *)arg += i->key.n == 16;
	return 0;
}

TEST(five_hundred_elements_in_one_transaction)
{
	static const uint8_t one[16] = { 0x20, 1, [13] = 5 }, other[16];
	struct nl_sock *s;
	struct vz_err e = VZ_ERR_INIT;
	int n = 0;
	struct nft t;

	if (!own_netns())
		return;
	nft_begin(&t, NFPROTO_NETDEV, "vz_2");
	nft_table_fresh(&t);
	nft_set_add(&t, &(struct nft_set){ .name = "a6", .key = { NFT_IPV6_ADDR } });
	nft_elems(&t, "a6");
	for (uint32_t i = 0; i < 1500; i++) {
		uint8_t a[16] = { 0x20, 1, [12] = (uint8_t)(i >> 8), [13] = (uint8_t)i };

		nft_elem(&t, a, sizeof(a));
	}
	is_int(nft_commit(&t, VZ_SYSTEM_ERROR, &e), 0);
	is_str(e.msg, "");
	nft_done(&t);
	is_int(nft_socket(&s, VZ_SYSTEM_ERROR, &e), 0);
	/* At once: the kernel makes its table larger meanwhile, and tells some twice. */
	for (int i = 0; i < 20; i++) {
		n = 0;
		is_int(nft_elems_dump(s, NFPROTO_NETDEV, "vz_2", "a6", sum, &n, VZ_SYSTEM_ERROR,
				      &e), 0);
		is_int(n, 1500);
	}
	is_int(nft_elems_dump(s, NFPROTO_NETDEV, "vz_3", "a6", sum, &n, VZ_SYSTEM_ERROR, &e),
	       -ENOENT);
	n = 0;
	is_int(nft_elem_get(s, NFPROTO_NETDEV, "vz_2", "a6", one, 16, sum, &n, VZ_SYSTEM_ERROR,
			    &e), 0);
	is_int(n, 1);
	is_int(nft_elem_get(s, NFPROTO_NETDEV, "vz_2", "a6", other, 16, sum, &n,
			    VZ_SYSTEM_ERROR, &e), -ENOENT);
	if (access("/usr/sbin/nft", X_OK) == 0)
		is_int(system("test $(nft list set netdev vz_2 a6 | grep -o 2001: | wc -l) = 1500"),
		       0);
}

/* lo and a name joins and leaves; a chain that went is an error, not a new one. */
TEST(devices_share_a_chain)
{
	struct nft_chain c = { .name = "in-07", .base = true, .dev = "lo", .drop = true,
			       .hook = NF_NETDEV_INGRESS };
	_cleanup_share_ struct nft_share sh = { .s = NULL };
	struct vz_err e = VZ_ERR_INIT;
	struct nft_chain_at at;
	struct nl_sock *s;
	struct nft t;

	if (!own_netns())
		return;
	if (!nft_shares()) {
		printf("# SKIP needs Linux 6.4\n");
		return;
	}
	is_int(nft_socket(&s, VZ_SYSTEM_ERROR, &e), 0);
	ok(!nft_chain_find(s, NFPROTO_NETDEV, "vz_4", c.name, "lo", &at));
	/* The second one in the same transaction finds it made. */
	nft_begin(&t, NFPROTO_NETDEV, "vz_4");
	nft_table_add(&t);
	nft_chain_add(&t, &(struct nft_chain){ .name = "common" });
	nft_share_join(&sh, &t, &c, "common");
	nft_share_join(&sh, &t, &c, "common");
	is_int(nft_end(&t, VZ_SYSTEM_ERROR, &e), 0);
	is_str(e.msg, "");
	ok(!sh.stale);
	ok(nft_chain_find(s, NFPROTO_NETDEV, "vz_4", c.name, "lo", &at) && at.has_dev);
	ok(nft_chain_find(s, NFPROTO_NETDEV, "vz_4", c.name, "l", &at) && !at.has_dev);
	ok(nft_chain_find(s, NFPROTO_NETDEV, "vz_4", "common", "lo", &at) && !at.has_dev);

	nft_begin(&t, NFPROTO_NETDEV, "vz_4");
	nft_chain_dev_del(&t, c.name, "lo");
	is_int(nft_end(&t, VZ_SYSTEM_ERROR, &e), 0);
	ok(nft_chain_find(s, NFPROTO_NETDEV, "vz_4", c.name, "lo", &at) && !at.has_dev);
	vz_strv_done(&sh.made);
	sh.s = s;
	for (int i = 0; i < 2; i++) {
		nft_begin(&t, NFPROTO_NETDEV, "vz_4");
		nft_share_join(&sh, &t, &c, "common");
		is_int(nft_end(&t, VZ_SYSTEM_ERROR, &e), 0);
		/* As a device that is gone, and has left its name. */
		is_int(sh.stale, i);
	}
	ok(nft_chain_find(s, NFPROTO_NETDEV, "vz_4", c.name, "lo", &at) && at.has_dev);

	nft_begin(&t, NFPROTO_NETDEV, "vz_4");
	nft_chain_del(&t, c.name);
	is_int(nft_end(&t, VZ_SYSTEM_ERROR, &e), 0);
	nft_begin(&t, NFPROTO_NETDEV, "vz_4");
	nft_chain_dev_add(&t, at.handle, "lo");
	is_int(nft_end(&t, VZ_SYSTEM_ERROR, &e), -ENOENT);
}

TAP_MAIN()
