// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A snapshot of a running guest, as a whole in the holder: a vzctl that is killed meanwhile
 * leaves no guest that stands still.  That of a killed holder goes on with the next one.
 */
#define VZ_ROOM "qemu"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "qemu/qemu.h"

#define CALL_MS 10000

static char *mark_path(const char *run)
{
	return xasprintf("%s/snapping", run);
}

static int go_on(struct qmp *q, const char *mark, struct vz_err *e)
{
	int r = qmp_call(q, "cont", NULL, CALL_MS, NULL, e);

	if (r == 0)
		unlink(mark);
	return r;
}

void snap_recover(struct qmp *q, const char *run)
{
	_cleanup_free_ char *mark = mark_path(run);

	if (io_exists(mark))
		(void)go_on(q, mark, VZ_IGNORE);
}

/* Of the private area, whose names ct/vm-snap.c has checked. */
static int copy_disk(int disks, int to, const char *name, struct vz_err *e)
{
	_cleanup_close_ int src = openat(disks, name,
					 O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	_cleanup_close_ int dst = -EBADF;
	int r;

	if (src < 0 || strchr(name, '/'))
		return vz_fail(e, VZ_SNAP_CREATE, errno, "Disk '%s'", name);
	dst = openat(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	r = dst < 0 ? -errno : io_clone(src, dst, NULL);
	if (r == 0 && fsync(dst) < 0)
		r = -errno;
	return r < 0 ? vz_fail(e, VZ_SNAP_CREATE, -r, "Unable to copy disk '%s'", name) : 0;
}

static int copy_disks(const char *dir, char *names, struct vz_err *e)
{
	_cleanup_free_ char *from = xasprintf("%s/../../disks", dir);
	_cleanup_free_ char *path = xasprintf("%s/disks", dir);
	_cleanup_close_ int disks = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *name;
	int r = 0;

	if (disks < 0 || to < 0)
		return vz_fail(e, VZ_SNAP_CREATE, errno, "Unable to open '%s'",
			       disks < 0 ? from : path);
	while (r == 0 && (name = strsep(&names, "\n")))
		if (*name)
			r = copy_disk(disks, to, name, e);
	return r == 0 && fsync(to) < 0 ? vz_fail(e, VZ_SNAP_CREATE, errno, "Unable to write '%s'",
						 path) : r;
}

static int is_running(struct qmp *q, bool *ret, struct vz_err *e)
{
	struct json_object *ret_o = NULL, *v = NULL;
	int r = qmp_call(q, "query-status", NULL, CALL_MS, &ret_o, e);

	if (r < 0)
		return r;
	*ret = json_object_object_get_ex(ret_o, "running", &v) && json_object_get_boolean(v);
	json_object_put(ret_o);
	return 0;
}

int snap_guest(struct qmp *q, const char *run, const char *dir, char *data, struct vz_err *e)
{
	_cleanup_free_ char *mark = mark_path(run), *mem = xasprintf("%s/mem", dir);
	const char *how = strsep(&data, "\n");
	bool running = false;
	int fd, r = is_running(q, &running, e);

	if (r < 0)
		return r;
	if (!running)
		return vz_fail(e, VZ_SNAP_CREATE, 0,
			       "The guest stands still (vzctl qmp CT query-status)");
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return vz_fail(e, VZ_SNAP_CREATE, errno, "Unable to write '%s'", mark);
	close(fd);
	r = str_eq(how, "mem") ? save_guest(q, mem, e) :
				 qmp_call(q, "stop", NULL, CALL_MS, NULL, e);
	if (r == 0 && data)
		r = copy_disks(dir, data, e);
	return go_on(q, mark, r < 0 ? VZ_IGNORE : e) < 0 && r == 0 ? -EPROTO : r;
}
