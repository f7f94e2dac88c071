// SPDX-License-Identifier: GPL-2.0-or-later
/* The node and its containers, as all commands see them. */
#define VZ_ROOM "node"
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/ct.h"
#include "node/node.h"

/* "MemTotal:       16314264 kB" in bytes. */
static uint64_t meminfo(const char *text, const char *key)
{
	const char *p = strstr(text, key);
	unsigned long long kb;

	return p && sscanf(p + strlen(key), ": %llu kB", &kb) == 1 ? kb * 1024 : CT_UNKNOWN;
}

/* Hundredths of bogomips times 25, of all processors: "bogomips : 5192.25" */
static uint64_t read_power(void)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	uint64_t sum = 0;

	if (io_read_file_at(AT_FDCWD, "/proc/cpuinfo", &b, 16u << 20) < 0)
		return CT_UNKNOWN;
	for (const char *p = vz_buf_str(&b); *p; p += strcspn(p, "\n"), p += *p == '\n') {
		unsigned int whole, frac;

		if (strncasecmp(p, "bogomips", 8) == 0 &&
		    sscanf(p + 8, " : %9u.%2u", &whole, &frac) == 2)
			sum += whole * 100ULL + frac;
	}
	return sum ? sum * 25 / 100 : CT_UNKNOWN;
}

int host_read(const struct conf *node, struct host *ret, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	uint64_t avail, free_swap;
	char buf[32];
	int r = io_read_file_at(AT_FDCWD, "/proc/meminfo", &b, 1u << 20);

	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to read /proc/meminfo");
	*ret = (struct host){
		.ram = meminfo(vz_buf_str(&b), "MemTotal"),
		.swap = meminfo(vz_buf_str(&b), "SwapTotal"),
		.cpus = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN),
		.power = read_power(),
		.pids = CT_UNKNOWN,
		.ram_used = CT_UNKNOWN,
		.swap_used = CT_UNKNOWN,
	};
	if (ret->ram == CT_UNKNOWN || ret->swap == CT_UNKNOWN)
		return vz_fail(e, VZ_SYSTEM_ERROR, 0, "/proc/meminfo has no total");
	avail = meminfo(vz_buf_str(&b), "MemAvailable");
	if (avail != CT_UNKNOWN && avail <= ret->ram)
		ret->ram_used = ret->ram - avail;
	free_swap = meminfo(vz_buf_str(&b), "SwapFree");
	if (free_swap != CT_UNKNOWN && free_swap <= ret->swap)
		ret->swap_used = ret->swap - free_swap;
	ret->reserve = conf_u64(node, P_HOST_RESERVE, ret->ram / 16);
	if (io_read_small_at(AT_FDCWD, "/proc/sys/kernel/pid_max", buf, sizeof(buf)) > 0)
		(void)num_parse_u64(buf, &ret->pids);
	return 0;
}

static void add(struct fleet *f, const struct conf *node, struct ct_view *view, uint32_t id)
{
	_cleanup_conf_ struct conf *c = NULL;
	struct member *m = &f->v[f->n++];
	struct ct_stat st;

	/* One that runs is there, whatever its file looks like. */
	if (conf_load_ct(id, node, &c, VZ_IGNORE) < 0)
		conf_defaults_ct(id, node, &c);
	ct_stat_open(view, id, c, &st);
	*m = (struct member){ .id = id, .running = st.running };
	ct_stat_share(&st, &m->s);
	ct_stat_done(&st);
}

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int read_ids(struct fleet *f, const struct conf *node, uint32_t *ids, size_t n, bool running,
		    struct vz_err *e)
{
	struct ct_view *view = NULL;
	size_t more;
	int r = ct_view_open(node, &view, e);

	if (r < 0)
		return r;
	more = running ? ct_view_count(view) : 0;
	f->v = xcalloc(n + more, sizeof(*f->v));
	ids = memcpy(xcalloc(n + more, sizeof(*ids)), ids ? ids : &(uint32_t){ 0 },
		     n * sizeof(*ids));
	for (size_t i = 0; i < more; i++)
		ids[n + i] = ct_view_id(view, i);
	n += more;
	qsort(ids, n, sizeof(*ids), cmp_u32);
	for (size_t i = 0; i < n; i++)
		if (!i || ids[i] != ids[i - 1])
			add(f, node, view, ids[i]);
	free(ids);
	ct_view_free(view);
	return 0;
}

int fleet_read(bool all, struct fleet *ret, struct vz_err *e)
{
	_cleanup_conf_ struct conf *node = NULL;
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n = 0;
	int r = conf_load_node(&node, e);

	*ret = (struct fleet){ 0 };
	if (r == 0)
		r = host_read(node, &ret->host, e);
	if (r == 0 && all)
		r = conf_ct_all(&ids, &n, e);
	return r < 0 ? r : read_ids(ret, node, ids, n, true, e);
}

int fleet_read_ct(uint32_t id, struct fleet *ret, struct vz_err *e)
{
	_cleanup_conf_ struct conf *node = NULL, *c = NULL;
	int r = conf_load_node(&node, e);

	*ret = (struct fleet){ 0 };
	if (r == 0)
		r = host_read(node, &ret->host, e);
	if (r == 0)
		r = conf_load_ct(id, node, &c, e);
	return r < 0 ? r : read_ids(ret, node, &id, 1, false, e);
}

void fleet_done(struct fleet *f)
{
	free(f->v);
	*f = (struct fleet){ 0 };
}

void sum_add(struct sum *s, uint64_t v)
{
	if (v == CT_UNKNOWN)
		s->unknown++;
	else if (v >= VZ_UNLIMITED)
		s->unlimited++;
	else if (__builtin_add_overflow(s->v, v, &s->v) || s->v >= VZ_UNLIMITED)
		s->v = VZ_UNLIMITED - 1;
}

uint64_t percent_of(uint64_t v, uint64_t of)
{
	if (v >= VZ_UNLIMITED || !of || of >= VZ_UNLIMITED)
		return CT_UNKNOWN;
	return (uint64_t)((unsigned __int128)v * 10000 / of);
}
