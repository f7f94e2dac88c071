// SPDX-License-Identifier: GPL-2.0-or-later
/* log: the container's kernel log, as dmesg(1) shows it inside. */
#define VZ_ROOM "cmd"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#include "cmd/cmd.h"

#define RECORD_MAX 8192	/* of /dev/kmsg: PRINTKRB_RECORD_MAX and its head */

/*
 * A record is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT\n KEY=VALUE\n...".  What
 * is not printable in TEXT is \xNN, and stays so but for the end of a line: the text is
 * the container's, and this is the administrator's terminal.
 */
static void print_record(char *rec, uint64_t *next)
{
	char *text = strchr(rec, ';'), *end, *nl;
	uint64_t seq, usec;
	unsigned int prio;

	if (!text || sscanf(rec, "%u,%" SCNu64 ",%" SCNu64, &prio, &seq, &usec) != 3)
		return;
	if (*next && seq > *next)
		printf("%" PRIu64 " lines lost\n", seq - *next);
	*next = seq + 1;
	text++;
	end = strchr(text, '\n');
	if (end)
		*end = '\0';
	for (;;) {
		nl = strstr(text, "\\x0a");
		if (nl)
			*nl = '\0';
		printf("[%5" PRIu64 ".%06" PRIu64 "] %s\n", usec / 1000000, usec % 1000000, text);
		if (!nl)
			return;
		text = nl + 4;
	}
}

static int copy_log(int fd, bool follow, struct vz_err *e)
{
	char rec[RECORD_MAX + 1];
	uint64_t next = 0;
	ssize_t n;

	for (;;) {
		n = read(fd, rec, RECORD_MAX);
		if (n > 0) {
			rec[n] = '\0';
			print_record(rec, &next);
			continue;
		}
		/* Overwritten before it was read: the next record's number says how many. */
		if (n < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (n < 0 && errno != EAGAIN)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to read the kernel log");
		if (fflush(stdout) == EOF || !follow)
			return 0;
		(void)poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	}
}

int cmd_log(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	bool follow = false;
	const struct cmd_opt opts[] = { { "follow", &follow, NULL } };
	_cleanup_close_ int fd = -EBADF;
	_cleanup_ct_ struct ct ct = CT_INIT;
	int r = cmd_open_with(c, argc, argv, opts, ARRAY_SIZE(opts), &ct, CT_NO_CONF, e);

	if (r < 0)
		return r;
	fd = ct_klog_open(&ct, e);
	return fd < 0 ? fd : copy_log(fd, follow, e);
}
