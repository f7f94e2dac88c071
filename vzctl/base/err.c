// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

int vz_fail_room(struct vz_err *e, const char *room, enum vz_code code, int sys,
		 const char *fmt, ...)
{
	va_list ap;
	size_t len;

	memset(e, 0, sizeof(*e));
	e->code = code;
	e->sys = sys;
	snprintf(e->room, sizeof(e->room), "%s", room);
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	if (sys && len < sizeof(e->msg) - 1) {
		const char *name = strerrordesc_np(sys);

		snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", name ? name : "Unknown error");
	}
	return sys ? -sys : -EPROTO;
}

int vz_wrap(struct vz_err *e, int r, const char *fmt, ...)
{
	char tmp[sizeof(e->msg)];
	va_list ap;
	size_t len;

	if (r >= 0)
		return r;
	memcpy(tmp, e->msg, sizeof(tmp));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	if (len < sizeof(e->msg) - 1)
		snprintf(e->msg + len, sizeof(e->msg) - len, ": %.*s",
			 (int)(sizeof(tmp) - 1), tmp);
	return r;
}
