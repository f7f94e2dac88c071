// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading many config files.  Two thirds of a list's time are the kernel's, in
 * open, read and close; beside a second thread that does only this, parsing is
 * all that is left of it.  Threads claim files one by one from a counter.
 */
#include "conf/priv.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#define FEW 64			/* fewer are read before a thread has begun */
#define BLOCK (128u << 10)
#define USUAL (8u << 10)	/* longer files are left to conf_load_ct() */

/* Texts of one thread, one behind the other. */
struct block {
	struct block *next;
	size_t used;
	char text[BLOCK];
};

struct slot {
	atomic_bool done;
	ssize_t n;		/* as conf_slurp() */
	const char *text;
};

struct conf_ahead {
	const uint32_t *ids;
	size_t n;
	struct slot *slots;
	atomic_size_t next;	/* the first that nobody has claimed */
	int dir;
	bool threaded;
	pthread_t thread;
	struct block *mine, *its;
};

static bool read_next(struct conf_ahead *a, struct block **blocks)
{
	size_t i = atomic_fetch_add(&a->next, 1);
	struct block *b = *blocks;
	struct slot *s;
	char name[32];

	if (i >= a->n)
		return false;
	if (!b || BLOCK - b->used < USUAL) {
		b = xmalloc(sizeof(*b));
		b->next = *blocks;
		b->used = 0;
		*blocks = b;
	}
	s = &a->slots[i];
	s->text = b->text + b->used;
	snprintf(name, sizeof(name), "%u.conf", a->ids[i]);
	s->n = conf_slurp(a->dir, name, b->text + b->used, USUAL);
	if (s->n > 0)
		b->used += (size_t)s->n;
	atomic_store_explicit(&s->done, true, memory_order_release);
	return true;
}

static void *reader(void *arg)
{
	struct conf_ahead *a = arg;

	/* A table of descriptors that is shared is locked at each open and close. */
	(void)unshare(CLONE_FILES);
	while (read_next(a, &a->its))
		;
	return NULL;
}

static bool two_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) > 1;
}

struct conf_ahead *conf_ahead_new(const uint32_t *ids, size_t n)
{
	struct conf_ahead *a = xcalloc(1, sizeof(*a));
	char path[512];

	a->ids = ids;
	a->n = n;
	a->dir = -EBADF;
	if (n < FEW || snprintf(path, sizeof(path), "%s/conf", conf_dir()) >= (int)sizeof(path))
		return a;
	a->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (a->dir < 0)
		return a;
	a->slots = xcalloc(n, sizeof(*a->slots));
	a->threaded = two_cpus() && pthread_create(&a->thread, NULL, reader, a) == 0;
	return a;
}

int conf_ahead_load(struct conf_ahead *a, size_t i, const struct conf *node, struct conf **ret,
		    struct vz_err *e)
{
	const struct slot *s;

	if (!a->slots)
		return conf_load_ct(a->ids[i], node, ret, e);
	s = &a->slots[i];
	while (!atomic_load_explicit(&s->done, memory_order_acquire))
		if (!read_next(a, &a->mine))
			sched_yield();
	if (s->n == -EFBIG)
		return conf_load_ct(a->ids[i], node, ret, e);
	return conf_load_ct_text(a->ids[i], s->text, s->n, node, ret, e);
}

static void free_blocks(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

void conf_ahead_free(struct conf_ahead *a)
{
	if (!a)
		return;
	/* Whoever stops early wants no more files. */
	atomic_store(&a->next, a->n);
	if (a->threaded)
		pthread_join(a->thread, NULL);
	free_blocks(a->mine);
	free_blocks(a->its);
	free(a->slots);
	close_fd(&a->dir);
	free(a);
}
