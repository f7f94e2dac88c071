// SPDX-License-Identifier: GPL-2.0-or-later
/* VE_ROOT: the container's root as the host sees it. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "sys/syscalls.h"

static int make_root_dir(const char *root, struct vz_err *e)
{
	int r;

	if (mkdir(root, 0700) == 0 || errno == EEXIST)
		return 0;
	r = errno == ENOENT ? io_mkdir_p(root, 0700) : -errno;
	if (r < 0)
		return vz_fail(e, VZ_FS_MPOINTCREATE, -r, "Unable to create '%s'", root);
	return 0;
}

static int check_private(const struct ct_plan *p, struct vz_err *e)
{
	struct stat st;

	if (stat(p->ct->private, &st) < 0)
		return vz_fail(e, VZ_FS_NOPRVT, errno, "Container private area '%s'",
			       p->ct->private);
	return 0;
}

/*
 * The tree below an overlay was removed; if its archive is still there, the
 * same tree comes back, since its name is the archive's checksum.
 */
static int unpack_again(struct ct_plan *p)
{
	const char *name = conf_str(p->ct->conf, P_OSTEMPLATE);
	_cleanup_free_ char *tree = NULL;

	if (!name)
		return -ENOENT;
	return tmpl_tree(conf_str(p->ct->node, P_TEMPLATE), name, true, &tree, VZ_IGNORE);
}

int ct_mount_root(struct ct_plan *p, int userns, struct vz_err *e)
{
	_cleanup_close_ int mnt = -EBADF;
	int r = check_private(p, e);

	if (r == 0)
		r = ct_hook(p->ct, "premount", true, e);
	if (r == 0)
		r = make_root_dir(p->ct->root, e);
	if (r < 0)
		return r;
	mnt = store_mount(&p->store, userns, e);
	if (mnt < 0 && e->code == VZ_OSTEMPLATE_NOT_FOUND && unpack_again(p) == 0)
		mnt = store_mount(&p->store, userns, e);
	if (mnt < 0)
		return mnt;
	if (sys_move_mount(mnt, "", AT_FDCWD, p->ct->root, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to mount '%s'", p->ct->root);
	r = ct_bind_mounts(p, userns, e);
	if (r == 0)
		r = ct_hook(p->ct, "mount", true, e);
	if (r < 0) {
		(void)umount2(p->ct->root, MNT_DETACH | UMOUNT_NOFOLLOW);
		(void)store_umount_done(&p->store, VZ_IGNORE);
		return r;
	}
	vz_info("Container is mounted");
	return 0;
}

int ct_umount_root(struct ct_plan *p, bool scripts, struct vz_err *e)
{
	int r = 0;

	if (!ct_is_mounted(p->ct->root))
		return 0;
	if (scripts) {
		r = ct_hook(p->ct, "umount", false, e);
		if (r < 0)
			return r;
	}
	/* Scripts stack mounts below and on top: all of them go. */
	for (int i = 0; i < 64 && ct_is_mounted(p->ct->root); i++)
		if (umount2(p->ct->root, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return vz_fail(e, VZ_FS_CANTUMOUNT, errno, "Unable to unmount '%s'",
				       p->ct->root);
	r = store_umount_done(&p->store, e);
	if (r < 0)
		return r;
	vz_info("Container is unmounted");
	return scripts ? ct_hook(p->ct, "postumount", false, e) : 0;
}

static void show_mount(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s on %s (%s)", p->ct->private, p->ct->root,
		    p->store.layout ? p->store.layout : "layout as found");
}

static int step_mount(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int userns = ns_userns_open(&p->map, e);

	if (userns < 0)
		return userns;
	return ct_mount_root(p, userns, e);
}

static void undo_mount(struct ct_plan *p)
{
	ct_umount_root(p, false, VZ_IGNORE);
}

static const struct ct_step mount_steps[] = {
	{ "store.mount", step_mount, undo_mount, show_mount, NULL },
};

static int step_umount(struct ct_plan *p, struct vz_err *e)
{
	return ct_umount_root(p, true, e);
}

static const struct ct_step umount_steps[] = {
	{ "store.umount", step_umount, NULL, show_mount, NULL },
};

int ct_mount(struct ct *ct, bool dry_run, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	int r = ct_plan_make(ct, "mount", &p, e);

	if (r < 0)
		return r;
	if (ct_is_vm(ct->conf))
		return vz_fail(e, VZ_FS_CANTMOUNT, 0,
			       "The disks of a virtual machine cannot be mounted by this version");
	if (ct_is_mounted(ct->root)) {
		vz_info("Container is mounted");
		return 0;
	}
	if (!p.map.count)
		return vz_fail(e, VZ_IDMAP, 0, "Container has no range of ids yet: start it once");
	if (dry_run) {
		ct_steps_show(mount_steps, ARRAY_SIZE(mount_steps), &p, "  (undo: unmount)");
		return 0;
	}
	return ct_steps_run(mount_steps, ARRAY_SIZE(mount_steps), &p, e);
}

int ct_umount(struct ct *ct, bool dry_run, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	int r = ct_plan_make(ct, "umount", &p, e);

	if (r < 0)
		return r;
	if (ct_is_running(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_RUNNING, 0, "Container is running -- stop it first");
	if (!ct_is_mounted(ct->root))
		return vz_fail(e, VZ_FS_NOT_MOUNTED, 0, "CT is not mounted");
	if (dry_run) {
		ct_steps_show(umount_steps, ARRAY_SIZE(umount_steps), &p, NULL);
		return 0;
	}
	return ct_steps_run(umount_steps, ARRAY_SIZE(umount_steps), &p, e);
}
