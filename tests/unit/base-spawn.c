// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/wait.h>

#include "base/spawn.h"
#include "tests/lib/tap.h"

static int run(const char *script, struct vz_buf *out, int timeout)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct spawn sp = SPAWN_INIT;

	sp.path = "/bin/sh";
	sp.argv = argv;
	sp.ret_out = out;
	sp.timeout_ms = timeout;
	return spawn_run(&sp);
}

TEST(status_and_output)
{
	struct vz_buf out = VZ_BUF_INIT;
	int st = run("echo hi; exit 3", &out, 0);

	is_int(WEXITSTATUS(st), 3);
	is_str(vz_buf_str(&out), "hi\n");
	vz_buf_done(&out);
}

TEST(timeout_kills)
{
	struct vz_buf out = VZ_BUF_INIT;

	is_int(run("exec sleep 100", &out, 50), -ETIMEDOUT);
	vz_buf_done(&out);
}

TEST(grandchild_does_not_hold_us)
{
	struct vz_buf out = VZ_BUF_INIT;

	is_int(run("sleep 1 & echo x", &out, 5000), 0);
	is_str(vz_buf_str(&out), "x\n");
	vz_buf_done(&out);
}

TEST(missing_program)
{
	const char *argv[] = { "x", NULL };
	struct spawn sp = SPAWN_INIT;

	sp.path = "/nonexistent/x";
	sp.argv = argv;
	is_int(spawn_run(&sp), -ENOENT);
}

TAP_MAIN()
