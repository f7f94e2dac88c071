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

static struct net_addr addr(const char *text)
{
	struct net_addr a = { 0 };

	if (net_addr_parse(text, &a) < 0) {
		printf("# '%s' is not taken\n", text);
		tap_bad++;
	}
	return a;
}

static int route_len(const char *text)
{
	struct net_addr a = addr(text);

	return net_addr_route_len(&a);
}

/* What the container gets for itself. */
static const char *own(const char *text)
{
	static char buf[NET_ADDR_STRLEN];
	struct net_addr a = addr(text), o = net_addr_own(&a);

	return net_addr_format(&o, buf);
}

TEST(prefix)
{
	static const char *const bad[] = { "10.0.0.0/7", "128.0.0.0/1", "2000::/3", "2002::/15",
					   "224.0.0.0/4", "fe80::/64", "ff00::/8", "::/64",
					   "0.0.0.0/0", "::/0" };
	struct net_addr a;

	is_int(route_len("10.0.0.5"), 32);
	is_int(route_len("10.0.0.5/24"), 32);
	is_int(route_len("10.0.0.4/30"), 30);
	is_int(route_len("10.0.0.4/31"), 32);
	is_int(route_len("10.0.0.0/8"), 8);
	is_int(route_len("10.0.0.128/25"), 25);
	is_int(route_len("10.0.0.128/24"), 32);
	is_int(route_len("2001:db8:1::5/64"), 128);
	is_int(route_len("2001:db8:1::/64"), 64);
	is_int(route_len("2001:db8:1:8000::/48"), 128);
	is_int(route_len("2001:db8:8000::/33"), 33);
	is_int(route_len("2001:db8::4/126"), 126);
	is_int(route_len("2001:db8::4/127"), 128);
	is_str(own("10.0.0.5/24"), "10.0.0.5");
	is_str(own("10.0.0.4/30"), "10.0.0.5");
	is_str(own("2001:db8:1::/64"), "2001:db8:1::1");
	is_str(own("2001:db8:1::5/64"), "2001:db8:1::5");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		is_int(net_addr_parse(bad[i], &a), -EINVAL);
}

static bool overlap(const char *x, const char *y)
{
	struct net_addr a = addr(x), b = addr(y);
	bool r = net_addr_overlaps(&a, &b);

	is_int(net_addr_overlaps(&b, &a), r);
	return r;
}

TEST(overlaps)
{
	ok(overlap("10.0.0.5", "10.0.0.5/24"));
	ok(!overlap("10.0.0.5/24", "10.0.0.6/24"));
	ok(overlap("10.0.0.0/24", "10.0.0.6"));
	ok(overlap("10.0.0.0/24", "10.0.0.128/25"));
	ok(!overlap("10.0.0.0/25", "10.0.0.128/25"));
	ok(overlap("2001:db8::/32", "2001:db8:ffff::1"));
	ok(!overlap("2001:db8::/33", "2001:db8:ffff::1"));
	ok(!overlap("32.1.0.0/16", "2001::1"));
}

TEST(order)
{
	struct net_addr v[] = { addr("2001:db8::2"), addr("10.0.0.9"), addr("10.0.0.8/29"),
				addr("2001:db8::1/64") };
	struct net_addr key = addr("10.0.0.8"), *k;

	qsort(v, ARRAY_SIZE(v), sizeof(v[0]), net_addr_cmp);
	k = bsearch(&key, v, ARRAY_SIZE(v), sizeof(v[0]), net_addr_cmp);
	ok(k && net_addr_same(k, &key) && !net_addr_same_route(k, &key));
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
