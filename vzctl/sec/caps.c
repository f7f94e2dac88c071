// SPDX-License-Identifier: GPL-2.0-or-later
#include "sec/sec.h"

#include <linux/capability.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

enum {
	CAP_HELD = 1 << 0,	/* in the default bounding set */
	CAP_HOST = 1 << 1,	/* the kernel checks it against the initial namespace only */
};

struct cap {
	const char *name;
	int nr;
	unsigned int flags;
};

static const struct cap caps[] = {
	{ "CHOWN", CAP_CHOWN, CAP_HELD },
	{ "DAC_OVERRIDE", CAP_DAC_OVERRIDE, CAP_HELD },
	{ "DAC_READ_SEARCH", CAP_DAC_READ_SEARCH, CAP_HELD },
	{ "FOWNER", CAP_FOWNER, CAP_HELD },
	{ "FSETID", CAP_FSETID, CAP_HELD },
	{ "KILL", CAP_KILL, CAP_HELD },
	{ "SETGID", CAP_SETGID, CAP_HELD },
	{ "SETUID", CAP_SETUID, CAP_HELD },
	{ "SETPCAP", CAP_SETPCAP, CAP_HELD },
	{ "LINUX_IMMUTABLE", CAP_LINUX_IMMUTABLE, CAP_HELD | CAP_HOST },
	{ "NET_BIND_SERVICE", CAP_NET_BIND_SERVICE, CAP_HELD },
	{ "NET_BROADCAST", CAP_NET_BROADCAST, CAP_HELD },
	{ "NET_ADMIN", CAP_NET_ADMIN, CAP_HELD },
	{ "NET_RAW", CAP_NET_RAW, CAP_HELD },
	{ "IPC_LOCK", CAP_IPC_LOCK, CAP_HELD },
	{ "IPC_OWNER", CAP_IPC_OWNER, CAP_HELD },
	{ "SYS_MODULE", CAP_SYS_MODULE, CAP_HOST },
	{ "SYS_RAWIO", CAP_SYS_RAWIO, CAP_HOST },
	{ "SYS_CHROOT", CAP_SYS_CHROOT, CAP_HELD },
	{ "SYS_PTRACE", CAP_SYS_PTRACE, CAP_HELD },
	{ "SYS_PACCT", CAP_SYS_PACCT, CAP_HELD },
	{ "SYS_ADMIN", CAP_SYS_ADMIN, CAP_HELD },
	{ "SYS_BOOT", CAP_SYS_BOOT, CAP_HELD },
	{ "SYS_NICE", CAP_SYS_NICE, CAP_HELD },
	{ "SYS_RESOURCE", CAP_SYS_RESOURCE, CAP_HELD },
	{ "SYS_TIME", CAP_SYS_TIME, CAP_HOST },
	{ "SYS_TTY_CONFIG", CAP_SYS_TTY_CONFIG, CAP_HELD },
	{ "MKNOD", CAP_MKNOD, CAP_HELD },
	{ "LEASE", CAP_LEASE, CAP_HELD },
	{ "AUDIT_WRITE", CAP_AUDIT_WRITE, CAP_HELD },
	{ "AUDIT_CONTROL", CAP_AUDIT_CONTROL, CAP_HOST },
	{ "SETFCAP", CAP_SETFCAP, CAP_HELD },
	{ "MAC_OVERRIDE", CAP_MAC_OVERRIDE, CAP_HOST },
	{ "MAC_ADMIN", CAP_MAC_ADMIN, CAP_HOST },
	{ "SYSLOG", CAP_SYSLOG, CAP_HELD },
	{ "WAKE_ALARM", CAP_WAKE_ALARM, CAP_HOST },
	{ "BLOCK_SUSPEND", CAP_BLOCK_SUSPEND, CAP_HOST },
	{ "AUDIT_READ", CAP_AUDIT_READ, CAP_HELD },
	{ "PERFMON", CAP_PERFMON, CAP_HOST },
	{ "BPF", CAP_BPF, CAP_HOST },
	{ "CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE, CAP_HELD },
	{ "VE_ADMIN", SEC_CAP_VE_ADMIN, 0 },
	{ "FS_MASK", SEC_CAP_FS_MASK, 0 },
};

uint64_t sec_caps_all(void)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		set |= SEC_CAP_BIT(caps[i].nr);
	return set;
}

uint64_t sec_caps_default(void)
{
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].flags & CAP_HELD)
			set |= SEC_CAP_BIT(caps[i].nr);
	return set;
}

int sec_cap_by_name(const char *name, int *ret)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		if (strcasecmp(caps[i].name, name) == 0) {
			*ret = caps[i].nr;
			return 0;
		}
	}
	return -EINVAL;
}

static const struct cap *find_cap(int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		if (caps[i].nr == nr)
			return &caps[i];
	return NULL;
}

const char *sec_cap_name(int cap)
{
	const struct cap *c = find_cap(cap);

	return c ? c->name : NULL;
}

bool sec_cap_is_host_only(int cap)
{
	const struct cap *c = find_cap(cap);

	return c && (c->flags & CAP_HOST);
}

int sec_caps_apply(uint64_t bounding)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	/* EINVAL ends the kernel's list, which may be longer or shorter than ours. */
	for (int c = 0; c < 64; c++) {
		if (bounding & SEC_CAP_BIT(c))
			continue;
		if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return -errno;
		}
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_capget, &hdr, data) < 0)
		return -errno;
	for (int w = 0; w < _LINUX_CAPABILITY_U32S_3; w++) {
		data[w].permitted &= (uint32_t)(bounding >> (32 * w));
		data[w].effective = data[w].permitted;
		data[w].inheritable = 0;
	}
	if (syscall(SYS_capset, &hdr, data) < 0)
		return -errno;
	return 0;
}
