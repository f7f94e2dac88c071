// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules.  A match that a packet is too short for is no match, also when it
 * is an inverted one: so what is allowed is said positively, and the end of
 * each chain drops.
 */
#define VZ_ROOM "netns"
#include "guard.h"
#include "nft.h"

#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <stdio.h>

#include "base/log.h"

/* Before whatever the administrator may have there (priority filter is 0). */
#define PRIO (-500)

#define IP_OFFSET 0x1fff	/* of NFT_IP_FRAG_OFF */
#define IP6_OFFSET 0xfff8	/* of NFT_IP6_FRAG_OFF */
#define IGMP_QUERY 0x11		/* RFC 3376 */
#define MLD_QUERY 130		/* RFC 3810; 131 and 143 are reports */
#define MLD_REPORT 131
#define MLD2_REPORT 143
#define ND_RS 133		/* RFC 4861 */
#define ND_RA 134
#define ND_NS 135
#define ND_NA 136
#define ND_REDIRECT 137
#define OPT_SLLA 1
#define OPT_TLLA 2
#define OPT_NONCE 14		/* RFC 7527: duplicate detection that knows its own echo */
#define ND_OPT		NFT_TH(24, 1)	/* of NS and NA: the first option's type */
#define ND_OPT_LLA	NFT_TH(25, 7)	/* its length (1) and link-layer address */
#define ND_OPT2		NFT_TH(32, 1)	/* behind it */

/* Not the bare words: some are keywords of nft. */
#define COUNTER(reason) "drop_" reason
static const char *const counters[] = {
	COUNTER("mac"), COUNTER("ip4"), COUNTER("ip6"), COUNTER("arp"), COUNTER("nd"),
	COUNTER("ra"), COUNTER("dhcp"), COUNTER("bcast"), COUNTER("proto"),
};
static const uint8_t any6[16];

/* Names of a port's chains and sets; a chain and a set may share one. */
struct names {
	char ip[24], ip6[24], arp[24], nd[24], dad[24], vlan[24];
};

static void make_names(const char *dev, struct names *n)
{
	snprintf(n->ip, sizeof(n->ip), "%s.ip", dev);
	snprintf(n->ip6, sizeof(n->ip6), "%s.ip6", dev);
	snprintf(n->arp, sizeof(n->arp), "%s.arp", dev);
	snprintf(n->nd, sizeof(n->nd), "%s.nd", dev);
	snprintf(n->dad, sizeof(n->dad), "%s.dad", dev);
	snprintf(n->vlan, sizeof(n->vlan), "%s.vlan", dev);
}

static void begin(struct nft *t, uint32_t ctid)
{
	char table[NFT_TABLE_LEN];

	snprintf(table, sizeof(table), "vz_%u", ctid);
	nft_begin(t, NFPROTO_NETDEV, table);
}

/*
 * One socket until the process ends: closing it would wait for what the
 * transaction deleted to be freed (nft.h), and by then it is.
 */
static int commit(struct nft *t, enum vz_code code, struct vz_err *e)
{
	static struct nl_sock sock = { .fd = -EBADF };
	int r = sock.fd >= 0 ? 0 : nl_open_proto(&sock, NETLINK_NETFILTER);

	if (r < 0)
		return vz_fail(e, code, -r, "cannot open a netlink socket (netfilter)");
	return nft_commit_on(&sock, t, code, e);
}

#define drop_as(reason) nft_count(COUNTER(reason)), nft_drop()

/* ---- routed ports ------------------------------------------------------ */

/*
 * There is nobody on such a link but the node: no ARP, no neighbour discovery,
 * no multicast.  What is left is its addresses as source.
 */
static void routed_rules(struct nft *t, const char *dev, const struct names *n)
{
	nft_rule(t, dev, nft_is(NFT_ETHER_TYPE, ETH_P_IP), nft_goto(n->ip));
	nft_rule(t, dev, nft_is(NFT_ETHER_TYPE, ETH_P_IPV6), nft_goto(n->ip6));
	nft_rule(t, dev, nft_is(NFT_ETHER_TYPE, ETH_P_ARP), drop_as("arp"));
	nft_rule(t, dev, drop_as("proto"));

	/* 224.0.0.0 and above: multicast, 255.255.255.255 */
	nft_rule(t, n->ip, nft_between(NFT_NH(16, 1), 224, 255), drop_as("bcast"));
	nft_rule(t, n->ip, nft_is(NFT_META_L4, IPPROTO_ICMP),
		 nft_none_of(NFT_IP_FRAG_OFF, IP_OFFSET), nft_is(NFT_ICMP_TYPE, ICMP_REDIRECT),
		 drop_as("ra"));
	nft_rule(t, n->ip, nft_in(NFT_IP_SADDR, n->ip), nft_accept());
	nft_rule(t, n->ip, drop_as("ip4"));

	nft_rule(t, n->ip6, nft_is(NFT_NH(24, 1), 0xff), drop_as("bcast"));
	nft_rule(t, n->ip6, nft_not_in(NFT_IP6_SADDR, n->ip6), drop_as("ip6"));
	/* An unfinished chain of extension headers has no protocol: neither this nor another. */
	nft_rule(t, n->ip6, nft_is_not(NFT_META_L4, IPPROTO_ICMPV6), nft_accept());
	/* Without its first fragment it is nothing; that one is looked at below. */
	nft_rule(t, n->ip6, nft_any_of(NFT_IP6_FRAG_OFF, IP6_OFFSET), nft_accept());
	nft_rule(t, n->ip6, nft_between(NFT_ICMP_TYPE, ND_RS, ND_REDIRECT), drop_as("nd"));
	nft_rule(t, n->ip6, nft_is(NFT_META_L4, IPPROTO_ICMPV6), nft_there(NFT_ICMP_TYPE),
		 nft_accept());
	nft_rule(t, n->ip6, drop_as("proto"));
}

static void routed_port(struct nft *t, const struct guard_port *p, const struct names *n)
{
	nft_chain_add(t, &(struct nft_chain){ .name = n->ip, .fresh = true });
	nft_chain_add(t, &(struct nft_chain){ .name = n->ip6, .fresh = true });
	routed_rules(t, p->dev, n);
}

/* ---- Ethernet ports ---------------------------------------------------- */

/* Roles that belong to the network's operator. */
static void ip_roles(struct nft *t, const char *chain)
{
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_TCP), nft_accept());
	/* DHCP clients look at one of the two only: a server's port, or their own. */
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_UDP), nft_is_not(NFT_SPORT, 67),
		 nft_is_not(NFT_DPORT, 68), nft_accept());
	nft_rule(t, chain, nft_any_of(NFT_IP_FRAG_OFF, IP_OFFSET), nft_accept());
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_UDP), nft_there(NFT_DPORT),
		 drop_as("dhcp"));
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_ICMP),
		 nft_is(NFT_ICMP_TYPE, ICMP_REDIRECT), drop_as("ra"));
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_IGMP),
		 nft_is(NFT_ICMP_TYPE, IGMP_QUERY), drop_as("ra"));
	/* A malformed header has no protocol: neither this nor another. */
	nft_rule(t, chain, nft_is_not(NFT_META_L4, IPPROTO_UDP), nft_accept());
	nft_rule(t, chain, drop_as("proto"));
}

static void ip6_roles(struct nft *t, const char *chain, const char *nd)
{
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_TCP), nft_accept());
	/* Without its first fragment it is nothing; that one is looked at below. */
	nft_rule(t, chain, nft_any_of(NFT_IP6_FRAG_OFF, IP6_OFFSET), nft_accept());
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_ICMPV6), nft_goto(nd));
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_UDP), nft_is_not(NFT_SPORT, 547),
		 nft_is_not(NFT_DPORT, 546), nft_accept());
	nft_rule(t, chain, nft_is(NFT_META_L4, IPPROTO_UDP), nft_there(NFT_DPORT),
		 drop_as("dhcp"));
	/* The ports may be in the second fragment, behind a long chain of headers: no more UDP. */
	nft_rule(t, chain, nft_is_not(NFT_META_L4, IPPROTO_UDP), nft_accept());
	nft_rule(t, chain, drop_as("proto"));
}

static void arp_rules(struct nft *t, const struct guard_port *p, const struct names *n)
{
	/* Ethernet, IPv4, 6 and 4 bytes; then request or reply; then who says so */
	struct nft_stmt head = nft_is(NFT_ARP_HEAD, 0x000108000604);
	struct nft_stmt op = nft_between(NFT_ARP_OP, 1, 2);
	struct nft_stmt who = nft_is_bytes(NFT_ARP_SADDR_ETHER, p->mac);

	nft_chain_add(t, &(struct nft_chain){ .name = n->arp, .fresh = true });
	if (p->n_addrs) {
		nft_rule(t, n->arp, head, op, who, nft_in(NFT_ARP_SADDR_IP, n->ip), nft_accept());
		/* A probe (RFC 5227) for another's address would keep that one from using it. */
		nft_rule(t, n->arp, head, nft_is(NFT_ARP_OP, 1), who, nft_is(NFT_ARP_SADDR_IP, 0),
			 nft_in(NFT_ARP_DADDR_IP, n->ip), nft_accept());
	} else {
		nft_rule(t, n->arp, head, op, who, nft_accept());
	}
	nft_rule(t, n->arp, drop_as("arp"));
}

/*
 * ICMPv6.  Neighbour messages may have one option, and that names our MAC: a
 * second one, further behind, could say something else.
 */
static void nd_rules(struct nft *t, const struct guard_port *p, const struct names *n)
{
	uint8_t lla[7] = { 1 };

	memcpy(lla + 1, p->mac, 6);
	nft_chain_add(t, &(struct nft_chain){ .name = n->nd, .fresh = true });
	nft_rule(t, n->nd, nft_is(NFT_ICMP_TYPE, ND_RA), drop_as("ra"));
	nft_rule(t, n->nd, nft_is(NFT_ICMP_TYPE, ND_REDIRECT), drop_as("ra"));
	nft_rule(t, n->nd, nft_is(NFT_ICMP_TYPE, MLD_QUERY), drop_as("ra"));
	nft_rule(t, n->nd, nft_is_not(NFT_ICMP_TYPE, ND_NS), nft_is_not(NFT_ICMP_TYPE, ND_NA),
		 nft_accept());
	/* The rest may be in another fragment (RFC 6980). */
	nft_rule(t, n->nd, nft_there(NFT_IP6_FRAG_OFF), drop_as("nd"));
	if (p->n_addrs)
		nft_rule(t, n->nd, nft_is(NFT_ICMP_TYPE, ND_NA),
			 nft_not_in(NFT_ND_TARGET, n->ip6), drop_as("nd"));
	nft_rule(t, n->nd, nft_there(ND_OPT2), drop_as("nd"));
	nft_rule(t, n->nd, nft_between(ND_OPT, OPT_SLLA, OPT_TLLA), nft_is_bytes(ND_OPT_LLA, lla),
		 nft_accept());
	nft_rule(t, n->nd, nft_is_bytes(NFT_IP6_SADDR, any6), nft_is(NFT_ICMP_TYPE, ND_NS),
		 nft_is(ND_OPT, OPT_NONCE), nft_accept());
	nft_rule(t, n->nd, nft_there(ND_OPT), drop_as("nd"));
	nft_rule(t, n->nd, nft_there(NFT_ND_TARGET), nft_accept());
	nft_rule(t, n->nd, drop_as("nd"));
}

/* From the unspecified address: duplicate detection of its own addresses, and reports. */
static void dad_rules(struct nft *t, const struct names *n)
{
	struct nft_stmt icmp = nft_is(NFT_META_L4, IPPROTO_ICMPV6);

	nft_chain_add(t, &(struct nft_chain){ .name = n->dad, .fresh = true });
	nft_rule(t, n->dad, icmp, nft_is(NFT_ICMP_TYPE, MLD2_REPORT), nft_accept());
	nft_rule(t, n->dad, icmp, nft_is(NFT_ICMP_TYPE, MLD_REPORT), nft_accept());
	nft_rule(t, n->dad, icmp, nft_is(NFT_ICMP_TYPE, ND_RS), nft_accept());
	nft_rule(t, n->dad, icmp, nft_is(NFT_ICMP_TYPE, ND_NS),
		 nft_in(NFT_ND_TARGET, n->ip6), nft_accept());
	nft_rule(t, n->dad, icmp, drop_as("nd"));
	nft_rule(t, n->dad, drop_as("ip6"));
}

static void ip_rules(struct nft *t, const struct guard_port *p, const struct names *n)
{
	nft_chain_add(t, &(struct nft_chain){ .name = n->ip, .fresh = true });
	if (p->n_addrs) {
		/* A DHCP client that asks. */
		nft_rule(t, n->ip, nft_is(NFT_IP_SADDR, 0), nft_is(NFT_META_L4, IPPROTO_UDP),
			 nft_none_of(NFT_IP_FRAG_OFF, IP_OFFSET), nft_is(NFT_SPORT, 68),
			 nft_is(NFT_DPORT, 67), nft_accept());
		nft_rule(t, n->ip, nft_not_in(NFT_IP_SADDR, n->ip), drop_as("ip4"));
	}
	ip_roles(t, n->ip);

	nft_chain_add(t, &(struct nft_chain){ .name = n->ip6, .fresh = true });
	if (p->n_addrs) {
		dad_rules(t, n);
		nft_rule(t, n->ip6, nft_is_bytes(NFT_IP6_SADDR, any6), nft_goto(n->dad));
		nft_rule(t, n->ip6, nft_not_in(NFT_IP6_SADDR, n->ip6), drop_as("ip6"));
	}
	ip6_roles(t, n->ip6, n->nd);
}

/*
 * The kernel has taken the tag off before the hook, so that the packet behind it
 * is looked at as any other; of two tags, the second would be its "protocol".
 */
static void vlan_rules(struct nft *t, const struct guard_port *p, const struct names *n)
{
	nft_chain_add(t, &(struct nft_chain){ .name = n->vlan, .fresh = true });
	nft_rule(t, n->vlan, nft_is(NFT_META_ETHERTYPE, ETH_P_IP), nft_goto(n->ip));
	nft_rule(t, n->vlan, nft_is(NFT_META_ETHERTYPE, ETH_P_IPV6), nft_goto(n->ip6));
	nft_rule(t, n->vlan, nft_is(NFT_META_ETHERTYPE, ETH_P_ARP), nft_goto(n->arp));
	nft_rule(t, n->vlan, drop_as("proto"));
	for (size_t i = 0; i < p->n_tagged; i++)
		nft_rule(t, p->dev, nft_is(NFT_ETHER_TYPE, ETH_P_8021Q),
			 nft_masked(NFT_LL(14, 2), 0xfff, p->tagged[i]), nft_goto(n->vlan));
}

static void eth_port(struct nft *t, const struct net_plan *plan, const struct guard_port *p,
		     const struct names *n)
{
	arp_rules(t, p, n);
	nd_rules(t, p, n);
	ip_rules(t, p, n);
	nft_rule(t, p->dev, nft_is_not_bytes(NFT_ETHER_SADDR, p->mac), drop_as("mac"));
	if (plan->bcast_rate)
		nft_rule(t, p->dev, nft_any_of(NFT_LL(0, 1), 1),
			 nft_limit_over(plan->bcast_rate, plan->bcast_rate), drop_as("bcast"));
	nft_rule(t, p->dev, nft_is(NFT_ETHER_TYPE, ETH_P_IP), nft_goto(n->ip));
	nft_rule(t, p->dev, nft_is(NFT_ETHER_TYPE, ETH_P_IPV6), nft_goto(n->ip6));
	nft_rule(t, p->dev, nft_is(NFT_ETHER_TYPE, ETH_P_ARP), nft_goto(n->arp));
	if (p->n_tagged)
		vlan_rules(t, p, n);
	nft_rule(t, p->dev, drop_as("proto"));
}

/* ---- transactions ------------------------------------------------------ */

static size_t addr_len(const struct net_addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

static bool any_prefix(const struct net_addr *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (net_addr_is_prefix(&a[i]))
			return true;
	}
	return false;
}

/* Elements of interval sets must not overlap; prefixes that do are one in the other. */
static bool covered(const struct guard_port *p, size_t i)
{
	const struct net_addr *a = &p->addrs[i];

	for (size_t k = 0; k < p->n_addrs; k++) {
		const struct net_addr *b = &p->addrs[k];

		if (k == i || a->family != b->family || !net_addr_overlaps(a, b))
			continue;
		if (net_addr_route_len(b) < net_addr_route_len(a) ||
		    (net_addr_route_len(b) == net_addr_route_len(a) && k < i))
			return true;
	}
	return false;
}

/* The link-local address of the MAC (RFC 4291 appendix A). */
static struct net_addr local_addr(const struct guard_port *p)
{
	struct net_addr a = { AF_INET6, { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe }, 128 };

	memcpy(a.a + 8, p->mac, 3);
	memcpy(a.a + 13, p->mac + 3, 3);
	a.a[8] ^= 2;
	return a;
}

static void put_addrs(struct nft *t, const char *set, int family, const struct guard_port *p)
{
	bool nets = any_prefix(p->addrs, p->n_addrs), open = false;
	struct net_addr local = local_addr(p);

	nft_set_add(t, &(struct nft_set){ .name = set, .flags = nets ? NFT_SET_INTERVAL : 0,
			.fresh = true,
			.key = { family == AF_INET6 ? NFT_IPV6_ADDR : NFT_IPV4_ADDR } });
	for (size_t i = 0; i <= p->n_addrs; i++) {
		bool last = i == p->n_addrs;
		const struct net_addr *a = last ? &local : &p->addrs[i];

		if (a->family != family || (last ? p->routed : nets && covered(p, i)))
			continue;
		if (!open)
			nft_elems(t, set);
		open = true;
		if (nets)
			nft_elem_prefix(t, a->a, addr_len(a), net_addr_route_len(a));
		else
			nft_elem(t, a->a, addr_len(a));
	}
}

static void put_port(struct nft *t, const struct net_plan *plan, const struct guard_port *p)
{
	struct names n;

	make_names(p->dev, &n);
	if (p->routed || p->n_addrs) {
		put_addrs(t, n.ip, AF_INET, p);
		put_addrs(t, n.ip6, AF_INET6, p);
	}
	nft_chain_add(t, &(struct nft_chain){ .name = p->dev, .base = true, .dev = p->dev,
					      .hook = NF_NETDEV_INGRESS, .prio = PRIO,
					      .drop = true, .fresh = true });
	if (p->routed)
		routed_port(t, p, &n);
	else
		eth_port(t, plan, p, &n);
}

void guard_port_text(struct nft *ret, const struct net_plan *p, const struct guard_port *port)
{
	begin(ret, p->ctid);
	put_port(ret, p, port);
}

/* The kernel may have nf_tables, but not what we need of it: then a module is missing. */
static int missing(const struct net_plan *p, int r, struct vz_err *e)
{
	if (r >= 0 || (!nft_missing(r) && r != -ENOENT))
		return r;
	if (p->guard == NET_GUARD_REQUIRE) {
		e->code = VZ_BAD_KERNEL;
		return vz_wrap(e, r, "NET_GUARD=require");
	}
	vz_warn("This kernel cannot check what the container sends (nf_tables, netdev ingress): "
		"%s; only rp_filter protects its neighbours", e->msg);
	return 0;
}

struct guard_port guard_venet(const struct net_plan *p)
{
	struct guard_port port = { .routed = true, .addrs = p->addrs, .n_addrs = p->n_addrs };

	net_venet_hostname(p->ctid, port.dev);
	return port;
}

static int install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		   void (*table)(struct nft *t), struct vz_err *e)
{
	struct nft t;
	int r;

	begin(&t, p->ctid);
	table(&t);
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++)
		nft_counter_add(&t, counters[i]);
	for (size_t i = 0; i < n; i++)
		put_port(&t, p, &ports[i]);
	r = commit(&t, VZ_CANT_ADDIP, e);
	nft_done(&t);
	return r;
}

int guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_err *e)
{
	struct vz_err first = VZ_ERR_INIT;
	int r;

	if (!n || p->guard == NET_GUARD_NO)
		return 0;
	/*
	 * Usually there is none.  To delete, were it nothing, has the kernel wait for
	 * an RCU grace period, some 12 ms, when our socket is closed
	 * (nf_tables_api.c:nft_rcv_nl_event).
	 */
	r = install(p, ports, n, nft_table_new, &first);
	if (r == -EEXIST)
		r = install(p, ports, n, nft_table_fresh, e);
	else if (r < 0)
		*e = first;
	return missing(p, r, e);
}

/* A transaction of one object that may be gone. */
static int del_one(uint32_t ctid, void (*del)(struct nft *t, const char *name), const char *name,
		   struct vz_err *e)
{
	struct nft t;
	int r;

	begin(&t, ctid);
	del(&t, name);
	nft_tolerate(&t, ENOENT);
	r = commit(&t, VZ_VETH_ERROR, e);
	nft_done(&t);
	return nft_missing(r) ? 0 : r;
}

int guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e)
{
	struct names n;
	int r;

	make_names(dev, &n);
	/*
	 * Which of them there are depends on what the port was and on the kernel:
	 * up to 6.15 the base chain goes with its device.  Referring ones first.
	 */
	const char *const chains[] = { dev, n.vlan, n.ip, n.ip6, n.arp, n.nd, n.dad };
	const char *const sets[] = { n.ip, n.ip6 };

	r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(chains) && r >= 0; i++)
		r = del_one(ctid, nft_chain_del, chains[i], e);
	for (size_t i = 0; i < ARRAY_SIZE(sets) && r >= 0; i++)
		r = del_one(ctid, nft_set_del, sets[i], e);
	return r;
}

/* What a port consists of; a deletion of what is not there fails. */
enum { SHAPE_ETH = 1, SHAPE_ADDRS = 2, SHAPE_VLAN = 4 };

static void del_port(struct nft *t, const char *dev, const struct names *n, unsigned int shape)
{
	nft_chain_del(t, dev);
	if (shape & SHAPE_VLAN)
		nft_chain_del(t, n->vlan);
	nft_chain_del(t, n->ip);
	nft_chain_del(t, n->ip6);
	if (shape & SHAPE_ETH) {
		nft_chain_del(t, n->arp);
		nft_chain_del(t, n->nd);
	}
	if (shape & SHAPE_ETH && shape & SHAPE_ADDRS)
		nft_chain_del(t, n->dad);
	if (shape & SHAPE_ADDRS) {
		nft_set_del(t, n->ip);
		nft_set_del(t, n->ip6);
	}
}

/* @shape < 0: there is none. */
static int put_over(const struct net_plan *p, const struct guard_port *port, int shape,
		    struct vz_err *e)
{
	struct names n;
	struct nft t;
	int r;

	make_names(port->dev, &n);
	begin(&t, p->ctid);
	if (shape >= 0)
		del_port(&t, port->dev, &n, (unsigned int)shape);
	put_port(&t, p, port);
	r = commit(&t, VZ_VETH_ERROR, e);
	nft_done(&t);
	return r;
}

int guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e)
{
	/* The larger ones first: a smaller one would leave the rest. */
	static const int eth[] = { -1, SHAPE_ETH | SHAPE_ADDRS | SHAPE_VLAN, SHAPE_ETH | SHAPE_VLAN,
				   SHAPE_ETH | SHAPE_ADDRS, SHAPE_ETH };
	static const int routed[] = { -1, SHAPE_ADDRS };
	const int *shapes = port->routed ? routed : eth;
	size_t n = port->routed ? ARRAY_SIZE(routed) : ARRAY_SIZE(eth);
	int r = -ENOENT;

	if (p->guard == NET_GUARD_NO)
		return 0;
	/* A wrong guess changes nothing; the right one leaves no moment without a guard. */
	for (size_t i = 0; i < n; i++) {
		r = put_over(p, port, shapes[i], e);
		if (r != -ENOENT && r != -EEXIST)
			break;
	}
	if (r == -ENOENT || r == -EEXIST) {
		/* A part is missing: the device went, and on this kernel its base chain, too. */
		r = guard_port_del(p->ctid, port->dev, e);
		if (r >= 0)
			r = put_over(p, port, -1, e);
	}
	/* The container's first port, or somebody emptied the whole filter. */
	return r == -ENOENT || nft_missing(r) ? guard_install(p, port, 1, e) : r;
}

/* venet0's port with other addresses, whatever they were. */
static int replace_venet(const struct net_plan *p, const struct net_addr *a, size_t n,
			 struct vz_err *e)
{
	struct guard_port port = guard_venet(p);

	port.addrs = a;
	port.n_addrs = n;
	return guard_port_add(p, &port, e);
}

static int change_elems(const struct net_plan *p, const struct net_addr *a, size_t n,
			void (*open)(struct nft *t, const char *set), struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct guard_port port = guard_venet(p);
	struct names names;
	struct nft t;
	int r;

	make_names(port.dev, &names);
	begin(&t, p->ctid);
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		bool opened = false;

		for (size_t i = 0; i < n; i++) {
			if (a[i].family != families[f])
				continue;
			if (!opened)
				open(&t, families[f] == AF_INET6 ? names.ip6 : names.ip);
			opened = true;
			nft_elem(&t, a[i].a, addr_len(&a[i]));
		}
	}
	r = commit(&t, VZ_CANT_ADDIP, e);
	nft_done(&t);
	return r;
}

static int replace_venet_both(const struct net_plan *p, const struct net_addr *have, size_t n_have,
			      const struct net_addr *a, size_t n, struct vz_err *e)
{
	_cleanup_free_ struct net_addr *all = xcalloc(n_have + n + 1, sizeof(*all));

	if (n_have)
		memcpy(all, have, n_have * sizeof(*all));
	if (n)
		memcpy(all + n_have, a, n * sizeof(*all));
	return replace_venet(p, all, n_have + n, e);
}

int guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		      struct vz_err *e)
{
	return replace_venet_both(p, have, n_have, p->addrs, p->n_addrs, e);
}

int guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int r;

	if (p->guard == NET_GUARD_NO || !n)
		return 0;
	if (!any_prefix(have, n_have) && !any_prefix(a, n)) {
		r = change_elems(p, a, n, nft_elems, e);
		if (r != -ENOENT && !nft_missing(r))
			return r;
	}
	return replace_venet_both(p, have, n_have, a, n, e);
}

int guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int r;

	if (p->guard == NET_GUARD_NO || !n)
		return 0;
	if (!any_prefix(left, n_left) && !any_prefix(a, n)) {
		r = change_elems(p, a, n, nft_elems_del, e);
		/* One of them is gone already, or all. */
		if (r != -ENOENT && !nft_missing(r))
			return r;
	}
	return replace_venet(p, left, n_left, e);
}

int guard_remove(uint32_t ctid, struct vz_err *e)
{
	struct nft t;
	int r;

	begin(&t, ctid);
	nft_table_del(&t);
	nft_tolerate(&t, ENOENT);
	r = commit(&t, VZ_SYSTEM_ERROR, e);
	nft_done(&t);
	return nft_missing(r) ? 0 : r;
}
