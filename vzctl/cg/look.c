// SPDX-License-Identifier: GPL-2.0-or-later
/* What lists and vzpid need of the cgroup tree. */
#define VZ_ROOM "cg"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/cg.h"

#define SCOPE_PREFIX "vz-"
#define SCOPE_SUFFIX ".scope"

/* A container makes groups as it likes: a listing does not follow it for ever. */
#define GROUP_DEPTH_MAX 32
#define GROUPS_MAX 2048

uint32_t cg_scope_ctid(const char *name)
{
	const size_t pre = sizeof(SCOPE_PREFIX) - 1, suf = sizeof(SCOPE_SUFFIX) - 1;
	size_t n = strcspn(name, "/");
	char num[16];
	uint32_t id;

	if (n <= pre + suf || n - pre - suf >= sizeof(num) || !str_has_prefix(name, SCOPE_PREFIX) ||
	    memcmp(name + n - suf, SCOPE_SUFFIX, suf) != 0 || name[pre] == '0')
		return 0;
	memcpy(num, name + pre, n - pre - suf);
	num[n - pre - suf] = '\0';
	return num_parse_ctid(num, &id) == 0 ? id : 0;
}

static int cmp_scope(const void *a, const void *b)
{
	uint32_t x = ((const struct cg_scope *)a)->ctid, y = ((const struct cg_scope *)b)->ctid;

	return (x > y) - (x < y);
}

/* "populated 1\nfrozen 0\n"; a scope that has just gone is an empty one. */
static void read_events(int slice, const char *name, struct cg_scope *s)
{
	char path[300], buf[256];

	snprintf(path, sizeof(path), "%s/cgroup.events", name);
	if (io_read_small_at(slice, path, buf, sizeof(buf)) < 0)
		return;
	s->populated = strstr(buf, "populated 1") != NULL;
	s->frozen = strstr(buf, "frozen 1") != NULL;
}

int cg_scopes(const char *slice, struct cg_scope **ret, size_t *ret_n, struct vz_err *e)
{
	_cleanup_close_ int root = cg_root_open(VZ_IGNORE), fd = -EBADF;
	struct cg_scope *v = NULL;
	size_t n = 0;
	struct dirent *de;
	DIR *d = NULL;

	if (root >= 0)
		fd = openat(root, slice, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && root >= 0 && errno != ENOENT)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to open cgroup '%s'", slice);
	if (fd >= 0)
		d = fdopendir(fd);
	if (d)
		(void)take_fd(&fd);
	while (d && (de = readdir(d))) {
		uint32_t id = cg_scope_ctid(de->d_name);

		if (!id)
			continue;
		v = xgrow(v, n, sizeof(*v));
		v[n] = (struct cg_scope){ .ctid = id };
		read_events(dirfd(d), de->d_name, &v[n++]);
	}
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof(*v), cmp_scope);
	*ret = v;
	*ret_n = n;
	return 0;
}

int cg_pid_ctid(const char *slice, pid_t pid, uint32_t *ret)
{
	char path[64], buf[4096 + 1024], *p;
	size_t n = strlen(slice);

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (pid <= 0 || io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return -ESRCH;
	*ret = 0;
	p = str_has_prefix(buf, "0::/") ? buf : strstr(buf, "\n0::/");
	if (!p)
		return 0;
	/* Only right below the slice: what is beneath a scope is named by its container. */
	p = strchr(p, '/') + 1;
	if (strncmp(p, slice, n) == 0 && p[n] == '/') {
		p[strcspn(p, "\n")] = '\0';
		*ret = cg_scope_ctid(p + n + 1);
	}
	return 0;
}

/* Lines of cgroup.threads, which unlike cgroup.procs is readable in every type of group. */
static int count_lines(int group, void *threads)
{
	_cleanup_close_ int fd = openat(group, "cgroup.threads", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t r;

	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	while ((r = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < r; i++)
			*(int64_t *)threads += buf[i] == '\n';
	return r < 0 && errno != ENODEV ? -errno : 0;
}

struct walk {
	int (*fn)(int group, void *arg);
	void *arg;
	unsigned int groups;
};

static int walk_group(int group, unsigned int depth, struct walk *w)
{
	struct dirent *de;
	int r, fd;
	DIR *d;

	if (depth > GROUP_DEPTH_MAX || ++w->groups > GROUPS_MAX)
		return -E2BIG;
	r = w->fn(group, w->arg);
	if (r < 0)
		return r;
	fd = openat(group, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENODEV ? 0 : -errno;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return -ENOMEM;
	}
	while (r == 0 && (de = readdir(d))) {
		_cleanup_close_ int sub = -EBADF;

		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		sub = openat(dirfd(d), de->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (sub >= 0)
			r = walk_group(sub, depth + 1, w);
	}
	closedir(d);
	return r;
}

int64_t cg_threads(int scope)
{
	int64_t threads = 0;
	int r = walk_group(scope, 0, &(struct walk){ .fn = count_lines, .arg = &threads });

	return r < 0 ? r : threads;
}

static int add_failed_forks(int group, void *sum)
{
	uint64_t v = cg_stat_key(group, "pids.events", "max");

	if (v != CG_NONE)
		*(uint64_t *)sum += v;
	return 0;
}

uint64_t cg_failed_forks(int scope)
{
	uint64_t v = cg_stat_key(scope, "pids.events.local", "max"), sum = 0;

	if (v != CG_NONE || cg_stat_key(scope, "pids.events", "max") == CG_NONE)
		return v;
	if (walk_group(scope, 0, &(struct walk){ .fn = add_failed_forks, .arg = &sum }) < 0)
		return CG_NONE;
	return sum;
}
