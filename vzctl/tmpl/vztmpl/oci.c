// SPDX-License-Identifier: GPL-2.0-or-later
/* An OCI image layout becomes a template: one tree of all layers, packed as ours. */
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/utsname.h>

#include "base/io.h"
#include "base/log.h"
#include "sys/syscalls.h"

#define OS_RELEASE_MAX (64u << 10)

/* KEY="value" of os-release(5), if it is a short plain word; owned, or NULL. */
static char *os_release_value(const char *text, const char *key)
{
	size_t k = strlen(key), n;

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		if (strncmp(p, key, k) != 0 || p[k] != '=')
			continue;
		p += k + 1;
		p += *p == '"' || *p == '\'';
		for (n = 0; isalnum((unsigned char)p[n]) || (p[n] && strchr("._-", p[n]));)
			n++;
		return n && n <= 64 ? xstrndup(p, n) : NULL;
	}
	return NULL;
}

/* The tree is an image's: its links end inside it. */
static void read_os_release(const char *root, struct manifest *m)
{
	_cleanup_close_ int rootfd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -EBADF;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	ssize_t n;

	if (rootfd < 0)
		return;
	fd = sys_openat2(rootfd, "etc/os-release", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0,
			 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	text = xmalloc(OS_RELEASE_MAX + 1);
	n = io_read_full(fd, text, OS_RELEASE_MAX);
	if (n < 0)
		return;
	text[n] = '\0';
	m->os = os_release_value(text, "ID");
	m->version = os_release_value(text, "VERSION_ID");
}

int import_oci(const struct opts *o, const char *layout, const char *name, struct vz_err *e)
{
	_cleanup_free_ char *real = realpath(layout, NULL);
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_work_ struct work w = { .cachefd = -EBADF, .lockfd = -EBADF };
	struct tmpl_sum sum;
	struct utsname u;
	int r;

	if (!real)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", layout);
	if (!name)
		name = strrchr(real, '/') + 1;
	if (!tmpl_name_valid(name))
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "Bad OS template name '%.64s'", name);
	r = work_begin(o->template_dir, "import", name, &w, e);
	if (r < 0)
		return r;
	r = tmpl_vztar_oci(real, o->tag, w.root, !o->quiet, &sum, e);
	if (r < 0)
		return r;
	uname(&u);
	m.arch = xstrdup(u.machine);
	m.origin = xasprintf("oci %s@sha256:%s", real, sum.sha256);
	read_os_release(w.root, &m);
	vz_info("Packing %s", name);
	r = tmpl_vztar_run("create", w.root, w.archive, !o->quiet, &sum, e);
	if (r < 0)
		return r;
	return cache_publish(o->template_dir, name, w.archive, ".tar.zst", &m, &sum, e);
}
