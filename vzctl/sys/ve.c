// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/ve.h"

#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "sys/syscalls.h"

/* include/uapi/linux/nsfs.h with the set ve/b2: no distribution has it. */
struct ve_info {
	uint32_t size, flags;
	uint64_t ns_id;
	int64_t born_ns;
	char name[64];
	uint32_t log_size, spare;
};

struct ve_config {
	uint64_t mask;
	char name[64];
	uint32_t log_size, spare;
};

#define VE_SEALED (1u << 0)
#define VE_SET_NAME (1ull << 0)
#define VE_SET_SEAL (1ull << 1)
#define VE_SET_LOG_SIZE (1ull << 2)
#define VE_GET_INFO _IOR(NSIO, 14, struct ve_info)
#define VE_SET_CONFIG _IOW(NSIO, 15, struct ve_config)
#define VE_INIT_ID 9
#define VE_NS_TYPE 0x40
#define VE_OF_PIDFD _IO(0xff, 12)	/* PIDFD_GET_VE_NAMESPACE */

/* Where /proc shows no process (ns/seed.c).  -1 and errno. */
static int own_without_proc(void)
{
	_cleanup_close_ int self = sys_pidfd_open(getpid(), 0);
	int fd = self < 0 ? -1 : ioctl(self, VE_OF_PIDFD, 0);

	if (fd < 0 || ioctl(fd, NS_GET_NSTYPE) == VE_NS_TYPE)
		return fd;
	close(fd);
	errno = ENOENT;
	return -1;
}

int sys_ve_open(pid_t pid, int *ret_type)
{
	char path[48] = "/proc/self/ns/ve";
	_cleanup_close_ int fd = -EBADF;
	int type;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/ve", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && !pid && access("/proc/self", F_OK) < 0)
		fd = own_without_proc();
	if (fd < 0)
		return -errno;
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type <= 0)
		return -ENOENT;
	*ret_type = type;
	return take_fd(&fd);
}

int sys_ve_type(void)
{
	int type = 0;
	_cleanup_close_ int fd = sys_ve_open(0, &type);

	return fd < 0 ? 0 : type;
}

int sys_ve_info(int fd, struct sys_ve *ret)
{
	struct ve_info i = { .size = sizeof(i) };

	if (ioctl(fd, VE_GET_INFO, &i) < 0)
		return -errno;
	*ret = (struct sys_ve){
		.id = i.ns_id, .log_size = i.log_size, .sealed = i.flags & VE_SEALED,
		.host = i.ns_id == VE_INIT_ID,
	};
	memcpy(ret->name, i.name, sizeof(ret->name) - 1);
	return 0;
}

int sys_ve_configure(const char *name, uint32_t log_size, bool seal)
{
	struct ve_config c = { .mask = seal ? VE_SET_SEAL : 0, .log_size = log_size };
	int type = 0;
	_cleanup_close_ int fd = sys_ve_open(0, &type);

	if (fd < 0)
		return fd;
	if (name) {
		if (strlen(name) >= sizeof(c.name))
			return -ENAMETOOLONG;
		memcpy(c.name, name, strlen(name));
		c.mask |= VE_SET_NAME;
	}
	if (log_size)
		c.mask |= VE_SET_LOG_SIZE;
	return ioctl(fd, VE_SET_CONFIG, &c) < 0 ? -errno : 0;
}

static bool make_log(void)
{
	struct sys_ve ve = { 0 };
	int type;
	_cleanup_close_ int fd = -EBADF;

	if (sys_ve_configure(NULL, 4096, false) < 0)
		return false;
	fd = sys_ve_open(0, &type);
	return fd >= 0 && sys_ve_info(fd, &ve) == 0 && ve.log_size;
}

bool sys_ve_has_log(void)
{
	int type = sys_ve_type(), status = 1;
	struct clone_args args = { .flags = (uint32_t)type, .exit_signal = SIGCHLD };
	pid_t pid = type ? sys_clone3(&args) : -1;

	if (pid == 0)
		_exit(make_log() ? 0 : 1);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && status == 0;
}
