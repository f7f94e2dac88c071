// SPDX-License-Identifier: GPL-2.0-or-later
/* snapshot, snapshot-switch, snapshot-delete, snapshot-list: the command line of vzctl 4.x. */
#define VZ_ROOM "cmd"
#include <stdio.h>
#include <time.h>

#include "cmd/cmd.h"

int cmd_snapshot(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_snap_opts o = { 0 };
	const struct cmd_opt opts[] = {
		{ "id", NULL, &o.id }, { "name", NULL, &o.name },
		{ "description", NULL, &o.description },
		{ "skip-suspend", &o.skip_suspend, NULL },
		{ "skip-config", &o.skip_config, NULL },
	};
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_vm_snapshot(&ct, &o, e);
}

int cmd_snapshot_switch(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_snap_opts o = { 0 };
	const struct cmd_opt opts[] = {
		{ "id", NULL, &o.id }, { "skip-resume", &o.skip_resume, NULL },
		{ "must-resume", &o.must_resume, NULL },
		{ "skip-config", &o.skip_config, NULL },
	};
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_options(argc, argv, opts, ARRAY_SIZE(opts), e);

	if (r == 0 && o.skip_resume && o.must_resume)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "Only one of --skip-resume and --must-resume is allowed");
	if (r == 0)
		r = cmd_open(c, &ct, CT_LOCK, e);
	return r < 0 ? r : ct_vm_snap_switch(&ct, &o, e);
}

int cmd_snapshot_delete(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_snap_opts o = { 0 };
	const struct cmd_opt opts[] = { { "id", NULL, &o.id } };
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_LOCK, e);

	return r < 0 ? r : ct_vm_snap_delete(&ct, &o, e);
}

/* ---- list ---------------------------------------------------------------------- */

enum field { F_PARENT, F_CURRENT, F_UUID, F_DATE, F_NAME, F_MEMORY };

static const struct {
	const char *word, *head;
	int width;
} fields[] = {
	[F_PARENT] = { "parent_uuid", "PARENT_UUID", -38 },
	[F_CURRENT] = { "current", "C", -1 },
	[F_UUID] = { "uuid", "UUID", -38 },
	[F_DATE] = { "date", "DATE", -19 },
	[F_NAME] = { "name", "NAME", -32 },
	[F_MEMORY] = { "memory", "MEM", -3 },
};

static int parse_fields(const char *text, enum field *ret, size_t *n, struct vz_err *e)
{
	_cleanup_free_ char *copy = xstrdup(text);
	char *save, *word;
	size_t i;

	*n = 0;
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		for (i = 0; i < ARRAY_SIZE(fields) && !str_eq(fields[i].word, word); i++)
			;
		if (i == ARRAY_SIZE(fields) || *n == ARRAY_SIZE(fields))
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --output: %s (parent_uuid, current, uuid, date, name, memory)",
				       word);
		ret[(*n)++] = (enum field)i;
	}
	return 0;
}

static void print_value(const struct ct_snap *s, enum field f, bool last)
{
	char text[CT_SNAP_ID + 2] = "";
	const char *v = text;
	time_t t = (time_t)s->date;
	struct tm tm;

	if (f == F_PARENT && *s->parent)
		snprintf(text, sizeof(text), "{%s}", s->parent);
	else if (f == F_UUID)
		snprintf(text, sizeof(text), "{%s}", s->id);
	else if (f == F_DATE && localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	else if (f == F_CURRENT)
		v = s->current ? "*" : "";
	else if (f == F_NAME)
		v = s->name ? s->name : "";
	else if (f == F_MEMORY)
		v = s->mem ? "yes" : "no";
	if (last)
		printf("%s\n", v);
	else
		printf("%*s ", fields[f].width, v);
}

int cmd_snapshot_list(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	enum field show[ARRAY_SIZE(fields)] = { F_PARENT, F_CURRENT, F_UUID, F_DATE, F_NAME };
	const char *output = NULL, *id = NULL;
	bool no_header = false;
	const struct cmd_opt opts[] = {
		{ "no-header", &no_header, NULL }, { "output", NULL, &output }, { "id", NULL, &id },
	};
	_cleanup_ct_ struct ct ct = CT_INIT;
	struct ct_snap *v = NULL;
	size_t n = 0, n_show = F_NAME + 1;
	int r;

	/* 4.x's short ones. */
	for (int i = 0; i < argc; i++)
		argv[i] = str_eq(argv[i], "-H") ? "--no-header" :
			  str_eq(argv[i], "-o") ? "--output" : argv[i];
	r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, 0, e);
	if (r == 0 && output)
		r = parse_fields(output, show, &n_show, e);
	if (r == 0)
		r = ct_vm_snap_list(&ct, &v, &n, e);
	if (r < 0)
		return r;
	for (size_t k = 0; !no_header && k < n_show; k++)
		printf("%*s%s", k + 1 == n_show ? 0 : fields[show[k]].width,
		       fields[show[k]].head, k + 1 == n_show ? "\n" : " ");
	for (size_t i = 0; i < n; i++) {
		if (id && !strstr(id, v[i].id))
			continue;
		for (size_t k = 0; k < n_show; k++)
			print_value(&v[i], show[k], k + 1 == n_show);
	}
	ct_vm_snaps_free(v, n);
	return 0;
}
