// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Admission: memory that virtual machines may take of the node.
 *
 *	free = total - reserve - cache - committed
 *
 * A guest uses what it was given sooner or later, so its memory counts from its start
 * on, used or not; a container counts with a part of its limit (OVERSELL), because it
 * shares the page cache.  What is committed is in CTID/commit of the run directory: written
 * under one lock before anything is started, gone with the rest of the state.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "base/path.h"
#include "ct/stat.h"
#include "ct/vm.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define LOCK_MS 30000

static const char *meminfo_path(void)
{
	return vz_path_or("/proc/meminfo", "VZ_MEMINFO");
}

static uint64_t meminfo(const char *text, const char *key)
{
	const char *at = strstr(text, key);
	uint64_t kb = 0;

	return at && sscanf(at + strlen(key), " %" SCNu64, &kb) == 1 ? kb << 10 : 0;
}

/* A start that is under way, or a machine that runs; what a killed one left does not count. */
static bool counts(uint32_t id, pid_t starter)
{
	struct ct_state st;

	if (ct_state_load(id, &st) == 0)
		return ct_pid_start(st.init) == st.init_start && st.init_start;
	return starter > 0 && kill(starter, 0) == 0;
}

static uint64_t commit_of(uint32_t id)
{
	_cleanup_free_ char *path = ct_run_path(id, "commit");
	uint64_t bytes;
	char buf[64];
	int pid;

	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) <= 0 ||
	    sscanf(buf, "%" SCNu64 " %d", &bytes, &pid) != 2)
		return 0;
	return counts(id, pid) ? bytes : 0;
}

static uint64_t all_vms(uint32_t but, unsigned int *ret_n)
{
	uint64_t sum = 0;
	struct dirent *de;
	DIR *d = opendir(ct_run_dir());
	uint32_t id;

	*ret_n = 0;
	while (d && (de = readdir(d))) {
		uint64_t v;

		if (num_parse_ctid(de->d_name, &id) < 0 || id == but)
			continue;
		v = commit_of(id);
		sum += v;
		*ret_n += v > 0;
	}
	if (d)
		closedir(d);
	return sum;
}

/* Of containers that run: what is guaranteed, or their part of the limit. */
static uint64_t all_cts(const struct ct *ct, unsigned int *ret_n)
{
	struct cg_scope *scopes = NULL;
	uint64_t sum = 0, percent = conf_u64(ct->node, P_OVERSELL, 50);
	size_t n = 0;

	*ret_n = 0;
	if (cg_scopes(ct->slice, &scopes, &n, VZ_IGNORE) < 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		_cleanup_conf_ struct conf *c = NULL;
		struct cg_limits l;

		if (!scopes[i].populated ||
		    conf_load_ct(scopes[i].ctid, ct->node, &c, VZ_IGNORE) < 0 || ct_is_vm(c))
			continue;
		ct_limits(c, &l);
		++*ret_n;
		if (l.mem_max < VZ_UNLIMITED)
			sum += l.mem_low != CG_NONE && l.mem_low > l.mem_max / 100 * percent ?
				       l.mem_low : l.mem_max / 100 * percent;
	}
	free(scopes);
	return sum;
}

int ct_vm_memory(const struct ct *ct, struct ct_vm_memory *ret, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct ct_vm_memory m = { 0 };
	uint64_t set = conf_u64(ct->node, P_HOST_RESERVE, 0);
	unsigned int vms, cts;
	int r = io_read_file_at(AT_FDCWD, meminfo_path(), &b, 65536);

	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to read '%s'", meminfo_path());
	m.total = meminfo(vz_buf_str(&b), "MemTotal:");
	m.huge = meminfo(vz_buf_str(&b), "Hugetlb:");
	m.vms = all_vms(ct->id, &vms);
	m.cts = all_cts(ct, &cts);
	m.reserve = set ? set : (m.total / 100 * 3 > GIB ? m.total / 100 * 3 : GIB);
	m.reserve += 8 * MIB * (vms + cts);
	m.cache = m.total / 100 * conf_u64(ct->node, P_CACHE_FLOOR, 20);
	*ret = m;
	return 0;
}

static uint64_t spoken_for(const struct ct_vm_memory *m)
{
	return m->reserve + m->cache + m->huge + m->vms + m->cts;
}

int ct_admission(struct ct_admission *ret, struct vz_err *e)
{
	_cleanup_conf_ struct conf *node = NULL;
	struct ct_vm_memory m;
	struct ct any = CT_INIT;
	int r = conf_load_node(&node, e);

	if (r < 0)
		return r;
	any.node = node;
	any.slice = conf_str(node, P_CGROUP_SLICE);
	r = ct_vm_memory(&any, &m, e);
	if (r < 0)
		return r;
	*ret = (struct ct_admission){ .total = m.total, .node = m.reserve, .cache = m.cache,
				      .huge = m.huge, .vms = m.vms, .cts = m.cts };
	if (spoken_for(&m) < m.total)
		ret->free = m.total - spoken_for(&m);
	return 0;
}

static unsigned long long mib(uint64_t bytes)
{
	return bytes / MIB;
}

int ct_vm_step_admit(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(p->ct->id, "commit");
	_cleanup_free_ char *lock_path = xasprintf("%s/mem.lock", ct_run_dir());
	uint64_t need = ct_vm_ram(p->ct->conf) + ct_vm_overhead(p->ct->conf), taken;
	_cleanup_close_ int lock = io_lock(lock_path, LOCK_MS, "start");
	struct ct_vm_memory m;
	char text[64];
	int r;

	if (lock < 0)
		return vz_fail(e, VZ_LOCKED, -lock, "Unable to lock '%s'", lock_path);
	r = ct_vm_memory(p->ct, &m, e);
	if (r < 0)
		return r;
	taken = spoken_for(&m);
	if (taken + need > m.total)
		return vz_fail(e, VZ_RESOURCE_ERROR, 0,
			       "Not enough memory: %llu MiB are needed, %llu of %llu MiB are free (node %llu, page cache %llu, huge pages %llu, virtual machines %llu, containers %llu)",
			       mib(need), mib(taken < m.total ? m.total - taken : 0), mib(m.total),
			       mib(m.reserve), mib(m.cache), mib(m.huge), mib(m.vms), mib(m.cts));
	snprintf(text, sizeof(text), "%" PRIu64 " %d\n", need, (int)getpid());
	r = io_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0600, IO_ATOMIC_NOSYNC);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write '%s'", path) : 0;
}

void ct_vm_show_admit(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%llu MiB for the guest, %llu for the emulator",
		    (unsigned long long)(ct_vm_ram(p->ct->conf) / MIB),
		    (unsigned long long)(ct_vm_overhead(p->ct->conf) / MIB));
}
