// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The one place where a parameter becomes an action: struct conf is translated
 * to what the rooms below take (vzctl-compat, sections 4.4 to 4.6).
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/ct-int.h"
#include "ct/vm.h"
#include "sys/ve.h"

/* The kernel's, SHMALL of linux/shm.h. */
#define SHMALL_DEFAULT (UINT64_MAX - (UINT64_C(1) << 24))

static uint64_t page_size(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t pages_to_bytes(uint64_t pages)
{
	uint64_t b;

	if (pages >= VZ_UNLIMITED || __builtin_mul_overflow(pages, page_size(), &b))
		return VZ_UNLIMITED;
	return b;
}

/* A VSwap container has a finite RAM limit; the rest is the UBC model. */
static bool is_vswap(const struct conf *c, struct conf_pair *ram)
{
	return conf_pair(c, P_PHYSPAGES, ram) && ram->lim < VZ_UNLIMITED &&
	       ram->lim != 0x7fffffff;
}

bool ct_is_vswap(const struct conf *c)
{
	struct conf_pair ram;

	return is_vswap(c, &ram);
}

/* UBC model: the kernel has one number for what used to be six. */
static uint64_t ubc_memory(const struct conf *c)
{
	static const enum param_id parts[] = { P_KMEMSIZE, P_TCPSNDBUF, P_TCPRCVBUF,
					       P_OTHERSOCKBUF, P_DGRAMRCVBUF };
	struct conf_pair v;
	uint64_t sum;

	if (!conf_pair(c, P_PRIVVMPAGES, &v) || v.lim >= VZ_UNLIMITED)
		return VZ_UNLIMITED;
	sum = pages_to_bytes(v.lim);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (conf_pair(c, parts[i], &v) && v.lim < VZ_UNLIMITED &&
		    __builtin_add_overflow(sum, v.lim, &sum))
			return VZ_UNLIMITED;
	return sum;
}

static void memory_limits(const struct conf *c, struct cg_limits *l)
{
	struct conf_pair ram, v;
	uint64_t low = 0, percent;

	if (is_vswap(c, &ram)) {
		l->mem_max = pages_to_bytes(ram.lim);
		l->swap_max = conf_pair(c, P_SWAPPAGES, &v) ? pages_to_bytes(v.lim) : 0;
	} else {
		l->mem_max = ubc_memory(c);
		l->swap_max = conf_pair(c, P_SWAPPAGES, &v) ? pages_to_bytes(v.lim) : VZ_UNLIMITED;
	}
	if (conf_pair(c, P_VMGUARPAGES, &v) && v.bar < VZ_UNLIMITED)
		low = pages_to_bytes(v.bar);
	if (conf_pair(c, P_OOMGUARPAGES, &v) && v.bar < VZ_UNLIMITED &&
	    pages_to_bytes(v.bar) > low)
		low = pages_to_bytes(v.bar);
	percent = conf_u64(c, P_MEMGUARANTEE, 0);
	if (percent <= 100 && l->mem_max < VZ_UNLIMITED && l->mem_max / 100 * percent > low)
		low = l->mem_max / 100 * percent;
	/* A guarantee of all memory guarantees nothing (memory.low is scaled). */
	l->mem_low = low < l->mem_max ? low : 0;
	if (conf_has(c, P_MEMHIGH))
		l->mem_high = conf_u64(c, P_MEMHIGH, VZ_UNLIMITED);
}

static void cpu_limits(const struct conf *c, struct cg_limits *l)
{
	uint64_t units = conf_u64(c, P_CPUUNITS, 1000), weight = units / 10;
	uint64_t quota = conf_u64(c, P_CPULIMIT, 0), cpus = conf_u64(c, P_CPUS, 0);

	l->cpu_weight = weight < 1 ? 1 : weight > 10000 ? 10000 : weight;
	if (cpus && (!quota || cpus * 100 < quota))
		quota = cpus * 100;
	l->cpu_quota = quota;
	if (conf_has(c, P_CPUBURST))
		l->cpu_burst = conf_u64(c, P_CPUBURST, 0);
}

static void io_limits(const struct conf *c, struct cg_limits *l)
{
	static const uint16_t weights[] = { 320, 365, 410, 460, 500, 550, 600, 640 };
	uint64_t prio = conf_u64(c, P_IOPRIO, 4);

	if (conf_has(c, P_IOPRIO) && prio < ARRAY_SIZE(weights))
		l->io_weight = weights[prio];
	/* 0 is written: set may take a limit back. */
	l->io_bps = conf_u64(c, P_IOLIMIT, 0);
	l->io_iops = conf_u64(c, P_IOPSLIMIT, 0);
	if (!conf_has(c, P_IOLIMIT) && !conf_has(c, P_IOPSLIMIT)) {
		l->io_bps = l->io_iops = CG_NONE;
		return;
	}
}

/* Without a limit of its own a fork bomb would take the node's pids. */
static uint64_t default_numproc(void)
{
	static uint64_t limit;
	uint64_t all;
	char buf[32];

	if (limit)
		return limit;
	limit = 32768;
	if (io_read_small_at(AT_FDCWD, "/proc/sys/kernel/pid_max", buf, sizeof(buf)) > 0 &&
	    num_parse_u64(buf, &all) == 0 && all / 8 < limit)
		limit = all / 8;
	return limit;
}

void ct_limits(const struct conf *c, struct cg_limits *ret)
{
	struct conf_pair v;

	*ret = CG_LIMITS_INIT;
	memory_limits(c, ret);
	cpu_limits(c, ret);
	io_limits(c, ret);
	ret->pids_max = conf_pair(c, P_NUMPROC, &v) ? v.lim : default_numproc();
	if (ct_is_vm(c)) {
		ret->mem_max = ct_vm_ram(c) + ct_vm_overhead(c);
		if (!ct_is_vswap(c))
			ret->swap_max = 0;
		ret->pids_max = 64 + conf_u64(c, P_CPUS, 1);
	}
	ret->set_huge = true;
	ret->huge_max = conf_u64(c, P_HUGETLB, 0);
}

bool ct_shmall(const struct conf *c, uint64_t *ret_pages)
{
	struct conf_pair v = { 0, VZ_UNLIMITED };

	*ret_pages = SHMALL_DEFAULT;
	if (!conf_pair(c, P_SHMPAGES, &v) || v.lim >= VZ_UNLIMITED)
		return false;
	*ret_pages = v.lim;
	return true;
}

static int plan_ids(struct ct_plan *p, struct vz_err *e)
{
	const struct conf *c = p->ct->conf;
	uint64_t uid = conf_u64(c, P_LOCAL_UID, 0), gid = conf_u64(c, P_LOCAL_GID, uid);
	uint64_t count = conf_u64(p->ct->node, P_UIDMAP_SIZE, 65536);

	if (!conf_has(c, P_LOCAL_UID))
		return 0;
	if (!uid || !gid)
		return vz_fail(e, VZ_IDMAP, 0,
			       "LOCAL_UID=0: containers without a user namespace are not supported, because only it keeps their root off the host's (remove the line to get a range)");
	if (uid + count > UINT32_MAX || gid + count > UINT32_MAX)
		return vz_fail(e, VZ_IDMAP, 0, "LOCAL_UID %llu leaves no room for %llu ids",
			       (unsigned long long)uid, (unsigned long long)count);
	p->map = (struct ns_idmap){ (uint32_t)uid, (uint32_t)gid, (uint32_t)count };
	return 0;
}

static void plan_store(struct ct_plan *p)
{
	const struct conf *c = p->ct->conf;
	struct conf_pair v;

	p->store.ctid = p->ct->id;
	p->store.private = p->ct->private;
	p->store.mount_opts = conf_str(c, P_MOUNT_OPTS);
	if (!conf_bool(c, P_DISK_QUOTA, true))
		return;
	if (conf_pair(c, P_DISKSPACE, &v) && v.lim < VZ_UNLIMITED)
		p->store.disk_kb = v.lim;
	if (conf_pair(c, P_DISKINODES, &v) && v.lim < VZ_UNLIMITED)
		p->store.inodes = v.lim;
}

static int plan_addrs(struct ct_plan *p, struct vz_err *e)
{
	const struct vz_strv *ips = conf_list(p->ct->conf, P_IP_ADDRESS);

	p->addrs = xcalloc(ips->n, sizeof(*p->addrs));
	p->net.n_addrs = 0;
	for (size_t i = 0; i < ips->n; i++) {
		/* Chosen when it starts. */
		if (str_eq(ips->v[i], "auto"))
			continue;
		if (net_addr_parse(ips->v[i], &p->addrs[p->net.n_addrs]) < 0) {
			vz_warn("Address '%s' cannot be a container's, ignoring", ips->v[i]);
			continue;
		}
		if (p->addrs[p->net.n_addrs].family == 10 /* AF_INET6 */ &&
		    !conf_bool(p->ct->node, P_IPV6, true)) {
			vz_warn("IPV6=no in vz.conf: address '%s', ignoring", ips->v[i]);
			continue;
		}
		p->net.n_addrs++;
	}
	p->net.addrs = p->addrs;
	return 0;
}

static enum net_guard plan_guard(const struct conf *node)
{
	const char *v = conf_str(node, P_NET_GUARD);

	if (v && str_eq(v, "no"))
		return NET_GUARD_NO;
	return v && str_eq(v, "require") ? NET_GUARD_REQUIRE : NET_GUARD_YES;
}

static enum net_filter plan_filter(const struct conf *node)
{
	const char *v = conf_str(node, P_NET_FILTER);

	if (v && str_eq(v, "bpf"))
		return NET_FILTER_BPF;
	return v && str_eq(v, "auto") ? NET_FILTER_AUTO : NET_FILTER_NFT;
}

int ct_net_plan(struct ct_plan *p, struct vz_err *e)
{
	const struct conf *c = p->ct->conf;
	const struct conf_netif *nif;
	size_t n = conf_netifs(c, &nif);
	int r;

	free(p->addrs);
	free(p->veths);
	free(p->netifs);
	memset(&p->net, 0, sizeof(p->net));
	p->net.ctid = p->ct->id;
	p->net.tap = ct_is_vm(c);
	p->net.src_dev = conf_str(p->ct->node, P_VE_ROUTE_SRC_DEV);
	p->net.neigh_devs = conf_str(p->ct->node, P_NEIGHBOUR_DEVS);
	p->net.guard = plan_guard(p->ct->node);
	p->net.filter = plan_filter(p->ct->node);
	p->net.shortcut = conf_bool(p->ct->node, P_BRIDGE_SHORTCUT, false);
	p->net.bcast_rate = (uint32_t)conf_u64(p->ct->node, P_NET_GUARD_BCAST, NET_BCAST_RATE);
	p->net.detect = conf_bool(p->ct->node, P_SKIP_ARPDETECT, false) ? NET_DETECT_NO :
			conf_bool(p->ct->node, P_ERROR_ON_ARPFAIL, false) ? NET_DETECT_FIRST :
									    NET_DETECT_LATER;
	r = plan_addrs(p, e);
	if (r == 0)
		r = ct_nat_plan(p, e);
	if (r < 0)
		return r;
	p->veths = xcalloc(n, sizeof(*p->veths));
	p->netifs = xcalloc(n, sizeof(*p->netifs));
	for (size_t i = 0; i < n; i++) {
		ct_netif_veth(&nif[i], &p->netifs[i]);
		p->netifs[i].v.tap = p->net.tap;
		p->veths[i] = p->netifs[i].v;
	}
	p->net.veths = p->veths;
	p->net.n_veths = n;
	return 0;
}

bool ct_feature(const struct conf *c, const char *name, bool def)
{
	const struct conf_toggle *t;
	size_t n = conf_toggles(c, P_FEATURES, &t);

	for (size_t i = 0; i < n; i++)
		if (str_eq(t[i].name, name))
			return t[i].on;
	return def;
}

static void plan_rights(struct ct_plan *p)
{
	const struct conf *c = p->ct->conf;
	const char *nf = conf_str(c, P_NETFILTER);
	const struct conf_toggle *t;
	size_t n = conf_toggles(c, P_CAPABILITY, &t);
	int cap;

	p->caps = sec_caps_default();
	for (size_t i = 0; i < n; i++) {
		if (sec_cap_by_name(t[i].name, &cap) < 0) {
			vz_warn("Unknown capability '%s', ignoring", t[i].name);
			continue;
		}
		if (!t[i].on)
			p->caps &= ~SEC_CAP_BIT(cap);
		else
			p->caps |= SEC_CAP_BIT(cap);
		if (t[i].on && sec_cap_is_host_only(cap))
			vz_warn("Capability '%s' has no effect in a user namespace", t[i].name);
	}
	p->seccomp = SEC_PROFILE_CONTAINER;
	if (ct_feature(c, "keyctl", false))
		p->seccomp |= SEC_PROFILE_KEYCTL;
	if (nf && str_eq(nf, "disabled"))
		p->seccomp |= SEC_PROFILE_NONETFILTER;
	if (p->klog)
		p->seccomp |= SEC_PROFILE_KLOG;
}

int ct_secure(void *plan)
{
	const struct ct_plan *p = plan;
	int r = sec_seccomp_load(p->seccomp);

	return r < 0 ? r : sec_caps_apply(p->caps);
}

static void plan_init(struct ct_plan *p)
{
	static const char *const inits[] = { "/sbin/init", "/etc/init", "/bin/init" };
	const struct conf *c = p->ct->conf;
	const char *init = conf_str(c, P_INIT), *uuid = conf_str(c, P_UUID);
	struct conf_pair v;

	if (init)
		vz_strv_add(&p->inits, init);
	for (size_t i = 0; !init && i < ARRAY_SIZE(inits); i++)
		vz_strv_add(&p->inits, inits[i]);
	vz_strv_add(&p->env, "HOME=/");
	vz_strv_add(&p->env, "TERM=linux");
	vz_strv_add(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	/* What programs in use look for: see clients-demand, 22. */
	vz_strv_add(&p->env, "container=openvz");
	if (uuid) {
		_cleanup_free_ char *s = xasprintf("container_uuid=%s", uuid);

		vz_strv_add(&p->env, s);
	}
	if (conf_str(c, P_VE_ENVIRONMENT))
		vz_strv_split(&p->env, conf_str(c, P_VE_ENVIRONMENT), " \t");
	/* Without one the UTS namespace would begin with the node's. */
	p->init.hostname = conf_str(c, P_HOSTNAME) ? conf_str(c, P_HOSTNAME) : "localhost";
	p->init.ve = p->ve;
	p->init.ve_name = p->ct->idstr;
	p->init.klog = p->klog;
	p->init.inits = (const char *const *)p->inits.v;
	p->init.env = (const char *const *)p->env.v;
	p->init.secure = ct_secure;
	p->init.secure_arg = p;
	p->init.script_timeout_ms = 300 * 1000;
	if (!ct_feature(c, "nesting", true))
		p->init.flags |= NS_MASK_PROC;
	if (conf_pair(c, P_NUMPTY, &v) && v.lim && v.lim < 1u << 20)
		p->init.pty_max = (uint32_t)v.lim;
	if (p->limits.mem_max < VZ_UNLIMITED)
		p->init.shm_bytes = p->limits.mem_max / 2;
	if (conf_pair(c, P_LOCKEDPAGES, &v) && v.lim < VZ_UNLIMITED)
		p->init.memlock_bytes = pages_to_bytes(v.lim);
	else if (p->limits.mem_max < VZ_UNLIMITED)
		p->init.memlock_bytes = p->limits.mem_max;
	if (conf_pair(c, P_NUMSIGINFO, &v) && v.lim < VZ_UNLIMITED)
		p->init.sigpending = v.lim;
}

int ct_plan_make(struct ct *ct, const char *command, struct ct_plan *p, struct vz_err *e)
{
	int r;

	p->ct = ct;
	p->command = command;
	if (!ct->root || *ct->root != '/')
		return vz_fail(e, VZ_VE_ROOT_NOTSET, 0, "VE_ROOT is not set");
	if (!ct->private || *ct->private != '/')
		return vz_fail(e, VZ_VE_PRIVATE_NOTSET, 0, "VE_PRIVATE is not set");
	r = plan_ids(p, e);
	if (r < 0)
		return r;
	ct_limits(ct->conf, &p->limits);
	ct_place(ct, &p->limits);
	plan_store(p);
	r = ct_net_plan(p, e);
	if (r < 0)
		return r;
	p->ve = sys_ve_type();
	p->klog = ct_has_klog(p, str_eq(command, "start"));
	ct_plan_devs(p);
	plan_rights(p);
	plan_init(p);
	return 0;
}

void ct_plan_done(struct ct_plan *p)
{
	ct_vm_free(p->vm);
	cg_done(&p->cg);
	close_fd(&p->init_sock);
	close_fd(&p->mon_sock);
	close_fd(&p->userns);
	close_fd(&p->netns);
	close_fd(&p->dev);
	close_fd(&p->node_lock);
	free(p->addrs);
	free(p->nat_nets);
	free(p->fwds);
	free(p->veths);
	free(p->netifs);
	free(p->devs);
	free(p->rules);
	free(p->tree);
	free(p->dist_stamp);
	vz_buf_done(&p->script);
	vz_strv_done(&p->env);
	vz_strv_done(&p->script_env);
	vz_strv_done(&p->inits);
}
