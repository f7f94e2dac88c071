// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of archive entries: hostile until they have passed here. */
#include "tmpl/tmpl.h"

#include <limits.h>

char *tmpl_entry_path(const char *name, char *out, const char **ret_why)
{
	unsigned int depth = 0;
	size_t len = 0;

	if (!name || !name[0]) {
		*ret_why = "empty name";
		return NULL;
	}
	if (name[0] == '/') {
		*ret_why = "absolute name";
		return NULL;
	}
	while (*name) {
		size_t n = strcspn(name, "/");

		if (n == 2 && name[0] == '.' && name[1] == '.') {
			*ret_why = "'..' in the name";
			return NULL;
		}
		if (n && !(n == 1 && name[0] == '.')) {
			if (n > NAME_MAX || len + n + 1 > TMPL_PATH_MAX ||
			    ++depth > TMPL_DEPTH_MAX) {
				*ret_why = "name too long or too deep";
				return NULL;
			}
			if (len)
				out[len++] = '/';
			memcpy(out + len, name, n);
			len += n;
		}
		name += n;
		while (*name == '/')
			name++;
	}
	out[len] = '\0';
	return out;
}
