// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A change is a struct conf of new values plus, for lists, what to delete and
 * add.  Applying it: deletions, replacements, additions, edits of interfaces.
 */
#include "conf/priv.h"

#include <ctype.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/num.h"

struct netif_edit {
	char ifname[16];
	char *key, *value;
};

struct list_change {
	enum param_id p;
	struct vz_strv add, del;
};

struct conf_change {
	struct conf *set;		/* scalars, replaced lists, merged toggles */
	struct list_change *lists;
	size_t n_lists;
	struct conf_netif *netif;	/* --netif_add, in the order of "add" */
	size_t n_netif;
	struct netif_edit *edits;	/* --ifname eth0 --mac ... */
	size_t n_edits;
	bool unset[P_COUNT];
	bool replace[P_COUNT];		/* toggles and devices: not merged */
};

struct conf_change *conf_change_new(void)
{
	struct conf_change *ch = xcalloc(1, sizeof(*ch));

	ch->set = conf_new();
	return ch;
}

void conf_change_free(struct conf_change *ch)
{
	if (!ch)
		return;
	for (size_t i = 0; i < ch->n_lists; i++) {
		vz_strv_done(&ch->lists[i].add);
		vz_strv_done(&ch->lists[i].del);
	}
	for (size_t i = 0; i < ch->n_netif; i++)
		netif_done(&ch->netif[i]);
	for (size_t i = 0; i < ch->n_edits; i++) {
		free(ch->edits[i].key);
		free(ch->edits[i].value);
	}
	free(ch->lists);
	free(ch->netif);
	free(ch->edits);
	conf_free(ch->set);
	free(ch);
}

static struct list_change *list_find(const struct conf_change *ch, enum param_id p)
{
	for (size_t i = 0; i < ch->n_lists; i++)
		if (ch->lists[i].p == p)
			return &ch->lists[i];
	return NULL;
}

static struct list_change *list_get(struct conf_change *ch, enum param_id p)
{
	struct list_change *l = list_find(ch, p);

	if (l)
		return l;
	ch->lists = xrealloc(ch->lists, (ch->n_lists + 1) * sizeof(*ch->lists));
	l = &ch->lists[ch->n_lists++];
	*l = (struct list_change){ .p = p };
	return l;
}

bool conf_change_has(const struct conf_change *ch, enum param_id p)
{
	return ch->unset[p] || conf_own(ch->set, p) || list_find(ch, p) ||
	       (p == P_NETIF && ch->n_edits);
}

bool conf_change_empty(const struct conf_change *ch)
{
	param_for_each(p)
		if (conf_change_has(ch, p))
			return false;
	return true;
}

static const struct vz_strv no_words;

const struct vz_strv *conf_change_added(const struct conf_change *ch, enum param_id p)
{
	const struct list_change *l = list_find(ch, p);

	if (!l && conf_own(ch->set, p))
		return conf_list(ch->set, p);
	return l ? &l->add : &no_words;
}

const struct vz_strv *conf_change_deleted(const struct conf_change *ch, enum param_id p)
{
	const struct list_change *l = list_find(ch, p);

	return l ? &l->del : &no_words;
}

/* ---- building -------------------------------------------------------- */

static bool merges(const struct param *row)
{
	return row->type == PT_TOGGLES || row->type == PT_DEVICES || row->type == PT_DEVNODES;
}

int conf_change_set(struct conf_change *ch, enum param_id p, const char *value,
		    enum conf_source src, struct vz_err *e)
{
	const struct param *row = param_get(p);
	int r;

	if (!*value && (row->flags & PF_EMPTY_UNSETS)) {
		conf_change_unset(ch, p);
		return 0;
	}
	r = conf_set(ch->set, p, value, src, e);
	if (r < 0)
		return r;
	ch->unset[p] = false;
	ch->replace[p] = true;
	return 0;
}

void conf_change_unset(struct conf_change *ch, enum param_id p)
{
	conf_unset(ch->set, p);
	ch->unset[p] = true;
}

void conf_change_sample(struct conf_change *ch, const struct conf *sample)
{
	param_for_each(p) {
		const struct param *row = param_get(p);
		union value v;

		if (!conf_own(sample, p) || (row->flags & PF_CT_ONLY) || !(row->when & WHEN_FILE))
			continue;
		/* What the command line says itself is stronger. */
		if (conf_change_has(ch, p))
			continue;
		value_copy(row, &v, conf_value(sample, p));
		conf_put(ch->set, p, &v);
		ch->replace[p] = true;
	}
}

/* Repeated --capability, --nameserver: entries add up within one command line. */
static int set_accumulating(struct conf_change *ch, enum param_id p, const char *value,
			    struct vz_err *e)
{
	const struct param *row = param_get(p);
	_cleanup_conf_ struct conf *one = conf_new();
	union value v = { 0 };
	int r;

	r = conf_set(one, p, value, CONF_CLI, e);
	if (r < 0)
		return r;
	if (conf_own(ch->set, p))
		value_copy(row, &v, conf_value(ch->set, p));
	if (merges(row)) {
		value_merge(row, &v, conf_value(one, p));
	} else {
		const struct vz_strv *l = conf_list(one, p);

		for (size_t i = 0; i < l->n; i++)
			if (!vz_strv_has(&v.list, l->v[i]))
				vz_strv_add(&v.list, l->v[i]);
	}
	conf_put(ch->set, p, &v);
	return 0;
}

static int netif_add(struct conf_change *ch, const char *value, struct vz_err *e)
{
	_cleanup_strv_ struct vz_strv specs = VZ_STRV_INIT;
	char why[512];

	vz_strv_split(&specs, value, " \t;");
	for (size_t i = 0; i < specs.n || i == 0; i++) {
		const char *spec = specs.n ? specs.v[i] : "";
		struct conf_netif n;

		if (netif_parse_spec(spec, &n, why, sizeof(why)) < 0)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --netif_add: %.150s (accepted: %.200s)",
				       spec, why);
		for (size_t k = 0; k < ch->n_netif; k++)
			if (str_eq(ch->netif[k].ifname, n.ifname))
				return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
					       "Bad parameter for --netif_add: %s is given twice",
					       n.ifname);
		ch->netif = xrealloc(ch->netif, (ch->n_netif + 1) * sizeof(n));
		ch->netif[ch->n_netif++] = n;
		vz_strv_add(&list_get(ch, P_NETIF)->add, n.ifname);
	}
	return 0;
}

static int list_delete(struct conf_change *ch, enum param_id p, const char *value, struct vz_err *e)
{
	const struct param *row = param_get(p);
	_cleanup_strv_ struct vz_strv words = VZ_STRV_INIT;
	char canon[80];

	vz_strv_split(&words, value, " \t");
	for (size_t i = 0; i < words.n || i == 0; i++) {
		const char *w = words.n ? words.v[i] : "";

		if (row->type == PT_IPLIST && !str_eq(w, "all")) {
			if (value_ip_canon(w, true, canon, sizeof(canon)) < 0)
				w = "";
			else
				w = canon;
		}
		if (row->type == PT_FWDLIST && !str_eq(w, "all"))
			w = value_fwd_canon(w, canon, sizeof(canon)) < 0 ? "" : canon;
		if (!*w)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --%s: %.100s", row->opt_del, value);
		vz_strv_add(&list_get(ch, p)->del, w);
	}
	return 0;
}

int change_list(struct conf_change *ch, enum param_id p, bool del, const char *value,
		struct vz_err *e)
{
	const struct param *row = param_get(p);
	_cleanup_conf_ struct conf *one = NULL;
	const struct vz_strv *l;
	int r;

	if (del)
		return list_delete(ch, p, value, e);
	if (p == P_NETIF)
		return netif_add(ch, value, e);
	if (!row->opt_del)
		return set_accumulating(ch, p, value, e);
	one = conf_new();
	r = conf_set(one, p, value, CONF_CLI, e);
	if (r < 0)
		return r;
	l = conf_list(one, p);
	vz_strv_copy(&list_get(ch, p)->add, l);
	return 0;
}

int change_netif_key(struct conf_change *ch, const char *ifname, const char *key, const char *value,
		     struct vz_err *e)
{
	struct conf_netif scratch = { .mac_filter = true };
	struct netif_edit *ed;
	char why[512];
	int r;

	r = netif_set_key(&scratch, "ifname", 6, ifname, why, sizeof(why));
	if (r < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --ifname: %.100s (accepted: %.200s)",
			       ifname, why);
	r = netif_set_key(&scratch, key, strlen(key), value, why, sizeof(why));
	netif_done(&scratch);
	if (r < 0)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --%s: %.100s (accepted: %.200s)", key,
			       value, why);
	ch->edits = xrealloc(ch->edits, (ch->n_edits + 1) * sizeof(*ch->edits));
	ed = &ch->edits[ch->n_edits++];
	memcpy(ed->ifname, scratch.ifname, sizeof(ed->ifname));
	ed->key = xstrdup(key);
	ed->value = xstrdup(value);
	return 0;
}

/* --ram, --swap: the limit in bytes, rounded up to pages; the barrier is 0. */
int change_set_bytes(struct conf_change *ch, enum param_id p, const char *value, struct vz_err *e)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), n;
	union value v = { 0 };
	bool suffix;

	if (str_eq(value, "unlimited")) {
		v.pair.lim = VZ_UNLIMITED;
	} else {
		if (num_parse_size(value, "BKMGT", page, &n, &suffix) < 0 || n > VZ_UNLIMITED)
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "Bad parameter for --%s: %.100s (accepted: bytes, with an "
				       "optional suffix of BKMGT, or unlimited)",
				       p == P_SWAPPAGES ? "swap" : "ram", value);
		v.pair.lim = n / page + (n % page != 0);
	}
	conf_put(ch->set, p, &v);
	ch->unset[p] = false;
	return 0;
}

/* ---- applying -------------------------------------------------------- */

static bool deletes(const struct list_change *l, const struct param *row, const char *item)
{
	for (size_t i = 0; i < l->del.n; i++)
		if (str_eq(l->del.v[i], "all") || str_eq(l->del.v[i], item) ||
		    (row->type == PT_IPLIST && value_ip_same(l->del.v[i], item)))
			return true;
	/* DST alone names a bind mount as well. */
	if (row->type == PT_BINDLIST) {
		const char *dst = strchr(item, ':') + 1;
		size_t n = strcspn(dst, ",");

		for (size_t i = 0; i < l->del.n; i++)
			if (strlen(l->del.v[i]) == n && strncmp(l->del.v[i], dst, n) == 0)
				return true;
	}
	return false;
}

static void apply_list(struct conf *base, const struct list_change *l)
{
	const struct param *row = param_get(l->p);
	const struct vz_strv *old = conf_list(base, l->p);
	union value v = { 0 };

	/* An address that is added again with another mask moves to the end. */
	for (size_t i = 0; i < old->n; i++) {
		bool again = false;

		for (size_t k = 0; k < l->add.n && row->type == PT_IPLIST; k++)
			again |= value_ip_same(old->v[i], l->add.v[k]) &&
				 !str_eq(old->v[i], l->add.v[k]);
		if (!again && !deletes(l, row, old->v[i]))
			vz_strv_add(&v.list, old->v[i]);
	}
	for (size_t i = 0; i < l->add.n; i++)
		if (!vz_strv_has(&v.list, l->add.v[i]))
			vz_strv_add(&v.list, l->add.v[i]);
	conf_put(base, l->p, &v);
}

static struct conf_netif *find_netif(union value *v, const char *ifname)
{
	for (size_t i = 0; i < v->arr.n; i++)
		if (str_eq(v->arr.netif[i].ifname, ifname))
			return &v->arr.netif[i];
	return NULL;
}

static int edit_netifs(union value *v, const struct conf_change *ch, struct vz_err *e)
{
	char why[512];

	for (size_t i = 0; i < ch->n_edits; i++) {
		const struct netif_edit *ed = &ch->edits[i];
		struct conf_netif *n = find_netif(v, ed->ifname);

		if (!n)
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "device %s is not configured, use --netif_add option first",
				       ed->ifname);
		netif_set_key(n, ed->key, strlen(ed->key), ed->value, why, sizeof(why));
	}
	return 0;
}

static int apply_netif(struct conf *base, const struct conf_change *ch, struct vz_err *e)
{
	const struct list_change *l = list_find(ch, P_NETIF);
	const struct param *row = param_get(P_NETIF);
	const struct conf_netif *old;
	size_t n = conf_netifs(base, &old);
	union value v = { 0 };
	int r;

	v.arr.netif = xcalloc(n + ch->n_netif + 1, sizeof(*v.arr.netif));
	for (size_t i = 0; i < n; i++)
		if (!l || !deletes(l, row, old[i].ifname))
			netif_copy(&v.arr.netif[v.arr.n++], &old[i]);
	for (size_t i = 0; i < ch->n_netif; i++) {
		struct conf_netif *same = find_netif(&v, ch->netif[i].ifname);

		if (same)
			netif_done(same);
		netif_copy(same ? same : &v.arr.netif[v.arr.n++], &ch->netif[i]);
	}
	r = edit_netifs(&v, ch, e);
	if (r < 0) {
		value_done(row, &v);
		return r;
	}
	conf_put(base, P_NETIF, &v);
	return 0;
}

static void apply_value(struct conf *base, const struct conf_change *ch, enum param_id p)
{
	const struct param *row = param_get(p);
	const union value *old = conf_value(base, p);
	union value v;

	if (merges(row) && !ch->replace[p] && old) {
		value_copy(row, &v, old);
		value_merge(row, &v, conf_value(ch->set, p));
	} else {
		value_copy(row, &v, conf_value(ch->set, p));
	}
	conf_put(base, p, &v);
}

int conf_apply(struct conf *base, const struct conf_change *ch, struct vz_err *e)
{
	int r = 0;

	param_for_each(p) {
		if (ch->unset[p])
			conf_unset(base, p);
		else if (conf_own(ch->set, p))
			apply_value(base, ch, p);
	}
	for (size_t i = 0; i < ch->n_lists; i++)
		if (ch->lists[i].p != P_NETIF)
			apply_list(base, &ch->lists[i]);
	if (list_find(ch, P_NETIF) || ch->n_edits)
		r = apply_netif(base, ch, e);
	return r;
}

/* ---- addresses that vzctl chooses ---------------------------------------- */

void conf_change_set_auto(struct conf_change *ch, const struct vz_strv *addrs)
{
	struct list_change *l = list_get(ch, P_IP_ADDRESS);
	struct vz_strv add = VZ_STRV_INIT;

	/* Not from the command line: the file or the sample has it. */
	if (!vz_strv_has(&l->add, "auto")) {
		vz_strv_add(&l->del, "auto");
		vz_strv_copy(&add, addrs);
	}
	for (size_t i = 0; i < l->add.n; i++) {
		if (str_eq(l->add.v[i], "auto"))
			vz_strv_copy(&add, addrs);
		else
			vz_strv_add(&add, l->add.v[i]);
	}
	vz_strv_done(&l->add);
	l->add = add;
}

/* ---- interface names ------------------------------------------------- */

static void base36(uint32_t n, char *ret)
{
	char tmp[8];
	size_t i = 0;

	do
		tmp[i++] = "0123456789abcdefghijklmnopqrstuvwxyz"[n % 36];
	while ((n /= 36) != 0);
	while (i)
		*ret++ = tmp[--i];
	*ret = '\0';
}

static void default_host_ifname(struct conf_netif *n, uint32_t ctid)
{
	unsigned int idx = 0;
	const char *s = n->ifname;
	char id[8], name[32];

	/* N is the first run of digits: eth0 -> 0. */
	while (*s && !isdigit((unsigned char)*s))
		s++;
	for (; isdigit((unsigned char)*s) && idx < 1000; s++)
		idx = idx * 10 + (unsigned int)(*s - '0');
	snprintf(name, sizeof(name), "veth%u.%u", ctid, idx);
	if (strlen(name) >= sizeof(n->host_ifname)) {
		base36(ctid, id);
		snprintf(name, sizeof(name), "ve%s.%u", id, idx);
	}
	memcpy(n->host_ifname, name, strlen(name) + 1);
}

static void random_mac(char mac[18])
{
	uint32_t rnd = 0;

	/* Never short for so few bytes (getrandom(2)). */
	while (getrandom(&rnd, sizeof(rnd), 0) != sizeof(rnd))
		;
	snprintf(mac, 18, "00:18:51:%02X:%02X:%02X", rnd & 0xff, rnd >> 8 & 0xff,
		 rnd >> 16 & 0xff);
}

void conf_change_fill_netif(struct conf_change *ch, uint32_t ctid,
			    bool (*taken)(const char *mac, void *arg), void *arg)
{
	for (size_t i = 0; i < ch->n_netif; i++) {
		struct conf_netif *n = &ch->netif[i];

		if (!*n->host_ifname)
			default_host_ifname(n, ctid);
		/* Of 2^24: with 1000 interfaces on a node one in 16000 is taken. */
		if (!*n->mac) {
			do {
				random_mac(n->mac);
			} while (taken && taken(n->mac, arg));
		}
		if (!*n->host_mac) {
			memcpy(n->host_mac, n->mac, sizeof(n->mac));
			memcpy(n->host_mac, "FE", 2);
		}
	}
}
