// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whatever arrives on a netlink socket, through every parser.  The corpus is
 * what a kernel answered (6.18): links, addresses, routes, proxies, errors.
 */
#include "nft.h"
#include "rtnl.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const struct nlmsghdr *h)
{
	struct rtnl_addr_info addr;
	struct rtnl_route_info route;
	struct rtnl_proxy_info proxy;
	struct nl_span elems = nft_elem_list(h);
	struct nft_chain_info chain;
	struct nft_elem_info elem;
	struct nl_fail f = { .have_msg = h->nlmsg_len <= sizeof(f.bytes) };
	struct rtnl_link link;
	struct vz_err e;
	struct nl_ack ack;

	(void)rtnl_link_parse(h, &link);
	(void)rtnl_addr_parse(h, &addr);
	(void)rtnl_route_parse(h, &route);
	(void)rtnl_proxy_parse(h, &proxy);
	(void)nft_rule_chain(h, chain.name, sizeof(chain.name));
	if (nft_chain_parse(h, &chain) == 0)
		(void)nft_chain_has_dev(&chain, "venet0.101");
	while (nft_elem_next(&elems, &elem) > 0)
		;
	if (nl_ack_parse(h, &ack) == 0) {
		if (f.have_msg)
			memcpy(f.bytes, h, h->nlmsg_len);
		f.offs = ack.offs;
		f.miss_type = ack.miss_type;
		snprintf(f.text, sizeof(f.text), "%s", ack.text ?: "");
		/* In life the request is ours: harder than it can get. */
		rtnl_fail(&e, VZ_SYSTEM_ERROR, -EINVAL, &f);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exact size on the heap: a read beyond it is seen. */
	uint8_t *copy = malloc(size ? size : 1);
	struct nl_span s = { copy, size };
	const struct nlmsghdr *h;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	while (nl_msg_next(&s, &h) > 0)
		parse(h);
	free(copy);
	return 0;
}
