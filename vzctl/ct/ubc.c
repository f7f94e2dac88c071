// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ct"
#include "ct/ubc.h"

#include <ctype.h>
#include <inttypes.h>

#include "base/num.h"
#include "ct/stat.h"

#define UBC_VERSION "2.5"
#define NUMBERS 5

/* The order of the last OpenVZ kernels. */
static const enum param_id order[] = {
	P_KMEMSIZE,	P_LOCKEDPAGES, P_PRIVVMPAGES,	P_SHMPAGES,	P_NUMPROC,   P_PHYSPAGES,
	P_VMGUARPAGES,	P_OOMGUARPAGES, P_NUMTCPSOCK,	P_NUMFLOCK,	P_NUMPTY,    P_NUMSIGINFO,
	P_TCPSNDBUF,	P_TCPRCVBUF,   P_OTHERSOCKBUF,	P_DGRAMRCVBUF,	P_NUMOTHERSOCK,
	P_DCACHESIZE,	P_NUMFILE,     P_NUMIPTENT,	P_SWAPPAGES,
};

void ubc_done(struct ubc *u)
{
	free(u->v);
	*u = UBC_INIT;
}

void ubc_add(struct ubc *u, const struct ubc_row *row)
{
	/* Doubled whenever the number is a power of two from 32 on. */
	if (u->n == 0 || (u->n >= 32 && (u->n & (u->n - 1)) == 0))
		u->v = xrealloc(u->v, (u->n ? 2 * u->n : 32) * sizeof(*u->v));
	u->v[u->n++] = *row;
}

const struct ubc_row *ubc_find(const struct ubc *u, uint32_t ctid, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->v[i].ctid == ctid && str_eq(u->v[i].name, name))
			return &u->v[i];
	return NULL;
}

/* ---- reading --------------------------------------------------------------- */

struct words {
	const char *s;
	size_t len;
};

/* A word of the line; its text is put into @buf when it fits, "" when there is none. */
static bool next_word(struct words *w, char *buf, size_t size)
{
	size_t n;

	for (; w->len && (*w->s == ' ' || *w->s == '\t' || *w->s == '\r'); w->len--)
		w->s++;
	for (n = 0; n < w->len && w->s[n] != ' ' && w->s[n] != '\t' && w->s[n] != '\r'; n++)
		;
	if (n >= size || memchr(w->s, '\0', n))
		return false;
	memcpy(buf, w->s, n);
	buf[n] = '\0';
	w->s += n;
	w->len -= n;
	return true;
}

static bool parse_number(struct words *w, uint64_t *ret)
{
	char buf[24];

	if (!next_word(w, buf, sizeof(buf)))
		return false;
	*ret = CT_UNKNOWN;
	if (str_eq(buf, "-"))
		return true;
	if (num_parse_u64(buf, ret) < 0)
		return false;
	if (*ret > VZ_UNLIMITED)
		*ret = VZ_UNLIMITED;
	return true;
}

/* Names are lower case letters and digits: nothing that would confuse a terminal. */
static bool good_name(const char *s)
{
	const char *p = s;

	for (; islower((unsigned char)*p) || isdigit((unsigned char)*p) || *p == '_'; p++)
		;
	return islower((unsigned char)*s) && !*p;
}

/* @row holds the container of the lines above, whose number stands in the first only. */
static bool parse_row(struct words *w, struct ubc_row *row, bool *have_ct)
{
	uint64_t *const numbers[NUMBERS] = { &row->held, &row->max, &row->bar, &row->lim,
					     &row->fail };
	char word[UBC_NAME_MAX + 1];
	size_t n;

	if (!next_word(w, word, sizeof(word)))
		return false;
	n = strlen(word);
	if (n && word[n - 1] == ':') {
		word[n - 1] = '\0';
		if (num_parse_ctid(word, &row->ctid) < 0 || !next_word(w, word, sizeof(word)))
			return false;
		*have_ct = true;
	}
	if (!*have_ct || !good_name(word))
		return false;
	memcpy(row->name, word, sizeof(word));
	for (size_t i = 0; i < NUMBERS; i++)
		if (!parse_number(w, numbers[i]))
			return false;
	return next_word(w, word, sizeof(word)) && !*word;
}

/* Neither a row nor wrong: empty, the version, the header. */
static bool is_other(struct words w, bool *ret_bad)
{
	char word[UBC_NAME_MAX + 1];

	*ret_bad = false;
	if (!next_word(&w, word, sizeof(word)))
		return false;
	if (str_eq(word, "Version:")) {
		*ret_bad = !next_word(&w, word, sizeof(word)) || !str_eq(word, UBC_VERSION);
		return true;
	}
	return !*word || str_eq(word, "uid");
}

int ubc_parse(const char *text, size_t len, struct ubc *ret, struct vz_err *e)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	struct ubc_row row = { 0 };
	bool have_ct = false, bad;
	unsigned int line = 0;

	for (size_t n; len; text += n, len -= n) {
		const char *nl = memchr(text, '\n', len);
		struct words w = { text, nl ? (size_t)(nl - text) : len };

		n = nl ? w.len + 1 : len;
		line++;
		if (is_other(w, &bad)) {
			if (bad)
				return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
					       "line %u: not version " UBC_VERSION, line);
			continue;
		}
		if (!parse_row(&w, &row, &have_ct))
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "line %u: not a beancounter", line);
		if (!str_eq(row.name, "dummy"))
			ubc_add(&u, &row);
	}
	for (size_t i = 0; i < u.n; i++)
		ubc_add(ret, &u.v[i]);
	return 0;
}

/* ---- writing ----------------------------------------------------------------- */

void ubc_add_ct(struct ubc *u, struct ct_stat *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct ubc_row row = { .ctid = s->id };
		struct ct_counter c;
		size_t n;

		ct_stat_counter(s, order[i], &c);
		n = strlen(param_get(order[i])->column);
		memcpy(row.name, param_get(order[i])->column, n < UBC_NAME_MAX ? n : UBC_NAME_MAX);
		row.held = c.held;
		row.max = c.max;
		row.bar = c.bar;
		row.lim = c.lim;
		row.fail = c.fail;
		ubc_add(u, &row);
	}
}

static void add_number(struct vz_buf *out, uint64_t v, bool exact, uint64_t unknown)
{
	if (v == CT_UNKNOWN && exact)
		vz_buf_addf(out, " %20s", "-");
	else
		vz_buf_addf(out, " %20" PRIu64, v == CT_UNKNOWN ? unknown : v);
}

void ubc_format(const struct ubc *u, bool exact, struct vz_buf *out)
{
	const struct ubc_row *last = NULL;

	vz_buf_addf(out, "Version: " UBC_VERSION "\n%10s  %-12s %20s %20s %20s %20s %20s\n", "uid",
		    "resource", "held", "maxheld", "barrier", "limit", "failcnt");
	for (size_t i = 0; i < u->n; i++) {
		const struct ubc_row *r = &u->v[i];

		if (r->held == CT_UNKNOWN && !exact)
			continue;
		if (!last || last->ctid != r->ctid)
			vz_buf_addf(out, "%10" PRIu32 ":", r->ctid);
		else
			vz_buf_addf(out, "%11s", "");
		vz_buf_addf(out, " %-12s", r->name);
		add_number(out, r->held, exact, 0);
		add_number(out, r->max, exact, r->held);
		add_number(out, r->bar, exact, VZ_UNLIMITED);
		add_number(out, r->lim, exact, VZ_UNLIMITED);
		add_number(out, r->fail, exact, 0);
		vz_buf_addc(out, '\n');
		last = r;
	}
}
