// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest agent (qemu-ga) as the holder sees it: the same lines as QMP, from a
 * process of the guest, which owes us nothing: no answer, a late one, or anybody's.
 */
#define VZ_ROOM "qemu"
#include <stdio.h>

#include "base/num.h"
#include "qemu/qemu.h"

#define SYNC_MS 3000
#define AGENT_MS 5000

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *agent_encode(const void *data, size_t n)
{
	const uint8_t *p = data;
	char *ret = xmalloc((n + 2) / 3 * 4 + 1), *o = ret;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? p[i + 1] << 8 : 0) |
			     (i + 2 < n ? p[i + 2] : 0);

		*o++ = alphabet[v >> 18];
		*o++ = alphabet[v >> 12 & 63];
		*o++ = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
		*o++ = i + 2 < n ? alphabet[v & 63] : '=';
	}
	*o = '\0';
	return ret;
}

void agent_decode(const char *s, struct vz_buf *ret)
{
	uint32_t v = 0;
	int bits = 0;

	for (; *s && *s != '='; s++) {
		const char *at = strchr(alphabet, *s);

		if (!at)
			continue;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		vz_buf_addc(ret, (char)(v >> bits & 0xff));
		v &= (1u << bits) - 1;
	}
}

/* Whether a process of the guest has the port open, as the emulator says. */
static bool is_open(struct qmp *q)
{
	struct json_object *list = NULL, *v, *label;
	bool open = false;

	if (qmp_call(q, "query-chardev", NULL, AGENT_MS, &list, VZ_IGNORE) < 0)
		return false;
	for (size_t i = 0; json_object_is_type(list, json_type_array) &&
			   i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (json_object_object_get_ex(o, "label", &label) &&
		    label && str_eq(json_object_get_string(label), "ga") &&
		    json_object_object_get_ex(o, "frontend-open", &v))
			open = json_object_get_boolean(v);
	}
	json_object_put(list);
	return open;
}

/* Connected and in step; 185 with the reason. */
static int ready(struct qmp *ga, struct qmp *q, const char *path, struct vz_err *e)
{
	struct json_object *args;
	int r = 0;

	if (!is_open(q))
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "The guest has no agent (qemu-guest-agent), or has not started it yet");
	if (ga->fd < 0) {
		r = qmp_connect(ga, path, e);
		ga->lax = true;
	}
	if (r < 0)
		return r;
	args = json_object_new_object();
	json_object_object_add(args, "id", json_object_new_int64((int64_t)++ga->id));
	r = qmp_call(ga, "guest-sync", args, SYNC_MS, NULL, VZ_IGNORE);
	json_object_put(args);
	if (r < 0) {
		/* What it answers later is nobody's. */
		qmp_close(ga);
		return vz_fail(e, VZ_VM_ERROR, 0, "The agent of the guest does not answer");
	}
	return 0;
}

static int call(struct agent *a, const char *cmd, struct json_object *args,
		struct json_object **ret, struct vz_err *e)
{
	int r = ready(&a->ga, a->q, a->path, e);

	if (r == 0)
		r = qmp_call(&a->ga, cmd, args, AGENT_MS, ret, e);
	json_object_put(args);
	return r;
}

/* @data: @argc strings, each with its NUL, then standard input. */
static int do_exec(struct agent *a, uint32_t argc, const char *data, size_t len,
		   struct vz_buf *out, struct vz_err *e)
{
	struct json_object *args = json_object_new_object(), *list = json_object_new_array(), *pid;
	struct json_object *ret = NULL;
	const char *end = data + len;
	int r;

	json_object_object_add(args, "capture-output", json_object_new_boolean(true));
	json_object_object_add(args, "arg", list);
	for (uint32_t i = 0; i < argc; i++) {
		size_t n = strnlen(data, (size_t)(end - data));

		if (data + n >= end) {
			json_object_put(args);
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Bad request");
		}
		if (i == 0)
			json_object_object_add(args, "path", json_object_new_string(data));
		else
			json_object_array_add(list, json_object_new_string(data));
		data += n + 1;
	}
	if (data < end) {
		_cleanup_free_ char *input = agent_encode(data, (size_t)(end - data));

		json_object_object_add(args, "input-data", json_object_new_string(input));
	}
	r = call(a, "guest-exec", args, &ret, e);
	if (r == 0)
		vz_buf_addf(out, "%lld", json_object_object_get_ex(ret, "pid", &pid) ?
				 (long long)json_object_get_int64(pid) : -1LL);
	json_object_put(ret);
	return r;
}

static void take_data(struct json_object *o, const char *key, struct vz_buf *ret)
{
	struct json_object *v;

	/* NULL is what json-c makes of a null. */
	if (json_object_object_get_ex(o, key, &v) && v)
		agent_decode(json_object_get_string(v), ret);
}

/* "EXITED CODE OUT-BYTES ERR-BYTES\n", what was written to both. */
static int do_poll(struct agent *a, const char *arg, struct vz_buf *out, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf o = VZ_BUF_INIT, err = VZ_BUF_INIT;
	struct json_object *args = json_object_new_object(), *ret = NULL, *v;
	bool exited = false;
	int r, code = 255;

	json_object_object_add(args, "pid", json_object_new_int64(atoll(arg)));
	r = call(a, "guest-exec-status", args, &ret, e);
	if (r < 0)
		return r;
	if (json_object_object_get_ex(ret, "exited", &v))
		exited = json_object_get_boolean(v);
	if (json_object_object_get_ex(ret, "exitcode", &v))
		code = json_object_get_int(v) & 0xff;
	else if (json_object_object_get_ex(ret, "signal", &v))
		code = 128 + (json_object_get_int(v) & 0x7f);
	take_data(ret, "out-data", &o);
	take_data(ret, "err-data", &err);
	vz_buf_addf(out, "%d %d %zu %zu\n", exited, code, o.len, err.len);
	vz_buf_add(out, vz_buf_str(&o), o.len);
	vz_buf_add(out, vz_buf_str(&err), err.len);
	json_object_put(ret);
	return 0;
}

static int do_password(struct agent *a, const char *user, const char *data, size_t len,
		       struct vz_err *e)
{
	struct json_object *args = json_object_new_object();
	_cleanup_free_ char *password = agent_encode(data, len);

	json_object_object_add(args, "username", json_object_new_string(user));
	json_object_object_add(args, "password", json_object_new_string(password));
	json_object_object_add(args, "crypted", json_object_new_boolean(false));
	return call(a, "guest-set-user-password", args, NULL, e);
}

/* There is no answer when it works. */
static int do_shutdown(struct agent *a, struct vz_err *e)
{
	int r = ready(&a->ga, a->q, a->path, e);

	return r < 0 ? r : qmp_send(&a->ga, "guest-shutdown", NULL, e);
}

bool agent_run(struct agent *a, const char *word, const char *arg, const char *data, size_t len,
	       struct vz_buf *out, int *ret, struct vz_err *e)
{
	uint32_t argc;

	if (str_eq(word, "ga-exec"))
		*ret = num_parse_u32(arg, &argc) < 0 || argc < 1 || argc > 1024 ?
			       vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Bad request") :
			       do_exec(a, argc, data, len, out, e);
	else if (str_eq(word, "ga-poll"))
		*ret = do_poll(a, arg, out, e);
	else if (str_eq(word, "ga-passwd"))
		*ret = do_password(a, arg, data, len, e);
	else if (str_eq(word, "ga-shutdown"))
		*ret = do_shutdown(a, e);
	else
		return false;
	return true;
}
