// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests, and what they are called when they fail. */
#define VZ_ROOM "netns"
#include "rtnl.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/veth.h>
#include <stdio.h>
#include <sys/socket.h>

static size_t addr_len(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

static void put_addr(struct nl_batch *b, uint16_t type, const struct net_addr *a)
{
	nl_put(b, type, a->a, addr_len(a->family));
}

/* ---- links ---------------------------------------------------------- */

static void begin_link(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		       unsigned int set)
{
	struct ifinfomsg i = { .ifi_index = ifindex, .ifi_flags = set, .ifi_change = set };

	nl_begin(b, type, flags, &i, sizeof(i));
}

/*
 * One queue each way: veth makes one per possible CPU otherwise, which costs
 * memory and time for nothing, since its transmit path takes no lock.
 */
static void put_queues(struct nl_batch *b)
{
	nl_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

void rtnl_veth_add(struct nl_batch *b, const struct rtnl_veth *v)
{
	unsigned int arp = v->noarp ? IFF_NOARP : 0;
	struct ifinfomsg peer = { .ifi_flags = arp, .ifi_change = arp };
	size_t info, data, nest;

	begin_link(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, arp);
	nl_put_str(b, IFLA_IFNAME, v->name);
	nl_put(b, IFLA_ADDRESS, v->mac, sizeof(v->mac));
	nl_put_u32(b, IFLA_GROUP, v->group);
	if (v->master)
		nl_put_u32(b, IFLA_MASTER, (uint32_t)v->master);
	if (v->mtu)
		nl_put_u32(b, IFLA_MTU, v->mtu);
	put_queues(b);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_KIND, "veth");
	data = nl_nest(b, IFLA_INFO_DATA);
	nest = nl_nest(b, VETH_INFO_PEER);
	nl_put_raw(b, &peer, sizeof(peer));
	nl_put_str(b, IFLA_IFNAME, v->peer_name);
	nl_put(b, IFLA_ADDRESS, v->peer_mac, sizeof(v->peer_mac));
	nl_put_u32(b, IFLA_NET_NS_FD, (uint32_t)v->peer_netns_fd);
	if (v->mtu)
		nl_put_u32(b, IFLA_MTU, v->mtu);
	put_queues(b);
	nl_nest_end(b, nest);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void rtnl_link_up(struct nl_batch *b, int ifindex)
{
	begin_link(b, RTM_NEWLINK, 0, ifindex, IFF_UP);
}

void rtnl_group_del(struct nl_batch *b, uint32_t group)
{
	begin_link(b, RTM_DELLINK, 0, 0, 0);
	nl_put_u32(b, IFLA_GROUP, group);
}

void rtnl_link_del(struct nl_batch *b, int ifindex)
{
	begin_link(b, RTM_DELLINK, 0, ifindex, 0);
}

void rtnl_link_conf(struct nl_batch *b, int ifindex, const struct rtnl_inet_conf *conf, size_t n,
		    bool ipv6)
{
	size_t spec, inet, set;

	begin_link(b, RTM_NEWLINK, 0, ifindex, 0);
	spec = nl_nest(b, IFLA_AF_SPEC);
	if (n) {
		inet = nl_nest(b, AF_INET);
		set = nl_nest(b, IFLA_INET_CONF);
		for (size_t i = 0; i < n; i++)
			nl_put_u32(b, conf[i].id, conf[i].value);
		nl_nest_end(b, set);
		nl_nest_end(b, inet);
	}
	if (ipv6) {
		inet = nl_nest(b, AF_INET6);
		nl_put_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		nl_nest_end(b, inet);
	}
	nl_nest_end(b, spec);
}

/* ---- addresses, routes, neighbours ---------------------------------- */

void rtnl_addr(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
	       const struct net_addr *a, const char *label)
{
	struct ifaddrmsg m = { .ifa_family = (uint8_t)a->family,
			       .ifa_prefixlen = a->family == AF_INET6 ? 128 : 32,
			       .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = (uint32_t)ifindex };

	nl_begin(b, type, flags, &m, sizeof(m));
	put_addr(b, IFA_LOCAL, a);
	put_addr(b, IFA_ADDRESS, a);
	/* A host address needs neither a prefix route nor duplicate detection. */
	if (type == RTM_NEWADDR && a->family == AF_INET6)
		nl_put_u32(b, IFA_FLAGS, IFA_F_NODAD | IFA_F_NOPREFIXROUTE);
	if (label)
		nl_put_str(b, IFA_LABEL, label);
}

void rtnl_addr_net(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		   const struct net_addr *a)
{
	struct ifaddrmsg m = { .ifa_family = (uint8_t)a->family, .ifa_prefixlen = a->plen,
			       .ifa_scope = RT_SCOPE_UNIVERSE, .ifa_index = (uint32_t)ifindex };

	nl_begin(b, type, flags, &m, sizeof(m));
	put_addr(b, IFA_LOCAL, a);
	put_addr(b, IFA_ADDRESS, a);
	if (type == RTM_NEWADDR && a->family == AF_INET6)
		nl_put_u32(b, IFA_FLAGS, IFA_F_NODAD);
}

void rtnl_route(struct nl_batch *b, uint16_t type, uint16_t flags, const struct rtnl_route *r)
{
	bool del = type == RTM_DELROUTE;
	struct rtmsg m = { .rtm_family = (uint8_t)r->family, .rtm_table = RT_TABLE_MAIN,
			   .rtm_protocol = NET_RTPROT,
			   .rtm_type = r->type ? r->type : RTN_UNICAST };

	if (r->dst)
		m.rtm_dst_len = net_addr_route_len(r->dst);
	if (r->family == AF_INET)
		m.rtm_scope = del ? RT_SCOPE_NOWHERE :
			      r->via || !r->oif ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	if (r->via)
		m.rtm_flags = RTNH_F_ONLINK;
	nl_begin(b, type, flags, &m, sizeof(m));
	if (r->dst)
		put_addr(b, RTA_DST, r->dst);
	if (r->via)
		put_addr(b, RTA_GATEWAY, r->via);
	if (r->src)
		put_addr(b, RTA_PREFSRC, r->src);
	if (r->oif)
		nl_put_u32(b, RTA_OIF, (uint32_t)r->oif);
}

void rtnl_proxy(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		const struct net_addr *a)
{
	struct ndmsg m = { .ndm_family = (uint8_t)a->family, .ndm_ifindex = ifindex,
			   .ndm_state = NUD_PERMANENT, .ndm_flags = NTF_PROXY };

	nl_begin(b, type, flags, &m, sizeof(m));
	put_addr(b, NDA_DST, a);
	if (type == RTM_NEWNEIGH)
		nl_put_u8(b, NDA_PROTOCOL, NET_RTPROT);
}

/* ---- errors --------------------------------------------------------- */

/* Message types come in fours: linux/rtnetlink.h. */
enum { CLASS_LINK, CLASS_ADDR, CLASS_ROUTE, CLASS_NEIGH, CLASS_RULE, CLASS_QDISC, CLASS_TCLASS,
       CLASS_FILTER, N_CLASSES };

struct class {
	const char *noun;
	size_t hdr;
	uint16_t name;		/* attribute with the object's address or name */
	const char *attr[40];
};

#define A(n) [n] = #n
static const struct class classes[N_CLASSES] = {
	[CLASS_LINK] = { "link", sizeof(struct ifinfomsg), IFLA_IFNAME,
		{ A(IFLA_ADDRESS), A(IFLA_IFNAME), A(IFLA_MASTER), A(IFLA_LINKINFO), A(IFLA_GROUP),
		  A(IFLA_AF_SPEC), A(IFLA_NET_NS_FD), A(IFLA_EXT_MASK), A(IFLA_NUM_TX_QUEUES),
		  A(IFLA_NUM_RX_QUEUES), A(IFLA_MTU), A(IFLA_LINK) } },
	[CLASS_ADDR] = { "address", sizeof(struct ifaddrmsg), IFA_LOCAL,
		{ A(IFA_ADDRESS), A(IFA_LOCAL), A(IFA_LABEL), A(IFA_FLAGS) } },
	[CLASS_ROUTE] = { "route to", sizeof(struct rtmsg), RTA_DST,
		{ A(RTA_DST), A(RTA_GATEWAY), A(RTA_PREFSRC), A(RTA_OIF) } },
	[CLASS_NEIGH] = { "proxy neighbour", sizeof(struct ndmsg), NDA_DST,
		{ A(NDA_DST), A(NDA_PROTOCOL), A(NDA_LLADDR), A(NDA_VLAN) } },
	[CLASS_RULE] = { "routing rule from", sizeof(struct fib_rule_hdr), FRA_SRC,
		{ A(FRA_SRC), A(FRA_DST), A(FRA_IIFNAME), A(FRA_OIFNAME), A(FRA_FWMARK),
		  A(FRA_FWMASK), A(FRA_TABLE), A(FRA_PRIORITY), A(FRA_PROTOCOL) } },
	[CLASS_QDISC] = { "queue of device", sizeof(struct tcmsg), 0,
		{ A(TCA_KIND), A(TCA_OPTIONS) } },
	[CLASS_TCLASS] = { "traffic class of device", sizeof(struct tcmsg), 0,
		{ A(TCA_KIND), A(TCA_OPTIONS) } },
	[CLASS_FILTER] = { "filter of device", sizeof(struct tcmsg), 0,
		{ A(TCA_KIND), A(TCA_OPTIONS) } },
};
#undef A

static const char *const verbs[] = { "add", "delete", "get", "set" };

static void object_name(const struct nlmsghdr *h, const struct class *c, char *buf, size_t size)
{
	const struct ifinfomsg *i = nl_msg_hdr(h, sizeof(*i));
	struct nl_span s = nl_msg_attrs(h, c->hdr);
	struct net_addr addr = { .plen = 128 };
	const struct tcmsg *t = nl_msg_hdr(h, sizeof(*t));
	struct nl_attr a;

	snprintf(buf, size, c == &classes[CLASS_RULE] ? "all" : "default");
	if (c == &classes[CLASS_LINK] && i)
		snprintf(buf, size, "#%d", i->ifi_index);
	if (c >= &classes[CLASS_QDISC] && t) {
		snprintf(buf, size, "#%d", t->tcm_ifindex);
		return;
	}
	while (nl_attr_next(&s, &a) > 0) {
		if (c == &classes[CLASS_NEIGH] && a.type == NDA_LLADDR && a.v.n == 6)
			snprintf(buf, size, "%02x:%02x:%02x:%02x:%02x:%02x", a.v.p[0], a.v.p[1],
				 a.v.p[2], a.v.p[3], a.v.p[4], a.v.p[5]);
		if (a.type != c->name)
			continue;
		if (c == &classes[CLASS_LINK]) {
			snprintf(buf, size, "%s", nl_attr_str(&a) ?: "?");
		} else if (a.v.n == 4 || a.v.n == 16) {
			char text[NET_ADDR_STRLEN];

			addr.family = a.v.n == 4 ? AF_INET : AF_INET6;
			memcpy(addr.a, a.v.p, a.v.n);
			snprintf(buf, size, "%s", net_addr_format(&addr, text));
		}
	}
}

/* The top-level attribute of our request at @offs, as the kernel counts from its header. */
static const char *attr_at(const struct nlmsghdr *h, const struct class *c, uint32_t offs)
{
	struct nl_span s = nl_msg_attrs(h, c->hdr);
	const char *name = NULL;
	struct nl_attr a;

	if (offs < sizeof(*h) + c->hdr)
		return NULL;
	while ((const uint8_t *)h + offs >= s.p && nl_attr_next(&s, &a) > 0)
		name = a.type < ARRAY_SIZE(c->attr) ? c->attr[a.type] : NULL;
	return name;
}

/* The kernel's forwarding entries are neighbours of a family of their own. */
static const char *noun(const struct nlmsghdr *h, unsigned int cls)
{
	const struct ndmsg *m = nl_msg_hdr(h, sizeof(*m));

	if (cls == CLASS_NEIGH && m && m->ndm_family == AF_BRIDGE)
		return "forwarding entry";
	return classes[cls].noun;
}

int rtnl_fail(struct vz_err *e, enum vz_code code, int err, const struct nl_fail *f)
{
	char object[NET_ADDR_STRLEN];
	const char *attr = NULL;
	unsigned int kind, cls;

	if (!f->have_msg)
		return vz_fail(e, code, -err, "cannot talk to the kernel (rtnetlink)");
	kind = (f->msg.nlmsg_type - RTM_BASE) & 3;
	cls = (f->msg.nlmsg_type - RTM_BASE) >> 2;
	if (cls >= N_CLASSES || !classes[cls].noun)
		return vz_fail(e, code, -err, "rtnetlink request %u", f->msg.nlmsg_type);
	/* A link that exists is changed by the message that adds one. */
	if (cls == CLASS_LINK && kind == 0 && !(f->msg.nlmsg_flags & NLM_F_CREATE))
		kind = 3;
	object_name(&f->msg, &classes[cls], object, sizeof(object));
	if (f->offs)
		attr = attr_at(&f->msg, &classes[cls], f->offs);
	else if (f->miss_type && f->miss_type < ARRAY_SIZE(classes[cls].attr))
		attr = classes[cls].attr[f->miss_type];
	return vz_fail(e, code, -err, "cannot %s %s %s%s%s%s%s%s%s", verbs[kind],
		       noun(&f->msg, cls), object, *f->text || attr ? " (" : "", f->text,
		       *f->text && attr ? ", " : "", attr ? "attribute " : "", attr ?: "",
		       *f->text || attr ? ")" : "");
}

int rtnl_commit(struct nl_sock *s, struct nl_batch *b, enum vz_code code, struct vz_err *e)
{
	struct nl_fail f;
	int r = nl_commit(s, b, &f);

	if (r < 0)
		r = rtnl_fail(e, code, r, &f);
	nl_batch_reset(b);
	return r;
}

int rtnl_flush(struct nl_sock *s, struct nl_batch *b, enum vz_code code, struct vz_err *e)
{
	return nl_batch_has_room(b, RTNL_ROOM) ? 0 : rtnl_commit(s, b, code, e);
}
