// SPDX-License-Identifier: GPL-2.0-or-later
/* The filters in the running kernel: what is let through, what is answered. */
#include "sec/sec.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "tests/lib/tap.h"

static int call(long nr, long a, long b, long c)
{
	return syscall(nr, a, b, c, 0, 0, 0) < 0 ? -errno : 0;
}

static void load(unsigned int profile)
{
	unsigned int gid = getgid();
	char map[32];

	/* Only a user namespace gives everybody the right to load without no_new_privs. */
	snprintf(map, sizeof(map), "0 %u 1", getuid());
	is_int(unshare(CLONE_NEWUSER), 0);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/uid_map", map), 0);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/setgroups", "deny"), 0);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/gid_map", map), 0);
	is_int(sec_seccomp_load(profile), 0);
	is_int(prctl(PR_GET_SECCOMP), 2);
	is_int(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
}

/* Under the monitor's filter LeakSanitizer's ptrace at exit(3) fails. */
__noreturn static void end_case(void)
{
	fflush(stdout);
	_exit(tap_bad ? 1 : 0);
}

/* @before: the kernel's own answer, so that the filter's can be told apart. */
struct probe {
	const char *what;
	long nr, a, b, c;
	int before, after;
};

static void probe_all(const struct probe *p, size_t n, unsigned int profile)
{
	for (size_t i = 0; i < n; i++) {
		int r = call(p[i].nr, p[i].a, p[i].b, p[i].c);

		if (r != p[i].before)
			printf("# before the filter: %s\n", p[i].what);
		is_int(r, p[i].before);
	}
	load(profile);
	for (size_t i = 0; i < n; i++) {
		int r = call(p[i].nr, p[i].a, p[i].b, p[i].c);

		if (r != p[i].after)
			printf("# %s\n", p[i].what);
		is_int(r, p[i].after);
	}
}

#define HIGH 0x100000000L

TEST(container_denies)
{
	static const struct probe p[] = {
		{ "io_uring_setup", SYS_io_uring_setup, 0, 0, 0, -EFAULT, -EPERM },
		{ "perf_event_open", SYS_perf_event_open, 0, 0, 0, -EFAULT, -EPERM },
		{ "memfd_secret", SYS_memfd_secret, -1, 0, 0, -EINVAL, -ENOSYS },
		{ "keyctl", SYS_keyctl, 9999, 0, 0, -EOPNOTSUPP, -ENOSYS },
		{ "TIOCSTI", SYS_ioctl, -1, TIOCSTI, 0, -EBADF, -EPERM },
		{ "TIOCSTI, bit 32", SYS_ioctl, -1, TIOCSTI | HIGH, 0, -EBADF, -EPERM },
		{ "TIOCLINUX", SYS_ioctl, -1, TIOCLINUX, 0, -EBADF, -EPERM },
		{ "other ioctl", SYS_ioctl, -1, TIOCGWINSZ, 0, -EBADF, -EBADF },
		{ "a number of the future", 1023, 0, 0, 0, -ENOSYS, -ENOSYS },
		{ "clone3 without arguments", SYS_clone3, 0, 0, 0, -EINVAL, -EINVAL },
		{ "fchmodat2 or too old a kernel", 452, -1, (long)"x", 0, -EBADF, -EBADF },
		{ "setns", SYS_setns, -1, 0, 0, -EBADF, -EBADF },
		{ "pidfd_open", SYS_pidfd_open, -1, 0, 0, -EINVAL, -EINVAL },
		{ "landlock", 444, 0, 0, 1, 0, 0 },
		{ "personality query", SYS_personality, 0xffffffff, 0, 0, 0, 0 },
		{ "READ_IMPLIES_EXEC", SYS_personality, 0x0400000, 0, 0, 0, -EPERM },
		{ "PER_LINUX", SYS_personality, 0, 0, 0, 0, 0 },
	};
	struct probe q[ARRAY_SIZE(p)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		/* Newer than 5.15, or compiled out: nothing to compare with. */
		bool may_lack = p[i].nr == 452 || p[i].nr == 444 || p[i].nr == SYS_memfd_secret ||
				p[i].nr == SYS_io_uring_setup || p[i].nr == SYS_perf_event_open;
		int r = call(p[i].nr, p[i].a, p[i].b, p[i].c);

		if (may_lack && r != p[i].before) {
			printf("# not tried on this kernel: %s\n", p[i].what);
			continue;
		}
		q[n++] = p[i];
	}
	ok(n > 10);
	probe_all(q, n, SEC_PROFILE_CONTAINER);
}

TEST(container_allows_nesting)
{
	union bpf_attr attr = { 0 };
	int st = 0;
	pid_t pid;

	load(SEC_PROFILE_CONTAINER);
	is_int(call(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
		    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP, 0, 0), 0);
	is_int(call(SYS_sethostname, (long)"inner", 5, 0), 0);
	is_int(call(SYS_bpf, BPF_PROG_LOAD, (long)&attr, sizeof(attr)), -EPERM);
	is_int(call(SYS_syslog, 10, 0, 0), -EPERM);
	is_int(call(SYS_open_by_handle_at, -1, 0, 0), -EPERM);
	is_int(call(SYS_kexec_load, 0, 0, 0), -EPERM);
	/* reboot(2) of a pid namespace ends its init with SIGHUP: see reboot(2). */
	pid = fork();
	if (pid == 0) {
		reboot(RB_AUTOBOOT);
		_exit(0);
	}
	is_int(waitpid(pid, &st, 0), pid);
	ok(WIFSIGNALED(st) && WTERMSIG(st) == SIGHUP);
	/* A container engine inside stacks a filter of its own. */
	is_int(sec_seccomp_load(SEC_PROFILE_MONITOR), 0);
	is_int(call(SYS_sethostname, (long)"inner", 5, 0), -ENOSYS);
	end_case();
}

TEST(keyctl_option)
{
	load(SEC_PROFILE_CONTAINER | SEC_PROFILE_KEYCTL);
	is_int(call(SYS_keyctl, 9999, 0, 0), -EOPNOTSUPP);
	is_int(call(SYS_ioctl, -1, TIOCSTI, 0), -EPERM);
}

TEST(netfilter_disabled)
{
	int s4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int s6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int v = 0;

	ok(s4 >= 0);
	load(SEC_PROFILE_CONTAINER | SEC_PROFILE_NONETFILTER);
	is_int(call(SYS_socket, AF_NETLINK, SOCK_RAW, 12), -EPERM);
	is_int(call(SYS_socket, AF_NETLINK | HIGH, SOCK_RAW, 12 | HIGH), -EPERM);
	is_int(call(SYS_socket, AF_NETLINK, SOCK_RAW, 0), 0);
	is_int(call(SYS_socket, AF_INET, SOCK_STREAM, 0), 0);
	is_int(setsockopt(s4, IPPROTO_IP, 64, &v, sizeof(v)), -1);
	is_int(errno, EPERM);
	is_int(setsockopt(s4, IPPROTO_IP, 64 + 1024 + 64 + 2, &v, sizeof(v)), -1);
	is_int(errno, EPERM);
	is_int(setsockopt(s4, IPPROTO_IP, IP_TTL, &(int){ 9 }, sizeof(int)), 0);
	if (s6 >= 0) {
		/* 64 and 65 are ip6tables, 67 is IPv6's own. */
		is_int(setsockopt(s6, IPPROTO_IPV6, 64, &v, sizeof(v)), -1);
		is_int(errno, EPERM);
		is_int(setsockopt(s6, IPPROTO_IPV6, IPV6_TCLASS, &v, sizeof(v)), 0);
	}
}

TEST(monitor)
{
	load(SEC_PROFILE_MONITOR);
	is_int(call(SYS_ptrace, 0, 0, 0), -ENOSYS);
	is_int(call(SYS_mount, 0, 0, 0), -ENOSYS);
	is_int(call(SYS_bpf, 0, 0, 0), -ENOSYS);
	is_int(call(SYS_poll, 0, 0, 0), 0);
	is_int(call(SYS_ioctl, -1, TIOCSTI, 0), -EPERM);
	is_int(call(SYS_read, -1, 0, 0), -EBADF);
	end_case();
}

TEST(container_without_klog)
{
	/* In a user namespace the kernel's own answer would be the filter's. */
	if (geteuid() != 0) {
		printf("# not tried: needs root\n");
		end_case();
	}
	is_int(sec_seccomp_load(SEC_PROFILE_CONTAINER), 0);
	is_int(call(SYS_syslog, 3, 0, 16), -EPERM);
	end_case();
}

TEST(container_with_klog)
{
	if (geteuid() != 0) {
		printf("# not tried: needs root\n");
		end_case();
	}
	is_int(sec_seccomp_load(SEC_PROFILE_CONTAINER | SEC_PROFILE_KLOG), 0);
	is_int(call(SYS_syslog, 3, 0, 16), -EINVAL);
	is_int(call(SYS_kexec_load, 0, 0, 0), -EPERM);
	end_case();
}

TEST(bad_profiles)
{
	is_int(sec_seccomp_load(8), -EINVAL);
	is_int(sec_seccomp_load(SEC_PROFILE_MONITOR | SEC_PROFILE_KEYCTL), -EINVAL);
	is_int(sec_seccomp_load(~0u), -EINVAL);
	is_int(prctl(PR_GET_SECCOMP), 0);
}

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static bool have_i386(void)
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(int80(20, 0, 0, 0) == getpid() ? 0 : 1);
	}
	waitpid(pid, &st, 0);
	if (st)
		printf("# no i386 system calls in this kernel\n");
	return st == 0;
}

TEST(i386_is_no_way_round)
{
	if (!have_i386())
		return;
	is_int(int80(54, -1, TIOCSTI, 0), -EBADF);
	is_int(int80(288, 9999, 0, 0), -EOPNOTSUPP);
	load(SEC_PROFILE_CONTAINER);
	is_int(int80(20, 0, 0, 0), getpid());
	is_int(int80(54, -1, TIOCSTI, 0), -EPERM);
	is_int(int80(288, 9999, 0, 0), -ENOSYS);
	is_int(int80(425, 0, 0, 0), -EPERM);
	/* 54 is setsockopt in the other table, 16 lchown here and ioctl there. */
	is_int(int80(16, 0, TIOCSTI, 0), -EFAULT);
}

TEST(i386_socketcall_without_netfilter)
{
	unsigned int args[3] = { AF_NETLINK, SOCK_RAW, 12 };

	if (!have_i386())
		return;
	load(SEC_PROFILE_CONTAINER | SEC_PROFILE_NONETFILTER);
	is_int(int80(359, AF_NETLINK, SOCK_RAW, 12), -EPERM);
	is_int(int80(102, 1, (long)args, 0), -EPERM);
	is_int(int80(102, 14, (long)args, 0), -EPERM);
	is_int(int80(102, 13, 0, 0), -EFAULT);
}

TEST(x32_is_denied)
{
	load(SEC_PROFILE_CONTAINER);
	is_int(call(0x40000000 | SYS_getppid, 0, 0, 0), -ENOSYS);
	is_int(call(0x40000000 | SYS_ioctl, -1, TIOCSTI, 0), -ENOSYS);
	is_int(call(0x40000000 | 514, -1, TIOCSTI, 0), -ENOSYS);
	is_int(call(SYS_getppid, 0, 0, 0), 0);
}
#endif

TAP_MAIN()
