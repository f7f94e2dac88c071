// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"

static int copy_file(int in, int out, const char *file, struct vz_err *e)
{
	static char buf[256u << 10];

	for (;;) {
		/* Shares extents where the file system can; else copies in the kernel. */
		ssize_t n = copy_file_range(in, NULL, out, NULL, 1u << 30, 0);

		if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
			n = read(in, buf, sizeof(buf));
			if (n > 0) {
				int r = io_write_full(out, buf, (size_t)n);

				if (r < 0) {
					errno = -r;
					n = -1;
				}
			}
		}
		if (n < 0 && errno != EINTR)
			return vz_fail(e, errno == ENOSPC ? VZ_FS_NO_DISK_SPACE : VZ_TEMPLATE_ERROR,
				       errno, "Unable to copy %s", file);
		if (n == 0)
			break;
	}
	if (fsync(out) < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "Unable to copy %s", file);
	return 0;
}

/* Reads every entry before the archive gets its name: a bad one never appears. */
static int import_to(const struct opts *o, const char *file, const char *name,
		     const char *suffix, const char *tmp, struct vz_err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_close_ int in = -EBADF, out = -EBADF;
	struct tmpl_sum sum;
	int r;

	in = open(file, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", file);
	out = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (out < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", tmp);
	r = copy_file(in, out, file, e);
	if (r < 0)
		return r;
	r = tmpl_vztar_run("test", NULL, tmp, !o->quiet, &sum, e);
	if (r < 0)
		return r;
	m.origin = xasprintf("import %s", file);
	return cache_publish(o->template_dir, name, tmp, suffix, &m, &sum, e);
}

int cmd_import(const struct opts *o, const char *file, const char *name, struct vz_err *e)
{
	const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	_cleanup_free_ char *stem = tmpl_archive_name(base), *tmp = NULL, *cache = NULL;
	struct stat st;
	int r;

	if (stat(file, &st) < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", file);
	if (S_ISDIR(st.st_mode))
		return import_oci(o, file, name, e);
	if (o->tag)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "--tag is for OCI image layouts; %s is a file", file);
	if (!stem)
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0,
			       "%s: the name must be NAME.tar, .tar.zst, .tar.gz, .tar.xz or "
			       ".tar.bz2", file);
	if (!name)
		name = stem;
	if (!tmpl_name_valid(name))
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "Bad OS template name '%.64s'", name);
	cache = xasprintf("%s/cache", o->template_dir);
	r = io_mkdir_p(cache, 0755);
	if (r < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, -r, "Unable to create %s", cache);
	tmp = xasprintf("%s/.import-%s-%d", cache, name, (int)getpid());
	r = import_to(o, file, name, base + strlen(stem), tmp, e);
	unlink(tmp);
	return r;
}
