// SPDX-License-Identifier: GPL-2.0-or-later
#include "nlmsg.h"

#include <stdio.h>

#define NO_MSG SIZE_MAX

/* nla_len has 16 bits. */
#define ATTR_MAX (UINT16_MAX - NLA_HDRLEN)

static void empty(struct nl_batch *b)
{
	b->len = 0;
	b->cur = NO_MSG;
	b->n = 0;
	b->trailer = 0;
	b->overflow = false;
}

void nl_batch_reset(struct nl_batch *b)
{
	empty(b);
	b->grows = false;
	b->buf = b->room;
	b->cap = sizeof(b->room);
	b->tolerate = b->room_tolerate;
	b->msgs = NL_BATCH_MSGS;
}

void nl_batch_grow(struct nl_batch *b)
{
	empty(b);
	b->grows = true;
	b->cap = NL_BATCH_SIZE;
	b->buf = xmalloc(b->cap);
	b->msgs = NL_BATCH_MSGS;
	b->tolerate = xcalloc(b->msgs, sizeof(b->tolerate[0]));
}

void nl_batch_done(struct nl_batch *b)
{
	if (!b->grows)
		return;
	free(b->buf);
	free(b->tolerate);
	nl_batch_reset(b);
}

/* Doubles the heap until @len more bytes fit. */
static bool make_room(struct nl_batch *b, size_t len)
{
	size_t cap = b->cap;

	if (b->overflow || len > NL_BATCH_BIG)
		return false;
	while (cap - b->len < len && cap < NL_BATCH_BIG && b->grows)
		cap *= 2;
	if (cap - b->len < len)
		return false;
	if (cap != b->cap) {
		b->buf = xrealloc(b->buf, cap);
		b->cap = cap;
	}
	return true;
}

bool nl_batch_has_room(const struct nl_batch *b, unsigned int n)
{
	return b->n + n <= b->msgs && b->cap - b->len >= n * NL_MSG_MAX;
}

/* Appends zeroed, 4-aligned room to the current message. */
static void *grow(struct nl_batch *b, size_t len)
{
	size_t padded = NLMSG_ALIGN(len);
	uint8_t *p;

	if (len > NL_BATCH_BIG || !make_room(b, padded)) {
		b->overflow = true;
		return NULL;
	}
	p = b->buf + b->len;
	memset(p, 0, padded);
	b->len += padded;
	if (b->cur != NO_MSG)
		((struct nlmsghdr *)(b->buf + b->cur))->nlmsg_len = (uint32_t)(b->len - b->cur);
	return p;
}

void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_len)
{
	struct nlmsghdr *h;

	if (b->n == b->msgs && b->grows) {
		b->msgs *= 2;
		b->tolerate = xrealloc(b->tolerate, b->msgs * sizeof(b->tolerate[0]));
	}
	if (b->n == b->msgs)
		b->overflow = true;
	b->cur = NO_MSG;
	h = grow(b, sizeof(*h));
	if (!h)
		return;
	b->cur = (size_t)((uint8_t *)h - b->buf);
	h->nlmsg_len = sizeof(*h);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	memset(b->tolerate[b->n++], 0, sizeof(b->tolerate[0]));
	nl_put_raw(b, hdr, hdr_len);
}

void nl_tolerate(struct nl_batch *b, int err)
{
	int16_t *t;

	if (!b->n || b->overflow)
		return;
	t = b->tolerate[b->n - 1];
	t[t[0] != 0] = (int16_t)err;
}

void nl_put_raw(struct nl_batch *b, const void *data, size_t len)
{
	void *p = grow(b, len);

	if (p && len)
		memcpy(p, data, len);
}

void nl_put(struct nl_batch *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a;

	if (len > ATTR_MAX) {
		b->overflow = true;
		return;
	}
	a = grow(b, NLA_HDRLEN + len);
	if (!a)
		return;
	a->nla_len = (uint16_t)(NLA_HDRLEN + len);
	a->nla_type = type;
	if (len)
		memcpy((uint8_t *)a + NLA_HDRLEN, data, len);
}

void nl_put_u8(struct nl_batch *b, uint16_t type, uint8_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_batch *b, uint16_t type, uint32_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_str(struct nl_batch *b, uint16_t type, const char *s)
{
	nl_put(b, type, s, strlen(s) + 1);
}

size_t nl_nest(struct nl_batch *b, uint16_t type)
{
	size_t at = b->len;

	nl_put(b, type, NULL, 0);
	return at;
}

void nl_nest_end(struct nl_batch *b, size_t nest)
{
	if (!b->overflow && b->len - nest > UINT16_MAX)
		b->overflow = true;
	if (!b->overflow)
		((struct nlattr *)(b->buf + nest))->nla_len = (uint16_t)(b->len - nest);
}

int nl_msg_next(struct nl_span *s, const struct nlmsghdr **ret)
{
	const struct nlmsghdr *h = (const void *)s->p;
	size_t step;

	if (s->n == 0)
		return 0;
	if (s->n < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > s->n)
		return -EBADMSG;
	step = NLMSG_ALIGN((size_t)h->nlmsg_len);
	if (step > s->n)
		step = s->n;
	s->p += step;
	s->n -= step;
	*ret = h;
	return 1;
}

const void *nl_msg_hdr(const struct nlmsghdr *h, size_t hdr_len)
{
	return h->nlmsg_len - sizeof(*h) < hdr_len ? NULL : (const uint8_t *)h + sizeof(*h);
}

struct nl_span nl_msg_attrs(const struct nlmsghdr *h, size_t hdr_len)
{
	size_t skip = sizeof(*h) + NLMSG_ALIGN(hdr_len);

	if (h->nlmsg_len <= skip)
		return (struct nl_span){ 0 };
	return (struct nl_span){ (const uint8_t *)h + skip, h->nlmsg_len - skip };
}

int nl_attr_next(struct nl_span *s, struct nl_attr *ret)
{
	struct nlattr a;
	size_t step;

	if (s->n == 0)
		return 0;
	if (s->n < sizeof(a))
		return -EBADMSG;
	memcpy(&a, s->p, sizeof(a));
	if (a.nla_len < sizeof(a) || a.nla_len > s->n)
		return -EBADMSG;
	ret->type = a.nla_type & NLA_TYPE_MASK;
	ret->v = (struct nl_span){ s->p + NLA_HDRLEN, a.nla_len - (size_t)NLA_HDRLEN };
	step = NLA_ALIGN((size_t)a.nla_len);
	if (step > s->n)
		step = s->n;
	s->p += step;
	s->n -= step;
	return 1;
}

bool nl_attr_u32(const struct nl_attr *a, uint32_t *ret)
{
	if (a->v.n < sizeof(*ret))
		return false;
	memcpy(ret, a->v.p, sizeof(*ret));
	return true;
}

bool nl_attr_u8(const struct nl_attr *a, uint8_t *ret)
{
	if (a->v.n < 1)
		return false;
	*ret = a->v.p[0];
	return true;
}

const char *nl_attr_str(const struct nl_attr *a)
{
	return a->v.n && memchr(a->v.p, 0, a->v.n) ? (const char *)a->v.p : NULL;
}

int nl_attr_copy_str(const struct nl_attr *a, char *ret, size_t size)
{
	const char *s = nl_attr_str(a);

	if (!s)
		return -EBADMSG;
	return (size_t)snprintf(ret, size, "%s", s) < size ? 0 : -ENOENT;
}

int nl_ack_parse(const struct nlmsghdr *h, struct nl_ack *ret)
{
	/* NLMSG_DONE has the error alone, NLMSG_ERROR the request's header after it. */
	size_t fixed = h->nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(struct nlmsgerr);
	const void *hdr = nl_msg_hdr(h, fixed);
	struct nl_ack ack = { .seq = h->nlmsg_seq };
	struct nlmsgerr err = { 0 };
	struct nl_attr a;
	struct nl_span s;
	int r;

	if (!hdr)
		return -EBADMSG;
	memcpy(&err, hdr, fixed);
	ack.error = err.error;
	if (ack.error > 0 || ack.error < -4095)
		return -EBADMSG;
	if (h->nlmsg_type == NLMSG_ERROR && !(h->nlmsg_flags & NLM_F_CAPPED)) {
		/* The whole request is quoted before the attributes. */
		if (err.msg.nlmsg_len < sizeof(err.msg) || err.msg.nlmsg_len > h->nlmsg_len)
			return -EBADMSG;
		fixed += err.msg.nlmsg_len - sizeof(err.msg);
	}
	s = h->nlmsg_flags & NLM_F_ACK_TLVS ? nl_msg_attrs(h, fixed) : (struct nl_span){ 0 };
	while ((r = nl_attr_next(&s, &a)) > 0) {
		if (a.type == NLMSGERR_ATTR_MSG)
			ack.text = nl_attr_str(&a);
		else if (a.type == NLMSGERR_ATTR_OFFS)
			nl_attr_u32(&a, &ack.offs);
		else if (a.type == NLMSGERR_ATTR_MISS_TYPE)
			nl_attr_u32(&a, &ack.miss_type);
	}
	if (r < 0)
		return r;
	*ret = ack;
	return 0;
}
