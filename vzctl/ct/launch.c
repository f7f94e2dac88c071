// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starts the monitor, which clones the container's init (ns/ns.h) and becomes
 * vzmon when it has the console.  vzctl goes on with init's pid, preparing the
 * root and the network while init waits.
 */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/log.h"
#include "base/path.h"
#include "cg/hits.h"
#include "ct/ct-int.h"
#include "ct/vm.h"
#include "mon/mon.h"
#include "sys/syscalls.h"

#define CONSOLE_LOG_DIR "/var/log/vz"

extern char **environ;

_Static_assert(MON_N_HITS == CG_HITS_FILES, "vzmon includes nothing of cg");

struct mon_report {
	pid_t init;	/* 0: see err */
	struct vz_err err;
};

struct monitor {
	struct ct_plan *p;
	int report;		/* to vzctl */
	int console;		/* from init */
	int filter;		/* net_filter_keep() or -1 */
	char *exe, *vzctl, *sock_path, *log_dir;
};

static const char *console_log_dir(void)
{
	return vz_path_or(CONSOLE_LOG_DIR, "VZ_CONSOLE_LOGDIR");
}

char *ct_console_log(uint32_t id)
{
	return xasprintf("%s/%u.console", console_log_dir(), id);
}

/* Places @from at @to for the exec; -1 becomes /dev/null. */
static void give_fd(int from, int to)
{
	if (from < 0)
		from = open("/dev/null", O_RDWR);
	if (from == to)
		fcntl(to, F_SETFD, 0);
	else
		dup2(from, to);
}

/* The monitor forgets all that vzctl had open: lock, caller's stdio, sockets. */
static void exec_vzmon(struct monitor *m, pid_t init, int master)
{
	char init_text[16];
	const char *argv[] = { "vzmon", m->p->ct->idstr, init_text, m->vzctl, NULL };
	int fds[MON_FD_LAST - MON_FD_PTY + 1], log_dir, log = -EBADF;
	_cleanup_close_ int scope = cg_scope_open(m->p->ct->slice, m->p->ct->id);
	_cleanup_free_ char *name = xasprintf("%u.console", m->p->ct->id);

	snprintf(init_text, sizeof(init_text), "%d", (int)init);
	io_mkdir_p(m->log_dir, 0700);
	log_dir = open(m->log_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (log_dir >= 0)
		log = openat(log_dir, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			     0600);
	fds[0] = master;
	fds[1] = io_unix_listen(m->sock_path, SOCK_SEQPACKET | SOCK_NONBLOCK, 8);
	fds[2] = log_dir;
	fds[3] = log;
	cg_hits_open(scope, fds + 4);
	fds[MON_FD_SEED - MON_FD_PTY] = m->p->init.seed >= 0 ? m->p->init.seed :
							      ct_seed_make(m->p->ct->id);
	fds[MON_FD_NFT - MON_FD_PTY] = m->filter;
	/* Away from the targets first, so that none is overwritten unseen. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		give_fd(fds[i], MON_FD_PTY + (int)i);
	sys_close_range(MON_FD_LAST + 1, ~0U, 0);
	execve(m->exe, (char *const *)argv, environ);
}

/* What vzmon does in the end, when there was no console to keep. */
static __noreturn void init_died(struct monitor *m, pid_t init)
{
	char init_text[16], status_text[16];
	const char *argv[] = { m->vzctl, "_exited", m->p->ct->idstr, init_text, status_text, NULL };
	int status = 0;

	while (waitpid(init, &status, 0) < 0 && errno == EINTR)
		;
	snprintf(init_text, sizeof(init_text), "%d", (int)init);
	snprintf(status_text, sizeof(status_text), "%d", status);
	sys_close_range(3, ~0U, 0);
	execve(m->vzctl, (char *const *)argv, environ);
	_exit(VZ_SYSTEM_ERROR);
}

/* The lock belongs to vzctl: it must end with it. */
static void detach_monitor(struct monitor *m)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	if (chdir("/") < 0 || null < 0)
		_exit(VZ_SYSTEM_ERROR);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(m->p->ct->lock);
}

static __noreturn void monitor_main(struct monitor *m)
{
	struct mon_report rep = { 0 };
	int master = -EBADF;
	char c;

	detach_monitor(m);
	m->p->init.seed = ct_seed_find();
	rep.init = m->p->vm ? ns_box_clone(&m->p->vm->box, m->p->cg.ct, &rep.err) :
		   ns_clone_init(&m->p->init, &m->p->map, m->p->cg.ct, &rep.err);
	if (rep.init < 0)
		rep.init = 0;
	close(m->p->init.sock);
	close(m->p->init.console);
	if (rep.init)
		(void)send(m->console, "m", 1, MSG_NOSIGNAL);
	if (send(m->report, &rep, sizeof(rep), MSG_NOSIGNAL) < 0 || !rep.init)
		_exit(rep.init ? VZ_SYSTEM_ERROR : 0);
	close(m->report);
	if (ns_recv_fd(m->console, &master, &c, 1) != 1 || master < 0)
		init_died(m, rep.init);
	/* Until init is executed its CPU time is worth more; not for a slow script. */
	poll(&(struct pollfd){ .fd = m->console, .events = POLLIN }, 1, 20);
	close(m->console);
	exec_vzmon(m, rep.init, master);
	/* No vzmon: the container runs, unseen; only its end still matters. */
	init_died(m, rep.init);
}

static int pair(int fds[2], struct vz_err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to create a socket pair");
	return 0;
}

static pid_t fork_monitor(struct monitor *m, int mine, struct vz_err *e)
{
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)m->p->cg.mon,
	};
	pid_t pid = sys_clone3(&args);

	if (pid == 0) {
		/* Init's end of this socket must be the only one, or its end is no news. */
		close(mine);
		monitor_main(m);
	}
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to start the monitor");
	return pid;
}

/*
 * A new monitor for a container whose own was killed.  The console's master
 * died with it; what is left to do is to notice the end of init.
 */
int ct_adopt(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *exe = xasprintf("%s/vzmon", vz_libexec_dir());
	_cleanup_free_ char *vzctl = xasprintf("%s/vzctl", vz_sbin_dir());
	_cleanup_free_ char *sock_path = ct_run_path(p->ct->id, "console.sock");
	struct monitor m = { .p = p, .exe = exe, .vzctl = vzctl, .sock_path = sock_path,
			     .log_dir = (char *)console_log_dir(), .filter = -EBADF };
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	_cleanup_close_ int group = cg_mon_open(p->ct->slice, e);
	struct ct_state st;
	pid_t pid;

	if (group < 0)
		return group;
	if (access(exe, X_OK) < 0 || ct_state_load(p->ct->id, &st) < 0)
		return vz_fail(e, VZ_NO_HELPER, errno, "Unable to run '%s'", exe);
	args.cgroup = (uint64_t)group;
	pid = sys_clone3(&args);
	if (pid == 0) {
		detach_monitor(&m);
		p->init.seed = ct_seed_find();
		exec_vzmon(&m, st.init, -1);
		_exit(VZ_SYSTEM_ERROR);
	}
	if (pid < 0)
		return vz_fail(e, VZ_ENVCREATE_ERROR, errno, "Unable to start the monitor");
	st.mon = pid;
	st.mon_start = ct_pid_start(pid);
	return ct_state_save(p->ct->id, &st, e);
}

int ct_launch(struct ct_plan *p, struct vz_err *e)
{
	_cleanup_free_ char *exe = xasprintf("%s/vzmon", vz_libexec_dir());
	_cleanup_free_ char *vzctl = xasprintf("%s/vzctl", vz_sbin_dir());
	_cleanup_free_ char *sock_path = ct_run_path(p->ct->id, "console.sock");
	struct monitor m = { .p = p, .exe = exe, .vzctl = vzctl, .sock_path = sock_path,
			     .log_dir = (char *)console_log_dir() };
	_cleanup_close_ int report = -EBADF, report_child = -EBADF, init_child = -EBADF;
	_cleanup_close_ int con_mon = -EBADF, con_init = -EBADF;
	struct mon_report rep;
	int fds[2], r;

	if (access(exe, X_OK) < 0)
		return vz_fail(e, VZ_NO_HELPER, errno, "Unable to run '%s'", exe);
	if (pair(fds, e) < 0)
		return -EMFILE;
	report = fds[0], report_child = fds[1];
	if (pair(fds, e) < 0)
		return -EMFILE;
	p->init_sock = fds[0], init_child = fds[1];
	if (pair(fds, e) < 0)
		return -EMFILE;
	con_mon = fds[0], con_init = fds[1];
	m.report = report_child;
	m.console = con_mon;
	m.filter = p->net.n_addrs || p->net.n_veths ? net_filter_keep() : -EBADF;
	p->init.sock = init_child;
	p->init.console = con_init;
	if (p->vm) {
		p->vm->box.sock = init_child;
		p->vm->box.console = con_init;
		p->dev = ns_box_dev(p->vm->kvm ? p->map.uid + VM_UID : 0, e);
		if (p->dev < 0)
			return p->dev;
		p->vm->box.dev = p->dev;
	}
	p->mon_pid = fork_monitor(&m, p->init_sock, e);
	if (p->mon_pid < 0)
		return p->mon_pid;
	close_fd(&report_child);
	/* While the kernel makes namespaces on the other CPU. */
	if (!p->vm)
		p->dev = ns_dev_mount(p->devs, p->n_devs, &p->map, e);
	if (p->dev < 0)
		return p->dev;
	r = ct_dev_rules(p, p->cg.scope, e);
	if (r < 0)
		return r;
	do {
		r = (int)recv(report, &rep, sizeof(rep), 0);
	} while (r < 0 && errno == EINTR);
	if (r != sizeof(rep))
		return vz_fail(e, VZ_ENVCREATE_ERROR, 0, "The monitor died");
	if (!rep.init) {
		*e = rep.err;
		return e->sys ? -e->sys : -EPROTO;
	}
	p->init_pid = rep.init;
	return 0;
}
