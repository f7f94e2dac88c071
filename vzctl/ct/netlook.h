/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network of a running container as it is, and what of it is not as configured. */
#ifndef VZ_CT_NETLOOK_H
#define VZ_CT_NETLOOK_H

#include "ct/ct.h"
#include "ct/traffic.h"
#include "look.h"

/* What RATE asks for, of each direction. */
struct ct_cap {
	char ifname[16];		/* "": all interfaces together */
	uint8_t cls;
	uint64_t rate;			/* bytes per second */
};

struct ct_netlook {
	struct net_look net;
	struct vz_strv diffs;		/* sentences */
	struct ct_cap *caps;
	size_t n_caps;
	struct ct_traffic traffic;	/* have: 0 when nothing was counted */
};

/* Changes nothing and takes no lock.  31 when it does not run, 3.  ct_netlook_done(). */
int ct_netlook(struct ct *ct, struct ct_netlook *ret, struct vz_err *e);
void ct_netlook_done(struct ct_netlook *l);

#endif
