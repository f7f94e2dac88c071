// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzcfgvalidate [-r|-i] [-v yes|no] FILE: does this configuration make sense
 * on this node, and what do its old knobs mean today?
 *
 * Problems count (exit 2), notes do not.  -r repairs what has one sensible
 * repair, -i asks first.
 */
#define VZ_ROOM "valid"
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "conf/conf.h"
#include "ct/ct.h"

#define RESERVE_PERCENT 80	/* of the node's memory that guarantees may add up to */

struct check {
	const char *path;
	uint32_t ctid;			/* 0: the file is no CTID.conf */
	struct conf *c;			/* the file's own values */
	struct conf *node;		/* vz.conf or NULL */
	struct conf_change *repair;
	bool vswap;
	enum { ASK, ALWAYS, NEVER } mode;
	unsigned int problems, repaired;
	uint64_t page, ram, swap;	/* of the node, bytes */
};

__printf(2, 3) static void problem(struct check *k, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("Error: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	k->problems++;
}

__printf(1, 2) static void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("Note: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* Records a repair, if wanted; the problem no longer counts then. */
static void repair(struct check *k, enum param_id p, const char *value)
{
	char answer[8] = "y";

	if (k->mode == NEVER)
		return;
	if (k->mode == ASK) {
		fprintf(stderr, "Set %s=\"%s\" (y/n) [y]? ", param_get(p)->key, value);
		if (!fgets(answer, sizeof(answer), stdin) || *answer == 'n' || *answer == 'N')
			return;
	}
	if (conf_change_set(k->repair, p, value, CONF_FILE, VZ_IGNORE) == 0)
		k->repaired++;
}

static bool limit_of(const struct check *k, enum param_id p, uint64_t *ret)
{
	struct conf_pair v;

	if (!conf_pair(k->c, p, &v) || v.lim == VZ_UNLIMITED || v.lim == INT_MAX)
		return false;
	*ret = v.lim;
	return true;
}

static void check_pairs(struct check *k)
{
	param_for_each(p) {
		const struct param *row = param_get(p);
		struct conf_pair v;
		char fix[64];

		if (!conf_pair(k->c, p, &v) || v.bar <= v.lim)
			continue;
		/* Only the limit counts; 4.x wrote anything into the barrier. */
		if (p == P_PHYSPAGES || p == P_SWAPPAGES)
			continue;
		problem(k, "%s: barrier %" PRIu64 " is above limit %" PRIu64, row->key,
			v.bar, v.lim);
		snprintf(fix, sizeof(fix), "%" PRIu64 ":%" PRIu64, v.bar, v.bar);
		repair(k, p, fix);
	}
}

static void check_memory(struct check *k)
{
	uint64_t ram, swap;

	if (limit_of(k, P_PHYSPAGES, &ram) && ram > k->ram / k->page)
		problem(k, "PHYSPAGES: %" PRIu64 " MB are more than the node's %" PRIu64 " MB",
			ram * k->page >> 20, k->ram >> 20);
	if (limit_of(k, P_SWAPPAGES, &swap) && swap > k->swap / k->page)
		note("SWAPPAGES: %" PRIu64 " MB are more than the node's %" PRIu64 " MB of swap",
		     swap * k->page >> 20, k->swap >> 20);
	if (k->vswap && !limit_of(k, P_PHYSPAGES, &ram))
		problem(k, "PHYSPAGES: a VSwap container needs a limit: vzctl set --ram");
	if (k->vswap && !conf_has(k->c, P_SWAPPAGES)) {
		problem(k, "SWAPPAGES: not set, so the container has no swap");
		repair(k, P_SWAPPAGES, "0");
	}
	if (k->page != 4096 && conf_has(k->c, P_PHYSPAGES))
		note("PHYSPAGES: numbers without a suffix are pages of %" PRIu64
		     " bytes here; a file from a node with 4096 byte pages means less", k->page);
}

/* A configuration by resources: what the memory limit will be. */
static void explain_ubc(const struct check *k)
{
	static const enum param_id parts[] = { P_KMEMSIZE, P_TCPSNDBUF, P_TCPRCVBUF, P_OTHERSOCKBUF,
					       P_DGRAMRCVBUF };
	uint64_t sum, n;

	if (k->vswap)
		return;
	if (!limit_of(k, P_PRIVVMPAGES, &sum) || __builtin_mul_overflow(sum, k->page, &sum)) {
		note("no PHYSPAGES and no PRIVVMPAGES limit: the container may use all of the "
		     "node's memory");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (limit_of(k, parts[i], &n) && __builtin_add_overflow(sum, n, &sum))
			return;
	note("the resource limits together are enforced as one memory limit; the same as a VSwap "
	     "container is: vzctl set CTID --ram %" PRIu64 "K --swap 0 --save", sum >> 10);
}

static void explain_knobs(const struct check *k)
{
	uint64_t units = conf_u64(k->c, P_CPUUNITS, 1000);

	if (units < 15 || units > 100000)
		note("CPUUNITS: %" PRIu64 " is taken as %d", units, units < 15 ? 10 : 100000);
	if (conf_u64(k->c, P_QUOTATIME, 0))
		note("QUOTATIME: the grace time is one for the whole file system, not per "
		     "container");
	if (conf_has(k->c, P_NUMFLOCK))
		note("NUMFLOCK: Linux does not count file locks per container");
	if (!conf_has(k->c, P_ONBOOT))
		note("ONBOOT: not set; libvirt 9 crashes on such a file");
	if (conf_has(k->c, P_LOCAL_UID) && !conf_u64(k->c, P_LOCAL_UID, 1))
		note("LOCAL_UID: 0 makes root inside the container root of the node");
	param_for_each(p) {
		const struct param *row = param_get(p);

		if (!conf_has(k->c, p) || (row->action != PA_WARN && row->action != PA_REJECT))
			continue;
		/* 0, no and the empty string are what "off" looks like. */
		if (row->type == PT_UINT && !conf_u64(k->c, p, 0))
			continue;
		note("%s: no effect: %s", row->key, row->reason);
	}
}

/* The size of the file system that holds, or will hold, @path; 0 when unknown. */
static uint64_t fs_kb(const char *path)
{
	_cleanup_free_ char *p = xstrdup(path);
	struct statvfs st;

	for (;;) {
		char *slash;

		if (statvfs(p, &st) == 0)
			return (uint64_t)st.f_blocks * st.f_frsize / 1024;
		slash = strrchr(p, '/');
		if (errno != ENOENT || !slash || slash == p)
			return 0;
		*slash = '\0';
	}
}

static void check_disk(struct check *k)
{
	const char *private = conf_str(k->c, P_VE_PRIVATE);
	struct conf_pair v;
	uint64_t size;

	if (!private && k->node)
		private = conf_str(k->node, P_VE_PRIVATE);
	if (!private || !conf_pair(k->c, P_DISKSPACE, &v) || v.lim == VZ_UNLIMITED)
		return;
	size = fs_kb(private);
	if (size && v.lim > size)
		problem(k, "DISKSPACE: %" PRIu64 " KB are more than the file system of %s (%" PRIu64
			" KB)", v.lim, private, size);
}

static void check_template(struct check *k)
{
	static const char *const suffixes[] = { "zst", "gz", "xz", "bz2" };
	const char *os = conf_str(k->c, P_OSTEMPLATE);
	const char *dir = k->node ? conf_str(k->node, P_TEMPLATE) : NULL;
	char path[1400];

	if (!os || !dir || str_has_prefix(os, "oci:"))
		return;
	snprintf(path, sizeof(path), "%s/tree/%s", dir, os);
	if (io_exists(path))
		return;
	snprintf(path, sizeof(path), "%s/cache/%s.tar", dir, os);
	if (io_exists(path))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s/cache/%s.tar.%s", dir, os, suffixes[i]);
		if (io_exists(path))
			return;
	}
	note("OSTEMPLATE: %s is not in %s/cache", os, dir);
}

static void check_netif(struct check *k)
{
	const struct conf_netif *n;
	size_t count = conf_netifs(k->c, &n);
	char path[64];

	for (size_t i = 0; i < count; i++) {
		if (!*n[i].bridge)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/bridge", n[i].bridge);
		if (!io_exists(path))
			problem(k, "NETIF: %s: bridge %s does not exist", n[i].ifname, n[i].bridge);
	}
}

/* ---- against the other containers ------------------------------------ */

static void compare_addr(struct check *k, const char *mine, const char *theirs, uint32_t id)
{
	size_t len = strcspn(mine, "/");

	if (strcspn(theirs, "/") == len && strncmp(mine, theirs, len) == 0)
		problem(k, "IP_ADDRESS: %s is also in %u.conf", mine, id);
	else if (ct_addrs_overlap(mine, theirs))
		problem(k, "IP_ADDRESS: %s overlaps %s in %u.conf", mine, theirs, id);
}

static void compare_net(struct check *k, uint32_t id, const struct conf *other)
{
	const struct vz_strv *mine = conf_list(k->c, P_IP_ADDRESS);
	const struct vz_strv *theirs = conf_list(other, P_IP_ADDRESS);
	const struct conf_netif *a, *b;
	size_t na = conf_netifs(k->c, &a), nb = conf_netifs(other, &b);

	for (size_t i = 0; i < mine->n; i++)
		for (size_t j = 0; j < theirs->n; j++)
			compare_addr(k, mine->v[i], theirs->v[j], id);
	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			if (*a[i].host_ifname && str_eq(a[i].host_ifname, b[j].host_ifname))
				problem(k, "NETIF: host_ifname %s is also in %u.conf",
					a[i].host_ifname, id);
			if (*a[i].mac && str_eq(a[i].mac, b[j].mac))
				problem(k, "NETIF: mac %s is also in %u.conf", a[i].mac, id);
		}
}

/* Bytes that memory.low of a container protects. */
static uint64_t guarantee(const struct check *k, const struct conf *c)
{
	uint64_t bytes = 0, ram = VZ_UNLIMITED;
	struct conf_pair v;

	if (conf_pair(c, P_PHYSPAGES, &v) && v.lim < VZ_UNLIMITED / k->page)
		ram = v.lim * k->page;
	if (conf_pair(c, P_VMGUARPAGES, &v) && v.bar < ram / k->page)
		bytes = v.bar * k->page;
	if (conf_has(c, P_MEMGUARANTEE) && ram < VZ_UNLIMITED)
		bytes = ram / 100 * conf_u64(c, P_MEMGUARANTEE, 0);
	return bytes;
}

static void check_others(struct check *k)
{
	_cleanup_free_ uint32_t *ids = NULL;
	uint64_t sum = guarantee(k, k->c);
	const struct vz_log_conf quiet = { .prog = "vzcfgvalidate", .quiet = true };
	size_t n = 0;

	if (conf_ct_all(&ids, &n, VZ_IGNORE) < 0)
		return;
	/* Warnings about other files are not asked for here. */
	vz_log_setup(&quiet);
	for (size_t i = 0; i < n; i++) {
		_cleanup_conf_ struct conf *other = NULL;

		if (ids[i] == k->ctid || conf_load_ct(ids[i], NULL, &other, VZ_IGNORE) < 0)
			continue;
		compare_net(k, ids[i], other);
		sum += guarantee(k, other);
	}
	if (guarantee(k, k->c) && sum > k->ram / 100 * RESERVE_PERCENT)
		problem(k, "VMGUARPAGES: the guarantees of all containers are %" PRIu64
			" MB, more than %d%% of the node's memory", sum >> 20, RESERVE_PERCENT);
}

/* ---- program --------------------------------------------------------- */

static bool is_vswap(const struct conf *c)
{
	struct conf_pair v;

	return conf_pair(c, P_PHYSPAGES, &v) && v.lim != VZ_UNLIMITED && v.lim != INT_MAX;
}

/* The number of /etc/vz/conf/101.conf; 0 for other files. */
static uint32_t ctid_of(const char *path)
{
	const char *base = strrchr(path, '/');
	char num[16];
	uint32_t id;
	size_t n;

	base = base ? base + 1 : path;
	n = strcspn(base, ".");
	if (n >= sizeof(num) || !str_eq(base + n, ".conf"))
		return 0;
	memcpy(num, base, n);
	num[n] = '\0';
	return num_parse_ctid(num, &id) == 0 ? id : 0;
}

static int usage(void)
{
	fputs("Usage: vzcfgvalidate [-r|-i] [-v yes|no] FILE\n"
	      "	-r	repair what can be repaired\n"
	      "	-i	the same, asking each time\n"
	      "	-v	check as a VSwap container (yes) or by resources (no)\n", stderr);
	return 1;
}

static int finish(struct check *k, struct vz_err *e)
{
	int r;

	if (k->repaired) {
		r = conf_save_file(k->path, k->repair, e);
		if (r < 0) {
			fprintf(stderr, "%s\n", e->msg);
			return 1;
		}
		fprintf(stderr, "Configuration was saved to %s\n", k->path);
	}
	if (k->problems > k->repaired) {
		fputs("Validation completed: failed\n", stderr);
		return 2;
	}
	fputs("Validation completed: success\n", stderr);
	return 0;
}

static int run(struct check *k, int force_vswap)
{
	_cleanup_strv_ struct vz_strv problems = VZ_STRV_INIT;
	struct vz_err e = VZ_ERR_INIT;
	int r;

	r = conf_check_file(k->path, &k->c, &problems, &e);
	if (r < 0) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	if (conf_load_node(&k->node, VZ_IGNORE) < 0)
		k->node = NULL;
	k->vswap = force_vswap < 0 ? is_vswap(k->c) : force_vswap;
	for (size_t i = 0; i < problems.n; i++)
		problem(k, "%s", problems.v[i]);
	check_pairs(k);
	check_memory(k);
	check_disk(k);
	check_template(k);
	check_netif(k);
	check_others(k);
	explain_ubc(k);
	explain_knobs(k);
	r = finish(k, &e);
	conf_free(k->c);
	conf_free(k->node);
	return r;
}

int main(int argc, char **argv)
{
	struct check k = { .mode = NEVER, .page = (uint64_t)sysconf(_SC_PAGESIZE) };
	int opt, r, force = -1;
	struct sysinfo si;
	bool yes;

	while ((opt = getopt(argc, argv, "riv:")) != -1) {
		if (opt == 'r' || opt == 'i')
			k.mode = opt == 'r' ? ALWAYS : ASK;
		else if (opt == 'v' && num_parse_bool(optarg, &yes) == 0)
			force = yes;
		else
			return usage();
	}
	if (optind + 1 != argc)
		return usage();
	if (sysinfo(&si) < 0) {
		perror("sysinfo");
		return 1;
	}
	k.ram = (uint64_t)si.totalram * si.mem_unit;
	k.swap = (uint64_t)si.totalswap * si.mem_unit;
	k.path = argv[optind];
	k.ctid = ctid_of(k.path);
	k.repair = conf_change_new();
	r = run(&k, force);
	conf_change_free(k.repair);
	return r;
}
