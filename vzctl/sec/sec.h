/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a container's processes may do: capabilities and system calls.
 *
 * The child calls, in this order, as the last things before execve(2):
 *	sec_seccomp_load()	needs CAP_SYS_ADMIN of its user namespace,
 *				because no_new_privs stays off: set-user-ID
 *				programs must work inside
 *	sec_caps_apply()	may take that capability away
 * Both are async-signal safe and allocate nothing.
 */
#ifndef VZ_SEC_SEC_H
#define VZ_SEC_SEC_H

#include "base/util.h"

/* Virtual names of vzctl 4.x: known, stored, without a bit.  See capabilities(7). */
enum {
	SEC_CAP_VE_ADMIN = 64,	/* number 30 in OpenVZ kernels, CAP_AUDIT_CONTROL in others */
	SEC_CAP_FS_MASK = 65,
};

#define SEC_CAP_BIT(c) ((c) < 64 ? 1ULL << (c) : 0)

/* Every capability that Linux 6.x knows. */
uint64_t sec_caps_all(void);
/*
 * The bounding set of a container without CAPABILITY=: what systemd, sshd,
 * ping and nested container engines need.  All of it counts only inside the
 * container's user namespace.
 */
uint64_t sec_caps_default(void);

/* "net_admin", "CAP_NET_ADMIN": 0 and a number or SEC_CAP_*, or -EINVAL. */
int sec_cap_by_name(const char *name, int *ret);
/* "NET_ADMIN" (as CAPABILITY= writes it); NULL for a number without a name. */
const char *sec_cap_name(int cap);
/* True if `CAP:on` has no effect in a user namespace: worth a warning. */
bool sec_cap_is_host_only(int cap);

/*
 * Drops everything outside @bounding from the bounding set; permitted and
 * effective become @bounding as far as the process has it; inheritable and
 * ambient become empty.  Needs CAP_SETPCAP.  0 or -errno.
 */
int sec_caps_apply(uint64_t bounding);

/* Policies: vzctl/sec/policy, compiled at build. */
enum sec_profile {
	SEC_PROFILE_CONTAINER = 0,
	SEC_PROFILE_KEYCTL = 1u << 0,		/* with CONTAINER: FEATURES="keyctl:on" */
	SEC_PROFILE_NONETFILTER = 1u << 1,	/* with CONTAINER: NETFILTER=disabled */
	SEC_PROFILE_KLOG = 1u << 2,		/* with CONTAINER: has a kernel log of its own */
	SEC_PROFILE_MONITOR = 1u << 8,		/* vzmon, alone */
	SEC_PROFILE_QEMU = 1u << 9,		/* the emulator of a virtual machine, alone */
};

/* Irrevocable for this thread and its children.  0 or -errno (-EINVAL: profile). */
int sec_seccomp_load(unsigned int profile);

#endif
