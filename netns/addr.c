// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/num.h"

static uint8_t full_len(int family)
{
	return family == AF_INET6 ? 128 : 32;
}

static bool usable4(const uint8_t *a)
{
	return a[0] != 0 && a[0] != 127 && a[0] < 224;
}

static bool usable6(const uint8_t *a)
{
	static const uint8_t zero[16];

	if (a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return false;
	/* ::, ::1, ::a.b.c.d (RFC 4291 section 2.5.5.1) */
	if (!memcmp(a, zero, 12))
		return false;
	/* ::ffff:a.b.c.d */
	return memcmp(a, zero, 10) != 0 || a[10] != 0xff || a[11] != 0xff;
}

/* "255.255.255.0": ones, then zeros. */
static int parse_mask(const char *text, uint8_t *ret)
{
	uint32_t m;

	if (inet_pton(AF_INET, text, &m) != 1)
		return -EINVAL;
	m = ntohl(m);
	if (~m & (~m + 1))
		return -EINVAL;
	*ret = (uint8_t)__builtin_popcount(m);
	return 0;
}

static int parse_plen(const char *text, int family, uint8_t *ret)
{
	uint32_t v;

	if (family == AF_INET && strchr(text, '.'))
		return parse_mask(text, ret);
	if (num_parse_u32(text, &v) < 0 || v > full_len(family))
		return -EINVAL;
	*ret = (uint8_t)v;
	return 0;
}

int net_addr_parse(const char *text, struct net_addr *ret)
{
	struct net_addr a = { 0 };
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	a.family = strchr(host, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, host, a.a) != 1)
		return -EINVAL;
	if (a.family == AF_INET ? !usable4(a.a) : !usable6(a.a))
		return -EINVAL;
	a.plen = full_len(a.family);
	if (slash && parse_plen(slash + 1, a.family, &a.plen) < 0)
		return -EINVAL;
	*ret = a;
	return 0;
}

const char *net_addr_format(const struct net_addr *a, char buf[NET_ADDR_STRLEN])
{
	if (!inet_ntop(a->family, a->a, buf, NET_ADDR_STRLEN)) {
		snprintf(buf, NET_ADDR_STRLEN, "?");
		return buf;
	}
	if (a->plen < full_len(a->family)) {
		size_t n = strlen(buf);

		snprintf(buf + n, NET_ADDR_STRLEN - n, "/%u", a->plen);
	}
	return buf;
}

bool net_addr_same(const struct net_addr *a, const struct net_addr *b)
{
	return a->family == b->family && !memcmp(a->a, b->a, full_len(a->family) / 8u);
}
