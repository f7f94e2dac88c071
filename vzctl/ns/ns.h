/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces: clone a container's init, set its root up from inside, enter a
 * running container.
 *
 * Theory of operation
 *
 *	vzctl ---clone3---> monitor ---clone3(user,mnt,pid,net,uts,ipc)---> init
 *	   \_____________________ socketpair (ns_init.sock) _______________/
 *
 * The monitor writes the id maps; vzctl builds the idmapped root mount and the
 * network with the descriptors of init's namespaces while init waits, then
 * sends the root tree over the socket.  Init, already root of nothing but its
 * own user namespace, mounts /proc, /sys, /dev, pivots, sends the master of
 * its console to the monitor, drops rights, and executes the container's init.
 * The socket is close-on-exec: its end means success, a struct vz_err failure.
 *
 * Where the kernel has the ve namespace (sys/ve.h), init makes its own together
 * with the cgroup namespace: it is in the container's cgroup by then.
 *
 * No memory is allocated between clone and exec.
 */
#ifndef VZ_NS_NS_H
#define VZ_NS_NS_H

#include <sys/types.h>

#include "base/err.h"

struct ns_idmap {
	uint32_t uid, gid;	/* host ids of the container's 0 */
	uint32_t count;		/* of both; 0: no user namespace */
};

struct ns_dev {
	char name[64];		/* below /dev; directories on the way are made */
	char type;		/* 'c' or 'b' */
	uint32_t major, minor;
	uint32_t mode;		/* 0666 */
};

enum ns_init_flags {
	NS_MASK_PROC = 1u << 0,	/* FEATURES nesting:off: cover what leaks in /proc */
	NS_NO_INIT = 1u << 1,	/* namespaces only, for scripts: no init is executed */
};

struct ns_init {
	int sock;			/* SOCK_SEQPACKET to vzctl */
	int console;			/* SOCK_SEQPACKET to the monitor: gets the pty master */
	int seed;			/* mount namespace to begin with, or -1: the caller's */
	const char *hostname;		/* or NULL */
	int ve;				/* sys_ve_type(); 0: the kernel has no ve namespace */
	const char *ve_name;		/* of its own, which is sealed */
	bool klog;			/* and gets a kernel log */
	const char *const *inits;	/* programs tried in order, NULL terminated */
	const char *const *env;		/* of init, NULL terminated */
	const char *script;		/* run by the container's sh before init, or NULL */
	size_t script_len;
	const char *const *script_env;
	int script_timeout_ms;
	int (*secure)(void *arg);	/* seccomp and capabilities; negative errno */
	void *secure_arg;
	unsigned int flags;		/* enum ns_init_flags */
	uint32_t pty_max;		/* 0: kernel default */
	uint64_t shm_bytes;		/* 0: half of the memory */
	/* Ceilings of the user namespace (setrlimit(2)); 0: as inherited. */
	uint64_t memlock_bytes, sigpending;
};

/*
 * In the monitor: unshares the time namespace for children (uptime starts at
 * 0) and clones init into cgroup @cgroup.  Returns its pid in the parent's
 * namespace; the child never returns.  Id maps are written before it returns.
 */
pid_t ns_clone_init(const struct ns_init *in, const struct ns_idmap *map, int cgroup,
		    struct vz_err *e);

/*
 * A mount namespace with an empty root, /proc and /sys: what ns_init.seed is
 * for.  A namespace with 500 mounts takes 1 ms more to copy and to leave.  It
 * lives as long as somebody has it open.  The caller must have one thread; its
 * working directory becomes the root.  Negative errno.
 */
int ns_seed_make(void);
/* The one that process @pid has as descriptor @fd; -ENOENT when it is something else. */
int ns_seed_open(pid_t pid, int fd);

/*
 * A detached tmpfs for the container's /dev, made by the host: nodes that work,
 * owned by the container's root @map, who cannot make others (mknod(2) needs
 * the initial user namespace).  Returns the mount's fd; 86.
 */
int ns_dev_mount(const struct ns_dev *devs, size_t n, const struct ns_idmap *map,
		 struct vz_err *e);

/*
 * The same nodes in the /dev of a running container, whose root owns every name
 * there: nothing is followed.  @gone: names to remove, NULL terminated.
 */
int ns_dev_update(pid_t init, const struct ns_dev *devs, size_t n, const char *const *gone,
		  const struct ns_idmap *map, struct vz_err *e);

/* Sends root and /dev to a waiting init, and reads its verdict: 0 when init runs. */
int ns_init_go(int sock, int tree, int dev, struct vz_err *e);
int ns_init_result(int sock, struct vz_err *e);

/* A user namespace with @map and nothing in it, for idmapped mounts. */
int ns_userns_open(const struct ns_idmap *map, struct vz_err *e);
/* Changes the node name in the UTS namespace of @pidfd's process. */
int ns_set_hostname(int pidfd, const char *name, struct vz_err *e);
/* kernel.shmall of the ipc namespace of @init, whose root is @uid on the node. */
int ns_set_shmall(pid_t init, uid_t uid, uint64_t pages, struct vz_err *e);
/* "user", "net" ... of a process. */
int ns_open(pid_t pid, const char *ns, struct vz_err *e);

/* One descriptor over a SEQPACKET socket, with @len bytes of @data. */
int ns_send_fd(int sock, int fd, const void *data, size_t len);
/* Returns bytes; *ret_fd is -EBADF when none came. */
ssize_t ns_recv_fd(int sock, int *ret_fd, void *data, size_t len);

/* ---- the box of a virtual machine: box.c ------------------------------ */

struct ns_box_file {
	int tree;			/* detached mount of a file */
	const char *name;		/* the file below the root that it covers */
};

struct ns_box_fd {
	int fd, to;			/* the number that the program has it by */
};

/*
 * A place for one program, an emulator: all namespaces, a root that nobody can write
 * to, no /proc, no /sys, and in /dev what it is given.  The mounts belong to the initial user
 * namespace, so nothing in the box may change them.
 */
struct ns_box {
	int sock;			/* SOCK_SEQPACKET to vzctl */
	int console;			/* SOCK_SEQPACKET to the monitor: gets the pty master */
	int root;			/* detached mount of the program's files */
	int dev;			/* ns_box_dev() */
	const struct ns_box_file *files;
	size_t n_files;
	const char *const *argv, *const *env;	/* argv[0] is the path */
	int (*secure)(void *arg);	/* ids, capabilities, seccomp; negative errno */
	void *secure_arg;
};

/* A detached, read-only tmpfs: null, zero, urandom, and kvm for @kvm if that is not 0. */
int ns_box_dev(uid_t kvm, struct vz_err *e);
/* In the monitor: as ns_clone_init(). */
pid_t ns_box_clone(const struct ns_box *b, int cgroup, struct vz_err *e);
/*
 * Gives the waiting box @pid its descriptors (number 2 is one of them; 0 and 1 are
 * the console) and its ids @map; 0 when the program runs.
 */
int ns_box_go(int sock, pid_t pid, const struct ns_idmap *map, const struct ns_box_fd *fds,
	      size_t n, struct vz_err *e);

/* ---- entering ------------------------------------------------------- */

struct ns_enter {
	int pidfd;			/* of the container's init */
	int ve;				/* sys_ve_type(): 0 where there is nothing to join */
	int cgroup;			/* to join (cg_join_open) */
	const char *path, *alt_path;	/* programs; NULL: argv[0] and alt[0] */
	const char *const *argv;
	const char *const *alt;		/* second choice when the first does not exist, or NULL */
	const char *const *env;
	int in, out, err;		/* the process's 0,1,2; -1: /dev/null */
	bool pty;			/* allocate a terminal inside: in/out/err ignored */
	const char *cwd;
	int (*secure)(void *arg);
	void *secure_arg;
};

/*
 * Starts a process in the container; returns its pid (child of the caller).
 * With @pty, *ret_master is the terminal's master.  Fails with
 * VZ_COMMAND_EXECUTION_ERROR, errno ENOENT when neither program is there.
 */
pid_t ns_enter_spawn(const struct ns_enter *en, int *ret_master, struct vz_err *e);

/*
 * Opens /dev/ptmx's instance inside the current root safely: the devpts it
 * finds must be a devpts, not what a tenant put in its place.
 */
int ns_pty_open(int *ret_master, int *ret_slave);

#endif
