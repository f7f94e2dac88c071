// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The limit: the system calls that starting a container takes, in order, and
 * nothing else.  No configuration, no state, no lock, no monitor, no undo.
 *
 *	bare start DIR CGROUP NAME	DIR/{lower,rw/upper,rw/work,mnt}; prints init's pid
 *	bare exec PID CGROUP PROG	runs PROG in init's namespaces and waits for it
 *	bare read DIR			reads every file of a directory once
 *
 * start returns when init has been executed and leaves it running.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "sec/sec.h"
#include "sys/syscalls.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { UID_BASE = 0x70000000, UID_COUNT = 65536 };

/* In the child: a byte here tells the parent that there will be no exec. */
static int report = -1;

static void check(int r, const char *what)
{
	int saved = errno;

	if (r >= 0)
		return;
	if (report >= 0 && write(report, "x", 1) != 1)
		_exit(2);
	errno = saved;
	err(1, "%s", what);
}

/* Netlink: one request at a time in a fixed buffer. */
struct req {
	struct nlmsghdr h;
	char data[512];
};

static void *req_tail(struct req *q, size_t n)
{
	void *p = (char *)q + NLMSG_ALIGN(q->h.nlmsg_len);

	q->h.nlmsg_len = (unsigned int)(NLMSG_ALIGN(q->h.nlmsg_len) + n);
	return p;
}

static struct rtattr *req_attr(struct req *q, unsigned short type, const void *v, size_t n)
{
	struct rtattr *a = req_tail(q, RTA_LENGTH(n));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(n);
	if (n)
		memcpy(RTA_DATA(a), v, n);
	return a;
}

static void req_end(struct req *q, struct rtattr *a)
{
	a->rta_len = (unsigned short)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len) - (char *)a);
}

static void req_init(struct req *q, unsigned short type, unsigned short flags)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = NLMSG_HDRLEN;
	q->h.nlmsg_type = type;
	q->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
}

static void req_talk(int fd, struct req *q, const char *what)
{
	union {
		struct nlmsghdr h;
		char b[1024];
	} in;
	const struct nlmsgerr *e = NLMSG_DATA(&in.h);

	check((int)send(fd, q, q->h.nlmsg_len, 0), what);
	check((int)recv(fd, &in, sizeof(in), 0), what);
	if (in.h.nlmsg_type == NLMSG_ERROR && e->error) {
		errno = -e->error;
		check(-1, what);
	}
}

static int nl_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	check(fd, "netlink socket");
	return fd;
}

static void make_veth(const char *name, pid_t pid)
{
	struct req q;
	struct rtattr *info, *data, *peer;
	struct ifinfomsg *ifi;
	unsigned int p = (unsigned int)pid;
	int fd = nl_open();

	req_init(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	ifi = req_tail(&q, sizeof(*ifi));
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	req_attr(&q, IFLA_IFNAME, name, strlen(name) + 1);
	info = req_attr(&q, IFLA_LINKINFO, NULL, 0);
	req_attr(&q, IFLA_INFO_KIND, "veth", 4);
	data = req_attr(&q, IFLA_INFO_DATA, NULL, 0);
	peer = req_attr(&q, VETH_INFO_PEER, NULL, 0);
	req_tail(&q, sizeof(*ifi));
	req_attr(&q, IFLA_IFNAME, "eth0", 5);
	req_attr(&q, IFLA_NET_NS_PID, &p, sizeof(p));
	req_end(&q, peer);
	req_end(&q, data);
	req_end(&q, info);
	req_talk(fd, &q, "veth");
	close(fd);
}

static void link_up(int fd, int index)
{
	struct req q;
	struct ifinfomsg *ifi;

	req_init(&q, RTM_NEWLINK, 0);
	ifi = req_tail(&q, sizeof(*ifi));
	ifi->ifi_index = index;
	ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	req_talk(fd, &q, "link up");
}

static void setup_net(void)
{
	static const unsigned char ip[4] = { 10, 9, 0, 2 };
	int fd = nl_open(), eth = (int)if_nametoindex("eth0");
	struct ifaddrmsg *ifa;
	struct req q;

	link_up(fd, 1);
	link_up(fd, eth);
	req_init(&q, RTM_NEWADDR, NLM_F_CREATE);
	ifa = req_tail(&q, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_index = (unsigned int)eth;
	req_attr(&q, IFA_LOCAL, ip, 4);
	req_attr(&q, IFA_ADDRESS, ip, 4);
	req_talk(fd, &q, "address");
	close(fd);
}

union fd_cmsg {
	struct cmsghdr h;
	char b[CMSG_SPACE(sizeof(int))];
};

static void send_fd(int sock, int fd)
{
	union fd_cmsg c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	check((int)sendmsg(sock, &m, 0), "sendmsg");
}

static int recv_fd(int sock)
{
	union fd_cmsg c;
	char x;
	struct iovec v = { &x, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c,
			    .msg_controllen = sizeof(c) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !m.msg_controllen)
		errx(1, "no root descriptor");
	memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return fd;
}

static void bind_node(const char *name)
{
	char from[32], to[32];

	snprintf(from, sizeof(from), "/dev/%s", name);
	snprintf(to, sizeof(to), "dev/%s", name);
	check(mknod(to, S_IFREG | 0666, 0), to);
	check(mount(from, to, NULL, MS_BIND, NULL), to);
}

static void setup_root(const char *mnt, int root)
{
	static const char *const node[] = { "null", "zero", "full", "random", "urandom", "tty" };

	check(sys_move_mount(root, "", AT_FDCWD, mnt, MOVE_MOUNT_F_EMPTY_PATH), "move_mount");
	check(chdir(mnt), mnt);
	check(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	check(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL),
	      "sysfs");
	check(mount("dev", "dev", "tmpfs", MS_NOSUID, "mode=755"), "tmpfs");
	for (size_t i = 0; i < ARRAY_SIZE(node); i++)
		bind_node(node[i]);
	check(mkdir("dev/pts", 0755), "dev/pts");
	check(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		    "newinstance,ptmxmode=0666,mode=0620"), "devpts");
	check(symlink("pts/ptmx", "dev/ptmx"), "dev/ptmx");
	check(sys_pivot_root(".", "."), "pivot_root");
	check(umount2(".", MNT_DETACH), "umount of the old root");
	check(chdir("/"), "/");
}

static void check_errno(int r, const char *what)
{
	errno = -r;
	check(r, what);
}

__noreturn static void child(const char *mnt, int sock, const char *name)
{
	static char *const argv[] = { "/sbin/init", NULL };
	static char *const env[] = { "PATH=/sbin:/bin", "container=vz", NULL };
	int root = recv_fd(sock);

	report = sock;
	check(setresgid(0, 0, 0), "setresgid");
	check(setresuid(0, 0, 0), "setresuid");
	setsid();
	setup_net();
	check(sethostname(name, strlen(name)), "sethostname");
	setup_root(mnt, root);
	check_errno(sec_seccomp_load(SEC_PROFILE_CONTAINER), "seccomp");
	check_errno(sec_caps_apply(sec_caps_default()), "capabilities");
	execve(argv[0], argv, env);
	check(-1, "execve");
	_exit(1);
}

static void write_map(pid_t pid, const char *file)
{
	char path[64], map[64];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	n = snprintf(map, sizeof(map), "0 %u %u", UID_BASE, UID_COUNT);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd, path);
	check((int)write(fd, map, (size_t)n), path);
	close(fd);
}

static int idmapped(int dir, const char *name, int userns)
{
	struct mount_attr a = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	int fd = sys_open_tree(dir, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	check(fd, name);
	check(sys_mount_setattr(fd, "", AT_EMPTY_PATH, &a), "idmapped mount");
	return fd;
}

/* By name below /proc/self/fd: layers by descriptor came with Linux 6.13 only. */
static void set_layer(int fs, const char *key, int fd, const char *below)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d%s", fd, below);
	check(sys_fsconfig(fs, FSCONFIG_SET_STRING, key, path, 0), key);
}

static int make_root(const char *dir, pid_t pid)
{
	char path[64];
	int base = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), userns, lower, rw, fs, m;

	check(base, dir);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	userns = open(path, O_RDONLY | O_CLOEXEC);
	check(userns, path);
	lower = idmapped(base, "lower", userns);
	/* upper and work have to be on one mount. */
	rw = idmapped(base, "rw", userns);
	fs = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	check(fs, "fsopen");
	set_layer(fs, "lowerdir", lower, "");
	set_layer(fs, "upperdir", rw, "/upper");
	set_layer(fs, "workdir", rw, "/work");
	check(sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0), "overlay");
	m = sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
	check(m, "fsmount");
	return m;
}

static pid_t clone_child(int cgroup)
{
	int pidfd;
	struct clone_args a = {
		.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
			 CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWTIME | CLONE_INTO_CGROUP |
			 CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)cgroup,
	};

	return sys_clone3(&a);
}

static void start(const char *dir, const char *cgroup, const char *name)
{
	int sock[2], cg;
	char mnt[4096], x;
	pid_t pid;

	check(mkdir(cgroup, 0755), cgroup);
	cg = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(cg, cgroup);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock), "socketpair");
	snprintf(mnt, sizeof(mnt), "%s/mnt", dir);
	pid = clone_child(cg);
	check(pid, "clone3");
	if (pid == 0) {
		close(sock[0]);
		child(mnt, sock[1], name);
	}
	close(sock[1]);
	printf("%d\n", pid);
	fflush(stdout);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	make_veth(name, pid);
	send_fd(sock[0], make_root(dir, pid));
	/* The child's end closes at exec, or says first that it failed. */
	if (read(sock[0], &x, 1) != 0)
		errx(1, "init was not executed");
}

/* Joins, in one setns(2) by pidfd: CLONE_NEWTIME needs no joining without offsets. */
static int exec_in(pid_t pid, const char *cgroup, char *prog)
{
	char *const argv[] = { prog, NULL };
	char *const env[] = { "PATH=/sbin:/bin", NULL };
	int fd = sys_pidfd_open(pid, 0), cg = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC), st;
	pid_t kid;

	check(fd, "pidfd");
	check(io_write_small_at(cg, "cgroup.procs", "0"), "cgroup");
	check(setns(fd, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS |
		    CLONE_NEWIPC | CLONE_NEWCGROUP), "setns");
	kid = fork();
	check(kid, "fork");
	if (kid == 0) {
		check(setresgid(0, 0, 0), "setresgid");
		check(setresuid(0, 0, 0), "setresuid");
		check_errno(sec_seccomp_load(SEC_PROFILE_CONTAINER), "seccomp");
		check_errno(sec_caps_apply(sec_caps_default()), "capabilities");
		execve(prog, argv, env);
		check(-1, prog);
	}
	check(waitpid(kid, &st, 0), "waitpid");
	return WIFEXITED(st) ? WEXITSTATUS(st) : 255;
}

static void read_all(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	char buf[65536];

	if (!d)
		err(1, "%s", dir);
	while ((e = readdir(d))) {
		int fd;

		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		check(fd, e->d_name);
		while (read(fd, buf, sizeof(buf)) > 0)
			continue;
		close(fd);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	if (argc == 5 && str_eq(argv[1], "start"))
		start(argv[2], argv[3], argv[4]);
	else if (argc == 5 && str_eq(argv[1], "exec"))
		return exec_in(atoi(argv[2]), argv[3], argv[4]);
	else if (argc == 3 && str_eq(argv[1], "read"))
		read_all(argv[2]);
	else
		errx(2, "usage: bare start DIR CGROUP NAME | exec PID CGROUP PROG | read DIR");
	return 0;
}
