// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whiteouts of OCI layers (image-spec, layer.md): names in a layer that say what
 * of the layers below is gone.
 */
#include "vztar.h"

#include <dirent.h>
#include <fcntl.h>

#include "sys/rmtree.h"
#include "sys/syscalls.h"
#include "tmpl/tmpl.h"

#define WH_PREFIX ".wh."
#define WH_META ".wh..wh."	/* of AUFS, which had notes of its own in its layers */
#define WH_OPAQUE_NAME ".wh..wh..opq"

struct whiteouts {
	char **v;	/* the first byte is the kind, the path follows */
	size_t n, cap;
};

int tree_open(int root, const char *path, int flags)
{
	return sys_openat2(root, path[0] ? path : ".", (uint64_t)flags | O_CLOEXEC, 0,
			   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

enum whiteout whiteout_of(const char *path, char *ret)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t dir = (size_t)(base - path);

	/* Only the last part of a name can be a whiteout. */
	for (const char *p = path; p < base; p = strchr(p, '/') + 1) {
		if (str_has_prefix(p, WH_META))
			return WHITEOUT_IGNORE;
		if (str_has_prefix(p, WH_PREFIX))
			refuse(path, "a whiteout as a directory");
	}
	if (!str_has_prefix(base, WH_PREFIX))
		return WHITEOUT_NONE;
	memcpy(ret, path, dir);
	if (str_eq(base, WH_OPAQUE_NAME)) {
		ret[dir ? dir - 1 : 0] = '\0';
		return WHITEOUT_OPAQUE;
	}
	if (str_has_prefix(base, WH_META))
		return WHITEOUT_IGNORE;
	base += strlen(WH_PREFIX);
	/* ".wh.." and ".wh..." would hide the directory itself, or what is above it. */
	if (!base[0] || str_eq(base, ".") || str_eq(base, ".."))
		refuse(path, "a whiteout of nothing");
	memcpy(ret + dir, base, strlen(base) + 1);
	return WHITEOUT_REMOVE;
}

struct whiteouts *whiteouts_new(void)
{
	return xcalloc(1, sizeof(struct whiteouts));
}

void whiteouts_add(struct whiteouts *w, enum whiteout kind, const char *path)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->v = xrealloc(w->v, w->cap * sizeof(char *));
	}
	w->v[w->n++] = xasprintf("%c%s", kind == WHITEOUT_OPAQUE ? 'o' : 'r', path);
}

void tree_remove(int dirfd, const char *name, const char *path)
{
	int r = sys_rmtree_at(dirfd, name, VZ_IGNORE);

	if (r < 0)
		die_entry(path, "removing", -r);
}

static void remove_children(int dirfd, const char *path)
{
	int copy = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;

	if (!d)
		die_entry(path[0] ? path : ".", "reading the directory", errno);
	while ((errno = 0, de = readdir(d)))
		if (!str_eq(de->d_name, ".") && !str_eq(de->d_name, ".."))
			tree_remove(dirfd, de->d_name, path);
	if (errno)
		die_entry(path[0] ? path : ".", "reading the directory", errno);
	closedir(d);
}

static void apply_one(int root, char kind, const char *path)
{
	char up[TMPL_PATH_MAX + 1];
	const char *slash = kind == 'o' ? path + strlen(path) : strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	_cleanup_close_ int fd = -EBADF;

	memcpy(up, path, n);
	up[n] = '\0';
	fd = tree_open(root, up, O_PATH | O_DIRECTORY);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return;
	if (fd < 0)
		die_entry(path, "whiteout", errno);
	if (kind == 'o')
		remove_children(fd, path);
	else
		tree_remove(fd, slash ? slash + 1 : path, path);
}

void whiteouts_apply(struct whiteouts *w, int root)
{
	for (size_t i = 0; i < w->n; i++) {
		apply_one(root, w->v[i][0], w->v[i] + 1);
		free(w->v[i]);
	}
	free(w->v);
	free(w);
}
