// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzubc -f: a file from anywhere.  Beyond not crashing: what was read, written
 * and read again is the same.
 */
#include "../../vzctl/ct/ubc.c"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Containers are not read here. */
void ct_stat_counter(struct ct_stat *s, enum param_id p, struct ct_counter *ret)
{
	abort();
}

static bool same(const struct ubc_row *a, const struct ubc_row *b)
{
	return a->ctid == b->ctid && str_eq(a->name, b->name) && a->held == b->held &&
	       a->max == b->max && a->bar == b->bar && a->lim == b->lim && a->fail == b->fail;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT, again = UBC_INIT;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct vz_err e = VZ_ERR_INIT;

	if (ubc_parse((const char *)data, size, &u, &e) < 0) {
		if (u.n || e.code != VZ_INVALID_PARAMETER_SYNTAX)
			abort();
		return 0;
	}
	ubc_format(&u, true, &b);
	if (ubc_parse(vz_buf_str(&b), b.len, &again, &e) < 0 || again.n != u.n)
		abort();
	for (size_t i = 0; i < u.n; i++)
		if (!same(&u.v[i], &again.v[i]))
			abort();
	/* What others read is no error, and has no unknown number. */
	b.len = 0;
	ubc_done(&again);
	ubc_format(&u, false, &b);
	if (ubc_parse(vz_buf_str(&b), b.len, &again, &e) < 0 || again.n > u.n)
		abort();
	for (size_t i = 0; i < again.n; i++)
		if (again.v[i].held == CT_UNKNOWN || again.v[i].max == CT_UNKNOWN ||
		    again.v[i].fail == CT_UNKNOWN)
			abort();
	return 0;
}
