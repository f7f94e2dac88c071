/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic control requests (tc(8), linux/pkt_sched.h), queued in a batch of a
 * NETLINK_ROUTE socket.  Only what the caps of netns/rate.c are made of.
 */
#ifndef NETNS_TC_H
#define NETNS_TC_H

#include <linux/pkt_sched.h>

#include "rtnl.h"

/* A device that queues what is redirected to it and hands it back where it came from. */
void tc_ifb_add(struct nl_batch *b, const char *name, uint32_t group);

/* HTB as the root of @ifindex; what no class takes passes at once. */
void tc_htb_add(struct nl_batch *b, int ifindex, uint32_t handle);
/* The root qdisc with all it holds; ENOENT and EINVAL (there is none) are no failure. */
void tc_root_del(struct nl_batch *b, int ifindex);

struct tc_class {
	uint32_t id, parent;	/* of classes or of the qdisc: TC_H_MAKE() */
	uint64_t rate, ceil;	/* bytes per second, not 0 */
	uint64_t burst;		/* bytes that may go at the device's speed */
};

/* Makes the class, or changes one with the same parent. */
void tc_class_set(struct nl_batch *b, int ifindex, const struct tc_class *c);
/* First in, first out, at most @bytes: the leaf of a class.  Replaces the one that is there. */
void tc_bfifo_set(struct nl_batch *b, int ifindex, uint32_t parent, uint32_t bytes);

/* The hooks of @ifindex for tc filters. */
void tc_clsact_add(struct nl_batch *b, int ifindex);
/* With their filters; none is fine. */
void tc_clsact_del(struct nl_batch *b, int ifindex);
/* Frames that @ifindex would send and that the BPF program @prog_fd takes go to @to instead. */
void tc_egress_redirect(struct nl_batch *b, int ifindex, int prog_fd, int to);

/* All that comes in at @ifindex, which has clsact and no such filter, goes out at @to. */
void tc_ingress_redirect(struct nl_batch *b, int ifindex, int to);

/* What a dump of a device's HTB classes tells. */
typedef int (*tc_class_fn)(const struct tc_class *c, void *arg);
int tc_class_parse(const struct nlmsghdr *h, struct tc_class *ret);
int tc_class_dump(struct nl_sock *s, int ifindex, tc_class_fn fn, void *arg, struct nl_fail *f);

#endif
