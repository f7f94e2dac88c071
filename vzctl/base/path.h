/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where our own programs and data are installed; test builds ask the environment. */
#ifndef VZ_BASE_PATH_H
#define VZ_BASE_PATH_H

/* @def; in test builds what the environment has as @env instead. */
const char *vz_path_or(const char *def, const char *env);
const char *vz_libexec_dir(void);	/* vzmon, vztar */
const char *vz_data_dir(void);		/* dists, samples */
const char *vz_sbin_dir(void);		/* vzctl */

#endif
