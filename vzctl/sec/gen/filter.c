// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of operation.  Per architecture the numbers 0..2^32-1 are cut into
 * ranges with one outcome each, and a balanced tree of JGE finds the range.
 * Neighbours with the same outcome are one range, and leaves share their
 * returns, so that an allow-list of 450 calls on two architectures is some 200
 * instructions, six or seven comparisons deep.  libseccomp's binary tree
 * compares every number by itself (939 instructions).  The kernel checks,
 * copies and compiles each of them on every container start, and runs the
 * program once for each possible number to fill its action cache.
 */
#include "sec/gen/policy.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

const uint32_t gen_audit_arch[GEN_ARCHS] = {
	[GEN_X86_64] = AUDIT_ARCH_X86_64,
	[GEN_I386] = AUDIT_ARCH_I386,
	[GEN_ARM64] = AUDIT_ARCH_AARCH64,
	[GEN_ARM] = AUDIT_ARCH_ARM,
};

enum { MAX_RANGES = 2 * GEN_CALLS + 4 };

struct range {
	uint32_t first;
	uint32_t action;	/* when rules is NULL */
	const struct gen_rules *rules;
};

struct ranges {
	struct range r[MAX_RANGES];
	size_t n;
};

static bool emit(struct gen_filter *f, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (f->n == BPF_MAXINSNS)
		return false;
	f->insn[f->n++] = (struct sock_filter){ code, jt, jf, k };
	return true;
}

static bool emit_load(struct gen_filter *f, size_t offset)
{
	return emit(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

/* All architectures here are little-endian: the low half comes first. */
static size_t arg_offset(unsigned int arg)
{
	return offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t);
}

static bool emit_rule(struct gen_filter *f, const struct gen_rule *r)
{
	for (size_t i = 0; i < r->nconds; i++) {
		const struct gen_cond *c = &r->cond[i];
		/* A failed condition skips the rest: two insns each, and the RET. */
		uint8_t skip = (uint8_t)(2 * (r->nconds - i - 1) + 1);
		bool eq = c->op == GEN_EQ || c->op == GEN_NE;
		bool neg = c->op == GEN_NE || c->op == GEN_LT;

		if (!emit_load(f, arg_offset(c->arg)) ||
		    !emit(f, BPF_JMP | (eq ? BPF_JEQ : BPF_JGE) | BPF_K, neg ? skip : 0,
			  neg ? 0 : skip, c->value))
			return false;
	}
	return emit(f, BPF_RET | BPF_K, 0, 0, r->action);
}

static bool rule_on(const struct gen_rule *r, unsigned int options)
{
	return !r->option || (options & r->option);
}

static bool emit_leaf(struct gen_filter *f, const struct range *r, unsigned int options)
{
	if (!r->rules)
		return emit(f, BPF_RET | BPF_K, 0, 0, r->action);
	for (size_t i = 0; i < r->rules->n; i++) {
		const struct gen_rule *rule = &r->rules->rule[i];

		if (!rule_on(rule, options))
			continue;
		if (!emit_rule(f, rule))
			return false;
		if (!rule->nconds)
			break;
	}
	return true;
}

static bool emit_tree(struct gen_filter *f, const struct range *r, size_t n, unsigned int options)
{
	size_t mid = n / 2, jump = f->n, left;

	if (n == 1)
		return emit_leaf(f, r, options);
	/* JGE reaches 255 instructions; a longer left half takes a JA as well. */
	if (!emit(f, BPF_JMP | BPF_JGE | BPF_K, 0, 1, r[mid].first) ||
	    !emit(f, BPF_JMP | BPF_JA, 0, 0, 0) || !emit_tree(f, r, mid, options))
		return false;
	left = f->n - jump - 2;
	if (left <= 255) {
		memmove(&f->insn[jump + 1], &f->insn[jump + 2], left * sizeof(f->insn[0]));
		f->n--;
		f->insn[jump].jt = (uint8_t)left;
		f->insn[jump].jf = 0;
	} else {
		f->insn[jump + 1].k = (uint32_t)left;
	}
	return emit_tree(f, r + mid, n - mid, options);
}

/* The action of a call when no argument matters, else its rules. */
static struct range outcome(const struct gen_policy *p, size_t call, unsigned int options)
{
	const struct gen_rules *rs = &p->call[call];

	if (!rs->n)
		return (struct range){ .action = p->known };
	for (size_t i = 0; i < rs->n; i++) {
		if (!rule_on(&rs->rule[i], options))
			continue;
		if (rs->rule[i].nconds)
			return (struct range){ .rules = rs };
		return (struct range){ .action = rs->rule[i].action };
	}
	return (struct range){ .action = p->known };
}

static void add_range(struct ranges *rs, uint32_t first, struct range r)
{
	struct range *last = rs->n ? &rs->r[rs->n - 1] : NULL;

	r.first = first;
	if (last && last->first == first)
		*last = r;
	else if (!last || r.rules || last->rules || last->action != r.action)
		rs->r[rs->n++] = r;
}

struct number {
	uint32_t nr;
	size_t call;
};

static int by_number(const void *a, const void *b)
{
	const struct number *x = a, *y = b;

	return x->nr < y->nr ? -1 : x->nr > y->nr;
}

static void make_ranges(const struct gen_table *t, const struct gen_policy *p,
			enum gen_arch arch, unsigned int options, struct ranges *ret)
{
	const struct range unknown = { .action = p->unknown };
	struct number num[GEN_CALLS] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->call[i].nr[arch] >= 0)
			num[n++] = (struct number){ (uint32_t)t->call[i].nr[arch], i };
	qsort(num, n, sizeof(num[0]), by_number);
	ret->n = 0;
	add_range(ret, 0, unknown);
	for (size_t i = 0; i < n; i++) {
		add_range(ret, num[i].nr, outcome(p, num[i].call, options));
		if (i + 1 == n || num[i + 1].nr != num[i].nr + 1)
			add_range(ret, num[i].nr + 1, unknown);
	}
	/* -1 is a tracer that skips the call (strace --inject): keep its result. */
	add_range(ret, UINT32_MAX, (struct range){ .action = SECCOMP_RET_ALLOW });
}

static bool emit_arch(struct gen_filter *f, const struct gen_table *t, const struct gen_policy *p,
		      enum gen_arch arch, unsigned int options)
{
	struct ranges rs;

	make_ranges(t, p, arch, options, &rs);
	return emit_load(f, offsetof(struct seccomp_data, nr)) &&
	       emit_tree(f, rs.r, rs.n, options);
}

static bool is_ret(const struct sock_filter *i)
{
	return i->code == (BPF_RET | BPF_K);
}

static bool is_cond(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_JMP && BPF_OP(i->code) != BPF_JA;
}

/* The last RET equal to the one that @offset from @i leads to, and in reach. */
static uint8_t farthest(const struct gen_filter *f, size_t i, uint8_t offset)
{
	size_t to = i + 1 + offset, last = i + 1 + UINT8_MAX;

	if (!is_ret(&f->insn[to]))
		return offset;
	for (size_t k = last < f->n ? last : f->n - 1; k > to; k--)
		if (is_ret(&f->insn[k]) && f->insn[k].k == f->insn[to].k)
			return (uint8_t)(k - i - 1);
	return offset;
}

/* Jumps go forward only, so one pass finds what is reached. */
static void mark(const struct gen_filter *f, bool *reached)
{
	memset(reached, 0, f->n * sizeof(*reached));
	reached[0] = true;
	for (size_t i = 0; i < f->n; i++) {
		const struct sock_filter *s = &f->insn[i];

		if (!reached[i] || is_ret(s))
			continue;
		if (is_cond(s))
			reached[i + 1 + s->jt] = reached[i + 1 + s->jf] = true;
		else
			reached[i + 1 + (BPF_CLASS(s->code) == BPF_JMP ? s->k : 0)] = true;
	}
}

static void sweep(struct gen_filter *f, const bool *reached)
{
	static size_t at[BPF_MAXINSNS + 1];
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		at[i] = n;
		n += reached[i];
	}
	for (size_t i = 0; i < f->n; i++) {
		struct sock_filter s = f->insn[i];

		if (!reached[i])
			continue;
		if (is_cond(&s)) {
			s.jt = (uint8_t)(at[i + 1 + s.jt] - at[i] - 1);
			s.jf = (uint8_t)(at[i + 1 + s.jf] - at[i] - 1);
		} else if (BPF_CLASS(s.code) == BPF_JMP) {
			s.k = (uint32_t)(at[i + 1 + s.k] - at[i] - 1);
		}
		f->insn[at[i]] = s;
	}
	f->n = n;
}

/* Leaves that answer the same share one RET: half of the program goes. */
static void share_returns(struct gen_filter *f)
{
	static bool reached[BPF_MAXINSNS];
	size_t before;

	do {
		before = f->n;
		for (size_t i = 0; i < f->n; i++) {
			struct sock_filter *s = &f->insn[i];

			if (!is_cond(s))
				continue;
			s->jt = farthest(f, i, s->jt);
			s->jf = farthest(f, i, s->jf);
		}
		mark(f, reached);
		sweep(f, reached);
	} while (f->n < before);
}

int gen_filter_make(const struct gen_table *t, const struct gen_policy *p, enum gen_arch wide,
		    unsigned int options, struct gen_filter *ret)
{
	enum gen_arch narrow = wide + 1;
	size_t jump;

	/* The kernel knows these two only; anything else is a broken kernel. */
	ret->n = 0;
	if (!emit_load(ret, offsetof(struct seccomp_data, arch)) ||
	    !emit(ret, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, gen_audit_arch[wide]))
		return -E2BIG;
	jump = ret->n;
	if (!emit(ret, BPF_JMP | BPF_JA, 0, 0, 0) || !emit_arch(ret, t, p, wide, options))
		return -E2BIG;
	ret->insn[jump].k = (uint32_t)(ret->n - jump - 1);
	if (!emit(ret, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, gen_audit_arch[narrow]) ||
	    !emit(ret, BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS) ||
	    !emit_arch(ret, t, p, narrow, options))
		return -E2BIG;
	share_returns(ret);
	return 0;
}

static bool cond_holds(const struct gen_cond *c, const struct seccomp_data *d)
{
	uint32_t v = (uint32_t)d->args[c->arg];

	switch (c->op) {
	case GEN_EQ:
		return v == c->value;
	case GEN_NE:
		return v != c->value;
	case GEN_GE:
		return v >= c->value;
	case GEN_LT:
		return v < c->value;
	}
	return false;
}

uint32_t gen_policy_eval(const struct gen_table *t, const struct gen_policy *p,
			 enum gen_arch arch, unsigned int options,
			 const struct seccomp_data *d)
{
	if (d->nr == -1)
		return SECCOMP_RET_ALLOW;
	for (size_t c = 0; c < t->n; c++) {
		const struct gen_rules *rs = &p->call[c];

		if (t->call[c].nr[arch] != d->nr)
			continue;
		for (size_t i = 0; i < rs->n; i++) {
			const struct gen_rule *r = &rs->rule[i];
			bool match = rule_on(r, options);

			for (size_t k = 0; k < r->nconds; k++)
				match = match && cond_holds(&r->cond[k], d);
			if (match)
				return r->action;
		}
		return p->known;
	}
	return p->unknown;
}

uint32_t gen_filter_run(const struct sock_filter *f, size_t n, const struct seccomp_data *d,
			unsigned int *ret_steps)
{
	uint32_t acc = 0;

	*ret_steps = 0;
	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];

		++*ret_steps;
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&acc, (const char *)d + i->k, sizeof(acc));
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += acc == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += acc >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return SECCOMP_RET_KILL_PROCESS;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}
