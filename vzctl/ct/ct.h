/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers: the only room that knows order in time.
 *
 * A command opens a container (name, config, lock), makes a plan of steps and
 * runs it; a failing step undoes what was done, in reverse.  Every undo needs
 * nothing but the CTID and may be run at any time, so what a killed command
 * leaves behind is cleaned by the next one, or by `vzctl repair`.
 */
#ifndef VZ_CT_CT_H
#define VZ_CT_CT_H

#include <sys/types.h>

#include "base/err.h"
#include "conf/conf.h"

enum ct_open_flags {
	CT_LOCK = 1u << 0,	/* exclusive, for commands that act */
	CT_NO_CONF = 1u << 1,	/* create, status, set: a missing file is no error */
	CT_ALLOW_0 = 1u << 2,
};

struct ct {
	uint32_t id;
	char idstr[12];
	struct conf *node;	/* vz.conf over built-in defaults */
	struct conf *conf;	/* CTID.conf over node; equal to defaults when missing */
	bool has_conf;
	int lock;		/* -EBADF when not taken */
	int lock_wait_ms;	/* --wait-lock; 0 = 9 at once */
	const char *slice;	/* borrowed from conf */
	const char *root, *private;
};

/* From a signal handler: the command ends before its next step and undoes. */
void ct_cancel(void);
bool ct_cancelled(void);
/* --trace: the duration of each step on stderr. */
void ct_trace(void);

#define CT_INIT ((struct ct){ .lock = -EBADF })

/* @arg: id or name.  21, 14, 10, 9. */
int ct_open(struct ct *ct, const char *arg, unsigned int flags, const char *what,
	    struct vz_err *e);
int ct_open_id(struct ct *ct, uint32_t id, unsigned int flags, const char *what,
	       struct vz_err *e);
/* Reads the config again (after create or set wrote it). */
int ct_reload(struct ct *ct, struct vz_err *e);
void ct_done(struct ct *ct);
#define _cleanup_ct_ _cleanup_(ct_done)

struct ct_status {
	bool exist, mounted, running, suspended;
};

void ct_status(const struct ct *ct, struct ct_status *ret);
/* The same from what vzlist has at hand: no struct ct. */
bool ct_is_mounted(const char *root);
bool ct_is_running(const char *slice, uint32_t id);
const char *ct_run_dir(void);	/* /run/vz */
/* A finite limit in PHYSPAGES: the RAM and swap model of later 4.x, not the UBC one. */
bool ct_is_vswap(const struct conf *c);

/* VE_TYPE=vm. */
bool ct_is_vm(const struct conf *c);
/*
 * Runs @cmd in the emulator of a running virtual machine, with @args, a JSON
 * object or NULL; what it returns is appended to @ret.  31, 185; 21 for bad JSON.
 */
int ct_vm_qmp(struct ct *ct, const char *cmd, const char *args, struct vz_buf *ret,
	      struct vz_err *e);

/* ---- life ----------------------------------------------------------- */

struct ct_start_opts {
	bool force, wait, skip_ve_setup, skip_fsck, skip_remount;
	bool no_init;		/* namespaces for a script; silent */
	bool restore;		/* of a virtual machine that is suspended */
	bool dry_run;
};

int ct_start(struct ct *ct, const struct ct_start_opts *o, struct vz_err *e);

struct ct_stop_opts {
	bool fast, skip_umount, dry_run;
};

int ct_stop(struct ct *ct, const struct ct_stop_opts *o, struct vz_err *e);
/* Of a virtual machine: its memory goes to a file, and it ends; 16, 31. */
int ct_vm_suspend(struct ct *ct, struct vz_err *e);
/* And back; 17. */
int ct_vm_resume(struct ct *ct, struct vz_err *e);
int ct_mount(struct ct *ct, bool dry_run, struct vz_err *e);
int ct_umount(struct ct *ct, bool dry_run, struct vz_err *e);

struct ct_create_opts {
	const char *config;	/* --config SAMPLE or NULL */
	const struct vz_strv *disks;	/* --disk, of a virtual machine */
	struct conf_change *change;
	bool dry_run;
};

/* Opens by itself: the container must not exist yet. */
int ct_create(struct ct *ct, const struct ct_create_opts *o, struct vz_err *e);

struct ct_destroy_opts {
	bool force, purge, dry_run;
};

int ct_destroy(struct ct *ct, const struct ct_destroy_opts *o, struct vz_err *e);

struct ct_set_opts {
	bool save, force, reset_ub, dry_run;
	bool skip_arpdetect;
	const char *setmode;		/* NULL, "restart", "ignore" */
	const char *userpasswd;		/* USER:PASSWORD or NULL */
	const char *disk_resize;	/* DISK:SIZE or NULL: of a virtual machine, at once */
	struct conf_change *change;
};

int ct_set(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e);

/*
 * @dir, a bundle (the private area of a virtual machine, perhaps another node's), becomes
 * that of @ct, which has no configuration yet.  The file in it is trusted in nothing.  21, 185.
 */
int ct_vm_register(struct ct *ct, const char *dir, struct vz_err *e);
/* The number that it had. */
int ct_vm_bundle_id(const char *dir, uint32_t *ret, struct vz_err *e);

/* A stopped container becomes a virtual machine (@kind "vm"), or one a container ("ct").  155. */
int ct_convert(struct ct *ct, const char *kind, struct vz_err *e);

/* ---- snapshots of virtual machines (vm-snap.c) ----------------------- */

#define CT_SNAP_ID 37		/* a UUID, in lower case and without braces */

struct ct_snap_opts {
	const char *id, *name, *description;
	bool skip_suspend;	/* disks only, of one that runs */
	bool skip_config;	/* the configuration is not kept, or not restored */
	bool skip_resume, must_resume;
};

struct ct_snap {
	char id[CT_SNAP_ID], parent[CT_SNAP_ID];	/* parent: "" for none */
	char *name, *description;
	long long date;		/* seconds since 1970 */
	bool mem, current;	/* current: what the state now comes from */
};

/* The running guest stands still while its disks are copied.  156. */
int ct_vm_snapshot(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e);
/* Stops the machine; what has not been snapshotted is lost.  It runs on if it ran then.  159. */
int ct_vm_snap_switch(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e);
int ct_vm_snap_delete(struct ct *ct, const struct ct_snap_opts *o, struct vz_err *e);
/* In the order of their dates; *ret is for ct_vm_snaps_free(). */
int ct_vm_snap_list(const struct ct *ct, struct ct_snap **ret, size_t *ret_n, struct vz_err *e);
void ct_vm_snaps_free(struct ct_snap *v, size_t n);

/* chkpnt --suspend and --resume: stops all processes where they are. */
int ct_freeze(struct ct *ct, bool on, struct vz_err *e);
/*
 * Removes what a container that is not running left on the host: cgroup, links,
 * mounts, half-made private area, state.  Lines of what it did go to vz_info.
 */
int ct_repair(struct ct *ct, struct vz_err *e);

/* Do two entries of IP_ADDRESS have an address in common?  A network's own is all of it. */
bool ct_addrs_overlap(const char *a, const char *b);

/* Logs which limits the container has hit since the last time. */
void ct_hits_log(const struct ct *ct);
/*
 * Called by the monitor when init has ended with wait status @status: cleans
 * up, restarts when the container rebooted or its config says so.
 */
int ct_exited(struct ct *ct, pid_t init, int status, struct vz_err *e);

/* ---- inside --------------------------------------------------------- */

enum ct_exec_flags {
	CT_EXEC_NO_SHELL = 1u << 0,	/* exec3: argv as it is */
	CT_EXEC_SCRIPT = 1u << 1,	/* the shell reads standard input (fd `in`) */
};

struct ct_exec_opts {
	const char *const *argv;	/* joined with blanks unless NO_SHELL */
	unsigned int flags;
	int in;				/* usually 0 */
	const char *const *env;		/* added to HOME TERM PATH, or NULL */
};

/* Relays 0, 1, 2; returns the exit status (128+signal) or a negative errno. */
int ct_exec(struct ct *ct, const struct ct_exec_opts *o, struct vz_err *e);
/* A shell on a terminal; types @type (a command line) first if not NULL. */
int ct_enter(struct ct *ct, const char *type, struct vz_err *e);
/* Script text run by a shell inside; timeout in ms.  Exit status or -errno. */
int ct_run_script(struct ct *ct, const char *text, size_t len, const char *const *env,
		  int timeout_ms, struct vz_err *e);
int ct_runscript(struct ct *ct, const char *file, struct vz_err *e);
int ct_console(struct ct *ct, struct vz_err *e);
/*
 * Opens /dev/kmsg of a running container's own kernel log, non-blocking; 31, and 183
 * where there is no such log.  The process is in the container's ve afterwards.
 */
int ct_klog_open(struct ct *ct, struct vz_err *e);

/* Init's pid on the host, or a negative errno with 31. */
pid_t ct_init_pid(const struct ct *ct, int *ret_pidfd, struct vz_err *e);

#endif
