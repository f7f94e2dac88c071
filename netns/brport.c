// SPDX-License-Identifier: GPL-2.0-or-later
#include "brport.h"

#include "link.h"

void brport_guard(struct nl_batch *b, int ifindex, const uint8_t mac[6])
{
	rtnl_brport(b, ifindex, BRPORT_LEARNING | BRPORT_FLOOD, 0);
	rtnl_fdb(b, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, mac, 0);
}
