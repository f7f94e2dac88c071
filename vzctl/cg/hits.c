// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits that were hit.  The groups count; who was killed, and how large it was,
 * only the kernel's log says, and it is found there by the ids of the container.
 */
#define VZ_ROOM "cg"
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/hits.h"

/*
 * Since 6.11 refused forks are counted where the limit is, before where the process
 * is.  What the container limits inside is its own affair.
 */
static const char *pids_events(int scope)
{
	return faccessat(scope, "pids.events.local", F_OK, 0) == 0 ? "pids.events.local" :
								    "ct/pids.events";
}

void cg_hits_open(int scope, int ret[CG_HITS_FILES])
{
	const char *const files[CG_HITS_FILES] = { "memory.events", "memory.swap.events",
						   pids_events(scope) };

	for (size_t i = 0; i < CG_HITS_FILES; i++)
		ret[i] = openat(scope, files[i], O_RDONLY | O_CLOEXEC);
}

static uint64_t count(int scope, const char *file, const char *key)
{
	uint64_t v = cg_stat_key(scope, file, key);

	return v == CG_NONE ? 0 : v;
}

void cg_hits_read(int scope, struct cg_hits *ret)
{
	/* The kernel counts in the opposite order: each kill seen has its shortage. */
	ret->kill = count(scope, "memory.events", "oom_kill");
	ret->own = count(scope, "memory.events.local", "oom");
	ret->swap = count(scope, "memory.swap.events", "max");
	ret->fork = count(scope, pids_events(scope), "max");
}

/* ---- /dev/kmsg -------------------------------------------------------------- */

static bool number(const char **p, const char *before, uint64_t *ret)
{
	size_t n = strlen(before);
	char *end;

	if (strncmp(*p, before, n) != 0 || (*p)[n] < '0' || (*p)[n] > '9')
		return false;
	errno = 0;
	*ret = strtoull(*p + n, &end, 10);
	*p = end;
	return errno == 0;
}

/* "PRIORITY,SEQUENCE,TIME,FLAGS;" of the kernel's own messages: facility 0. */
static const char *record_text(const char *rec, uint64_t *ret_seq)
{
	uint64_t prio;

	if (!number(&rec, "", &prio) || prio > 7 || !number(&rec, ",", ret_seq))
		return NULL;
	rec = strchr(rec, ';');
	return rec ? rec + 1 : NULL;
}

static const char *last_of(const char *s, const char *what)
{
	const char *found = NULL;

	for (; (s = strstr(s, what)); s++)
		found = s;
	return found;
}

/*
 * "... Killed process 7 (NAME) total-vm:1kB, anon-rss:2kB, file-rss:3kB,
 * shmem-rss:4kB, UID:5 pgtables:..." (mm/oom_kill.c).  NAME is the victim's choice,
 * any bytes (escaped in the log): what follows its last possible end is not.
 */
bool cg_oom_parse(const char *rec, struct cg_oom *ret)
{
	static const char *const heads[] = { "Memory cgroup out of memory: ", "Out of memory: ",
					     "Out of memory (oom_kill_allocating_task): " };
	struct cg_oom o = { 0 };
	const char *p = record_text(rec, &o.seq), *end, *name;
	uint64_t pid, vm, uid;
	size_t i;

	for (i = 0; p && i < ARRAY_SIZE(heads); i++)
		if (str_has_prefix(p, heads[i]))
			break;
	if (!p || i == ARRAY_SIZE(heads))
		return false;
	o.node = i > 0;
	p += strlen(heads[i]);
	if (!number(&p, "Killed process ", &pid) || !str_has_prefix(p, " ("))
		return false;
	name = p + 2;
	end = last_of(name, ") total-vm:");
	if (!end || (size_t)(end - name) >= sizeof(o.comm))
		return false;
	memcpy(o.comm, name, (size_t)(end - name));
	p = end;
	if (!number(&p, ") total-vm:", &vm) || !number(&p, "kB, anon-rss:", &o.anon_kb) ||
	    !number(&p, "kB, file-rss:", &o.file_kb) ||
	    !number(&p, "kB, shmem-rss:", &o.shmem_kb) || !number(&p, "kB, UID:", &uid) ||
	    pid > INT32_MAX || uid > UINT32_MAX)
		return false;
	o.pid = (pid_t)pid;
	o.uid = (uint32_t)uid;
	*ret = o;
	return true;
}

size_t cg_oom_read(uint64_t after, uint32_t uid, uint32_t count, struct cg_oom *ret, size_t max,
		   uint64_t *ret_total)
{
	_cleanup_close_ int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct cg_oom o;
	uint64_t total = 0;
	char rec[8192];
	ssize_t n;

	/* EPIPE: overwritten while we read; the next read gets what is there. */
	while (fd >= 0 && ((n = read(fd, rec, sizeof(rec) - 1)) > 0 || (n < 0 && errno == EPIPE))) {
		if (n < 0)
			continue;
		rec[n] = '\0';
		if (!cg_oom_parse(rec, &o) || o.seq < after || o.uid < uid || o.uid - uid >= count)
			continue;
		if (max && total >= max)
			memmove(ret, ret + 1, (max - 1) * sizeof(*ret));
		if (max)
			ret[total < max ? total : max - 1] = o;
		total++;
	}
	*ret_total = total;
	return total < max ? (size_t)total : max;
}
