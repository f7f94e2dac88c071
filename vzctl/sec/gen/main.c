// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * seccomp-gen TABLE POLICY NAME OUTPUT: compiles a policy to a C header with
 * every variant of it, for each architecture.
 */
#include "sec/gen/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct gen_table table;
static struct gen_policy policy;
static struct gen_filter filter;

static int load(const char *path, bool is_table)
{
	FILE *f = fopen(path, "re");
	char why[256];
	int r;

	if (!f) {
		fprintf(stderr, "seccomp-gen: %s: %s\n", path, strerror(errno));
		return -1;
	}
	r = is_table ? gen_table_parse(f, path, &table, why, sizeof(why)) :
		       gen_policy_parse(f, path, &table, &policy, why, sizeof(why));
	fclose(f);
	if (r < 0)
		fprintf(stderr, "%s\n", why);
	return r;
}

static int put_filter(FILE *out, const char *name, enum gen_arch arch, unsigned int options)
{
	if (gen_filter_make(&table, &policy, arch, options, &filter) < 0) {
		fprintf(stderr, "seccomp-gen: %s: filter longer than %d instructions\n", name,
			BPF_MAXINSNS);
		return -1;
	}
	fprintf(out, "/* %zu instructions */\n", filter.n);
	fprintf(out, "static const struct sock_filter sec_%s_%u[] = {\n", name, options);
	for (size_t i = 0; i < filter.n; i++) {
		const struct sock_filter *s = &filter.insn[i];

		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", s->code, s->jt, s->jf, s->k);
	}
	fputs("};\n", out);
	return 0;
}

static int put_arch(FILE *out, const char *name, enum gen_arch arch)
{
	unsigned int variants = 1u << policy.noptions;

	for (unsigned int o = 0; o < variants; o++)
		if (put_filter(out, name, arch, o) < 0)
			return -1;
	fprintf(out, "static const struct sock_fprog sec_%s_prog[] = {\n", name);
	for (unsigned int o = 0; o < variants; o++)
		fprintf(out, "\t{ sizeof(sec_%s_%u) / sizeof(sec_%s_%u[0]),\n"
			"\t  (struct sock_filter *)sec_%s_%u },\n", name, o, name, o, name, o);
	fputs("};\n", out);
	return 0;
}

static int put_all(FILE *out, const char *policy_path, const char *name)
{
	fprintf(out, "/* Made by seccomp-gen from %s: do not edit. */\n", policy_path);
	for (size_t o = 0; o < policy.noptions; o++) {
		fputs("#define SEC_", out);
		for (const char *s = name; *s; s++)
			fputc(toupper((unsigned char)*s), out);
		fputc('_', out);
		for (const char *s = policy.option[o]; *s; s++)
			fputc(toupper((unsigned char)*s), out);
		fprintf(out, " %uu\n", 1u << o);
	}
	fputs("#if defined(__x86_64__)\n", out);
	if (put_arch(out, name, GEN_X86_64) < 0)
		return -1;
	fputs("#elif defined(__aarch64__)\n", out);
	if (put_arch(out, name, GEN_ARM64) < 0)
		return -1;
	fputs("#else\n#error \"no system call table for this architecture\"\n#endif\n", out);
	return 0;
}

int main(int argc, char **argv)
{
	FILE *out;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: seccomp-gen TABLE POLICY NAME OUTPUT\n");
		return 2;
	}
	if (load(argv[1], true) < 0 || load(argv[2], false) < 0)
		return 1;
	out = fopen(argv[4], "we");
	if (!out) {
		fprintf(stderr, "seccomp-gen: %s: %s\n", argv[4], strerror(errno));
		return 1;
	}
	r = put_all(out, argv[2], argv[3]);
	if (fflush(out) || ferror(out)) {
		fprintf(stderr, "seccomp-gen: %s: %s\n", argv[4], strerror(errno));
		r = -1;
	}
	fclose(out);
	if (r < 0)
		remove(argv[4]);
	return r < 0;
}
