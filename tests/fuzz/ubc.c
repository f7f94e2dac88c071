// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzubc -f: a file from anywhere.  Beyond not crashing: what was read, written
 * and read again is the same, up to what the text has no word for.
 */
#include "../../vzctl/ct/ubc.c"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Containers are not read here. */
void ct_stat_counter(struct ct_stat *s, enum param_id p, struct ct_counter *ret)
{
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT, again = UBC_INIT;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct vz_err e = VZ_ERR_INIT;
	size_t k = 0;

	if (ubc_parse((const char *)data, size, &u, &e) < 0) {
		if (u.n || e.code != VZ_INVALID_PARAMETER_SYNTAX)
			abort();
		return 0;
	}
	ubc_format(&u, &b);
	if (ubc_parse(vz_buf_str(&b), b.len, &again, &e) < 0)
		abort();
	for (size_t i = 0; i < u.n; i++) {
		const struct ubc_row *a = &u.v[i], *r;

		if (a->held == CT_UNKNOWN)
			continue;
		r = k < again.n ? &again.v[k++] : NULL;
		if (!r || r->ctid != a->ctid || !str_eq(r->name, a->name) || r->held != a->held ||
		    (a->max != CT_UNKNOWN && r->max != a->max))
			abort();
	}
	if (k != again.n)
		abort();
	return 0;
}
