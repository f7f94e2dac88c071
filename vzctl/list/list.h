/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vzlist: options choose columns, a column is a field (and a part of it), a
 * field is one row of fields.c, and a row's getter is called only for what is
 * shown or sorted by.
 */
#ifndef VZ_LIST_LIST_H
#define VZ_LIST_LIST_H

#include "base/buf.h"
#include "conf/conf.h"
#include "ct/stat.h"
#include "ct/traffic.h"

/* One container while its line is made. */
struct ent {
	uint32_t id;
	bool running;
	const struct conf *node;
	const struct conf *conf;
	struct ct_view *view;
	struct ct_stat st;
	struct ct_traffic_all **traffic;	/* of the whole list: read when first asked for */
	struct ct_traffic net;			/* its own, once it was asked for */
	bool net_asked, net_have;
};

/* ---- values ------------------------------------------------------------ */

enum val_type {
	VAL_UNSET,	/* "-" */
	VAL_NUM,
	VAL_BOOL,
	VAL_TIME,	/* milliseconds */
	VAL_STR,
	VAL_DEC,	/* a number as text: "1.5" */
	VAL_LIST,
	VAL_TOGGLES,	/* a list of "name:on" in text, an object in JSON */
	VAL_BOTH,	/* a list in text, and @s, JSON that is ready */
};

struct val {
	enum val_type type;
	uint64_t n;
	char *s;		/* owned */
	struct vz_strv list;	/* owned; of VAL_LIST, VAL_TOGGLES and VAL_BOTH */
};

void val_num(struct val *v, uint64_t n);	/* CT_UNKNOWN: unset */
void val_bool(struct val *v, bool b);
void val_str(struct val *v, const char *s);	/* NULL: unset */
void val_add(struct val *v, const char *s);	/* an entry of a list; "" is none */
void val_done(struct val *v);
#define _cleanup_val_ _cleanup_(val_done)

/* Unset values come first.  Only values of one column are compared. */
int val_cmp(const struct val *a, const struct val *b);

enum {
	TEXT_FIRST = 1u << 0,	/* of a list only the first entry */
};
void val_text(const struct val *v, unsigned int flags, struct vz_buf *out);
/* @unset: what stands for VAL_UNSET. */
void val_json(const struct val *v, const char *unset, struct vz_buf *out);

/* ---- fields ------------------------------------------------------------ */

/* What a field consists of: ".l" in text, a member of its object in JSON. */
struct part {
	char suffix;		/* 0 for the first, which is the field itself */
	const char *json;
};

#define PARTS_MAX 5

struct field {
	const char *name, *header;
	int width;			/* negative: left aligned */
	enum param_id param;		/* P_COUNT: none */
	void (*get)(struct ent *e, const struct field *f, char suffix, struct val *ret);
	const struct part *parts;	/* NULL terminated (.json), or NULL */
	const char *json_unset;		/* NULL: "null" */
	bool alias;			/* only when asked for */
};

struct column {
	const struct field *f;
	char suffix;
};

struct columns {
	struct column *v;
	size_t n;
};

/* "numproc" or "numproc.m"; false when there is no such field. */
bool field_find(const char *name, struct column *ret);
/* Comma separated names; on failure *ret_bad is the first unknown one (owned). */
int columns_parse(const char *list, struct columns *ret, char **ret_bad);
/* Without the suffix. */
const char *column_name(const struct column *c);
void columns_all(struct columns *ret);
void columns_done(struct columns *c);
void column_get(struct ent *e, const struct column *c, struct val *ret);

void fields_print_all(struct vz_buf *out);	/* -L */
void text_header(const struct columns *c, bool no_trim, struct vz_buf *out);
/* @bare: columns without padding. */
void text_line(struct ent *e, const struct columns *c, bool no_trim, bool bare, struct vz_buf *out);
void json_object(struct ent *e, const struct columns *c, struct vz_buf *out);

/* ---- options ----------------------------------------------------------- */

struct options {
	bool all, stopped, missing, no_header, no_trim, json, bare;
	bool own_columns;	/* -o, -n or -1 */
	struct columns columns;
	struct column sort;
	bool descending;
	const char *hostname, *name, *description, *netif;	/* patterns or NULL */
	char **args;		/* CTIDs and names */
	size_t n_args;
};

/* -1: go on; else the exit status. */
int options_parse(int argc, char **argv, struct options *ret);

#endif
