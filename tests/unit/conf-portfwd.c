// SPDX-License-Identifier: GPL-2.0-or-later
/* PORTFWD: text, canonical form, what is the same port; "auto" in IP_ADDRESS. */
#include "conf/priv.h"
#include "tests/lib/tap.h"

static const char *canon(const char *text)
{
	static char buf[2][128];
	static unsigned int i;
	char *b = buf[i++ & 1];

	return value_fwd_canon(text, b, sizeof(buf[0])) < 0 ? "bad" : b;
}

TEST(canonical_form)
{
	is_str(canon("8080:80"), "8080:80");
	is_str(canon("8080:80/tcp"), "8080:80");
	is_str(canon("53:53/udp"), "53:53/udp");
	is_str(canon("1-1:5"), "1:5");
	is_str(canon("6000-6010:7000"), "6000-6010:7000");
	is_str(canon("192.0.2.1:8080:80"), "192.0.2.1:8080:80");
	is_str(canon("0.0.0.0:8080:80"), "8080:80");
	is_str(canon("[2001:DB8:0::1]:8080-8081:80/udp"), "[2001:db8::1]:8080-8081:80/udp");
	is_str(canon("[::]:8080:80"), "8080:80");
	is_str(canon("65535:65535"), "65535:65535");
	is_str(canon("1-1024:64512"), "1-1024:64512");
}

TEST(what_is_none)
{
	static const char *const bad[] = {
		"", ":", "80", "80:", ":80", "0:80", "80:0", "65536:80", "80:65536", "80:80/sctp",
		"80:80/", "80:80/tcp ", " 80:80", "+80:80", "80:80:80", "192.0.2.1:80",
		"192.0.2.256:80:80", "2001:db8::1:80:80", "[192.0.2.1]:80:80", "[2001:db8::1:80:80",
		"[2001:db8::1]80:80", "[]:80:80", "80-79:80", "80-:80", "-80:80", "1-1025:1",
		"60000-60009:65530", "080000000000080:80", "192.0.2.1::80",
		"192.0.2.1111111111111111111111111111111111111111111111:80:80",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_str(canon(bad[i]), "bad");
}

static bool overlap(const char *x, const char *y)
{
	struct conf_portfwd a, b;

	ok(conf_portfwd_parse(x, &a) == 0 && conf_portfwd_parse(y, &b) == 0);
	ok(conf_portfwd_overlap(&a, &b) == conf_portfwd_overlap(&b, &a));
	return conf_portfwd_overlap(&a, &b);
}

TEST(the_same_port)
{
	ok(overlap("80:80", "80:81"));
	ok(!overlap("80:80", "81:80"));
	ok(!overlap("80:80", "80:80/udp"));
	ok(overlap("70-80:80", "80-90:80"));
	ok(!overlap("70-79:80", "80-90:80"));
	ok(overlap("192.0.2.1:80:80", "80:80"));
	ok(!overlap("192.0.2.1:80:80", "192.0.2.2:80:80"));
	ok(overlap("65535:1", "65000-65535:1"));
}

/* What --portfwd and --portfwd_del, --ipadd and a chosen address make of @old. */
static char *change(enum param_id p, const char *old, const char *add, const char *del,
		    const char *chosen)
{
	struct conf_change *ch = conf_change_new();
	_cleanup_conf_ struct conf *c = conf_new();
	_cleanup_strv_ struct vz_strv addrs = VZ_STRV_INIT;
	int r = conf_set(c, p, old, CONF_FILE, VZ_IGNORE);

	if (r == 0 && del)
		r = change_list(ch, p, true, del, VZ_IGNORE);
	if (r == 0 && add)
		r = change_list(ch, p, false, add, VZ_IGNORE);
	if (chosen) {
		vz_strv_split(&addrs, chosen, " ");
		conf_change_set_auto(ch, &addrs);
	}
	if (r == 0)
		r = conf_apply(c, ch, VZ_IGNORE);
	conf_change_free(ch);
	return r < 0 ? xstrdup("failed") : conf_format(c, p);
}

static void check(char *got, const char *want)
{
	is_str(got, want);
	free(got);
}

TEST(lists)
{
	check(change(P_PORTFWD, "80:80/tcp 53:53/udp", "2222:22", "80:80/tcp", NULL),
	      "53:53/udp 2222:22");
	check(change(P_PORTFWD, "80:80", NULL, "80:80/udp", NULL), "80:80");
	check(change(P_PORTFWD, "80:80 81:81", NULL, "all", NULL), "");
	check(change(P_PORTFWD, "80:80", NULL, "80", NULL), "failed");
	check(change(P_PORTFWD, "80:80", "80", NULL, NULL), "failed");
	check(change(P_IP_ADDRESS, "192.0.2.1", "auto", NULL, "10.0.0.1 fd00::1"),
	      "192.0.2.1 10.0.0.1 fd00::1");
	check(change(P_IP_ADDRESS, "192.0.2.1", "auto 192.0.2.2", "all", "10.0.0.1"),
	      "10.0.0.1 192.0.2.2");
	check(change(P_IP_ADDRESS, "auto", NULL, NULL, "10.0.0.1"), "10.0.0.1");
	check(change(P_IP_ADDRESS, "auto", "192.0.2.2", NULL, "10.0.0.1"), "10.0.0.1 192.0.2.2");
	check(change(P_IP_ADDRESS, "auto", NULL, "auto", NULL), "failed");
}

TAP_MAIN()
