// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of a group that are more than one number: pressure, cpu.stat, io.stat. */
#define VZ_ROOM "cg"
#include <limits.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/usage.h"

/* Of "rbytes=1 wbytes=2" the number of @key; a bad number is none. */
static uint64_t pair_value(const char *line, const char *key)
{
	size_t klen = strlen(key);
	uint64_t v;

	for (const char *p = line; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		char num[24];

		if (n > klen + 1 && n - klen - 1 < sizeof(num) && p[klen] == '=' &&
		    strncmp(p, key, klen) == 0) {
			memcpy(num, p + klen + 1, n - klen - 1);
			num[n - klen - 1] = '\0';
			return num_parse_u64(num, &v) == 0 ? v : CG_NONE;
		}
		p += n;
	}
	return CG_NONE;
}

/* "12.34" in hundredths. */
static uint64_t percent(const char *line, const char *key)
{
	const char *p = strstr(line, key);
	unsigned int whole, frac;

	if (!p || sscanf(p + strlen(key), "=%5u.%2u", &whole, &frac) != 2)
		return CG_NONE;
	return whole * 100 + frac;
}

static void parse_psi(const char *line, struct cg_psi *ret)
{
	ret->avg10 = percent(line, "avg10");
	ret->avg60 = percent(line, "avg60");
	ret->avg300 = percent(line, "avg300");
	ret->total = pair_value(line, "total");
}

void cg_pressure(int group, const char *file, struct cg_pressure *ret)
{
	const struct cg_psi none = { CG_NONE, CG_NONE, CG_NONE, CG_NONE };
	char buf[512], *save = NULL;

	*ret = (struct cg_pressure){ none, none };
	if (io_read_small_at(group, file, buf, sizeof(buf)) < 0)
		return;
	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (str_has_prefix(l, "some "))
			parse_psi(l, &ret->some);
		else if (str_has_prefix(l, "full "))
			parse_psi(l, &ret->full);
	}
}

/* "20000 100000" or "max 100000": quota and period. */
static void read_share(int group, struct cg_cpu *ret)
{
	unsigned long long quota, period;
	char buf[64];
	uint64_t v;

	if (io_read_small_at(group, "cpu.weight", buf, sizeof(buf)) > 0 &&
	    num_parse_u64(buf, &v) == 0)
		ret->weight = v;
	if (io_read_small_at(group, "cpu.max", buf, sizeof(buf)) <= 0)
		return;
	if (str_has_prefix(buf, "max"))
		ret->limit = VZ_UNLIMITED;
	else if (sscanf(buf, "%llu %llu", &quota, &period) == 2 && period)
		ret->limit = quota * 100 / period;
}

void cg_cpu(int group, struct cg_cpu *ret)
{
	const struct {
		const char *key;
		uint64_t *v;
	} keys[] = {
		{ "usage_usec", &ret->usage },
		{ "user_usec", &ret->user },
		{ "system_usec", &ret->system },
		{ "nr_periods", &ret->periods },
		{ "nr_throttled", &ret->throttled },
		{ "throttled_usec", &ret->throttled_usec },
	};
	char buf[2048], *save = NULL;

	*ret = (struct cg_cpu){ CG_NONE, CG_NONE, CG_NONE, CG_NONE,
				CG_NONE, CG_NONE, CG_NONE, CG_NONE };
	read_share(group, ret);
	if (io_read_small_at(group, "cpu.stat", buf, sizeof(buf)) < 0)
		return;
	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *blank = strchr(l, ' ');
		uint64_t v;

		if (!blank)
			continue;
		*blank = '\0';
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			if (str_eq(l, keys[i].key) && num_parse_u64(blank + 1, &v) == 0)
				*keys[i].v = v;
	}
}

/* The kernel's name of a block device: the last part of its path in sysfs. */
static void dev_name(struct cg_io *d)
{
	char path[64], link[PATH_MAX], *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", d->major, d->minor);
	n = readlink(path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	base = strrchr(link, '/');
	snprintf(d->name, sizeof(d->name), "%s", base ? base + 1 : "");
}

static uint64_t or_zero(uint64_t v)
{
	return v == CG_NONE ? 0 : v;
}

struct devices {
	struct cg_io *v;
	size_t n;
};

/* The device of a line; its words are *ret_rest.  NULL: no device. */
static struct cg_io *device_of(struct devices *d, const char *line, const char **ret_rest)
{
	unsigned int ma, mi;
	int len = 0;

	if (sscanf(line, "%10u:%10u %n", &ma, &mi, &len) != 2 || !len)
		return NULL;
	*ret_rest = line + len;
	for (size_t i = 0; i < d->n; i++)
		if (d->v[i].major == ma && d->v[i].minor == mi)
			return &d->v[i];
	d->v = xrealloc(d->v, (d->n + 1) * sizeof(*d->v));
	d->v[d->n] = (struct cg_io){ .major = ma, .minor = mi, .rbps = VZ_UNLIMITED,
				     .wbps = VZ_UNLIMITED, .riops = VZ_UNLIMITED,
				     .wiops = VZ_UNLIMITED };
	return &d->v[d->n++];
}

/* Devices without any traffic stand there with the number only. */
static void parse_stat(struct devices *all, const char *line)
{
	const char *rest;
	struct cg_io *d = device_of(all, line, &rest);

	if (!d)
		return;
	d->rbytes = or_zero(pair_value(rest, "rbytes"));
	d->wbytes = or_zero(pair_value(rest, "wbytes"));
	d->rios = or_zero(pair_value(rest, "rios"));
	d->wios = or_zero(pair_value(rest, "wios"));
}

static uint64_t or_unlimited(uint64_t v)
{
	return v == CG_NONE ? VZ_UNLIMITED : v;
}

/* "max" is no number, and so no limit. */
static void parse_max(struct devices *all, const char *line)
{
	const char *rest;
	struct cg_io *d = device_of(all, line, &rest);

	if (!d)
		return;
	d->rbps = or_unlimited(pair_value(rest, "rbps"));
	d->wbps = or_unlimited(pair_value(rest, "wbps"));
	d->riops = or_unlimited(pair_value(rest, "riops"));
	d->wiops = or_unlimited(pair_value(rest, "wiops"));
}

static bool read_devices(int group, const char *file, struct devices *d,
			 void (*parse)(struct devices *d, const char *line))
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char *save = NULL;

	if (io_read_file_at(group, file, &b, 1u << 20) < 0)
		return false;
	for (char *l = b.s ? strtok_r(b.s, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		parse(d, l);
	return true;
}

static bool is_idle(const struct cg_io *d)
{
	return !d->rios && !d->wios && !d->rbytes && !d->wbytes && d->rbps == VZ_UNLIMITED &&
	       d->wbps == VZ_UNLIMITED && d->riops == VZ_UNLIMITED && d->wiops == VZ_UNLIMITED;
}

bool cg_io(int group, struct cg_io **ret, size_t *ret_n)
{
	struct devices d = { 0 };
	size_t n = 0;

	if (!read_devices(group, "io.stat", &d, parse_stat))
		return false;
	(void)read_devices(group, "io.max", &d, parse_max);
	for (size_t i = 0; i < d.n; i++) {
		if (is_idle(&d.v[i]))
			continue;
		d.v[n] = d.v[i];
		dev_name(&d.v[n++]);
	}
	*ret = d.v;
	*ret_n = n;
	return true;
}
