/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Theory of operation.  A row is one way to do a thing; the rows of a group do
 * the same thing and are compared with the group's first row, the limit.  A
 * round runs every row once, starting with another row each time, so that what
 * else the machine does hits all of them alike.  Only the program itself is
 * timed: from before vfork to after wait.
 *
 * Everything lives in a scratch directory, in mount and network namespaces of
 * the harness, and in one cgroup; the harness is a subreaper, so nothing that
 * it started outlives it.
 */
#ifndef VZ_TESTS_BENCH_H
#define VZ_TESTS_BENCH_H

#include "base/buf.h"

enum { PATH_LEN = 512 };

struct row {
	const char *group;
	const char *name;
	const char *note;		/* what the row does less or more than the others */
	const char *prog;		/* absolute, or below the build directory */
	unsigned int max;		/* at most so many samples, or 0 */
	/* Untimed; -1 skips the row, the reason is in bench_why. */
	int (*setup)(struct row *r);
	void (*before)(struct row *r, unsigned int i);
	void (*argv)(struct row *r, unsigned int i, struct vz_strv *ret);
	void (*after)(struct row *r, unsigned int i);
	void (*teardown)(struct row *r);

	char skip[200];			/* why there are no samples */
	double *ms;
	size_t n;
};

struct bench {
	bool full;
	char build[PATH_LEN];
	char scratch[PATH_LEN];
	char cgroup[PATH_LEN];		/* ours below the v2 mount */
	double deadline;		/* ms of CLOCK_MONOTONIC */
	struct vz_buf json;
	bool json_first;
};

extern struct bench bench;
extern char bench_why[200];

/* Rows in order; groups are runs of the same name. */
extern struct row rows[];
extern const size_t nrows;

/* Builds the roots, bundles and configurations that rows share. */
int rows_prepare(void);
void rows_cleanup(void);

/* Runs argv (absolute path first), output to out.txt and err.txt; ms or -1 with bench_why. */
double bench_run(const struct vz_strv *argv);
/* The same from a NULL terminated list, untimed, failures ignored if @ignore. */
int bench_do(int ignore, ...) __attribute__((sentinel));
/* First line of what the last bench_run() wrote to stdout, as a number. */
int bench_out_pid(void);
/* Collects what has died. */
void bench_reap(void);
void bench_kill(int pid);
bool is_program(const char *path);
double bench_now(void);
bool bench_late(void);

/* First and last of many starts, and many at once. */
void storm_run(void);

#endif
