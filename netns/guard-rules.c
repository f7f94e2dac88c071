// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules, the same for every port: what differs is in sets.  So a start adds a
 * few elements, whatever runs already, and the kernel keeps one copy.
 *
 * A match that a packet is too short for is no match, also when it is an inverted
 * one: so what is allowed is said positively, and the end of each chain drops.  A
 * chain that is left at its end leads to the policy of the port's chain: drop.
 */
#include "bpf/icmp.h"
#include "guard-int.h"

#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#define IP_OFFSET 0x1fff	/* of NFT_IP_FRAG_OFF */
#define IP6_OFFSET 0xfff8	/* of NFT_IP6_FRAG_OFF */
#define ND_OPT		NFT_TH(24, 1)	/* of NS and NA: the first option's type */
#define ND_OPT_LEN	NFT_TH(25, 1)	/* in units of 8 bytes */
#define ND_OPT_LLA	NFT_TH(26, 6)	/* link-layer address */
#define ND_OPT2		NFT_TH(32, 1)	/* behind it */

static const uint8_t any6[16];

const char *const guard_set_names[GUARD_SETS] = {
	[GUARD_PORT] = "port", [GUARD_MAC] = "mac", [GUARD_IP4] = "ip4", [GUARD_IP6] = "ip6",
	[GUARD_NET4] = "net4", [GUARD_NET6] = "net6", [GUARD_VLAN] = "vlan",
	[GUARD_BCAST] = "bcast", [GUARD_DROP] = "drops",
};

const char *const guard_reasons[DROP_REASONS] = {
	[DROP_MAC] = "drop_mac", [DROP_IP4] = "drop_ip4", [DROP_IP6] = "drop_ip6",
	[DROP_ARP] = "drop_arp", [DROP_ND] = "drop_nd", [DROP_RA] = "drop_ra",
	[DROP_DHCP] = "drop_dhcp", [DROP_BCAST] = "drop_bcast", [DROP_PROTO] = "drop_proto",
};

#define drop_as(reason) nft_goto(guard_reasons[reason])
/* The port has this field in one of its sets. */
#define own(field, set) nft_in2(NFT_META_IIFX, field, guard_set_names[set])
#define not_own(field, set) nft_not_in2(NFT_META_IIFX, field, guard_set_names[set])

/* ---- routed ports ------------------------------------------------------ */

/*
 * There is nobody on such a link but the node: no ARP, no neighbour discovery,
 * no multicast.  What is left is its addresses as source.
 */
static void routed(struct nft *t)
{
	const char *c = GUARD_ROUTED;

	nft_rule(t, c, nft_is(NFT_ETHER_TYPE, ETH_P_IP), nft_goto("routed4"));
	nft_rule(t, c, nft_is(NFT_ETHER_TYPE, ETH_P_IPV6), nft_goto("routed6"));
	nft_rule(t, c, nft_is(NFT_ETHER_TYPE, ETH_P_ARP), drop_as(DROP_ARP));
	nft_rule(t, c, drop_as(DROP_PROTO));

	c = "routed4";
	/* 224.0.0.0 and above: multicast, 255.255.255.255 */
	nft_rule(t, c, nft_between(NFT_NH(16, 1), 224, 255), drop_as(DROP_BCAST));
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_ICMP), nft_none_of(NFT_IP_FRAG_OFF, IP_OFFSET),
		 nft_is(NFT_ICMP_TYPE, ICMP_REDIRECT), drop_as(DROP_RA));
	nft_rule(t, c, own(NFT_IP_SADDR, GUARD_IP4), nft_accept());
	nft_rule(t, c, own(NFT_IP_SADDR, GUARD_NET4), nft_accept());
	nft_rule(t, c, drop_as(DROP_IP4));

	c = "routed6";
	nft_rule(t, c, nft_is(NFT_NH(24, 1), 0xff), drop_as(DROP_BCAST));
	nft_rule(t, c, own(NFT_IP6_SADDR, GUARD_IP6), nft_goto("routed6_own"));
	nft_rule(t, c, own(NFT_IP6_SADDR, GUARD_NET6), nft_goto("routed6_own"));
	nft_rule(t, c, drop_as(DROP_IP6));

	c = "routed6_own";
	/* An unfinished chain of extension headers has no protocol: neither this nor another. */
	nft_rule(t, c, nft_is_not(NFT_META_L4, IPPROTO_ICMPV6), nft_accept());
	/* Without its first fragment it is nothing; that one is looked at below. */
	nft_rule(t, c, nft_any_of(NFT_IP6_FRAG_OFF, IP6_OFFSET), nft_accept());
	nft_rule(t, c, nft_between(NFT_ICMP_TYPE, ND_RS, ND_REDIRECT), drop_as(DROP_ND));
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_ICMPV6), nft_there(NFT_ICMP_TYPE),
		 nft_accept());
	nft_rule(t, c, drop_as(DROP_PROTO));
}

/* ---- Ethernet ports: what their IP may be ------------------------------- */

/* Roles that belong to the network's operator. */
static void roles4(struct nft *t)
{
	const char *c = "roles4";

	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_TCP), nft_accept());
	/* DHCP clients look at one of the two only: a server's port, or their own. */
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_UDP), nft_is_not(NFT_SPORT, 67),
		 nft_is_not(NFT_DPORT, 68), nft_accept());
	nft_rule(t, c, nft_any_of(NFT_IP_FRAG_OFF, IP_OFFSET), nft_accept());
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_UDP), nft_there(NFT_DPORT),
		 drop_as(DROP_DHCP));
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_ICMP), nft_is(NFT_ICMP_TYPE, ICMP_REDIRECT),
		 drop_as(DROP_RA));
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_IGMP), nft_is(NFT_ICMP_TYPE, IGMP_QUERY),
		 drop_as(DROP_RA));
	/* A malformed header has no protocol: neither this nor another. */
	nft_rule(t, c, nft_is_not(NFT_META_L4, IPPROTO_UDP), nft_accept());
	nft_rule(t, c, drop_as(DROP_PROTO));
}

static void roles6(struct nft *t, const char *c, const char *nd)
{
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_TCP), nft_accept());
	/* Without its first fragment it is nothing; that one is looked at below. */
	nft_rule(t, c, nft_any_of(NFT_IP6_FRAG_OFF, IP6_OFFSET), nft_accept());
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_ICMPV6), nft_goto(nd));
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_UDP), nft_is_not(NFT_SPORT, 547),
		 nft_is_not(NFT_DPORT, 546), nft_accept());
	nft_rule(t, c, nft_is(NFT_META_L4, IPPROTO_UDP), nft_there(NFT_DPORT),
		 drop_as(DROP_DHCP));
	/* The ports may be in the second fragment, behind a long chain of headers: no more UDP. */
	nft_rule(t, c, nft_is_not(NFT_META_L4, IPPROTO_UDP), nft_accept());
	nft_rule(t, c, drop_as(DROP_PROTO));
}

/* Ethernet, IPv4, 6 and 4 bytes; then who says so. */
#define ARP_HEAD nft_is(NFT_ARP_HEAD, 0x000108000604)
#define ARP_WHO own(NFT_ARP_SADDR_ETHER, GUARD_MAC)

static void arp(struct nft *t)
{
	/* Request or reply. */
	struct nft_stmt op = nft_between(NFT_ARP_OP, 1, 2), probe = nft_is(NFT_ARP_OP, 1);
	struct nft_stmt nobody = nft_is(NFT_ARP_SADDR_IP, 0);
	const char *c = "arp";

	nft_rule(t, c, ARP_HEAD, op, ARP_WHO, nft_accept());
	nft_rule(t, c, drop_as(DROP_ARP));

	c = "arp_a";
	for (int set = GUARD_IP4; set <= GUARD_NET4; set += GUARD_NET4 - GUARD_IP4) {
		nft_rule(t, c, ARP_HEAD, op, ARP_WHO, own(NFT_ARP_SADDR_IP, set), nft_accept());
		/* A probe (RFC 5227) for another's address would keep that one from using it. */
		nft_rule(t, c, ARP_HEAD, probe, ARP_WHO, nobody, own(NFT_ARP_DADDR_IP, set),
			 nft_accept());
	}
	nft_rule(t, c, drop_as(DROP_ARP));
}

/*
 * ICMPv6.  Neighbour messages may have one option, and that names our MAC: a
 * second one, further behind, could say something else.
 */
static void nd_options(struct nft *t)
{
	const char *c = "nd_options";

	nft_rule(t, c, nft_there(ND_OPT2), drop_as(DROP_ND));
	nft_rule(t, c, nft_between(ND_OPT, OPT_SLLA, OPT_TLLA), nft_is(ND_OPT_LEN, 1),
		 own(ND_OPT_LLA, GUARD_MAC), nft_accept());
	nft_rule(t, c, nft_is_bytes(NFT_IP6_SADDR, any6), nft_is(NFT_ICMP_TYPE, ND_NS),
		 nft_is(ND_OPT, OPT_NONCE), nft_accept());
	nft_rule(t, c, nft_there(ND_OPT), drop_as(DROP_ND));
	nft_rule(t, c, nft_there(NFT_ND_TARGET), nft_accept());
	nft_rule(t, c, drop_as(DROP_ND));
}

static void nd(struct nft *t, const char *c, bool addrs)
{
	nft_rule(t, c, nft_is(NFT_ICMP_TYPE, ND_RA), drop_as(DROP_RA));
	nft_rule(t, c, nft_is(NFT_ICMP_TYPE, ND_REDIRECT), drop_as(DROP_RA));
	nft_rule(t, c, nft_is(NFT_ICMP_TYPE, MLD_QUERY), drop_as(DROP_RA));
	nft_rule(t, c, nft_is_not(NFT_ICMP_TYPE, ND_NS), nft_is_not(NFT_ICMP_TYPE, ND_NA),
		 nft_accept());
	/* The rest may be in another fragment (RFC 6980). */
	nft_rule(t, c, nft_there(NFT_IP6_FRAG_OFF), drop_as(DROP_ND));
	if (addrs) {
		nft_rule(t, c, nft_is(NFT_ICMP_TYPE, ND_NS), nft_goto("nd_options"));
		nft_rule(t, c, own(NFT_ND_TARGET, GUARD_IP6), nft_goto("nd_options"));
		nft_rule(t, c, own(NFT_ND_TARGET, GUARD_NET6), nft_goto("nd_options"));
		nft_rule(t, c, drop_as(DROP_ND));
	} else {
		nft_rule(t, c, nft_goto("nd_options"));
	}
}

/* From the unspecified address: duplicate detection of its own addresses, and reports. */
static void dad(struct nft *t)
{
	struct nft_stmt icmp = nft_is(NFT_META_L4, IPPROTO_ICMPV6);
	const char *c = "dad";

	nft_rule(t, c, icmp, nft_is(NFT_ICMP_TYPE, MLD2_REPORT), nft_accept());
	nft_rule(t, c, icmp, nft_is(NFT_ICMP_TYPE, MLD_REPORT), nft_accept());
	nft_rule(t, c, icmp, nft_is(NFT_ICMP_TYPE, ND_RS), nft_accept());
	for (int set = GUARD_IP6; set <= GUARD_NET6; set += GUARD_NET6 - GUARD_IP6)
		nft_rule(t, c, icmp, nft_is(NFT_ICMP_TYPE, ND_NS), own(NFT_ND_TARGET, set),
			 nft_accept());
	nft_rule(t, c, icmp, drop_as(DROP_ND));
	nft_rule(t, c, drop_as(DROP_IP6));
}

static void sources(struct nft *t)
{
	const char *c = "ip4_a";

	/* A DHCP client that asks. */
	nft_rule(t, c, nft_is(NFT_IP_SADDR, 0), nft_is(NFT_META_L4, IPPROTO_UDP),
		 nft_none_of(NFT_IP_FRAG_OFF, IP_OFFSET), nft_is(NFT_SPORT, 68),
		 nft_is(NFT_DPORT, 67), nft_accept());
	nft_rule(t, c, own(NFT_IP_SADDR, GUARD_IP4), nft_goto("roles4"));
	nft_rule(t, c, own(NFT_IP_SADDR, GUARD_NET4), nft_goto("roles4"));
	nft_rule(t, c, drop_as(DROP_IP4));

	c = "ip6_a";
	nft_rule(t, c, nft_is_bytes(NFT_IP6_SADDR, any6), nft_goto("dad"));
	nft_rule(t, c, own(NFT_IP6_SADDR, GUARD_IP6), nft_goto("roles6_a"));
	nft_rule(t, c, own(NFT_IP6_SADDR, GUARD_NET6), nft_goto("roles6_a"));
	nft_rule(t, c, drop_as(DROP_IP6));
}

/* ---- Ethernet ports ------------------------------------------------------ */

/* @field: where a frame or a tagged frame says what is in it. */
static void protocols(struct nft *t, const char *c, struct nft_field field, bool addrs)
{
	nft_rule(t, c, nft_is(field, ETH_P_IP), nft_goto(addrs ? "ip4_a" : "roles4"));
	nft_rule(t, c, nft_is(field, ETH_P_IPV6), nft_goto(addrs ? "ip6_a" : "roles6"));
	nft_rule(t, c, nft_is(field, ETH_P_ARP), nft_goto(addrs ? "arp_a" : "arp"));
}

static void ether(struct nft *t, const char *c, const char *tagged, bool addrs)
{
	nft_rule(t, c, not_own(NFT_ETHER_SADDR, GUARD_MAC), drop_as(DROP_MAC));
	/* As the receiving device has found by the destination; cheaper than to look again. */
	nft_rule(t, c, nft_between(NFT_META_PKT, PACKET_BROADCAST, PACKET_MULTICAST),
		 nft_in(NFT_META_IIFX, guard_set_names[GUARD_BCAST]), drop_as(DROP_BCAST));
	protocols(t, c, NFT_ETHER_TYPE, addrs);
	nft_rule(t, c, nft_is(NFT_ETHER_TYPE, ETH_P_8021Q), own(NFT_VLAN_ID, GUARD_VLAN),
		 nft_goto(tagged));
	nft_rule(t, c, drop_as(DROP_PROTO));
	/*
	 * The kernel has taken the tag off before the hook, so that the packet behind it
	 * is looked at as any other; of two tags, the second would be its "protocol".
	 */
	protocols(t, tagged, NFT_VLAN_TYPE, addrs);
	nft_rule(t, tagged, drop_as(DROP_PROTO));
}

/* Two rules: what is not in the set (somebody emptied it) is not counted, but dropped. */
static void drops(struct nft *t)
{
	for (size_t i = 0; i < DROP_REASONS; i++) {
		nft_rule(t, guard_reasons[i], own(NFT_CONST((uint8_t)i), GUARD_DROP));
		nft_rule(t, guard_reasons[i], nft_drop());
	}
}

/* ---- the table ------------------------------------------------------------ */

static void add_sets(struct nft *t, bool mend)
{
	static const uint32_t types[GUARD_SETS] = {
		[GUARD_MAC] = NFT_ETHER_ADDR, [GUARD_IP4] = NFT_IPV4_ADDR,
		[GUARD_IP6] = NFT_IPV6_ADDR, [GUARD_NET4] = NFT_IPV4_ADDR,
		[GUARD_NET6] = NFT_IPV6_ADDR, [GUARD_VLAN] = NFT_INET_SERVICE,
		[GUARD_DROP] = NFT_MARK,
	};

	for (int i = 0; i < GUARD_SETS; i++)
		nft_set_add(t, &(struct nft_set){
			.name = guard_set_names[i], .key = { NFT_IFINDEX, types[i] },
			.flags = i == GUARD_NET4 || i == GUARD_NET6 ? NFT_SET_INTERVAL : 0,
			.counted = i == GUARD_DROP, .fresh = !mend });
}

static void add_chain(struct nft *t, const char *name, bool mend)
{
	nft_chain_add(t, &(struct nft_chain){ .name = name, .fresh = !mend });
	if (mend)
		nft_chain_flush(t, name);
}

static void add_chains(struct nft *t, bool mend)
{
	static const char *const names[] = {
		GUARD_ROUTED, "routed4", "routed6", "routed6_own", "roles4", "roles6", "roles6_a",
		"arp", "arp_a", "nd", "nd_a", "nd_options", "dad", "ip4_a", "ip6_a", "tagged",
		"tagged_a", GUARD_ETHER, GUARD_ETHER_ADDRS,
	};

	for (size_t i = 0; i < DROP_REASONS; i++)
		add_chain(t, guard_reasons[i], mend);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		add_chain(t, names[i], mend);
}

void guard_rules(struct nft *t, bool mend)
{
	if (mend)
		nft_table_add(t);
	else
		nft_table_new(t);
	add_sets(t, mend);
	add_chains(t, mend);
	drops(t);
	routed(t);
	roles4(t);
	roles6(t, "roles6", "nd");
	roles6(t, "roles6_a", "nd_a");
	arp(t);
	nd_options(t);
	nd(t, "nd", false);
	nd(t, "nd_a", true);
	dad(t);
	sources(t);
	ether(t, GUARD_ETHER, "tagged", false);
	ether(t, GUARD_ETHER_ADDRS, "tagged_a", true);
}
