// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "tmpl"
#include "tmpl/tmpl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "sys/rmtree.h"

/* "NAME@0123456789ab" and a suffix. */
#define TREE_NAME_MAX (TMPL_NAME_MAX + 1 + TMPL_HASH_LEN + 8)

/* The line of a .ok file that tells whether the archive is still the same. */
static void stamp_format(char out[128], const struct stat *st)
{
	snprintf(out, 128, "archive %" PRIu64 " %" PRId64 ".%09ld %" PRIu64 "\n",
		 (uint64_t)st->st_size, (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		 (uint64_t)st->st_ino);
}

static bool tree_name_valid(const char *target, const char *name)
{
	size_t n = strlen(name);

	return str_has_prefix(target, name) && target[n] == '@' &&
	       strlen(target) == n + 1 + TMPL_HASH_LEN &&
	       strspn(target + n + 1, "0123456789abcdef") == TMPL_HASH_LEN;
}

/*
 * True and the name of the tree in @tree when there is a whole one.  @stamp is
 * that of the archive, or NULL when there is no archive any more.
 */
static bool tree_current(int dirfd, const char *name, const char *stamp, char *tree)
{
	char target[TREE_NAME_MAX + 1], ok[256];
	struct stat st;
	ssize_t n = readlinkat(dirfd, name, target, TREE_NAME_MAX);

	if (n < 0)
		return false;
	target[n] = '\0';
	if (!tree_name_valid(target, name) ||
	    fstatat(dirfd, target, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return false;
	memcpy(tree, target, (size_t)n + 1);
	memcpy(target + n, ".ok", 4);
	n = io_read_small_at(dirfd, target, ok, sizeof(ok));
	if (n < 0)
		return false;
	return !stamp || str_has_prefix(ok, stamp);
}

static int open_tree_dir(const char *template_dir, bool create, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/tree", template_dir);
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		int r = io_mkdir_p(path, 0700);

		if (r < 0)
			return vz_fail(e, VZ_CANT_CREATE_DIR, -r, "Unable to create %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0 && errno == ENOENT && !create)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &st) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "%s", path);
	/* Trees hold setuid programs of other systems: not for the host's users. */
	if ((st.st_mode & 0077) && fchmod(fd, 0700) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "%s", path);
	return take_fd(&fd);
}

static int sync_fd(int fd, const char *what, struct vz_err *e)
{
	if (fsync(fd) < 0)
		return vz_fail(e, errno == ENOSPC ? VZ_FS_NO_DISK_SPACE : VZ_SYSTEM_ERROR, errno,
			       "Unable to write %s", what);
	return 0;
}

/* The tree is on disk and complete: give it its name, then say so. */
static int publish(int dirfd, const char *tmp, const char *name, const struct tmpl_sum *sum,
		   const char *stamp, char *tree, struct vz_err *e)
{
	char ok[TREE_NAME_MAX + 1], link[TREE_NAME_MAX + 1], text[320];
	int r, n;

	snprintf(tree, TREE_NAME_MAX, "%s@%.*s", name, TMPL_HASH_LEN, sum->sha256);
	snprintf(ok, sizeof(ok), "%s.ok", tree);
	snprintf(link, sizeof(link), ".tmp-%s.link", name);
	if (faccessat(dirfd, ok, F_OK, 0) < 0) {
		/* A tree without .ok is what a crash left just here. */
		r = sys_rmtree_at(dirfd, tree, VZ_IGNORE);
		if (r < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to remove %s", tree);
		if (renameat(dirfd, tmp, dirfd, tree) < 0)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create %s", tree);
	}
	r = sync_fd(dirfd, tree, e);
	if (r < 0)
		return r;
	n = snprintf(text, sizeof(text), "%ssha256 %s\nentries %" PRIu64 "\nbytes %" PRIu64 "\n",
		     stamp, sum->sha256, sum->entries, sum->bytes);
	r = io_write_atomic_at(dirfd, ok, text, (size_t)n, 0600, 0);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write %s", ok);
	unlinkat(dirfd, link, 0);
	if (symlinkat(tree, dirfd, link) < 0 || renameat(dirfd, link, dirfd, name) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create the link %s", name);
	return sync_fd(dirfd, name, e);
}

static int unpack(int dirfd, const char *template_dir, const char *name, const char *archive,
		  const char *stamp, bool progress, char *tree, struct vz_err *e)
{
	_cleanup_free_ char *tmp = xasprintf(".tmp-%s", name);
	_cleanup_free_ char *path = xasprintf("%s/tree/%s", template_dir, tmp);
	_cleanup_close_ int fd = -EBADF;
	struct tmpl_sum sum;
	int r;

	/* The lock is ours, so whatever is there died. */
	r = sys_rmtree_at(dirfd, tmp, VZ_IGNORE);
	if (r < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to remove %s", path);
	if (mkdirat(dirfd, tmp, 0700) < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, errno, "Unable to create %s", path);
	vz_info("Unpacking OS template %s", name);
	r = tmpl_vztar_run("extract", path, archive, progress, &sum, e);
	if (r < 0)
		goto undo;
	fd = openat(dirfd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) < 0) {
		r = vz_fail(e, errno == ENOSPC ? VZ_FS_NO_DISK_SPACE : VZ_SYSTEM_ERROR, errno,
			    "Unable to write %s", path);
		goto undo;
	}
	r = publish(dirfd, tmp, name, &sum, stamp, tree, e);
undo:
	/* Also when the same content was unpacked before and stays. */
	(void)sys_rmtree_at(dirfd, tmp, VZ_IGNORE);
	return r;
}

static int unpack_locked(int dirfd, const char *template_dir, const char *name,
			 const char *archive, bool progress, char *tree, struct vz_err *e)
{
	_cleanup_free_ char *lock = xasprintf("%s/tree/.lock-%s", template_dir, name);
	_cleanup_close_ int fd = io_lock(lock, -1, "unpacking");
	char stamp[128];
	struct stat st;

	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, -fd, "%s", lock);
	/* Again: the one we waited for may have done it, or the file changed. */
	if (stat(archive, &st) < 0)
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, errno, "%s", archive);
	stamp_format(stamp, &st);
	if (tree_current(dirfd, name, stamp, tree))
		return 0;
	return unpack(dirfd, template_dir, name, archive, stamp, progress, tree, e);
}

static int tree_of(const char *base, const char *name, bool progress, char **ret_tree,
		   struct vz_err *e)
{
	_cleanup_free_ char *archive = NULL;
	_cleanup_close_ int dirfd = -EBADF;
	char tree[TREE_NAME_MAX + 1], stamp[128];
	struct vz_err none = VZ_ERR_INIT;
	struct stat st;
	int found, r;

	found = tmpl_archive_find(base, name, &archive, &st, &none);
	if (found == 0)
		stamp_format(stamp, &st);
	else if (none.code != VZ_OSTEMPLATE_NOT_FOUND)
		goto not_found;
	dirfd = open_tree_dir(base, found == 0, e);
	if (dirfd < 0 && dirfd != -ENOENT)
		return dirfd;
	/* A tree stays usable when its archive was deleted to save space. */
	if (dirfd >= 0 && tree_current(dirfd, name, found == 0 ? stamp : NULL, tree)) {
		*ret_tree = xasprintf("%s/tree/%s", base, tree);
		return 0;
	}
	if (found < 0)
		goto not_found;
	r = unpack_locked(dirfd, base, name, archive, progress, tree, e);
	if (r < 0)
		return r;
	*ret_tree = xasprintf("%s/tree/%s", base, tree);
	return 0;
not_found:
	*e = none;
	return found;
}

int tmpl_tree(const char *template_dir, const char *name, bool progress, char **ret_tree,
	      struct vz_err *e)
{
	_cleanup_free_ char *base = NULL;

	if (!tmpl_name_valid(name))
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0, "Bad OS template name '%.64s'",
			       name);
	base = realpath(template_dir, NULL);
	if (!base)
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, errno, "Template directory %s",
			       template_dir);
	return tree_of(base, name, progress, ret_tree, e);
}
