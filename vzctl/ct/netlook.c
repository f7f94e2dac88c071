// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ct"
#include "ct/netlook.h"

#include <stdio.h>

#include "ct/ct-int.h"
#include "net-traffic.h"

static int look_caps(const struct ct_plan *p, struct ct_netlook *l, struct vz_err *e)
{
	_cleanup_free_ struct net_cap *v = NULL;
	size_t n = ct_traffic_caps(p, &v);
	const struct net_traffic t = { .caps = v, .n_caps = n };

	l->caps = xcalloc(n ? n : 1, sizeof(*l->caps));
	for (size_t i = 0; i < n; i++) {
		struct ct_cap *c = &l->caps[l->n_caps++];

		c->cls = v[i].cls;
		c->rate = v[i].rate;
		snprintf(c->ifname, sizeof(c->ifname), "%s", v[i].ifname ? v[i].ifname : "");
	}
	return net_traffic_compare(&p->net, &t, &l->diffs, e);
}

static int look(struct ct_plan *p, struct ct_netlook *l, struct vz_err *e)
{
	pid_t init = ct_init_pid(p->ct, &p->init_sock, e);
	int r = init < 0 ? (int)init : ct_net_plan(p, e);

	if (r < 0)
		return r;
	p->netns = ns_open(init, "net", e);
	if (p->netns < 0)
		return p->netns;
	r = net_look(&p->net, p->netns, &l->net, e);
	if (r < 0)
		return r;
	net_look_compare(&p->net, &l->net, &l->diffs);
	r = look_caps(p, l, e);
	if (r < 0)
		return r;
	r = ct_traffic_read(p->ct->id, &l->traffic, e);
	return r == -ENOENT ? 0 : r;
}

int ct_netlook(struct ct *ct, struct ct_netlook *ret, struct vz_err *e)
{
	/* The pidfd in init_sock: the pid stays init's while its namespace is opened. */
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	struct ct_netlook l = { 0 };
	int r;

	p.ct = ct;
	p.command = "vznet";
	r = look(&p, &l, e);
	if (r < 0)
		ct_netlook_done(&l);
	else
		*ret = l;
	return r;
}

void ct_netlook_done(struct ct_netlook *l)
{
	net_look_done(&l->net);
	vz_strv_done(&l->diffs);
	free(l->caps);
	*l = (struct ct_netlook){ 0 };
}
