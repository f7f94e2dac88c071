// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vzqemu kvm: can /dev/kvm run a guest?
 *
 * That it opens, and even that it runs code in real mode, says little: there are hosts
 * whose module emulates simple code and fails at what each kernel does first.  So a
 * guest of a few instructions runs in long mode with page tables of its own: it
 * reloads CR3, takes a breakpoint through its IDT, and tells by port I/O how far it came.
 *
 * Prints "VERDICT TEXT": ok, absent, no-permission, no-guest, timeout.
 */
#define VZ_ROOM "qemu"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/io.h"
#include "qemu/qemu.h"
#include "sys/syscalls.h"

#define PROBE_MS 500

#if defined(__x86_64__)
#include <linux/kvm.h>

#define MEM_SIZE (2u << 20)
/* Where things are in the guest's 2 MiB. */
enum { AT_CODE = 0x1000, AT_HANDLER = 0x1100, AT_IDT = 0x2000, AT_GDT = 0x3000, AT_PML4 = 0x4000,
       AT_PDPT = 0x5000, AT_PD = 0x6000, AT_STACK = 0x8000 };
#define PORT 0x80

/* mov al,2a; out; mov rax,cr3; mov cr3,rax; int3; mov al,2c; out; hlt */
static const uint8_t code[] = { 0xb0, 0x2a, 0xe6, PORT, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0xcc,
				0xb0, 0x2c, 0xe6, PORT, 0xf4 };
/* mov al,2b; out; iretq */
static const uint8_t handler[] = { 0xb0, 0x2b, 0xe6, PORT, 0x48, 0xcf };

struct guest {
	int kvm, vm, cpu;
	uint8_t *mem;
	struct kvm_run *run;
};

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static void fill_memory(uint8_t *m)
{
	memcpy(m + AT_CODE, code, sizeof(code));
	memcpy(m + AT_HANDLER, handler, sizeof(handler));
	/* A 64-bit interrupt gate, selector 8. */
	put64(m + AT_IDT + 3 * 16, AT_HANDLER | 8ULL << 16 | 0x8e00ULL << 32);
	put64(m + AT_GDT + 8, 0x00af9b000000ffffULL);
	put64(m + AT_GDT + 16, 0x00cf93000000ffffULL);
	put64(m + AT_PML4, AT_PDPT | 3);
	put64(m + AT_PDPT, AT_PD | 3);
	put64(m + AT_PD, 0x83);		/* 2 MiB page */
}

static int set_state(const struct guest *g)
{
	struct kvm_segment cs = { .limit = ~0U, .selector = 8, .type = 11, .present = 1, .s = 1,
				  .l = 1, .g = 1 };
	struct kvm_segment ds = { .limit = ~0U, .selector = 16, .type = 3, .present = 1, .s = 1,
				  .db = 1, .g = 1 };
	struct kvm_regs r = { .rip = AT_CODE, .rsp = AT_STACK, .rflags = 2 };
	struct kvm_sregs s;

	if (ioctl(g->cpu, KVM_GET_SREGS, &s) < 0)
		return -errno;
	s.cs = cs;
	s.ds = s.es = s.fs = s.gs = s.ss = ds;
	s.gdt = (struct kvm_dtable){ .base = AT_GDT, .limit = 23 };
	s.idt = (struct kvm_dtable){ .base = AT_IDT, .limit = 0xfff };
	s.cr0 = 0x80000011;		/* PG, ET, PE */
	s.cr3 = AT_PML4;
	s.cr4 = 0x20;			/* PAE */
	s.efer = 0x500;			/* LME, LMA */
	if (ioctl(g->cpu, KVM_SET_SREGS, &s) < 0 || ioctl(g->cpu, KVM_SET_REGS, &r) < 0)
		return -errno;
	return 0;
}

static int make_guest(struct guest *g)
{
	struct kvm_userspace_memory_region mem = { .memory_size = MEM_SIZE };
	int size;

	g->vm = ioctl(g->kvm, KVM_CREATE_VM, 0);
	size = ioctl(g->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (g->vm < 0 || size < (int)sizeof(*g->run))
		return -errno;
	g->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (g->mem == MAP_FAILED)
		return -errno;
	fill_memory(g->mem);
	mem.userspace_addr = (uintptr_t)g->mem;
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &mem) < 0)
		return -errno;
	g->cpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	if (g->cpu < 0)
		return -errno;
	g->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, g->cpu, 0);
	return g->run == MAP_FAILED ? -errno : set_state(g);
}

/* Three bytes and a halt, or why not. */
static int run_guest(struct guest *g)
{
	uint8_t want = 0x2a;

	for (int i = 0; i < 8; i++) {
		if (ioctl(g->cpu, KVM_RUN, 0) < 0) {
			printf("no-guest KVM_RUN: %s\n", strerrordesc_np(errno));
			return 0;
		}
		if (g->run->exit_reason == KVM_EXIT_HLT && want == 0x2d)
			return puts("ok a guest in long mode runs");
		if (g->run->exit_reason != KVM_EXIT_IO || g->run->io.port != PORT ||
		    *((uint8_t *)g->run + g->run->io.data_offset) != want++) {
			printf("no-guest it stops at step %d of 4, exit reason %u\n", i + 1,
			       g->run->exit_reason);
			return 0;
		}
	}
	return puts("no-guest it does not halt");
}

static void probe(void)
{
	static const int caps[] = { KVM_CAP_USER_MEMORY, KVM_CAP_IRQCHIP, KVM_CAP_EXT_CPUID,
				    KVM_CAP_SET_TSS_ADDR, KVM_CAP_IMMEDIATE_EXIT };
	struct guest g = { .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC) };
	int r;

	if (g.kvm < 0) {
		printf("%s /dev/kvm: %s\n",
		       errno == EACCES || errno == EPERM ? "no-permission" : "absent",
		       strerrordesc_np(errno));
		return;
	}
	if (ioctl(g.kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		puts("no-guest another version of the interface");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		if (ioctl(g.kvm, KVM_CHECK_EXTENSION, caps[i]) <= 0) {
			printf("no-guest capability %d is missing\n", caps[i]);
			return;
		}
	}
	r = make_guest(&g);
	if (r < 0)
		printf("no-guest it cannot be set up: %s\n", strerrordesc_np(-r));
	else
		run_guest(&g);
}

#else

static void probe(void)
{
	puts("no-guest no probe for this machine");
}

#endif

/* A guest that hangs takes its own process only. */
int cmd_kvm(int argc, char **argv, struct vz_err *e)
{
	struct pollfd p = { .events = POLLIN };
	pid_t pid = fork();

	if (pid < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to fork");
	if (pid == 0) {
		probe();
		fflush(stdout);
		_exit(0);
	}
	p.fd = sys_pidfd_open(pid, 0);
	if (p.fd >= 0 && poll(&p, 1, PROBE_MS) == 0) {
		kill(pid, SIGKILL);
		puts("timeout the guest did not end within half a second");
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (p.fd >= 0)
		close(p.fd);
	return 0;
}
