// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "ct"
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "ct/ct-int.h"

#ifdef VZ_TEST_HOOKS
/* VZ_FAIL_STEP=name[:after] fails, VZ_KILL_STEP=name[:after] dies, at a step. */
static int hook_step(const char *name, bool after, struct vz_err *e)
{
	const char *fail = getenv("VZ_FAIL_STEP"), *die = getenv("VZ_KILL_STEP");
	char key[64];

	snprintf(key, sizeof(key), "%s%s", name, after ? ":after" : "");
	if (die && str_eq(die, key))
		raise(SIGKILL);
	if (fail && str_eq(fail, key))
		return vz_fail(e, VZ_SYSTEM_ERROR, EIO, "Step %s was made to fail", key);
	return 0;
}
#else
static inline int hook_step(const char *name, bool after, struct vz_err *e)
{
	return 0;
}
#endif

static volatile sig_atomic_t cancelled;

void ct_cancel(void)
{
	cancelled = 1;
}

bool ct_cancelled(void)
{
	return cancelled;
}

static bool trace;

void ct_trace(void)
{
	trace = true;
}

static long long now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

int ct_steps_run(const struct ct_step *steps, size_t n, struct ct_plan *p, struct vz_err *e)
{
	long long t = trace ? now_us() : 0, t2;
	size_t i;
	int r = 0;

	for (i = 0; i < n; i++) {
		if (steps[i].wanted && !steps[i].wanted(p))
			continue;
		vz_debug("step %s", steps[i].name);
		r = cancelled ? vz_fail(e, VZ_SYSTEM_ERROR, EINTR, "Cancelled") :
				hook_step(steps[i].name, false, e);
		if (r == 0)
			r = steps[i].run(p, e);
		if (r == 0)
			r = hook_step(steps[i].name, true, e);
		if (trace) {
			t2 = now_us();
			fprintf(stderr, "%7lld us %s\n", t2 - t, steps[i].name);
			t = t2;
		}
		if (r < 0)
			break;
	}
	if (r == 0)
		return 0;
	/* The failed step may have done half of its work: its undo runs too. */
	do {
		if (steps[i].undo && (!steps[i].wanted || steps[i].wanted(p)))
			steps[i].undo(p);
	} while (i-- > 0);
	return r;
}

void ct_steps_show(const struct ct_step *steps, size_t n, const struct ct_plan *p,
		   const char *undo_word)
{
	unsigned int num = 0;

	for (size_t i = 0; i < n; i++) {
		struct vz_buf b = VZ_BUF_INIT;

		if (steps[i].wanted && !steps[i].wanted(p))
			continue;
		if (steps[i].show)
			steps[i].show(p, &b);
		printf("%2u %-14s %s%s\n", ++num, steps[i].name, vz_buf_str(&b),
		       steps[i].undo && undo_word ? undo_word : "");
		vz_buf_done(&b);
	}
}
