/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of processors and of memory nodes, as cpuset and sysfs write them. */
#ifndef VZ_CG_CPUS_H
#define VZ_CG_CPUS_H

#include "base/util.h"

#define CG_CPUS_MAX 8192	/* NR_CPUS of any kernel */

struct cg_cpus {
	uint64_t bits[CG_CPUS_MAX / 64];
};

/* "0-3,8"; numbers from CG_CPUS_MAX on are left out.  -EINVAL. */
int cg_cpus_parse(const char *list, struct cg_cpus *ret);
/* Into @buf; false when it is too small. */
bool cg_cpus_format(const struct cg_cpus *s, char *buf, size_t size);
size_t cg_cpus_count(const struct cg_cpus *s);
void cg_cpus_and(struct cg_cpus *s, const struct cg_cpus *with);

/* What is there now.  A kernel without NUMA has node 0 with every processor. */
void cg_cpus_online(struct cg_cpus *ret);
void cg_nodes_online(struct cg_cpus *ret);
void cg_nodes_cpus(const struct cg_cpus *nodes, struct cg_cpus *ret);

/*
 * @n of the processors in @from, those that the fewest containers of @slice are
 * bound to; what container @ctid has now, if it is that many of @from.
 */
void cg_cpus_pick(const char *slice, uint32_t ctid, const struct cg_cpus *from, size_t n,
		  struct cg_cpus *ret);

#endif
