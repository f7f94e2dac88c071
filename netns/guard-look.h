/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is the guard what it should be?  Rules by their number, sets by their elements. */
#ifndef NETNS_GUARD_LOOK_H
#define NETNS_GUARD_LOOK_H

#include "guard.h"
#include "nft.h"

/* A chain and how many rules it has, or a set and its elements, in no order. */
struct guard_part {
	char name[32];
	bool is_set;
	uint32_t n;
	uint64_t sum;			/* of hashes of the keys */
};

struct guard_parts {
	struct guard_part *v;		/* owned */
	size_t n;
};

void guard_parts_done(struct guard_parts *p);
const struct guard_part *guard_parts_find(const struct guard_parts *p, const char *name,
					  bool is_set);
/* What the guard of @port consists of when it is made. */
void guard_parts_wanted(const struct net_plan *p, const struct guard_port *port,
			struct guard_parts *ret);
/* Adds the rules of the container's table and the elements of the sets that @want has. */
int guard_parts_load(uint32_t ctid, const struct guard_parts *want, struct guard_parts *ret,
		     struct vz_err *e);

#endif
