/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual machines: what they have other than containers.
 *
 * The emulator is the init of a container that holds nothing but its own files
 * (ns/ns.h, the box).  vzmon is its parent and keeps its console.  Beside it runs
 * `vzqemu hold`, the only one that speaks QMP; whoever wants something of the
 * emulator asks it, over CTID/vm.sock: a line with a word and its argument, then
 * data up to the end of writing; the answer is a line "CODE TEXT" (0: well), then data.
 */
#ifndef VZ_CT_VM_H
#define VZ_CT_VM_H

#include "ct/ct-int.h"

#define VM_FDS 48
#define VM_UID 107		/* of the emulator, in the box */

/* Numbers of descriptors that the emulator has. */
enum { VM_FD_ERR = 2, VM_FD_QMP = 10, VM_FD_GA = 11, VM_FD_SEED = 12, VM_FD_ROUTED = 13,
       VM_FD_DISK = 16, VM_FD_TAP = 32 };
#define VM_DISKS_MAX 16
#define VM_TAPS_MAX 16

struct ct_vm {
	struct ns_box box;
	struct ns_box_file files[2];
	struct ns_box_fd fds[VM_FDS];
	size_t n_fds;
	struct vz_strv argv, env;
	char *root;		/* directory with the files of the emulator */
	int err;		/* what the emulator says on standard error: the reader's end */
	bool kvm;
	bool direct[VM_DISKS_MAX];	/* its file system can do without the page cache */
};

void ct_vm_free(struct ct_vm *vm);
/* The emulator's own need beside the guest's memory. */
uint64_t ct_vm_overhead(const struct conf *c);
/* Bytes. */
uint64_t ct_vm_ram(const struct conf *c);
/* What has an effect on the other kind only: 21. */
int ct_vm_check_change(const struct conf *c, const struct conf_change *ch, struct vz_err *e);
/* Only what an emulator needs. */
void ct_vm_devs(struct ct_plan *p);

/* vm-disk.c */
int ct_vm_disks_check(const struct vz_strv *disks, struct vz_err *e);
/* The private area: disks, kernel.  DISKS, KERNEL, INITRD of the change become its names. */
int ct_vm_area_create(struct ct_plan *p, struct vz_err *e);
/* "raw" or "qcow2", by the name; NULL for another. */
const char *ct_vm_format(const char *name);
/* The image at @fd is of @format and needs no other file: 185. */
int ct_vm_image_check(int fd, const char *format, const char *name, struct vz_err *e);

/* vm-net.c */
/* Of the guest's interface with the routed addresses, which is venet0 for cloud-init. */
void ct_vm_mac(uint32_t id, uint8_t ret[6]);
char *ct_vm_mac_text(uint32_t id);	/* in lower case; owned by the caller */
int ct_vm_step_router(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_router(const struct ct_plan *p, struct vz_buf *b);
int ct_vm_step_taps(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_taps(const struct ct_plan *p, struct vz_buf *b);
/*
 * The guest's agent is told what of IP_ADDRESS has come and gone; a guest without one is
 * told at its next start, which is said.
 */
void ct_vm_tell_addrs(const struct ct_plan *p, const struct conf_change *ch,
		      const struct vz_strv *old);

/* vm-bundle.c */
/* Writes ve.json of a virtual machine's private area; warns. */
void ct_vm_twin(const struct ct *ct);

/* vm-convert.c */
/* What the initial RAM disk of vzvmboot sets up, as words for the kernel's command line. */
void ct_vm_boot_words(const struct ct_plan *p, struct vz_buf *b);
/* KERNEL, INITRD and CMDLINE of @c become those of VM_BOOT; 185. */
int ct_vm_boot_default(const struct ct *ct, struct conf *c, struct vz_err *e);
/* Path of the image of the plan's OS template, DISKSPACE in size; the caller's. */
int ct_vm_template_disk(struct ct_plan *p, char **ret, struct vz_err *e);

/* vm-snap.c */
/* A switch that was killed is done to its end: 1, the configuration may be another; 159. */
int ct_vm_snap_finish(const struct ct *ct, struct vz_err *e);

/* vm-live.c */
#define VM_DISK_MAX (UINT64_C(1) << 46)
/* The running guest has @bytes from now on, at most what it was started with.  185. */
int ct_vm_balloon(const struct ct *ct, uint64_t bytes, struct vz_err *e);
/* "DISK:SIZE", at once; never less than it has.  21, 185. */
int ct_vm_disk_resize(const struct ct *ct, const char *spec, bool running, struct vz_err *e);

/* vm-argv.c */
void ct_vm_argv(struct ct_plan *p);

/* vm-start.c: steps of start */
int ct_vm_step_accel(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_accel(const struct ct_plan *p, struct vz_buf *b);
int ct_vm_step_files(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_files(const struct ct_plan *p, struct vz_buf *b);
/* The descriptor is the emulator's from here on, as number @to. */
int ct_vm_give(struct ct_vm *vm, int fd, int to, struct vz_err *e);
int ct_vm_step_exec(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_exec(const struct ct_plan *p, struct vz_buf *b);
int ct_vm_step_hold(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_hold(const struct ct_plan *p, struct vz_buf *b);
int ct_vm_step_run(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_run(const struct ct_plan *p, struct vz_buf *b);

/* vm-seed.c */
#define VM_SEED "seed.iso"	/* in the private area */
bool ct_vm_wants_seed(const struct conf *c);
/* Makes the file if it is not what the plan says. */
int ct_vm_seed(const struct ct_plan *p, int area, struct vz_err *e);

/* vm-mem.c */
struct ct_vm_memory {		/* bytes */
	uint64_t total, reserve, cache, huge, vms, cts;
};

/* What @ct could have: all but what it has itself. */
int ct_vm_memory(const struct ct *ct, struct ct_vm_memory *ret, struct vz_err *e);
int ct_vm_step_admit(struct ct_plan *p, struct vz_err *e);
void ct_vm_show_admit(const struct ct_plan *p, struct vz_buf *b);

/* Where a suspended one is; owned by the caller. */
char *ct_vm_dump(const struct ct *ct);

/* vm-ask.c */
/*
 * Starts a holder; @err: what the emulator says, or -EBADF.  @how: "new", "load" (the guest
 * comes from its dump) or "look" (the emulator runs).  Returns when the holder has the
 * emulator, and leaves the guest as it is; 185, 17.
 */
int ct_vm_hold(const struct ct *ct, int err, const char *how, struct vz_err *e);
/* Asks the holder, a new one if the last was killed; *ret may be NULL.  185. */
int ct_vm_ask(const struct ct *ct, const char *word, const char *arg, const void *data, size_t len,
	      int timeout_ms, struct vz_buf *ret, struct vz_err *e);

/*
 * A guest that stands still because a start (@restore: or a resume, a suspend) was killed
 * at its end goes on: 1.
 */
int ct_vm_wake(const struct ct *ct, bool restore);

/* vm-exec.c: what ct_exec() and others do in a guest, through its agent; 185 without one */
int ct_vm_exec(struct ct *ct, const struct ct_exec_opts *o, struct vz_err *e);
int ct_vm_runscript(struct ct *ct, const char *file, struct vz_err *e);
/* A script in the guest, without output: its exit code; 185. */
int ct_vm_sh(const struct ct *ct, const char *script, const struct vz_strv *args,
	     struct vz_err *e);
/* "USER:PASSWORD"; 74. */
int ct_vm_password(struct ct *ct, const char *userpw, struct vz_err *e);

#endif
