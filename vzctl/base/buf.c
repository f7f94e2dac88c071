// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

static void buf_reserve(struct vz_buf *b, size_t n)
{
	size_t need = b->len + n + 1;

	if (need <= b->cap)
		return;
	b->cap = need < 128 ? 128 : need + need / 2;
	b->s = xrealloc(b->s, b->cap);
}

void vz_buf_add(struct vz_buf *b, const void *data, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->s + b->len, data, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void vz_buf_adds(struct vz_buf *b, const char *s)
{
	vz_buf_add(b, s, strlen(s));
}

void vz_buf_addc(struct vz_buf *b, char c)
{
	vz_buf_add(b, &c, 1);
}

void vz_buf_addu(struct vz_buf *b, uint64_t n)
{
	char digits[20], *p = digits + sizeof(digits);

	do {
		*--p = (char)('0' + n % 10);
	} while (n /= 10);
	vz_buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void vz_buf_addf(struct vz_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	buf_reserve(b, 96);
	va_start(ap, fmt);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= b->cap - b->len) {
		buf_reserve(b, n);
		va_start(ap, fmt);
		vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += n;
}

const char *vz_buf_str(const struct vz_buf *b)
{
	return b->s ? b->s : "";
}

void vz_buf_done(struct vz_buf *b)
{
	free(b->s);
	*b = VZ_BUF_INIT;
}

void vz_strv_addn(struct vz_strv *l, const char *s, size_t n)
{
	l->v = xrealloc(l->v, (l->n + 2) * sizeof(*l->v));
	l->v[l->n++] = xstrndup(s, n);
	l->v[l->n] = NULL;
}

void vz_strv_add(struct vz_strv *l, const char *s)
{
	vz_strv_addn(l, s, strlen(s));
}

void vz_strv_split(struct vz_strv *l, const char *s, const char *seps)
{
	while (*s) {
		size_t n;

		s += strspn(s, seps);
		n = strcspn(s, seps);
		if (n)
			vz_strv_addn(l, s, n);
		s += n;
	}
}

bool vz_strv_has(const struct vz_strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (str_eq(l->v[i], s))
			return true;
	return false;
}

bool vz_strv_del(struct vz_strv *l, const char *s)
{
	size_t out = 0, n = l->n;

	for (size_t i = 0; i < n; i++) {
		if (str_eq(l->v[i], s))
			free(l->v[i]);
		else
			l->v[out++] = l->v[i];
	}
	if (l->v)
		l->v[out] = NULL;
	l->n = out;
	return out != n;
}

char *vz_strv_join(const struct vz_strv *l, const char *sep)
{
	struct vz_buf b = VZ_BUF_INIT;

	vz_buf_adds(&b, "");
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			vz_buf_adds(&b, sep);
		vz_buf_adds(&b, l->v[i]);
	}
	return b.s;
}

void vz_strv_copy(struct vz_strv *dst, const struct vz_strv *src)
{
	for (size_t i = 0; i < src->n; i++)
		vz_strv_add(dst, src->v[i]);
}

void vz_strv_done(struct vz_strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = VZ_STRV_INIT;
}
