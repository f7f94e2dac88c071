/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queueing half of netns/net-traffic.h; for the files of this room. */
#ifndef NETNS_RATE_H
#define NETNS_RATE_H

#include "host.h"
#include "tc.h"
#include "net-traffic.h"

/* One link of the container as the host sees it. */
struct rate_link {
	struct rtnl_link l;	/* the host end */
	const char *ifname;	/* in the container; borrowed from the plan */
	unsigned int idx;	/* 1 .. */
};

#define RATE_LINKS_MAX 126

enum rate_dir { RATE_OUT, RATE_IN };	/* from and to the container */

/*
 * HTB class and skb->priority of one link's traffic of a class (@idx 0: of all
 * links, never a leaf).  The low four bits stay 0: pfifo_fast and mqprio of an
 * uplink read them.  The major number is unlikely to be anybody's there.
 */
static inline uint32_t rate_id(enum rate_dir dir, unsigned int idx, unsigned int cls)
{
	return TC_H_MAKE(0x7a5au << 16, (uint32_t)dir << 15 | idx << 8 | cls << 4);
}

/* Is traffic of @cls on the link capped? */
bool rate_capped(const struct net_traffic *t, const char *ifname, unsigned int cls);

/* The classes that @t asks for, ascending; *ret is the caller's. */
void rate_tree(const struct net_traffic *t, const struct rate_link *links, size_t n,
	       struct tc_class **ret, size_t *ret_n);

/*
 * The container's ifb with its classes; *ret_ifb is its index.  Classes whose
 * rates alone differ are changed in place, and nothing queued is lost.
 */
int rate_queue_make(struct nl_sock *h, uint32_t ctid, const struct net_traffic *t,
		    const struct rate_link *links, size_t n, int *ret_ifb, struct vz_err *e);
/* What goes to the container and has a priority of ours, goes through the ifb. */
int rate_redirect(struct nl_sock *h, const struct rate_link *links, size_t n, int ifb,
		  struct vz_err *e);
/* Undoes both; nothing there is fine. */
int rate_redirect_off(struct nl_sock *h, const struct rate_link *links, size_t n,
		      struct vz_err *e);
/* Where what the ifb has differs from rate_tree(): sentences. */
int rate_compare(struct nl_sock *h, uint32_t ctid, const struct net_traffic *t,
		 const struct rate_link *links, size_t n, struct vz_strv *ret, struct vz_err *e);
int rate_queue_remove(struct nl_sock *h, uint32_t ctid, struct vz_err *e);

#endif
