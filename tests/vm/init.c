// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of the guest that tests/vm/run boots.
 *
 * It loads what the root disk needs, mounts it, runs each program of
 * /vz/vm.list ("SECONDS PATH" a line) and tells the host by frames on the
 * virtio port "vz", which the kernel opens once only: nothing that a test prints
 * can pass for a frame, and a guest that dies has not sent the last one.
 *
 *	T PATH\n	a test begins
 *	D LENGTH\n...	its output
 *	X CODE\n	it ended: exit code, 128 + signal, or 124 for too late
 *	F TEXT\n	the guest itself failed
 *	K LENGTH\n...	kernel log
 *	L LENGTH\n...	report of kmemleak, where the kernel has it
 *	Z\n		the end
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KMEMLEAK "/sys/kernel/debug/kmemleak"

static int port = -1;

static void put(const void *data, size_t size)
{
	const char *p = data;

	while (size) {
		ssize_t n = write(port, p, size);

		if (n < 0 && errno != EINTR)
			return;	/* The host will miss the end. */
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
}

static void frame(char type, const char *text)
{
	char line[512];

	put(line, (size_t)snprintf(line, sizeof(line), "%c %.500s\n", type, text));
}

static void frame_data(char type, const void *data, size_t size)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", size);
	frame(type, text);
	put(data, size);
}

static void __attribute__((noreturn)) halt(void)
{
	sync();
	/* run starts QEMU with -no-reboot: a reset ends it, on any machine type. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void __attribute__((noreturn)) fail(const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(errno));
	dprintf(2, "init: %s\n", text);
	if (port >= 0)
		frame('F', text);
	halt();
}

static void mount_at(const char *src, const char *to, const char *fs, unsigned long flags,
		     const char *opts)
{
	mkdir(to, 0755);
	if (mount(src, to, fs, flags, opts) < 0)
		fail(to);
}

/* ---- before the root is there ------------------------------------------------ */

/* Names sort as 00-x, 01-y: the order in which they depend on each other. */
static void load_modules(void)
{
	struct dirent **list;
	int n = scandir("/mod", &list, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[300];
		int fd;

		if (!strstr(list[i]->d_name, ".ko"))
			continue;
		snprintf(path, sizeof(path), "/mod/%s", list[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST))
			fail(path);
		close(fd);
	}
}

/* Devices are found a moment after their driver is there. */
static bool wait_for(bool (*found)(void))
{
	for (int i = 0; i < 1000; i++) {
		if (found())
			return true;
		usleep(5000);
	}
	errno = ETIMEDOUT;
	return false;
}

static bool find_port(void)
{
	DIR *d = opendir("/sys/class/virtio-ports");
	char path[300], name[16];
	struct dirent *de;

	while (d && port < 0 && (de = readdir(d))) {
		ssize_t n;
		int fd;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", de->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, name, sizeof(name));
		close(fd);
		if (n < 3 || memcmp(name, "vz\n", 3) != 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", de->d_name);
		port = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (d)
		closedir(d);
	return port >= 0;
}

static bool find_root(void)
{
	/* The last disk is only there for a kernel with modules, and then found last. */
	return access("/dev/vda", F_OK) == 0 && access("/dev/vdb", F_OK) == 0 &&
	       (access("/mod/last", F_OK) < 0 || access("/dev/vdc", F_OK) == 0);
}

static void mount_root(void)
{
	mount_at("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount_at("proc", "/proc", "proc", 0, NULL);
	mount_at("sysfs", "/sys", "sysfs", 0, NULL);
	load_modules();
	if (!wait_for(find_port))
		fail("virtio port vz");
	if (!wait_for(find_root))
		fail("disks");
	mount_at("/dev/vda", "/root", "ext4", MS_NOATIME, "prjquota");
	mount_at("/dev/vdb", "/root/vz", "ext4", MS_RDONLY, NULL);
	if (access("/dev/vdc", F_OK) == 0)
		mount_at("/dev/vdc", "/root/usr/lib/modules", "ext4", MS_RDONLY, NULL);
	mount_at("/dev", "/root/dev", NULL, MS_MOVE, NULL);
	mount_at("/proc", "/root/proc", NULL, MS_MOVE, NULL);
	mount_at("/sys", "/root/sys", NULL, MS_MOVE, NULL);
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0)
		fail("switch to the root disk");
}

/* Nodes of modules that are loaded when these are opened, as kmod's service makes them. */
static void make_nodes(void)
{
	char path[128], name[64], type;
	unsigned int major, minor;
	struct utsname u;
	FILE *f;

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%.65s/modules.devname", u.release);
	f = fopen(path, "re");
	while (f && fscanf(f, " %*[#]%*[^\n]") != EOF &&
	       fscanf(f, "%*s %63s %c%u:%u", name, &type, &major, &minor) == 4) {
		snprintf(path, sizeof(path), "/dev/%s", name);
		if (strchr(name, '/')) {
			*strrchr(path, '/') = '\0';
			mkdir(path, 0755);
			path[strlen(path)] = '/';
		}
		mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) | 0600, makedev(major, minor));
	}
	if (f)
		fclose(f);
}

/*
 * The first quota of all, and the end of the last, patch the scheduler's code (a
 * static key), which QEMU's TCG with several threads gets wrong now and then: a CPU
 * runs into the breakpoint of the patcher, and the kernel dies of "Oops: int3".  A
 * group that always has one leaves the code alone.
 */
static void keep_quota(void)
{
	int fd;

	mkdir("/sys/fs/cgroup/quota", 0755);
	fd = open("/sys/fs/cgroup/quota/cpu.max", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "100000 100000", 13) < 0)
		fail("cpu.max");
	close(fd);
}

/* As systemd has it on a host of today: one hierarchy with every controller. */
static void mount_rest(void)
{
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+io", "+cpuset" };
	int fd;

	mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
	mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		 "nsdelegate,memory_recursiveprot");
	mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
	mount_at("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=666,mode=620");
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	mount("securityfs", "/sys/kernel/security", "securityfs", 0, NULL);
	mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL);
	symlink("/proc/self/fd", "/dev/fd");
	sethostname("guest", 5);
	make_nodes();
	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, controllers[i], strlen(controllers[i])) < 0)
			fail(controllers[i]);
		close(fd);
	}
	keep_quota();
}

/* ---- tests -------------------------------------------------------------------- */

static void __attribute__((noreturn)) exec_test(const char *path, int out)
{
	static char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
				     "LC_ALL=C", "TERM=dumb", "VZ_VM=1",
				     "VZ_BUILD=/vz/build/debug", NULL };
	char *argv[] = { (char *)path, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit files = { 1024, 524288 };

	setsid();
	/* What systemd gives to a service. */
	setrlimit(RLIMIT_NOFILE, &files);
	dup2(null, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (chdir("/vz") == 0)
		execve(path, argv, env);
	dprintf(2, "%s: %s\n", path, strerror(errno));
	_exit(127);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Orphans are ours, and some test waits for one of its to disappear. */
static bool reap(pid_t wanted, int *status)
{
	bool seen = false;
	int s;

	for (pid_t p; (p = waitpid(-1, &s, WNOHANG)) > 0;)
		if (p == wanted) {
			*status = s;
			seen = true;
		}
	return seen;
}

static void run_test(const char *path, int seconds)
{
	int64_t end = now_ms() + seconds * 1000LL;
	bool done = false, late = false;
	int p[2], status = 0;
	char buf[65536];
	ssize_t n;
	pid_t pid;

	frame('T', path);
	if (pipe2(p, O_CLOEXEC) < 0)
		fail("pipe");
	pid = fork();
	if (pid == 0)
		exec_test(path, p[1]);
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	while (pid > 0 && !done && !late) {
		struct pollfd pfd = { .fd = p[0], .events = POLLIN };

		if (poll(&pfd, 1, 20) > 0 && !(pfd.revents & POLLIN))
			usleep(20000);
		done = reap(pid, &status);
		while ((n = read(p[0], buf, sizeof(buf))) > 0)
			frame_data('D', buf, (size_t)n);
		late = !done && now_ms() > end;
	}
	/* Whoever is left is not wanted by the next test. */
	kill(-1, SIGKILL);
	for (int i = 0; i < 100 && waitpid(-1, NULL, WNOHANG) >= 0; i++)
		usleep(5000);
	close(p[0]);
	snprintf(buf, 16, "%d", pid < 0 || late ? 124 : WIFEXITED(status) ? WEXITSTATUS(status) :
						     128 + WTERMSIG(status));
	frame('X', buf);
}

static void run_list(void)
{
	FILE *f = fopen("/vz/vm.list", "re");
	char path[300];
	int seconds;

	if (!f)
		fail("/vz/vm.list");
	while (fscanf(f, "%d %299s", &seconds, path) == 2)
		run_test(path, seconds);
	fclose(f);
}

/* ---- the end -------------------------------------------------------------------- */

static void send_leaks(void)
{
	int fd = open(KMEMLEAK, O_RDWR | O_CLOEXEC);
	static char buf[1 << 16];
	ssize_t n;

	/* The second scan knows what the first one only suspected. */
	for (int i = 0; i < 2 && fd >= 0; i++) {
		if (write(fd, "scan", 4) < 0)
			frame('F', "kmemleak does not scan");
		sleep(i ? 0 : 5);
	}
	n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));
	if (n > 0)
		frame_data('L', buf, (size_t)n);
}

static void send_log(void)
{
	static char buf[4 << 20];
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, buf, sizeof(buf));

	frame_data('K', buf, n > 0 ? (size_t)n : 0);
}

int main(void)
{
	mount_root();
	mount_rest();
	run_list();
	send_leaks();
	send_log();
	put("Z\n", 2);
	halt();
}
