// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ct"
#include "ct/vm.h"

#define MIB (UINT64_C(1) << 20)
#define RAM_DEFAULT (256 * MIB)

bool ct_is_vm(const struct conf *c)
{
	const char *type = conf_str(c, P_VE_TYPE);

	return type && str_eq(type, "vm");
}

char *ct_vm_dump(const struct ct *ct)
{
	return xasprintf("%s/Dump.%u", conf_str(ct->node, P_DUMPDIR), ct->id);
}

void ct_vm_free(struct ct_vm *vm)
{
	if (!vm)
		return;
	for (size_t i = 0; i < vm->n_fds; i++)
		close_fd(&vm->fds[i].fd);
	for (size_t i = 0; i < vm->box.n_files; i++)
		close_fd(&vm->files[i].tree);
	close_fd(&vm->box.root);
	close_fd(&vm->err);
	vz_strv_done(&vm->argv);
	vz_strv_done(&vm->env);
	free(vm->root);
	free(vm);
}

uint64_t ct_vm_ram(const struct conf *c)
{
	struct conf_pair ram;

	if (!ct_is_vswap(c) || !conf_pair(c, P_PHYSPAGES, &ram))
		return RAM_DEFAULT;
	return ram.lim * (uint64_t)sysconf(_SC_PAGESIZE) / MIB * MIB;
}

/*
 * Measured: an idle QEMU has 15 MiB of its own and 22 of its files; emulation adds its
 * translations (tb-size=64 in ct_vm_argv()).  Page tables of the guest are the third term.
 */
uint64_t ct_vm_overhead(const struct conf *c)
{
	return 160 * MIB + ct_vm_ram(c) / 128 + conf_u64(c, P_CPUS, 1) * MIB;
}

int ct_vm_check_change(const struct conf *c, const struct conf_change *ch, struct vz_err *e)
{
	static const enum param_id vm_only[] = { P_DISKS, P_KERNEL, P_INITRD, P_CMDLINE, P_MACHINE,
						 P_ACCEL };
	static const enum param_id ct_only[] = {
		P_VE_LAYOUT, P_DISKINODES, P_MOUNT_OPTS, P_BINDMOUNT,
		P_NETDEV, P_DEVICES, P_DEVNODES, P_CAPABILITY, P_FEATURES, P_NETFILTER, P_INIT,
		P_NUMPTY, P_SHMPAGES, P_LOCKEDPAGES, P_NUMSIGINFO, P_NUMPROC, P_VE_ENVIRONMENT,
		P_HUGETLB,
	};
	bool vm = ct_is_vm(c);
	const enum param_id *ids = vm ? ct_only : vm_only;
	size_t n = vm ? ARRAY_SIZE(ct_only) : ARRAY_SIZE(vm_only);
	char label[64];

	for (size_t i = 0; i < n; i++)
		if (conf_change_has(ch, ids[i]))
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "%s is for %s: this is a %s",
				       param_label(ids[i], label, sizeof(label)),
				       vm ? "containers" : "virtual machines (--kind vm)",
				       vm ? "virtual machine" : "container");
	return 0;
}

void ct_vm_devs(struct ct_plan *p)
{
	/* The console's terminal is made in the box's control group. */
	enum { RW = CG_DEV_READ | CG_DEV_WRITE };
	static const struct cg_dev_rule rules[] = {
		{ 'c', 1, 3, RW },    { 'c', 1, 5, RW },  { 'c', 1, 9, CG_DEV_READ },
		{ 'c', 5, 2, RW },    { 'c', 136, -1, RW }, { 'c', -1, -1, 0 },
		{ 'b', -1, -1, 0 },
	};
	static const struct cg_dev_rule kvm = { 'c', 10, 232, RW };

	free(p->rules);
	p->rules = xcalloc(ARRAY_SIZE(rules) + 1, sizeof(*p->rules));
	memcpy(p->rules, rules, sizeof(rules));
	p->n_rules = ARRAY_SIZE(rules);
	if (p->vm && p->vm->kvm)
		p->rules[p->n_rules++] = kvm;
}
