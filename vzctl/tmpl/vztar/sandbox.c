// SPDX-License-Identifier: GPL-2.0-or-later
#include "vztar.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if SANITIZED
/* The leak checker wants /proc and ptrace, which are out of reach here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

#ifdef __x86_64__
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH AUDIT_ARCH_AARCH64
#endif

/* All that a decoder and this program's file calls need once files are open. */
static const int allowed_calls[] = {
	SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_close, SYS_fstat,
	SYS_newfstatat, SYS_statx, SYS_openat, SYS_openat2, SYS_ftruncate, SYS_mkdirat,
	SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_mknodat, SYS_fchown, SYS_fchownat,
	SYS_fchmod, SYS_fchmodat, SYS_utimensat, SYS_fsetxattr, SYS_mmap, SYS_munmap, SYS_mremap,
	SYS_mprotect, SYS_madvise, SYS_brk, SYS_futex, SYS_exit, SYS_exit_group,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_getrandom, SYS_clock_gettime,
	SYS_fcntl, SYS_writev, SYS_getdents64,
};

static void limit_resources(void)
{
	struct rlimit none = { 0, 0 }, mem = { 2ULL << 30, 2ULL << 30 };

	setrlimit(RLIMIT_CORE, &none);
	/* A 4 GiB dictionary in an xz header is an attack, not a template. */
	if (!SANITIZED)
		setrlimit(RLIMIT_DATA, &mem);
	signal(SIGXFSZ, SIG_IGN);
}

static void drop_caps(void)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 }, want[2] = { 0 };
	static const int keep[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,
				    CAP_SETFCAP };

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		want[keep[i] / 32].permitted |= 1u << (keep[i] % 32);
	if (syscall(SYS_capget, &hdr, data) < 0)
		die(VZTAR_FAILED, "capget: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		data[i].permitted &= want[i].permitted;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &hdr, data) < 0)
		die(VZTAR_FAILED, "capset: %s", strerror(errno));
}

#define LL_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define LL_MAKE                                                                             \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                    \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                     \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_FIFO |                       \
	 LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER)
#define LL_NEVER                                                                            \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |                        \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK)

static void landlock_allow(int ruleset, int dirfd, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = dirfd };

	if (dirfd >= 0 &&
	    syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		die(VZTAR_FAILED, "landlock: %s", strerror(errno));
}

/* Best effort: a kernel without Landlock still has the rest. */
static void landlock(int dirfd, int readfd)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = LL_READ | LL_MAKE | LL_NEVER };
	_cleanup_close_ int fd = -EBADF;

	/* REFER came with ABI 2 (5.19); without it hard links across directories fail. */
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 2)
		return;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return;
	landlock_allow(fd, dirfd, LL_READ | LL_MAKE);
	landlock_allow(fd, readfd, LL_READ);
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		die(VZTAR_FAILED, "landlock: %s", strerror(errno));
}

static void seccomp(void)
{
#ifdef SECCOMP_ARCH
	enum { N = ARRAY_SIZE(allowed_calls) };
	struct sock_filter f[N + 6], *p = f;
	struct sock_fprog prog = { .filter = f };

	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, arch));
	*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_ARCH, 1, 0);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					    offsetof(struct seccomp_data, nr));
	for (unsigned int i = 0; i < N; i++)
		*p++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						    (unsigned int)allowed_calls[i], N - i, 0);
	/* A call that a newer libc tries first gets ENOSYS and its fallback. */
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	*p++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)(p - f);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 && errno != EINVAL)
		die(VZTAR_FAILED, "seccomp: %s", strerror(errno));
#endif
}

void sandbox_enter(int dirfd, int readfd)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(VZTAR_FAILED, "no_new_privs: %s", strerror(errno));
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	limit_resources();
	drop_caps();
	landlock(dirfd, readfd);
	/* The sanitizers' own threads and calls are not on the list. */
	if (!SANITIZED)
		seccomp();
}
