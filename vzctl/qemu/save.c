// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest's memory and devices in a file, and back: a migration that nobody meets. */
#define VZ_ROOM "qemu"
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "qemu/qemu.h"

#define CALL_MS 10000
#define NAP_MS 20
#define SAVE_S 1800

static void nap(void)
{
	const struct timespec t = { .tv_nsec = NAP_MS * 1000000L };

	nanosleep(&t, NULL);
}

static struct json_object *object(const char *key, struct json_object *v)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, key, v);
	return o;
}

/* query-status, query-migrate: the member "status", "" when there is none. */
static int status_of(struct qmp *q, const char *cmd, char *buf, size_t size, struct vz_err *e)
{
	struct json_object *ret = NULL, *v;
	int r = qmp_call(q, cmd, NULL, CALL_MS, &ret, e);

	if (r < 0)
		return r;
	snprintf(buf, size, "%s", json_object_object_get_ex(ret, "status", &v) ?
				  json_object_get_string(v) : "");
	json_object_put(ret);
	return 0;
}

/* The descriptor has a name there from now on. */
static int pass(struct qmp *q, int fd, struct vz_err *e)
{
	struct json_object *args = object("fdname", json_object_new_string("mem"));
	int r = qmp_call_fd(q, "getfd", args, fd, CALL_MS, e);

	json_object_put(args);
	return r;
}

static int with_uri(struct qmp *q, const char *cmd, struct vz_err *e)
{
	struct json_object *args = object("uri", json_object_new_string("fd:mem"));
	int r = qmp_call(q, cmd, args, CALL_MS, NULL, e);

	json_object_put(args);
	return r;
}

static int unbounded(struct qmp *q, struct vz_err *e)
{
	struct json_object *args = object("max-bandwidth", json_object_new_int64(INT64_C(1) << 40));
	int r = qmp_call(q, "migrate-set-parameters", args, CALL_MS, NULL, e);

	json_object_put(args);
	return r;
}

static int wait_saved(struct qmp *q, struct vz_err *e)
{
	char status[32];

	for (int i = 0; i < SAVE_S * 1000 / NAP_MS; i++) {
		int r = status_of(q, "query-migrate", status, sizeof(status), e);

		if (r < 0)
			return r;
		if (str_eq(status, "completed"))
			return 0;
		if (str_eq(status, "failed") || str_eq(status, "cancelled"))
			return vz_fail(e, VZ_CHKPNT_ERROR, 0,
				       "The emulator could not save the guest");
		nap();
	}
	return vz_fail(e, VZ_CHKPNT_ERROR, 0, "Saving the guest takes too long");
}

static int save_fd(struct qmp *q, int fd, struct vz_err *e)
{
	int r = unbounded(q, e);

	if (r == 0)
		r = qmp_call(q, "stop", NULL, CALL_MS, NULL, e);
	if (r == 0)
		r = pass(q, fd, e);
	if (r == 0)
		r = with_uri(q, "migrate", e);
	return r < 0 ? r : wait_saved(q, e);
}

int save_guest(struct qmp *q, const char *path, struct vz_err *e)
{
	_cleanup_free_ char *tmp = xasprintf("%s.new", path);
	_cleanup_close_ int fd = -EBADF;
	int r;

	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return vz_fail(e, VZ_CHKPNT_ERROR, errno, "Unable to make '%s'", tmp);
	r = save_fd(q, fd, e);
	if (r == 0 && (fsync(fd) < 0 || rename(tmp, path) < 0 || io_sync_parent(path) < 0))
		r = vz_fail(e, VZ_CHKPNT_ERROR, errno, "Unable to write '%s'", path);
	if (r == 0)
		return 0;
	unlink(tmp);
	(void)qmp_call(q, "cont", NULL, CALL_MS, NULL, VZ_IGNORE);
	return r;
}

int load_guest(struct qmp *q, const char *path, struct vz_err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char status[32];
	int r;

	if (fd < 0)
		return vz_fail(e, VZ_RESTORE_ERROR, errno, "Unable to open '%s'", path);
	r = pass(q, fd, e);
	if (r == 0)
		r = with_uri(q, "migrate-incoming", e);
	for (int i = 0; r == 0 && i < SAVE_S * 1000 / NAP_MS; i++) {
		r = status_of(q, "query-status", status, sizeof(status), e);
		if (r < 0 || !str_eq(status, "inmigrate"))
			return r;
		nap();
	}
	return r < 0 ? r : vz_fail(e, VZ_RESTORE_ERROR, 0, "Restoring the guest takes too long");
}
