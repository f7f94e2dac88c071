/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath at the ports of containers: BPF programs at tcx (Linux 6.6) and their
 * maps, bpf/port.h, for guard-bpf.c and traffic-bpf.c.
 *
 * Maps and programs are files below /sys/fs/bpf: they outlive every process and, with the
 * counters, the devices.  Nothing changes a program that is there: another vzctl has
 * another one, which takes the same maps.
 */
#ifndef NETNS_DP_H
#define NETNS_DP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "bpf/port.h"

enum dp_map { DP_ports, DP_own, DP_nets, DP_stats, DP_slow, DP_peers, DP_owners, DP_MAPS };
enum dp_prog { DP_INGRESS, DP_EGRESS, DP_PROGS };

/*
 * For what follows, once for a process.  No error is set by -ENOENT, there is nothing
 * yet, and -EOPNOTSUPP.
 */
int dp_open(struct vz_err *e);
/* The same, and makes what is missing; -EOPNOTSUPP where the kernel has no tcx.  Code 3. */
int dp_make(struct vz_err *e);
/*
 * dp_make(), and a lock: while it is held nobody takes the maps, or elements that no
 * port has yet, away.  Its descriptor is the caller's.  Code 3.
 */
int dp_hold(struct vz_err *e);
/* LOCK_EX, for dp_tidy() and to look for elements that somebody who was killed has left. */
int dp_lock(int how);
/* Everything, if no port and no counters are there.  The caller has the lock. */
void dp_tidy(void);

/* Elements; -errno of bpf(2), no error is set.  @flags: BPF_NOEXIST, BPF_EXIST or 0. */
int dp_get(enum dp_map map, const void *key, void *value);
int dp_put(enum dp_map map, const void *key, const void *value, uint64_t flags);
int dp_del(enum dp_map map, const void *key);
/* All keys, each once, while others change the map; *(TYPE **)@ret is the caller's. */
int dp_keys(enum dp_map map, void *ret, size_t *ret_n);

/* Counters of all processors together. */
int dp_stats_get(uint32_t ifindex, struct port_stats *ret);
/* A set of zeros, if there is none. */
int dp_stats_make(uint32_t ifindex);

/* Before all others of the device; -errno, no error is set.  Twice is fine. */
int dp_attach(enum dp_prog prog, uint32_t ifindex);
/* What this or another vzctl has attached; none is fine. */
int dp_detach(enum dp_prog prog, uint32_t ifindex);
/* 1: the program of this vzctl is the first of the device. */
int dp_attached(enum dp_prog prog, uint32_t ifindex);

/* ---- whose counters these are (guard-bpf.c) ------------------------------ */

/* The device is @ctid's, and has counters; @id: of the set, or 0 for what it was. */
int bpf_port_own(uint32_t ctid, uint32_t ifindex, const char *dev, uint64_t id);
/* Everything that a device of this number has, or had. */
void bpf_port_forget(uint32_t ifindex);
/* Others of its bridge find @p, that of @ifindex, or (not @add) do not any more. */
void bpf_peer_put(const struct port *p, uint32_t ifindex, bool add);
typedef void (*bpf_owner_fn)(uint32_t ifindex, const struct port_owner *o, void *arg);
int bpf_owners(bpf_owner_fn fn, void *arg);

#endif
