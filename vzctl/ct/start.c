// SPDX-License-Identifier: GPL-2.0-or-later
/* start: the array at the end of this file is what happens, in this order. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "ct/vm.h"
#include "sys/syscalls.h"

/* ---- steps ------------------------------------------------------------ */

/* The first start of a container from elsewhere: its range is kept for good. */
static int step_ids(struct ct_plan *p, struct vz_err *e)
{
	uint64_t count = conf_u64(p->ct->node, P_UIDMAP_SIZE, 65536);
	struct conf_change *ch;
	char text[16];
	uint32_t base;
	int r;

	if (p->map.count)
		return ct_ids_claim(p->ct, &p->map, e);
	r = ct_ids_alloc(p->ct, &base, e);
	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%u", base);
	ch = conf_change_new();
	r = conf_change_set(ch, P_LOCAL_UID, text, CONF_FILE, e);
	if (r == 0)
		r = conf_change_set(ch, P_LOCAL_GID, text, CONF_FILE, e);
	if (r == 0)
		r = conf_save_ct(p->ct->id, ch, false, e);
	conf_change_free(ch);
	p->map = (struct ns_idmap){ base, base, (uint32_t)count };
	return r;
}

static void show_ids(const struct ct_plan *p, struct vz_buf *b)
{
	if (p->map.count)
		vz_buf_addf(b, "host ids %u..%u are nobody else's", p->map.uid,
			    p->map.uid + p->map.count - 1);
	else
		vz_buf_adds(b, "allocate a range of host ids, save LOCAL_UID");
}

static int step_rundir(struct ct_plan *p, struct vz_err *e)
{
	int r = ct_run_dir_make(p->ct->id, e);

	if (r == 0)
		ct_hits_begin(p->ct->id);
	return r;
}

static void undo_rundir(struct ct_plan *p)
{
	ct_state_remove(p->ct->id);
}

static void show_rundir(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/%u", ct_run_dir(), p->ct->id);
}

static void warn_missing(unsigned int missing)
{
	char names[64];

	/* On stdout: some clients take any text on stderr for a failed start. */
	if (missing)
		vz_info("WARNING: Limits of %s are not enforced: this node's cgroup v2 hierarchy has no such controllers",
			cg_ctrl_names(missing, names, sizeof(names)));
}

static int step_cgroup(struct ct_plan *p, struct vz_err *e)
{
	int r = cg_create(p->ct->slice, p->ct->id, &p->limits, p->map.uid, p->map.gid, &p->cg,
			  &p->missing, e);

	if (r < 0)
		return r;
	warn_missing(p->missing);
	return 0;
}

static void undo_cgroup(struct ct_plan *p)
{
	ct_destroy_groups(p->ct, VZ_IGNORE);
}

static void show_limit(struct vz_buf *b, const char *name, uint64_t v)
{
	if (v == CG_NONE)
		return;
	if (v >= INT64_MAX)
		vz_buf_addf(b, " %s=max", name);
	else
		vz_buf_addf(b, " %s=%llu", name, (unsigned long long)v);
}

static void show_cgroup(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/vz-%u.scope", p->ct->slice, p->ct->id);
	show_limit(b, "memory.max", p->limits.mem_max);
	show_limit(b, "memory.swap.max", p->limits.swap_max);
	show_limit(b, "pids.max", p->limits.pids_max);
	show_limit(b, "cpu.weight", p->limits.cpu_weight);
}

static bool want_dist(const struct ct_plan *p)
{
	return !p->start.skip_ve_setup;
}

static void show_dist(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, p->init.script_len ? "scripts of the distribution are due" :
					    "nothing changed since the last start");
}

/* What is known of init is saved before it does anything. */
static int step_clone(struct ct_plan *p, struct vz_err *e)
{
	struct ct_state st = { 0 };
	int r = ct_launch(p, e);

	if (r < 0)
		return r;
	st.init = p->init_pid;
	st.init_start = ct_pid_start(p->init_pid);
	st.mon = p->mon_pid;
	st.mon_start = ct_pid_start(p->mon_pid);
	return ct_state_save(p->ct->id, &st, e);
}

static void show_clone(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "user+mnt+pid+net+uts+ipc+cgroup+time  map 0:%u:%u", p->map.uid,
		    p->map.count);
}

static int step_mount(struct ct_plan *p, struct vz_err *e)
{
	p->was_mounted = ct_is_mounted(p->ct->root);
	if (p->was_mounted && !p->start.skip_remount) {
		int r = ct_umount_root(p, true, e);

		if (r < 0)
			return r;
		p->was_mounted = false;
	}
	p->userns = ns_open(p->init_pid, "user", e);
	if (p->userns < 0)
		return p->userns;
	if (p->was_mounted)
		return 0;
	return ct_mount_root(p, p->userns, e);
}

static void undo_mount(struct ct_plan *p)
{
	if (!p->was_mounted)
		ct_umount_root(p, false, VZ_IGNORE);
}

static void show_mount(const struct ct_plan *p, struct vz_buf *b)
{
	const char *driver = "?";

	(void)store_detect(p->ct->private, &driver, VZ_IGNORE);
	vz_buf_addf(b, "%s %s on %s", driver, p->ct->private, p->ct->root);
}

static bool want_net(const struct ct_plan *p)
{
	return !p->start.skip_ve_setup;
}

/* What others have, before anything is changed; who takes it now is met by step_net(). */
static int check_net(struct ct_plan *p, struct vz_err *e)
{
	int r;

	if (!want_net(p))
		return 0;
	r = net_addrs_check(&p->net, p->net.addrs, p->net.n_addrs, e);
	if (r == 0)
		r = net_nat_check(&p->net, e);
	if (r == 0)
		r = net_addrs_detect(&p->net, e);
	/* A second is enough. */
	if (p->net.detect == NET_DETECT_FIRST)
		p->net.detect = NET_DETECT_NO;
	return r;
}

static void announce_addrs(const struct ct_plan *p)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	char text[NET_ADDR_STRLEN];

	if (!p->net.n_addrs)
		return;
	for (size_t i = 0; i < p->net.n_addrs; i++)
		vz_buf_addf(&b, " %s", net_addr_format(&p->net.addrs[i], text));
	vz_info("Adding IP address(es):%s", vz_buf_str(&b));
}

static int step_net(struct ct_plan *p, struct vz_err *e)
{
	int r;

	p->netns = ns_open(p->init_pid, "net", e);
	if (p->netns < 0)
		return p->netns;
	r = ct_addrs_attach(p, e);
	if (r == 0)
		r = ct_netdevs_attach(p, p->netns, e);
	if (r == 0)
		r = ct_netif_scripts(p->ct, "init", e);
	if (r == 0)
		announce_addrs(p);
	return r;
}

static void undo_net(struct ct_plan *p)
{
	ct_netdevs_return(p->ct->id);
	net_detach(&p->net, VZ_IGNORE);
}

static void show_net(const struct ct_plan *p, struct vz_buf *b)
{
	const struct vz_strv *devs = conf_list(p->ct->conf, P_NETDEV);
	char text[NET_ADDR_STRLEN], host[16];

	if (p->net.n_addrs || p->net.want_venet) {
		net_venet_hostname(p->ct->id, host);
		vz_buf_addf(b, "venet0 <-> %s", host);
	}
	for (size_t i = 0; i < p->net.n_addrs; i++)
		vz_buf_addf(b, " %s", net_addr_format(&p->net.addrs[i], text));
	for (size_t i = 0; i < p->net.n_veths; i++)
		vz_buf_addf(b, " %s", p->net.veths[i].ifname);
	for (size_t i = 0; i < devs->n; i++)
		vz_buf_addf(b, " %s", devs->v[i]);
	if (!b->len)
		vz_buf_adds(b, "loopback only");
}

static bool want_nat(const struct ct_plan *p)
{
	return want_net(p) && (net_nat_wanted(&p->net) || p->net.n_fwds);
}

static int step_nat(struct ct_plan *p, struct vz_err *e)
{
	return ct_nat_apply(p, e);
}

static void undo_nat(struct ct_plan *p)
{
	ct_nat_remove(p->ct->id, VZ_IGNORE);
}

static void show_nat(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *fwds = conf_format(p->ct->conf, P_PORTFWD);

	vz_buf_adds(b, "elements of table inet vz_nat");
	if (fwds && *fwds)
		vz_buf_addf(b, ", forward %s", fwds);
}

static int step_traffic(struct ct_plan *p, struct vz_err *e)
{
	return ct_traffic_apply(p, e);
}

static void undo_traffic(struct ct_plan *p)
{
	ct_traffic_end(p->ct->id);
}

static void show_traffic(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *rate = conf_format(p->ct->conf, P_RATE);

	vz_buf_addf(b, "count traffic%s%s", *rate ? ", RATE " : "", rate);
}

/*
 * Mounts that an action script stacked below VE_ROOT come along, with the
 * container's ids; a file system that cannot be mapped stays as it is.
 */
static int clone_root(const struct ct_plan *p, struct vz_err *e)
{
	int tree = sys_open_tree(AT_FDCWD, p->ct->root,
				 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct mount_attr slave = { .propagation = MS_SLAVE };

	if (tree < 0)
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to open the mount at '%s'",
			       p->ct->root);
	/*
	 * The clone is a peer of VE_ROOT where that is shared (systemd makes all
	 * of a host so): what the container mounts would show on the host, and
	 * pivot_root(2) refuses.  A slave still gets what the host mounts later.
	 */
	if (sys_mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave) < 0) {
		close(tree);
		return vz_fail(e, VZ_FS_CANTMOUNT, errno, "Unable to detach the mount at '%s'",
			       p->ct->root);
	}
	return tree;
}

static int step_init(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int tree = -EBADF;
	uint64_t shmall;
	int r;

	if (ct_shmall(p->ct->conf, &shmall)) {
		r = ns_set_shmall(p->init_pid, p->map.uid, shmall, e);
		if (r < 0)
			return r;
	}
	if (ct_has_hook(p->ct, "mount")) {
		r = ct_map_submounts(p, p->userns, e);
		if (r < 0)
			return r;
	}
	tree = clone_root(p, e);
	if (tree < 0)
		return tree;
	r = ns_init_go(p->init_sock, tree, p->dev, e);
	if (r == 0)
		r = ns_init_result(p->init_sock, e);
	return r;
}

static void show_init(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "/dev (%zu nodes), /proc, /sys ro, pivot, %d capabilities, seccomp, exec %s",
		    p->n_devs, __builtin_popcountll(p->caps), p->inits.v[0]);
}

static int step_running(struct ct_plan *p, struct vz_err *e)
{
	ct_dist_done(p);
	if (!p->start.no_init)
		p->marked = ct_reboot_mark(p->ct->id, true);
	return ct_state_running(p->ct->id, e);
}

/* A mark from before stays: at boot, a failed start is tried again next time. */
static void undo_running(struct ct_plan *p)
{
	if (p->marked)
		ct_reboot_mark(p->ct->id, false);
}

static void show_running(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/%u/state", ct_run_dir(), p->ct->id);
}

static bool want_start_hook(const struct ct_plan *p)
{
	return !p->start.skip_ve_setup;
}

static int step_hook(struct ct_plan *p, struct vz_err *e)
{
	return ct_hook_inside(p->ct, "start", e);
}

static void show_hook(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/conf/%u.start in the container, if there", conf_dir(), p->ct->id);
}

static const struct ct_step start_steps[] = {
	{ "ids.claim", step_ids, NULL, show_ids, NULL },
	{ "state.begin", step_rundir, undo_rundir, show_rundir, NULL },
	{ "cg.create", step_cgroup, undo_cgroup, show_cgroup, NULL },
	{ "dist.prepare", ct_dist_start, NULL, show_dist, want_dist },
	{ "ns.clone", step_clone, undo_cgroup, show_clone, NULL },
	{ "store.mount", step_mount, undo_mount, show_mount, NULL },
	{ "net.attach", step_net, undo_net, show_net, want_net },
	{ "net.nat", step_nat, undo_nat, show_nat, want_nat },
	{ "net.traffic", step_traffic, undo_traffic, show_traffic, want_net },
	{ "init.exec", step_init, undo_cgroup, show_init, NULL },
	{ "state.running", step_running, undo_running, show_running, NULL },
	{ "hook.start", step_hook, undo_cgroup, show_hook, want_start_hook },
};

static void show_box(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "mnt+pid+net+uts+ipc for the emulator alone");
}

static const struct ct_step vm_steps[] = {
	{ "ids.claim", step_ids, NULL, show_ids, NULL },
	{ "state.begin", step_rundir, undo_rundir, show_rundir, NULL },
	{ "vm.admit", ct_vm_step_admit, NULL, ct_vm_show_admit, NULL },
	{ "vm.accel", ct_vm_step_accel, NULL, ct_vm_show_accel, NULL },
	{ "vm.files", ct_vm_step_files, NULL, ct_vm_show_files, NULL },
	{ "cg.create", step_cgroup, undo_cgroup, show_cgroup, NULL },
	{ "ns.clone", step_clone, undo_cgroup, show_box, NULL },
	{ "vm.router", ct_vm_step_router, NULL, ct_vm_show_router, want_net },
	{ "net.attach", step_net, undo_net, show_net, want_net },
	{ "net.nat", step_nat, undo_nat, show_nat, want_nat },
	{ "net.traffic", step_traffic, undo_traffic, show_traffic, want_net },
	{ "vm.taps", ct_vm_step_taps, NULL, ct_vm_show_taps, want_net },
	{ "vm.exec", ct_vm_step_exec, undo_cgroup, ct_vm_show_exec, NULL },
	{ "vm.hold", ct_vm_step_hold, undo_cgroup, ct_vm_show_hold, NULL },
	{ "state.running", step_running, undo_running, show_running, NULL },
	{ "vm.run", ct_vm_step_run, undo_cgroup, ct_vm_show_run, NULL },
};

static void steps_of(const struct ct *ct, const struct ct_step **ret, size_t *ret_n)
{
	bool vm = ct_is_vm(ct->conf);

	*ret = vm ? vm_steps : start_steps;
	*ret_n = vm ? ARRAY_SIZE(vm_steps) : ARRAY_SIZE(start_steps);
}

/* ---- the command --------------------------------------------------------- */

#define ENDING_MS 2000
#define ENDING_NAP_MS 5

/*
 * Somebody in the groups is not enough: what a start that was killed has left sees its
 * end a moment later, and so do processes whose init was killed.  The lock is ours, so no
 * start is under way, and ct_cleanup() ends what a state file says is nobody's.
 */
static bool runs(const struct ct *ct)
{
	const struct timespec nap = { .tv_nsec = ENDING_NAP_MS * 1000000L };
	struct ct_state st;

	for (int ms = 0; ms < ENDING_MS; ms += ENDING_NAP_MS) {
		_cleanup_close_ int pidfd = -EBADF;

		if (!ct_is_running(ct->slice, ct->id))
			return false;
		if (ct_init_pid(ct, &pidfd, VZ_IGNORE) > 0)
			return true;
		if (ct_state_load(ct->id, &st) == 0)
			return false;
		nanosleep(&nap, NULL);
	}
	return true;
}

/* 1: it runs already, and the end of a start that was killed has been made up for. */
static int check(struct ct *ct, const struct ct_start_opts *o, struct vz_err *e)
{
	bool up = runs(ct);
	struct stat st;

	if (up && !o->dry_run && ct_is_vm(ct->conf) && ct_vm_wake(ct, o->restore)) {
		vz_info("Virtual machine goes on");
		return 1;
	}
	if (up)
		return vz_fail(e, VZ_VE_RUNNING, 0, "Container is already running");
	if (conf_bool(ct->conf, P_DISABLED, false) && !o->force)
		return vz_fail(e, VZ_VE_START_DISABLED, 0,
			       "Container start disabled (DISABLED=yes; use --force to override)");
	if (ct_is_vm(ct->conf)) {
		_cleanup_free_ char *dump = ct_vm_dump(ct);
		int r = o->dry_run ? 0 : ct_vm_snap_finish(ct, e);
		bool there = io_exists(dump);

		if (r > 0)
			r = ct_reload(ct, e);
		if (r < 0)
			return r;

		if (o->restore && !there)
			return vz_fail(e, VZ_RESTORE_ERROR, 0,
				       "The virtual machine is not suspended");
		if (!o->restore && there)
			return vz_fail(e, VZ_RESTORE_ERROR, 0,
				       "The virtual machine is suspended: resume it with `vzctl resume %u`, or remove '%s' to lose what was in its memory",
				       ct->id, dump);
	}
	if (!ct->private || stat(ct->private, &st) < 0)
		return vz_fail(e, VZ_FS_NOPRVT, 0, "Container private area '%s' does not exist",
			       ct->private ? ct->private : "");
	return 0;
}

static void say_limits(const struct ct *ct)
{
	vz_info("Setting CPU units: %llu",
		(unsigned long long)conf_u64(ct->conf, P_CPUUNITS, 1000));
	if (conf_has(ct->conf, P_CPULIMIT))
		vz_info("Setting CPU limit: %llu",
			(unsigned long long)conf_u64(ct->conf, P_CPULIMIT, 0));
	if (conf_has(ct->conf, P_CPUS))
		vz_info("Setting CPUs: %llu", (unsigned long long)conf_u64(ct->conf, P_CPUS, 0));
}

/*
 * Waits inside until the init system says that it is done, whatever kind it is.
 * `is-system-running --wait` came with systemd 240; before, the loop asks.
 */
static const char wait_script[] =
	"i=0\n"
	"if [ -e /run/systemd/system ] || readlink /proc/1/exe | grep -q systemd; then\n"
	"  while [ ! -S /run/systemd/private ]; do sleep 0.1 || sleep 1; done\n"
	"  while :; do\n"
	"    s=$(systemctl is-system-running --wait 2>/dev/null)\n"
	"    case $s in running|degraded) exit 0;; esac\n"
	"    sleep 0.2 || sleep 1\n"
	"  done\n"
	"elif command -v runlevel >/dev/null 2>&1; then\n"
	"  while :; do\n"
	"    case $(runlevel 2>/dev/null) in *[2345]) exit 0;; esac\n"
	"    sleep 0.2 || sleep 1\n"
	"  done\n"
	"fi\n"
	"exit 0\n";

static int wait_started(struct ct *ct, struct vz_err *e)
{
	uint64_t timeout = conf_u64(ct->conf, P_STARTUP_TIMEOUT, 3600);
	int r;

	if (timeout > 86400)
		timeout = 86400;
	vz_info("Container start in progress, waiting ...");
	r = ct_run_script(ct, wait_script, sizeof(wait_script) - 1, NULL, (int)timeout * 1000, e);
	if (r == -ETIMEDOUT)
		return vz_fail(e, VZ_WAIT_FAILED, 0, "Container wait failed - timeout expired");
	if (r != 0)
		return vz_fail(e, VZ_WAIT_FAILED, 0, "Container wait failed - it is not running");
	vz_info("Container started successfully");
	return 0;
}

/* "auto" in a file that was edited by hand: the address is kept for good. */
static int save_auto(struct ct *ct, struct vz_err *e)
{
	_cleanup_close_ int lock = -EBADF;
	struct conf_change *ch;
	int r;

	if (!ct_auto_wanted(ct->conf))
		return 0;
	ch = conf_change_new();
	r = ct_auto_addrs(ct, ch, &lock, e);
	if (r == 0)
		r = conf_save_ct(ct->id, ch, false, e);
	conf_change_free(ch);
	return r < 0 ? r : 0;
}

int ct_start(struct ct *ct, const struct ct_start_opts *o, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	const struct ct_step *steps;
	size_t n_steps;
	int r = check(ct, o, e);

	if (r != 0)
		return r < 0 ? r : 0;
	steps_of(ct, &steps, &n_steps);
	if (!o->dry_run)
		r = save_auto(ct, e);
	if (r == 0)
		r = ct_plan_make(ct, "start", &p, e);
	if (r < 0)
		return r;
	p.start = *o;
	if (o->no_init)
		p.init.flags |= NS_NO_INIT;
	if (o->dry_run) {
		ct_steps_show(steps, n_steps, &p, NULL);
		return 0;
	}
	vz_info("Starting container...");
	r = check_net(&p, e);
	/* What a killed command or a lost monitor left of the last run. */
	if (r == 0)
		r = ct_cleanup(&p, false, e);
	if (r == 0)
		r = ct_steps_run(steps, n_steps, &p, e);
	if (r < 0)
		return vz_wrap(e, r, "Container start failed");
	say_limits(ct);
	if (o->wait && !ct_is_vm(ct->conf))
		return wait_started(ct, e);
	vz_info("Container start in progress...");
	return 0;
}

int ct_borrow(struct ct *ct, bool *ret_started, struct vz_err *e)
{
	struct ct_start_opts o = { .force = true, .skip_ve_setup = true, .no_init = true };
	bool quiet;
	int r = 0;

	if (ct_is_vm(ct->conf))
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "Nothing of the node can run in a virtual machine");
	*ret_started = !ct_is_running(ct->slice, ct->id);
	if (*ret_started) {
		quiet = vz_log_set_quiet(true);
		r = ct_start(ct, &o, e);
		vz_log_set_quiet(quiet);
	}
	return r;
}

void ct_return(struct ct *ct, bool started)
{
	struct ct_stop_opts o = { .fast = true };
	bool quiet;

	if (!started)
		return;
	quiet = vz_log_set_quiet(true);
	(void)ct_stop(ct, &o, VZ_IGNORE);
	vz_log_set_quiet(quiet);
}
