/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counters of class 1 in the maps of dp.h, for containers without a class file and
 * caps; between traffic.c and traffic-bpf.c.  Maps are opened here; where there are
 * none, nothing is counted.
 */
#ifndef NETNS_TRAFFIC_BPF_H
#define NETNS_TRAFFIC_BPF_H

#include "net-traffic.h"
#include "rate.h"

/* 1: all its links can be counted here; not one that nf_tables guards, which comes later. */
int bpf_traffic_can(const struct net_plan *p, const struct net_traffic *t,
		    const struct rate_link *links, size_t n, struct vz_err *e);
/* From now on they are, in the set @id. */
int bpf_traffic_on(struct nl_sock *h, const struct net_plan *p, const struct rate_link *links,
		   size_t n, uint64_t id, struct vz_err *e);
/* And no more; the counters stay, in the set @id as all that the container has. */
int bpf_traffic_off(const struct net_plan *p, const struct rate_link *links, size_t n,
		    uint64_t id, struct vz_err *e);
/* Those of @ctid (0: of all), a part for each link. */
int bpf_traffic_read(uint32_t ctid, net_counts_fn fn, void *arg, struct vz_err *e);
int bpf_traffic_remove(uint32_t ctid, struct vz_err *e);

#endif
