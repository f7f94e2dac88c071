// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "link.h"

#include <endian.h>
#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <sys/socket.h>

static const char *const kinds[RTNL_N_KINDS] = {
	[RTNL_BRIDGE] = "bridge", [RTNL_MACVLAN] = "macvlan", [RTNL_VLAN] = "vlan",
	[RTNL_VXLAN] = "vxlan",	  [RTNL_DUMMY] = "dummy",     [RTNL_IFB] = "ifb",
};

int rtnl_kind_by_name(const char *name)
{
	for (int i = 0; i < RTNL_N_KINDS; i++) {
		if (str_eq(kinds[i], name))
			return i;
	}
	return -1;
}

static void put_u16(struct nl_batch *b, uint16_t type, uint16_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

static size_t addr_size(const struct net_addr *a)
{
	return a->family == AF_INET6 ? 16 : 4;
}

static void put_vxlan(struct nl_batch *b, const struct rtnl_newlink *l)
{
	const struct net_addr *local = &l->vxlan.local, *remote = &l->vxlan.remote;

	nl_put_u32(b, IFLA_VXLAN_ID, l->vxlan.vni);
	put_u16(b, IFLA_VXLAN_PORT, htobe16(l->vxlan.port ? l->vxlan.port : 4789));
	nl_put_u8(b, IFLA_VXLAN_LEARNING, l->vxlan.learning);
	if (l->lower)
		nl_put_u32(b, IFLA_VXLAN_LINK, (uint32_t)l->lower);
	if (local->family)
		nl_put(b, local->family == AF_INET6 ? IFLA_VXLAN_LOCAL6 : IFLA_VXLAN_LOCAL,
		       local->a, addr_size(local));
	if (remote->family)
		nl_put(b, remote->family == AF_INET6 ? IFLA_VXLAN_GROUP6 : IFLA_VXLAN_GROUP,
		       remote->a, addr_size(remote));
}

static void put_kind(struct nl_batch *b, const struct rtnl_newlink *l)
{
	switch (l->kind) {
	case RTNL_BRIDGE:
		/* A kernel without VLAN filtering refuses the attribute, whatever its value. */
		if (l->bridge.vlan_filtering)
			nl_put_u8(b, IFLA_BR_VLAN_FILTERING, 1);
		if (l->bridge.no_snooping)
			nl_put_u8(b, IFLA_BR_MCAST_SNOOPING, 0);
		break;
	case RTNL_MACVLAN:
		nl_put_u32(b, IFLA_MACVLAN_MODE,
			   l->macvlan_mode ? l->macvlan_mode : MACVLAN_MODE_BRIDGE);
		break;
	case RTNL_VLAN:
		put_u16(b, IFLA_VLAN_ID, l->vlan_id);
		break;
	case RTNL_VXLAN:
		put_vxlan(b, l);
		break;
	default:
		break;
	}
}

void rtnl_newlink(struct nl_batch *b, const struct rtnl_newlink *l)
{
	struct ifinfomsg i = { .ifi_index = l->ifindex };
	size_t info, data;

	nl_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	nl_put_str(b, IFLA_IFNAME, l->name);
	if (l->have_mac)
		nl_put(b, IFLA_ADDRESS, l->mac, sizeof(l->mac));
	if (l->group)
		nl_put_u32(b, IFLA_GROUP, l->group);
	if (l->mtu)
		nl_put_u32(b, IFLA_MTU, l->mtu);
	if (l->master)
		nl_put_u32(b, IFLA_MASTER, (uint32_t)l->master);
	/* vxlan has its own attribute: IFLA_LINK would be ignored. */
	if (l->lower && l->kind != RTNL_VXLAN)
		nl_put_u32(b, IFLA_LINK, (uint32_t)l->lower);
	if (l->elsewhere)
		nl_put_u32(b, IFLA_NET_NS_FD, (uint32_t)l->netns_fd);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_KIND, kinds[l->kind]);
	data = nl_nest(b, IFLA_INFO_DATA);
	put_kind(b, l);
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void rtnl_setlink(struct nl_batch *b, int ifindex, const struct rtnl_setlink *s)
{
	struct ifinfomsg i = { .ifi_index = ifindex };

	/* Flags come last in a message, and before Linux 6.2 a link that is up keeps its name. */
	if (s->set & RTNL_SET_DOWN) {
		i.ifi_change = IFF_UP;
		nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
		if (s->set == RTNL_SET_DOWN)
			return;
		i.ifi_change = 0;
	}
	nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
	if (s->set & RTNL_SET_NAME)
		nl_put_str(b, IFLA_IFNAME, s->name);
	if (s->set & RTNL_SET_MTU)
		nl_put_u32(b, IFLA_MTU, s->mtu);
	if (s->set & RTNL_SET_MASTER)
		nl_put_u32(b, IFLA_MASTER, (uint32_t)s->master);
	if (s->set & RTNL_SET_MAC)
		nl_put(b, IFLA_ADDRESS, s->mac, sizeof(s->mac));
	if (s->set & RTNL_SET_GROUP)
		nl_put_u32(b, IFLA_GROUP, s->group);
	if (s->set & RTNL_SET_NETNS)
		nl_put_u32(b, IFLA_NET_NS_FD, (uint32_t)s->netns_fd);
	if (s->set & RTNL_SET_IFINDEX)
		nl_put_u32(b, IFLA_NEW_IFINDEX, (uint32_t)s->new_ifindex);
}

/* ---- ports of a bridge ---------------------------------------------- */

void rtnl_brport(struct nl_batch *b, int ifindex, unsigned int mask, unsigned int on)
{
	static const uint16_t attrs[] = {
		IFLA_BRPORT_ISOLATED, IFLA_BRPORT_LOCKED, IFLA_BRPORT_LEARNING,
		IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD, IFLA_BRPORT_BCAST_FLOOD,
		IFLA_BRPORT_MODE, IFLA_BRPORT_GUARD, IFLA_BRPORT_PROTECT,
		IFLA_BRPORT_NEIGH_SUPPRESS,
	};
	struct ifinfomsg i = { .ifi_index = ifindex };
	size_t info, data;

	nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nl_nest(b, IFLA_INFO_SLAVE_DATA);
	for (unsigned int k = 0; k < ARRAY_SIZE(attrs); k++) {
		if (mask >> k & 1)
			nl_put_u8(b, attrs[k], on >> k & 1);
	}
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void rtnl_brvlan(struct nl_batch *b, uint16_t type, int ifindex, uint16_t vid, bool pvid,
		 bool untagged)
{
	struct ifinfomsg i = { .ifi_family = AF_BRIDGE, .ifi_index = ifindex };
	struct bridge_vlan_info v = { .vid = vid };
	bool del = type == RTM_DELLINK;
	size_t spec;

	if (pvid)
		v.flags |= BRIDGE_VLAN_INFO_PVID;
	if (untagged)
		v.flags |= BRIDGE_VLAN_INFO_UNTAGGED;
	nl_begin(b, del ? RTM_DELLINK : RTM_SETLINK, 0, &i, sizeof(i));
	if (del)
		nl_tolerate(b, ENOENT);
	spec = nl_nest(b, IFLA_AF_SPEC);
	nl_put(b, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
	nl_nest_end(b, spec);
}

void rtnl_fdb(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
	      const uint8_t mac[6], uint16_t vid)
{
	struct ndmsg m = { .ndm_family = AF_BRIDGE, .ndm_ifindex = ifindex,
			   .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER };

	nl_begin(b, type, flags, &m, sizeof(m));
	nl_put(b, NDA_LLADDR, mac, 6);
	if (vid)
		put_u16(b, NDA_VLAN, vid);
}

void rtnl_neigh(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex,
		const struct net_addr *a, const uint8_t mac[6])
{
	struct ndmsg m = { .ndm_family = (uint8_t)a->family, .ndm_ifindex = ifindex,
			   .ndm_state = NUD_PERMANENT };

	nl_begin(b, type, flags, &m, sizeof(m));
	nl_put(b, NDA_DST, a->a, a->family == AF_INET6 ? 16 : 4);
	if (type == RTM_NEWNEIGH)
		nl_put(b, NDA_LLADDR, mac, 6);
}

static void add_range(struct rtnl_vlans *v, const struct bridge_vlan_info *from,
		      const struct bridge_vlan_info *to)
{
	for (unsigned int id = from->vid; id <= to->vid && id < RTNL_VLANS; id++) {
		v->on[id / 8] |= (uint8_t)(1 << (id % 8));
		if (from->flags & BRIDGE_VLAN_INFO_UNTAGGED)
			v->untagged[id / 8] |= (uint8_t)(1 << (id % 8));
		if (from->flags & BRIDGE_VLAN_INFO_PVID)
			v->pvid = (uint16_t)id;
	}
}

static int read_vlans(struct nl_span s, struct rtnl_vlans *v)
{
	struct bridge_vlan_info first = { 0 }, i;
	struct nl_attr a;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type != IFLA_BRIDGE_VLAN_INFO || a.v.n < sizeof(i))
			continue;
		memcpy(&i, a.v.p, sizeof(i));
		if (i.flags & BRIDGE_VLAN_INFO_RANGE_BEGIN)
			first = i;
		else if (i.flags & BRIDGE_VLAN_INFO_RANGE_END)
			add_range(v, &first, &i);
		else
			add_range(v, &i, &i);
	}
	return r;
}

int rtnl_brvlan_parse(const struct nlmsghdr *h, struct rtnl_brvlan_want *ret)
{
	const struct ifinfomsg *i = nl_msg_hdr(h, sizeof(*i));
	struct nl_span s = nl_msg_attrs(h, sizeof(*i));
	struct nl_attr a;
	int r;

	if (h->nlmsg_type != RTM_NEWLINK || !i)
		return -EBADMSG;
	if (i->ifi_index != ret->ifindex)
		return 0;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == IFLA_AF_SPEC && read_vlans(a.v, ret->v) < 0)
			return -EBADMSG;
	}
	return r;
}

static int got_brvlan(const struct nlmsghdr *h, void *arg)
{
	return rtnl_brvlan_parse(h, arg);
}

int rtnl_brvlan_get(struct nl_sock *s, int ifindex, struct rtnl_vlans *ret, struct nl_fail *f)
{
	struct ifinfomsg i = { .ifi_family = AF_BRIDGE };
	struct rtnl_brvlan_want w = { ifindex, ret };
	struct nl_batch b;

	memset(ret, 0, sizeof(*ret));
	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETLINK, NLM_F_DUMP, &i, sizeof(i));
	nl_put_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	return nl_query(s, &b, got_brvlan, &w, f);
}

/* ---- policy rules ---------------------------------------------------- */

void rtnl_rule(struct nl_batch *b, uint16_t type, uint16_t flags, const struct rtnl_rule *r)
{
	struct fib_rule_hdr h = { .family = (uint8_t)r->family,
				  .src_len = r->src ? r->src->plen : 0,
				  .dst_len = r->dst ? r->dst->plen : 0,
				  .action = r->table ? FR_ACT_TO_TBL : FR_ACT_UNREACHABLE };

	nl_begin(b, type, flags, &h, sizeof(h));
	nl_put_u32(b, FRA_PRIORITY, r->priority);
	if (r->src)
		nl_put(b, FRA_SRC, r->src->a, addr_size(r->src));
	if (r->dst)
		nl_put(b, FRA_DST, r->dst->a, addr_size(r->dst));
	if (r->iif)
		nl_put_str(b, FRA_IIFNAME, r->iif);
	if (r->oif)
		nl_put_str(b, FRA_OIFNAME, r->oif);
	if (r->mask) {
		nl_put_u32(b, FRA_FWMARK, r->mark);
		nl_put_u32(b, FRA_FWMASK, r->mask);
	}
	if (r->table)
		nl_put_u32(b, FRA_TABLE, r->table);
	nl_put_u8(b, FRA_PROTOCOL, NET_RTPROT);
}
