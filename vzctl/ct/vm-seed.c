// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the configuration says about the inside of a guest, for cloud-init (NoCloud):
 * host name, addresses, name servers.  A small disk with the label "cidata", made anew
 * when any of it has changed.
 */
#define VZ_ROOM "ct"
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/json.h"
#include "base/path.h"
#include "base/spawn.h"
#include "ct/vm.h"
#include "link.h"

#define SEED_TEXT "seed.txt"
#define TEXT_MAX (64u << 10)

static void quoted(struct vz_buf *b, const char *before, const char *s, const char *after)
{
	vz_buf_adds(b, before);
	/* A JSON string is one of YAML, too. */
	json_string(b, s);
	vz_buf_adds(b, after);
}

static void add_gateway(struct vz_buf *b, const struct net_addr *gw)
{
	char text[INET6_ADDRSTRLEN];

	if (gw->family && inet_ntop(gw->family, gw->a, text, sizeof(text)))
		vz_buf_addf(b, "      - to: default\n        via: \"%s\"\n        on-link: true\n",
			    text);
}

static void add_addrs(struct vz_buf *b, const struct net_addr *addrs, size_t n, bool routed)
{
	char text[INET6_ADDRSTRLEN];

	if (n)
		vz_buf_adds(b, "    addresses:\n");
	for (size_t k = 0; k < n; k++) {
		struct net_addr a = routed ? net_addr_own(&addrs[k]) : addrs[k];

		if (inet_ntop(a.family, a.a, text, sizeof(text)))
			vz_buf_addf(b, "    - \"%s/%u\"\n", text, a.plen);
	}
}

static void add_dns(struct vz_buf *b, const struct ct *ct)
{
	_cleanup_strv_ struct vz_strv ns = VZ_STRV_INIT, dom = VZ_STRV_INIT;

	ct_resolv_list(ct, P_NAMESERVER, &ns);
	ct_resolv_list(ct, P_SEARCHDOMAIN, &dom);
	if (!ns.n && !dom.n)
		return;
	vz_buf_adds(b, "    nameservers:\n");
	for (size_t i = 0; i < ns.n; i++)
		quoted(b, i ? "      - " : "      addresses:\n      - ", ns.v[i], "\n");
	for (size_t i = 0; i < dom.n; i++)
		quoted(b, i ? "      - " : "      search:\n      - ", dom.v[i], "\n");
}

static void add_nic(struct vz_buf *b, const struct ct_plan *p, size_t i,
		    const struct conf_netif *nif)
{
	const struct net_veth *v = &p->net.veths[i];
	char mac[sizeof(nif->mac)];
	size_t k = 0;

	/* Linux writes them so, and cloud-init compares. */
	do
		mac[k] = (char)tolower((unsigned char)nif->mac[k]);
	while (mac[k++]);

	quoted(b, "  ", nif->ifname, ":\n");
	quoted(b, "    match:\n      macaddress: ", mac, "\n");
	quoted(b, "    set-name: ", nif->ifname, "\n");
	if (nif->mtu)
		vz_buf_addf(b, "    mtu: %u\n", nif->mtu);
	add_addrs(b, v->addrs, v->n_addrs, false);
	if (v->gw4.family || v->gw6.family) {
		vz_buf_adds(b, "    routes:\n");
		add_gateway(b, &v->gw4);
		add_gateway(b, &v->gw6);
	}
	add_dns(b, p->ct);
}

/* The first default route of a family that there is, is the guest's: NETIF's if it has one. */
static void add_routed(struct vz_buf *b, const struct ct_plan *p)
{
	_cleanup_free_ char *mac = ct_vm_mac_text(p->ct->id);
	bool need4 = false, need6 = false;

	for (size_t i = 0; i < p->net.n_addrs; i++)
		*(p->net.addrs[i].family == AF_INET6 ? &need6 : &need4) = true;
	for (size_t i = 0; i < p->net.n_veths; i++) {
		need4 = need4 && !p->net.veths[i].gw4.family;
		need6 = need6 && !p->net.veths[i].gw6.family;
	}
	quoted(b, "  venet0:\n    match:\n      macaddress: ", mac, "\n    set-name: venet0\n");
	add_addrs(b, p->net.addrs, p->net.n_addrs, true);
	if (need4 || need6)
		vz_buf_adds(b, "    routes:\n");
	if (need4)
		vz_buf_adds(b, "      - to: default\n        via: \"" NET_TAP_GW4
			       "\"\n        on-link: true\n");
	if (need6)
		vz_buf_adds(b, "      - to: default\n        via: \"" NET_TAP_GW6
			       "\"\n        on-link: true\n");
	add_dns(b, p->ct);
}

/* Three texts, each ending in NUL. */
static void compose(const struct ct_plan *p, struct vz_buf *meta, struct vz_buf *net,
		    struct vz_buf *user)
{
	const char *host = conf_str(p->ct->conf, P_HOSTNAME);
	const struct conf_netif *nif;
	size_t n = conf_netifs(p->ct->conf, &nif);
	uint32_t sum = 2166136261u;

	if (n || p->net.n_addrs)
		vz_buf_adds(net, "version: 2\nethernets:\n");
	if (p->net.n_addrs)
		add_routed(net, p);
	for (size_t i = 0; i < n && i < p->net.n_veths; i++)
		add_nic(net, p, i, &nif[i]);
	vz_buf_adds(user, "#cloud-config\n");
	if (host) {
		quoted(user, "hostname: ", host, "\n");
		quoted(user, "fqdn: ", host, "\n");
		vz_buf_adds(user, "manage_etc_hosts: true\n");
	}
	/* cloud-init takes a change for one when the instance is another. */
	for (size_t i = 0; i < net->len + user->len; i++)
		sum = (sum ^ (uint8_t)(i < net->len ? net->s[i] : user->s[i - net->len])) *
		      16777619u;
	vz_buf_addf(meta, "instance-id: ve%u-%08x\n", p->ct->id, sum);
	if (host)
		quoted(meta, "local-hostname: ", host, "\n");
}

bool ct_vm_wants_seed(const struct conf *c)
{
	const struct conf_netif *nif;

	return conf_list(c, P_IP_ADDRESS)->n || conf_str(c, P_HOSTNAME) ||
	       conf_list(c, P_NAMESERVER)->n || conf_netifs(c, &nif);
}

static int make(const struct ct_plan *p, const char *meta, const char *net, const char *user,
		struct vz_err *e)
{
	_cleanup_free_ char *exe = xasprintf("%s/vzqemu", vz_libexec_dir());
	_cleanup_free_ char *file = xasprintf("%s/" VM_SEED, p->ct->private);
	_cleanup_buf_ struct vz_buf err = VZ_BUF_INIT;
	const char *argv[] = { "vzqemu", "seed", file, meta, net, user, NULL };
	struct spawn sp = { .path = exe, .argv = argv, .in = -1, .out = -1, .err = -1,
			    .ret_err = &err, .timeout_ms = 10000 };
	int status = spawn_run(&sp);

	if (status < 0)
		return vz_fail(e, VZ_NO_HELPER, -status, "Unable to run '%s'", exe);
	if (status)
		return vz_fail(e, VZ_VM_ERROR, 0, "%.*s", (int)strcspn(vz_buf_str(&err), "\n"),
			       vz_buf_str(&err));
	return 0;
}

int ct_vm_seed(const struct ct_plan *p, int area, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf meta = VZ_BUF_INIT, net = VZ_BUF_INIT, user = VZ_BUF_INIT;
	_cleanup_buf_ struct vz_buf all = VZ_BUF_INIT, old = VZ_BUF_INIT;
	int r;

	compose(p, &meta, &net, &user);
	vz_buf_addf(&all, "%s---\n%s---\n%s", vz_buf_str(&meta), vz_buf_str(&net),
		    vz_buf_str(&user));
	if (io_read_file_at(area, SEED_TEXT, &old, TEXT_MAX) == 0 && old.len == all.len &&
	    memcmp(old.s, all.s, all.len) == 0 && faccessat(area, VM_SEED, F_OK, 0) == 0)
		return 0;
	r = make(p, vz_buf_str(&meta), vz_buf_str(&net), vz_buf_str(&user), e);
	if (r == 0)
		r = io_write_atomic_at(area, SEED_TEXT, all.s, all.len, 0600, 0);
	return r < 0 && !e->code ? vz_fail(e, VZ_VM_ERROR, -r, "Unable to write '%s/" SEED_TEXT "'",
					   p->ct->private) : r;
}
