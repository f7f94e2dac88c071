// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Process 1 of the guest of `kp bench`: what some system calls cost, in instructions.
 * QEMU runs one CPU with -icount shift=0, where the time stamp counter counts executed
 * instructions: the row "loop" shows that it does.  Prints "COST PLACE NAME N..." with a
 * number per repetition: instructions for one call.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sys/syscalls.h"
#include "sys/ve.h"

enum { WARM = 3, REPEAT = 11, RECORDS = 100 };

struct op {
	const char *name;
	int n;			/* calls in one repetition */
	void (*run)(void);
};

static int kmsg = -EBADF;
static char text[] = "<6>cost: a line of a length that is usual in the log of a machine\n";

static uint64_t ticks(void)
{
	unsigned int lo, hi;

	__asm__ volatile("lfence; rdtsc; lfence" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/* 1000 times two instructions. */
static void run_loop(void)
{
	unsigned int n = 1000;

	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(n) : : "cc");
}

static void run_getppid(void)
{
	syscall(SYS_getppid);
}

static void wait_for(pid_t pid)
{
	if (pid < 0)
		err(1, "clone");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void clone_and_exit(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);

	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static void run_fork(void)
{
	clone_and_exit(0);
}

static void run_clone_ns(void)
{
	clone_and_exit(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWNS);
}

static void run_clone_ve(void)
{
	clone_and_exit((uint64_t)sys_ve_type());
}

static void run_kmsg(void)
{
	if (write(kmsg, text, sizeof(text) - 1) < 0)
		err(1, "write /dev/kmsg");
}

/* The file system says so by printk: there is nobody else to tell. */
static void run_printk(void)
{
	if (mount("none", "/mnt", "tmpfs", 0, "nosuch=1") == 0)
		errx(1, "tmpfs takes any option");
}

static void run_dmesg(void)
{
	static char buf[1 << 16];

	if (klogctl(3 /* SYSLOG_ACTION_READ_ALL */, buf, sizeof(buf)) < (int)sizeof(text))
		err(1, "dmesg");
}

static void run_read_kmsg(void)
{
	char rec[8192];
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC), n = 0;

	lseek(fd, 0, SEEK_DATA);	/* after the last clear */
	while (read(fd, rec, sizeof(rec)) > 0)
		n++;
	if (n < RECORDS)
		errx(1, "%d records", n);
	close(fd);
}

static const struct op ops[] = {
	{ "loop", 100, run_loop },
	{ "getppid", 1000, run_getppid },
	{ "fork+exit+wait", 50, run_fork },
	{ "clone5ns+exit+wait", 50, run_clone_ns },
	{ "write-kmsg", 100, run_kmsg },
	{ "mount-error-printk", 100, run_printk },
	{ "dmesg-100-lines", 20, run_dmesg },
	{ "read-kmsg-100-lines", 10, run_read_kmsg },
};
static const struct op op_ve = { "clone-ve+exit+wait", 50, run_clone_ve };

/* The same hundred lines, whatever came before. */
static void fill_log(void)
{
	klogctl(5 /* SYSLOG_ACTION_CLEAR */, NULL, 0);
	for (int i = 0; i < RECORDS; i++)
		run_kmsg();
}

static void measure(const char *place, const struct op *op)
{
	fill_log();
	if (place)
		printf("COST %s %s", place, op->name);
	for (int r = -WARM; r < REPEAT; r++) {
		uint64_t t = ticks();

		for (int i = 0; i < op->n; i++)
			op->run();
		t = ticks() - t;
		if (place && r >= 0)
			printf(" %llu", (unsigned long long)(t / (unsigned int)op->n));
	}
	if (place)
		putchar('\n');
	fflush(stdout);
}

static void measure_all(const char *place)
{
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (kmsg < 0)
		err(1, "/dev/kmsg");
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		measure(place, &ops[i]);
	if (sys_ve_type())
		measure(place, &op_ve);
	close(kmsg);
}

int main(void)
{
	int type;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mkdir("/mnt", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	/* What comes later forks dearer, by 9%: once around without a figure. */
	measure_all(NULL);
	measure_all("host");
	type = sys_ve_type();
	if (type && sys_ve_has_log()) {
		/* Room for what the rows write: 256 records would wrap. */
		if (unshare(type) < 0 || sys_ve_configure("cost", 256u << 10, false) < 0)
			err(1, "ve");
		measure_all("ve");
	}
	puts("COST end");
	fflush(stdout);
	sync();
	reboot(RB_AUTOBOOT);
	return 1;
}
