// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lib/store.h"

STORE_TEST(create_mount_destroy)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;
	struct stat st;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(lstat(P, &st), 0);
	is_int(st.st_mode & 07777, 0700);
	is_int(lstat(P "/upper", &st), 0);
	is_int(st.st_mode & 07777, 0755);
	mount_at(&s, T "/mnt");
	is_str(slurp(T "/mnt/etc/motd"), "hello\n");
	/* On disk 0, inside the mapped range. */
	is_int(lstat(T "/mnt/etc/motd", &st), 0);
	is_int(st.st_uid, UID0);
	umount2(T "/mnt", MNT_DETACH);
	ok_r(store_destroy(&s, &e), &e);
	ok(access(P, F_OK) < 0);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(root_of_the_container_may_write)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;
	struct stat st;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	mount_at(&s, T "/mnt");
	is_int(as_container(T "/mnt", "echo new > etc/motd && mv dir moved && rm etc/gone && "
			    "chown 1000:1000 etc/motd"), 0);
	is_int(lstat(P "/upper/etc/motd", &st), 0);
	is_int(st.st_uid, 1000);
	/* redirect_dir: a directory of the template renamed without a copy. */
	is_int(lstat(P "/upper/moved/file", &st), -1);
	is_str(slurp(T "/mnt/moved/file"), "in dir\n");
	is_str(slurp(T "/tree/etc/motd"), "hello\n");
}

STORE_TEST(layers_attached_for_older_kernels)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;
	int userns = container_userns(), lower, private, mnt;
	struct stat st;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	lower = store_clone_mount(AT_FDCWD, T "/tree", userns, &e);
	private = store_clone_mount(AT_FDCWD, P, userns, &e);
	mnt = overlay_mount_attached(lower, private, P, &e);
	ok_r(mnt, &e);
	close(lower);
	close(private);
	is_int(sys_move_mount(mnt, "", AT_FDCWD, T "/mnt", MOVE_MOUNT_F_EMPTY_PATH), 0);
	is_int(lstat(T "/mnt/etc/motd", &st), 0);
	is_int(st.st_uid, UID0);
	is_int(as_container(T "/mnt", "echo new > etc/motd"), 0);
	is_str(slurp(P "/upper/etc/motd"), "new\n");
	/* Nothing of the helper's namespace is left in ours. */
	is_int(lstat(P "/lower", &st), 0);
}

STORE_TEST(template_gone)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(rename(T "/tree", T "/other"), 0);
	is_int(store_mount(&s, -1, &e), -ENOENT);
	is_int(e.code, VZ_OSTEMPLATE_NOT_FOUND);
	ok(strstr(e.msg, T "/tree") != NULL);
}

STORE_TEST(area_exists)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	is_int(mkdir(P, 0755), 0);
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(store_create(&s, T "/tree", &e), -EEXIST);
	is_int(e.code, VZ_FS_PRVT_AREA_EXIST);
}

STORE_TEST(upper_swapped_for_a_link)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(rmdir(P "/upper"), 0);
	is_int(symlink("/etc", P "/upper"), 0);
	ok(store_mount(&s, -1, &e) < 0);
	is_int(e.code, VZ_FS_CANTMOUNT);
}

STORE_TEST(no_propagation_to_the_host)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	is_int(mount(NULL, T, NULL, MS_SHARED, NULL), 0);
	ok_r(store_create(&s, T "/tree", &e), &e);
	mount_at(&s, T "/mnt");
	is_int(mount("x", T "/mnt/dir", "tmpfs", 0, NULL), 0);
	is_int(entries(T "/tree/dir"), 1);
	is_int(entries(P "/upper"), 0);
}

STORE_MAIN()
