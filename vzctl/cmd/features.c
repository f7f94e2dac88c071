// SPDX-License-Identifier: GPL-2.0-or-later
/* features: what this node's kernel gives. */
#define VZ_ROOM "cmd"
#include <stdio.h>

#include "cmd/cmd.h"
#include "sys/kfeat.h"

int cmd_features(const struct cmd_ctx *c, int argc, char **argv, struct vz_err *e)
{
	bool json = false, ok = true;
	const struct cmd_opt opts[] = { { "json", &json, NULL } };
	int r = cmd_options(argc, argv, opts, ARRAY_SIZE(opts), e);
	const struct kfeat *f;
	size_t n = kfeat_all(&f);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		bool have = f[i].probe();

		ok = ok && (have || !f[i].required);
		if (json)
			printf("%s\n  \"%s\": %s", i ? "," : "{", f[i].name,
			       have ? "true" : "false");
		else
			printf("%-16s %-4s %s%s\n", f[i].name, have ? "yes" : "no",
			       f[i].needed_for, f[i].required ? " (required)" : "");
	}
	if (json)
		printf("\n}\n");
	return ok ? 0 : VZ_BAD_KERNEL;
}
