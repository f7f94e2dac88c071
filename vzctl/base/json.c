// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>

/* Length of the UTF-8 sequence at @s, 0 when it is none (RFC 3629). */
static size_t utf8_len(const unsigned char *s)
{
	uint32_t min, cp;
	size_t n;

	if (*s < 0x80)
		return 1;
	if (*s < 0xc0 || *s >= 0xf8)
		return 0;
	n = *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : 2;
	min = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	cp = *s & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	return cp < min || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000) ? 0 : n;
}

void json_string(struct vz_buf *out, const char *s)
{
	vz_buf_addc(out, '"');
	while (*s) {
		unsigned char c = (unsigned char)*s;
		size_t n = utf8_len((const unsigned char *)s);

		if (c == '"' || c == '\\')
			vz_buf_addf(out, "\\%c", c);
		/* Old configs have Latin-1 bytes, whose values are the code points. */
		else if (c < 0x20 || c == 0x7f || !n)
			vz_buf_addf(out, "\\u%04x", c);
		else
			vz_buf_add(out, s, n);
		s += n ? n : 1;
	}
	vz_buf_addc(out, '"');
}

static void newline(struct json *j)
{
	vz_buf_addc(j->out, '\n');
	for (unsigned int i = 0; i < j->depth; i++)
		vz_buf_adds(j->out, "  ");
}

/* What is in front of a value: comma, line, key. */
static void lead(struct json *j, const char *key)
{
	if (j->more)
		vz_buf_addc(j->out, ',');
	if (j->depth && !j->flat)
		newline(j);
	else if (j->more)
		vz_buf_addc(j->out, ' ');
	j->more = true;
	if (!key)
		return;
	json_string(j->out, key);
	vz_buf_adds(j->out, ": ");
}

void json_begin(struct json *j, const char *key, char bracket, bool flat)
{
	assert(j->depth < JSON_DEPTH);
	lead(j, key);
	vz_buf_addc(j->out, bracket);
	j->close[j->depth++] = bracket == '{' ? '}' : ']';
	if (flat && !j->flat)
		j->flat = j->depth;
	j->more = false;
}

void json_end(struct json *j)
{
	bool flat = j->flat || !j->more;

	assert(j->depth);
	if (j->flat == j->depth)
		j->flat = 0;
	j->depth--;
	if (!flat)
		newline(j);
	vz_buf_addc(j->out, j->close[j->depth]);
	if (!j->depth)
		vz_buf_addc(j->out, '\n');
	j->more = true;
}

void json_u64(struct json *j, const char *key, uint64_t v)
{
	json_fixed(j, key, v, 0);
}

void json_fixed(struct json *j, const char *key, uint64_t v, unsigned int decimals)
{
	uint64_t scale = 1;

	lead(j, key);
	for (unsigned int i = 0; i < decimals; i++)
		scale *= 10;
	if (v == UINT64_MAX)
		vz_buf_adds(j->out, "null");
	else if (decimals)
		vz_buf_addf(j->out, "%" PRIu64 ".%0*" PRIu64, v / scale, (int)decimals, v % scale);
	else
		vz_buf_addf(j->out, "%" PRIu64, v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	lead(j, key);
	vz_buf_adds(j->out, v ? "true" : "false");
}

void json_str(struct json *j, const char *key, const char *s)
{
	lead(j, key);
	if (s)
		json_string(j->out, s);
	else
		vz_buf_adds(j->out, "null");
}
