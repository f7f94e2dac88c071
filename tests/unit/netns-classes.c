// SPDX-License-Identifier: GPL-2.0-or-later
/* Longest prefix wins, as intervals: compared with the definition itself. */
#include <arpa/inet.h>
#include <stdio.h>

#include "tests/lib/tap.h"
#include "net-traffic.h"

static struct net_class cls(uint8_t n, const char *prefix, uint8_t plen)
{
	struct net_class c = { .cls = n };

	c.prefix.family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
	c.prefix.plen = plen;
	inet_pton(c.prefix.family, prefix, c.prefix.a);
	return c;
}

static uint8_t by_range(const struct net_range *r, size_t n, const uint8_t *a, size_t size)
{
	uint8_t got = 255;

	for (size_t i = 0; i < n && memcmp(r[i].first, a, size) <= 0; i++)
		got = r[i].cls;
	return got;
}

static bool covers(const struct net_addr *p, const uint8_t *a)
{
	for (unsigned int bit = 0; bit < p->plen; bit++)
		if ((p->a[bit / 8] ^ a[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	return true;
}

static uint8_t by_definition(const struct net_class *c, size_t n, int family, const uint8_t *a)
{
	int best = -1;
	uint8_t got = NET_CLASS_DEFAULT;

	for (size_t i = 0; i < n; i++) {
		if (c[i].prefix.family != family || !covers(&c[i].prefix, a) ||
		    c[i].prefix.plen < best)
			continue;
		best = c[i].prefix.plen;
		got = c[i].cls;
	}
	return got;
}

TEST(nothing)
{
	struct net_range *r;
	size_t n;

	net_class_ranges(NULL, 0, AF_INET, &r, &n);
	is_int(n, 1);
	is_int(r[0].cls, 1);
	free(r);
}

TEST(nested)
{
	const struct net_class c[] = { cls(0, "10.0.0.0", 8), cls(2, "10.1.0.0", 16),
				       cls(3, "10.1.0.0", 24), cls(0, "2001:db8::", 32) };
	static const uint8_t first[][4] = { { 0 },	  { 10 },    { 10, 1 },
					    { 10, 1, 1 }, { 10, 2 }, { 11 } };
	static const uint8_t want[] = { 1, 0, 3, 2, 0, 1 };
	struct net_range *r;
	size_t n;

	net_class_ranges(c, ARRAY_SIZE(c), AF_INET, &r, &n);
	is_int(n, ARRAY_SIZE(want));
	for (size_t i = 0; i < n; i++) {
		is_int(r[i].cls, want[i]);
		is_int(memcmp(r[i].first, first[i], 4), 0);
	}
	free(r);
}

TEST(whole_and_last)
{
	const struct net_class c[] = { cls(4, "0.0.0.0", 0), cls(5, "255.255.255.255", 32),
				       cls(6, "255.255.255.255", 32), cls(7, "::", 0) };
	struct net_range *r;
	size_t n;

	net_class_ranges(c, ARRAY_SIZE(c), AF_INET, &r, &n);
	is_int(n, 2);
	is_int(r[0].cls, 4);
	is_int(r[1].cls, 6);
	free(r);
	net_class_ranges(c, ARRAY_SIZE(c), AF_INET6, &r, &n);
	is_int(n, 1);
	is_int(r[0].cls, 7);
	free(r);
}

/* Few bits, many prefixes: every nesting there is. */
TEST(random)
{
	unsigned int seed = 1, bad = 0;

	for (int round = 0; round < 300; round++) {
		struct net_class c[40];
		struct net_range *r;
		size_t n, many = (size_t)rand_r(&seed) % ARRAY_SIZE(c);
		int family = round % 2 ? AF_INET6 : AF_INET;

		for (size_t i = 0; i < many; i++) {
			c[i] = cls((uint8_t)(rand_r(&seed) % 16), "0.0.0.0",
				   (uint8_t)(rand_r(&seed) % 9));
			c[i].prefix.family = family;
			c[i].prefix.a[0] = (uint8_t)rand_r(&seed);
		}
		net_class_ranges(c, many, family, &r, &n);
		for (unsigned int a = 0; a < 256; a++) {
			uint8_t addr[16] = { (uint8_t)a, 0, (uint8_t)rand_r(&seed) };

			bad += by_range(r, n, addr, family == AF_INET6 ? 16 : 4) !=
			       by_definition(c, many, family, addr);
		}
		for (size_t i = 1; i < n; i++)
			bad += r[i].cls == r[i - 1].cls ||
			       memcmp(r[i].first, r[i - 1].first, 16) <= 0;
		free(r);
	}
	is_int(bad, 0);
}

TAP_MAIN()
