// SPDX-License-Identifier: GPL-2.0-or-later
/* Changes of a running container, and questions. */
#define VZ_ROOM "netns"
#include <sys/socket.h>

#include "ctside.h"

static int del_link(struct nl_sock *h, const struct rtnl_link *l, enum vz_code code,
		    struct vz_err *e)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_link_del(&b, l->ifindex);
	nl_tolerate(&b, ENODEV);
	return rtnl_commit(h, &b, code, e);
}

/*
 * @l is the container's venet0; @fresh: made just now.  The host's half first, and last
 * when it is deleted: so what has been done of a call that was killed can be told by the
 * routes alone (host_extra()), and a container that is refused has not seen anything.
 */
static int live_add(struct nl_sock *h, struct nl_sock *c, const struct net_plan *p,
		    const struct rtnl_link *l, bool fresh, const struct net_addr *a, size_t n,
		    const struct net_addr *have, size_t n_have, struct vz_err *e)
{
	bool add6 = host_has_family(a, n, AF_INET6);
	bool have6 = add6 || host_has_family(p->addrs, p->n_addrs, AF_INET6);
	struct guard_port port = guard_venet(p);
	struct nl_batch b;
	int r = 0;

	nl_batch_reset(&b);
	/* Guarded, then up, in the order of net_attach(), for its reasons. */
	if (fresh) {
		port.n_addrs = 0;
		r = guard_port_add(p, &port, e);
		ctside_up(&b, l->peer);
		if (r >= 0)
			r = rtnl_commit(c, &b, VZ_CANT_ADDIP, e);
	}
	if (r >= 0 && (fresh || add6))
		r = host_venet_conf(&b, l, have6, e);
	/* An earlier call may have got as far as the routes: do it all again. */
	if (r >= 0)
		r = host_addrs_add(h, &b, p, l->ifindex, a, n, have, n_have, e);
	if (r >= 0)
		r = guard_addrs_add(p, have, n_have, a, n, e);
	if (r < 0)
		return r;
	nl_batch_reset(&b);
	r = ctside_addrs_add(c, &b, p, l->peer, a, n, !fresh && add6, e);
	return r < 0 ? r : rtnl_commit(c, &b, VZ_CANT_ADDIP, e);
}

/* Takes back those of @a that were not there before a call that failed. */
static void undo_add(struct nl_sock *h, struct nl_sock *c, const struct net_plan *p,
		     const struct rtnl_link *l, const struct net_addr *a, size_t n,
		     const struct net_addr *have, size_t n_have)
{
	struct net_addr *gone = xcalloc(n, sizeof(*gone));
	struct net_addr *stay = xcalloc(p->n_addrs ? p->n_addrs : 1, sizeof(*stay));
	struct net_plan left = { .ctid = p->ctid, .addrs = stay, .tap = p->tap };
	size_t n_gone = 0;
	struct nl_batch b;

	for (size_t i = 0; i < n; i++) {
		if (!host_addrs_have(have, n_have, &a[i]))
			gone[n_gone++] = a[i];
	}
	/* In the plan's order: the first is the source. */
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (host_addrs_have(have, n_have, &p->addrs[i]))
			stay[left.n_addrs++] = p->addrs[i];
	}
	nl_batch_reset(&b);
	(void)ctside_addrs_del(c, &b, &left, l->peer, gone, n_gone, VZ_IGNORE);
	(void)guard_addrs_del(p, have, n_have, gone, n_gone, VZ_IGNORE);
	(void)host_addrs_del(h, l->ifindex, gone, n_gone, VZ_CANT_ADDIP, VZ_IGNORE);
	free(stay);
	free(gone);
}

/* Is one of @a in the plan?  Then a new venet0 gets the whole plan. */
static bool in_plan(const struct net_plan *p, const struct net_addr *a)
{
	for (size_t i = 0; i < p->n_addrs; i++) {
		if (net_addr_same(&p->addrs[i], a))
			return true;
	}
	return false;
}

static int add_to_new(struct nl_sock *h, struct nl_sock *c, const struct net_plan *p,
		      int netns_fd, const struct net_addr *a, size_t n, struct vz_err *e)
{
	struct rtnl_link l = { 0 };
	int r = host_detect(h, p, a, n, NULL, 0, e);

	if (r >= 0)
		r = ctside_venet_make(h, p, netns_fd, &l, e);
	if (r >= 0)
		r = live_add(h, c, p, &l, true, a, n, NULL, 0, e);
	if (r < 0 && l.ifindex) {
		(void)del_link(h, &l, VZ_CANT_ADDIP, VZ_IGNORE);
		(void)guard_port_del(p->ctid, l.name, VZ_IGNORE);
		(void)host_proxies_del(h, a, n, VZ_CANT_ADDIP, VZ_IGNORE);
	}
	return r;
}

int net_addrs_add(const struct net_plan *p, int netns_fd, const struct net_addr *a, size_t n,
		  struct vz_err *e)
{
	static const struct net_plan none;
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	_cleanup_free_ struct net_addr *have = NULL;
	struct rtnl_link l = { 0 };
	size_t n_have = 0;
	char name[16];
	int r;

	if (!n)
		return 0;
	r = host_open(&h, VZ_CANT_ADDIP, e);
	if (r >= 0)
		r = ctside_open(netns_fd, &c, VZ_CANT_ADDIP, e);
	if (r >= 0)
		r = host_addrs_free(&h, a, n, p->ctid, e);
	if (r < 0)
		return r;
	net_venet_hostname(p->ctid, name);
	r = host_link(&h, p->ctid, name, &l, VZ_CANT_ADDIP, e);
	if (r < 0)
		return r;
	/* None yet, or the container deleted it: then all its addresses are gone. */
	if (r == 0)
		return in_plan(p, a) ? add_to_new(&h, &c, p, netns_fd, p->addrs, p->n_addrs, e) :
				       add_to_new(&h, &c, p, netns_fd, a, n, e);
	r = host_extra(&h, &none, l.ifindex, &have, &n_have, VZ_CANT_ADDIP, e);
	if (r >= 0)
		r = host_detect(&h, p, a, n, have, n_have, e);
	if (r < 0)
		return r;
	r = live_add(&h, &c, p, &l, false, a, n, have, n_have, e);
	if (r < 0)
		undo_add(&h, &c, p, &l, a, n, have, n_have);
	return r;
}

/* What is routed over @oif without @a. */
static int without(struct nl_sock *h, int oif, const struct net_addr *a, size_t n,
		   struct net_addr **ret, size_t *ret_n, struct vz_err *e)
{
	static const struct net_plan none;
	_cleanup_free_ struct net_addr *gone = host_addrs_sorted(a, n);
	struct net_addr *v;
	size_t n_all, left = 0;
	int r = host_extra(h, &none, oif, &v, &n_all, VZ_CANT_ADDIP, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n_all; i++) {
		if (!host_addrs_have(gone, n, &v[i]))
			v[left++] = v[i];
	}
	*ret = v;
	*ret_n = left;
	return 0;
}

int net_addrs_del(const struct net_plan *p, int netns_fd, const struct net_addr *a, size_t n,
		  struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	_cleanup_free_ struct net_addr *left = NULL;
	struct rtnl_link l = { 0 };
	size_t n_left = 0;
	struct nl_batch b;
	int r;

	if (!n)
		return 0;
	r = host_open_link(&h, p->ctid, NULL, &l, VZ_CANT_ADDIP, e);
	if (r > 0) {
		r = ctside_open(netns_fd, &c, VZ_CANT_ADDIP, e);
		nl_batch_reset(&b);
		if (r >= 0)
			r = ctside_addrs_del(&c, &b, p, l.peer, a, n, e);
		if (r >= 0)
			r = without(&h, l.ifindex, a, n, &left, &n_left, e);
		if (r >= 0)
			r = guard_addrs_del(p, left, n_left, a, n, e);
	}
	return r < 0 ? r : host_addrs_del(&h, l.ifindex, a, n, VZ_CANT_ADDIP, e);
}

static int restore(struct nl_sock *h, const struct net_plan *p, const struct rtnl_link *l,
		   struct vz_err *e)
{
	static const struct net_plan none;
	_cleanup_free_ struct net_addr *have = NULL;
	/* Its addresses were looked for when they came. */
	struct net_plan quiet = *p;
	struct nl_batch b;
	size_t n_have = 0;
	int r = host_addrs_free(h, p->addrs, p->n_addrs, p->ctid, e);

	quiet.detect = NET_DETECT_NO;
	if (r >= 0)
		r = host_extra(h, &none, l->ifindex, &have, &n_have, VZ_CANT_ADDIP, e);
	nl_batch_reset(&b);
	if (r >= 0)
		r = host_venet_conf(&b, l, host_has_family(p->addrs, p->n_addrs, AF_INET6), e);
	if (r >= 0)
		r = host_addrs_add(h, &b, &quiet, l->ifindex, p->addrs, p->n_addrs, have, n_have,
				   e);
	return r < 0 ? r : guard_venet_again(p, have, n_have, e);
}

static bool guards_veth(const struct net_plan *p)
{
	for (size_t i = 0; i < p->n_veths; i++) {
		if (p->veths[i].mac_filter)
			return true;
	}
	return false;
}

int net_restore(const struct net_plan *p, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	int venet = host_open_link(&h, p->ctid, NULL, &l, VZ_CANT_ADDIP, e), r = venet;

	/* For all ports, also those of net_veth_restore(). */
	if (r > 0 || (r == 0 && guards_veth(p)))
		r = guard_mend(p, e);
	/* Without venet0, which a container may delete, there is nothing to lead anywhere. */
	return r < 0 || !venet ? r : restore(&h, p, &l, e);
}

int net_veth_del(uint32_t ctid, const struct net_veth *v, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	char name[16];
	int r;

	ctside_veth_name(ctid, v, name);
	r = host_open_link(&h, ctid, name, &l, VZ_VETH_ERROR, e);
	if (r > 0)
		r = del_link(&h, &l, VZ_VETH_ERROR, e);
	return r < 0 ? r : guard_port_del(ctid, name, e);
}

/* ---- questions ------------------------------------------------------ */

static int link_stat(uint32_t ctid, const char *name, struct net_stat *ret, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	int r = host_open_link(&h, ctid, name, &l, VZ_SYSTEM_ERROR, e);

	if (r < 0)
		return r;
	if (r == 0 || !l.have_stats)
		return vz_fail(e, VZ_SYSTEM_ERROR, ENODEV, "device %s", name);
	/* What our end sends, the container receives. */
	*ret = (struct net_stat){ .rx_bytes = l.stat.tx_bytes, .rx_packets = l.stat.tx_packets,
				  .tx_bytes = l.stat.rx_bytes, .tx_packets = l.stat.rx_packets };
	return 0;
}

int net_stat(uint32_t ctid, struct net_stat *ret, struct vz_err *e)
{
	char name[16];

	net_venet_hostname(ctid, name);
	return link_stat(ctid, name, ret, e);
}

int net_veth_stat(uint32_t ctid, const struct net_veth *v, struct net_stat *ret, struct vz_err *e)
{
	char name[16];

	ctside_veth_name(ctid, v, name);
	return link_stat(ctid, name, ret, e);
}

int net_addrs_check(const struct net_plan *p, const struct net_addr *a, size_t n,
		    struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r;

	if (!n)
		return 0;
	r = host_open(&h, VZ_CANT_ADDIP, e);
	return r < 0 ? r : host_addrs_free(&h, a, n, p->ctid, e);
}

int net_addrs_detect(const struct net_plan *p, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	int r;

	if (p->detect != NET_DETECT_FIRST || !p->n_addrs)
		return 0;
	r = host_open(&h, VZ_CANT_ADDIP, e);
	return r < 0 ? r : host_detect(&h, p, p->addrs, p->n_addrs, NULL, 0, e);
}

int net_addrs_extra(const struct net_plan *p, struct net_addr **ret, size_t *ret_n,
		    struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_link l;
	int r = host_open_link(&h, p->ctid, NULL, &l, VZ_CANT_ADDIP, e);

	if (r > 0)
		return host_extra(&h, p, l.ifindex, ret, ret_n, VZ_CANT_ADDIP, e);
	if (r == 0) {
		*ret = NULL;
		*ret_n = 0;
	}
	return r;
}
