// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "cg"
#include "cg/cpus.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "cg/cg.h"

static bool has(const struct cg_cpus *s, size_t i)
{
	return s->bits[i / 64] >> (i % 64) & 1;
}

static void add(struct cg_cpus *s, size_t i)
{
	s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool number(const char **p, unsigned long *ret)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*ret = strtoul(*p, &end, 10);
	*p = end;
	return errno == 0;
}

int cg_cpus_parse(const char *list, struct cg_cpus *ret)
{
	struct cg_cpus s = { 0 };
	unsigned long from, to;

	while (*list) {
		if (!number(&list, &from))
			return -EINVAL;
		to = from;
		if (*list == '-') {
			list++;
			if (!number(&list, &to) || to < from)
				return -EINVAL;
		}
		for (; from <= to && from < CG_CPUS_MAX; from++)
			add(&s, from);
		if (*list && *list++ != ',')
			return -EINVAL;
	}
	*ret = s;
	return 0;
}

bool cg_cpus_format(const struct cg_cpus *s, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	for (size_t i = 0, last; i < CG_CPUS_MAX; i = last + 1) {
		last = i;
		if (!has(s, i))
			continue;
		while (last + 1 < CG_CPUS_MAX && has(s, last + 1))
			last++;
		len += (size_t)snprintf(buf + len, size - len, last > i ? "%s%zu-%zu" : "%s%zu",
					len ? "," : "", i, last);
		if (len >= size)
			return false;
	}
	return true;
}

size_t cg_cpus_count(const struct cg_cpus *s)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		n += (size_t)__builtin_popcountll(s->bits[i]);
	return n;
}

void cg_cpus_and(struct cg_cpus *s, const struct cg_cpus *with)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		s->bits[i] &= with->bits[i];
}

/* False: the file is not there, or says nothing that we understand. */
static bool read_list(int dirfd, const char *path, struct cg_cpus *ret)
{
	char buf[4096];

	return io_read_small_at(dirfd, path, buf, sizeof(buf)) > 0 && cg_cpus_parse(buf, ret) == 0;
}

void cg_cpus_online(struct cg_cpus *ret)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (read_list(AT_FDCWD, "/sys/devices/system/cpu/online", ret))
		return;
	memset(ret, 0, sizeof(*ret));
	for (long i = 0; i < n && i < CG_CPUS_MAX; i++)
		add(ret, (size_t)i);
}

void cg_nodes_online(struct cg_cpus *ret)
{
	if (read_list(AT_FDCWD, "/sys/devices/system/node/has_memory", ret))
		return;
	memset(ret, 0, sizeof(*ret));
	add(ret, 0);
}

void cg_nodes_cpus(const struct cg_cpus *nodes, struct cg_cpus *ret)
{
	struct cg_cpus all = { 0 }, online, s;

	cg_cpus_online(&online);
	for (size_t i = 0; i < CG_CPUS_MAX; i++) {
		char path[64];

		if (!has(nodes, i))
			continue;
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%zu/cpulist", i);
		if (!read_list(AT_FDCWD, path, &s)) {
			if (i)
				continue;
			s = online;
		}
		for (size_t k = 0; k < ARRAY_SIZE(s.bits); k++)
			all.bits[k] |= s.bits[k];
	}
	cg_cpus_and(&all, &online);
	*ret = all;
}

/* How many containers are bound to each processor; true: @ctid's own were read. */
static bool count_users(const char *slice, uint32_t ctid, uint16_t *users, struct cg_cpus *own)
{
	_cleanup_free_ struct cg_scope *scopes = NULL;
	bool mine = false;
	size_t n = 0;

	(void)cg_scopes(slice, &scopes, &n, VZ_IGNORE);
	for (size_t i = 0; i < n; i++) {
		_cleanup_close_ int scope = cg_scope_open(slice, scopes[i].ctid);
		struct cg_cpus s;

		if (scope < 0 || !read_list(scope, "cpuset.cpus", &s))
			continue;
		if (scopes[i].ctid == ctid) {
			*own = s;
			mine = true;
			continue;
		}
		for (size_t k = 0; k < CG_CPUS_MAX; k++)
			users[k] += has(&s, k);
	}
	return mine;
}

void cg_cpus_pick(const char *slice, uint32_t ctid, const struct cg_cpus *from, size_t n,
		  struct cg_cpus *ret)
{
	_cleanup_free_ uint16_t *users = xcalloc(CG_CPUS_MAX, sizeof(*users));
	struct cg_cpus own, s = { 0 };

	if (count_users(slice, ctid, users, &own)) {
		size_t has_now = cg_cpus_count(&own);

		cg_cpus_and(&own, from);
		if (has_now == n && cg_cpus_count(&own) == n) {
			*ret = own;
			return;
		}
	}
	for (; n; n--) {
		size_t best = CG_CPUS_MAX;

		for (size_t i = 0; i < CG_CPUS_MAX; i++)
			if (has(from, i) && !has(&s, i) &&
			    (best == CG_CPUS_MAX || users[i] < users[best]))
				best = i;
		if (best == CG_CPUS_MAX)
			break;
		add(&s, best);
	}
	*ret = s;
}
