/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink messages in memory: a builder for batches and a bounded parser.  No
 * sockets, no allocation, no knowledge of families (netlink(7), RFC 3549).
 * Why not libmnl: docs/decisions/0002-netlink.md.
 */
#ifndef NETNS_NLMSG_H
#define NETNS_NLMSG_H

/* Before any header of the kernel that has the same: those yield (libc-compat.h). */
#include <netinet/in.h>

#include <linux/netlink.h>

#include "base/util.h"

/*
 * A datagram of requests.  Small on purpose: should every message in it fail,
 * the error replies still fit the default receive buffer (212992 bytes).
 */
#define NL_BATCH_SIZE 8192
#define NL_BATCH_MSGS 128
/* No message of ours is longer: room for one is checked before it is begun. */
#define NL_MSG_MAX 512

/* A batch that grows ends here: well below what SO_SNDBUF lets one datagram have. */
#define NL_BATCH_BIG 131072

struct nl_batch {
	uint8_t *buf;			/* room, or the heap when it grows */
	size_t cap;
	size_t len;
	size_t cur;			/* offset of the message being built */
	unsigned int n;
	unsigned int msgs;		/* tolerate has so many */
	unsigned int trailer;		/* messages at the end that the kernel does not answer */
	bool grows;
	bool overflow;			/* something did not fit: nl_commit() fails */
	int16_t (*tolerate)[2];		/* errnos that are no failure of message i, or 0 */
	uint8_t room[NL_BATCH_SIZE] __attribute__((aligned(8)));
	int16_t room_tolerate[NL_BATCH_MSGS][2];
};

/* Makes an empty batch of fixed size: nothing is allocated. */
void nl_batch_reset(struct nl_batch *b);
/* Makes an empty one that grows to NL_BATCH_BIG; ends with nl_batch_done(). */
void nl_batch_grow(struct nl_batch *b);
void nl_batch_done(struct nl_batch *b);
/* Room for @n more messages of NL_MSG_MAX bytes? */
bool nl_batch_has_room(const struct nl_batch *b, unsigned int n);
/*
 * Starts a message with the family's fixed header.  NLM_F_REQUEST is added;
 * sequence numbers and the one NLM_F_ACK are set when it is sent.
 */
void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *hdr, size_t hdr_len);
/* An errno (positive) that the last message may fail with; two at most. */
void nl_tolerate(struct nl_batch *b, int err);

void nl_put(struct nl_batch *b, uint16_t type, const void *data, size_t len);
void nl_put_u8(struct nl_batch *b, uint16_t type, uint8_t v);
void nl_put_u32(struct nl_batch *b, uint16_t type, uint32_t v);
void nl_put_str(struct nl_batch *b, uint16_t type, const char *s);
/* Bytes without attribute header (VETH_INFO_PEER holds an ifinfomsg). */
void nl_put_raw(struct nl_batch *b, const void *data, size_t len);
/* Returns what nl_nest_end() wants. */
size_t nl_nest(struct nl_batch *b, uint16_t type);
void nl_nest_end(struct nl_batch *b, size_t nest);

/* ---- reading: each step checks that it stays within what was received ---- */

struct nl_span {
	const uint8_t *p;
	size_t n;
};

struct nl_attr {
	uint16_t type;			/* without NLA_F_NESTED, NLA_F_NET_BYTEORDER */
	struct nl_span v;
};

/* 1 and the message, 0 at the end, -EBADMSG.  The span must be 4-aligned. */
int nl_msg_next(struct nl_span *s, const struct nlmsghdr **ret);
/* The family's fixed header, or NULL when the message is too short for it. */
const void *nl_msg_hdr(const struct nlmsghdr *h, size_t hdr_len);
/* What follows the fixed header; empty when there is nothing. */
struct nl_span nl_msg_attrs(const struct nlmsghdr *h, size_t hdr_len);
/* 1 and the attribute, 0 at the end, -EBADMSG. */
int nl_attr_next(struct nl_span *s, struct nl_attr *ret);

bool nl_attr_u32(const struct nl_attr *a, uint32_t *ret);
bool nl_attr_u8(const struct nl_attr *a, uint8_t *ret);
/* NULL unless NUL terminated within the attribute. */
const char *nl_attr_str(const struct nl_attr *a);
/* -EBADMSG: no string; -ENOENT: longer than @size holds. */
int nl_attr_copy_str(const struct nl_attr *a, char *ret, size_t size);

struct nl_ack {
	int error;			/* 0 or a negative errno */
	uint32_t seq;			/* of the request */
	const char *text;		/* the kernel's words or NULL: borrowed from the message */
	uint32_t offs;			/* of the bad attribute in the request, 0 if not told */
	uint32_t miss_type;		/* missing attribute, 0 if not told */
};

/* NLMSG_ERROR, or NLMSG_DONE of a dump, with its extended ack.  0 or -EBADMSG. */
int nl_ack_parse(const struct nlmsghdr *h, struct nl_ack *ret);

#endif
