// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices answer ARP and NDP for container addresses: NEIGHBOUR_DEVS. */
#define VZ_ROOM "netns"
#include "host.h"

#include <linux/if_arp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"

bool uplink_wants(const struct uplinks *u, size_t i, const struct net_addr *a)
{
	const struct net_addr *net = &u->v[i].net;

	/* Neighbours of a prefix ask nobody: their router has it routed to this node. */
	if (net_addr_is_prefix(a))
		return false;
	/* A host address is no subnet: nobody asks for its neighbours. */
	return !u->by_subnet || (net->plen < (net->family == AF_INET6 ? 128 : 32) &&
				 net_addr_in(net, net->plen, a));
}

static void uplink_add(struct uplinks *u, int ifindex, const struct net_addr *net)
{
	if (u->n == UPLINKS_MAX)
		return;
	u->v[u->n].ifindex = ifindex;
	if (net)
		u->v[u->n].net = *net;
	u->n++;
}

static int see_addr(const struct rtnl_addr_info *i, void *arg)
{
	struct uplinks *u = arg;

	if (i->ifindex == u->src_ifindex && !u->have_src && i->scope == RT_SCOPE_UNIVERSE) {
		u->src = i->addr;
		u->have_src = true;
	}
	if (u->by_subnet && i->scope == RT_SCOPE_UNIVERSE)
		uplink_add(u, i->ifindex, &i->addr);
	return 0;
}

static int see_link(const struct rtnl_link *l, void *arg)
{
	/* A bridge's port has no layer 3 of its own. */
	if (l->type == ARPHRD_ETHER && (l->flags & IFF_UP) && !(l->flags & IFF_NOARP) &&
	    !l->master && !host_group_is_ours(l->group))
		uplink_add(arg, l->ifindex, NULL);
	return 0;
}

static void add_list(struct uplinks *u, const char *list)
{
	char name[IF_NAMESIZE];

	while (*(list += strspn(list, " ,\t"))) {
		size_t n = strcspn(list, " ,\t");
		unsigned int i = 0;

		if (n < sizeof(name)) {
			memcpy(name, list, n);
			name[n] = '\0';
			i = if_nametoindex(name);
		}
		if (i)
			uplink_add(u, (int)i, NULL);
		else
			vz_warn("NEIGHBOUR_DEVS names %.*s, which is no device, ignoring", (int)n,
				list);
		list += n;
	}
}

static int load_once(struct nl_sock *h, const struct net_plan *p, int family, const char *devs,
		     struct uplinks *u, struct nl_fail *f)
{
	int r = 0;

	*u = (struct uplinks){ .by_subnet = !*devs || str_eq(devs, "detect") };
	if (p->src_dev && *p->src_dev)
		u->src_ifindex = (int)if_nametoindex(p->src_dev);
	if (str_has_prefix(devs, "list:"))
		add_list(u, devs + 5);
	else if (str_eq(devs, "all"))
		r = rtnl_link_dump(h, see_link, u, f);
	if (r >= 0 && (u->by_subnet || u->src_ifindex))
		r = rtnl_addr_dump(h, family, see_addr, u, f);
	return r;
}

int uplinks_load(struct nl_sock *h, const struct net_plan *p, int family, struct uplinks *ret,
		 struct vz_err *e)
{
	const char *devs = p->neigh_devs ?: "";
	struct nl_fail f;
	int r, tries = 0;

	if (*devs && !str_eq(devs, "all") && !str_eq(devs, "detect") &&
	    !str_has_prefix(devs, "list:")) {
		vz_warn("NEIGHBOUR_DEVS=%s is none of all, detect, list:DEV..., ignoring", devs);
		devs = "";
	}
	do {
		r = load_once(h, p, family, devs, ret, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	return r < 0 ? rtnl_fail(e, VZ_CANT_ADDIP, r, &f) : 0;
}
