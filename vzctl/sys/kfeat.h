/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel can do: one table of probes without side effects, asked
 * through the interface itself and never by version.
 */
#ifndef VZ_SYS_KFEAT_H
#define VZ_SYS_KFEAT_H

#include "base/util.h"

struct kfeat {
	const char *name;
	const char *needed_for;
	bool required;		/* no container starts without it */
	bool (*probe)(void);
};

size_t kfeat_all(const struct kfeat **ret);

#endif
