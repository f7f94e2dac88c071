// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ns"
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "ns/ns-int.h"
#include "sys/syscalls.h"

#define INIT_NS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

/*
 * Children of this process get clocks that start now.  The offsets can only be
 * written while the namespace is empty (time_namespaces(7)).  A kernel without
 * time namespaces shows the host's uptime: not worth a failed start.
 */
static int unshare_time(void)
{
	struct timespec mono, boot;
	char line[128];
	int old = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);

	if (old < 0 || unshare(CLONE_NEWTIME) < 0)
		return old;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	snprintf(line, sizeof(line), "monotonic -%lld 0\nboottime -%lld 0\n",
		 (long long)mono.tv_sec, (long long)boot.tv_sec);
	(void)io_write_small_at(AT_FDCWD, "/proc/self/timens_offsets", line);
	return old;
}

static int write_map(pid_t pid, const char *file, uint32_t first, uint32_t count)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	snprintf(line, sizeof(line), "0 %u %u\n", first, count);
	return io_write_small_at(AT_FDCWD, path, line);
}

int ns_write_maps(pid_t pid, const struct ns_idmap *map, struct vz_err *e)
{
	int r = write_map(pid, "uid_map", map->uid, map->count);

	if (r == 0)
		r = write_map(pid, "gid_map", map->gid, map->count);
	if (r < 0)
		return vz_fail(e, VZ_IDMAP, -r, "Unable to map ids %u..%u into the container",
			       map->uid, map->uid + map->count - 1);
	return 0;
}

/*
 * ucounts (pending signals, locked memory, message queues) are charged to the
 * owner of the user namespace in its parent: with root as the owner of all,
 * one container's use would count against the others.  The capabilities stay:
 * CLONE_INTO_CGROUP asks for write access to the common ancestor.
 */
static int become_owner(const struct ns_idmap *map)
{
	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_setresuid, -1, map->uid, -1) < 0 ? -errno : 0;
}

static void become_root_again(void)
{
	if (syscall(SYS_setresuid, -1, 0, -1) < 0 || prctl(PR_SET_SECUREBITS, 0, 0, 0, 0) < 0)
		_exit(VZ_SYSTEM_ERROR);
}

/*
 * The limits that hold when a user namespace is created bind all of its users
 * together (ucounts).  Raising a hard limit needs CAP_SYS_RESOURCE: without it
 * the inherited one stays.
 */
static void set_ceiling(int what, uint64_t v)
{
	struct rlimit rl = { v, v };

	if (v)
		(void)setrlimit(what, &rl);
}

/* A namespace that is gone or cannot be entered is no reason to fail: only slower. */
static bool enter_seed(int seed, struct ns_place *here)
{
	if (seed < 0 || ns_place_save(here) < 0)
		return false;
	if (setns(seed, CLONE_NEWNS) == 0)
		return true;
	ns_place_done(here);
	return false;
}

static void leave_seed(struct ns_place *here)
{
	if (ns_place_restore(here) < 0)
		_exit(VZ_SYSTEM_ERROR);
	ns_place_done(here);
}

pid_t ns_clone_init(const struct ns_init *in, const struct ns_idmap *map, int cgroup,
		    struct vz_err *e)
{
	struct clone_args args = {
		.flags = INIT_NS | (map->count ? CLONE_NEWUSER : 0) | CLONE_INTO_CGROUP |
			 CLONE_CLEAR_SIGHAND,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup,
	};
	_cleanup_close_ int host_time = unshare_time();
	struct ns_place here;
	bool seeded;
	pid_t pid;
	int r;

	set_ceiling(RLIMIT_MEMLOCK, in->memlock_bytes);
	set_ceiling(RLIMIT_SIGPENDING, in->sigpending);
	if (map->count) {
		r = become_owner(map);
		if (r < 0)
			return vz_fail(e, VZ_IDMAP, -r, "Unable to take host id %u", map->uid);
	}
	seeded = enter_seed(in->seed, &here);
	pid = sys_clone3(&args);
	if (pid == 0)
		ns_init_main(in, map);
	r = errno;
	if (seeded)
		leave_seed(&here);
	if (map->count)
		become_root_again();
	/* An exec would take this process there too (time_namespaces(7)). */
	if (host_time >= 0 && setns(host_time, CLONE_NEWTIME) < 0)
		_exit(VZ_SYSTEM_ERROR);
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, r, "Unable to create namespaces");
	if (map->count) {
		r = ns_write_maps(pid, map, e);
		if (r < 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return r;
		}
	}
	return pid;
}

int ns_init_go(int sock, int tree, int dev, struct vz_err *e)
{
	int r = ns_send_fd(sock, tree, "r", 1);

	if (r == 0)
		r = ns_send_fd(sock, dev, "d", 1);
	if (r < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, -r, "Container's init is gone");
	return 0;
}

int ns_init_result(int sock, struct vz_err *e)
{
	struct vz_err rec;
	ssize_t n;

	do {
		n = recv(sock, &rec, sizeof(rec), 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	if (n != sizeof(rec))
		return vz_fail(e, VZ_ENVCREATE_ERROR, n < 0 ? errno : 0,
			       "Lost contact to the container's init");
	/* Written by our own code, but it has been inside: keep it terminated. */
	rec.msg[sizeof(rec.msg) - 1] = '\0';
	rec.room[sizeof(rec.room) - 1] = '\0';
	*e = rec;
	return rec.sys > 0 ? -rec.sys : -EPROTO;
}

int ns_open(pid_t pid, const char *ns, struct vz_err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to open the %s namespace", ns);
	return fd;
}

/* The helper lives until its parent has the descriptor: killed and reaped. */
int ns_userns_open(const struct ns_idmap *map, struct vz_err *e)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);
	int fd;

	if (pid == 0) {
		for (;;)
			pause();
	}
	if (pid < 0)
		return vz_fail(e, VZ_IDMAP, errno, "Unable to create a user namespace");
	fd = ns_write_maps(pid, map, e);
	if (fd == 0)
		fd = ns_open(pid, "user", e);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/*
 * Which user may write it has changed with time: the node's root, then (since 6.x)
 * the root of the namespace.
 */
static int write_shmall(int ipc, uid_t uid, const char *text)
{
	int r;

	if (setns(ipc, CLONE_NEWIPC) < 0)
		return errno;
	r = -io_write_small_at(AT_FDCWD, "/proc/sys/kernel/shmall", text);
	if ((r != EACCES && r != EPERM) || syscall(SYS_setresuid, -1, uid, -1) < 0)
		return r;
	return -io_write_small_at(AT_FDCWD, "/proc/sys/kernel/shmall", text);
}

int ns_set_shmall(pid_t init, uid_t uid, uint64_t pages, struct vz_err *e)
{
	_cleanup_close_ int ipc = ns_open(init, "ipc", e);
	char text[32];
	int status;
	pid_t pid;

	if (ipc < 0)
		return ipc;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)pages);
	pid = fork();
	if (pid == 0)
		_exit(write_shmall(ipc, uid, text));
	if (pid < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return vz_fail(e, VZ_SETUBC_ERROR, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
		       "Unable to set the limit of shared memory");
}

int ns_set_hostname(int pidfd, const char *name, struct vz_err *e)
{
	int status, r = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (setns(pidfd, CLONE_NEWUTS) < 0 || sethostname(name, strlen(name)) < 0)
			_exit(errno);
		_exit(0);
	}
	if (pid < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to fork");
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		r = vz_fail(e, VZ_BADHOSTNAME, WIFEXITED(status) ? WEXITSTATUS(status) : 0,
			    "Unable to set hostname '%s'", name);
	return r;
}
