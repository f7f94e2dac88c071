// SPDX-License-Identifier: GPL-2.0-or-later
#include "vztar.h"

#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/num.h"

static bool report;

static void say_failure(enum vztar_exit code, const char *text)
{
	char line[1024];
	int n;

	/* An entry's name may hold anything: one line, no escape sequences. */
	n = snprintf(line, sizeof(line), "%s%s", report ? "error " : "vztar: ", text);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n] = '\n';
	if (write(report ? STDOUT_FILENO : STDERR_FILENO, line, (size_t)n + 1) < 0)
		_exit(code);
	_exit(code);
}

void die(enum vztar_exit code, const char *fmt, ...)
{
	char text[960];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say_failure(code, text);
	_exit(code);
}

void die_entry(const char *entry, const char *what, int err)
{
	bool full = err == ENOSPC || err == EDQUOT;

	if (err == ELOOP)
		refuse(entry, "its path leads through a symlink");
	if (err == ENOTDIR)
		refuse(entry, "its path leads through a file");
	die(full ? VZTAR_NOSPACE : VZTAR_FAILED, "%.600s: %s: %s", entry, what, strerror(err));
}

void refuse(const char *entry, const char *why)
{
	die(VZTAR_REFUSED, "%.600s: %s", entry, why);
}

static __noreturn void usage(int code)
{
	fputs("usage: vztar extract --dir DIR [--progress] [--report] [--max-bytes N]\n"
	      "                     [--max-entries N] ARCHIVE\n"
	      "       vztar test [--progress] [--report] [--max-bytes N] [--max-entries N] ARCHIVE\n"
	      "       vztar oci --dir DIR [--tag NAME] [--progress] [--report] [--max-bytes N]\n"
	      "                 [--max-entries N] LAYOUT\n"
	      "       vztar create  --dir DIR [--progress] [--report] [--level N] ARCHIVE\n"
	      "DIR may be the number of an open descriptor.\n",
	      code ? stderr : stdout);
	exit(code);
}

static int open_dir(const char *dir)
{
	uint32_t n;
	int fd;

	if (num_parse_u32(dir, &n) == 0)
		fd = openat((int)n, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	else
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(VZTAR_FAILED, "%s: %s", dir, strerror(errno));
	return fd;
}

static uint64_t number(const char *s)
{
	uint64_t n;

	if (num_parse_u64(s, &n) < 0)
		usage(VZTAR_USAGE);
	return n;
}

enum verb { EXTRACT, TEST, CREATE, OCI };

static enum verb verb_of(const char *s)
{
	static const char *const verbs[] = { "extract", "test", "create", "oci" };

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (str_eq(s, verbs[i]))
			return (enum verb)i;
	usage(str_eq(s, "--help") ? 0 : VZTAR_USAGE);
}

struct args {
	const char *dir, *tag, *file;
	struct vztar_opts o;
};

static void parse_args(int argc, char **argv, struct args *a)
{
	static const struct option opts[] = {
		{ "dir", required_argument, NULL, 'd' },
		{ "tag", required_argument, NULL, 't' },
		{ "progress", no_argument, NULL, 'p' },
		{ "report", no_argument, NULL, 'r' },
		{ "level", required_argument, NULL, 'l' },
		{ "max-bytes", required_argument, NULL, 'b' },
		{ "max-entries", required_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	optind = 2;
	while ((c = getopt_long(argc, argv, "", opts, NULL)) >= 0) {
		switch (c) {
		case 'd':
			a->dir = optarg;
			break;
		case 't':
			a->tag = optarg;
			break;
		case 'p':
			a->o.progress = true;
			break;
		case 'r':
			a->o.report = report = true;
			break;
		case 'l':
			a->o.level = (int)number(optarg);
			break;
		case 'b':
			a->o.max_bytes = number(optarg);
			break;
		case 'e':
			a->o.max_entries = number(optarg);
			break;
		case 'h':
			usage(0);
		default:
			usage(VZTAR_USAGE);
		}
	}
	if (optind + 1 != argc)
		usage(VZTAR_USAGE);
	a->file = argv[optind];
}

static int open_archive(const char *file, int flags)
{
	int fd = open(file, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die(VZTAR_FAILED, "%s: %s", file, strerror(errno));
	return fd;
}

int main(int argc, char **argv)
{
	struct args a = { .o = { .level = 9, .max_bytes = 64ULL << 30, .max_entries = 5000000 } };
	enum verb verb = verb_of(argc > 1 ? argv[1] : "");
	int dirfd = -EBADF;

	parse_args(argc, argv, &a);
	if (!a.dir == (verb != TEST) || (a.tag && verb != OCI))
		usage(VZTAR_USAGE);
	/* Names are bytes to us; libarchive wants UTF-8 to keep those of pax headers. */
	setlocale(LC_CTYPE, "C.UTF-8");
	if (a.dir)
		dirfd = open_dir(a.dir);
	switch (verb) {
	case EXTRACT:
		vztar_extract(dirfd, open_archive(a.file, O_RDONLY), &a.o);
		break;
	case TEST:
		vztar_test(open_archive(a.file, O_RDONLY), &a.o);
		break;
	case CREATE:
		vztar_create(dirfd, open_archive(a.file, O_RDWR | O_CREAT | O_TRUNC), &a.o);
		break;
	case OCI:
		vztar_oci(dirfd, open_archive(a.file, O_RDONLY | O_DIRECTORY), a.tag, &a.o);
		break;
	}
	return VZTAR_OK;
}
