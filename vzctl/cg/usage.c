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

	*ret = (struct cg_cpu){ CG_NONE, CG_NONE, CG_NONE, CG_NONE, CG_NONE, CG_NONE };
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

/* Devices without any traffic stand there with the number only. */
static void parse_io(const char *line, struct cg_io **v, size_t *n)
{
	struct cg_io d = { 0 };
	int len = 0;

	if (sscanf(line, "%10u:%10u %n", &d.major, &d.minor, &len) != 2 || !len)
		return;
	d.rbytes = or_zero(pair_value(line + len, "rbytes"));
	d.wbytes = or_zero(pair_value(line + len, "wbytes"));
	d.rios = or_zero(pair_value(line + len, "rios"));
	d.wios = or_zero(pair_value(line + len, "wios"));
	if (!d.rios && !d.wios && !d.rbytes && !d.wbytes)
		return;
	dev_name(&d);
	*v = xrealloc(*v, (*n + 1) * sizeof(**v));
	(*v)[(*n)++] = d;
}

bool cg_io(int group, struct cg_io **ret, size_t *ret_n)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct cg_io *v = NULL;
	char *save = NULL;
	size_t n = 0;

	if (io_read_file_at(group, "io.stat", &b, 1u << 20) < 0)
		return false;
	for (char *l = b.s ? strtok_r(b.s, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		parse_io(l, &v, &n);
	*ret = v;
	*ret_n = n;
	return true;
}
