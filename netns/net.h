/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The network of a container on a stock kernel: routed addresses (venet0),
 * bridged interfaces (veth), host devices that move in.
 *
 * venet0 is one end of a veth pair that behaves like OpenVZ's venet: no ARP and
 * no neighbour discovery.  Both ends carry the same MAC and IFF_NOARP, so a
 * NOARP neighbour (whose hardware address is the sender's own, arp(7),
 * net/ipv4/arp.c:arp_constructor) is right on both sides and no entry has to be
 * written, kept or trusted.
 *
 * Everything we make on the host is in link group 2^31 + CTID: that is the
 * mark of ownership from birth on, and what detach deletes by.  Routes and
 * proxy neighbours carry protocol NET_RTPROT.
 *
 * All functions act in the network namespace of the caller ("the host") and
 * the one given as descriptor; the calling thread visits the latter and is
 * back when they return.  No function may run while another thread of the
 * process depends on its namespace: vzctl is single threaded.
 */
#ifndef NETNS_NET_H
#define NETNS_NET_H

#include "base/err.h"
#include "base/util.h"

#define NET_RTPROT 118	/* unassigned in rtnetlink.h; "ip route show proto 118" */

/*
 * An IPv4 (first 4 bytes) or IPv6 address, network byte order, or a routed prefix.
 *
 * As in vzctl 4.x a mask is kept but an address is a host address: 10.0.0.5/24 is
 * routed as 10.0.0.5/32.  Only the address of a network itself (no host bits, at
 * least two of them) asks for the whole prefix: 2001:db8:1::/64 is the /64.  Nothing is
 * lost by that: it is no host's address (RFC 4291, 2.6.1: routers'; IPv4: the
 * network's own).  /31 and /127 stay host addresses (RFC 3021, RFC 6164).
 */
struct net_addr {
	int family;	/* AF_INET or AF_INET6 */
	uint8_t a[16];
	uint8_t plen;	/* 32 or 128 when the text has no mask */
};

/* Shorter routed prefixes are refused: a slip that would take half the Internet along. */
#define NET_PREFIX_MIN4 8
#define NET_PREFIX_MIN6 16

#define NET_ADDR_STRLEN 52

/*
 * "10.0.0.5", "10.0.0.5/24", "10.0.0.5/255.255.255.0", "2001:db8::1/64".
 * Refuses what cannot be a container's address: unspecified, loopback,
 * multicast, broadcast, link-local v6, v4-mapped, too short a prefix.  0 or -EINVAL.
 */
int net_addr_parse(const char *text, struct net_addr *ret);
/* The address, "/plen" only when shorter than the full length; returns buf. */
const char *net_addr_format(const struct net_addr *a, char buf[NET_ADDR_STRLEN]);
/* The same address, whatever the mask. */
bool net_addr_same(const struct net_addr *a, const struct net_addr *b);
/* Order of two struct net_addr for qsort(3) and bsearch(3); 0 for the same address. */
int net_addr_cmp(const void *x, const void *y);
bool net_addr_is_prefix(const struct net_addr *a);
/* Length of the route that @a asks for: of the prefix, or 32 or 128. */
uint8_t net_addr_route_len(const struct net_addr *a);
/* @a and @b ask for the same route. */
bool net_addr_same_route(const struct net_addr *a, const struct net_addr *b);
/* What is routed for @a and for @b has an address in common. */
bool net_addr_overlaps(const struct net_addr *a, const struct net_addr *b);
/* @a is in the network of the first @plen bits of @net. */
bool net_addr_in(const struct net_addr *net, unsigned int plen, const struct net_addr *a);
/* The host address that the container itself gets: @a, or the first after a network's own. */
struct net_addr net_addr_own(const struct net_addr *a);

/* Strings are borrowed; "" or NULL asks for the default. */
struct net_veth {
	const char *ifname;		/* in the container; required */
	const char *host_ifname;	/* default: net_veth_hostname() */
	const char *mac;		/* default: random */
	const char *host_mac;		/* default: the container's with first byte fe */
	const char *bridge;		/* default: none */
	/*
	 * The container sends from its MAC only, and plays no role of the network's
	 * operator (router, DHCP server, bridge): docs/network.md.
	 */
	bool mac_filter;
	uint32_t mtu;			/* of both ends, 0: the kernel's default */
	/* On the bridge's port; needs one that filters.  None: what the bridge gives. */
	uint16_t pvid;			/* VLAN of untagged frames, or 0 */
	const uint16_t *tagged;
	size_t n_tagged;
	/*
	 * Set inside, with their masks; with mac_filter its only addresses.  None: any.
	 * Gateways: family 0 for none.
	 */
	const struct net_addr *addrs;
	size_t n_addrs;
	struct net_addr gw4, gw6;
	bool tap;			/* they are for a guest, which sets them itself */
};

#define NET_GUARD_TABLE "vz_guard"	/* of family netdev: that of all containers */

/* What to do about the guard (docs/network.md). */
enum net_guard {
	NET_GUARD_YES,			/* a kernel that cannot is warned about */
	NET_GUARD_REQUIRE,		/* a kernel that cannot is an error, code 5 */
	NET_GUARD_NO,
};

#define NET_BCAST_RATE 256

/* How it is done (docs/network.md). */
enum net_filter {
	NET_FILTER_NFT,
	NET_FILTER_BPF,			/* a kernel that cannot is an error, code 5 */
	NET_FILTER_AUTO,		/* BPF where the kernel can, else nf_tables */
};

/* @n ports of the node from @port on lead to as many of the container from @ct_port on. */
struct net_forward {
	struct net_addr host;		/* of the node; family 0: every one */
	uint16_t port, n, ct_port;
	bool udp;
};

/* Whether another machine has an address already. */
enum net_detect {
	NET_DETECT_LATER,	/* asked while the container runs; a warning in the log */
	NET_DETECT_FIRST,	/* before it is added, which takes a second: code 34 */
	NET_DETECT_NO,
};

struct net_plan {
	uint32_t ctid;
	const struct net_addr *addrs;	/* routed to venet0, in order */
	size_t n_addrs;
	bool want_venet;		/* venet0 even without an address */
	bool tap;			/* the addresses are a guest's behind net_tap_route() */
	const struct net_veth *veths;
	size_t n_veths;
	const struct net_addr *nat_nets;	/* containers in them are masqueraded */
	size_t n_nat_nets;
	const struct net_forward *fwds;
	size_t n_fwds;
	const char *src_dev;		/* VE_ROUTE_SRC_DEV or NULL */
	const char *neigh_devs;		/* NEIGHBOUR_DEVS: all, detect (default), "list:A B" */
	enum net_guard guard;
	enum net_filter filter;
	bool shortcut;			/* between ports of a bridge: BRIDGE_SHORTCUT */
	uint32_t bcast_rate;		/* broadcasts and multicasts per second and port, 0: any */
	enum net_detect detect;
};

/*
 * Forwarding, once per node: reads, writes only what is off, says so with
 * vz_verbose().  Nothing for a plan without venet addresses.  Before IPv6
 * forwarding goes on, devices with accept_ra=1 get 2, or the node would lose
 * the default route it learned.  Not called under SKIP_SYSCTL.  Code 34.
 */
int net_node_setup(const struct net_plan *p, struct vz_err *e);

/*
 * Gives the new namespace @netns_fd its network, while nothing runs in it.  A
 * left-over link of the same container is replaced; a name taken by another
 * device is an error.  On failure nothing stays.  Codes: 34 venet, 78 an
 * address is in use on this node, 130 veth.
 */
int net_attach(const struct net_plan *p, int netns_fd, struct vz_err *e);

/*
 * Removes what the container has on the host: links of its group (their routes
 * go with them) and proxy neighbours.  Needs no namespace; idempotent; leaves
 * alone an address that is another container's by now.
 * Code 3.
 */
int net_detach(const struct net_plan *p, struct vz_err *e);

/*
 * Removes tables of nf_tables that all containers share, if none uses them.  They
 * outlive the last one that stops: to make them costs the next start 2 ms.
 */
void net_tidy(void);
/*
 * The socket of this process's packet filter, borrowed, or -errno.  Closing the last
 * descriptor of it waits, and lets the node's other transactions wait, for what those
 * before have removed: who starts something that outlives this process leaves it there.
 */
int net_filter_keep(void);

/*
 * Whether the container may have @a: 78 when something else on this node has an
 * address of it.  Changes nothing; net_attach() looks by itself.  Two containers
 * that ask at once for the same route cannot both get it; for prefixes that merely
 * overlap the caller excludes others between this and the change.
 */
int net_addrs_check(const struct net_plan *p, const struct net_addr *a, size_t n,
		    struct vz_err *e);
/*
 * With NET_DETECT_FIRST: asks whether another machine has an address of the plan, 34.
 * Changes nothing.  net_attach() asks, too, unless @p says NET_DETECT_NO by then.
 */
int net_addrs_detect(const struct net_plan *p, struct vz_err *e);

/*
 * Addresses of a running container, all or none.  @p is the plan as it will be after
 * the change (its first address of a family is the default source).  Adding makes
 * venet0 when there is none; adding twice and deleting twice are fine.  The
 * container's end is found through the host's (IFLA_LINK), never by name.
 * Codes 34, 78.
 */
int net_addrs_add(const struct net_plan *p, int netns_fd, const struct net_addr *a, size_t n,
		  struct vz_err *e);
int net_addrs_del(const struct net_plan *p, int netns_fd, const struct net_addr *a, size_t n,
		  struct vz_err *e);
/*
 * Makes again what a running container should have on the host and tells the
 * neighbours: routes, proxies and forwarding get lost when an uplink goes down or is
 * configured anew.  The guard's rules as well, for all its ports.  Codes 34, 78.
 */
int net_restore(const struct net_plan *p, struct vz_err *e);
/* What is routed to the container and not in the plan; *ret is the caller's to free. */
int net_addrs_extra(const struct net_plan *p, struct net_addr **ret, size_t *ret_n,
		    struct vz_err *e);

/* A device of the node that is, or will be, in a container; what it comes back as. */
struct net_netdev {
	char name[16];
	int ifindex;
	uint32_t mtu;
	bool ether;			/* mac is one */
	uint8_t mac[6];
};

/*
 * Looks at @name here.  Refused: loopback, bridges, wireless devices, what containers
 * have, and, without @force, what carries the node's default route.  Code 104.
 */
int net_netdev_get(const char *name, struct net_netdev *ret, bool force, struct vz_err *e);
/* Moves it into @netns_fd, down, with its name; code 104. */
int net_netdev_move(int netns_fd, const struct net_netdev *d, struct vz_err *e);
/*
 * Back from @netns_fd (-EBADF: that has ended), whatever it is called there, down and
 * with name, MAC, MTU as they were.  One that was not moved is fine.  Code 104.
 */
int net_netdev_return(int netns_fd, const struct net_netdev *d, struct vz_err *e);

/* One bridged interface of a running container.  Code 130. */
int net_veth_add(const struct net_plan *p, int netns_fd, const struct net_veth *v,
		 struct vz_err *e);
int net_veth_del(uint32_t ctid, const struct net_veth *v, struct vz_err *e);
/*
 * The running container's @was becomes @now, in place: names, addresses, MTU,
 * bridge, VLANs.  One that the container deleted is made again.  On failure it is
 * @was again, as far as possible.
 */
int net_veth_set(const struct net_plan *p, int netns_fd, const struct net_veth *was,
		 const struct net_veth *now, struct vz_err *e);
/*
 * The node's half of a running container's interface as the plan has it: bridge, VLANs,
 * MTU, MAC, guard, up; after net_restore().  Nothing for one that the container
 * deleted, and what is inside is its own affair.  Code 130.
 */
int net_veth_restore(const struct net_plan *p, const struct net_veth *v, struct vz_err *e);
/*
 * Could @v be made?  Its bridge is one and filters if VLANs are asked for, its host
 * end's name is free or the container's.  Changes nothing.  Code 130.
 */
int net_veth_check(uint32_t ctid, const struct net_veth *v, struct vz_err *e);
/*
 * The name of a device of this node that has @mac, other than @ctid's (0: anybody's)
 * and bridges, which take those of their ports; "" when there is none.  Code 130.
 */
int net_mac_find(uint32_t ctid, const char *mac, char ret_dev[16], struct vz_err *e);

/*
 * Address translation: what the plan's addresses in nat_nets send beyond the
 * node carries the node's address, and fwds lead to the first address of each
 * family; of a routed prefix only the container's own address counts
 * (net_addr_own()).  Everything is elements, commented "CT <ctid>", of maps and sets in
 * one table, inet vz_nat, which is there as long as it has any.
 *
 * net_nat_apply() turns what the container has into what the plan says, in one
 * transaction.  A new port that another container has, or that a program of the
 * node is bound to on an address that is not loopback: code 188, and nothing
 * has changed.  Other failures: code 34.  net_nat_remove() is idempotent.
 */
bool net_nat_wanted(const struct net_plan *p);
int net_nat_apply(const struct net_plan *p, struct vz_err *e);
/* The same refusals, 188, and nothing else: changes nothing. */
int net_nat_check(const struct net_plan *p, struct vz_err *e);
int net_nat_remove(uint32_t ctid, struct vz_err *e);
/*
 * 1 when a chain of somebody else drops by policy what the node forwards, with
 * its "FAMILY TABLE CHAIN" in @name.  Only rules of nf_tables are looked at.
 */
int net_forward_blocked(char name[96]);

/* "venet0.CTID", or "vnCTID" when that has more than 15 characters. */
void net_venet_hostname(uint32_t ctid, char buf[16]);
/*
 * "vethCTID.N", N the first digits in @ifname (0 without); "veBASE36.N" when
 * too long.
 */
void net_veth_hostname(uint32_t ctid, const char *ifname, char buf[16]);
/* 00:18:51 (SWsoft's, what vzctl uses) and three random bytes, upper case. */
void net_mac_generate(char buf[18]);

struct net_stat {
	uint64_t rx_bytes, rx_packets, tx_bytes, tx_packets;	/* as the container sees them */
};

/* Counters of venet0.  -ENODEV (code 3) when the container has none. */
int net_stat(uint32_t ctid, struct net_stat *ret, struct vz_err *e);
/* The same of a bridged interface; only the names in @v are looked at. */
int net_veth_stat(uint32_t ctid, const struct net_veth *v, struct net_stat *ret,
		  struct vz_err *e);

#endif
