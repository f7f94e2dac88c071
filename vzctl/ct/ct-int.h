/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VZ_CT_CT_INT_H
#define VZ_CT_CT_INT_H

#include "base/buf.h"
#include "cg/cg.h"
#include "ct/ct.h"
#include "net.h"
#include "ns/ns.h"
#include "sec/sec.h"
#include "store/store.h"
#include "tmpl/tmpl.h"

/* ---- state.c: /run/vz/CTID/state ------------------------------------ */

struct ct_state {
	pid_t init, mon;
	uint64_t init_start, mon_start;	/* field 22 of /proc/PID/stat: against reused pids */
	bool running;			/* false while a start is under way */
};

int ct_state_load(uint32_t id, struct ct_state *ret);	/* -ENOENT when there is none */
int ct_state_save(uint32_t id, const struct ct_state *st, struct vz_err *e);
int ct_state_running(uint32_t id, struct vz_err *e);
pid_t ct_mon_pid(uint32_t id);				/* of a monitor that lives, or -ENOENT */
void ct_state_remove(uint32_t id);
int ct_run_dir_make(uint32_t id, struct vz_err *e);
char *ct_run_path(uint32_t id, const char *name);	/* owned by the caller */
uint64_t ct_pid_start(pid_t pid);			/* 0 when there is no such process */
/* "was running when the node went down": /var/lib/vzctl/vzreboot/CTID; true: changed */
bool ct_reboot_mark(uint32_t id, bool set);

/* ---- plan.c: struct conf becomes what the rooms below take ----------- */

#define CT_NETIF_ADDRS 16

/* The strings and VLANs of @v are the conf_netif's. */
struct ct_netif {
	struct net_veth v;
	struct net_addr addrs[CT_NETIF_ADDRS];
};

struct ct_plan {
	struct ct *ct;
	const char *command;		/* "start": for the printed plan */
	struct ns_idmap map;
	struct cg_limits limits;
	struct store_ref store;
	struct net_plan net;
	struct net_addr *addrs;
	struct net_addr *nat_nets;
	struct net_forward *fwds;
	struct net_veth *veths;
	struct ct_netif *netifs;	/* what veths points into */
	struct ns_dev *devs;
	size_t n_devs;
	struct cg_dev_rule *rules;
	size_t n_rules;
	uint64_t caps;
	unsigned int seccomp;
	int ve;				/* sys_ve_type() */
	bool klog;			/* has a kernel log of its own: /dev/kmsg, syslog(2) */
	struct ns_init init;
	struct vz_buf script;		/* distribution scripts to run before init */
	struct vz_strv env, script_env, inits;
	char *dist_stamp;

	/* what steps hand on */
	struct cg cg;
	pid_t init_pid, mon_pid;
	int init_sock, mon_sock;
	int userns, netns;
	int dev;			/* detached mount for /dev */
	int node_lock;			/* of create, until its note is written */
	bool was_mounted;
	bool marked;			/* this start set the reboot mark */
	struct ct_start_opts start;
	struct ct_stop_opts stop;
	const struct ct_create_opts *create;
	char *tree;			/* template tree for create */
	struct ct_snap_job *snap;	/* of commands for snapshots */
	struct ct_vm *vm;		/* of a virtual machine that starts */
	unsigned int missing;		/* controllers that the limits need */
};

#define CT_PLAN_INIT ((struct ct_plan){ .cg = CG_INIT, .init_sock = -EBADF,	\
					.mon_sock = -EBADF, .userns = -EBADF,	\
					.netns = -EBADF, .dev = -EBADF,		\
					.node_lock = -EBADF })

/* @ret: CT_PLAN_INIT; ct_plan_done() frees it, also after a failure. */
int ct_plan_make(struct ct *ct, const char *command, struct ct_plan *ret, struct vz_err *e);
void ct_plan_done(struct ct_plan *p);
/* The last step of a child of this plan: seccomp, then capabilities. */
int ct_secure(void *plan);
/* All that the config alone says; ct_place() adds what this node has to do with it. */
void ct_limits(const struct conf *c, struct cg_limits *ret);
/* What kernel.shmall of the container begins with; false: the kernel's default. */
bool ct_shmall(const struct conf *c, uint64_t *ret_pages);
int ct_net_plan(struct ct_plan *p, struct vz_err *e);
/* A word of FEATURES, @def when it is not there. */
bool ct_feature(const struct conf *c, const char *name, bool def);

/* ---- seed.c: the mount namespace that inits begin in (ns_init.seed) ------ */

#define CT_SEED_LINK "mntns"	/* in the directory of states */

/* A descriptor, or negative errno. */
int ct_seed_find(void);
/* The same for the first container; called by its monitor, which keeps it. */
int ct_seed_make(uint32_t id);
/* @id's monitor ends. */
void ct_seed_retire(uint32_t id);

/* ---- klog.c: the kernel log of a container -------------------------------- */

/* Whether the container has one, or will have one when it is started (@starting). */
bool ct_has_klog(const struct ct_plan *p, bool starting);

/* ---- place.c: where a container runs and writes ------------------------- */

/* CPUMASK, NODEMASK and CPUPIN as lists; 21 when nothing of them is online. */
int ct_cpu_sets(const struct ct *ct, struct cg_limits *l, struct vz_err *e);
/* The same, with a warning, and the disk of the private area. */
void ct_place(const struct ct *ct, struct cg_limits *l);
/* The disk or partition below @path, 0 when it has none. */
dev_t ct_disk_of(const char *path);

/* ---- devs.c: DEVICES and DEVNODES --------------------------------------- */

void ct_plan_devs(struct ct_plan *p);
/* Attaches the rules.  A node where that is impossible is told so. */
int ct_dev_rules(const struct ct_plan *p, int scope, struct vz_err *e);

/* ---- addr.c: routed addresses ---------------------------------------- */

struct ct_addrs {
	struct net_addr *v;	/* addresses and routed prefixes */
	size_t n;
};

void ct_addrs_done(struct ct_addrs *a);
#define _cleanup_addrs_ _cleanup_(ct_addrs_done)
/* Adds those of the words that are addresses. */
void ct_addrs_parse(const struct vz_strv *words, struct ct_addrs *ret);

/* May all that the change adds be a container's?  21. */
int ct_addrs_valid(const struct conf_change *ch, struct vz_err *e);
/* net_attach() of the plan. */
int ct_addrs_attach(struct ct_plan *p, struct vz_err *e);
/* What a running container's addresses need on the host, again: net_restore(). */
int ct_addrs_restore(struct ct_plan *p, struct vz_err *e);
/* What the change adds, to a running container, is nobody else's: 78.  Changes nothing. */
int ct_addrs_check(const struct ct_plan *p, const struct conf_change *ch, struct vz_err *e);
/*
 * A file in the run directory names what the change adds, for stop, which has to look
 * for the proxy neighbours of what was not saved, or not yet.  34.
 */
int ct_addrs_note(uint32_t id, const struct conf_change *ch, struct vz_err *e);
/* Adds what is noted to the plan's addresses. */
void ct_addrs_noted(struct ct_plan *p);
/* The change of IP_ADDRESS in a running container; @old: the list before it. */
int ct_addrs_apply(struct ct_plan *p, int netns, const struct conf_change *ch,
		   const struct vz_strv *old, struct vz_err *e);

/* ---- netif.c ------------------------------------------------------------ */

void ct_netif_veth(const struct conf_netif *n, struct ct_netif *ret);
/* Names and MACs that were not typed, free on this node: conf_change_fill_netif(). */
int ct_netif_fill(struct ct *ct, struct conf_change *ch, struct vz_err *e);
/*
 * Interfaces that differ from those of @old (NULL: all): no MAC and no host name
 * twice on the node, bridges that are there and can do it; 130.
 */
int ct_netif_check(const struct ct *ct, const struct conf *old, struct vz_err *e);
/* What is gone is removed, what is new made, what differs changed in place. */
int ct_netifs_apply(struct ct_plan *p, int netns, const struct conf *old, struct vz_err *e);
/*
 * EXTERNAL_SCRIPT of vznet.conf, if there: "init veth HOST_IFNAME" after an
 * interface was made, "down veth HOST_IFNAME" before it goes; 11, 130.
 */
int ct_netif_script(const struct ct *ct, const char *what, const char *host_ifname,
		    struct vz_err *e);
int ct_netif_scripts(const struct ct *ct, const char *what, struct vz_err *e);

/* ---- netdev.c ------------------------------------------------------------- */

/* New ones since @old (NULL: all) are there and can be given away; 21, 104. */
int ct_netdev_check(const struct ct *ct, const struct conf *old, struct vz_err *e);
/* Moves the config's devices in; 104.  On failure ct_netdevs_return() takes them back. */
int ct_netdevs_attach(struct ct_plan *p, int netns, struct vz_err *e);
int ct_netdevs_apply(struct ct_plan *p, int netns, const struct conf *old, struct vz_err *e);
/* Takes back all that is recorded as away; complains of what did not come.  Idempotent. */
void ct_netdevs_return(uint32_t id);

/* ---- run.c ------------------------------------------------------------ */

struct ct_step {
	const char *name;		/* "store.mount" */
	int (*run)(struct ct_plan *p, struct vz_err *e);
	/* Idempotent, needs only the plan's CTID and config; may be NULL. */
	void (*undo)(struct ct_plan *p);
	/* One line for --dry-run, without the name; NULL: nothing to say. */
	void (*show)(const struct ct_plan *p, struct vz_buf *b);
	bool (*wanted)(const struct ct_plan *p);	/* NULL: always */
};

int ct_steps_run(const struct ct_step *steps, size_t n, struct ct_plan *p, struct vz_err *e);
void ct_steps_show(const struct ct_step *steps, size_t n, const struct ct_plan *p,
		   const char *undo_word);

/* ---- traffic.c ---------------------------------------------------------- */

/* Counters and caps of the plan's links, which exist. */
int ct_traffic_apply(const struct ct_plan *p, struct vz_err *e);
/* The caps that the config asks for; *ret is the caller's, its names are the plan's. */
struct net_cap;
size_t ct_traffic_caps(const struct ct_plan *p, struct net_cap **ret);
/* The links are gone: saves what was counted, removes the counters.  Warns. */
void ct_traffic_end(uint32_t id);
/* Of a container that is destroyed. */
void ct_traffic_forget(uint32_t id);

/* ---- parts that several commands use ---------------------------------- */

/* BINDMOUNT= below the mounted VE_ROOT. */
int ct_bind_mounts(struct ct_plan *p, int userns, struct vz_err *e);
/* Gives the mounts that scripts made below VE_ROOT the container's ids. */
int ct_map_submounts(struct ct_plan *p, int userns, struct vz_err *e);
/* Is there a script for @event (vps.EVENT or CTID.EVENT)? */
bool ct_has_hook(const struct ct *ct, const char *event);
int ct_mount_root(struct ct_plan *p, int userns, struct vz_err *e);
int ct_umount_root(struct ct_plan *p, bool scripts, struct vz_err *e);
int ct_launch(struct ct_plan *p, struct vz_err *e);
int ct_adopt(struct ct_plan *p, struct vz_err *e);
/* Removes what a create that was killed left; 1 when there was something. */
int ct_create_recover(struct ct *ct, struct vz_err *e);
/* Nothing has been reported yet (hits.c). */
void ct_hits_begin(uint32_t id);
/* Kills what is inside; with the groups goes what they counted, which is logged. */
int ct_destroy_groups(const struct ct *ct, struct vz_err *e);
/* Everything that a dead container left on the host.  Idempotent. */
int ct_cleanup(struct ct_plan *p, bool umount, struct vz_err *e);
/*
 * Makes sure that scripts can run inside: a stopped container gets its
 * namespaces, without an init and in silence, until ct_return().
 */
int ct_borrow(struct ct *ct, bool *ret_started, struct vz_err *e);
void ct_return(struct ct *ct, bool started);
/* Action scripts; 79. */
int ct_hook(const struct ct *ct, const char *event, bool global_first, struct vz_err *e);
int ct_hook_inside(struct ct *ct, const char *event, struct vz_err *e);
/* Allocates a range of host ids; 180. */
int ct_ids_alloc(struct ct *ct, uint32_t *ret_base, struct vz_err *e);
/* Makes sure that the range the config names is this container's alone; 180. */
int ct_ids_claim(struct ct *ct, const struct ns_idmap *map, struct vz_err *e);
void ct_ids_free(uint32_t id);
char *ct_console_log(uint32_t id);	/* owned by the caller */

/* ---- nat.c -------------------------------------------------------------- */

/* NAT_NETWORK and PORTFWD of the plan's config. */
int ct_nat_plan(struct ct_plan *p, struct vz_err *e);
/* One port twice in PORTFWD: 21. */
int ct_nat_check(const struct conf *c, struct vz_err *e);
/* Translation as the plan says, marked in the run directory before it is there. */
int ct_nat_apply(struct ct_plan *p, struct vz_err *e);
/* Removes what the mark says may be there. */
int ct_nat_remove(uint32_t id, struct vz_err *e);
/* Does IP_ADDRESS have the word "auto"? */
bool ct_auto_wanted(const struct conf *c);
/*
 * The lock of the node under which an address or a MAC is chosen, or found to be
 * nobody's, and written down: a descriptor.  9 after a minute.
 */
int ct_node_lock(const struct ct *ct, struct vz_err *e);
/*
 * Puts free addresses of NAT_NETWORK in its place, in ct->conf and @ch.  They
 * are reserved as long as *@lock, of ct_node_lock() and taken here if it is not yet, is
 * open: until then they must be on disk.  89 when there are none, or no NAT_NETWORK.
 */
int ct_auto_addrs(struct ct *ct, struct conf_change *ch, int *lock, struct vz_err *e);
/* Is a create of @id under way, or was it killed and not yet cleaned up? */
bool ct_is_creating(uint32_t id);
/* Adds the addresses that creates which are under way have chosen. */
void ct_creating_addrs(struct vz_strv *ret);
/* Calls @see with the NETIF of each of them. */
void ct_creating_netifs(void (*see)(uint32_t id, const char *netif, void *arg), void *arg);

/* ---- dist.c ------------------------------------------------------------- */

/* NAMESERVER or SEARCHDOMAIN, with the node's own for "inherit". */
void ct_resolv_list(const struct ct *ct, enum param_id id, struct vz_strv *ret);

/*
 * Puts into p->script what the distribution's files need before init runs:
 * nothing when the same values were written at an earlier start.
 */
int ct_dist_start(struct ct_plan *p, struct vz_err *e);
void ct_dist_done(struct ct_plan *p);	/* they are written: remember */
void ct_dist_forget(uint32_t id);
/* One action on a running container, with its variables ("HOSTNM=x", NULL). */
int ct_dist_run(struct ct_plan *p, enum tmpl_action a, const char *const *env, struct vz_err *e);
/* What the config asks for, as environment of the scripts. */
void ct_dist_env(const struct ct_plan *p, const char *state, struct vz_strv *ret);

#endif
