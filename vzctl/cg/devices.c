// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Device rules: one BPF_PROG_TYPE_CGROUP_DEVICE program on the scope, which the
 * kernel asks at every open and mknod of a device node below it.  Assembled
 * here; the context and its fields are those of struct bpf_cgroup_dev_ctx.
 */
#define VZ_ROOM "cg"
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>

#include "cg/cg.h"
#include "cg/devices.h"
#include "sys/syscalls.h"

#define INSN(c, d, s, o, i)                                                                 \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (short)(o), \
			    .imm = (int)(i) })
#define LOAD(reg, field)                                   \
	INSN(BPF_LDX | BPF_MEM | BPF_W, reg, BPF_REG_1,    \
	     offsetof(struct bpf_cgroup_dev_ctx, field), 0)
#define JUMP(op, reg, value, off) INSN(BPF_JMP | (op) | BPF_K, reg, 0, off, value)
#define VERDICT(v) INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, v)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

#define R_ACCESS BPF_REG_2	/* access << 16 | type */
#define R_TYPE BPF_REG_3
#define R_MAJOR BPF_REG_4
#define R_MINOR BPF_REG_5

static unsigned int wildness(const struct cg_dev_rule *r)
{
	return 2 * (r->major < 0) + (r->minor < 0);
}

/* If it is the rule's device, the verdict; else on to the next rule. */
static size_t put_rule(const struct cg_dev_rule *r, struct bpf_insn *out)
{
	unsigned int refused = CG_DEV_ALL & ~r->access;
	size_t n = 0, tests = 1 + (r->major >= 0) + (r->minor >= 0);
	/* Behind the tests there are four instructions of verdict. */
	short skip = (short)(tests - 1 + 4);

	out[n++] = JUMP(BPF_JNE, R_TYPE, r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR,
			skip--);
	if (r->major >= 0)
		out[n++] = JUMP(BPF_JNE, R_MAJOR, r->major, skip--);
	if (r->minor >= 0)
		out[n++] = JUMP(BPF_JNE, R_MINOR, r->minor, skip--);
	out[n++] = VERDICT(0);
	out[n++] = JUMP(BPF_JSET, R_ACCESS, refused << 16, 1);
	out[n++] = VERDICT(1);
	out[n++] = EXIT;
	return n;
}

size_t cg_devices_program(const struct cg_dev_rule *rules, size_t n_rules, struct bpf_insn *out)
{
	size_t n = 0;

	out[n++] = LOAD(R_ACCESS, access_type);
	out[n++] = INSN(BPF_ALU64 | BPF_MOV | BPF_X, R_TYPE, R_ACCESS, 0, 0);
	out[n++] = INSN(BPF_ALU64 | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	out[n++] = LOAD(R_MAJOR, major);
	out[n++] = LOAD(R_MINOR, minor);
	/* The most exact rule decides, of equal ones the last. */
	for (unsigned int w = 0; w < 4; w++)
		for (size_t i = n_rules; i-- > 0;)
			if (wildness(&rules[i]) == w)
				n += put_rule(&rules[i], out + n);
	out[n++] = VERDICT(0);
	out[n++] = EXIT;
	return n;
}

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int load(const struct bpf_insn *insns, size_t n)
{
	static const char license[] = "GPL";
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)insns,
		.insn_cnt = (uint32_t)n,
		.license = (uint64_t)(uintptr_t)license,
		.prog_name = "vz_devices",
	};

	return sys_bpf(BPF_PROG_LOAD, &a);
}

int cg_devices_apply(int scope, const struct cg_dev_rule *rules, size_t n, struct vz_err *e)
{
	_cleanup_free_ struct bpf_insn *insns = xcalloc(CG_DEV_INSNS(n), sizeof(*insns));
	_cleanup_close_ int group = -EBADF, prog = -EBADF;
	union bpf_attr a = { .attach_type = BPF_CGROUP_DEVICE };

	group = openat(scope, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (group < 0)
		return vz_fail(e, VZ_SET_DEVICES, errno, "Unable to open the container's cgroup");
	prog = load(insns, cg_devices_program(rules, n, insns));
	if (prog < 0 && (errno == EPERM || errno == EINVAL || errno == ENOSYS))
		return vz_fail(e, VZ_SET_DEVICES, EOPNOTSUPP,
			       "Device rules are not enforced: no device program can be loaded");
	if (prog < 0)
		return vz_fail(e, VZ_SET_DEVICES, errno, "Unable to load %zu device rules", n);
	a.target_fd = (uint32_t)group;
	a.attach_bpf_fd = (uint32_t)prog;
	/*
	 * Without BPF_F_ALLOW_MULTI a group has one program, which the next one
	 * replaces in one step, and none can be attached below it.
	 */
	if (sys_bpf(BPF_PROG_ATTACH, &a) == 0)
		return 0;
	if (errno == EPERM || errno == EINVAL)
		return vz_fail(e, VZ_SET_DEVICES, EOPNOTSUPP,
			       "Device rules are not enforced: no device program can be attached");
	return vz_fail(e, VZ_SET_DEVICES, errno, "Unable to attach device rules");
}
