/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vzubc: beancounters of containers as a table, or as the old text. */
#ifndef VZ_LIST_VZUBC_H
#define VZ_LIST_VZUBC_H

#include "ct/ubc.h"

struct vzubc {
	bool raw, quiet, verbose, color;
	bool relative, incremental;	/* fail counters, held: against the run before */
	bool clear_fail, clear_held;
	double quiet_held, quiet_max;	/* of the barrier: from there on a row matters */
	const char *file;		/* NULL: this node; "-": standard input */
	char *dir;			/* of what was seen the last time; owned */

	bool watch, watch_diff, watch_no_title;
	uint32_t watch_ms;

	char **args;			/* containers */
	int n_args;
};

/* Appends the tables of all containers in @u. */
int table_print(const struct vzubc *z, const struct ubc *u, struct vz_buf *out,
		struct vz_err *e);
/* -rc, -ic: forgets the run before. */
int table_forget(const struct vzubc *z, struct vz_err *e);

#endif
