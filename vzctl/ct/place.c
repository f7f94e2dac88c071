// SPDX-License-Identifier: GPL-2.0-or-later
/* Which processors, memory nodes and disk a container has to do with. */
#define VZ_ROOM "ct"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/io.h"
#include "base/log.h"
#include "cg/cpus.h"
#include "ct/ct-int.h"

static bool is_list(const char *s)
{
	return s && isdigit((unsigned char)*s);
}

static bool is_word(const char *s, const char *word)
{
	return s && str_eq(s, word);
}

/* A list as far as it is online. */
static int online_part(const char *key, const char *list, const struct cg_cpus *online,
		       struct cg_cpus *ret, struct vz_err *e)
{
	if (cg_cpus_parse(list, ret) < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Bad %s '%s'", key, list);
	cg_cpus_and(ret, online);
	if (!cg_cpus_count(ret))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "%s %s: this node has none of them", key, list);
	return 0;
}

static int put_list(const struct cg_cpus *s, char *buf, size_t size, bool *ret_set,
		    struct vz_err *e)
{
	if (!cg_cpus_format(s, buf, size)) {
		*buf = '\0';
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "CPUMASK or NODEMASK has too many ranges");
	}
	*ret_set = true;
	return 0;
}

static int cpu_set(const struct ct *ct, const struct cg_cpus *nodes, struct cg_limits *l,
		   struct vz_err *e)
{
	const char *mask = conf_str(ct->conf, P_CPUMASK);
	uint64_t n = conf_u64(ct->conf, P_CPUS, 0);
	struct cg_cpus online, s;
	int r = 0;

	cg_cpus_online(&online);
	s = online;
	if (is_list(mask))
		r = online_part("CPUMASK", mask, &online, &s, e);
	else if (is_word(mask, "auto"))
		cg_nodes_cpus(nodes, &s);
	if (r < 0)
		return r;
	if (conf_bool(ct->conf, P_CPUPIN, false) && n && n < cg_cpus_count(&s))
		cg_cpus_pick(ct->slice, ct->id, &s, (size_t)n, &s);
	else if (!is_list(mask) && cg_cpus_count(&s) == cg_cpus_count(&online))
		memset(&s, 0, sizeof(s));	/* all: also those that come later */
	return put_list(&s, l->cpus, sizeof(l->cpus), &l->set_cpus, e);
}

int ct_cpu_sets(const struct ct *ct, struct cg_limits *l, struct vz_err *e)
{
	const char *mask = conf_str(ct->conf, P_NODEMASK);
	struct cg_cpus online, nodes;
	int r = 0;

	cg_nodes_online(&online);
	nodes = online;
	/* "all" is written, too, because set may take a list back. */
	if (is_list(mask))
		r = online_part("NODEMASK", mask, &online, &nodes, e);
	if (is_list(mask) && r == 0)
		r = put_list(&nodes, l->mems, sizeof(l->mems), &l->set_mems, e);
	else if (mask && r == 0)
		l->set_mems = true;
	if (r < 0 || (!conf_has(ct->conf, P_CPUMASK) && !conf_has(ct->conf, P_CPUPIN)))
		return r;
	return cpu_set(ct, &nodes, l, e);
}

/*
 * btrfs has device numbers of its own for each subvolume, and another for the mount: the
 * mount table names its (first) device.
 */
static dev_t mounted_device(const char *path)
{
	char line[4096], src[1024];
	unsigned long long id;
	struct statx sx;
	struct stat st;
	dev_t found = 0;
	FILE *f;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &sx) < 0 || !(sx.stx_mask & STATX_MNT_ID))
		return 0;
	f = fopen("/proc/self/mountinfo", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		const char *dash = strstr(line, " - ");

		if (sscanf(line, "%llu", &id) == 1 && id == sx.stx_mnt_id && dash &&
		    sscanf(dash + 3, "%*s %1023s", src) == 1 && *src == '/' &&
		    stat(src, &st) == 0 && S_ISBLK(st.st_mode))
			found = st.st_rdev;
	}
	if (f)
		fclose(f);
	return found;
}

dev_t ct_disk_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return 0;
	return major(st.st_dev) ? st.st_dev : mounted_device(path);
}

void ct_place(const struct ct *ct, struct cg_limits *l)
{
	const char *private = conf_str(ct->conf, P_VE_PRIVATE);
	struct vz_err e = VZ_ERR_INIT;

	/* A file keeps no container from starting; set refuses such a mask. */
	if (ct_cpu_sets(ct, l, &e) < 0)
		vz_warn("%s, ignoring", e.msg);
	if (private && (l->io_bps != CG_NONE || l->io_iops != CG_NONE))
		l->io_dev = ct_disk_of(private);
}
