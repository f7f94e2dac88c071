/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User beancounters as text: /proc/user_beancounters of OpenVZ kernels, which
 * monitoring still reads, and what vzubc shows.
 *
 *	Version: 2.5
 *	       uid  resource           held  maxheld  barrier  limit  failcnt
 *	      101:  kmemsize        2733867  4648960 14372700 14790164       0
 *	            numproc              21       30      240      240       0
 *
 * Pages have 4096 bytes; CT_UNKNOWN as in ct/stat.h.
 */
#ifndef VZ_CT_UBC_H
#define VZ_CT_UBC_H

#include "base/buf.h"
#include "base/err.h"

struct ct_stat;

#define UBC_NAME_MAX 23

struct ubc_row {
	uint32_t ctid;
	char name[UBC_NAME_MAX + 1];
	uint64_t held, max, bar, lim, fail;
};

struct ubc {
	struct ubc_row *v;	/* owned; the rows of a container are neighbours */
	size_t n;
};

#define UBC_INIT ((struct ubc){ 0 })

void ubc_done(struct ubc *u);
#define _cleanup_ubc_ _cleanup_(ubc_done)
void ubc_add(struct ubc *u, const struct ubc_row *row);
/* NULL when there is none. */
const struct ubc_row *ubc_find(const struct ubc *u, uint32_t ctid, const char *name);

/*
 * Appends what @text says.  It comes from anywhere: a line that is not
 * understood is an error that names it (code 20), "dummy" rows are dropped,
 * "-" is unknown.
 */
int ubc_parse(const char *text, size_t len, struct ubc *ret, struct vz_err *e);
/*
 * A row for each resource of a container, in the kernel's order; in JSON and
 * text alike what is unknown stays unknown.
 */
void ubc_add_ct(struct ubc *u, struct ct_stat *s);
/*
 * The text.  The kernel's had no word for "unknown", so for others' eyes
 * resources whose use is unknown are left out, an unknown maximum is what is
 * held, unknown failures are 0.  @exact: all rows, with "-".
 */
void ubc_format(const struct ubc *u, bool exact, struct vz_buf *out);

#endif
