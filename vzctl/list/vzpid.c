// SPDX-License-Identifier: GPL-2.0-or-later
/* vzpid: which container a process of the node belongs to. */
#define VZ_ROOM "list"
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "base/log.h"
#include "base/num.h"
#include "ct/stat.h"

struct vzpid {
	const char *slice;
	bool inside;
};

static int usage(void)
{
	fputs("Usage: vzpid [-p] <pid> [<pid> ...]\n"
	      "       vzpid [-p] -            (pids are read from standard input)\n"
	      "  -p  also show the pid inside the container\n",
	      stderr);
	return 1;
}

/* Processes that have ended meanwhile are no error. */
static void show(const struct vzpid *z, const char *arg)
{
	struct ct_pid p;
	uint32_t pid;

	if (num_parse_u32(arg, &pid) < 0 || pid > INT_MAX) {
		fprintf(stderr, "Invalid PID: %s\n", arg);
		return;
	}
	if (ct_pid_look(z->slice, (pid_t)pid, &p) < 0)
		return;
	if (z->inside)
		printf("%u\t%d\t%u\t%s\n", pid, (int)p.inside, p.ctid, p.name);
	else
		printf("%u\t%u\t%s\n", pid, p.ctid, p.name);
}

static void show_stdin(const struct vzpid *z)
{
	char word[32];

	while (scanf("%31s", word) == 1)
		show(z, word);
}

int main(int argc, char **argv)
{
	const struct vz_log_conf lc = { .prog = "vzpid", .quiet = true };
	_cleanup_conf_ struct conf *node = NULL;
	struct vzpid z = { 0 };
	int opt;

	while ((opt = getopt(argc, argv, "ph")) != -1) {
		if (opt != 'p')
			return usage();
		z.inside = true;
	}
	if (optind == argc)
		return usage();
	vz_log_setup(&lc);
	/* Anyone may ask, also where vz.conf is missing or not readable. */
	if (conf_load_node(&node, VZ_IGNORE) == 0)
		z.slice = conf_str(node, P_CGROUP_SLICE);
	if (!z.slice)
		z.slice = param_get(P_CGROUP_SLICE)->def;
	printf(z.inside ? "Pid\tCT/Pid\tCTID\tName\n" : "Pid\tCTID\tName\n");
	for (int i = optind; i < argc; i++) {
		if (str_eq(argv[i], "-"))
			show_stdin(&z);
		else
			show(&z, argv[i]);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
