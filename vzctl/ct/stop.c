// SPDX-License-Identifier: GPL-2.0-or-later
/* stop, what follows the end of init, and what a dead container left. */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "ct/ct-int.h"
#include "ct/netlook.h"
#include "ct/vm.h"
#include "mon/mon.h"
#include "sys/syscalls.h"

#define RESTARTS_MAX 3
#define RESTARTS_WINDOW 60	/* seconds */

int ct_destroy_groups(const struct ct *ct, struct vz_err *e)
{
	bool quiet = vz_log_set_quiet(true);

	ct_hits_log(ct);
	vz_log_set_quiet(quiet);
	return cg_destroy(ct->slice, ct->id, e);
}

int ct_cleanup(struct ct_plan *p, bool umount, struct vz_err *e)
{
	struct ct_state st;
	bool had = ct_state_load(p->ct->id, &st) == 0;
	int r = ct_destroy_groups(p->ct, e);

	if (r < 0)
		return r;
	/* Before the links: without their route a forwarded packet would leave the node. */
	r = ct_nat_remove(p->ct->id, e);
	if (r < 0)
		return r;
	ct_netdevs_return(p->ct->id);
	/* Without a state file no start got as far as making links. */
	if (had || umount) {
		struct vz_err why = VZ_ERR_INIT;

		/* The interfaces go, whatever a script thinks of it. */
		if (had && ct_netif_scripts(p->ct, "down", &why) < 0)
			vz_warn("%s, ignoring", why.msg);
		ct_addrs_noted(p);
		r = net_detach(&p->net, e);
		if (r < 0)
			return r;
		ct_traffic_end(p->ct->id);
	}
	if (umount) {
		r = ct_umount_root(p, true, e);
		if (r < 0)
			return r;
	}
	/* Also the directory alone: a start that was killed before it had a state. */
	ct_state_remove(p->ct->id);
	return 0;
}

static bool wait_gone(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int r;

	do {
		r = poll(&p, 1, timeout_ms);
	} while (r < 0 && errno == EINTR && !ct_cancelled());
	return r > 0;
}

/* Does init catch or wait for @sig?  SigBlk and SigCgt of proc_pid_status(5). */
static bool hears(pid_t init, int sig)
{
	static const char *const keys[] = { "\nSigBlk:", "\nSigCgt:" };
	char path[64], buf[4096];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)init);
	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const char *p = strstr(buf, keys[i]);

		if (p && strtoull(p + strlen(keys[i]), NULL, 16) >> (sig - 1) & 1)
			return true;
	}
	return false;
}

/*
 * The kernel drops what init has no handler for: a container that is stopped
 * while its init comes up would never know.  So the signal is repeated until it
 * must have arrived; an init that sits in sigtimedwait(2), as busybox does, shows
 * neither mask, and gets it once more than it needs.
 */
static int signal_init(int pidfd, pid_t init, int sig, int timeout_ms)
{
	const int step = 50;

	for (int t = 0; t < timeout_ms && !ct_cancelled(); t += step) {
		bool heard = hears(init, sig);
		int r = sys_pidfd_send_signal(pidfd, sig);

		if (r < 0 || heard || wait_gone(pidfd, step))
			return r;
	}
	return -ETIMEDOUT;
}

/*
 * The kind of init decides how it is asked; its name is only a hint.  System V
 * init cannot be told anything until it has made its fifo.
 */
static int ask_to_halt(struct ct *ct, int pidfd, pid_t init, int timeout_ms)
{
	static const char script[] =
		"i=0\n"
		"while [ -e /etc/inittab ] && [ ! -p /run/initctl ] && [ ! -p /dev/initctl ] &&\n"
		"      [ $i -lt 50 ]; do sleep 0.1 || sleep 1; i=$((i + 1)); done\n"
		"halt >/dev/null 2>&1 || poweroff || kill -TERM 1\n";
	char path[64], exe[256];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)init);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	if (str_eq(base, "systemd"))	/* poweroff.target */
		return signal_init(pidfd, init, SIGRTMIN + 4, timeout_ms);
	if (str_eq(base, "busybox"))	/* poweroff */
		return signal_init(pidfd, init, SIGUSR2, timeout_ms);
	return ct_run_script(ct, script, sizeof(script) - 1, NULL, 30 * 1000, VZ_IGNORE);
}

static int step_hook(struct ct_plan *p, struct vz_err *e)
{
	int r;

	/* The script, and init's shutdown, need processes that run. */
	if (cg_frozen(p->ct->slice, p->ct->id))
		(void)cg_freeze(p->ct->slice, p->ct->id, false, VZ_IGNORE);
	r = ct_hook_inside(p->ct, "stop", e);
	if (r < 0 && p->stop.fast) {
		vz_warn("%s, ignoring", e->msg);
		return 0;
	}
	return r;
}

static void show_hook(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "%s/conf/%u.stop in the container, if there", conf_dir(), p->ct->id);
}

static int step_halt(struct ct_plan *p, struct vz_err *e)
{
	uint64_t timeout = conf_u64(p->ct->conf, P_STOP_TIMEOUT, 0);
	_cleanup_close_ int pidfd = -EBADF;
	pid_t init = ct_init_pid(p->ct, &pidfd, VZ_IGNORE);

	if (timeout == 0 || timeout > 86400)
		timeout = 120;
	vz_info("Stopping container ...");
	if (init < 0 || p->stop.fast)
		return 0;
	if (ask_to_halt(p->ct, pidfd, init, (int)timeout * 1000) < 0)
		vz_verbose("Unable to ask the container's init to halt");
	if (wait_gone(pidfd, (int)timeout * 1000))
		return 0;
	if (ct_cancelled())
		return vz_fail(e, VZ_STOP_ERROR, EINTR, "Cancelled");
	vz_info("Killing container ...");
	return 0;
}

static void show_halt(const struct ct_plan *p, struct vz_buf *b)
{
	if (p->stop.fast)
		vz_buf_adds(b, "skipped (--fast)");
	else
		vz_buf_addf(b, "ask init to halt, wait up to %llu s",
			    (unsigned long long)conf_u64(p->ct->conf, P_STOP_TIMEOUT, 120));
}

/* ACPI's power button, again now and then: a guest that boots does not hear it. */
#define POWERDOWN_MS 15000
#define QUIT_MS 5000

static bool ask_guest(const struct ct *ct, bool agent)
{
	const char *word = agent ? "ga-shutdown" : "powerdown";
	struct vz_err why = VZ_ERR_INIT;

	if (ct_vm_ask(ct, word, "", NULL, 0, QUIT_MS, NULL, &why) == 0)
		return true;
	vz_verbose("%s", why.msg);
	return false;
}

static int step_powerdown(struct ct_plan *p, struct vz_err *e)
{
	uint64_t timeout = conf_u64(p->ct->conf, P_STOP_TIMEOUT, 0);
	_cleanup_close_ int pidfd = -EBADF;
	struct vz_err why = VZ_ERR_INIT;
	bool agent = true, heard;
	long long end, left;

	end = vz_now_ms() + (timeout == 0 || timeout > 86400 ? 120000 : (long long)timeout * 1000);
	vz_info("Stopping virtual machine ...");
	if (ct_init_pid(p->ct, &pidfd, VZ_IGNORE) < 0)
		return 0;
	/* The agent, if there is one, is the better listener.  Asking takes time, too. */
	for (; !p->stop.fast && vz_now_ms() < end; agent = false) {
		heard = ask_guest(p->ct, agent);
		if (!heard && agent)
			continue;
		left = end - vz_now_ms();
		if (left > (heard ? POWERDOWN_MS : 1000))
			left = heard ? POWERDOWN_MS : 1000;
		if (wait_gone(pidfd, left > 0 ? (int)left : 0))
			return 0;
		if (ct_cancelled())
			return vz_fail(e, VZ_STOP_ERROR, EINTR, "Cancelled");
	}
	/* Disks are flushed by the emulator's own end, not by a kill. */
	if (ct_vm_ask(p->ct, "quit", "", NULL, 0, QUIT_MS, NULL, &why) == 0 &&
	    wait_gone(pidfd, QUIT_MS))
		return 0;
	vz_info("Killing virtual machine ...");
	return 0;
}

static void show_powerdown(const struct ct_plan *p, struct vz_buf *b)
{
	if (p->stop.fast)
		vz_buf_adds(b, "quit (--fast)");
	else
		vz_buf_addf(b, "agent or ACPI power button, up to %llu s, then quit",
			    (unsigned long long)conf_u64(p->ct->conf, P_STOP_TIMEOUT, 120));
}

static int step_kill(struct ct_plan *p, struct vz_err *e)
{
	int r = ct_destroy_groups(p->ct, e);

	if (r < 0)
		return vz_wrap(e, r, "Unable to stop container: operation timed out");
	vz_info("Container was stopped");
	ct_reboot_mark(p->ct->id, false);
	return 0;
}

static void show_kill(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "kill and remove %s/vz-%u.scope", p->ct->slice, p->ct->id);
}

static int step_clean(struct ct_plan *p, struct vz_err *e)
{
	return ct_cleanup(p, !p->stop.skip_umount, e);
}

static void show_clean(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_addf(b, "remove links and state%s",
		    p->stop.skip_umount ? "" : ", unmount the root");
}

static const struct ct_step stop_steps[] = {
	{ "hook.stop", step_hook, NULL, show_hook, NULL },
	{ "init.halt", step_halt, NULL, show_halt, NULL },
	{ "cg.kill", step_kill, NULL, show_kill, NULL },
	{ "clean", step_clean, NULL, show_clean, NULL },
};

static const struct ct_step vm_stop_steps[] = {
	{ "vm.powerdown", step_powerdown, NULL, show_powerdown, NULL },
	{ "cg.kill", step_kill, NULL, show_kill, NULL },
	{ "clean", step_clean, NULL, show_clean, NULL },
};

/* ---- suspend ---------------------------------------------------------------- */

#define SAVE_MS (1800 * 1000)

static int step_save(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *dump = ct_vm_dump(p->ct), *dir = xstrdup(dump);
	int r;

	*strrchr(dir, '/') = '\0';
	r = io_mkdir_p(dir, 0700);
	if (r < 0)
		return vz_fail(e, VZ_CANT_CREATE_DIR, -r, "Unable to create '%s'", dir);
	return ct_vm_ask(p->ct, "save", "", NULL, 0, SAVE_MS, NULL, e);
}

static void undo_save(struct ct_plan *p)
{
	if (ct_is_running(p->ct->slice, p->ct->id))
		(void)ct_vm_ask(p->ct, "cont", "", NULL, 0, QUIT_MS, NULL, VZ_IGNORE);
}

static void show_save(const struct ct_plan *p, struct vz_buf *b)
{
	_cleanup_free_ char *dump = ct_vm_dump(p->ct);

	vz_buf_addf(b, "memory and devices to %s", dump);
}

static int step_quit(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_close_ int pidfd = -EBADF;

	/* The memory is saved, the disks are not yet flushed. */
	if (ct_init_pid(p->ct, &pidfd, VZ_IGNORE) > 0 &&
	    ct_vm_ask(p->ct, "quit", "", NULL, 0, QUIT_MS, NULL, e) < 0)
		return -EPROTO;
	if (pidfd >= 0 && !wait_gone(pidfd, QUIT_MS))
		return vz_fail(e, VZ_CHKPNT_ERROR, 0, "The emulator does not end");
	return ct_destroy_groups(p->ct, e);
}

static void show_quit(const struct ct_plan *p, struct vz_buf *b)
{
	vz_buf_adds(b, "the emulator flushes the disks and ends");
}

static const struct ct_step vm_suspend_steps[] = {
	{ "vm.save", step_save, undo_save, show_save, NULL },
	{ "vm.quit", step_quit, NULL, show_quit, NULL },
	{ "clean", step_clean, NULL, show_clean, NULL },
};

int ct_vm_suspend(struct ct *ct, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	int r;

	if (!ct_is_running(ct->slice, ct->id))
		return vz_fail(e, VZ_VE_NOT_RUNNING, 0, "Virtual machine is not running");
	r = ct_plan_make(ct, "suspend", &p, e);
	if (r < 0)
		return r;
	vz_info("Suspending virtual machine ...");
	r = ct_steps_run(vm_suspend_steps, ARRAY_SIZE(vm_suspend_steps), &p, e);
	if (r < 0) {
		e->code = VZ_CHKPNT_ERROR;
		return vz_wrap(e, r, "Suspending failed");
	}
	vz_info("Virtual machine is suspended");
	return 0;
}

int ct_vm_resume(struct ct *ct, struct vz_err *e)
{
	const struct ct_start_opts o = { .force = true, .restore = true };
	int r = ct_start(ct, &o, e);

	if (r < 0 && e->code == VZ_VM_ERROR)
		e->code = VZ_RESTORE_ERROR;
	return r;
}

int ct_stop(struct ct *ct, const struct ct_stop_opts *o, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	const struct ct_step *steps = ct_is_vm(ct->conf) ? vm_stop_steps : stop_steps;
	size_t n = ct_is_vm(ct->conf) ? ARRAY_SIZE(vm_stop_steps) : ARRAY_SIZE(stop_steps);
	int r = ct_plan_make(ct, "stop", &p, e);

	if (r < 0)
		return r;
	p.stop = *o;
	if (o->dry_run) {
		ct_steps_show(steps, n, &p, NULL);
		return 0;
	}
	if (!ct_is_running(ct->slice, ct->id)) {
		struct ct_state st;

		vz_error("Unable to stop: container is not running");
		return ct_state_load(ct->id, &st) == 0 ? ct_cleanup(&p, true, e) : 0;
	}
	return ct_steps_run(steps, n, &p, e);
}

int ct_freeze(struct ct *ct, bool on, struct vz_err *e)
{
	return cg_freeze(ct->slice, ct->id, on, e);
}

/* The node's rules may have been flushed under it, its ports be elsewhere. */
static int restore_net(struct ct_plan *p, struct vz_err *e)
{
	int r = ct_addrs_restore(p, e);

	if (r == 0)
		r = ct_nat_apply(p, e);
	for (size_t i = 0; i < p->net.n_veths && r >= 0; i++)
		r = net_veth_restore(&p->net, &p->net.veths[i], e);
	return r < 0 ? r : ct_traffic_apply(p, e);
}

/* What was otherwise than configured, and what has become of it; true: something was. */
static bool say_repaired(struct ct *ct, const struct vz_strv *was)
{
	_cleanup_(ct_netlook_done) struct ct_netlook now = { 0 };

	if (ct_netlook(ct, &now, VZ_IGNORE) < 0)
		return false;
	for (size_t i = 0; i < was->n; i++)
		vz_info("%s: %s", vz_strv_has(&now.diffs, was->v[i]) ? "Left as it is" : "Repaired",
			was->v[i]);
	return was->n;
}

static int repair_running(struct ct *ct, struct vz_err *e)
{
	_cleanup_(ct_netlook_done) struct ct_netlook was = { 0 };
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	bool adopt = ct_mon_pid(ct->id) < 0, said;
	int r = ct_plan_make(ct, "repair", &p, e);

	if (r < 0)
		return r;
	(void)ct_netlook(ct, &was, VZ_IGNORE);
	if (adopt)
		r = ct_adopt(&p, e);
	if (r == 0)
		r = restore_net(&p, e);
	if (r < 0)
		return r;
	said = say_repaired(ct, &was.diffs);
	if (adopt)
		vz_info("Container has a monitor again; the console of this run is lost");
	else if (!said)
		vz_info("Container is running, nothing to repair");
	return 0;
}

int ct_repair(struct ct *ct, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	struct ct_state st;
	bool stale, found;
	int r;

	if (ct_is_running(ct->slice, ct->id)) {
		/* Populated, but no init that we know: a start that was killed. */
		_cleanup_close_ int pidfd = -EBADF;

		if (ct_init_pid(ct, &pidfd, VZ_IGNORE) > 0)
			return repair_running(ct, e);
	}
	r = ct_create_recover(ct, e);
	if (r < 0)
		return r;
	found = r > 0;
	r = ct_plan_make(ct, "repair", &p, e);
	if (r < 0)
		return r;
	stale = ct_state_load(ct->id, &st) == 0 || ct_is_running(ct->slice, ct->id);
	r = ct_cleanup(&p, stale, e);
	net_tidy();
	if (r == 0)
		vz_info(stale || found ?
			"Removed what was left of a container that is not running" :
			"Nothing to repair");
	return r;
}

/* ---- after the end of init ----------------------------------------------- */

/*
 * Counts restarts in /run/vz/restarts.CTID: a first line with the time of the
 * first of the window, then one character each.
 */
static bool restart_allowed(uint32_t id)
{
	_cleanup_free_ char *path = xasprintf("%s/restarts.%u", ct_run_dir(), id);
	long long first = 0, count = 0, now = time(NULL);
	char buf[64];
	int n;

	if (io_read_small_at(AT_FDCWD, path, buf, sizeof(buf)) > 0 &&
	    sscanf(buf, "%lld %lld", &first, &count) != 2)
		first = 0;
	if (now - first > RESTARTS_WINDOW) {
		first = now;
		count = 0;
	}
	if (count >= RESTARTS_MAX)
		return false;
	n = snprintf(buf, sizeof(buf), "%lld %lld\n", first, count + 1);
	(void)io_write_atomic_at(AT_FDCWD, path, buf, n, 0600, IO_ATOMIC_NOSYNC);
	return true;
}

static bool wants_restart(struct ct *ct, int status, bool *ret_stopped)
{
	const char *policy = conf_str(ct->conf, P_RESTART);

	*ret_stopped = true;
	if (status == MON_STATUS_UNKNOWN) {
		vz_warn("Container ended; how is not known, because its monitor was replaced: left stopped");
		return false;
	}
	/* reboot(2) in a pid namespace ends init with one of two signals. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP) {
		vz_info("Container rebooted from inside");
		return conf_bool(ct->conf, P_ALLOWREBOOT, true);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) {
		vz_info("Container halted from inside");
		return false;
	}
	if (ct_is_vm(ct->conf) && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		vz_info("Virtual machine was shut down from inside");
		return false;
	}
	*ret_stopped = false;
	vz_warn("Container's init ended (%s %d)", WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return policy && str_eq(policy, "on-failure");
}

int ct_exited(struct ct *ct, pid_t init, int status, struct vz_err *e)
{
	_cleanup_(ct_plan_done) struct ct_plan p = CT_PLAN_INIT;
	struct ct_start_opts again = { .force = true };
	bool restart, deliberate = true, ran;
	struct ct_state st;
	int r;

	/* Somebody else has cleaned up, and may even have started it again. */
	if (ct_state_load(ct->id, &st) < 0 || st.init != init || ct_pid_start(init))
		return 0;
	ran = st.running;
	r = ct_plan_make(ct, "exited", &p, e);
	if (r < 0)
		return r;
	restart = ran && wants_restart(ct, status, &deliberate);
	/* First: who sees it stopped sees that it will not come back at boot. */
	if (!restart && deliberate)
		ct_reboot_mark(ct->id, false);
	r = ct_cleanup(&p, true, e);
	if (r < 0)
		return r;
	(void)ct_hook(ct, restart ? "reboot" : "halt", true, VZ_IGNORE);
	if (!restart)
		return 0;
	if (!restart_allowed(ct->id)) {
		vz_warn("Container was restarted %d times within %d seconds: left stopped",
			RESTARTS_MAX, RESTARTS_WINDOW);
		return 0;
	}
	return ct_start(ct, &again, e);
}
