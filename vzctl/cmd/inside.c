// SPDX-License-Identifier: GPL-2.0-or-later
/* status, exec, exec2, exec3, runscript, enter, console. */
#define VZ_ROOM "cmd"
#include <stdio.h>

#include "base/log.h"
#include "base/num.h"
#include "cmd/cmd.h"

int cmd_status(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	struct ct_status st;
	int r = cmd_options(argc, argv, NULL, 0, e);

	if (r == 0)
		r = cmd_open(c, &ct, CT_NO_CONF, e);
	if (r < 0)
		return r;
	ct_status(&ct, &st);
	/* Compared word by word by clients: a contract (vzctl-compat 0.3). */
	printf("CTID %u %s %s %s%s\n", ct.id, st.exist ? "exist" : "deleted",
	       st.mounted ? "mounted" : "unmounted", st.running ? "running" : "down",
	       st.suspended ? " suspended" : "");
	return 0;
}

int cmd_exec(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	struct ct_exec_opts o = { .argv = (const char *const *)argv };
	bool plain = str_eq(c->name, "exec");
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r;

	if (argc < 1)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "No command line given for %s", c->name);
	if (str_eq(c->name, "exec3"))
		o.flags |= CT_EXEC_NO_SHELL;
	else if (argc == 1 && str_eq(argv[0], "-"))
		o.flags |= CT_EXEC_SCRIPT;
	r = cmd_open(c, &ct, 0, e);
	if (r < 0)
		return r;
	r = ct_exec(&ct, &o, e);
	if (r < 0) {
		/* Plain exec has one code for all that goes wrong (clients-demand 3). */
		if (plain)
			e->code = VZ_COMMAND_EXECUTION_ERROR;
		return r;
	}
	return plain && r ? VZ_COMMAND_EXECUTION_ERROR : r;
}

int cmd_runscript(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r;

	if (argc != 1)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       argc ? "Invalid extra arguments: %s" : "Script is missing%s",
			       argc ? argv[1] : "");
	r = cmd_open(c, &ct, CT_LOCK, e);
	return r < 0 ? r : ct_runscript(&ct, argv[0], e);
}

int cmd_enter(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	_cleanup_buf_ struct vz_buf line = VZ_BUF_INIT;
	int r;

	if (argc && !str_eq(argv[0], "--exec"))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Invalid options: %s", argv[0]);
	for (int i = 1; i < argc; i++)
		vz_buf_addf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
	r = cmd_open(c, &ct, 0, e);
	if (r < 0)
		return r;
	return ct_enter(&ct, line.len ? line.s : NULL, e);
}

int cmd_qmp(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r;

	if (argc < 1 || argc > 2)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "qmp takes a command and its arguments as one JSON object");
	r = cmd_open(c, &ct, 0, e);
	if (r == 0)
		r = ct_vm_qmp(&ct, argv[0], argc > 1 ? argv[1] : NULL, &out, e);
	if (r < 0)
		return r;
	fputs(vz_buf_str(&out), stdout);
	return 0;
}

int cmd_console(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	_cleanup_ct_ struct ct ct = CT_INIT;
	uint32_t tty = 0;
	int r;

	if (argc > 1 || (argc && num_parse_u32(argv[0], &tty) < 0))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Invalid options: %s", argv[0]);
	if (tty > 1)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Container has one console: 0 or 1, not %u", tty);
	r = cmd_open(c, &ct, 0, e);
	return r < 0 ? r : ct_console(&ct, e);
}
