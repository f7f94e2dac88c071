// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mem (vzmemcheck): memory that containers use, are guaranteed and may have, of
 * what there is.  calc (vzcalc): the same of one.  Low memory and allocated
 * memory of 4.x have no counterpart: the kernel counts one memory, and swap.
 */
#define VZ_ROOM "node"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/num.h"
#include "node/node.h"

/* What is summed up, in the order of the columns. */
enum { RAM_UTIL, RAM_COMMIT, RAM_LIMIT, SWAP_UTIL, SWAP_LIMIT, BOTH_UTIL, BOTH_LIMIT, COLUMNS };

static const char *const json_keys[COLUMNS] = { "memory_used",	"memory_guarantee", "memory_limit",
						"swap_used",	"swap_limit",	    "total_used",
						"total_limit" };

static uint64_t plus(uint64_t a, uint64_t b)
{
	if (a == CT_UNKNOWN || b == CT_UNKNOWN)
		return CT_UNKNOWN;
	return __builtin_add_overflow(a, b, &a) || a >= VZ_UNLIMITED ? VZ_UNLIMITED : a;
}

static void columns_of(const struct ct_share *s, uint64_t v[COLUMNS])
{
	v[RAM_UTIL] = s->mem_used;
	v[RAM_COMMIT] = s->mem_low;
	v[RAM_LIMIT] = s->mem_max;
	v[SWAP_UTIL] = s->swap_used;
	v[SWAP_LIMIT] = s->swap_max;
	v[BOTH_UTIL] = plus(s->mem_used, s->swap_used);
	v[BOTH_LIMIT] = plus(s->mem_max, s->swap_max);
}

/* Of which part of the node a column is a share. */
static void node_of(const struct host *h, uint64_t v[COLUMNS])
{
	v[RAM_UTIL] = v[RAM_COMMIT] = v[RAM_LIMIT] = h->ram;
	v[SWAP_UTIL] = v[SWAP_LIMIT] = h->swap;
	v[BOTH_UTIL] = v[BOTH_LIMIT] = h->ram + h->swap;
}

/* ---- text ------------------------------------------------------------------ */

/* Megabytes or per cent, both with two decimals. */
static void cell(struct vz_buf *out, uint64_t v, uint64_t of, bool absolute)
{
	uint64_t x;

	if (v == CT_UNKNOWN) {
		vz_buf_addf(out, " %9s", "n/a");
		return;
	}
	if (v >= VZ_UNLIMITED) {
		vz_buf_addf(out, " %9s", "unlimited");
		return;
	}
	x = absolute ? (uint64_t)((unsigned __int128)v * 100 >> 20) : percent_of(v, of);
	if (x == CT_UNKNOWN)
		vz_buf_addf(out, " %9s", v ? "n/a" : "0.00");
	else
		vz_buf_addf(out, " %6" PRIu64 ".%02" PRIu64, x / 100, x % 100);
}

static void line(struct vz_buf *out, const uint64_t v[COLUMNS], const uint64_t of[COLUMNS],
		 bool absolute)
{
	for (size_t i = 0; i < COLUMNS; i++)
		cell(out, v[i], of[i], absolute);
	vz_buf_addc(out, '\n');
}

static void text_header(struct vz_buf *out, bool absolute, bool verbose)
{
	static const char *const heads[2][COLUMNS] = {
		{ "RAM", "RAM", "RAM", "Swap", "Swap", "MemSwap", "MemSwap" },
		{ "util", "commit", "limit", "util", "limit", "util", "limit" },
	};

	vz_buf_addf(out, "Output values in %s\n", absolute ? "Mbytes" : "%");
	for (size_t row = 0; row < 2; row++) {
		if (verbose)
			vz_buf_addf(out, "%-10s", row ? "" : "CTID");
		for (size_t i = 0; i < COLUMNS; i++)
			vz_buf_addf(out, " %9s", heads[row][i]);
		vz_buf_addc(out, '\n');
	}
}

struct totals {
	struct sum sums[COLUMNS];
	uint64_t v[COLUMNS];	/* what is printed: unknown when nothing is known */
};

static void total(const struct fleet *f, struct totals *t)
{
	*t = (struct totals){ 0 };
	for (size_t i = 0; i < f->n; i++) {
		uint64_t v[COLUMNS];

		columns_of(&f->v[i].s, v);
		for (size_t k = 0; k < COLUMNS; k++)
			sum_add(&t->sums[k], v[k]);
	}
	for (size_t k = 0; k < COLUMNS; k++)
		t->v[k] = f->n && t->sums[k].unknown == f->n ? CT_UNKNOWN : t->sums[k].v;
}

static void text(const struct fleet *f, bool absolute, bool verbose, struct vz_buf *out)
{
	uint64_t of[COLUMNS], v[COLUMNS];
	struct totals t;

	node_of(&f->host, of);
	total(f, &t);
	text_header(out, absolute, verbose);
	for (size_t i = 0; verbose && i < f->n; i++) {
		columns_of(&f->v[i].s, v);
		vz_buf_addf(out, "%-10" PRIu32, f->v[i].id);
		line(out, v, of, absolute);
	}
	if (verbose) {
		for (size_t i = 0; i < 10 + 10 * COLUMNS; i++)
			vz_buf_addc(out, '-');
		vz_buf_addf(out, "\n%-10s", "Summary:");
	}
	line(out, t.v, of, absolute);
	if (absolute) {
		if (verbose)
			vz_buf_addf(out, "%10s", "");
		line(out, of, of, true);
	}
	if (t.sums[BOTH_LIMIT].unlimited)
		vz_buf_addf(out, "%zu container(s) without a limit are not in the sums of limits\n",
			    t.sums[BOTH_LIMIT].unlimited);
}

/* ---- JSON -------------------------------------------------------------------- */

static void json_host(const struct host *h, struct json *j)
{
	json_begin(j, "node", '{', true);
	json_u64(j, "memory", h->ram);
	json_u64(j, "memory_used", h->ram_used);
	json_u64(j, "memory_reserve", h->reserve);
	json_u64(j, "swap", h->swap);
	json_u64(j, "swap_used", h->swap_used);
	json_end(j);
}

static void json_mem(const struct fleet *f, struct vz_buf *out)
{
	struct json j = JSON_INIT(out);
	uint64_t of[COLUMNS], v[COLUMNS];
	struct totals t;

	node_of(&f->host, of);
	total(f, &t);
	json_begin(&j, NULL, '{', false);
	json_host(&f->host, &j);
	json_begin(&j, "containers", '[', false);
	for (size_t i = 0; i < f->n; i++) {
		columns_of(&f->v[i].s, v);
		json_begin(&j, NULL, '{', true);
		json_u64(&j, "ctid", f->v[i].id);
		json_bool(&j, "running", f->v[i].running);
		for (size_t k = 0; k < COLUMNS; k++)
			json_u64(&j, json_keys[k], v[k]);
		json_end(&j);
	}
	json_end(&j);
	json_begin(&j, "sum", '{', true);
	for (size_t k = 0; k < COLUMNS; k++)
		json_u64(&j, json_keys[k], t.v[k]);
	json_u64(&j, "without_limit", t.sums[BOTH_LIMIT].unlimited);
	json_end(&j);
	json_begin(&j, "percent", '{', true);
	for (size_t k = 0; k < COLUMNS; k++)
		json_fixed(&j, json_keys[k], percent_of(t.v[k], of[k]), 2);
	json_end(&j);
	json_end(&j);
}

/* ---- what virtual machines can have -------------------------------------------- */

static int json_admission(struct vz_buf *out, struct vz_err *e)
{
	struct json j = JSON_INIT(out);
	struct ct_admission a;
	int r = ct_admission(&a, e);

	if (r < 0)
		return r;
	json_begin(&j, NULL, '{', false);
	json_u64(&j, "memory", a.total);
	json_u64(&j, "node_reserve", a.node);
	json_u64(&j, "page_cache", a.cache);
	json_u64(&j, "huge_pages", a.huge);
	json_u64(&j, "virtual_machines", a.vms);
	json_u64(&j, "containers", a.cts);
	json_u64(&j, "free", a.free);
	json_end(&j);
	return 0;
}

static int text_admission(struct vz_buf *out, struct vz_err *e)
{
	struct ct_admission a;
	int r = ct_admission(&a, e);
	const struct {
		const char *name;
		uint64_t v;
	} rows[] = { { "memory", a.total }, { "node", a.node }, { "page cache", a.cache },
		     { "huge pages", a.huge }, { "virtual machines", a.vms },
		     { "containers", a.cts }, { "free", a.free } };

	if (r < 0)
		return r;
	vz_buf_adds(out, "Admission of virtual machines, Mbytes\n");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		vz_buf_addf(out, "%-18s %10" PRIu64 "\n", rows[i].name, rows[i].v >> 20);
	return 0;
}

int node_mem(int argc, char **argv, bool old, struct vz_err *e)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "admission", no_argument, NULL, 'm' }, { 0 } };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	bool verbose = false, absolute = false, all = false, json = false, admission = false;
	struct fleet f;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "vAa", options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;
		verbose |= opt == 'v';
		absolute |= opt == 'A';
		all |= opt == 'a';
		json |= opt == 'j';
		admission |= opt == 'm';
	}
	if (optind < argc || (admission && (verbose || absolute || all)))
		return -EINVAL;
	if (admission) {
		r = json ? json_admission(&out, e) : text_admission(&out, e);
		return r < 0 ? r : node_print(&out, e);
	}
	r = fleet_read(all, &f, e);
	if (r == 0) {
		if (json)
			json_mem(&f, &out);
		else
			text(&f, absolute, verbose, &out);
		r = node_print(&out, e);
	}
	fleet_done(&f);
	return r;
}

/* ---- calc ------------------------------------------------------------------------ */

struct share_row {
	const char *name, *json;
	uint64_t now, promised, max;	/* hundredths of a per cent */
	bool memory;			/* counts for the line "Memory" */
};

#define SHARES 4

/* No limit means all that the node has. */
static uint64_t limit_percent(uint64_t v, uint64_t of)
{
	return v == VZ_UNLIMITED ? 10000 : percent_of(v, of);
}

static void shares_of(const struct fleet *f, struct share_row rows[SHARES])
{
	const struct ct_share *s = &f->v[0].s;
	const struct host *h = &f->host;
	uint64_t both = h->ram + h->swap;

	rows[0] = (struct share_row){ "Total RAM", "memory", percent_of(s->mem_used, h->ram),
				      percent_of(s->mem_low, h->ram),
				      limit_percent(s->mem_max, h->ram), true };
	rows[1] = (struct share_row){ "Mem + Swap", "total",
				      percent_of(plus(s->mem_used, s->swap_used), both),
				      percent_of(s->mem_low, both),
				      limit_percent(plus(s->mem_max, s->swap_max), both), true };
	rows[2] = (struct share_row){ "CPU", "cpu", CT_UNKNOWN, CT_UNKNOWN,
				      limit_percent(s->cpu_percent, h->cpus * 100), false };
	rows[3] = (struct share_row){ "Num. Proc", "numproc", percent_of(s->procs, h->pids),
				      CT_UNKNOWN, limit_percent(s->procs_max, h->pids), false };
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	if (a == CT_UNKNOWN || b == CT_UNKNOWN)
		return a == CT_UNKNOWN ? b : a;
	return a > b ? a : b;
}

static void share_cell(struct vz_buf *out, uint64_t v)
{
	if (v == CT_UNKNOWN)
		vz_buf_addf(out, " %10s", "n/a");
	else
		vz_buf_addf(out, " %7" PRIu64 ".%02" PRIu64, v / 100, v % 100);
}

static void share_line(struct vz_buf *out, const struct share_row *r)
{
	vz_buf_addf(out, "%-10s", r->name);
	share_cell(out, r->now);
	share_cell(out, r->promised);
	share_cell(out, r->max);
	vz_buf_addc(out, '\n');
}

static void calc_text(const struct share_row rows[SHARES], bool verbose, struct vz_buf *out)
{
	struct share_row sum = { "Memory", NULL, CT_UNKNOWN, CT_UNKNOWN, CT_UNKNOWN, true };

	vz_buf_adds(out, "Resource     Current(%)  Promised(%)  Max(%)\n");
	for (size_t i = 0; i < SHARES; i++) {
		if (verbose)
			share_line(out, &rows[i]);
		if (!rows[i].memory)
			continue;
		sum.now = larger(sum.now, rows[i].now);
		sum.promised = larger(sum.promised, rows[i].promised);
		sum.max = larger(sum.max, rows[i].max);
	}
	if (verbose)
		vz_buf_adds(out, "--------------------------------------------\n");
	share_line(out, &sum);
}

static void calc_json(const struct member *m, const struct share_row rows[SHARES],
		      struct vz_buf *out)
{
	struct json j = JSON_INIT(out);

	json_begin(&j, NULL, '{', false);
	json_u64(&j, "ctid", m->id);
	json_bool(&j, "running", m->running);
	for (size_t i = 0; i < SHARES; i++) {
		json_begin(&j, rows[i].json, '{', true);
		json_fixed(&j, "current_percent", rows[i].now, 2);
		json_fixed(&j, "promised_percent", rows[i].promised, 2);
		json_fixed(&j, "max_percent", rows[i].max, 2);
		json_end(&j);
	}
	json_end(&j);
}

int node_calc(int argc, char **argv, bool old, struct vz_err *e)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	struct share_row rows[SHARES];
	bool verbose = false, json = false;
	struct fleet f;
	uint32_t id;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;
		*(opt == 'v' ? &verbose : &json) = true;
	}
	if (optind + 1 != argc)
		return -EINVAL;
	if (conf_name_resolve(argv[optind], false, &id, VZ_IGNORE) < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Invalid CT ID: %s", argv[optind]);
	r = fleet_read_ct(id, &f, e);
	if (r == 0) {
		shares_of(&f, rows);
		if (json)
			calc_json(&f.v[0], rows, &out);
		else
			calc_text(rows, verbose, &out);
		r = node_print(&out, e);
	}
	fleet_done(&f);
	return r;
}
