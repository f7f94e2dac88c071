// SPDX-License-Identifier: GPL-2.0-or-later
/* vzctl: global options, the table of commands, exit codes. */
#define VZ_ROOM "cmd"
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/num.h"
#include "cmd/cmd.h"

static const struct cmd cmds[] = {
	{ "create", NULL, cmd_create, .args =
	  "[--ostemplate <name>] [--config <name>] [--layout <name>]\n"
	  "\t[--private <path>] [--root <path>] [--ipadd <addr>] [--hostname <name>]\n"
	  "\t[--name <name>] [--description <text>] [--diskspace <soft>[:<hard>]]\n"
	  "\t[--kind vm --disk <size>|<image> ... --kernel <file> --initrd <file>]\n"
	  "\t[--diskinodes <soft>[:<hard>]] [--local_uid <uid>] [--local_gid <gid>]\n"
	  "\t[--dry-run]" },
	{ "start", NULL, cmd_start, .args = "[--force] [--wait] [--dry-run]" },
	{ "stop", NULL, cmd_stop, .args = "[--fast] [--skip-umount] [--dry-run]" },
	{ "restart", NULL, cmd_restart, .args = "[--force] [--wait] [--fast]" },
	{ "destroy", "delete", cmd_destroy, .args = "[--force] [--dry-run]" },
	{ "mount", NULL, cmd_mount, .args = "[--dry-run]" },
	{ "umount", NULL, cmd_umount, .args = "[--dry-run]" },
	{ "set", NULL, cmd_set, .args =
	  "[--save] [--force] [--setmode restart|ignore] [--<parameter> <value> ...]\n"
	  "\t(the parameters: see vzctl(8))" },
	{ "status", NULL, cmd_status, .args = "" },
	{ "stat", NULL, cmd_stat, .no_ctid = true, .args =
	  "[<ctid> ...] [--interval <seconds>] [--json]" },
	{ "enter", NULL, cmd_enter, .args = "[--exec <command> [arg ...]]" },
	{ "exec", NULL, cmd_exec, .args = "<command> [arg ...]" },
	{ "exec2", NULL, cmd_exec, .args = "<command> [arg ...]" },
	{ "exec3", NULL, cmd_exec, .args = "<program> [arg ...]" },
	{ "runscript", NULL, cmd_runscript, .args = "<script>" },
	{ "console", NULL, cmd_console, .args = "[<ttynum>]" },
	{ "qmp", NULL, cmd_qmp, .args = "<command> [<json>]" },
	{ "log", NULL, cmd_log, .args = "[--follow]" },
	{ "suspend", "chkpnt", cmd_suspend, .args = "--suspend | --resume" },
	{ "resume", "restore", cmd_resume, .args = "--resume" },
	{ "quotaon", NULL, cmd_quota, .args = "" },
	{ "quotaoff", NULL, cmd_quota, .args = "" },
	{ "quotainit", NULL, cmd_quota, .args = "" },
	{ "repair", NULL, cmd_repair, .args = "" },
	{ "features", NULL, cmd_features, .no_ctid = true, .args = "[--json]" },
	{ "snapshot", NULL, cmd_snapshot, .args =
	  "[--id <uuid>] [--name <name>] [--description <text>] [--skip-suspend]\n"
	  "\t[--skip-config]" },
	{ "snapshot-switch", NULL, cmd_snapshot_switch, .args =
	  "--id <uuid> [--skip-resume | --must-resume] [--skip-config]" },
	{ "snapshot-delete", NULL, cmd_snapshot_delete, .args = "--id <uuid>" },
	{ "snapshot-list", NULL, cmd_snapshot_list, .args =
	  "[-H] [-o <field>[,...]] [--id <uuid>]" },
	{ "snapshot-mount", NULL, cmd_unsupported, .hidden = true },
	{ "snapshot-umount", NULL, cmd_unsupported, .hidden = true },
	{ "register", NULL, cmd_register, .no_ctid = true, .args = "<bundle> [<ctid>]" },
	{ "convert", NULL, cmd_convert, .args = "--kind ct|vm" },
	{ "compact", NULL, cmd_unsupported, .hidden = true },
	{ "_exited", NULL, cmd_exited, .hidden = true },
	{ "_hits", NULL, cmd_hits, .hidden = true },
};

static void usage(FILE *f)
{
	fprintf(f, "vzctl version " VZ_VERSION "\n"
		   "Usage: vzctl [options] <command> <ctid|name> [parameters]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++) {
		if (cmds[i].hidden)
			continue;
		fprintf(f, "vzctl %s%s%s%s%s\n", cmds[i].name, cmds[i].no_ctid ? "" : " <ctid>",
			*cmds[i].args ? " " : "", cmds[i].args,
			cmds[i].synonym ? "" : "");
	}
	fputs("\nOptions before the command: --quiet --verbose --skiplock --wait-lock <seconds> "
	      "--trace --version --help\n", f);
}

static const struct cmd *find_cmd(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cmds); i++)
		if (str_eq(cmds[i].name, name) ||
		    (cmds[i].synonym && str_eq(cmds[i].synonym, name)))
			return &cmds[i];
	return NULL;
}

static void on_signal(int sig)
{
	static const char msg[] = "Cancelling...\n";

	ct_cancel();
	if (write(STDOUT_FILENO, msg, sizeof(msg) - 1) < 0)
		return;
}

/* exec, enter and what only looks keep the default: they are ended by their signal. */
static void catch_signals(const struct cmd *cmd)
{
	struct sigaction ign = { .sa_handler = SIG_IGN }, sa = { .sa_handler = on_signal };

	sigaction(SIGPIPE, &ign, NULL);
	if (cmd->run == cmd_exec || cmd->run == cmd_enter || cmd->run == cmd_console ||
	    cmd->run == cmd_stat || cmd->run == cmd_log)
		return;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static void setup_log(const struct cmd_ctx *c, int verbosity)
{
	static char file[512];
	struct vz_log_conf lc = { .prog = "vzctl", .verbosity = verbosity, .quiet = c->quiet };
	_cleanup_conf_ struct conf *node = NULL;

	lc.ctid = c->ctid;
	if (conf_load_node(&node, VZ_IGNORE) == 0 && conf_bool(node, P_LOGGING, true)) {
		const char *f = conf_str(node, P_LOGFILE);

		snprintf(file, sizeof(file), "%s", f ? f : "/var/log/vzctl.log");
		lc.file = file;
		lc.file_level = (int)conf_u64(node, P_LOG_LEVEL, 0);
		if (!verbosity)
			lc.verbosity = (int)conf_u64(node, P_VERBOSE, 0);
	}
	vz_log_setup(&lc);
}

int cmd_options(int argc, char **argv, const struct cmd_opt *opts, size_t n, struct vz_err *e)
{
	for (int i = 0; i < argc; i++) {
		const char *a = argv[i], *eq = strchr(a, '=');
		size_t len = eq ? (size_t)(eq - a) : strlen(a), k;

		for (k = 0; k < n; k++) {
			size_t j = 2;

			if (len < 3 || a[0] != '-' || a[1] != '-')
				break;
			while (j < len && (a[j] == opts[k].name[j - 2] ||
					   (a[j] == '_' && opts[k].name[j - 2] == '-')))
				j++;
			if (j == len && !opts[k].name[j - 2])
				break;
		}
		if (k == n || len < 3 || a[0] != '-' || a[1] != '-' || (eq && !opts[k].value))
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Invalid options: %s", a);
		if (!opts[k].value) {
			*opts[k].flag = true;
			continue;
		}
		*opts[k].value = eq ? eq + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (!*opts[k].value)
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "Option %s needs a value", a);
	}
	return 0;
}

int cmd_open(const struct cmd_ctx *c, struct ct *ct, unsigned int flags, struct vz_err *e)
{
	ct->lock_wait_ms = c->lock_wait_ms;
	if (c->skiplock)
		flags &= ~CT_LOCK;
	return ct_open(ct, c->ctid, flags, c->name, e);
}

int cmd_open_with(const struct cmd_ctx *c, int argc, char **argv, const struct cmd_opt *opts,
		  size_t n, struct ct *ct, unsigned int flags, struct vz_err *e)
{
	int r = cmd_options(argc, argv, opts, n, e);

	return r < 0 ? r : cmd_open(c, ct, flags, e);
}

static int fail_usage(enum vz_code code, const char *msg)
{
	fprintf(stderr, "%s\n", msg);
	return code;
}

static int run(const struct cmd *cmd, struct cmd_ctx *c, int argc, char **argv, int verbosity)
{
	struct vz_err e = VZ_ERR_INIT;
	uint32_t id;
	int r;

	if (!cmd->no_ctid) {
		if (argc < 1)
			return fail_usage(VZ_INVALID_PARAMETER_VALUE, "CT ID missing");
		c->ctid = *argv++;
		argc--;
	}
	if (getuid() != 0 && cmd->run != cmd_features)
		return fail_usage(VZ_NO_ACCES, "This program can only be run under root.");
	catch_signals(cmd);
	setup_log(c, verbosity);
	/* A wrong CTID before wrong options: `start destroy 101` is 21, not 20. */
	r = cmd->no_ctid ? 0 : conf_name_resolve(c->ctid, true, &id, &e);
	if (r == 0)
		r = cmd->run(c, argc, argv, &e);
	if (r >= 0)
		return r;
	vz_error("%s", e.msg);
	return e.code ? e.code : VZ_SYSTEM_ERROR;
}

int main(int argc, char **argv)
{
	struct cmd_ctx c = { 0 };
	const struct cmd *cmd;
	int i, verbosity = 0;
	uint32_t sec;

	umask(022);
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (str_eq(argv[i], "--version")) {
			puts("vzctl version " VZ_VERSION);
			return 0;
		}
		if (str_eq(argv[i], "--help")) {
			usage(stdout);
			return 0;
		}
		if (str_eq(argv[i], "--verbose"))
			verbosity++;
		else if (str_eq(argv[i], "--quiet"))
			c.quiet = true;
		else if (str_eq(argv[i], "--trace"))
			ct_trace();
		else if (str_eq(argv[i], "--skiplock"))
			c.skiplock = true;
		else if (str_eq(argv[i], "--wait-lock") && i + 1 < argc &&
			 num_parse_u32(argv[i + 1], &sec) == 0 && sec < 86400)
			c.lock_wait_ms = (int)sec * 1000, i++;
		else
			break;
	}
	if (i >= argc) {
		usage(stderr);
		return VZ_INVALID_PARAMETER_SYNTAX;
	}
	cmd = find_cmd(argv[i]);
	if (!cmd) {
		fprintf(stderr, "Bad command: %s\n", argv[i]);
		return VZ_INVALID_PARAMETER_SYNTAX;
	}
	c.name = argv[i];
	return run(cmd, &c, argc - i - 1, argv + i + 1, verbosity);
}
