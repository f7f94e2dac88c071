// SPDX-License-Identifier: GPL-2.0-or-later
/* stat: what containers use, may use, and wait for. */
#define VZ_ROOM "cmd"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "base/json.h"
#include "base/num.h"
#include "cmd/cmd.h"
#include "ct/stat.h"
#include "ct/traffic.h"

/*
 * The names are this command's own: vzlist's "physpages" counts pages, and the
 * same word for bytes would be a trap.
 */
static const struct resource {
	const char *name;
	enum param_id p;
} resources[] = {
	{ "memory", P_PHYSPAGES },
	{ "swap", P_SWAPPAGES },
	{ "anon", P_PRIVVMPAGES },
	{ "shm", P_SHMPAGES },
	{ "kernel", P_KMEMSIZE },
	{ "dcache", P_DCACHESIZE },
	{ "sockbuf", P_TCPSNDBUF },
	{ "numproc", P_NUMPROC },
	{ "numtcpsock", P_NUMTCPSOCK },
	{ "numothersock", P_NUMOTHERSOCK },
	{ "disk", P_DISKSPACE },
	{ "inodes", P_DISKINODES },
};

/* In bytes and items. */
struct sample {
	struct ct_counter res[ARRAY_SIZE(resources)];
	struct ct_usage u;
	struct timespec at;
};

/* One container of the command line, or of those that run. */
struct subject {
	uint32_t id;
	struct conf *conf;
	struct ct_stat st;
	struct sample now, before;	/* before: with --interval */
	uint64_t ms;			/* between the two, 0 without */
	bool have_traffic;
	struct ct_traffic traffic;	/* by class, since it was created */
};

static uint64_t scaled(uint64_t v, uint64_t by)
{
	if (v >= VZ_UNLIMITED)
		return v;
	return __builtin_mul_overflow(v, by, &v) || v > VZ_UNLIMITED ? VZ_UNLIMITED : v;
}

static void take_disk(struct ct_stat *st, enum param_id p, struct ct_counter *c)
{
	const struct ct_disk *d = ct_stat_disk(st);
	bool space = p == P_DISKSPACE;
	uint64_t hard = space ? d->hard_kb : d->hard_inodes;

	c->held = space ? d->used_kb : d->used_inodes;
	c->enforced = d->enforced && hard;
	if (c->enforced)
		c->lim = hard;
}

static void take_resource(struct ct_stat *st, enum param_id p, struct ct_counter *c)
{
	uint8_t unit = param_get(p)->unit;
	uint64_t by = unit == PU_PAGES ? 4096 : unit == PU_KB ? 1024 : 1, used;

	ct_stat_counter(st, p, c);
	if (p == P_DISKSPACE || p == P_DISKINODES)
		take_disk(st, p, c);
	c->held = scaled(c->held, by);
	c->max = scaled(c->max, by);
	c->bar = scaled(c->bar, by);
	c->lim = scaled(c->lim, by);
	/* The sum in force, which in the UBC model no single parameter is. */
	if (p == P_PHYSPAGES || p == P_SWAPPAGES)
		c->enforced = ct_stat_bytes(st, p == P_SWAPPAGES, &used, &c->lim) &&
			      c->lim < VZ_UNLIMITED;
}

static void take(struct ct_stat *st, struct sample *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++)
		take_resource(st, resources[i].p, &s->res[i]);
	ct_stat_usage(st, &s->u);
	clock_gettime(CLOCK_MONOTONIC, &s->at);
}

/* ---- between two samples ------------------------------------------------- */

static uint64_t per_second(uint64_t now, uint64_t before, uint64_t ms)
{
	if (!ms || now == CT_UNKNOWN || before == CT_UNKNOWN || now < before)
		return CT_UNKNOWN;
	return (now - before) * 1000 / ms;
}

/* Tenths of a per cent of one processor. */
static uint64_t cpu_rate(const struct subject *s)
{
	uint64_t us = per_second(s->now.u.cpu.usage, s->before.u.cpu.usage, s->ms);

	return us == CT_UNKNOWN ? us : us / 1000;
}

static const struct cg_io *io_before(const struct subject *s, const struct cg_io *d)
{
	static const struct cg_io none;

	for (size_t i = 0; i < s->before.u.n_io; i++)
		if (s->before.u.io[i].major == d->major && s->before.u.io[i].minor == d->minor)
			return &s->before.u.io[i];
	return &none;
}

static const struct ct_link *link_before(const struct subject *s, const struct ct_link *l)
{
	for (size_t i = 0; i < s->before.u.n_links; i++)
		if (str_eq(s->before.u.links[i].name, l->name))
			return &s->before.u.links[i];
	return l;
}

/* ---- text ------------------------------------------------------------------ */

static const char *fmt(uint64_t v, bool items, char buf[NUM_HUMAN])
{
	if (v == CT_UNKNOWN)
		return "-";
	if (v == VZ_UNLIMITED)
		return "unlimited";
	if (!items || v > 99999999)
		return num_human(v, buf);
	snprintf(buf, NUM_HUMAN, "%" PRIu64, v);
	return buf;
}

static void text_resources(const struct subject *s, struct vz_buf *out)
{
	vz_buf_addf(out, "%-14s %9s %9s %9s %9s %9s\n", "RESOURCE", "HELD", "MAXHELD", "BARRIER",
		    "LIMIT", "FAILURES");
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct ct_counter *c = &s->now.res[i];
		uint8_t unit = param_get(resources[i].p)->unit;
		bool items = unit == PU_ITEMS || unit == PU_INODES;
		char h[NUM_HUMAN], m[NUM_HUMAN], b[NUM_HUMAN], l[NUM_HUMAN], f[NUM_HUMAN];

		vz_buf_addf(out, "%-14s %9s %9s %9s %9s %9s%s\n", resources[i].name,
			    fmt(c->held, items, h), fmt(c->max, items, m), fmt(c->bar, items, b),
			    fmt(c->lim, items, l), fmt(c->fail, true, f),
			    c->enforced || c->lim == VZ_UNLIMITED || !s->st.running ?
				    "" : "  (not enforced)");
	}
}

static void text_share(struct vz_buf *out, uint64_t hundredths)
{
	if (hundredths == CT_UNKNOWN)
		vz_buf_addf(out, " %8s", "-");
	else
		vz_buf_addf(out, " %5" PRIu64 ".%02" PRIu64, hundredths / 100, hundredths % 100);
}

static void text_stall(struct vz_buf *out, const char *name, const struct cg_pressure *p)
{
	const struct cg_psi *both[] = { &p->some, &p->full };

	vz_buf_addf(out, "%-14s", name);
	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		text_share(out, both[i]->avg10);
		text_share(out, both[i]->avg60);
		text_share(out, both[i]->avg300);
	}
	vz_buf_addc(out, '\n');
}

static void text_usage(const struct subject *s, struct vz_buf *out)
{
	const struct ct_usage *u = &s->now.u;

	vz_buf_addf(out, "%-14s %8s %8s %8s %8s %8s %8s\n", "PRESSURE %", "SOME10", "SOME60",
		    "SOME300", "FULL10", "FULL60", "FULL300");
	text_stall(out, "cpu", &u->cpu_stall);
	text_stall(out, "memory", &u->memory_stall);
	text_stall(out, "io", &u->io_stall);
	vz_buf_adds(out, "CPU");
	if (u->cpu.usage != CT_UNKNOWN)
		vz_buf_addf(out, " %.3f s used", (double)u->cpu.usage / 1e6);
	if (u->cpu.user != CT_UNKNOWN && u->cpu.system != CT_UNKNOWN)
		vz_buf_addf(out, ", %.3f s user, %.3f s system", (double)u->cpu.user / 1e6,
			    (double)u->cpu.system / 1e6);
	if (u->cpu.throttled != CT_UNKNOWN && u->cpu.throttled_usec != CT_UNKNOWN)
		vz_buf_addf(out, ", throttled %" PRIu64 " times for %.3f s", u->cpu.throttled,
			    (double)u->cpu.throttled_usec / 1e6);
	if (u->cpu.limit < VZ_UNLIMITED)
		vz_buf_addf(out, ", limit %" PRIu64 " %%", u->cpu.limit);
	if (cpu_rate(s) != CT_UNKNOWN)
		vz_buf_addf(out, ", now %.1f %%", (double)cpu_rate(s) / 10);
	vz_buf_adds(out, u->cpu.usage == CT_UNKNOWN ? " -\n" : "\n");
}

static void text_rate(struct vz_buf *out, const char *what, uint64_t now, uint64_t before,
		      uint64_t ms)
{
	uint64_t v = per_second(now, before, ms);
	char buf[NUM_HUMAN];

	if (v != CT_UNKNOWN)
		vz_buf_addf(out, ", %s %s/s", what, num_human(v, buf));
}

static void text_io_limit(struct vz_buf *out, const struct cg_io *d)
{
	const struct {
		const char *unit;
		uint64_t r, w;
	} limits[] = { { "/s", d->rbps, d->wbps }, { " operations/s", d->riops, d->wiops } };
	char a[NUM_HUMAN], b[NUM_HUMAN];

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].r < VZ_UNLIMITED || limits[i].w < VZ_UNLIMITED)
			vz_buf_addf(out, ", limit %s and %s%s", fmt(limits[i].r, i == 1, a),
				    fmt(limits[i].w, i == 1, b), limits[i].unit);
}

static void text_traffic(const struct subject *s, struct vz_buf *out)
{
	const struct ct_usage *u = &s->now.u;
	char a[NUM_HUMAN], b[NUM_HUMAN];

	if (!u->have_io)
		vz_buf_adds(out, "IO -\n");
	for (size_t i = 0; i < u->n_io; i++) {
		const struct cg_io *d = &u->io[i], *o = io_before(s, d);

		vz_buf_addf(out, "IO %s %s read, %s written, %" PRIu64 " reads, %" PRIu64 " writes",
			    d->name, num_human(d->rbytes, a), num_human(d->wbytes, b), d->rios,
			    d->wios);
		text_rate(out, "reads", d->rbytes, o->rbytes, s->ms);
		text_rate(out, "writes", d->wbytes, o->wbytes, s->ms);
		text_io_limit(out, d);
		vz_buf_addc(out, '\n');
	}
	for (size_t i = 0; i < u->n_links; i++) {
		const struct ct_link *l = &u->links[i], *o = link_before(s, l);

		vz_buf_addf(out, "NET %s %s received, %s sent, %" PRIu64 " and %" PRIu64 " packets",
			    l->name, num_human(l->rx_bytes, a), num_human(l->tx_bytes, b),
			    l->rx_packets, l->tx_packets);
		text_rate(out, "receives", l->rx_bytes, o->rx_bytes, s->ms);
		text_rate(out, "sends", l->tx_bytes, o->tx_bytes, s->ms);
		vz_buf_addc(out, '\n');
	}
}

static void text_classes(const struct subject *s, struct vz_buf *out)
{
	const struct ct_traffic *t = &s->traffic;
	char a[NUM_HUMAN], b[NUM_HUMAN];

	for (size_t i = 0; s->have_traffic && i < ARRAY_SIZE(t->cls); i++)
		if (t->have & 1u << i)
			vz_buf_addf(out, "CLASS %zu %s received, %s sent\n", i,
				    num_human(t->cls[i].rx_bytes, a),
				    num_human(t->cls[i].tx_bytes, b));
}

static void text(struct subject *s, struct vz_buf *out)
{
	const char *name = conf_str(s->conf, P_NAME);
	uint64_t up = ct_stat_uptime_ms(&s->st);

	vz_buf_addf(out, "CTID %u%s%s %s", s->id, name ? " " : "", name ? name : "",
		    ct_stat_status(&s->st));
	if (up != CT_UNKNOWN)
		vz_buf_addf(out, " for %" PRIu64 "d%.2" PRIu64 "h:%.2" PRIu64 "m:%.2" PRIu64 "s",
			    up / 86400000, up / 3600000 % 24, up / 60000 % 60, up / 1000 % 60);
	vz_buf_addc(out, '\n');
	text_resources(s, out);
	if (s->st.running) {
		text_usage(s, out);
		text_traffic(s, out);
	}
	text_classes(s, out);
}

/* ---- JSON: the keys are documented in vzctl(8) ------------------------------ */

static void out_resources(const struct subject *s, struct json *j)
{
	json_begin(j, "resources", '{', false);
	for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
		const struct ct_counter *c = &s->now.res[i];

		json_begin(j, resources[i].name, '{', true);
		json_u64(j, "held", c->held);
		json_u64(j, "maxheld", c->max);
		json_u64(j, "barrier", c->bar);
		json_u64(j, "limit", c->lim);
		json_u64(j, "failures", c->fail);
		json_bool(j, "enforced", c->enforced);
		json_end(j);
	}
	json_end(j);
}

static void out_psi(struct json *j, const char *key, const struct cg_psi *p)
{
	json_begin(j, key, '{', true);
	json_fixed(j, "avg10", p->avg10, 2);
	json_fixed(j, "avg60", p->avg60, 2);
	json_fixed(j, "avg300", p->avg300, 2);
	json_u64(j, "total_usec", p->total);
	json_end(j);
}

static void out_stall(struct json *j, const char *key, const struct cg_pressure *p)
{
	json_begin(j, key, '{', false);
	out_psi(j, "some", &p->some);
	out_psi(j, "full", &p->full);
	json_end(j);
}

static void out_usage(const struct subject *s, struct json *j)
{
	const struct ct_usage *u = &s->now.u;

	json_begin(j, "pressure", '{', false);
	out_stall(j, "cpu", &u->cpu_stall);
	out_stall(j, "memory", &u->memory_stall);
	out_stall(j, "io", &u->io_stall);
	json_end(j);
	json_begin(j, "cpu", '{', true);
	json_u64(j, "usage_usec", u->cpu.usage);
	json_u64(j, "user_usec", u->cpu.user);
	json_u64(j, "system_usec", u->cpu.system);
	json_u64(j, "nr_periods", u->cpu.periods);
	json_u64(j, "nr_throttled", u->cpu.throttled);
	json_u64(j, "throttled_usec", u->cpu.throttled_usec);
	json_u64(j, "weight", u->cpu.weight);
	json_u64(j, "limit_percent", u->cpu.limit);
	if (s->ms)
		json_fixed(j, "percent", cpu_rate(s), 1);
	json_end(j);
}

static void out_io(const struct subject *s, struct json *j)
{
	const struct ct_usage *u = &s->now.u;

	if (!u->have_io) {
		json_str(j, "io", NULL);
		return;
	}
	json_begin(j, "io", '[', false);
	for (size_t i = 0; i < u->n_io; i++) {
		const struct cg_io *d = &u->io[i], *o = io_before(s, d);
		char dev[32];

		snprintf(dev, sizeof(dev), "%u:%u", d->major, d->minor);
		json_begin(j, NULL, '{', true);
		json_str(j, "device", dev);
		json_str(j, "name", *d->name ? d->name : NULL);
		json_u64(j, "read_bytes", d->rbytes);
		json_u64(j, "write_bytes", d->wbytes);
		json_u64(j, "reads", d->rios);
		json_u64(j, "writes", d->wios);
		json_u64(j, "read_bps_limit", d->rbps);
		json_u64(j, "write_bps_limit", d->wbps);
		json_u64(j, "read_iops_limit", d->riops);
		json_u64(j, "write_iops_limit", d->wiops);
		if (s->ms) {
			json_u64(j, "read_rate", per_second(d->rbytes, o->rbytes, s->ms));
			json_u64(j, "write_rate", per_second(d->wbytes, o->wbytes, s->ms));
		}
		json_end(j);
	}
	json_end(j);
}

static void out_network(const struct subject *s, struct json *j)
{
	const struct ct_usage *u = &s->now.u;

	json_begin(j, "network", '[', false);
	for (size_t i = 0; i < u->n_links; i++) {
		const struct ct_link *l = &u->links[i], *o = link_before(s, l);

		json_begin(j, NULL, '{', true);
		json_str(j, "name", l->name);
		json_u64(j, "rx_bytes", l->rx_bytes);
		json_u64(j, "rx_packets", l->rx_packets);
		json_u64(j, "tx_bytes", l->tx_bytes);
		json_u64(j, "tx_packets", l->tx_packets);
		if (s->ms) {
			json_u64(j, "rx_rate", per_second(l->rx_bytes, o->rx_bytes, s->ms));
			json_u64(j, "tx_rate", per_second(l->tx_bytes, o->tx_bytes, s->ms));
		}
		json_end(j);
	}
	json_end(j);
}

static void out_traffic(const struct subject *s, struct json *j)
{
	const struct ct_traffic *t = &s->traffic;

	if (!s->have_traffic) {
		json_str(j, "traffic", NULL);
		return;
	}
	json_begin(j, "traffic", '[', false);
	for (size_t i = 0; i < ARRAY_SIZE(t->cls); i++) {
		if (!(t->have & 1u << i))
			continue;
		json_begin(j, NULL, '{', true);
		json_u64(j, "class", i);
		json_u64(j, "rx_bytes", t->cls[i].rx_bytes);
		json_u64(j, "rx_packets", t->cls[i].rx_packets);
		json_u64(j, "tx_bytes", t->cls[i].tx_bytes);
		json_u64(j, "tx_packets", t->cls[i].tx_packets);
		json_end(j);
	}
	json_end(j);
}

static void out_json(struct subject *s, struct json *j)
{
	json_begin(j, NULL, '{', false);
	json_u64(j, "ctid", s->id);
	json_str(j, "name", conf_str(s->conf, P_NAME));
	json_str(j, "status", ct_stat_status(&s->st));
	json_fixed(j, "uptime", ct_stat_uptime_ms(&s->st), 3);
	out_resources(s, j);
	out_usage(s, j);
	out_io(s, j);
	out_network(s, j);
	out_traffic(s, j);
	json_end(j);
}

/* ---- command ---------------------------------------------------------------- */

struct stat_cmd {
	bool json;
	uint32_t interval;
	struct conf *node;
	struct ct_view *view;
	struct subject *v;
	size_t n;
};

/* Operands and options in any order: argv becomes the operands, *argc their number. */
static int parse(struct stat_cmd *c, int *argc, char **argv, struct vz_err *e)
{
	const char *interval = NULL;
	const struct cmd_opt opts[] = { { "json", &c->json, NULL },
					{ "interval", NULL, &interval } };
	char **words = xcalloc((size_t)*argc + 1, sizeof(*words));
	int n = 0, n_opts = 0, r;

	for (int i = 0; i < *argc; i++) {
		if (argv[i][0] != '-') {
			argv[n++] = argv[i];
			continue;
		}
		words[n_opts++] = argv[i];
		if (str_eq(argv[i], "--interval") && i + 1 < *argc)
			words[n_opts++] = argv[++i];
	}
	*argc = n;
	r = cmd_options(n_opts, words, opts, ARRAY_SIZE(opts), e);
	free(words);
	if (r < 0 || !interval)
		return r;
	if (num_parse_u32(interval, &c->interval) < 0 || !c->interval || c->interval > 86400)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --interval: %s (seconds, 1 to 86400)", interval);
	return 0;
}

static int add(struct stat_cmd *c, uint32_t id, struct vz_err *e)
{
	struct subject *s = &c->v[c->n];
	int r;

	*s = (struct subject){ .id = id };
	r = conf_load_ct(id, c->node, &s->conf, e);
	if (r < 0) {
		/* Known by its processes only. */
		if (!ct_view_running(c->view, id))
			return r;
		conf_defaults_ct(id, c->node, &s->conf);
	}
	c->n++;
	ct_stat_open(c->view, id, s->conf, &s->st);
	return 0;
}

static int choose(struct stat_cmd *c, int argc, char **argv, struct vz_err *e)
{
	size_t running = ct_view_count(c->view);
	uint32_t id;
	int r = 0;

	c->v = xcalloc(argc ? (size_t)argc : running, sizeof(*c->v));
	for (int i = 0; r == 0 && i < argc; i++) {
		r = conf_name_resolve(argv[i], false, &id, e);
		if (r == 0)
			r = add(c, id, e);
	}
	for (size_t i = 0; r == 0 && !argc && i < running; i++)
		r = add(c, ct_view_id(c->view, i), e);
	ct_view_expect(c->view, c->n);
	return r;
}

/* Both samples of all, so that the wait is one for all of them. */
static void sample(struct stat_cmd *c)
{
	struct timespec wait = { .tv_sec = c->interval };

	for (size_t i = 0; c->interval && i < c->n; i++)
		take(&c->v[i].st, &c->v[i].before);
	while (c->interval && nanosleep(&wait, &wait) < 0)
		;
	for (size_t i = 0; i < c->n; i++) {
		struct subject *s = &c->v[i];

		if (c->interval) {
			ct_stat_done(&s->st);
			ct_stat_open(c->view, s->id, s->conf, &s->st);
		}
		take(&s->st, &s->now);
		if (c->interval)
			s->ms = (uint64_t)((s->now.at.tv_sec - s->before.at.tv_sec) * 1000 +
					   (s->now.at.tv_nsec - s->before.at.tv_nsec) / 1000000);
	}
}

/* The kernel is asked once for all. */
static void read_traffic(struct stat_cmd *c)
{
	struct ct_traffic_all *all = ct_traffic_all_read(VZ_IGNORE);

	for (size_t i = 0; all && i < c->n; i++)
		c->v[i].have_traffic =
			ct_traffic_all_get(all, c->v[i].id, &c->v[i].traffic, VZ_IGNORE) == 0;
	ct_traffic_all_free(all);
}

static int print(struct stat_cmd *c, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	struct json j = JSON_INIT(&out);
	int r;

	if (c->json)
		json_begin(&j, NULL, '[', false);
	for (size_t i = 0; i < c->n; i++) {
		if (c->json) {
			out_json(&c->v[i], &j);
			continue;
		}
		if (i)
			vz_buf_addc(&out, '\n');
		text(&c->v[i], &out);
	}
	if (c->json)
		json_end(&j);
	else if (!c->n)
		fputs("Container(s) not found\n", stderr);
	r = io_write_full(STDOUT_FILENO, vz_buf_str(&out), out.len);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write to standard output") : 0;
}

int cmd_stat(const struct cmd_ctx *ctx, int argc, char **argv, struct vz_err *e)
{
	struct stat_cmd c = { 0 };
	int r = parse(&c, &argc, argv, e);

	if (r == 0)
		r = conf_load_node(&c.node, e);
	if (r == 0)
		r = ct_view_open(c.node, &c.view, e);
	if (r == 0)
		r = choose(&c, argc, argv, e);
	if (r == 0) {
		sample(&c);
		read_traffic(&c);
		r = print(&c, e);
	}
	for (size_t i = 0; i < c.n; i++) {
		ct_usage_done(&c.v[i].now.u);
		ct_usage_done(&c.v[i].before.u);
		ct_stat_done(&c.v[i].st);
		conf_free(c.v[i].conf);
	}
	free(c.v);
	ct_view_free(c.view);
	conf_free(c.node);
	return r;
}
