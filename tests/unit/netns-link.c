// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of link.h: attributes where the kernel looks for them; a hostile VLAN dump. */
#include "link.h"
#include "tests/lib/tap.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <sys/socket.h>

/* The attribute at the path of types @t within @s; an empty span without. */
static struct nl_span at(struct nl_span s, const uint16_t *t, size_t n)
{
	struct nl_attr a;

	for (size_t i = 0; i < n; i++) {
		bool found = false;

		while (!found && nl_attr_next(&s, &a) > 0)
			found = a.type == t[i];
		if (!found)
			return (struct nl_span){ 0 };
		s = a.v;
	}
	return s;
}

#define AT(b, ...)                                                                   \
	at(nl_msg_attrs((const void *)(b)->buf, sizeof(struct ifinfomsg)),           \
	   (const uint16_t[]){ __VA_ARGS__ },                                        \
	   sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t))

static const char *text(struct nl_span s)
{
	return s.n ? (const char *)s.p : "(none)";
}

TEST(kinds)
{
	static const char *const names[] = { "bridge", "macvlan", "vlan", "vxlan", "dummy", "ifb" };
	struct nl_batch b;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct rtnl_newlink l = { .kind = (enum rtnl_kind)rtnl_kind_by_name(names[i]),
					  .name = "x0", .mtu = 1400, .lower = 7 };

		nl_batch_reset(&b);
		rtnl_newlink(&b, &l);
		is_str(text(AT(&b, IFLA_LINKINFO, IFLA_INFO_KIND)), names[i]);
		is_str(text(AT(&b, IFLA_IFNAME)), "x0");
		is_int(AT(&b, IFLA_MTU).n, 4);
		ok(!b.overflow);
	}
	is_int(rtnl_kind_by_name("vnic"), -1);
}

TEST(vlan_and_vxlan)
{
	struct rtnl_newlink l = { .kind = RTNL_VLAN, .name = "v", .lower = 3, .vlan_id = 4094 };
	struct nl_batch b;
	struct nl_span s;

	nl_batch_reset(&b);
	rtnl_newlink(&b, &l);
	s = AT(&b, IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_VLAN_ID);
	is_int(s.n, 2);
	ok(s.n == 2 && s.p[0] == 0xfe && s.p[1] == 0x0f);
	l = (struct rtnl_newlink){ .kind = RTNL_VXLAN, .name = "v", .lower = 3,
				   .vxlan = { .vni = 42 } };
	is_int(net_addr_parse("192.0.2.9", &l.vxlan.local), 0);
	nl_batch_reset(&b);
	rtnl_newlink(&b, &l);
	is_int(AT(&b, IFLA_LINK).n, 0);
	is_int(AT(&b, IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_VXLAN_LINK).n, 4);
	is_int(AT(&b, IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_VXLAN_LOCAL).n, 4);
	is_int(AT(&b, IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_VXLAN_GROUP).n, 0);
	/* 4789, network byte order */
	s = AT(&b, IFLA_LINKINFO, IFLA_INFO_DATA, IFLA_VXLAN_PORT);
	ok(s.n == 2 && s.p[0] == 0x12 && s.p[1] == 0xb5);
}

TEST(brport_flags)
{
	struct nl_batch b;
	struct nl_span s;

	nl_batch_reset(&b);
	rtnl_brport(&b, 5, BRPORT_ISOLATED | BRPORT_FLOOD, BRPORT_ISOLATED);
	s = AT(&b, IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_ISOLATED);
	ok(s.n == 1 && s.p[0] == 1);
	s = AT(&b, IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_UNICAST_FLOOD);
	ok(s.n == 1 && s.p[0] == 0);
	is_int(AT(&b, IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_LEARNING).n, 0);
}

TEST(vlan_dump)
{
	struct ifinfomsg i = { .ifi_family = AF_BRIDGE, .ifi_index = 5 };
	static const struct bridge_vlan_info v[] = {
		{ BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, 10 },
		{ BRIDGE_VLAN_INFO_RANGE_BEGIN, 20 }, { BRIDGE_VLAN_INFO_RANGE_END, 22 },
		{ BRIDGE_VLAN_INFO_RANGE_BEGIN, 4000 }, { BRIDGE_VLAN_INFO_RANGE_END, 65535 },
	};
	struct rtnl_vlans got = { 0 };
	struct rtnl_brvlan_want w = { 5, &got };
	struct nl_batch b;
	size_t spec;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_NEWLINK, 0, &i, sizeof(i));
	spec = nl_nest(&b, IFLA_AF_SPEC);
	for (size_t k = 0; k < ARRAY_SIZE(v); k++)
		nl_put(&b, IFLA_BRIDGE_VLAN_INFO, &v[k], sizeof(v[k]));
	nl_nest_end(&b, spec);
	is_int(rtnl_brvlan_parse((const void *)b.buf, &w), 0);
	is_int(got.pvid, 10);
	ok(rtnl_vlan_has(got.on, 21) && !rtnl_vlan_has(got.untagged, 21));
	ok(!rtnl_vlan_has(got.on, 23) && rtnl_vlan_has(got.on, 4095));
	w.ifindex = 6;
	memset(&got, 0, sizeof(got));
	is_int(rtnl_brvlan_parse((const void *)b.buf, &w), 0);
	is_int(got.pvid, 0);
}

TEST(sysctl_stays_below_net)
{
	char v[8];

	is_int(net_sysctl_get(-1, "../kernel/pid_max", v, sizeof(v)), -EINVAL);
	is_int(net_sysctl_set(-1, "/proc/sys/kernel/pid_max", "1"), -EINVAL);
}

TAP_MAIN()
