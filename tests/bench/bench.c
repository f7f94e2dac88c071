// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/bench.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "sys/syscalls.h"
#include "tests/bench/rm.h"

struct bench bench;
char bench_why[200];

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

bool bench_late(void)
{
	return bench_now() > bench.deadline;
}

static int out_file(const char *name)
{
	char path[PATH_LEN + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", bench.scratch, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void first_line(const char *name, char *ret, size_t size)
{
	char path[PATH_LEN + 16];

	snprintf(path, sizeof(path), "%s/%s", bench.scratch, name);
	if (io_read_small_at(AT_FDCWD, path, ret, size) < 0)
		*ret = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

int bench_out_pid(void)
{
	char s[64];

	first_line("out.txt", s, sizeof(s));
	return atoi(s);
}

static void say_why(const char *prog, int st)
{
	char line[120];

	first_line("err.txt", line, sizeof(line));
	if (WIFSIGNALED(st))
		snprintf(bench_why, sizeof(bench_why), "%s: signal %d", prog, WTERMSIG(st));
	else
		snprintf(bench_why, sizeof(bench_why), "exit code %d: %s", WEXITSTATUS(st), line);
}

double bench_run(const struct vz_strv *argv)
{
	/* Never the host's /dev/null: crun gives its standard streams to the container's root. */
	int in = out_file("in.txt"), st = 0, pfd;
	int out = out_file("out.txt"), eo = out_file("err.txt");
	double t0 = bench_now(), t;
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(in, 0);
		dup2(out, 1);
		dup2(eo, 2);
		execv(argv->v[0], argv->v);
		_exit(127);
	}
	pfd = sys_pidfd_open(pid, 0);
	if (poll(&(struct pollfd){ .fd = pfd, .events = POLLIN }, 1, 20000) == 0)
		kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	t = bench_now() - t0;
	close(pfd);
	close(in);
	close(out);
	close(eo);
	if (st) {
		say_why(argv->v[0], st);
		return -1;
	}
	return t;
}

int bench_do(int ignore, ...)
{
	struct vz_strv a = VZ_STRV_INIT;
	const char *s;
	va_list ap;
	double t;

	va_start(ap, ignore);
	while ((s = va_arg(ap, const char *)))
		vz_strv_add(&a, s);
	va_end(ap);
	t = bench_run(&a);
	vz_strv_done(&a);
	return t < 0 && !ignore ? -1 : 0;
}

void bench_reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

void bench_kill(int pid)
{
	if (pid <= 1)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(const struct row *r, double q)
{
	return r->ms[(size_t)(q * (double)(r->n - 1) + 0.5)];
}

static void skip(struct row *r, const char *why)
{
	snprintf(r->skip, sizeof(r->skip), "%s", why);
	r->n = 0;
}

bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static void setup(struct row *r, size_t samples)
{
	r->ms = xcalloc(samples, sizeof(*r->ms));
	bench_why[0] = '\0';
	if (!is_program(r->prog))
		snprintf(r->skip, sizeof(r->skip), "no %.180s", r->prog);
	else if (r->setup && r->setup(r) < 0)
		skip(r, bench_why[0] ? bench_why : "could not be set up");
}

static void sample(struct row *r, unsigned int i)
{
	struct vz_strv a = VZ_STRV_INIT;
	double t;

	if (r->skip[0] || (r->max && r->n >= r->max))
		return;
	if (r->before)
		r->before(r, i);
	r->argv(r, i, &a);
	t = bench_run(&a);
	vz_strv_done(&a);
	if (t < 0)
		skip(r, bench_why);
	else if (i > 0)		/* the first round warms caches */
		r->ms[r->n++] = t;
	if (r->after)
		r->after(r, i);
	bench_reap();
}

static void json_skipped(const char *why)
{
	vz_buf_adds(&bench.json, ", \"n\": 0, \"skipped\": \"");
	for (; *why; why++) {
		if (*why == '"' || *why == '\\')
			vz_buf_addc(&bench.json, '\\');
		vz_buf_addc(&bench.json, (unsigned char)*why < 32 ? ' ' : *why);
	}
	vz_buf_adds(&bench.json, "\"}");
}

static void json_row(const struct row *r)
{
	vz_buf_addf(&bench.json, "%s\n  {\"group\": \"%s\", \"name\": \"%s\"",
		    bench.json_first ? "" : ",", r->group, r->name);
	bench.json_first = false;
	if (r->n)
		vz_buf_addf(&bench.json, ", \"n\": %zu, \"median_ms\": %.4f, \"p10_ms\": %.4f, "
			    "\"p90_ms\": %.4f}", r->n, quantile(r, 0.5), quantile(r, 0.1),
			    quantile(r, 0.9));
	else
		json_skipped(r->skip[0] ? r->skip : "no time left");
}

static void report(struct row *g, size_t n)
{
	double limit = g[0].n ? quantile(&g[0], 0.5) : 0;

	printf("\n%s\n%8s %10s %10s %10s %5s\n", g[0].group, "ratio", "median ms", "p10", "p90",
	       "n");
	for (size_t i = 0; i < n; i++) {
		struct row *r = &g[i];

		if (!r->n) {
			printf("%8s %10s %10s %10s %5s  %s: skipped: %s\n", "-", "-", "-", "-", "0",
			       r->name, r->skip[0] ? r->skip : "no time left");
		} else {
			printf("%8.2f %10.3f %10.3f %10.3f %5zu  %s%s%s\n",
			       limit > 0 ? quantile(r, 0.5) / limit : 0, quantile(r, 0.5),
			       quantile(r, 0.1), quantile(r, 0.9), r->n, r->name,
			       r->note ? ": " : "", r->note ? r->note : "");
		}
		json_row(r);
	}
	fflush(stdout);
}

static void run_group(struct row *g, size_t n)
{
	unsigned int rounds = bench.full ? 200 : 30;

	for (size_t i = 0; i < n; i++)
		setup(&g[i], rounds + 1);
	for (unsigned int k = 0; k <= rounds && !bench_late(); k++)
		for (size_t i = 0; i < n; i++)
			sample(&g[(i + k) % n], k);
	for (size_t i = 0; i < n; i++) {
		if (g[i].teardown && is_program(g[i].prog))
			g[i].teardown(&g[i]);
		if (g[i].n)
			qsort(g[i].ms, g[i].n, sizeof(double), by_value);
	}
	report(g, n);
	for (size_t i = 0; i < n; i++)
		free(g[i].ms);
	bench_reap();
}

static void isolate(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(1, "the benchmark needs root");
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	snprintf(bench.scratch, sizeof(bench.scratch), "/var/tmp/vzbench.XXXXXX");
	if (!mkdtemp(bench.scratch))
		err(1, "%s", bench.scratch);
	/* 0711: runtimes walk through it with the ids of a container. */
	chmod(bench.scratch, 0711);
	/* Ours alone sees it: on a hybrid host crun and lxc refuse to work or do much more. */
	if (access("/sys/fs/cgroup/cgroup.procs", F_OK) < 0 &&
	    mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
		err(1, "/sys/fs/cgroup");
	snprintf(bench.cgroup, sizeof(bench.cgroup), "/sys/fs/cgroup/vzbench.%d", getpid());
	if (mkdir(bench.cgroup, 0755) < 0)
		err(1, "%s", bench.cgroup);
}

static void tidy(void)
{
	rows_cleanup();
	bench_reap();
	rm_tree(bench.scratch);
	rm_cgroup(bench.cgroup);
}

static void on_signal(int sig)
{
	/* The loops look at the deadline: end early, clean up as usual. */
	bench.deadline = 0;
}

static void write_json(void)
{
	char path[PATH_LEN + 16];

	snprintf(path, sizeof(path), "%s/bench.json", bench.build);
	vz_buf_adds(&bench.json, "\n]}\n");
	if (io_write_atomic_at(AT_FDCWD, path, vz_buf_str(&bench.json), bench.json.len, 0644,
			       IO_ATOMIC_NOSYNC) < 0)
		warnx("cannot write %s", path);
	else
		printf("\n%s\n", path);
	vz_buf_done(&bench.json);
}

int main(int argc, char **argv)
{
	double seconds = 150;
	size_t first = 0;

	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--full")) {
			bench.full = true;
			seconds = 1800;
		} else if (str_eq(argv[i], "--build") && i + 1 < argc) {
			snprintf(bench.build, sizeof(bench.build), "%s", argv[++i]);
		} else {
			errx(2, "usage: bench --build DIR [--full]");
		}
	}
	if (!bench.build[0])
		errx(2, "usage: bench --build DIR [--full]");
	isolate();
	bench.deadline = bench_now() + seconds * 1e3;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	bench.json_first = true;
	vz_buf_addf(&bench.json, "{\"version\": \"%s\", \"full\": %s, \"rows\": [", VZ_VERSION,
		    bench.full ? "true" : "false");
	if (rows_prepare() == 0) {
		for (size_t i = 1; i <= nrows; i++) {
			if (i < nrows && str_eq(rows[i].group, rows[first].group))
				continue;
			run_group(&rows[first], i - first);
			first = i;
		}
		storm_run();
		write_json();
	} else {
		warnx("%s", bench_why);
	}
	tidy();
	return first == nrows ? 0 : 1;
}
