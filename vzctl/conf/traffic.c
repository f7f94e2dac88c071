// SPDX-License-Identifier: GPL-2.0-or-later
/* RATE= and the class file: which traffic is counted apart, and how fast it may be. */
#include "conf/traffic.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "conf/priv.h"

#define FILE_MAX_SIZE (4u << 20)
#define KBITS_MAX 4000000000ULL	/* 4 terabits */

/* ---- RATE --------------------------------------------------------------- */

static bool device_ok(const char *s)
{
	const char *name = str_has_prefix(s, CONF_RATE_CT) ? s + strlen(CONF_RATE_CT) : s;

	if (str_eq(s, "*"))
		return true;
	if (!*name || strlen(name) > 15 || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	for (; *name; name++)
		if (!isgraph((unsigned char)*name) || strchr("/:*,;\"'`$\\", *name))
			return false;
	return true;
}

int conf_rate_parse(const char *text, struct conf_rate *ret)
{
	struct conf_rate r = { .dev = "*" };
	char copy[64], *cls, *kbits;
	uint64_t n;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	kbits = strrchr(copy, ':');
	if (!kbits)
		return -EINVAL;
	*kbits++ = '\0';
	/* CLASS:KBITS of prlctl is any device. */
	cls = strrchr(copy, ':');
	if (cls) {
		*cls++ = '\0';
		if (!device_ok(copy))
			return -EINVAL;
		snprintf(r.dev, sizeof(r.dev), "%s", copy);
	} else {
		cls = copy;
	}
	if (num_parse_u64(cls, &n) < 0 || n < 1 || n >= CONF_CLASSES)
		return -EINVAL;
	r.cls = (uint8_t)n;
	if (num_parse_u64(kbits, &r.kbits) < 0 || !r.kbits || r.kbits > KBITS_MAX)
		return -EINVAL;
	*ret = r;
	return 0;
}

int conf_rate_format(const struct conf_rate *r, char *ret, size_t size)
{
	return (size_t)snprintf(ret, size, "%s:%u:%" PRIu64, r->dev, r->cls, r->kbits) < size ?
	       0 : -ENOSPC;
}

bool conf_rate_same(const char *a, const char *b)
{
	struct conf_rate x, y;

	return conf_rate_parse(a, &x) == 0 && conf_rate_parse(b, &y) == 0 && x.cls == y.cls &&
	       str_eq(x.dev, y.dev);
}

/* ---- the class file -------------------------------------------------------- */

static int parse_prefix(char *s, struct conf_class *c)
{
	char *slash = strchr(s, '/');
	uint32_t plen;

	if (slash)
		*slash++ = '\0';
	c->family = strchr(s, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(c->family, s, c->addr) != 1)
		return -EINVAL;
	plen = c->family == AF_INET6 ? 128 : 32;
	if (slash && (num_parse_u32(slash, &plen) < 0 ||
		      plen > (c->family == AF_INET6 ? 128u : 32u)))
		return -EINVAL;
	c->plen = (uint8_t)plen;
	return 0;
}

/* 1: a class, 0: nothing on this line. */
static int parse_line(char *line, struct conf_class *ret)
{
	struct conf_class c = { 0 };
	char *save, *num, *prefix;
	uint32_t n;

	line[strcspn(line, "#")] = '\0';
	num = strtok_r(line, " \t\r", &save);
	if (!num)
		return 0;
	prefix = strtok_r(NULL, " \t\r", &save);
	if (!prefix || strtok_r(NULL, " \t\r", &save) || num_parse_u32(num, &n) < 0 ||
	    n >= CONF_CLASSES || parse_prefix(prefix, &c) < 0)
		return -EINVAL;
	c.cls = (uint8_t)n;
	*ret = c;
	return 1;
}

void conf_classes_parse(const char *text, const char *name, struct conf_class **ret,
			size_t *ret_n)
{
	struct conf_class *v = NULL, c;
	size_t n = 0, size = 0;
	unsigned int line = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		_cleanup_free_ char *copy = xstrndup(text, len);
		int r = parse_line(copy, &c);

		line++;
		text += len + (text[len] == '\n');
		if (r < 0)
			vz_warn("%s: line %u is no CLASS and PREFIX (classes 0 to %u), ignoring",
				name, line, CONF_CLASSES - 1);
		if (r <= 0)
			continue;
		if (n == size)
			v = xrealloc(v, (size = size ? 2 * size : 16) * sizeof(*v));
		v[n++] = c;
	}
	*ret = v;
	*ret_n = n;
}

int conf_classes_load(struct conf_class **ret, size_t *ret_n)
{
	_cleanup_free_ char *path = xasprintf("%s/conf/networks_classes", conf_dir());
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	int r = io_read_file_at(AT_FDCWD, path, &text, FILE_MAX_SIZE);

	if (r < 0)
		return r;
	conf_classes_parse(vz_buf_str(&text), path, ret, ret_n);
	return 0;
}
