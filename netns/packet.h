/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet devices and packet(7) sockets. */
#ifndef NETNS_PACKET_H
#define NETNS_PACKET_H

#include <net/if.h>

#include "base/util.h"

/*
 * All functions return 0 (or a descriptor) or a negative errno.
 *
 * To know: closing such a socket waits for an RCU grace period, 15 ms or so
 * (net/packet/af_packet.c:packet_release), and so does exiting with one.
 */

/* Sends only. */
int packet_open(void);
/* Receives ARP, or IPv6 neighbour messages, of every device, from their Ethernet header on. */
int packet_open_arp(void);
int packet_open_nd(void);
int packet_send(int fd, int ifindex, const uint8_t *frame, size_t n);

struct packet_dev {
	int ifindex;
	char name[IF_NAMESIZE];
	uint8_t mac[6];
};

/*
 * By index, or by name when @name is not NULL.  -ENODEV, -ENETDOWN, -EOPNOTSUPP for one
 * without ARP or Ethernet addresses, or a bond's port.
 */
int packet_dev(int fd, const char *name, int ifindex, struct packet_dev *ret);

#endif
