/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TAP unit test: TEST(name) { ... ok(cond); is_str(a, b); is_int(a, b); }
 * Each case runs in its own process with an alarm, so that a crash or a
 * hang is one failed case.  TAP_MAIN() lists nothing: cases register in order.
 */
#ifndef VZ_TESTS_TAP_H
#define VZ_TESTS_TAP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct tap_case {
	const char *name;
	void (*fn)(void);
	struct tap_case *next;
};

static struct tap_case *tap_first, **tap_last = &tap_first;
static int tap_bad;

#define TEST(n)                                                                    \
	static void test_##n(void);                                                \
	static struct tap_case case_##n = { #n, test_##n, NULL };                  \
	__attribute__((constructor)) static void reg_##n(void)                     \
	{                                                                          \
		*tap_last = &case_##n;                                             \
		tap_last = &case_##n.next;                                         \
	}                                                                          \
	static void test_##n(void)

#define ok(c)                                                                      \
	do {                                                                       \
		if (!(c)) {                                                        \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #c);           \
			tap_bad++;                                                 \
		}                                                                  \
	} while (0)

#define is_int(got, want)                                                          \
	do {                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);           \
		if (g_ != w_) {                                                    \
			printf("# %s:%d: %s is %lld, want %lld\n", __FILE__,       \
			       __LINE__, #got, g_, w_);                            \
			tap_bad++;                                                 \
		}                                                                  \
	} while (0)

#define is_str(got, want)                                                          \
	do {                                                                       \
		const char *g_ = (got), *w_ = (want);                              \
		if (!g_ || !w_ || strcmp(g_, w_)) {                                \
			printf("# %s:%d: %s is '%s', want '%s'\n", __FILE__,       \
			       __LINE__, #got, g_ ? g_ : "(null)", w_ ? w_ : "(null)"); \
			tap_bad++;                                                 \
		}                                                                  \
	} while (0)

static inline int tap_run(void)
{
	int n = 0, failed = 0;

	for (struct tap_case *c = tap_first; c; c = c->next)
		n++;
	printf("1..%d\n", n);
	n = 0;
	for (struct tap_case *c = tap_first; c; c = c->next) {
		int st = -1;
		pid_t pid;

		n++;
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			/* For what hangs; on a busy or an emulated machine all takes long. */
			alarm(100);
			c->fn();
			fflush(stdout);
			exit(tap_bad ? 1 : 0);
		}
		waitpid(pid, &st, 0);
		printf("%sok %d - %s\n", st ? "not " : "", n, c->name);
		if (WIFSIGNALED(st))
			printf("# killed by signal %d\n", WTERMSIG(st));
		failed += st != 0;
	}
	return failed != 0;
}

#define TAP_MAIN()                                                                 \
	int main(void)                                                             \
	{                                                                          \
		return tap_run();                                                  \
	}

#endif
