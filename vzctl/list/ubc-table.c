// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of vzubc, and what it remembers of the run before. */
#define VZ_ROOM "list"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/stat.h"
#include "list/vzubc.h"

#define STATE_MAX (1u << 20)

/* ---- the run before: DIR/failcnt.CTID and DIR/held.CTID, in the old text -------- */

static int state_open(const struct vzubc *z, struct vz_err *e)
{
	int fd, r = io_mkdir_p(z->dir, 0700);

	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to create '%s'", z->dir);
	fd = open(z->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to open '%s'", z->dir) : fd;
}

/* What cannot be read was never there. */
static void state_load(int dir, const char *kind, uint32_t ctid, struct ubc *ret)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char name[32];

	snprintf(name, sizeof(name), "%s.%" PRIu32, kind, ctid);
	if (io_read_file_at(dir, name, &b, STATE_MAX) == 0)
		(void)ubc_parse(vz_buf_str(&b), b.len, ret, VZ_IGNORE);
}

static int state_save(int dir, const char *kind, const struct ubc *u, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char name[32];
	int r;

	ubc_format(u, true, &b);
	snprintf(name, sizeof(name), "%s.%" PRIu32, kind, u->v[0].ctid);
	r = io_write_atomic_at(dir, name, vz_buf_str(&b), b.len, 0600, IO_ATOMIC_NOSYNC);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write '%s'", name) : 0;
}

static void forget(DIR *d, const char *kind)
{
	size_t n = strlen(kind);
	struct dirent *de;

	rewinddir(d);
	while ((de = readdir(d)))
		if (strncmp(de->d_name, kind, n) == 0 && de->d_name[n] == '.')
			(void)unlinkat(dirfd(d), de->d_name, 0);
}

int table_forget(const struct vzubc *z, struct vz_err *e)
{
	int fd = state_open(z, e);
	DIR *d;

	if (fd < 0)
		return fd;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to read '%s'", z->dir);
	}
	if (z->clear_fail)
		forget(d, "failcnt");
	if (z->clear_held)
		forget(d, "held");
	closedir(d);
	return 0;
}

/* ---- cells ------------------------------------------------------------------------ */

/* UBC files of 32-bit kernels have INT_MAX for "unlimited". */
static bool is_limit(uint64_t v)
{
	return v && v != CT_UNKNOWN && v < VZ_UNLIMITED && v != INT_MAX;
}

static uint64_t in_bytes(const struct ubc_row *r, uint64_t v)
{
	size_t n = strlen(r->name);

	if (n < 5 || !str_eq(r->name + n - 5, "pages") || v >= VZ_UNLIMITED / 4096)
		return v;
	return v * 4096;
}

/* Unknown, unlimited and none are the same dash, as ever. */
static const char *amount(const struct ubc_row *r, uint64_t v, char buf[NUM_HUMAN])
{
	return is_limit(v) ? num_human(in_bytes(r, v), buf) : "-";
}

static const char *share(uint64_t v, uint64_t of, char buf[NUM_HUMAN])
{
	unsigned int tenths;

	if (!is_limit(of) || !v || v == CT_UNKNOWN)
		return "-";
	if (v / of >= 10)
		return ">999%";
	tenths = (unsigned int)((unsigned __int128)v * 1000 / of);
	if (tenths < 100)
		snprintf(buf, NUM_HUMAN, "%u.%u%%", tenths / 10, tenths % 10);
	else
		snprintf(buf, NUM_HUMAN, "%u%%", tenths / 10);
	return buf;
}

static const char *difference(const struct ubc_row *r, uint64_t was, char buf[NUM_HUMAN])
{
	bool less = r->held < was;
	char num[NUM_HUMAN];

	if (r->held == was || r->held == CT_UNKNOWN)
		return "-";
	num_human(in_bytes(r, less ? was - r->held : r->held - was), num);
	snprintf(buf, NUM_HUMAN, "%c%s", less ? '-' : '+', num);
	return buf;
}

/* ---- rows --------------------------------------------------------------------------- */

struct line {
	const struct ubc_row *r;
	uint64_t fail;		/* new ones, with -r */
	uint64_t was;		/* held the last time; r->held without -i */
};

/* Close to the limit, or beyond. */
static bool is_near(const struct vzubc *z, const struct ubc_row *r)
{
	uint64_t of = r->bar ? r->bar : r->lim;

	if (!is_limit(of))
		return false;
	return (r->held != CT_UNKNOWN && (double)r->held > (double)of * z->quiet_held) ||
	       (r->max != CT_UNKNOWN && (double)r->max > (double)of * z->quiet_max);
}

static bool is_failing(const struct line *l)
{
	return l->fail && l->fail != CT_UNKNOWN;
}

static bool is_shown(const struct vzubc *z, const struct line *l)
{
	if (z->quiet)
		return is_failing(l) || is_near(z, l->r) || l->was != l->r->held;
	return z->verbose || is_failing(l) || l->was != l->r->held || is_limit(l->r->bar) ||
	       (!l->r->bar && is_limit(l->r->lim));
}

static void print_line(const struct vzubc *z, const struct line *l, struct vz_buf *out)
{
	const struct ubc_row *r = l->r;
	char h[NUM_HUMAN], hb[NUM_HUMAN], hl[NUM_HUMAN], m[NUM_HUMAN], mb[NUM_HUMAN];
	char ml[NUM_HUMAN], b[NUM_HUMAN], li[NUM_HUMAN], f[NUM_HUMAN], d[NUM_HUMAN];
	const char *color = is_failing(l) ? "\033[1;31m" : is_near(z, r) ? "\033[1;33m" : NULL;

	if (z->color && color)
		vz_buf_adds(out, color);
	vz_buf_addf(out, "%13s|%5s %5s %5s|%5s %5s %5s|%5s|%5s|%6s", r->name, amount(r, r->held, h),
		    share(r->held, r->bar, hb), share(r->held, r->lim, hl), amount(r, r->max, m),
		    share(r->max, r->bar, mb), share(r->max, r->lim, ml), amount(r, r->bar, b),
		    amount(r, r->lim, li), is_failing(l) ? num_human(l->fail, f) : "-");
	if (z->incremental)
		vz_buf_addf(out, "|%6s", difference(r, l->was, d));
	if (z->color && color)
		vz_buf_adds(out, "\033[0m");
	vz_buf_addc(out, '\n');
}

#define RULE "-------------------------------------------------------------------"

static void print_header(const struct vzubc *z, uint32_t ctid, struct vz_buf *out)
{
	const char *more = z->incremental ? "-------" : "";

	vz_buf_addf(out, RULE "-%s\n", more);
	vz_buf_addf(out, "CT %-10" PRIu32, ctid);
	vz_buf_adds(out, "| HELD  Bar%  Lim%| MAXH  Bar%  Lim%| BAR | LIM |");
	vz_buf_addf(out, "%c FAIL%s\n", z->relative ? '+' : ' ', z->incremental ? "|  HELD" : "");
	vz_buf_addf(out, "-------------+-----------------+-----------------+-----+-----+------%s\n",
		    z->incremental ? "+------" : "");
}

/* A container that restarted counts from 0 again: then all are new. */
static uint64_t new_fails(const struct ubc *before, const struct ubc_row *r)
{
	const struct ubc_row *b = ubc_find(before, r->ctid, r->name);

	if (!b || r->fail == CT_UNKNOWN || b->fail > r->fail)
		return r->fail;
	return r->fail - b->fail;
}

static int print_ct(const struct vzubc *z, int dir, const struct ubc *ct, struct vz_buf *out,
		    struct vz_err *e)
{
	_cleanup_ubc_ struct ubc fails = UBC_INIT, held = UBC_INIT;
	bool headed = false;
	int r = 0;

	if (z->relative)
		state_load(dir, "failcnt", ct->v[0].ctid, &fails);
	if (z->incremental)
		state_load(dir, "held", ct->v[0].ctid, &held);
	for (size_t i = 0; i < ct->n; i++) {
		struct line l = { .r = &ct->v[i], .fail = ct->v[i].fail, .was = ct->v[i].held };
		const struct ubc_row *h = ubc_find(&held, l.r->ctid, l.r->name);

		if (z->relative)
			l.fail = new_fails(&fails, l.r);
		if (h && l.r->held != CT_UNKNOWN)
			l.was = h->held;
		if (!is_shown(z, &l))
			continue;
		if (!headed)
			print_header(z, ct->v[0].ctid, out);
		headed = true;
		print_line(z, &l, out);
	}
	if (headed)
		vz_buf_addf(out, RULE "-%s\n", z->incremental ? "-------" : "");
	if (z->relative)
		r = state_save(dir, "failcnt", ct, e);
	if (r == 0 && z->incremental)
		r = state_save(dir, "held", ct, e);
	return r;
}

int table_print(const struct vzubc *z, const struct ubc *u, struct vz_buf *out, struct vz_err *e)
{
	_cleanup_close_ int dir = -EBADF;
	int r = 0;

	if (z->relative || z->incremental) {
		dir = state_open(z, e);
		if (dir < 0)
			return dir;
	}
	for (size_t i = 0, n; r == 0 && i < u->n; i += n) {
		struct ubc ct = { .v = u->v + i };

		for (n = 1; i + n < u->n && u->v[i + n].ctid == u->v[i].ctid; n++)
			;
		ct.n = n;
		r = print_ct(z, dir, &ct, out, e);
	}
	return r;
}
