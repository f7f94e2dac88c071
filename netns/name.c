// SPDX-License-Identifier: GPL-2.0-or-later
#include "net.h"

#include <ctype.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>

void net_venet_hostname(uint32_t ctid, char buf[16])
{
	char full[24];
	int n = snprintf(full, sizeof(full), "venet0.%u", ctid);

	if (n < IF_NAMESIZE)
		memcpy(buf, full, (size_t)n + 1);
	else
		snprintf(buf, 16, "vn%u", ctid);
}

static void base36(uint32_t v, char buf[8])
{
	char tmp[8];
	int n = 0, i = 0;

	do {
		tmp[n++] = "0123456789abcdefghijklmnopqrstuvwxyz"[v % 36];
		v /= 36;
	} while (v);
	while (n)
		buf[i++] = tmp[--n];
	buf[i] = '\0';
}

void net_veth_hostname(uint32_t ctid, const char *ifname, char buf[16])
{
	char full[40], digits[8], id[8];
	size_t n = 0;

	while (*ifname && !isdigit((unsigned char)*ifname))
		ifname++;
	/* Six digits are what the shortest form of the longest CTID leaves room for. */
	while (isdigit((unsigned char)*ifname) && n < 6)
		digits[n++] = *ifname++;
	if (n == 0)
		digits[n++] = '0';
	digits[n] = '\0';
	if (snprintf(full, sizeof(full), "veth%u.%s", ctid, digits) >= IF_NAMESIZE) {
		base36(ctid, id);
		snprintf(full, sizeof(full), "ve%s.%s", id, digits);
	}
	snprintf(buf, 16, "%s", full);
}

void net_mac_generate(char buf[18])
{
	uint8_t r[3] = { 0 };

	/* Never short for so few bytes (getrandom(2)). */
	while (getrandom(r, sizeof(r), 0) != sizeof(r))
		;
	snprintf(buf, 18, "00:18:51:%02X:%02X:%02X", r[0], r[1], r[2]);
}
