// SPDX-License-Identifier: GPL-2.0-or-later
/* Replies: everything here reads bytes that it did not write. */
#include "rtnl.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <sys/socket.h>

static bool read_addr(const struct nl_attr *a, int family, struct net_addr *ret)
{
	size_t n = family == AF_INET6 ? 16 : 4;

	if (a->v.n != n)
		return false;
	memcpy(ret->a, a->v.p, n);
	return true;
}

/* ---- links ---------------------------------------------------------- */

static void read_stats(const struct nl_attr *a, struct rtnl_link *l)
{
	/* The struct grows at its end: only the oldest fields are needed. */
	uint64_t v[4];

	if (a->v.n < sizeof(v))
		return;
	memcpy(v, a->v.p, sizeof(v));
	l->stat = (struct net_stat){ .rx_packets = v[0], .tx_packets = v[1], .rx_bytes = v[2],
				     .tx_bytes = v[3] };
	l->have_stats = true;
}

static int read_bridge(struct nl_span s, struct rtnl_link *l)
{
	struct nl_attr a;
	uint8_t v = 0;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == IFLA_BR_VLAN_FILTERING && nl_attr_u8(&a, &v))
			l->vlan_filtering = v;
	}
	return r;
}

static int read_kind(struct nl_span s, struct rtnl_link *l)
{
	struct nl_attr a;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == IFLA_INFO_KIND)
			snprintf(l->kind, sizeof(l->kind), "%s", nl_attr_str(&a) ?: "");
		/* The kind comes first: net/core/rtnetlink.c:rtnl_link_info_fill(). */
		else if (a.type == IFLA_INFO_DATA && str_eq(l->kind, "bridge") &&
			 read_bridge(a.v, l) < 0)
			return -EBADMSG;
	}
	return r;
}

static int read_link_attr(const struct nl_attr *a, struct rtnl_link *l)
{
	uint32_t v = 0;

	switch (a->type) {
	case IFLA_IFNAME:
		snprintf(l->name, sizeof(l->name), "%s", nl_attr_str(a) ?: "");
		break;
	case IFLA_LINK:
		if (nl_attr_u32(a, &v))
			l->peer = (int)v;
		break;
	case IFLA_LINK_NETNSID:
		l->peer_elsewhere = true;
		break;
	case IFLA_MTU:
		nl_attr_u32(a, &l->mtu);
		break;
	case IFLA_MASTER:
		if (nl_attr_u32(a, &v))
			l->master = (int)v;
		break;
	case IFLA_GROUP:
		nl_attr_u32(a, &l->group);
		break;
	case IFLA_ADDRESS:
		if (a->v.n == sizeof(l->mac))
			memcpy(l->mac, a->v.p, sizeof(l->mac));
		break;
	case IFLA_STATS64:
		read_stats(a, l);
		break;
	case IFLA_LINKINFO:
		return read_kind(a->v, l);
	}
	return 0;
}

int rtnl_link_parse(const struct nlmsghdr *h, struct rtnl_link *ret)
{
	const struct ifinfomsg *i = nl_msg_hdr(h, sizeof(*i));
	struct nl_span s = nl_msg_attrs(h, sizeof(*i));
	struct rtnl_link l = { 0 };
	struct nl_attr a;
	int r;

	if (h->nlmsg_type != RTM_NEWLINK || !i)
		return -EBADMSG;
	l.ifindex = i->ifi_index;
	l.flags = i->ifi_flags;
	l.type = i->ifi_type;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		r = read_link_attr(&a, &l);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	if (l.ifindex <= 0 || !l.name[0])
		return -EBADMSG;
	*ret = l;
	return 0;
}

static int got_link(const struct nlmsghdr *h, void *arg)
{
	return rtnl_link_parse(h, arg);
}

int rtnl_link_get(struct nl_sock *s, const char *name, int ifindex, struct rtnl_link *ret,
		  struct nl_fail *f)
{
	struct ifinfomsg i = { .ifi_index = name ? 0 : ifindex };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETLINK, 0, &i, sizeof(i));
	if (name)
		nl_put_str(&b, IFLA_IFNAME, name);
	return nl_query(s, &b, got_link, ret, f);
}

struct dump {
	void *fn, *arg;
};

static int dumped_link(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct rtnl_link l;
	int r = rtnl_link_parse(h, &l);

	return r < 0 ? r : ((rtnl_link_fn)d->fn)(&l, d->arg);
}

int rtnl_link_dump(struct nl_sock *s, rtnl_link_fn fn, void *arg, struct nl_fail *f)
{
	struct dump d = { (void *)fn, arg };
	struct ifinfomsg i = { 0 };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i));
	nl_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return nl_query(s, &b, dumped_link, &d, f);
}

/* ---- addresses ------------------------------------------------------ */

int rtnl_addr_parse(const struct nlmsghdr *h, struct rtnl_addr_info *ret)
{
	const struct ifaddrmsg *m = nl_msg_hdr(h, sizeof(*m));
	struct nl_span s = nl_msg_attrs(h, sizeof(*m));
	struct rtnl_addr_info i = { 0 };
	bool have = false, local = false;
	struct nl_attr a;
	int r;

	if (h->nlmsg_type != RTM_NEWADDR || !m ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return -EBADMSG;
	i.ifindex = (int)m->ifa_index;
	i.scope = m->ifa_scope;
	i.addr.family = m->ifa_family;
	i.addr.plen = m->ifa_prefixlen;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		/* On a point-to-point link IFA_ADDRESS is the peer's. */
		if (a.type == IFA_LOCAL || (a.type == IFA_ADDRESS && !local)) {
			have = read_addr(&a, m->ifa_family, &i.addr) || have;
			local = local || a.type == IFA_LOCAL;
		}
	}
	if (r < 0 || !have || i.addr.plen > (i.addr.family == AF_INET6 ? 128 : 32))
		return -EBADMSG;
	*ret = i;
	return 0;
}

static int dumped_addr(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct rtnl_addr_info i;
	int r = rtnl_addr_parse(h, &i);

	return r < 0 ? r : ((rtnl_addr_fn)d->fn)(&i, d->arg);
}

int rtnl_addr_dump(struct nl_sock *s, int family, rtnl_addr_fn fn, void *arg, struct nl_fail *f)
{
	struct dump d = { (void *)fn, arg };
	struct ifaddrmsg m = { .ifa_family = (uint8_t)family };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m));
	return nl_query(s, &b, dumped_addr, &d, f);
}

/* ---- routes --------------------------------------------------------- */

int rtnl_route_parse(const struct nlmsghdr *h, struct rtnl_route_info *ret)
{
	const struct rtmsg *m = nl_msg_hdr(h, sizeof(*m));
	struct nl_span s = nl_msg_attrs(h, sizeof(*m));
	struct rtnl_route_info i = { 0 };
	struct nl_attr a;
	uint32_t v;
	int r;

	if (h->nlmsg_type != RTM_NEWROUTE || !m ||
	    (m->rtm_family != AF_INET && m->rtm_family != AF_INET6) || m->rtm_dst_len > 128)
		return -EBADMSG;
	i.type = m->rtm_type;
	i.protocol = m->rtm_protocol;
	i.dst.family = m->rtm_family;
	i.dst.plen = m->rtm_dst_len;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == RTA_DST && !read_addr(&a, m->rtm_family, &i.dst))
			return -EBADMSG;
		if (a.type == RTA_OIF && nl_attr_u32(&a, &v))
			i.oif = (int)v;
	}
	if (r < 0)
		return r;
	*ret = i;
	return 0;
}

static int got_route(const struct nlmsghdr *h, void *arg)
{
	return rtnl_route_parse(h, arg);
}

int rtnl_route_match(struct nl_sock *s, const struct net_addr *a, struct rtnl_route_info *ret,
		     struct nl_fail *f)
{
	struct rtmsg m = { .rtm_family = (uint8_t)a->family, .rtm_flags = RTM_F_FIB_MATCH,
			   .rtm_dst_len = a->family == AF_INET6 ? 128 : 32 };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETROUTE, 0, &m, sizeof(m));
	nl_put(&b, RTA_DST, a->a, m.rtm_dst_len / 8);
	return nl_query(s, &b, got_route, ret, f);
}

static int dumped_route(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct rtnl_route_info i;
	int r = rtnl_route_parse(h, &i);

	return r < 0 ? r : ((rtnl_route_fn)d->fn)(&i, d->arg);
}

int rtnl_route_dump(struct nl_sock *s, int family, int oif, rtnl_route_fn fn, void *arg,
		    struct nl_fail *f)
{
	struct dump d = { (void *)fn, arg };
	struct rtmsg m = { .rtm_family = (uint8_t)family, .rtm_table = RT_TABLE_MAIN };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m));
	if (oif)
		nl_put_u32(&b, RTA_OIF, (uint32_t)oif);
	return nl_query(s, &b, dumped_route, &d, f);
}

/* ---- proxy neighbours ----------------------------------------------- */

int rtnl_proxy_parse(const struct nlmsghdr *h, struct rtnl_proxy_info *ret)
{
	const struct ndmsg *m = nl_msg_hdr(h, sizeof(*m));
	struct nl_span s = nl_msg_attrs(h, sizeof(*m));
	struct rtnl_proxy_info i = { 0 };
	struct nl_attr a;
	bool have = false;
	int r;

	if (h->nlmsg_type != RTM_NEWNEIGH || !m ||
	    (m->ndm_family != AF_INET && m->ndm_family != AF_INET6))
		return -EBADMSG;
	i.ifindex = m->ndm_ifindex;
	i.addr.family = m->ndm_family;
	i.addr.plen = m->ndm_family == AF_INET6 ? 128 : 32;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == NDA_DST)
			have = read_addr(&a, m->ndm_family, &i.addr);
		else if (a.type == NDA_PROTOCOL)
			nl_attr_u8(&a, &i.protocol);
	}
	if (r < 0 || !have)
		return -EBADMSG;
	*ret = i;
	return 0;
}

static int dumped_proxy(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct rtnl_proxy_info i;
	int r = rtnl_proxy_parse(h, &i);

	return r < 0 ? r : ((rtnl_proxy_fn)d->fn)(&i, d->arg);
}

int rtnl_proxy_dump(struct nl_sock *s, int family, rtnl_proxy_fn fn, void *arg,
		    struct nl_fail *f)
{
	struct dump d = { (void *)fn, arg };
	struct ndmsg m = { .ndm_family = (uint8_t)family, .ndm_flags = NTF_PROXY };
	struct nl_batch b;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETNEIGH, NLM_F_DUMP, &m, sizeof(m));
	return nl_query(s, &b, dumped_proxy, &d, f);
}
