// SPDX-License-Identifier: GPL-2.0-or-later
/* *.conf on disk: reading, saving in place, samples, names, hostile content. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "conf/conf.h"
#include "tests/lib/tap.h"

static struct vz_err e;
static char dir[64];

/* Lives as long as the case's process; reachable, so no leak to LSan. */
static void *keep(void *p)
{
	static void *kept[4096];
	static size_t n;

	if (n < ARRAY_SIZE(kept))
		kept[n++] = p;
	return p;
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void put_n(const char *name, const void *text, size_t n)
{
	_cleanup_free_ char *p = path_of(name);

	ok(io_write_atomic_at(AT_FDCWD, p, text, n, 0640, IO_ATOMIC_NOSYNC) == 0);
}

static void put(const char *name, const char *text)
{
	put_n(name, text, strlen(text));
}

static const char *get(const char *name)
{
	_cleanup_free_ char *p = path_of(name);
	struct vz_buf b = VZ_BUF_INIT;

	if (io_read_file_at(AT_FDCWD, p, &b, 1 << 20) < 0)
		return "(missing)";
	return keep(b.s ? b.s : xstrdup(""));
}

/* Warnings are silent unless a case looks at them: stderr goes to a file. */
static const char *warnings(void)
{
	return get("stderr");
}

static void setup(void)
{
	char cmd[64] = "/tmp/vz-conf-XXXXXX";
	_cleanup_free_ char *err = NULL;

	if (!mkdtemp(cmd))
		exit(1);
	snprintf(dir, sizeof(dir), "%s", cmd);
	for (const char *const *d = (const char *const[]){ "conf", "names", NULL }; *d; d++) {
		_cleanup_free_ char *p = path_of(*d);

		ok(mkdir(p, 0755) == 0);
	}
	conf_dir_set(dir);
	err = path_of("stderr");
	ok(freopen(err, "w", stderr) != NULL);
}

static void teardown(void)
{
	char *argv[] = { (char *)"rm", (char *)"-rf", (char *)"--one-file-system", dir, NULL };
	pid_t pid = fork();

	if (pid == 0) {
		execv("/bin/rm", argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

#define FTEST(n)                     \
	static void body_##n(void);  \
	TEST(n)                      \
	{                            \
		setup();             \
		body_##n();          \
		teardown();          \
	}                            \
	static void body_##n(void)

/* What set --save does with these options; the result of conf_save_ct(). */
static int save(uint32_t ctid, ...)
{
	struct conf_change *ch = conf_change_new();
	char *argv[16];
	int argc = 0, r;
	va_list ap;

	va_start(ap, ctid);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	e = VZ_ERR_INIT;
	r = conf_parse_args(argc, argv, WHEN_SET, NULL, 0, ch, &e);
	if (r == 0)
		r = conf_save_ct(ctid, ch, true, &e);
	conf_change_free(ch);
	return r;
}

static struct conf *load(uint32_t ctid)
{
	struct conf *c = NULL;

	e = VZ_ERR_INIT;
	if (conf_load_ct(ctid, NULL, &c, &e) < 0)
		printf("# %d %s\n", e.code, e.msg);
	return c ? keep(c) : NULL;
}

FTEST(a_save_changes_what_changed)
{
	put("conf/101.conf", "# my container\n"
			     "#UUID: dd7a9a26\n"
			     "\n"
			     "ONBOOT=\"no\"\n"
			     "  INDENTED=1\n"
			     "UNKNOWN=\"x y\" # kept\n"
			     "VE_ROOT=\"/vz/root/$VEID\"\n"
			     "this is no assignment\n"
			     "IP_ADDRESS=\"192.0.2.1\"");
	is_int(save(101, "--onboot", "yes", "--ipadd", "192.0.2.2", "--ram", "1G", NULL), 1);
	is_str(get("conf/101.conf"), "# my container\n"
				     "#UUID: dd7a9a26\n"
				     "\n"
				     "ONBOOT=\"yes\"\n"
				     "  INDENTED=1\n"
				     "UNKNOWN=\"x y\" # kept\n"
				     "VE_ROOT=\"/vz/root/$VEID\"\n"
				     "this is no assignment\n"
				     "IP_ADDRESS=\"192.0.2.1 192.0.2.2\"\n"
				     "PHYSPAGES=\"0:1G\"\n");
	is_str(warnings(), "");
}

FTEST(nothing_to_change_writes_nothing)
{
	struct stat a, b;
	_cleanup_free_ char *p = path_of("conf/101.conf");

	/* Another spelling of the same value is no change either. */
	put("conf/101.conf", "ONBOOT=\"yes\"\nPHYSPAGES=\"0:1024M\"\nIP_ADDRESS='2001:DB8::1'");
	ok(stat(p, &a) == 0);
	is_int(save(101, "--onboot", "yes", "--ram", "1G", "--ipadd", "2001:db8::1", NULL), 0);
	is_int(save(101, "--ipdel", "10.0.0.1", "--netif_del", "eth0", "--name", "", NULL), 0);
	is_int(save(101, "--nosuch", NULL), -EPROTO);
	ok(stat(p, &b) == 0 && a.st_ino == b.st_ino);
}

FTEST(crlf_and_missing_newline)
{
	put("conf/101.conf", "A=1\r\nONBOOT=\"no\"\r\nCPUS=\"2\"\r\nTAIL=1");
	is_int(save(101, "--onboot", "yes", "--cpuunits", "500", NULL), 1);
	is_str(get("conf/101.conf"),
	       "A=1\r\nONBOOT=\"yes\"\r\nCPUS=\"2\"\r\nTAIL=1\r\nCPUUNITS=\"500\"\r\n");
	is_int(conf_u64(load(101), P_CPUS, 0), 2);
}

FTEST(duplicates)
{
	put("conf/101.conf", "CPUS=1\nX=1\nCPUS=2\nDCACHE=5\nDCACHESIZE=6\n");
	is_int(conf_u64(load(101), P_CPUS, 0), 2);
	ok(strstr(warnings(), "line 3: CPUS is set again, the last line counts") != NULL);
	ok(strstr(warnings(), "line 5: DCACHESIZE is set again") != NULL);
	is_int(save(101, "--cpus", "3", "--dcachesize", "7", NULL), 1);
	is_str(get("conf/101.conf"), "X=1\nCPUS=\"3\"\nDCACHESIZE=\"7\"\n");
}

FTEST(bad_values_warn_and_never_stop)
{
	struct conf *c;

	put("conf/101.conf", "CPUUNITS=\"many\"\nCPUS=\"2\"\nIP_ADDRESS=\"nonsense\"\n"
			     "PHYSPAGES=\"0:99999999999999999999\"\nONBOOT=\"\"\nCPULIMIT=\n");
	c = load(101);
	ok(c != NULL);
	is_int(conf_u64(c, P_CPUS, 0), 2);
	ok(!conf_has(c, P_CPUUNITS) && !conf_has(c, P_IP_ADDRESS) && !conf_has(c, P_ONBOOT));
	ok(strstr(warnings(), "line 1: bad value CPUUNITS=\"many\"") != NULL);
	ok(strstr(warnings(), "line 3: bad value IP_ADDRESS=\"nonsense\"") != NULL);
	ok(strstr(warnings(), "line 4: PHYSPAGES is too large, taken as unlimited") != NULL);
	ok(strstr(warnings(), "line 6") == NULL);
	/* A bad line is replaced like any other. */
	is_int(save(101, "--cpuunits", "1000", NULL), 1);
	ok(strncmp(get("conf/101.conf"), "CPUUNITS=\"1000\"\nCPUS=\"2\"\n", 25) == 0);
}

FTEST(quoting)
{
	struct conf *c;

	put("conf/101.conf", "DESCRIPTION=\"a \\\"b\\\" \\$c\\\\\" # \"comment\"\n"
			     "HOSTNAME=web1 # comment\n"
			     "NAME='x y'\n"
			     "IP_ADDRESS=10.0.0.1 10.0.0.2\n"
			     "OSTEMPLATE=\"open\n"
			     "ORIGIN_SAMPLE=\"tail\"   \n");
	c = load(101);
	is_str(conf_str(c, P_DESCRIPTION), "a \"b\" $c\\");
	is_str(conf_str(c, P_HOSTNAME), "web1");
	is_str(conf_str(c, P_NAME), "x y");
	is_int(conf_list(c, P_IP_ADDRESS)->n, 2);
	is_str(conf_str(c, P_OSTEMPLATE), "open");
	is_str(conf_str(c, P_ORIGIN_SAMPLE), "tail");
	/* 4.x wrote bare quotes. */
	put("conf/102.conf", "DESCRIPTION=\"say \"hi\" now\"\n");
	is_str(conf_str(load(102), P_DESCRIPTION), "say \"hi\" now");
}

/* What we write means the same to /bin/sh, and runs nothing there. */
FTEST(a_shell_reads_what_we_write)
{
	static const char *const texts[] = {
		"plain", "with \"quotes\" and 'single'",
		"$HOME ${HOME} $(touch pwned) `touch pwned`",
		"back\\slash\\", "!#*?;&|<>", "ümläut \xf0\x9f\x90\x83", " blanks ",
	};
	char cmd[256];

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct vz_buf b = VZ_BUF_INIT;

		put("conf/101.conf", "VE_ROOT=\"/r/$VEID\"\n");
		ok(save(101, "--description", texts[i], NULL) == 1);
		is_str(conf_str(load(101), P_DESCRIPTION), texts[i]);
		snprintf(cmd, sizeof(cmd), "cd %s; VEID=101; . conf/101.conf; printf '%%s|%%s' "
			 "\"$DESCRIPTION\" \"$VE_ROOT\" >out", dir);
		ok(system(cmd) == 0);
		vz_buf_addf(&b, "%s|/r/101", texts[i]);
		is_str(get("out"), vz_buf_str(&b));
		vz_buf_done(&b);
		is_str(get("pwned"), "(missing)");
	}
}

FTEST(hostile_files)
{
	static const char nul[] = "CPUS=\"2\0" "3\"\nONBOOT=yes\n\0\0\0\nNAME=a\0\n";
	_cleanup_free_ char *big = xmalloc(200000), *fifo = path_of("conf/106.conf");
	struct conf *c;

	put_n("conf/101.conf", nul, sizeof(nul) - 1);
	c = load(101);
	ok(!conf_has(c, P_CPUS) && conf_bool(c, P_ONBOOT, false) && !conf_has(c, P_NAME));
	ok(strstr(warnings(), "line 1: NUL byte") != NULL);
	/* One line of 60 KB, then a file above the cap. */
	memset(big, 'a', 200000);
	memcpy(big, "DESCRIPTION=", 12);
	put_n("conf/102.conf", big, 60000);
	is_int(strlen(conf_str(load(102), P_DESCRIPTION)), 59988);
	put_n("conf/103.conf", big, 200000);
	is_int(conf_load_ct(103, NULL, &c, &e), -EFBIG);
	is_int(e.code, 85);
	is_int(save(103, "--cpus", "1", NULL), -EFBIG);
	is_int(e.code, 139);
	put("conf/104.conf",
	    "=\n==\n\"\n'\nIP_ADDRESS=\"\nNETIF=\"ifname=\nNETIF=;;;\nDEVICES=::::\n"
	    "CPUMASK=-\nCAPABILITY=:\nVE_ROOT=\"/$\"\nBINDMOUNT=:\n\\\n");
	ok(load(104) != NULL);
	/* More addresses than anybody has. */
	memset(big, 0, 200000);
	strcpy(big, "IP_ADDRESS=\"");
	for (int i = 0; i < 5000; i++)
		sprintf(big + strlen(big), "10.0.%d.%d ", i / 250, i % 250);
	put("conf/105.conf", big);
	ok(!conf_has(load(105), P_IP_ADDRESS));
	/* A fifo does not hang. */
	ok(mkfifo(fifo, 0600) == 0);
	ok(conf_load_ct(106, NULL, &c, &e) == 0);
	keep(c);
	is_int(conf_load_ct(999, NULL, &c, &e), -EPROTO);
	is_int(e.code, 14);
	is_str(e.msg, "Container config file does not exist");
}

/* What a thread reads ahead is what one call per file returns, whatever is there. */
FTEST(reading_ahead)
{
	_cleanup_conf_ struct conf *node = NULL;
	_cleanup_free_ char *big = xmalloc(100000), *dir_there = path_of("conf/1200.conf");
	struct conf_ahead *a;
	uint32_t ids[400];

	put("vz.conf", "CPUUNITS=2000\n");
	is_int(conf_load_node(&node, &e), 0);
	memset(big, '#', 100000);
	for (uint32_t i = 0; i < ARRAY_SIZE(ids); i++) {
		char name[32], text[256];

		ids[i] = 1000 + i;
		snprintf(name, sizeof(name), "conf/%u.conf", ids[i]);
		snprintf(text, sizeof(text), "HOSTNAME=\"h%u\"\nVE_PRIVATE=\"/p/$VEID\"\n", i);
		/* One misses, one is a directory, one is long, one too long. */
		if (i == 100 || i == 200)
			continue;
		memcpy(big, text, strlen(text));
		put_n(name, big, i == 300 ? 20000 : i == 301 ? 100000 : strlen(text));
	}
	ok(mkdir(dir_there, 0700) == 0);
	for (size_t n = 0; n <= ARRAY_SIZE(ids); n += 40) {
		a = conf_ahead_new(ids, n);
		for (size_t i = 0; i < n; i++) {
			_cleanup_conf_ struct conf *x = NULL, *y = NULL;
			struct vz_err ex = VZ_ERR_INIT, ey = VZ_ERR_INIT;
			int rx = conf_ahead_load(a, i, node, &x, &ex);
			int ry = conf_load_ct(ids[i], node, &y, &ey);

			ok(rx == ry && ex.code == ey.code && strcmp(ex.msg, ey.msg) == 0);
			ok((rx == 0) == (i != 100 && i != 200 && i != 301));
			if (rx < 0)
				continue;
			is_str(conf_str(x, P_HOSTNAME), conf_str(y, P_HOSTNAME));
			is_str(conf_str(x, P_VE_PRIVATE), conf_str(y, P_VE_PRIVATE));
			is_int(conf_u64(x, P_CPUUNITS, 0), 2000);
		}
		conf_ahead_free(a);
	}
	/* Who stops early, or asks backwards. */
	conf_ahead_free(conf_ahead_new(ids, ARRAY_SIZE(ids)));
	a = conf_ahead_new(ids, ARRAY_SIZE(ids));
	for (size_t i = 100; i-- > 90;) {
		_cleanup_conf_ struct conf *x = NULL;

		ok(conf_ahead_load(a, i, node, &x, &e) == 0 && conf_has(x, P_HOSTNAME));
	}
	conf_ahead_free(a);
}

FTEST(layers)
{
	_cleanup_conf_ struct conf *node = NULL;
	struct conf *c = NULL;

	is_int(conf_load_node(&node, &e), -EPROTO);
	is_int(e.code, 10);
	put("vz.conf",
	    "LOCKDIR=/x\nCONFIGFILE=\"basic\"\nVE_LAYOUT=btrfs\nNETFILTER=disabled\n"
	    "NAMESERVER=\"192.0.2.53\"\nCPUUNITS=2000\nVE_PRIVATE=/vz/private/${VEID}\n");
	is_int(conf_load_node(&node, &e), 0);
	is_str(conf_str(node, P_LOCKDIR), "/x");
	is_str(conf_str(node, P_VE_LAYOUT), "btrfs");
	is_str(conf_str(node, P_VE_ROOT), "/var/lib/vz/root/$VEID");
	is_int(conf_u64(node, P_UIDMAP_BASE, 0), 1879048192);
	put("conf/101.conf", "CPUS=2\n");
	is_int(conf_load_ct(101, node, &c, &e), 0);
	conf_free(node);
	node = NULL;
	is_str(conf_str(c, P_VE_ROOT), "/var/lib/vz/root/101");
	is_str(conf_str(c, P_VE_PRIVATE), "/vz/private/101");
	is_int(conf_u64(c, P_CPUUNITS, 0), 2000);
	is_str(conf_list(c, P_NAMESERVER)->v[0], "192.0.2.53");
	/* These two say nothing about a container with a file of its own. */
	ok(!conf_has(c, P_VE_LAYOUT) && !conf_has(c, P_NETFILTER));
	conf_unset(c, P_CPUUNITS);
	ok(!conf_has(c, P_CPUUNITS));
	conf_free(c);
}

FTEST(symlinked_config)
{
	_cleanup_free_ char *link = path_of("conf/101.conf"), *target = path_of("real");
	struct stat st;

	put("real", "ONBOOT=\"no\"\n");
	ok(chmod(target, 0604) == 0 && symlink("../real", link) == 0);
	is_int(save(101, "--onboot", "yes", NULL), 1);
	ok(lstat(link, &st) == 0 && S_ISLNK(st.st_mode));
	is_str(get("real"), "ONBOOT=\"yes\"\n");
	ok(stat(target, &st) == 0 && (st.st_mode & 07777) == 0604);
}

FTEST(create_and_destroy)
{
	struct conf_change *ch = keep(conf_change_new());
	uint32_t *ids;
	size_t n;

	is_int(conf_change_set(ch, P_OSTEMPLATE, "debian-12", CONF_CLI, &e), 0);
	is_int(conf_change_set(ch, P_VE_PRIVATE, "/p/$VEID", CONF_CLI, &e), 0);
	is_int(conf_create_ct(101, "# sample\nPHYSPAGES=\"0:256M\"", ch, &e), 0);
	is_str(get("conf/101.conf"), "# sample\nPHYSPAGES=\"0:256M\"\nVE_PRIVATE=\"/p/$VEID\"\n"
				     "OSTEMPLATE=\"debian-12\"\nONBOOT=\"auto\"\n");
	is_int(conf_create_ct(101, "", ch, &e), -EPROTO);
	is_int(e.code, 82);
	is_int(conf_create_ct(7, "ONBOOT=yes\n", ch, &e), 0);
	ok(strstr(get("conf/7.conf"), "ONBOOT=yes\n") && !strstr(get("conf/7.conf"), "ONBOOT=\""));
	put("conf/0.conf", "");
	put("conf/0102.conf", "");
	put("conf/103.conf.destroyed", "");
	put("conf/4294967295.conf", "");
	put("conf/ve-x.conf-sample", "");
	put("conf/101.mount", "#!/bin/sh\n");
	is_int(conf_ct_all(&ids, &n, &e), 0);
	keep(ids);
	is_int(n, 2);
	ok(n == 2 && ids[0] == 7 && ids[1] == 101);
	is_int(conf_destroy_ct(101, &e), 0);
	ok(!conf_ct_exists(101));
	is_str(get("conf/101.mount.destroyed"), "#!/bin/sh\n");
	ok(strstr(get("conf/101.conf.destroyed"), "# sample") != NULL);
	is_int(conf_destroy_ct(101, &e), 0);
}

FTEST(samples)
{
	struct conf_change *ch = keep(conf_change_new());
	struct conf *s = NULL;

	put("conf/ve-small.conf-sample",
	    "PHYSPAGES=\"0:128M\"\nHOSTNAME=\"x\"\nIP_ADDRESS=10.0.0.1\n"
	    "CPUUNITS=10\nVE_ROOT=/x\nFEATURES=\"fuse:on\"\n");
	is_int(conf_load_sample("small", &s, &e), 0);
	keep(s);
	is_int(conf_change_set(ch, P_CPUUNITS, "99", CONF_CLI, &e), 0);
	conf_change_sample(ch, s);
	put("conf/101.conf", "HOSTNAME=\"y\"\nFEATURES=\"ppp:on\"\n");
	is_int(conf_save_ct(101, ch, true, &e), 1);
	is_str(get("conf/101.conf"), "HOSTNAME=\"y\"\nFEATURES=\"fuse:on\"\nPHYSPAGES=\"0:128M\"\n"
				     "CPUUNITS=\"99\"\n");
	is_int(conf_load_sample("nosuch", &s, &e), -ENOENT);
	is_int(e.code, 82);
	is_int(conf_load_sample("../vz", &s, &e), -EPROTO);
	is_int(conf_load_sample("", &s, &e), -EPROTO);
	is_int(conf_load_sample("-x", &s, &e), -EPROTO);
}

/* The files we ship: no warning, ONBOOT=, and plain decimals where libvirt wants them. */
FTEST(shipped_samples)
{
	static const char *const names[] = { "basic", "light", "vswap-256m", "vswap-512m",
					     "vswap-1g", "vswap-2g", "vswap-4g" };
	_cleanup_conf_ struct conf *node = NULL;

	conf_dir_set("templates");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_conf_ struct conf *s = NULL;
		_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
		struct conf_pair p;

		is_int(conf_load_sample(names[i], &s, &e), 0);
		is_int(conf_read_sample(names[i], &text, &e), 0);
		ok(strstr(vz_buf_str(&text), "\nONBOOT=\"auto\"\n") != NULL);
		is_str(conf_str(s, P_ONBOOT), "auto");
		ok(conf_pair(s, P_PHYSPAGES, &p));
		if (strncmp(names[i], "vswap", 5) == 0)
			ok(p.lim < VZ_UNLIMITED);
		else
			ok(p.lim == VZ_UNLIMITED);
		param_for_each(id) {
			unsigned long long a, b;
			char key[64];
			const char *line;
			int end = 0;

			if (!(param_get(id)->flags & PF_PLAIN) || !conf_has(s, id))
				continue;
			snprintf(key, sizeof(key), "\n%s=\"", param_get(id)->key);
			line = strstr(vz_buf_str(&text), key);
			ok(line && sscanf(line + strlen(key), "%llu:%llu\"%n", &a, &b, &end) == 2);
			ok(end > 0);
		}
	}
	{
		_cleanup_free_ char *from = realpath("templates/conf/vz.conf", NULL);
		_cleanup_free_ char *to = path_of("vz.conf");

		conf_dir_set(dir);
		ok(from && symlink(from, to) == 0);
	}
	is_int(conf_load_node(&node, &e), 0);
	is_str(conf_str(node, P_CONFIGFILE), "vswap-256m");
	/* What the file says is what is built in: it only documents. */
	param_for_each(id) {
		_cleanup_free_ char *got = conf_format(node, id);

		if (param_get(id)->def && conf_has(node, id))
			is_str(got, param_get(id)->def);
	}
	is_str(warnings(), "");
}

FTEST(names)
{
	static const char *const bad[] = { "", "a/b", "..", "../conf/101.conf", "-x", ".new",
					   "a\nb", "ümlaut", "a\"b", "a$b", " a", "a ",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	uint32_t id = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		is_int(conf_name_set(101, bad[i], NULL, &e), -EPROTO);
		is_int(e.code, 131);
		is_int(conf_name_resolve(bad[i], false, &id, &e), -EPROTO);
		is_int(e.code, 21);
	}
	put("conf/101.conf", "NAME=\"web 1\"\n");
	put("conf/102.conf", "NAME=\"db\"\n");
	is_int(conf_name_set(101, "web 1", NULL, &e), 0);
	is_int(conf_name_resolve("web 1", false, &id, &e), 0);
	is_int(id, 101);
	is_int(conf_name_set(102, "web 1", NULL, &e), -EPROTO);
	is_str(e.msg, "Conflict: name web 1 already used by container 101");
	/* The container was renamed behind the link's back: stale, may be taken. */
	put("conf/101.conf", "NAME=\"other\"\n");
	is_int(conf_name_resolve("web 1", false, &id, &e), -EPROTO);
	is_str(e.msg, "Unable to find container by name web 1");
	is_int(conf_name_set(102, "web 1", NULL, &e), 0);
	/* Which 101 must not remove now. */
	is_int(conf_name_set(101, "other", "web 1", &e), 0);
	put("conf/102.conf", "NAME=\"web 1\"\n");
	is_int(conf_name_resolve("web 1", false, &id, &e), 0);
	is_int(id, 102);
	is_int(conf_name_set(101, NULL, "other", &e), 0);
	is_int(conf_name_resolve("other", false, &id, &e), -EPROTO);
	is_int(conf_name_set(101, "101", NULL, &e), 0);
	is_int(conf_name_set(101, "555", NULL, &e), -EPROTO);
}

FTEST(numbers)
{
	uint32_t id = 0;

	is_int(conf_name_resolve("2147483644", false, &id, &e), 0);
	is_int(id, 2147483644);
	is_int(conf_name_resolve("2147483645", false, &id, &e), -EPROTO);
	is_str(e.msg, "Bad CT ID 2147483645");
	is_int(conf_name_resolve("-1", false, &id, &e), -EPROTO);
	is_int(conf_name_resolve("0", false, &id, &e), -EPROTO);
	is_str(e.msg, "Only set actions are allowed for CT0");
	is_int(conf_name_resolve("0", true, &id, &e), 0);
	is_int(id, 0);
}

FTEST(missing_config_is_created)
{
	is_int(save(101, "--cpus", "1", NULL), 1);
	is_str(get("conf/101.conf"), "CPUS=\"1\"\nONBOOT=\"auto\"\n");
	ok(strstr(warnings(), "WARNING: ") && strstr(warnings(), "101.conf not found"));
}

/* Section 8, item 14: what makes a VSwap container, kept exactly. */
FTEST(vswap_values)
{
	static const struct { const char *text; uint64_t lim; } t[] = {
		{ "0:256M", (256ULL << 20) }, { "0:unlimited", VZ_UNLIMITED },
		{ "0:9223372036854775807", VZ_UNLIMITED },
	};
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct conf_pair p;

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		uint64_t want;
		char text[128];

		snprintf(text, sizeof(text), "PHYSPAGES=\"%s\"\n", t[i].text);
		put("conf/101.conf", text);
		ok(conf_pair(load(101), P_PHYSPAGES, &p));
		want = t[i].lim == VZ_UNLIMITED ? t[i].lim : t[i].lim / page;
		ok(p.lim == want);
	}
	put("conf/101.conf", "PHYSPAGES=\"0:2147483647\"\n");
	ok(conf_pair(load(101), P_PHYSPAGES, &p));
	is_int(p.lim, 2147483647);
	is_str(keep(conf_format(load(101), P_PHYSPAGES)), "0:2147483647");
}

/* Section 8, item 5: every UBC key of the old samples survives a save. */
FTEST(every_pair_round_trips)
{
	param_for_each(id) {
		const struct param *row = param_get(id);
		char opt[64], text[256];
		struct conf_pair a, b;

		if (row->type != PT_PAIR)
			continue;
		snprintf(text, sizeof(text), "%s=\"1000:2000\"\n", row->key);
		put("conf/101.conf", text);
		ok(conf_pair(load(101), id, &a) && a.bar == 1000 && a.lim == 2000);
		ok(save(101, param_label(id, opt, sizeof(opt)), "3000:unlimited", NULL) == 1);
		ok(conf_pair(load(101), id, &b) && b.bar == 3000 && b.lim == VZ_UNLIMITED);
	}
}

/* vzlist -a: 1000 containers in 10 ms altogether. */
FTEST(loading_is_fast)
{
	struct timespec a, b;
	double us;

	put("vz.conf", "VE_PRIVATE=/vz/private/$VEID\n");
	put("conf/101.conf",
	    "ONBOOT=\"yes\"\n# comment\nPHYSPAGES=\"0:512M\"\nSWAPPAGES=\"0:512M\"\n"
	    "KMEMSIZE=\"14372700:14790164\"\nLOCKEDPAGES=\"2048:2048\"\n"
	    "PRIVVMPAGES=\"65536:69632\"\nSHMPAGES=\"21504:21504\"\n"
	    "NUMPROC=\"240:240\"\nVMGUARPAGES=\"33792:unlimited\"\n"
	    "OOMGUARPAGES=\"26112:unlimited\"\nNUMTCPSOCK=\"360:360\"\nNUMFLOCK=\"188:206\"\n"
	    "NUMPTY=\"16:16\"\nNUMSIGINFO=\"256:256\"\nTCPSNDBUF=\"1720320:2703360\"\n"
	    "DISKSPACE=\"2097152:2306867\"\nDISKINODES=\"131072:144179\"\nQUOTATIME=\"0\"\n"
	    "CPUUNITS=\"1000\"\nVE_ROOT=\"/vz/root/$VEID\"\nVE_PRIVATE=\"/vz/private/$VEID\"\n"
	    "OSTEMPLATE=\"debian-12-x86_64\"\nORIGIN_SAMPLE=\"basic\"\n"
	    "HOSTNAME=\"web1.example.com\"\nIP_ADDRESS=\"192.0.2.1 192.0.2.2\"\n"
	    "NAMESERVER=\"192.0.2.53\"\n");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 1000; i++) {
		struct conf *c = NULL;

		ok(conf_load_ct(101, NULL, &c, &e) == 0);
		conf_free(c);
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	us = ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / 1e6;
	printf("# %.2f us per configuration\n", us);
	/* Ten times the target: sanitizers and loaded machines. */
	ok(us < 100);
}

TAP_MAIN()
