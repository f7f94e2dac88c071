/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts that the storm shares with the start group. */
#ifndef VZ_TESTS_BENCH_ROWS_H
#define VZ_TESTS_BENCH_ROWS_H

#include "tests/bench/bench.h"

const char *in_scratch(const char *name);
/*
 * Where a program of the table is: absolute paths are themselves, others are
 * below the build directory; $VZCTL and $VZLIST name others to compare.
 */
const char *program(const char *name);

void bare_before(struct row *r, unsigned int i);
void bare_argv(struct row *r, unsigned int i, struct vz_strv *ret);

int oci_setup(struct row *r);
void oci_argv(struct row *r, unsigned int i, struct vz_strv *ret);
void oci_after(struct row *r, unsigned int i);

int vz_setup(struct row *r);
int vz_create(const struct row *r, unsigned int i);
void vz_start_argv(struct row *r, unsigned int i, struct vz_strv *ret);
void vz_stop(const struct row *r, unsigned int i);
void vz_destroy(const struct row *r, unsigned int i);

#endif
