/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON (RFC 8259) into a buffer.  Objects and arrays begin and end in pairs;
 * those begun flat are one line: {"held": 1, "limit": null}.
 */
#ifndef VZ_BASE_JSON_H
#define VZ_BASE_JSON_H

#include "base/buf.h"

#define JSON_DEPTH 12

struct json {
	struct vz_buf *out;
	unsigned int depth;
	unsigned int flat;	/* depth from which on all is one line; 0: none */
	bool more;		/* a comma belongs in front of the next one */
	char close[JSON_DEPTH];
};

#define JSON_INIT(buf) ((struct json){ .out = (buf) })

/* @key: of a member; NULL for an element of an array and for the whole. */
void json_begin(struct json *j, const char *key, char bracket, bool flat);
/* The end of the outermost one adds a newline. */
void json_end(struct json *j);
void json_u64(struct json *j, const char *key, uint64_t v);	/* UINT64_MAX: null */
/* @v / 10^@decimals: 1234 with 2 is 12.34; UINT64_MAX: null. */
void json_fixed(struct json *j, const char *key, uint64_t v, unsigned int decimals);
void json_bool(struct json *j, const char *key, bool v);
void json_str(struct json *j, const char *key, const char *s);	/* NULL: null */
/* Quoted; what is no UTF-8 is taken as Latin-1, which old configs have. */
void json_string(struct vz_buf *out, const char *s);

#endif
