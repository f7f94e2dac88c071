// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of a cgroup: here, of a directory. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "cg/usage.h"
#include "tests/lib/tap.h"

static char dir[] = "/tmp/vz-cg-usage-XXXXXX";

static void put(const char *file, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, file);

	ok(io_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0600, IO_ATOMIC_NOSYNC) == 0);
}

static int group(const char *file, const char *text)
{
	ok(mkdtemp(dir) != NULL);
	put(file, text);
	return open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void group_done(int fd, const char *file)
{
	ok(unlinkat(fd, file, 0) == 0);
	close(fd);
	ok(rmdir(dir) == 0);
}

TEST(pressure)
{
	int g = group("io.pressure", "some avg10=1.05 avg60=0.40 avg300=100.00 total=77\n"
				     "full avg10=0.00 avg60=0.00 avg300=0.09 total=18446744073709551614\n");
	struct cg_pressure p;

	cg_pressure(g, "io.pressure", &p);
	is_int(p.some.avg10, 105);
	is_int(p.some.avg60, 40);
	is_int(p.some.avg300, 10000);
	is_int(p.some.total, 77);
	is_int(p.full.avg300, 9);
	is_int(p.full.total, -2);
	cg_pressure(g, "cpu.pressure", &p);
	is_int(p.some.avg10, CG_NONE);
	is_int(p.full.total, CG_NONE);
	group_done(g, "io.pressure");
}

/* Before 5.13 the processor has no "full"; nonsense is none, never a number. */
TEST(pressure_parts)
{
	int g = group("cpu.pressure", "some avg10=x avg60= avg300=3.00 total=7x\n");
	struct cg_pressure p;

	cg_pressure(g, "cpu.pressure", &p);
	is_int(p.some.avg10, CG_NONE);
	is_int(p.some.avg60, CG_NONE);
	is_int(p.some.avg300, 300);
	is_int(p.some.total, CG_NONE);
	is_int(p.full.avg300, CG_NONE);
	group_done(g, "cpu.pressure");
}

TEST(cpu)
{
	int g = group("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnice_usec 5\n"
				  "nr_periods 4\nnr_throttled 3\nthrottled_usec 2\nnr_bursts 0\n");
	struct cg_cpu c;

	cg_cpu(g, &c);
	is_int(c.usage, 30);
	is_int(c.user, 20);
	is_int(c.system, 10);
	is_int(c.periods, 4);
	is_int(c.throttled, 3);
	is_int(c.throttled_usec, 2);
	is_int(c.weight, CG_NONE);
	is_int(c.limit, CG_NONE);
	put("cpu.max", "50000 100000\n");
	put("cpu.weight", "77\n");
	cg_cpu(g, &c);
	is_int(c.weight, 77);
	is_int(c.limit, 50);
	put("cpu.max", "max 100000\n");
	cg_cpu(g, &c);
	is_int(c.limit, VZ_UNLIMITED);
	put("cpu.max", "5 0\n");
	cg_cpu(g, &c);
	is_int(c.limit, CG_NONE);
	ok(unlinkat(g, "cpu.max", 0) == 0);
	ok(unlinkat(g, "cpu.weight", 0) == 0);
	group_done(g, "cpu.stat");
}

TEST(cpu_without_controller)
{
	int g = group("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec -1\ncore_sched");
	struct cg_cpu c;

	cg_cpu(g, &c);
	is_int(c.usage, 30);
	is_int(c.system, CG_NONE);
	is_int(c.periods, CG_NONE);
	group_done(g, "cpu.stat");
}

TEST(io)
{
	int g = group("io.stat", "8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=9 dios=9\n"
				 "253:1\n7:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n"
				 "nonsense\n259:3 wios=5 xrbytes=7\n");
	struct cg_io *d = NULL;
	size_t n = 9;

	ok(cg_io(g, &d, &n));
	is_int(n, 2);
	is_int(d[0].major, 8);
	is_int(d[0].rbytes, 4096);
	is_int(d[0].wbytes, 8192);
	is_int(d[0].rios, 1);
	is_int(d[0].wios, 2);
	is_int(d[1].major, 259);
	is_int(d[1].minor, 3);
	is_int(d[1].wios, 5);
	is_int(d[1].rbytes, 0);
	is_int(d[1].rbps, VZ_UNLIMITED);
	free(d);
	/* Of a device with and of one without traffic. */
	put("io.max", "8:0 rbps=100 wbps=max riops=max wiops=7\n"
		      "9:9 rbps=max wbps=1 riops=max wiops=max\n");
	ok(cg_io(g, &d, &n));
	is_int(n, 3);
	is_int(d[0].rbps, 100);
	is_int(d[0].wbps, VZ_UNLIMITED);
	is_int(d[0].wiops, 7);
	is_int(d[0].rbytes, 4096);
	is_int(d[2].major, 9);
	is_int(d[2].wbps, 1);
	is_int(d[2].wios, 0);
	free(d);
	ok(unlinkat(g, "io.max", 0) == 0);
	group_done(g, "io.stat");
}

TEST(io_without_controller)
{
	int g = group("x", "");
	struct cg_io *d;
	size_t n;

	ok(!cg_io(g, &d, &n));
	group_done(g, "x");
}

TAP_MAIN()
