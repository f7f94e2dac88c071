// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel log that a container has of its own on a kernel with the ve namespace. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <sched.h>

#include "ct/ct-int.h"
#include "sys/ve.h"

/* The ve of a running init, if that has a log and is not the node's. */
static int open_ve(const struct ct *ct, int *ret_type, struct vz_err *e)
{
	_cleanup_close_ int pidfd = -EBADF, fd = -EBADF;
	struct sys_ve ve = { .host = true };
	pid_t init = ct_init_pid(ct, &pidfd, e);

	if (init < 0)
		return init;
	fd = sys_ve_open(init, ret_type);
	if (fd < 0 && fd != -ENOENT)
		return vz_fail(e, VZ_SYSTEM_ERROR, -fd, "Unable to open the ve namespace");
	if (fd < 0 || sys_ve_info(fd, &ve) < 0 || ve.host || !ve.log_size)
		return vz_fail(e, VZ_NEEDS_PATCHED_KERNEL, 0,
			       "Container has no kernel log of its own: it was not started on a kernel with ve.log (vzctl features)");
	return take_fd(&fd);
}

bool ct_has_klog(const struct ct_plan *p, bool starting)
{
	_cleanup_close_ int fd = -EBADF;
	int type;

	if (!p->ve)
		return false;
	if (starting)
		return sys_ve_has_log();
	fd = open_ve(p->ct, &type, VZ_IGNORE);
	return fd >= 0;
}

int ct_klog_open(struct ct *ct, struct vz_err *e)
{
	_cleanup_close_ int ve = -EBADF;
	int type, fd;

	if (ct_is_vm(ct->conf))
		return vz_fail(e, VZ_NEEDS_PATCHED_KERNEL, 0,
			       "The kernel log of a virtual machine is inside: use vzctl console");
	ve = open_ve(ct, &type, e);
	if (ve < 0)
		return ve;
	if (setns(ve, type) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to join the ve namespace");
	/* The device is the node's; which log it is depends on who opens it. */
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to open '/dev/kmsg'");
	return fd;
}
