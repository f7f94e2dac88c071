// SPDX-License-Identifier: GPL-2.0-or-later
/* An emulator, or an agent in a guest, that says anything. */
#include "../../vzctl/qemu/qmp.c"

#include <signal.h>

#include "../../vzctl/qemu/agent.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t events;

static void on_event(void *arg, const char *name, struct json_object *more)
{
	events += name && *name && more;
}

static void talk(const uint8_t *data, size_t size, bool lax)
{
	struct qmp q = { .event = on_event, .lax = lax };
	struct json_object *ret = NULL;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		abort();
	q.fd = fds[0];
	if (send(fds[1], data, size, MSG_NOSIGNAL) != (ssize_t)size)
		abort();
	/* What we say is still taken. */
	shutdown(fds[1], SHUT_WR);
	if (!lax)
		(void)greet(&q, vz_now_ms() + 50, VZ_IGNORE);
	if (qmp_call(&q, "query-status", NULL, 50, &ret, VZ_IGNORE) < 0 && ret)
		abort();
	json_object_put(ret);
	(void)qmp_pump(&q);
	qmp_close(&q);
	close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size), *code = NULL;
	_cleanup_buf_ struct vz_buf raw = VZ_BUF_INIT, again = VZ_BUF_INIT;

	signal(SIGPIPE, SIG_IGN);
	talk(data, size, false);
	talk(data, size, true);
	agent_decode(text, &raw);
	code = agent_encode(vz_buf_str(&raw), raw.len);
	agent_decode(code, &again);
	if (again.len != raw.len || (raw.len && memcmp(raw.s, again.s, raw.len) != 0))
		abort();
	return 0;
}
