// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Action scripts of the administrator (vzctl-compat 4.7): host scripts run with
 * a fresh environment, the container's .start and .stop are piped to its shell.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "ct/ct-int.h"

#define HOOK_MAX (1u << 20)

static int run_hook(const struct ct *ct, const char *path, struct vz_err *e)
{
	_cleanup_free_ char *veid = xasprintf("VEID=%u", ct->id);
	_cleanup_free_ char *file = conf_ct_path(ct->id);
	_cleanup_free_ char *conf = xasprintf("VE_CONFFILE=%s", file);
	const char *env[] = { veid, conf, NULL };
	const char *argv[] = { path, NULL };
	struct spawn sp = SPAWN_INIT;
	int r;

	if (access(path, X_OK) < 0)
		return 0;
	sp.path = path;
	sp.argv = argv;
	sp.env = env;
	vz_verbose("Running %s", path);
	r = spawn_run(&sp);
	if (r < 0)
		return vz_fail(e, VZ_ACTIONSCRIPT_ERROR, -r, "Unable to run '%s'", path);
	if (r != 0)
		return vz_fail(e, VZ_ACTIONSCRIPT_ERROR, 0, "Script '%s' failed (%s %d)", path,
			       WIFEXITED(r) ? "exit code" : "signal",
			       WIFEXITED(r) ? WEXITSTATUS(r) : WTERMSIG(r));
	return 0;
}

bool ct_has_hook(const struct ct *ct, const char *event)
{
	_cleanup_free_ char *global = xasprintf("%s/conf/vps.%s", conf_dir(), event);
	_cleanup_free_ char *own = xasprintf("%s/conf/%u.%s", conf_dir(), ct->id, event);

	return access(global, X_OK) == 0 || access(own, X_OK) == 0;
}

int ct_hook(const struct ct *ct, const char *event, bool global_first, struct vz_err *e)
{
	_cleanup_free_ char *global = xasprintf("%s/conf/vps.%s", conf_dir(), event);
	_cleanup_free_ char *own = xasprintf("%s/conf/%u.%s", conf_dir(), ct->id, event);
	int r = run_hook(ct, global_first ? global : own, e);

	return r < 0 ? r : run_hook(ct, global_first ? own : global, e);
}

int ct_hook_inside(struct ct *ct, const char *event, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/conf/%u.%s", conf_dir(), ct->id, event);
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	int r = io_read_file_at(AT_FDCWD, path, &text, HOOK_MAX);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return vz_fail(e, VZ_ACTIONSCRIPT_ERROR, -r, "Unable to read '%s'", path);
	r = ct_run_script(ct, vz_buf_str(&text), text.len, NULL, 300 * 1000, e);
	if (r > 0)
		return vz_fail(e, VZ_ACTIONSCRIPT_ERROR, 0,
			       "Script '%s' failed in the container (exit code %d)", path, r);
	return r;
}
