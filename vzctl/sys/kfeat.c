// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/kfeat.h"

#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "sys/syscalls.h"
#include "sys/ve.h"

static bool has_file(const char *path)
{
	return io_exists(path);
}

static bool probe_userns(void)
{
	return has_file("/proc/self/ns/user");
}

static bool probe_timens(void)
{
	return has_file("/proc/self/ns/time");
}

static bool probe_cgroupns(void)
{
	return has_file("/proc/self/ns/cgroup");
}

static bool is_cgroup2(const char *path)
{
	struct statfs sf;

	return statfs(path, &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC;
}

static bool probe_cgroup2(void)
{
	return is_cgroup2("/sys/fs/cgroup") || is_cgroup2("/sys/fs/cgroup/unified");
}

static bool has_controller(const char *name)
{
	char buf[256];
	const char *dir = is_cgroup2("/sys/fs/cgroup") ? "/sys/fs/cgroup/cgroup.controllers" :
							 "/sys/fs/cgroup/unified/cgroup.controllers";

	return io_read_small_at(AT_FDCWD, dir, buf, sizeof(buf)) > 0 && strstr(buf, name);
}

static bool probe_cg_memory(void)
{
	return has_controller("memory");
}

static bool probe_cg_cpu(void)
{
	return has_controller("cpu");
}

static bool probe_cg_pids(void)
{
	return has_controller("pids");
}

static bool probe_cg_io(void)
{
	return has_controller("io");
}

/* A bad size is EINVAL where the call exists, ENOSYS where it does not. */
static bool probe_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0) < 0 && errno != ENOSYS;
}

static bool probe_mount_setattr(void)
{
	return sys_mount_setattr(-1, "", 0, &(struct mount_attr){ 0 }) == 0 || errno != ENOSYS;
}

static bool probe_fs(const char *fs)
{
	int fd = sys_fsopen(fs, FSOPEN_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EPERM;
}

static bool probe_overlay(void)
{
	return probe_fs("overlay");
}

static bool probe_btrfs(void)
{
	return probe_fs("btrfs");
}

static bool probe_seccomp(void)
{
	/* EFAULT: filters exist; EINVAL: they do not (seccomp(2)). */
	return prctl(PR_SET_SECCOMP, 2, NULL) < 0 && errno == EFAULT;
}

static bool probe_tun(void)
{
	return has_file("/dev/net/tun");
}

static bool probe_fuse(void)
{
	return has_file("/dev/fuse");
}

static bool probe_kvm(void)
{
	return has_file("/dev/kvm");
}

/* Loaded and forgotten: "r0 = 1; exit", to be asked about device nodes. */
static bool probe_device_rules(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uint64_t)(uintptr_t)"GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool probe_ve(void)
{
	return sys_ve_type() > 0;
}

static bool probe_ve_log(void)
{
	return sys_ve_has_log();
}

static const struct kfeat feats[] = {
	{ "userns", "every container: its own range of ids", true, probe_userns },
	{ "clone3", "every container: creation in its cgroup", true, probe_clone3 },
	{ "mount_setattr", "idmapped mounts: nothing is chowned", true, probe_mount_setattr },
	{ "cgroup2", "limits, freezing, killing", true, probe_cgroup2 },
	{ "cgroupns", "a container sees its own cgroups only", true, probe_cgroupns },
	{ "seccomp", "filter of system calls", true, probe_seccomp },
	{ "timens", "uptime starts at 0", false, probe_timens },
	{ "cgroup2.memory", "--ram, --swap", false, probe_cg_memory },
	{ "cgroup2.cpu", "--cpuunits, --cpulimit, --cpus", false, probe_cg_cpu },
	{ "cgroup2.pids", "--numproc", false, probe_cg_pids },
	{ "cgroup2.io", "--ioprio, --iolimit, --iopslimit", false, probe_cg_io },
	{ "cgroup2.bpf", "--devices: rules for any device node", false, probe_device_rules },
	{ "overlay", "--layout overlay", false, probe_overlay },
	{ "btrfs", "--layout btrfs", false, probe_btrfs },
	{ "tun", "/dev/net/tun", false, probe_tun },
	{ "fuse", "/dev/fuse", false, probe_fuse },
	{ "kvm", "--devnodes kvm:rw, virtual machines", false, probe_kvm },
	{ "ve", "a ve namespace for each container (kernel-patches)", false, probe_ve },
	{ "ve.log", "own kernel log: dmesg inside, vzctl log", false, probe_ve_log },
};

size_t kfeat_all(const struct kfeat **ret)
{
	*ret = feats;
	return ARRAY_SIZE(feats);
}
