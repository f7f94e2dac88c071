// SPDX-License-Identifier: GPL-2.0-or-later
/* RATE in every spelling, and the class file. */
#include <sys/socket.h>

#include "base/log.h"
#include "conf/conf.h"
#include "conf/traffic.h"
#include "tests/lib/tap.h"

static struct vz_err e;

static void is_rate(const char *text, const char *want)
{
	char got[64] = "bad";
	struct conf_rate r;

	if (conf_rate_parse(text, &r) == 0)
		conf_rate_format(&r, got, sizeof(got));
	is_str(got, want);
}

TEST(one)
{
	is_rate("eth0:1:8000", "eth0:1:8000");
	is_rate("*:15:1", "*:15:1");
	is_rate("2:500", "*:2:500");
	is_rate("ct/venet0:1:10", "ct/venet0:1:10");
	is_rate("eth0.100:1:10", "eth0.100:1:10");
	is_rate("ct/abcdefghijklmno:15:4000000000", "ct/abcdefghijklmno:15:4000000000");
}

TEST(refused)
{
	static const char *const bad[] = {
		"", ":", "::", "1", "eth0", "eth0:1", "eth0:1:", "eth0::1", ":1:1", "eth0:1:0",
		"*:1:-1",
		"*:0:5", "*:16:5", "*:1:1k", "*:1:4000000001", "*:1:99999999999999999999",
		"ct/:1:1", "ct/a/b:1:1", "abcdefghijklmnop:1:1", "a b:1:1", "..:1:1", "e;h:1:1",
		"eth0:1:8000:1", "*:1: 5", "0:5",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_rate(bad[i], "bad");
}

static void is_list(enum param_id p, const char *text, const char *want)
{
	_cleanup_conf_ struct conf *c = conf_new();
	_cleanup_free_ char *got = NULL;

	e = VZ_ERR_INIT;
	if (conf_set(c, p, text, CONF_CLI, &e) < 0) {
		is_int(e.code, 21);
		is_str("refused", want);
		return;
	}
	got = conf_format(c, p);
	is_str(got, want);
}

TEST(list)
{
	is_list(P_RATE, "eth0:1:8 eth1:1:9", "eth0:1:8 eth1:1:9");
	is_list(P_RATE, "1:100,2:200", "*:1:100 *:2:200");
	is_list(P_RATE, "*:1:8 eth0:1:5 1:9", "*:1:9 eth0:1:5");
	is_list(P_RATE, "*:1:8 *:1:0", "refused");
	is_list(P_RATE, "0", "refused");
	is_list(P_RATE, "", "");
	is_list(P_TOTALRATE, "eth0:1:800000", "eth0:1:800000");
}

TEST(classes)
{
	static const char text[] = "# of this node\n"
				   "0 192.0.2.0/24\n"
				   "\n"
				   "\t1\t0.0.0.0/0   # all\r\n"
				   "16 10.0.0.0/8\n"
				   "2 10.0.0.0/33\n"
				   "2 10.0.0.0/8 more\n"
				   "2\n"
				   "x 10.0.0.0/8\n"
				   "15 2001:db8::/32\n"
				   "3 198.51.100.7";
	struct conf_class *c;
	size_t n;

	vz_log_setup(&(struct vz_log_conf){ .prog = "test", .quiet = true });
	conf_classes_parse(text, "test", &c, &n);
	is_int(n, 4);
	is_int(c[0].cls, 0);
	is_int(c[0].plen, 24);
	is_int(c[1].plen, 0);
	is_int(c[2].family, AF_INET6);
	is_int(c[2].cls, 15);
	is_int(c[3].plen, 32);
	free(c);
	conf_classes_parse("", "test", &c, &n);
	is_int(n, 0);
	free(c);
}

TAP_MAIN()
