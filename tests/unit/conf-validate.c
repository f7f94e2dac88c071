// SPDX-License-Identifier: GPL-2.0-or-later
/* vzcfgvalidate as a program: exit codes, findings, repairs. */
#include <fcntl.h>

#include "base/io.h"
#include "base/spawn.h"
#include "conf/conf.h"
#include "tests/lib/tap.h"

static char file[] = "/tmp/vz-validate-XXXXXX";
static char text[8192];

/* Runs it on a file of this content; the exit status.  Output in text[]. */
static int validate(const char *content, const char *option)
{
	const char *build = getenv("VZ_BUILD");
	char *path = xasprintf("%s/bin/vzcfgvalidate", build ? build : "build/release");
	const char *argv[] = { "vzcfgvalidate", option ? option : file, option ? file : NULL,
			       NULL };
	struct vz_buf err = VZ_BUF_INIT;
	struct spawn sp = SPAWN_INIT;
	int st;

	if (content)
		ok(io_write_atomic_at(AT_FDCWD, file, content, strlen(content), 0600,
				      IO_ATOMIC_NOSYNC) == 0);
	sp.path = path;
	sp.argv = argv;
	sp.ret_err = &err;
	sp.timeout_ms = 5000;
	st = spawn_run(&sp);
	snprintf(text, sizeof(text), "%s", vz_buf_str(&err));
	vz_buf_done(&err);
	free(path);
	return st < 0 ? st : WEXITSTATUS(st);
}

static void start(void)
{
	int fd = mkstemp(file);

	ok(fd >= 0);
	close(fd);
}

#define GOOD "ONBOOT=\"no\"\nPHYSPAGES=\"0:16M\"\nSWAPPAGES=\"0:0\"\n"

TEST(a_good_file)
{
	start();
	is_int(validate(GOOD, NULL), 0);
	is_str(text, "Validation completed: success\n");
	unlink(file);
}

TEST(findings)
{
	start();
	is_int(validate(GOOD "CPUS=\"many\"\n", NULL), 2);
	ok(strstr(text, "Error: line 4: bad value CPUS=\"many\"") != NULL);
	is_int(validate(GOOD "NUMPROC=\"20:10\"\n", NULL), 2);
	ok(strstr(text, "NUMPROC: barrier 20 is above limit 10") != NULL);
	is_int(validate("PHYSPAGES=\"0:9000000G\"\nSWAPPAGES=0\n", NULL), 2);
	ok(strstr(text, "more than the node's") != NULL);
	is_int(validate(GOOD "NETIF=\"ifname=eth0,bridge=nosuchbridge0\"\n", NULL), 2);
	ok(strstr(text, "bridge nosuchbridge0 does not exist") != NULL);
	is_int(validate(GOOD "VE_PRIVATE=/tmp/x\nDISKSPACE=\"1:900000000000\"\n", NULL), 2);
	ok(strstr(text, "DISKSPACE") != NULL);
	is_int(validate("PRIVVMPAGES=\"1000:2000\"\n", NULL), 0);
	ok(strstr(text, "--ram") != NULL);
	unlink(file);
}

TEST(repair)
{
	struct vz_buf b = VZ_BUF_INIT;

	start();
	is_int(validate("# kept\nONBOOT=no\nPHYSPAGES=\"0:16M\"\nNUMPROC=\"20:10\"\n", "-r"), 0);
	ok(io_read_file_at(AT_FDCWD, file, &b, 4096) == 0);
	is_str(vz_buf_str(&b), "# kept\nONBOOT=no\nPHYSPAGES=\"0:16M\"\nNUMPROC=\"20\"\n"
			       "SWAPPAGES=\"0\"\n");
	vz_buf_done(&b);
	is_int(validate(NULL, NULL), 0);
	unlink(file);
}

TEST(usage)
{
	start();
	is_int(validate(GOOD, "-x"), 1);
	unlink(file);
	is_int(validate(NULL, NULL), 1);
	ok(strstr(text, "No such file") != NULL);
}

TAP_MAIN()
