// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "tmpl"
#include "tmpl/tmpl.h"

/* In the order of preference: what decompresses fastest first. */
static const char *const suffixes[] = {
	".tar.zst", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar",
};

bool tmpl_name_valid(const char *name)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789._+-";
	size_t n = strlen(name);

	return n && n <= TMPL_NAME_MAX && name[0] != '.' && name[0] != '-' &&
	       strspn(name, chars) == n;
}

char *tmpl_archive_name(const char *file)
{
	size_t n = strlen(file);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t len = strlen(suffixes[i]);
		char *name;

		if (n <= len || !str_eq(file + n - len, suffixes[i]))
			continue;
		name = xstrndup(file, n - len);
		if (tmpl_name_valid(name))
			return name;
		free(name);
		return NULL;
	}
	return NULL;
}

int tmpl_archive_find(const char *template_dir, const char *name, char **ret_path,
		      struct stat *ret_st, struct vz_err *e)
{
	if (!tmpl_name_valid(name))
		return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0, "Bad OS template name '%.64s'",
			       name);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		_cleanup_free_ char *path = xasprintf("%s/cache/%s%s", template_dir, name,
						      suffixes[i]);

		if (stat(path, ret_st) == 0) {
			if (!S_ISREG(ret_st->st_mode))
				return vz_fail(e, VZ_FS_BAD_TMPL, 0, "%s is not a regular file",
					       path);
			*ret_path = take_ptr(path);
			return 0;
		}
		if (errno != ENOENT && errno != ENOTDIR)
			return vz_fail(e, VZ_SYSTEM_ERROR, errno, "%s", path);
	}
	return vz_fail(e, VZ_OSTEMPLATE_NOT_FOUND, 0,
		       "OS template '%s' not found in %s/cache; see vztmpl list", name,
		       template_dir);
}
