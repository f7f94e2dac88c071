// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "cg"
#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/cg.h"
#include "sys/syscalls.h"

#define O_CGDIR (O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

static const char *cg_mount(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs sf;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (statfs(places[i], &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

int cg_root_open(struct vz_err *e)
{
	const char *m = cg_mount();
	int fd;

	if (!m)
		return vz_fail(e, VZ_CGROUP_DELEGATION, 0,
			       "No cgroup v2 hierarchy is mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified");
	fd = open(m, O_CGDIR);
	if (fd < 0)
		return vz_fail(e, VZ_CGROUP_DELEGATION, errno, "Unable to open '%s'", m);
	return fd;
}

static void scope_name(char buf[32], uint32_t ctid)
{
	snprintf(buf, 32, "vz-%u.scope", ctid);
}

int cg_scope_open(const char *slice, uint32_t ctid)
{
	_cleanup_close_ int root = cg_root_open(VZ_IGNORE);
	char path[300], name[32];
	int fd;

	if (root < 0)
		return -ENOENT;
	scope_name(name, ctid);
	snprintf(path, sizeof(path), "%s/%s", slice, name);
	fd = openat(root, path, O_CGDIR);
	return fd < 0 ? -errno : fd;
}

static int cg_subdir(int dirfd, const char *name, struct vz_err *e)
{
	int fd;

	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return vz_fail(e, VZ_CGROUP_DELEGATION, errno, "Unable to create cgroup '%s'",
			       name);
	fd = openat(dirfd, name, O_CGDIR);
	if (fd < 0)
		return vz_fail(e, VZ_CGROUP_DELEGATION, errno, "Unable to open cgroup '%s'", name);
	return fd;
}

static unsigned int controllers_of(int fd, const char *file)
{
	static const struct {
		const char *name;
		enum cg_ctrl bit;
	} names[] = { { "cpu", CG_CPU }, { "memory", CG_MEMORY }, { "pids", CG_PIDS },
		      { "io", CG_IO },	 { "cpuset", CG_CPUSET },
		      { "hugetlb", CG_HUGETLB } };
	unsigned int have = 0;
	char buf[256], *save = NULL;

	if (io_read_small_at(fd, file, buf, sizeof(buf)) < 0)
		return 0;
	for (char *w = strtok_r(buf, " ", &save); w; w = strtok_r(NULL, " ", &save))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (str_eq(w, names[i].name))
				have |= names[i].bit;
	return have;
}

const char *cg_ctrl_names(unsigned int ctrls, char *buf, size_t size)
{
	snprintf(buf, size, "%s%s%s%s%s", ctrls & CG_CPU ? "cpu " : "",
		 ctrls & CG_MEMORY ? "memory " : "", ctrls & CG_PIDS ? "pids " : "",
		 ctrls & CG_IO ? "io " : "", ctrls & CG_CPUSET ? "cpuset " : "");
	if (*buf)
		buf[strlen(buf) - 1] = '\0';
	return buf;
}

/* One write per controller: a missing one must not hide the others. */
static void enable_controllers(int fd, unsigned int want)
{
	static const struct {
		const char *add;
		enum cg_ctrl bit;
	} ops[] = { { "+cpu", CG_CPU }, { "+memory", CG_MEMORY }, { "+pids", CG_PIDS },
		    { "+io", CG_IO },	{ "+cpuset", CG_CPUSET },
		    { "+hugetlb", CG_HUGETLB } };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (want & ops[i].bit)
			(void)io_write_small_at(fd, "cgroup.subtree_control", ops[i].add);
}

/* A delegated container gets every controller, whether limited or not. */
static void pass_down(int root, int slice, int scope)
{
	unsigned int all = controllers_of(root, "cgroup.controllers");

	if (!all)
		return;
	if (all & ~controllers_of(scope, "cgroup.controllers")) {
		enable_controllers(root, all);
		enable_controllers(slice, all);
	}
	enable_controllers(scope, controllers_of(scope, "cgroup.controllers"));
}

static int delegate(int ct, uid_t uid, gid_t gid, struct vz_err *e)
{
	static const char *const files[] = { "cgroup.procs", "cgroup.threads",
					     "cgroup.subtree_control", "memory.oom.group",
					     "memory.reclaim" };

	if (fchownat(ct, "", uid, gid, AT_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_CGROUP_DELEGATION, errno, "Unable to delegate the cgroup");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (fchownat(ct, files[i], uid, gid, 0) < 0 && errno != ENOENT)
			return vz_fail(e, VZ_CGROUP_DELEGATION, errno,
				       "Unable to delegate cgroup file '%s'", files[i]);
	return 0;
}

int cg_create(const char *slice_name, uint32_t ctid, const struct cg_limits *l, uid_t uid,
	      gid_t gid, struct cg *ret, unsigned int *ret_missing, struct vz_err *e)
{
	_cleanup_close_ int root = -EBADF, slice = -EBADF;
	_cleanup_(cg_done) struct cg cg = CG_INIT;
	char name[32];
	int r;

	root = cg_root_open(e);
	if (root < 0)
		return root;
	slice = cg_subdir(root, slice_name, e);
	if (slice < 0)
		return slice;
	scope_name(name, ctid);
	cg.scope = cg_subdir(slice, name, e);
	if (cg.scope < 0)
		return cg.scope;
	pass_down(root, slice, cg.scope);
	r = cg_limits_apply(cg.scope, l, ret_missing, e);
	if (r < 0)
		return r;
	cg.ct = cg_subdir(cg.scope, "ct", e);
	if (cg.ct < 0)
		return cg.ct;
	r = delegate(cg.ct, uid, gid, e);
	if (r < 0)
		return r;
	cg.mon = cg_subdir(slice, "mon", e);
	if (cg.mon < 0)
		return cg.mon;
	*ret = (struct cg){ take_fd(&cg.scope), take_fd(&cg.ct), take_fd(&cg.mon) };
	return 0;
}

int cg_mon_open(const char *slice_name, struct vz_err *e)
{
	_cleanup_close_ int root = cg_root_open(e), slice = -EBADF;

	if (root < 0)
		return root;
	slice = cg_subdir(root, slice_name, e);
	return slice < 0 ? slice : cg_subdir(slice, "mon", e);
}

void cg_done(struct cg *cg)
{
	close_fd(&cg->scope);
	close_fd(&cg->ct);
	close_fd(&cg->mon);
}

/* "populated N" and "frozen N" of cgroup.events; -1 when unknown. */
static int cg_event(int scope, const char *key)
{
	uint64_t v = cg_stat_key(scope, "cgroup.events", key);

	return v == CG_NONE ? -1 : (int)v;
}

bool cg_frozen(const char *slice, uint32_t ctid)
{
	_cleanup_close_ int scope = cg_scope_open(slice, ctid);

	return scope >= 0 && cg_event(scope, "frozen") == 1;
}

bool cg_populated(const char *slice, uint32_t ctid)
{
	_cleanup_close_ int scope = cg_scope_open(slice, ctid);

	return scope >= 0 && cg_event(scope, "populated") == 1;
}

/* Waits for cgroup.events to say @want; the file raises POLLPRI on change. */
static bool cg_wait_event(int scope, const char *key, int want, int timeout_ms)
{
	_cleanup_close_ int fd = openat(scope, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	struct timespec t0, t;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (;;) {
		int left;
		char c;

		/* Reading marks the state as seen, so that poll reports the next change. */
		if (fd < 0 || pread(fd, &c, 1, 0) < 0)
			return true;
		if (cg_event(scope, key) == want)
			return true;
		clock_gettime(CLOCK_MONOTONIC, &t);
		left = timeout_ms - (int)((t.tv_sec - t0.tv_sec) * 1000 +
					  (t.tv_nsec - t0.tv_nsec) / 1000000);
		if (left <= 0)
			return false;
		poll(&p, 1, left < 50 ? left : 50);
	}
}

int cg_freeze(const char *slice, uint32_t ctid, bool freeze, struct vz_err *e)
{
	_cleanup_close_ int scope = cg_scope_open(slice, ctid);
	int r;

	if (scope < 0)
		return vz_fail(e, VZ_VE_NOT_RUNNING, -scope, "Container has no cgroup");
	r = io_write_small_at(scope, "cgroup.freeze", freeze ? "1" : "0");
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to %s the container",
			       freeze ? "freeze" : "thaw");
	if (!cg_wait_event(scope, "frozen", freeze, 1000))
		return vz_fail(e, VZ_BUSY, ETIMEDOUT, "Container did not %s within a second",
			       freeze ? "freeze" : "thaw");
	return 0;
}

/*
 * Removes a subtree of cgroups, children first.  The container may have nested
 * them deeply; cgroup.max.depth does not apply to what exists, so the depth is
 * bounded here and the caller sees EBUSY beyond it.
 */
static int rm_groups(int parent, const char *name, int depth)
{
	_cleanup_close_ int fd = -EBADF;
	struct dirent *de;
	DIR *d;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (depth > 256)
		return -EBUSY;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d = fdopendir(take_fd(&fd));
	if (!d)
		return -ENOMEM;
	while ((de = readdir(d)))
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			rm_groups(dirfd(d), de->d_name, depth + 1);
	closedir(d);
	if (unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Before 5.14 there is no cgroup.kill; then the death of init kills the rest. */
int cg_destroy(const char *slice_name, uint32_t ctid, struct vz_err *e)
{
	_cleanup_close_ int root = cg_root_open(VZ_IGNORE), slice = -EBADF, scope = -EBADF;
	char name[32];
	int r;

	if (root < 0)
		return 0;
	slice = openat(root, slice_name, O_CGDIR);
	if (slice < 0)
		return 0;
	scope_name(name, ctid);
	scope = openat(slice, name, O_CGDIR);
	if (scope < 0)
		return 0;
	if (cg_event(scope, "populated") == 1) {
		(void)io_write_small_at(scope, "cgroup.freeze", "0");
		(void)io_write_small_at(scope, "cgroup.kill", "1");
		if (!cg_wait_event(scope, "populated", 0, 10000))
			return vz_fail(e, VZ_STOP_ERROR, EBUSY,
				       "Processes of container %u do not die", ctid);
	}
	r = rm_groups(slice, name, 0);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to remove cgroup '%s'", name);
	return 0;
}

int cg_join_open(const char *slice, uint32_t ctid, pid_t init, struct vz_err *e)
{
	_cleanup_close_ int root = cg_root_open(e);
	char file[64], buf[4200], *p, *nl;
	int fd;

	if (root < 0)
		return root;
	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)init);
	if (io_read_small_at(AT_FDCWD, file, buf, sizeof(buf)) < 0)
		return vz_fail(e, VZ_VE_NOT_RUNNING, errno, "Container's init is gone");
	p = str_has_prefix(buf, "0::") ? buf : strstr(buf, "\n0::");
	if (!p)
		return vz_fail(e, VZ_CGROUP_DELEGATION, 0, "Container's init has no v2 cgroup");
	p = strchr(p, '/');
	nl = p ? strchr(p, '\n') : NULL;
	if (nl)
		*nl = '\0';
	/* Names below `ct` are the container's: the kernel keeps them beneath. */
	fd = sys_openat2(root, p && p[1] ? p + 1 : ".", O_CGDIR, 0,
			 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to open the container's cgroup");
	return fd;
}
