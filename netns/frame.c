// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/ip6.h>

const uint8_t frame_broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct arp {
	struct ether_header eth;
	struct arphdr hdr;
	uint8_t sha[6], spa[4], tha[6], tpa[4];
} __attribute__((packed));

struct nd {
	struct ether_header eth;
	struct ip6_hdr ip;
	struct nd_neighbor_advert msg;	/* a solicitation has the same layout */
	uint8_t opt_type, opt_len, opt_mac[6];
} __attribute__((packed));

_Static_assert(sizeof(struct arp) == 42 && sizeof(struct nd) == 86, "layout of the wire");

size_t frame_arp(const struct frame_arp *f, uint8_t buf[FRAME_MAX])
{
	struct arp a = { .eth.ether_type = htons(ETHERTYPE_ARP),
			 .hdr = { .ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETHERTYPE_IP),
				  .ar_hln = 6, .ar_pln = 4, .ar_op = htons(f->op) } };

	memcpy(a.eth.ether_shost, f->eth_src, 6);
	memcpy(a.eth.ether_dhost, f->eth_dst, 6);
	memcpy(a.sha, f->sha, 6);
	memcpy(a.spa, f->spa, 4);
	memcpy(a.tha, f->tha, 6);
	memcpy(a.tpa, f->tpa, 4);
	memset(buf, 0, ETH_ZLEN);
	memcpy(buf, &a, sizeof(a));
	return ETH_ZLEN;
}

bool frame_arp_parse(const uint8_t *p, size_t n, struct frame_arp *ret)
{
	struct arp a;

	if (n < sizeof(a))
		return false;
	memcpy(&a, p, sizeof(a));
	if (a.eth.ether_type != htons(ETHERTYPE_ARP) || a.hdr.ar_hrd != htons(ARPHRD_ETHER) ||
	    a.hdr.ar_pro != htons(ETHERTYPE_IP) || a.hdr.ar_hln != 6 || a.hdr.ar_pln != 4)
		return false;
	ret->op = ntohs(a.hdr.ar_op);
	memcpy(ret->eth_src, a.eth.ether_shost, 6);
	memcpy(ret->eth_dst, a.eth.ether_dhost, 6);
	memcpy(ret->sha, a.sha, 6);
	memcpy(ret->spa, a.spa, 4);
	memcpy(ret->tha, a.tha, 6);
	memcpy(ret->tpa, a.tpa, 4);
	return ret->op == ARPOP_REQUEST || ret->op == ARPOP_REPLY;
}

/* ---- IPv6 ----------------------------------------------------------- */

/* Of the message and its pseudo header (RFC 4443, 2.3). */
static uint16_t checksum(const struct nd *f)
{
	uint8_t pseudo[8] = { [2] = 0, [3] = 0, [7] = IPPROTO_ICMPV6 };
	const struct {
		const void *p;
		size_t n;
	} parts[] = { { &f->ip.ip6_src, 32 }, { pseudo, 8 },
		      { &f->msg, ntohs(f->ip.ip6_plen) } };
	uint32_t sum = 0;

	memcpy(pseudo + 2, &f->ip.ip6_plen, 2);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t k = 0; k < parts[i].n; k += 2)
			sum += (uint32_t)((const uint8_t *)parts[i].p)[k] << 8 |
			       ((const uint8_t *)parts[i].p)[k + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static size_t finish(struct nd *f, uint8_t type, const uint8_t mac[6], const uint8_t addr[16],
		     const uint8_t dst[16], size_t len, uint8_t buf[FRAME_MAX])
{
	f->eth.ether_type = htons(ETHERTYPE_IPV6);
	memcpy(f->eth.ether_shost, mac, 6);
	/* RFC 2464, 7 */
	f->eth.ether_dhost[0] = f->eth.ether_dhost[1] = 0x33;
	memcpy(f->eth.ether_dhost + 2, dst + 12, 4);
	f->ip.ip6_flow = htonl(6u << 28);
	f->ip.ip6_plen = htons((uint16_t)len);
	f->ip.ip6_nxt = IPPROTO_ICMPV6;
	f->ip.ip6_hlim = 255;
	memcpy(&f->ip.ip6_dst, dst, 16);
	f->msg.nd_na_type = type;
	memcpy(&f->msg.nd_na_target, addr, 16);
	f->msg.nd_na_cksum = checksum(f);
	len += sizeof(f->eth) + sizeof(f->ip);
	memcpy(buf, f, len);
	return len;
}

size_t frame_nd_advert(const uint8_t mac[6], const uint8_t addr[16], uint8_t buf[FRAME_MAX])
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	struct nd f = { .opt_type = ND_OPT_TARGET_LINKADDR, .opt_len = 1 };

	memcpy(f.opt_mac, mac, 6);
	/*
	 * From the address itself: it is the one that receivers are to believe, and there
	 * is always one.  A proxy would not override (RFC 4861, 7.2.8), but the address
	 * may have come from another node just now, whose entry is to go.
	 */
	memcpy(&f.ip.ip6_src, addr, 16);
	f.msg.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	return finish(&f, ND_NEIGHBOR_ADVERT, mac, addr, all_nodes, sizeof(f.msg) + 8, buf);
}

size_t frame_nd_probe(const uint8_t mac[6], const uint8_t addr[16], uint8_t buf[FRAME_MAX])
{
	/* The solicited-node address (RFC 4291, 2.7.1). */
	uint8_t dst[16] = { 0xff, 0x02, [11] = 1, [12] = 0xff };
	struct nd f = { 0 };

	memcpy(dst + 13, addr + 13, 3);
	return finish(&f, ND_NEIGHBOR_SOLICIT, mac, addr, dst, sizeof(f.msg), buf);
}

bool frame_nd_parse(const uint8_t *p, size_t n, struct frame_nd *ret)
{
	static const uint8_t zero[16];
	const size_t least = offsetof(struct nd, opt_type);
	struct nd f = { 0 };

	if (n < least)
		return false;
	memcpy(&f, p, least);
	/* 255: no router has passed it on (RFC 4861, 7.1). */
	if (f.eth.ether_type != htons(ETHERTYPE_IPV6) || f.ip.ip6_nxt != IPPROTO_ICMPV6 ||
	    f.ip.ip6_hlim != 255 || ntohs(f.ip.ip6_plen) < sizeof(f.msg) || f.msg.nd_na_code ||
	    (f.msg.nd_na_type != ND_NEIGHBOR_ADVERT && f.msg.nd_na_type != ND_NEIGHBOR_SOLICIT))
		return false;
	ret->advert = f.msg.nd_na_type == ND_NEIGHBOR_ADVERT;
	ret->unspecified = !memcmp(&f.ip.ip6_src, zero, 16);
	memcpy(ret->eth_src, f.eth.ether_shost, 6);
	memcpy(ret->target, &f.msg.nd_na_target, 16);
	return true;
}
