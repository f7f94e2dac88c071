// SPDX-License-Identifier: GPL-2.0-or-later
/* What is in TEMPLATE/cache: list, verify, remove, publish. */
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "sys/rmtree.h"

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int cache_names(const char *template_dir, struct vz_strv *ret, struct vz_err *e)
{
	_cleanup_free_ char *path = xasprintf("%s/cache", template_dir);
	DIR *d = opendir(path);
	struct dirent *de;

	if (!d && errno == ENOENT)
		return 0;
	if (!d)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", path);
	while ((de = readdir(d))) {
		_cleanup_free_ char *name = tmpl_archive_name(de->d_name);

		if (name && !vz_strv_has(ret, name))
			vz_strv_add(ret, name);
	}
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), name_cmp);
	return 0;
}

/* The hash part of the current tree, "" when there is none. */
static void current_hash(const char *template_dir, const char *name, char out[TMPL_HASH_LEN + 1])
{
	_cleanup_free_ char *path = xasprintf("%s/tree/%s", template_dir, name);
	char target[TMPL_NAME_MAX + TMPL_HASH_LEN + 2];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	char *at;

	out[0] = '\0';
	if (n < 0)
		return;
	target[n] = '\0';
	at = strchr(target, '@');
	if (at && strlen(at + 1) == TMPL_HASH_LEN)
		memcpy(out, at + 1, TMPL_HASH_LEN + 1);
}

static void list_json(const char *name, const struct manifest *m, const struct stat *st,
		      const char *hash, bool first)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	vz_buf_adds(&b, first ? "  { \"name\": " : ",\n  { \"name\": ");
	json_string(&b, name);
	vz_buf_adds(&b, ", \"os\": ");
	json_string(&b, m->os ? m->os : "");
	vz_buf_adds(&b, ", \"version\": ");
	json_string(&b, m->version ? m->version : "");
	vz_buf_adds(&b, ", \"arch\": ");
	json_string(&b, m->arch ? m->arch : "");
	vz_buf_addf(&b, ", \"archive_bytes\": %jd, \"bytes\": %" PRIu64 ", \"sha256\": ",
		    (intmax_t)st->st_size, m->bytes);
	json_string(&b, m->sha256 ? m->sha256 : "");
	vz_buf_adds(&b, ", \"tree\": ");
	json_string(&b, hash);
	vz_buf_adds(&b, " }");
	fputs(vz_buf_str(&b), stdout);
}

int cmd_list(const struct opts *o, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv names = VZ_STRV_INIT;
	int r = cache_names(o->template_dir, &names, e);

	if (r < 0)
		return r;
	if (o->json)
		puts("[");
	else if (names.n && !o->quiet)
		printf("%-28s %-10s %-10s %-8s %10s  %s\n", "NAME", "OS", "VERSION", "ARCH",
		       "ARCHIVE", "TREE");
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_manifest_ struct manifest m = { 0 };
		_cleanup_free_ char *archive = NULL;
		char hash[TMPL_HASH_LEN + 1];
		struct stat st;

		if (tmpl_archive_find(o->template_dir, names.v[i], &archive, &st, VZ_IGNORE) < 0)
			continue;
		r = manifest_read(o->template_dir, names.v[i], &m, e);
		if (r < 0 && r != -ENOENT)
			vz_warn("%s, ignoring", e->msg);
		current_hash(o->template_dir, names.v[i], hash);
		if (o->json)
			list_json(names.v[i], &m, &st, hash, i == 0);
		else if (o->quiet)
			puts(names.v[i]);
		else
			printf("%-28s %-10s %-10s %-8s %7.1f MB  %s\n", names.v[i],
			       m.os ? m.os : "-", m.version ? m.version : "-",
			       m.arch ? m.arch : "-", (double)st.st_size / 1e6,
			       hash[0] ? hash : "-");
	}
	if (o->json)
		puts("\n]");
	return 0;
}

/* Archives of the same name that tmpl_tree() would take before @path. */
static int remove_shadowing(const char *template_dir, const char *name, const char *path,
			    struct vz_err *e)
{
	for (;;) {
		_cleanup_free_ char *first = NULL;
		struct stat st;
		int r = tmpl_archive_find(template_dir, name, &first, &st, e);

		if (r < 0)
			return r;
		if (str_eq(first, path))
			return 0;
		vz_info("Removing %s, which the new archive replaces", first);
		if (unlink(first) < 0)
			return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", first);
	}
}

int cache_publish(const char *template_dir, const char *name, const char *tmp,
		  const char *suffix, struct manifest *m, const struct tmpl_sum *sum,
		  struct vz_err *e)
{
	_cleanup_free_ char *json = xasprintf("%s/cache/%s.json", template_dir, name);
	_cleanup_free_ char *dir = xasprintf("%s/cache", template_dir);
	_cleanup_free_ char *path = xasprintf("%s/%s%s", dir, name, suffix);
	_cleanup_close_ int dirfd = -EBADF;
	struct stat st;
	int r;

	if (stat(tmp, &st) < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", tmp);
	free(m->archive);
	free(m->sha256);
	m->archive = xasprintf("%s%s", name, suffix);
	m->sha256 = xstrdup(sum->sha256);
	m->archive_bytes = (uint64_t)st.st_size;
	m->bytes = sum->bytes;
	m->entries = sum->entries;
	m->created = (uint64_t)time(NULL);
	/* No manifest says nothing; an old one beside a new archive would lie. */
	if (unlink(json) < 0 && errno != ENOENT)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", json);
	if (rename(tmp, path) < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "Unable to create %s", path);
	r = remove_shadowing(template_dir, name, path, e);
	if (r < 0)
		return r;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || fsync(dirfd) < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", dir);
	return manifest_write(template_dir, name, m, e);
}

/* 1 verified, 0 there is no manifest to compare with. */
static int verify_one(const struct opts *o, const char *name, struct vz_err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_free_ char *archive = NULL;
	struct tmpl_sum sum;
	struct stat st;
	int r;

	r = tmpl_archive_find(o->template_dir, name, &archive, &st, e);
	if (r < 0)
		return r;
	r = manifest_read(o->template_dir, name, &m, e);
	if (r < 0 && r != -ENOENT)
		return r;
	r = tmpl_vztar_run("test", NULL, archive, false, &sum, e);
	if (r < 0)
		return r;
	if (!m.sha256)
		return 0;
	if (!str_eq(m.sha256, sum.sha256))
		return vz_fail(e, VZ_IMAGE_SIGNATURE, 0, "%s: sha256 is %s, the manifest says %s",
			       archive, sum.sha256, m.sha256);
	return 1;
}

int cmd_verify(const struct opts *o, const char *name, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv names = VZ_STRV_INIT;
	struct vz_err one;
	int r, failed = 0;

	if (name)
		vz_strv_add(&names, name);
	else if ((r = cache_names(o->template_dir, &names, e)) < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		one = VZ_ERR_INIT;
		r = verify_one(o, names.v[i], &one);
		if (r < 0) {
			failed++;
			*e = one;
			if (names.n > 1)
				vz_error("%s", one.msg);
		} else if (!o->quiet) {
			printf("%s: %s\n", names.v[i],
			       r ? "OK" : "readable, no manifest to compare with");
		}
	}
	if (failed && names.n > 1)
		return vz_fail(e, VZ_IMAGE_SIGNATURE, 0, "%d of %zu templates failed", failed,
			       names.n);
	return failed ? -EPROTO : 0;
}

/* Is @tree the "lower" of a container?  Unknown counts as yes. */
static bool tree_in_use(const char *private_dir, const char *tree)
{
	DIR *d = opendir(private_dir);
	bool used = false;
	struct dirent *de;

	if (!d)
		return errno != ENOENT;
	while (!used && (de = readdir(d))) {
		_cleanup_free_ char *path = xasprintf("%s/lower", de->d_name);
		char lower[4096];
		ssize_t n;

		if (de->d_name[0] == '.')
			continue;
		n = io_read_small_at(dirfd(d), path, lower, sizeof(lower));
		/* The file may name it absolutely or relative to TEMPLATE/tree. */
		used = n > 0 && strstr(lower, tree);
		if (n < 0 && n != -ENOENT && n != -ENOTDIR)
			used = true;
	}
	closedir(d);
	return used;
}

static int remove_trees(const struct opts *o, const char *name, int treefd, struct vz_err *e)
{
	int copy = openat(treefd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	size_t n = strlen(name);
	struct dirent *de;
	int r = 0;

	if (!d)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s/tree", o->template_dir);
	while (r == 0 && (de = readdir(d))) {
		_cleanup_free_ char *ok = NULL;

		if (!str_has_prefix(de->d_name, name) || de->d_name[n] != '@' ||
		    strlen(de->d_name) != n + 1 + TMPL_HASH_LEN)
			continue;
		if (tree_in_use(o->private_dir, de->d_name)) {
			vz_warn("tree/%s stays: a container uses it", de->d_name);
			continue;
		}
		ok = xasprintf("%s.ok", de->d_name);
		if (unlinkat(treefd, ok, 0) < 0 && errno != ENOENT)
			r = vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", ok);
		else if ((r = sys_rmtree_at(treefd, de->d_name, VZ_IGNORE)) < 0)
			vz_fail(e, VZ_TEMPLATE_ERROR, -r, "Unable to remove tree/%s",
				de->d_name);
	}
	closedir(d);
	return r;
}

int cmd_remove(const struct opts *o, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *tree = xasprintf("%s/tree", o->template_dir);
	_cleanup_free_ char *lock = xasprintf("%s/.lock-%s", tree, name);
	_cleanup_free_ char *json = xasprintf("%s/cache/%s.json", o->template_dir, name);
	_cleanup_close_ int treefd = -EBADF, lockfd = -EBADF;
	bool any = false;
	struct stat st;
	int r;

	if (!tmpl_name_valid(name))
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0, "Bad OS template name '%.64s'", name);
	treefd = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (treefd >= 0) {
		lockfd = io_lock(lock, -1, "removing");
		if (lockfd < 0)
			return vz_fail(e, VZ_TEMPLATE_ERROR, -lockfd, "%s", lock);
	}
	for (;;) {
		_cleanup_free_ char *archive = NULL;

		if (tmpl_archive_find(o->template_dir, name, &archive, &st, VZ_IGNORE) < 0)
			break;
		if (unlink(archive) < 0)
			return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", archive);
		any = true;
	}
	if (unlink(json) < 0 && errno != ENOENT)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", json);
	if (treefd < 0)
		goto out;
	if (unlinkat(treefd, name, 0) == 0)
		any = true;
	else if (errno != ENOENT)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s/%s", tree, name);
	r = remove_trees(o, name, treefd, e);
	if (r < 0)
		return r;
out:
	return any ? 0 : vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0,
				 "OS template '%s' not found in %s; see vztmpl list", name,
				 o->template_dir);
}

int cmd_tree(const struct opts *o, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *tree = NULL;
	int r = tmpl_tree(o->template_dir, name, !o->quiet, &tree, e);

	if (r == 0)
		puts(tree);
	return r;
}
