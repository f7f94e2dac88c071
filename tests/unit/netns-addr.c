// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"
#include "tests/lib/tap.h"

#include <sys/socket.h>

static const char *canon(const char *text)
{
	static char buf[NET_ADDR_STRLEN];
	struct net_addr a;

	return net_addr_parse(text, &a) < 0 ? "bad" : net_addr_format(&a, buf);
}

TEST(good)
{
	is_str(canon("10.0.0.5"), "10.0.0.5");
	is_str(canon("10.0.0.5/32"), "10.0.0.5");
	is_str(canon("10.0.0.5/24"), "10.0.0.5/24");
	is_str(canon("10.0.0.5/255.255.255.0"), "10.0.0.5/24");
	is_str(canon("10.0.0.5/255.255.255.255"), "10.0.0.5");
	is_str(canon("2001:DB8:0::1/64"), "2001:db8::1/64");
	is_str(canon("2001:db8::1/128"), "2001:db8::1");
	is_str(canon("fd00::1"), "fd00::1");
	is_str(canon("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64"), "bad");
	is_str(canon("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127"),
	       "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127");
}

TEST(bad)
{
	static const char *const bad[] = {
		"", "/", "/24", "10.0.0.5/", "10.0.0.5/33", "10.0.0.5/-1", "10.0.0.5/24x",
		"10.0.0.5/24/24", "10.0.0.5 ", " 10.0.0.5", "10.0.0", "10.0.0.256", "010.0.0.1",
		"10.0.0.5/255.0.255.0", "10.0.0.5/0.0.0.255", "0.0.0.0", "0", "127.0.0.1",
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "::10.0.0.1",
		"::ffff:10.0.0.1", "ff02::1", "fe80::1", "fe80::1%eth0", "2001:db8::1/129",
		"2001:db8::1/255.0.0.0", "2001:db8::/64::", "venet0", "all",
		"2001:db8:0000:0000:0000:0000:0000:0000:0000:0001:0000000000000000000",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct net_addr a = { .plen = 99 };

		if (net_addr_parse(bad[i], &a) != -EINVAL) {
			printf("# '%s' is taken\n", bad[i]);
			tap_bad++;
		}
		is_int(a.plen, 99);
	}
}

TEST(same)
{
	struct net_addr a, b;

	net_addr_parse("10.0.0.5/24", &a);
	net_addr_parse("10.0.0.5", &b);
	ok(net_addr_same(&a, &b));
	net_addr_parse("10.0.0.6/24", &b);
	ok(!net_addr_same(&a, &b));
	net_addr_parse("a00:5::1", &b);
	ok(!net_addr_same(&a, &b));
}

static const char *veth(uint32_t ctid, const char *ifname)
{
	static char buf[16];

	net_veth_hostname(ctid, ifname, buf);
	return buf;
}

TEST(names)
{
	char buf[16];

	net_venet_hostname(101, buf);
	is_str(buf, "venet0.101");
	net_venet_hostname(99999999, buf);
	is_str(buf, "venet0.99999999");
	net_venet_hostname(100000000, buf);
	is_str(buf, "vn100000000");
	net_venet_hostname(2147483644, buf);
	is_str(buf, "vn2147483644");
	is_str(veth(101, "eth0"), "veth101.0");
	is_str(veth(101, "eth12s3"), "veth101.12");
	is_str(veth(101, "lan"), "veth101.0");
	is_str(veth(2147483644, "eth0"), "vezik0zg.0");
	is_str(veth(2147483644, "eth1234567890"), "vezik0zg.123456");
	is_str(veth(0, "eth1"), "veth0.1");
}

TEST(macs)
{
	char a[18], b[18];

	net_mac_generate(a);
	net_mac_generate(b);
	is_int(strncmp(a, "00:18:51:", 9), 0);
	is_int(strlen(a), 17);
	ok(strcmp(a, b));
}

TAP_MAIN()
