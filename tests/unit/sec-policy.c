// SPDX-License-Identifier: GPL-2.0-or-later
/* The policy compiler: its language, and filters against a plain evaluator. */
#include "sec/gen/policy.c"
#include "sec/gen/filter.c"

#include "seccomp-container.h"
#include "tests/lib/tap.h"

#define POLICY "vzctl/sec/policy/"

static struct gen_table table;
static struct gen_policy policy;
static struct gen_filter filter;
static char why[256];

static int parse(const char *text, bool is_table)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	int r;

	why[0] = '\0';
	r = is_table ? gen_table_parse(f, "t", &table, why, sizeof(why)) :
		       gen_policy_parse(f, "p", &table, &policy, why, sizeof(why));
	fclose(f);
	return r;
}

static void load_file(const char *path, bool is_table)
{
	FILE *f = fopen(path, "re");

	ok(f != NULL);
	if (!f)
		exit(1);
	is_int(is_table ? gen_table_parse(f, path, &table, why, sizeof(why)) :
			  gen_policy_parse(f, path, &table, &policy, why, sizeof(why)), 0);
	fclose(f);
}

#define HEAD "default ENOSYS\nknown EPERM\n"
#define TWO "read 0 3 63 3\nsocketcall - 102 - -\n"

TEST(bad_policies)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "", "p:0: default or known is missing" },
		{ "known EPERM\n", "p:1: default or known is missing" },
		{ HEAD "default ENOSYS\n", "p:3: default is there twice" },
		{ HEAD "allow raed\n", "p:3: unknown system call: raed" },
		{ HEAD "allow read\nallow read\n", "p:4: read has its last rule already" },
		{ HEAD "allow read read\n", "p:3: read has its last rule already" },
		{ HEAD "permit read\n", "p:3: not an action: permit" },
		{ HEAD "EPREM read\n", "p:3: not an action: EPREM" },
		{ HEAD "allow\n", "p:3: no system call named" },
		{ HEAD "allow if a0 == 1\n", "p:3: no system call named" },
		{ HEAD "allow read if a0 == 1\n",
		  "p:3: read has no last rule without a condition" },
		{ HEAD "allow read if a6 == 1\n", "p:3: not an argument a0..a5: a6" },
		{ HEAD "allow read if a0 = 1\n", "p:3: not an operator: =" },
		{ HEAD "allow read if a0 == x\n", "p:3: not a 32-bit number: x" },
		{ HEAD "allow read if a0 == -1\n", "p:3: not a 32-bit number: -1" },
		{ HEAD "allow read if a0 == 0x100000000\n",
		  "p:3: not a 32-bit number: 0x100000000" },
		{ HEAD "allow read if a0 ==\n", "p:3: a condition is aN OP VALUE" },
		{ HEAD "allow read if\n", "p:3: a condition is aN OP VALUE" },
		{ HEAD "allow read if a0 == 1 or a0 == 2\n", "p:3: expected and: or" },
		{ HEAD "x: allow read\n", "p:3: unknown option: x" },
		{ "option x\noption x\n", "p:2: option x is there twice" },
		{ "option x\n" HEAD "x: allow read\n",
		  "p:4: read has no last rule without a condition" },
		{ "option x\n" HEAD "x: allow read\nx: EPERM read\nEPERM read\n",
		  "p:5: read has its last rule already" },
		{ HEAD "allow read \\\n", "p:3: file ends in a continued line" },
		{ "default kill kill\n", "p:1: default takes one action" },
		{ "option\n", "p:1: option takes one short name" },
	};

	is_int(parse(TWO, true), 0);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_int(parse(t[i].text, false), -1);
		is_str(why, t[i].why);
	}
	is_int(parse(HEAD "allow \\\n read # socketcall \\\n", false), 0);
	is_int(parse(HEAD "allow read if a0 == 1 and a1 < 2\nEPERM read", false), 0);
}

TEST(overlong_lines)
{
	size_t n = 6000;
	char *s = malloc(n + 64);

	/* The tail of an overlong comment must not become a rule. */
	is_int(parse(TWO, true), 0);
	memset(s, ' ', n);
	memcpy(s, "#", 1);
	strcpy(s + n, "allow read\n" HEAD);
	is_int(parse(s, false), -1);
	is_str(why, "p:1: line too long, or a NUL byte in it");
	free(s);
}

TEST(bad_tables)
{
	static const struct {
		const char *text, *why;
	} t[] = {
		{ "read 0 3 63\n", "t:1: a line is a name and 4 numbers" },
		{ TWO "read - - - -\n", "t:3: read is there twice" },
		{ TWO "write 0 - - -\n", "t:3: read and write have the same number 0" },
		{ "x 0x40000000 - - -\n", "t:1: not a system call number: 0x40000000" },
		{ "x -1 - - -\n", "t:1: not a system call number: -1" },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		is_int(parse(t[i].text, true), -1);
		is_str(why, t[i].why);
	}
}

/* Every number of the system's own header has to be in the table. */
static void compare_header(const char *file, enum gen_arch arch)
{
	char path[128], name[64];
	int nr, seen = 0;
	char line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/usr/include/x86_64-linux-gnu/asm/%s", file);
	f = fopen(path, "re");
	if (!f) {
		printf("# no %s\n", path);
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		int c;

		if (sscanf(line, "#define __NR_%63s %d", name, &nr) != 2)
			continue;
		seen++;
		c = find_call(&table, name);
		if (c < 0 || table.call[c].nr[arch] != nr)
			printf("# %s %d\n", name, nr);
		ok(c >= 0 && table.call[c].nr[arch] == nr);
	}
	fclose(f);
	ok(seen > 300);
}

TEST(table_agrees_with_headers)
{
	load_file(POLICY "syscalls.tbl", true);
	compare_header("unistd_64.h", GEN_X86_64);
	compare_header("unistd_32.h", GEN_I386);
}

static uint32_t rnd(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* Values at and around what the policy compares with, with a random high half. */
static void random_args(struct seccomp_data *d)
{
	static const uint32_t v[] = { 0, 1, 8, 12, 13, 14, 16, 41, 64, 68, 96, 200, 1088,
				      0x5412, 0x541c, 0x20000, 0x20008, 0x40000, 0xffffffff };

	for (int i = 0; i < 6; i++) {
		d->args[i] = v[rnd() % (sizeof(v) / sizeof(v[0]))];
		d->args[i] += rnd() & 3 ? 0 : rnd() % 3 - 1;
		d->args[i] |= (uint64_t)(rnd() & 1) << (32 + rnd() % 32);
	}
}

static unsigned int check_number(enum gen_arch arch, unsigned int o, uint32_t nr)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = gen_audit_arch[arch] };
	unsigned int max = 0;

	for (int k = 0; k < 100; k++) {
		unsigned int steps;
		uint32_t got, want;

		random_args(&d);
		got = gen_filter_run(filter.insn, filter.n, &d, &steps);
		want = gen_policy_eval(&table, &policy, arch, o, &d);
		if (got != want) {
			printf("# arch %d options %u nr %u: %#x, want %#x\n", arch, o, nr, got,
			       want);
			tap_bad++;
			return 0;
		}
		max = steps > max ? steps : max;
	}
	return max;
}

static void check_policy(const char *path)
{
	static const uint32_t far[] = { 0xf0000, 0xf0001, 0xf0002, 0xf0005, 0xf0006, 0xf0007,
					0x3fffffff, 0x40000000, 0x40000010, 0x40000202,
					0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	unsigned int max = 0, n;

	load_file(path, false);
	for (unsigned int i = 0; i < 4 * (1u << policy.noptions); i++) {
		enum gen_arch arch = i % 4;
		unsigned int o = i / 4;

		is_int(gen_filter_make(&table, &policy, arch & ~1u, o, &filter), 0);
		for (uint32_t nr = 0; nr < 600 && !tap_bad; nr++) {
			n = check_number(arch, o, nr);
			max = n > max ? n : max;
		}
		for (size_t k = 0; k < sizeof(far) / sizeof(far[0]); k++)
			check_number(arch, o, far[k]);
	}
	printf("# %s: at most %u instructions run\n", path, max);
	/* Ten comparisons find the range, the rest are its arguments. */
	ok(max < 48);
}

TEST(filter_does_what_the_policy_says)
{
	load_file(POLICY "syscalls.tbl", true);
	check_policy(POLICY "container.policy");
	check_policy(POLICY "monitor.policy");
}

TEST(built_header_is_this_policy)
{
	enum gen_arch arch = GEN_X86_64;

#ifdef __aarch64__
	arch = GEN_ARM64;
#endif
	load_file(POLICY "syscalls.tbl", true);
	load_file(POLICY "container.policy", false);
	for (unsigned int o = 0; o < 1u << policy.noptions; o++) {
		is_int(gen_filter_make(&table, &policy, arch, o, &filter), 0);
		is_int(sec_container_prog[o].len, filter.n);
		is_int(memcmp(sec_container_prog[o].filter, filter.insn,
			      filter.n * sizeof(filter.insn[0])), 0);
	}
}

/* A tree with more than 255 instructions on the left takes the long jump. */
TEST(long_jumps)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	for (int i = 0; i < 600; i++)
		fprintf(f, "c%d %d - - -\n", i, 2 * i);
	fclose(f);
	is_int(parse(text, true), 0);
	free(text);
	f = open_memstream(&text, &n);
	fputs(HEAD, f);
	for (int i = 0; i < 600; i++)
		fprintf(f, "EACCES c%d if a0 == %d\nallow c%d if a1 != 0 and a2 >= 7\nEINVAL c%d\n",
			i, i, i, i);
	fclose(f);
	is_int(parse(text, false), 0);
	free(text);
	/* 600 * 8 instructions are more than the kernel takes. */
	is_int(gen_filter_make(&table, &policy, GEN_X86_64, 0, &filter), -E2BIG);
	for (size_t i = 150; i < 600; i++)
		policy.call[i].n = 0;
	is_int(gen_filter_make(&table, &policy, GEN_X86_64, 0, &filter), 0);
	ok(filter.n > 2000);
	for (uint32_t nr = 0; nr < 1300 && !tap_bad; nr++)
		check_number(GEN_X86_64, 0, nr);
}

TAP_MAIN()
