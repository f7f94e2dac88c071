// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tenant of tests/host/inside.t: tries things inside a container and says
 * how they ended, as the name of an errno or "done".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static int result(long r)
{
	printf("%s\n", r < 0 ? strerrorname_np(errno) : "done");
	return r < 0;
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return n < 0 ? -1 : 0;
}

/* Arguments that a kernel would refuse with something else than EPERM or ENOSYS. */
static int try_syscall(const char *name)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY };
	static char zero[4096];
	static const struct {
		const char *name;
		long nr;
	} plain[] = {
		{ "kexec_load", SYS_kexec_load }, { "init_module", SYS_init_module },
		{ "finit_module", SYS_finit_module }, { "delete_module", SYS_delete_module },
		{ "perf_event_open", SYS_perf_event_open }, { "userfaultfd", SYS_userfaultfd },
		{ "io_uring_setup", SYS_io_uring_setup }, { "swapon", SYS_swapon },
		{ "acct", SYS_acct }, { "open_by_handle_at", SYS_open_by_handle_at },
		{ "add_key", SYS_add_key }, { "keyctl", SYS_keyctl },
		{ "request_key", SYS_request_key }, { "syslog", SYS_syslog },
		{ "no-such", 100000 },
	};

	if (!strcmp(name, "tiocsti"))
		return result(ioctl(0, TIOCSTI, "x"));
	/* The high half of an argument is not looked at by the kernel. */
	if (!strcmp(name, "tiocsti-high"))
		return result(syscall(SYS_ioctl, 0, 0x100005412ULL, "x"));
	if (!strcmp(name, "bpf"))
		return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
	if (!strcmp(name, "settime"))
		return result(clock_settime(CLOCK_REALTIME, &(struct timespec){ .tv_sec = 1 }));
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(plain[i].name, name))
			return result(syscall(plain[i].nr, zero, zero, zero, 0, 0));
	return 2;
}

/* A container in the container: new user, pid and mount namespaces, own /proc. */
static int nest(void)
{
	char map[64];
	int status, id = (int)geteuid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET) < 0)
		return result(-1);
	(void)write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1\n", id);
	if (write_text("/proc/self/uid_map", map) < 0)
		return result(-1);
	if (fork() == 0) {
		if (mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(result(-1));
		printf("pid %d\n", (int)getpid());
		_exit(result(mount("tmpfs", "/mnt", "tmpfs", 0, NULL)));
	}
	fflush(stdout);
	wait(&status);
	return status;
}

/* CAP_NET_RAW on a file, as setcap(8) writes it. */
static int set_file_cap(const char *file)
{
	struct vfs_cap_data v = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE };

	v.data[0].permitted = 1u << CAP_NET_RAW;
	return result(setxattr(file, "security.capability", &v, sizeof(v), 0));
}

static int tun(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	strcpy(ifr.ifr_name, "tun7");
	return result(fd < 0 ? -1 : ioctl(fd, TUNSETIFF, &ifr));
}

static void look_at(const char *pid, dev_t mine)
{
	static const char *const what[] = { "exe", "cwd", "root", "fd/3", "fd/4", "fd/5", "fd/6",
					    "fd/7", "fd/8", "fd/9" };
	char path[300], link[300];
	struct stat st;

	for (size_t i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/%s/%s", pid, what[i]);
		fd = open(path, O_PATH);
		if (fd < 0)
			continue;
		n = readlink(path, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
		if (fstat(fd, &st) == 0 && st.st_dev != mine &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))) {
			int w;

			/* The descriptor names the file whatever the path says by now. */
			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			w = open(path, O_WRONLY | O_CLOEXEC);
			printf("%s of another file system: %s, writing: %s\n", what[i], link,
			       w < 0 ? strerrorname_np(errno) : "OPENED");
			if (w >= 0)
				close(w);
		}
		close(fd);
	}
}

/* Looks at every process that comes and goes for SECONDS. */
static int grab(int seconds)
{
	time_t end = time(NULL) + seconds;
	struct stat st;
	char self[16];

	snprintf(self, sizeof(self), "%d", (int)getpid());
	if (stat("/", &st) < 0)
		return 1;
	while (time(NULL) < end) {
		DIR *d = opendir("/proc");
		struct dirent *de;

		while (d && (de = readdir(d)))
			if (de->d_name[0] >= '1' && de->d_name[0] <= '9' &&
			    strcmp(de->d_name, self))
				look_at(de->d_name, st.st_dev);
		if (d)
			closedir(d);
	}
	return 0;
}

static int status_line(const char *key)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			printf("%s", line + strlen(key) + 2);
	return 0;
}

int main(int argc, char **argv)
{
	const char *v = argc > 1 ? argv[1] : "", *a = argc > 2 ? argv[2] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(v, "sys"))
		return try_syscall(a);
	if (!strcmp(v, "write"))
		return result(open(a, O_WRONLY | O_CLOEXEC));
	if (!strcmp(v, "read"))
		return result(open(a, O_RDONLY | O_CLOEXEC));
	if (!strcmp(v, "mknod") && argc == 5)
		return result(mknod(a, S_IFCHR | 0600, makedev(atoi(argv[3]), atoi(argv[4]))));
	if (!strcmp(v, "nest"))
		return nest();
	if (!strcmp(v, "setcap"))
		return set_file_cap(a);
	if (!strcmp(v, "tun"))
		return tun();
	if (!strcmp(v, "grab"))
		return grab(atoi(a));
	if (!strcmp(v, "kill-all"))
		return result(kill(-1, SIGKILL));
	if (!strcmp(v, "euid"))
		return printf("%d\n", (int)geteuid()) < 0;
	if (!strcmp(v, "status"))
		return status_line(a);
	/* as UID COMMAND... */
	if (!strcmp(v, "as") && argc > 3) {
		if (setgid(atoi(a)) < 0 || setuid(atoi(a)) < 0)
			return result(-1);
		execv(argv[3], argv + 3);
		return result(-1);
	}
	if (!strcmp(v, "mount") && argc == 6)
		return result(mount(a, argv[3], argv[4], 0, argv[5]));
	if (!strcmp(v, "mkdir"))
		return result(mkdir(a, 0755));
	return 2;
}
