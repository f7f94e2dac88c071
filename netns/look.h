/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a running container's network is, as the kernel tells it.  For vznet(8).
 *
 * What its root made is bounded and not trusted: names may have any bytes but
 * blanks, '/' and ':', so whoever prints them escapes them.
 */
#ifndef NETNS_LOOK_H
#define NETNS_LOOK_H

#include "base/buf.h"
#include "net.h"

#define NET_LOOK_LINKS 128	/* of the container's own making */
#define NET_LOOK_ADDRS 1024	/* that the plan does not have */

struct net_look_end {
	int ifindex;			/* 0: there is no such end */
	char name[16], kind[16];
	uint8_t mac[6];
	uint32_t mtu;
	bool up;
};

/* A pair, or what has but one end: the ifb of the caps, a link of the container's own. */
struct net_look_link {
	struct net_look_end host, ct;
	char bridge[16];		/* of the host end, "" */
	uint16_t pvid;			/* 0: none, or a bridge that does not filter */
	uint16_t *tagged;
	size_t n_tagged;
};

struct net_look_addr {
	struct net_addr a;		/* plen as in the kernel */
	char dev[16];
	bool missing;			/* of proxies: asked for, and not there */
};

struct net_look_list {
	struct net_look_addr *v;
	size_t n;
};

struct net_look_count {
	char name[32];
	uint64_t packets, bytes;
};

struct net_look_forward {
	struct net_forward f;		/* ct_port .. of @to */
	struct net_addr to;
};

struct net_look {
	struct net_look_link *links;	/* those with a host end first */
	size_t n_links, more_links;	/* more: not kept */
	struct net_look_list addrs;	/* inside */
	size_t more_addrs;
	bool torn;			/* it kept changing: not all inside was seen */
	struct net_look_list routes;	/* on the node, over the host ends */
	struct net_look_list proxies;	/* on the node, for addresses of the plan */
	struct vz_strv guards;		/* the guard's ports: host ends */
	bool guard_bpf;			/* by BPF, else by nf_tables */
	struct vz_strv guard_faults;	/* where these are not as they are made: a sentence each */
	struct net_look_count *drops;
	size_t n_drops;
	struct net_look_forward *fwds;	/* in force, by protocol and port */
	size_t n_fwds;
	struct net_look_list masq;	/* addresses that are hidden */
	size_t nat_missing;		/* elements of the table that the plan wants */
	size_t nat_extra;		/* and that the plan has not */
};

/* Free it with net_look_done().  Code 3. */
int net_look(const struct net_plan *p, int netns_fd, struct net_look *ret, struct vz_err *e);
void net_look_done(struct net_look *l);
/* Where @l is not what @p asks for: a sentence each. */
void net_look_compare(const struct net_plan *p, const struct net_look *l, struct vz_strv *ret);

#endif
