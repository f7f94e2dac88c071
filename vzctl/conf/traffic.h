/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network classes and caps as text: entries of RATE and TOTALRATE, and the
 * class file of OpenVZ and Virtuozzo, /etc/vz/conf/networks_classes.
 */
#ifndef VZ_CONF_TRAFFIC_H
#define VZ_CONF_TRAFFIC_H

#include "base/util.h"

#define CONF_CLASSES 16		/* 0 .. 15 */
#define CONF_RATE_CT "ct/"	/* in front of an interface of the container */

struct conf_rate {
	char dev[20];		/* "*", a device of the node, or "ct/" and the container's */
	uint8_t cls;		/* 1 .. 15 */
	uint64_t kbits;		/* 1000 bits per second, not 0 */
};

/* "eth0:1:8000", "*:1:8000", "ct/eth0:1:8000", "1:8000".  0 or -EINVAL. */
int conf_rate_parse(const char *text, struct conf_rate *ret);
int conf_rate_format(const struct conf_rate *r, char *ret, size_t size);
/* The same device and class? */
bool conf_rate_same(const char *a, const char *b);

struct conf_class {
	uint8_t cls;		/* 0 .. 15 */
	int family;		/* AF_INET, AF_INET6 */
	uint8_t addr[16];
	uint8_t plen;
};

/*
 * Lines "CLASS PREFIX", comments with #.  Bad lines are warned about, with
 * @name, and ignored.  *ret is the caller's.
 */
void conf_classes_parse(const char *text, const char *name, struct conf_class **ret,
			size_t *ret_n);
/* -ENOENT when there is no file. */
int conf_classes_load(struct conf_class **ret, size_t *ret_n);

#endif
