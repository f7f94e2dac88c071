// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs in the place of QEMU (vmbox.t): looks around in the box of a virtual machine,
 * tries to get out, and says how each attempt ended: "NAME ERRNO" or "NAME done".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

static void say(const char *name, long r)
{
	printf("%s %s\n", name, r < 0 ? strerrorname_np(errno) : "done");
	if (r > 2)
		close((int)r);
}

#define TRY(name, call) (errno = 0, say(name, (long)(call)))

/* Where it succeeds, the child has nothing to do. */
static long child(long pid)
{
	if (pid == 0)
		_exit(0);
	return pid < 0 ? pid : 0;
}

static int walk_depth;

static void walk(const char *path)
{
	struct dirent *de;
	DIR *d = opendir(path);

	printf("dir %s\n", path);
	while (d && (de = readdir(d))) {
		char sub[512];
		struct stat st;

		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", strcmp(path, "/") ? path : "", de->d_name);
		if (lstat(sub, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && walk_depth++ < 64)
			walk(sub);
		else
			printf("file %s %o\n", sub, st.st_mode & 07777);
		if (!S_ISCHR(st.st_mode) && access(sub, W_OK) == 0)
			printf("writable %s\n", sub);
	}
	if (d)
		closedir(d);
}

static void identity(int argc, char **argv)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];
	struct utsname u;
	struct stat root, up;
	int n = 0, caps = 0;

	printf("uid %d gid %d pid %d ppid %d\n", getuid(), getgid(), getpid(), getppid());
	if (syscall(SYS_capget, &h, d) == 0)
		printf("caps %x %x %x\n", d[0].effective | d[1].effective,
		       d[0].permitted | d[1].permitted, d[0].inheritable | d[1].inheritable);
	for (int c = 0; c < 64; c++)
		caps += prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1;
	printf("bounding %d\n", caps);
	printf("nnp %d seccomp %d dumpable %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       prctl(PR_GET_SECCOMP), prctl(PR_GET_DUMPABLE));
	uname(&u);
	printf("node %s\n", u.nodename);
	for (char **e = environ; *e; e++)
		printf("env%d %s\n", n++, *e);
	for (int i = 0; i < argc; i++)
		printf("arg %s\n", argv[i]);
	for (int i = 0; i < 1024; i++)
		if (fcntl(i, F_GETFD) >= 0)
			printf("fd %d\n", i);
	if (stat("/", &root) == 0 && stat("/../../..", &up) == 0)
		printf("above %s\n", root.st_ino == up.st_ino ? "nothing" : "something");
}

static void files(void)
{
	TRY("create /", open("/x", O_WRONLY | O_CREAT, 0600));
	TRY("create /dev", open("/dev/x", O_WRONLY | O_CREAT, 0600));
	TRY("create /usr", open("/usr/x", O_WRONLY | O_CREAT, 0600));
	TRY("write kernel", open("/boot/kernel", O_WRONLY));
	TRY("truncate", truncate("/boot/kernel", 0));
	TRY("chmod", chmod("/boot/kernel", 0777));
	TRY("unlink", unlink("/boot/kernel"));
	TRY("rename", rename("/boot/kernel", "/boot/k"));
	TRY("mkdir", mkdir("/d", 0700));
	TRY("symlink", symlink("/", "/l"));
	TRY("mknod", mknod("/dev/vda", S_IFBLK | 0600, makedev(254, 0)));
	TRY("proc", open("/proc/self/mountinfo", O_RDONLY));
	TRY("sys", open("/sys/class/net", O_RDONLY));
	TRY("devpts", open("/dev/pts/0", O_RDWR));
	TRY("kvm", open("/dev/kvm", O_RDWR));
	TRY("tun", open("/dev/net/tun", O_RDWR));
	TRY("mem", open("/dev/mem", O_RDWR));
	TRY("urandom write", open("/dev/urandom", O_WRONLY));
}

static void mounts(void)
{
	TRY("mount tmpfs", mount("t", "/dev", "tmpfs", 0, NULL));
	TRY("mount proc", mount("p", "/boot", "proc", 0, NULL));
	TRY("bind", mount("/usr", "/boot", NULL, MS_BIND, NULL));
	TRY("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	TRY("umount", umount2("/boot/kernel", MNT_DETACH));
	TRY("pivot_root", syscall(SYS_pivot_root, ".", "."));
	TRY("chroot", chroot("/usr"));
	TRY("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	TRY("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	TRY("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, NULL, 0));
	TRY("statmount", syscall(457, NULL, NULL, 0, 0));
	TRY("listmount", syscall(458, NULL, NULL, 0, 0));
	TRY("handle", syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
	TRY("name_to_handle", syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0));
	TRY("swapon", syscall(SYS_swapon, "/boot/kernel", 0));
	TRY("quotactl", syscall(SYS_quotactl, 0, NULL, 0, NULL));
	TRY("fanotify", syscall(SYS_fanotify_init, 0, 0));
}

static void processes(void)
{
	TRY("fork", child(fork()));
	TRY("clone user",
	    child(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL)));
	TRY("clone3", syscall(SYS_clone3, NULL, 0));
	TRY("unshare user", unshare(CLONE_NEWUSER));
	TRY("unshare mnt", unshare(CLONE_NEWNS));
	TRY("unshare net", unshare(CLONE_NEWNET));
	TRY("setns", setns(0, 0));
	TRY("setuid", syscall(SYS_setresuid, 0, 0, 0));
	TRY("setgid", syscall(SYS_setresgid, 0, 0, 0));
	TRY("setgroups", syscall(SYS_setgroups, 0, NULL));
	TRY("capset", syscall(SYS_capset, NULL, NULL));
	TRY("ptrace", syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, 2, 0, 0));
	TRY("vm_readv", syscall(SYS_process_vm_readv, 2, NULL, 0, NULL, 0, 0));
	TRY("pidfd", syscall(SYS_pidfd_open, 1, 0));
	TRY("pidfd_getfd", syscall(SYS_pidfd_getfd, 0, 0, 0));
	TRY("kill all", kill(-1, SIGKILL));
	TRY("setpriority", syscall(SYS_setpriority, 0, 0, -20));
	TRY("affinity", syscall(SYS_sched_setaffinity, 0, 0, NULL));
	TRY("setrlimit", syscall(SYS_setrlimit, 7, NULL));
}

static void the_kernel(void)
{
	char c = 'x';

	TRY("bpf", syscall(SYS_bpf, 0, NULL, 0));
	TRY("perf", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	TRY("userfaultfd", syscall(SYS_userfaultfd, 0));
	TRY("io_uring", syscall(SYS_io_uring_setup, 1, NULL));
	TRY("keyctl", syscall(SYS_keyctl, 0, 0));
	TRY("add_key", syscall(SYS_add_key, "user", "x", "x", 1, -1));
	TRY("init_module", syscall(SYS_init_module, NULL, 0, ""));
	TRY("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
	TRY("reboot", syscall(SYS_reboot, 0, 0, 0, NULL));
	TRY("syslog", syscall(SYS_syslog, 3, NULL, 0));
	TRY("settime", syscall(SYS_clock_settime, 0, NULL));
	TRY("sethostname", sethostname("x", 1));
	TRY("iopl", syscall(SYS_iopl, 3));
	TRY("modify_ldt", syscall(SYS_modify_ldt, 0, NULL, 0));
	TRY("personality", syscall(SYS_personality, 0x40000));
	TRY("tiocsti", ioctl(0, TIOCSTI, &c));
	TRY("tiocsti high", syscall(SYS_ioctl, 0, 0x100000000L | TIOCSTI, &c));
	TRY("shm", syscall(SYS_shmget, 0, 4096, 01600));
	TRY("msg", syscall(SYS_msgget, 0, 01600));
	TRY("mq_open", syscall(SYS_mq_open, "x", O_CREAT, 0600, NULL));
	TRY("int80 execve", syscall(SYS_execveat, -1, "", NULL, NULL, 0));
}

static void sockets(void)
{
	TRY("inet", socket(AF_INET, SOCK_STREAM, 0));
	TRY("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	TRY("packet", socket(AF_PACKET, SOCK_RAW, 0));
	TRY("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	TRY("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
	TRY("alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
	TRY("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){ 0 }));
	TRY("connect", syscall(SYS_connect, 10, NULL, 0));
	TRY("bind", syscall(SYS_bind, 10, NULL, 0));
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("PROBE BEGIN");
	identity(argc, argv);
	walk("/");
	files();
	mounts();
	processes();
	the_kernel();
	sockets();
	puts("PROBE END");
	return 0;
}
