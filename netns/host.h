/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's side of a container's network; for the files of this room. */
#ifndef NETNS_HOST_H
#define NETNS_HOST_H

#include "announce.h"
#include "rtnl.h"

/* A dump that keeps being interrupted is given up after so many tries. */
#define HOST_DUMP_TRIES 8

static inline uint32_t host_group(uint32_t ctid)
{
	return 0x80000000u | ctid;
}

static inline bool host_group_is_ours(uint32_t group)
{
	return group & host_group(0);
}

static inline uint32_t host_group_ctid(uint32_t group)
{
	return group & ~host_group(0);
}

/* Bytes of @a that count. */
static inline size_t host_addr_len(const struct net_addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

/* @path below /proc/sys/net, of this namespace.  0 or -errno. */
int host_sysctl(const char *path, const char *value);
int host_open(struct nl_sock *ret, enum vz_code code, struct vz_err *e);
/* Does this kernel do IPv6 at all (ipv6.disable=1)? */
bool host_has_ipv6(void);

/*
 * 1 and the link when @name is @ctid's, 0 when there is none.  Another's is a
 * failure with -EEXIST.
 */
int host_link(struct nl_sock *h, uint32_t ctid, const char *name, struct rtnl_link *ret,
	      enum vz_code code, struct vz_err *e);
/* host_open() and host_link() in one; @name NULL: venet0's. */
int host_open_link(struct nl_sock *ret_h, uint32_t ctid, const char *name, struct rtnl_link *ret,
		   enum vz_code code, struct vz_err *e);
/* Deletes every link of the container's group; none is fine. */
int host_links_del(struct nl_sock *h, uint32_t ctid, enum vz_code code, struct vz_err *e);
/* venet0's host end: sysctls, then (queued) up.  @ipv6: it will carry IPv6 addresses. */
int host_venet_conf(struct nl_batch *b, const struct rtnl_link *l, bool ipv6, struct vz_err *e);
/* In the order of net_addr_cmp(); the caller frees. */
struct net_addr *host_addrs_sorted(const struct net_addr *addrs, size_t n);
/* Does one of the @sorted ask for the route of @a? */
bool host_addrs_have(const struct net_addr *sorted, size_t n, const struct net_addr *a);
/*
 * Routes to @addrs over @oif and proxy neighbours on the uplinks.  @have: what is
 * routed there already, from host_extra(), or NULL.
 */
int host_addrs_add(struct nl_sock *h, struct nl_batch *b, const struct net_plan *p, int oif,
		   const struct net_addr *addrs, size_t n, const struct net_addr *have,
		   size_t n_have, struct vz_err *e);
/* NET_DETECT_FIRST: 34 when a neighbour has one of @addrs; those of @have are ours already. */
int host_detect(struct nl_sock *h, const struct net_plan *p, const struct net_addr *addrs,
		size_t n, const struct net_addr *have, size_t n_have, struct vz_err *e);
/*
 * Takes back routes over @oif (0: none any more) and proxies.  An address that is
 * another container's by now is left alone.
 */
int host_addrs_del(struct nl_sock *h, int oif, const struct net_addr *addrs, size_t n,
		   enum vz_code code, struct vz_err *e);
/*
 * 1 when something other than @own_ctid has @a on this node: a host address that is
 * routed or local, a prefix that overlaps.  @e then says whose it is (code 78).
 */
int host_addr_in_use(struct nl_sock *h, const struct net_addr *a, uint32_t own_ctid,
		     struct vz_err *e);
/* As net_addrs_check(). */
int host_addrs_free(struct nl_sock *h, const struct net_addr *addrs, size_t n,
		    uint32_t own_ctid, struct vz_err *e);
/* What rtnl_route_match() fails with when there is no route, or one that refuses. */
static inline bool host_no_route(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL;
}
/* 1 and its device when the table has exactly the host route (or the address is local), else 0. */
int host_addr_route(struct nl_sock *h, const struct net_addr *a, int *ret_oif, struct nl_fail *f);
/* What is routed over @oif and not in the plan, sorted. */
int host_extra(struct nl_sock *h, const struct net_plan *p, int oif, struct net_addr **ret,
	       size_t *ret_n, enum vz_code code, struct vz_err *e);
/* Deletes our proxy neighbours of those @addrs that no host route leads to. */
int host_proxies_del(struct nl_sock *h, const struct net_addr *addrs, size_t n,
		     enum vz_code code, struct vz_err *e);

bool host_has_family(const struct net_addr *addrs, size_t n, int family);
/* The container's own address of the plan's first entry of @family; false: it has none. */
bool host_first_addr(const struct net_plan *p, int family, struct net_addr *ret);

/* The devices that answer for container addresses: uplink.c */
struct uplink {
	int ifindex;
	struct net_addr net;	/* detect: the subnet on it */
	bool ndp;		/* proxy_ndp is on */
};

#define UPLINKS_MAX 128

struct uplinks {
	bool by_subnet;		/* an address is proxied where its subnet is */
	struct uplink v[UPLINKS_MAX];
	size_t n;
	int src_ifindex;	/* of src_dev, 0 none */
	bool have_src;
	struct net_addr src;	/* its first global address */
};

int uplinks_load(struct nl_sock *h, const struct net_plan *p, int family, struct uplinks *ret,
		 struct vz_err *e);
bool uplink_wants(const struct uplinks *u, size_t i, const struct net_addr *a);

#endif
