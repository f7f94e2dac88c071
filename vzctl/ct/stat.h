/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at containers: for programs that list them.  Reads only, takes no
 * lock, and costs nothing that is not asked for.
 *
 * A number that this node cannot give (no controller, no quota, container not
 * running) is CT_UNKNOWN: front ends print "-" or null, never a guess.
 */
#ifndef VZ_CT_STAT_H
#define VZ_CT_STAT_H

#include <sys/types.h>

#include "base/err.h"
#include "cg/usage.h"
#include "conf/conf.h"

#define CT_UNKNOWN UINT64_MAX

/* ---- the node at one moment ----------------------------------------- */

struct ct_view;

/* @node is borrowed. */
int ct_view_open(const struct conf *node, struct ct_view **ret, struct vz_err *e);
void ct_view_free(struct ct_view *v);
static inline void ct_view_freep(struct ct_view **v)
{
	ct_view_free(*v);
}

/* Running containers, ascending. */
size_t ct_view_count(const struct ct_view *v);
uint32_t ct_view_id(const struct ct_view *v, size_t i);
bool ct_view_running(const struct ct_view *v, uint32_t id);
/* All its processes are stopped (chkpnt --suspend). */
bool ct_view_frozen(const struct ct_view *v, uint32_t id);
/* Has a dump: suspended unless it runs. */
bool ct_view_dumped(struct ct_view *v, uint32_t id);
const char *ct_view_slice(const struct ct_view *v);
/* How many containers will be asked about: decides how the next two find out. */
void ct_view_expect(struct ct_view *v, size_t n);
/* Is there something at @path, an absolute path (a private area)? */
bool ct_view_has_dir(struct ct_view *v, const char *path);
/* Is a file system mounted on @root itself? */
bool ct_view_mounted(struct ct_view *v, const char *root);

/* ---- one container --------------------------------------------------- */

struct ct_use {
	uint64_t held, max, fail;
	uint64_t limit;		/* in force; CT_UNKNOWN: what the config says */
};

/* A resource as vzubc shows it: the kernel's counters next to what the config says. */
struct ct_counter {
	uint64_t held, max, bar, lim, fail;
	bool enforced;		/* the kernel has this limit */
};

struct ct_disk {
	uint64_t used_kb, used_inodes;
	uint64_t hard_kb, hard_inodes;	/* 0: none */
	bool enforced;
};

/* Traffic of an interface, as the container sees it, counted on the node's side. */
struct ct_link {
	char name[16];			/* as its config names it: "venet0", "eth0" */
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;
};

/* What a container did since it started, and how often it waits. */
struct ct_usage {
	struct cg_cpu cpu;
	struct cg_pressure cpu_stall, memory_stall, io_stall;
	bool have_io;
	struct cg_io *io;		/* owned, like links */
	size_t n_io;
	struct ct_link *links;		/* venet0 first */
	size_t n_links;
};

/* In bytes; VZ_UNLIMITED for no limit, CT_UNKNOWN as everywhere here. */
struct ct_share {
	bool vswap;
	uint64_t mem_used, mem_peak, mem_fail;
	uint64_t mem_low, mem_max;	/* protected from reclaim; the most it may have */
	uint64_t swap_used, swap_peak, swap_fail, swap_max;
	uint64_t procs, procs_max;
	uint64_t cpu_units;
	uint64_t cpu_percent;		/* of one processor; VZ_UNLIMITED */
};

struct ct_stat {
	struct ct_view *view;		/* borrowed, like conf */
	const struct conf *conf;
	uint32_t id;
	bool running;
	/* filled when first asked for */
	int scope;
	unsigned int have;
	enum param_id use_of;
	struct ct_use use;
	struct ct_disk disk;
	pid_t init;
	uint64_t init_start;
	char *memory_stat;
	const char *layout;
};

void ct_stat_open(struct ct_view *v, uint32_t id, const struct conf *conf, struct ct_stat *ret);
void ct_stat_done(struct ct_stat *s);

/*
 * A resource of the UBC table (P_KMEMSIZE .. P_NUMIPTENT) in its 4.x unit, pages
 * of 4096 bytes whatever the node's are.
 */
const struct ct_use *ct_stat_use(struct ct_stat *s, enum param_id p);
void ct_stat_counter(struct ct_stat *s, enum param_id p, struct ct_counter *ret);
/* A number of the config in the same unit. */
uint64_t ct_conf_unit(enum param_id p, uint64_t n);
/*
 * Bytes of memory or swap.  False: *ret_limit is what the config asks for, and not
 * in force (not running, no controller).
 */
bool ct_stat_bytes(struct ct_stat *s, bool swap, uint64_t *ret_used, uint64_t *ret_limit);
const struct ct_disk *ct_stat_disk(struct ct_stat *s);
pid_t ct_stat_init(struct ct_stat *s);			/* host pid of init, or 0 */
uint64_t ct_stat_uptime_ms(struct ct_stat *s);		/* since init started */
uint64_t ct_stat_netns(struct ct_stat *s);		/* inode of its network namespace */
/* running, mounted, suspended or stopped */
const char *ct_stat_status(struct ct_stat *s);
/* All of it; everything is unknown, and no link there, when it does not run. */
void ct_stat_usage(struct ct_stat *s, struct ct_usage *ret);
void ct_usage_done(struct ct_usage *u);
/*
 * What it is promised and uses of the node.  Limits are those in force, of a
 * container that does not run those of its config.
 */
void ct_stat_share(struct ct_stat *s, struct ct_share *ret);
/* VE_LAYOUT, or what the private area shows to be; static or borrowed, NULL. */
const char *ct_stat_layout(struct ct_stat *s);

/* ---- one process ------------------------------------------------------ */

struct ct_pid {
	uint32_t ctid;		/* 0: of the node */
	pid_t inside;		/* its pid in the container; on the node: the same */
	char name[64];		/* comm, newlines escaped: what the process says of itself */
};

/* -ESRCH when there is no such process. */
int ct_pid_look(const char *slice, pid_t pid, struct ct_pid *ret);

/*
 * What a virtual machine could be started with: bytes of the node, and what of them is
 * spoken for.  free is 0 when that is more than there is.  docs/vm.md, admission.
 */
struct ct_admission {
	uint64_t total, node, cache, huge, vms, cts, free;
};

int ct_admission(struct ct_admission *ret, struct vz_err *e);

#endif
