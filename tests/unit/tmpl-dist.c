// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>

#include "base/io.h"
#include "sys/rmtree.h"
#include "tests/lib/tap.h"
#include "tmpl/tmpl.h"

static char dir[64];
static const char *dirs[3];

static void put(const char *name, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", dir, name);

	ok(io_write_atomic_at(AT_FDCWD, path, text, strlen(text), 0644, IO_ATOMIC_NOSYNC) == 0);
}

static void setup(void)
{
	_cleanup_free_ char *scripts = NULL;

	strcpy(dir, "/tmp/vz-dist-XXXXXX");
	ok(mkdtemp(dir) != NULL);
	scripts = xasprintf("%s/scripts", dir);
	ok(io_mkdir_p(scripts, 0755) == 0);
	dirs[0] = "/nonexistent";
	dirs[1] = dir;
	dirs[2] = NULL;
	put("debian.conf", "ADD_IP=add.sh\n# SET_DNS=x\nSET_DNS='dns.sh'\n  SET_CONSOLE=\"\"\n");
	put("debian-12.conf", "ADD_IP=\"add12.sh\"\nJUNK\nOTHER=1\nDEL_IP=../../etc/passwd\n");
	put("scripts/functions", "f() { :; }\n");
	put("scripts/add.sh", "f any\n");
	put("scripts/dns.sh", "f dns");
}

static void teardown(void)
{
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ok(sys_rmtree_at(fd, dir + strlen("/tmp/"), VZ_IGNORE) == 0);
	ok(!io_exists(dir));
	close(fd);
}

static void chosen(const char *ostemplate, const char *want)
{
	_cleanup_dist_ struct tmpl_dist *d = NULL;
	struct vz_err e = VZ_ERR_INIT;
	int r = tmpl_dist_load(dirs, ostemplate, &d, &e);

	if (want) {
		is_int(r, 0);
		is_str(d ? tmpl_dist_name(d) : NULL, want);
	} else {
		ok(r < 0);
		is_int(e.code, VZ_NO_DISTR_CONF);
	}
}

TEST(lookup)
{
	setup();
	chosen("debian-12-x86_64-minimal", "debian-12");
	chosen("debian-12", "debian-12");
	chosen("debian-11-x86_64", "debian");
	chosen("debian", "debian");
	chosen("fedora-40", NULL);
	chosen("../../etc/x", NULL);
	chosen("", NULL);
	chosen(NULL, NULL);
	put("default", "ADD_IP=add.sh\n");
	chosen("fedora-40", "default");
	chosen("default", "default");
	chosen("../../etc/x", "default");
	teardown();
}

TEST(scripts)
{
	_cleanup_dist_ struct tmpl_dist *d = NULL, *d12 = NULL;
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct vz_err e = VZ_ERR_INIT;

	setup();
	is_int(tmpl_dist_load(dirs, "debian-11", &d, &e), 0);
	is_int(tmpl_dist_script(d, TMPL_SET_DNS, &text, &e), 1);
	is_str(vz_buf_str(&text), "f() { :; }\n\nf dns");
	ok(!tmpl_dist_has(d, TMPL_SET_CONSOLE));
	ok(!tmpl_dist_has(d, TMPL_POST_CREATE));
	is_int(tmpl_dist_script(d, TMPL_SET_CONSOLE, &text, &e), 0);
	is_int(tmpl_dist_load(dirs, "debian-12", &d12, &e), 0);
	/* Named but missing; and a name that leaves the directory. */
	ok(tmpl_dist_script(d12, TMPL_ADD_IP, &text, &e) < 0);
	is_int(e.code, VZ_NO_DISTR_ACTION_SCRIPT);
	is_int(e.sys, ENOENT);
	ok(tmpl_dist_script(d12, TMPL_DEL_IP, &text, &e) < 0);
	is_int(e.code, VZ_NO_DISTR_ACTION_SCRIPT);
	is_int(e.sys, 0);
	is_str(vz_buf_str(&text), "f() { :; }\n\nf dns");
	teardown();
}

TAP_MAIN()
