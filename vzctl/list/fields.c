// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every field, once: fields[].  Header and width of a parameter's field are in
 * its row of conf/params.def; the order is the one of -L and of JSON.
 */
#define VZ_ROOM "list"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "ct/ct.h"
#include "list/list.h"

/* ---- getters ----------------------------------------------------------- */

static void get_ctid(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_num(v, e->id);
}

static void get_toggles(const struct conf *c, enum param_id p, struct val *v)
{
	const struct conf_toggle *t;
	size_t n = conf_toggles(c, p, &t);

	v->type = n ? VAL_TOGGLES : VAL_UNSET;
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *s = xasprintf("%s:%s", t[i].name, t[i].on ? "on" : "off");

		val_add(v, s);
	}
}

/* The value of the config, as its type of parameter. */
static void get_conf(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	enum param_id p = f->param;
	const struct vz_strv *l;

	if (!conf_has(e->conf, p))
		return;
	switch ((enum param_type)param_get(p)->type) {
	case PT_BOOL:
		val_bool(v, conf_bool(e->conf, p, false));
		break;
	case PT_UINT:
	case PT_PERCENT:
	case PT_RATE:
	case PT_SIZE:
		val_num(v, conf_u64(e->conf, p, CT_UNKNOWN));
		break;
	case PT_IPLIST:
	case PT_ADDRLIST:
	case PT_WORDLIST:
	case PT_BINDLIST:
	case PT_FWDLIST:
	case PT_RATELIST:
		l = conf_list(e->conf, p);
		for (size_t i = 0; i < l->n; i++)
			val_add(v, l->v[i]);
		break;
	case PT_TOGGLES:
		get_toggles(e->conf, p, v);
		break;
	case PT_PAIR:
	case PT_NETIF:
	case PT_DEVICES:
	case PT_DEVNODES: {
		_cleanup_free_ char *s = conf_format(e->conf, p);

		val_str(v, s);
		break;
	}
	default:
		val_str(v, conf_str(e->conf, p));
		if (v->type == VAL_STR && param_get(p)->type == PT_DECIMAL)
			v->type = VAL_DEC;
	}
}

static void get_flag(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_bool(v, conf_bool(e->conf, f->param, false));
}

/* auto is neither. */
static void get_onboot(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const char *s = conf_str(e->conf, P_ONBOOT);

	if (s && (str_eq(s, "yes") || str_eq(s, "no")))
		val_bool(v, *s == 'y');
}

static void get_smart_name(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const char *name = conf_str(e->conf, P_NAME);
	char id[16];

	snprintf(id, sizeof(id), "%u", e->id);
	val_str(v, name && *name ? name : id);
}

static void get_status(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_str(v, ct_stat_status(&e->st));
}

static void get_ubc(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	struct conf_pair pair = { VZ_UNLIMITED, VZ_UNLIMITED };
	const struct ct_use *u;

	conf_pair(e->conf, f->param, &pair);
	if (suffix == 'b') {
		val_num(v, ct_conf_unit(f->param, pair.bar));
		return;
	}
	if (suffix == 'l' && !e->running) {
		val_num(v, ct_conf_unit(f->param, pair.lim));
		return;
	}
	u = ct_stat_use(&e->st, f->param);
	if (suffix == 'l')
		val_num(v, u->limit != CT_UNKNOWN ? u->limit : ct_conf_unit(f->param, pair.lim));
	else
		val_num(v, suffix == 'm' ? u->max : suffix == 'f' ? u->fail : u->held);
}

static void get_disk(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	struct conf_pair pair = { VZ_UNLIMITED, VZ_UNLIMITED };
	const struct ct_disk *d;

	if (suffix) {
		conf_pair(e->conf, f->param, &pair);
		val_num(v, suffix == 's' ? pair.bar : pair.lim);
		return;
	}
	d = ct_stat_disk(&e->st);
	val_num(v, f->param == P_DISKSPACE ? d->used_kb : d->used_inodes);
}

static void get_bytes(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	uint64_t used, limit;

	ct_stat_bytes(&e->st, f->param == P_SWAPPAGES, &used, &limit);
	val_num(v, suffix ? limit : used);
}

/* A stock kernel has no load average per container, and PSI is none. */
static void get_load(struct ent *e, const struct field *f, char suffix, struct val *v)
{
}

static void get_uptime(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_num(v, ct_stat_uptime_ms(&e->st));
	if (v->type == VAL_NUM)
		v->type = VAL_TIME;
}

static void get_layout(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_str(v, ct_stat_layout(&e->st));
}

static void get_vswap(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_bool(v, ct_is_vswap(e->conf));
}

static void get_pid(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	pid_t pid = ct_stat_init(&e->st);

	val_num(v, pid ? (uint64_t)pid : CT_UNKNOWN);
}

static void get_freeze(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_str(v, ct_view_frozen(e->view, e->id) ? "paused" : NULL);
}

static void get_netns(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	val_num(v, ct_stat_netns(&e->st));
}

/* A line of uid_map with colons: first id inside, outside, number. */
static void get_uidmap(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	char s[64];

	if (!conf_has(e->conf, P_LOCAL_UID))
		return;
	snprintf(s, sizeof(s), "0:%llu:%llu",
		 (unsigned long long)conf_u64(e->conf, P_LOCAL_UID, 0),
		 (unsigned long long)conf_u64(e->node, P_UIDMAP_SIZE, 65536));
	val_str(v, s);
}

static void get_kind(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const char *type = conf_str(e->conf, P_VE_TYPE);

	val_str(v, type && str_eq(type, "vm") ? "vm" : "ct");
}

/* One member of each interface: which one follows from the field's name. */
static void get_netif(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(e->conf, &nif);

	for (size_t i = 0; i < n; i++)
		val_add(v, str_eq(f->name, "ifname")	  ? nif[i].ifname :
			   str_eq(f->name, "host_ifname") ? nif[i].host_ifname :
							    nif[i].mac);
}

/* "gw=..." and "network=..." are keys of Virtuozzo, kept as they are. */
static void get_netif_extra(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const struct conf_netif *nif;
	size_t n = conf_netifs(e->conf, &nif), klen = strlen(f->name);

	for (size_t i = 0; i < n; i++) {
		struct vz_strv keys = VZ_STRV_INIT;

		if (nif[i].extra)
			vz_strv_split(&keys, nif[i].extra, ",");
		for (size_t k = 0; k < keys.n; k++)
			if (strncmp(keys.v[k], f->name, klen) == 0 && keys.v[k][klen] == '=')
				val_add(v, keys.v[k] + klen + 1);
		vz_strv_done(&keys);
	}
}

/* NULL when nothing was counted, or who asks may not see it.  Five fields ask. */
static const struct ct_traffic *traffic(struct ent *e)
{
	if (e->net_asked)
		return e->net_have ? &e->net : NULL;
	e->net_asked = true;
	if (!*e->traffic)
		*e->traffic = ct_traffic_all_read(VZ_IGNORE);
	e->net_have = *e->traffic &&
		      ct_traffic_all_get(*e->traffic, e->id, &e->net, VZ_IGNORE) == 0;
	return e->net_have ? &e->net : NULL;
}

static void get_net(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	bool in = str_eq(f->name, "net_in");
	const struct ct_traffic *t = traffic(e);
	struct ct_count c;

	if (!t)
		return;
	ct_traffic_sum(t, &c);
	if (suffix)
		val_num(v, in ? c.rx_packets : c.tx_packets);
	else
		val_num(v, in ? c.rx_bytes : c.tx_bytes);
}

/* "1:IN/OUT" in bytes; in JSON the packets, too. */
static void get_net_class(struct ent *e, const struct field *f, char suffix, struct val *v)
{
	const struct ct_traffic *t = traffic(e);
	struct vz_buf json = VZ_BUF_INIT;

	if (!t)
		return;
	v->type = VAL_BOTH;
	vz_buf_addc(&json, '{');
	for (unsigned int i = 0; i < CONF_CLASSES; i++) {
		const struct ct_count *c = &t->cls[i];
		char s[64];

		if (!(t->have >> i & 1))
			continue;
		snprintf(s, sizeof(s), "%u:%" PRIu64 "/%" PRIu64, i, c->rx_bytes, c->tx_bytes);
		vz_strv_add(&v->list, s);
		vz_buf_addf(&json,
			    "%s\"%u\": {\"in_bytes\": %" PRIu64 ", \"in_packets\": %" PRIu64
			    ", \"out_bytes\": %" PRIu64 ", \"out_packets\": %" PRIu64 "}",
			    json.len > 1 ? ", " : "", i, c->rx_bytes, c->rx_packets, c->tx_bytes,
			    c->tx_packets);
	}
	vz_buf_addc(&json, '}');
	v->s = json.s;
}

/* ---- the table ------------------------------------------------------------ */

static const struct part ubc_parts[] = { { 0, "held" },	   { 'm', "maxheld" }, { 'b', "barrier" },
					 { 'l', "limit" }, { 'f', "failcnt" }, { 0, NULL } };
static const struct part disk_parts[] = {
	{ 0, "usage" }, { 's', "softlimit" }, { 'h', "hardlimit" }, { 0, NULL }
};
static const struct part net_parts[] = { { 0, "bytes" }, { 'p', "packets" }, { 0, NULL } };
static const struct part bytes_parts[] = { { 0, "used" }, { 'l', "limit" }, { 0, NULL } };

/* clang-format off */
#define OWN(n, h, w, g) .name = n, .header = h, .width = w, .get = g, .param = P_COUNT
/* Name, header and width are those of the parameter. */
#define PARM(p, g) .param = P_##p, .get = g
#define CONF(p) PARM(p, get_conf)
#define UBC(p) { PARM(p, get_ubc), .parts = ubc_parts }
/* A parameter that has no column of its own in 4.x. */
#define MORE(p, n, h, w) .param = P_##p, .name = n, .header = h, .width = w, .get = get_conf

static const struct field fields[] = {
	{ OWN("ctid", "CTID", 10, get_ctid) },
	{ OWN("veid", "CTID", 10, get_ctid), .alias = true },
	{ OWN("vpsid", "CTID", 10, get_ctid), .alias = true },
	{ CONF(VE_PRIVATE) },
	{ CONF(VE_ROOT) },
	{ CONF(MOUNT_OPTS) },
	{ CONF(ORIGIN_SAMPLE) },
	{ CONF(HOSTNAME) },
	{ CONF(NAME) },
	{ OWN("smart_name", "SMARTNAME", 10, get_smart_name) },
	{ CONF(DESCRIPTION) },
	{ CONF(OSTEMPLATE) },
	{ CONF(IP_ADDRESS), .json_unset = "[]" },
	{ CONF(NAMESERVER), .json_unset = "[]" },
	{ CONF(SEARCHDOMAIN), .json_unset = "[]" },
	{ OWN("status", "STATUS", -9, get_status) },
	UBC(KMEMSIZE), UBC(LOCKEDPAGES), UBC(PRIVVMPAGES), UBC(SHMPAGES), UBC(NUMPROC),
	UBC(PHYSPAGES), UBC(VMGUARPAGES), UBC(OOMGUARPAGES), UBC(NUMTCPSOCK), UBC(NUMFLOCK),
	UBC(NUMPTY), UBC(NUMSIGINFO), UBC(TCPSNDBUF), UBC(TCPRCVBUF), UBC(OTHERSOCKBUF),
	UBC(DGRAMRCVBUF), UBC(NUMOTHERSOCK), UBC(DCACHESIZE), UBC(NUMFILE), UBC(NUMIPTENT),
	UBC(SWAPPAGES),
	{ PARM(DISKSPACE, get_disk), .parts = disk_parts },
	{ PARM(DISKINODES, get_disk), .parts = disk_parts },
	{ OWN("laverage", "LAVERAGE", 14, get_load) },
	{ OWN("uptime", "UPTIME", 15, get_uptime), .json_unset = "0.000" },
	{ CONF(CPULIMIT) },
	{ CONF(CPUUNITS) },
	/* Numbers in JSON even when unset: what is in force then. */
	{ CONF(CPUS), .json_unset = "0" },
	{ CONF(IOPRIO), .json_unset = "4" },
	{ CONF(IOLIMIT), .json_unset = "0" },
	{ CONF(IOPSLIMIT), .json_unset = "0" },
	{ PARM(ONBOOT, get_onboot) },
	{ CONF(BOOTORDER) },
	{ PARM(VE_LAYOUT, get_layout) },
	{ CONF(FEATURES) },
	{ OWN("vswap", "VSWAP", 5, get_vswap) },
	{ PARM(DISABLED, get_flag) },
	{ CONF(VM_OVERCOMMIT), .json_unset = "0" },
	{ CONF(NETFILTER) },
	{ CONF(CAPABILITY) },
	/* Virtuozzo 7 */
	{ MORE(UUID, "uuid", "UUID", -36) },
	{ MORE(DISTRIBUTION, "distribution", "DISTRIBUTION", -32) },
	{ MORE(IP_ADDRESS, "configured_ip", "CONF_IP", -15), .json_unset = "[]" },
	{ MORE(CPUMASK, "cpumask", "CPUMASK", -15) },
	{ MORE(NODEMASK, "nodemask", "NODEMASK", -15) },
	{ OWN("host_ifname", "HOST_IFNAME", -15, get_netif), .json_unset = "[]" },
	{ OWN("mac", "MAC", -17, get_netif), .json_unset = "[]" },
	{ OWN("gw", "GATEWAY", -15, get_netif_extra), .json_unset = "[]" },
	{ CONF(NETIF) },
	{ OWN("ifname", "IFNAME", -15, get_netif), .json_unset = "[]" },
	{ OWN("network", "NETWORK", -15, get_netif_extra), .json_unset = "[]" },
	{ MORE(AUTOSTOP, "autostop", "AUTOSTOP", -8) },
	{ MORE(HA_ENABLE, "ha_enable", "HA_ENABLE", -9) },
	{ MORE(HA_PRIO, "ha_prio", "HA_PRIO", 7) },
	{ MORE(DEVNODES, "devnodes", "DEVNODES", -32) },
	{ MORE(VE_TYPE, "type", "TYPE", -9) },
	/* new */
	{ OWN("pid", "PID", 10, get_pid) },
	{ OWN("freeze", "FREEZE", -6, get_freeze) },
	{ OWN("memory", "MEMORY", 14, get_bytes), .parts = bytes_parts },
	{ .name = "swap", .header = "SWAP", .width = 14, .get = get_bytes, .parts = bytes_parts,
	  .param = P_SWAPPAGES },
	{ OWN("netns", "NETNS", 10, get_netns) },
	{ OWN("uidmap", "UIDMAP", -24, get_uidmap) },
	{ MORE(INIT, "init", "INIT", -32) },
	{ CONF(RATE), .json_unset = "[]" },
	{ MORE(RATEBOUND, "ratebound", "RATEBND", -7) },
	{ OWN("net_in", "NET_IN", 14, get_net), .parts = net_parts },
	{ OWN("net_out", "NET_OUT", 14, get_net), .parts = net_parts },
	{ OWN("net_class", "NET_CLASS", -24, get_net_class) },
	{ OWN("kind", "KIND", -4, get_kind) },
};
/* clang-format on */

static const char *field_name(const struct field *f)
{
	return f->name ? f->name : param_get(f->param)->column;
}

const char *column_name(const struct column *c)
{
	return field_name(c->f);
}

static int field_width(const struct field *f)
{
	return f->width ? f->width : param_get(f->param)->width;
}

static const struct part *field_part(const struct field *f, char suffix)
{
	for (const struct part *p = f->parts; p && p->json; p++)
		if (p->suffix == suffix)
			return p;
	return NULL;
}

static void column_header(const struct column *c, char *buf, size_t size)
{
	const char *h = c->f->header ? c->f->header : param_get(c->f->param)->header;

	if (c->suffix)
		snprintf(buf, size, "%s.%c", h, toupper((unsigned char)c->suffix));
	else
		snprintf(buf, size, "%s", h);
}

bool field_find(const char *name, struct column *ret)
{
	size_t n = strcspn(name, ".");
	char suffix = name[n] == '.' && name[n + 1] && !name[n + 2] ? name[n + 1] : 0;

	if (name[n] && !suffix)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *s = field_name(&fields[i]);

		if (strncmp(s, name, n) != 0 || s[n])
			continue;
		if (suffix && !field_part(&fields[i], suffix))
			return false;
		*ret = (struct column){ &fields[i], suffix };
		return true;
	}
	return false;
}

int columns_parse(const char *list, struct columns *ret, char **ret_bad)
{
	struct columns c = { 0 };

	for (const char *s = list;;) {
		size_t n = strcspn(s, ",");
		_cleanup_free_ char *name = xstrndup(s, n);

		c.v = xrealloc(c.v, (c.n + 1) * sizeof(*c.v));
		if (!field_find(name, &c.v[c.n])) {
			columns_done(&c);
			*ret_bad = take_ptr(name);
			return -EINVAL;
		}
		c.n++;
		if (!s[n])
			break;
		s += n + 1;
	}
	*ret = c;
	return 0;
}

void columns_all(struct columns *ret)
{
	ret->v = xcalloc(ARRAY_SIZE(fields), sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!fields[i].alias)
			ret->v[ret->n++].f = &fields[i];
}

void columns_done(struct columns *c)
{
	free(c->v);
	*c = (struct columns){ 0 };
}

void column_get(struct ent *e, const struct column *c, struct val *ret)
{
	*ret = (struct val){ 0 };
	c->f->get(e, c->f, c->suffix, ret);
}

static void print_field(const struct field *f, char suffix, struct vz_buf *out)
{
	struct column c = { f, suffix };
	char name[64], header[64];

	column_header(&c, header, sizeof(header));
	snprintf(name, sizeof(name), suffix ? "%s.%c" : "%s", field_name(f), suffix);
	vz_buf_addf(out, "%-15s %-15s\n", name, header);
}

void fields_print_all(struct vz_buf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		print_field(&fields[i], 0, out);
		for (const struct part *p = fields[i].parts; p && p->json; p++)
			if (p->suffix)
				print_field(&fields[i], p->suffix, out);
	}
}

/* ---- text ------------------------------------------------------------------ */

static void pad(struct vz_buf *out, size_t n)
{
	while (n--)
		vz_buf_addc(out, ' ');
}

static void add_cell(struct vz_buf *out, const char *s, size_t len, int width)
{
	size_t w = (size_t)abs(width), fill = len < w ? w - len : 0;

	if (width > 0)
		pad(out, fill);
	vz_buf_add(out, s, len);
	if (width < 0)
		pad(out, fill);
}

static void end_line(struct vz_buf *out, size_t start, bool no_trim)
{
	while (!no_trim && out->len > start && out->s[out->len - 1] == ' ')
		out->len--;
	vz_buf_addc(out, '\n');
}

void text_header(const struct columns *c, bool no_trim, struct vz_buf *out)
{
	size_t start = out->len;
	char h[64];

	for (size_t i = 0; i < c->n; i++) {
		if (i)
			vz_buf_addc(out, ' ');
		column_header(&c->v[i], h, sizeof(h));
		add_cell(out, h, strlen(h), field_width(c->v[i].f));
	}
	end_line(out, start, no_trim);
}

/*
 * Text columns that are not the last are cut to their width, lists to their
 * first entry.  An entry itself is never cut: half an address is another one.
 */
static void text_cell(const struct val *v, int width, bool whole, struct vz_buf *out)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	size_t len;

	val_text(v, whole ? 0 : TEXT_FIRST, &b);
	len = b.len;
	if (!whole && v->type == VAL_STR && width < 0 && len > (size_t)-width)
		len = (size_t)-width;
	add_cell(out, vz_buf_str(&b), len, width);
}

void text_line(struct ent *e, const struct columns *c, bool no_trim, bool bare, struct vz_buf *out)
{
	size_t start = out->len;

	for (size_t i = 0; i < c->n; i++) {
		_cleanup_val_ struct val v = { 0 };

		column_get(e, &c->v[i], &v);
		if (i)
			vz_buf_addc(out, ' ');
		text_cell(&v, bare ? 0 : field_width(c->v[i].f), no_trim || i + 1 == c->n, out);
	}
	end_line(out, start, no_trim);
}

/* ---- JSON -------------------------------------------------------------------- */

/* What a stopped container holds is nothing: 0, as in 4.x.  Unknown is null. */
static void json_parts(struct ent *e, const struct field *f, struct vz_buf *out)
{
	const char *unset = f->parts != disk_parts && !e->running ? "0" : "null";

	vz_buf_adds(out, "{\n");
	for (const struct part *p = f->parts; p->json; p++) {
		struct column c = { f, p->suffix };
		_cleanup_val_ struct val v = { 0 };

		column_get(e, &c, &v);
		vz_buf_addf(out, "      \"%s\": ", p->json);
		val_json(&v, unset, out);
		vz_buf_adds(out, p[1].json ? ",\n" : "\n");
	}
	vz_buf_adds(out, "    }");
}

void json_object(struct ent *e, const struct columns *c, struct vz_buf *out)
{
	vz_buf_adds(out, "  {\n");
	for (size_t i = 0; i < c->n; i++) {
		const struct field *f = c->v[i].f;

		vz_buf_addf(out, "    \"%s\": ", field_name(f));
		if (f->parts) {
			json_parts(e, f, out);
		} else {
			_cleanup_val_ struct val v = { 0 };

			column_get(e, &c->v[i], &v);
			val_json(&v, f->json_unset ? f->json_unset : "null", out);
		}
		vz_buf_adds(out, i + 1 < c->n ? ",\n" : "\n");
	}
	vz_buf_adds(out, "  }");
}
