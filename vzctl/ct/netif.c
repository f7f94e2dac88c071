// SPDX-License-Identifier: GPL-2.0-or-later
/* NETIF: what may be one, changes of a running container's, the administrator's script. */
#define VZ_ROOM "ct"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/spawn.h"
#include "ct/ct-int.h"

/* ---- conf to net ------------------------------------------------------- */

static void gateway(const struct conf_netif *n, const char *key, int family, struct net_addr *ret)
{
	struct net_addr a;
	char text[64];

	conf_netif_extra(n, key, text, sizeof(text));
	if (!*text || str_eq(text, "remove"))
		return;
	if (net_addr_parse(text, &a) < 0 || a.family != family)
		vz_warn("NETIF: %s=%s of %s is not an address, ignoring", key, text, n->ifname);
	else
		*ret = a;
}

void ct_netif_veth(const struct conf_netif *n, struct ct_netif *ret)
{
	char text[CT_NETIF_ADDRS * NET_ADDR_STRLEN], none[8];
	struct net_veth *v = &ret->v;
	char *save, *one;

	*v = (struct net_veth){ .ifname = n->ifname, .host_ifname = n->host_ifname,
				.mac = n->mac, .host_mac = n->host_mac, .bridge = n->bridge,
				.mac_filter = n->mac_filter, .mtu = n->mtu, .pvid = n->pvid,
				.tagged = n->tagged, .n_tagged = n->n_tagged,
				.addrs = ret->addrs };
	if (str_eq(conf_netif_extra(n, "configure", none, sizeof(none)), "none"))
		return;
	conf_netif_extra(n, "ipaddr", text, sizeof(text));
	for (one = strtok_r(text, "+", &save); one; one = strtok_r(NULL, "+", &save)) {
		if (v->n_addrs == CT_NETIF_ADDRS ||
		    net_addr_parse(one, &ret->addrs[v->n_addrs]) < 0)
			vz_warn("NETIF: address %s of %s, ignoring", one, n->ifname);
		else
			v->n_addrs++;
	}
	gateway(n, "gw", AF_INET, &v->gw4);
	gateway(n, "gw6", AF_INET6, &v->gw6);
}

/* ---- what is taken ------------------------------------------------------ */

/* Interfaces of the other containers' configs. */
struct others {
	uint32_t own;
	struct other {
		uint32_t id;
		struct conf_netif n;	/* without extra */
	} *v;
	size_t n;
	const struct conf *conf;	/* the container's own */
};

static void others_done(struct others *o)
{
	free(o->v);
}

static void add_others(struct others *o, uint32_t id, const struct conf *c)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(c, &nif);

	o->v = xrealloc(o->v, (o->n + n + 1) * sizeof(*o->v));
	for (size_t i = 0; i < n; i++) {
		o->v[o->n] = (struct other){ id, nif[i] };
		o->v[o->n++].n.extra = NULL;
	}
}

/* Of a create that is under way: it has no config file yet. */
static void see_creating(uint32_t id, const char *netif, void *arg)
{
	_cleanup_conf_ struct conf *c = conf_new();
	struct others *o = arg;

	if (id != o->own && *netif && conf_set(c, P_NETIF, netif, CONF_FILE, VZ_IGNORE) == 0)
		add_others(o, id, c);
}

static int load_others(uint32_t own, struct others *ret, struct vz_err *e)
{
	_cleanup_free_ uint32_t *ids = NULL;
	size_t n = 0;
	int r = conf_ct_all(&ids, &n, e);

	ret->own = own;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_free_ char *path = conf_ct_path(ids[i]);
		_cleanup_strv_ struct vz_strv problems = VZ_STRV_INIT;
		_cleanup_conf_ struct conf *c = NULL;

		/* One that cannot be read is no reason to refuse another. */
		if (ids[i] == own || conf_check_file(path, &c, &problems, VZ_IGNORE) < 0)
			continue;
		add_others(ret, ids[i], c);
	}
	if (r >= 0)
		ct_creating_netifs(see_creating, ret);
	return r < 0 ? r : 0;
}

static bool has_mac(const struct conf_netif *n, const char *mac)
{
	return str_eq(n->mac, mac) || str_eq(n->host_mac, mac);
}

static bool mac_taken(const char *mac, void *arg)
{
	const struct others *o = arg;
	const struct conf_netif *own;
	size_t n = conf_netifs(o->conf, &own);
	char dev[16] = "";

	for (size_t i = 0; i < n; i++)
		if (has_mac(&own[i], mac))
			return true;
	for (size_t i = 0; i < o->n; i++)
		if (has_mac(&o->v[i].n, mac))
			return true;
	return net_mac_find(0, mac, dev, VZ_IGNORE) == 0 && *dev;
}

int ct_netif_fill(struct ct *ct, struct conf_change *ch, struct vz_err *e)
{
	_cleanup_(others_done) struct others o = { .conf = ct->conf };
	int r;

	if (!conf_change_has(ch, P_NETIF))
		return 0;
	r = load_others(ct->id, &o, e);
	if (r == 0)
		conf_change_fill_netif(ch, ct->id, mac_taken, &o);
	return r;
}

static int check_mac(const struct others *o, const struct conf_netif *own, size_t n_own,
		     const struct conf_netif *n, const char *mac, struct vz_err *e)
{
	char dev[16] = "";
	int r;

	if (!*mac)
		return 0;
	for (size_t i = 0; i < n_own; i++)
		if (!str_eq(own[i].ifname, n->ifname) && has_mac(&own[i], mac))
			return vz_fail(e, VZ_VETH_ERROR, EEXIST, "MAC address %s of %s is %s's",
				       mac, n->ifname, own[i].ifname);
	for (size_t i = 0; i < o->n; i++)
		if (has_mac(&o->v[i].n, mac))
			return vz_fail(e, VZ_VETH_ERROR, EEXIST,
				       "MAC address %s of %s is that of %s of container %u", mac,
				       n->ifname, o->v[i].n.ifname, o->v[i].id);
	r = net_mac_find(o->own, mac, dev, e);
	if (r == 0 && *dev)
		return vz_fail(e, VZ_VETH_ERROR, EEXIST,
			       "MAC address %s of %s is that of the node's device %s", mac,
			       n->ifname, dev);
	return r;
}

static int check_host_name(const struct others *o, const struct conf_netif *own, size_t n_own,
			   const struct conf_netif *n, struct vz_err *e)
{
	for (size_t i = 0; i < n_own; i++)
		if (!str_eq(own[i].ifname, n->ifname) &&
		    str_eq(own[i].host_ifname, n->host_ifname))
			return vz_fail(e, VZ_VETH_ERROR, EEXIST,
				       "Host name %s of %s is that of %s, give another",
				       n->host_ifname, n->ifname, own[i].ifname);
	for (size_t i = 0; i < o->n; i++)
		if (str_eq(o->v[i].n.host_ifname, n->host_ifname))
			return vz_fail(e, VZ_VETH_ERROR, EEXIST,
				       "Host name %s of %s is that of %s of container %u",
				       n->host_ifname, n->ifname, o->v[i].n.ifname, o->v[i].id);
	return 0;
}

static const struct conf_netif *find_netif(const struct conf_netif *l, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(l[i].ifname, name))
			return &l[i];
	return NULL;
}

static bool netif_same(const struct conf_netif *a, const struct conf_netif *b)
{
	const char *x = a->extra ? a->extra : "", *y = b->extra ? b->extra : "";

	return str_eq(a->host_ifname, b->host_ifname) && str_eq(a->mac, b->mac) &&
	       str_eq(a->host_mac, b->host_mac) && str_eq(a->bridge, b->bridge) &&
	       a->mac_filter == b->mac_filter && a->mtu == b->mtu && a->pvid == b->pvid &&
	       a->n_tagged == b->n_tagged &&
	       memcmp(a->tagged, b->tagged, a->n_tagged * sizeof(*a->tagged)) == 0 && str_eq(x, y);
}

int ct_netif_check(const struct ct *ct, const struct conf *old, struct vz_err *e)
{
	_cleanup_(others_done) struct others o = { 0 };
	const struct conf_netif *was = NULL, *now;
	size_t n_was = old ? conf_netifs(old, &was) : 0, n_now = conf_netifs(ct->conf, &now);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_now; i++) {
		const struct conf_netif *before = find_netif(was, n_was, now[i].ifname);
		struct ct_netif v;

		if (before && netif_same(before, &now[i]))
			continue;
		if (!o.own)
			r = load_others(ct->id, &o, e);
		if (r == 0)
			r = check_mac(&o, now, n_now, &now[i], now[i].mac, e);
		if (r == 0)
			r = check_mac(&o, now, n_now, &now[i], now[i].host_mac, e);
		if (r == 0)
			r = check_host_name(&o, now, n_now, &now[i], e);
		ct_netif_veth(&now[i], &v);
		if (r == 0)
			r = net_veth_check(ct->id, &v.v, e);
	}
	return r;
}

/* ---- the administrator's script ------------------------------------------ */

/* The last EXTERNAL_SCRIPT= of vznet.conf, a shell file; NULL without.  Owned by the caller. */
static char *external_script(void)
{
	_cleanup_free_ char *path = xasprintf("%s/vznet.conf", conf_dir());
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	static const char key[] = "EXTERNAL_SCRIPT=";
	char *save, *line, *found = NULL;

	if (io_read_file_at(AT_FDCWD, path, &text, 65536) < 0 || !text.len)
		return NULL;
	for (line = strtok_r(text.s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char quote;

		line += strspn(line, " \t");
		if (str_has_prefix(line, "export "))
			line += 7;
		if (!str_has_prefix(line, key))
			continue;
		line += sizeof(key) - 1;
		quote = *line;
		line += quote == '"' || quote == '\'';
		line[strcspn(line, quote == '"' ? "\"" : quote == '\'' ? "'" : " \t#;")] = '\0';
		free(found);
		found = *line ? xstrdup(line) : NULL;
	}
	return found;
}

int ct_netif_script(const struct ct *ct, const char *what, const char *host_ifname,
		    struct vz_err *e)
{
	_cleanup_free_ char *path = external_script();
	_cleanup_free_ char *veid = xasprintf("VEID=%u", ct->id);
	const char *env[] = { veid, NULL };
	const char *argv[] = { path, what, "veth", host_ifname, NULL };
	struct spawn sp = SPAWN_INIT;
	int r;

	if (!path)
		return 0;
	if (*path != '/' || access(path, X_OK) < 0)
		return vz_fail(e, VZ_NOSCRIPT, 0, "EXTERNAL_SCRIPT of vznet.conf: cannot run '%s'",
			       path);
	sp.path = path;
	sp.argv = argv;
	sp.env = env;
	sp.timeout_ms = 60 * 1000;
	vz_verbose("Running %s %s veth %s", path, what, host_ifname);
	r = spawn_run(&sp);
	if (r < 0)
		return vz_fail(e, VZ_VETH_ERROR, -r, "Unable to run '%s'", path);
	if (r != 0)
		return vz_fail(e, VZ_VETH_ERROR, 0, "'%s %s veth %s' failed (%s %d)", path, what,
			       host_ifname, WIFEXITED(r) ? "exit code" : "signal",
			       WIFEXITED(r) ? WEXITSTATUS(r) : WTERMSIG(r));
	return 0;
}

static const char *host_name(const struct ct *ct, const struct conf_netif *n, char buf[16])
{
	if (*n->host_ifname)
		return n->host_ifname;
	net_veth_hostname(ct->id, n->ifname, buf);
	return buf;
}

int ct_netif_scripts(const struct ct *ct, const char *what, struct vz_err *e)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(ct->conf, &nif);
	char buf[16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = ct_netif_script(ct, what, host_name(ct, &nif[i], buf), e);
	return r;
}

/* ---- a running container --------------------------------------------------- */

static int add_netif(struct ct_plan *p, int netns, const struct conf_netif *n, struct vz_err *e)
{
	struct ct_netif v;
	char buf[16];
	int r;

	ct_netif_veth(n, &v);
	r = net_veth_add(&p->net, netns, &v.v, e);
	if (r < 0)
		return r;
	r = ct_netif_script(p->ct, "init", host_name(p->ct, n, buf), e);
	if (r < 0)
		(void)net_veth_del(p->ct->id, &v.v, VZ_IGNORE);
	return r;
}

static int del_netif(struct ct_plan *p, const struct conf_netif *n, struct vz_err *e)
{
	struct ct_netif v;
	char buf[16];

	ct_netif_veth(n, &v);
	vz_info("Deleting veth devices: %s ", host_name(p->ct, n, buf));
	if (ct_netif_script(p->ct, "down", host_name(p->ct, n, buf), e) < 0)
		vz_warn("%s, ignoring", e->msg);
	return net_veth_del(p->ct->id, &v.v, e);
}

int ct_netifs_apply(struct ct_plan *p, int netns, const struct conf *old, struct vz_err *e)
{
	const struct conf_netif *was, *now, *other;
	size_t n_was = conf_netifs(old, &was), n_now = conf_netifs(p->ct->conf, &now);
	struct ct_netif a, b;
	char buf[16];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_was; i++)
		if (!find_netif(now, n_now, was[i].ifname))
			r = del_netif(p, &was[i], e);
	for (size_t i = 0; r == 0 && i < n_now; i++) {
		other = find_netif(was, n_was, now[i].ifname);
		if (other && netif_same(other, &now[i]))
			continue;
		vz_info("Configure veth devices: %s ", host_name(p->ct, &now[i], buf));
		if (!other) {
			r = add_netif(p, netns, &now[i], e);
			continue;
		}
		ct_netif_veth(other, &a);
		ct_netif_veth(&now[i], &b);
		r = net_veth_set(&p->net, netns, &a.v, &b.v, e);
	}
	return r;
}
