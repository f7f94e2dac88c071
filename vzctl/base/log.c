// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"

/* The one mutable object below the front ends: the sink they installed. */
static struct vz_log_conf log_conf = { .prog = "vzctl" };

void vz_log_setup(const struct vz_log_conf *conf)
{
	log_conf = *conf;
}

const struct vz_log_conf *vz_log_conf(void)
{
	return &log_conf;
}

bool vz_log_set_quiet(bool quiet)
{
	bool old = log_conf.quiet;

	log_conf.quiet = quiet;
	return old;
}

static void log_to_file(const char *text)
{
	_cleanup_close_ int fd = -EBADF;
	char line[1400], stamp[40];
	struct tm tm;
	time_t now;
	int n;

	if (!log_conf.file)
		return;
	fd = open(log_conf.file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		  0640);
	if (fd < 0)
		return;
	now = time(NULL);
	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S%z", &tm);
	if (log_conf.ctid)
		n = snprintf(line, sizeof(line), "%s %s : CT %s : %s\n", stamp, log_conf.prog,
			     log_conf.ctid, text);
	else
		n = snprintf(line, sizeof(line), "%s %s : %s\n", stamp, log_conf.prog, text);
	if (n >= (int)sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	/* One O_APPEND write per line, so that parallel tools do not mix. */
	(void)io_write_full(fd, line, n);
}

void vz_log(enum vz_level level, const char *fmt, ...)
{
	char text[1200];
	va_list ap;
	bool show;

	show = level == VZ_LOG_ERR ||
	       (!log_conf.quiet && (int)level <= log_conf.verbosity);
	if (!show && (!log_conf.file || (int)level > log_conf.file_level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (show) {
		/* stdout may be a closed pipe; SIGPIPE is ignored by the front end. */
		if (level < 0)
			fprintf(stderr, "%s\n", text);
		else
			fprintf(stdout, "%s\n", text);
		fflush(level < 0 ? stderr : stdout);
	}
	if ((int)level <= log_conf.file_level)
		log_to_file(text);
}
