// SPDX-License-Identifier: GPL-2.0-or-later
/* The emulator's command line: the one place that knows its words. */
#define VZ_ROOM "ct"
#include "ct/vm.h"

#include <stdarg.h>
#include <stdio.h>

__printf(3, 4) static void add(struct vz_strv *v, const char *opt, const char *fmt, ...)
{
	char *s;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	vz_strv_add(v, opt);
	vz_strv_add(v, s);
	free(s);
}

static void add_machine(struct vz_strv *v, const struct ct_plan *p)
{
	const struct conf *c = p->ct->conf;
	const char *machine = conf_str(c, P_MACHINE), *uuid = conf_str(c, P_UUID);
	unsigned long long mib = ct_vm_ram(c) >> 20, cpus = conf_u64(c, P_CPUS, 1);
	bool reboot = conf_bool(c, P_ALLOWREBOOT, true);

	add(v, "-name", "guest=ve%u,debug-threads=on", p->ct->id);
	if (uuid)
		add(v, "-uuid", "%s", uuid);
	vz_strv_add(v, "-nodefaults");
	vz_strv_add(v, "-no-user-config");
	add(v, "-machine", "%s,memory-backend=ram0,mem-merge=off,dump-guest-core=off",
	    machine ? machine : "q35");
	add(v, "-object", "memory-backend-memfd,id=ram0,size=%lluM,share=on", mib);
	add(v, "-m", "size=%lluM", mib);
	add(v, "-smp", "%llu", cpus ? cpus : 1);
	if (p->vm->kvm)
		add(v, "-accel", "kvm");
	else
		add(v, "-accel", "tcg,tb-size=64%s", cpus > 1 ? ",thread=multi" : "");
	/* QEMU 7.2 loses the flags of cmpxchg16b when it emulates. */
	add(v, "-cpu", "%s", p->vm->kvm ? "host" : "max,-cx16");
	add(v, "-rtc", "base=utc");
	add(v, "-action", "reboot=%s,shutdown=poweroff,panic=exit-failure,watchdog=reset",
	    reboot ? "reset" : "shutdown");
	add(v, "-device", "pvpanic");
	add(v, "-device", "virtio-rng-pci");
	add(v, "-device",
	    "virtio-balloon-pci,id=balloon0,free-page-reporting=on,deflate-on-oom=on");
}

static void add_disks(struct vz_strv *v, const struct ct_plan *p)
{
	const struct vz_strv *disks = conf_list(p->ct->conf, P_DISKS);

	for (size_t i = 0; i < disks->n; i++) {
		const char *format = ct_vm_format(disks->v[i]);
		const char *direct = p->vm->direct[i] ? "true" : "false";

		add(v, "-add-fd", "fd=%zu,set=%zu,opaque=disk%zu", VM_FD_DISK + i, i, i);
		add(v, "-blockdev",
		    "{\"driver\":\"file\",\"node-name\":\"f%zu\",\"filename\":\"/dev/fdset/%zu\","
		    "\"aio\":\"threads\",\"discard\":\"unmap\",\"cache\":{\"direct\":%s}}", i, i,
		    direct);
		/* Never by what is in the file: the guest writes that. */
		add(v, "-blockdev",
		    "{\"driver\":\"%s\",\"node-name\":\"d%zu\",\"file\":\"f%zu\","
		    "\"discard\":\"unmap\",\"cache\":{\"direct\":%s}%s}", format, i, i, direct,
		    str_eq(format, "qcow2") ? ",\"backing\":null" : "");
		add(v, "-device",
		    "virtio-blk-pci,id=disk%zu,drive=d%zu,serial=ve%u-%zu,bootindex=%zu,werror=stop,rerror=report",
		    i, i, p->ct->id, i, i + 1);
	}
}

static void add_seed(struct vz_strv *v, const struct conf *c)
{
	if (!ct_vm_wants_seed(c))
		return;
	add(v, "-add-fd", "fd=%d,set=%d,opaque=seed", VM_FD_SEED, VM_DISKS_MAX);
	add(v, "-blockdev",
	    "{\"driver\":\"file\",\"node-name\":\"fseed\",\"filename\":\"/dev/fdset/%d\","
	    "\"read-only\":true}", VM_DISKS_MAX);
	add(v, "-blockdev",
	    "{\"driver\":\"raw\",\"node-name\":\"dseed\",\"file\":\"fseed\",\"read-only\":true}");
	add(v, "-device", "virtio-blk-pci,id=seed,drive=dseed,serial=cidata");
}

static void add_nics(struct vz_strv *v, const struct ct_plan *p)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(p->ct->conf, &nif);
	_cleanup_free_ char *mac = ct_vm_mac_text(p->ct->id);

	if (p->start.skip_ve_setup)
		return;
	if (p->net.n_addrs) {
		add(v, "-netdev", "tap,id=nv,fd=%d,vhost=off", VM_FD_ROUTED);
		add(v, "-device", "virtio-net-pci,id=venet0,netdev=nv,mac=%s,romfile=", mac);
	}
	for (size_t i = 0; i < n; i++) {
		char mtu[32] = "";

		if (nif[i].mtu)
			snprintf(mtu, sizeof(mtu), ",host_mtu=%u", nif[i].mtu);
		add(v, "-netdev", "tap,id=n%zu,fd=%zu,vhost=off", i, VM_FD_TAP + i);
		/* Without a ROM: nothing boots from the network. */
		add(v, "-device", "virtio-net-pci,id=net%zu,netdev=n%zu,mac=%s,romfile=%s", i, i,
		    nif[i].mac, mtu);
	}
}

static void add_boot(struct vz_strv *v, const struct ct_plan *p)
{
	const struct conf *c = p->ct->conf;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	if (!conf_str(c, P_KERNEL))
		return;
	add(v, "-kernel", "/boot/kernel");
	if (conf_str(c, P_INITRD))
		add(v, "-initrd", "/boot/initrd");
	if (conf_str(c, P_CMDLINE))
		vz_buf_adds(&b, conf_str(c, P_CMDLINE));
	/* The disk of a template has no cloud-init. */
	if (conf_str(c, P_OSTEMPLATE))
		ct_vm_boot_words(p, &b);
	if (b.len)
		add(v, "-append", "%s", b.s);
}

void ct_vm_argv(struct ct_plan *p)
{
	struct vz_strv *v = &p->vm->argv;

	vz_strv_add(v, conf_str(p->ct->node, P_QEMU));
	add_machine(v, p);
	add_disks(v, p);
	add_seed(v, p->ct->conf);
	add_nics(v, p);
	add_boot(v, p);
	add(v, "-chardev", "stdio,id=con0,signal=off");
	add(v, "-serial", "chardev:con0");
	add(v, "-display", "none");
	add(v, "-vga", "none");
	add(v, "-chardev", "socket,id=qmp,fd=%d,server=on,wait=off", VM_FD_QMP);
	add(v, "-mon", "chardev=qmp,mode=control");
	add(v, "-sandbox",
	    "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
	add(v, "-device", "virtio-serial-pci,id=vser0");
	add(v, "-chardev", "socket,id=ga,fd=%d,server=on,wait=off", VM_FD_GA);
	add(v, "-device", "virtserialport,bus=vser0.0,chardev=ga,name=org.qemu.guest_agent.0");
	if (p->start.restore)
		add(v, "-incoming", "defer");
	vz_strv_add(v, "-S");
}
