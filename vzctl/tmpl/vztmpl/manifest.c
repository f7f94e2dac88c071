// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "tmpl"
#include "vztmpl.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/io.h"
#include "base/json.h"
#include "base/num.h"

#define MANIFEST_MAX (64u << 10)

/* One row per key: the writer and the reader cannot drift apart. */
static const struct {
	const char *key;
	size_t off;
	bool number;
} fields[] = {
#define STR(k) { #k, offsetof(struct manifest, k), false }
#define NUM(k) { #k, offsetof(struct manifest, k), true }
	STR(os), STR(version), STR(arch), STR(summary), STR(origin), STR(archive), STR(sha256),
	NUM(archive_bytes), NUM(bytes), NUM(entries), NUM(created),
#undef STR
#undef NUM
};

static char **str_field(const struct manifest *m, size_t i)
{
	return (char **)((char *)m + fields[i].off);
}

static uint64_t *num_field(const struct manifest *m, size_t i)
{
	return (uint64_t *)((char *)m + fields[i].off);
}

void manifest_done(struct manifest *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!fields[i].number)
			free(*str_field(m, i));
	*m = (struct manifest){ 0 };
}

static char *manifest_path(const char *template_dir, const char *name)
{
	return xasprintf("%s/cache/%s.json", template_dir, name);
}

/* Behind a backslash: what base/json.h writes, others as they are.  Returns its last byte. */
static const char *parse_escape(const char *s, struct vz_buf *v)
{
	unsigned int c;
	int used = 0;

	if (sscanf(s, "u00%2x%n", &c, &used) != 1 || used != 5) {
		vz_buf_addc(v, *s);
		return s;
	}
	if (c < 0x80) {
		vz_buf_addc(v, c ? (char)c : '?');
	} else {
		vz_buf_addc(v, (char)(0xc0 | c >> 6));
		vz_buf_addc(v, (char)(0x80 | (c & 0x3f)));
	}
	return s + 4;
}

/* The string or number after @p; NULL when it is neither.  Advances @p. */
static char *parse_value(const char **p)
{
	_cleanup_buf_ struct vz_buf v = VZ_BUF_INIT;
	const char *s = *p;

	if (*s == '"') {
		for (s++; *s && *s != '"'; s++) {
			if (*s == '\\' && s[1])
				s = parse_escape(s + 1, &v);
			else
				vz_buf_addc(&v, *s);
		}
		if (*s != '"')
			return NULL;
		s++;
	} else {
		size_t n = strspn(s, "0123456789");

		if (!n)
			return NULL;
		vz_buf_add(&v, s, n);
		s += n;
	}
	*p = s;
	return xstrdup(vz_buf_str(&v));
}

static void set_field(struct manifest *m, const char *key, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!str_eq(fields[i].key, key))
			continue;
		if (fields[i].number) {
			num_parse_u64(value, num_field(m, i));
		} else {
			free(*str_field(m, i));
			*str_field(m, i) = xstrdup(value);
		}
	}
}

/* A flat object of strings and numbers, which is all that a manifest is. */
static bool parse(const char *p, struct manifest *m)
{
	static const char blank[] = " \t\r\n";

	p += strspn(p, blank);
	if (*p++ != '{')
		return false;
	for (;;) {
		_cleanup_free_ char *key = NULL, *value = NULL;

		p += strspn(p, blank);
		if (*p != '"')
			return false;
		key = parse_value(&p);
		if (!key)
			return false;
		p += strspn(p, blank);
		if (*p++ != ':')
			return false;
		p += strspn(p, blank);
		value = parse_value(&p);
		if (!value)
			return false;
		set_field(m, key, value);
		p += strspn(p, blank);
		if (*p == '}')
			return true;
		if (*p++ != ',')
			return false;
	}
}

int manifest_read(const char *template_dir, const char *name, struct manifest *ret,
		  struct vz_err *e)
{
	_cleanup_free_ char *path = manifest_path(template_dir, name);
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct manifest m = { 0 };
	int r = io_read_file_at(AT_FDCWD, path, &text, MANIFEST_MAX);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return vz_fail(e, VZ_TEMPLATE_ERROR, -r, "%s", path);
	if (!parse(vz_buf_str(&text), &m)) {
		manifest_done(&m);
		return vz_fail(e, VZ_TEMPLATE_ERROR, 0, "%s is no template manifest", path);
	}
	*ret = m;
	return 0;
}

static void manifest_format(const char *name, const struct manifest *m, struct vz_buf *b)
{
	vz_buf_adds(b, "{\n  \"name\": ");
	json_string(b, name);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *s;

		if (fields[i].number) {
			vz_buf_addf(b, ",\n  \"%s\": %" PRIu64, fields[i].key,
				    *num_field(m, i));
			continue;
		}
		s = *str_field(m, i);
		if (!s)
			continue;
		vz_buf_addf(b, ",\n  \"%s\": ", fields[i].key);
		json_string(b, s);
	}
	vz_buf_adds(b, "\n}\n");
}

int manifest_write(const char *template_dir, const char *name, const struct manifest *m,
		   struct vz_err *e)
{
	_cleanup_free_ char *path = manifest_path(template_dir, name);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r;

	manifest_format(name, m, &b);
	r = io_write_atomic_at(AT_FDCWD, path, b.s, b.len, 0644, 0);
	return r < 0 ? vz_fail(e, VZ_TEMPLATE_ERROR, -r, "%s", path) : 0;
}
