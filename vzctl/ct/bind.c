// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Mounts below the container's root: BINDMOUNT= of the config, and what an
 * administrator's CTID.mount script put there.  Both get the container's ids,
 * or everything in them would belong to nobody.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "sys/syscalls.h"

/* A file system that cannot be mapped (NFS, 9p) is used as it is. */
static int map_ids(int mnt, int userns, const char *what)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };

	if (userns < 0 || sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr) == 0)
		return 0;
	if (errno == EPERM)
		return 0;	/* mapped already */
	vz_warn("Owners in '%s' cannot be mapped: %s", what, strerrordesc_np(errno));
	return 0;
}

/* mkdir -p below the container's root, whose symlinks stay inside it. */
static int open_target(int root, const char *path, bool dir)
{
	_cleanup_free_ char *p = xstrdup(path + strspn(path, "/"));
	int fd;

	fd = sys_openat2(root, *p ? p : ".", O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	for (char *s = p;; s++) {
		_cleanup_close_ int parent = -EBADF;
		char c = *s, *slash;

		if (c && c != '/')
			continue;
		*s = '\0';
		slash = strrchr(p, '/');
		if (slash)
			*slash = '\0';
		parent = sys_openat2(root, slash ? p : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				     RESOLVE_IN_ROOT);
		if (slash)
			*slash = '/';
		if (parent < 0)
			return -1;
		if (c || dir) {
			if (mkdirat(parent, slash ? slash + 1 : p, 0755) < 0 && errno != EEXIST)
				return -1;
		} else {
			fd = openat(parent, slash ? slash + 1 : p,
				    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
			if (fd < 0)
				return -1;
			close(fd);
		}
		*s = c;
		if (!c)
			break;
	}
	return sys_openat2(root, p, O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);
}

static int parse_opts(const char *opts, __u64 *ret, struct vz_err *e)
{
	static const struct {
		const char *name;
		uint64_t attr;
	} known[] = { { "ro", MOUNT_ATTR_RDONLY },     { "rw", 0 },
		      { "nosuid", MOUNT_ATTR_NOSUID }, { "noexec", MOUNT_ATTR_NOEXEC },
		      { "nodev", MOUNT_ATTR_NODEV } };
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;

	*ret = MOUNT_ATTR_NODEV;
	vz_strv_split(&l, opts, ",");
	for (size_t i = 0; i < l.n; i++) {
		size_t k;

		for (k = 0; k < ARRAY_SIZE(known) && !str_eq(known[k].name, l.v[i]); k++)
			;
		if (k == ARRAY_SIZE(known))
			return vz_fail(e, VZ_INVALID_CONFIG, 0,
				       "BINDMOUNT: unknown option '%s' (ro, rw, nosuid, noexec, nodev)",
				       l.v[i]);
		*ret |= known[k].attr;
	}
	return 0;
}

static int bind_one(struct ct_plan *p, int root, const char *row, int userns, struct vz_err *e)
{
	_cleanup_free_ char *src = xstrdup(row);
	char *dst = strchr(src, ':'), *opts;
	_cleanup_close_ int mnt = -EBADF, at = -EBADF;
	struct mount_attr attr = { 0 };
	struct stat st;
	int r;

	if (!dst || *src != '/')
		return vz_fail(e, VZ_INVALID_CONFIG, 0, "BINDMOUNT '%s' is not SRC:DST[,opts]",
			       row);
	*dst++ = '\0';
	opts = strchr(dst, ',');
	if (opts)
		*opts++ = '\0';
	r = parse_opts(opts ? opts : "", &attr.attr_set, e);
	if (r < 0)
		return r;
	mnt = sys_open_tree(AT_FDCWD, src, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (mnt < 0 || fstat(mnt, &st) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "BINDMOUNT: unable to open '%s'", src);
	if (sys_mount_setattr(mnt, "", AT_EMPTY_PATH, &attr) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "BINDMOUNT: unable to set up '%s'", src);
	map_ids(mnt, userns, src);
	/* The host's root has no id in there: what it made would be EOVERFLOW. */
	setfsgid(p->map.gid);
	setfsuid(p->map.uid);
	at = open_target(root, dst, S_ISDIR(st.st_mode));
	r = errno;
	setfsuid(0);
	setfsgid(0);
	errno = r;
	if (at < 0 || sys_move_mount(mnt, "", at, "",
				     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "BINDMOUNT: unable to mount '%s' on '%s'",
			       src, dst);
	return 0;
}

int ct_bind_mounts(struct ct_plan *p, int userns, struct vz_err *e)
{
	const struct vz_strv *l = conf_list(p->ct->conf, P_BINDMOUNT);
	_cleanup_close_ int root = -EBADF;
	int r = 0;

	if (!l->n)
		return 0;
	root = open(p->ct->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to open '%s'", p->ct->root);
	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = bind_one(p, root, l->v[i], userns, e);
	return r;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo (proc(5)). */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++, out++) {
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out = *s;
		}
	}
	*out = '\0';
}

/*
 * A mount that is in place cannot be mapped any more (mount_setattr(2)): a
 * mapped copy takes its place.  @rel is below the container's root.
 */
static int remount_mapped(int root, const char *rel, int userns)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	const uint64_t how = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
	_cleanup_close_ int old = sys_openat2(root, rel, O_PATH | O_CLOEXEC, 0, how);
	_cleanup_close_ int copy = -EBADF, parent = -EBADF;
	_cleanup_free_ char *dir = xstrdup(rel);
	char *slash = strrchr(dir, '/'), self[40];

	if (slash)
		*slash = '\0';
	parent = sys_openat2(root, slash ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, how);
	copy = sys_open_tree(old, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
			     AT_RECURSIVE);
	if (old < 0 || parent < 0 || copy < 0)
		return -errno;
	if (sys_mount_setattr(copy, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr) < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", old);
	if (umount2(self, MNT_DETACH) < 0)
		return -errno;
	if (sys_move_mount(copy, "", parent, slash ? slash + 1 : dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

int ct_map_submounts(struct ct_plan *p, int userns, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	_cleanup_close_ int root = open(p->ct->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t len = strlen(p->ct->root);
	char *save = NULL;
	int r;

	if (root < 0 || io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &b, 64u << 20) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to read the mounts below '%s'",
			       p->ct->root);
	for (char *l = b.s ? strtok_r(b.s, "\n", &save) : NULL; l;
	     l = strtok_r(NULL, "\n", &save)) {
		char *f = l;

		for (int i = 0; f && i < 4; i++)
			f = strchr(f, ' ') ? strchr(f, ' ') + 1 : NULL;
		if (!f || !strchr(f, ' '))
			continue;
		*strchr(f, ' ') = '\0';
		unescape(f);
		if (strncmp(f, p->ct->root, len) != 0 || f[len] != '/')
			continue;
		r = remount_mapped(root, f + len + 1, userns);
		/* EPERM: mapped already, by BINDMOUNT or with the mount above it. */
		if (r < 0 && r != -EPERM)
			vz_warn("Owners in '%s' cannot be mapped: %s", f, strerrordesc_np(-r));
	}
	return 0;
}
