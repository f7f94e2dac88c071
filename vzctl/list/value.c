// SPDX-License-Identifier: GPL-2.0-or-later
/* Values of columns: how each type looks in text and in JSON, and its order. */
#define VZ_ROOM "list"
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "list/list.h"

void val_num(struct val *v, uint64_t n)
{
	v->type = n == CT_UNKNOWN ? VAL_UNSET : VAL_NUM;
	v->n = n;
}

void val_bool(struct val *v, bool b)
{
	v->type = VAL_BOOL;
	v->n = b;
}

void val_str(struct val *v, const char *s)
{
	if (!s || !*s)
		return;
	v->type = VAL_STR;
	v->s = xstrdup(s);
}

void val_add(struct val *v, const char *s)
{
	if (v->type == VAL_UNSET)
		v->type = VAL_LIST;
	if (*s)
		vz_strv_add(&v->list, s);
}

void val_done(struct val *v)
{
	free(v->s);
	vz_strv_done(&v->list);
	*v = (struct val){ 0 };
}

static int cmp_list(const struct vz_strv *a, const struct vz_strv *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < a->n && i < b->n; i++)
		r = strcmp(a->v[i], b->v[i]);
	return r ? r : (a->n > b->n) - (a->n < b->n);
}

int val_cmp(const struct val *a, const struct val *b)
{
	if (a->type == VAL_UNSET || b->type == VAL_UNSET)
		return (a->type != VAL_UNSET) - (b->type != VAL_UNSET);
	/* ONBOOT is yes, no or a word: such columns order by type first. */
	if (a->type != b->type)
		return a->type > b->type ? 1 : -1;
	switch (a->type) {
	case VAL_STR:
		return strcmp(a->s, b->s);
	case VAL_DEC: {
		double x = strtod(a->s, NULL), y = strtod(b->s, NULL);

		return (x > y) - (x < y);
	}
	case VAL_LIST:
	case VAL_TOGGLES:
		return cmp_list(&a->list, &b->list);
	default:
		return (a->n > b->n) - (a->n < b->n);
	}
}

static void text_list(const struct vz_strv *l, unsigned int flags, struct vz_buf *out)
{
	for (size_t i = 0; i < l->n && (i == 0 || !(flags & TEXT_FIRST)); i++) {
		if (i)
			vz_buf_addc(out, ' ');
		vz_buf_adds(out, l->v[i]);
	}
	if (!l->n)
		vz_buf_addc(out, '-');
}

void val_text(const struct val *v, unsigned int flags, struct vz_buf *out)
{
	uint64_t sec = v->n / 1000;

	switch (v->type) {
	case VAL_UNSET:
		vz_buf_addc(out, '-');
		break;
	case VAL_NUM:
		vz_buf_addu(out, v->n);
		break;
	case VAL_BOOL:
		vz_buf_adds(out, v->n ? "yes" : "no");
		break;
	case VAL_TIME:
		vz_buf_addf(out, "%.3" PRIu64 "d%.2" PRIu64 "h:%.2" PRIu64 "m:%.2" PRIu64 "s",
			    sec / 86400, sec / 3600 % 24, sec / 60 % 60, sec % 60);
		break;
	case VAL_STR:
		vz_buf_adds(out, v->s);
		break;
	case VAL_DEC:
		vz_buf_addf(out, "%g", strtod(v->s, NULL));
		break;
	case VAL_LIST:
	case VAL_TOGGLES:
	case VAL_BOTH:
		text_list(&v->list, flags, out);
		break;
	}
}

/* ---- JSON (RFC 8259) ------------------------------------------------------ */

static void json_list(const struct vz_strv *l, struct vz_buf *out)
{
	vz_buf_addc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			vz_buf_adds(out, ", ");
		json_string(out, l->v[i]);
	}
	vz_buf_addc(out, ']');
}

/* Entries are "name:on" and "name:off". */
static void json_toggles(const struct vz_strv *l, struct vz_buf *out)
{
	vz_buf_addc(out, '{');
	for (size_t i = 0; i < l->n; i++) {
		const char *colon = strchr(l->v[i], ':');
		size_t len = colon ? (size_t)(colon - l->v[i]) : strlen(l->v[i]);
		_cleanup_free_ char *name = xstrndup(l->v[i], len);

		if (i)
			vz_buf_adds(out, ", ");
		json_string(out, name);
		vz_buf_adds(out, colon && str_eq(colon, ":on") ? ": true" : ": false");
	}
	vz_buf_addc(out, '}');
}

void val_json(const struct val *v, const char *unset, struct vz_buf *out)
{
	switch (v->type) {
	case VAL_UNSET:
		vz_buf_adds(out, unset);
		break;
	case VAL_NUM:
		vz_buf_addu(out, v->n);
		break;
	case VAL_BOOL:
		vz_buf_adds(out, v->n ? "true" : "false");
		break;
	case VAL_TIME:
		vz_buf_addf(out, "%" PRIu64 ".%.3" PRIu64, v->n / 1000, v->n % 1000);
		break;
	case VAL_STR:
		json_string(out, v->s);
		break;
	case VAL_DEC:
		vz_buf_addf(out, "%g", strtod(v->s, NULL));
		break;
	case VAL_LIST:
		json_list(&v->list, out);
		break;
	case VAL_TOGGLES:
		json_toggles(&v->list, out);
		break;
	case VAL_BOTH:
		vz_buf_adds(out, v->s);
		break;
	}
}
