// SPDX-License-Identifier: GPL-2.0-or-later
/* The device program, run by an interpreter of the few instructions it has. */
#include <linux/bpf.h>

#include "cg/devices.h"
#include "tests/lib/tap.h"

#define MAX_RULES 64

static int interpret(const struct bpf_insn *p, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };
	size_t steps = 0;

	for (size_t pc = 0; pc < n && steps < 10000; pc++, steps++) {
		const struct bpf_insn *i = &p[pc];
		uint64_t imm = (uint64_t)(int64_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			r[i->dst_reg] = *(const uint32_t *)((const char *)ctx + i->off);
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = imm;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			r[i->dst_reg] = r[i->src_reg];
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			r[i->dst_reg] &= imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += r[i->dst_reg] != imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += r[i->dst_reg] & imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			return -2;
		}
	}
	return -1;	/* fell off the end, which the verifier would refuse */
}

static int asks(const struct cg_dev_rule *rules, size_t n, char type, uint32_t major,
		uint32_t minor, unsigned int access)
{
	struct bpf_insn prog[CG_DEV_INSNS(MAX_RULES)];
	size_t len = cg_devices_program(rules, n, prog);
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 |
			       (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
		.major = major,
		.minor = minor,
	};

	ok(len <= CG_DEV_INSNS(n));
	return interpret(prog, len, &ctx);
}

TEST(constants)
{
	is_int(CG_DEV_MKNOD, BPF_DEVCG_ACC_MKNOD);
	is_int(CG_DEV_READ, BPF_DEVCG_ACC_READ);
	is_int(CG_DEV_WRITE, BPF_DEVCG_ACC_WRITE);
}

TEST(nothing_is_allowed)
{
	is_int(asks(NULL, 0, 'c', 1, 3, CG_DEV_READ), 0);
	is_int(asks(NULL, 0, 'b', 8, 0, CG_DEV_MKNOD), 0);
}

TEST(one_rule)
{
	const struct cg_dev_rule r = { 'c', 10, 229, CG_DEV_READ | CG_DEV_WRITE };

	is_int(asks(&r, 1, 'c', 10, 229, CG_DEV_READ), 1);
	is_int(asks(&r, 1, 'c', 10, 229, CG_DEV_READ | CG_DEV_WRITE), 1);
	is_int(asks(&r, 1, 'c', 10, 229, CG_DEV_READ | CG_DEV_MKNOD), 0);
	is_int(asks(&r, 1, 'c', 10, 228, CG_DEV_READ), 0);
	is_int(asks(&r, 1, 'c', 11, 229, CG_DEV_READ), 0);
	is_int(asks(&r, 1, 'b', 10, 229, CG_DEV_READ), 0);
}

/* A major of all with a minor is possible in a file: c:all:3:r. */
TEST(exact_before_wild)
{
	const struct cg_dev_rule r[] = {
		{ 'b', 8, 0, CG_DEV_READ | CG_DEV_WRITE }, { 'b', 8, -1, CG_DEV_READ },
		{ 'b', 8, 16, 0 },			   { 'b', -1, -1, CG_DEV_WRITE },
		{ 'b', -1, 7, CG_DEV_MKNOD },
	};
	const size_t n = ARRAY_SIZE(r);

	is_int(asks(r, n, 'b', 8, 0, CG_DEV_WRITE), 1);
	is_int(asks(r, n, 'b', 8, 1, CG_DEV_READ), 1);
	is_int(asks(r, n, 'b', 8, 1, CG_DEV_WRITE), 0);
	is_int(asks(r, n, 'b', 8, 16, CG_DEV_READ), 0);
	is_int(asks(r, n, 'b', 9, 0, CG_DEV_WRITE), 1);
	is_int(asks(r, n, 'b', 9, 7, CG_DEV_WRITE), 0);
	is_int(asks(r, n, 'b', 9, 7, CG_DEV_MKNOD), 1);
	is_int(asks(r, n, 'c', 8, 0, CG_DEV_READ), 0);
}

TEST(later_wins)
{
	const struct cg_dev_rule r[] = { { 'c', 10, 200, CG_DEV_ALL }, { 'c', 10, 200, 0 } };

	is_int(asks(r, 2, 'c', 10, 200, CG_DEV_READ), 0);
	is_int(asks(r, 1, 'c', 10, 200, CG_DEV_READ), 1);
}

/* Twenty bits of minor, and the longest list. */
TEST(limits)
{
	struct cg_dev_rule r[MAX_RULES];

	for (int i = 0; i < MAX_RULES; i++)
		r[i] = (struct cg_dev_rule){ 'c', 4095, 0xfffff - i, CG_DEV_READ };
	is_int(asks(r, MAX_RULES, 'c', 4095, 0xfffff, CG_DEV_READ), 1);
	is_int(asks(r, MAX_RULES, 'c', 4095, 0xfffff - MAX_RULES + 1, CG_DEV_READ), 1);
	is_int(asks(r, MAX_RULES, 'c', 4095, 0xfffff - MAX_RULES, CG_DEV_READ), 0);
}

TAP_MAIN()
