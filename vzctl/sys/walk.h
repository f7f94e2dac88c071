/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Depth-first walks that hold one descriptor per tree however deep it is: the
 * names still to visit form one stack, and the way up is "..", checked against
 * the identity of the directory that was left (a renamed tree ends the walk).
 */
#ifndef VZ_SYS_WALK_H
#define VZ_SYS_WALK_H

#include <sys/stat.h>

#include "base/buf.h"

struct walk_level {
	dev_t dev;
	ino_t ino;
	size_t start;		/* names of this directory begin here in the stack */
};

struct walk {
	struct vz_buf names;	/* NUL separated; the last one is the next to visit */
	struct walk_level *level;
	size_t depth, cap;
};

/* A directory by one component: no link, no mount, no way out.  fd or -errno. */
int walk_open(int dirfd, const char *name);
/* Enters the directory @fd: what is pushed from here on belongs to it. */
int walk_enter(struct walk *w, int fd);
/* Adds a subdirectory that is to be visited. */
void walk_push(struct walk *w, const char *name);
/* The name to visit next in the current directory, or NULL; borrowed. */
const char *walk_top(const struct walk *w);
void walk_pop(struct walk *w);
/* Leaves the current directory: *fd becomes its parent.  -ESTALE if that moved. */
int walk_leave(struct walk *w, int *fd);
/* The parent of *@fd, if it is @dev, @ino. */
int walk_up(int *fd, dev_t dev, ino_t ino);
void walk_done(struct walk *w);

/* Calls @fn for each entry of @fd but . and ..; stops at the first non-zero. */
typedef int (*walk_fn)(int fd, const char *name, unsigned char type, void *data);
int walk_entries(int fd, walk_fn fn, void *data);

#endif
