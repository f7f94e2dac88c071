// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/lib/tap.h"
#include "tmpl/tmpl.h"

TEST(names)
{
	char longest[TMPL_NAME_MAX + 2];

	ok(tmpl_name_valid("debian-12-x86_64"));
	ok(tmpl_name_valid("a+b.c_D-9"));
	ok(!tmpl_name_valid(""));
	ok(!tmpl_name_valid(".hidden"));
	ok(!tmpl_name_valid("-rf"));
	ok(!tmpl_name_valid("a/b"));
	ok(!tmpl_name_valid(".."));
	ok(!tmpl_name_valid("a b"));
	ok(!tmpl_name_valid("a@b"));
	ok(!tmpl_name_valid("a\n"));
	memset(longest, 'x', sizeof(longest));
	longest[TMPL_NAME_MAX + 1] = '\0';
	ok(!tmpl_name_valid(longest));
	longest[TMPL_NAME_MAX] = '\0';
	ok(tmpl_name_valid(longest));
}

static void archive_is(const char *file, const char *want)
{
	_cleanup_free_ char *got = tmpl_archive_name(file);

	if (want)
		is_str(got, want);
	else
		ok(!got);
}

TEST(archives)
{
	archive_is("debian-12-x86_64.tar.zst", "debian-12-x86_64");
	archive_is("centos-7-x86_64.tar.gz", "centos-7-x86_64");
	archive_is("a.tar", "a");
	archive_is("a.tar.xz", "a");
	archive_is("a.tar.bz2", "a");
	archive_is(".tar.gz", NULL);
	archive_is("a.json", NULL);
	archive_is("a.tar.gz.part", NULL);
	archive_is("-x.tar.gz", NULL);
}

static void path_is(const char *in, const char *want)
{
	char out[TMPL_PATH_MAX + 1];
	const char *why = NULL;

	if (want) {
		is_str(tmpl_entry_path(in, out, &why), want);
	} else {
		ok(!tmpl_entry_path(in, out, &why));
		ok(why && why[0]);
	}
}

TEST(entry_paths)
{
	path_is("./", "");
	path_is(".", "");
	path_is("./a", "a");
	path_is("a//b/./c/", "a/b/c");
	path_is("...", "...");
	path_is("..a/b..", "..a/b..");
	path_is("", NULL);
	path_is("/etc/passwd", NULL);
	path_is("//x", NULL);
	path_is("..", NULL);
	path_is("a/../b", NULL);
	path_is("a/..", NULL);
	path_is("./../b", NULL);
	path_is(NULL, NULL);
}

TEST(entry_limits)
{
	char name[2 * TMPL_PATH_MAX];
	size_t n = 0;

	memset(name, 'x', 256);
	name[255] = '\0';
	path_is(name, name);
	name[255] = 'x';
	name[256] = '\0';
	path_is(name, NULL);
	for (unsigned int i = 0; i < TMPL_DEPTH_MAX; i++) {
		name[n++] = 'd';
		name[n++] = '/';
	}
	name[n - 1] = '\0';
	path_is(name, name);
	strcpy(name + n - 1, "/e");
	path_is(name, NULL);
	/* Long by its length alone: 17 components of 254. */
	for (n = 0; n < (size_t)17 * 255; n++)
		name[n] = n % 255 == 254 ? '/' : 'y';
	name[n] = '\0';
	path_is(name, NULL);
}

TAP_MAIN()
