// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The holder reads what an emulator and an agent say, and a guest may speak through
 * both.  From then on it is a root without capabilities, and gets no right by an exec.
 */
#define VZ_ROOM "qemu"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "qemu/qemu.h"

int confine(struct vz_err *e)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &hdr, none) < 0)
		return vz_fail(e, VZ_VM_ERROR, errno, "Unable to drop the holder's rights");
	return 0;
}
