/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs at the ports of containers (port.bpf.c) and netns/dp.c share. */
#ifndef NETNS_BPF_PORT_H
#define NETNS_BPF_PORT_H

#include <linux/types.h>

/* Names a layout of the maps: another one has another directory, see dp.c. */
#define PORT_LAYOUT "1"

/* In the order of enum guard_reason (../guard-int.h). */
enum port_drop { PD_MAC, PD_IP4, PD_IP6, PD_ARP, PD_ND, PD_RA, PD_DHCP, PD_BCAST, PD_PROTO,
		 PD_N };

enum port_flag {
	PORT_GUARD = 1,		/* else all frames pass */
	PORT_ROUTED = 2,	/* venet0 */
	PORT_ADDRS = 4,		/* an Ethernet port whose addresses are checked */
	PORT_IP4 = 8,		/* ip4 is one of them */
	PORT_IP6 = 16,		/* ip6 */
	PORT_MORE = 32,		/* there are others, in map own */
	PORT_NETS4 = 64,	/* prefixes, in map nets */
	PORT_NETS6 = 128,
	PORT_VLANS = 256,	/* in map own */
	PORT_COUNT = 512,
	PORT_SHORT = 1024,	/* to other ports of its bridge without the bridge */
};

/* Map ports, by ifindex: replaced as a whole. */
struct port {
	__u64 gen;		/* of its elements in own and nets: random */
	__u64 gap;		/* ns between two broadcasts; 0: as many as there are */
	__u64 burst;		/* ns that they may be early */
	__u32 flags;
	__u32 bridge;		/* PORT_SHORT: its ifindex */
	__u32 ip4;		/* network byte order, as all that follows */
	__u32 ip6[4];
	__u32 local[4];		/* PORT_ADDRS: the link-local address of mac */
	__u8 mac[6];
	__u8 pad[6];
};

/* Map own: is there an element? */
struct port_own {
	__u64 gen;
	__u32 kind;		/* PORT_OWN_... */
	__u32 a[4];		/* rest 0 */
	__u32 pad;
};
#define PORT_OWN_VLAN 1		/* a[0]: the tag's number, host byte order */
#define PORT_OWN_IP4 4
#define PORT_OWN_IP6 6

/* Map nets: an LPM trie (linux/bpf.h, struct bpf_lpm_trie_key). */
struct port_net {
	__u32 prefixlen;	/* PORT_NET_BITS and that of the prefix */
	__u32 gen[2];
	__u32 kind;
	__u32 a[4];
};
#define PORT_NET_BITS 96

/* Map stats, by ifindex and on each processor; as the container sees it, from the IP header on. */
struct port_stats {
	__u64 tx_bytes, tx_packets, rx_bytes, rx_packets;
};

/* Map slow, by ifindex: what seldom changes. */
struct port_slow {
	__u64 next;		/* when a broadcast is on time: CLOCK_MONOTONIC, ns */
	struct {
		__u64 packets, bytes;
	} drops[PD_N];
};

/* Map peers: the other ports of a bridge, by MAC. */
struct port_peer {
	__u32 bridge;
	__u8 mac[6];
	__u8 pad[2];
};

/* Map owners, by ifindex; for vzctl only.  It and stats outlive the device. */
struct port_owner {
	__u64 id;		/* of this set of counters */
	__u32 ctid;
	char dev[16];
	__u32 pad;
};

#endif
