// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What unshare(1) and nsenter(1) would do with ve namespaces, for tests:
 *
 *	ve new [-U] [-n NAME] [-l LOG-SIZE] [-s] PROGRAM...	in a new one; -U: of a new user
 *							namespace, -s: sealed
 *	ve in PID PROGRAM...				in that of a process
 *	ve set [-n NAME] [-l LOG-SIZE] [-s]		changes the caller's own
 *	ve info [PID]					prints it
 *	ve crash					dies of a segmentation fault
 *
 * Exit code 125 and the name of an errno when the kernel refuses; 77 when it has no ve.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "sys/ve.h"

struct opts {
	const char *name;
	uint32_t log_size;
	bool seal, user;
};

__noreturn static void refused(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, strerrorname_np(error));
	exit(125);
}

static int type_or_skip(void)
{
	int type = sys_ve_type();

	if (type)
		return type;
	fputs("this kernel has no ve namespace\n", stderr);
	exit(77);
}

static int parse(int argc, char **argv, struct opts *o)
{
	int c;

	while ((c = getopt(argc, argv, "+Un:l:s")) >= 0) {
		if (c == 'U')
			o->user = true;
		else if (c == 'n')
			o->name = optarg;
		else if (c == 'l')
			o->log_size = (uint32_t)strtoul(optarg, NULL, 0);
		else if (c == 's')
			o->seal = true;
		else
			exit(2);
	}
	return optind;
}

static void configure(const struct opts *o)
{
	int r = 0;

	if (o->name || o->log_size || o->seal)
		r = sys_ve_configure(o->name, o->log_size, o->seal);
	if (r < 0)
		refused("NS_VE_SET_CONFIG", -r);
}

/* The caller stays itself: root is root inside, nobody else is there. */
static void map_self(uid_t uid, gid_t gid)
{
	char line[48];

	snprintf(line, sizeof(line), "0 %u 1", uid);
	if (io_write_small_at(AT_FDCWD, "/proc/self/uid_map", line) < 0 ||
	    io_write_small_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		err(1, "uid_map");
	snprintf(line, sizeof(line), "0 %u 1", gid);
	if (io_write_small_at(AT_FDCWD, "/proc/self/gid_map", line) < 0)
		err(1, "gid_map");
}

static void run(char **argv)
{
	if (!*argv)
		exit(0);
	execvp(*argv, argv);
	err(127, "%s", *argv);
}

static void cmd_new(int argc, char **argv)
{
	struct opts o = { 0 };
	int at = parse(argc, argv, &o), type = type_or_skip();
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(type | (o.user ? CLONE_NEWUSER : 0)) < 0)
		refused("unshare", errno);
	if (o.user)
		map_self(uid, gid);
	configure(&o);
	run(argv + at);
}

static void cmd_in(char **argv)
{
	int type, fd = *argv ? sys_ve_open(atoi(*argv), &type) : -EINVAL;

	type_or_skip();
	if (fd < 0)
		refused("open", -fd);
	if (setns(fd, type) < 0)
		refused("setns", errno);
	close(fd);
	run(argv + 1);
}

static void cmd_info(const char *pid)
{
	struct sys_ve ve;
	int type, fd = sys_ve_open(pid ? atoi(pid) : 0, &type), r;

	type_or_skip();
	if (fd < 0)
		refused("open", -fd);
	r = sys_ve_info(fd, &ve);
	if (r < 0)
		refused("NS_VE_GET_INFO", -r);
	printf("id=%" PRIu64 " name=%s log=%u sealed=%d host=%d\n", ve.id,
	       *ve.name ? ve.name : "-", ve.log_size, ve.sealed, ve.host);
}

int main(int argc, char **argv)
{
	const char *cmd = argc > 1 ? argv[1] : "";
	struct opts o = { 0 };

	if (strcmp(cmd, "new") == 0) {
		cmd_new(argc - 1, argv + 1);
	} else if (strcmp(cmd, "in") == 0) {
		cmd_in(argv + 2);
	} else if (strcmp(cmd, "set") == 0) {
		parse(argc - 1, argv + 1, &o);
		type_or_skip();
		configure(&o);
	} else if (strcmp(cmd, "crash") == 0) {
		*(volatile int *)8 = 1;
	} else if (strcmp(cmd, "info") == 0) {
		cmd_info(argv[2]);
	} else {
		fputs("usage: ve new|in|set|info|crash ...: see tests/vm/ve.c\n", stderr);
		return 2;
	}
	return 0;
}
