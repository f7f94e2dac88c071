/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VZ_TESTS_BENCH_RM_H
#define VZ_TESTS_BENCH_RM_H

/* Removes a tree on one file system, without following anything. */
void rm_tree(const char *path);
/* Removes a cgroup and those below it, once what runs there is dead. */
void rm_cgroup(const char *path);

#endif
