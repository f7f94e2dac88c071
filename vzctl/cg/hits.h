/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits that a container has hit, and whom the kernel killed for it. */
#ifndef VZ_CG_HITS_H
#define VZ_CG_HITS_H

#include "cg/cg.h"

#define CG_HITS_FILES 3

/*
 * Files that raise POLLPRI when a limit is hit (once they were read); -1 where
 * there is no such controller.
 */
void cg_hits_open(int scope, int ret[CG_HITS_FILES]);

/* Since the group was made. */
struct cg_hits {
	uint64_t own;	/* memory could not be had because of this group's limit */
	uint64_t kill;	/* processes that were killed, whoever's limit it was */
	uint64_t swap;	/* swap could not be had */
	uint64_t fork;	/* refused */
};

void cg_hits_read(int scope, struct cg_hits *ret);

/* A kill, as the kernel logged it. */
struct cg_oom {
	uint64_t seq;	/* of the record */
	pid_t pid;	/* on the node */
	uint32_t uid;	/* on the node */
	uint64_t anon_kb, file_kb, shmem_kb;	/* resident */
	bool node;	/* the node was out of memory, not a group */
	char comm[64];	/* printable: other bytes are \xNN (dev-kmsg of Documentation/ABI) */
};

/* One record of /dev/kmsg; false when it is something else.  @rec is hostile. */
bool cg_oom_parse(const char *rec, struct cg_oom *ret);
/*
 * The last @max kills of processes with ids @uid .. @uid + @count - 1 from record
 * @after on, oldest first; returns how many were stored.  None where the log
 * cannot be read.
 */
size_t cg_oom_read(uint64_t after, uint32_t uid, uint32_t count, struct cg_oom *ret, size_t max,
		   uint64_t *ret_total);

#endif
