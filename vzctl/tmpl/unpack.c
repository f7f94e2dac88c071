// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs vztar and understands what it says. */
#define VZ_ROOM "tmpl"
#include "tmpl/tmpl.h"

#include <stdio.h>
#include <sys/wait.h>

#include "base/path.h"
#include "base/spawn.h"

/* Exit codes of vztar (tmpl/vztar/vztar.h). */
enum { VZTAR_REFUSED = 3, VZTAR_NOSPACE = 4 };

static bool parse_sum(const char *line, struct tmpl_sum *ret)
{
	struct tmpl_sum s;
	unsigned long long entries, bytes;

	if (sscanf(line, "sha256 %64[0-9a-f] entries %llu bytes %llu", s.sha256, &entries,
		   &bytes) != 3 || strlen(s.sha256) != 64)
		return false;
	s.entries = entries;
	s.bytes = bytes;
	*ret = s;
	return true;
}

static int fail_with(int status, const char *archive, char *out, struct vz_err *e)
{
	enum vz_code code = VZ_SYSTEM_ERROR;
	int sys = 0;

	out[strcspn(out, "\n")] = '\0';
	if (!WIFEXITED(status))
		return vz_fail(e, VZ_FS_BAD_TMPL, 0, "%s: vztar was killed by signal %d", archive,
			       WTERMSIG(status));
	if (WEXITSTATUS(status) == VZTAR_REFUSED) {
		code = VZ_FS_BAD_TMPL;
	} else if (WEXITSTATUS(status) == VZTAR_NOSPACE) {
		code = VZ_FS_NO_DISK_SPACE;
		sys = ENOSPC;
	}
	if (!str_has_prefix(out, "error "))
		return vz_fail(e, code, sys, "%s: vztar failed with exit code %d", archive,
			       WEXITSTATUS(status));
	/* The text names errno already. */
	vz_fail(e, code, 0, "%s: %s", archive, out + strlen("error "));
	e->sys = sys;
	return sys ? -sys : -EPROTO;
}

/* "vztar VERB --report [--progress] ARGS... @archive"; @args ends with NULL. */
static int run(const char *verb, const char *const *args, const char *archive, bool progress,
	       struct tmpl_sum *ret, struct vz_err *e)
{
	const char *argv[12] = { "vztar", verb, "--report" };
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	_cleanup_free_ char *exe = xasprintf("%s/vztar", vz_libexec_dir());
	struct spawn sp = SPAWN_INIT;
	size_t n = 3;
	int st;

	if (progress)
		argv[n++] = "--progress";
	while (*args)
		argv[n++] = *args++;
	/* A path that begins with a dash is none the less a path. */
	argv[n++] = "--";
	argv[n++] = archive;
	sp.path = exe;
	sp.argv = argv;
	sp.ret_out = &out;
	st = spawn_run(&sp);
	if (st == -ENOENT)
		return vz_fail(e, VZ_NO_HELPER, -st, "%s", sp.path);
	if (st < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -st, "Unable to run %s", sp.path);
	vz_buf_addc(&out, '\n');
	if (st)
		return fail_with(st, archive, out.s, e);
	if (!parse_sum(out.s, ret))
		return vz_fail(e, VZ_SYSTEM_ERROR, 0, "%s gave no result", sp.path);
	return 0;
}

int tmpl_vztar_run(const char *verb, const char *dir, const char *archive, bool progress,
		   struct tmpl_sum *ret, struct vz_err *e)
{
	const char *const args[] = { dir ? "--dir" : NULL, dir, NULL };

	return run(verb, args, archive, progress, ret, e);
}

int tmpl_vztar_oci(const char *layout, const char *tag, const char *dir, bool progress,
		   struct tmpl_sum *ret, struct vz_err *e)
{
	const char *const args[] = { "--dir", dir, tag ? "--tag" : NULL, tag, NULL };

	return run("oci", args, layout, progress, ret, e);
}
