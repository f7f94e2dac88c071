// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For tests/host/clients.t: makes libvirt's openvz driver find /proc/vz, which
 * only a kernel with our compat patches has; nothing else is changed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

int access(const char *path, int mode)
{
	static int (*real)(const char *, int);

	if (strcmp(path, "/proc/vz") == 0)
		return 0;
	if (!real)
		real = (int (*)(const char *, int))dlsym(RTLD_NEXT, "access");
	return real(path, mode);
}
