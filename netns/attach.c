// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole network of a container: made at start, removed at stop. */
#define VZ_ROOM "netns"
#include <sys/socket.h>

#include "ctside.h"
#include "net-traffic.h"
#include "nft.h"

#define LOOPBACK_IFINDEX 1	/* in every namespace (include/net/flow.h) */

static bool wants_venet(const struct net_plan *p)
{
	return p->want_venet || p->n_addrs;
}

/*
 * The host's half comes last: its end goes up when the other one is, and the
 * container cannot be heard before our end is configured.
 */
static int host_side(struct nl_sock *h, const struct net_plan *p, const struct rtnl_link *l,
		     struct vz_err *e)
{
	struct nl_batch b;
	int r;

	nl_batch_reset(&b);
	r = host_venet_conf(&b, l, host_has_family(p->addrs, p->n_addrs, AF_INET6), e);
	return r < 0 ? r : host_addrs_add(h, &b, p, l->ifindex, p->addrs, p->n_addrs, NULL,
				      0, e);
}

/* Makes every pair, guards all in one transaction, and brings the host's ends of veths up. */
static int attach_links(struct nl_sock *h, const struct net_plan *p, int netns_fd,
			struct rtnl_link *venet, struct vz_err *e)
{
	_cleanup_free_ struct ctside_veth *made = xcalloc(p->n_veths + 1, sizeof(*made));
	_cleanup_free_ struct guard_port *ports = xcalloc(p->n_veths + 1, sizeof(*ports));
	size_t n = 0;
	int r = 0;

	if (wants_venet(p)) {
		r = ctside_venet_make(h, p, netns_fd, venet, e);
		if (r >= 0)
			ports[n++] = guard_venet(p);
	}
	for (size_t i = 0; i < p->n_veths && r >= 0; i++) {
		r = ctside_veth_make(h, p->ctid, netns_fd, &p->veths[i], &made[i], e);
		if (r >= 0 && made[i].guarded)
			ports[n++] = made[i].port;
	}
	if (r >= 0)
		r = guard_install(p, ports, n, e);
	for (size_t i = 0; i < p->n_veths && r >= 0; i++)
		r = ctside_veth_up(h, &made[i], e);
	return r;
}

static int attach(struct nl_sock *h, const struct net_plan *p, int netns_fd, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock c = NL_SOCK_INIT;
	struct rtnl_link venet = { 0 };
	struct nl_batch b;
	int r = host_addrs_free(h, p->addrs, p->n_addrs, p->ctid, e);

	if (r >= 0)
		r = host_detect(h, p, p->addrs, p->n_addrs, NULL, 0, e);
	if (r >= 0)
		r = attach_links(h, p, netns_fd, &venet, e);
	if (r >= 0)
		r = ctside_open(netns_fd, &c, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	nl_batch_reset(&b);
	rtnl_link_up(&b, LOOPBACK_IFINDEX);
	if (venet.ifindex) {
		ctside_up(&b, venet.peer);
		r = ctside_addrs_add(&c, &b, p, venet.peer, p->addrs, p->n_addrs, false, e);
	}
	if (r >= 0)
		r = rtnl_commit(&c, &b, VZ_CANT_ADDIP, e);
	return r < 0 || !venet.ifindex ? r : host_side(h, p, &venet, e);
}

int net_attach(const struct net_plan *p, int netns_fd, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r = host_open(&h, VZ_CANT_ADDIP, e);

	if (r < 0)
		return r;
	r = attach(&h, p, netns_fd, e);
	if (r < 0)
		(void)net_detach(p, VZ_IGNORE);
	return r;
}

/* ---- detach --------------------------------------------------------- */

/*
 * Addresses that lead to the container but are no longer in its plan (somebody
 * edited the file): their proxy entries would stay for ever.
 */
static int drop_extra(struct nl_sock *h, const struct net_plan *p, int oif, struct vz_err *e)
{
	struct net_addr *v;
	size_t n;
	int r = host_extra(h, p, oif, &v, &n, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	if (n)
		r = host_addrs_del(h, oif, v, n, VZ_SYSTEM_ERROR, e);
	free(v);
	return r;
}

int net_detach(const struct net_plan *p, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	char name[16];
	int r = host_open(&h, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	net_venet_hostname(p->ctid, name);
	if (host_link(&h, p->ctid, name, &l, VZ_SYSTEM_ERROR, VZ_IGNORE) == 1) {
		r = drop_extra(&h, p, l.ifindex, e);
		if (r < 0)
			return r;
	}
	/* Nothing runs in the container.  What the guard frees, the links' end waits for. */
	r = guard_remove(p->ctid, e);
	if (r >= 0)
		r = host_links_del(&h, p->ctid, VZ_SYSTEM_ERROR, e);
	/* After the links: an address that still has a route is another's. */
	return r < 0 ? r : host_proxies_del(&h, p->addrs, p->n_addrs, VZ_SYSTEM_ERROR, e);
}

void net_tidy(void)
{
	guard_tidy();
	net_traffic_tidy();
}

int net_filter_keep(void)
{
	struct nl_sock *s;
	int r = nft_socket(&s, VZ_SYSTEM_ERROR, VZ_IGNORE);

	if (r < 0)
		return r;
	nft_kept();
	return s->fd;
}
