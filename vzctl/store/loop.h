/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loop devices by descriptor: loop(4). */
#ifndef VZ_STORE_LOOP_H
#define VZ_STORE_LOOP_H

#include <sys/types.h>

#include "base/err.h"

/*
 * Attaches @backing to a free loop device, which detaches itself on last use.
 * Returns the device; its number, for /dev/loopN, in *@ret_n.
 */
int loop_attach(int backing, int *ret_n, struct vz_err *e);
/* The loop device that has the file @dev, @ino as its backing: fd, or -ENOENT. */
int loop_find(dev_t dev, ino_t ino, int *ret_n);
/* Takes over a new size of the backing file. */
int loop_grow(int loop);

#endif
