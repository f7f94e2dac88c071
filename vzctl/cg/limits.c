// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "cg"
#include <inttypes.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/cg.h"

struct applier {
	int scope;
	unsigned int missing;
	struct vz_err *e;
};

/* A missing file means a missing controller: reported, never fatal. */
static int put(struct applier *a, enum cg_ctrl ctrl, enum vz_code code, const char *file,
	       const char *value)
{
	int r = io_write_small_at(a->scope, file, value);

	if (r == -ENOENT) {
		a->missing |= ctrl;
		return 0;
	}
	if (r < 0)
		return vz_fail(a->e, code, -r, "Unable to write '%s' to cgroup file '%s'", value,
			       file);
	return 0;
}

static int put_u64(struct applier *a, enum cg_ctrl ctrl, enum vz_code code, const char *file,
		   uint64_t v)
{
	char buf[32];

	if (v == CG_NONE)
		return 0;
	if (v >= VZ_UNLIMITED)
		return put(a, ctrl, code, file, "max");
	snprintf(buf, sizeof(buf), "%" PRIu64, v);
	return put(a, ctrl, code, file, buf);
}

static int put_cpu(struct applier *a, const struct cg_limits *l)
{
	char buf[64];
	int r = put_u64(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.weight", l->cpu_weight);

	if (r < 0 || l->cpu_quota == CG_NONE)
		return r;
	if (l->cpu_quota == 0)
		return put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max", "max 100000");
	snprintf(buf, sizeof(buf), "%" PRIu64 " 100000", l->cpu_quota * 1000);
	return put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max", buf);
}

static void fmt_io(char *buf, size_t size, uint64_t v)
{
	if (v == 0 || v == CG_NONE)
		snprintf(buf, size, "max");
	else
		snprintf(buf, size, "%" PRIu64, v);
}

static int put_io(struct applier *a, const struct cg_limits *l)
{
	char buf[160], bps[24], iops[24];
	int r = 0;

	/* BFQ has a name of its own for the weight; without either: no weights. */
	if (l->io_weight != CG_NONE) {
		r = put_u64(a, 0, VZ_SET_IO, "io.weight", l->io_weight);
		if (r == 0)
			r = put_u64(a, 0, VZ_SET_IO, "io.bfq.weight", l->io_weight);
	}
	if (r < 0 || (l->io_bps == CG_NONE && l->io_iops == CG_NONE))
		return r;
	if (!l->io_dev) {
		if ((l->io_bps && l->io_bps != CG_NONE) || (l->io_iops && l->io_iops != CG_NONE))
			a->missing |= CG_IO;
		return 0;
	}
	fmt_io(bps, sizeof(bps), l->io_bps);
	fmt_io(iops, sizeof(iops), l->io_iops);
	snprintf(buf, sizeof(buf), "%u:%u rbps=%s wbps=%s riops=%s wiops=%s", major(l->io_dev),
		 minor(l->io_dev), bps, bps, iops, iops);
	return put(a, CG_IO, VZ_SET_IO, "io.max", buf);
}

int cg_limits_apply(int scope, const struct cg_limits *l, unsigned int *ret_missing,
		    struct vz_err *e)
{
	struct applier a = { .scope = scope, .e = e };
	int r;

	r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.max", l->mem_max);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.swap.max", l->swap_max);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.low", l->mem_low);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.high", l->mem_high);
	if (r == 0)
		r = put_u64(&a, CG_PIDS, VZ_SETUBC_ERROR, "pids.max", l->pids_max);
	if (r == 0)
		r = put_cpu(&a, l);
	if (r == 0 && l->cpus)
		r = put(&a, CG_CPUSET, VZ_SETFSHD_ERROR, "cpuset.cpus", l->cpus);
	if (r == 0 && l->mems)
		r = put(&a, CG_CPUSET, VZ_SETFSHD_ERROR, "cpuset.mems", l->mems);
	if (r == 0)
		r = put_io(&a, l);
	if (r == 0)
		*ret_missing = a.missing;
	return r;
}

uint64_t cg_stat_u64(int scope, const char *file)
{
	uint64_t v;
	char buf[32];

	if (io_read_small_at(scope, file, buf, sizeof(buf)) < 0 || num_parse_u64(buf, &v) < 0)
		return CG_NONE;
	return v;
}

uint64_t cg_stat_key(int scope, const char *file, const char *key)
{
	size_t klen = strlen(key);
	char buf[2048], *save = NULL;
	uint64_t v;

	if (io_read_small_at(scope, file, buf, sizeof(buf)) < 0)
		return CG_NONE;
	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (strncmp(l, key, klen) == 0 && l[klen] == ' ' &&
		    num_parse_u64(l + klen + 1, &v) == 0)
			return v;
	return CG_NONE;
}
