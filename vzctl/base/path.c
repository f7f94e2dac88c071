// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/path.h"

#include <stdlib.h>

const char *vz_path_or(const char *def, const char *env)
{
#ifdef VZ_TEST_HOOKS
	const char *d = getenv(env);

	if (d)
		return d;
#else
	(void)env;
#endif
	return def;
}

const char *vz_libexec_dir(void)
{
	return vz_path_or(VZ_LIBEXECDIR, "VZ_LIBEXECDIR");
}

const char *vz_data_dir(void)
{
	return vz_path_or(VZ_DATADIR, "VZ_DATADIR");
}

const char *vz_sbin_dir(void)
{
	return vz_path_or(VZ_SBINDIR, "VZ_SBINDIR");
}
