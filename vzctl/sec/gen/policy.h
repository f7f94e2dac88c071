/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Seccomp policies as text, and the filters made of them.  Build machine only.
 *
 *	option NAME			declares a build-time variant
 *	default ACTION			for numbers that syscalls.tbl does not know
 *	known ACTION			for calls of the table that no rule names
 *	[OPTION:] ACTION CALL... [if COND [and COND]...]
 *
 * ACTION is allow, kill or the name of an errno.  COND is aN OP VALUE with OP
 * one of == != >= <.  The rules of a call are tried in the order of the file;
 * those with conditions or an option need a last rule without.  Conditions
 * look at the low 32 bits of an argument and nothing else, because the kernel
 * ignores the high half of an int: a 64-bit comparison of ioctl's command is
 * bypassed by setting bit 32 (CVE-2019-10063).  So only int arguments can be
 * tested.
 */
#ifndef VZ_SEC_GEN_POLICY_H
#define VZ_SEC_GEN_POLICY_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum gen_arch { GEN_X86_64, GEN_I386, GEN_ARM64, GEN_ARM, GEN_ARCHS };

enum {
	GEN_CALLS = 640,	/* lines of the table */
	GEN_RULES = 12,		/* rules of one call */
	GEN_CONDS = 4,		/* conditions of one rule */
	GEN_OPTIONS = 4,
};

struct gen_call {
	char name[40];
	int nr[GEN_ARCHS];	/* -1: not on this architecture */
};

struct gen_table {
	struct gen_call call[GEN_CALLS];
	size_t n;
};

enum gen_op { GEN_EQ, GEN_NE, GEN_GE, GEN_LT };

struct gen_cond {
	unsigned int arg;
	enum gen_op op;
	uint32_t value;
};

struct gen_rule {
	uint32_t action;	/* SECCOMP_RET_* */
	unsigned int option;	/* bit of the option it needs, or 0 */
	size_t nconds;
	struct gen_cond cond[GEN_CONDS];
};

struct gen_rules {
	struct gen_rule rule[GEN_RULES];
	size_t n;
	bool final;		/* the last rule always matches */
};

struct gen_policy {
	char option[GEN_OPTIONS][24];
	size_t noptions;
	uint32_t unknown, known;	/* 0 = not given: an error */
	struct gen_rules call[GEN_CALLS];	/* index of the table */
};

/*
 * Both return 0 or -1 with "NAME:LINE: reason" in @why.  @name is for messages.
 */
int gen_table_parse(FILE *f, const char *name, struct gen_table *ret, char *why, size_t size);
int gen_policy_parse(FILE *f, const char *name, const struct gen_table *t,
		     struct gen_policy *ret, char *why, size_t size);

struct gen_filter {
	struct sock_filter insn[BPF_MAXINSNS];
	size_t n;
};

/* The filter of a 64-bit architecture and its 32-bit one, with @options set. */
int gen_filter_make(const struct gen_table *t, const struct gen_policy *p, enum gen_arch wide,
		    unsigned int options, struct gen_filter *ret);

struct seccomp_data;
/* What the policy says, without BPF: the reference that tests compare with. */
uint32_t gen_policy_eval(const struct gen_table *t, const struct gen_policy *p,
			 enum gen_arch arch, unsigned int options,
			 const struct seccomp_data *d);
/* Runs a filter as the kernel does; @ret_steps counts instructions. */
uint32_t gen_filter_run(const struct sock_filter *f, size_t n, const struct seccomp_data *d,
			unsigned int *ret_steps);

extern const uint32_t gen_audit_arch[GEN_ARCHS];

#endif
