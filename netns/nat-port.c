// SPDX-License-Identifier: GPL-2.0-or-later
/* Is a port of the node free to be forwarded? */
#define VZ_ROOM "netns"
#include "host.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/socket.h>

#include "nat.h"

/* A forward, taken apart. */
struct port {
	struct net_addr addr;	/* of the node; the family is always set */
	bool any;		/* every address of the family */
	bool udp;
	uint16_t port;		/* network byte order */
};

static bool port_of(const struct nat_elem *e, struct port *ret)
{
	bool v6 = e->set == NAT_ANY6 || e->set == NAT_ONE6;
	struct port p = { .addr = { .family = v6 ? AF_INET6 : AF_INET, .plen = v6 ? 128 : 32 },
			  .any = e->set == NAT_ANY4 || e->set == NAT_ANY6 };

	if (!p.any && e->set != NAT_ONE4 && e->set != NAT_ONE6)
		return false;
	p.udp = e->key[0] == IPPROTO_UDP;
	memcpy(&p.port, e->key + 4, sizeof(p.port));
	memcpy(p.addr.a, e->key + 8, v6 ? 16 : 4);
	*ret = p;
	return true;
}

static bool overlap(const struct port *a, const struct port *b)
{
	return a->port == b->port && a->udp == b->udp && a->addr.family == b->addr.family &&
	       (a->any || b->any || net_addr_same(&a->addr, &b->addr));
}

/* The container's own, whatever it leads to: then no program listens, and nobody else has it. */
static bool is_own(const struct nat_elems *have, const struct nat_elem *e, uint32_t ctid)
{
	for (size_t i = 0; i < have->n; i++)
		if (have->v[i].ctid == ctid && have->v[i].set == e->set &&
		    !memcmp(have->v[i].key, e->key, sizeof(e->key)))
			return true;
	return false;
}

static int check_forwards(const struct nat_elems *have, const struct port *p, uint32_t ctid,
			  struct vz_err *e)
{
	struct port other;

	for (size_t i = 0; i < have->n; i++) {
		if (have->v[i].ctid == ctid || !port_of(&have->v[i], &other) ||
		    !overlap(p, &other))
			continue;
		if (!have->v[i].ctid)
			return vz_fail(e, VZ_PORT_INUSE, EADDRINUSE,
				       "port %u/%s is forwarded by somebody else (table inet vz_nat)",
				       ntohs(p->port), p->udp ? "udp" : "tcp");
		return vz_fail(e, VZ_PORT_INUSE, EADDRINUSE,
			       "port %u/%s is forwarded to container %u", ntohs(p->port),
			       p->udp ? "udp" : "tcp", have->v[i].ctid);
	}
	return 0;
}

/* ---- programs of the node ------------------------------------------------- */

struct node_addrs {
	struct net_addr v[UPLINKS_MAX];
	size_t n;
};

static int see_addr(const struct rtnl_addr_info *i, void *arg)
{
	struct node_addrs *a = arg;

	/* A loopback address is not forwarded: who listens there is not in the way. */
	if (i->scope != RT_SCOPE_UNIVERSE || a->n == UPLINKS_MAX)
		return 0;
	a->v[a->n] = i->addr;
	a->v[a->n++].plen = 128;
	return 0;
}

static int load_addrs(int family, struct node_addrs *ret, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct nl_fail f;
	int r = host_open(&h, VZ_CANT_ADDIP, e), tries = 0;

	if (r < 0)
		return r;
	do {
		ret->n = 0;
		r = rtnl_addr_dump(&h, family, see_addr, ret, &f);
	} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
	return r < 0 ? rtnl_fail(e, VZ_CANT_ADDIP, r, &f) : 0;
}

/*
 * Asks by trying: whoever listens on the address, or on all of them, is in the
 * way of a bind(2), whatever his network namespace's /proc is mounted from.
 */
static bool is_bound(const struct port *p, const struct net_addr *a)
{
	bool v6 = a->family == AF_INET6;
	struct sockaddr_in6 s6 = { .sin6_family = AF_INET6, .sin6_port = p->port };
	struct sockaddr_in s4 = { .sin_family = AF_INET, .sin_port = p->port };
	int type = (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, one = 1;
	_cleanup_close_ int fd = socket(a->family, type, 0);

	if (fd < 0)
		return false;
	memcpy(&s4.sin_addr, a->a, 4);
	memcpy(&s6.sin6_addr, a->a, 16);
	if (v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	/* Connections in TIME_WAIT are no listeners (socket(7)). */
	if (!p->udp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, v6 ? (void *)&s6 : (void *)&s4, v6 ? sizeof(s6) : sizeof(s4)) < 0 &&
	       errno == EADDRINUSE;
}

static int check_node(const struct port *p, const struct node_addrs *addrs, struct vz_err *e)
{
	char text[NET_ADDR_STRLEN];

	for (size_t i = 0; i < addrs->n; i++) {
		if ((!p->any && !net_addr_same(&addrs->v[i], &p->addr)) ||
		    !is_bound(p, &addrs->v[i]))
			continue;
		return vz_fail(e, VZ_PORT_INUSE, EADDRINUSE,
			       "port %u/%s of %s is used by a program of this node",
			       ntohs(p->port), p->udp ? "udp" : "tcp",
			       net_addr_format(&addrs->v[i], text));
	}
	return 0;
}

int nat_ports_check(const struct nat_elems *have, const struct nat_elems *want, uint32_t ctid,
		    struct vz_err *e)
{
	struct node_addrs addrs[2] = { 0 };
	bool loaded[2] = { false };
	int r = 0;

	for (size_t i = 0; r == 0 && i < want->n; i++) {
		struct port p;
		bool v6;

		if (!port_of(&want->v[i], &p))
			continue;
		r = check_forwards(have, &p, ctid, e);
		if (r < 0 || is_own(have, &want->v[i], ctid))
			continue;
		v6 = p.addr.family == AF_INET6;
		if (!loaded[v6])
			r = load_addrs(p.addr.family, &addrs[v6], e);
		loaded[v6] = true;
		if (r == 0)
			r = check_node(&p, &addrs[v6], e);
	}
	return r;
}
