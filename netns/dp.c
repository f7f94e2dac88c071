// SPDX-License-Identifier: GPL-2.0-or-later
/* bpf(2) for what dp.h describes. */
#define VZ_ROOM "netns"
#include "dp.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/util.h"
#include "sys/syscalls.h"

/* What Debian 12's linux/bpf.h does not have. */
#define TCX_INGRESS 46		/* enum bpf_attach_type */
#define TCX_EGRESS 47
#define ATTACH_BEFORE (1U << 3)

#define PORTS_MAX 65536
#define OWN_MAX (1 << 20)
#define CPUS_MAX 8192
#define ATTACHED_MAX 64
#define TRIES 8
#define BPFFS "/sys/fs/bpf"
#define LOOPBACK 1		/* in every namespace (include/net/flow.h) */

struct dp_reloc {
	uint32_t insn;
	enum dp_map map;
};

#include "port-prog.h"

#ifdef DP_NONE
static const uint64_t dp_ingress_insns[1], dp_egress_insns[1];
static const struct dp_reloc dp_ingress_relocs[1], dp_egress_relocs[1];
#endif

static const struct {
	const char *name;
	uint32_t type, key, value, max, flags;
} map_defs[] = {
	[DP_ports] = { "ports", BPF_MAP_TYPE_HASH, 4, sizeof(struct port), PORTS_MAX,
		       BPF_F_NO_PREALLOC },
	[DP_own] = { "own", BPF_MAP_TYPE_HASH, sizeof(struct port_own), 1, OWN_MAX,
		     BPF_F_NO_PREALLOC },
	[DP_nets] = { "nets", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct port_net), 1, OWN_MAX,
		      BPF_F_NO_PREALLOC },
	[DP_stats] = { "stats", BPF_MAP_TYPE_PERCPU_HASH, 4, sizeof(struct port_stats), PORTS_MAX,
		       BPF_F_NO_PREALLOC },
	[DP_slow] = { "slow", BPF_MAP_TYPE_HASH, 4, sizeof(struct port_slow), PORTS_MAX,
		      BPF_F_NO_PREALLOC },
	[DP_peers] = { "peers", BPF_MAP_TYPE_HASH, sizeof(struct port_peer), 4, PORTS_MAX,
		       BPF_F_NO_PREALLOC },
	[DP_owners] = { "owners", BPF_MAP_TYPE_HASH, 4, sizeof(struct port_owner), PORTS_MAX,
			BPF_F_NO_PREALLOC },
};

static const struct {
	const char *name;	/* in the kernel, too: how those of others are known */
	uint32_t attach;
	const uint64_t *insns;
	size_t n;
	const struct dp_reloc *relocs;
	size_t n_relocs;
} prog_defs[] = {
	[DP_INGRESS] = { "vz_ingress", TCX_INGRESS, dp_ingress_insns, ARRAY_SIZE(dp_ingress_insns),
			 dp_ingress_relocs, ARRAY_SIZE(dp_ingress_relocs) },
	[DP_EGRESS] = { "vz_egress", TCX_EGRESS, dp_egress_insns, ARRAY_SIZE(dp_egress_insns),
			dp_egress_relocs, ARRAY_SIZE(dp_egress_relocs) },
};

static struct {
	bool open;
	int maps[DP_MAPS], progs[DP_PROGS];
	size_t cpus;		/* 0: not read yet */
} dp;

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr)) < 0 ? -errno : 0;
}

static int bpf_fd(int cmd, union bpf_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

static uint64_t ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int elem(enum bpf_cmd cmd, enum dp_map map, const void *key, const void *value,
		uint64_t flags)
{
	union bpf_attr a = { .map_fd = (uint32_t)dp.maps[map], .key = ptr(key),
			     .value = ptr(value), .flags = flags };

	return dp.open ? bpf(cmd, &a) : -ENOENT;
}

/* ---- files ------------------------------------------------------------------ */

static const char *run_dir(void)
{
	return vz_path_or("/run/vz", "VZ_RUNDIR");
}

/* Where everybody has it, in whatever mount namespace; beside what is there of others. */
static char *bpffs_dir(void)
{
	const char *name = strrchr(run_dir(), '/');

	return xasprintf(BPFFS "/%s", name ? name + 1 : run_dir());
}

static int get_pin(const char *path)
{
	union bpf_attr a = { .pathname = ptr(path) };

	return bpf_fd(BPF_OBJ_GET, &a);
}

static int pin(int fd, const char *path)
{
	union bpf_attr a = { .pathname = ptr(path), .bpf_fd = (uint32_t)fd };

	return bpf(BPF_OBJ_PIN, &a);
}

static char *map_path(const char *dir, enum dp_map map)
{
	return xasprintf("%s/" PORT_LAYOUT "/%s", dir, map_defs[map].name);
}

/* FNV-1a of the instructions: another vzctl may have another program. */
static char *prog_path(const char *dir, enum dp_prog prog)
{
	uint64_t h = 14695981039346656037ULL;

	for (size_t i = 0; i < prog_defs[prog].n; i++)
		h = (h ^ prog_defs[prog].insns[i]) * 1099511628211ULL;
	return xasprintf("%s/" PORT_LAYOUT "/%s_%016llx", dir, prog_defs[prog].name,
			 (unsigned long long)h);
}

static int mount_bpffs(struct vz_err *e)
{
	_cleanup_close_ int fs = sys_fsopen("bpf", FSOPEN_CLOEXEC), mnt = -1;
	int r = fs < 0 ? -errno : 0;

	if (r == 0 && (sys_fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0700", 0) < 0 ||
		       sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0))
		r = -errno;
	if (r == 0) {
		mnt = sys_fsmount(fs, FSMOUNT_CLOEXEC,
				  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
		r = mnt < 0 || sys_move_mount(mnt, "", AT_FDCWD, BPFFS,
					      MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
	}
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot mount a bpf filesystem at " BPFFS) :
		       0;
}

static int make_dir(const char *dir, struct vz_err *e)
{
	_cleanup_free_ char *sub = xasprintf("%s/" PORT_LAYOUT, dir);
	struct statfs st;
	int r = 0;

	if (statfs(BPFFS, &st) < 0 || st.f_type != BPF_FS_MAGIC)
		r = mount_bpffs(e);
	if (r >= 0 && ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
		       (mkdir(sub, 0700) < 0 && errno != EEXIST)))
		r = vz_fail(e, VZ_SYSTEM_ERROR, errno, "cannot make %s", sub);
	return r;
}

static int make_map(enum dp_map map)
{
	union bpf_attr a = { .map_type = map_defs[map].type, .key_size = map_defs[map].key,
			     .value_size = map_defs[map].value, .max_entries = map_defs[map].max,
			     .map_flags = map_defs[map].flags };

	snprintf(a.map_name, sizeof(a.map_name), "vz_%s", map_defs[map].name);
	return bpf_fd(BPF_MAP_CREATE, &a);
}

static int load_prog(enum dp_prog prog, struct vz_err *e)
{
	size_t n = prog_defs[prog].n;
	_cleanup_free_ struct bpf_insn *insns = xcalloc(n, sizeof(*insns));
	_cleanup_free_ char *log = NULL;
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SCHED_CLS, .insn_cnt = (uint32_t)n,
			     .insns = ptr(insns), .license = ptr("GPL") };
	int fd;

	memcpy(insns, prog_defs[prog].insns, n * sizeof(*insns));
	for (size_t i = 0; i < prog_defs[prog].n_relocs; i++) {
		struct bpf_insn *in = &insns[prog_defs[prog].relocs[i].insn];

		in->src_reg = BPF_PSEUDO_MAP_FD;
		in->imm = dp.maps[prog_defs[prog].relocs[i].map];
	}
	snprintf(a.prog_name, sizeof(a.prog_name), "%s", prog_defs[prog].name);
	fd = bpf_fd(BPF_PROG_LOAD, &a);
	if (fd >= 0)
		return fd;
	/* Again, to be told why; the last line says it. */
	log = xcalloc(1, 1 << 20);
	a.log_buf = ptr(log);
	a.log_size = 1 << 20;
	a.log_level = 1;
	fd = bpf_fd(BPF_PROG_LOAD, &a);
	if (fd < 0)
		vz_debug("%s", log);
	return fd < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -fd, "cannot load a BPF program") : fd;
}

/* ---- this process's -------------------------------------------------------- */

/* Asks for what is attached to lo: an older kernel does not know the question. */
static bool has_tcx(void)
{
	int r;
	union bpf_attr a = { .query = { .target_fd = LOOPBACK, .attach_type = TCX_INGRESS } };

#ifdef DP_NONE
	return false;
#endif
	r = bpf(BPF_PROG_QUERY, &a);
	return r >= 0 || r == -ENOENT;
}

static int open_all(const char *dir)
{
	for (int i = 0; i < DP_MAPS; i++) {
		_cleanup_free_ char *path = map_path(dir, (enum dp_map)i);

		if (dp.maps[i] < 0)
			dp.maps[i] = get_pin(path);
		if (dp.maps[i] < 0)
			return dp.maps[i];
	}
	for (int i = 0; i < DP_PROGS; i++) {
		_cleanup_free_ char *path = prog_path(dir, (enum dp_prog)i);

		if (dp.progs[i] < 0)
			dp.progs[i] = get_pin(path);
	}
	return 0;
}

static void reset(void)
{
	for (int i = 0; i < DP_MAPS; i++)
		dp.maps[i] = -1;
	for (int i = 0; i < DP_PROGS; i++)
		dp.progs[i] = -1;
}

static void dp_close(void)
{
	if (!dp.open)
		return;
	for (int i = 0; i < DP_MAPS; i++)
		close_fd(&dp.maps[i]);
	for (int i = 0; i < DP_PROGS; i++)
		close_fd(&dp.progs[i]);
	dp.open = false;
}

int dp_open(struct vz_err *e)
{
	_cleanup_free_ char *dir = NULL;
	int r;

	if (dp.open)
		return 0;
	dir = bpffs_dir();
	reset();
	dp.open = true;
	r = open_all(dir);
	if (r >= 0)
		return 0;
	dp_close();
	/* EINVAL: the directory is in another filesystem. */
	if (r == -ENOENT || r == -EINVAL || r == -ENOTDIR)
		return -ENOENT;
	return r == -ENOSYS ? -EOPNOTSUPP :
	       vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot open the maps in %s", dir);
}

static void unlink_all(const char *dir)
{
	_cleanup_free_ char *sub = xasprintf("%s/" PORT_LAYOUT, dir);
	_cleanup_close_ int fd = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *d;
	DIR *all;

	if (fd < 0 || !(all = fdopendir(dup(fd))))
		return;
	while ((d = readdir(all)))
		(void)unlinkat(fd, d->d_name, 0);
	closedir(all);
}

/* All or none: programs know maps, not their names. */
static int make_maps(const char *dir, struct vz_err *e)
{
	int r = 0;

	unlink_all(dir);
	for (int i = 0; i < DP_MAPS && r >= 0; i++) {
		_cleanup_free_ char *path = map_path(dir, (enum dp_map)i);

		dp.maps[i] = make_map((enum dp_map)i);
		r = dp.maps[i] < 0 ? dp.maps[i] : pin(dp.maps[i], path);
		if (r < 0)
			vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot make the map %s", path);
	}
	return r;
}

static int make_progs(const char *dir, struct vz_err *e)
{
	int r = 0;

	for (int i = 0; i < DP_PROGS && r >= 0; i++) {
		_cleanup_free_ char *path = prog_path(dir, (enum dp_prog)i);

		if (dp.progs[i] >= 0)
			continue;
		dp.progs[i] = load_prog((enum dp_prog)i, e);
		r = dp.progs[i] < 0 ? dp.progs[i] : pin(dp.progs[i], path);
		if (r < 0 && dp.progs[i] >= 0)
			vz_fail(e, VZ_SYSTEM_ERROR, -r, "cannot make %s", path);
	}
	return r;
}

/* An element of owners that no device has says that the maps are nobody's any more. */
static const uint32_t tombstone;

static bool is_dead(void)
{
	struct port_owner o;

	return dp_get(DP_owners, &tombstone, &o) >= 0;
}

/* The caller has LOCK_EX.  Some may be there, of somebody who was killed. */
static int make_missing(const char *dir, struct vz_err *e)
{
	int r = make_dir(dir, e);

	if (r < 0)
		return r;
	reset();
	dp.open = true;
	if (open_all(dir) < 0 || is_dead()) {
		dp_close();
		reset();
		dp.open = true;
		r = make_maps(dir, e);
	}
	return r < 0 ? r : make_progs(dir, e);
}

static bool complete(void)
{
	return dp.progs[DP_INGRESS] >= 0 && dp.progs[DP_EGRESS] >= 0;
}

int dp_make(struct vz_err *e)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;
	int r = dp_open(e);

	if (r >= 0 && complete() && !is_dead())
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	dp_close();
	if (!has_tcx())
		return -EOPNOTSUPP;
	dir = bpffs_dir();
	r = io_mkdir_p(run_dir(), 0755);
	fd = r < 0 ? r : dp_lock(LOCK_EX);
	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -fd, "cannot lock %s", run_dir());
	r = make_missing(dir, e);
	if (r < 0)
		dp_close();
	return r;
}

int dp_lock(int how)
{
	_cleanup_close_ int fd = open(run_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || flock(fd, how) < 0)
		return -errno;
	return take_fd(&fd);
}

int dp_hold(struct vz_err *e)
{
	for (int tries = 0; tries < TRIES; tries++) {
		int fd, r = dp_make(e);

		if (r < 0)
			return r;
		fd = dp_lock(LOCK_SH);
		if (fd < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, -fd, "cannot lock %s", run_dir());
		if (!is_dead())
			return fd;
		close(fd);
	}
	return vz_fail(e, VZ_SYSTEM_ERROR, EAGAIN, "the BPF maps keep changing");
}

/* Who holds descriptors of these maps sees the tombstone, and others have none. */
void dp_tidy(void)
{
	_cleanup_free_ char *dir = bpffs_dir(), *sub = NULL;
	struct port_owner dead = { 0 };
	uint32_t first;

	if (elem(BPF_MAP_GET_NEXT_KEY, DP_owners, NULL, &first, 0) != -ENOENT ||
	    dp_put(DP_owners, &tombstone, &dead, BPF_NOEXIST) < 0)
		return;
	unlink_all(dir);
	sub = xasprintf("%s/" PORT_LAYOUT, dir);
	(void)rmdir(sub);
	(void)rmdir(dir);
	dp_close();
}

/* ---- elements ----------------------------------------------------------------- */

int dp_get(enum dp_map map, const void *key, void *value)
{
	return elem(BPF_MAP_LOOKUP_ELEM, map, key, value, 0);
}

int dp_put(enum dp_map map, const void *key, const void *value, uint64_t flags)
{
	return elem(BPF_MAP_UPDATE_ELEM, map, key, value, flags);
}

int dp_del(enum dp_map map, const void *key)
{
	return elem(BPF_MAP_DELETE_ELEM, map, key, NULL, 0);
}

/* qsort(3) has no argument for it; one map at a time. */
static size_t key_len;

static int cmp_key(const void *a, const void *b)
{
	return memcmp(a, b, key_len);
}

/* A key that goes while one is at it has the kernel begin again: some are seen twice. */
static size_t unique(uint8_t *v, size_t n, size_t len)
{
	size_t k = 0;

	key_len = len;
	if (n)
		qsort(v, n, len, cmp_key);
	for (size_t i = 0; i < n; i++)
		if (!i || memcmp(v + i * len, v + (k - 1) * len, len) != 0)
			memmove(v + k++ * len, v + i * len, len);
	return k;
}

int dp_keys(enum dp_map map, void *ret, size_t *ret_n)
{
	size_t len = map_defs[map].key, n = 0;
	uint8_t *v = xmalloc(len);
	int r = elem(BPF_MAP_GET_NEXT_KEY, map, NULL, v, 0);

	while (r >= 0 && n < 4 * (size_t)map_defs[map].max) {
		v = xrealloc(v, (++n + 1) * len);
		r = elem(BPF_MAP_GET_NEXT_KEY, map, v + (n - 1) * len, v + n * len, 0);
	}
	*ret_n = unique(v, n, len);
	*(void **)ret = v;
	return r < 0 && r != -ENOENT ? r : 0;
}

/* What the kernel makes room for, "0-63": not only those that are there. */
static size_t possible_cpus(void)
{
	char text[256];
	const char *last;

	if (dp.cpus)
		return dp.cpus;
	if (io_read_small_at(AT_FDCWD, "/sys/devices/system/cpu/possible", text, sizeof(text)) <= 0)
		return dp.cpus = CPUS_MAX;
	last = text + strlen(text);
	while (last > text && isdigit((unsigned char)last[-1]))
		last--;
	dp.cpus = strtoul(last, NULL, 10) + 1;
	if (dp.cpus > CPUS_MAX)
		dp.cpus = CPUS_MAX;
	return dp.cpus;
}

int dp_stats_get(uint32_t ifindex, struct port_stats *ret)
{
	size_t n = possible_cpus();
	_cleanup_free_ struct port_stats *all = xcalloc(n, sizeof(*all));
	int r = dp_get(DP_stats, &ifindex, all);

	*ret = (struct port_stats){ 0 };
	for (size_t i = 0; i < n && r >= 0; i++) {
		ret->tx_bytes += all[i].tx_bytes;
		ret->tx_packets += all[i].tx_packets;
		ret->rx_bytes += all[i].rx_bytes;
		ret->rx_packets += all[i].rx_packets;
	}
	return r;
}

int dp_stats_make(uint32_t ifindex)
{
	_cleanup_free_ struct port_stats *none = xcalloc(possible_cpus(), sizeof(*none));
	int r = dp_put(DP_stats, &ifindex, none, BPF_NOEXIST);

	return r == -EEXIST ? 0 : r;
}

/* ---- devices ------------------------------------------------------------------- */

static int attach(enum dp_prog prog, uint32_t ifindex)
{
	union bpf_attr a = { .target_fd = ifindex, .attach_bpf_fd = (uint32_t)dp.progs[prog],
			     .attach_type = prog_defs[prog].attach,
			     .attach_flags = ATTACH_BEFORE };
	int r = bpf(BPF_PROG_ATTACH, &a);

	return r == -EEXIST ? 0 : r;
}

static int query(enum dp_prog prog, uint32_t ifindex, uint32_t ids[ATTACHED_MAX], uint32_t *n)
{
	union bpf_attr a = { .query = { .target_fd = ifindex, .attach_type = prog_defs[prog].attach,
					.prog_ids = ptr(ids), .prog_cnt = ATTACHED_MAX } };
	int r = bpf(BPF_PROG_QUERY, &a);

	*n = r < 0 ? 0 : a.query.prog_cnt;
	return r == -ENOENT ? 0 : r;
}

static int prog_info(int fd, struct bpf_prog_info *ret)
{
	union bpf_attr a = { .info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(*ret),
				       .info = ptr(ret) } };

	memset(ret, 0, sizeof(*ret));
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &a);
}

/* Of this or another vzctl: then a descriptor. */
static int ours(enum dp_prog prog, uint32_t id)
{
	union bpf_attr a = { .prog_id = id };
	struct bpf_prog_info info;
	int fd = bpf_fd(BPF_PROG_GET_FD_BY_ID, &a);

	if (fd < 0)
		return fd;
	if (prog_info(fd, &info) == 0 && str_eq(info.name, prog_defs[prog].name))
		return fd;
	close(fd);
	return -ENOENT;
}

static int detach(enum dp_prog prog, uint32_t ifindex, uint32_t but)
{
	uint32_t ids[ATTACHED_MAX] = { 0 }, n;
	int r = query(prog, ifindex, ids, &n);

	for (uint32_t i = 0; i < n && r >= 0; i++) {
		_cleanup_close_ int fd = ids[i] == but ? -1 : ours(prog, ids[i]);
		union bpf_attr a = { .target_fd = ifindex, .attach_bpf_fd = (uint32_t)fd,
				     .attach_type = prog_defs[prog].attach };

		if (fd >= 0)
			r = bpf(BPF_PROG_DETACH, &a);
	}
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

int dp_detach(enum dp_prog prog, uint32_t ifindex)
{
	return detach(prog, ifindex, 0);
}

int dp_attach(enum dp_prog prog, uint32_t ifindex)
{
	struct bpf_prog_info info;
	int r = attach(prog, ifindex);

	if (r >= 0)
		r = prog_info(dp.progs[prog], &info);
	/* Two would count twice, and one of them knows an earlier port. */
	return r < 0 ? r : detach(prog, ifindex, info.id);
}

int dp_attached(enum dp_prog prog, uint32_t ifindex)
{
	uint32_t ids[ATTACHED_MAX] = { 0 }, n;
	struct bpf_prog_info info;
	int r = query(prog, ifindex, ids, &n);

	if (r >= 0)
		r = prog_info(dp.progs[prog], &info);
	return r < 0 ? r : n > 0 && ids[0] == info.id;
}
