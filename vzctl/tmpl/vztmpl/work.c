// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a template is made: TEMPLATE/cache/.KIND-NAME, one maker at a time. */
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <fcntl.h>

#include "base/io.h"
#include "sys/rmtree.h"

int work_begin(const char *template_dir, const char *kind, const char *name, struct work *w,
	       struct vz_err *e)
{
	_cleanup_free_ char *cache = xasprintf("%s/cache", template_dir);
	int r;

	*w = (struct work){ .lock = xasprintf("%s/.lock-%s-%s", cache, kind, name),
			    .base = xasprintf(".%s-%s", kind, name), .lockfd = -EBADF,
			    .cachefd = -EBADF };
	w->root = xasprintf("%s/%s/root", cache, w->base);
	w->archive = xasprintf("%s/%s/archive", cache, w->base);
	r = io_mkdir_p(cache, 0755);
	if (r < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, -r, "Unable to create %s", cache);
	w->lockfd = io_lock(w->lock, 0, kind);
	if (w->lockfd < 0)
		return vz_fail(e, VZ_LOCKED, -w->lockfd, "Template %s is being made", name);
	w->cachefd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->cachefd < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, errno, "%s", cache);
	/* What a killed one left behind. */
	r = sys_rmtree_at(w->cachefd, w->base, VZ_IGNORE);
	if (r < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, -r, "Unable to remove %s/%s", cache, w->base);
	/* 0700: setuid programs appear here. */
	if (mkdirat(w->cachefd, w->base, 0700) < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, errno, "Unable to create %s/%s", cache,
			       w->base);
	w->made = true;
	if (mkdir(w->root, 0755) < 0 || chmod(w->root, 0755) < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, errno, "Unable to create %s", w->root);
	return 0;
}

void work_end(struct work *w)
{
	if (w->made) {
		(void)sys_rmtree_at(w->cachefd, w->base, VZ_IGNORE);
		unlink(w->lock);
	}
	close_fd(&w->cachefd);
	close_fd(&w->lockfd);
	free(w->root);
	free(w->archive);
	free(w->base);
	free(w->lock);
}
