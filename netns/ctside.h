/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links between the two namespaces, and the container's side; for the files of this room. */
#ifndef NETNS_CTSIDE_H
#define NETNS_CTSIDE_H

#include "guard.h"
#include "host.h"

/* A socket in @netns_fd; the thread is back in its own namespace on return. */
int ctside_open(int netns_fd, struct nl_sock *ret, enum vz_code code, struct vz_err *e);

/* net_tap_make() with an index to have, or 0. */
int ctside_tap_make(int netns_fd, const char *name, int ifindex, struct vz_err *e);
/* Where the guest behind a routed tap is: a neighbour that is never asked for. */
const struct net_addr *ctside_tap_guest(int family);

/* Makes the pair of venet0 and returns the host end; both are down. */
int ctside_venet_make(struct nl_sock *h, const struct net_plan *p, int netns_fd,
		      struct rtnl_link *ret, struct vz_err *e);
/* A pair of the container's group; a left-over of the same name is replaced. */
int ctside_pair_make(struct nl_sock *h, uint32_t ctid, const struct rtnl_veth *v,
		     enum vz_code code, struct vz_err *e);
/* host_link() of a link that must be there. */
int ctside_own_link(struct nl_sock *h, uint32_t ctid, const char *name, struct rtnl_link *ret,
		    enum vz_code code, struct vz_err *e);
void ctside_mac_random(uint8_t mac[6]);
/*
 * Makes an Ethernet pair; both ends are down.  ctside_veth_up() does the rest and
 * brings the host end up, when it is guarded: who has the other end, may have it up
 * already.
 */
struct ctside_veth {
	const struct net_veth *v;
	int netns_fd;
	int ifindex, peer;
	bool bridged;
	bool guarded;			/* port is to be guarded */
	struct guard_port port;
};

int ctside_veth_make(struct nl_sock *h, uint32_t ctid, int netns_fd, const struct net_veth *v,
		     struct ctside_veth *ret, struct vz_err *e);
int ctside_veth_up(struct nl_sock *h, const struct ctside_veth *v, struct vz_err *e);
/* lo and venet0 (@ifindex in the container) up; queued only. */
void ctside_up(struct nl_batch *b, int ifindex);
/*
 * Addresses @addrs of the plan and default routes; the rest is sent by the caller.
 * @renew6: the first IPv6 address, which the default route names, is another now.
 */
int ctside_addrs_add(struct nl_sock *c, struct nl_batch *b, const struct net_plan *p, int ifindex,
		     const struct net_addr *addrs, size_t n, bool renew6, struct vz_err *e);
/* Takes @addrs away, unless another of the plan's gives the same; sent. */
int ctside_addrs_del(struct nl_sock *c, struct nl_batch *b, const struct net_plan *p, int ifindex,
		     const struct net_addr *addrs, size_t n, struct vz_err *e);
/* Our default route of a family for what the plan now has, or none. */
void ctside_default(struct nl_batch *b, const struct net_plan *p, int ifindex, int family,
		    bool renew);

/* The name of a veth's host end. */
void ctside_veth_name(uint32_t ctid, const struct net_veth *v, char buf[16]);
/* Its port; with a MAC that was chosen at random, which nobody knows, dev is "". */
struct guard_port ctside_veth_port(uint32_t ctid, const struct net_veth *v);

#endif
