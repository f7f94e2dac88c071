// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The links of a virtual machine.  NETIF: a tap behind the inner end of each pair.
 * IP_ADDRESS: a tap behind venet0, with the box's namespace as the guest's router.
 */
#define VZ_ROOM "ct"
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/log.h"
#include "ct/vm.h"
#include "link.h"

/* The link has one station at each end, so that the number alone does. */
void ct_vm_mac(uint32_t id, uint8_t ret[6])
{
	const uint8_t mac[6] = { 0x02, 0x76, (uint8_t)(id >> 24), (uint8_t)(id >> 16),
				 (uint8_t)(id >> 8), (uint8_t)id };

	memcpy(ret, mac, sizeof(mac));
}

char *ct_vm_mac_text(uint32_t id)
{
	uint8_t m[6];

	ct_vm_mac(id, m);
	return xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

int ct_vm_step_router(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int netns = -EBADF;
	uint8_t mac[6];
	int fd;

	if (!p->net.n_addrs)
		return 0;
	netns = ns_open(p->init_pid, "net", e);
	if (netns < 0)
		return netns;
	ct_vm_mac(p->ct->id, mac);
	fd = net_tap_route(netns, mac, e);
	return fd < 0 ? fd : ct_vm_give(p->vm, fd, VM_FD_ROUTED, e);
}

void ct_vm_show_router(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *mac = ct_vm_mac_text(p->ct->id);

	if (p->net.n_addrs)
		vz_buf_addf(b, NET_TAP_NAME " for the guest with %s, gateways " NET_TAP_GW4
			       " " NET_TAP_GW6, mac);
	else
		vz_buf_adds(b, "no routed address");
}

int ct_vm_step_taps(struct ct_plan *p, struct vz_err *e)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(p->ct->conf, &nif);

	for (size_t i = 0; i < n; i++) {
		char name[16];
		int fd, r;

		snprintf(name, sizeof(name), "tap%zu", i);
		fd = net_tap_wire(p->netns, name, nif[i].ifname, e);
		r = fd < 0 ? fd : ct_vm_give(p->vm, fd, VM_FD_TAP + (int)i, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void ct_vm_show_taps(const struct ct_plan *p, struct vz_buf *b)
{
	for (size_t i = 0; i < p->net.n_veths; i++)
		vz_buf_addf(b, "%stap%zu behind %s", i ? ", " : "", i, p->net.veths[i].ifname);
}

/* ---- a running guest ------------------------------------------------------- */

/* MAC, then words "+ADDR/LEN" and "-ADDR/LEN". */
static const char tell_script[] =
	"mac=$1; shift; dev=\n"
	"for d in /sys/class/net/*; do [ \"$(cat $d/address)\" = $mac ] && dev=${d##*/}; done\n"
	"[ -n \"$dev\" ] || exit 3\n"
	"ip link set dev $dev up; r=0\n"
	"for w; do\n"
	"  a=${w#?}\n"
	"  case $w in\n"
	"  -*) ip addr del $a dev $dev 2>/dev/null;;\n"
	"  +*:*) ip addr add $a dev $dev 2>/dev/null\n"
	"     ip -6 route add default via " NET_TAP_GW6 " dev $dev 2>/dev/null;;\n"
	"  +*) ip addr add $a dev $dev 2>/dev/null\n"
	"     ip route add " NET_TAP_GW4 "/32 dev $dev 2>/dev/null\n"
	"     ip route add default via " NET_TAP_GW4 " dev $dev 2>/dev/null;;\n"
	"  esac\n"
	"  ip addr show dev $dev | grep -qF \" $a \"; has=$?\n"
	"  case $w in -*) [ $has != 0 ] || r=1;; *) [ $has = 0 ] || r=1;; esac\n"
	"done\n"
	"exit $r\n";

static void add_word(struct vz_strv *v, char sign, const struct net_addr *a)
{
	struct net_addr own = net_addr_own(a);
	_cleanup_free_ char *word = NULL;
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(own.family, own.a, text, sizeof(text)))
		return;
	word = xasprintf("%c%s/%u", sign, text, own.plen);
	vz_strv_add(v, word);
}

static bool has_own(const struct net_addr *v, size_t n, const struct net_addr *a)
{
	struct net_addr own = net_addr_own(a);

	for (size_t i = 0; i < n; i++) {
		struct net_addr other = net_addr_own(&v[i]);

		if (net_addr_same(&own, &other))
			return true;
	}
	return false;
}

void ct_vm_tell_addrs(const struct ct_plan *p, const struct conf_change *ch,
		      const struct vz_strv *old)
{
	_cleanup_strv_ struct vz_strv args = VZ_STRV_INIT;
	_cleanup_addrs_ struct ct_addrs was = { 0 }, named = { 0 };
	_cleanup_free_ char *mac = ct_vm_mac_text(p->ct->id);
	struct vz_err e = VZ_ERR_INIT;
	int r;

	vz_strv_add(&args, mac);
	ct_addrs_parse(old, &was);
	/* Some that were added without --save are in no file. */
	ct_addrs_parse(conf_change_deleted(ch, P_IP_ADDRESS), &was);
	ct_addrs_parse(conf_change_added(ch, P_IP_ADDRESS), &named);
	for (size_t i = 0; i < was.n; i++)
		if (!has_own(p->net.addrs, p->net.n_addrs, &was.v[i]))
			add_word(&args, '-', &was.v[i]);
	for (size_t i = 0; i < p->net.n_addrs; i++)
		if (has_own(named.v, named.n, &p->net.addrs[i]))
			add_word(&args, '+', &p->net.addrs[i]);
	if (args.n == 1)
		return;
	r = ct_vm_sh(p->ct, tell_script, &args, &e);
	if (r < 0)
		vz_info("The guest takes the change of its addresses at its next start: %s", e.msg);
	else if (r > 0)
		vz_info("The guest takes the change of its addresses at its next start: its `ip` did not (exit code %d)",
			r);
}
