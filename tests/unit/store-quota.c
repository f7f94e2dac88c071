// SPDX-License-Identifier: GPL-2.0-or-later
/* Project quota, on ext4 and xfs; a kernel built without it skips. */
#include "tests/lib/store.h"

static bool fresh_quota_fs(const char *fs)
{
	if (str_eq(fs, "xfs"))
		return try_fresh_fs("mkfs.xfs -q", "prjquota");
	return try_fresh_fs("mke2fs -q -F -t ext4 -O quota,project", "prjquota");
}

#define QUOTA_TEST(n)                                                              \
	static void quota_##n(void);                                               \
	static void quota_run_##n(const char *fs)                                  \
	{                                                                          \
		if (fresh_quota_fs(fs))                                            \
			quota_##n();                                               \
		else                                                               \
			printf("# no project quota on %s in this kernel\n", fs);   \
	}                                                                          \
	TEST(ext4_##n) { quota_run_##n("ext4"); }                                  \
	TEST(xfs_##n) { quota_run_##n("xfs"); }                                    \
	static void quota_##n(void)

static void enforced(const char *layout)
{
	struct store_ref s = area(layout);
	struct vz_err e = VZ_ERR_INIT;
	struct store_usage u;

	make_tree(T "/tree");
	must(shell("head -c 5M /dev/zero > " T "/tree/dir/five") == 0);
	ok(store_quota_supported(&s));
	s.disk_kb = 30 * 1024;
	s.inodes = 200;
	ok_r(store_create(&s, T "/tree", &e), &e);
	ok_r(store_usage(&s, &u, &e), &e);
	is_int(u.hard_kb, 30 * 1024);
	is_int(u.hard_inodes, 200);
	ok(u.have_limit && u.used_kb < 8 * 1024);
	ok(u.used_kb >= (str_eq(layout, "dir") ? 5 * 1024 : 0));
	mount_at(&s, T "/mnt");
	ok(as_container(T "/mnt", "head -c 40M /dev/zero > big 2>/dev/null && sync big") != 0);
	is_int(as_container(T "/mnt", "rm big; head -c 10M /dev/zero > big; sync big"), 0);
	ok_r(store_usage(&s, &u, &e), &e);
	ok(u.used_kb >= 10 * 1024);
	/* df inside shows the limit. */
	is_int(as_container(T "/mnt", "set -- $(df -k --output=size . | tail -1); "
			    "[ $1 = 30720 ]"), 0);
	ok(as_container(T "/mnt", "for i in $(seq 300); do : > f$i; done 2>/dev/null") != 0);
	is_int(as_container(T "/mnt", "rm -f f*"), 0);
	/* More, while it is mounted. */
	s.disk_kb = 80 * 1024;
	s.inodes = 0;
	ok_r(store_resize(&s, &e), &e);
	is_int(as_container(T "/mnt", "head -c 40M /dev/zero > big; sync big; "
			    "for i in $(seq 300); do : > f$i; done"), 0);
	s.disk_kb = 0;
	ok_r(store_resize(&s, &e), &e);
	ok_r(store_usage(&s, &u, &e), &e);
	ok(!u.have_limit);
}

QUOTA_TEST(overlay_is_limited)
{
	enforced("overlay");
}

QUOTA_TEST(dir_is_limited)
{
	enforced("dir");
}

QUOTA_TEST(container_cannot_leave_its_project)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	s.disk_kb = 10 * 1024;
	ok_r(store_create(&s, T "/tree", &e), &e);
	mount_at(&s, T "/mnt");
	ok(as_container(T "/mnt", "chattr -p 0 etc 2>/dev/null") != 0);
	is_int(as_container(T "/mnt", "mkdir new; chattr -P new 2>/dev/null || :; "
			    "! head -c 20M /dev/zero > new/big 2>/dev/null"), 0);
}

/* An area of 4.x: nothing was counted by projects before. */
QUOTA_TEST(area_of_4x_is_counted_once_set)
{
	struct store_ref s = area(NULL);
	struct vz_err e = VZ_ERR_INIT;
	struct store_usage u;

	make_tree(P);
	must(shell("head -c 5M /dev/zero > " P "/dir/five; ln -s / " P "/root") == 0);
	make_deep(P "/etc", 2000);
	is_int(store_usage(&s, &u, &e), -EOPNOTSUPP);
	s.disk_kb = 20 * 1024;
	ok_r(store_resize(&s, &e), &e);
	ok_r(store_usage(&s, &u, &e), &e);
	ok(u.used_kb >= 5 * 1024);
	ok(u.used_inodes > 2000);
	is_int(u.hard_kb, 20 * 1024);
}

STORE_MAIN()
