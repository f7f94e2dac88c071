/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings of a bridge's port (linux/if_bridge.h, bridge(8)). */
#ifndef NETNS_BRPORT_H
#define NETNS_BRPORT_H

#include "rtnl.h"

/*
 * The port of a container that has one MAC, @mac: the bridge knows it without
 * learning, so that no other can be taken over and the table cannot be filled,
 * and sends there what is for it, so that the container sees no frame for a
 * station which the bridge does not know.  @ifindex is in its bridge.
 */
void brport_guard(struct nl_batch *b, int ifindex, const uint8_t mac[6]);

#endif
