// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many containers: does the last start take as long as the first, how many per
 * second start in parallel, and what does each of them keep in memory.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/num.h"
#include "tests/bench/rm.h"
#include "tests/bench/rows.h"

enum { STORM_BASE = 200000, EDGE = 10, PARALLEL = 4 };

struct storm {
	const char *name;
	const char *prog;
	const char *monitor;		/* program that stays for each container */
	int (*setup)(struct row *r);
	int (*create)(const struct row *r, unsigned int i);
	void (*before)(struct row *r, unsigned int i);
	void (*argv)(struct row *r, unsigned int i, struct vz_strv *ret);
	void (*stop)(const struct row *r, unsigned int i, int pid);
};

static void stop_bare(const struct row *r, unsigned int i, int pid)
{
	char cg[PATH_LEN], dir[64];

	bench_kill(pid);
	snprintf(cg, sizeof(cg), "%.300s/bare%u", bench.cgroup, i);
	rm_cgroup(cg);
	snprintf(dir, sizeof(dir), "bare/%u", i);
	rm_tree(in_scratch(dir));
}

static void stop_oci(const struct row *r, unsigned int i, int pid)
{
	struct row copy = *r;

	oci_after(&copy, i);
}

static void stop_vz(const struct row *r, unsigned int i, int pid)
{
	vz_stop(r, i);
	vz_destroy(r, i);
}

static const struct storm storms[] = {
	{ "bare", "tests/bench/bare", NULL, NULL, NULL, bare_before, bare_argv, stop_bare },
	{ "vzctl", "bin/vzctl", "vzmon", vz_setup, vz_create, NULL, vz_start_argv, stop_vz },
	{ "crun", "/usr/bin/crun", NULL, oci_setup, NULL, NULL, oci_argv, stop_oci },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(const double *v, size_t n)
{
	double s[EDGE];

	memcpy(s, v, n * sizeof(*s));
	qsort(s, n, sizeof(*s), by_value);
	return s[n / 2];
}

/* Proportional set size in KiB of every process that runs @prog; count in @ret_n. */
static unsigned long pss_of(const char *prog, unsigned int *ret_n)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	unsigned long sum = 0;

	*ret_n = 0;
	while (d && (e = readdir(d))) {
		char path[64], exe[PATH_LEN], text[2048], *p;
		uint32_t pid;
		ssize_t n;

		if (num_parse_u32(e->d_name, &pid) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/exe", pid);
		n = readlink(path, exe, sizeof(exe) - 1);
		if (n <= 0)
			continue;
		exe[n] = '\0';
		if (!str_has_prefix(exe, bench.build) || !str_eq(strrchr(exe, '/') + 1, prog))
			continue;
		snprintf(path, sizeof(path), "/proc/%u/smaps_rollup", pid);
		if (io_read_small_at(AT_FDCWD, path, text, sizeof(text)) < 0)
			continue;
		p = strstr(text, "\nPss:");
		sum += p ? strtoul(p + 5, NULL, 10) : 0;
		++*ret_n;
	}
	if (d)
		closedir(d);
	return sum;
}

static void report_pss(const struct storm *s)
{
	unsigned int n;
	unsigned long kib = s->monitor ? pss_of(s->monitor, &n) : 0;

	if (!s->monitor || !n)
		return;
	printf("%8s %10.1f KiB of %s per container (PSS, %u running)\n", "", (double)kib / n,
	       s->monitor, n);
	vz_buf_addf(&bench.json, ",\n  {\"group\": \"memory\", \"name\": \"%s\", \"n\": %u, "
		    "\"pss_kib\": %.1f}", s->monitor, n, (double)kib / n);
}

static unsigned int sequential(const struct storm *s, struct row *r, unsigned int n, double *ms,
			       int *pids)
{
	unsigned int i;

	for (i = 0; i < n && !bench_late(); i++) {
		struct vz_strv a = VZ_STRV_INIT;

		if (s->before)
			s->before(r, STORM_BASE + i);
		s->argv(r, STORM_BASE + i, &a);
		ms[i] = bench_run(&a);
		vz_strv_done(&a);
		if (ms[i] < 0)
			break;
		pids[i] = bench_out_pid();
	}
	return i;
}

static void report_sequential(const struct storm *s, const double *ms, unsigned int n)
{
	double first, last;

	if (n < 2 * EDGE) {
		printf("%8s %s: only %u started: %s\n", "-", s->name, n, bench_why);
		return;
	}
	first = median(ms, EDGE);
	last = median(ms + n - EDGE, EDGE);
	printf("%8.2f %10.3f %10.3f %21u  %s: last/first, first %d, last %d\n", last / first,
	       first, last, n, s->name, EDGE, EDGE);
	vz_buf_addf(&bench.json, ",\n  {\"group\": \"many\", \"name\": \"%s\", \"n\": %u, "
		    "\"first_ms\": %.4f, \"last_ms\": %.4f}", s->name, n, first, last);
}

/* PARALLEL workers, each of which starts its share one after the other. */
static double parallel(const struct storm *s, struct row *r, unsigned int n)
{
	double t0;
	int bad = 0, st;
	pid_t pid[PARALLEL];

	for (unsigned int i = 0; s->before && i < n; i++)
		s->before(r, STORM_BASE + i);
	t0 = bench_now();
	for (int w = 0; w < PARALLEL; w++) {
		pid[w] = fork();
		if (pid[w])
			continue;
		for (unsigned int i = (unsigned int)w; i < n; i += PARALLEL) {
			struct vz_strv a = VZ_STRV_INIT;
			char name[64];
			pid_t p;

			s->argv(r, STORM_BASE + i, &a);
			snprintf(name, sizeof(name), "par.%u", i);
			p = vfork();
			if (p == 0) {
				int fd = open(in_scratch(name), O_RDWR | O_CREAT | O_TRUNC, 0600);

				/* Not /dev/null: see bench_run(). */
				dup2(fd, 0);
				dup2(fd, 1);
				dup2(fd, 2);
				execv(a.v[0], a.v);
				_exit(127);
			}
			waitpid(p, &st, 0);
			if (st)
				_exit(1);
			vz_strv_done(&a);
		}
		_exit(0);
	}
	for (int w = 0; w < PARALLEL; w++) {
		waitpid(pid[w], &st, 0);
		bad |= st;
	}
	return bad ? -1 : bench_now() - t0;
}

static int pid_in(const char *name)
{
	char s[32];

	if (io_read_small_at(AT_FDCWD, in_scratch(name), s, sizeof(s)) <= 0)
		return 0;
	return atoi(s);
}

static void run_parallel(const struct storm *s, struct row *r, unsigned int n)
{
	double t;

	for (unsigned int i = 0; s->create && i < n; i++)
		s->create(r, STORM_BASE + i);
	t = parallel(s, r, n);
	for (unsigned int i = 0; i < n; i++) {
		char name[64];

		snprintf(name, sizeof(name), "par.%u", i);
		s->stop(r, STORM_BASE + i, pid_in(name));
	}
	bench_reap();
	if (t < 0) {
		printf("%8s %s: not all of %u parallel starts worked\n", "-", s->name, n);
		return;
	}
	printf("%8s %10.3f ms per start, %d at a time %9u  %s\n", "", t / n, PARALLEL, n, s->name);
	vz_buf_addf(&bench.json, ",\n  {\"group\": \"parallel\", \"name\": \"%s\", \"n\": %u, "
		    "\"ms_per_start\": %.4f}", s->name, n, t / n);
}

static void run_one(const struct storm *s, unsigned int n)
{
	char prog[PATH_LEN];
	struct row r = { .group = "many", .name = s->name, .prog = prog };
	double *ms = xcalloc(n, sizeof(*ms));
	int *pids = xcalloc(n, sizeof(*pids));
	unsigned int done;

	snprintf(prog, sizeof(prog), "%s", program(s->prog));
	bench_why[0] = '\0';
	if (!is_program(prog)) {
		printf("%8s %s: skipped: no %s\n", "-", s->name, prog);
		goto out;
	}
	if (s->setup && s->setup(&r) < 0) {
		printf("%8s %s: skipped: %s\n", "-", s->name, bench_why);
		goto out;
	}
	for (unsigned int i = 0; s->create && i < n; i++) {
		if (s->create(&r, STORM_BASE + i) < 0) {
			printf("%8s %s: skipped: create: %s\n", "-", s->name, bench_why);
			n = i;
		}
	}
	done = sequential(s, &r, n, ms, pids);
	report_sequential(s, ms, done);
	report_pss(s);
	for (unsigned int i = 0; i < n; i++)
		s->stop(&r, STORM_BASE + i, i < done ? pids[i] : 0);
	bench_reap();
	if (done == n && n && !bench_late())
		run_parallel(s, &r, n);
out:
	free(ms);
	free(pids);
}

void storm_run(void)
{
	unsigned int n = bench.full ? 300 : 40;

	printf("\nmany\n%8s %10s %10s %21s\n", "ratio", "first ms", "last ms", "n");
	for (size_t i = 0; i < ARRAY_SIZE(storms); i++) {
		run_one(&storms[i], n);
		fflush(stdout);
	}
}
