// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole user space of a benchmark container.  As /sbin/init it waits to be
 * told to stop; under any other name it is true(1).
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *base = argc ? strrchr(argv[0], '/') : "";
	int sig;
	sigset_t set;

	if (strcmp(base ? base + 1 : argv[0], "init") != 0)
		return 0;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGRTMIN + 3);	/* halt of systemd, which vzctl and lxc-stop send */
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigwait(&set, &sig);
	return 0;
}
