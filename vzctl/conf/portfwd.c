// SPDX-License-Identifier: GPL-2.0-or-later
/* PORTFWD: one port, or a range, of the node that leads to a container. */
#include "conf/priv.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/num.h"

#define PORT_MAX 65535u
#define RANGE_MAX 1024		/* each port is an element of a map in the kernel */

/* "8080" up to @end; advances @s behind it. */
static int parse_port(const char **s, const char *end, uint16_t *ret)
{
	size_t n = strcspn(*s, end);
	char word[8];
	uint32_t v;

	if (!n || n >= sizeof(word))
		return -EINVAL;
	memcpy(word, *s, n);
	word[n] = '\0';
	if (num_parse_u32(word, &v) < 0 || !v || v > PORT_MAX)
		return -EINVAL;
	*ret = (uint16_t)v;
	*s += n;
	return 0;
}

/* "192.0.2.1:" or "[2001:db8::1]:" or nothing, in its shortest form. */
static int parse_addr(const char **s, char ret[46])
{
	bool v6 = **s == '[';
	const char *at = v6 ? *s + 1 : *s;
	size_t n = strcspn(at, v6 ? "]" : ":");
	unsigned char bin[16];
	char word[46];

	*ret = '\0';
	if (!v6 && !memchr(at, '.', n))
		return 0;
	if (n >= sizeof(word))
		return -EINVAL;
	memcpy(word, at, n);
	word[n] = '\0';
	at += n;
	if ((v6 && *at++ != ']') || *at++ != ':' ||
	    inet_pton(v6 ? AF_INET6 : AF_INET, word, bin) != 1)
		return -EINVAL;
	inet_ntop(v6 ? AF_INET6 : AF_INET, bin, ret, 46);
	if (value_ip_is_any(ret))
		*ret = '\0';
	*s = at;
	return 0;
}

int conf_portfwd_parse(const char *s, struct conf_portfwd *ret)
{
	struct conf_portfwd f = { .n = 1 };
	uint16_t end;

	if (parse_addr(&s, f.addr) < 0 || parse_port(&s, "-:", &f.port) < 0)
		return -EINVAL;
	if (*s == '-') {
		s++;
		if (parse_port(&s, ":", &end) < 0 || end < f.port ||
		    end - f.port >= RANGE_MAX)
			return -EINVAL;
		f.n = (uint16_t)(end - f.port + 1);
	}
	if (*s++ != ':' || parse_port(&s, "/", &f.ct_port) < 0 ||
	    f.ct_port + (uint32_t)f.n - 1 > PORT_MAX)
		return -EINVAL;
	f.udp = str_eq(s, "/udp");
	if (*s && !f.udp && !str_eq(s, "/tcp"))
		return -EINVAL;
	*ret = f;
	return 0;
}

int value_fwd_canon(const char *s, char *ret, size_t size)
{
	struct conf_portfwd f;
	char end[8] = "";
	bool v6;

	if (conf_portfwd_parse(s, &f) < 0)
		return -EINVAL;
	if (f.n > 1)
		snprintf(end, sizeof(end), "-%u", f.port + f.n - 1u);
	v6 = strchr(f.addr, ':');
	snprintf(ret, size, "%s%s%s%s%u%s:%u%s", v6 ? "[" : "", f.addr, v6 ? "]" : "",
		 *f.addr ? ":" : "", f.port, end, f.ct_port, f.udp ? "/udp" : "");
	return 0;
}

bool conf_portfwd_overlap(const struct conf_portfwd *a, const struct conf_portfwd *b)
{
	return a->udp == b->udp && a->port < b->port + b->n && b->port < a->port + a->n &&
	       (!*a->addr || !*b->addr || str_eq(a->addr, b->addr));
}
