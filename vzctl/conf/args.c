// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of create and set.  The semantics are getopt_long's (permutation,
 * --opt=v, glued short options, unique abbreviations); our own loop, because
 * the option list is the parameter table and '-' and '_' are the same letter.
 */
#include "conf/priv.h"

#include <stdio.h>

#include "base/log.h"

enum opt_kind {
	OPT_NONE, OPT_EXTRA, OPT_SET, OPT_DEL, OPT_BYTES,
	OPT_IFNAME,	/* --ifname: what the following edits are about */
	OPT_NETIF,	/* --mac, --bridge, ... */
};

struct opt {
	enum opt_kind kind;
	enum param_id p;
	const struct conf_extra_opt *extra;
	const char *name;	/* canonical spelling: borrowed, may be longer than len */
	size_t len;
};

struct parse {
	unsigned int when;
	const struct conf_extra_opt *extra;
	size_t n_extra;
	struct conf_change *ch;
	const char *ifname;
	struct { const char *key, *value; } edits[16];
	size_t n_edits;
};

static char fold(char c)
{
	return c == '_' ? '-' : c;
}

/* 2: the same name; 1: @name is a prefix of it; 0: neither. */
static int match(const char *opt, size_t opt_len, const char *name, size_t n)
{
	if (n > opt_len || !n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (fold(opt[i]) != fold(name[i]))
			return 0;
	return n == opt_len ? 2 : 1;
}

struct search {
	const char *name;
	size_t n;
	struct opt exact, prefix;
	bool ambiguous;
};

static void consider(struct search *s, struct opt o)
{
	switch (match(o.name, o.len, s->name, s->n)) {
	case 2:
		if (s->exact.kind == OPT_NONE)
			s->exact = o;
		break;
	case 1:
		/* Two spellings of one option are no ambiguity. */
		if (s->prefix.kind == OPT_NONE)
			s->prefix = o;
		else if (s->prefix.kind != o.kind || s->prefix.p != o.p ||
			 s->prefix.extra != o.extra || o.kind == OPT_NETIF)
			s->ambiguous = true;
		break;
	}
}

static void consider_words(struct search *s, const char *list, enum opt_kind kind, enum param_id p)
{
	while (list && *(list += strspn(list, " "))) {
		size_t n = strcspn(list, " ");

		consider(s, (struct opt){ kind, p, NULL, list, n });
		list += n;
	}
}

static void find_long(const struct parse *ps, struct search *s)
{
	static const char netif_opts[] =
		"mac host_ifname host_mac bridge mac_filter vlan mtu ipaddr gw gw6 dhcp dhcp6 "
		"network configure";

	for (size_t i = 0; i < ps->n_extra; i++)
		consider(s, (struct opt){ OPT_EXTRA, P_COUNT, &ps->extra[i], ps->extra[i].name,
					  strlen(ps->extra[i].name) });
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (!(p->when & ps->when))
			continue;
		consider_words(s, p->opt, OPT_SET, id);
		consider_words(s, p->opt_del, OPT_DEL, id);
		consider_words(s, p->opt_bytes, OPT_BYTES, id);
	}
	if (ps->when & WHEN_SET) {
		consider(s, (struct opt){ OPT_IFNAME, P_NETIF, NULL, "ifname", 6 });
		consider_words(s, netif_opts, OPT_NETIF, P_NETIF);
	}
}

static int find_option(const struct parse *ps, const char *name, size_t n, struct opt *ret,
		       struct vz_err *e)
{
	struct search s = { .name = name, .n = n };

	find_long(ps, &s);
	if (s.exact.kind != OPT_NONE) {
		*ret = s.exact;
		return 0;
	}
	if (s.ambiguous)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "option '--%.*s' is ambiguous",
			       (int)n, name);
	if (s.prefix.kind == OPT_NONE)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "unrecognized option '--%.*s'",
			       (int)n, name);
	*ret = s.prefix;
	return 0;
}

static int find_short(const struct parse *ps, char c, struct opt *ret, struct vz_err *e)
{
	for (size_t i = 0; i < ps->n_extra; i++)
		if (ps->extra[i].short_opt == c) {
			*ret = (struct opt){ OPT_EXTRA, P_COUNT, &ps->extra[i], ps->extra[i].name,
					     strlen(ps->extra[i].name) };
			return 0;
		}
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (p->short_opt == c && (p->when & ps->when)) {
			*ret = (struct opt){ OPT_SET, id, NULL, p->opt, strcspn(p->opt, " ") };
			return 0;
		}
	}
	return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "invalid option -- '%c'", c);
}

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_EXTRA || o->extra->has_arg;
}

static int set_param(struct parse *ps, const struct opt *o, const char *value, struct vz_err *e)
{
	const struct param *p = param_get(o->p);

	if (p->action == PA_REJECT)
		return vz_fail(e, p->code ? p->code : VZ_INVALID_PARAMETER_VALUE, 0,
			       "option --%.*s is not supported: %s", (int)o->len, o->name,
			       p->reason);
	if (p->action == PA_WARN)
		vz_warn("Warning: --%.*s has no effect: %s", (int)o->len, o->name, p->reason);
	if (param_is_list(p) || p->type >= PT_NETIF)
		return change_list(ps->ch, o->p, false, value, e);
	return conf_change_set(ps->ch, o->p, value, CONF_CLI, e);
}

static int take_option(struct parse *ps, const struct opt *o, const char *value, struct vz_err *e)
{
	switch (o->kind) {
	case OPT_EXTRA:
		if (o->extra->flag)
			*o->extra->flag = true;
		if (o->extra->value && value)
			*o->extra->value = value;
		return 0;
	case OPT_DEL:
		if (param_get(o->p)->action == PA_REJECT)
			return set_param(ps, o, value, e);
		return change_list(ps->ch, o->p, true, value, e);
	case OPT_BYTES:
		return change_set_bytes(ps->ch, o->p, value, e);
	case OPT_IFNAME:
		if (ps->ifname && !str_eq(ps->ifname, value))
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "only one --ifname can be given");
		ps->ifname = value;
		return 0;
	case OPT_NETIF:
		if (ps->n_edits == ARRAY_SIZE(ps->edits))
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "too many interface options");
		ps->edits[ps->n_edits].key = o->name;
		ps->edits[ps->n_edits++].value = value;
		return 0;
	default:
		return set_param(ps, o, value, e);
	}
}

/* --ifname may stand behind the options that go with it. */
static int finish(struct parse *ps, struct vz_err *e)
{
	char key[32];

	if (ps->n_edits && !ps->ifname)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "option --%.*s needs --ifname",
			       (int)strcspn(ps->edits[0].key, " "), ps->edits[0].key);
	if (ps->ifname && !ps->n_edits)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "--ifname needs an option like --mac, --bridge or --mac_filter");
	for (size_t i = 0; i < ps->n_edits; i++) {
		int r;

		snprintf(key, sizeof(key), "%.*s", (int)strcspn(ps->edits[i].key, " "),
			 ps->edits[i].key);
		r = change_netif_key(ps->ch, ps->ifname, key, ps->edits[i].value, e);
		if (r < 0)
			return r;
	}
	if (conf_change_has(ps->ch, P_NODEMASK) && !conf_change_has(ps->ch, P_CPUMASK))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "--nodemask needs --cpumask");
	return 0;
}

static int parse_long(struct parse *ps, int argc, char **argv, int *i, struct vz_err *e)
{
	const char *name = argv[*i] + 2, *value = NULL;
	size_t n = strcspn(name, "=");
	struct opt o = { 0 };
	int r;

	r = find_option(ps, name, n, &o, e);
	if (r < 0)
		return r;
	if (name[n] == '=') {
		value = name + n + 1;
		if (!takes_value(&o))
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "option '--%.*s' doesn't allow an argument", (int)o.len,
				       o.name);
	} else if (takes_value(&o)) {
		if (*i + 1 >= argc)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "option '--%.*s' requires an argument", (int)o.len, o.name);
		value = argv[++*i];
	}
	return take_option(ps, &o, value, e);
}

static int parse_short(struct parse *ps, int argc, char **argv, int *i, struct vz_err *e)
{
	for (const char *s = argv[*i] + 1; *s; s++) {
		const char *value = NULL;
		struct opt o = { 0 };
		int r;

		r = find_short(ps, *s, &o, e);
		if (r < 0)
			return r;
		if (takes_value(&o)) {
			value = s[1] ? s + 1 : *i + 1 < argc ? argv[++*i] : NULL;
			if (!value)
				return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
					       "option requires an argument -- '%c'", *s);
		}
		r = take_option(ps, &o, value, e);
		if (r < 0 || value)
			return r;
	}
	return 0;
}

int conf_parse_args(int argc, char **argv, unsigned int when, const struct conf_extra_opt *extra,
		    size_t n_extra, struct conf_change *ch, struct vz_err *e)
{
	struct parse ps = { .when = when, .extra = extra, .n_extra = n_extra, .ch = ch };
	const char *stray = NULL;
	int r = 0;

	for (int i = 0; i < argc && r == 0; i++) {
		if (str_eq(argv[i], "--")) {
			stray = i + 1 < argc ? argv[i + 1] : stray;
			break;
		}
		if (str_has_prefix(argv[i], "--"))
			r = parse_long(&ps, argc, argv, &i, e);
		else if (argv[i][0] == '-' && argv[i][1])
			r = parse_short(&ps, argc, argv, &i, e);
		else if (!stray)
			stray = argv[i];
	}
	if (r < 0)
		return r;
	if (stray)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Invalid extra arguments: %.200s",
			       stray);
	return finish(&ps, e);
}
