/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VZ_SYS_RMTREE_H
#define VZ_SYS_RMTREE_H

#include "base/err.h"

/*
 * Removes @name (one component) below @dirfd with all it contains.  Follows no
 * link, enters no mount, is not deceived by names that change meanwhile; any
 * depth with two descriptors.  Immutable and append-only flags are cleared.
 * Nothing there: 0.  Stops at the first thing it cannot remove: VZ_FS_DEL_PRVT.
 */
int sys_rmtree_at(int dirfd, const char *name, struct vz_err *e);

/* Clears immutable and append-only on a file or directory; true if it was set. */
bool sys_make_mutable(int dirfd, const char *name);

#endif
