/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Link kinds beyond the container's own pair, ports of bridges, static
 * forwarding entries, policy rules: requests like those of rtnl.h.
 */
#ifndef NETNS_LINK_H
#define NETNS_LINK_H

#include "rtnl.h"

enum rtnl_kind {
	RTNL_BRIDGE, RTNL_MACVLAN, RTNL_VLAN, RTNL_VXLAN, RTNL_DUMMY, RTNL_IFB,
	RTNL_N_KINDS
};

/* -1 when there is none of that name. */
int rtnl_kind_by_name(const char *name);

struct rtnl_newlink {
	enum rtnl_kind kind;
	const char *name;
	uint32_t group, mtu;		/* 0: the kernel's choice */
	int ifindex;			/* to have, or 0 */
	int master;			/* a bridge, or 0 */
	int lower;			/* device below: macvlan, vlan; vxlan's, or 0 */
	bool have_mac;
	uint8_t mac[6];
	bool elsewhere;			/* made in the namespace of netns_fd from birth on */
	int netns_fd;
	union {
		struct {
			bool vlan_filtering;
			bool no_snooping;	/* multicast goes everywhere */
		} bridge;
		uint32_t macvlan_mode;	/* MACVLAN_MODE_*, 0: bridge */
		uint16_t vlan_id;
		struct {
			uint32_t vni;
			uint16_t port;		/* 0: 4789 (RFC 7348) */
			bool learning;
			struct net_addr local, remote;	/* family 0: none; or a group */
		} vxlan;
	};
};

/* Down, like all that we make. */
void rtnl_newlink(struct nl_batch *b, const struct rtnl_newlink *l);

enum rtnl_set {
	RTNL_SET_NAME = 1u << 0,
	RTNL_SET_MTU = 1u << 1,
	RTNL_SET_MASTER = 1u << 2,	/* 0 takes it out of its bridge */
	RTNL_SET_MAC = 1u << 3,
	RTNL_SET_GROUP = 1u << 4,
	RTNL_SET_NETNS = 1u << 5,
	RTNL_SET_IFINDEX = 1u << 6,	/* in the new namespace; since 5.13 */
	RTNL_SET_DOWN = 1u << 7,
};

struct rtnl_setlink {
	unsigned int set;
	const char *name;
	uint32_t mtu, group;
	int master, netns_fd, new_ifindex;
	uint8_t mac[6];
};

/* What is in @s->set, in one message; on a failure part of it may be done. */
void rtnl_setlink(struct nl_batch *b, int ifindex, const struct rtnl_setlink *s);

/* ---- ports of a bridge ---------------------------------------------- */

enum rtnl_brport {
	BRPORT_ISOLATED = 1u << 0,	/* no frames between isolated ports */
	BRPORT_LOCKED = 1u << 1,	/* only sources with a static entry; since 5.18 */
	BRPORT_LEARNING = 1u << 2,
	BRPORT_FLOOD = 1u << 3,		/* unknown unicast goes out here */
	BRPORT_MCAST_FLOOD = 1u << 4,
	BRPORT_BCAST_FLOOD = 1u << 5,
	BRPORT_HAIRPIN = 1u << 6,
	BRPORT_GUARD = 1u << 7,		/* BPDUs are dropped */
	BRPORT_ROOT_BLOCK = 1u << 8,
	BRPORT_NEIGH_SUPPRESS = 1u << 9,
};

/* Sets the flags in @mask to those in @on.  The port is in a bridge already. */
void rtnl_brport(struct nl_batch *b, int ifindex, unsigned int mask, unsigned int on);
/*
 * Frames of VLAN @vid at a port: @pvid: untagged ones that come in are of it, @untagged:
 * they go out without a tag.  ENOENT for deleting what is not there is tolerated.
 */
void rtnl_brvlan(struct nl_batch *b, uint16_t type, int ifindex, uint16_t vid, bool pvid,
		 bool untagged);
/*
 * A static entry (not aged; the bridge's, not the device's) of the bridge that @ifindex
 * is a port of; @vid 0: in every VLAN of the port.
 */
void rtnl_fdb(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
	      const uint8_t mac[6], uint16_t vid);

#define RTNL_VLANS 4096
/* Bitmaps of VLAN ids. */
struct rtnl_vlans {
	uint16_t pvid;			/* 0: none */
	uint8_t on[RTNL_VLANS / 8], untagged[RTNL_VLANS / 8];
};

static inline bool rtnl_vlan_has(const uint8_t *map, unsigned int vid)
{
	return map[vid / 8] >> (vid % 8) & 1;
}

/* What the port is in; empty without filtering. */
int rtnl_brvlan_get(struct nl_sock *s, int ifindex, struct rtnl_vlans *ret, struct nl_fail *f);
/* One reply of the dump, for the port @ret->ifindex. */
struct rtnl_brvlan_want {
	int ifindex;
	struct rtnl_vlans *v;
};
int rtnl_brvlan_parse(const struct nlmsghdr *h, struct rtnl_brvlan_want *ret);

/* A permanent neighbour. */
void rtnl_neigh(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		const struct net_addr *a, const uint8_t mac[6]);

/* ---- policy rules ---------------------------------------------------- */

struct rtnl_rule {
	int family;
	uint32_t priority;
	const struct net_addr *src, *dst;	/* NULL: any; plen counts */
	const char *iif, *oif;			/* NULL: any */
	uint32_t mark, mask;			/* mask 0: any */
	uint32_t table;				/* to look in; 0: unreachable */
};

void rtnl_rule(struct nl_batch *b, uint16_t type, uint16_t flags, const struct rtnl_rule *r);

/* ---- tap ------------------------------------------------------------- */

/*
 * A tap device in @netns_fd (-EBADF: here) that stays until it is deleted.
 * Returns a descriptor of its queue, for a virtual machine; closing it is fine.
 * Code 104.
 */
int net_tap_make(int netns_fd, const char *name, struct vz_err *e);

/*
 * A tap @tap in the namespace @netns_fd, behind its interface @link: what comes in at one
 * goes out at the other, and the namespace sees none of it.  Both are up then.  A
 * descriptor of the tap's queue, or code 104.
 */
int net_tap_wire(int netns_fd, const char *tap, const char *link, struct vz_err *e);

/*
 * The routed link of a virtual machine, made in its new namespace before net_attach()
 * with net_plan.tap: a tap, up, where the guest with @mac finds its gateway
 * (NET_TAP_GW4, NET_TAP_GW6).  Packets are routed between it and venet0, so that frames
 * of the guest end here.  A descriptor of the tap's queue, or code 34.
 */
#define NET_TAP_NAME "tapv"
#define NET_TAP_IFINDEX 4096	/* known to those who come later */
#define NET_TAP_GW4 "169.254.0.1"
#define NET_TAP_GW6 "fe80::fe"
int net_tap_route(int netns_fd, const uint8_t mac[6], struct vz_err *e);

/* ---- sysctls ---------------------------------------------------------- */

/*
 * @path below /proc/sys/net ("ipv4/conf/eth0/forwarding") of the namespace
 * @netns_fd: /proc/sys/net shows that of the thread that looks
 * (net/sysctl_net.c), so nothing is mounted.  Never with a name from inside a
 * container.  The value's length, or -errno.
 */
int net_sysctl_set(int netns_fd, const char *path, const char *value);
int net_sysctl_get(int netns_fd, const char *path, char *buf, size_t size);

#endif
