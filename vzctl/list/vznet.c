// SPDX-License-Identifier: GPL-2.0-or-later
/* vznet: what the network of a container is, and where it is not as configured. */
#define VZ_ROOM "list"
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "ct/ct.h"
#include "ct/netlook.h"

#define DIFFERENT 1

static int usage(FILE *f)
{
	fputs("Usage: vznet [--json] <ctid>|<name>\n"
	      "       vznet check [--json] <ctid>|<name>\n"
	      "  shows the network of a running container; check: where it is not as configured\n",
	      f);
	return f == stdout ? 0 : VZ_INVALID_PARAMETER_SYNTAX;
}

/*
 * For a terminal: names have the bytes that the container's root likes.  In @buf of
 * 4 * 15 + 1 bytes; "-" for none.
 */
static const char *safe(const char *name, char buf[61])
{
	size_t n = 0;

	for (; *name && n + 4 < 61; name++) {
		unsigned char c = (unsigned char)*name;

		if (c > 0x20 && c < 0x7f && c != '\\')
			buf[n++] = (char)c;
		else
			n += (size_t)snprintf(buf + n, 5, "\\x%02x", c);
	}
	if (!n)
		buf[n++] = '-';
	buf[n] = '\0';
	return buf;
}

static const char *mac_text(const struct net_look_end *e, char buf[18])
{
	snprintf(buf, 18, "%02X:%02X:%02X:%02X:%02X:%02X", e->mac[0], e->mac[1], e->mac[2],
		 e->mac[3], e->mac[4], e->mac[5]);
	return buf;
}

static const char *forward_text(const struct net_look_forward *f, bool host, char buf[80])
{
	const struct net_addr *a = host ? &f->f.host : &f->to;
	unsigned int port = host ? f->f.port : f->f.ct_port, last = port + f->f.n - 1;
	char addr[NET_ADDR_STRLEN] = "", end[8] = "";
	bool v6;

	if (a->family)
		net_addr_format(a, addr);
	v6 = strchr(addr, ':') != NULL;
	if (last != port)
		snprintf(end, sizeof(end), "-%u", last & 0xffff);
	snprintf(buf, 80, "%s%s%s%s%u%s", v6 ? "[" : "", addr, v6 ? "]" : "", *addr ? ":" : "",
		 port, end);
	return buf;
}

/* ---- text ------------------------------------------------------------------ */

static void text_end(struct vz_buf *b, const char *what, const struct net_look_end *e)
{
	char name[61], mac[18];

	if (!e->ifindex)
		return;
	vz_buf_addf(b, "  %-6s %-15s %s mtu %u %s", what, safe(e->name, name),
		    mac_text(e, mac), e->mtu, e->up ? "up" : "down");
}

static void text_links(struct vz_buf *b, const struct net_look *l)
{
	char name[61];

	for (size_t i = 0; i < l->n_links; i++) {
		const struct net_look_link *n = &l->links[i];

		vz_buf_addf(b, "link %s", safe(n->ct.ifindex ? n->ct.name : n->host.name, name));
		if (!n->host.ifindex || !str_eq(n->host.kind, "veth"))
			vz_buf_addf(b, " (%s)", safe(n->host.ifindex ? n->host.kind : n->ct.kind,
						     name));
		vz_buf_addc(b, '\n');
		text_end(b, "inside", &n->ct);
		if (n->ct.ifindex)
			vz_buf_addc(b, '\n');
		text_end(b, "host", &n->host);
		if (*n->bridge)
			vz_buf_addf(b, " bridge %s", safe(n->bridge, name));
		if (n->pvid)
			vz_buf_addf(b, " vlan %u", n->pvid);
		for (size_t k = 0; k < n->n_tagged; k++)
			vz_buf_addf(b, "%s%u", k ? "," : " tagged ", n->tagged[k]);
		if (n->host.ifindex)
			vz_buf_addc(b, '\n');
	}
	if (l->more_links)
		vz_buf_addf(b, "and %zu links more of the container's own\n", l->more_links);
}

static void text_addrs(struct vz_buf *b, const char *what, const char *word,
		       const struct net_look_list *l)
{
	char text[NET_ADDR_STRLEN], name[61];

	for (size_t i = 0; i < l->n; i++) {
		vz_buf_addf(b, "%s %s", what, net_addr_format(&l->v[i].a, text));
		if (*l->v[i].dev)
			vz_buf_addf(b, " %s %s", word, safe(l->v[i].dev, name));
		vz_buf_adds(b, l->v[i].missing ? " MISSING\n" : "\n");
	}
}

static void text_guard(struct vz_buf *b, const struct net_look *l)
{
	char name[61];

	if (!l->guards.n) {
		vz_buf_adds(b, "guard none\n");
		return;
	}
	vz_buf_adds(b, l->guard_bpf ? "guard bpf, ports" :
				      "guard table netdev " NET_GUARD_TABLE ", ports");
	for (size_t i = 0; i < l->guards.n; i++)
		vz_buf_addf(b, " %s", safe(l->guards.v[i], name));
	vz_buf_addc(b, '\n');
	for (size_t i = 0; i < l->n_drops; i++)
		vz_buf_addf(b, "  %-15s %12" PRIu64 " packets %15" PRIu64 " bytes\n",
			    safe(l->drops[i].name, name), l->drops[i].packets, l->drops[i].bytes);
}

static void text_all(struct vz_buf *b, uint32_t id, const struct ct_netlook *l)
{
	char name[61], from[80], to[80];

	text_links(b, &l->net);
	if (l->net.torn)
		vz_buf_adds(b, "(the container keeps changing these: not all were seen)\n");
	text_addrs(b, "address", "on", &l->net.addrs);
	if (l->net.more_addrs)
		vz_buf_addf(b, "and %zu addresses more of the container's own\n",
			    l->net.more_addrs);
	text_addrs(b, "route", "dev", &l->net.routes);
	text_addrs(b, "proxy", "dev", &l->net.proxies);
	text_guard(b, &l->net);
	for (size_t i = 0; i < l->n_caps; i++)
		vz_buf_addf(b, "cap %s class %u %" PRIu64 " kbit/s\n",
			    *l->caps[i].ifname ? safe(l->caps[i].ifname, name) : "*",
			    l->caps[i].cls, l->caps[i].rate / 125);
	for (size_t i = 0; i < l->net.n_fwds; i++)
		vz_buf_addf(b, "forward %s %s to %s\n", l->net.fwds[i].f.udp ? "udp" : "tcp",
			    forward_text(&l->net.fwds[i], true, from),
			    forward_text(&l->net.fwds[i], false, to));
	text_addrs(b, "masquerade", "", &l->net.masq);
	for (unsigned int c = 0; c < CONF_CLASSES; c++) {
		const struct ct_count *n = &l->traffic.cls[c];

		if (l->traffic.have >> c & 1)
			vz_buf_addf(b, "traffic class %u in %" PRIu64 " bytes %" PRIu64
				    " packets, out %" PRIu64 " bytes %" PRIu64 " packets\n",
				    c, n->rx_bytes, n->rx_packets, n->tx_bytes, n->tx_packets);
	}
}

/* ---- JSON ------------------------------------------------------------------ */

static void json_end_of(struct json *j, const char *key, const struct net_look_end *e)
{
	char mac[18];

	if (!e->ifindex) {
		json_str(j, key, NULL);
		return;
	}
	json_begin(j, key, '{', true);
	json_str(j, "name", e->name);
	json_str(j, "kind", e->kind);
	json_str(j, "mac", mac_text(e, mac));
	json_u64(j, "mtu", e->mtu);
	json_bool(j, "up", e->up);
	json_end(j);
}

static void json_links(struct json *j, const struct net_look *l)
{
	json_begin(j, "links", '[', false);
	for (size_t i = 0; i < l->n_links; i++) {
		const struct net_look_link *n = &l->links[i];

		json_begin(j, NULL, '{', false);
		json_end_of(j, "inside", &n->ct);
		json_end_of(j, "host", &n->host);
		json_str(j, "bridge", *n->bridge ? n->bridge : NULL);
		json_u64(j, "vlan", n->pvid ? n->pvid : UINT64_MAX);
		json_begin(j, "tagged", '[', true);
		for (size_t k = 0; k < n->n_tagged; k++)
			json_u64(j, NULL, n->tagged[k]);
		json_end(j);
		json_end(j);
	}
	json_end(j);
	json_u64(j, "links_not_shown", l->more_links);
}

static void json_addrs(struct json *j, const char *key, const struct net_look_list *l)
{
	char text[NET_ADDR_STRLEN];

	json_begin(j, key, '[', false);
	for (size_t i = 0; i < l->n; i++) {
		json_begin(j, NULL, '{', true);
		json_str(j, "address", net_addr_format(&l->v[i].a, text));
		if (*l->v[i].dev)
			json_str(j, "device", l->v[i].dev);
		if (l->v[i].missing)
			json_bool(j, "missing", true);
		json_end(j);
	}
	json_end(j);
}

static void json_guard(struct json *j, const struct net_look *l)
{
	if (!l->guards.n) {
		json_str(j, "guard", NULL);
		return;
	}
	json_begin(j, "guard", '{', false);
	json_begin(j, "ports", '[', true);
	for (size_t i = 0; i < l->guards.n; i++)
		json_str(j, NULL, l->guards.v[i]);
	json_end(j);
	json_begin(j, "drops", '{', false);
	for (size_t i = 0; i < l->n_drops; i++) {
		json_begin(j, l->drops[i].name, '{', true);
		json_u64(j, "packets", l->drops[i].packets);
		json_u64(j, "bytes", l->drops[i].bytes);
		json_end(j);
	}
	json_end(j);
	json_end(j);
}

static void json_nat(struct json *j, const struct net_look *l)
{
	char text[80];

	json_begin(j, "forwards", '[', false);
	for (size_t i = 0; i < l->n_fwds; i++) {
		json_begin(j, NULL, '{', true);
		json_str(j, "protocol", l->fwds[i].f.udp ? "udp" : "tcp");
		json_str(j, "host", forward_text(&l->fwds[i], true, text));
		json_str(j, "to", forward_text(&l->fwds[i], false, text));
		json_end(j);
	}
	json_end(j);
	json_addrs(j, "masquerade", &l->masq);
}

static void json_traffic(struct json *j, const struct ct_netlook *l)
{
	json_begin(j, "caps", '[', false);
	for (size_t i = 0; i < l->n_caps; i++) {
		json_begin(j, NULL, '{', true);
		json_str(j, "interface", *l->caps[i].ifname ? l->caps[i].ifname : NULL);
		json_u64(j, "class", l->caps[i].cls);
		json_u64(j, "bytes_per_second", l->caps[i].rate);
		json_end(j);
	}
	json_end(j);
	json_begin(j, "traffic", '[', false);
	for (unsigned int c = 0; c < CONF_CLASSES; c++) {
		const struct ct_count *n = &l->traffic.cls[c];

		if (!(l->traffic.have >> c & 1))
			continue;
		json_begin(j, NULL, '{', true);
		json_u64(j, "class", c);
		json_u64(j, "in_bytes", n->rx_bytes);
		json_u64(j, "in_packets", n->rx_packets);
		json_u64(j, "out_bytes", n->tx_bytes);
		json_u64(j, "out_packets", n->tx_packets);
		json_end(j);
	}
	json_end(j);
}

static void json_all(struct json *j, const struct ct_netlook *l)
{
	json_links(j, &l->net);
	json_addrs(j, "addresses", &l->net.addrs);
	json_u64(j, "addresses_not_shown", l->net.more_addrs);
	json_bool(j, "incomplete", l->net.torn);
	json_addrs(j, "routes", &l->net.routes);
	json_addrs(j, "proxies", &l->net.proxies);
	json_guard(j, &l->net);
	json_nat(j, &l->net);
	json_traffic(j, l);
}

/* ---- main ------------------------------------------------------------------ */

/* Of a line of text: what differs may name what the container's root has named. */
static void add_line(struct vz_buf *b, const char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f)
			vz_buf_addc(b, *s);
		else
			vz_buf_addf(b, "\\x%02x", (unsigned char)*s);
	}
	vz_buf_addc(b, '\n');
}

static void print(const struct ct *ct, const struct ct_netlook *l, bool check, bool as_json,
		  struct vz_buf *b)
{
	struct json j = JSON_INIT(b);

	if (!as_json) {
		for (size_t i = 0; i < l->diffs.n && check; i++)
			add_line(b, l->diffs.v[i]);
		if (!check)
			text_all(b, ct->id, l);
		return;
	}
	json_begin(&j, NULL, '{', false);
	json_u64(&j, "ctid", ct->id);
	if (check) {
		json_begin(&j, "differences", '[', false);
		for (size_t i = 0; i < l->diffs.n; i++)
			json_str(&j, NULL, l->diffs.v[i]);
		json_end(&j);
	} else {
		json_all(&j, l);
	}
	json_end(&j);
}

static int run(const char *arg, bool check, bool as_json, struct vz_err *e)
{
	_cleanup_(ct_netlook_done) struct ct_netlook l = { 0 };
	_cleanup_ct_ struct ct ct = CT_INIT;
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r = ct_open(&ct, arg, 0, "vznet", e);

	if (r == 0)
		r = ct_netlook(&ct, &l, e);
	if (r < 0)
		return r;
	print(&ct, &l, check, as_json, &b);
	if (fwrite(vz_buf_str(&b), 1, b.len, stdout) != b.len || fflush(stdout) != 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to write");
	return check && l.diffs.n ? DIFFERENT : 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", 0, NULL, 'j' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const struct vz_log_conf lc = { .prog = "vznet" };
	bool as_json = false, check;
	struct vz_err e = VZ_ERR_INIT;
	int opt, r;

	vz_log_setup(&lc);
	while ((opt = getopt_long(argc, argv, "jh", longs, NULL)) != -1) {
		if (opt != 'j')
			return usage(opt == 'h' ? stdout : stderr);
		as_json = true;
	}
	/* "vznet check" shows a container of that name. */
	check = argc - optind == 2 && str_eq(argv[optind], "check");
	if (argc - optind != (check ? 2 : 1))
		return usage(stderr);
	r = run(argv[optind + check], check, as_json, &e);
	if (r < 0)
		vz_error("%s", e.msg);
	return r < 0 ? (int)e.code : r;
}
