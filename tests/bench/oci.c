// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/oci.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "sec/gen/policy.h"
#include "sec/sec.h"
#include "tests/bench/bench.h"

static struct gen_table table;
static struct gen_policy policy;

static void add_namespaces(struct vz_buf *b, unsigned int flags)
{
	vz_buf_adds(b, "\"namespaces\":[");
	if (!(flags & OCI_NO_TIME_NS))
		vz_buf_adds(b, "{\"type\":\"time\"},");
	vz_buf_adds(b, "{\"type\":\"user\"},{\"type\":\"mount\"},{\"type\":\"pid\"},"
		    "{\"type\":\"network\"},{\"type\":\"uts\"},{\"type\":\"ipc\"},"
		    "{\"type\":\"cgroup\"}]");
}

static void add_mounts(struct vz_buf *b)
{
	vz_buf_adds(b, "\"mounts\":["
		    "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
		    "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
		    "\"options\":[\"nosuid\",\"mode=755\"]},"
		    "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
		    "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\"]},"
		    "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
		    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}]");
}

static void add_caps(struct vz_buf *b)
{
	static const char *const set[] = { "bounding", "permitted", "effective" };

	vz_buf_adds(b, "\"capabilities\":{");
	for (size_t s = 0; s < ARRAY_SIZE(set); s++) {
		bool first = true;

		vz_buf_addf(b, "%s\"%s\":[", s ? "," : "", set[s]);
		for (int c = 0; c < 64; c++) {
			if (!(sec_caps_default() & SEC_CAP_BIT(c)))
				continue;
			vz_buf_addf(b, "%s\"CAP_%s\"", first ? "" : ",", sec_cap_name(c));
			first = false;
		}
		vz_buf_addc(b, ']');
	}
	vz_buf_addc(b, '}');
}

static int load_policy(void)
{
	FILE *t = fopen("vzctl/sec/policy/syscalls.tbl", "re");
	FILE *p = fopen("vzctl/sec/policy/container.policy", "re");
	int r = -1;

	if (!t || !p)
		snprintf(bench_why, sizeof(bench_why), "run it in the source tree");
	else if (gen_table_parse(t, "syscalls.tbl", &table, bench_why, sizeof(bench_why)) == 0)
		r = gen_policy_parse(p, "container.policy", &table, &policy, bench_why,
				     sizeof(bench_why));
	if (t)
		fclose(t);
	if (p)
		fclose(p);
	return r;
}

static int add_seccomp(struct vz_buf *b)
{
	bool first = true;

	if (!table.n && load_policy() < 0)
		return -1;
	vz_buf_adds(b, ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"architectures\":["
		    "\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"],\"syscalls\":[{\"names\":[");
	for (size_t i = 0; i < table.n; i++) {
		const struct gen_rules *rs = &policy.call[i];

		/* Newer than the runtime's libseccomp: it would refuse the name. */
		if (!rs->n || rs->rule[rs->n - 1].action != SECCOMP_RET_ALLOW ||
		    table.call[i].nr[GEN_X86_64] < 0 || table.call[i].nr[GEN_X86_64] > 450)
			continue;
		vz_buf_addf(b, "%s\"%s\"", first ? "" : ",", table.call[i].name);
		first = false;
	}
	vz_buf_adds(b, "],\"action\":\"SCMP_ACT_ALLOW\"}]}");
	return 0;
}

int oci_write_bundle(const char *dir, const char *root, unsigned int flags)
{
	struct vz_buf b = VZ_BUF_INIT;
	char path[PATH_LEN];
	int r = 0;

	mkdir(dir, 0755);
	vz_buf_addf(&b, "{\"ociVersion\":\"1.0.2\",\"hostname\":\"bench\","
		    "\"root\":{\"path\":\"%s\"},\"process\":{\"terminal\":false,"
		    "\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/sbin/init\"],"
		    "\"env\":[\"PATH=/bin:/sbin\"],\"cwd\":\"/\",", root);
	add_caps(&b);
	vz_buf_adds(&b, "},");
	add_mounts(&b);
	vz_buf_addf(&b, ",\"linux\":{\"uidMappings\":[{\"containerID\":0,\"hostID\":%u,"
		    "\"size\":65536}],\"gidMappings\":[{\"containerID\":0,\"hostID\":%u,"
		    "\"size\":65536}],", OCI_UID_BASE, OCI_UID_BASE);
	add_namespaces(&b, flags);
	if (flags & OCI_SECCOMP)
		r = add_seccomp(&b);
	vz_buf_adds(&b, "}}\n");
	snprintf(path, sizeof(path), "%.480s/config.json", dir);
	if (r == 0)
		r = io_write_atomic_at(AT_FDCWD, path, b.s, b.len, 0644, IO_ATOMIC_NOSYNC);
	vz_buf_done(&b);
	return r < 0 ? -1 : 0;
}
