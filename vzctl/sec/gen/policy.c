// SPDX-License-Identifier: GPL-2.0-or-later
#include "sec/gen/policy.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 256 };

struct line {
	const char *file;
	unsigned int nr;
	char *why;
	size_t size;
	char text[4096];
	char *word[WORDS];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static int bad(struct line *l, const char *fmt, ...)
{
	int n = snprintf(l->why, l->size, "%s:%u: ", l->file, l->nr);
	va_list ap;

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < l->size)
		vsnprintf(l->why + n, l->size - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

/* The next line with words; a trailing backslash joins.  1, 0 at the end, -1. */
static int next_line(FILE *f, struct line *l)
{
	size_t len = 0;

	l->n = 0;
	while (!l->n) {
		char *save, *w;

		if (!fgets(l->text + len, (int)(sizeof(l->text) - len), f)) {
			if (ferror(f))
				return bad(l, "cannot read");
			return len ? bad(l, "file ends in a continued line") : 0;
		}
		l->nr++;
		if (!l->text[len + strcspn(l->text + len, "\n")] && !feof(f))
			return bad(l, "line too long, or a NUL byte in it");
		len += strcspn(l->text + len, "\n#");
		l->text[len] = '\0';
		if (len && l->text[len - 1] == '\\') {
			l->text[len - 1] = ' ';
			continue;
		}
		for (w = strtok_r(l->text, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
			if (l->n == WORDS)
				return bad(l, "more than %d words", WORDS);
			l->word[l->n++] = w;
		}
		len = 0;
	}
	return 1;
}

static int find_call(const struct gen_table *t, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strcmp(t->call[i].name, name))
			return (int)i;
	return -1;
}

static bool parse_u32(const char *s, uint32_t *ret)
{
	unsigned long long v;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (errno || *end || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static int table_line(struct line *l, struct gen_table *t)
{
	struct gen_call *c = &t->call[t->n];

	if (l->n != 1 + GEN_ARCHS)
		return bad(l, "a line is a name and %d numbers", GEN_ARCHS);
	if (t->n == GEN_CALLS)
		return bad(l, "more than %d calls", GEN_CALLS);
	if (strlen(l->word[0]) >= sizeof(c->name))
		return bad(l, "name too long: %s", l->word[0]);
	if (find_call(t, l->word[0]) >= 0)
		return bad(l, "%s is there twice", l->word[0]);
	memcpy(c->name, l->word[0], strlen(l->word[0]) + 1);
	for (size_t a = 0; a < GEN_ARCHS; a++) {
		uint32_t nr;

		c->nr[a] = -1;
		if (!strcmp(l->word[1 + a], "-"))
			continue;
		/* Bit 30 marks x32, which no table row may open. */
		if (!parse_u32(l->word[1 + a], &nr) || nr >= 0x40000000)
			return bad(l, "not a system call number: %s", l->word[1 + a]);
		c->nr[a] = (int)nr;
		for (size_t i = 0; i < t->n; i++)
			if (t->call[i].nr[a] == (int)nr)
				return bad(l, "%s and %s have the same number %u",
					   t->call[i].name, c->name, nr);
	}
	t->n++;
	return 0;
}

int gen_table_parse(FILE *f, const char *name, struct gen_table *ret, char *why, size_t size)
{
	struct line l = { .file = name, .why = why, .size = size };
	int r;

	ret->n = 0;
	while ((r = next_line(f, &l)) > 0)
		if (table_line(&l, ret) < 0)
			return -1;
	return r;
}

static bool parse_action(const char *s, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t action;
	} table[] = {
		{ "allow", SECCOMP_RET_ALLOW },
		{ "kill", SECCOMP_RET_KILL_PROCESS },
		{ "EPERM", SECCOMP_RET_ERRNO | EPERM },
		{ "EACCES", SECCOMP_RET_ERRNO | EACCES },
		{ "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
		{ "EINVAL", SECCOMP_RET_ERRNO | EINVAL },
		{ "EAFNOSUPPORT", SECCOMP_RET_ERRNO | EAFNOSUPPORT },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!strcmp(table[i].name, s)) {
			*ret = table[i].action;
			return true;
		}
	}
	return false;
}

static int parse_cond(struct line *l, char **w, struct gen_cond *ret)
{
	static const char *const ops[] = {
		[GEN_EQ] = "==", [GEN_NE] = "!=", [GEN_GE] = ">=", [GEN_LT] = "<",
	};

	if (w[0][0] != 'a' || w[0][1] < '0' || w[0][1] > '5' || w[0][2])
		return bad(l, "not an argument a0..a5: %s", w[0]);
	ret->arg = (unsigned int)(w[0][1] - '0');
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (strcmp(ops[i], w[1]) != 0)
			continue;
		ret->op = (enum gen_op)i;
		if (!parse_u32(w[2], &ret->value))
			return bad(l, "not a 32-bit number: %s", w[2]);
		return 0;
	}
	return bad(l, "not an operator: %s", w[1]);
}

/* "if a0 == 1 and a1 < 2" from word @i on. */
static int parse_conds(struct line *l, size_t i, struct gen_rule *rule)
{
	for (; i < l->n; i += 4) {
		if (strcmp(l->word[i], rule->nconds ? "and" : "if") != 0)
			return bad(l, "expected %s: %s", rule->nconds ? "and" : "if", l->word[i]);
		if (l->n - i < 4)
			return bad(l, "a condition is aN OP VALUE");
		if (rule->nconds == GEN_CONDS)
			return bad(l, "more than %d conditions", GEN_CONDS);
		if (parse_cond(l, &l->word[i + 1], &rule->cond[rule->nconds]) < 0)
			return -1;
		rule->nconds++;
	}
	return 0;
}

static int add_rule(struct line *l, const char *name, const struct gen_rule *rule,
		    const struct gen_table *t, struct gen_policy *p)
{
	int c = find_call(t, name);
	struct gen_rules *rs;

	if (c < 0)
		return bad(l, "unknown system call: %s", name);
	rs = &p->call[c];
	if (rs->final)
		return bad(l, "%s has its last rule already", name);
	/* The same unconditional line twice under one option is a mistake, too. */
	for (size_t i = 0; i < rs->n; i++)
		if (!rs->rule[i].nconds && rs->rule[i].option == rule->option)
			return bad(l, "%s has its last rule already", name);
	if (rs->n == GEN_RULES)
		return bad(l, "%s has more than %d rules", name, GEN_RULES);
	rs->rule[rs->n++] = *rule;
	rs->final = !rule->nconds && !rule->option;
	return 0;
}

static int parse_rule(struct line *l, const struct gen_table *t, struct gen_policy *p)
{
	struct gen_rule rule = { .action = 0 };
	size_t len = strlen(l->word[0]), i = 0, first, last;

	if (l->word[0][len - 1] == ':') {
		l->word[0][len - 1] = '\0';
		for (size_t o = 0; o < p->noptions; o++)
			if (!strcmp(p->option[o], l->word[0]))
				rule.option = 1u << o;
		if (!rule.option)
			return bad(l, "unknown option: %s", l->word[0]);
		i++;
	}
	if (i == l->n || !parse_action(l->word[i], &rule.action))
		return bad(l, "not an action: %s", i == l->n ? "" : l->word[i]);
	first = last = i + 1;
	while (last < l->n && strcmp(l->word[last], "if") != 0)
		last++;
	if (first == last)
		return bad(l, "no system call named");
	if (parse_conds(l, last, &rule) < 0)
		return -1;
	for (i = first; i < last; i++)
		if (add_rule(l, l->word[i], &rule, t, p) < 0)
			return -1;
	return 0;
}

static int parse_option(struct line *l, struct gen_policy *p)
{
	if (l->n != 2 || strlen(l->word[1]) >= sizeof(p->option[0]))
		return bad(l, "option takes one short name");
	if (p->noptions == GEN_OPTIONS)
		return bad(l, "more than %d options", GEN_OPTIONS);
	for (size_t o = 0; o < p->noptions; o++)
		if (!strcmp(p->option[o], l->word[1]))
			return bad(l, "option %s is there twice", l->word[1]);
	memcpy(p->option[p->noptions++], l->word[1], strlen(l->word[1]) + 1);
	return 0;
}

static int parse_fallback(struct line *l, uint32_t *ret)
{
	if (*ret)
		return bad(l, "%s is there twice", l->word[0]);
	/* SECCOMP_RET_KILL_THREAD is 0 and not in the language. */
	if (l->n != 2 || !parse_action(l->word[1], ret))
		return bad(l, "%s takes one action", l->word[0]);
	return 0;
}

static int policy_line(struct line *l, const struct gen_table *t, struct gen_policy *p)
{
	if (!strcmp(l->word[0], "option"))
		return parse_option(l, p);
	if (!strcmp(l->word[0], "default"))
		return parse_fallback(l, &p->unknown);
	if (!strcmp(l->word[0], "known"))
		return parse_fallback(l, &p->known);
	return parse_rule(l, t, p);
}

int gen_policy_parse(FILE *f, const char *name, const struct gen_table *t,
		     struct gen_policy *ret, char *why, size_t size)
{
	struct line l = { .file = name, .why = why, .size = size };
	int r;

	memset(ret, 0, sizeof(*ret));
	while ((r = next_line(f, &l)) > 0)
		if (policy_line(&l, t, ret) < 0)
			return -1;
	if (r < 0)
		return r;
	if (!ret->unknown || !ret->known)
		return bad(&l, "default or known is missing");
	for (size_t i = 0; i < t->n; i++)
		if (ret->call[i].n && !ret->call[i].final)
			return bad(&l, "%s has no last rule without a condition", t->call[i].name);
	return 0;
}
