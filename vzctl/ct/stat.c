// SPDX-License-Identifier: GPL-2.0-or-later
/* See ct/stat.h.  Which kernel counter stands for which beancounter: sources[]. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/ct-int.h"
#include "ct/stat.h"

enum { HAVE_INIT = 1u << 0, HAVE_USE = 1u << 1, HAVE_DISK = 1u << 2, HAVE_MEMORY = 1u << 3,
       HAVE_LAYOUT = 1u << 4 };

/* ---- counters ---------------------------------------------------------- */

void ct_stat_open(struct ct_view *v, uint32_t id, const struct conf *conf, struct ct_stat *ret)
{
	*ret = (struct ct_stat){ .view = v, .id = id, .conf = conf, .scope = -EBADF,
				 .running = ct_view_running(v, id) };
}

void ct_stat_done(struct ct_stat *s)
{
	close_fd(&s->scope);
	free(s->memory_stat);
	s->memory_stat = NULL;
	s->have = 0;
}

static int scope_of(struct ct_stat *s)
{
	if (s->scope < 0 && s->running)
		s->scope = cg_scope_open(ct_view_slice(s->view), s->id);
	return s->scope;
}

/* A file of the scope with a number or "max"; CT_UNKNOWN when there is none. */
static uint64_t scope_number(struct ct_stat *s, const char *file)
{
	char buf[32];
	uint64_t v;

	if (!file || scope_of(s) < 0 || io_read_small_at(s->scope, file, buf, sizeof(buf)) < 0)
		return CT_UNKNOWN;
	if (str_eq(buf, "max"))
		return VZ_UNLIMITED;
	return num_parse_u64(buf, &v) == 0 ? v : CT_UNKNOWN;
}

/* memory.stat is long and has several of the numbers: read once. */
static uint64_t memory_stat(struct ct_stat *s, const char *key)
{
	size_t klen = strlen(key);
	const char *p;
	uint64_t v;

	if (!(s->have & HAVE_MEMORY)) {
		char buf[16384];

		s->have |= HAVE_MEMORY;
		if (scope_of(s) >= 0 &&
		    io_read_small_at(s->scope, "memory.stat", buf, sizeof(buf)) > 0)
			s->memory_stat = xstrdup(buf);
	}
	for (p = s->memory_stat; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		char num[24];
		size_t n;

		if (strncmp(p, key, klen) != 0 || p[klen] != ' ')
			continue;
		n = strcspn(p + klen + 1, "\n");
		if (n >= sizeof(num))
			break;
		memcpy(num, p + klen + 1, n);
		num[n] = '\0';
		return num_parse_u64(num, &v) == 0 ? v : CT_UNKNOWN;
	}
	return CT_UNKNOWN;
}

struct source {
	enum param_id p;
	const char *stat;	/* key of memory.stat, or */
	const char *held;	/* a file of the scope */
	const char *peak, *limit;
	const char *events, *event;
};

/*
 * Socket buffers are one number in the kernel, shown under TCPSNDBUF.  An oom
 * event is a failure; "max" of memory.events only counts rounds of reclaim.  The
 * local file has what the container's own limit did, not the limits inside.
 */
static const struct source sources[] = {
	{ P_PHYSPAGES, NULL, "memory.current", "memory.peak", "memory.max",
	  "memory.events.local", "oom" },
	{ P_SWAPPAGES, NULL, "memory.swap.current", "memory.swap.peak", "memory.swap.max",
	  "memory.swap.events", "fail" },
	{ P_PRIVVMPAGES, .stat = "anon", .events = "memory.events.local", .event = "oom" },
	{ P_VMGUARPAGES, .held = "memory.low" },
	{ P_OOMGUARPAGES, .events = "memory.events", .event = "oom_kill" },
	{ P_SHMPAGES, .stat = "shmem" },
	{ P_KMEMSIZE, .stat = "kernel" },
	{ P_DCACHESIZE, .stat = "slab_reclaimable" },
	{ P_TCPSNDBUF, .stat = "sock" },
	{ P_NUMPROC, .held = "pids.current", .peak = "pids.peak", .limit = "pids.max" },
};

static uint64_t to_unit(enum param_id p, uint64_t v)
{
	return param_get(p)->unit == PU_PAGES && v < VZ_UNLIMITED ? v / 4096 : v;
}

static void read_source(struct ct_stat *s, const struct source *src)
{
	enum param_id p = src->p;
	struct ct_use *u = &s->use;

	u->held = to_unit(p, src->stat ? memory_stat(s, src->stat) : scope_number(s, src->held));
	u->max = to_unit(p, scope_number(s, src->peak));
	u->limit = to_unit(p, scope_number(s, src->limit));
	if (src->events && scope_of(s) >= 0)
		u->fail = cg_stat_key(s->scope, src->events, src->event);
}

/* "TCP: inuse 3 orphan 0" of the namespace that init is in. */
static uint64_t sockstat(struct ct_stat *s, const char *file, const char *key)
{
	char path[64], buf[2048], *p;
	unsigned long long v;
	pid_t pid = ct_stat_init(s);

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, file);
	if (!pid || io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return CT_UNKNOWN;
	p = strstr(buf, key);
	return p && sscanf(p + strlen(key), "%llu", &v) == 1 ? v : CT_UNKNOWN;
}

static void read_sockets(struct ct_stat *s, enum param_id p)
{
	uint64_t tcp = sockstat(s, "sockstat", "TCP: inuse "), tcp6, all;

	if (tcp == CT_UNKNOWN)
		return;
	tcp6 = sockstat(s, "sockstat6", "TCP6: inuse ");
	if (tcp6 != CT_UNKNOWN)
		tcp += tcp6;
	if (p == P_NUMTCPSOCK) {
		s->use.held = tcp;
		return;
	}
	all = sockstat(s, "sockstat", "sockets: used ");
	if (all != CT_UNKNOWN)
		s->use.held = all > tcp ? all - tcp : 0;
}

static void read_use(struct ct_stat *s, enum param_id p)
{
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		if (sources[i].p == p)
			read_source(s, &sources[i]);
	switch (p) {
	case P_NUMPROC:
		if (scope_of(s) >= 0)
			s->use.fail = cg_failed_forks(s->scope);
		if (s->use.held == CT_UNKNOWN && scope_of(s) >= 0) {
			int64_t n = cg_threads(s->scope);

			if (n >= 0)
				s->use.held = (uint64_t)n;
		}
		break;
	case P_NUMTCPSOCK:
	case P_NUMOTHERSOCK:
		read_sockets(s, p);
		break;
	case P_TCPRCVBUF:
	case P_OTHERSOCKBUF:
	case P_DGRAMRCVBUF:
		if (memory_stat(s, "sock") != CT_UNKNOWN)
			s->use.held = 0;
		break;
	case P_PHYSPAGES:
	case P_SWAPPAGES:
		/* In the UBC model memory.max is a sum of other parameters. */
		if (!ct_is_vswap(s->conf))
			s->use.limit = CT_UNKNOWN;
		break;
	default:
		break;
	}
}

const struct ct_use *ct_stat_use(struct ct_stat *s, enum param_id p)
{
	if ((s->have & HAVE_USE) && s->use_of == p)
		return &s->use;
	s->have |= HAVE_USE;
	s->use_of = p;
	s->use = (struct ct_use){ CT_UNKNOWN, CT_UNKNOWN, CT_UNKNOWN, CT_UNKNOWN };
	if (s->running)
		read_use(s, p);
	return &s->use;
}

bool ct_stat_bytes(struct ct_stat *s, bool swap, uint64_t *ret_used, uint64_t *ret_limit)
{
	struct cg_limits l;

	*ret_used = scope_number(s, swap ? "memory.swap.current" : "memory.current");
	*ret_limit = scope_number(s, swap ? "memory.swap.max" : "memory.max");
	if (*ret_limit != CT_UNKNOWN)
		return true;
	ct_limits(s->conf, &l);
	*ret_limit = swap ? l.swap_max : l.mem_max;
	if (*ret_limit == CG_NONE)
		*ret_limit = VZ_UNLIMITED;
	return false;
}

/* Numbers of pages in a file are the node's pages, in the output they have 4096 bytes. */
uint64_t ct_conf_unit(enum param_id p, uint64_t n)
{
	uint64_t per = param_get(p)->unit == PU_PAGES ? (uint64_t)sysconf(_SC_PAGESIZE) / 4096 : 1;

	return n >= VZ_UNLIMITED || __builtin_mul_overflow(n, per, &n) ? VZ_UNLIMITED : n;
}

void ct_stat_counter(struct ct_stat *s, enum param_id p, struct ct_counter *ret)
{
	struct conf_pair pair = { VZ_UNLIMITED, VZ_UNLIMITED };
	const struct ct_use *u = ct_stat_use(s, p);

	conf_pair(s->conf, p, &pair);
	*ret = (struct ct_counter){
		.held = u->held,
		.max = u->max,
		.bar = ct_conf_unit(p, pair.bar),
		.lim = u->limit != CT_UNKNOWN ? u->limit : ct_conf_unit(p, pair.lim),
		.fail = u->fail,
		.enforced = u->limit != CT_UNKNOWN && u->limit < VZ_UNLIMITED,
	};
}

/* Looking at the private area takes a dozen system calls: once. */
const char *ct_stat_layout(struct ct_stat *s)
{
	const char *private = conf_str(s->conf, P_VE_PRIVATE);

	if (s->have & HAVE_LAYOUT)
		return s->layout;
	s->have |= HAVE_LAYOUT;
	s->layout = conf_str(s->conf, P_VE_LAYOUT);
	if (!s->layout && private && store_detect(private, &s->layout, VZ_IGNORE) < 0)
		s->layout = NULL;
	return s->layout;
}

const struct ct_disk *ct_stat_disk(struct ct_stat *s)
{
	struct store_usage u;
	struct store_ref ref = { .ctid = s->id, .private = conf_str(s->conf, P_VE_PRIVATE),
				 .layout = ct_stat_layout(s) };

	if (s->have & HAVE_DISK)
		return &s->disk;
	s->have |= HAVE_DISK;
	s->disk = (struct ct_disk){ .used_kb = CT_UNKNOWN, .used_inodes = CT_UNKNOWN };
	if (ref.private && ref.layout && store_usage(&ref, &u, VZ_IGNORE) >= 0)
		s->disk = (struct ct_disk){ u.used_kb, u.used_inodes, u.hard_kb, u.hard_inodes,
					    u.have_limit };
	return &s->disk;
}

static uint64_t in_bytes(uint64_t pages)
{
	return pages < VZ_UNLIMITED / 4096 ? pages * 4096 : pages;
}

void ct_stat_share(struct ct_stat *s, struct ct_share *ret)
{
	struct ct_counter mem, swap, procs;
	struct cg_limits l;

	ct_limits(s->conf, &l);
	ct_stat_counter(s, P_PHYSPAGES, &mem);
	ct_stat_counter(s, P_SWAPPAGES, &swap);
	ct_stat_counter(s, P_NUMPROC, &procs);
	*ret = (struct ct_share){
		.vswap = ct_is_vswap(s->conf),
		.mem_peak = in_bytes(mem.max),
		.mem_fail = mem.fail,
		.mem_low = scope_number(s, "memory.low"),
		.swap_peak = in_bytes(swap.max),
		.swap_fail = swap.fail,
		.procs = procs.held,
		.procs_max = procs.enforced ? procs.lim : l.pids_max,
		.cpu_units = conf_u64(s->conf, P_CPUUNITS, 1000),
		.cpu_percent = l.cpu_quota ? l.cpu_quota : VZ_UNLIMITED,
	};
	ct_stat_bytes(s, false, &ret->mem_used, &ret->mem_max);
	ct_stat_bytes(s, true, &ret->swap_used, &ret->swap_max);
	if (ret->mem_low == CT_UNKNOWN)
		ret->mem_low = l.mem_low == CG_NONE ? 0 : l.mem_low;
}

/* ---- init ---------------------------------------------------------------- */

pid_t ct_stat_init(struct ct_stat *s)
{
	struct ct_state st;

	if (s->have & HAVE_INIT)
		return s->init;
	s->have |= HAVE_INIT;
	s->init = 0;
	if (s->running && ct_state_load(s->id, &st) == 0 && st.running && st.init_start &&
	    ct_pid_start(st.init) == st.init_start) {
		s->init = st.init;
		s->init_start = st.init_start;
	}
	return s->init;
}

/* Field 22 of /proc/PID/stat is in clock ticks since boot, sleep included. */
uint64_t ct_stat_uptime_ms(struct ct_stat *s)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), now, start;
	struct timespec t;

	if (!ct_stat_init(s) || !hz || clock_gettime(CLOCK_BOOTTIME, &t) < 0)
		return CT_UNKNOWN;
	now = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	start = s->init_start * 1000 / hz;
	return now > start ? now - start : 0;
}

uint64_t ct_stat_netns(struct ct_stat *s)
{
	char path[64];
	struct stat st;
	pid_t pid = ct_stat_init(s);

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	return pid && stat(path, &st) == 0 ? st.st_ino : CT_UNKNOWN;
}

static void add_link(struct ct_link **v, size_t *n, const char *name, const struct net_stat *st)
{
	struct ct_link l = { .rx_bytes = st->rx_bytes, .rx_packets = st->rx_packets,
			     .tx_bytes = st->tx_bytes, .tx_packets = st->tx_packets };

	snprintf(l.name, sizeof(l.name), "%s", name);
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = l;
}

static size_t stat_links(struct ct_stat *s, struct ct_link **ret)
{
	const struct conf_netif *nif;
	size_t n_nif = conf_netifs(s->conf, &nif), n = 0;
	struct net_stat st;

	*ret = NULL;
	if (!s->running)
		return 0;
	if (net_stat(s->id, &st, VZ_IGNORE) == 0)
		add_link(ret, &n, "venet0", &st);
	for (size_t i = 0; i < n_nif; i++) {
		struct net_veth v = { .ifname = nif[i].ifname, .host_ifname = nif[i].host_ifname };

		if (net_veth_stat(s->id, &v, &st, VZ_IGNORE) == 0)
			add_link(ret, &n, nif[i].ifname, &st);
	}
	return n;
}

void ct_stat_usage(struct ct_stat *s, struct ct_usage *ret)
{
	int scope = scope_of(s);

	*ret = (struct ct_usage){ 0 };
	/* Of a bad descriptor nothing can be read: all unknown. */
	cg_cpu(scope, &ret->cpu);
	cg_pressure(scope, "cpu.pressure", &ret->cpu_stall);
	cg_pressure(scope, "memory.pressure", &ret->memory_stall);
	cg_pressure(scope, "io.pressure", &ret->io_stall);
	ret->have_io = scope >= 0 && cg_io(scope, &ret->io, &ret->n_io);
	ret->n_links = stat_links(s, &ret->links);
}

void ct_usage_done(struct ct_usage *u)
{
	free(u->io);
	free(u->links);
	*u = (struct ct_usage){ 0 };
}

const char *ct_stat_status(struct ct_stat *s)
{
	if (s->running)
		return "running";
	if (ct_view_mounted(s->view, conf_str(s->conf, P_VE_ROOT)))
		return "mounted";
	return ct_view_dumped(s->view, s->id) ? "suspended" : "stopped";
}

/* ---- vzpid ----------------------------------------------------------------- */

int ct_pid_look(const char *slice, pid_t pid, struct ct_pid *ret)
{
	char path[64], buf[4096], *p;
	struct ct_pid out = { .inside = pid };
	int r = cg_pid_ctid(slice, pid, &out.ctid), host, inside;

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return -ESRCH;
	/* The kernel escapes newlines in the name, so no later line can be faked. */
	if (str_has_prefix(buf, "Name:\t"))
		snprintf(out.name, sizeof(out.name), "%.*s", (int)strcspn(buf + 6, "\n"), buf + 6);
	/*
	 * Numbers from the reader's namespace inwards: the second is the container's;
	 * further ones belong to namespaces that the container made.
	 */
	p = strstr(buf, "\nNSpid:\t");
	if (out.ctid && p && sscanf(p + 8, "%d %d", &host, &inside) == 2)
		out.inside = inside;
	*ret = out;
	return 0;
}
