/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ve namespace of kernel-patches (docs/man/ve_namespaces.7.in): a system with a
 * kernel log of its own.  Asked through the interface, never by version; where the
 * kernel has none, the first open(2) says so and nothing else happens.
 */
#ifndef VZ_SYS_VE_H
#define VZ_SYS_VE_H

#include <sys/types.h>

#include "base/util.h"

#define SYS_VE_LOG_SIZE (16u << 10)	/* the kernel's default: 44 KiB of memory */

struct sys_ve {
	uint64_t id;
	char name[64];		/* empty: none */
	uint32_t log_size;	/* bytes of text in its kernel log; 0: it has none */
	bool sealed;
	bool host;		/* the first one, whose log is the node's */
};

/*
 * The namespace of @pid (0: the caller), and its type, which is the flag for unshare(2)
 * and setns(2).  -ENOENT when the kernel has no such namespace.
 */
int sys_ve_open(pid_t pid, int *ret_type);
int sys_ve_info(int fd, struct sys_ve *ret);
/* The type alone: 0 when the kernel has none. */
int sys_ve_type(void);
/*
 * Of the caller's own, which must not be the node's: gives it a kernel log of @log_size
 * bytes (0: leaves that) and @name (NULL: none); @seal: nothing inside its user namespace
 * can change that any more.  All or nothing; -EINVAL, -E2BIG where a ve has no log.
 */
int sys_ve_configure(const char *name, uint32_t log_size, bool seal);
/*
 * Whether a ve has a log: only making one shows it, in a process of its own (0.1 ms, as
 * root); false at once where there is no ve.
 */
bool sys_ve_has_log(void);

#endif
