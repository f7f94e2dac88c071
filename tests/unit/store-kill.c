// SPDX-License-Identifier: GPL-2.0-or-later
/* Create and destroy, killed at random instants, and run again. */
#include <signal.h>
#include <time.h>

#include "tests/lib/store.h"

#define ROUNDS 40

/* Microseconds that one full run takes: what the kills are spread over. */
static long run_for(const struct store_ref *s, bool create, long kill_after)
{
	struct timespec a, b;
	struct vz_err e = VZ_ERR_INIT;
	pid_t pid;
	int st;

	clock_gettime(CLOCK_MONOTONIC, &a);
	pid = fork();
	if (pid == 0)
		_exit((create ? store_create(s, T "/tree", &e) : store_destroy(s, &e)) < 0);
	if (kill_after >= 0) {
		usleep(kill_after);
		kill(pid, SIGKILL);
	}
	waitpid(pid, &st, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	if (kill_after < 0)
		is_int(st, 0);
	return (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
}

static int cached(void)
{
	return access(T "/private/.vz-tree-tree", F_OK) == 0;
}

static void killed(struct store_ref s)
{
	struct vz_err e = VZ_ERR_INIT;
	long create, destroy;
	int whole = 0, partial = 0;

	make_tree(T "/tree");
	must(shell("cd " T "/tree && for i in $(seq 300); do echo $i > dir/$i; done && "
		   "head -c 2M /dev/urandom > big") == 0);
	create = run_for(&s, true, -1);
	destroy = run_for(&s, false, -1);
	for (int i = 0; i < ROUNDS; i++) {
		run_for(&s, true, create * i / ROUNDS);
		/* Whole or not there, never half. */
		if (access(P, F_OK) == 0) {
			struct store_ref found = { .ctid = 101, .private = P };
			int fd = store_mount(&found, -1, &e);

			ok_r(fd, &e);
			is_int(faccessat(fd, "dir/300", F_OK, 0), 0);
			is_int(faccessat(fd, "big", F_OK, 0), 0);
			close(fd);
			ok_r(store_umount_done(&found, &e), &e);
			whole++;
		} else {
			partial++;
			ok_r(store_create(&s, T "/tree", &e), &e);
		}
		is_int(entries(T "/private"), 1 + cached());
		run_for(&s, false, destroy * i / ROUNDS);
		ok_r(store_destroy(&s, &e), &e);
		is_int(entries(T "/private"), cached());
	}
	printf("# create %ld us, destroy %ld us, killed in %d of %d creates\n", create, destroy,
	       partial, ROUNDS);
	ok(partial > 0);
}

STORE_TEST(killed_overlay)
{
	killed(area("overlay"));
}

STORE_TEST(killed_dir)
{
	killed(area("dir"));
}

STORE_TEST(killed_image)
{
	struct store_ref s = area("image");

	s.disk_kb = 32 * 1024;
	killed(s);
}

TEST(killed_btrfs)
{
	fresh_fs("mkfs.btrfs -q", "noatime");
	killed(area("btrfs"));
}

STORE_MAIN()
