// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf/param.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

static const struct param params[] = {
#define PARAM(id, ...) [P_##id] = { .key = #id, __VA_ARGS__ },
#include "conf/params.def"
#undef PARAM
};

_Static_assert(ARRAY_SIZE(params) == P_COUNT, "a row for every id");

/*
 * Keys are looked up once per line of every file, so: open addressing, built
 * on first use from the table (a few microseconds).  Entry 0 is empty.
 */
#define KEY_SLOTS 1024

struct key_slot {
	const char *name;
	uint16_t len;
	uint16_t id;
};

static struct key_slot key_slots[KEY_SLOTS];
static bool keys_built;

static unsigned int key_hash(const char *s, size_t len)
{
	unsigned int h = 2166136261u;	/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h ^ (h >> 15);
}

static void key_insert(const char *name, size_t len, enum param_id id)
{
	unsigned int i = key_hash(name, len) % KEY_SLOTS;

	while (key_slots[i].name)
		i = (i + 1) % KEY_SLOTS;
	key_slots[i] = (struct key_slot){ name, (uint16_t)len, (uint16_t)id };
}

static const char *next_word(const char **list, size_t *len)
{
	const char *w = *list + strspn(*list, " ");

	*len = strcspn(w, " ");
	*list = w + *len;
	return *len ? w : NULL;
}

static void keys_build(void)
{
	param_for_each(id) {
		const char *list = params[id].alias, *w;
		size_t len;

		key_insert(params[id].key, strlen(params[id].key), id);
		while (list && (w = next_word(&list, &len)))
			key_insert(w, len, id);
	}
	keys_built = true;
}

const struct param *param_get(enum param_id id)
{
	return &params[id];
}

enum param_id param_by_key(const char *key, size_t len)
{
	unsigned int i = key_hash(key, len) % KEY_SLOTS;

	if (!keys_built)
		keys_build();
	for (; key_slots[i].name; i = (i + 1) % KEY_SLOTS)
		if (key_slots[i].len == len && memcmp(key_slots[i].name, key, len) == 0)
			return key_slots[i].id;
	return P_COUNT;
}

static bool opt_char_eq(char a, char b)
{
	return a == b || ((a == '-' || a == '_') && (b == '-' || b == '_'));
}

static bool opts_have(const char *list, const char *name, size_t n)
{
	const char *w;
	size_t len;

	while (list && (w = next_word(&list, &len))) {
		size_t i = 0;

		if (len != n)
			continue;
		while (i < n && opt_char_eq(w[i], name[i]))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

enum param_id param_by_opt(const char *name)
{
	size_t n = strlen(name);

	param_for_each(id)
		if (opts_have(params[id].opt, name, n) || opts_have(params[id].opt_del, name, n) ||
		    opts_have(params[id].opt_bytes, name, n))
			return id;
	return P_COUNT;
}

bool param_word(const char *words, const char *name, size_t n)
{
	const char *w;
	size_t len;

	while (words && (w = next_word(&words, &len)))
		if (len == n && strncasecmp(w, name, n) == 0)
			return true;
	return false;
}

const char *param_label(enum param_id id, char *buf, size_t size)
{
	const struct param *p = &params[id];

	if (p->opt)
		snprintf(buf, size, "--%.*s", (int)strcspn(p->opt, " "), p->opt);
	else
		snprintf(buf, size, "%s", p->key);
	return buf;
}
