// SPDX-License-Identifier: GPL-2.0-or-later
/* vzubc: options, input, and repeating it all. */
#define VZ_ROOM "list"
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/ct.h"
#include "ct/stat.h"
#include "list/vzubc.h"

#define INPUT_MAX (64u << 20)

/* ---- options ------------------------------------------------------------- */

static int usage(FILE *f)
{
	fputs("Usage: vzubc [options] [<ctid> ...]\n"
	      "  --raw         the text of /proc/user_beancounters\n"
	      "  -w            again and again, until interrupted\n"
	      "    -wd         mark what has changed\n"
	      "    -wt         without a title\n"
	      "    -wn <sec>   so many seconds apart (2)\n"
	      "  -q            only what fails or is close to its limit\n"
	      "    -qh <ratio> held above this share of the barrier is close (0.5)\n"
	      "    -qm <ratio> maxheld above this share (0.8)\n"
	      "  -v            what has no limit, too\n"
	      "  -r            failures since the last run\n"
	      "    -rc         forget the last run\n"
	      "    -rd <dir>   where it is kept (/run/vz/vzubc)\n"
	      "  -i            difference of held to the last run\n"
	      "    -ic -id <dir>\n"
	      "  -c            with colors\n"
	      "  -f <file>     read from a file, or - for standard input\n",
	      f);
	return f == stderr;
}

static bool parse_ratio(const char *s, double *ret)
{
	char *end;
	double v = strtod(s, &end);

	if (end == s || *end || !isfinite(v) || v < 0)
		return false;
	*ret = v;
	return true;
}

/* The argument of an option that needs one. */
static bool parse_value(struct vzubc *z, const char *opt, const char *value)
{
	double sec;

	if (str_eq(opt, "-wn")) {
		z->watch = parse_ratio(value, &sec) && sec >= 0.1 && sec <= 86400;
		z->watch_ms = z->watch ? (uint32_t)(sec * 1000) : 0;
		return z->watch;
	}
	if (str_eq(opt, "-qh"))
		return z->quiet = parse_ratio(value, &z->quiet_held);
	if (str_eq(opt, "-qm"))
		return z->quiet = parse_ratio(value, &z->quiet_max);
	if (str_eq(opt, "-f") || str_eq(opt, "--file")) {
		z->file = value;
		return true;
	}
	free(z->dir);
	z->dir = xstrdup(value);
	z->relative |= opt[1] == 'r';
	z->incremental |= opt[1] == 'i';
	return true;
}

static bool parse_flag(struct vzubc *z, const char *a)
{
	const struct {
		const char *name, *long_name;
		bool *flag, *also;
	} flags[] = {
		{ "-w", "--watch", &z->watch, NULL },
		{ "-wd", NULL, &z->watch_diff, &z->watch },
		{ "-wt", NULL, &z->watch_no_title, &z->watch },
		{ "-q", "--quiet", &z->quiet, NULL },
		{ "-v", "--verbose", &z->verbose, NULL },
		{ "-r", "--relative", &z->relative, NULL },
		{ "-rc", NULL, &z->clear_fail, &z->relative },
		{ "-i", "--incremental", &z->incremental, NULL },
		{ "-ic", NULL, &z->clear_held, &z->incremental },
		{ "-c", "--color", &z->color, NULL },
		{ "--raw", NULL, &z->raw, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (!str_eq(a, flags[i].name) &&
		    !(flags[i].long_name && str_eq(a, flags[i].long_name)))
			continue;
		*flags[i].flag = true;
		if (flags[i].also)
			*flags[i].also = true;
		return true;
	}
	return false;
}

/* -1: go on; else the exit status.  Two letters after one dash: no getopt. */
static int parse(struct vzubc *z, int argc, char **argv)
{
	static const char *const with_value[] = { "-wn", "-qh", "-qm",   "-rd",
						  "-id", "-f",  "--file" };

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		size_t k;

		if (a[0] != '-') {
			argv[z->n_args++] = argv[i];
			continue;
		}
		if (str_eq(a, "-h") || str_eq(a, "--help"))
			return usage(stdout);
		for (k = 0; k < ARRAY_SIZE(with_value) && !str_eq(a, with_value[k]); k++)
			;
		if (k == ARRAY_SIZE(with_value)) {
			if (parse_flag(z, a))
				continue;
			fprintf(stderr, "Unrecognized option: %s\n", a);
			return usage(stderr);
		}
		if (i + 1 >= argc || !parse_value(z, a, argv[i + 1])) {
			fprintf(stderr, "Option %s needs %s\n", a,
				i + 1 < argc ? "another value" : "a value");
			return usage(stderr);
		}
		i++;
	}
	z->args = argv;
	return -1;
}

/* ---- input ------------------------------------------------------------------ */

static int read_file(const struct vzubc *z, struct ubc *ret, struct vz_err *e)
{
	const char *path = str_eq(z->file, "-") ? "/proc/self/fd/0" : z->file;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = io_read_file_at(AT_FDCWD, path, &b, INPUT_MAX);

	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to read '%s'", z->file);
	return vz_wrap(e, ubc_parse(vz_buf_str(&b), b.len, ret, e), "%s", z->file);
}

static void add_ct(struct ct_view *view, const struct conf *node, uint32_t id, struct ubc *ret)
{
	_cleanup_conf_ struct conf *c = NULL;
	struct ct_stat st;

	if (conf_load_ct(id, node, &c, VZ_IGNORE) < 0)
		conf_defaults_ct(id, node, &c);
	ct_stat_open(view, id, c, &st);
	ubc_add_ct(ret, &st);
	ct_stat_done(&st);
}

static int read_node(struct ubc *ret, struct vz_err *e)
{
	_cleanup_conf_ struct conf *node = NULL;
	struct ct_view *view = NULL;
	int r = conf_load_node(&node, e);

	if (r == 0)
		r = ct_view_open(node, &view, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ct_view_count(view); i++)
		add_ct(view, node, ct_view_id(view, i), ret);
	ct_view_free(view);
	return 0;
}

/* Only the containers that were named; others than those of the input are ignored. */
static void choose(const struct vzubc *z, struct ubc *u)
{
	_cleanup_free_ uint32_t *ids = xcalloc((size_t)z->n_args, sizeof(*ids));
	size_t n = 0, kept = 0;

	for (int i = 0; i < z->n_args; i++) {
		if (num_parse_ctid(z->args[i], &ids[n]) == 0 ||
		    conf_name_resolve(z->args[i], true, &ids[n], VZ_IGNORE) == 0)
			n++;
	}
	for (size_t i = 0; z->n_args && i < u->n; i++)
		for (size_t k = 0; k < n; k++)
			if (u->v[i].ctid == ids[k]) {
				u->v[kept++] = u->v[i];
				break;
			}
	if (z->n_args)
		u->n = kept;
}

static int once(const struct vzubc *z, struct vz_buf *out, struct vz_err *e)
{
	_cleanup_ubc_ struct ubc u = UBC_INIT;
	int r = z->file ? read_file(z, &u, e) : read_node(&u, e);

	if (r < 0)
		return r;
	choose(z, &u);
	if (!z->raw)
		return table_print(z, &u, out, e);
	ubc_format(&u, false, out);
	return 0;
}

/* ---- again and again ------------------------------------------------------------ */

/* What does not fit on the terminal is cut: scrolling would lose the title. */
struct screen {
	unsigned int rows, cols, row, col;
	bool marked;
};

static void put(struct screen *s, struct vz_buf *out, char c, bool mark)
{
	if (s->row >= s->rows)
		return;
	if (c == '\n') {
		if (s->marked)
			vz_buf_adds(out, "\033[27m");
		s->marked = false;
		vz_buf_adds(out, "\033[K\n");
		s->row++;
		s->col = 0;
		return;
	}
	if (s->col++ >= s->cols)
		return;
	if (mark != s->marked)
		vz_buf_adds(out, mark ? "\033[7m" : "\033[27m");
	s->marked = mark;
	vz_buf_addc(out, c);
}

static void show(const struct vzubc *z, const struct vz_buf *text, const struct vz_buf *before)
{
	struct screen s = { .rows = 10000, .cols = 10000 };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 1 && w.ws_col) {
		s.rows = w.ws_row - 1u;
		s.cols = w.ws_col;
	}
	vz_buf_adds(&out, "\033[H");
	if (!z->watch_no_title) {
		char title[64];

		snprintf(title, sizeof(title), "Every %u.%us: vzubc\n\n", z->watch_ms / 1000,
			 z->watch_ms / 100 % 10);
		for (const char *p = title; *p; p++)
			put(&s, &out, *p, false);
	}
	for (size_t i = 0; i < text->len; i++) {
		bool same = i < before->len && text->s[i] == before->s[i];

		put(&s, &out, text->s[i], z->watch_diff && before->len && !same);
	}
	vz_buf_adds(&out, "\033[J");
	(void)io_write_full(STDOUT_FILENO, vz_buf_str(&out), out.len);
}

static int watch(struct vzubc *z, struct vz_err *e)
{
	const struct timespec wait = { z->watch_ms / 1000, z->watch_ms % 1000 * 1000000L };
	struct vz_buf before = VZ_BUF_INIT;
	int r;

	z->color = false;
	for (;;) {
		struct vz_buf now = VZ_BUF_INIT;

		r = once(z, &now, e);
		if (r < 0) {
			vz_buf_done(&now);
			break;
		}
		show(z, &now, &before);
		vz_buf_done(&before);
		before = now;
		nanosleep(&wait, NULL);
	}
	vz_buf_done(&before);
	return r;
}

static int run(struct vzubc *z, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	int r = 0;

	if (z->clear_fail || z->clear_held)
		r = table_forget(z, e);
	if (r == 0 && z->watch)
		return z->file && str_eq(z->file, "-") ?
			       vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "Standard input can be read only once: -w needs a file") :
			       watch(z, e);
	if (r == 0)
		r = once(z, &out, e);
	if (r == 0)
		r = io_write_full(STDOUT_FILENO, vz_buf_str(&out), out.len);
	return r < 0 && !e->code ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write") : r;
}

int main(int argc, char **argv)
{
	const struct vz_log_conf lc = { .prog = "vzubc", .quiet = true };
	struct vzubc z = { .quiet_held = 0.5, .quiet_max = 0.8, .watch_ms = 2000 };
	struct vz_err e = VZ_ERR_INIT;
	int r;

	z.dir = xasprintf("%s/vzubc", ct_run_dir());
	r = parse(&z, argc, argv);
	vz_log_setup(&lc);
	if (r < 0) {
		r = run(&z, &e);
		if (r < 0)
			fprintf(stderr, "%s\n", e.msg);
		r = r < 0 ? 1 : 0;
	}
	free(z.dir);
	return r;
}
