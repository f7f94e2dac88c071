// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "qemu"
#include <stdio.h>

#include "qemu/qemu.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*run)(int argc, char **argv, struct vz_err *e);
	} words[] = { { "hold", cmd_hold }, { "root", cmd_root },
		    { "kvm", cmd_kvm }, { "seed", cmd_seed },
		    { "twin", cmd_twin } };
	struct vz_err e = VZ_ERR_INIT;

	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(words); i++) {
		if (!str_eq(argv[1], words[i].word))
			continue;
		if (words[i].run(argc - 2, argv + 2, &e) == 0)
			return 0;
		fprintf(stderr, "%s\n", e.msg);
		return e.code ? e.code : VZ_SYSTEM_ERROR;
	}
	fputs("vzqemu is run by vzctl: vzqemu hold|root|kvm|seed|twin ...\n", stderr);
	return VZ_INVALID_PARAMETER_SYNTAX;
}
