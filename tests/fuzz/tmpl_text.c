// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vztmpl reads of a recipe, of a tree that a recipe or an image made, and of
 * vztar's output.  All of it ends in the manifest, which must give it back.
 */
#include "../../vzctl/tmpl/unpack.c"
#include "../../vzctl/tmpl/vztmpl/build.c"
#include "../../vzctl/tmpl/vztmpl/manifest.c"
#include "../../vzctl/tmpl/vztmpl/oci.c"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes that are no UTF-8 come back as such. */
static void check_same(const char *a, const char *b)
{
	bool ascii = true;

	assert(!a == !b);
	for (const char *p = a; p && *p; p++)
		ascii = ascii && !(*p & 0x80);
	assert(!a || !ascii || str_eq(a, b));
}

static void check_manifest(const struct manifest *m)
{
	_cleanup_manifest_ struct manifest again = { 0 };
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	manifest_format("fuzz", m, &b);
	assert(parse(vz_buf_str(&b), &again));
	check_same(m->os, again.os);
	check_same(m->version, again.version);
	check_same(m->arch, again.arch);
	check_same(m->summary, again.summary);
	assert(m->entries == again.entries && m->bytes == again.bytes);
}

/* An exit status of vztar, and what it wrote to stdout. */
static void check_vztar(const char *text, int status)
{
	_cleanup_free_ char *out = xstrdup(text);
	struct vz_err e = VZ_ERR_INIT;
	struct tmpl_sum sum;

	assert(fail_with(status, "a.tar.zst", out, &e) < 0);
	assert(e.code && e.msg[0] && !strchr(e.msg, '\n'));
	if (parse_sum(text, &sum))
		assert(strlen(sum.sha256) == 64 && strspn(sum.sha256, "0123456789abcdef") == 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = size ? xstrndup((const char *)data + 1, size - 1) : xstrdup("");
	_cleanup_manifest_ struct manifest recipe = { 0 }, tree = { 0 };
	_cleanup_free_ char *line = xasprintf("%s\n", text);

	recipe.os = recipe_header(text, "os");
	recipe.version = recipe_header(text, "version");
	recipe.arch = recipe_header(text, "arch");
	recipe.summary = recipe_header(text, "summary");
	recipe.entries = size;
	check_manifest(&recipe);
	tree.os = os_release_value(text, "ID");
	tree.version = os_release_value(text, "VERSION_ID");
	check_manifest(&tree);
	/* These become words of files that a shell may read. */
	assert(!tree.os || !strpbrk(tree.os, "\"'`$\\ \n/"));
	assert(!tree.version || !strpbrk(tree.version, "\"'`$\\ \n/"));
	check_vztar(line, size ? (int)data[0] << (data[0] & 1 ? 8 : 0) | 0x100 : 0x100);
	return 0;
}
