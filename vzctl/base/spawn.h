/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a host program: absolute path, argument vector, fresh environment, no
 * descriptor beyond those given.  Never for code that a container controls:
 * that goes through ns_enter.
 */
#ifndef VZ_BASE_SPAWN_H
#define VZ_BASE_SPAWN_H

#include "base/buf.h"

#define SPAWN_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct spawn {
	const char *path;		/* absolute */
	const char *const *argv;	/* NULL terminated */
	const char *const *env;		/* added to HOME=/ TERM=linux LC_ALL=C PATH; may be NULL */
	int in, out, err;		/* -1: /dev/null for in, inherited for out and err */
	struct vz_buf *ret_out;		/* captures stdout (up to 1 MiB), or NULL */
	struct vz_buf *ret_err;		/* captures stderr, or NULL */
	int timeout_ms;			/* 0 = none; then SIGKILL and -ETIMEDOUT */
};

#define SPAWN_INIT ((struct spawn){ .in = -1, .out = -1, .err = -1 })

/* Returns the wait status (see waitpid(2)) or -errno when it could not run. */
int spawn_run(const struct spawn *sp);

#endif
