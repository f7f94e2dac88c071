// SPDX-License-Identifier: GPL-2.0-or-later
#include "sec/sec.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/io.h"
#include "tests/lib/tap.h"

/* A user namespace with the caller as root: what the child of a start sees. */
static void enter_userns(void)
{
	unsigned int uid = getuid(), gid = getgid();
	char map[64];

	is_int(unshare(CLONE_NEWUSER), 0);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/setgroups", "deny"), 0);
	snprintf(map, sizeof(map), "0 %u 1", uid);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/uid_map", map), 0);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	is_int(io_write_small_at(AT_FDCWD, "/proc/self/gid_map", map), 0);
}

static uint64_t field_of(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	ok(p != NULL);
	return p ? strtoull(p + strlen(name), NULL, 16) : ~0ULL;
}

static uint64_t status(const char *name)
{
	char buf[4096];
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n < 0 ? 0 : n] = '\0';
	return field_of(buf, name);
}

TEST(names)
{
	int c = -1;

	is_int(sec_cap_by_name("NET_ADMIN", &c), 0);
	is_int(c, CAP_NET_ADMIN);
	is_int(sec_cap_by_name("cap_sys_admin", &c), 0);
	is_int(c, CAP_SYS_ADMIN);
	is_int(sec_cap_by_name("Cap_Bpf", &c), 0);
	is_int(c, CAP_BPF);
	/* Number 30 meant VE_ADMIN once: it must never become AUDIT_CONTROL. */
	is_int(sec_cap_by_name("VE_ADMIN", &c), 0);
	is_int(c, SEC_CAP_VE_ADMIN);
	is_int(SEC_CAP_BIT(c), 0);
	is_int(sec_cap_by_name("AUDIT_CONTROL", &c), 0);
	is_int(c, 30);
	c = 7;
	is_int(sec_cap_by_name("", &c), -EINVAL);
	is_int(sec_cap_by_name("CAP_", &c), -EINVAL);
	is_int(sec_cap_by_name("CAP_CAP_KILL", &c), -EINVAL);
	is_int(sec_cap_by_name("KILLER", &c), -EINVAL);
	is_int(sec_cap_by_name("KIL", &c), -EINVAL);
	is_int(c, 7);
}

TEST(every_number_has_a_name)
{
	for (int i = 0; i <= CAP_LAST_CAP; i++) {
		int c = -1;

		ok(sec_cap_name(i) && sec_cap_by_name(sec_cap_name(i), &c) == 0 && c == i);
		ok(sec_caps_all() & SEC_CAP_BIT(i));
	}
	ok(sec_cap_name(CAP_LAST_CAP + 1) == NULL);
	ok(sec_cap_name(-1) == NULL);
}

TEST(default_set)
{
	static const int gone[] = {
		CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_MAC_ADMIN, CAP_MAC_OVERRIDE,
		CAP_WAKE_ALARM, CAP_BLOCK_SUSPEND, CAP_AUDIT_CONTROL, CAP_PERFMON, CAP_BPF,
	};
	uint64_t want = sec_caps_all();

	for (size_t i = 0; i < ARRAY_SIZE(gone); i++) {
		want &= ~SEC_CAP_BIT(gone[i]);
		ok(sec_cap_is_host_only(gone[i]));
	}
	ok(sec_caps_default() == want);
	ok(!sec_cap_is_host_only(CAP_NET_ADMIN));
	ok(!sec_cap_is_host_only(SEC_CAP_VE_ADMIN));
}

TEST(apply)
{
	struct __user_cap_header_struct hdr = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	uint64_t want = sec_caps_default();

	enter_userns();
	ok(status("CapBnd:\t") == sec_caps_all());
	/* Something ambient, so that clearing it shows. */
	is_int(syscall(SYS_capget, &hdr, data), 0);
	data[0].inheritable = 1u << CAP_NET_ADMIN;
	is_int(syscall(SYS_capset, &hdr, data), 0);
	is_int(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0), 0);
	ok(status("CapAmb:\t") != 0);

	is_int(sec_caps_apply(want), 0);
	ok(status("CapBnd:\t") == want);
	ok(status("CapPrm:\t") == want);
	ok(status("CapEff:\t") == want);
	is_int(status("CapInh:\t"), 0);
	is_int(status("CapAmb:\t"), 0);
	/* There is no way back. */
	data[0].permitted |= 1u << CAP_SYS_TIME;
	data[0].effective |= 1u << CAP_SYS_TIME;
	is_int(syscall(SYS_capset, &hdr, data), -1);
	is_int(errno, EPERM);
	is_int(sec_caps_apply(want), 0);
}

TEST(root_gets_no_more_by_exec)
{
	char buf[4096] = "";
	uint64_t want = SEC_CAP_BIT(CAP_CHOWN) | SEC_CAP_BIT(CAP_CHECKPOINT_RESTORE);
	int p[2];
	pid_t pid;

	is_int(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		enter_userns();
		dup2(p[1], 1);
		if (sec_caps_apply(want) == 0)
			execl("/bin/cat", "cat", "/proc/self/status", (char *)NULL);
		_exit(1);
	}
	close(p[1]);
	io_read_full(p[0], buf, sizeof(buf) - 1);
	waitpid(pid, NULL, 0);
	ok(field_of(buf, "CapBnd:\t") == want);
	ok(field_of(buf, "CapEff:\t") == want);
	ok(field_of(buf, "CapPrm:\t") == want);
	is_int(field_of(buf, "NoNewPrivs:\t"), 0);
}

TEST(nothing_left)
{
	enter_userns();
	is_int(sec_caps_apply(0), 0);
	is_int(status("CapBnd:\t"), 0);
	is_int(status("CapEff:\t"), 0);
	/* Without CAP_SETPCAP there is nothing to drop with. */
	is_int(sec_caps_apply(0), -EPERM);
	is_int(sethostname("x", 1), -1);
	is_int(sec_seccomp_load(SEC_PROFILE_CONTAINER), -EACCES);
}

TAP_MAIN()
