// SPDX-License-Identifier: GPL-2.0-or-later
/* dists/NAME.conf: which script configures a distribution. */
#define VZ_ROOM "tmpl"
#include "tmpl/tmpl.h"

#include <fcntl.h>

#include "base/io.h"
#include "base/log.h"

#define DIST_CONF_MAX (64u << 10)
/* Twice this fits one argument of sh -c (MAX_ARG_STRLEN is 128 KiB). */
#define DIST_SCRIPT_MAX (60u << 10)

static const char *const action_names[TMPL_ACTIONS] = {
	[TMPL_ADD_IP] = "ADD_IP",
	[TMPL_DEL_IP] = "DEL_IP",
	[TMPL_SET_HOSTNAME] = "SET_HOSTNAME",
	[TMPL_SET_DNS] = "SET_DNS",
	[TMPL_SET_USERPASS] = "SET_USERPASS",
	[TMPL_SET_UGID_QUOTA] = "SET_UGID_QUOTA",
	[TMPL_POST_CREATE] = "POST_CREATE",
	[TMPL_PRE_START] = "PRE_START",
	[TMPL_SET_CONSOLE] = "SET_CONSOLE",
};

struct tmpl_dist {
	char *dir;	/* where the .conf was found; its scripts are below */
	char *name;
	char *script[TMPL_ACTIONS];
};

static const char *const default_dirs[] = {
	VZ_SYSCONFDIR "/vz/dists", VZ_DATADIR "/dists", NULL,
};

const char *tmpl_action_name(enum tmpl_action a)
{
	return action_names[a];
}

void tmpl_dist_free(struct tmpl_dist *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < TMPL_ACTIONS; i++)
		free(d->script[i]);
	free(d->dir);
	free(d->name);
	free(d);
}

/* KEY=value, KEY="value", KEY='value'; the same syntax as every file in /etc/vz. */
static void parse_line(struct tmpl_dist *d, char *line, const char *path)
{
	char *eq = strchr(line, '='), *v;
	size_t n;

	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	if (!eq) {
		vz_warn("%s: no '=' in '%.40s', ignoring", path, line);
		return;
	}
	*eq = '\0';
	v = eq + 1;
	n = strlen(v);
	while (n && strchr(" \t\r", v[n - 1]))
		v[--n] = '\0';
	if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v) {
		v[n - 1] = '\0';
		v++;
	}
	for (size_t i = 0; i < TMPL_ACTIONS; i++) {
		if (!str_eq(line, action_names[i]))
			continue;
		free(d->script[i]);
		d->script[i] = *v ? xstrdup(v) : NULL;
		return;
	}
	/* Keys of other tools (STATUS=, ...) are none of our business. */
}

static int load_conf(const char *dir, const char *name, struct tmpl_dist **ret,
		     struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/%s%s", dir, name,
					      str_eq(name, "default") ? "" : ".conf");
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct tmpl_dist *d;
	char *save = NULL;
	int r = io_read_file_at(AT_FDCWD, path, &text, DIST_CONF_MAX);

	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return vz_fail(e, VZ_NO_DISTR_CONF, -r, "%s", path);
	d = xcalloc(1, sizeof(*d));
	d->dir = xstrdup(dir);
	d->name = xstrdup(name);
	if (text.s)
		for (char *l = strtok_r(text.s, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
			parse_line(d, l, path);
	*ret = d;
	return 0;
}

static int load_any(const char *const *dirs, const char *name, struct tmpl_dist **ret,
		    struct vz_err *e)
{
	for (; *dirs; dirs++) {
		int r = load_conf(*dirs, name, ret, e);

		if (r != -ENOENT)
			return r;
	}
	return -ENOENT;
}

int tmpl_dist_load(const char *const *dirs, const char *ostemplate, struct tmpl_dist **ret,
		   struct vz_err *e)
{
	_cleanup_free_ char *name = xstrdup(ostemplate ? ostemplate : "");
	int r;

	if (!dirs)
		dirs = default_dirs;
	/* An OSTEMPLATE of a hand-written config may be anything. */
	while (tmpl_name_valid(name) && !str_eq(name, "default")) {
		char *dash = strrchr(name, '-');

		r = load_any(dirs, name, ret, e);
		if (r != -ENOENT)
			return r;
		if (!dash)
			break;
		*dash = '\0';
	}
	r = load_any(dirs, "default", ret, e);
	if (r == -ENOENT)
		return vz_fail(e, VZ_NO_DISTR_CONF, 0,
			       "No distribution configuration for '%.64s' in %s", name,
			       dirs[0]);
	if (r == 0)
		vz_warn("Distribution of OS template '%s' is unknown, using default",
			ostemplate ? ostemplate : "");
	return r;
}

const char *tmpl_dist_name(const struct tmpl_dist *d)
{
	return d->name;
}

bool tmpl_dist_has(const struct tmpl_dist *d, enum tmpl_action a)
{
	return d->script[a] != NULL;
}

static int read_script(const struct tmpl_dist *d, const char *file, struct vz_buf *ret)
{
	_cleanup_free_ char *path = xasprintf("%s/scripts/%s", d->dir, file);

	return io_read_file_at(AT_FDCWD, path, ret, DIST_SCRIPT_MAX);
}

int tmpl_dist_script(const struct tmpl_dist *d, enum tmpl_action a, struct vz_buf *ret,
		     struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	int r;

	if (!d->script[a])
		return 0;
	if (strchr(d->script[a], '/') || d->script[a][0] == '.')
		return vz_fail(e, VZ_NO_DISTR_ACTION_SCRIPT, 0,
			       "%s: bad script name '%.64s' for %s", d->name, d->script[a],
			       action_names[a]);
	r = read_script(d, "functions", &text);
	if (r < 0 && r != -ENOENT)
		return vz_fail(e, VZ_NO_DISTR_ACTION_SCRIPT, -r, "%s/scripts/functions", d->dir);
	vz_buf_addc(&text, '\n');
	r = read_script(d, d->script[a], &text);
	if (r < 0)
		return vz_fail(e, VZ_NO_DISTR_ACTION_SCRIPT, -r, "%s: script %s of %s", d->name,
			       d->script[a], action_names[a]);
	vz_buf_adds(ret, vz_buf_str(&text));
	return 1;
}
