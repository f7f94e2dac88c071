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

/* Have @a and @b their first @plen bits in common? */
static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned int plen)
{
	unsigned int whole = plen / 8, rest = plen % 8;

	return !memcmp(a, b, whole) &&
	       (!rest || !((a[whole] ^ b[whole]) & (uint8_t)(0xff00u >> rest)));
}

bool net_addr_is_prefix(const struct net_addr *a)
{
	unsigned int full = full_len(a->family), bit = a->plen;

	if (bit + 2 > full)
		return false;
	for (; bit % 8; bit++)
		if (a->a[bit / 8] & 0x80u >> bit % 8)
			return false;
	for (; bit < full; bit += 8)
		if (a->a[bit / 8])
			return false;
	return true;
}

uint8_t net_addr_route_len(const struct net_addr *a)
{
	return net_addr_is_prefix(a) ? a->plen : full_len(a->family);
}

bool net_addr_same_route(const struct net_addr *a, const struct net_addr *b)
{
	return net_addr_same(a, b) && net_addr_route_len(a) == net_addr_route_len(b);
}

bool net_addr_in(const struct net_addr *net, unsigned int plen, const struct net_addr *a)
{
	return net->family == a->family && bits_equal(net->a, a->a, plen);
}

bool net_addr_overlaps(const struct net_addr *a, const struct net_addr *b)
{
	uint8_t la = net_addr_route_len(a), lb = net_addr_route_len(b);

	return net_addr_in(a, la < lb ? la : lb, b);
}

struct net_addr net_addr_own(const struct net_addr *a)
{
	struct net_addr own = *a;

	own.plen = full_len(a->family);
	if (net_addr_is_prefix(a))
		own.a[own.plen / 8 - 1] |= 1;
	return own;
}

static bool too_short(const struct net_addr *a)
{
	return net_addr_is_prefix(a) &&
	       a->plen < (a->family == AF_INET6 ? NET_PREFIX_MIN6 : NET_PREFIX_MIN4);
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
	if (too_short(&a))
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

int net_addr_cmp(const void *x, const void *y)
{
	const struct net_addr *a = x, *b = y;
	int r = a->family - b->family;

	return r ? r : memcmp(a->a, b->a, sizeof(a->a));
}
