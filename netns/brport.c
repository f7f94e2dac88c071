// SPDX-License-Identifier: GPL-2.0-or-later
#include "brport.h"

#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <sys/socket.h>

void brport_guard(struct nl_batch *b, int ifindex, const uint8_t mac[6])
{
	struct ifinfomsg i = { .ifi_index = ifindex };
	/* "static": not aged, and the port's own; the bridge's entry, not the device's */
	struct ndmsg n = { .ndm_family = AF_BRIDGE, .ndm_ifindex = ifindex,
			   .ndm_state = NUD_NOARP, .ndm_flags = NTF_MASTER };
	size_t info, data;

	nl_begin(b, RTM_NEWLINK, 0, &i, sizeof(i));
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nl_nest(b, IFLA_INFO_SLAVE_DATA);
	nl_put_u8(b, IFLA_BRPORT_LEARNING, 0);
	nl_put_u8(b, IFLA_BRPORT_UNICAST_FLOOD, 0);
	nl_nest_end(b, data);
	nl_nest_end(b, info);

	nl_begin(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &n, sizeof(n));
	nl_put(b, NDA_LLADDR, mac, 6);
}
