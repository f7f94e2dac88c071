// SPDX-License-Identifier: GPL-2.0-or-later
#include <sys/xattr.h>

#include "tests/lib/store.h"

/* Everything a template may contain, made with the usual tools. */
static const char rich[] =
	"mkdir -p " T "/tree && cd " T "/tree && chmod 755 . && mkdir -p a/b/c sub && "
	"echo one > a/one && ln a/one a/b/two && ln a/one sub/three && "
	"ln -s /etc/passwd sym && ln -s nowhere dangling && "
	"mkfifo -m 640 fifo && mknod null c 1 3 && mknod disk b 7 99 && "
	"cp /bin/true suid && chmod 4755 suid && chown 33:44 a/b && "
	"cp /bin/true caps && setcap cap_net_raw+ep caps && "
	"echo acl > acl && setfacl -m u:1234:r acl && setfacl -d -m u:77:rx sub && "
	"echo plain > sub/no-acl && setfattr -n user.note -v hi acl && "
	"setfattr -n trusted.overlay.opaque -v y a && "
	"truncate -s 10M sparse && echo end >> sparse && "
	"printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc 2>/dev/null && "
	"head -c 3000000 /dev/urandom > big && chmod 1777 a/b/c && "
	"touch -d '2001-02-03 04:05:06.123456789' a/one a/b && touch -h -d 2002-03-04 sym && "
	"mkdir .hidden && : > 'new\nline' && chmod 0 big";

/* Listing by content, mode, owner, time to the nanosecond, links and attributes. */
static const char same[] =
	"list() { cd $1 && find . -mindepth 1 -printf '%P %y %#m %U:%G %s %T+ %n %l\\n' | "
	"sort | sed -E '/ [d] /s/ [0-9]+ ([0-9]{4}-)/ \\1/' && "
	"find . -type f -print0 | sort -z | xargs -0 sha256sum && "
	"getfacl -nR . 2>/dev/null && getfattr -Rhd -m '^(user|security)' . 2>/dev/null; }; "
	"list " T "/tree > " T "/want; (list $COPY) > " T "/got; diff " T "/want " T "/got";

static int differs(const char *copy)
{
	char cmd[2048];

	snprintf(cmd, sizeof(cmd), "COPY=%s; %s", copy, same);
	return shell(cmd);
}

STORE_TEST(copy_is_faithful)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;
	struct stat a, b;

	must(shell(rich) == 0);
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(differs(P), 0);
	is_int(stat(T "/tree", &a), 0);
	is_int(stat(P, &b), 0);
	is_int(b.st_mode, a.st_mode);
	is_int(stat(P "/sparse", &b), 0);
	ok(b.st_blocks * 512 < 1000000);
	is_int(stat(P "/a/one", &a), 0);
	is_int(stat(P "/sub/three", &b), 0);
	is_int(a.st_ino, b.st_ino);
	is_int(a.st_nlink, 3);
	/* Orders to overlay do not travel. */
	is_int(getxattr(P "/a", "trusted.overlay.opaque", NULL, 0), -1);
	is_int(system("test ! -e " T "/private/.101.vz-new"), 0);
}

STORE_TEST(mount_and_write)
{
	struct store_ref s = area(NULL);
	struct vz_err e = VZ_ERR_INIT;
	const char *driver = NULL;
	struct stat st;

	/* As 4.x left it: no mark. */
	make_tree(P);
	ok_r(store_detect(P, &driver, &e), &e);
	is_str(driver, "dir");
	mount_at(&s, T "/mnt");
	is_int(as_container(T "/mnt", "echo new > etc/motd; chown 5:6 etc/motd; "
			    "! mknod n c 1 3 2>/dev/null"), 0);
	is_int(stat(P "/etc/motd", &st), 0);
	is_int(st.st_uid, 5);
	is_int(stat(T "/mnt/etc/motd", &st), 0);
	is_int(st.st_uid, UID0 + 5);
	umount2(T "/mnt", MNT_DETACH);
	ok_r(store_destroy(&s, &e), &e);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(device_nodes_of_the_template_do_not_open)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	must(mknod(T "/tree/zero", S_IFCHR | 0666, 0x105) == 0);
	ok_r(store_create(&s, T "/tree", &e), &e);
	mount_at(&s, T "/mnt");
	is_int(open(T "/mnt/zero", O_RDONLY), -1);
	is_int(errno, EACCES);
}

STORE_TEST(deep_tree_is_copied)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	must(mkdir(T "/tree", 0755) == 0);
	make_deep(T "/tree", 3000);
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(depth_of(P), 3000);
	ok_r(store_destroy(&s, &e), &e);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(full_disk_leaves_nothing)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	must(shell("mount -t tmpfs -o size=20m x " T "/private; "
		   "head -c 30M /dev/zero > " T "/tree/big") == 0);
	is_int(store_create(&s, T "/tree", &e), -ENOSPC);
	is_int(e.code, VZ_FS_NO_DISK_SPACE);
	is_int(entries(T "/private"), 0);
}

STORE_TEST(no_inodes_leave_nothing)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	must(shell("mount -t tmpfs -o nr_inodes=6 x " T "/private") == 0);
	is_int(store_create(&s, T "/tree", &e), -ENOSPC);
	is_int(e.code, VZ_FS_NO_DISK_SPACE);
	is_int(entries(T "/private"), 0);
}

/* Root of a dir container owns the top of its area and may write any name. */
STORE_TEST(container_cannot_pose_as_another_layout)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;
	const char *driver = NULL;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	mount_at(&s, T "/mnt");
	is_int(as_container(T "/mnt", "mkdir upper work; echo /root > lower; chmod 700 .; "
			    ": > root.img; "
			    "! setfattr -n trusted.vz.layout -v overlay . 2>/dev/null"), 0);
	umount2(T "/mnt", MNT_DETACH);
	ok_r(store_detect(P, &driver, &e), &e);
	is_str(driver, "dir");
	/* An area of 4.x has no mark: refuse to guess. */
	is_int(removexattr(P, STORE_MARK), 0);
	ok(store_detect(P, &driver, &e) < 0);
	is_int(e.code, VZ_UNK_MOUNT_TYPE);
	s.layout = NULL;
	ok(store_mount(&s, -1, &e) < 0);
	/* The word in the configuration decides. */
	s.layout = "simfs";
	mount_at(&s, T "/mnt");
	is_str(slurp(T "/mnt/lower"), "/root\n");
}

STORE_TEST(layout_word_against_mark)
{
	struct store_ref s = area("overlay");
	struct vz_err e = VZ_ERR_INIT;

	make_tree(T "/tree");
	ok_r(store_create(&s, T "/tree", &e), &e);
	s.layout = "dir";
	ok(store_mount(&s, -1, &e) < 0);
	is_int(e.code, VZ_UNK_MOUNT_TYPE);
}

STORE_TEST(detect_others)
{
	struct vz_err e = VZ_ERR_INIT;
	const char *driver = NULL;

	is_int(store_detect(P, &driver, &e), -ENOENT);
	is_int(e.code, VZ_FS_NOPRVT);
	must(shell("mkdir -p " P "/root.hdd; : > " P "/root.hdd/DiskDescriptor.xml") == 0);
	ok(store_detect(P, &driver, &e) < 0);
	is_int(e.code, VZ_STORAGE_UNSUP);
	ok(driver == NULL);
}

STORE_TEST(words)
{
	struct vz_err e = VZ_ERR_INIT;
	const char *driver = NULL;

	ok_r(store_layout_check("simfs", &driver, &e), &e);
	is_str(driver, "dir");
	ok_r(store_layout_check("ploop:expanded", &driver, &e), &e);
	is_str(driver, "image");
	ok(store_layout_check("zfs", &driver, &e) < 0);
	is_int(e.code, VZ_UNK_MOUNT_TYPE);
	ok(store_layout_check("ploopy", &driver, &e) < 0);
	ok(strstr(e.msg, "overlay") != NULL);
}

STORE_TEST(no_project_quota_is_said)
{
	struct store_ref s = area("dir");
	struct vz_err e = VZ_ERR_INIT;
	struct store_usage u;

	make_tree(T "/tree");
	ok(!store_quota_supported(&s));
	s.disk_kb = 1000;
	ok_r(store_create(&s, T "/tree", &e), &e);
	is_int(store_resize(&s, &e), -EOPNOTSUPP);
	is_int(e.code, VZ_DQ_SET);
	is_int(store_usage(&s, &u, &e), -EOPNOTSUPP);
}

STORE_MAIN()
