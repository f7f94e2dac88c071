// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Host devices that live in a container for a while.  Its root is free to rename
 * them, change their addresses and add alternative names; what it cannot change is
 * the index, so that is what they are found by.
 */
#define VZ_ROOM "netns"
#include <fcntl.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "ctside.h"
#include "link.h"

/* No kernel counts so far by itself: in the container the index is nobody else's. */
#define INSIDE_INDEX 0x40000000

static int inside_index(const struct net_netdev *d)
{
	return INSIDE_INDEX | d->ifindex;
}

/* ---- may it be moved? ---------------------------------------------------- */

struct defaults {
	int oif[64];
	size_t n;
};

static int see_default(const struct rtnl_route_info *i, void *arg)
{
	struct defaults *d = arg;

	if (i->dst.plen == 0 && i->oif && d->n < ARRAY_SIZE(d->oif))
		d->oif[d->n++] = i->oif;
	return 0;
}

/* 1 when @l, its bridge, or a device on top of it carries a default route of the node. */
static int is_uplink(struct nl_sock *h, const struct rtnl_link *l, struct vz_err *e)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct defaults d = { .n = 0 };
	struct rtnl_link over;
	struct nl_fail f;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int tries = 0, r;

		do {
			r = rtnl_route_dump(h, families[i], 0, see_default, &d, &f);
		} while (r == -EAGAIN && ++tries < HOST_DUMP_TRIES);
		/* No table of that family: no route. */
		if (r < 0 && r != -ENOENT && r != -EOPNOTSUPP)
			return rtnl_fail(e, VZ_NETDEV_ERROR, r, &f);
	}
	for (size_t i = 0; i < d.n; i++) {
		if (d.oif[i] == l->ifindex || d.oif[i] == l->master)
			return 1;
		if (rtnl_link_get(h, NULL, d.oif[i], &over, &f) >= 0 && !over.peer_elsewhere &&
		    over.peer == l->ifindex)
			return 1;
	}
	return 0;
}

int net_netdev_get(const char *name, struct net_netdev *ret, bool force, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct net_netdev d = { 0 };
	struct rtnl_link l;
	struct nl_fail f;
	char path[64];
	int r;

	if (!*name || strlen(name) >= sizeof(d.name) || strchr(name, '/'))
		return vz_fail(e, VZ_NETDEV_ERROR, EINVAL, "network device %.40s", name);
	r = host_open(&h, VZ_NETDEV_ERROR, e);
	if (r < 0)
		return r;
	r = rtnl_link_get(&h, name, 0, &l, &f);
	if (r < 0)
		return vz_fail(e, VZ_NETDEV_ERROR, -r, "network device %s", name);
	if (l.type == ARPHRD_LOOPBACK || host_group_is_ours(l.group) || str_eq(l.kind, "bridge"))
		return vz_fail(e, VZ_NETDEV_ERROR, EINVAL,
			       "network device %s cannot be given away", name);
	snprintf(path, sizeof(path), "/sys/class/net/%s/phy80211", name);
	if (access(path, F_OK) == 0)
		return vz_fail(e, VZ_NETDEV_ERROR, EINVAL,
			       "network device %s is wireless, which cannot be given away", name);
	r = force ? 0 : is_uplink(&h, &l, e);
	if (r > 0)
		return vz_fail(e, VZ_NETDEV_ERROR, EBUSY,
			       "network device %s carries the node's default route (--force gives it away)",
			       name);
	if (r < 0)
		return r;
	memcpy(d.name, l.name, sizeof(d.name));
	d.ifindex = l.ifindex;
	d.mtu = l.mtu;
	d.ether = l.type == ARPHRD_ETHER;
	memcpy(d.mac, l.mac, sizeof(d.mac));
	*ret = d;
	return 0;
}

/* ---- in and out ------------------------------------------------------------ */

int net_netdev_move(int netns_fd, const struct net_netdev *d, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT;
	struct rtnl_setlink s = { .set = RTNL_SET_NETNS | RTNL_SET_IFINDEX,
				  .netns_fd = netns_fd, .new_ifindex = inside_index(d) };
	struct nl_batch b;
	int r = host_open(&h, VZ_NETDEV_ERROR, e);

	if (r < 0)
		return r;
	nl_batch_reset(&b);
	rtnl_setlink(&b, d->ifindex, &s);
	return vz_wrap(e, rtnl_commit(&h, &b, VZ_NETDEV_ERROR, e), "network device %s", d->name);
}

struct altnames {
	struct vz_strv v;
};

static int see_altnames(const struct nlmsghdr *h, void *arg)
{
	struct nl_span s = nl_msg_attrs(h, sizeof(struct ifinfomsg));
	struct altnames *names = arg;
	struct nl_attr a, p;

	while (nl_attr_next(&s, &a) > 0) {
		while (a.type == IFLA_PROP_LIST && nl_attr_next(&a.v, &p) > 0) {
			if (p.type == IFLA_ALT_IFNAME && nl_attr_str(&p))
				vz_strv_add(&names->v, nl_attr_str(&p));
		}
	}
	return 0;
}

/*
 * A container could keep a device by naming it as one of the node's, or, where the
 * kernel does not look (before 6.6), have the node mistake it for that one.
 * @c: the container's socket; @h: the node's, for what is taken there.
 */
static void drop_altnames(struct nl_sock *c, struct nl_sock *h, int ifindex)
{
	struct ifinfomsg i = { .ifi_index = ifindex };
	struct altnames names = { .v = VZ_STRV_INIT };
	struct nl_batch b;
	struct nl_fail f;

	nl_batch_reset(&b);
	nl_begin(&b, RTM_GETLINK, 0, &i, sizeof(i));
	(void)nl_query(c, &b, see_altnames, &names, &f);
	nl_batch_reset(&b);
	for (size_t k = 0; k < names.v.n; k++) {
		struct rtnl_link other;
		size_t list;

		if (rtnl_link_get(h, names.v.v[k], 0, &other, &f) < 0)
			continue;
		nl_begin(&b, RTM_DELLINKPROP, 0, &i, sizeof(i));
		list = nl_nest(&b, IFLA_PROP_LIST | NLA_F_NESTED);
		nl_put_str(&b, IFLA_ALT_IFNAME, names.v.v[k]);
		nl_nest_end(&b, list);
		(void)rtnl_flush(c, &b, VZ_NETDEV_ERROR, VZ_IGNORE);
	}
	(void)rtnl_commit(c, &b, VZ_NETDEV_ERROR, VZ_IGNORE);
	vz_strv_done(&names.v);
}

/* As it was, if the node has not given name and index to another meanwhile. */
static int move_out(struct nl_sock *c, struct nl_sock *h, const struct net_netdev *d, int own,
		    struct vz_err *e)
{
	static const unsigned int tries[] = {
		RTNL_SET_IFINDEX | RTNL_SET_NAME, RTNL_SET_NAME, 0,
	};
	struct rtnl_setlink s = { .netns_fd = own, .new_ifindex = d->ifindex, .name = d->name };
	struct nl_batch b;
	int r = 0;

	drop_altnames(c, h, inside_index(d));
	nl_batch_reset(&b);
	for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
		s.set = RTNL_SET_NETNS | tries[i];
		if (!tries[i]) {
			s.set |= RTNL_SET_NAME;
			s.name = "vzdev%d";
		}
		rtnl_setlink(&b, inside_index(d), &s);
		r = rtnl_commit(c, &b, VZ_NETDEV_ERROR, e);
		if (r != -EEXIST && r != -EBUSY)
			return r;
	}
	return r;
}

static int restore(struct nl_sock *h, const struct net_netdev *d, int ifindex, struct vz_err *e)
{
	struct rtnl_setlink s = { .set = RTNL_SET_DOWN | RTNL_SET_MTU | RTNL_SET_GROUP |
					 (d->ether ? RTNL_SET_MAC : 0), .mtu = d->mtu };
	struct nl_batch b;

	memcpy(s.mac, d->mac, sizeof(s.mac));
	nl_batch_reset(&b);
	rtnl_setlink(&b, ifindex, &s);
	return rtnl_commit(h, &b, VZ_NETDEV_ERROR, e);
}

int net_netdev_return(int netns_fd, const struct net_netdev *d, struct vz_err *e)
{
	_cleanup_nl_ struct nl_sock h = NL_SOCK_INIT, c = NL_SOCK_INIT;
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	struct rtnl_setlink s = { .set = RTNL_SET_NAME | RTNL_SET_DOWN, .name = d->name };
	struct rtnl_link l;
	struct nl_batch b;
	struct nl_fail f;
	int r = host_open(&h, VZ_NETDEV_ERROR, e);

	if (r < 0 || own < 0)
		return r < 0 ? r : vz_fail(e, VZ_NETDEV_ERROR, errno,
					   "cannot open /proc/thread-self/ns/net");
	if (netns_fd >= 0) {
		r = ctside_open(netns_fd, &c, VZ_NETDEV_ERROR, e);
		if (r < 0)
			return r;
		r = move_out(&c, &h, d, own, e);
		if (r >= 0)
			return rtnl_link_get(&h, d->name, 0, &l, &f) >= 0 ?
			       restore(&h, d, l.ifindex, e) : 0;
		if (r != -ENODEV)
			return vz_wrap(e, r, "network device %s", d->name);
	}
	/* Not moved yet, or back by itself: a physical one of a namespace that ended. */
	if (rtnl_link_get(&h, NULL, d->ifindex, &l, &f) >= 0 && str_eq(l.name, d->name))
		return 0;
	if (rtnl_link_get(&h, NULL, inside_index(d), &l, &f) < 0)
		return vz_fail(e, VZ_NETDEV_ERROR, ENODEV, "network device %s did not come back",
			       d->name);
	nl_batch_reset(&b);
	rtnl_setlink(&b, l.ifindex, &s);
	r = rtnl_commit(&h, &b, VZ_NETDEV_ERROR, e);
	return r < 0 ? r : restore(&h, d, l.ifindex, e);
}
