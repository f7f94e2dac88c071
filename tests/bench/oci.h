/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bundle of the OCI runtime specification with what a vz container has. */
#ifndef VZ_TESTS_BENCH_OCI_H
#define VZ_TESTS_BENCH_OCI_H

enum { OCI_UID_BASE = 0x70000000 };

enum {
	OCI_SECCOMP = 1 << 0,	/* the calls that our own policy always allows */
	OCI_NO_TIME_NS = 1 << 1,
};

/* Writes dir/config.json; 0 or -1. */
int oci_write_bundle(const char *dir, const char *root, unsigned int flags);

#endif
