// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QEMU Machine Protocol: lines of JSON over a stream.  The other end runs a guest
 * that may have taken it over, so what comes is bounded in size, depth and time.
 */
#define VZ_ROOM "qemu"
#include "qemu/qemu.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/io.h"

struct json_object *qmp_parse(const char *s, size_t n)
{
	struct json_tokener *t = json_tokener_new_ex(QMP_DEPTH);
	struct json_object *o;

	if (!t || n > QMP_LINE_MAX)
		return NULL;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(t, s, (int)n);
	/* "{} x", or an object that has not ended. */
	if (json_tokener_get_error(t) != json_tokener_success ||
	    json_tokener_get_parse_end(t) != n) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

/* More bytes; -ETIMEDOUT, -ECONNRESET, -EFBIG. */
static int fill(struct qmp *q, int timeout_ms)
{
	struct pollfd p = { .fd = q->fd, .events = POLLIN };
	char buf[65536];
	ssize_t n;
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	n = recv(q->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
	if (q->in.len + (size_t)n > QMP_LINE_MAX)
		return -EFBIG;
	vz_buf_add(&q->in, buf, (size_t)n);
	return 0;
}

/* The next whole line as JSON: 1, *ret the caller's.  0: none yet.  -EBADMSG. */
static int take(struct qmp *q, struct json_object **ret)
{
	char *nl = q->in.len ? memchr(q->in.s, '\n', q->in.len) : NULL;
	size_t n, len;

	if (!nl)
		return 0;
	n = len = (size_t)(nl - q->in.s);
	while (len && (q->in.s[len - 1] == '\r' || q->in.s[len - 1] == ' '))
		len--;
	*ret = qmp_parse(q->in.s, len);
	q->in.len -= n + 1;
	memmove(q->in.s, nl + 1, q->in.len);
	return *ret && json_object_is_type(*ret, json_type_object) ? 1 : -EBADMSG;
}

static struct json_object *get(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	json_object_object_get_ex(o, key, &v);
	return v;
}

/* Hands an event on: true. */
static bool was_event(struct qmp *q, struct json_object *o)
{
	struct json_object *name = get(o, "event");

	if (!name)
		return false;
	if (q->event)
		q->event(q->arg, json_object_get_string(name), get(o, "data"));
	return true;
}

int qmp_pump(struct qmp *q)
{
	int r = fill(q, 0);

	if (r == -ETIMEDOUT)
		return 0;
	while (r == 0) {
		struct json_object *o = NULL;
		int got = take(q, &o);

		if (got == 1)
			(void)was_event(q, o);
		json_object_put(o);
		if (got <= 0)
			return got;
	}
	return r;
}

/* The answer to @id, by @end. */
static int answer(struct qmp *q, uint64_t id, long long end, struct json_object **ret)
{
	for (;;) {
		struct json_object *o = NULL, *v;
		int r = take(q, &o);

		if (r == -EBADMSG && q->lax)
			r = 1;
		else if (r == 1 && !was_event(q, o)) {
			v = get(o, "id");
			if (v && json_object_get_uint64(v) == id) {
				*ret = o;
				return 0;
			}
		}
		json_object_put(o);
		if (r == 0) {
			long long left = end - vz_now_ms();

			r = left > 0 ? fill(q, (int)left) : -ETIMEDOUT;
		}
		if (r < 0)
			return r;
	}
}

/* The first byte takes the descriptor along. */
static int write_with(int sock, int fd, const char *text, size_t len)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { .buf = { 0 } };
	struct iovec iov = { .iov_base = (void *)text, .iov_len = len };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
			    .msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t n;

	if (fd < 0)
		return io_write_full(sock, text, len);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	n = sendmsg(sock, &m, MSG_NOSIGNAL);
	return n < 0 ? -errno : io_write_full(sock, text + n, len - (size_t)n);
}

static int send_with(struct qmp *q, const char *cmd, struct json_object *args, int fd,
		     struct vz_err *e)
{
	struct json_object *req = json_object_new_object();
	const char *text;
	size_t len;
	int r;

	json_object_object_add(req, "execute", json_object_new_string(cmd));
	json_object_object_add(req, "id", json_object_new_uint64(++q->id));
	if (args)
		json_object_object_add(req, "arguments", json_object_get(args));
	text = json_object_to_json_string_length(req, JSON_C_TO_STRING_PLAIN, &len);
	r = write_with(q->fd, fd, text, len);
	if (r == 0)
		r = io_write_full(q->fd, "\n", 1);
	json_object_put(req);
	return r < 0 ? vz_fail(e, VZ_VM_ERROR, -r, "The emulator does not take '%s'", cmd) : 0;
}

int qmp_send(struct qmp *q, const char *cmd, struct json_object *args, struct vz_err *e)
{
	return send_with(q, cmd, args, -1, e);
}

static int call_with(struct qmp *q, const char *cmd, struct json_object *args, int fd,
		     int timeout_ms, struct json_object **ret, struct vz_err *e)
{
	struct json_object *got = NULL, *err;
	int r = send_with(q, cmd, args, fd, e);

	if (r < 0)
		return r;
	r = answer(q, q->id, vz_now_ms() + timeout_ms, &got);
	if (r < 0)
		return vz_fail(e, VZ_VM_ERROR, -r, "The emulator does not answer '%s'", cmd);
	err = get(got, "error");
	if (err) {
		r = vz_fail(e, VZ_VM_ERROR, 0, "%s: %s", cmd,
			    json_object_get_string(get(err, "desc")));
		json_object_put(got);
		return r;
	}
	if (ret)
		*ret = json_object_get(get(got, "return"));
	json_object_put(got);
	return 0;
}

int qmp_call(struct qmp *q, const char *cmd, struct json_object *args, int timeout_ms,
	     struct json_object **ret, struct vz_err *e)
{
	return call_with(q, cmd, args, -1, timeout_ms, ret, e);
}

int qmp_call_fd(struct qmp *q, const char *cmd, struct json_object *args, int fd, int timeout_ms,
		struct vz_err *e)
{
	return call_with(q, cmd, args, fd, timeout_ms, NULL, e);
}

static int greet(struct qmp *q, long long end, struct vz_err *e)
{
	struct json_object *o = NULL, *v;
	int r;

	while ((r = take(q, &o)) == 0) {
		long long left = end - vz_now_ms();

		r = left > 0 ? fill(q, (int)left) : -ETIMEDOUT;
		if (r < 0)
			break;
	}
	if (r < 0) {
		json_object_put(o);
		return vz_fail(e, VZ_VM_ERROR, r == -ETIMEDOUT ? EBUSY : -r,
			       "The emulator does not greet");
	}
	v = get(get(get(o, "QMP"), "version"), "qemu");
	q->major = v ? (unsigned int)json_object_get_int(get(v, "major")) : 0;
	q->minor = v ? (unsigned int)json_object_get_int(get(v, "minor")) : 0;
	json_object_put(o);
	if (q->major < 7 || (q->major == 7 && q->minor < 2))
		return vz_fail(e, VZ_VM_ERROR, 0, "QEMU %u.%u is too old: 7.2 or newer is needed",
			       q->major, q->minor);
	return 0;
}

int qmp_connect(struct qmp *q, const char *path, struct vz_err *e)
{
	q->fd = io_unix_connect(path, SOCK_STREAM);
	return q->fd < 0 ? vz_fail(e, VZ_VM_ERROR, -q->fd, "Unable to connect to '%s'", path) : 0;
}

int qmp_open(struct qmp *q, const char *path, int timeout_ms, struct vz_err *e)
{
	int r = qmp_connect(q, path, e);

	if (r < 0)
		return r;
	r = greet(q, vz_now_ms() + timeout_ms, e);
	return r < 0 ? r : qmp_call(q, "qmp_capabilities", NULL, timeout_ms, NULL, e);
}

void qmp_close(struct qmp *q)
{
	close_fd(&q->fd);
	vz_buf_done(&q->in);
}
