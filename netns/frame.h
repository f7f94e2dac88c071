/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ethernet frames of address resolution, as bytes: ARP (RFC 826, RFC 5227) and what
 * IPv6 has for it (RFC 4861).  No sockets.
 */
#ifndef NETNS_FRAME_H
#define NETNS_FRAME_H

#include "base/util.h"

#define FRAME_MAX 96		/* none of ours is longer */

extern const uint8_t frame_broadcast[6];

struct frame_arp {
	uint8_t eth_src[6], eth_dst[6];
	uint16_t op;		/* ARPOP_REQUEST, ARPOP_REPLY */
	uint8_t sha[6], spa[4];	/* sender */
	uint8_t tha[6], tpa[4];	/* target */
};

/* Padded to the shortest Ethernet frame; returns its length. */
size_t frame_arp(const struct frame_arp *f, uint8_t buf[FRAME_MAX]);
/* False for anything but IPv4 over Ethernet. */
bool frame_arp_parse(const uint8_t *p, size_t n, struct frame_arp *ret);

/* An unsolicited advertisement to all nodes, overriding: @addr is at @mac.  Returns the length. */
size_t frame_nd_advert(const uint8_t mac[6], const uint8_t addr[16], uint8_t buf[FRAME_MAX]);
/* What duplicate address detection sends: who has @addr?  (RFC 4862, 5.4.2) */
size_t frame_nd_probe(const uint8_t mac[6], const uint8_t addr[16], uint8_t buf[FRAME_MAX]);

struct frame_nd {
	uint8_t eth_src[6];
	bool advert;		/* else a solicitation */
	bool unspecified;	/* sent from ::, so by somebody's duplicate detection */
	uint8_t target[16];
};

/* False for anything but an advertisement or solicitation that came from this link. */
bool frame_nd_parse(const uint8_t *p, size_t n, struct frame_nd *ret);

#endif
