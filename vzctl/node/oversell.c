// SPDX-License-Identifier: GPL-2.0-or-later
/* oversell (vzoversell): memory and swap that are sold, against what there is. */
#define VZ_ROOM "node"
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>

#include "base/io.h"
#include "base/json.h"
#include "base/num.h"
#include "ct/ubc.h"
#include "node/node.h"

#define INPUT_MAX (64u << 20)

enum {
	FLAG_R = 1u << 0,	/* not VSwap */
	FLAG_U = 1u << 1,	/* no memory limit */
	FLAG_S = 1u << 2,	/* no swap limit */
	FLAG_F = 1u << 3,	/* failures */
};

static const struct {
	unsigned int bit;
	char letter;
	const char *text;
} flag_texts[] = {
	{ FLAG_R, 'R', "limits by resource: the memory limit is what follows from them" },
	{ FLAG_U, 'U', "no memory limit, not counted in the total" },
	{ FLAG_S, 'S', "no swap limit, not counted in the total" },
	{ FLAG_F, 'F', "a limit was hit, see vzubc" },
};

static unsigned int flags_of(const struct ct_share *s)
{
	unsigned int f = s->vswap ? 0 : FLAG_R;

	if (s->mem_max == VZ_UNLIMITED)
		f |= FLAG_U;
	if (s->swap_max == VZ_UNLIMITED)
		f |= FLAG_S;
	if ((s->mem_fail && s->mem_fail != CT_UNKNOWN) ||
	    (s->swap_fail && s->swap_fail != CT_UNKNOWN))
		f |= FLAG_F;
	return f;
}

/* ---- a file of beancounters ---------------------------------------------------- */

static uint64_t in_bytes(uint64_t pages)
{
	if (pages == CT_UNKNOWN)
		return pages;
	return pages >= VZ_UNLIMITED / 4096 || pages == INT_MAX ? VZ_UNLIMITED : pages * 4096;
}

static void from_rows(const struct ubc *ct, struct member *m)
{
	const struct ubc_row *ram = ubc_find(ct, m->id, "physpages");
	const struct ubc_row *swap = ubc_find(ct, m->id, "swappages");
	const struct ubc_row *vm = ubc_find(ct, m->id, "privvmpages");
	struct ct_share *s = &m->s;

	*s = (struct ct_share){
		.mem_used = ram ? in_bytes(ram->held) : CT_UNKNOWN,
		.mem_peak = ram ? in_bytes(ram->max) : CT_UNKNOWN,
		.mem_fail = ram ? ram->fail : CT_UNKNOWN,
		.mem_max = ram ? in_bytes(ram->lim) : CT_UNKNOWN,
		.swap_used = swap ? in_bytes(swap->held) : CT_UNKNOWN,
		.swap_peak = swap ? in_bytes(swap->max) : CT_UNKNOWN,
		.swap_fail = swap ? swap->fail : CT_UNKNOWN,
		.swap_max = swap ? in_bytes(swap->lim) : CT_UNKNOWN,
	};
	s->vswap = s->mem_max < VZ_UNLIMITED;
	if (!s->vswap && vm)
		s->mem_max = in_bytes(vm->lim);
}

/* The node itself, 0, is not sold. */
static int read_file(const char *path, struct fleet *f, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	int r = io_read_file_at(AT_FDCWD, path, &b, INPUT_MAX);

	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to read '%s'", path);
	r = ubc_parse(vz_buf_str(&b), b.len, &u, e);
	if (r < 0)
		return vz_wrap(e, r, "%s", path);
	free(f->v);
	f->v = xcalloc(u.n, sizeof(*f->v));
	f->n = 0;
	for (size_t i = 0, n; i < u.n; i += n) {
		struct ubc ct = { .v = u.v + i };

		for (n = 1; i + n < u.n && u.v[i + n].ctid == u.v[i].ctid; n++)
			;
		ct.n = n;
		if (!u.v[i].ctid)
			continue;
		f->v[f->n] = (struct member){ .id = u.v[i].ctid, .running = true };
		from_rows(&ct, &f->v[f->n++]);
	}
	return 0;
}

/* ---- totals ------------------------------------------------------------------------ */

struct totals {
	struct sum ram_used, ram_peak, ram_limit, ram_fail;
	struct sum swap_used, swap_peak, swap_limit, swap_fail;
	unsigned int flags;
};

static void total(const struct fleet *f, struct totals *t)
{
	*t = (struct totals){ 0 };
	for (size_t i = 0; i < f->n; i++) {
		const struct ct_share *s = &f->v[i].s;

		sum_add(&t->ram_used, s->mem_used);
		sum_add(&t->ram_peak, s->mem_peak);
		sum_add(&t->ram_limit, s->mem_max);
		sum_add(&t->ram_fail, s->mem_fail);
		sum_add(&t->swap_used, s->swap_used);
		sum_add(&t->swap_peak, s->swap_peak);
		sum_add(&t->swap_limit, s->swap_max);
		sum_add(&t->swap_fail, s->swap_fail);
		t->flags |= flags_of(s);
	}
}

/* ---- text ---------------------------------------------------------------------------- */

static const char *amount(uint64_t v, char buf[NUM_HUMAN])
{
	return !v || v >= VZ_UNLIMITED ? "-" : num_human(v, buf);
}

static void half(struct vz_buf *out, uint64_t used, uint64_t peak, uint64_t limit, uint64_t fails)
{
	char a[NUM_HUMAN], b[NUM_HUMAN], c[NUM_HUMAN], d[NUM_HUMAN];

	vz_buf_addf(out, " %5s %5s %5s %5s", amount(used, a), amount(peak, b), amount(limit, c),
		    amount(fails, d));
}

static void text_sold(struct vz_buf *out, const char *name, uint64_t have, uint64_t sold)
{
	uint64_t p = percent_of(sold, have);
	char a[NUM_HUMAN], b[NUM_HUMAN];

	vz_buf_addf(out, "%-10s available: %5s  allocated: %5s  oversell: ", name, amount(have, a),
		    amount(sold, b));
	if (p == CT_UNKNOWN || !p)
		vz_buf_adds(out, "-\n");
	else
		vz_buf_addf(out, "%" PRIu64 ".%" PRIu64 "%%\n", p / 100, p / 10 % 10);
}

static void text_flags(struct vz_buf *out, unsigned int flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_texts); i++)
		if (flags & flag_texts[i].bit)
			vz_buf_addc(out, flag_texts[i].letter);
}

static void text(const struct fleet *f, struct vz_buf *out)
{
	struct totals t;

	total(f, &t);
	vz_buf_adds(out, "           --------- RAM ---------  -------- Swap ---------  Flags\n"
			 "            used  peak limit fails   used  peak limit fails\n");
	for (size_t i = 0; i < f->n; i++) {
		const struct ct_share *s = &f->v[i].s;

		vz_buf_addf(out, "%10" PRIu32, f->v[i].id);
		half(out, s->mem_used, s->mem_peak, s->mem_max, s->mem_fail);
		vz_buf_addc(out, ' ');
		half(out, s->swap_used, s->swap_peak, s->swap_max, s->swap_fail);
		if (flags_of(s))
			vz_buf_adds(out, "  ");
		text_flags(out, flags_of(s));
		vz_buf_addc(out, '\n');
	}
	vz_buf_adds(out, "           ----- ----- ----- -----  ----- ----- ----- -----\n TOTAL    ");
	half(out, t.ram_used.v, t.ram_peak.v, t.ram_limit.v, t.ram_fail.v);
	vz_buf_addc(out, ' ');
	half(out, t.swap_used.v, t.swap_peak.v, t.swap_limit.v, t.swap_fail.v);
	vz_buf_adds(out, "\n\n");
	text_sold(out, "RAM", f->host.ram, t.ram_limit.v);
	text_sold(out, "Swap", f->host.swap, t.swap_limit.v);
	text_sold(out, "RAM+Swap", f->host.ram + f->host.swap, t.ram_limit.v + t.swap_limit.v);
	if (t.flags)
		vz_buf_adds(out, "\nFlags:\n");
	for (size_t i = 0; i < ARRAY_SIZE(flag_texts); i++)
		if (t.flags & flag_texts[i].bit)
			vz_buf_addf(out, "  %c: %s\n", flag_texts[i].letter, flag_texts[i].text);
}

/* ---- JSON ------------------------------------------------------------------------------ */

static void json_half(struct json *j, const char *key, uint64_t used, uint64_t peak, uint64_t limit,
		      uint64_t fails)
{
	json_begin(j, key, '{', true);
	json_u64(j, "used", used);
	json_u64(j, "peak", peak);
	json_u64(j, "limit", limit);
	json_u64(j, "failures", fails);
	json_end(j);
}

static void json_sold(struct json *j, const char *key, uint64_t have, uint64_t sold)
{
	json_begin(j, key, '{', true);
	json_u64(j, "available", have);
	json_u64(j, "allocated", sold);
	json_fixed(j, "percent", percent_of(sold, have), 2);
	json_end(j);
}

static void json_oversell(const struct fleet *f, struct vz_buf *out)
{
	struct json j = JSON_INIT(out);
	struct totals t;

	total(f, &t);
	json_begin(&j, NULL, '{', false);
	json_begin(&j, "containers", '[', false);
	for (size_t i = 0; i < f->n; i++) {
		const struct ct_share *s = &f->v[i].s;

		json_begin(&j, NULL, '{', true);
		json_u64(&j, "ctid", f->v[i].id);
		json_bool(&j, "running", f->v[i].running);
		json_bool(&j, "vswap", s->vswap);
		json_half(&j, "memory", s->mem_used, s->mem_peak, s->mem_max, s->mem_fail);
		json_half(&j, "swap", s->swap_used, s->swap_peak, s->swap_max, s->swap_fail);
		json_end(&j);
	}
	json_end(&j);
	json_sold(&j, "memory", f->host.ram, t.ram_limit.v);
	json_sold(&j, "swap", f->host.swap, t.swap_limit.v);
	json_sold(&j, "total", f->host.ram + f->host.swap, t.ram_limit.v + t.swap_limit.v);
	json_u64(&j, "without_memory_limit", t.ram_limit.unlimited);
	json_u64(&j, "without_swap_limit", t.swap_limit.unlimited);
	json_end(&j);
}

int node_oversell(int argc, char **argv, bool old, struct vz_err *e)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	bool all = false, json = false;
	struct fleet f;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "a", options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;
		*(opt == 'a' ? &all : &json) = true;
	}
	if (optind + 1 < argc)
		return -EINVAL;
	r = fleet_read(all, &f, e);
	if (r == 0 && optind < argc)
		r = read_file(argv[optind], &f, e);
	if (r == 0) {
		if (json)
			json_oversell(&f, &out);
		else
			text(&f, &out);
		r = node_print(&out, e);
	}
	fleet_done(&f);
	return r;
}
