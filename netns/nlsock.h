/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket of one network namespace. */
#ifndef NETNS_NLSOCK_H
#define NETNS_NLSOCK_H

#include "nlmsg.h"

struct nl_sock {
	int fd;
	uint32_t seq;
};

#define NL_SOCK_INIT ((struct nl_sock){ .fd = -EBADF })

/* What the kernel said about the first request that failed. */
struct nl_fail {
	bool have_msg;			/* false when the socket itself failed */
	uint32_t index;			/* of the request in the batch, UINT32_MAX: none */
	union {				/* a copy of the request */
		struct nlmsghdr msg;
		uint8_t bytes[NL_MSG_MAX];
	};
	uint32_t offs, miss_type;	/* as struct nl_ack */
	char text[128];			/* "" when the kernel said nothing */
};

/*
 * In the caller's namespace.  No receive buffer is forced: we join no multicast
 * group, dumps are paced by our reading, and NL_BATCH_SIZE bounds the rest.
 */
int nl_open(struct nl_sock *ret);
/* The same of another protocol: NETLINK_NETFILTER. */
int nl_open_proto(struct nl_sock *ret, int protocol);
void nl_close(struct nl_sock *s);
#define _cleanup_nl_ _cleanup_(nl_close)

/*
 * Sends the batch with one sendmsg and reads its result.  Not a transaction:
 * the kernel executes every message, whatever became of those before
 * (af_netlink.c:netlink_rcv_skb).  Returns the first failure that is not
 * tolerated.  Only the last message asks for an ack: errors come unasked, and
 * one reply ends the exchange.
 */
int nl_commit(struct nl_sock *s, struct nl_batch *b, struct nl_fail *ret);

/*
 * Sends the one message of @b, a get or (NLM_F_DUMP) a dump, and hands every
 * reply to @fn; a negative value from @fn ends it.  -EAGAIN: the table changed
 * during the dump (NLM_F_DUMP_INTR), start over.
 */
typedef int (*nl_reply_fn)(const struct nlmsghdr *h, void *arg);
int nl_query(struct nl_sock *s, struct nl_batch *b, nl_reply_fn fn, void *arg,
	     struct nl_fail *ret);

#endif
