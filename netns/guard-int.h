/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between guard.c, which has the ports, and guard-rules.c. */
#ifndef NETNS_GUARD_INT_H
#define NETNS_GUARD_INT_H

#include "nft.h"

/* What the rules look things up in; every key begins with the index of the port's device. */
enum guard_set {
	GUARD_PORT,	/* nothing else; not for rules: its comment says whose it is */
	GUARD_MAC,	/* Ethernet address */
	GUARD_IP4, GUARD_IP6, /* addresses */
	GUARD_NET4, GUARD_NET6, /* the same, ranges */
	GUARD_VLAN,	/* VLAN that frames may be tagged for */
	GUARD_BCAST,	/* nothing else; its limit matches what is too much */
	GUARD_DROP,	/* enum guard_reason; counts */
	GUARD_SETS,
};

enum guard_reason { DROP_MAC, DROP_IP4, DROP_IP6, DROP_ARP, DROP_ND, DROP_RA, DROP_DHCP,
		    DROP_BCAST, DROP_PROTO, DROP_REASONS };

extern const char *const guard_set_names[GUARD_SETS];
/* As vznet shows them; also the chains which count and drop. */
extern const char *const guard_reasons[DROP_REASONS];

/* Chains that a port's own leads to. */
#define GUARD_ROUTED "routed"
#define GUARD_ETHER "ether"		/* no address is checked */
#define GUARD_ETHER_ADDRS "ether_a"

/*
 * The table with all but ports: EEXIST when there is one.  @mend: what one lacks, and
 * its rules again, whatever they are; ports stay.
 */
void guard_rules(struct nft *t, bool mend);

#endif
