// SPDX-License-Identifier: GPL-2.0-or-later
/* What is compared: ours, the limit, and the other programs of the field. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "tests/bench/oci.h"
#include "tests/bench/rm.h"
#include "tests/bench/rows.h"

static char path_buf[8][PATH_LEN];

/* A path below the scratch directory, in one of a few static buffers. */
const char *in_scratch(const char *name)
{
	static unsigned int next;
	char *s = path_buf[next++ % 8];

	snprintf(s, PATH_LEN, "%.300s/%.200s", bench.scratch, name);
	return s;
}

static const char *in_build(const char *name)
{
	static char s[4][PATH_LEN];
	static unsigned int next;
	char *p = s[next++ % 4];

	snprintf(p, PATH_LEN, "%.400s/%.100s", bench.build, name);
	return p;
}

const char *program(const char *name)
{
	const char *env = str_eq(name, "bin/vzctl") ? getenv("VZCTL") :
			  str_eq(name, "bin/vzlist") ? getenv("VZLIST") : NULL;

	return env ? env : name[0] == '/' ? name : in_build(name);
}

static int copy_file(const char *from, const char *to)
{
	struct vz_buf b = VZ_BUF_INIT;
	int r = io_read_file_at(AT_FDCWD, from, &b, 16 << 20);

	if (r >= 0)
		r = io_write_atomic_at(AT_FDCWD, to, b.s, b.len, 0755, IO_ATOMIC_NOSYNC);
	vz_buf_done(&b);
	if (r < 0)
		snprintf(bench_why, sizeof(bench_why), "%.80s: %s", from, strerror(-r));
	return r;
}

/*
 * The user space of every container: one program and empty directories.  As sh
 * it does what `sh -c true` does: nothing, in one process.
 */
static int make_tree(const char *top, unsigned int id)
{
	static const char *const dir[] = { "", "bin", "sbin", "proc", "sys", "dev", "tmp", "etc",
					   "run", "var", "root", "usr", "lib", "dev/pts" };
	static const char *const prog[] = { "bin/true", "bin/sh", "sbin/init" };
	char p[PATH_LEN];

	for (size_t i = 0; i < ARRAY_SIZE(dir); i++) {
		snprintf(p, sizeof(p), "%.400s/%s", top, dir[i]);
		if (mkdir(p, 0755) < 0 || chown(p, id, id) < 0)
			return -errno;
	}
	for (size_t i = 0; i < ARRAY_SIZE(prog); i++) {
		snprintf(p, sizeof(p), "%.400s/%s", top, prog[i]);
		if (copy_file(in_build("tests/bench/init"), p) < 0 || chown(p, id, id) < 0)
			return -1;
	}
	return 0;
}

static void args(struct vz_strv *ret, const char *const *v)
{
	while (*v)
		vz_strv_add(ret, *v++);
}

#define ARGV(ret, ...) args(ret, (const char *const[]){ __VA_ARGS__, NULL })

/* The limit. */

static int bare_pid;

static const char *bare_dir(unsigned int i)
{
	char s[32];

	snprintf(s, sizeof(s), "bare/%u", i);
	return in_scratch(s);
}

static const char *bare_cgroup(unsigned int i)
{
	static char s[PATH_LEN];

	snprintf(s, sizeof(s), "%.300s/bare%u", bench.cgroup, i);
	return s;
}

void bare_before(struct row *r, unsigned int i)
{
	char p[PATH_LEN];

	mkdir(in_scratch("bare"), 0711);
	mkdir(bare_dir(i), 0755);
	snprintf(p, sizeof(p), "%.400s/lower", bare_dir(i));
	if (symlink("../../tree", p) < 0 && errno != EEXIST)
		return;
	snprintf(p, sizeof(p), "%.400s/mnt", bare_dir(i));
	mkdir(p, 0755);
	snprintf(p, sizeof(p), "%.400s/rw", bare_dir(i));
	mkdir(p, 0755);
	snprintf(p, sizeof(p), "%.400s/rw/upper", bare_dir(i));
	mkdir(p, 0755);
	snprintf(p, sizeof(p), "%.400s/rw/work", bare_dir(i));
	mkdir(p, 0755);
}

void bare_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	char name[16];

	snprintf(name, sizeof(name), "vb%u", i);
	ARGV(ret, r->prog, "start", bare_dir(i), bare_cgroup(i), name);
}

static void bare_after(struct row *r, unsigned int i)
{
	bench_kill(bench_out_pid());
	rm_cgroup(bare_cgroup(i));
	rm_tree(bare_dir(i));
}

static int bare_exec_setup(struct row *r)
{
	struct vz_strv a = VZ_STRV_INIT;
	double t;

	bare_before(r, 100000);
	bare_argv(r, 100000, &a);
	t = bench_run(&a);
	vz_strv_done(&a);
	bare_pid = bench_out_pid();
	return t < 0 ? -1 : 0;
}

static void bare_exec_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", bare_pid);
	ARGV(ret, r->prog, "exec", pid, bare_cgroup(100000), "/bin/true");
}

static void bare_exec_teardown(struct row *r)
{
	bench_kill(bare_pid);
	rm_cgroup(bare_cgroup(100000));
	rm_tree(bare_dir(100000));
}

/* crun and runc: one bundle per runtime and flavour. */

static void oci_id(const struct row *r, unsigned int i, char *ret, size_t size)
{
	snprintf(ret, size, "vzbench-%s-%u", strrchr(r->prog, '/') + 1, 90000 + i);
}

static bool is_crun(const struct row *r)
{
	return strstr(r->prog, "crun") != NULL;
}

static int oci_setup_flags(struct row *r, unsigned int flags)
{
	if (!is_crun(r))
		flags |= OCI_NO_TIME_NS;
	return oci_write_bundle(in_scratch(is_crun(r) ? "crun" : "runc"), in_scratch("shifted"),
				flags);
}

int oci_setup(struct row *r)
{
	return oci_setup_flags(r, OCI_SECCOMP);
}

static const char *oci_bundle(const struct row *r)
{
	return in_scratch(is_crun(r) ? "crun" : "runc");
}

static void oci_globals(const struct row *r, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "--root", in_scratch(is_crun(r) ? "crun-state" : "runc-state"));
}

void oci_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	char id[64];

	oci_id(r, i, id, sizeof(id));
	oci_globals(r, ret);
	ARGV(ret, "run", "-d", "--bundle", oci_bundle(r), id);
}

void oci_after(struct row *r, unsigned int i)
{
	struct vz_strv a = VZ_STRV_INIT;
	char id[64];

	oci_id(r, i, id, sizeof(id));
	oci_globals(r, &a);
	ARGV(&a, "delete", "-f", id);
	bench_run(&a);
	vz_strv_done(&a);
	bench_reap();
}

static int oci_exec_setup(struct row *r)
{
	struct vz_strv a = VZ_STRV_INIT;
	double t;

	if (oci_setup(r) < 0)
		return -1;
	oci_argv(r, 100000, &a);
	t = bench_run(&a);
	vz_strv_done(&a);
	return t < 0 ? -1 : 0;
}

static void oci_exec_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	char id[64];

	oci_id(r, 100000, id, sizeof(id));
	oci_globals(r, ret);
	ARGV(ret, "exec", id, "/bin/true");
}

static void oci_exec_teardown(struct row *r)
{
	oci_after(r, 100000);
}

/* A second bundle directory would only differ in this. */
static void oci_plain_before(struct row *r, unsigned int i)
{
	oci_setup_flags(r, 0);
}

static void oci_full_before(struct row *r, unsigned int i)
{
	oci_setup_flags(r, OCI_SECCOMP);
}

static void bwrap_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "--unshare-all", "--uid", "0", "--gid", "0", "--bind",
	     in_scratch("tree"), "/", "--proc", "/proc", "--dev", "/dev", "/bin/true");
}

/* lxc */

static int lxc_write_config(void)
{
	struct vz_buf b = VZ_BUF_INIT;
	int r;

	mkdir(in_scratch("lxc"), 0755);
	mkdir(in_scratch("lxc/b"), 0755);
	vz_buf_addf(&b, "lxc.rootfs.path = dir:%s\nlxc.uts.name = b\nlxc.net.0.type = empty\n"
		    "lxc.idmap = u 0 %u 65536\nlxc.idmap = g 0 %u 65536\n"
		    "lxc.mount.auto = proc:mixed sys:ro\nlxc.autodev = 1\nlxc.pty.max = 1\n"
		    "lxc.signal.stop = SIGKILL\n", in_scratch("shifted"), OCI_UID_BASE,
		    OCI_UID_BASE);
	r = io_write_atomic_at(AT_FDCWD, in_scratch("lxc/b/config"), b.s, b.len, 0644,
			       IO_ATOMIC_NOSYNC);
	vz_buf_done(&b);
	return r;
}

/* newuidmap asks these files; ours hide the host's in our mount namespace only. */
static void allow_ids(const char *file)
{
	static const char text[] = "root:1879048192:65536\n";
	const char *ours = in_scratch("subid");

	_Static_assert(OCI_UID_BASE == 1879048192, "the text above");
	if (io_exists(file) && io_write_atomic_at(AT_FDCWD, ours, text, sizeof(text) - 1, 0644,
						  IO_ATOMIC_NOSYNC) == 0)
		mount(ours, file, NULL, MS_BIND, NULL);
}

/* lxc leaves cgroups at the top of the hierarchy. */
static bool lxc_used;

static int lxc_setup(struct row *r)
{
	char p[PATH_LEN];

	snprintf(p, sizeof(p), "%.300s/../lxc.pivot", bench.cgroup);
	lxc_used = !io_exists(p);
	allow_ids("/etc/subuid");
	allow_ids("/etc/subgid");
	return lxc_write_config();
}

static void lxc_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "-P", in_scratch("lxc"), "-n", "b", "-d", "-o",
	     in_scratch("lxc/b/log"));
}

static void lxc_after(struct row *r, unsigned int i)
{
	bench_do(true, "/usr/bin/lxc-stop", "-P", in_scratch("lxc"), "-n", "b", "-k", NULL);
	bench_reap();
}

/* vzctl: a configuration directory of its own; the programs are built with VZ_TEST_HOOKS. */

static const char *vz_conf_text(struct vz_buf *b)
{
	vz_buf_addf(b,
		    "VIRTUOZZO=yes\nLOCKDIR=%1$s/vz/lock\nDUMPDIR=%1$s/vz/dump\n"
		    "TEMPLATE=%1$s/vz/template\nVE_ROOT=%1$s/vz/root/$VEID\n"
		    "VE_PRIVATE=%1$s/vz/private/$VEID\nLOGGING=no\nLOGFILE=%1$s/vz/log\n"
		    "DEF_OSTEMPLATE=bench\nCONFIGFILE=bench\n", bench.scratch);
	return b->s;
}

static int vz_prepare(void)
{
	static const char *const dir[] = { "vz", "vz/conf", "vz/conf/conf", "vz/conf/dists",
					   "vz/lock", "vz/dump", "vz/template", "vz/template/cache",
					   "vz/root", "vz/private", "vz/run", "vz/ids", "vz/dist",
					   "vz/console" };
	static const char *const env[][2] = {
		{ "VZ_CONFDIR", "vz/conf" }, { "VZ_RUNDIR", "vz/run" }, { "VZ_IDSDIR", "vz/ids" },
		{ "VZ_DISTDIR", "vz/dist" }, { "VZ_CONSOLE_LOGDIR", "vz/console" },
	};
	/* No scripts of a distribution: the other runtimes run none either. */
	static const char dist[] = "# none\n";
	static const char sample[] = "ONBOOT=\"no\"\nPHYSPAGES=\"0:65536\"\n";
	struct vz_buf b = VZ_BUF_INIT;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(dir); i++)
		if (mkdir(in_scratch(dir[i]), 0755) < 0)
			return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(env); i++)
		setenv(env[i][0], in_scratch(env[i][1]), 1);
	setenv("VZ_LIBEXECDIR", in_build("bin"), 0);
	setenv("VZ_SBINDIR", in_build("bin"), 0);
	vz_conf_text(&b);
	r = io_write_atomic_at(AT_FDCWD, in_scratch("vz/conf/vz.conf"), b.s, b.len, 0644,
			       IO_ATOMIC_NOSYNC);
	vz_buf_done(&b);
	if (r == 0)
		r = io_write_atomic_at(AT_FDCWD, in_scratch("vz/conf/dists/default"), dist,
				       sizeof(dist) - 1, 0644, IO_ATOMIC_NOSYNC);
	if (r < 0)
		return r;
	return io_write_atomic_at(AT_FDCWD, in_scratch("vz/conf/conf/ve-bench.conf-sample"),
				  sample, sizeof(sample) - 1, 0644, IO_ATOMIC_NOSYNC);
}

static const char *ctid(unsigned int i)
{
	static char s[4][16];
	static unsigned int next;
	char *p = s[next++ % 4];

	snprintf(p, 16, "%u", 90000 + i);
	return p;
}

int vz_setup(struct row *r)
{
	if (io_exists(in_scratch("vz/template/cache/bench.tar.zst")))
		return 0;
	return bench_do(false, "/usr/bin/tar", "-C", in_scratch("tree"), "--zstd", "-cf",
			in_scratch("vz/template/cache/bench.tar.zst"), ".", NULL);
}

/* Created once; every round starts and stops it. */
int vz_create(const struct row *r, unsigned int i)
{
	char ip[32];

	snprintf(ip, sizeof(ip), "10.9.%u.%u", i / 250 % 250, 1 + i % 250);
	return bench_do(false, r->prog, "--quiet", "create", ctid(i), "--ostemplate", "bench",
			"--ipadd", ip, "--hostname", "bench", NULL);
}

static int vz_start_setup(struct row *r)
{
	return vz_setup(r) < 0 ? -1 : vz_create(r, 0);
}

void vz_start_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "--quiet", "start", ctid(i));
}

void vz_stop(const struct row *r, unsigned int i)
{
	bench_do(true, r->prog, "--quiet", "stop", ctid(i), "--fast", NULL);
	bench_reap();
}

void vz_destroy(const struct row *r, unsigned int i)
{
	bench_do(true, r->prog, "--quiet", "destroy", ctid(i), NULL);
}

static void vz_one_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	vz_start_argv(r, 0, ret);
}

static void vz_one_after(struct row *r, unsigned int i)
{
	vz_stop(r, 0);
}

static void vz_one_teardown(struct row *r)
{
	vz_stop(r, 0);
	vz_destroy(r, 0);
}

static int vz_exec_setup(struct row *r)
{
	if (vz_start_setup(r) < 0)
		return -1;
	return bench_do(false, r->prog, "--quiet", "start", ctid(0), NULL);
}

static void vz_exec_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "exec", ctid(0), "true");
}

/* create: 300 MB in 3000 files that do not compress. */

enum { BIG_FILES = 3000, BIG_SIZE = 100000 };

static int big_files(const char *top)
{
	static unsigned char data[BIG_SIZE];
	uint64_t x = 88172645463325252ULL;
	char p[PATH_LEN];

	for (unsigned int i = 0; i < BIG_FILES; i++) {
		for (size_t k = 0; k + 8 <= sizeof(data); k += 8) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			memcpy(data + k, &x, 8);
		}
		snprintf(p, sizeof(p), "%.400s/usr/%02u", top, i % 50);
		mkdir(p, 0755);
		snprintf(p, sizeof(p), "%.400s/usr/%02u/%u", top, i % 50, i);
		if (io_write_atomic_at(AT_FDCWD, p, data, sizeof(data), 0644,
				       IO_ATOMIC_NOSYNC) < 0)
			return -1;
	}
	return 0;
}

static int big_setup(struct row *r)
{
	const char *tar = in_scratch("vz/template/cache/big.tar.zst");

	if (io_exists(tar))
		return 0;
	if (make_tree(in_scratch("big"), 0) < 0 || big_files(in_scratch("big")) < 0)
		return -1;
	return bench_do(false, "/usr/bin/tar", "-C", in_scratch("big"), "--zstd", "-cf", tar, ".",
			NULL);
}

static void untar_before(struct row *r, unsigned int i)
{
	mkdir(in_scratch("untar"), 0755);
}

static void untar_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "-C", in_scratch("untar"), "--zstd", "-xf",
	     in_scratch("vz/template/cache/big.tar.zst"));
}

static void untar_after(struct row *r, unsigned int i)
{
	rm_tree(in_scratch("untar"));
}

static void copy_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "-a", "--reflink=auto", in_scratch("big"), in_scratch("untar"));
}

static void create_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "--quiet", "create", ctid(500 + i), "--ostemplate", "big");
}

static void create_after(struct row *r, unsigned int i)
{
	vz_destroy(r, 500 + i);
}

/* list */

enum { LIST_CONFIGS = 1000 };

static int list_setup(struct row *r)
{
	char name[64];

	for (unsigned int i = 0; i < LIST_CONFIGS; i++) {
		char text[512];
		int n = snprintf(text, sizeof(text),
				 "ONBOOT=\"yes\"\nPHYSPAGES=\"0:262144\"\nSWAPPAGES=\"0:0\"\n"
				 "DISKSPACE=\"2097152:2306867\"\nCPUUNITS=\"1000\"\n"
				 "OSTEMPLATE=\"bench\"\nHOSTNAME=\"ct%u.example.com\"\n"
				 "IP_ADDRESS=\"10.8.%u.%u\"\n", i, i / 250, 1 + i % 250);

		snprintf(name, sizeof(name), "vz/conf/conf/%u.conf", 91000 + i);
		if (io_write_atomic_at(AT_FDCWD, in_scratch(name), text, (size_t)n, 0644,
				       IO_ATOMIC_NOSYNC) < 0)
			return -1;
		/* Without one it would not be listed. */
		snprintf(name, sizeof(name), "vz/private/%u", 91000 + i);
		if (mkdir(in_scratch(name), 0700) < 0 && errno != EEXIST)
			return -1;
	}
	return 0;
}

static void list_teardown(struct row *r)
{
	char name[64];

	for (unsigned int i = 0; i < LIST_CONFIGS; i++) {
		snprintf(name, sizeof(name), "vz/conf/conf/%u.conf", 91000 + i);
		unlink(in_scratch(name));
		snprintf(name, sizeof(name), "vz/private/%u", 91000 + i);
		rmdir(in_scratch(name));
	}
}

static void read_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "read", in_scratch("vz/conf/conf"));
}

static void vzlist_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "-a");
}

/* the cost of a program itself */

static void true_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, str_eq(r->name, "/bin/true") ? r->prog : in_scratch("tree/bin/true"));
}

static void version_argv(struct row *r, unsigned int i, struct vz_strv *ret)
{
	ARGV(ret, r->prog, "--version");
}

#define CRUN "/usr/bin/crun"
#define RUNC "/usr/sbin/runc"
#define PRE "ready root: no overlay, no veth"

struct row rows[] = {
	{ .group = "start", .name = "bare", .prog = "tests/bench/bare", .before = bare_before,
	  .argv = bare_argv, .after = bare_after },
	{ .group = "start", .name = "vzctl", .prog = "bin/vzctl", .setup = vz_start_setup,
	  .argv = vz_one_argv, .after = vz_one_after, .teardown = vz_one_teardown },
	{ .group = "start", .name = "crun", .prog = CRUN, .setup = oci_setup, .note = PRE,
	  .before = oci_full_before, .argv = oci_argv, .after = oci_after },
	{ .group = "start", .name = "crun without seccomp", .prog = CRUN, .setup = oci_setup,
	  .before = oci_plain_before, .argv = oci_argv, .after = oci_after },
	{ .group = "start", .name = "runc", .prog = RUNC, .setup = oci_setup, .note = PRE,
	  .before = oci_full_before, .argv = oci_argv, .after = oci_after },
	{ .group = "start", .name = "bwrap", .prog = "/usr/bin/bwrap", .argv = bwrap_argv,
	  .note = "runs true to its end; no ids, seccomp, cgroup, network" },
	{ .group = "start", .name = "lxc-start", .prog = "/usr/bin/lxc-start", .setup = lxc_setup,
	  .argv = lxc_argv, .after = lxc_after, .max = 15 },

	{ .group = "exec true", .name = "bare", .prog = "tests/bench/bare",
	  .setup = bare_exec_setup, .argv = bare_exec_argv, .teardown = bare_exec_teardown },
	{ .group = "exec true", .name = "vzctl", .prog = "bin/vzctl", .setup = vz_exec_setup,
	  .argv = vz_exec_argv, .teardown = vz_one_teardown },
	{ .group = "exec true", .name = "crun", .prog = CRUN, .setup = oci_exec_setup,
	  .argv = oci_exec_argv, .teardown = oci_exec_teardown },
	{ .group = "exec true", .name = "runc", .prog = RUNC, .setup = oci_exec_setup,
	  .argv = oci_exec_argv, .teardown = oci_exec_teardown },

	{ .group = "create, 300 MB", .name = "tar -x", .prog = "/usr/bin/tar", .setup = big_setup,
	  .before = untar_before, .argv = untar_argv, .after = untar_after, .max = 3 },
	{ .group = "create, 300 MB", .name = "cp -a", .prog = "/usr/bin/cp", .setup = big_setup,
	  .argv = copy_argv, .after = untar_after, .max = 3 },
	{ .group = "create, 300 MB", .name = "vzctl", .prog = "bin/vzctl", .setup = big_setup,
	  .argv = create_argv, .after = create_after, .max = 5,
	  .note = "the warm-up round unpacked the template" },

	{ .group = "list 1000", .name = "read files", .prog = "tests/bench/bare",
	  .setup = list_setup, .argv = read_argv, .teardown = list_teardown },
	{ .group = "list 1000", .name = "vzlist -a", .prog = "bin/vzlist", .argv = vzlist_argv },

	{ .group = "program", .name = "true, static", .prog = "tests/bench/init",
	  .argv = true_argv },
	{ .group = "program", .name = "/bin/true", .prog = "/bin/true", .argv = true_argv },
	{ .group = "program", .name = "vzctl --version", .prog = "bin/vzctl",
	  .argv = version_argv },
	{ .group = "program", .name = "crun --version", .prog = CRUN, .argv = version_argv },
	{ .group = "program", .name = "runc --version", .prog = RUNC, .argv = version_argv },
};
const size_t nrows = ARRAY_SIZE(rows);

int rows_prepare(void)
{
	for (size_t i = 0; i < nrows; i++)
		rows[i].prog = xstrdup(program(rows[i].prog));
	if (make_tree(in_scratch("tree"), 0) < 0 ||
	    make_tree(in_scratch("shifted"), OCI_UID_BASE) < 0)
		return -1;
	return vz_prepare();
}

void rows_cleanup(void)
{
	static const char *const lxc[] = { "lxc.pivot", "lxc.monitor.b", "lxc.payload.b" };
	char p[PATH_LEN];

	for (size_t i = 0; lxc_used && i < ARRAY_SIZE(lxc); i++) {
		snprintf(p, sizeof(p), "%.300s/../%s", bench.cgroup, lxc[i]);
		rmdir(p);
	}
	for (size_t i = 0; i < nrows; i++)
		free((char *)rows[i].prog);
}
