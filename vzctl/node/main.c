// SPDX-License-Identifier: GPL-2.0-or-later
/* vzctl-node: the table of commands, by name of the command or of the program. */
#define VZ_ROOM "node"
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "node/node.h"

static const struct command {
	const char *name, *link;	/* link: the tool of 4.x */
	int (*run)(int argc, char **argv, bool old, struct vz_err *e);
	const char *args;
	int usage_status;		/* of wrong options, as of the old tool */
} commands[] = {
	{ "split", "vzsplit", node_split, "[-n <number>] [-f <name>] [-s <swap-kb>] [-v yes]", 1 },
	{ "calc", "vzcalc", node_calc, "[-v] <ctid>", 1 },
	{ "mem", "vzmemcheck", node_mem, "[-v] [-A] [-a] | --admission", 1 },
	{ "cpu", "vzcpucheck", node_cpu, "[-v] [-a]", 2 },
	{ "scale", "vzcfgscale", node_scale,
	  "[-o <file>] [-a|-c|-d|-u|-n <factor>] [-v] [-r] <config>", 1 },
	{ "oversell", "vzoversell", node_oversell, "[-a] [<file>]", 1 },
};

static void usage(FILE *f, const struct command *c, const char *prog)
{
	if (c && prog) {
		fprintf(f, "Usage: %s %s\n", prog, c->args);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (!c || c == &commands[i])
			fprintf(f, "%s vzctl-node %s [--json] %s\n", i && !c ? "      " : "Usage:",
				commands[i].name, commands[i].args);
}

int node_print(const struct vz_buf *out, struct vz_err *e)
{
	int r = io_write_full(STDOUT_FILENO, vz_buf_str(out), out->len);

	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write to standard output") : 0;
}

/* Wrong options are -EINVAL without a message: then it is the usage that is wanted. */
static int run(const struct command *c, const char *prog, int argc, char **argv)
{
	struct vz_err e = VZ_ERR_INIT;
	int r;

	if (argc > 1 && str_eq(argv[1], "--help")) {
		usage(stdout, c, prog);
		return 0;
	}
	r = c->run(argc, argv, prog != NULL, &e);
	if (r >= 0)
		return r;
	if (!e.code) {
		usage(stderr, c, prog);
		return c->usage_status;
	}
	fprintf(stderr, "%s\n", e.msg);
	return 1;
}

int main(int argc, char **argv)
{
	const struct vz_log_conf lc = { .prog = "vzctl-node", .quiet = true };
	const char *prog = argc ? strrchr(argv[0], '/') : NULL;

	prog = prog ? prog + 1 : argc ? argv[0] : "";
	vz_log_setup(&lc);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (str_eq(prog, commands[i].link))
			return run(&commands[i], prog, argc, argv);
		if (argc > 1 && str_eq(argv[1], commands[i].name))
			return run(&commands[i], NULL, argc - 1, argv + 1);
	}
	if (argc == 2 && str_eq(argv[1], "--help")) {
		usage(stdout, NULL, NULL);
		return 0;
	}
	usage(stderr, NULL, NULL);
	return 1;
}
