/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the neighbours are told and asked when addresses come to this node: gratuitous
 * ARP (RFC 5227) and unsolicited advertisements (RFC 4861, 7.2.6), so that they forget
 * where an address was before; and whether somebody else has it.
 */
#ifndef NETNS_ANNOUNCE_H
#define NETNS_ANNOUNCE_H

#include "net.h"
#include "packet.h"

/* How long an owner has to answer; vzctl 4.x waits as long, for each address. */
#define ANNOUNCE_MS 1000

struct announce_target {
	int ifindex;
	struct net_addr addr;
	bool taken;
};

struct announce {
	struct announce_target *v;
	size_t n;
};

void announce_add(struct announce *a, int ifindex, const struct net_addr *addr);
void announce_done(struct announce *a);
#define _cleanup_announce_ _cleanup_(announce_done)

/*
 * Asks, and waits up to ANNOUNCE_MS for all together.  34 when one is taken.
 */
int announce_detect(struct announce *a, struct vz_err *e);

/*
 * Tells, twice, and with @detect asks as well and logs a warning for each address that
 * is taken.  A process of its own does so: a second of waiting, and what closing its
 * sockets costs, are nobody's delay.
 */
void announce_start(struct announce *a, bool detect);

#endif
