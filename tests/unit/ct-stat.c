// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters of a container from the files of a cgroup: here, of a directory. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/num.h"
#include "ct/stat.h"
#include "tests/lib/tap.h"

static char dir[] = "/tmp/vz-ct-stat-XXXXXX";

static void put(const char *file, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, file);

	ok(io_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0600, IO_ATOMIC_NOSYNC) == 0);
}

static struct ct_stat open_stat(const char *physpages)
{
	struct conf *c = conf_new();

	if (physpages)
		ok(conf_set(c, P_PHYSPAGES, physpages, CONF_FILE, VZ_IGNORE) == 0);
	ok(mkdtemp(dir) != NULL);
	return (struct ct_stat){ .conf = c, .id = 7090, .running = true,
				 .scope = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) };
}

static void close_stat(struct ct_stat *s)
{
	static const char *const files[] = {
		"memory.current", "memory.peak", "memory.max", "memory.events",
		"memory.events.local", "memory.stat",
		"memory.low", "memory.swap.current", "memory.swap.max", "memory.swap.events",
		"pids.current", "pids.peak", "pids.max", "pids.events", "pids.events.local",
		"cgroup.threads", "ct/pids.events", "ct",
	};

	ct_stat_done(s);
	conf_free((struct conf *)s->conf);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = xasprintf("%s/%s", dir, files[i]);

		if (unlink(path) < 0)
			rmdir(path);
	}
	ok(rmdir(dir) == 0);
}

#define use_is(s, p, h, m, l, f)                                                   \
	do {                                                                       \
		const struct ct_use *u_ = ct_stat_use(s, p);                       \
		is_int(u_->held, h);                                               \
		is_int(u_->max, m);                                                \
		is_int(u_->limit, l);                                              \
		is_int(u_->fail, f);                                               \
	} while (0)

#define UNK CT_UNKNOWN

TEST(vswap_container)
{
	struct ct_stat s = open_stat("0:65536");
	uint64_t used, limit;

	put("memory.current", "41947136\n");
	put("memory.peak", "82419712\n");
	put("memory.max", "134217728\n");
	/* What happened in the whole container, and what its own limit did. */
	put("memory.events", "low 0\nhigh 0\nmax 99\noom 8\noom_kill 2\n");
	put("memory.events.local", "low 0\nhigh 0\nmax 99\noom 3\noom_kill 0\n");
	put("memory.low", "max\n");
	put("memory.swap.current", "8192\n");
	put("memory.swap.max", "max\n");
	put("memory.swap.events", "high 0\nmax 0\nfail 7\n");
	put("pids.current", "21\n");
	put("pids.peak", "30\n");
	put("pids.max", "100\n");
	put("pids.events", "max 5\n");
	use_is(&s, P_PHYSPAGES, 10241, 20122, 32768, 3);
	use_is(&s, P_SWAPPAGES, 2, UNK, VZ_UNLIMITED, 7);
	use_is(&s, P_VMGUARPAGES, VZ_UNLIMITED, UNK, UNK, UNK);
	use_is(&s, P_OOMGUARPAGES, UNK, UNK, UNK, 2);
	use_is(&s, P_NUMPROC, 21, 30, 100, 5);
	ct_stat_bytes(&s, false, &used, &limit);
	is_int(used, 41947136);
	is_int(limit, 134217728);
	close_stat(&s);
}

/* 6.11 counts at the limit, older kernels where the process was. */
TEST(failed_forks)
{
	struct ct_stat s = open_stat(NULL);
	_cleanup_free_ char *sub = xasprintf("%s/ct", dir);

	ok(mkdir(sub, 0700) == 0);
	put("pids.current", "1\n");
	use_is(&s, P_NUMPROC, 1, UNK, UNK, UNK);
	put("pids.events", "max 5\n");
	put("ct/pids.events", "max 7\n");
	s.have = 0;
	use_is(&s, P_NUMPROC, 1, UNK, UNK, 12);
	put("pids.events.local", "max 4\n");
	s.have = 0;
	use_is(&s, P_NUMPROC, 1, UNK, UNK, 4);
	close_stat(&s);
}

TEST(counter)
{
	struct ct_stat s = open_stat("10:65536");
	struct ct_counter c;

	put("memory.current", "8192\n");
	ct_stat_counter(&s, P_PHYSPAGES, &c);
	is_int(c.held, 2);
	is_int(c.max, UNK);
	is_int(c.bar, ct_conf_unit(P_PHYSPAGES, 10));
	is_int(c.lim, ct_conf_unit(P_PHYSPAGES, 65536));
	ok(!c.enforced);
	put("memory.max", "4096\n");
	s.have = 0;
	ct_stat_counter(&s, P_PHYSPAGES, &c);
	is_int(c.lim, 1);
	ok(c.enforced);
	/* Not in the config: no limit. */
	ct_stat_counter(&s, P_NUMFILE, &c);
	is_int(c.held, UNK);
	is_int(c.bar, VZ_UNLIMITED);
	is_int(c.lim, VZ_UNLIMITED);
	close_stat(&s);
}

TEST(keys_of_memory_stat)
{
	struct ct_stat s = open_stat(NULL);

	/* "kernel" is a prefix of "kernel_stack", and the last line has no newline. */
	put("memory.stat", "anon 1048576\nfile 5\nkernel_stack 99\nkernel 4194304\nsock 12288\n"
			   "shmem 8192\nanon_thp 1\nslab_reclaimable 77");
	use_is(&s, P_PRIVVMPAGES, 256, UNK, UNK, UNK);
	use_is(&s, P_KMEMSIZE, 4194304, UNK, UNK, UNK);
	use_is(&s, P_TCPSNDBUF, 12288, UNK, UNK, UNK);
	use_is(&s, P_TCPRCVBUF, 0, UNK, UNK, UNK);
	use_is(&s, P_SHMPAGES, 2, UNK, UNK, UNK);
	use_is(&s, P_DCACHESIZE, 77, UNK, UNK, UNK);
	use_is(&s, P_NUMFILE, UNK, UNK, UNK, UNK);
	close_stat(&s);
}

/* memory.max is then a sum that PHYSPAGES never was. */
TEST(ubc_container_has_no_ram_limit)
{
	struct ct_stat s = open_stat("0:unlimited");

	put("memory.current", "4096\n");
	put("memory.max", "134217728\n");
	use_is(&s, P_PHYSPAGES, 1, UNK, UNK, UNK);
	close_stat(&s);
}

TEST(no_controllers)
{
	struct ct_stat s = open_stat("0:65536");
	uint64_t used, limit;

	put("cgroup.threads", "1\n22\n333\n");
	use_is(&s, P_PHYSPAGES, UNK, UNK, UNK, UNK);
	use_is(&s, P_KMEMSIZE, UNK, UNK, UNK, UNK);
	use_is(&s, P_TCPRCVBUF, UNK, UNK, UNK, UNK);
	use_is(&s, P_NUMPROC, 3, UNK, UNK, UNK);
	ct_stat_bytes(&s, false, &used, &limit);
	is_int(used, UNK);
	is_int(limit, 268435456);
	ct_stat_bytes(&s, true, &used, &limit);
	is_int(limit, 0);
	close_stat(&s);
}

TEST(not_running)
{
	struct ct_stat s = open_stat("0:65536");

	put("memory.current", "4096\n");
	s.running = false;
	use_is(&s, P_PHYSPAGES, UNK, UNK, UNK, UNK);
	is_int(ct_stat_init(&s), 0);
	is_int(ct_stat_uptime_ms(&s), UNK);
	is_int(ct_stat_netns(&s), UNK);
	close_stat(&s);
}

TAP_MAIN()
