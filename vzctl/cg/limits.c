// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "cg"
#include <dirent.h>
#include <fcntl.h>
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
	/* A burst above the quota is EINVAL: away with it before the quota changes. */
	if (l->cpu_burst != CG_NONE)
		r = put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max.burst", "0");
	if (r < 0)
		return r;
	if (l->cpu_quota == 0)
		return put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max", "max 100000");
	snprintf(buf, sizeof(buf), "%" PRIu64 " 100000", l->cpu_quota * 1000);
	r = put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max", buf);
	if (r < 0 || l->cpu_burst == CG_NONE)
		return r;
	snprintf(buf, sizeof(buf), "%" PRIu64,
		 (l->cpu_burst < l->cpu_quota ? l->cpu_burst : l->cpu_quota) * 1000);
	return put(a, CG_CPU, VZ_SETFSHD_ERROR, "cpu.max.burst", buf);
}

static bool io_none(uint64_t v)
{
	return v == 0 || v == CG_NONE;
}

/* io.max takes whole disks: the one that a partition is on (ENODEV otherwise). */
static dev_t io_disk(dev_t dev)
{
	unsigned int ma, mi;
	char path[64], buf[32];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", major(dev), minor(dev));
	if (!dev || !io_exists(path))
		return dev;
	/* Behind the link, which the kernel follows first. */
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", major(dev), minor(dev));
	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0 ||
	    sscanf(buf, "%u:%u", &ma, &mi) != 2)
		return dev;
	return makedev(ma, mi);
}

bool cg_io_weight_active(dev_t dev)
{
	_cleanup_close_ int root = cg_root_open(VZ_IGNORE);
	dev_t disk = io_disk(dev);
	char path[80], buf[4096], id[32], *line;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/scheduler", major(disk),
		 minor(disk));
	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) > 0 && strstr(buf, "[bfq]"))
		return true;
	/* "8:0 enable=1 ctrl=auto ...", a line for each disk. */
	snprintf(id, sizeof(id), "%u:%u enable=1", major(disk), minor(disk));
	if (root < 0 || io_read_small_at(root, "io.cost.qos", buf, sizeof(buf)) <= 0)
		return false;
	line = strstr(buf, id);
	return line && (line == buf || line[-1] == '\n');
}

static void fmt_io(char *buf, size_t size, uint64_t v)
{
	if (io_none(v))
		snprintf(buf, size, "max");
	else
		snprintf(buf, size, "%" PRIu64, v);
}

static int put_io(struct applier *a, const struct cg_limits *l)
{
	char buf[160], bps[24], iops[24];
	dev_t dev;
	int r = 0;

	/* BFQ has a name of its own for the weight; without either: no weights. */
	if (l->io_weight != CG_NONE) {
		r = put_u64(a, 0, VZ_SET_IO, "io.weight", l->io_weight);
		if (r == 0)
			r = put_u64(a, 0, VZ_SET_IO, "io.bfq.weight", l->io_weight);
	}
	if (r < 0 || (l->io_bps == CG_NONE && l->io_iops == CG_NONE))
		return r;
	/* File systems on several devices have a number that is none of theirs. */
	dev = io_disk(l->io_dev);
	if (!major(dev)) {
		if (!io_none(l->io_bps) || !io_none(l->io_iops))
			a->missing |= CG_IO;
		return 0;
	}
	fmt_io(bps, sizeof(bps), l->io_bps);
	fmt_io(iops, sizeof(iops), l->io_iops);
	snprintf(buf, sizeof(buf), "%u:%u rbps=%s wbps=%s riops=%s wiops=%s", major(dev),
		 minor(dev), bps, bps, iops, iops);
	/* Where there never was a limit there is none to take back. */
	if (io_none(l->io_bps) && io_none(l->io_iops))
		return put(a, 0, VZ_SET_IO, "io.max", buf);
	return put(a, CG_IO, VZ_SET_IO, "io.max", buf);
}

/*
 * "" takes a list back, and needs no controller.  A group with processes may not
 * become one without a list (ENOSPC): then it gets all that its parent has.
 */
static int put_set(struct applier *a, const char *file, const char *list)
{
	char all[4096], path[64];

	if (!list)
		return 0;
	if (*list)
		return put(a, CG_CPUSET, VZ_SETFSHD_ERROR, file, list);
	if (io_write_small_at(a->scope, file, "\n") != -ENOSPC)
		return 0;
	snprintf(path, sizeof(path), "../%s.effective", file);
	if (io_read_small_at(a->scope, path, all, sizeof(all)) < 0)
		return vz_fail(a->e, VZ_SETFSHD_ERROR, errno, "Unable to read cgroup file '%s'",
			       path);
	return put(a, CG_CPUSET, VZ_SETFSHD_ERROR, file, all);
}

/*
 * Huge pages come from a pool of the node's, not from memory.max, and mmap(2) gives
 * them to anybody: without a limit one container takes those of the node's guests.
 * A file for each size; "hugetlb.2MB.rsvd.max" limits what is reserved, and fails
 * mmap(2) where the other would send SIGBUS.
 */
static int put_huge(struct applier *a, const struct cg_limits *l)
{
	_cleanup_close_ int fd = -EBADF;
	struct dirent *de;
	int r = 0;
	DIR *d;

	if (!l->set_huge)
		return 0;
	fd = openat(a->scope, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return vz_fail(a->e, VZ_SETUBC_ERROR, errno, "Unable to read the cgroup");
	(void)take_fd(&fd);
	while (r == 0 && (de = readdir(d))) {
		size_t n = strlen(de->d_name);

		if (str_has_prefix(de->d_name, "hugetlb.") && n > 4 &&
		    str_eq(de->d_name + n - 4, ".max"))
			r = put_u64(a, 0, VZ_SETUBC_ERROR, de->d_name, l->huge_max);
	}
	closedir(d);
	return r;
}

int cg_limits_apply(int scope, const struct cg_limits *l, unsigned int *ret_missing,
		    struct vz_err *e)
{
	struct applier a = { .scope = scope, .e = e };
	int r;

	/* Swap first: less memory with more swap kills nobody. */
	r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.swap.max", l->swap_max);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.max", l->mem_max);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.low", l->mem_low);
	if (r == 0)
		r = put_u64(&a, CG_MEMORY, VZ_SETUBC_ERROR, "memory.high", l->mem_high);
	if (r == 0)
		r = put_u64(&a, CG_PIDS, VZ_SETUBC_ERROR, "pids.max", l->pids_max);
	if (r == 0)
		r = put_cpu(&a, l);
	if (r == 0)
		r = put_set(&a, "cpuset.cpus", l->set_cpus ? l->cpus : NULL);
	if (r == 0)
		r = put_set(&a, "cpuset.mems", l->set_mems ? l->mems : NULL);
	if (r == 0)
		r = put_huge(&a, l);
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
