/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container may send, decided on the host's end of each of its links.  In a
 * netdev ingress chain in the table NET_GUARD_TABLE, which leads to rules that all ports
 * share: addresses and counters are elements of sets, by port.  Or by a BPF program at tcx
 * (Linux 6.6) and the maps of dp.h.  docs/network.md says
 * what is checked and how to read the counters.
 *
 * For the other files of this room:
 *  - Counters of traffic, rates and NAT have tables of their own.
 *  - Frames pass taps and, without tcx, tc ingress before they come here.  A tc redirect to
 *    an ifb device and back skips the guard (net/core/dev.c, skip_classify):
 *    police at ingress, or shape elsewhere.
 *  - A port is guarded before its host end goes up.
 */
#ifndef NETNS_GUARD_H
#define NETNS_GUARD_H

#include "base/buf.h"
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

/* Of a start: @p tells CTID and settings, and has no ports yet.  Nothing for no ports. */
int guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_err *e);
/* A port of a running container, in one transaction, whatever it was before. */
int guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e);
int guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e);
/*
 * venet0's addresses in a running container: it had @have and gets @a, too, or
 * had @a, too, and has @left.  One element each; with prefixes, the port is
 * compared with what there is.  A port that is not there is made again.
 */
int guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		    const struct net_addr *a, size_t n, struct vz_err *e);
/* All of venet0's port again, for @have and the plan's, whatever has become of it. */
int guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		      struct vz_err *e);
int guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
		    const struct net_addr *a, size_t n, struct vz_err *e);
/* All ports of a container; none, or no nf_tables, is fine. */
int guard_remove(uint32_t ctid, struct vz_err *e);
/* The table, if it has no port and nobody changes anything meanwhile. */
void guard_tidy(void);

/* The rules that all ports share, again, whatever has become of them. */
int guard_mend(const struct net_plan *p, struct vz_err *e);
/*
 * A sentence to @ret for each thing that is not as it is made: rules by their number,
 * sets by their elements.  The ports are there (guard_look()).  Code 3.
 */
int guard_compare(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_strv *ret, struct vz_err *e);

/* What was dropped for a reason ("drop_mac") at all its ports together. */
typedef void (*guard_drop_fn)(const char *reason, uint64_t packets, uint64_t bytes, void *arg);
/* The devices that are guarded go to @ret; @ret_bpf: by BPF.  Code 3. */
int guard_look(uint32_t ctid, struct vz_strv *ret, bool *ret_bpf, guard_drop_fn fn, void *arg,
	       struct vz_err *e);
/* How a new port would be guarded: 1 BPF, 0 nf_tables; or an error.  Code 5. */
int guard_way(const struct net_plan *p, struct vz_err *e);

#endif
