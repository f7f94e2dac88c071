// SPDX-License-Identifier: GPL-2.0-or-later
#include "nlsock.h"

#include <stdio.h>
#include <sys/socket.h>

/* The kernel fills a dump's datagram up to the size that we read with, 32 KiB at most. */
#define RECV_SIZE 32768

int nl_open(struct nl_sock *ret)
{
	return nl_open_proto(ret, NETLINK_ROUTE);
}

int nl_open_proto(struct nl_sock *ret, int protocol)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int one = 1;

	if (fd < 0)
		return -errno;
	/* Acks with the kernel's words, without an echo of the request. */
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one)) < 0)
		return -errno;
	*ret = (struct nl_sock){ .fd = take_fd(&fd), .seq = 1 };
	return 0;
}

void nl_close(struct nl_sock *s)
{
	close_fd(&s->fd);
}

/* Numbers the messages, asks for the ack of the last that has one, sends. */
static int send_batch(struct nl_sock *s, struct nl_batch *b, bool ack, uint32_t *ret_first)
{
	struct nl_span span = { b->buf, b->len };
	const struct nlmsghdr *h;
	struct nlmsghdr *last = NULL;
	unsigned int i = 0;

	if (b->overflow)
		return -EMSGSIZE;
	*ret_first = s->seq;
	while (nl_msg_next(&span, &h) > 0) {
		struct nlmsghdr *m = (struct nlmsghdr *)(b->buf + ((const uint8_t *)h - b->buf));

		m->nlmsg_seq = s->seq++;
		if (i++ < b->n - b->trailer)
			last = m;
	}
	if (last && ack)
		last->nlmsg_flags |= NLM_F_ACK;
	for (;;) {
		struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
		ssize_t w = sendto(s->fd, b->buf, b->len, 0, (struct sockaddr *)&kernel,
				   sizeof(kernel));

		if (w >= 0)
			return (size_t)w == b->len ? 0 : -EIO;
		if (errno != EINTR)
			return -errno;
	}
}

/* One datagram from the kernel; other senders are ignored (any user may unicast to us). */
static int receive(struct nl_sock *s, uint8_t *buf, int flags, struct nl_span *ret)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { buf, RECV_SIZE };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from),
				    .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = recvmsg(s->fd, &m, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (m.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue;
		if (m.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		*ret = (struct nl_span){ buf, (size_t)n };
		return 0;
	}
}

static const struct nlmsghdr *message_at(const struct nl_batch *b, uint32_t index)
{
	struct nl_span span = { b->buf, b->len };
	const struct nlmsghdr *h = NULL;

	do {
		if (nl_msg_next(&span, &h) <= 0)
			return NULL;
	} while (index--);
	return h;
}

static void set_fail(struct nl_fail *ret, const struct nl_batch *b, const struct nl_ack *ack,
		     uint32_t index)
{
	const struct nlmsghdr *h = message_at(b, index);

	if (h && h->nlmsg_len <= sizeof(ret->bytes)) {
		memcpy(ret->bytes, h, h->nlmsg_len);
		ret->have_msg = true;
	}
	ret->index = index;
	ret->offs = ack->offs;
	ret->miss_type = ack->miss_type;
	snprintf(ret->text, sizeof(ret->text), "%s", ack->text ? ack->text : "");
}

static bool tolerated(const struct nl_batch *b, uint32_t index, int err)
{
	return err == b->tolerate[index][0] || err == b->tolerate[index][1];
}

int nl_commit(struct nl_sock *s, struct nl_batch *b, struct nl_fail *ret)
{
	uint8_t buf[RECV_SIZE] __attribute__((aligned(8)));
	bool done = false, lost = false;
	uint32_t first;
	int r, result = 0;

	*ret = (struct nl_fail){ .index = UINT32_MAX };
	if (!b->n && !b->overflow)
		return 0;
	r = send_batch(s, b, true, &first);
	if (r < 0)
		return r;
	while (!done) {
		const struct nlmsghdr *h;
		struct nl_span span;
		struct nl_ack ack;

		/* The kernel has answered before sendto() returned: waiting is never needed. */
		r = receive(s, buf, MSG_DONTWAIT, &span);
		if (r == -ENOBUFS) {
			lost = true;
			continue;
		}
		if (r < 0)
			return lost ? -ENOBUFS : r == -EAGAIN ? -EPROTO : r;
		while ((r = nl_msg_next(&span, &h)) > 0) {
			uint32_t index = h->nlmsg_seq - first;

			if (h->nlmsg_type != NLMSG_ERROR || index >= b->n)
				continue;
			r = nl_ack_parse(h, &ack);
			if (r < 0)
				return r;
			/* A transaction that failed as a whole is an error of its first message. */
			done = done || index == b->n - 1 - b->trailer || (b->trailer && index == 0);
			if (!ack.error || result || tolerated(b, index, -ack.error))
				continue;
			result = ack.error;
			set_fail(ret, b, &ack, index);
		}
		if (r < 0)
			return r;
	}
	/* Which of the errors got lost, nobody knows. */
	return result ? result : lost ? -ENOBUFS : 0;
}

/* 0: go on, 1: the end, negative: failed. */
static int query_reply(const struct nlmsghdr *h, const struct nl_batch *b, nl_reply_fn fn,
		       void *arg, struct nl_fail *ret)
{
	struct nl_ack ack;
	int r;

	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		return -EAGAIN;
	if (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) {
		r = fn(h, arg);
		if (r < 0)
			return r;
		return h->nlmsg_flags & NLM_F_MULTI ? 0 : 1;
	}
	r = nl_ack_parse(h, &ack);
	if (r < 0)
		return r;
	if (ack.error)
		set_fail(ret, b, &ack, 0);
	return ack.error ? ack.error : 1;
}

int nl_query(struct nl_sock *s, struct nl_batch *b, nl_reply_fn fn, void *arg,
	     struct nl_fail *ret)
{
	uint8_t buf[RECV_SIZE] __attribute__((aligned(8)));
	int r, result = 0;
	uint32_t seq;

	*ret = (struct nl_fail){ .index = UINT32_MAX };
	r = send_batch(s, b, false, &seq);
	if (r < 0)
		return r;
	for (;;) {
		const struct nlmsghdr *h;
		struct nl_span span;

		r = receive(s, buf, 0, &span);
		if (r < 0)
			return r;
		while ((r = nl_msg_next(&span, &h)) > 0) {
			if (h->nlmsg_seq != seq)
				continue;
			/* A failed dump is read to its end: the socket stays usable. */
			if (result && h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR)
				continue;
			r = query_reply(h, b, fn, arg, ret);
			if (r < 0 && !result)
				result = r;
			if (r == 1 || h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE ||
			    !(h->nlmsg_flags & NLM_F_MULTI))
				return result;
		}
		if (r < 0)
			return r;
	}
}
