// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu (vzcpucheck): shares and limits of processor time.  On Linux CPUUNITS are
 * relative: the sum against the "power of the node" says how far each container
 * is from what the units once meant, and nothing is refused because of it.
 */
#define VZ_ROOM "node"
#include <getopt.h>
#include <inttypes.h>

#include "base/json.h"
#include "base/num.h"
#include "node/node.h"

struct cpu_sums {
	struct sum units, limit;
	bool over;
};

static void total(const struct fleet *f, struct cpu_sums *t)
{
	*t = (struct cpu_sums){ 0 };
	for (size_t i = 0; i < f->n; i++) {
		sum_add(&t->units, f->v[i].s.cpu_units);
		sum_add(&t->limit, f->v[i].s.cpu_percent);
	}
	t->over = f->host.power != CT_UNKNOWN && t->units.v > f->host.power;
}

static void text(const struct fleet *f, bool verbose, struct vz_buf *out)
{
	struct cpu_sums t;

	total(f, &t);
	if (verbose) {
		vz_buf_adds(out, "VEID\t\tCPUUNITS\n-------------------------\n");
		for (size_t i = 0; i < f->n; i++)
			vz_buf_addf(out, "%" PRIu32 "\t\t%" PRIu64 "\n", f->v[i].id,
				    f->v[i].s.cpu_units);
	}
	vz_buf_addf(out, "Current CPU utilization: %" PRIu64 "\n", t.units.v);
	if (f->host.power == CT_UNKNOWN)
		vz_buf_adds(out, "Power of the node: n/a\n");
	else
		vz_buf_addf(out, "Power of the node: %" PRIu64 "\n", f->host.power);
	if (t.over)
		vz_buf_adds(out, "Warning: hardware node is overcommitted\n");
	if (verbose)
		vz_buf_addf(out,
			    "Limits of %zu container(s): %" PRIu64 "%% of %" PRIu64
			    "%%; without a limit: %zu\n",
			    f->n - t.limit.unlimited, t.limit.v, f->host.cpus * 100,
			    t.limit.unlimited);
}

static void json_cpu(const struct fleet *f, struct vz_buf *out)
{
	struct json j = JSON_INIT(out);
	struct cpu_sums t;

	total(f, &t);
	json_begin(&j, NULL, '{', false);
	json_begin(&j, "node", '{', true);
	json_u64(&j, "cpus", f->host.cpus);
	json_u64(&j, "power", f->host.power);
	json_end(&j);
	json_begin(&j, "containers", '[', false);
	for (size_t i = 0; i < f->n; i++) {
		json_begin(&j, NULL, '{', true);
		json_u64(&j, "ctid", f->v[i].id);
		json_bool(&j, "running", f->v[i].running);
		json_u64(&j, "cpuunits", f->v[i].s.cpu_units);
		json_fixed(&j, "share_percent", percent_of(f->v[i].s.cpu_units, t.units.v), 2);
		json_u64(&j, "limit_percent", f->v[i].s.cpu_percent);
		json_end(&j);
	}
	json_end(&j);
	json_begin(&j, "sum", '{', true);
	json_u64(&j, "cpuunits", t.units.v);
	json_u64(&j, "limit_percent", t.limit.v);
	json_u64(&j, "without_limit", t.limit.unlimited);
	json_bool(&j, "overcommitted", t.over);
	json_end(&j);
	json_end(&j);
}

int node_cpu(int argc, char **argv, bool old, struct vz_err *e)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	bool verbose = false, all = false, json = false;
	struct fleet f;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "va", options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;
		*(opt == 'v' ? &verbose : opt == 'a' ? &all : &json) = true;
	}
	if (optind < argc)
		return -EINVAL;
	r = fleet_read(all, &f, e);
	if (r == 0) {
		if (json)
			json_cpu(&f, &out);
		else
			text(&f, verbose, &out);
		r = node_print(&out, e);
	}
	fleet_done(&f);
	return r;
}
