// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf/priv.h"

#include <stdio.h>

static bool bit_get(const uint64_t *w, unsigned int i)
{
	return w[i / 64] >> (i % 64) & 1;
}

static void bit_set(uint64_t *w, unsigned int i, bool on)
{
	if (on)
		w[i / 64] |= 1ULL << (i % 64);
	else
		w[i / 64] &= ~(1ULL << (i % 64));
}

struct conf *conf_new(void)
{
	struct conf *c = xmalloc(sizeof(*c));

	/* A value is only looked at when its bit is set. */
	memset(c, 0, offsetof(struct conf, v));
	c->refs = 1;
	return c;
}

void conf_free(struct conf *c)
{
	if (!c || --c->refs)
		return;
	for (unsigned int w = 0; w < SET_WORDS; w++) {
		for (uint64_t m = c->set[w]; m; m &= m - 1) {
			unsigned int id = w * 64 + (unsigned int)__builtin_ctzll(m);

			value_done(param_get(id), &c->v[id]);
		}
	}
	conf_free(c->base);
	free(c);
}

void conf_rest_on(struct conf *c, const struct conf *base)
{
	struct conf *b = (struct conf *)base;	/* counting is no change of its values */

	if (b)
		b->refs++;
	conf_free(c->base);
	c->base = b;
}

bool conf_own(const struct conf *c, enum param_id p)
{
	return bit_get(c->set, p);
}

const union value *conf_value(const struct conf *c, enum param_id p)
{
	for (; c; c = c->base) {
		if (bit_get(c->set, p))
			return &c->v[p];
		if (bit_get(c->hidden, p))
			return NULL;
	}
	return NULL;
}

void conf_put(struct conf *c, enum param_id p, union value *v)
{
	if (bit_get(c->set, p))
		value_done(param_get(p), &c->v[p]);
	c->v[p] = *v;
	bit_set(c->set, p, true);
}

void conf_unset(struct conf *c, enum param_id p)
{
	if (bit_get(c->set, p))
		value_done(param_get(p), &c->v[p]);
	bit_set(c->set, p, false);
	bit_set(c->hidden, p, true);
}

void conf_hide(struct conf *c, const uint64_t *mask)
{
	for (unsigned int w = 0; w < SET_WORDS; w++)
		c->hidden[w] |= mask[w] & ~c->set[w];
}

bool conf_has(const struct conf *c, enum param_id p)
{
	return conf_value(c, p) != NULL;
}

const char *conf_str(const struct conf *c, enum param_id p)
{
	const union value *v = param_get(p)->type <= PT_DECIMAL ? conf_value(c, p) : NULL;

	return v ? v->s : NULL;
}

static bool is_number(enum param_id p)
{
	return param_get(p)->type >= PT_BOOL && param_get(p)->type <= PT_SIZE;
}

uint64_t conf_u64(const struct conf *c, enum param_id p, uint64_t def)
{
	const union value *v = is_number(p) ? conf_value(c, p) : NULL;

	return v ? v->u : def;
}

bool conf_bool(const struct conf *c, enum param_id p, bool def)
{
	const union value *v = conf_value(c, p);

	/* ONBOOT has a third word, auto: neither yes nor no. */
	if (v && param_get(p)->type == PT_ENUM)
		return str_eq(v->s, "yes") ? true : str_eq(v->s, "no") ? false : def;
	return conf_u64(c, p, def) != 0;
}

bool conf_pair(const struct conf *c, enum param_id p, struct conf_pair *ret)
{
	const union value *v = param_get(p)->type == PT_PAIR ? conf_value(c, p) : NULL;

	if (v)
		*ret = v->pair;
	return v != NULL;
}

const struct vz_strv *conf_list(const struct conf *c, enum param_id p)
{
	static const struct vz_strv empty;
	const union value *v = param_is_list(param_get(p)) ? conf_value(c, p) : NULL;

	return v ? &v->list : &empty;
}

/* The array value of @p, or NULL. */
static const union value *array_of(const struct conf *c, enum param_id p, bool right_type)
{
	return right_type ? conf_value(c, p) : NULL;
}

size_t conf_netifs(const struct conf *c, const struct conf_netif **ret)
{
	const union value *v = array_of(c, P_NETIF, true);

	*ret = v ? v->arr.netif : NULL;
	return v ? v->arr.n : 0;
}

size_t conf_toggles(const struct conf *c, enum param_id p, const struct conf_toggle **ret)
{
	const union value *v = array_of(c, p, param_get(p)->type == PT_TOGGLES);

	*ret = v ? v->arr.toggle : NULL;
	return v ? v->arr.n : 0;
}

size_t conf_devices(const struct conf *c, enum param_id p, const struct conf_device **ret)
{
	uint8_t t = param_get(p)->type;
	const union value *v = array_of(c, p, t == PT_DEVICES || t == PT_DEVNODES);

	*ret = v ? v->arr.dev : NULL;
	return v ? v->arr.n : 0;
}

int conf_set(struct conf *c, enum param_id p, const char *value, enum conf_source src,
	     struct vz_err *e)
{
	const struct param *row = param_get(p);
	char label[64], why[512];
	union value v;
	bool clamped;
	int r;

	r = value_parse(row, value, src, &v, why, sizeof(why), &clamped);
	if (r < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for %s: %.100s (accepted: %.300s)",
			       param_label(p, label, sizeof(label)), value, why);
	conf_put(c, p, &v);
	return 0;
}

char *conf_format(const struct conf *c, enum param_id p)
{
	const union value *v = conf_value(c, p);
	struct vz_buf b = VZ_BUF_INIT;

	vz_buf_adds(&b, "");
	if (v)
		value_format(param_get(p), v, &b);
	return b.s;
}
