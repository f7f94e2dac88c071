// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The holder of one virtual machine: the only client of its emulator's monitor.
 *
 *	vzqemu hold CTID DIR LOGFILE DUMP new|look|load
 *
 * new: of an emulator that comes up; load: and takes its guest from DUMP; look: of one that
 * runs.  DUMP is where a saved guest is, and is gone before a guest goes on.
 *
 * Descriptor 3 takes the answer of the start ("0 \n" or "CODE TEXT\n"), 4 is the
 * emulator's standard error.  It serves DIR/vm.sock (ct/vm.h), one request after the
 * other, logs events, and ends with the emulator.  It keeps nothing: one that was
 * killed is replaced by the next command that needs it.
 */
#define VZ_ROOM "qemu"
#include <ctype.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/io.h"
#include "base/log.h"
#include "qemu/qemu.h"

#define FD_READY 3
#define FD_ERR 4
#define REQUEST_MAX (1u << 20)
#define REQUEST_MS 5000
#define QMP_MS 5000
#define QMP_LONG_MS 50000
#define SAID_LINES 200		/* of the emulator, in the log, for each run of the holder */

struct holder {
	struct qmp q;
	int listen;
	const char *dir;
	char said[256];		/* the first line that is no warning */
	const char *dump;
	struct vz_buf err;
	struct agent agent;
	unsigned int lines;
};

/* What a guest can cause is printable and bounded. */
static void clean(char *s)
{
	for (; *s; s++)
		if (!isprint((unsigned char)*s))
			*s = '?';
}

static void said(struct holder *h, char *line)
{
	clean(line);
	if (!*h->said && !strstr(line, "warning:"))
		snprintf(h->said, sizeof(h->said), "%s", line);
	if (h->lines++ < SAID_LINES)
		vz_info("qemu: %.240s", line);
}

/* -ECONNRESET at its end. */
static int read_err(struct holder *h)
{
	char buf[4096];
	ssize_t n = read(FD_ERR, buf, sizeof(buf));
	char *nl;

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
	vz_buf_add(&h->err, buf, (size_t)n);
	while (h->err.len && ((nl = memchr(h->err.s, '\n', h->err.len)) || h->err.len > 1024)) {
		size_t len = nl ? (size_t)(nl - h->err.s) + 1 : h->err.len;

		h->err.s[len - 1] = '\0';
		said(h, h->err.s);
		h->err.len -= len;
		memmove(h->err.s, h->err.s + len, h->err.len);
	}
	return 0;
}

static void on_event(void *arg, const char *name, struct json_object *data)
{
	/* The guest sets the clock as often as it likes. */
	static const char *const dull[] = { "RTC_CHANGE", "NIC_RX_FILTER_CHANGED",
					    "BALLOON_CHANGE" };
	char text[300];

	for (size_t i = 0; i < ARRAY_SIZE(dull); i++)
		if (str_eq(name, dull[i]))
			return;
	snprintf(text, sizeof(text), "%s", data ? json_object_to_json_string_ext(
				data, JSON_C_TO_STRING_PLAIN) : "");
	clean(text);
	vz_info("event %.40s %s", name, text);
}

/* ---- requests -------------------------------------------------------------- */

static void reply(int fd, const struct vz_err *e, const char *data)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;

	vz_buf_addf(&b, "%d %s\n%s", e->code, e->msg, data ? data : "");
	(void)io_write_full(fd, b.s, b.len);
}

static bool command_ok(const char *cmd)
{
	for (const char *s = cmd; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return *cmd;
}

/* Once a guest writes to its disks, saved memory must never meet them again. */
static int before_cont(const struct holder *h, const char *cmd, struct vz_err *e)
{
	int r = str_eq(cmd, "cont") ? io_unlink_sync(h->dump) : 0;

	return r < 0 ? vz_fail(e, VZ_RESTORE_ERROR, -r, "Unable to remove '%s'", h->dump) : 0;
}

/* What would take the emulator out of its holder's hands, or wait for ever. */
static bool refused(const char *cmd)
{
	static const char *const no[] = { "qmp_capabilities", "human-monitor-command" };

	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (str_eq(cmd, no[i]))
			return true;
	return false;
}

static int do_qmp(struct holder *h, const char *cmd, const char *data, int fd, struct vz_err *e)
{
	struct json_object *args = NULL, *ret = NULL;
	int r;

	if (!command_ok(cmd))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "Bad QMP command: '%s'", cmd);
	if (refused(cmd))
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
			       "QMP command '%s' is the holder's own", cmd);
	if (*data) {
		args = qmp_parse(data, strlen(data));
		if (!args || !json_object_is_type(args, json_type_object)) {
			json_object_put(args);
			return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0,
				       "The arguments of '%s' are no JSON object", cmd);
		}
	}
	vz_info("qmp %s %.200s", cmd, data);
	r = before_cont(h, cmd, e);
	if (r == 0)
		r = qmp_call(&h->q, cmd, args, QMP_LONG_MS, &ret, e);
	json_object_put(args);
	if (r == 0) {
		_cleanup_free_ char *text = xasprintf("%s\n", json_object_to_json_string_ext(
						ret, JSON_C_TO_STRING_PRETTY));

		reply(fd, e, text);
	}
	json_object_put(ret);
	return r;
}

/* "ga-...": false for another word. */
static bool run_agent(struct holder *h, const char *word, const char *arg, const char *data,
		      size_t len, int fd, int *ret, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf out = VZ_BUF_INIT;

	if (!agent_run(&h->agent, word, arg, data, len, &out, ret, e))
		return false;
	if (*ret == 0 && io_write_full(fd, "0 \n", 3) == 0)
		(void)io_write_full(fd, vz_buf_str(&out), out.len);
	return true;
}

static int run(struct holder *h, char *word, char *arg, char *data, size_t len, int fd,
	       struct vz_err *e)
{
	static const struct {
		const char *word, *cmd;
	} plain[] = { { "powerdown", "system_powerdown" }, { "quit", "quit" }, { "cont", "cont" },
		      { "stop", "stop" } };
	struct json_object *ret = NULL;
	int r = 0;

	if (run_agent(h, word, arg, data, len, fd, &r, e))
		return r;
	if (str_eq(word, "qmp"))
		return do_qmp(h, arg, data, fd, e);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (!str_eq(word, plain[i].word))
			continue;
		r = before_cont(h, plain[i].cmd, e);
		if (r == 0)
			r = qmp_call(&h->q, plain[i].cmd, NULL, QMP_MS, NULL, e);
		if (r == 0)
			reply(fd, e, NULL);
		return r;
	}
	if (str_eq(word, "snap")) {
		_cleanup_free_ char *copy = xmalloc(len + 1);

		memcpy(copy, data, len);
		copy[len] = '\0';
		r = snap_guest(&h->q, h->dir, arg, copy, e);
		if (r == 0)
			reply(fd, e, NULL);
		return r;
	}
	if (str_eq(word, "save")) {
		r = save_guest(&h->q, h->dump, e);
		if (r == 0)
			reply(fd, e, NULL);
		return r;
	}
	if (!str_eq(word, "status"))
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0, "Unknown request '%s'", word);
	r = qmp_call(&h->q, "query-status", NULL, QMP_MS, &ret, e);
	if (r == 0) {
		struct json_object *v = NULL;

		json_object_object_get_ex(ret, "status", &v);
		reply(fd, e, v ? json_object_get_string(v) : "unknown");
	}
	json_object_put(ret);
	return r;
}

/* "WORD ARG\n" and data up to its end. */
static void serve(struct holder *h)
{
	_cleanup_close_ int fd = accept4(h->listen, NULL, NULL, SOCK_CLOEXEC);
	const struct timeval limit = { .tv_sec = REQUEST_MS / 1000 };
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
	struct vz_err e = VZ_ERR_INIT;
	char buf[4096], *word, *arg, *data;
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	while (b.len < REQUEST_MAX && (n = read(fd, buf, sizeof(buf))) > 0)
		vz_buf_add(&b, buf, (size_t)n);
	data = b.len < REQUEST_MAX && b.len ? b.s : NULL;
	word = data ? strsep(&data, "\n") : NULL;
	if (!word || !data)
		return;
	arg = word;
	word = strsep(&arg, " ");
	if (run(h, word, arg ? arg : "", data, b.len - (size_t)(data - b.s), fd, &e) < 0)
		reply(fd, &e, NULL);
}

/* ---- life ------------------------------------------------------------------ */

/* Why the emulator does not speak is what it said on standard error. */
static int explain(struct holder *h, int r, struct vz_err *e)
{
	struct pollfd p = { .fd = FD_ERR, .events = POLLIN };
	char line[sizeof(h->said)];

	while (poll(&p, 1, 100) > 0 && read_err(h) == 0)
		;
	if (!*h->said && r != -ECONNREFUSED && r != -ECONNRESET)
		return r;
	if (!*h->said)
		return vz_fail(e, VZ_VM_ERROR, 0, "The emulator ended without a word");
	snprintf(line, sizeof(line), "%s", h->said);
	return vz_fail(e, VZ_VM_ERROR, 0, "The emulator ended: %s", line);
}

static int take_hold(struct holder *h, const char *how, struct vz_err *e)
{
	bool look = str_eq(how, "look");
	_cleanup_free_ char *qmp = xasprintf("%s/qmp.sock", h->dir);
	_cleanup_free_ char *own = xasprintf("%s/vm.sock", h->dir);
	int r = qmp_open(&h->q, qmp, look ? 3000 : 25000, e);

	if (r == -EBUSY && look)
		return vz_fail(e, VZ_VM_ERROR, 0,
			       "Another process has the emulator's monitor, or the emulator hangs");
	if (r < 0)
		return explain(h, r, e);
	h->listen = io_unix_listen(own, SOCK_STREAM, 16);
	if (h->listen < 0)
		return vz_fail(e, VZ_VM_ERROR, -h->listen, "Unable to listen on '%s'", own);
	if (look)
		snap_recover(&h->q, h->dir);
	r = str_eq(how, "load") ? load_guest(&h->q, h->dump, e) : 0;
	return r < 0 ? explain(h, r, e) : 0;
}

static void loop(struct holder *h)
{
	bool err_open = true;

	for (;;) {
		struct pollfd p[] = { { .fd = h->q.fd, .events = POLLIN },
				      { .fd = h->listen, .events = POLLIN },
				      { .fd = err_open ? FD_ERR : -1, .events = POLLIN } };

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[2].revents)
			err_open = read_err(h) == 0;
		if (p[0].revents && qmp_pump(&h->q) < 0)
			return;
		if (p[1].revents)
			serve(h);
	}
}

int cmd_hold(int argc, char **argv, struct vz_err *e)
{
	struct holder h = { .q = { .fd = -EBADF, .event = on_event }, .listen = -EBADF };
	struct vz_log_conf lc = { .prog = "vzqemu", .quiet = true };
	_cleanup_free_ char *ga = NULL;
	struct vz_err why = VZ_ERR_INIT;
	int r;

	if (argc != 5)
		return vz_fail(e, VZ_INVALID_PARAMETER_SYNTAX, 0,
			       "vzqemu hold CTID DIR LOG DUMP new|look|load");
	lc.ctid = argv[0];
	h.dir = argv[1];
	lc.file = *argv[2] ? argv[2] : NULL;
	h.dump = argv[3];
	h.q.arg = &h;
	ga = xasprintf("%s/ga.sock", h.dir);
	h.agent = (struct agent){ .ga = { .fd = -EBADF }, .q = &h.q, .path = ga };
	vz_log_setup(&lc);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_DUMPABLE, 0);
	r = confine(&why);
	if (r == 0)
		r = take_hold(&h, argv[4], &why);
	reply(FD_READY, &why, NULL);
	close(FD_READY);
	if (r == 0)
		loop(&h);
	qmp_close(&h.agent.ga);
	qmp_close(&h.q);
	vz_buf_done(&h.err);
	return 0;
}
