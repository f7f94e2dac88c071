// SPDX-License-Identifier: GPL-2.0-or-later
#define STORE_MKFS "mkfs.btrfs -q"
#define STORE_OPTS "noatime"
#include "tests/lib/store.h"

STORE_TEST(create_mount_destroy)
{
	struct store_ref s = area("btrfs");
	struct vz_err e = VZ_ERR_INIT;
	const char *driver = NULL;
	struct stat st;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(stat(P, &st), 0);
	is_int(st.st_ino, 256);
	is_int(st.st_mode & 07777, 0755);
	ok_r(store_detect(P, &driver, &e), &e);
	is_str(driver, "btrfs");
	mount_at(&s, T "/mnt");
	is_str(slurp(T "/mnt/etc/motd"), "hello\n");
	is_int(as_container(T "/mnt", "echo new > etc/motd"), 0);
	is_str(slurp(T "/tree/etc/motd"), "hello\n");
	umount2(T "/mnt", MNT_DETACH);
	ok_r(store_destroy(&s, &e), &e);
	ok(access(P, F_OK) < 0);
	/* The cached template stays for the next one... */
	is_int(entries(T "/private"), 1);
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_str(slurp(P "/etc/motd"), "hello\n");
	ok_r(store_destroy(&s, &e), &e);
	/* ...and goes once its template is gone and another comes. */
	must(rename(T "/tree", T "/tree2") == 0);
	ok_r(store_create(&s, T "/tree2", &e), &e);
	is_int(entries(T "/private"), 2);
	ok(access(T "/private/.vz-tree-tree2", F_OK) == 0);
}

STORE_TEST(tree_that_is_a_subvolume)
{
	struct store_ref s = area("btrfs");
	struct vz_err e = VZ_ERR_INIT;

	must(shell("btrfs -q subvolume create " T "/tree") == 0);
	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(entries(T "/private"), 1);
	is_str(slurp(P "/dir/file"), "in dir\n");
}

STORE_TEST(nested_and_read_only_subvolumes_go_too)
{
	struct store_ref s = area("btrfs");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	must(shell("cd " P "; btrfs -q subvolume create dir/sub; echo x > dir/sub/f; "
		   "btrfs -q subvolume create dir/sub/below; "
		   "btrfs -q subvolume snapshot -r dir/sub dir/ro") == 0);
	ok_r(store_destroy(&s, &e), &e);
	is_int(entries(T "/private"), 1);
}

STORE_TEST(needs_btrfs)
{
	struct store_ref s = area("btrfs");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	must(shell("mount -t tmpfs x " T "/private") == 0);
	ok(store_create(&s, T "/tree", &e) < 0);
	is_int(e.code, VZ_STORAGE_UNSUP);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(quota)
{
	struct store_ref s = area("btrfs");
	struct vz_err e = VZ_ERR_INIT;
	struct store_usage u;

	make_tree(T "/tree");
	ok(!store_quota_supported(&s));
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(store_usage(&s, &u, &e), -EOPNOTSUPP);
	s.disk_kb = 20 * 1024;
	is_int(store_resize(&s, &e), -EOPNOTSUPP);
	ok_r(store_destroy(&s, &e), &e);

	must(shell("btrfs quota enable " T) == 0);
	ok(store_quota_supported(&s));
	ok_r(store_create(&s, T "/tree", &e), &e);
	ok_r(store_usage(&s, &u, &e), &e);
	is_int(u.hard_kb, 20 * 1024);
	mount_at(&s, T "/mnt");
	ok(as_container(T "/mnt", "head -c 40M /dev/urandom > big 2>/dev/null && sync big") != 0);
	must(unlink(P "/big") == 0);
	must(shell("btrfs -q filesystem sync " T) == 0);
	s.disk_kb = 60 * 1024;
	ok_r(store_resize(&s, &e), &e);
	is_int(as_container(T "/mnt", "head -c 40M /dev/urandom > big && sync big"), 0);
	must(shell("btrfs -q filesystem sync " T) == 0);
	ok_r(store_usage(&s, &u, &e), &e);
	ok(u.used_kb > 40 * 1024 && u.used_kb < 60 * 1024);
	s.disk_kb = 0;
	ok_r(store_resize(&s, &e), &e);
	ok_r(store_usage(&s, &u, &e), &e);
	ok(!u.have_limit || u.hard_kb > 1ull << 40);
}

STORE_MAIN()
