// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "sys/rmtree.h"
#include "tests/lib/store.h"

static int rm(const char *name, struct vz_err *e)
{
	int fd = open(T, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = sys_rmtree_at(fd, name, e);

	close(fd);
	return r;
}

STORE_TEST(follows_nothing)
{
	struct vz_err e = VZ_ERR_INIT;

	must(shell("cd " T "; mkdir keep x x/d; echo k > keep/k; ln -s ../keep x/link; "
		   "ln -s " T "/keep x/d/abs; ln keep/k x/hard; mkfifo x/fifo; mknod x/null c 1 3; "
		   "ln -s x top") == 0);
	ok_r(rm("top", &e), &e);
	ok(access(T "/x/d", F_OK) == 0);
	ok_r(rm("x", &e), &e);
	ok(access(T "/x", F_OK) < 0);
	is_str(slurp(T "/keep/k"), "k\n");
	ok_r(rm("x", &e), &e);
}

STORE_TEST(stops_at_mounts)
{
	struct vz_err e = VZ_ERR_INIT;

	/* A bind of the same file system has the same st_dev. */
	must(shell("cd " T "; mkdir keep x x/d x/d/m; echo k > keep/k; "
		   "mount --bind keep x/d/m") == 0);
	ok(rm("x", &e) < 0);
	is_int(e.code, VZ_FS_DEL_PRVT);
	is_int(e.sys, EBUSY);
	is_str(slurp(T "/keep/k"), "k\n");
	must(umount2(T "/x/d/m", 0) == 0);
	must(shell("cd " T "; : > x/f; mount --bind keep/k x/f") == 0);
	ok(rm("x", &e) < 0);
	is_str(slurp(T "/keep/k"), "k\n");
	must(umount2(T "/x/f", 0) == 0);
	ok_r(rm("x", &e), &e);
}

STORE_TEST(destroy_refuses_mounts_before_touching)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(P);
	must(shell("cd " T "; mkdir keep; echo k > keep/k; mount --bind keep " P "/dir") == 0);
	is_int(store_destroy(&s, &e), -EBUSY);
	is_int(e.code, VZ_FS_DEL_PRVT);
	is_str(slurp(P "/etc/motd"), "hello\n");
	is_str(slurp(T "/keep/k"), "k\n");
}

STORE_TEST(symlinked_private)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/elsewhere");
	must(symlink(T "/elsewhere", P) == 0);
	ok_r(store_destroy(&s, &e), &e);
	ok(faccessat(AT_FDCWD, P, F_OK, AT_SYMLINK_NOFOLLOW) < 0);
	is_str(slurp(T "/elsewhere/etc/motd"), "hello\n");
}

STORE_TEST(hundred_thousand_levels)
{
	struct vz_err e = VZ_ERR_INIT;
	struct store_ref s = area("dir");

	must(mount("x", T "/private", "tmpfs", 0, NULL) == 0);
	must(mkdir(P, 0755) == 0);
	make_deep(P, 100000);
	ok_r(store_destroy(&s, &e), &e);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(immutable)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(P);
	must(shell("cd " P "; chattr +i etc/motd dir/file; chattr +a dir; chattr +i etc; "
		   "chattr +i .") == 0);
	ok_r(store_destroy(&s, &e), &e);
	is_int(entries(T "/private"), 0);
}

/* Somebody swaps directories for links to what must survive, all the time. */
STORE_TEST(names_change_meanwhile)
{
	struct vz_err e = VZ_ERR_INIT;
	pid_t pid;
	int st;

	must(shell("mount -t tmpfs x " T "/mnt; cd " T "/mnt; mkdir keep; echo k > keep/k; "
		   "mkdir -p keep/d") == 0);
	pid = fork();
	if (pid == 0) {
		must(chdir(T "/mnt") == 0);
		for (;;) {
			mkdir("x", 0755);
			mkdir("x/a", 0755);
			mknod("x/a/f", S_IFREG | 0644, 0);
			rename("x/a", "x/b");
			if (symlink("../keep", "x/a"))
				continue;
			unlink("x/a");
			renameat2(AT_FDCWD, "x/b", AT_FDCWD, "y", RENAME_NOREPLACE);
			if (symlink("keep", "x/b"))
				continue;
			rename("y", "x/c");
		}
	}
	for (int i = 0; i < 3000; i++) {
		int fd = open(T "/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		sys_rmtree_at(fd, "x", &e);
		close(fd);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	is_int(WTERMSIG(st), SIGKILL);
	is_str(slurp(T "/mnt/keep/k"), "k\n");
	ok(access(T "/mnt/keep/d", F_OK) == 0);
}

STORE_TEST(many_files)
{
	struct vz_err e = VZ_ERR_INIT;
	char name[32];
	int fd;

	must(mount("x", T "/private", "tmpfs", 0, "nr_inodes=0") == 0);
	must(mkdir(P, 0755) == 0);
	fd = open(P, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		must((i % 2 ? mkdirat(fd, name, 0755) : mknodat(fd, name, S_IFREG, 0)) == 0);
	}
	close(fd);
	fd = open(T "/private", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok_r(sys_rmtree_at(fd, "101", &e), &e);
	is_int(entries(T "/private"), 0);
}

STORE_MAIN()
