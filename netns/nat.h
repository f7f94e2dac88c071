/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of the table vz_nat; for nat.c and nat-port.c. */
#ifndef NETNS_NAT_H
#define NETNS_NAT_H

#include "net.h"

enum nat_set_id { NAT_ANY4, NAT_ANY6, NAT_ONE4, NAT_ONE6, NAT_MASQ4, NAT_MASQ6, NAT_SELF4,
		  NAT_SELF6, NAT_SETS };

/* As the kernel has it, or as it shall be; unused bytes are zero. */
struct nat_elem {
	uint8_t set;		/* enum nat_set_id */
	/* Forwards: protocol and port in 4 bytes each, then (ONE) the node's address. */
	uint8_t key[32], to[20];
	uint32_t ctid;		/* 0: somebody else's */
};

struct nat_elems {
	struct nat_elem *v;	/* owned */
	size_t n;
};

struct nat_elem *nat_elems_add(struct nat_elems *l, enum nat_set_id set);
/*
 * What the table has of the plan's container, and by how many elements that is
 * less and more than the plan wants.  ret->v is the caller's.  Code 3.
 */
int nat_look(const struct net_plan *p, struct nat_elems *ret, size_t *ret_missing,
	     size_t *ret_extra, struct vz_err *e);
/* Makes conntrack forget the UDP flows to forwards that have changed. */
void nat_flows_forget(const struct nat_elem *const *v, size_t n);
/* 188 when a forward of @want that container @ctid does not have yet is taken. */
int nat_ports_check(const struct nat_elems *have, const struct nat_elems *want, uint32_t ctid,
		    struct vz_err *e);

#endif
