// SPDX-License-Identifier: GPL-2.0-or-later
#include "sec/sec.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "seccomp-container.h"
#include "seccomp-monitor.h"
#include "seccomp-qemu.h"

_Static_assert(SEC_PROFILE_KEYCTL == SEC_CONTAINER_KEYCTL, "order of options in the policy");
_Static_assert(SEC_PROFILE_NONETFILTER == SEC_CONTAINER_NONETFILTER, "order of options");
_Static_assert(SEC_PROFILE_KLOG == SEC_CONTAINER_KLOG, "order of options");

int sec_seccomp_load(unsigned int profile)
{
	const struct sock_fprog *prog;

	if (profile < ARRAY_SIZE(sec_container_prog))
		prog = &sec_container_prog[profile];
	else if (profile == SEC_PROFILE_MONITOR)
		prog = &sec_monitor_prog[0];
	else if (profile == SEC_PROFILE_QEMU)
		prog = &sec_qemu_prog[0];
	else
		return -EINVAL;
	/*
	 * Up to Linux 5.15 a filter also turns on store bypass and branch
	 * mitigations that cost every process inside.  SPEC_ALLOW gives 5.15 the
	 * default of 5.16 and later: the same as for processes of the host.
	 */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    prog) < 0)
		return -errno;
	return 0;
}
