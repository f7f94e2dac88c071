/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers as text.  All parsers refuse trailing garbage, signs and overflow. */
#ifndef VZ_BASE_NUM_H
#define VZ_BASE_NUM_H

#include "base/util.h"

/* LONG_MAX of a 64-bit build: what "unlimited" is in every file and output. */
#define VZ_UNLIMITED 9223372036854775807ULL

/* Decimal, 0 .. UINT64_MAX.  0, -EINVAL or -ERANGE. */
int num_parse_u64(const char *s, uint64_t *ret);
int num_parse_u32(const char *s, uint32_t *ret);
/* A container id in 0 .. 2147483644, digits only. */
int num_parse_ctid(const char *s, uint32_t *ret);
/*
 * "2.2G", "512k", "100": a decimal fraction times an optional 1024-based
 * suffix of @suffixes (subset of "BKMGTP", case-insensitive; P means pages of
 * @page bytes).  Result in bytes when a suffix was given (*ret_suffix true),
 * else the plain number.  -EINVAL, -ERANGE.
 */
int num_parse_size(const char *s, const char *suffixes, uint64_t page, uint64_t *ret,
		   bool *ret_suffix);
/* yes/no, on/off, true/false, 1/0. */
int num_parse_bool(const char *s, bool *ret);

#define NUM_HUMAN 16
/* For people: "0", "1023", "1.5K", "40M", "256M", of 1024 each; @buf is returned. */
const char *num_human(uint64_t v, char buf[NUM_HUMAN]);

#endif
