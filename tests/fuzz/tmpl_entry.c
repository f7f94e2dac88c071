// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of archive entries.  What passes must be safe by a definition written
 * independently of the checker, and must pass again unchanged.
 */
#include "../../vzctl/tmpl/entry.c"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_safe(const char *p)
{
	char copy[TMPL_PATH_MAX + 1], *save = NULL;
	unsigned int depth = 0;
	size_t len = strlen(p);

	assert(len <= TMPL_PATH_MAX && p[0] != '/' && !strstr(p, "//"));
	assert(!len || p[len - 1] != '/');
	memcpy(copy, p, len + 1);
	for (char *c = strtok_r(copy, "/", &save); c; c = strtok_r(NULL, "/", &save)) {
		assert(strcmp(c, ".") && strcmp(c, "..") && strlen(c) <= NAME_MAX);
		depth++;
	}
	assert(depth <= TMPL_DEPTH_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[TMPL_PATH_MAX + 1], again[TMPL_PATH_MAX + 1];
	const char *why = NULL;
	char *name = malloc(size + 1);

	memcpy(name, data, size);
	name[size] = '\0';
	if (tmpl_entry_path(name, out, &why)) {
		check_safe(out);
		if (out[0])
			assert(tmpl_entry_path(out, again, &why) && str_eq(out, again));
	} else {
		assert(why);
	}
	free(name);
	return 0;
}
