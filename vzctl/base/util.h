/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small things every room uses: cleanup attributes, take_*(), array sizes.
 *
 * A variable marked _cleanup_close_ or _cleanup_free_ owns what it holds;
 * ownership leaves it only through take_fd() and take_ptr().  "No fd" is -EBADF.
 */
#ifndef VZ_BASE_UTIL_H
#define VZ_BASE_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define __printf(a, b) __attribute__((format(printf, a, b)))
#define __must_check __attribute__((warn_unused_result))
#define __noreturn __attribute__((noreturn))

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void vz_cleanup_free(void *p)
{
	free(*(void **)p);
}

/* errno survives: cleanup runs between a failing call and its caller. */
static inline void vz_cleanup_close(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

#define _cleanup_free_ _cleanup_(vz_cleanup_free)
#define _cleanup_close_ _cleanup_(vz_cleanup_close)

#define take_ptr(p)                             \
	({                                      \
		__typeof__(p) take_tmp_ = (p);  \
		(p) = NULL;                     \
		take_tmp_;                      \
	})

static inline int take_fd(int *fd)
{
	int f = *fd;

	*fd = -EBADF;
	return f;
}

static inline void close_fd(int *fd)
{
	int f = take_fd(fd);

	if (f >= 0)
		close(f);
}

/* -errno of a call that failed; the compiler and the analyzers see that it is negative. */
static inline int neg_errno(void)
{
	int r = -errno;

	if (r >= 0)
		__builtin_unreachable();
	return r;
}

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * Short-lived commands end when memory does (exit code 6); the monitor never
 * allocates after start.  Callers need no NULL check.
 */
__noreturn void vz_oom(void);
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
/* Room for one more of @size in a list of @n, which began as NULL and grows by this alone. */
void *xgrow(void *list, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
__printf(1, 2) char *xasprintf(const char *fmt, ...);

/* Milliseconds of CLOCK_MONOTONIC. */
long long vz_now_ms(void);

#endif
