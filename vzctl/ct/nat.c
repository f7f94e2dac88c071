// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Private addresses and forwarded ports.  A free address is one that no config
 * has, no create that is under way has noted, and no route of this node leads
 * to; choosing one and writing it down happen under one lock of the node.
 */
#define VZ_ROOM "ct"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"

#define AUTO "auto"
#define LOCK_WAIT_MS 60000

/* ---- plan --------------------------------------------------------------- */

/* The networks of NAT_NETWORK; one that cannot be is warned about. */
static size_t nat_nets(const struct conf *node, struct net_addr *ret)
{
	const struct vz_strv *l = conf_list(node, P_NAT_NETWORK);
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (net_addr_parse(l->v[i], &ret[n]) < 0 || !net_addr_is_prefix(&ret[n]))
			vz_warn("NAT_NETWORK in vz.conf: '%s' is no network, ignoring", l->v[i]);
		else
			n++;
	}
	return n;
}

static void plan_forward(struct ct_plan *p, const char *text)
{
	struct net_forward *f = &p->fwds[p->net.n_fwds];
	struct conf_portfwd c;

	/* The table's type has made sure that it is one. */
	if (conf_portfwd_parse(text, &c) < 0)
		return;
	*f = (struct net_forward){ .port = c.port, .n = c.n, .ct_port = c.ct_port, .udp = c.udp };
	if (*c.addr && net_addr_parse(c.addr, &f->host) < 0) {
		vz_warn("PORTFWD: '%s' cannot be an address of this node to others, ignoring",
			c.addr);
		return;
	}
	p->net.n_fwds++;
}

int ct_nat_plan(struct ct_plan *p, struct vz_err *e)
{
	const struct vz_strv *fwds = conf_list(p->ct->conf, P_PORTFWD);

	free(p->nat_nets);
	free(p->fwds);
	p->nat_nets = xcalloc(conf_list(p->ct->node, P_NAT_NETWORK)->n, sizeof(*p->nat_nets));
	p->net.n_nat_nets = nat_nets(p->ct->node, p->nat_nets);
	p->net.nat_nets = p->nat_nets;
	p->fwds = xcalloc(fwds->n, sizeof(*p->fwds));
	for (size_t i = 0; i < fwds->n; i++)
		plan_forward(p, fwds->v[i]);
	p->net.fwds = p->fwds;
	return 0;
}

int ct_nat_check(const struct conf *c, struct vz_err *e)
{
	const struct vz_strv *l = conf_list(c, P_PORTFWD);
	struct conf_portfwd a, b;

	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < i; k++)
			if (conf_portfwd_parse(l->v[i], &a) == 0 &&
			    conf_portfwd_parse(l->v[k], &b) == 0 && conf_portfwd_overlap(&a, &b))
				return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
					       "PORTFWD: %s and %s are the same port (remove one by --portfwd_del)",
					       l->v[k], l->v[i]);
	return 0;
}

/* ---- acting --------------------------------------------------------------- */

static char *mark_path(uint32_t id)
{
	return ct_run_path(id, "nat");
}

static void warn_blocked(void)
{
	char chain[96];

	/* On stdout: it may be meant so, and the container runs. */
	if (net_forward_blocked(chain) == 1)
		vz_info("WARNING: The packet filter of this node drops what is forwarded, unless a rule accepts it (policy of chain '%s'): see NAT_NETWORK in vz.conf(5)",
			chain);
}

int ct_nat_apply(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *mark = mark_path(p->ct->id);
	int fd, r;

	if (p->net.n_fwds && !p->net.n_addrs)
		vz_info("WARNING: PORTFWD leads nowhere: the container has no address");
	if (!net_nat_wanted(&p->net))
		return ct_nat_remove(p->ct->id, e);
	fd = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return vz_fail(e, VZ_CANT_ADDIP, errno, "Unable to write '%s'", mark);
	close(fd);
	r = net_nat_apply(&p->net, e);
	if (r == 0)
		warn_blocked();
	return r;
}

int ct_nat_remove(uint32_t id, struct vz_err *e)
{
	_cleanup_free_ char *mark = mark_path(id);
	int r;

	if (!io_exists(mark))
		return 0;
	r = net_nat_remove(id, e);
	if (r == 0)
		unlink(mark);
	return r;
}

/* ---- free addresses --------------------------------------------------------- */

bool ct_auto_wanted(const struct conf *c)
{
	return vz_strv_has(conf_list(c, P_IP_ADDRESS), AUTO);
}

static bool used_has(const struct ct_addrs *u, const struct net_addr *a)
{
	for (size_t i = 0; i < u->n; i++)
		if (net_addr_overlaps(&u->v[i], a))
			return true;
	return false;
}

static int used_load(struct ct_addrs *u, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv creating = VZ_STRV_INIT;
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n;
	int r = conf_ct_all(&ids, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *path = conf_ct_path(ids[i]);
		_cleanup_strv_ struct vz_strv problems = VZ_STRV_INIT;
		_cleanup_conf_ struct conf *c = NULL;

		/* One that is gone by now, or that cannot be read, has no address. */
		if (conf_check_file(path, &c, &problems, VZ_IGNORE) == 0)
			ct_addrs_parse(conf_list(c, P_IP_ADDRESS), u);
	}
	ct_creating_addrs(&creating);
	ct_addrs_parse(&creating, u);
	return 0;
}

/* Address number @host of @net. */
static void numbered(const struct net_addr *net, uint64_t host, struct net_addr *ret)
{
	size_t len = net->family == AF_INET6 ? 16 : 4;
	unsigned int bits = (unsigned int)len * 8 - net->plen;

	*ret = *net;
	ret->plen = (uint8_t)(len * 8);
	for (size_t i = len; i-- > 0 && bits; bits -= bits < 8 ? bits : 8) {
		uint8_t mask = bits < 8 ? (uint8_t)(0xff >> (8 - bits)) : 0xff;

		ret->a[i] = (uint8_t)((ret->a[i] & ~mask) | (host & mask));
		host >>= 8;
	}
}

/* The container's own number first: 10.200.0.0/16 and container 101 make 10.200.0.101. */
static int choose(const struct ct *ct, const struct net_addr *net, const struct ct_addrs *used,
		  struct vz_strv *ret, struct vz_err *e)
{
	const struct net_plan nobody = { .ctid = 0 };
	unsigned int bits = (net->family == AF_INET6 ? 128u : 32u) - net->plen;
	/* Neither the network's own number nor the last one, broadcast in IPv4. */
	uint64_t slots = bits < 2 ? 0 : (1ULL << (bits > 32 ? 32 : bits)) - 2;
	uint64_t at = slots ? (ct->id - 1u) % slots : 0;
	char text[NET_ADDR_STRLEN];
	struct net_addr a;

	for (uint64_t i = 0; i < slots; i++, at = (at + 1) % slots) {
		numbered(net, at + 1, &a);
		/* A route: added without --save, or not a container's at all. */
		if (used_has(used, &a) || net_addrs_check(&nobody, &a, 1, VZ_IGNORE) < 0)
			continue;
		vz_strv_add(ret, net_addr_format(&a, text));
		return 0;
	}
	return vz_fail(e, VZ_IP_NA, 0, "No free address in %s (NAT_NETWORK in vz.conf)",
		       net_addr_format(net, text));
}

static int choose_all(struct ct *ct, struct vz_strv *ret, struct vz_err *e)
{
	const struct vz_strv *l = conf_list(ct->node, P_NAT_NETWORK);
	_cleanup_free_ struct net_addr *nets = xcalloc(l->n + 1, sizeof(*nets));
	_cleanup_addrs_ struct ct_addrs used = { 0 };
	size_t n = nat_nets(ct->node, nets);
	int done = 0, r;

	if (!n)
		return vz_fail(e, VZ_IP_NA, 0,
			       "Address 'auto' needs a private network: NAT_NETWORK in vz.conf");
	r = used_load(&used, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		/* One of each family. */
		if (done & 1 << (nets[i].family == AF_INET6))
			continue;
		if (nets[i].family == AF_INET6 && !conf_bool(ct->node, P_IPV6, true))
			continue;
		done |= 1 << (nets[i].family == AF_INET6);
		r = choose(ct, &nets[i], &used, ret, e);
	}
	return r;
}

int ct_node_lock(const struct ct *ct, struct vz_err *e)
{
	const char *dir = conf_str(ct->node, P_LOCKDIR);
	_cleanup_free_ char *path = xasprintf("%s/nat.lck", dir ? dir : "");
	int fd;

	if (!dir)
		return vz_fail(e, VZ_VE_LCKDIR_NOTSET, 0, "LOCKDIR is not set in vz.conf");
	fd = io_lock(path, LOCK_WAIT_MS, "address");
	if (fd == -ENOENT && io_mkdir_p(dir, 0755) == 0)
		fd = io_lock(path, LOCK_WAIT_MS, "address");
	return fd < 0 ? vz_fail(e, VZ_LOCKED, -fd, "Unable to lock '%s'", path) : fd;
}

static int replace_auto(struct conf *c, const struct vz_strv *addrs, struct vz_err *e)
{
	const struct vz_strv *old = conf_list(c, P_IP_ADDRESS);
	_cleanup_strv_ struct vz_strv now = VZ_STRV_INIT;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < old->n; i++) {
		if (str_eq(old->v[i], AUTO))
			vz_strv_copy(&now, addrs);
		else
			vz_strv_add(&now, old->v[i]);
	}
	text = vz_strv_join(&now, " ");
	return conf_set(c, P_IP_ADDRESS, text, CONF_FILE, e);
}

int ct_auto_addrs(struct ct *ct, struct conf_change *ch, int *lock, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv addrs = VZ_STRV_INIT;
	_cleanup_free_ char *text = NULL;
	int r;

	if (*lock < 0)
		*lock = ct_node_lock(ct, e);
	if (*lock < 0)
		return *lock;
	r = choose_all(ct, &addrs, e);
	if (r == 0)
		r = replace_auto(ct->conf, &addrs, e);
	if (r < 0)
		return r;
	conf_change_set_auto(ch, &addrs);
	text = vz_strv_join(&addrs, " ");
	vz_info("IP address(es) chosen: %s", text);
	return 0;
}
