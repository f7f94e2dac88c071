// SPDX-License-Identifier: GPL-2.0-or-later
/* One ifb per capped container: HTB, a class for each link, direction and traffic class. */
#define VZ_ROOM "netns"
#include "rate.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>

#define QUEUE_MS 100		/* of the rate: what a router of that speed would hold */
#define QUEUE_MIN (256u << 10)	/* four frames of 64 KiB, as TCP offload makes them */
#define QUEUE_MAX (64u << 20)
#define BURST_MIN (16u << 10)

static const struct net_cap *find_cap(const struct net_traffic *t, const char *ifname,
				      unsigned int cls)
{
	for (size_t i = 0; i < t->n_caps; i++) {
		const struct net_cap *c = &t->caps[i];

		if (c->cls == cls && (ifname ? c->ifname && str_eq(c->ifname, ifname) : !c->ifname))
			return c;
	}
	return NULL;
}

bool rate_capped(const struct net_traffic *t, const char *ifname, unsigned int cls)
{
	return find_cap(t, NULL, cls) || find_cap(t, ifname, cls);
}

static struct tc_class class_of(const struct net_traffic *t, uint32_t id, uint32_t parent,
				uint64_t rate, uint64_t ceil)
{
	uint64_t burst = t->burst ? t->burst : ceil / 100;

	return (struct tc_class){ .id = id, .parent = parent, .rate = rate, .ceil = ceil,
				  .burst = burst < BURST_MIN ? BURST_MIN : burst };
}

static size_t add_classes(const struct net_traffic *t, const struct rate_link *links, size_t n,
			  enum rate_dir dir, unsigned int cls, struct tc_class *v)
{
	const struct net_cap *whole = find_cap(t, NULL, cls), *own;
	uint32_t root = TC_H_MAJ(rate_id(dir, 0, 0)), parent = root;
	size_t made = 0;

	if (whole) {
		parent = rate_id(dir, 0, cls);
		v[made++] = class_of(t, parent, root, whole->rate, whole->rate);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t ceil, rate;

		own = find_cap(t, links[i].ifname, cls);
		if (!own && !whole)
			continue;
		ceil = own && (!whole || own->rate < whole->rate) ? own->rate : whole->rate;
		/* Shares that add up to the whole: HTB grants a class its rate whatever is left. */
		rate = whole && whole->rate / n < ceil ? whole->rate / n : ceil;
		v[made++] = class_of(t, rate_id(dir, links[i].idx, cls), parent, rate ? rate : 1,
				     ceil);
	}
	return made;
}

static int cmp_class(const void *x, const void *y)
{
	const struct tc_class *a = x, *b = y;

	return (a->id > b->id) - (a->id < b->id);
}

void rate_tree(const struct net_traffic *t, const struct rate_link *links, size_t n,
	       struct tc_class **ret, size_t *ret_n)
{
	struct tc_class *v = xcalloc(2 * NET_CLASSES * (n + 1), sizeof(*v));
	size_t made = 0;

	for (int dir = RATE_OUT; dir <= RATE_IN; dir++)
		for (unsigned int cls = 1; cls < NET_CLASSES; cls++)
			made += add_classes(t, links, n, dir, cls, v + made);
	qsort(v, made, sizeof(*v), cmp_class);
	*ret = v;
	*ret_n = made;
}

/* ---- the ifb ---------------------------------------------------------- */

static void ifb_name(uint32_t ctid, char buf[16])
{
	snprintf(buf, 16, "vzr%u", ctid);
}

static int no_kernel(struct vz_err *e, int r, const char *what)
{
	if (r == -EOPNOTSUPP || r == -ENOENT || r == -ENODEV)
		return vz_fail(e, VZ_SYSTEM_ERROR, EOPNOTSUPP,
			       "caps (RATE) need %s of the kernel", what);
	return r;
}

static int ifb_get(struct nl_sock *h, uint32_t ctid, struct rtnl_link *ret, struct vz_err *e)
{
	struct nl_batch b;
	char name[16];
	int r;

	ifb_name(ctid, name);
	r = host_link(h, ctid, name, ret, VZ_SYSTEM_ERROR, e);
	if (r)
		return r;
	nl_batch_reset(&b);
	tc_ifb_add(&b, name, host_group(ctid));
	r = rtnl_commit(h, &b, VZ_SYSTEM_ERROR, e);
	if (r < 0)
		return no_kernel(e, r, "the ifb device");
	r = host_link(h, ctid, name, ret, VZ_SYSTEM_ERROR, e);
	return r == 0 ? vz_fail(e, VZ_SYSTEM_ERROR, ENODEV, "device %s is gone already", name) : r;
}

struct seen {
	const struct tc_class *want;
	size_t n, same, other;
};

static int see_class(const struct tc_class *c, void *arg)
{
	struct seen *s = arg;
	/* The kernel says "root" where we say the qdisc. */
	uint32_t parent = c->parent == TC_H_ROOT ? TC_H_MAJ(c->id) : c->parent;

	for (size_t i = 0; i < s->n; i++) {
		if (s->want[i].id != c->id || s->want[i].parent != parent)
			continue;
		s->same++;
		return 0;
	}
	s->other++;
	return 0;
}

static uint32_t queue_bytes(const struct tc_class *c)
{
	uint64_t n = c->ceil / (1000 / QUEUE_MS);

	return n < QUEUE_MIN ? QUEUE_MIN : n > QUEUE_MAX ? QUEUE_MAX : (uint32_t)n;
}

static bool is_leaf(uint32_t id)
{
	return TC_H_MIN(id) & 0x7f00;
}

int rate_queue_make(struct nl_sock *h, uint32_t ctid, const struct net_traffic *t,
		    const struct rate_link *links, size_t n, int *ret_ifb, struct vz_err *e)
{
	_cleanup_free_ struct tc_class *want = NULL;
	struct seen seen = { 0 };
	struct rtnl_link ifb;
	struct nl_batch b;
	struct nl_fail f;
	int r = ifb_get(h, ctid, &ifb, e);

	if (r < 0)
		return r;
	rate_tree(t, links, n, &want, &seen.n);
	seen.want = want;
	r = tc_class_dump(h, ifb.ifindex, see_class, &seen, &f);
	if (r < 0)
		return rtnl_fail(e, VZ_SYSTEM_ERROR, r, &f);
	nl_batch_reset(&b);
	if (seen.other || seen.same != seen.n) {
		tc_root_del(&b, ifb.ifindex);
		tc_htb_add(&b, ifb.ifindex, TC_H_MAJ(rate_id(0, 0, 0)));
	}
	for (size_t i = 0; i < seen.n && r >= 0; i++) {
		tc_class_set(&b, ifb.ifindex, &want[i]);
		r = rtnl_flush(h, &b, VZ_SYSTEM_ERROR, e);
		if (r >= 0 && is_leaf(want[i].id)) {
			tc_bfifo_set(&b, ifb.ifindex, want[i].id, queue_bytes(&want[i]));
			r = rtnl_flush(h, &b, VZ_SYSTEM_ERROR, e);
		}
	}
	if (r >= 0 && !(ifb.flags & IFF_UP)) {
		if (host_has_ipv6())
			rtnl_link_conf(&b, ifb.ifindex, NULL, 0, true);
		rtnl_link_up(&b, ifb.ifindex);
	}
	if (r >= 0)
		r = rtnl_commit(h, &b, VZ_SYSTEM_ERROR, e);
	if (r < 0)
		return no_kernel(e, r, "the queueing discipline htb (sch_htb)");
	*ret_ifb = ifb.ifindex;
	return 0;
}

int rate_queue_remove(struct nl_sock *h, uint32_t ctid, struct vz_err *e)
{
	struct rtnl_link ifb;
	struct nl_batch b;
	char name[16];
	int r;

	ifb_name(ctid, name);
	r = host_link(h, ctid, name, &ifb, VZ_SYSTEM_ERROR, e);
	if (r <= 0)
		return r;
	nl_batch_reset(&b);
	rtnl_link_del(&b, ifb.ifindex);
	nl_tolerate(&b, ENODEV);
	return rtnl_commit(h, &b, VZ_SYSTEM_ERROR, e);
}

/* ---- what there is --------------------------------------------------- */

struct comparing {
	const struct tc_class *want;
	bool *seen;
	size_t n;
	const struct rate_link *links;
	struct vz_strv *ret;
};

/* "what eth0 sends, class 1" */
static void name_class(const struct comparing *c, uint32_t id, char buf[64])
{
	unsigned int idx = id >> 8 & 0x7f, cls = id >> 4 & 0xf;
	bool in = id & 0x8000;

	snprintf(buf, 64, "what %s %s, class %u", idx ? c->links[idx - 1].ifname :
		 "all interfaces", in ? idx ? "gets" : "get" : idx ? "sends" : "send", cls);
}

static int compare_class(const struct tc_class *k, void *arg)
{
	struct comparing *c = arg;
	char what[64], text[160];

	for (size_t i = 0; i < c->n; i++) {
		if (c->want[i].id != k->id)
			continue;
		c->seen[i] = true;
		if (c->want[i].ceil == k->ceil && c->want[i].rate == k->rate)
			return 0;
		name_class(c, k->id, what);
		snprintf(text, sizeof(text), "RATE: the cap of %s is %llu kbit/s, not %llu", what,
			 (unsigned long long)k->ceil / 125,
			 (unsigned long long)c->want[i].ceil / 125);
		vz_strv_add(c->ret, text);
		return 0;
	}
	snprintf(text, sizeof(text), "RATE: class %x:%x is not configured", k->id >> 16,
		 k->id & 0xffff);
	vz_strv_add(c->ret, text);
	return 0;
}

static int compare_tree(struct nl_sock *h, int ifb, struct comparing *c, struct vz_err *e)
{
	char what[64], text[160];
	struct nl_fail f;
	int r = tc_class_dump(h, ifb, compare_class, c, &f);

	if (r < 0)
		return rtnl_fail(e, VZ_SYSTEM_ERROR, r, &f);
	for (size_t i = 0; i < c->n; i++) {
		if (c->seen[i])
			continue;
		name_class(c, c->want[i].id, what);
		snprintf(text, sizeof(text), "RATE: the cap of %s is missing", what);
		vz_strv_add(c->ret, text);
	}
	return 0;
}

int rate_compare(struct nl_sock *h, uint32_t ctid, const struct net_traffic *t,
		 const struct rate_link *links, size_t n, struct vz_strv *ret, struct vz_err *e)
{
	_cleanup_free_ struct tc_class *want = NULL;
	_cleanup_free_ bool *seen = NULL;
	struct comparing c = { .links = links, .ret = ret };
	struct rtnl_link ifb;
	char name[16];
	int r;

	ifb_name(ctid, name);
	r = host_link(h, ctid, name, &ifb, VZ_SYSTEM_ERROR, e);
	if (r < 0)
		return r;
	if (r == 0 && t->n_caps)
		vz_strv_add(ret, "RATE: the device that would cap the traffic is missing");
	if (r > 0 && !t->n_caps)
		vz_strv_add(ret, "RATE: traffic is capped, and the configuration has no cap");
	if (r == 0 || !t->n_caps)
		return 0;
	if (!(ifb.flags & IFF_UP))
		vz_strv_add(ret, "RATE: the device that caps the traffic is down");
	rate_tree(t, links, n, &want, &c.n);
	seen = xcalloc(c.n + 1, sizeof(*seen));
	c.want = want;
	c.seen = seen;
	return compare_tree(h, ifb.ifindex, &c, e);
}

/* ---- to the container --------------------------------------------------- */

/*
 * "Has skb->priority our major number?"  In BPF because no classifier of tc reads
 * the priority, and so that traffic without a cap never sees the ifb.
 */
static int load_match(struct vz_err *e)
{
	const struct bpf_insn prog[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_1,
		  .off = offsetof(struct __sk_buff, priority) },
		{ .code = BPF_ALU | BPF_RSH | BPF_K, .dst_reg = BPF_REG_1, .imm = 16 },
		{ .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = BPF_REG_1, .off = 1,
		  .imm = (int)(rate_id(0, 0, 0) >> 16) },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insns = (uintptr_t)prog,
		.insn_cnt = ARRAY_SIZE(prog),
		.license = (uintptr_t)"GPL",
		.prog_name = "vz_rate",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	return fd < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, errno, "cannot load a BPF program") : fd;
}

int rate_redirect(struct nl_sock *h, const struct rate_link *links, size_t n, int ifb,
		  struct vz_err *e)
{
	_cleanup_close_ int prog = load_match(e);
	struct nl_batch b;
	int r = prog;

	nl_batch_reset(&b);
	for (size_t i = 0; i < n && r >= 0; i++) {
		tc_clsact_add(&b, links[i].l.ifindex);
		r = rtnl_flush(h, &b, VZ_SYSTEM_ERROR, e);
		if (r >= 0) {
			tc_egress_redirect(&b, links[i].l.ifindex, prog, ifb);
			r = rtnl_flush(h, &b, VZ_SYSTEM_ERROR, e);
		}
	}
	if (r >= 0)
		r = rtnl_commit(h, &b, VZ_SYSTEM_ERROR, e);
	return r < 0 ? no_kernel(e, r, "sch_ingress, cls_bpf and act_mirred") : 0;
}

int rate_redirect_off(struct nl_sock *h, const struct rate_link *links, size_t n, struct vz_err *e)
{
	struct nl_batch b;
	int r = 0;

	nl_batch_reset(&b);
	for (size_t i = 0; i < n && r >= 0; i++) {
		tc_clsact_del(&b, links[i].l.ifindex);
		r = rtnl_flush(h, &b, VZ_SYSTEM_ERROR, e);
	}
	return r < 0 ? r : rtnl_commit(h, &b, VZ_SYSTEM_ERROR, e);
}
