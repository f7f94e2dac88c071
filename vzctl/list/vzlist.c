// SPDX-License-Identifier: GPL-2.0-or-later
/* vzlist: which containers, in which order, to standard output. */
#define VZ_ROOM "list"
#include <fnmatch.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "list/list.h"

/* A line of the output before it is sorted. */
struct row {
	uint32_t id;
	bool descending;
	struct val key;
	size_t off, len;	/* of its text in listing.text */
};

struct listing {
	const struct options *o;
	struct conf *node;
	struct ct_view *view;
	uint32_t *ids;
	size_t n_ids;
	size_t candidates;	/* before the patterns */
	struct row *rows;
	size_t n_rows;
	struct vz_buf text;
	struct ct_traffic_all *traffic;
};

static int cmp_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Containers of the same value are in the order of their numbers, always. */
static int cmp_row(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int r = val_cmp(&x->key, &y->key);

	if (r)
		return x->descending ? -r : r;
	return (x->id > y->id) - (x->id < y->id);
}

/* Most of what is sorted here is in order already. */
static void sort(void *v, size_t n, size_t size, int (*cmp)(const void *a, const void *b))
{
	const char *p = v;

	for (size_t i = 1; i < n; i++) {
		if (cmp(p + (i - 1) * size, p + i * size) > 0) {
			qsort(v, n, size, cmp);
			return;
		}
	}
}

/* ---- who ---------------------------------------------------------------- */

static void sort_ids(struct listing *l)
{
	size_t n = 0;

	if (!l->n_ids)
		return;
	sort(l->ids, l->n_ids, sizeof(*l->ids), cmp_u32);
	for (size_t i = 0; i < l->n_ids; i++)
		if (!i || l->ids[i] != l->ids[n - 1])
			l->ids[n++] = l->ids[i];
	l->n_ids = n;
}

static int ids_from_args(struct listing *l)
{
	l->ids = xcalloc(l->o->n_args, sizeof(*l->ids));
	for (size_t i = 0; i < l->o->n_args; i++) {
		if (conf_name_resolve(l->o->args[i], false, &l->ids[l->n_ids], VZ_IGNORE) < 0) {
			fprintf(stderr, "CT ID %s is invalid.\n", l->o->args[i]);
			return -EINVAL;
		}
		l->n_ids++;
	}
	return 0;
}

/* Those with a config and those that run, which are mostly the same. */
static int ids_of_node(struct listing *l, struct vz_err *e)
{
	size_t running = ct_view_count(l->view);
	int r;

	if (l->o->all || l->o->stopped) {
		r = conf_ct_all(&l->ids, &l->n_ids, e);
		if (r < 0)
			return r;
	}
	l->ids = xrealloc(l->ids, (l->n_ids + running + 1) * sizeof(*l->ids));
	for (size_t i = 0; i < running; i++)
		l->ids[l->n_ids++] = ct_view_id(l->view, i);
	return 0;
}

/* ---- one container --------------------------------------------------------- */

/*
 * A container without a config file is known by its processes only; one whose
 * private area is missing (not made yet, storage not mounted) is not shown.
 */
static bool load(const struct listing *l, struct conf_ahead *files, size_t i, struct ent *e,
		 struct conf **ret)
{
	struct vz_err err = VZ_ERR_INIT;
	const char *private;

	e->running = ct_view_running(l->view, e->id);
	if (l->o->stopped && !l->o->all && !l->o->n_args && e->running)
		return false;
	if (conf_ahead_load(files, i, l->node, ret, &err) < 0) {
		if (!e->running && err.code == VZ_NOVECONFIG)
			return false;
		/* One that cannot be read is still there. */
		conf_defaults_ct(e->id, l->node, ret);
	}
	private = conf_str(*ret, P_VE_PRIVATE);
	return e->running || l->o->missing ||
	       (private && ct_view_has_dir(l->view, private));
}

static bool matches(const char *pattern, const char *s)
{
	return !pattern || (s && fnmatch(pattern, s, 0) == 0);
}

static bool netif_matches(const struct conf *c, const char *pattern)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(c, &nif);

	for (size_t i = 0; pattern && i < n; i++)
		if (matches(pattern, nif[i].host_ifname) || matches(pattern, nif[i].ifname))
			return true;
	return !pattern;
}

static bool wanted(const struct options *o, const struct conf *c)
{
	return matches(o->hostname, conf_str(c, P_HOSTNAME)) &&
	       matches(o->name, conf_str(c, P_NAME)) &&
	       matches(o->description, conf_str(c, P_DESCRIPTION)) && netif_matches(c, o->netif);
}

static void add_row(struct listing *l, struct ent *e)
{
	struct row *r = &l->rows[l->n_rows++];

	ct_stat_open(l->view, e->id, e->conf, &e->st);
	*r = (struct row){ .id = e->id, .descending = l->o->descending, .off = l->text.len };
	column_get(e, &l->o->sort, &r->key);
	if (l->o->json)
		json_object(e, &l->o->columns, &l->text);
	else
		text_line(e, &l->o->columns, l->o->no_trim, l->o->bare, &l->text);
	r->len = l->text.len - r->off;
	ct_stat_done(&e->st);
}

static void collect(struct listing *l)
{
	struct conf_ahead *files = conf_ahead_new(l->ids, l->n_ids);

	l->rows = xcalloc(l->n_ids, sizeof(*l->rows));
	for (size_t i = 0; i < l->n_ids; i++) {
		struct ent e = { .id = l->ids[i], .node = l->node, .view = l->view,
				 .traffic = &l->traffic };
		_cleanup_conf_ struct conf *c = NULL;

		if (!load(l, files, i, &e, &c))
			continue;
		l->candidates++;
		e.conf = c;
		if (wanted(l->o, c))
			add_row(l, &e);
	}
	conf_ahead_free(files);
	sort(l->rows, l->n_rows, sizeof(*l->rows), cmp_row);
}

/* ---- output ------------------------------------------------------------------ */

static int none_found(const struct options *o)
{
	if (o->json)
		puts("[]");
	else
		fputs("Container(s) not found\n", stderr);
	return o->n_args ? 1 : 0;
}

static int print(struct listing *l)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;

	if (l->o->json)
		vz_buf_adds(&out, "[\n");
	else if (!l->o->no_header)
		text_header(&l->o->columns, l->o->no_trim, &out);
	for (size_t i = 0; i < l->n_rows; i++) {
		vz_buf_add(&out, l->text.s + l->rows[i].off, l->rows[i].len);
		if (l->o->json)
			vz_buf_adds(&out, i + 1 < l->n_rows ? ",\n" : "\n");
	}
	if (l->o->json)
		vz_buf_adds(&out, "]\n");
	if (io_write_full(STDOUT_FILENO, vz_buf_str(&out), out.len) < 0) {
		perror("vzlist");
		return 1;
	}
	return 0;
}

static int run(struct listing *l, struct vz_err *e)
{
	int r = conf_load_node(&l->node, e);

	if (r == 0)
		r = ct_view_open(l->node, &l->view, e);
	if (r < 0)
		return r;
	if (l->o->n_args) {
		if (ids_from_args(l) < 0)
			return 1;
	} else {
		r = ids_of_node(l, e);
		if (r < 0)
			return r;
	}
	sort_ids(l);
	ct_view_expect(l->view, l->n_ids);
	collect(l);
	return l->candidates ? print(l) : none_found(l->o);
}

int main(int argc, char **argv)
{
	/* What is wrong with a config is vzcfgvalidate's to say, not a listing's. */
	const struct vz_log_conf lc = { .prog = "vzlist", .quiet = true };
	struct vz_err e = VZ_ERR_INIT;
	struct options o;
	struct listing l = { .o = &o };
	int r = options_parse(argc, argv, &o);

	vz_log_setup(&lc);
	if (r < 0 && getuid() != 0) {
		fputs("This program can only be run under root.\n", stderr);
		r = 1;
	} else if (r < 0) {
		r = run(&l, &e);
		if (r < 0)
			fprintf(stderr, "%s\n", e.msg);
		r = r < 0 ? 1 : r;
	}
	for (size_t i = 0; i < l.n_rows; i++)
		val_done(&l.rows[i].key);
	free(l.rows);
	free(l.ids);
	vz_buf_done(&l.text);
	ct_traffic_all_free(l.traffic);
	ct_view_free(l.view);
	conf_free(l.node);
	columns_done(&o.columns);
	return r;
}
