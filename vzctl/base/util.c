// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"

void vz_oom(void)
{
	static const char msg[] = "Out of memory\n";

	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(VZ_RESOURCE_ERROR);
	_exit(VZ_RESOURCE_ERROR);
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		vz_oom();
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		vz_oom();
	return p;
}

void *xrealloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		vz_oom();
	return q;
}

void *xgrow(void *list, size_t n, size_t size)
{
	/* Full whenever the number is a power of two. */
	return n & (n - 1) ? list : xrealloc(list, (n ? 2 * n : 1) * size);
}

char *xstrdup(const char *s)
{
	char *p = strdup(s);

	if (!p)
		vz_oom();
	return p;
}

char *xstrndup(const char *s, size_t n)
{
	char *p = strndup(s, n);

	if (!p)
		vz_oom();
	return p;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		vz_oom();
	return s;
}

long long vz_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
