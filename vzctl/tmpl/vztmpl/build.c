// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs a recipe in a mount namespace of its own and packs what it made. */
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <ctype.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "base/spawn.h"
#include "conf/conf.h"

#define RECIPE_MAX (256u << 10)

/* The administrator's own recipes come before ours. */
static char *recipe_find(const struct opts *o, const char *name, char **ret_dir)
{
	_cleanup_free_ char *etc = xasprintf("%s/recipes", conf_dir());
	_cleanup_free_ char *data = xasprintf("%s/recipes", vz_data_dir());
	const char *dirs[] = { o->recipe_dir ? o->recipe_dir : etc, o->recipe_dir ? NULL : data };

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && dirs[i]; i++) {
		_cleanup_free_ char *dir = realpath(dirs[i], NULL);
		_cleanup_free_ char *path = dir ? xasprintf("%s/%s", dir, name) : NULL;

		if (path && io_exists(path)) {
			*ret_dir = take_ptr(dir);
			return take_ptr(path);
		}
	}
	return NULL;
}

/* "# key: value" among the first comment lines of a recipe; owned, or NULL. */
static char *recipe_header(const char *text, const char *key)
{
	size_t n = strlen(key);

	while (*text == '#') {
		const char *end = strchrnul(text, '\n'), *p = text + 1;

		p += strspn(p, " ");
		if (strncmp(p, key, n) == 0 && p[n] == ':') {
			p += n + 1;
			p += strspn(p, " ");
			return xstrndup(p, (size_t)(end - p));
		}
		text = *end ? end + 1 : end;
	}
	return NULL;
}

int recipe_exec(char **argv)
{
	/* Whatever the recipe mounts ends with it and is seen by nobody else. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		vz_error("private mounts: %s", strerror(errno));
		return VZ_SYSTEM_ERROR;
	}
	execv("/bin/sh", argv);
	vz_error("/bin/sh: %s", strerror(errno));
	return VZ_SYSTEM_ERROR;
}

static int recipe_run(const struct opts *o, const char *recipe, const char *recipe_dir,
		      const char *root, const struct manifest *m, struct vz_err *e)
{
	_cleanup_free_ char *env_root = xasprintf("ROOT=%s", root);
	_cleanup_free_ char *env_dir = xasprintf("RECIPES=%s", recipe_dir);
	_cleanup_free_ char *env_arch = xasprintf("ARCH=%s", m->arch);
	const char *argv[] = { "vztmpl", "run-recipe", recipe, NULL };
	_cleanup_free_ char *http = o->proxy ? xasprintf("http_proxy=%s", o->proxy) : NULL;
	_cleanup_free_ char *https = o->proxy ? xasprintf("https_proxy=%s", o->proxy) : NULL;
	const char *env[10] = { env_root, env_dir, env_arch, http, https };
	struct spawn sp = SPAWN_INIT;
	int st, n = o->proxy ? 5 : 3;

	for (char **v = environ; *v && n < 9; v++)
		if (str_has_prefix(*v, "VZ_") && (strstr(*v, "_MIRROR=") || strstr(*v, "_KEY=")))
			env[n++] = *v;

	sp.path = "/proc/self/exe";
	sp.argv = argv;
	sp.env = env;
	st = spawn_run(&sp);
	if (st < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, -st, "Unable to run %s", recipe);
	if (WIFSIGNALED(st))
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "%s was killed by signal %d", recipe,
			       WTERMSIG(st));
	if (st)
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0,
			       "Template %s was not built (exit code %d of the recipe)",
			       strrchr(recipe, '/') + 1, WEXITSTATUS(st));
	return 0;
}

/* VERSION_ID of the tree beats what the recipe's header says: it has the point release. */
static void read_version(const char *root, struct manifest *m)
{
	_cleanup_free_ char *path = xasprintf("%s/etc/debian_version", root);
	char line[64];
	ssize_t n = io_read_small_at(AT_FDCWD, path, line, sizeof(line));

	if (n <= 0 || !m->os || !str_eq(m->os, "debian") || !isdigit((unsigned char)line[0]))
		return;
	free(m->version);
	m->version = xstrdup(line);
}

static int build_in(const struct opts *o, const char *name, const char *recipe,
		    const char *recipe_dir, const struct work *w, struct manifest *m,
		    struct vz_err *e)
{
	struct tmpl_sum sum;
	int r = recipe_run(o, recipe, recipe_dir, w->root, m, e);

	if (r < 0)
		return r;
	read_version(w->root, m);
	vz_info("Packing %s", name);
	r = tmpl_vztar_run("create", w->root, w->archive, !o->quiet, &sum, e);
	if (r < 0)
		return r;
	return cache_publish(o->template_dir, name, w->archive, ".tar.zst", m, &sum, e);
}

static int load_header(const char *recipe, const char *name, struct manifest *m,
		       struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct utsname u;
	int r = io_read_file_at(AT_FDCWD, recipe, &text, RECIPE_MAX);

	if (r < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, -r, "%s", recipe);
	uname(&u);
	m->os = recipe_header(vz_buf_str(&text), "os");
	m->version = recipe_header(vz_buf_str(&text), "version");
	m->arch = recipe_header(vz_buf_str(&text), "arch");
	m->summary = recipe_header(vz_buf_str(&text), "summary");
	m->origin = xasprintf("recipe %s", name);
	if (!m->arch)
		m->arch = xstrdup(u.machine);
	if (!m->os)
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "%s: no '# os:' line, not a recipe",
			       recipe);
	if (!str_eq(m->arch, u.machine))
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "Recipe %s is for %s, this host is %s",
			       name, m->arch, u.machine);
	return 0;
}

int cmd_build(const struct opts *o, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *recipe = NULL, *recipe_dir = NULL;
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_work_ struct work w = { .cachefd = -EBADF, .lockfd = -EBADF };
	int r;

	recipe = tmpl_name_valid(name) ? recipe_find(o, name, &recipe_dir) : NULL;
	if (!recipe)
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0, "No recipe '%.64s' in %s%s", name,
			       o->recipe_dir ? o->recipe_dir : vz_data_dir(),
			       o->recipe_dir ? "" : "/recipes");
	r = load_header(recipe, name, &m, e);
	if (r < 0)
		return r;
	r = work_begin(o->template_dir, "build", name, &w, e);
	if (r < 0)
		return r;
	return build_in(o, name, recipe, recipe_dir, &w, &m, e);
}
