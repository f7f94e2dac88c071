// SPDX-License-Identifier: GPL-2.0-or-later
/* A look against the plan.  Nothing is asked of the kernel. */
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "ctside.h"
#include "look.h"

__printf(2, 3) static void differs(struct vz_strv *ret, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	vz_strv_add(ret, text);
}

static const struct net_look_link *find_host(const struct net_look *l, const char *host)
{
	for (size_t i = 0; i < l->n_links; i++)
		if (l->links[i].host.ifindex && str_eq(l->links[i].host.name, host))
			return &l->links[i];
	return NULL;
}

static bool has_addr(const struct net_look_list *l, const struct net_addr *a, const char *dev,
		     bool exact)
{
	for (size_t i = 0; i < l->n; i++)
		if (net_addr_same(&l->v[i].a, a) && str_eq(l->v[i].dev, dev) &&
		    (!exact || l->v[i].a.plen == a->plen))
			return true;
	return false;
}

static void mac_text(const uint8_t m[6], char buf[18])
{
	snprintf(buf, 18, "%02X:%02X:%02X:%02X:%02X:%02X", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static bool given(const char *s)
{
	return s && *s;
}

static void compare_mac(const char *ifname, const struct net_look_end *end, const char *want,
			struct vz_strv *ret)
{
	char mac[18];

	mac_text(end->mac, mac);
	if (end->ifindex && given(want) && strcasecmp(mac, want) != 0)
		differs(ret, "%s: the MAC address of %s is %s, not %s", ifname, end->name, mac,
			want);
}

static void compare_mtu(const char *ifname, const struct net_look_end *end, uint32_t want,
			struct vz_strv *ret)
{
	if (end->ifindex && want && end->mtu != want)
		differs(ret, "%s: the MTU of %s is %u, not %u", ifname, end->name, end->mtu, want);
}

static bool is_in(const uint16_t *v, size_t n, uint16_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == id)
			return true;
	return false;
}

static void compare_port(const struct net_veth *v, const struct net_look_link *n,
			 struct vz_strv *ret)
{
	/* Without a bridge in the config it is the administrator's script that may have one. */
	if (!given(v->bridge))
		return;
	if (!str_eq(n->bridge, v->bridge)) {
		differs(ret, "%s: %s is in %s%s, not in bridge %s", v->ifname, n->host.name,
			*n->bridge ? "bridge " : "no bridge", n->bridge, v->bridge);
		return;
	}
	if (!v->pvid && !v->n_tagged)
		return;
	if (n->pvid != v->pvid)
		differs(ret, "%s: untagged frames of %s are of VLAN %u, not %u", v->ifname,
			n->host.name, n->pvid, v->pvid);
	for (size_t i = 0; i < v->n_tagged; i++)
		if (!is_in(n->tagged, n->n_tagged, v->tagged[i]))
			differs(ret, "%s: %s is not in VLAN %u", v->ifname, n->host.name,
				v->tagged[i]);
	for (size_t i = 0; i < n->n_tagged; i++)
		if (!is_in(v->tagged, v->n_tagged, n->tagged[i]))
			differs(ret, "%s: %s is in VLAN %u, which the configuration has not",
				v->ifname, n->host.name, n->tagged[i]);
}

/* False: without the pair there is nothing more to say. */
static bool compare_pair(const char *ifname, const char *host, const struct net_look_link *n,
			 const struct net_look *l, struct vz_strv *ret)
{
	if (!n) {
		differs(ret, "%s: link %s is missing", ifname, host);
		return false;
	}
	if (!n->host.up)
		differs(ret, "%s: %s is down", ifname, host);
	/* What was not told is not missing. */
	if (!n->ct.ifindex && !l->torn)
		differs(ret, "%s: the other end of %s is not in the container's network", ifname,
			host);
	if (n->ct.ifindex && !str_eq(n->ct.name, ifname))
		differs(ret, "%s: is called %s inside", ifname, n->ct.name);
	return true;
}

static void compare_guard(const struct net_plan *p, const char *ifname, const char *host,
			  const struct net_look *l, struct vz_strv *ret)
{
	if (p->guard == NET_GUARD_NO || vz_strv_has(&l->guards, host))
		return;
	differs(ret, "%s: nothing guards %s: it is no port of the guard", ifname, host);
}

static void compare_inside(const char *ifname, const struct net_addr *a,
			   const struct net_look_link *n, const struct net_look *l,
			   struct vz_strv *ret)
{
	char text[NET_ADDR_STRLEN];
	struct net_addr full = *a;

	full.plen = a->family == AF_INET6 ? 128 : 32;
	if (n->ct.ifindex && !l->torn && !has_addr(&l->addrs, a, n->ct.name, false))
		differs(ret, "%s: address %s is missing inside", ifname,
			net_addr_format(&full, text));
}

static void compare_veth(const struct net_plan *p, const struct net_veth *v,
			 const struct net_look *l, struct vz_strv *ret)
{
	const struct net_look_link *n;
	char host[16];

	ctside_veth_name(p->ctid, v, host);
	n = find_host(l, host);
	if (!compare_pair(v->ifname, host, n, l, ret))
		return;
	compare_mac(v->ifname, &n->ct, v->mac, ret);
	compare_mac(v->ifname, &n->host, v->host_mac, ret);
	compare_mtu(v->ifname, &n->ct, v->mtu, ret);
	compare_mtu(v->ifname, &n->host, v->mtu, ret);
	compare_port(v, n, ret);
	if (v->mac_filter)
		compare_guard(p, v->ifname, host, l, ret);
	for (size_t i = 0; i < v->n_addrs && !v->tap; i++)
		compare_inside(v->ifname, &v->addrs[i], n, l, ret);
}

static void compare_routes(const struct net_plan *p, const char *host, const struct net_look *l,
			   struct vz_strv *ret)
{
	char text[NET_ADDR_STRLEN];

	for (size_t i = 0; i < p->n_addrs; i++) {
		struct net_addr a = p->addrs[i];

		a.plen = net_addr_route_len(&a);
		if (!has_addr(&l->routes, &a, host, true))
			differs(ret, "venet0: the route to %s over %s is missing",
				net_addr_format(&a, text), host);
	}
	for (size_t i = 0; i < l->routes.n; i++) {
		const struct net_look_addr *x = &l->routes.v[i];
		bool known = !str_eq(x->dev, host);

		for (size_t k = 0; k < p->n_addrs && !known; k++)
			known = net_addr_same_route(&p->addrs[k], &x->a);
		if (!known)
			differs(ret, "venet0: %s is routed to it and not in the configuration",
				net_addr_format(&x->a, text));
	}
}

static void compare_venet(const struct net_plan *p, const struct net_look *l,
			  struct vz_strv *ret)
{
	const struct net_look_link *n;
	char host[16], text[NET_ADDR_STRLEN];

	net_venet_hostname(p->ctid, host);
	n = find_host(l, host);
	if (!n && !p->n_addrs)
		return;
	if (!compare_pair("venet0", host, n, l, ret))
		return;
	if (n->ct.ifindex && !n->ct.up)
		differs(ret, "venet0: is down inside");
	for (size_t i = 0; i < p->n_addrs; i++) {
		struct net_addr own = net_addr_own(&p->addrs[i]);

		if (!p->tap)
			compare_inside("venet0", &own, n, l, ret);
	}
	compare_routes(p, host, l, ret);
	for (size_t i = 0; i < l->proxies.n; i++) {
		struct net_addr a = l->proxies.v[i].a;

		a.plen = a.family == AF_INET6 ? 128 : 32;
		if (l->proxies.v[i].missing)
			differs(ret, "venet0: %s does not answer for %s (proxy neighbour)",
				l->proxies.v[i].dev, net_addr_format(&a, text));
	}
	compare_guard(p, "venet0", host, l, ret);
}

void net_look_compare(const struct net_plan *p, const struct net_look *l, struct vz_strv *ret)
{
	for (size_t i = 0; i < l->guard_faults.n; i++)
		vz_strv_add(ret, l->guard_faults.v[i]);
	if (l->torn)
		differs(ret, "the container keeps changing its links: not all were seen");
	compare_venet(p, l, ret);
	for (size_t i = 0; i < p->n_veths; i++)
		compare_veth(p, &p->veths[i], l, ret);
	if (l->nat_missing)
		differs(ret, "PORTFWD, NAT: %zu entries of table inet vz_nat are missing",
			l->nat_missing);
	if (l->nat_extra)
		differs(ret, "PORTFWD, NAT: %zu entries of table inet vz_nat are not configured",
			l->nat_extra);
}
