// SPDX-License-Identifier: GPL-2.0-or-later
/* scale (vzcfgscale): the same configuration for a larger or smaller container. */
#define VZ_ROOM "node"
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/json.h"
#include "base/num.h"
#include "base/path.h"
#include "base/spawn.h"
#include "node/node.h"

#define CONFIG_MAX (1u << 20)

enum part { PART_CPU, PART_DISK, PART_UBC, PART_NET, PARTS };

struct scale_opts {
	double factor[PARTS];		/* 1: as it is */
	const char *file;		/* NULL: standard output */
	bool validate, remove, json;
};

/* Which factor is a parameter's; PARTS: none. */
static enum part part_of(enum param_id p)
{
	const struct param *row = param_get(p);

	switch (p) {
	case P_CPUUNITS:
	case P_CPULIMIT:
	case P_CPUBURST:
		return PART_CPU;
	case P_DISKSPACE:
	case P_DISKINODES:
	case P_IOLIMIT:
	case P_IOPSLIMIT:
		return PART_DISK;
	case P_RATE:
		return PART_NET;
	case P_MEMHIGH:
	case P_AVNUMPROC:
		return PART_UBC;
	default:
		return row->type == PT_PAIR && row->group == PG_MEM ? PART_UBC : PARTS;
	}
}

/* No limit times anything is no limit, and a limit is never scaled away to nothing. */
static uint64_t scaled(uint64_t v, double by)
{
	double d = (double)v * by;

	if (v >= VZ_UNLIMITED || d >= (double)VZ_UNLIMITED)
		return VZ_UNLIMITED;
	return v && d < 1 ? 1 : (uint64_t)d;
}

static void format_pair(const struct conf *c, enum param_id p, double by, struct vz_buf *out)
{
	struct conf_pair v = { 0 };

	conf_pair(c, p, &v);
	vz_buf_addf(out, "%" PRIu64 ":%" PRIu64, scaled(v.bar, by), scaled(v.lim, by));
}

static void format_number(const struct conf *c, enum param_id p, double by, struct vz_buf *out)
{
	const struct param *row = param_get(p);
	uint64_t v = scaled(conf_u64(c, p, 0), by);

	if (row->max && v > row->max)
		v = row->max;
	if (v < row->min)
		v = row->min;
	vz_buf_addf(out, "%" PRIu64, v);
}

/* "eth0:1:8000": the last number of each word. */
static void format_rate(const char *rate, double by, struct vz_buf *out)
{
	struct vz_strv words = VZ_STRV_INIT;

	vz_strv_split(&words, rate, " ");
	for (size_t i = 0; i < words.n; i++) {
		char *colon = strrchr(words.v[i], ':');
		uint64_t v;

		if (i)
			vz_buf_addc(out, ' ');
		if (!colon || num_parse_u64(colon + 1, &v) < 0) {
			vz_buf_adds(out, words.v[i]);
			continue;
		}
		vz_buf_add(out, words.v[i], (size_t)(colon + 1 - words.v[i]));
		vz_buf_addf(out, "%" PRIu64, scaled(v, by));
	}
	vz_strv_done(&words);
}

static int change_one(const struct conf *c, enum param_id p, double by, struct conf_change *ch,
		      struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;

	if (p == P_RATE)
		format_rate(conf_str(c, p), by, &text);
	else if (param_get(p)->type == PT_PAIR)
		format_pair(c, p, by, &text);
	else
		format_number(c, p, by, &text);
	return conf_change_set(ch, p, vz_buf_str(&text), CONF_FILE, e);
}

static int make_change(const struct scale_opts *o, const struct conf *c, struct conf_change *ch,
		       struct vz_err *e)
{
	int r = 0;

	param_for_each(p) {
		enum part part = part_of(p);

		if (r < 0 || !conf_has(c, p))
			continue;
		if (o->remove && (param_get(p)->flags & PF_CT_ONLY))
			conf_change_unset(ch, p);
		else if (part < PARTS && o->factor[part] != 1)
			r = change_one(c, p, o->factor[part], ch, e);
	}
	return r;
}

/* ---- output --------------------------------------------------------------------- */

static void print_json(const struct vz_strv *changed, const struct conf *before,
		       const struct conf *after, struct vz_buf *out)
{
	struct json j = JSON_INIT(out);

	json_begin(&j, NULL, '{', false);
	for (size_t i = 0; i < changed->n; i++) {
		enum param_id p = param_by_key(changed->v[i], strlen(changed->v[i]));
		_cleanup_free_ char *a = conf_format(before, p);
		_cleanup_free_ char *b = conf_has(after, p) ? conf_format(after, p) : NULL;

		json_begin(&j, changed->v[i], '{', true);
		json_str(&j, "from", a);
		json_str(&j, "to", b);
		json_end(&j);
	}
	json_end(&j);
}

/* What has changed, by key, from the file before and after. */
static int describe(const struct conf *before, const struct conf_change *ch, struct vz_buf *out,
		    const char *path, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv changed = VZ_STRV_INIT;
	_cleanup_conf_ struct conf *after = NULL;
	int r = conf_load_file(path, &after, e);

	if (r == 0)
		r = conf_apply(after, ch, e);
	if (r < 0)
		return r;
	param_for_each(p)
		if (conf_has(before, p) && conf_change_has(ch, p))
			vz_strv_add(&changed, param_get(p)->key);
	print_json(&changed, before, after, out);
	return 0;
}

/* vzcfgvalidate reads the result from its standard input. */
static int validate(const struct vz_buf *text, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/vzcfgvalidate", vz_sbin_dir());
	const char *const argv[] = { path, "/proc/self/fd/0", NULL };
	_cleanup_close_ int fd = memfd_create("config", MFD_CLOEXEC);
	struct spawn sp = SPAWN_INIT;
	int r;

	if (fd < 0 || io_write_full(fd, vz_buf_str(text), text->len) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "memfd_create");
	sp.path = path;
	sp.argv = argv;
	sp.in = fd;
	/* Standard output is the configuration's. */
	sp.out = STDERR_FILENO;
	sp.timeout_ms = 60000;
	r = spawn_run(&sp);
	if (r < 0)
		return vz_fail(e, VZ_NO_HELPER, -r, "Unable to run %s", path);
	if (!WIFEXITED(r) || WEXITSTATUS(r))
		return vz_fail(e, VZ_VALIDATE_ERROR, 0, "The configuration is not valid here");
	return 0;
}

static int write_out(const struct scale_opts *o, const struct vz_buf *text, struct vz_err *e)
{
	int r;

	if (!o->file)
		return node_print(text, e);
	r = io_write_atomic_at(AT_FDCWD, o->file, vz_buf_str(text), text->len, 0644, 0);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write '%s'", o->file) : 0;
}

static int run(const struct scale_opts *o, const char *path, struct conf_change *ch,
	       struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf in = VZ_BUF_INIT, out = VZ_BUF_INIT, json = VZ_BUF_INIT;
	_cleanup_conf_ struct conf *c = NULL;
	int r = io_read_file_at(AT_FDCWD, path, &in, CONFIG_MAX);

	if (r < 0)
		return vz_fail(e, VZ_NOVECONFIG, -r, "Unable to read '%s'", path);
	r = conf_load_file(path, &c, e);
	if (r == 0)
		r = make_change(o, c, ch, e);
	if (r == 0)
		r = conf_edit_text(vz_buf_str(&in), in.len, ch, &out, e);
	if (r == 0 && o->validate)
		r = validate(&out, e);
	if (r < 0)
		return r;
	if (!o->json)
		return write_out(o, &out, e);
	r = describe(c, ch, &json, path, e);
	if (r == 0 && o->file)
		r = write_out(o, &out, e);
	return r < 0 ? r : node_print(&json, e);
}

/* ---- options ---------------------------------------------------------------------- */

static bool parse_factor(const char *s, double *ret)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !isfinite(v) || v <= 0 || v > 1e6)
		return false;
	*ret = v;
	return true;
}

static int take_factor(struct scale_opts *o, int opt, const char *arg, struct vz_err *e)
{
	static const char letters[PARTS + 1] = "cdun";
	double by;

	if (!parse_factor(arg, &by))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Invalid argument for -%c: %s", opt, arg);
	for (size_t i = 0; i < PARTS; i++)
		if (opt == 'a' || opt == letters[i])
			o->factor[i] = by;
	return 0;
}

int node_scale(int argc, char **argv, bool old, struct vz_err *e)
{
	static const struct option options[] = {
		{ "output-file", required_argument, NULL, 'o' },
		{ "all", required_argument, NULL, 'a' },
		{ "cpu-only", required_argument, NULL, 'c' },
		{ "disk-only", required_argument, NULL, 'd' },
		{ "ubc-only", required_argument, NULL, 'u' },
		{ "network-only", required_argument, NULL, 'n' },
		{ "validate", no_argument, NULL, 'v' },
		{ "remove", no_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	struct scale_opts o = { .factor = { 1, 1, 1, 1 } };
	struct conf_change *ch;
	int opt, r;

	while ((opt = getopt_long(argc, argv, "o:a:c:d:u:n:vr", options, NULL)) != -1) {
		if (opt == '?')
			return -EINVAL;
		if (opt == 'o') {
			o.file = optarg;
		} else if (opt == 'v' || opt == 'r' || opt == 'j') {
			*(opt == 'v' ? &o.validate : opt == 'r' ? &o.remove : &o.json) = true;
		} else {
			r = take_factor(&o, opt, optarg, e);
			if (r < 0)
				return r;
		}
	}
	if (optind + 1 != argc)
		return -EINVAL;
	ch = conf_change_new();
	r = run(&o, argv[optind], ch, e);
	conf_change_free(ch);
	return r;
}
