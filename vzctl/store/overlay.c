// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * upper/ and work/ of the private area over the tree that `lower` names.  An
 * overlay mount cannot be idmapped itself (EINVAL): its layers are, and that
 * needs Linux 5.19.
 */
#define VZ_ROOM "store"
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/io.h"
#include "store/priv.h"
#include "sys/syscalls.h"

#define BENEATH (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV)

static int write_lower(int dir, const char *tree)
{
	_cleanup_free_ char *line = xasprintf("%s\n", tree);
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = openat(dir, "lower", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = io_write_full(fd, line, strlen(line));
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

static int overlay_build(const struct store_ref *s, int parent, const char *name,
			 const char *tree, struct vz_err *e)
{
	_cleanup_close_ int lower = -EBADF, dir = -EBADF, upper = -EBADF, work = -EBADF;
	struct stat st;
	int r;

	if (tree[0] != '/' || strchr(tree, '\n'))
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, EINVAL, "template tree %s", tree);
	lower = store_open_tree(tree, e);
	if (lower < 0)
		return lower;
	dir = store_mkdir(parent, name, e);
	if (dir < 0)
		return dir;
	r = quota_build(s, dir, e);
	if (r == 0)
		r = store_mark(dir, store_overlay.name, e);
	if (r < 0)
		return r;
	work = store_mkdir(dir, "work", e);
	if (work < 0)
		return work;
	upper = store_mkdir(dir, "upper", e);
	if (upper < 0)
		return upper;
	/* The root of the container is the upper directory's inode. */
	if (fstat(lower, &st) < 0 || fchown(upper, st.st_uid, st.st_gid) < 0 ||
	    fchmod(upper, st.st_mode & 07777) < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "mode of the root directory");
	r = write_lower(dir, tree);
	if (r < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, -r, "cannot write lower");
	/* Ordered file systems have the rest in the same transaction; be explicit. */
	if (fsync(dir) < 0)
		return store_fail(e, VZ_FS_NEW_VE_PRVT, errno, "cannot write directory");
	return 0;
}

/* What the kernel says about a file system context: "e overlay: ...". */
static void ctx_message(int ctx, char *buf, size_t size)
{
	ssize_t n = read(ctx, buf, size - 1);

	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n > 0 ? n : 0] = '\0';
}

static int set_opt(int ctx, const char *key, const char *value)
{
	return sys_fsconfig(ctx, FSCONFIG_SET_STRING, key, value, 0) < 0 ? -errno : 0;
}

/*
 * Descriptors since 6.13; before that only paths, and /proc/self/fd/N has none
 * of the colons and commas that would need escapes.
 */
static int set_layer(int ctx, const char *key, int fd, bool by_fd)
{
	char path[32];

	if (by_fd)
		return sys_fsconfig(ctx, FSCONFIG_SET_FD, key, NULL, fd) < 0 ? -errno : 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return set_opt(ctx, key, path);
}

static int set_options(int ctx)
{
	/* 4.x shows this source in df, and panels look for it. */
	int r = set_opt(ctx, "source", "/dev/simfs");

	/* Renames of template directories work; only the host writes trusted.*. */
	if (r == 0)
		r = set_opt(ctx, "redirect_dir", "on");
	if (r == 0)
		r = set_opt(ctx, "metacopy", "off");
	if (r == 0)
		r = set_opt(ctx, "index", "off");
	return r;
}

/*
 * Overlay keeps the credentials of its mounter and works in its layers with
 * them, so for the mount this thread has as file-system ids what root of the
 * container is on the host: an idmapped layer has no place for ids outside its
 * map (EOVERFLOW, and so read-only).  Overlay itself drops CAP_SYS_RESOURCE from
 * its copy, so that project quota binds (ovl_fill_super()).
 */
static int ctx_create_as(int ctx, const struct stat *root)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[2];
	int r;

	if (syscall(SYS_capget, &hdr, caps) < 0)
		return -errno;
	syscall(SYS_setfsgid, root->st_gid);
	syscall(SYS_setfsuid, root->st_uid);
	/* Leaving fsuid 0 cost the file capabilities: take them again. */
	if (syscall(SYS_capset, &hdr, caps) < 0)
		r = -errno;
	else
		r = sys_fsconfig(ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
	syscall(SYS_setfsgid, getegid());
	syscall(SYS_setfsuid, geteuid());
	if (syscall(SYS_capset, &hdr, caps) < 0 && r == 0)
		r = -errno;
	return r;
}

static int ctx_create(int ctx, const struct stat *root)
{
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), death = 0, r;

	prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	r = ctx_create_as(ctx, root);
	/* Changing ids resets both (commit_creds()), and children inherit the first. */
	if (dumpable == 1)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (death)
		prctl(PR_SET_PDEATHSIG, death, 0, 0, 0);
	return r;
}

static int mount_layers(int lower, int upper, int work, bool by_fd, struct vz_err *e)
{
	_cleanup_close_ int ctx = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	struct stat root;
	char said[160];
	int mnt, r;

	/* Owned by 0 on disk: shows what that is through the mapping. */
	if (fstat(work, &root) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "work of the overlay");
	if (ctx < 0)
		return vz_fail(e, VZ_STORAGE_UNSUP, errno, "this kernel has no overlay");
	r = set_options(ctx);
	if (r == 0)
		r = set_layer(ctx, by_fd ? "lowerdir+" : "lowerdir", lower, by_fd);
	if (r == 0)
		r = set_layer(ctx, "upperdir", upper, by_fd);
	if (r == 0)
		r = set_layer(ctx, "workdir", work, by_fd);
	if (r == 0)
		r = ctx_create(ctx, &root);
	if (r < 0) {
		ctx_message(ctx, said, sizeof(said));
		return store_fail(e, VZ_FS_CANTMOUNT, -r, "overlay%s%s", *said ? ": " : "", said);
	}
	mnt = sys_fsmount(ctx, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV);
	return mnt < 0 ? vz_fail(e, VZ_FS_CANTMOUNT, errno, "overlay") : mnt;
}

/* A directory of a layer, through the mount that maps its ids. */
static int open_layer(int mnt, const char *name, struct vz_err *e)
{
	int fd = sys_openat2(mnt, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, BENEATH);

	if (fd >= 0)
		return fd;
	return vz_fail(e, VZ_FS_CANTMOUNT, errno, "%s of the overlay", name);
}

static int mount_by(int lower, int private, bool by_fd, struct vz_err *e)
{
	_cleanup_close_ int low = -EBADF, upper = -EBADF, work = -EBADF;

	low = open_layer(lower, ".", e);
	if (low < 0)
		return low;
	upper = open_layer(private, "upper", e);
	if (upper < 0)
		return upper;
	work = open_layer(private, "work", e);
	if (work < 0)
		return work;
	return mount_layers(low, upper, work, by_fd, e);
}

int overlay_mount_detached(int lower, int private, const char *path, struct vz_err *e)
{
	return mount_by(lower, private, true, e);
}

/* Runs in the child: the mount appears in the shared table of descriptors. */
static int attach_and_mount(int lower, int private, const char *path, struct vz_err *e)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "mount namespace for the layers");
	if (sys_move_mount(private, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    sys_move_mount(lower, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "cannot attach the layers");
	return mount_by(lower, private, false, e);
}

/*
 * Before 6.15 overlay takes no layer from a detached mount (clone_private_mount
 * wants one of the caller's namespace).  A child with the same descriptor table
 * attaches both in a namespace of its own; overlay keeps private copies, so the
 * mount outlives that namespace.
 */
int overlay_mount_attached(int lower, int private, const char *path, struct vz_err *e)
{
	struct clone_args args = { .flags = CLONE_FILES, .exit_signal = SIGCHLD };
	struct { int mnt; struct vz_err err; } out = { .mnt = -EIO };
	_cleanup_close_ int rd = -EBADF, wr = -EBADF;
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "pipe");
	rd = p[0];
	wr = p[1];
	pid = sys_clone3(&args);
	if (pid < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "clone");
	if (pid == 0) {
		out.mnt = attach_and_mount(lower, private, path, &out.err);
		/* The table is the parent's too: leave by _exit, close nothing. */
		_exit(io_write_full(wr, &out, sizeof(out)) < 0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* This end is the only one left that could hold it open. */
	close_fd(&wr);
	n = io_read_full(rd, &out, sizeof(out));
	if (n != sizeof(out))
		return vz_fail(e, VZ_FS_CANTMOUNT, 0, "helper for the overlay ended early");
	if (out.mnt < 0)
		*e = out.err;
	return out.mnt;
}

static bool kernel_before(int major, int minor)
{
	struct utsname u;
	int a, b;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &a, &b) != 2)
		return false;
	return a < major || (a == major && b < minor);
}

/*
 * By version: the interface tells only when a file system, a user namespace and
 * a mount are at hand, which is late for "create".
 */
static const char *overlay_lacks(void)
{
	return kernel_before(5, 19) ? "ids mapped on overlay layers (Linux 5.19)" : NULL;
}

static int read_lower(int dir, struct vz_buf *path, struct vz_err *e)
{
	_cleanup_close_ int fd = sys_openat2(dir, "lower", O_RDONLY | O_CLOEXEC, 0, BENEATH);
	char buf[4096] = "";
	ssize_t n;

	n = fd < 0 ? -errno : io_read_full(fd, buf, sizeof(buf));
	if (n < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, (int)-n, "file lower");
	if (n && buf[n - 1] == '\n')
		n--;
	if (n < 2 || n == sizeof(buf) || buf[0] != '/' || memchr(buf, '\n', n) ||
	    memchr(buf, '\0', n))
		return vz_fail(e, VZ_FS_CANTMOUNT, 0, "file lower does not name a template tree");
	vz_buf_add(path, buf, n);
	return 0;
}

static int open_lower(int dir, int userns_fd, struct vz_err *e)
{
	_cleanup_close_ int tree = -EBADF;
	_cleanup_buf_ struct vz_buf path = VZ_BUF_INIT;
	int r = read_lower(dir, &path, e);

	if (r < 0)
		return r;
	tree = store_open_tree(path.s, e);
	if (tree < 0)
		return tree;
	return vz_wrap(e, store_clone_mount(tree, "", userns_fd, e), "template tree %s", path.s);
}

static int overlay_mount(const struct store_ref *s, int dir, int userns_fd, struct vz_err *e)
{
	_cleanup_close_ int lower = -EBADF, private = -EBADF;
	struct vz_err first = VZ_ERR_INIT;
	int mnt, r;

	lower = open_lower(dir, userns_fd, e);
	if (lower < 0)
		return lower;
	private = store_clone_mount(dir, "", userns_fd, e);
	if (private < 0)
		return private;
	mnt = overlay_mount_detached(lower, private, s->private, &first);
	if (mnt < 0)
		mnt = overlay_mount_attached(lower, private, s->private, e);
	if (mnt < 0 && userns_fd >= 0 && overlay_lacks())
		return vz_fail(e, VZ_IDMAP, 0, "this kernel lacks %s; use layout dir or image",
			       overlay_lacks());
	if (mnt < 0)
		return mnt;
	r = store_set_mount(mnt, -1, "the overlay", e);
	if (r < 0)
		close(mnt);
	return r < 0 ? r : mnt;
}

const struct store_driver store_overlay = {
	.name = "overlay",
	.fs = "overlay",
	.lacks = overlay_lacks,
	.build = overlay_build,
	.mount = overlay_mount,
	.usage = quota_usage,
	.resize = quota_resize,
};
