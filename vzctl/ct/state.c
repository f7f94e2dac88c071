// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/io.h"
#include "base/num.h"
#include "base/path.h"
#include "ct/ct-int.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

#define VZREBOOT_DIR "/var/lib/vzctl/vzreboot"

const char *ct_run_dir(void)
{
	return vz_path_or("/run/vz", "VZ_RUNDIR");
}

char *ct_run_path(uint32_t id, const char *name)
{
	return xasprintf("%s/%u%s%s", ct_run_dir(), id, *name ? "/" : "", name);
}

int ct_run_dir_make(uint32_t id, struct vz_err *e)
{
	_cleanup_free_ char *dir = ct_run_path(id, "");
	int r = mkdir(dir, 0700) < 0 ? -errno : 0;

	if (r == -ENOENT)
		r = io_mkdir_p(dir, 0700);
	if (r < 0 && r != -EEXIST)
		return vz_fail(e, VZ_CANT_CREATE_DIR, -r, "Unable to create '%s'", dir);
	return 0;
}

/* The name in parentheses may contain anything: count from the last ')'. */
uint64_t ct_pid_start(pid_t pid)
{
	char path[64], buf[1024], *p, *save = NULL;
	uint64_t v;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return 0;
	p = strrchr(buf, ')');
	if (!p)
		return 0;
	p = strtok_r(p + 1, " ", &save);
	if (p && (*p == 'Z' || *p == 'X'))
		return 0;
	for (int field = 3; p && field < 22; field++)
		p = strtok_r(NULL, " ", &save);
	return p && num_parse_u64(p, &v) == 0 ? v : 0;
}

int ct_state_load(uint32_t id, struct ct_state *ret)
{
	_cleanup_free_ char *path = ct_run_path(id, "state");
	struct ct_state st = { 0 };
	int running = 0;
	char buf[256];

	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return -ENOENT;
	if (sscanf(buf, "init=%d %" SCNu64 "\nmon=%d %" SCNu64 "\nrunning=%d", &st.init,
		   &st.init_start, &st.mon, &st.mon_start, &running) != 5)
		return -ENOENT;
	st.running = running;
	*ret = st;
	return 0;
}

int ct_state_save(uint32_t id, const struct ct_state *st, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(id, "state");
	char buf[256];
	int n, r;

	n = snprintf(buf, sizeof(buf), "init=%d %" PRIu64 "\nmon=%d %" PRIu64 "\nrunning=%d\n",
		     st->init, st->init_start, st->mon, st->mon_start, st->running);
	/* /run is gone after a power cut, and so are the processes. */
	r = io_write_atomic_at(AT_FDCWD, path, buf, n, 0600, IO_ATOMIC_NOSYNC);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write '%s'", path);
	return 0;
}

/* One byte in place: on the way of every start, and as atomic as a rename. */
int ct_state_running(uint32_t id, struct vz_err *e)
{
	_cleanup_free_ char *path = ct_run_path(id, "state");
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	char buf[256], *at;
	ssize_t n;

	n = fd < 0 ? -1 : pread(fd, buf, sizeof(buf) - 1, 0);
	buf[n > 0 ? n : 0] = '\0';
	at = strstr(buf, "running=0");
	if (!at || pwrite(fd, "1", 1, at - buf + 8) != 1)
		return vz_fail(e, VZ_SYSTEM_ERROR, 0, "State of the container is gone");
	return 0;
}

pid_t ct_mon_pid(uint32_t id)
{
	struct ct_state st;

	return ct_state_load(id, &st) == 0 && st.mon_start &&
	       ct_pid_start(st.mon) == st.mon_start ? st.mon : -ENOENT;
}

void ct_state_remove(uint32_t id)
{
	static const char *const names[] = { "state", "console.sock", "hits", "addrs", CT_SEED_LINK,
					     "qmp.sock", "ga.sock", "vm.sock", "hold.lock",
					     "commit", "" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *p = ct_run_path(id, names[i]);

		if (*names[i])
			unlink(p);
		else
			rmdir(p);
	}
	ct_seed_retire(id);
}

static const char *vzreboot_dir(void)
{
	return vz_path_or(VZREBOOT_DIR, "VZ_REBOOTDIR");
}

bool ct_reboot_mark(uint32_t id, bool set)
{
	const char *dir = vzreboot_dir();
	_cleanup_free_ char *path = xasprintf("%s/%u", dir, id);
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	if (!set)
		return unlink(path) == 0;
	fd = open(path, flags, 0600);
	if (fd < 0 && errno == ENOENT && io_mkdir_p(dir, 0755) == 0)
		fd = open(path, flags, 0600);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool ct_is_mounted(const char *root)
{
	struct statx sx;

	return root && statx(AT_FDCWD, root, AT_NO_AUTOMOUNT | AT_SYMLINK_NOFOLLOW, STATX_TYPE,
			     &sx) == 0 &&
	       (sx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool ct_is_running(const char *slice, uint32_t id)
{
	return cg_populated(slice, id);
}

void ct_status(const struct ct *ct, struct ct_status *ret)
{
	_cleanup_free_ char *dump = NULL;
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	ret->exist = ct->has_conf && ct->private && stat(ct->private, &st) == 0;
	ret->mounted = ct_is_mounted(ct->root);
	ret->running = ct_is_running(ct->slice, ct->id);
	/* Nothing of a virtual machine is mounted on the node: clients want both words. */
	if (ret->running && ct_is_vm(ct->conf))
		ret->mounted = true;
	dump = xasprintf("%s/Dump.%u", conf_str(ct->node, P_DUMPDIR), ct->id);
	ret->suspended = !ret->running && stat(dump, &st) == 0;
}

/*
 * What follows a container's end (`vzctl _exited`) is no command of anybody's:
 * a start right after a stop must not fail because of it.  Nor does a holder
 * that has not written its name yet count, for that is a matter of moments.
 */
static bool holder_passes(const char *path)
{
	char text[64], what[24] = "";
	int pid = 0;

	if (io_read_small_at(AT_FDCWD, path, text, sizeof(text)) <= 0 ||
	    sscanf(text, "%d %23s", &pid, what) != 2)
		return true;
	return str_eq(what, "_exited") || (kill(pid, 0) < 0 && errno == ESRCH);
}

#define PASSING_MS 10000
#define PASSING_NAP_MS 5

static int ct_lock(struct ct *ct, const char *what, struct vz_err *e)
{
	const char *dir = conf_str(ct->node, P_LOCKDIR);
	const struct timespec nap = { .tv_nsec = PASSING_NAP_MS * 1000000L };
	_cleanup_free_ char *path = NULL;
	char who[64] = "", holder[32] = "";
	int fd;

	if (!dir)
		return vz_fail(e, VZ_VE_LCKDIR_NOTSET, 0, "LOCKDIR is not set in vz.conf");
	path = xasprintf("%s/%u.lck", dir, ct->id);
	fd = io_lock(path, ct->lock_wait_ms, what);
	if (fd == -ENOENT && io_mkdir_p(dir, 0755) == 0)
		fd = io_lock(path, ct->lock_wait_ms, what);
	for (int ms = 0; fd == -EWOULDBLOCK && ms < PASSING_MS && holder_passes(path);
	     ms += PASSING_NAP_MS) {
		nanosleep(&nap, NULL);
		fd = io_lock(path, 0, what);
	}
	if (fd == -EWOULDBLOCK) {
		if (io_read_small_at(AT_FDCWD, path, who, sizeof(who)) > 0)
			snprintf(holder, sizeof(holder), " (pid %.*s)", (int)strcspn(who, "\n"),
				 who);
		return vz_fail(e, VZ_LOCKED, 0, "Container already locked%s", holder);
	}
	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -fd, "Unable to lock '%s'", path);
	ct->lock = fd;
	return 0;
}

int ct_reload(struct ct *ct, struct vz_err *e)
{
	struct conf *c = NULL;
	int r;

	ct->has_conf = conf_ct_exists(ct->id);
	if (ct->has_conf) {
		r = conf_load_ct(ct->id, ct->node, &c, e);
		if (r < 0)
			return r;
	} else {
		conf_defaults_ct(ct->id, ct->node, &c);
	}
	conf_free(ct->conf);
	ct->conf = c;
	ct->root = conf_str(c, P_VE_ROOT);
	ct->private = conf_str(c, P_VE_PRIVATE);
	ct->slice = conf_str(ct->node, P_CGROUP_SLICE);
	return 0;
}

int ct_open_id(struct ct *ct, uint32_t id, unsigned int flags, const char *what, struct vz_err *e)
{
	int r;

	ct->id = id;
	snprintf(ct->idstr, sizeof(ct->idstr), "%u", id);
	if (!ct->node) {
		r = conf_load_node(&ct->node, e);
		if (r < 0)
			return r;
	}
	if (flags & CT_LOCK) {
		r = ct_lock(ct, what, e);
		if (r < 0)
			return r;
	}
	r = ct_reload(ct, e);
	if (r < 0)
		return r;
	if (!ct->has_conf && !(flags & CT_NO_CONF))
		return vz_fail(e, VZ_NOVECONFIG, 0, "Container config file does not exist");
	return 0;
}

int ct_open(struct ct *ct, const char *arg, unsigned int flags, const char *what, struct vz_err *e)
{
	uint32_t id;
	int r = conf_name_resolve(arg, flags & CT_ALLOW_0, &id, e);

	if (r < 0)
		return r;
	return ct_open_id(ct, id, flags, what, e);
}

void ct_done(struct ct *ct)
{
	conf_free(ct->conf);
	conf_free(ct->node);
	close_fd(&ct->lock);
	*ct = CT_INIT;
}

pid_t ct_init_pid(const struct ct *ct, int *ret_pidfd, struct vz_err *e)
{
	struct ct_state st;
	int fd;

	if (ct_state_load(ct->id, &st) < 0 || !st.running)
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	fd = (int)syscall(SYS_pidfd_open, st.init, 0);
	/* The descriptor is taken first: a pid that still has this age is ours. */
	if (fd < 0 || ct_pid_start(st.init) != st.init_start) {
		if (fd >= 0)
			close(fd);
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	}
	*ret_pidfd = fd;
	return st.init;
}
