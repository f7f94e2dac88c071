// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzqemu twin FILE: the configuration that a bundle has beside its disks (ve.json), as
 * "ctid N" and lines KEY=VALUE.  It comes from elsewhere: what is not exactly that is
 * refused, and whoever reads the lines checks each value as one of a configuration file.
 */
#define VZ_ROOM "qemu"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "qemu/qemu.h"

#define TWIN_MAX (256u << 10)
#define KEYS_MAX 256

static bool key_ok(const char *s)
{
	const char *from = s;

	for (; *s; s++)
		if (!isupper((unsigned char)*s) && !isdigit((unsigned char)*s) && *s != '_')
			return false;
	return s > from && s - from < 64;
}

/* One line: no control character, and none that JSON hid in an escape. */
static bool value_ok(struct json_object *v)
{
	const char *s;

	if (!json_object_is_type(v, json_type_string))
		return false;
	s = json_object_get_string(v);
	if (strlen(s) != (size_t)json_object_get_string_len(v))
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static struct json_object *get(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *v = NULL;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, type) ? v : NULL;
}

static int print(struct json_object *o, const char *path, struct vz_err *e)
{
	struct json_object *schema = get(o, "schema", json_type_int);
	struct json_object *type = get(o, "type", json_type_string);
	struct json_object *id = get(o, "ctid", json_type_int);
	struct json_object *conf = get(o, "conf", json_type_object);

	if (!schema || json_object_get_int64(schema) != 1 || !type ||
	    !str_eq(json_object_get_string(type), "vm"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "'%s' describes no virtual machine of schema 1", path);
	if (!conf || json_object_object_length(conf) > KEYS_MAX || !id ||
	    json_object_get_int64(id) < 1 || json_object_get_int64(id) > INT32_MAX)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "'%s' has no number, or no configuration", path);
	{
		json_object_object_foreach(conf, key, v) {
			if (!key_ok(key) || !value_ok(v))
				return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
					       "'%s': bad key or value in its configuration", path);
		}
	}
	printf("ctid %lld\n", (long long)json_object_get_int64(id));
	{
		json_object_object_foreach(conf, key, v)
			printf("%s=%s\n", key, json_object_get_string(v));
	}
	return 0;
}

int cmd_twin(int argc, char **argv, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct json_object *o = NULL;
	struct stat st;
	int r;

	if (argc != 1)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "vzqemu twin FILE");
	if (lstat(argv[0], &st) < 0 || !S_ISREG(st.st_mode))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "'%s' is no file", argv[0]);
	r = io_read_file_at(AT_FDCWD, argv[0], &b, TWIN_MAX);
	if (r == 0) {
		/* What is behind the end of the value is white space only. */
		while (b.len && isspace((unsigned char)b.s[b.len - 1]))
			b.len--;
		o = qmp_parse(vz_buf_str(&b), b.len);
	}
	if (!o || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "'%s' is no JSON object", argv[0]);
	}
	r = print(o, argv[0], e);
	json_object_put(o);
	return r;
}
