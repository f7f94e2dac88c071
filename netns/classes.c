// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prefixes, of which the longest wins, as disjoint intervals: what an nft
 * interval map takes.
 */
#define VZ_ROOM "netns"
#include <sys/socket.h>

#include "net-traffic.h"

struct span {
	uint8_t first[16], last[16];
	uint8_t plen, cls;
	size_t order;
};

static void span_of(const struct net_class *c, size_t size, size_t order, struct span *ret)
{
	*ret = (struct span){ .plen = c->prefix.plen, .cls = c->cls, .order = order };
	for (size_t i = 0; i < size; i++) {
		int bits = (int)c->prefix.plen - (int)(8 * i);
		uint8_t mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff00 >> bits);

		ret->first[i] = c->prefix.a[i] & mask;
		ret->last[i] = (uint8_t)(ret->first[i] | (uint8_t)~mask);
	}
}

/* By place, a prefix before those within it, of equals the last one given first. */
static int cmp_span(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	int r = memcmp(a->first, b->first, sizeof(a->first));

	if (r)
		return r;
	if (a->plen != b->plen)
		return a->plen < b->plen ? -1 : 1;
	return a->order > b->order ? -1 : 1;
}

/* The address behind @last; false when that is the end of the family. */
static bool next_addr(const uint8_t *last, size_t size, uint8_t *ret)
{
	memcpy(ret, last, size);
	for (size_t i = size; i--;)
		if (++ret[i])
			return true;
	return false;
}

struct ranges {
	struct net_range *v;
	size_t n;
};

/* From @first on it is @cls: what was said of that place before, is overruled. */
static void begin_range(struct ranges *r, const uint8_t *first, uint8_t cls)
{
	if (r->n && memcmp(r->v[r->n - 1].first, first, 16) == 0)
		r->n--;
	if (r->n && r->v[r->n - 1].cls == cls)
		return;
	memcpy(r->v[r->n].first, first, 16);
	r->v[r->n++].cls = cls;
}

void net_class_ranges(const struct net_class *c, size_t n, int family, struct net_range **ret,
		      size_t *ret_n)
{
	size_t size = family == AF_INET6 ? 16 : 4, n_spans = 0, depth = 0;
	struct span *spans = xcalloc(n + 1, sizeof(*spans)), *open[130] = { NULL };
	struct ranges r = { xcalloc(2 * n + 1, sizeof(*r.v)), 0 };
	static const uint8_t zero[16];
	uint8_t at[16] = { 0 };

	for (size_t i = 0; i < n; i++)
		if (c[i].prefix.family == family)
			span_of(&c[i], size, i, &spans[n_spans++]);
	qsort(spans, n_spans, sizeof(*spans), cmp_span);
	begin_range(&r, zero, NET_CLASS_DEFAULT);
	/* Prefixes nest or are disjoint: those that are open form a stack. */
	for (size_t i = 0; i <= n_spans; i++) {
		while (depth && (i == n_spans || memcmp(spans[i].first, open[depth - 1]->last,
							size) > 0)) {
			depth--;
			if (next_addr(open[depth]->last, size, at))
				begin_range(&r, at, depth ? open[depth - 1]->cls :
							    NET_CLASS_DEFAULT);
		}
		if (i == n_spans)
			break;
		/* Said again: the last word came first. */
		if (i && spans[i].plen == spans[i - 1].plen &&
		    memcmp(spans[i].first, spans[i - 1].first, size) == 0)
			continue;
		begin_range(&r, spans[i].first, spans[i].cls);
		open[depth++] = &spans[i];
	}
	free(spans);
	*ret = r.v;
	*ret_n = r.n;
}
