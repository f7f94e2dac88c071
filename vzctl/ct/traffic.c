// SPDX-License-Identifier: GPL-2.0-or-later
/* See ct/traffic.h; and what struct conf says of caps and classes, for netns. */
#define VZ_ROOM "ct"
#include "ct/traffic.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "ct/ct-int.h"
#include "net-traffic.h"

#define TRAFFIC_DIR "/var/lib/vzctl/traffic"
#define FILE_HEAD "vztraffic 1 set "
#define FILE_MAX_SIZE 8192
#define READ_TRIES 8

_Static_assert(CONF_CLASSES == NET_CLASSES, "one numbering of classes");

/* ---- the file ------------------------------------------------------------- */

struct saved {
	uint64_t set;
	uint16_t have;
	struct ct_count total[CONF_CLASSES], seen[CONF_CLASSES];
};

static const char *traffic_dir(void)
{
	return vz_path_or(TRAFFIC_DIR, "VZ_TRAFFICDIR");
}

static char *file_path(uint32_t id)
{
	return xasprintf("%s/%u", traffic_dir(), id);
}

static bool parse_class(const char *line, struct saved *s)
{
	struct ct_count t, n;
	unsigned int cls;
	int end = 0;

	if (sscanf(line,
		   "%u %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 "%n",
		   &cls, &t.rx_bytes, &t.rx_packets, &t.tx_bytes, &t.tx_packets, &n.rx_bytes,
		   &n.rx_packets, &n.tx_bytes, &n.tx_packets, &end) != 9 ||
	    cls >= CONF_CLASSES || line[end] != '\n')
		return false;
	s->have |= (uint16_t)(1u << cls);
	s->total[cls] = t;
	s->seen[cls] = n;
	return true;
}

static bool parse_file(const char *text, struct saved *ret)
{
	struct saved s = { 0 };
	int end = 0;

	if (!*text) {
		*ret = s;
		return true;
	}
	if (sscanf(text, FILE_HEAD "%" SCNx64 "%n", &s.set, &end) != 1 || text[end] != '\n')
		return false;
	for (text += end + 1; *text; text = strchr(text, '\n') + 1)
		if (!strchr(text, '\n') || !parse_class(text, &s))
			return false;
	*ret = s;
	return true;
}

/* The text of the file, "" when there is none. */
static int load(uint32_t id, struct vz_buf *ret, struct vz_err *e)
{
	_cleanup_free_ char *path = file_path(id);
	int r = io_read_file_at(AT_FDCWD, path, ret, FILE_MAX_SIZE);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to read '%s'", path) : 0;
}

static int store(uint32_t id, const struct saved *s, struct vz_err *e)
{
	_cleanup_free_ char *path = file_path(id);
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	int r;

	vz_buf_addf(&b, FILE_HEAD "%016" PRIx64 "\n", s->set);
	for (unsigned int i = 0; i < CONF_CLASSES; i++) {
		const struct ct_count *t = &s->total[i], *n = &s->seen[i];

		if (s->have >> i & 1)
			vz_buf_addf(&b,
				    "%u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
				    " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
				    i, t->rx_bytes, t->rx_packets, t->tx_bytes, t->tx_packets,
				    n->rx_bytes, n->rx_packets, n->tx_bytes, n->tx_packets);
	}
	r = io_write_atomic_at(AT_FDCWD, path, b.s, b.len, 0600, 0);
	if (r == -ENOENT && io_mkdir_p(traffic_dir(), 0755) == 0)
		r = io_write_atomic_at(AT_FDCWD, path, b.s, b.len, 0600, 0);
	return r < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, -r, "Unable to write '%s'", path) : 0;
}

/* A file that cannot be read is put aside: the count goes on from 0. */
static void parse_or_keep(uint32_t id, const char *text, bool locked, struct saved *ret)
{
	_cleanup_free_ char *path = NULL, *bad = NULL;

	*ret = (struct saved){ 0 };
	if (parse_file(text, ret))
		return;
	path = file_path(id);
	bad = xasprintf("%s.bad", path);
	if (locked && rename(path, bad) == 0)
		vz_warn("'%s' is damaged: renamed to '%s'", path, bad);
}

/* ---- totals ----------------------------------------------------------------- */

static uint64_t grown(uint64_t live, uint64_t seen)
{
	return live > seen ? live - seen : 0;
}

static void add_class(struct ct_count *t, const struct net_count *live, const struct ct_count *seen)
{
	t->rx_bytes += grown(live->rx_bytes, seen->rx_bytes);
	t->rx_packets += grown(live->rx_packets, seen->rx_packets);
	t->tx_bytes += grown(live->tx_bytes, seen->tx_bytes);
	t->tx_packets += grown(live->tx_packets, seen->tx_packets);
}

/* The file as it is after taking over @live. */
static void take_over(struct saved *s, const struct net_counts *live)
{
	static const struct ct_count none;

	for (unsigned int i = 0; i < CONF_CLASSES; i++) {
		const struct net_count *n = &live->cls[i];

		add_class(&s->total[i], n, live->id == s->set ? &s->seen[i] : &none);
		s->seen[i] = (struct ct_count){ n->rx_bytes, n->rx_packets, n->tx_bytes,
						n->tx_packets };
	}
	s->set = live->id;
	s->have |= live->have;
}

int ct_traffic_read(uint32_t id, struct ct_traffic *ret, struct vz_err *e)
{
	struct saved s;

	for (int tries = 0;; tries++) {
		_cleanup_buf_ struct vz_buf before = VZ_BUF_INIT, after = VZ_BUF_INIT;
		struct net_counts live;
		int r = load(id, &before, e), live_r;

		if (r < 0)
			return r;
		live_r = net_traffic_read(id, &live, e);
		if (live_r < 0 && live_r != -ENOENT)
			return live_r;
		r = load(id, &after, e);
		if (r < 0)
			return r;
		if (!str_eq(vz_buf_str(&before), vz_buf_str(&after)) && tries < READ_TRIES)
			continue;
		parse_or_keep(id, vz_buf_str(&after), false, &s);
		if (live_r == 0)
			take_over(&s, &live);
		break;
	}
	if (!s.have)
		return -ENOENT;
	ret->have = s.have;
	memcpy(ret->cls, s.total, sizeof(ret->cls));
	return 0;
}

/* ---- of many containers ------------------------------------------------------- */

struct live {
	uint32_t ctid;
	struct net_counts n;
};

struct ct_traffic_all {
	struct timespec when;	/* before the kernel was asked */
	struct live *v;		/* by ctid */
	size_t n;
};

static int add_live(uint32_t ctid, const struct net_counts *n, void *arg)
{
	struct ct_traffic_all *a = arg;

	a->v = xgrow(a->v, a->n, sizeof(*a->v));
	a->v[a->n++] = (struct live){ ctid, *n };
	return 0;
}

static int cmp_live(const void *x, const void *y)
{
	const struct live *a = x, *b = y;

	return (a->ctid > b->ctid) - (a->ctid < b->ctid);
}

static void add_counts(struct net_counts *a, const struct net_counts *b)
{
	a->have |= b->have;
	for (unsigned int i = 0; i < CONF_CLASSES; i++) {
		a->cls[i].rx_bytes += b->cls[i].rx_bytes;
		a->cls[i].rx_packets += b->cls[i].rx_packets;
		a->cls[i].tx_bytes += b->cls[i].tx_bytes;
		a->cls[i].tx_packets += b->cls[i].tx_packets;
	}
}

/* Sorted; one that was told in two parts is one. */
static void sort_live(struct ct_traffic_all *a)
{
	size_t n = 0;

	if (!a->n)
		return;
	qsort(a->v, a->n, sizeof(*a->v), cmp_live);
	for (size_t i = 1; i < a->n; i++) {
		if (a->v[i].ctid == a->v[n].ctid)
			add_counts(&a->v[n].n, &a->v[i].n);
		else
			a->v[++n] = a->v[i];
	}
	a->n = n + 1;
}

struct ct_traffic_all *ct_traffic_all_read(struct vz_err *e)
{
	struct ct_traffic_all *a = xcalloc(1, sizeof(*a));

	clock_gettime(CLOCK_REALTIME_COARSE, &a->when);
	if (net_traffic_read_all(add_live, a, e) < 0) {
		ct_traffic_all_free(a);
		return NULL;
	}
	sort_live(a);
	return a;
}

void ct_traffic_all_free(struct ct_traffic_all *a)
{
	if (a)
		free(a->v);
	free(a);
}

/* Was the file written after the kernel was asked?  Then the two do not belong together. */
static bool is_newer(const struct ct_traffic_all *a, uint32_t id)
{
	_cleanup_free_ char *path = file_path(id);
	struct stat st;

	return stat(path, &st) == 0 &&
	       (st.st_mtim.tv_sec > a->when.tv_sec ||
		(st.st_mtim.tv_sec == a->when.tv_sec && st.st_mtim.tv_nsec >= a->when.tv_nsec));
}

int ct_traffic_all_get(const struct ct_traffic_all *a, uint32_t id, struct ct_traffic *ret,
		       struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct live key = { .ctid = id }, *l;
	struct saved s;
	int r;

	r = load(id, &text, e);
	if (r < 0)
		return r;
	if (is_newer(a, id))
		return ct_traffic_read(id, ret, e);
	l = a->n ? bsearch(&key, a->v, a->n, sizeof(*a->v), cmp_live) : NULL;
	parse_or_keep(id, vz_buf_str(&text), false, &s);
	if (l)
		take_over(&s, &l->n);
	if (!s.have)
		return -ENOENT;
	ret->have = s.have;
	memcpy(ret->cls, s.total, sizeof(ret->cls));
	return 0;
}

void ct_traffic_sum(const struct ct_traffic *t, struct ct_count *ret)
{
	*ret = (struct ct_count){ 0 };
	for (unsigned int i = 0; i < CONF_CLASSES; i++) {
		ret->rx_bytes += t->cls[i].rx_bytes;
		ret->rx_packets += t->cls[i].rx_packets;
		ret->tx_bytes += t->cls[i].tx_bytes;
		ret->tx_packets += t->cls[i].tx_packets;
	}
}

int ct_traffic_save(uint32_t id, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf text = VZ_BUF_INIT;
	struct net_counts live;
	struct saved s;
	int r = net_traffic_read(id, &live, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = load(id, &text, e);
	if (r < 0)
		return r;
	parse_or_keep(id, vz_buf_str(&text), true, &s);
	take_over(&s, &live);
	return store(id, &s, e);
}

static void test_die(const char *where)
{
#ifdef VZ_TEST_HOOKS
	const char *die = getenv("VZ_KILL_STEP");

	if (die && str_eq(die, where))
		raise(SIGKILL);
#endif
}

void ct_traffic_end(uint32_t id)
{
	struct vz_err e;
	int r = ct_traffic_save(id, &e);

	/* The counters stay, and the next start goes on with them. */
	if (r < 0) {
		vz_warn("Traffic of this run is not saved: %s", e.msg);
		return;
	}
	test_die("traffic.saved");
	if (net_traffic_remove(id, &e) < 0)
		vz_warn("%s, ignoring", e.msg);
}

void ct_traffic_forget(uint32_t id)
{
	_cleanup_free_ char *path = file_path(id);

	(void)net_traffic_remove(id, VZ_IGNORE);
	unlink(path);
}

/* ---- caps and classes --------------------------------------------------------- */

static void load_classes(struct net_traffic *t, struct net_class **ret)
{
	_cleanup_free_ struct conf_class *c = NULL;
	size_t n = 0;
	int r = conf_classes_load(&c, &n);

	if (r < 0 && r != -ENOENT)
		vz_warn("Unable to read the network classes (%s), ignoring", strerror(-r));
	*ret = xcalloc(n + 1, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		(*ret)[i] = (struct net_class){ .cls = c[i].cls };
		(*ret)[i].prefix.family = c[i].family;
		(*ret)[i].prefix.plen = c[i].plen;
		memcpy((*ret)[i].prefix.a, c[i].addr, sizeof(c[i].addr));
	}
	t->classes = *ret;
	t->n_classes = n;
}

/* Caps of the container as a whole: of "*", and the sum of those of the node's devices. */
struct whole {
	uint64_t any[CONF_CLASSES], devs[CONF_CLASSES];
};

static uint64_t whole_rate(const struct whole *w, unsigned int cls)
{
	uint64_t any = w->any[cls], devs = w->devs[cls];

	return any && devs ? (any < devs ? any : devs) : any + devs;
}

static void see_rates(const struct vz_strv *l, struct whole *w)
{
	struct conf_rate r;

	for (size_t i = 0; i < l->n; i++) {
		if (conf_rate_parse(l->v[i], &r) < 0 || str_has_prefix(r.dev, CONF_RATE_CT))
			continue;
		if (str_eq(r.dev, "*"))
			w->any[r.cls] = r.kbits * 125;
		else
			w->devs[r.cls] += r.kbits * 125;
	}
}

/* The plan's name of an interface of the container, or NULL. */
static const char *find_ifname(const struct ct_plan *p, const char *name)
{
	if (str_eq(name, "venet0"))
		return "venet0";
	for (size_t i = 0; i < p->net.n_veths; i++)
		if (str_eq(p->net.veths[i].ifname, name))
			return p->net.veths[i].ifname;
	return NULL;
}

static void load_caps(const struct ct_plan *p, struct net_traffic *t, struct net_cap **ret)
{
	const struct vz_strv *l = conf_list(p->ct->conf, P_RATE);
	bool bound = conf_bool(p->ct->conf, P_RATEBOUND, true);
	struct whole own = { 0 }, total = { 0 };
	struct net_cap *caps = xcalloc(l->n + CONF_CLASSES, sizeof(*caps));
	struct conf_rate r;

	*ret = caps;
	t->caps = caps;
	t->burst = conf_u64(p->ct->conf, P_RATEBURST, 0);
	if (!conf_bool(p->ct->node, P_TRAFFIC_SHAPING, true))
		return;
	see_rates(l, &own);
	see_rates(conf_list(p->ct->node, P_TOTALRATE), &total);
	for (unsigned int cls = 1; cls < CONF_CLASSES; cls++) {
		uint64_t rate = whole_rate(&own, cls);

		if (rate && !bound)
			rate = whole_rate(&total, cls);
		if (rate)
			caps[t->n_caps++] = (struct net_cap){ .cls = (uint8_t)cls, .rate = rate };
	}
	for (size_t i = 0; i < l->n; i++) {
		const char *name;

		if (conf_rate_parse(l->v[i], &r) < 0 || !str_has_prefix(r.dev, CONF_RATE_CT))
			continue;
		name = find_ifname(p, r.dev + strlen(CONF_RATE_CT));
		if (!name)
			vz_warn("RATE %s: the container has no such interface, ignoring", l->v[i]);
		else
			caps[t->n_caps++] = (struct net_cap){ .ifname = name, .cls = r.cls,
							      .rate = r.kbits * 125 };
	}
}

size_t ct_traffic_caps(const struct ct_plan *p, struct net_cap **ret)
{
	struct net_traffic t = { 0 };

	load_caps(p, &t, ret);
	return t.n_caps;
}

int ct_traffic_apply(const struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ struct net_class *classes = NULL;
	_cleanup_free_ struct net_cap *caps = NULL;
	struct net_traffic t = { 0 };
	int r;

	load_classes(&t, &classes);
	load_caps(p, &t, &caps);
	r = net_traffic_apply(&p->net, &t, e);
	if (r >= 0 || t.n_caps)
		return r;
	/* Not to count is no reason not to run.  On stdout, see warn_missing(). */
	vz_info("WARNING: Traffic is not counted: %s", e->msg);
	return 0;
}
