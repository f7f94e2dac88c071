// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs in a guest, through its agent (vzctl/qemu/agent.c). */
#define VZ_ROOM "ct"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/num.h"
#include "ct/vm.h"

#define INPUT_MAX (512u << 10)
#define ASK_MS 15000
#define NAP_MS 20
#define GUEST_SH_MS 20000
#define NAP_MAX_MS 500

static void add_words(struct vz_buf *b, const char *const *argv)
{
	for (; *argv; argv++)
		vz_buf_add(b, *argv, strlen(*argv) + 1);
}

static int read_input(int fd, struct vz_buf *b, struct vz_err *e)
{
	char buf[16384];
	ssize_t n;
	size_t from = b->len;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		vz_buf_add(b, buf, (size_t)n);
		if (b->len - from > INPUT_MAX)
			return vz_fail(e, VZ_VM_ERROR, EFBIG,
				       "A script for a virtual machine has at most %u KiB",
				       INPUT_MAX >> 10);
	}
	return n < 0 ? vz_fail(e, VZ_SYSTEM_ERROR, errno, "Unable to read the script") : 0;
}

/* The answer of ga-poll: 1 when it has ended; *ret_code, output written. */
static int take_status(const struct vz_buf *b, bool show, int *ret_code, struct vz_err *e)
{
	const char *nl = memchr(vz_buf_str(b), '\n', b->len);
	size_t out, err, left;
	int exited, code;

	if (!nl || sscanf(b->s, "%d %d %zu %zu", &exited, &code, &out, &err) != 4)
		return vz_fail(e, VZ_VM_ERROR, 0, "The holder gave no answer");
	left = b->len - (size_t)(++nl - b->s);
	if (!exited)
		return 0;
	if (out > left || err > left - out)
		return vz_fail(e, VZ_VM_ERROR, 0, "The holder gave no answer");
	if (show) {
		(void)io_write_full(STDOUT_FILENO, nl, out);
		(void)io_write_full(STDERR_FILENO, nl + out, err);
	}
	*ret_code = code;
	return 1;
}

/* @limit_ms 0: as long as it takes. */
static int wait_end(const struct ct *ct, const char *pid, bool show, int limit_ms,
		    struct vz_err *e)
{
	long long end = vz_now_ms() + limit_ms;
	int nap = NAP_MS, code = 0, r = 0;

	while (r == 0) {
		_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT;
		const struct timespec t = { .tv_nsec = nap * 1000000L };

		nanosleep(&t, NULL);
		nap = nap * 3 / 2 > NAP_MAX_MS ? NAP_MAX_MS : nap * 3 / 2;
		r = ct_vm_ask(ct, "ga-poll", pid, NULL, 0, ASK_MS, &b, e);
		if (r == 0)
			r = take_status(&b, show, &code, e);
		if (r == 0 && limit_ms && vz_now_ms() > end)
			r = vz_fail(e, VZ_VM_ERROR, 0, "The guest takes longer than %d seconds",
				    limit_ms / 1000);
	}
	return r < 0 ? r : code;
}

static int run(struct ct *ct, const struct vz_buf *request, size_t argc, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf pid = VZ_BUF_INIT;
	char n[16];
	int r;

	snprintf(n, sizeof(n), "%zu", argc);
	r = ct_vm_ask(ct, "ga-exec", n, request->s, request->len, ASK_MS, &pid, e);
	return r < 0 ? r : wait_end(ct, vz_buf_str(&pid), true, 0, e);
}

static int need_running(struct ct *ct, struct vz_err *e)
{
	_cleanup_close_ int pidfd = -EBADF;
	pid_t init = ct_init_pid(ct, &pidfd, e);

	return init < 0 ? init : 0;
}

int ct_vm_exec(struct ct *ct, const struct ct_exec_opts *o, struct vz_err *e)
{
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT, line = VZ_BUF_INIT;
	const char *const sh[] = { "/bin/sh", "-c", NULL };
	const char *const script[] = { "/bin/sh", "-s", NULL };
	size_t argc = 0;
	int r = need_running(ct, e);

	if (r < 0)
		return r;
	if (o->flags & CT_EXEC_SCRIPT) {
		add_words(&b, script);
		r = read_input(o->in, &b, e);
		return r < 0 ? r : run(ct, &b, 2, e);
	}
	while (o->argv[argc])
		argc++;
	if (o->flags & CT_EXEC_NO_SHELL) {
		add_words(&b, o->argv);
		return run(ct, &b, argc, e);
	}
	for (size_t i = 0; i < argc; i++)
		vz_buf_addf(&line, "%s%s", i ? " " : "", o->argv[i]);
	add_words(&b, sh);
	vz_buf_add(&b, vz_buf_str(&line), line.len + 1);
	return run(ct, &b, 3, e);
}

int ct_vm_sh(const struct ct *ct, const char *script, const struct vz_strv *args,
	     struct vz_err *e)
{
	const char *const sh[] = { "/bin/sh", "-c", script, "sh", NULL };
	_cleanup_buf_ struct vz_buf b = VZ_BUF_INIT, pid = VZ_BUF_INIT;
	char n[16];
	int r;

	add_words(&b, sh);
	if (args->n)
		add_words(&b, (const char *const *)args->v);
	snprintf(n, sizeof(n), "%zu", args->n + 4);
	r = ct_vm_ask(ct, "ga-exec", n, b.s, b.len, ASK_MS, &pid, e);
	return r < 0 ? r : wait_end(ct, vz_buf_str(&pid), false, GUEST_SH_MS, e);
}

int ct_vm_runscript(struct ct *ct, const char *file, struct vz_err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	const struct ct_exec_opts o = { .flags = CT_EXEC_SCRIPT, .in = fd };

	if (fd < 0)
		return vz_fail(e, VZ_NOSCRIPT, errno, "Unable to open '%s'", file);
	return ct_vm_exec(ct, &o, e);
}

int ct_vm_password(struct ct *ct, const char *userpw, struct vz_err *e)
{
	_cleanup_free_ char *user = xstrdup(userpw);
	char *password = strchr(user, ':');
	int r = need_running(ct, e);

	if (r < 0)
		return r;
	if (!password)
		return vz_fail(e, VZ_INVALID_PARAMETER_VALUE, 0, "USER:PASSWORD is expected");
	*password++ = '\0';
	if (strpbrk(user, " \t"))
		return vz_fail(e, VZ_CHANGEPASS, 0, "Bad user name: '%s'", user);
	r = ct_vm_ask(ct, "ga-passwd", user, password, strlen(password), ASK_MS, NULL, e);
	if (r < 0)
		e->code = VZ_CHANGEPASS;
	return vz_wrap(e, r, "Password change failed");
}
