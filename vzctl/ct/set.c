// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * set: changes to the config and to a running container (vzctl-compat 6.7).
 * What is dirty is found per group of parameters, each applied once, in the
 * order of 2.4; the first failure stops, and then nothing is saved.
 */
#define VZ_ROOM "ct"
#include <stdio.h>

#include "base/log.h"
#include "base/num.h"
#include "ct/ct-int.h"
#include "ct/vm.h"

struct apply {
	struct ct *ct;
	struct ct_plan *plan;		/* of the config as it will be */
	struct conf_change *ch;
	pid_t init;
	int pidfd, netns;
};

static bool touches(const struct conf_change *ch, enum param_group g)
{
	param_for_each(id)
		if (param_get(id)->group == g && conf_change_has(ch, id))
			return true;
	return false;
}

static int write_limits(const struct ct *ct, const struct cg_limits *l, struct vz_err *e)
{
	_cleanup_close_ int scope = cg_scope_open(ct->slice, ct->id);
	unsigned int missing = 0;
	char names[64];
	int r;

	if (scope < 0)
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	r = cg_limits_apply(scope, l, &missing, e);
	if (r < 0)
		return r;
	if (missing)
		vz_info("WARNING: Limits of %s are not enforced: this node's cgroup v2 hierarchy has no such controllers",
			cg_ctrl_names(missing, names, sizeof(names)));
	return 0;
}

static int apply_limits(struct apply *a, struct vz_err *e)
{
	uint64_t shmall;
	int r;

	if (!touches(a->ch, PG_MEM) && !touches(a->ch, PG_CPU) && !touches(a->ch, PG_IO))
		return 0;
	r = write_limits(a->ct, &a->plan->limits, e);
	if (r == 0 && conf_change_has(a->ch, P_SHMPAGES)) {
		(void)ct_shmall(a->ct->conf, &shmall);
		r = ns_set_shmall(a->init, a->plan->map.uid, shmall, e);
	}
	if (r == 0 && touches(a->ch, PG_MEM))
		vz_info("UB limits were set successfully");
	return r;
}

static void say_u64(const struct apply *a, enum param_id id, const char *fmt)
{
	_cleanup_free_ char *text = NULL;

	if (!conf_change_has(a->ch, id))
		return;
	text = conf_format(a->ct->conf, id);
	vz_info("%s: %s", fmt, text ? text : "0");
}

static void say_io(const struct apply *a)
{
	unsigned long long v;

	if (conf_change_has(a->ch, P_IOLIMIT)) {
		v = conf_u64(a->ct->conf, P_IOLIMIT, 0);
		if (v)
			vz_info("Setting iolimit: %llu bytes/sec", v);
		else
			vz_info("Setting iolimit: 0 (unlimited)");
	}
	if (conf_change_has(a->ch, P_IOPSLIMIT)) {
		v = conf_u64(a->ct->conf, P_IOPSLIMIT, 0);
		if (v)
			vz_info("Setting iopslimit: %llu iops", v);
		else
			vz_info("Setting iopslimit: 0 (unlimited)");
	}
}

static void say_ioprio(const struct apply *a)
{
	const char *private = conf_str(a->ct->conf, P_VE_PRIVATE);

	if (!conf_change_has(a->ch, P_IOPRIO))
		return;
	say_u64(a, P_IOPRIO, "Setting ioprio");
	if (private && !cg_io_weight_active(ct_disk_of(private)))
		vz_info("WARNING: IOPRIO has no effect now: neither BFQ nor io.cost looks after the disk");
}

static void say_cpu(const struct apply *a)
{
	say_u64(a, P_CPUUNITS, "Setting CPU units");
	say_u64(a, P_CPULIMIT, "Setting CPU limit");
	say_u64(a, P_CPUS, "Setting CPUs");
	say_u64(a, P_CPUMASK, "Setting CPU mask");
	say_io(a);
	say_ioprio(a);
}

/* Interfaces that came with this change want counters and caps, too. */
static int apply_traffic(struct apply *a, struct vz_err *e)
{
	_cleanup_free_ char *rate = NULL;

	if (!touches(a->ch, PG_NET))
		return 0;
	if (conf_change_has(a->ch, P_RATE)) {
		rate = conf_format(a->ct->conf, P_RATE);
		vz_info("Setting network rate: %s", *rate ? rate : "unlimited");
	}
	return ct_traffic_apply(a->plan, e);
}

/* Limits that are stored only, because the node says so. */
static void warn_traffic(const struct ct *ct, const struct conf_change *ch)
{
	if (conf_change_has(ch, P_RATE) && !conf_bool(ct->node, P_TRAFFIC_SHAPING, true))
		vz_warn("RATE has no effect: TRAFFIC_SHAPING=no in vz.conf");
}

static int apply_dist(struct apply *a, struct vz_err *e)
{
	int r = 0;
	const char *host = conf_str(a->ct->conf, P_HOSTNAME);

	if (conf_change_has(a->ch, P_HOSTNAME) && host)
		r = ns_set_hostname(a->pidfd, host, e);
	if (r == 0 && conf_change_has(a->ch, P_HOSTNAME))
		r = ct_dist_run(a->plan, TMPL_SET_HOSTNAME, NULL, e);
	if (r == 0 && (conf_change_has(a->ch, P_NAMESERVER) ||
		       conf_change_has(a->ch, P_SEARCHDOMAIN)))
		r = ct_dist_run(a->plan, TMPL_SET_DNS, NULL, e);
	return r;
}

static int apply_disk(struct apply *a, struct vz_err *e)
{
	int r;

	if (!conf_change_has(a->ch, P_DISKSPACE) && !conf_change_has(a->ch, P_DISKINODES))
		return 0;
	r = store_resize(&a->plan->store, e);
	if (r == -EOPNOTSUPP) {
		vz_warn("%s, ignoring", e->msg);
		return 0;
	}
	return r;
}

static bool in_plan(const struct ct_plan *p, const char *name)
{
	for (size_t i = 0; i < p->n_devs; i++)
		if (str_eq(p->devs[i].name, name))
			return true;
	return false;
}

/* What the old config had and the new has not goes; the container's own files stay. */
static int apply_devs(struct apply *a, const struct conf *old, struct vz_err *e)
{
	_cleanup_close_ int scope = -EBADF;
	_cleanup_strv_ struct vz_strv gone = VZ_STRV_INIT;
	struct ct_plan was = { .ct = &(struct ct){ .conf = (struct conf *)old } };
	bool quiet;
	int r;

	if (!conf_change_has(a->ch, P_DEVNODES) && !conf_change_has(a->ch, P_DEVICES))
		return 0;
	scope = cg_scope_open(a->ct->slice, a->ct->id);
	if (scope < 0)
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	vz_info("Setting devices");
	r = ct_dev_rules(a->plan, scope, e);
	if (r < 0)
		return r;
	quiet = vz_log_set_quiet(true);
	ct_plan_devs(&was);
	vz_log_set_quiet(quiet);
	for (size_t i = 0; i < was.n_devs; i++)
		if (!in_plan(a->plan, was.devs[i].name))
			vz_strv_add(&gone, was.devs[i].name);
	r = ns_dev_update(a->init, a->plan->devs, a->plan->n_devs, (const char *const *)gone.v,
			  &a->plan->map, e);
	free(was.devs);
	free(was.rules);
	return r;
}

/* What others have is refused before anything has changed; netif.c and netdev.c did theirs. */
static int check_running(const struct apply *a, struct vz_err *e)
{
	int r = 0;

	if (conf_change_has(a->ch, P_IP_ADDRESS))
		r = ct_addrs_check(a->plan, a->ch, e);
	if (r == 0 && conf_change_has(a->ch, P_PORTFWD))
		r = net_nat_check(&a->plan->net, e);
	return r;
}

static int apply_running(struct apply *a, const struct conf *old, struct vz_err *e)
{
	_cleanup_close_ int netns = -EBADF;
	int r = check_running(a, e);

	if (r == 0 && (conf_change_has(a->ch, P_PORTFWD) || conf_change_has(a->ch, P_IP_ADDRESS)))
		r = ct_nat_apply(a->plan, e);
	if (r == 0)
		r = apply_limits(a, e);
	if (r < 0)
		return r;
	netns = ns_open(a->init, "net", e);
	if (netns < 0)
		return netns;
	a->netns = netns;
	if (conf_change_has(a->ch, P_IP_ADDRESS))
		r = ct_addrs_note(a->ct->id, a->ch, e);
	if (r == 0 && conf_change_has(a->ch, P_IP_ADDRESS))
		r = ct_addrs_apply(a->plan, netns, a->ch, conf_list(old, P_IP_ADDRESS), e);
	if (r == 0 && conf_change_has(a->ch, P_NETDEV))
		r = ct_netdevs_apply(a->plan, netns, old, e);
	if (r == 0)
		say_cpu(a);
	if (r == 0)
		r = apply_devs(a, old, e);
	if (r == 0)
		r = apply_dist(a, e);
	if (r == 0)
		r = apply_disk(a, e);
	if (r == 0 && conf_change_has(a->ch, P_NETIF))
		r = ct_netifs_apply(a->plan, netns, old, e);
	if (r == 0)
		r = apply_traffic(a, e);
	return r;
}

/* What a running virtual machine takes is what its control group knows. */
static bool vm_live(enum param_id id)
{
	const struct param *p = param_get(id);

	return id == P_PHYSPAGES || (p->group == PG_NET && id != P_NETIF) ||
	       (p->group == PG_CPU && id != P_CPUS) || p->group == PG_IO || p->group == PG_NONE ||
	       !(p->when & WHEN_START);
}

/*
 * The node's half and the box's at once, the guest's if it has an agent.  The interface
 * itself comes with the start of one that has an address.
 */
static int apply_vm_net(struct apply *a, const struct conf *old, struct vz_err *e)
{
	_cleanup_close_ int netns = -EBADF;
	static const char later[] =
		"Parameters take effect at the next start: IP_ADDRESS (the first address brings the interface)";
	bool addrs = conf_change_has(a->ch, P_IP_ADDRESS), has;
	struct net_stat st;
	int r = 0;

	if (!touches(a->ch, PG_NET))
		return 0;
	has = net_stat(a->ct->id, &st, VZ_IGNORE) == 0;
	if (addrs && !has)
		vz_warn("%s", later);
	if (addrs && has) {
		netns = ns_open(a->init, "net", e);
		r = netns < 0 ? netns : ct_addrs_note(a->ct->id, a->ch, e);
	}
	if (r == 0 && has && (addrs || conf_change_has(a->ch, P_PORTFWD)))
		r = ct_nat_apply(a->plan, e);
	if (r == 0 && addrs && has)
		r = ct_addrs_apply(a->plan, netns, a->ch, conf_list(old, P_IP_ADDRESS), e);
	return r < 0 ? r : apply_traffic(a, e);
}

static int apply_vm(struct apply *a, const struct conf *old, struct vz_err *e)
{
	struct cg_limits *l = &a->plan->limits;
	int r = check_running(a, e);

	if (r == 0)
		r = apply_vm_net(a, old, e);
	if (r == 0 && conf_change_has(a->ch, P_PHYSPAGES))
		r = ct_vm_balloon(a->ct, ct_vm_ram(a->ct->conf), e);
	if (r < 0)
		return r;
	l->mem_max = l->swap_max = l->mem_low = l->mem_high = l->pids_max = CG_NONE;
	l->set_huge = false;
	if (!touches(a->ch, PG_CPU) && !touches(a->ch, PG_IO))
		return 0;
	r = write_limits(a->ct, l, e);
	if (r == 0)
		say_cpu(a);
	return r;
}

/* What a running guest cannot take: named once, in one line. */
static bool needs_restart(const struct conf_change *ch, bool vm, char *names, size_t size)
{
	size_t len = 0;

	*names = '\0';
	param_for_each(id) {
		const struct param *p = param_get(id);

		if (!conf_change_has(ch, id) || p->action != PA_MAP ||
		    !(p->when & WHEN_START) || (vm ? vm_live(id) : p->when & WHEN_LIVE))
			continue;
		len += snprintf(names + len, size - len, "%s%s", len ? " " : "", p->key);
		if (len >= size)
			len = size - 1;
	}
	return *names;
}

/* ---- password -------------------------------------------------------------- */

static int set_password(struct ct *ct, const char *userpw, struct vz_err *e)
{
	_cleanup_free_ char *env = xasprintf("USERPW=%s", userpw);
	const char *vars[] = { env, NULL };
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	bool started;
	int r;

	if (!strchr(userpw, ':') || userpw[0] == ':' || strpbrk(userpw, "\n"))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "Bad parameter for --userpasswd: USER:PASSWORD is expected");
	if (ct_is_vm(ct->conf))
		return ct_vm_password(ct, userpw, e);
	r = ct_borrow(ct, &started, e);
	if (r < 0)
		return r;
	r = ct_plan_make(ct, "set", &p, e);
	if (r == 0)
		r = ct_dist_run(&p, TMPL_SET_USERPASS, vars, e);
	ct_return(ct, started);
	if (r < 0) {
		e->code = VZ_CHANGEPASS;
		return vz_wrap(e, r, "Password change failed");
	}
	return 0;
}

/* ---- the command ------------------------------------------------------------ */

static int set_name(struct ct *ct, const struct conf *old, struct vz_err *e)
{
	const char *was = conf_str(old, P_NAME), *now = conf_str(ct->conf, P_NAME);
	int r;

	if (was && now && str_eq(was, now))
		return 0;
	r = conf_name_set(ct->id, now, was, e);
	if (r == 0 && now)
		vz_info("Name %s assigned", now);
	return r;
}

static int save(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e)
{
	int r = conf_save_ct(ct->id, o->change, true, e);

	if (r < 0)
		return r;
	ct_vm_twin(ct);
	if (r)
		vz_info("CT configuration saved to %s/conf/%u.conf", conf_dir(), ct->id);
	else
		vz_info("No changes in CT configuration, not saving");
	return 0;
}

static int restart(struct ct *ct, struct vz_err *e)
{
	struct ct_stop_opts stop = { 0 };
	struct ct_start_opts start = { 0 };
	int r = ct_stop(ct, &stop, e);

	if (r == 0)
		r = ct_reload(ct, e);
	return r < 0 ? r : ct_start(ct, &start, e);
}

static int apply_now(struct ct *ct, const struct ct_set_opts *o, const struct conf *old,
		     struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	_cleanup_close_ int pidfd = -EBADF;
	struct apply a = { .ct = ct, .plan = &p, .ch = o->change };
	int r;

	a.init = ct_init_pid(ct, &pidfd, e);
	if (a.init < 0)
		return a.init;
	a.pidfd = pidfd;
	r = ct_plan_make(ct, "set", &p, e);
	if (o->skip_arpdetect)
		p.net.detect = NET_DETECT_NO;
	if (r < 0)
		return r;
	return ct_is_vm(ct->conf) ? apply_vm(&a, old, e) : apply_running(&a, old, e);
}

/* Nothing runs: only a change of the disk can be made at once. */
static int apply_stopped(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	struct apply a = { .ct = ct, .plan = &p, .ch = o->change };
	const char *driver;
	int r;

	if (!ct->private || ct_is_vm(ct->conf) || store_detect(ct->private, &driver, VZ_IGNORE) < 0)
		return 0;
	r = ct_plan_make(ct, "set", &p, e);
	return r < 0 ? r : apply_disk(&a, e);
}

/* What the change as a whole must satisfy. */
static int check_change(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e)
{
	struct conf_pair ram;
	int r = ct_nat_check(ct->conf, e);

	if (r < 0)
		return r;
	param_for_each(id)
		if (!o->save && (param_get(id)->flags & PF_NEEDS_SAVE) &&
		    conf_change_has(o->change, id))
			return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
				       "Parameter %s can only be set with --save",
				       param_get(id)->key);
	/* ManageVE and panels take this for "not running", not for "not saved". */
	if (!o->save && conf_change_has(o->change, P_IP_ADDRESS) &&
	    !ct_is_running(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0,
			       "Unable to apply new addresses: Container is not running");
	if (ct_addrs_valid(o->change, e) < 0)
		return -EINVAL;
	if (conf_change_has(o->change, P_CPUMASK) || conf_change_has(o->change, P_NODEMASK)) {
		struct cg_limits l;

		r = ct_cpu_sets(ct, &l, e);
		if (r < 0)
			return r;
	}
	if (conf_change_has(o->change, P_PHYSPAGES) && conf_pair(ct->conf, P_PHYSPAGES, &ram) &&
	    ram.lim < VZ_UNLIMITED && !conf_has(ct->conf, P_SWAPPAGES) && !ct_is_vm(ct->conf))
		return vz_fail(e, VZ_NOTENOUGHUBCPARAMS, 0,
			       "A memory limit needs a swap limit, too: add --swap");
	return 0;
}

/* --dry-run: each parameter as it is and as it will be. */
static void show_changes(const struct ct *ct, const struct conf *old, bool running,
			 const struct ct_set_opts *o)
{
	unsigned int n = 0;

	param_for_each(id) {
		_cleanup_free_ char *was = NULL, *now = NULL;
		const struct param *p = param_get(id);

		if (!conf_change_has(o->change, id))
			continue;
		was = conf_format(old, id);
		now = conf_format(ct->conf, id);
		printf("%2u %-14s %s -> %s%s%s\n", ++n, p->key, was && *was ? was : "(unset)",
		       now && *now ? now : "(unset)",
		       running && (p->when & WHEN_LIVE) ? "  at once" : "",
		       o->save ? "  saved" : "");
	}
}

static int reset_ub(struct ct *ct, struct vz_err *e)
{
	struct cg_limits l;
	int r;

	if (!ct_is_running(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Container is not running");
	ct_limits(ct->conf, &l);
	ct_place(ct, &l);
	r = write_limits(ct, &l, e);
	if (r == 0)
		vz_info("UB limits were set successfully");
	return r;
}

/*
 * libvirt sets the memory of a domain by --kmemsize: with KMEMSIZE_AS_RAM in vz.conf
 * what is large enough for that is meant so.
 */
static int kmemsize_as_ram(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e)
{
	_cleanup_free_ char *pages = NULL;
	struct conf_pair v;
	int r;

	if (!conf_bool(ct->node, P_KMEMSIZE_AS_RAM, false) ||
	    !conf_change_has(o->change, P_KMEMSIZE) || conf_change_has(o->change, P_PHYSPAGES) ||
	    !conf_pair(ct->conf, P_KMEMSIZE, &v) || v.lim < 32 << 20 || v.lim >= VZ_UNLIMITED)
		return 0;
	pages = xasprintf("0:%llu", (unsigned long long)(v.lim / (uint64_t)sysconf(_SC_PAGESIZE)));
	r = conf_change_set(o->change, P_PHYSPAGES, pages, CONF_FILE, e);
	if (r == 0 && !conf_has(ct->conf, P_SWAPPAGES))
		r = conf_change_set(o->change, P_SWAPPAGES, "0:0", CONF_FILE, e);
	return r < 0 ? r : conf_apply(ct->conf, o->change, e);
}

/* ct->conf becomes what the container will have, *ret_old what it had. */
static int compose(struct ct *ct, const struct ct_set_opts *o, struct conf **ret_old,
		   struct vz_err *e)
{
	int r = 0;

	r = ct_vm_check_change(ct->conf, o->change, e);
	if (r == 0 && ct_is_vm(ct->conf) && (conf_change_has(o->change, P_DISKSPACE) ||
					     conf_change_has(o->change, P_OSTEMPLATE)))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "--diskspace and --ostemplate of a virtual machine are for create (later: --disk_resize)");
	if (r == 0)
		r = ct_netif_fill(ct, o->change, e);
	if (r < 0)
		return r;
	if (ct->has_conf)
		r = conf_load_ct(ct->id, ct->node, ret_old, e);
	else
		conf_defaults_ct(ct->id, ct->node, ret_old);
	if (r == 0)
		r = conf_apply(ct->conf, o->change, e);
	if (r == 0 && conf_change_has(o->change, P_NETIF) && !o->force)
		r = ct_netif_check(ct, *ret_old, e);
	if (r == 0 && conf_change_has(o->change, P_NETDEV) && !o->force)
		r = ct_netdev_check(ct, *ret_old, e);
	if (r == 0)
		r = kmemsize_as_ram(ct, o, e);
	return r < 0 ? r : check_change(ct, o, e);
}

int ct_set(struct ct *ct, const struct ct_set_opts *o, struct vz_err *e)
{
	bool running = ct_is_running(ct->slice, ct->id), later;
	_cleanup_close_ int lock = -EBADF;
	_cleanup_conf_ struct conf *old = NULL;
	char names[256];
	int r;

	if (o->reset_ub)
		return reset_ub(ct, e);
	if (o->userpasswd) {
		r = set_password(ct, o->userpasswd, e);
		if (r < 0 || conf_change_empty(o->change))
			return r;
	}
	if (o->disk_resize && !o->dry_run) {
		r = ct_vm_disk_resize(ct, o->disk_resize, running, e);
		if (r < 0 || conf_change_empty(o->change))
			return r;
	}
	/* Another set, of another container, with the same MAC waits until this is saved. */
	if (conf_change_has(o->change, P_NETIF) && !o->dry_run) {
		lock = ct_node_lock(ct, e);
		if (lock < 0)
			return lock;
	}
	r = compose(ct, o, &old, e);
	if (r < 0)
		return r;
	if (running && (conf_change_has(o->change, P_VE_ROOT) ||
			conf_change_has(o->change, P_VE_PRIVATE)))
		return vz_fail(e, VZ_VE_RUNNING, 0,
			       "VE_ROOT and VE_PRIVATE cannot be changed while the container runs");
	later = running && needs_restart(o->change, ct_is_vm(ct->conf), names, sizeof(names));
	if (later && o->setmode && str_eq(o->setmode, "ignore"))
		return vz_fail(e, VZ_VE_RUNNING, 0,
			       "Parameters cannot be set on a running container: %s", names);
	if (later && !(o->setmode && str_eq(o->setmode, "restart")))
		vz_warn("Parameters take effect at the next start: %s", names);
	warn_traffic(ct, o->change);
	if (o->dry_run) {
		show_changes(ct, old, running, o);
		return 0;
	}
	if (ct_auto_wanted(ct->conf) && conf_change_has(o->change, P_IP_ADDRESS)) {
		r = ct_auto_addrs(ct, o->change, &lock, e);
		if (r < 0)
			return r;
	}
	if (running)
		r = apply_now(ct, o, old, e);
	else if (o->save)
		r = apply_stopped(ct, o, e);
	if (r < 0 && !o->force) {
		if (o->save)
			vz_error("Error: failed to apply some parameters, not saving configuration file!");
		return r;
	}
	if (!o->save) {
		vz_info(running ?
			"WARNING: Settings were not saved to config and will be lost after CT restart (use --save flag)" :
			"WARNING: Settings were not saved to config (use --save flag)");
		return 0;
	}
	r = set_name(ct, old, e);
	if (r == 0)
		r = save(ct, o, e);
	close_fd(&lock);
	if (r == 0 && later && o->setmode)
		r = restart(ct, e);
	return r;
}
