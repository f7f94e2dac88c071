/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a group that are more than one number.  @group: its descriptor. */
#ifndef VZ_CG_USAGE_H
#define VZ_CG_USAGE_H

#include "base/util.h"

#define CG_NONE UINT64_MAX	/* unknown; in struct cg_limits: not written */

/* Stalls (Documentation/accounting/psi.rst); CG_NONE for a line that is not there. */
struct cg_psi {
	uint64_t avg10, avg60, avg300;	/* hundredths of a per cent */
	uint64_t total;			/* microseconds */
};

struct cg_pressure {
	struct cg_psi some, full;
};

/* @file: "memory.pressure".  All CG_NONE where the kernel does not measure. */
void cg_pressure(int group, const char *file, struct cg_pressure *ret);

/* cpu.stat, in microseconds; all from the throttling on only with the cpu controller. */
struct cg_cpu {
	uint64_t usage, user, system;
	uint64_t periods, throttled, throttled_usec;
	uint64_t weight;
	uint64_t limit;			/* per cent of one processor; VZ_UNLIMITED */
};

void cg_cpu(int group, struct cg_cpu *ret);

/* What io.stat and io.max say of a device.  Stacked devices (dm on sda) each have their own. */
struct cg_io {
	unsigned int major, minor;
	char name[32];			/* "sda", "" when it is gone */
	uint64_t rbytes, wbytes, rios, wios;
	uint64_t rbps, wbps, riops, wiops;	/* io.max; VZ_UNLIMITED */
};

/* False without the io controller.  *ret: devices with traffic or a limit, owned. */
bool cg_io(int group, struct cg_io **ret, size_t *ret_n);

#endif
