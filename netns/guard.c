// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which of its two ways guards a port: nf_tables, or BPF where the kernel has tcx (Linux
 * 6.6).  A port that was made the other way, by another vzctl or under other
 * settings, gets the new one before the old one goes.
 */
#define VZ_ROOM "netns"
#include "guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "dp.h"
#include "guard-int.h"
#include "host.h"

struct guard_port guard_venet(const struct net_plan *p)
{
	struct guard_port port = { .routed = true, .addrs = p->addrs, .n_addrs = p->n_addrs };

	net_venet_hostname(p->ctid, port.dev);
	return port;
}

struct net_addr guard_local_addr(const struct guard_port *p)
{
	struct net_addr a = { AF_INET6, { 0xfe, 0x80, [11] = 0xff, [12] = 0xfe }, 128 };

	memcpy(a.a + 8, p->mac, 3);
	memcpy(a.a + 13, p->mac + 3, 3);
	a.a[8] ^= 2;
	return a;
}

/* Prefixes that overlap are one in the other. */
bool guard_addr_covered(const struct guard_port *p, size_t i)
{
	const struct net_addr *a = &p->addrs[i];

	for (size_t k = 0; k < p->n_addrs; k++) {
		const struct net_addr *b = &p->addrs[k];

		if (k == i || a->family != b->family || !net_addr_overlaps(a, b))
			continue;
		if (net_addr_route_len(b) < net_addr_route_len(a) ||
		    (net_addr_route_len(b) == net_addr_route_len(a) && k < i))
			return true;
	}
	return false;
}

void guard_addr_bounds(const struct net_addr *a, uint8_t first[16], uint8_t last[16])
{
	unsigned int plen = net_addr_route_len(a);

	for (size_t i = 0; i < host_addr_len(a); i++) {
		unsigned int bits = plen > i * 8 ? plen - (unsigned int)i * 8 : 0;
		uint8_t mask = bits >= 8 ? 0xff : (uint8_t)(0xff << (8 - bits));

		first[i] = a->a[i] & mask;
		last[i] = a->a[i] | (uint8_t)~mask;
	}
}

/* 1: BPF.  0: nf_tables, which also stands in where the plan leaves the choice. */
int guard_way(const struct net_plan *p, struct vz_err *e)
{
	struct vz_err why = VZ_ERR_INIT;
	int r;

	if (p->filter == NET_FILTER_NFT)
		return 0;
	r = dp_make(&why);
	if (r >= 0)
		return 1;
	if (p->filter == NET_FILTER_BPF)
		return r == -EOPNOTSUPP ? vz_fail(e, VZ_BAD_KERNEL, EOPNOTSUPP,
				"NET_FILTER=bpf: no tcx in this kernel (Linux 6.6), or this "
				"vzctl was built without clang") :
			vz_fail(e, why.code, -r, "%s", why.msg);
	if (r != -EOPNOTSUPP)
		vz_warn("%s; nf_tables guards the container's ports", why.msg);
	return 0;
}

/* Are there maps, whoever made them? */
static bool have_maps(void)
{
	return dp_open(VZ_IGNORE) >= 0;
}

int guard_install(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_err *e)
{
	int r;

	if (!n || p->guard == NET_GUARD_NO)
		return 0;
	r = guard_way(p, e);
	if (r <= 0)
		return r < 0 ? r : nft_guard_install(p, ports, n, e);
	/* Chains of one that was killed would take the devices of this one. */
	r = nft_guard_remove(p->ctid, e);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = bpf_guard_put(p->ctid, p->bcast_rate, &ports[i], e);
	return r;
}

int guard_port_add(const struct net_plan *p, const struct guard_port *port, struct vz_err *e)
{
	int r, way;

	if (p->guard == NET_GUARD_NO)
		return 0;
	way = guard_way(p, e);
	if (way < 0)
		return way;
	r = way ? bpf_guard_put(p->ctid, p->bcast_rate, port, e) : nft_guard_port_add(p, port, e);
	if (r >= 0 && way)
		return nft_guard_port_del(p->ctid, port->dev, e);
	return r < 0 || !have_maps() ? r : bpf_guard_del(p->ctid, port->dev, e);
}

int guard_port_del(uint32_t ctid, const char *dev, struct vz_err *e)
{
	int r = have_maps() ? bpf_guard_del(ctid, dev, e) : 0;

	return r < 0 ? r : nft_guard_port_del(ctid, dev, e);
}

int guard_remove(uint32_t ctid, struct vz_err *e)
{
	int r = have_maps() ? bpf_guard_del(ctid, NULL, e) : 0;

	return r < 0 ? r : nft_guard_remove(ctid, e);
}

/* venet0's port with these and those addresses. */
static int again(const struct net_plan *p, const struct net_addr *a, size_t n_a,
		 const struct net_addr *b, size_t n_b, struct vz_err *e)
{
	_cleanup_free_ struct net_addr *all = xcalloc(n_a + n_b + 1, sizeof(*all));
	struct guard_port port = guard_venet(p);

	if (n_a)
		memcpy(all, a, n_a * sizeof(*all));
	if (n_b)
		memcpy(all + n_a, b, n_b * sizeof(*all));
	port.addrs = all;
	port.n_addrs = n_a + n_b;
	return guard_port_add(p, &port, e);
}

int guard_addrs_add(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int way = p->guard == NET_GUARD_NO ? 0 : guard_way(p, e);

	if (way < 0)
		return way;
	return way ? again(p, have, n_have, a, n, e) :
		     nft_guard_addrs_add(p, have, n_have, a, n, e);
}

int guard_addrs_del(const struct net_plan *p, const struct net_addr *left, size_t n_left,
		    const struct net_addr *a, size_t n, struct vz_err *e)
{
	int way = p->guard == NET_GUARD_NO ? 0 : guard_way(p, e);

	if (way < 0)
		return way;
	return way ? again(p, left, n_left, NULL, 0, e) :
		     nft_guard_addrs_del(p, left, n_left, a, n, e);
}

int guard_venet_again(const struct net_plan *p, const struct net_addr *have, size_t n_have,
		      struct vz_err *e)
{
	return again(p, have, n_have, p->addrs, p->n_addrs, e);
}

void guard_tidy(void)
{
	nft_guard_tidy();
	if (have_maps())
		bpf_guard_tidy();
}

int guard_mend(const struct net_plan *p, struct vz_err *e)
{
	int way = p->guard == NET_GUARD_NO ? 1 : guard_way(p, e);

	/* Programs are made whole or not at all. */
	return way > 0 ? 0 : way < 0 ? way : nft_guard_mend(p, e);
}

int guard_compare(const struct net_plan *p, const struct guard_port *ports, size_t n,
		  struct vz_strv *ret, struct vz_err *e)
{
	if (!have_maps() || bpf_guard_has(p->ctid, NULL) <= 0)
		return nft_guard_compare(p, ports, n, ret, e);
	bpf_guard_compare(p->bcast_rate, ports, n, ret);
	return 0;
}

int guard_look(uint32_t ctid, struct vz_strv *ret, bool *ret_bpf, guard_drop_fn fn, void *arg,
	       struct vz_err *e)
{
	*ret_bpf = have_maps() && bpf_guard_has(ctid, NULL) > 0;
	return *ret_bpf ? bpf_guard_look(ctid, ret, fn, arg, e) :
			  nft_guard_look(ctid, ret, fn, arg, e);
}
