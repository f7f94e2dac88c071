// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

int num_parse_u64(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned int d = (unsigned char)*s - '0';

		if (d > 9)
			return -EINVAL;
		if (v > (UINT64_MAX - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	*ret = v;
	return 0;
}

int num_parse_u32(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = num_parse_u64(s, &v);

	if (r < 0)
		return r;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}

int num_parse_ctid(const char *s, uint32_t *ret)
{
	uint32_t v;
	int r = num_parse_u32(s, &v);

	if (r < 0)
		return r;
	if (v > 2147483644U)
		return -ERANGE;
	*ret = v;
	return 0;
}

static int suffix_factor(char c, const char *suffixes, uint64_t page, uint64_t *ret)
{
	static const char names[] = "BKMGT";
	const char *p;

	c = (char)toupper((unsigned char)c);
	if (!c || !strchr(suffixes, c))
		return -EINVAL;
	if (c == 'P') {
		*ret = page;
		return 0;
	}
	p = strchr(names, c);
	if (!p)
		return -EINVAL;
	*ret = 1ULL << (10 * (p - names));
	return 0;
}

int num_parse_size(const char *s, const char *suffixes, uint64_t page, uint64_t *ret,
		   bool *ret_suffix)
{
	uint64_t whole = 0, frac = 0, scale = 1, factor = 1;
	const char *p = s;
	int r;

	for (; isdigit((unsigned char)*p); p++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*p - '0'), &whole))
			return -ERANGE;
	if (p == s)
		return -EINVAL;
	if (*p == '.') {
		for (p++; isdigit((unsigned char)*p); p++) {
			if (scale >= 1000000000)
				continue;
			frac = frac * 10 + (uint64_t)(*p - '0');
			scale *= 10;
		}
		if (p[-1] == '.')
			return -EINVAL;
	}
	if (*p) {
		r = suffix_factor(*p, suffixes, page, &factor);
		if (r < 0)
			return r;
		p++;
		*ret_suffix = true;
	} else {
		*ret_suffix = false;
		if (scale > 1)
			return -EINVAL;
	}
	if (*p)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, factor, &whole))
		return -ERANGE;
	/* 128 bits: the fraction of a petabyte times its scale passes 2^64. */
	whole += (uint64_t)((unsigned __int128)frac * factor / scale);
	*ret = whole;
	return 0;
}

int num_parse_bool(const char *s, bool *ret)
{
	static const char *const yes[] = { "yes", "on", "true", "1" };
	static const char *const no[] = { "no", "off", "false", "0" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(s, yes[i]) == 0) {
			*ret = true;
			return 0;
		}
		if (strcasecmp(s, no[i]) == 0) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

/* Three digits are enough; rounded down, so that no limit looks reached too early. */
const char *num_human(uint64_t v, char buf[NUM_HUMAN])
{
	uint64_t rest = 0, tenths;
	unsigned int i = 0;

	for (; v >= 1024; v /= 1024, i++)
		rest = v % 1024;
	tenths = rest * 10 / 1024;
	if (v < 100 && tenths)
		snprintf(buf, NUM_HUMAN, "%u.%u%c", (unsigned int)v, (unsigned int)tenths,
			 "BKMGTPE"[i]);
	else if (i)
		snprintf(buf, NUM_HUMAN, "%u%c", (unsigned int)v, "BKMGTPE"[i]);
	else
		snprintf(buf, NUM_HUMAN, "%u", (unsigned int)v);
	return buf;
}
