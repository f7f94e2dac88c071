/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Caps and accounting of a container's traffic, at the host ends of its links.
 *
 * The class of a packet is that of its other end's address: the class file
 * gives prefixes a number, the longest one wins, everything else is class 1.
 * Class 0 is neither counted nor capped.
 *
 * Who does what (a packet from the container):
 *
 *	veth host end -> nft netdev ingress: guard, then ours (table
 *	NET_TRAFFIC_TX, NET_TRAFFIC_PRIO): count, set the priority to the HTB
 *	class, "fwd" to the container's ifb -> HTB -> back into the stack
 *
 * What the guard drops is neither counted nor does it use up the cap.  A tc
 * redirect at ingress could not do that: tc runs before nft there, and what
 * comes back from an ifb passes neither again, so it would go round the guard.
 *
 * A packet to the container: nft netdev egress counts and sets the priority,
 * tc egress (which runs after it) sends what has one of ours through the ifb.
 * There nothing else works: "fwd" leaves skb_iif alone, by which an ifb finds the
 * way back.
 *
 * One ifb per capped container holds both directions and all interfaces, so a
 * cap may span interfaces.  It is in the container's link group: net_detach()
 * removes it.
 */
#ifndef NETNS_TRAFFIC_H
#define NETNS_TRAFFIC_H

#include "base/buf.h"
#include "net.h"

/* Tables of family netdev, for what containers send and get; on Linux 5.15 rx is inet. */
#define NET_TRAFFIC_TX "vz_traffic_tx"
#define NET_TRAFFIC_RX "vz_traffic_rx"
#define NET_CLASSES 16		/* 0 .. 15 */
#define NET_CLASS_DEFAULT 1
#define NET_TRAFFIC_PRIO 100	/* of our netdev chains: after the guard's */

struct net_class {
	struct net_addr prefix;	/* plen 0 .. 32 or 128 */
	uint8_t cls;
};

struct net_cap {
	const char *ifname;	/* in the container; NULL: all its interfaces together */
	uint8_t cls;		/* 1 .. 15 */
	uint64_t rate;		/* bytes per second, each direction; not 0 */
};

struct net_traffic {
	const struct net_class *classes;
	size_t n_classes;
	const struct net_cap *caps;
	size_t n_caps;
	uint64_t burst;		/* bytes; 0: a hundredth of a second */
};

/*
 * Makes what the host has for the container's links what @t says; called after
 * net_attach() and whenever links, classes or caps have changed.  Counters go
 * on.  Code 3; -EOPNOTSUPP when the kernel lacks a part that is named.
 */
int net_traffic_apply(const struct net_plan *p, const struct net_traffic *t, struct vz_err *e);

/*
 * Where the caps that are in force are not those of @t: a sentence each is added to
 * @ret.  Changes nothing.  Code 3.
 */
int net_traffic_compare(const struct net_plan *p, const struct net_traffic *t,
			struct vz_strv *ret, struct vz_err *e);

/* As the container sees it: rx is what it got.  Bytes from the IP header on. */
struct net_count {
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

struct net_counts {
	uint64_t id;		/* of this set of counters: random, never 0 */
	uint16_t have;		/* bit n: class n is counted */
	struct net_count cls[NET_CLASSES];
};

/*
 * The counters since they were made.  They outlive the container's links and
 * namespace.  0, or -ENOENT (no error is set) when there are none.
 */
int net_traffic_read(uint32_t ctid, struct net_counts *ret, struct vz_err *e);
/* Those of all containers, in any order; one comes in parts, to be added. */
typedef int (*net_counts_fn)(uint32_t ctid, const struct net_counts *n, void *arg);
int net_traffic_read_all(net_counts_fn fn, void *arg, struct vz_err *e);
/* Removes counters and rules; none is fine. */
int net_traffic_remove(uint32_t ctid, struct vz_err *e);
/* The tables, if no container is in them and nobody changes anything meanwhile. */
void net_traffic_tidy(void);

/* ---- pure, for the files of this room and tests ------------------------- */

/* An interval of addresses [first, next one's first), network byte order. */
struct net_range {
	uint8_t first[16];
	uint8_t cls;
};

/*
 * The classes of a whole address family as disjoint intervals, ascending, the
 * first at address 0, neighbours of different class.  *ret is the caller's.
 * Of equal prefixes the later one counts.
 */
void net_class_ranges(const struct net_class *c, size_t n, int family, struct net_range **ret,
		      size_t *ret_n);

#endif
