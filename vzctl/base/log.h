/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where progress, warnings and errors go.  Rooms below cmd never print: they
 * call vz_info()/vz_warn(), and the front end decided at start what that does.
 *
 * Console rule of vzctl 4.x: level < 0 to stderr, others to stdout; shown if
 * level <= verbosity.  --quiet silences stdout and warnings, never errors.
 * Every line goes to the log file too, in the 4.x format
 *	2013-01-01T12:00:00+0400 vzctl : CT 101 : text
 */
#ifndef VZ_BASE_LOG_H
#define VZ_BASE_LOG_H

#include "base/util.h"

enum vz_level {
	VZ_LOG_ERR = -2,
	VZ_LOG_WARN = -1,
	VZ_LOG_INFO = 0,
	VZ_LOG_VERBOSE = 1,
	VZ_LOG_DEBUG = 2,
};

struct vz_log_conf {
	const char *prog;	/* "vzctl": borrowed for the life of the process */
	const char *ctid;	/* NULL or decimal: borrowed */
	int verbosity;		/* highest level shown on the console */
	bool quiet;
	const char *file;	/* log file or NULL: borrowed */
	int file_level;
};

void vz_log_setup(const struct vz_log_conf *conf);
const struct vz_log_conf *vz_log_conf(void);
/* For a step that is not what was asked for; returns what it was. */
bool vz_log_set_quiet(bool quiet);

__printf(2, 3) void vz_log(enum vz_level level, const char *fmt, ...);

#define vz_error(...) vz_log(VZ_LOG_ERR, __VA_ARGS__)
/* A warning ends in ", ignoring" where the tool goes on without the thing. */
#define vz_warn(...) vz_log(VZ_LOG_WARN, __VA_ARGS__)
#define vz_info(...) vz_log(VZ_LOG_INFO, __VA_ARGS__)
#define vz_verbose(...) vz_log(VZ_LOG_VERBOSE, __VA_ARGS__)
#define vz_debug(...) vz_log(VZ_LOG_DEBUG, __VA_ARGS__)

#endif
