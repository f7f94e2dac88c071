/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vzctl-node: what of this node is promised to containers, what they use, and
 * configurations that divide it.  Each command is also a tool of 4.x.
 */
#ifndef VZ_NODE_NODE_H
#define VZ_NODE_NODE_H

#include "base/buf.h"
#include "base/err.h"
#include "ct/stat.h"

/* ---- this node ---------------------------------------------------------- */

struct host {
	uint64_t ram, swap;		/* bytes */
	uint64_t ram_used;		/* what is not available (MemAvailable) */
	uint64_t swap_used;
	uint64_t reserve;		/* HOST_RESERVE, or a sixteenth of the memory */
	uint64_t pids;			/* kernel.pid_max */
	uint64_t cpus;			/* online */
	uint64_t power;			/* bogomips x 25, as ever; CT_UNKNOWN without them */
};

struct member {
	uint32_t id;
	bool running;
	struct ct_share s;
};

struct fleet {
	struct host host;
	struct member *v;	/* owned */
	size_t n;
};

int host_read(const struct conf *node, struct host *ret, struct vz_err *e);
/* The running containers; all that have a config with @all. */
int fleet_read(bool all, struct fleet *ret, struct vz_err *e);
/* One. */
int fleet_read_ct(uint32_t id, struct fleet *ret, struct vz_err *e);
void fleet_done(struct fleet *f);

/* A sum in which unknown counts as nothing and "unlimited" is counted apart. */
struct sum {
	uint64_t v;
	size_t unlimited, unknown;
};

void sum_add(struct sum *s, uint64_t v);
/* Hundredths of a per cent, CT_UNKNOWN for unknown, unlimited and of nothing. */
uint64_t percent_of(uint64_t v, uint64_t of);

/* ---- commands: exit status, or negative with @e -------------------------- */

int node_split(int argc, char **argv, bool old, struct vz_err *e);
int node_calc(int argc, char **argv, bool old, struct vz_err *e);
int node_mem(int argc, char **argv, bool old, struct vz_err *e);
int node_cpu(int argc, char **argv, bool old, struct vz_err *e);
int node_scale(int argc, char **argv, bool old, struct vz_err *e);
int node_oversell(int argc, char **argv, bool old, struct vz_err *e);

/* What a command prints is written at once. */
int node_print(const struct vz_buf *out, struct vz_err *e);

#endif
