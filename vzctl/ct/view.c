// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The node at one moment.  Lists ask the same few questions about a thousand
 * containers: then one pass over the slice, DUMPDIR, the directories of private
 * areas and the mount table answers them, instead of system calls for each.
 */
#define VZ_ROOM "ct"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/ct-int.h"
#include "ct/stat.h"

#define MANY 16		/* containers from which on whole directories are cheaper */
#define DIRS_MAX 8	/* nodes keep containers in one directory, or a few */

/* Strings in one block, sorted. */
struct names {
	struct vz_buf text;
	size_t *off;
	size_t n, cap;
	const char **v;
};

/* A directory of private areas or of roots. */
struct dir {
	char *path, *real;	/* as in configs; resolved, NULL when it cannot be */
	struct names subdirs;
	bool have_subdirs;
};

struct ct_view {
	const struct conf *node;
	const char *slice;
	struct cg_scope *scopes;	/* populated ones */
	size_t n;
	uint32_t *dumps;
	size_t n_dumps;
	bool have_dumps;
	bool many;
	struct dir dirs[DIRS_MAX];
	size_t n_dirs;
	struct names mounts;	/* every mount point of this namespace */
	bool have_mounts;
};

/* ---- sets of names -------------------------------------------------------- */

static void names_add(struct names *s, const char *name, size_t len)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 64;
		s->off = xrealloc(s->off, s->cap * sizeof(*s->off));
	}
	s->off[s->n++] = s->text.len;
	vz_buf_add(&s->text, name, len);
	vz_buf_addc(&s->text, '\0');
}

static int cmp_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* After the last names_add(): the block does not move any more. */
static void names_sort(struct names *s)
{
	s->v = xcalloc(s->n, sizeof(*s->v));
	for (size_t i = 0; i < s->n; i++)
		s->v[i] = s->text.s + s->off[i];
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), cmp_name);
}

static bool names_have(const struct names *s, const char *name)
{
	return s->n && bsearch(&name, s->v, s->n, sizeof(*s->v), cmp_name);
}

static void names_done(struct names *s)
{
	vz_buf_done(&s->text);
	free(s->off);
	free(s->v);
}

/* ---- who runs, who is suspended -------------------------------------------- */

int ct_view_open(const struct conf *node, struct ct_view **ret, struct vz_err *e)
{
	struct ct_view *v = xcalloc(1, sizeof(*v));
	size_t n = 0;
	int r;

	v->node = node;
	v->slice = conf_str(node, P_CGROUP_SLICE);
	r = cg_scopes(v->slice, &v->scopes, &n, e);
	if (r < 0) {
		free(v);
		return r;
	}
	for (size_t i = 0; i < n; i++)
		if (v->scopes[i].populated)
			v->scopes[v->n++] = v->scopes[i];
	*ret = v;
	return 0;
}

void ct_view_free(struct ct_view *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_dirs; i++) {
		free(v->dirs[i].path);
		free(v->dirs[i].real);
		names_done(&v->dirs[i].subdirs);
	}
	names_done(&v->mounts);
	free(v->scopes);
	free(v->dumps);
	free(v);
}

const char *ct_view_slice(const struct ct_view *v)
{
	return v->slice;
}

void ct_view_expect(struct ct_view *v, size_t n)
{
	v->many = n > MANY;
}

size_t ct_view_count(const struct ct_view *v)
{
	return v->n;
}

uint32_t ct_view_id(const struct ct_view *v, size_t i)
{
	return v->scopes[i].ctid;
}

/* Both tables begin with the id. */
static int cmp_id(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

_Static_assert(offsetof(struct cg_scope, ctid) == 0, "cmp_id() reads the first member");

static const struct cg_scope *find_scope(const struct ct_view *v, uint32_t id)
{
	return v->n ? bsearch(&id, v->scopes, v->n, sizeof(*v->scopes), cmp_id) : NULL;
}

bool ct_view_running(const struct ct_view *v, uint32_t id)
{
	return find_scope(v, id) != NULL;
}

bool ct_view_frozen(const struct ct_view *v, uint32_t id)
{
	const struct cg_scope *s = find_scope(v, id);

	return s && s->frozen;
}

/* One look into DUMPDIR instead of one per container. */
static void read_dumps(struct ct_view *v)
{
	const char *dir = conf_str(v->node, P_DUMPDIR);
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *de;
	size_t cap = 0;

	v->have_dumps = true;
	while (d && (de = readdir(d))) {
		uint32_t id;

		if (!str_has_prefix(de->d_name, "Dump.") || num_parse_ctid(de->d_name + 5, &id) < 0)
			continue;
		if (v->n_dumps == cap) {
			cap = cap ? 2 * cap : 16;
			v->dumps = xrealloc(v->dumps, cap * sizeof(*v->dumps));
		}
		v->dumps[v->n_dumps++] = id;
	}
	if (d)
		closedir(d);
	if (v->n_dumps)
		qsort(v->dumps, v->n_dumps, sizeof(*v->dumps), cmp_id);
}

bool ct_view_dumped(struct ct_view *v, uint32_t id)
{
	if (!v->have_dumps)
		read_dumps(v);
	return v->n_dumps && bsearch(&id, v->dumps, v->n_dumps, sizeof(*v->dumps), cmp_id);
}

/* ---- private areas and mounts ------------------------------------------------ */

/* The directory that @path is in, and its last component; NULL: ask the kernel. */
static struct dir *dir_of(struct ct_view *v, const char *path, const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	size_t len;

	if (!v->many || !slash || slash == path || str_eq(slash, "/.") || str_eq(slash, "/..") ||
	    !slash[1])
		return NULL;
	len = (size_t)(slash - path);
	*ret_base = slash + 1;
	for (size_t i = 0; i < v->n_dirs; i++)
		if (strncmp(v->dirs[i].path, path, len) == 0 && !v->dirs[i].path[len])
			return &v->dirs[i];
	if (v->n_dirs == DIRS_MAX)
		return NULL;
	v->dirs[v->n_dirs] = (struct dir){ .path = xstrndup(path, len) };
	v->dirs[v->n_dirs].real = realpath(v->dirs[v->n_dirs].path, NULL);
	return &v->dirs[v->n_dirs++];
}

/* Links and what the file system does not know the type of are left to stat(2). */
static void read_subdirs(struct dir *dir)
{
	DIR *d = opendir(dir->path);
	struct dirent *de;

	dir->have_subdirs = true;
	while (d && (de = readdir(d)))
		if (de->d_type == DT_DIR)
			names_add(&dir->subdirs, de->d_name, strlen(de->d_name));
	if (d)
		closedir(d);
	names_sort(&dir->subdirs);
}

bool ct_view_has_dir(struct ct_view *v, const char *path)
{
	const char *base;
	struct dir *dir = dir_of(v, path, &base);
	struct stat st;

	if (dir && !dir->have_subdirs)
		read_subdirs(dir);
	return (dir && names_have(&dir->subdirs, base)) || stat(path, &st) == 0;
}

/* Blanks and backslashes are "\040" there, see proc_pid_mountinfo(5). */
static void add_mount(struct names *s, const char *p, size_t n)
{
	char buf[PATH_MAX], *out = buf;

	if (n >= sizeof(buf))
		return;
	for (const char *end = p + n; p < end; p++) {
		if (*p == '\\' && end - p > 3) {
			*out++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	names_add(s, buf, (size_t)(out - buf));
}

/* "36 35 98:0 /mnt1 /mnt2 rw,...": the fifth word. */
static void read_mounts(struct ct_view *v)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	const char *p;

	v->have_mounts = true;
	if (io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", &b, 256u << 20) < 0)
		return;
	for (p = vz_buf_str(&b); *p; p += strcspn(p, "\n"), p += *p == '\n') {
		const char *w = p;

		for (int i = 0; i < 4 && w; i++) {
			w = strchr(w, ' ');
			w = w ? w + 1 : NULL;
		}
		if (w)
			add_mount(&v->mounts, w, strcspn(w, " \n"));
	}
	names_sort(&v->mounts);
}

bool ct_view_mounted(struct ct_view *v, const char *root)
{
	const char *base;
	struct dir *dir = root ? dir_of(v, root, &base) : NULL;
	char path[PATH_MAX];

	if (!dir || !dir->real || !dir->real[1])
		return ct_is_mounted(root);
	if (!v->have_mounts)
		read_mounts(v);
	if (!v->mounts.n ||
	    snprintf(path, sizeof(path), "%s/%s", dir->real, base) >= (int)sizeof(path))
		return ct_is_mounted(root);
	return names_have(&v->mounts, path);
}
