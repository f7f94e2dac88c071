/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing byte buffer, always NUL terminated, and a list of strings. */
#ifndef VZ_BASE_BUF_H
#define VZ_BASE_BUF_H

#include "base/util.h"

struct vz_buf {
	char *s;	/* NULL when empty and never written: use vz_buf_str() */
	size_t len;
	size_t cap;
};

#define VZ_BUF_INIT ((struct vz_buf){ 0 })

void vz_buf_add(struct vz_buf *b, const void *data, size_t n);
void vz_buf_adds(struct vz_buf *b, const char *s);
void vz_buf_addc(struct vz_buf *b, char c);
/* In decimal. */
void vz_buf_addu(struct vz_buf *b, uint64_t n);
__printf(2, 3) void vz_buf_addf(struct vz_buf *b, const char *fmt, ...);
/* Borrowed until the next change; "" when empty. */
const char *vz_buf_str(const struct vz_buf *b);
void vz_buf_done(struct vz_buf *b);
#define _cleanup_buf_ _cleanup_(vz_buf_done)

struct vz_strv {
	char **v;	/* owned strings; v[n] is NULL when v is set */
	size_t n;
};

#define VZ_STRV_INIT ((struct vz_strv){ 0 })

void vz_strv_add(struct vz_strv *l, const char *s);
void vz_strv_addn(struct vz_strv *l, const char *s, size_t n);
/* Splits @s at any of @seps, dropping empty words. */
void vz_strv_split(struct vz_strv *l, const char *s, const char *seps);
bool vz_strv_has(const struct vz_strv *l, const char *s);
/* Removes every @s; true if one was there. */
bool vz_strv_del(struct vz_strv *l, const char *s);
/* Owned by the caller. */
char *vz_strv_join(const struct vz_strv *l, const char *sep);
void vz_strv_copy(struct vz_strv *dst, const struct vz_strv *src);
void vz_strv_done(struct vz_strv *l);
#define _cleanup_strv_ _cleanup_(vz_strv_done)

#endif
