// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/num.h"
#include "ct/stat.h"
#include "ct/ubc.h"
#include "tests/lib/tap.h"

#define HEAD "Version: 2.5\n       uid  resource       held  maxheld  barrier  limit  failcnt\n"

static int parse(const char *text, struct ubc *u, struct vz_err *e)
{
	/* Not terminated: what is read too much is seen by the sanitizer. */
	size_t n = strlen(text);
	char *copy = xmalloc(n);
	int r;

	memcpy(copy, text, n);
	r = ubc_parse(copy, n, u, e);
	free(copy);
	return r;
}

/* Not their padding, nor what is behind the end of the name. */
static bool same_row(const struct ubc_row *a, const struct ubc_row *b)
{
	return a->ctid == b->ctid && str_eq(a->name, b->name) && a->held == b->held &&
	       a->max == b->max && a->bar == b->bar && a->lim == b->lim && a->fail == b->fail;
}

TEST(openvz)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	struct vz_err e = VZ_ERR_INIT;
	const struct ubc_row *r;

	ok(parse(HEAD "      101:  kmemsize  2733867  4648960 14372700 14790164  3\n"
		      "            lockedpages  0 8 256 256 0\n"
		      "            dummy  0 0 0 0 0\n"
		      "            privvmpages 1 2 9223372036854775807 18446744073709551615 0\r\n"
		      "\n"
		      "\t0: numproc 1 2 3 4 5",
		 &u, &e) == 0);
	is_int(u.n, 4);
	r = ubc_find(&u, 101, "kmemsize");
	ok(r && r->held == 2733867 && r->max == 4648960 && r->bar == 14372700 &&
	   r->lim == 14790164 && r->fail == 3);
	r = ubc_find(&u, 101, "privvmpages");
	ok(r && r->bar == VZ_UNLIMITED && r->lim == VZ_UNLIMITED);
	ok(ubc_find(&u, 0, "numproc") != NULL);
	ok(!ubc_find(&u, 101, "numproc"));
}

TEST(unknown_is_kept)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	struct vz_err e = VZ_ERR_INIT;

	ok(parse("7: numfile - - 1 2 -\n", &u, &e) == 0);
	is_int(u.n, 1);
	is_int(u.v[0].held, CT_UNKNOWN);
	is_int(u.v[0].lim, 2);
	is_int(u.v[0].fail, CT_UNKNOWN);
}

static void bad(const char *text, const char *want)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	struct vz_err e = VZ_ERR_INIT;

	ok(parse(text, &u, &e) < 0);
	is_int(u.n, 0);
	is_int(e.code, VZ_INVALID_PARAMETER_SYNTAX);
	is_str(e.msg, want);
}

TEST(refused)
{
	bad("Version: 2.4\n", "line 1: not version 2.5");
	bad("Version:\n", "line 1: not version 2.5");
	bad(HEAD "kmemsize 1 2 3 4 5\n", "line 3: not a beancounter");
	bad("1: kmemsize 1 2 3 4 5\n1: numproc 1 2 3 4\n", "line 2: not a beancounter");
	bad("1: kmemsize 1 2 3 4 5 6\n", "line 1: not a beancounter");
	bad("1: kmemsize 1 2 3 4 -5\n", "line 1: not a beancounter");
	bad("1: kmemsize 1 2 3 4 0x5\n", "line 1: not a beancounter");
	bad("1: kmemsize 1 2 3 4 99999999999999999999\n", "line 1: not a beancounter");
	bad("1: kmem\x1b[2J 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("1: KMEMSIZE 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("1: 1 2 3 4 5 6\n", "line 1: not a beancounter");
	bad(": kmemsize 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("-1: kmemsize 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("2147483645: kmemsize 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("1: a23456789012345678901234 1 2 3 4 5\n", "line 1: not a beancounter");
	bad("1:\n", "line 1: not a beancounter");
	bad("hello\n", "line 1: not a beancounter");
}

TEST(nul_bytes)
{
	static const char text[] = "1: kmem\0size 1 2 3 4 5\n";
	_cleanup_ubc_ struct ubc u = UBC_INIT;

	ok(ubc_parse(text, sizeof(text) - 1, &u, VZ_IGNORE) < 0);
	is_int(u.n, 0);
}

TEST(format)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT, again = UBC_INIT;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	const struct ubc_row rows[] = {
		{ 101, "numfile", CT_UNKNOWN, 1, 2, 3, 4 },
		{ 101, "kmemsize", 10, CT_UNKNOWN, 20, VZ_UNLIMITED, CT_UNKNOWN },
		{ 101, "numproc", 1, 2, 3, 4, 5 },
		{ 102, "numproc", 6, 7, 8, 9, 10 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ubc_add(&u, &rows[i]);
	ubc_format(&u, false, &b);
	is_str(vz_buf_str(&b),
	       "Version: 2.5\n"
	       "       uid  resource                     held              maxheld"
	       "              barrier                limit              failcnt\n"
	       "       101: kmemsize                       10                   10"
	       "                   20  9223372036854775807                    0\n"
	       "            numproc                         1                    2"
	       "                    3                    4                    5\n"
	       "       102: numproc                         6                    7"
	       "                    8                    9                   10\n");
	ok(ubc_parse(b.s, b.len, &again, VZ_IGNORE) == 0);
	is_int(again.n, 3);
	/* For ourselves nothing is lost. */
	ubc_done(&again);
	b.len = 0;
	ubc_format(&u, true, &b);
	ok(ubc_parse(b.s, b.len, &again, VZ_IGNORE) == 0);
	is_int(again.n, 4);
	for (size_t i = 0; i < again.n; i++)
		ok(same_row(&again.v[i], &u.v[i]));
}

/* Every resource has its row, whatever is known of it. */
TEST(container)
{
	struct conf *c = conf_new();
	struct ct_stat s = { .conf = c, .id = 5, .scope = -EBADF };
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	const struct ubc_row *r;

	ok(conf_set(c, P_NUMPROC, "10:20", CONF_FILE, VZ_IGNORE) == 0);
	ubc_add_ct(&u, &s);
	is_int(u.n, 21);
	r = ubc_find(&u, 5, "numproc");
	ok(r && r->held == CT_UNKNOWN && r->bar == 10 && r->lim == 20);
	is_str(u.v[0].name, "kmemsize");
	is_str(u.v[20].name, "swappages");
	conf_free(c);
}

TAP_MAIN()
