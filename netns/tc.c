// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "tc.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_mirred.h>
#include <sys/socket.h>

void tc_ifb_add(struct nl_batch *b, const char *name, uint32_t group)
{
	struct ifinfomsg i = { .ifi_flags = 0 };
	size_t info;

	nl_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &i, sizeof(i));
	nl_put_str(b, IFLA_IFNAME, name);
	nl_put_u32(b, IFLA_GROUP, group);
	nl_put_u32(b, IFLA_NUM_TX_QUEUES, 1);
	nl_put_u32(b, IFLA_NUM_RX_QUEUES, 1);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_KIND, "ifb");
	nl_nest_end(b, info);
}

static void begin(struct nl_batch *b, uint16_t type, uint16_t flags, int ifindex, uint32_t handle,
		  uint32_t parent, uint32_t info)
{
	struct tcmsg t = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_handle = handle,
			   .tcm_parent = parent, .tcm_info = info };

	nl_begin(b, type, flags, &t, sizeof(t));
}

void tc_htb_add(struct nl_batch *b, int ifindex, uint32_t handle)
{
	struct tc_htb_glob g = { .version = 3, .rate2quantum = 10 };
	size_t opt;

	begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, handle, TC_H_ROOT, 0);
	nl_put_str(b, TCA_KIND, "htb");
	opt = nl_nest(b, TCA_OPTIONS);
	nl_put(b, TCA_HTB_INIT, &g, sizeof(g));
	nl_nest_end(b, opt);
}

void tc_root_del(struct nl_batch *b, int ifindex)
{
	begin(b, RTM_DELQDISC, 0, ifindex, 0, TC_H_ROOT, 0);
	nl_tolerate(b, ENOENT);
	nl_tolerate(b, EINVAL);
}

/*
 * HTB counts a burst in the time that it takes at the rate, in units of 64 ns
 * (PSCHED_SHIFT of include/net/pkt_sched.h; /proc/net/psched has told the same
 * since 2.6.31).
 */
static uint32_t burst_time(uint64_t bytes, uint64_t rate)
{
	double ticks = (double)bytes / (double)rate * 1e9 / 64;

	return ticks >= UINT32_MAX ? UINT32_MAX : ticks < 1 ? 1 : (uint32_t)ticks;
}

static uint32_t rate32(uint64_t rate)
{
	return rate >= UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
}

void tc_class_set(struct nl_batch *b, int ifindex, const struct tc_class *c)
{
	/* With a link layer the kernel computes by itself and wants no table. */
	struct tc_htb_opt o = {
		.rate = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = rate32(c->rate) },
		.ceil = { .linklayer = TC_LINKLAYER_ETHERNET, .rate = rate32(c->ceil) },
		.buffer = burst_time(c->burst, c->rate),
		.cbuffer = burst_time(c->burst, c->ceil),
	};
	uint64_t quantum = c->rate / 10;
	size_t opt;

	/* One frame at least, and no more than the kernel finds reasonable. */
	o.quantum = quantum < 2000 ? 2000 : quantum > 60000 ? 60000 : (uint32_t)quantum;
	begin(b, RTM_NEWTCLASS, NLM_F_CREATE, ifindex, c->id, c->parent, 0);
	nl_put_str(b, TCA_KIND, "htb");
	opt = nl_nest(b, TCA_OPTIONS);
	nl_put(b, TCA_HTB_PARMS, &o, sizeof(o));
	if (c->rate >= UINT32_MAX)
		nl_put(b, TCA_HTB_RATE64, &c->rate, sizeof(c->rate));
	if (c->ceil >= UINT32_MAX)
		nl_put(b, TCA_HTB_CEIL64, &c->ceil, sizeof(c->ceil));
	nl_nest_end(b, opt);
}

void tc_bfifo_set(struct nl_batch *b, int ifindex, uint32_t parent, uint32_t bytes)
{
	struct tc_fifo_qopt q = { .limit = bytes };

	begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, 0, parent, 0);
	nl_put_str(b, TCA_KIND, "bfifo");
	nl_put(b, TCA_OPTIONS, &q, sizeof(q));
}

void tc_clsact_add(struct nl_batch *b, int ifindex)
{
	begin(b, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_MAKE(TC_H_CLSACT, 0),
	      TC_H_CLSACT, 0);
	nl_put_str(b, TCA_KIND, "clsact");
	nl_tolerate(b, EEXIST);
}

void tc_clsact_del(struct nl_batch *b, int ifindex)
{
	begin(b, RTM_DELQDISC, 0, ifindex, TC_H_MAKE(TC_H_CLSACT, 0), TC_H_CLSACT, 0);
	nl_tolerate(b, ENOENT);
	nl_tolerate(b, EINVAL);
}

/* @attr: the filter's action, to the output of @to. */
static void put_redirect(struct nl_batch *b, uint16_t attr, int to)
{
	struct tc_mirred m = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR,
			       .ifindex = (uint32_t)to };
	size_t acts = nl_nest(b, attr), act = nl_nest(b, 1), parms;

	nl_put_str(b, TCA_ACT_KIND, "mirred");
	parms = nl_nest(b, TCA_ACT_OPTIONS);
	nl_put(b, TCA_MIRRED_PARMS, &m, sizeof(m));
	nl_nest_end(b, parms);
	nl_nest_end(b, act);
	nl_nest_end(b, acts);
}

void tc_egress_redirect(struct nl_batch *b, int ifindex, int prog_fd, int to)
{
	size_t opt;

	/* Preference 1, handle 1: a second call finds the first one's. */
	begin(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_REPLACE, ifindex, 1,
	      TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), TC_H_MAKE(1 << 16, htons(ETH_P_ALL)));
	nl_put_str(b, TCA_KIND, "bpf");
	opt = nl_nest(b, TCA_OPTIONS);
	put_redirect(b, TCA_BPF_ACT, to);
	nl_put_u32(b, TCA_BPF_FD, (uint32_t)prog_fd);
	nl_put_str(b, TCA_BPF_NAME, "vz_rate");
	nl_nest_end(b, opt);
}

void tc_ingress_redirect(struct nl_batch *b, int ifindex, int to)
{
	struct tcmsg t = { .tcm_ifindex = ifindex,
			   .tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
			   .tcm_info = TC_H_MAKE(1 << 16, htons(ETH_P_ALL)) };
	/* One key that every frame has. */
	const struct tc_u32_sel sel = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
	uint8_t all[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = { 0 };
	size_t opt;

	memcpy(all, &sel, sizeof(sel));
	nl_begin(b, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &t, sizeof(t));
	nl_put_str(b, TCA_KIND, "u32");
	opt = nl_nest(b, TCA_OPTIONS);
	nl_put(b, TCA_U32_SEL, all, sizeof(all));
	put_redirect(b, TCA_U32_ACT, to);
	nl_nest_end(b, opt);
}

/* ---- reading -------------------------------------------------------- */

static void read_u64(const struct nl_attr *a, uint64_t *ret)
{
	if (a->v.n >= sizeof(*ret))
		memcpy(ret, a->v.p, sizeof(*ret));
}

static int read_htb(struct nl_span s, struct tc_class *c)
{
	uint64_t rate64 = 0, ceil64 = 0;
	struct tc_htb_opt o = { .quantum = 0 };
	struct nl_attr a;
	int r;

	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == TCA_HTB_PARMS && a.v.n >= sizeof(o))
			memcpy(&o, a.v.p, sizeof(o));
		else if (a.type == TCA_HTB_RATE64)
			read_u64(&a, &rate64);
		else if (a.type == TCA_HTB_CEIL64)
			read_u64(&a, &ceil64);
	}
	c->rate = rate64 ? rate64 : o.rate.rate;
	c->ceil = ceil64 ? ceil64 : o.ceil.rate;
	c->burst = (uint64_t)((double)o.buffer * 64 / 1e9 * (double)c->rate + 0.5);
	return r;
}

int tc_class_parse(const struct nlmsghdr *h, struct tc_class *ret)
{
	const struct tcmsg *t = nl_msg_hdr(h, sizeof(*t));
	struct nl_span s = nl_msg_attrs(h, sizeof(*t));
	struct tc_class c = { 0 };
	struct nl_attr a;
	int r;

	if (h->nlmsg_type != RTM_NEWTCLASS || !t)
		return -EBADMSG;
	c.id = t->tcm_handle;
	c.parent = t->tcm_parent;
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == TCA_OPTIONS)
			r = read_htb(a.v, &c);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

struct dump {
	tc_class_fn fn;
	void *arg;
};

static int dumped(const struct nlmsghdr *h, void *arg)
{
	const struct dump *d = arg;
	struct tc_class c;
	int r = tc_class_parse(h, &c);

	return r < 0 ? r : d->fn(&c, d->arg);
}

int tc_class_dump(struct nl_sock *s, int ifindex, tc_class_fn fn, void *arg, struct nl_fail *f)
{
	struct dump d = { fn, arg };
	struct nl_batch b;

	nl_batch_reset(&b);
	begin(&b, RTM_GETTCLASS, NLM_F_DUMP, ifindex, 0, 0, 0);
	return nl_query(s, &b, dumped, &d, f);
}
