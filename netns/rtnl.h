/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnetlink(7): the requests that we make and the replies that we read. */
#ifndef NETNS_RTNL_H
#define NETNS_RTNL_H

#include <linux/rtnetlink.h>
#include <net/if.h>

#include "net.h"
#include "nlsock.h"

/* nl_commit() with the error as a sentence: operation, object, kernel's words, attribute. */
int rtnl_commit(struct nl_sock *s, struct nl_batch *b, enum vz_code code, struct vz_err *e);
/* Sends and empties the batch unless there is room for RTNL_ROOM more messages. */
#define RTNL_ROOM 8
int rtnl_flush(struct nl_sock *s, struct nl_batch *b, enum vz_code code, struct vz_err *e);
/* The sentence alone. */
int rtnl_fail(struct vz_err *e, enum vz_code code, int err, const struct nl_fail *f);

/* ---- links ---------------------------------------------------------- */

struct rtnl_veth {
	const char *name, *peer_name;
	uint8_t mac[6], peer_mac[6];
	int peer_netns_fd;
	int master;		/* ifindex of a bridge, or 0 */
	uint32_t group;
	uint32_t mtu;		/* of both, or 0 */
	bool noarp;
};

/*
 * Both ends stay down.  The peer's cannot go up in this message (ENOTCONN, its
 * other half is missing yet), and an end that is up without carrier when the
 * kernel's linkwatch comes by gets its queues deactivated, which waits for an
 * RCU grace period under the RTNL lock: up to 0.6 ms of everybody's time.
 */
void rtnl_veth_add(struct nl_batch *b, const struct rtnl_veth *v);
void rtnl_link_up(struct nl_batch *b, int ifindex);
/* Fails with ENODEV when the group is empty. */
void rtnl_group_del(struct nl_batch *b, uint32_t group);
void rtnl_link_del(struct nl_batch *b, int ifindex);

/* One of IPV4_DEVCONF_* (linux/ip.h) and its value. */
struct rtnl_inet_conf {
	uint16_t id;
	uint32_t value;
};

/* Per-device IPv4 sysctls; @ipv6: no automatic link-local address.  Link must exist. */
void rtnl_link_conf(struct nl_batch *b, int ifindex, const struct rtnl_inet_conf *conf, size_t n,
		    bool ipv6);

struct rtnl_link {
	int ifindex;
	int peer;		/* IFLA_LINK: the other end's ifindex in its namespace, 0 none */
	bool peer_elsewhere;	/* IFLA_LINK_NETNSID: which is not this one */
	uint32_t group;
	unsigned int flags;	/* IFF_* */
	int master;
	uint16_t type;		/* ARPHRD_* */
	uint8_t mac[6];
	char name[IF_NAMESIZE];
	char kind[16];		/* "veth", "bridge", "" */
	uint32_t mtu;
	bool vlan_filtering;	/* of a bridge */
	bool have_stats;
	struct net_stat stat;	/* as the host sees them */
};

/* By name, or by index when @name is NULL.  -ENODEV is a failure like others. */
int rtnl_link_get(struct nl_sock *s, const char *name, int ifindex, struct rtnl_link *ret,
		  struct nl_fail *f);
int rtnl_link_parse(const struct nlmsghdr *h, struct rtnl_link *ret);
typedef int (*rtnl_link_fn)(const struct rtnl_link *l, void *arg);
int rtnl_link_dump(struct nl_sock *s, rtnl_link_fn fn, void *arg, struct nl_fail *f);

/* ---- addresses, routes, proxy neighbours ---------------------------- */

/* A host address (/32, /128); @label (IPv4) may be NULL. */
void rtnl_addr(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
	       const struct net_addr *a, const char *label);

/* As written, with its mask; the kernel adds the prefix route.  IPv6: no duplicate detection. */
void rtnl_addr_net(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		   const struct net_addr *a);

struct rtnl_addr_info {
	int ifindex;
	uint8_t scope;
	struct net_addr addr;
};

int rtnl_addr_parse(const struct nlmsghdr *h, struct rtnl_addr_info *ret);
typedef int (*rtnl_addr_fn)(const struct rtnl_addr_info *i, void *arg);
int rtnl_addr_dump(struct nl_sock *s, int family, rtnl_addr_fn fn, void *arg, struct nl_fail *f);

struct rtnl_route {
	int family;
	uint8_t type;			/* RTN_*, 0: unicast */
	const struct net_addr *dst;	/* as net_addr_route_len() says, or NULL: default */
	const struct net_addr *via;	/* on-link gateway or NULL */
	const struct net_addr *src;	/* preferred source or NULL */
	int oif;			/* 0: none */
};

void rtnl_route(struct nl_batch *b, uint16_t type, uint16_t flags, const struct rtnl_route *r);

struct rtnl_route_info {
	uint8_t type;			/* RTN_* */
	uint8_t protocol;
	int oif;			/* 0: none, or several */
	struct net_addr dst;		/* plen as in the table */
};

int rtnl_route_parse(const struct nlmsghdr *h, struct rtnl_route_info *ret);
/* The table entry that a packet to @a would match. */
int rtnl_route_match(struct nl_sock *s, const struct net_addr *a, struct rtnl_route_info *ret,
		     struct nl_fail *f);
typedef int (*rtnl_route_fn)(const struct rtnl_route_info *i, void *arg);
/* Routes of the main table over @oif, or all of them when it is 0. */
int rtnl_route_dump(struct nl_sock *s, int family, int oif, rtnl_route_fn fn, void *arg,
		    struct nl_fail *f);

void rtnl_proxy(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		const struct net_addr *a);

struct rtnl_proxy_info {
	int ifindex;
	uint8_t protocol;
	struct net_addr addr;
};

int rtnl_proxy_parse(const struct nlmsghdr *h, struct rtnl_proxy_info *ret);
typedef int (*rtnl_proxy_fn)(const struct rtnl_proxy_info *i, void *arg);
int rtnl_proxy_dump(struct nl_sock *s, int family, rtnl_proxy_fn fn, void *arg,
		    struct nl_fail *f);

#endif
