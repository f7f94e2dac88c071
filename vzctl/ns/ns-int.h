/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VZ_NS_NS_INT_H
#define VZ_NS_NS_INT_H

#include "ns/ns.h"

/* The child of ns_clone_init(): never returns. */
__noreturn void ns_init_main(const struct ns_init *in, const struct ns_idmap *map);

/* Detached mounts made before the pivot: see rootfs.c. */
struct ns_mounts {
	int tree, proc, sys, cgroup, dev, pts, shm, mqueue;
};

int ns_mounts_open(const struct ns_init *in, struct ns_mounts *m, struct vz_err *e);
/* Attaches all below m->tree and makes it the root. */
int ns_mounts_enter(const struct ns_init *in, struct ns_mounts *m, struct vz_err *e);
struct ns_fs_opt {
	const char *key, *value;	/* value NULL: a flag */
};

/* A new detached file system. */
int ns_fs_mount(const char *type, unsigned int attrs, const struct ns_fs_opt *opts, size_t n,
		struct vz_err *e);

/* Makes the detached @tree the root of this mount namespace, with nothing behind it. */
int ns_pivot(int tree, struct vz_err *e);

/*
 * Whether this mount namespace began as a seed whose /proc shows no process: a tenant
 * may take his root away and see what is below.  Those of an older vzctl show the node's.
 */
bool ns_seed_inert(void);

/* Where a process is that goes into another mount namespace for a moment. */
struct ns_place {
	int root, mnt;
};

int ns_place_save(struct ns_place *p);
/* The working directory becomes the root.  Failed: nowhere; what is left is to exit. */
int ns_place_restore(const struct ns_place *p);
void ns_place_done(struct ns_place *p);

/* The other end of @master, unlocked, and its number; negative errno. */
int ns_pts_slave(int master, unsigned int *ret_n);
/* Writes both maps of @pid's user namespace. */
int ns_write_maps(pid_t pid, const struct ns_idmap *map, struct vz_err *e);
/* The console pty: slave on @ret_slave, bound over /dev/console. */
int ns_console_open(const struct ns_mounts *m, int *ret_master, int *ret_slave, struct vz_err *e);

/* Everything inherited from an administrator's shell that a VPS must not see. */
void ns_reset_process(void);

#endif
