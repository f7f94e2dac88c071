/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the store share.  Each case runs on an ext4 of its own (on
 * a loop device, in a private mount namespace), so that nothing of the host is
 * in reach and nothing is left behind.  Without root they are skipped.
 */
#ifndef VZ_TESTS_STORE_H
#define VZ_TESTS_STORE_H

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/spawn.h"
#include "store/priv.h"
#include "store/store.h"
#include "sys/syscalls.h"
#include "tests/lib/tap.h"

/*
 * Below a tmpfs over /mnt in the case's own namespace.  Nothing is to be removed
 * afterwards: rmdir(2) of a place detaches what others have mounted there.
 */
#define BASE "/mnt"
#define T BASE "/vz"
#define P T "/private/101"
#define UID0 0x70000000u

#define ok_r(r, e)                                                                 \
	do {                                                                       \
		int r_ = (r);                                                      \
		if (r_ < 0) {                                                      \
			printf("# %s:%d: %s: %d code %d: %s\n", __FILE__, __LINE__, \
			       #r, r_, (e)->code, (e)->msg);                       \
			tap_bad++;                                                 \
		}                                                                  \
	} while (0)

#define must(c)                                                                    \
	do {                                                                       \
		if (!(c)) {                                                        \
			printf("# %s:%d: %s: %m\n", __FILE__, __LINE__, #c);       \
			fflush(stdout);                                            \
			_exit(1);                                                  \
		}                                                                  \
	} while (0)

__attribute__((unused)) static int shell(const char *script)
{
	const char *argv[] = { "sh", "-euc", script, NULL };
	struct spawn sp = SPAWN_INIT;

	sp.path = "/bin/sh";
	sp.argv = argv;
	return spawn_run(&sp);
}

__attribute__((unused)) static struct store_ref area(const char *layout)
{
	return (struct store_ref){ .ctid = 101, .layout = layout, .private = P };
}

__attribute__((unused)) static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	must(f);
	fputs(text, f);
	must(fclose(f) == 0);
}

/* A static buffer: for is_str(). */
__attribute__((unused)) static const char *slurp(const char *path)
{
	static char buf[256];
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		return NULL;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

__attribute__((unused)) static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = -2;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

__attribute__((unused)) static void make_tree(const char *path)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "mkdir -p %s && cd %s && mkdir etc dir && chmod 755 . && "
		 "echo hello > etc/motd && echo x > etc/gone && echo 'in dir' > dir/file",
		 path, path);
	must(shell(cmd) == 0);
}

/* A user namespace with 65536 ids from UID0: an fd. */
__attribute__((unused)) static int container_userns(void)
{
	char path[64], map[64];
	int p[2], fd;
	pid_t pid;
	char c;

	must(pipe(p) == 0);
	pid = fork();
	if (pid == 0) {
		must(unshare(CLONE_NEWUSER) == 0);
		must(write(p[1], "x", 1) == 1);
		pause();
	}
	must(read(p[0], &c, 1) == 1);
	snprintf(map, sizeof(map), "0 %u 65536", UID0);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	put(path, map);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	put(path, map);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(p[0]);
	close(p[1]);
	return fd;
}

/* Mounts the area at @where (made when missing), ids mapped. */
__attribute__((unused)) static void mount_at(const struct store_ref *s, const char *where)
{
	struct vz_err e = VZ_ERR_INIT;
	int userns = container_userns(), fd;

	mkdir(where, 0755);
	fd = store_mount(s, userns, &e);
	if (fd < 0)
		printf("# mount: code %d: %s\n", e.code, e.msg);
	must(fd >= 0);
	must(sys_move_mount(fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH) == 0);
	close(fd);
	close(userns);
}

/* Runs @script in @dir as root of the container's user namespace: wait status. */
__attribute__((unused)) static int as_container(const char *dir, const char *script)
{
	int userns = container_userns(), st;
	pid_t pid = fork();

	if (pid == 0) {
		must(setns(userns, CLONE_NEWUSER) == 0);
		must(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
		must(chdir(dir) == 0);
		execl("/bin/sh", "sh", "-euc", script, NULL);
		_exit(127);
	}
	waitpid(pid, &st, 0);
	close(userns);
	return st;
}

/* @n directories named d, each in the one before, with a file at the bottom. */
__attribute__((unused)) static void make_deep(const char *path, int n)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(fd >= 0);
	for (int i = 0; i < n; i++) {
		int sub;

		must(mkdirat(fd, "d", 0755) == 0);
		sub = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(sub >= 0);
		close(fd);
		fd = sub;
	}
	must(mknodat(fd, "file", S_IFREG | 0644, 0) == 0);
	close(fd);
}

__attribute__((unused)) static int depth_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0, sub;

	while ((sub = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		close(fd);
		fd = sub;
		n++;
	}
	close(fd);
	return n;
}

/*
 * @mkfs: arguments for a file system on a 512 MiB file; @opts for mount(8).
 * False when this kernel refuses it.
 */
__attribute__((unused)) static bool try_fresh_fs(const char *mkfs, const char *opts)
{
	char cmd[1024];

	must(unshare(CLONE_NEWNS) == 0);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	must(mount("vz-store-test", BASE, "tmpfs", 0, "size=2g,mode=755") == 0);
	must(mkdir(T, 0755) == 0);
	snprintf(cmd, sizeof(cmd), "truncate -s 512M " BASE "/img && "
		 "%s " BASE "/img >/dev/null 2>&1 && "
		 "mount -o loop,%s " BASE "/img " T " 2>" BASE "/err && "
		 "mkdir -p " T "/private " T "/mnt", mkfs, opts);
	return shell(cmd) == 0;
}

__attribute__((unused)) static void fresh_fs(const char *mkfs, const char *opts)
{
	if (!try_fresh_fs(mkfs, opts)) {
		shell("cat " BASE "/err >&2");
		must(!"a file system to test on");
	}
}

#ifndef STORE_MKFS
#define STORE_MKFS "mke2fs -q -F -t ext4 -E lazy_itable_init=1"
#define STORE_OPTS "noatime"
#endif

/* TEST() on a fresh file system. */
#define STORE_TEST(n)                                                              \
	static void store_##n(void);                                               \
	TEST(n)                                                                    \
	{                                                                          \
		fresh_fs(STORE_MKFS, STORE_OPTS);                                  \
		store_##n();                                                       \
	}                                                                          \
	static void store_##n(void)

#define STORE_MAIN()                                                               \
	int main(void)                                                             \
	{                                                                          \
		if (geteuid() != 0) {                                              \
			puts("1..0 # SKIP needs root");                            \
			return 0;                                                  \
		}                                                                  \
		return tap_run();                                                  \
	}

#endif
