/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container may send, decided on the host's end of each of its links:
 * a netdev ingress chain per port in the table "vz_CTID" of family netdev.
 * docs/network.md says what is checked and how to read the counters.
 *
 * For the other files of this room:
 *  - The table belongs to the guard, which replaces it as a whole.  Counters,
 *    rates and NAT have tables of their own.
 *  - Frames pass taps and tc ingress before they come here.  A tc redirect to
 *    an ifb device and back skips the guard (net/core/dev.c, skip_classify):
 *    police at ingress, or shape elsewhere.
 *  - A port is guarded before its host end goes up.
 */
#ifndef NETNS_GUARD_H
#define NETNS_GUARD_H

#include "net.h"

struct guard_port {
	char dev[16];			/* the host end */
	bool routed;			/* venet0; else an Ethernet port */
	uint8_t mac[6];			/* the container's; not of a routed port */
	/* Routed: all its addresses.  Ethernet: its addresses, or none to check no address. */
	const struct net_addr *addrs;
	size_t n_addrs;
	const uint16_t *tagged;		/* VLANs that an Ethernet port may tag frames for */
	size_t n_tagged;
};

/* The port of the plan's venet0. */
struct guard_port guard_venet(const struct net_plan *p);

/* @p tells CTID and settings; a table that is there is replaced.  Nothing for no ports. */
int guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_err *e);
/* A port of a running container, in one transaction, whatever it was before. */
int guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e);
int guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e);
/*
 * venet0's addresses in a running container: it had @have and gets @a, too, or
 * had @a, too, and has @left.  One element each; with prefixes, the port is
 * replaced (in one transaction).  Without its table, that is made again.
 */
int guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		    const struct net_addr *a, size_t n, struct vz_err *e);
/* All of venet0's port again, for @have and the plan's, whatever has become of it. */
int guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		      struct vz_err *e);
int guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
		    const struct net_addr *a, size_t n, struct vz_err *e);
struct nft;
/* What makes a port, not committed: to be compared with what there is.  nft_done(). */
void guard_port_text(struct nft *ret, const struct net_plan *p, const struct guard_port *port);
/* The table with all in it; none, or no nf_tables, is fine. */
int guard_remove(uint32_t ctid, struct vz_err *e);

#endif
