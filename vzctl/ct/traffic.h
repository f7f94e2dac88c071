/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traffic of a container by network class, since it was created.
 *
 * The kernel counts in a set of counters with a random number, which outlives
 * the container's links.  A file, /var/lib/vzctl/traffic/CTID, has for each
 * class the total of what it has taken over, the number of the set that it took
 * from last, and what that set showed then:
 *
 *	total = file.total + (live.set == file.set ? live - file.seen : live)
 *
 * So taking over is one rename, and whoever is killed before or after it, or
 * before the set is deleted, has counted nothing twice and lost nothing.
 * Written under the container's lock, read without: a reader that finds another
 * file after it has read the kernel's counters begins again.
 */
#ifndef VZ_CT_TRAFFIC_H
#define VZ_CT_TRAFFIC_H

#include "base/err.h"
#include "conf/traffic.h"

/* As the container sees it: rx came in.  Bytes from the IP header on. */
struct ct_count {
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

struct ct_traffic {
	uint16_t have;			/* bit n: class n has been counted */
	struct ct_count cls[CONF_CLASSES];
};

/* 0, or -ENOENT (no error is set) when nothing was ever counted. */
int ct_traffic_read(uint32_t id, struct ct_traffic *ret, struct vz_err *e);
/* The same for many containers: the kernel is asked once.  NULL when it cannot be. */
struct ct_traffic_all;
struct ct_traffic_all *ct_traffic_all_read(struct vz_err *e);
int ct_traffic_all_get(const struct ct_traffic_all *a, uint32_t id, struct ct_traffic *ret,
		       struct vz_err *e);
void ct_traffic_all_free(struct ct_traffic_all *a);
/* All classes together. */
void ct_traffic_sum(const struct ct_traffic *t, struct ct_count *ret);
/*
 * Takes over what a running container's counters show now: what a crash of the
 * node can lose is what came after.  The caller holds the container's lock.
 */
int ct_traffic_save(uint32_t id, struct vz_err *e);

#endif
