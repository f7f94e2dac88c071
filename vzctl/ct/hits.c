// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits that were hit, into the log: processes that were killed for memory, forks
 * and swap that were refused.  The monitor runs this when the kernel's counters
 * move (vzctl _hits), and whoever removes the groups runs it once more.
 *
 * /run/vz/CTID/hits holds what was reported: the counters, and the next record of
 * the kernel's log.  Its lock is the only one: a long vzctl set must not matter.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/log.h"
#include "cg/hits.h"
#include "ct/ct-int.h"

#define STATE_SIZE 160	/* five numbers of up to 20 digits */
#define KILLS_MAX 5	/* lines of one report: containers must not fill the log */

struct reported {
	struct cg_hits hits;
	uint64_t next;
};

void ct_hits_begin(uint32_t id)
{
	_cleanup_free_ char *path = ct_run_path(id, "hits");
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
				      0600);

	(void)fd;
}

/* Not made here: who is late would leave it behind in a directory that is going. */
static int state_open(const struct ct *ct, struct reported *ret)
{
	_cleanup_free_ char *path = ct_run_path(ct->id, "hits");
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct reported s = { 0 };
	char buf[STATE_SIZE];
	ssize_t n;

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return neg_errno();
	n = pread(fd, buf, sizeof(buf) - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	if (sscanf(buf, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &s.hits.own,
		   &s.hits.kill, &s.hits.swap, &s.hits.fork, &s.next) != 5)
		memset(&s, 0, sizeof(s));
	*ret = s;
	return take_fd(&fd);
}

static void state_write(int fd, const struct reported *s)
{
	char buf[STATE_SIZE];
	int n = snprintf(buf, sizeof(buf), "%20" PRIu64 " %20" PRIu64 " %20" PRIu64 " %20" PRIu64
			 " %20" PRIu64 "\n", s->hits.own, s->hits.kill, s->hits.swap, s->hits.fork,
			 s->next);

	/* Of one length: never a mixture of old and new. */
	(void)!pwrite(fd, buf, (size_t)n, 0);
}

static const char *size_text(uint64_t v, char buf[32])
{
	if (v == CG_NONE)
		snprintf(buf, 32, "none");
	else if (v >> 20 && v % (1 << 20) == 0)
		snprintf(buf, 32, "%" PRIu64 " MiB", v >> 20);
	else
		snprintf(buf, 32, "%" PRIu64 " KiB", v >> 10);
	return buf;
}

static void limit_text(int scope, char *buf, size_t size)
{
	uint64_t swap = cg_stat_u64(scope, "memory.swap.max");
	char a[32], b[32];

	size_text(cg_stat_u64(scope, "memory.max"), a);
	if (swap && swap != CG_NONE)
		snprintf(buf, size, "limit %s and %s of swap", a, size_text(swap, b));
	else
		snprintf(buf, size, "limit %s", a);
}

static const char *times(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* @n: how many the group has counted; names come from the log, as far as it has them. */
static void report_kills(const struct ct *ct, int scope, const struct cg_hits *now,
			 struct reported *s)
{
	uint64_t n = now->kill - s->hits.kill;
	uint32_t uid = (uint32_t)conf_u64(ct->conf, P_LOCAL_UID, 0);
	uint32_t range = (uint32_t)conf_u64(ct->node, P_UIDMAP_SIZE, 65536);
	struct cg_oom kills[KILLS_MAX];
	uint64_t total = 0;
	size_t got = 0, want = n < KILLS_MAX ? (size_t)n : KILLS_MAX;
	char limit[96];

	if (now->own == s->hits.own)
		snprintf(limit, sizeof(limit), "not by its own limit");
	else
		limit_text(scope, limit, sizeof(limit));
	if (uid)
		got = cg_oom_read(s->next, uid, range, kills, want, &total);
	/* Counted before it is logged: a report may come in between. */
	if (uid && got < want) {
		poll(NULL, 0, 100);
		got = cg_oom_read(s->next, uid, range, kills, want, &total);
	}
	for (size_t i = 0; i < got; i++) {
		const struct cg_oom *k = &kills[i];

		vz_info("%s: process %d (%s) killed: uid %u, %" PRIu64 " kB anonymous, %" PRIu64
			" kB file, %" PRIu64 " kB shared; %s",
			k->node ? "Node out of memory" : "Out of memory", (int)k->pid, k->comm,
			k->uid - uid, k->anon_kb, k->file_kb, k->shmem_kb, limit);
		s->next = k->seq + 1;
	}
	if (n > got)
		vz_info("Out of memory: %" PRIu64 "%s process%s killed; %s", n - got,
			got ? " more" : "", n - got == 1 ? "" : "es", limit);
}

static void report(const struct ct *ct, int scope, const struct cg_hits *now, struct reported *s)
{
	uint64_t swap_max = cg_stat_u64(scope, "memory.swap.max"), n;
	uint64_t pids_max = cg_stat_u64(scope, "pids.max");
	char limit[32];

	if (now->kill > s->hits.kill)
		report_kills(ct, scope, now, s);
	else if (now->own > s->hits.own)
		vz_info("Memory limit of %s reached: %" PRIu64 " allocation%s failed",
			size_text(cg_stat_u64(scope, "memory.max"), limit),
			now->own - s->hits.own, times(now->own - s->hits.own));
	/* Without any swap of its own every attempt counts: that is no news. */
	if (now->swap > s->hits.swap && swap_max && swap_max != CG_NONE)
		vz_info("Swap limit of %s reached %" PRIu64 " time%s", size_text(swap_max, limit),
			now->swap - s->hits.swap, times(now->swap - s->hits.swap));
	n = now->fork - s->hits.fork;
	if (now->fork > s->hits.fork && pids_max != CG_NONE)
		vz_info("Process limit of %" PRIu64 " reached: %" PRIu64 " fork%s refused",
			pids_max, n, times(n));
	else if (now->fork > s->hits.fork)
		vz_info("A process limit inside the container was reached: %" PRIu64
			" fork%s refused", n, times(n));
}

void ct_hits_log(const struct ct *ct)
{
	_cleanup_close_ int scope = cg_scope_open(ct->slice, ct->id), fd = -EBADF;
	struct cg_hits now;
	struct reported s;

	if (scope < 0)
		return;
	fd = state_open(ct, &s);
	if (fd < 0)
		return;
	cg_hits_read(scope, &now);
	report(ct, scope, &now, &s);
	if (memcmp(&now, &s.hits, sizeof(now)) == 0)
		return;
	s.hits = now;
	state_write(fd, &s);
}
