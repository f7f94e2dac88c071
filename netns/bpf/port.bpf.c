// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guard and the counters of a port as two programs at tcx (Linux 6.6): "ingress"
 * sees what the container sends at the host end of its pair, "egress" what it gets.
 * What passes is what guard-rules.c lets pass, and the rest is dropped for the same reasons
 * (tests/host/guard-same.t); but a frame without a whole IP header never passes here.
 *
 * A frame of the most frequent kind costs two look-ups: its port and its counters.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <stdbool.h>
#include <stddef.h>

#include "icmp.h"
#include "port.h"

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define be16(x) __builtin_bswap16(x)
#else
#define be16(x) (x)
#endif

static void *(*const map_lookup)(const void *map, const void *key) =
	(void *)BPF_FUNC_map_lookup_elem;
static __u64 (*const ktime)(void) = (void *)BPF_FUNC_ktime_get_ns;
static long (*const load)(const struct __sk_buff *skb, __u32 offset, void *to, __u32 len) =
	(void *)BPF_FUNC_skb_load_bytes;
static long (*const pull)(struct __sk_buff *skb, __u32 len) = (void *)BPF_FUNC_skb_pull_data;
static long (*const change_type)(struct __sk_buff *skb, __u32 type) =
	(void *)BPF_FUNC_skb_change_type;
static long (*const redirect_peer)(__u32 ifindex, __u64 flags) = (void *)BPF_FUNC_redirect_peer;

/* dp.c makes them; the loader puts them in. */
extern const char ports, own, nets, stats, slow, peers;

/* enum tcx_action_base, which Debian 12's linux/bpf.h does not have. */
#define TCX_NEXT -1
#define TCX_DROP 2

#define PASS -1			/* else enum port_drop */
#define ETH_P_IP_BE be16(ETH_P_IP)
#define ETH_P_IPV6_BE be16(ETH_P_IPV6)

#define NH ETH_HLEN		/* where the network header is */
#define EXT_HEADERS 8
#define NO_PROTO 256

#define ICMP_REDIRECT 5

/* ---- addresses of the port ------------------------------------------------ */

INLINE bool same6(const __u32 a[4], const __u32 b[4])
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

INLINE __u8 first_byte(const void *addr)
{
	return *(const __u8 *)addr;
}

INLINE bool is_any6(const __u32 a[4])
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

INLINE bool same_mac(const __u8 *a, const __u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) |
		 (a[4] ^ b[4]) | (a[5] ^ b[5]));
}

INLINE bool in_own(const struct port *p, __u32 kind, __u32 a, __u32 b, __u32 c, __u32 d)
{
	struct port_own k = { .gen = p->gen, .kind = kind, .a = { a, b, c, d } };

	return map_lookup(&own, &k);
}

INLINE bool in_nets(const struct port *p, __u32 kind, __u32 bits, __u32 a, __u32 b, __u32 c,
		    __u32 d)
{
	struct port_net k = { .prefixlen = PORT_NET_BITS + bits,
			      .gen = { (__u32)p->gen, (__u32)(p->gen >> 32) }, .kind = kind,
			      .a = { a, b, c, d } };

	return map_lookup(&nets, &k);
}

INLINE bool own4(const struct port *p, __u32 a)
{
	if (likely(a == p->ip4 && (p->flags & PORT_IP4)))
		return true;
	if ((p->flags & PORT_MORE) && in_own(p, PORT_OWN_IP4, a, 0, 0, 0))
		return true;
	return (p->flags & PORT_NETS4) && in_nets(p, PORT_OWN_IP4, 32, a, 0, 0, 0);
}

INLINE bool own6(const struct port *p, const __u32 a[4])
{
	if (likely((p->flags & PORT_IP6) && same6(a, p->ip6)))
		return true;
	if ((p->flags & PORT_ADDRS) && same6(a, p->local))
		return true;
	if ((p->flags & PORT_MORE) && in_own(p, PORT_OWN_IP6, a[0], a[1], a[2], a[3]))
		return true;
	return (p->flags & PORT_NETS6) && in_nets(p, PORT_OWN_IP6, 128, a[0], a[1], a[2], a[3]);
}

/* ---- what a frame is -------------------------------------------------------- */

struct l4 {
	__u32 proto;		/* or NO_PROTO */
	__u32 off;
	bool frag;		/* is a fragment but the first */
	bool frag_header;
};

/* Bytes of the transport header: a fragment without it has none. */
INLINE bool th(const struct __sk_buff *skb, const struct l4 *l, __u32 off, void *to, __u32 len)
{
	return !l->frag && l->proto != NO_PROTO && load(skb, l->off + off, to, len) == 0;
}

INLINE int th_type(const struct __sk_buff *skb, const struct l4 *l)
{
	__u8 type;

	return th(skb, l, 0, &type, 1) ? type : -1;
}

/* As nft_set_pktinfo_ipv4_validate() does: a malformed header has no protocol. */
INLINE struct l4 find_l4_4(const struct __sk_buff *skb, const struct iphdr *ip)
{
	struct l4 l = { .proto = NO_PROTO, .frag = ip->frag_off & be16(0x1fff) };
	__u32 hlen = ip->ihl * 4, len = be16(ip->tot_len);

	/* More than 64 KiB, to be cut later. */
	if (!len && skb->gso_size)
		len = skb->len - NH;
	if (ip->version == 4 && ip->ihl >= 5 && len >= hlen && skb->len - NH >= len) {
		l.proto = ip->protocol;
		l.off = NH + hlen;
	}
	return l;
}

INLINE bool is_ext(__u32 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_AH || proto == IPPROTO_NONE || proto == IPPROTO_DSTOPTS;
}

/* As ipv6_find_hdr() does for any protocol; an unfinished chain has none. */
INLINE struct l4 walk6(const struct __sk_buff *skb, const struct ipv6hdr *ip)
{
	struct l4 l = { .proto = NO_PROTO };
	__u32 proto = ip->nexthdr, off = NH + sizeof(*ip);

	for (int i = 0; i <= EXT_HEADERS; i++) {
		__u8 h[2];
		__u16 frag;

		if (!is_ext(proto) || proto == IPPROTO_NONE) {
			l.proto = proto;
			l.off = off;
			return l;
		}
		if (load(skb, off, h, sizeof(h)) < 0)
			return l;
		if (proto == IPPROTO_FRAGMENT) {
			if (load(skb, off + 2, &frag, sizeof(frag)) < 0)
				return l;
			l.frag_header = true;
			l.frag = frag & be16(0xfff8);
			if (l.frag) {
				l.proto = !is_ext(h[0]) || h[0] == IPPROTO_NONE ? h[0] : NO_PROTO;
				l.off = off;
				return l;
			}
			off += 8;
		} else if (proto == IPPROTO_AH) {
			off += (h[1] + 2) * 4;
		} else {
			off += (h[1] + 1) * 8;
		}
		proto = h[0];
	}
	return l;
}

/* A malformed header has no protocol, but what is a fragment is one. */
INLINE struct l4 find_l4_6(const struct __sk_buff *skb, const struct ipv6hdr *ip)
{
	bool whole = ip->version == 6 && skb->len - NH >= be16(ip->payload_len) + sizeof(*ip);
	struct l4 l = walk6(skb, ip);

	if (!whole)
		l.proto = NO_PROTO;
	return l;
}

/* ---- routed ports ------------------------------------------------------------- */

INLINE int routed4(struct __sk_buff *skb, const struct port *p, const struct iphdr *ip)
{
	if (unlikely(first_byte(&ip->daddr) >= 224))
		return PD_BCAST;
	if (unlikely(ip->protocol == IPPROTO_ICMP)) {
		struct l4 l = find_l4_4(skb, ip);

		if (l.proto == IPPROTO_ICMP && th_type(skb, &l) == ICMP_REDIRECT)
			return PD_RA;
	}
	return own4(p, ip->saddr) ? PASS : PD_IP4;
}

INLINE int routed6(struct __sk_buff *skb, const struct port *p, const struct ipv6hdr *ip)
{
	struct l4 l;
	int type;

	if (first_byte(&ip->daddr) == 0xff)
		return PD_BCAST;
	if (!own6(p, ip->saddr.s6_addr32))
		return PD_IP6;
	if (likely(ip->nexthdr == IPPROTO_TCP && ip->version == 6))
		return PASS;
	l = find_l4_6(skb, ip);
	if ((l.proto != NO_PROTO && l.proto != IPPROTO_ICMPV6) || l.frag)
		return PASS;
	type = th_type(skb, &l);
	if (type >= ND_RS && type <= ND_REDIRECT)
		return PD_ND;
	return type >= 0 ? PASS : PD_PROTO;
}

/* ---- Ethernet ports: what their IP may be --------------------------------------- */

/* Roles that belong to the network's operator. */
INLINE int roles4(struct __sk_buff *skb, const struct iphdr *ip)
{
	__u16 port[2];
	struct l4 l;
	int type;

	/* Whatever else is wrong with it, no TCP plays one of them. */
	if (likely(ip->protocol == IPPROTO_TCP && ip->version == 4))
		return PASS;
	l = find_l4_4(skb, ip);
	if (l.proto == IPPROTO_TCP)
		return PASS;
	if (l.proto == IPPROTO_UDP) {
		/* DHCP clients look at one of the two only: a server's port, or their own. */
		if (th(skb, &l, 0, port, sizeof(port)))
			return port[0] != be16(67) && port[1] != be16(68) ? PASS : PD_DHCP;
		return l.frag ? PASS : PD_PROTO;
	}
	if (l.frag)
		return PASS;
	type = th_type(skb, &l);
	if ((l.proto == IPPROTO_ICMP && type == ICMP_REDIRECT) ||
	    (l.proto == IPPROTO_IGMP && type == IGMP_QUERY))
		return PD_RA;
	return l.proto != NO_PROTO ? PASS : PD_PROTO;
}

/*
 * Neighbour messages may have one option, and that names our MAC: a second one,
 * further behind, could say something else.
 */
INLINE int nd_options(struct __sk_buff *skb, const struct port *p, const struct l4 *l, int type,
		      bool from_any)
{
	__u8 opt[8], more;

	if (th(skb, l, 32, &more, 1))
		return PD_ND;
	if (!th(skb, l, 24, opt, 1))
		return th(skb, l, 16, opt, 8) ? PASS : PD_ND;
	if (from_any && type == ND_NS && opt[0] == OPT_NONCE)
		return PASS;
	if (opt[0] != OPT_SLLA && opt[0] != OPT_TLLA)
		return PD_ND;
	return th(skb, l, 24, opt, 8) && opt[1] == 1 && same_mac(opt + 2, p->mac) ? PASS : PD_ND;
}

INLINE int neighbour(struct __sk_buff *skb, const struct port *p, const struct l4 *l,
		     bool from_any)
{
	int type = th_type(skb, l);
	__u32 target[4];

	if (type == ND_RA || type == ND_REDIRECT || type == MLD_QUERY)
		return PD_RA;
	if (type >= 0 && type != ND_NS && type != ND_NA)
		return PASS;
	/* The rest may be in another fragment (RFC 6980). */
	if (l->frag_header)
		return PD_ND;
	if ((p->flags & PORT_ADDRS) && type != ND_NS &&
	    !(th(skb, l, 8, target, sizeof(target)) && own6(p, target)))
		return PD_ND;
	return nd_options(skb, p, l, type, from_any);
}

INLINE int roles6(struct __sk_buff *skb, const struct port *p, const struct l4 *l, bool from_any)
{
	__u16 port[2];

	if (likely(l->proto == IPPROTO_TCP) || l->frag)
		return PASS;
	if (l->proto == IPPROTO_ICMPV6)
		return neighbour(skb, p, l, from_any);
	if (l->proto != IPPROTO_UDP)
		return l->proto != NO_PROTO ? PASS : PD_PROTO;
	if (!th(skb, l, 0, port, sizeof(port)))
		return PD_PROTO;
	return port[0] != be16(547) && port[1] != be16(546) ? PASS : PD_DHCP;
}

/* From the unspecified address: duplicate detection of its own addresses, and reports. */
INLINE int dad(struct __sk_buff *skb, const struct port *p, const struct l4 *l)
{
	__u32 target[4];
	int type;

	if (l->proto != IPPROTO_ICMPV6)
		return PD_IP6;
	type = th_type(skb, l);
	if (type == MLD2_REPORT || type == MLD_REPORT || type == ND_RS)
		return PASS;
	return type == ND_NS && th(skb, l, 8, target, sizeof(target)) && own6(p, target) ?
	       PASS : PD_ND;
}

INLINE int ether4(struct __sk_buff *skb, const struct port *p, const struct iphdr *ip)
{
	if (unlikely((p->flags & PORT_ADDRS) && !own4(p, ip->saddr))) {
		struct l4 l = find_l4_4(skb, ip);
		__u16 port[2];

		/* A DHCP client that asks. */
		return !ip->saddr && l.proto == IPPROTO_UDP &&
		       th(skb, &l, 0, port, sizeof(port)) && port[0] == be16(68) &&
		       port[1] == be16(67) ? PASS : PD_IP4;
	}
	return roles4(skb, ip);
}

INLINE int ether6(struct __sk_buff *skb, const struct port *p, const struct ipv6hdr *ip)
{
	bool from_any = is_any6(ip->saddr.s6_addr32);
	bool ours = !(p->flags & PORT_ADDRS) || (!from_any && own6(p, ip->saddr.s6_addr32));
	struct l4 l;

	if (!ours && !from_any)
		return PD_IP6;
	l = find_l4_6(skb, ip);
	return ours ? roles6(skb, p, &l, from_any) : dad(skb, p, &l);
}

struct arp {
	__u8 head[6];		/* Ethernet, IPv4, 6 and 4 bytes */
	__u16 op;
	__u8 mac[6];
	__u8 ip[4];		/* the sender's */
	__u8 target_mac[6];
	__u8 target[4];
};

INLINE int arp(struct __sk_buff *skb, const struct port *p)
{
	struct arp a;
	__u32 ip, target;

	if (load(skb, NH, &a, sizeof(a)) < 0 || a.head[0] || a.head[1] != 1 || a.head[2] != 8 ||
	    a.head[3] || a.head[4] != 6 || a.head[5] != 4 || !same_mac(a.mac, p->mac))
		return PD_ARP;
	if (a.op != be16(1) && a.op != be16(2))
		return PD_ARP;
	if (!(p->flags & PORT_ADDRS))
		return PASS;
	__builtin_memcpy(&ip, a.ip, sizeof(ip));
	if (own4(p, ip))
		return PASS;
	/* A probe (RFC 5227) for another's address would keep that one from using it. */
	__builtin_memcpy(&target, a.target, sizeof(target));
	return !ip && a.op == be16(1) && own4(p, target) ? PASS : PD_ARP;
}

/* ---- ports ------------------------------------------------------------------------ */

/* A virtual clock: each broadcast moves it by one gap, and it may be early by a burst. */
INLINE bool too_many(const struct port *p, struct port_slow *s)
{
	__u64 now = ktime(), was, next;

	for (int i = 0; i < 4; i++) {
		was = *(volatile __u64 *)&s->next;
		next = was > now ? was : now;
		if (next - now > p->burst)
			return true;
		if (__sync_val_compare_and_swap(&s->next, was, next + p->gap) == was)
			return false;
	}
	return true;
}

/* Of a frame without tag, or behind it: the kernel has taken that off. */
INLINE int protocols(struct __sk_buff *skb, const struct port *p, __u16 type)
{
	bool is4 = type == ETH_P_IP_BE;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	__u32 need = NH + (is4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));

	if (type == be16(ETH_P_ARP))
		return p->flags & PORT_ROUTED ? PD_ARP : arp(skb, p);
	if (!is4 && type != ETH_P_IPV6_BE)
		return PD_PROTO;
	if (unlikely(data + need > end)) {
		if (pull(skb, need) < 0)
			return is4 ? PD_IP4 : PD_IP6;
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	if (is4) {
		if (data + NH + sizeof(struct iphdr) > end)
			return PD_IP4;
		return p->flags & PORT_ROUTED ? routed4(skb, p, data + NH) :
						ether4(skb, p, data + NH);
	}
	if (data + NH + sizeof(struct ipv6hdr) > end)
		return PD_IP6;
	return p->flags & PORT_ROUTED ? routed6(skb, p, data + NH) : ether6(skb, p, data + NH);
}

/* Ethernet ports: who says it, how often, and to which VLAN. */
INLINE int ether(struct __sk_buff *skb, const struct port *p, const struct ethhdr *h,
		 __u32 ifindex)
{
	const __u32 *from = (const void *)h->h_source, *mac = (const void *)p->mac;

	/* The header is 2 bytes off a multiple of 4 (NET_IP_ALIGN), and this 6 of it. */
	if (unlikely(from[0] != mac[0] ||
		     *(const __u16 *)&from[1] != *(const __u16 *)&mac[1]))
		return PD_MAC;
	/* As the receiving device has found by the destination; cheaper than to look again. */
	if ((skb->pkt_type == PACKET_BROADCAST || skb->pkt_type == PACKET_MULTICAST) && p->gap) {
		struct port_slow *s = map_lookup(&slow, &ifindex);

		if (!s || too_many(p, s))
			return PD_BCAST;
	}
	if (unlikely(skb->vlan_present)) {
		if (skb->vlan_proto != be16(ETH_P_8021Q) || !(p->flags & PORT_VLANS) ||
		    !in_own(p, PORT_OWN_VLAN, skb->vlan_tci & 0xfff, 0, 0, 0))
			return PD_PROTO;
	}
	return protocols(skb, p, h->h_proto);
}

INLINE int check(struct __sk_buff *skb, const struct port *p, __u32 ifindex)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ethhdr *h = data;

	if (data + sizeof(*h) > end)
		return PD_PROTO;
	if (p->flags & PORT_ROUTED)
		return unlikely(skb->vlan_present) ? PD_PROTO : protocols(skb, p, h->h_proto);
	return ether(skb, p, h, ifindex);
}

INLINE bool is_ip(const struct __sk_buff *skb)
{
	return skb->protocol == ETH_P_IP_BE || skb->protocol == ETH_P_IPV6_BE;
}

INLINE int drop(struct __sk_buff *skb, __u32 ifindex, int why)
{
	struct port_slow *s = map_lookup(&slow, &ifindex);

	if (s && why >= 0 && why < PD_N) {
		__sync_fetch_and_add(&s->drops[why].packets, 1);
		__sync_fetch_and_add(&s->drops[why].bytes, skb->len - NH);
	}
	return TCX_DROP;
}

INLINE int hand_over(struct __sk_buff *skb, const struct port *p)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct port_peer k = { .bridge = p->bridge };
	struct port_stats *s;
	__u32 *to;

	if (data + ETH_HLEN > end || skb->vlan_present)
		return TCX_NEXT;
	__builtin_memcpy(k.mac, data, sizeof(k.mac));
	to = map_lookup(&peers, &k);
	if (!to || *to == skb->ifindex)
		return TCX_NEXT;
	s = map_lookup(&stats, to);
	if (!s)
		return TCX_NEXT;
	s->rx_packets++;
	s->rx_bytes += skb->len - NH;
	if (skb->pkt_type != PACKET_HOST)
		change_type(skb, PACKET_HOST);
	return redirect_peer(*to, 0);
}

SEC("tcx/ingress") int ingress(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct port *p = map_lookup(&ports, &ifindex);
	int why;

	if (unlikely(!p))
		return drop(skb, ifindex, PD_PROTO);
	why = likely(p->flags & PORT_GUARD) ? check(skb, p, ifindex) : PASS;
	if (unlikely(why != PASS))
		return drop(skb, ifindex, why);
	if (p->flags & PORT_COUNT && likely(is_ip(skb))) {
		struct port_stats *s = map_lookup(&stats, &ifindex);

		if (likely(s)) {
			s->tx_packets++;
			s->tx_bytes += skb->len - NH;
		}
		if (p->flags & PORT_SHORT)
			return hand_over(skb, p);
	}
	return TCX_NEXT;
}

SEC("tcx/egress") int egress(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex;
	struct port_stats *s;

	if (likely(is_ip(skb))) {
		s = map_lookup(&stats, &ifindex);
		if (likely(s)) {
			s->rx_packets++;
			s->rx_bytes += skb->len - NH;
		}
	}
	return TCX_NEXT;
}
