/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container's cgroup: <v2 mount>/SLICE/vz-CTID.scope/ct
 *
 * Limits are written to the scope, which belongs to the host; `ct` is the root
 * of the container's cgroup namespace and is delegated to its root user
 * (Documentation/admin-guide/cgroup-v2.rst, "Delegation").  Monitors sit in
 * SLICE/mon, outside of every container's limits.
 *
 * Only the v2 hierarchy is used.  On hybrid hosts, where it has no
 * controllers, containers start and cg_create() reports what is missing.
 */
#ifndef VZ_CG_CG_H
#define VZ_CG_CG_H

#include <sys/types.h>

#include "base/err.h"
#include "cg/usage.h"

enum cg_ctrl {
	CG_CPU = 1u << 0,
	CG_MEMORY = 1u << 1,
	CG_PIDS = 1u << 2,
	CG_IO = 1u << 3,
	CG_CPUSET = 1u << 4,
	CG_HUGETLB = 1u << 5,	/* never missed: see cg_limits.huge_max */
};

struct cg_limits {
	uint64_t mem_max, swap_max;	/* bytes; CG_NONE */
	uint64_t mem_low, mem_high;
	uint64_t pids_max;
	uint64_t cpu_weight;		/* 1..10000 */
	uint64_t cpu_quota;		/* percent of one CPU, 0 = max */
	uint64_t cpu_burst;		/* the same unit, at most the quota */
	uint64_t io_weight;
	uint64_t io_bps, io_iops;	/* per second and direction, 0 = max */
	dev_t io_dev;			/* disk or partition that they are for, 0 = unknown */
	bool set_cpus, set_mems;	/* write the cpuset lists; "" is all */
	char cpus[1024], mems[256];
	bool set_huge;
	uint64_t huge_max;		/* bytes of huge pages, of each size */
};

#define CG_LIMITS_INIT                                                             \
	((struct cg_limits){ .mem_max = CG_NONE, .swap_max = CG_NONE,              \
			     .mem_low = CG_NONE, .mem_high = CG_NONE,              \
			     .pids_max = CG_NONE, .cpu_weight = CG_NONE,           \
			     .cpu_quota = CG_NONE, .cpu_burst = CG_NONE,           \
			     .io_weight = CG_NONE, .io_bps = CG_NONE,              \
			     .io_iops = CG_NONE })

/* Root of the v2 hierarchy: an O_PATH fd, or 181. */
int cg_root_open(struct vz_err *e);
/* The scope of a container, O_PATH; -ENOENT (@e untouched) when it has none. */
int cg_scope_open(const char *slice, uint32_t ctid);
/* The number in "vz-101.scope", 0 for another name; @name ends at NUL or '/'. */
uint32_t cg_scope_ctid(const char *name);

struct cg {
	int scope, ct, mon;	/* O_PATH descriptors of the three groups */
};

#define CG_INIT ((struct cg){ -EBADF, -EBADF, -EBADF })

/*
 * Makes the groups (existing empty ones are reused), applies @l and delegates
 * `ct` to @uid:@gid.  *ret_missing: controllers that @l needs and the host's
 * v2 hierarchy does not offer.
 */
int cg_create(const char *slice, uint32_t ctid, const struct cg_limits *l, uid_t uid, gid_t gid,
	      struct cg *ret, unsigned int *ret_missing, struct vz_err *e);
void cg_done(struct cg *cg);
/* SLICE/mon, made when missing: O_PATH. */
int cg_mon_open(const char *slice, struct vz_err *e);

/* Writes the limits that are set; live changes use it too.  1, 2 or 148. */
int cg_limits_apply(int scope, const struct cg_limits *l, unsigned int *ret_missing,
		    struct vz_err *e);
/* Does somebody (BFQ, io.cost) look at io_weight for this disk or partition? */
bool cg_io_weight_active(dev_t dev);
/* "cpu memory" for messages, into @buf. */
const char *cg_ctrl_names(unsigned int ctrls, char *buf, size_t size);

/* ---- devices -------------------------------------------------------- */

enum cg_dev_access {	/* BPF_DEVCG_ACC_* of linux/bpf.h */
	CG_DEV_MKNOD = 1u << 0,
	CG_DEV_READ = 1u << 1,
	CG_DEV_WRITE = 1u << 2,
	CG_DEV_ALL = CG_DEV_MKNOD | CG_DEV_READ | CG_DEV_WRITE,
};

struct cg_dev_rule {
	char type;		/* 'b' or 'c' */
	int32_t major, minor;	/* -1: all */
	unsigned int access;	/* what is allowed: 0 refuses the device */
};

/*
 * What the container may do with device nodes, wherever they are: the most exact
 * rule decides, of equal ones the last, and without one nothing is allowed.
 * Replaces what was attached in one step.  86; errno EOPNOTSUPP where the kernel
 * or a missing privilege does not let us.
 */
int cg_devices_apply(int scope, const struct cg_dev_rule *rules, size_t n, struct vz_err *e);

/* ------------------------------------------------------------------------ */

/* Is a process in the container's subtree? */
bool cg_populated(const char *slice, uint32_t ctid);
bool cg_frozen(const char *slice, uint32_t ctid);
/* Freezes or thaws the scope and waits up to a second for it. */
int cg_freeze(const char *slice, uint32_t ctid, bool freeze, struct vz_err *e);
/* Kills whatever is inside, waits until it is gone, removes the groups. */
int cg_destroy(const char *slice, uint32_t ctid, struct vz_err *e);

/*
 * The group that a new process of the container joins: `ct`, or where its init
 * is when `ct` has become an inner node ("no internal processes").  O_PATH fd.
 */
int cg_join_open(const char *slice, uint32_t ctid, pid_t init, struct vz_err *e);

/* ---- looking: reads only -------------------------------------------- */

struct cg_scope {
	uint32_t ctid;
	bool populated, frozen;
};

/*
 * Every container's scope in @slice, ascending; *ret owned by the caller.  A
 * host without the slice, or without a v2 hierarchy, has none.
 */
int cg_scopes(const char *slice, struct cg_scope **ret, size_t *ret_n, struct vz_err *e);
/*
 * The container that process @pid belongs to, 0 for the node's own.  -ESRCH
 * when there is no such process.  Needs no rights: only /proc/PID/cgroup.
 */
int cg_pid_ctid(const char *slice, pid_t pid, uint32_t *ret);
/*
 * Threads in the subtree, without the pids controller.  -E2BIG for a tree that
 * a container has made too deep or too large to be counted in a listing.
 */
int64_t cg_threads(int scope);
/*
 * Forks that pids.max of the scope refused.  Before 6.11 the kernel counts them
 * where the process is, whoever's limit it was: then the sum of the groups that
 * still exist.  CG_NONE when unknown.
 */
uint64_t cg_failed_forks(int scope);

/* One number of a scope's file ("memory.current"); CG_NONE when absent or "max". */
uint64_t cg_stat_u64(int scope, const char *file);
/* One key of a flat-keyed file ("memory.events", "oom_kill"). */
uint64_t cg_stat_key(int scope, const char *file, const char *key);

#endif
