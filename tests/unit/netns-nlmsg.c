// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes on the wire, little endian: nlmsghdr {len, type, flags, seq, pid}, then
 * the family's header, then attributes {len, type, data, padding}.
 */
#include "nlmsg.h"
#include "rtnl.h"
#include "tests/lib/tap.h"

#include <linux/if_link.h>
#include <linux/veth.h>
#include <sys/socket.h>

static void is_bytes(const struct nl_batch *b, const uint8_t *want, size_t n)
{
	is_int(b->len, n);
	for (size_t i = 0; i < n && i < b->len; i++) {
		if (b->buf[i] != want[i]) {
			printf("# byte %zu is %02x, want %02x\n", i, b->buf[i], want[i]);
			tap_bad++;
			return;
		}
	}
}

TEST(golden_addr)
{
	static const uint8_t want[] = {
		56, 0, 0, 0, 20, 0, 0x01, 0x05, 0, 0, 0, 0, 0, 0, 0, 0,	/* RTM_NEWADDR */
		AF_INET, 32, 0, 0, 7, 0, 0, 0,				/* ifaddrmsg */
		8, 0, 2, 0, 10, 0, 0, 5,				/* IFA_LOCAL */
		8, 0, 1, 0, 10, 0, 0, 5,				/* IFA_ADDRESS */
		13, 0, 3, 0, 'v', 'e', 'n', 'e', 't', '0', ':', '0', 0, 0, 0, 0,
	};
	struct net_addr a;
	struct nl_batch b;

	nl_batch_reset(&b);
	is_int(net_addr_parse("10.0.0.5/24", &a), 0);
	rtnl_addr(&b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, 7, &a, "venet0:0");
	is_bytes(&b, want, sizeof(want));
}

TEST(golden_route6)
{
	static const uint8_t want[] = {
		56, 0, 0, 0, 24, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,	/* RTM_NEWROUTE */
		AF_INET6, 128, 0, 0, 254, 118, 0, 1, 0, 0, 0, 0,	/* rtmsg */
		20, 0, 1, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
		8, 0, 4, 0, 9, 0, 0, 0,					/* RTA_OIF */
	};
	struct net_addr a;
	struct nl_batch b;

	nl_batch_reset(&b);
	is_int(net_addr_parse("2001:db8::1", &a), 0);
	rtnl_route(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
		   &(struct rtnl_route){ .family = AF_INET6, .dst = &a, .oif = 9 });
	is_bytes(&b, want, sizeof(want));
}

TEST(golden_veth)
{
	static const uint8_t want[] = {
		160, 0, 0, 0, 16, 0, 0x01, 0x06, 0, 0, 0, 0, 0, 0, 0, 0,	/* RTM_NEWLINK */
		0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0,	/* NOARP, not UP */
		8, 0, 3, 0, 'h', '0', 'x', 0,				/* IFLA_IFNAME */
		10, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 0,			/* IFLA_ADDRESS */
		8, 0, 27, 0, 101, 0, 0, 0x80,				/* IFLA_GROUP */
		8, 0, 31, 0, 1, 0, 0, 0, 8, 0, 32, 0, 1, 0, 0, 0,	/* queues */
		84, 0, 18, 0,						/* IFLA_LINKINFO */
		9, 0, 1, 0, 'v', 'e', 't', 'h', 0, 0, 0, 0,		/* IFLA_INFO_KIND */
		68, 0, 2, 0, 64, 0, 1, 0,				/* DATA, PEER */
		0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0x80, 0, 0, 0,	/* NOARP, not UP */
		7, 0, 3, 0, 'c', '0', 0, 0,
		10, 0, 1, 0, 2, 0, 0, 0, 0, 2, 0, 0,
		8, 0, 28, 0, 5, 0, 0, 0,				/* IFLA_NET_NS_FD */
		8, 0, 31, 0, 1, 0, 0, 0, 8, 0, 32, 0, 1, 0, 0, 0,
	};
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_veth_add(&b, &(struct rtnl_veth){ .name = "h0x", .peer_name = "c0",
					       .mac = { 2, 0, 0, 0, 0, 1 },
					       .peer_mac = { 2, 0, 0, 0, 0, 2 },
					       .peer_netns_fd = 5, .group = 0x80000065,
					       .noarp = true });
	is_bytes(&b, want, sizeof(want));
}

TEST(no_message_is_longer_than_promised)
{
	struct rtnl_veth v = { .name = "123456789012345", .peer_name = "123456789012345",
			       .master = 1, .noarp = true };
	struct rtnl_inet_conf conf[16] = { { 1, 1 } };
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_veth_add(&b, &v);
	ok(b.len <= NL_MSG_MAX);
	nl_batch_reset(&b);
	rtnl_link_conf(&b, 1, conf, ARRAY_SIZE(conf), true);
	ok(b.len <= NL_MSG_MAX);
}

TEST(batch_is_bounded)
{
	struct ifinfomsg i = { 0 };
	struct nl_batch b;
	unsigned int n = 0;

	nl_batch_reset(&b);
	while (nl_batch_has_room(&b, 1)) {
		nl_begin(&b, RTM_NEWLINK, 0, &i, sizeof(i));
		n++;
	}
	ok(!b.overflow);
	is_int(n, NL_BATCH_MSGS);
	nl_begin(&b, RTM_NEWLINK, 0, &i, sizeof(i));
	ok(b.overflow);

	nl_batch_reset(&b);
	nl_begin(&b, RTM_NEWLINK, 0, &i, sizeof(i));
	for (int k = 0; k < 1000; k++)
		nl_put(&b, 1, b.tolerate, 100);
	ok(b.overflow);
	ok(b.len <= NL_BATCH_SIZE);
	nl_nest_end(&b, nl_nest(&b, 1));
	nl_put(&b, 1, b.tolerate, SIZE_MAX);
	ok(b.len <= NL_BATCH_SIZE);
}

TEST(overflow_is_not_sent)
{
	struct nl_sock s = { .fd = -EBADF };
	struct nl_batch b;
	struct nl_fail f;

	nl_batch_reset(&b);
	nl_put(&b, 1, "x", SIZE_MAX);
	is_int(nl_commit(&s, &b, &f), -EMSGSIZE);
	ok(!f.have_msg);
}

/* ---- parser --------------------------------------------------------- */

TEST(messages_stay_inside)
{
	uint8_t buf[64] __attribute__((aligned(8))) = { 0 };
	struct nlmsghdr *h = (void *)buf;
	const struct nlmsghdr *got;
	struct nl_span s;

	h->nlmsg_len = 20;
	s = (struct nl_span){ buf, 20 };
	is_int(nl_msg_next(&s, &got), 1);
	ok(got == h);
	is_int(nl_msg_next(&s, &got), 0);
	/* shorter than its header, longer than what came, cut header, unpadded last */
	h->nlmsg_len = 15;
	s = (struct nl_span){ buf, 64 };
	is_int(nl_msg_next(&s, &got), -EBADMSG);
	h->nlmsg_len = 65;
	is_int(nl_msg_next(&s, &got), -EBADMSG);
	h->nlmsg_len = UINT32_MAX;
	is_int(nl_msg_next(&s, &got), -EBADMSG);
	s = (struct nl_span){ buf, 15 };
	is_int(nl_msg_next(&s, &got), -EBADMSG);
	h->nlmsg_len = 17;
	s = (struct nl_span){ buf, 17 };
	is_int(nl_msg_next(&s, &got), 1);
	is_int(s.n, 0);
}

TEST(attributes_stay_inside)
{
	static const uint8_t good[] = { 5, 0, 3, 0x80, 'a', 0, 0, 0, 4, 0, 1, 0 };
	static const uint8_t bad[][4] = { { 3, 0, 1, 0 }, { 5, 0, 1, 0 }, { 0xff, 0xff, 1, 0 } };
	struct nl_span s = { good, sizeof(good) };
	struct nl_attr a;
	uint32_t v = 77;

	is_int(nl_attr_next(&s, &a), 1);
	is_int(a.type, 3);
	is_int(a.v.n, 1);
	ok(!nl_attr_str(&a));	/* no NUL within */
	ok(!nl_attr_u32(&a, &v));
	is_int(v, 77);
	is_int(nl_attr_next(&s, &a), 1);
	is_int(a.v.n, 0);
	ok(!nl_attr_str(&a));
	is_int(nl_attr_next(&s, &a), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = (struct nl_span){ bad[i], 4 };
		is_int(nl_attr_next(&s, &a), -EBADMSG);
	}
	s = (struct nl_span){ good, 3 };
	is_int(nl_attr_next(&s, &a), -EBADMSG);
}

static struct {
	struct nlmsghdr h;
	struct nlmsgerr err;
	uint8_t tlv[20];
} ack = { { 56, NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 42, 0 },
	  { -17, { 172, RTM_NEWLINK, 0, 42, 0 } },
	  { 8, 0, NLMSGERR_ATTR_OFFS, 0, 32, 0, 0, 0,
	    9, 0, NLMSGERR_ATTR_MSG, 0, 'o', 'o', 'p', 's', 0 } };

TEST(extended_ack)
{
	struct nl_ack a;

	is_int(sizeof(ack), 56);
	is_int(nl_ack_parse(&ack.h, &a), 0);
	is_int(a.error, -17);
	is_int(a.seq, 42);
	is_int(a.offs, 32);
	is_str(a.text, "oops");
	/* Says it quotes the request, but has less. */
	ack.h.nlmsg_flags = NLM_F_ACK_TLVS;
	is_int(nl_ack_parse(&ack.h, &a), -EBADMSG);
	ack.h.nlmsg_flags = NLM_F_CAPPED | NLM_F_ACK_TLVS;
	ack.err.error = 5;
	is_int(nl_ack_parse(&ack.h, &a), -EBADMSG);
	ack.err.error = -1000000;
	is_int(nl_ack_parse(&ack.h, &a), -EBADMSG);
	ack.h.nlmsg_len = 20;
	is_int(nl_ack_parse(&ack.h, &a), -EBADMSG);
}

static void set_request(struct nl_fail *f, const struct nl_batch *b)
{
	memcpy(f->bytes, b->buf, b->len);
	f->have_msg = true;
}

TEST(errors_are_sentences)
{
	struct rtnl_veth v = { .name = "venet0.101", .peer_name = "venet0" };
	struct nl_fail f = { .offs = 48, .text = "Too bad" };
	struct vz_err e = VZ_ERR_INIT;
	struct net_addr a;
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_veth_add(&b, &v);
	set_request(&f, &b);
	is_int(rtnl_fail(&e, VZ_CANT_ADDIP, -EEXIST, &f), -EEXIST);
	is_int(e.code, VZ_CANT_ADDIP);
	is_str(e.msg, "cannot add link venet0.101 (Too bad, attribute IFLA_ADDRESS): File exists");

	nl_batch_reset(&b);
	is_int(net_addr_parse("10.0.0.5", &a), 0);
	rtnl_route(&b, RTM_DELROUTE, 0, &(struct rtnl_route){ .family = AF_INET, .dst = &a });
	f = (struct nl_fail){ 0 };
	set_request(&f, &b);
	rtnl_fail(&e, VZ_SYSTEM_ERROR, -ESRCH, &f);
	is_str(e.msg, "cannot delete route to 10.0.0.5: No such process");

	nl_batch_reset(&b);
	rtnl_link_up(&b, 3);
	f = (struct nl_fail){ .offs = 4000 };
	set_request(&f, &b);
	rtnl_fail(&e, VZ_SYSTEM_ERROR, -EINVAL, &f);
	is_str(e.msg, "cannot set link #3: Invalid argument");
}

TEST(link_reply)
{
	static struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		uint8_t tlv[44];
	} m = { { 76, RTM_NEWLINK, 0, 1, 0 }, { .ifi_index = 12, .ifi_flags = IFF_UP },
		{ 8, 0, IFLA_IFNAME, 0, 'v', 'n', '1', 0, 8, 0, IFLA_GROUP, 0, 1, 0, 0, 0x80,
		  8, 0, IFLA_LINK, 0, 2, 0, 0, 0, 16, 0, IFLA_LINKINFO, 0,
		  9, 0, 1, 0, 'v', 'e', 't', 'h', 0, 0, 0, 0, 4, 0, 0, 0 } };
	struct rtnl_link l = { 0 };

	is_int(sizeof(m), 76);
	is_int(rtnl_link_parse(&m.h, &l), 0);
	is_int(l.ifindex, 12);
	is_int(l.peer, 2);
	is_int(l.group, 0x80000001);
	is_str(l.name, "vn1");
	is_str(l.kind, "veth");
	/* An attribute in the nest that leaves it. */
	m.tlv[28] = 13;
	is_int(rtnl_link_parse(&m.h, &l), -EBADMSG);
	m.tlv[28] = 9;
	/* A name without end. */
	m.tlv[7] = 'x';
	is_int(rtnl_link_parse(&m.h, &l), -EBADMSG);
}

TAP_MAIN()
