// SPDX-License-Identifier: GPL-2.0-or-later
/* NETIF: the one structured value.  Its keys are declared once, below. */
#include "conf/priv.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/num.h"

static const struct netif_row {
	const char *key;	/* in the file, and the option that goes with --ifname */
	uint16_t off, size;	/* 0: kept in extra */
	bool mac;
} rows[] = {
	[NK_IFNAME] = { "ifname", offsetof(struct conf_netif, ifname), 16, false },
	[NK_BRIDGE] = { "bridge", offsetof(struct conf_netif, bridge), 16, false },
	[NK_MAC] = { "mac", offsetof(struct conf_netif, mac), 18, true },
	[NK_HOST_IFNAME] = { "host_ifname", offsetof(struct conf_netif, host_ifname), 16, false },
	[NK_HOST_MAC] = { "host_mac", offsetof(struct conf_netif, host_mac), 18, true },
	[NK_MAC_FILTER] = { "mac_filter", 0, 0, false },
	[NK_VLAN] = { "vlan", 0, 0, false },
	[NK_MTU] = { "mtu", 0, 0, false },
};

/* Keys of Virtuozzo 7, kept as they are and applied where they can be. */
static const char extra_keys[] = "ipaddr gw gw6 dhcp dhcp6 configure network type";
/* Which of these are options next to --ifname. */
static const char *const extra_opts[] = { "ipaddr", "gw", "gw6", "dhcp", "dhcp6", "configure",
					  "network" };

const char *netif_option(const char *name)
{
	for (size_t i = NK_BRIDGE; i < ARRAY_SIZE(rows); i++)
		if (str_eq(rows[i].key, name))
			return rows[i].key;
	for (size_t i = 0; i < ARRAY_SIZE(extra_opts); i++)
		if (str_eq(extra_opts[i], name))
			return extra_opts[i];
	return NULL;
}

void netif_done(struct conf_netif *n)
{
	free(n->extra);
	n->extra = NULL;
}

void netif_copy(struct conf_netif *dst, const struct conf_netif *src)
{
	*dst = *src;
	dst->extra = src->extra ? xstrdup(src->extra) : NULL;
}

/* dev_valid_name() of the kernel, and nothing that our syntax or a tool needs. */
static bool ifname_ok(const char *s)
{
	size_t n = strlen(s);

	if (!n || n > 15 || *s == '-' || str_eq(s, ".") || str_eq(s, ".."))
		return false;
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr("/:,;=\"'`$\\", *s))
			return false;
	return true;
}

static bool mac_canon(const char *s, char ret[18])
{
	unsigned int i;

	for (i = 0; i < 17; i++) {
		bool sep = i % 3 == 2;

		if (sep ? (s[i] != ':' && s[i] != '-') : !isxdigit((unsigned char)s[i]))
			return false;
		ret[i] = sep ? ':' : (char)toupper((unsigned char)s[i]);
	}
	ret[17] = '\0';
	/* Multicast addresses and zero belong to no interface. */
	return !s[17] && !(strchr("13579BDF", ret[1])) && strcmp(ret, "00:00:00:00:00:00") != 0;
}

static int set_field(struct conf_netif *n, const struct netif_row *row, const char *value,
		     char *why, size_t why_size)
{
	char *field = (char *)n + row->off;
	char mac[18];

	if (!*value && row != &rows[NK_IFNAME]) {
		*field = '\0';
		return 0;
	}
	if (row->mac) {
		if (!mac_canon(value, mac)) {
			snprintf(why, why_size, "%s is a unicast address like 00:18:51:AA:BB:CC",
				 row->key);
			return -EINVAL;
		}
		memcpy(field, mac, sizeof(mac));
		return 0;
	}
	if (!ifname_ok(value)) {
		snprintf(why, why_size, "%s is an interface name of 1 to 15 characters", row->key);
		return -EINVAL;
	}
	memcpy(field, value, strlen(value) + 1);
	return 0;
}

static bool extra_value_ok(const char *s)
{
	for (; *s; s++)
		if (!isgraph((unsigned char)*s) || strchr(",;\"'`$\\", *s))
			return false;
	return true;
}

/* "A/M+B/M": what the interface gets inside. */
static int check_addrs(const char *value, char *why, size_t why_size)
{
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;
	char canon[80];

	vz_strv_split(&l, value, "+");
	for (size_t i = 0; i < l.n; i++) {
		if (value_ip_canon(l.v[i], true, canon, sizeof(canon)) == 0)
			continue;
		snprintf(why, why_size, "ipaddr is ADDRESS/LENGTH[+ADDRESS/LENGTH...]");
		return -EINVAL;
	}
	return 0;
}

/* "10": untagged frames are VLAN 10's; "10+20": 20 in addition, tagged; "+20": tagged only. */
static int set_vlan(struct conf_netif *n, const char *value, char *why, size_t why_size)
{
	_cleanup_strv_ struct vz_strv l = VZ_STRV_INIT;
	uint16_t tagged[CONF_VLANS_MAX], pvid = 0;
	size_t k = 0;
	uint32_t v;

	vz_strv_split(&l, value, "+");
	for (size_t i = 0; i < l.n; i++) {
		bool first = i == 0 && *value != '+';
		bool twice = false;

		/* 0 is priority tagging, 4095 reserved (IEEE 802.1Q, table 9-2). */
		if (num_parse_u32(l.v[i], &v) < 0 || v < 1 || v > 4094)
			goto bad;
		for (size_t j = 0; j < k; j++)
			twice |= tagged[j] == v;
		if (twice || v == pvid || (!first && k == CONF_VLANS_MAX))
			goto bad;
		if (first)
			pvid = (uint16_t)v;
		else
			tagged[k++] = (uint16_t)v;
	}
	if (*value && !l.n)
		goto bad;
	n->pvid = pvid;
	n->n_tagged = (uint16_t)k;
	memcpy(n->tagged, tagged, k * sizeof(*tagged));
	return 0;
bad:
	snprintf(why, why_size,
		 "vlan is ID[+ID...], 1 to 4094, each once: the first untagged, up to %d tagged; +ID[+ID...]: all tagged",
		 CONF_VLANS_MAX);
	return -EINVAL;
}

static int set_mtu(struct conf_netif *n, const char *value, char *why, size_t why_size)
{
	uint32_t v = 0;

	/* What veth takes: drivers/net/veth.c. */
	if (*value && (num_parse_u32(value, &v) < 0 || v < 68 || v > 65535)) {
		snprintf(why, why_size, "mtu is a number of 68 to 65535");
		return -EINVAL;
	}
	n->mtu = (uint16_t)v;
	return 0;
}

const char *conf_netif_vlan(const struct conf_netif *n, char *buf)
{
	size_t len = 0;

	buf[0] = '\0';
	if (n->pvid)
		len = (size_t)snprintf(buf, CONF_VLAN_STRLEN, "%u", n->pvid);
	for (size_t i = 0; i < n->n_tagged; i++)
		len += (size_t)snprintf(buf + len, CONF_VLAN_STRLEN - len, "+%u", n->tagged[i]);
	return buf;
}

const char *conf_netif_extra(const struct conf_netif *n, const char *key, char *buf, size_t size)
{
	size_t len = strlen(key);

	*buf = '\0';
	for (const char *s = n->extra; s; s = strchr(s, ',')) {
		s += *s == ',';
		if (strncmp(s, key, len) == 0 && s[len] == '=') {
			s += len + 1;
			snprintf(buf, size, "%.*s", (int)strcspn(s, ","), s);
			break;
		}
	}
	return buf;
}

/* Replaces or appends KEY=VALUE in the comma separated list. */
static void set_extra(struct conf_netif *n, const char *key, size_t key_len, const char *value)
{
	_cleanup_strv_ struct vz_strv old = VZ_STRV_INIT;
	struct vz_buf b = VZ_BUF_INIT;

	vz_strv_split(&old, n->extra ? n->extra : "", ",");
	for (size_t i = 0; i < old.n; i++) {
		if (strncmp(old.v[i], key, key_len) == 0 && old.v[i][key_len] == '=')
			continue;
		vz_buf_addf(&b, "%s%s", b.len ? "," : "", old.v[i]);
	}
	if (*value)
		vz_buf_addf(&b, "%s%.*s=%s", b.len ? "," : "", (int)key_len, key, value);
	free(n->extra);
	n->extra = b.s;
}

int netif_set_key(struct conf_netif *n, const char *key, size_t key_len, const char *value,
		  char *why, size_t why_size)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (strlen(rows[i].key) != key_len || memcmp(rows[i].key, key, key_len) != 0)
			continue;
		if (i == NK_MAC_FILTER) {
			if (num_parse_bool(value, &n->mac_filter) == 0)
				return 0;
			snprintf(why, why_size, "mac_filter is on or off");
			return -EINVAL;
		}
		if (i == NK_VLAN)
			return set_vlan(n, value, why, why_size);
		if (i == NK_MTU)
			return set_mtu(n, value, why, why_size);
		return set_field(n, &rows[i], value, why, why_size);
	}
	if (!param_word(extra_keys, key, key_len) || !extra_value_ok(value)) {
		snprintf(why, why_size,
			 "keys are ifname bridge mac host_ifname host_mac mac_filter vlan mtu %s",
			 extra_keys);
		return -EINVAL;
	}
	if (key_len == 6 && memcmp(key, "ipaddr", 6) == 0 &&
	    check_addrs(value, why, why_size) < 0)
		return -EINVAL;
	set_extra(n, key, key_len, value);
	return 0;
}

static int parse_one(char *text, struct conf_netif *n, char *why, size_t why_size)
{
	char *save, *kv;

	for (kv = strtok_r(text, ",", &save); kv; kv = strtok_r(NULL, ",", &save)) {
		char *eq;
		int r;

		kv += strspn(kv, " \t");
		eq = strchr(kv, '=');
		if (!eq) {
			snprintf(why, why_size, "expected KEY=VALUE[,KEY=VALUE...][;...]");
			return -EINVAL;
		}
		eq[1 + strcspn(eq + 1, " \t")] = '\0';
		r = netif_set_key(n, kv, eq - kv, eq + 1, why, why_size);
		if (r < 0)
			return r;
	}
	if (*n->ifname)
		return 0;
	snprintf(why, why_size, "every interface needs ifname=");
	return -EINVAL;
}

static const struct conf_netif *netif_find(const struct conf_netif *n, size_t count,
					   const char *ifname)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(n[i].ifname, ifname))
			return &n[i];
	return NULL;
}

int netif_parse_file(const char *text, union value *ret, char *why, size_t why_size)
{
	_cleanup_free_ char *copy = xstrdup(text);
	union value v = { 0 };
	char *save, *one;
	int r = 0;

	for (one = strtok_r(copy, ";", &save); one && r == 0; one = strtok_r(NULL, ";", &save)) {
		struct conf_netif n = { .mac_filter = true };

		if (!one[strspn(one, " \t")])
			continue;
		r = parse_one(one, &n, why, why_size);
		if (r == 0 && (netif_find(v.arr.netif, v.arr.n, n.ifname) || v.arr.n >= 64)) {
			snprintf(why, why_size, "interface %s appears twice", n.ifname);
			r = -EINVAL;
		}
		if (r < 0) {
			netif_done(&n);
			break;
		}
		v.arr.netif = xrealloc(v.arr.netif, (v.arr.n + 1) * sizeof(n));
		v.arr.netif[v.arr.n++] = n;
	}
	if (r < 0) {
		value_done(param_get(P_NETIF), &v);
		return r;
	}
	*ret = v;
	return 0;
}

/* One field: KEY=VALUE anywhere behind the first, or what its place says. */
static int spec_field(struct conf_netif *n, size_t place, const char *field, char *why,
		      size_t why_size)
{
	static const enum netif_key order[] = { NK_IFNAME, NK_MAC, NK_HOST_IFNAME, NK_HOST_MAC,
						NK_BRIDGE };
	const char *eq = strchr(field, '=');

	if (eq && place)
		return netif_set_key(n, field, (size_t)(eq - field), eq + 1, why, why_size);
	if (place < ARRAY_SIZE(order))
		return set_field(n, &rows[order[place]], field, why, why_size);
	snprintf(why, why_size,
		 "expected ifname[,mac[,host_ifname[,host_mac[,bridge]]]][,KEY=VALUE...]");
	return -EINVAL;
}

int netif_parse_spec(const char *spec, struct conf_netif *ret, char *why, size_t why_size)
{
	struct conf_netif n = { .mac_filter = true };
	int r = 0;

	for (size_t i = 0; r == 0; i++) {
		_cleanup_free_ char *field = xstrndup(spec, strcspn(spec, ","));

		r = spec_field(&n, i, field, why, why_size);
		spec += strcspn(spec, ",");
		if (!*spec++)
			break;
	}
	if (r < 0) {
		netif_done(&n);
		return r;
	}
	/*
	 * 4.x gave both ends the same address.  A bridge takes the lowest address
	 * of its ports, so the host end gets a high one: FE, locally administered.
	 */
	if (*n.mac && !*n.host_mac) {
		memcpy(n.host_mac, n.mac, sizeof(n.mac));
		memcpy(n.host_mac, "FE", 2);
	}
	*ret = n;
	return 0;
}

void netif_format(const struct conf_netif *n, size_t count, struct vz_buf *out)
{
	char vlan[CONF_VLAN_STRLEN];

	for (size_t i = 0; i < count; i++, n++) {
		if (i)
			vz_buf_addc(out, ';');
		vz_buf_addf(out, "ifname=%s", n->ifname);
		for (size_t k = NK_BRIDGE; k <= NK_HOST_MAC; k++) {
			const char *field = (const char *)n + rows[k].off;

			if (*field)
				vz_buf_addf(out, ",%s=%s", rows[k].key, field);
		}
		if (!n->mac_filter)
			vz_buf_adds(out, ",mac_filter=off");
		if (n->pvid || n->n_tagged)
			vz_buf_addf(out, ",vlan=%s", conf_netif_vlan(n, vlan));
		if (n->mtu)
			vz_buf_addf(out, ",mtu=%u", n->mtu);
		if (n->extra && *n->extra)
			vz_buf_addf(out, ",%s", n->extra);
	}
}
