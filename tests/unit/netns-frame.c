// SPDX-License-Identifier: GPL-2.0-or-later
#include "frame.h"
#include "tests/lib/tap.h"

#include <net/if_arp.h>

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t addr6[16] = { 0x20, 0x01, 0x0d, 0xb8, [13] = 0x12, [14] = 0x34, [15] = 0x56 };

static size_t announcement(uint8_t buf[FRAME_MAX])
{
	struct frame_arp f = { .op = ARPOP_REQUEST, .spa = { 192, 0, 2, 5 },
			       .tpa = { 192, 0, 2, 5 } };

	memcpy(f.eth_src, mac, 6);
	memcpy(f.sha, mac, 6);
	memcpy(f.eth_dst, frame_broadcast, 6);
	return frame_arp(&f, buf);
}

TEST(arp)
{
	static const uint8_t want[60] = {
		255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		2, 0, 0, 0, 0, 1, 192, 0, 2, 5, 0, 0, 0, 0, 0, 0, 192, 0, 2, 5,
	};
	struct frame_arp f;
	uint8_t buf[FRAME_MAX];

	is_int(announcement(buf), 60);
	ok(!memcmp(buf, want, sizeof(want)));
	ok(frame_arp_parse(buf, 60, &f));
	is_int(f.op, ARPOP_REQUEST);
	is_int(f.spa[3], 5);
	ok(!memcmp(f.sha, mac, 6));
	ok(frame_arp_parse(buf, 42, &f));
}

TEST(arp_refused)
{
	/* Offset, and a byte that makes it something else. */
	static const uint8_t bad[][2] = { { 12, 0x86 }, { 15, 6 }, { 16, 0x86 }, { 18, 8 },
					  { 19, 16 }, { 21, 0 }, { 21, 3 }, { 20, 1 } };
	struct frame_arp f;
	uint8_t buf[FRAME_MAX];

	for (size_t n = 0; n < 42; n++) {
		/* Of just that size: the sanitizer sees who reads on. */
		uint8_t *p = malloc(n ? n : 1);

		announcement(buf);
		memcpy(p, buf, n);
		ok(!frame_arp_parse(p, n, &f));
		free(p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		announcement(buf);
		buf[bad[i][0]] = bad[i][1];
		ok(!frame_arp_parse(buf, 60, &f));
	}
}

/* Over pseudo header and message all ones come out (RFC 1071). */
static uint16_t sum(const uint8_t *p, size_t n)
{
	uint32_t s = 58 + (uint32_t)(n - 54);

	for (size_t i = 22; i < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	s = (s >> 16) + (s & 0xffff);
	return (uint16_t)(s + (s >> 16));
}

TEST(advert)
{
	struct frame_nd f;
	uint8_t buf[FRAME_MAX];
	size_t n = frame_nd_advert(mac, addr6, buf);

	is_int(n, 86);
	is_int(sum(buf, n), 0xffff);
	ok(!memcmp(buf, "\x33\x33\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x3a\xff", 22));
	ok(!memcmp(buf + 22, addr6, 16));
	ok(!memcmp(buf + 78, "\2\1\2\0\0\0\0\1", 8));
	ok(frame_nd_parse(buf, n, &f));
	ok(f.advert && !f.unspecified && !memcmp(f.target, addr6, 16));
}

TEST(probe)
{
	struct frame_nd f;
	uint8_t buf[FRAME_MAX];
	size_t n = frame_nd_probe(mac, addr6, buf);

	is_int(n, 78);
	is_int(sum(buf, n), 0xffff);
	ok(!memcmp(buf, "\x33\x33\xff\x12\x34\x56", 6));
	ok(frame_nd_parse(buf, n, &f));
	ok(!f.advert && f.unspecified && !memcmp(f.eth_src, mac, 6));
}

TEST(nd_refused)
{
	/* Ethernet type, next header, hop limit, length, type, code */
	static const uint8_t bad[][2] = { { 12, 8 }, { 20, 17 }, { 21, 254 }, { 19, 23 },
					  { 54, 133 }, { 54, 137 }, { 55, 1 } };
	struct frame_nd f;
	uint8_t buf[FRAME_MAX];

	for (size_t n = 0; n < 78; n++) {
		uint8_t *p = malloc(n ? n : 1);

		frame_nd_advert(mac, addr6, buf);
		memcpy(p, buf, n);
		ok(!frame_nd_parse(p, n, &f));
		free(p);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		frame_nd_advert(mac, addr6, buf);
		buf[bad[i][0]] = bad[i][1];
		ok(!frame_nd_parse(buf, 86, &f));
	}
}

TAP_MAIN()
