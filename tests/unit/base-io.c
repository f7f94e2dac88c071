// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "tests/lib/tap.h"

#define SIZE (8 << 20)

/* A file that has a name no more. */
static int scratch(const char *dir)
{
	return open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
}

/* Data at the beginning, in the middle over a block's edge, and at the end; else holes. */
static void fill(int fd)
{
	char data[100000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + 1);
	ok(ftruncate(fd, SIZE) == 0);
	ok(pwrite(fd, data, sizeof(data), 0) == (ssize_t)sizeof(data));
	ok(pwrite(fd, data, sizeof(data), (4 << 20) - 500) == (ssize_t)sizeof(data));
	ok(pwrite(fd, data, 10, SIZE - 10) == 10);
}

static bool same(int a, int b)
{
	static char x[65536], y[65536];

	for (off_t at = 0; at <= SIZE; at += sizeof(x)) {
		ssize_t n = pread(a, x, sizeof(x), at);

		if (n < 0 || n != pread(b, y, sizeof(y), at) || memcmp(x, y, (size_t)n) != 0)
			return false;
	}
	return true;
}

static void clone_between(const char *from_dir, const char *to_dir)
{
	int from = scratch(from_dir), to = scratch(to_dir);
	struct stat st;

	if (from < 0 || to < 0) {
		ok(errno == EOPNOTSUPP || errno == ENOENT || errno == EISDIR);
		return;
	}
	fill(from);
	is_int(io_clone(from, to, NULL), 0);
	ok(same(from, to));
	ok(fstat(to, &st) == 0 && st.st_size == SIZE);
	/* Holes are holes. */
	ok(st.st_blocks < SIZE / 512 / 4);
	close(from);
	close(to);
}

TEST(clone_within)
{
	clone_between("/var/tmp", "/var/tmp");
}

TEST(clone_to_another_file_system)
{
	clone_between("/var/tmp", "/dev/shm");
	clone_between("/dev/shm", "/var/tmp");
}

static bool at_once(void)
{
	return true;
}

TEST(clone_stops)
{
	int from = scratch("/var/tmp"), to = scratch("/dev/shm");

	if (from >= 0 && to >= 0) {
		fill(from);
		is_int(io_clone(from, to, at_once), -EINTR);
	}
}

TEST(clone_of_nothing)
{
	int from = scratch("/var/tmp"), to = scratch("/dev/shm");

	if (from >= 0 && to >= 0)
		is_int(io_clone(from, to, NULL), 0);
}

TAP_MAIN()
