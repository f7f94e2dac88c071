/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program that decides about device nodes: apart from the kernel, for tests. */
#ifndef VZ_CG_DEVICES_H
#define VZ_CG_DEVICES_H

#include "cg/cg.h"

struct bpf_insn;

#define CG_DEV_INSNS(n) (7 + 7 * (n))	/* at most, for @n rules */

/* Fills @out, returns the number of instructions. */
size_t cg_devices_program(const struct cg_dev_rule *rules, size_t n, struct bpf_insn *out);

#endif
