// SPDX-License-Identifier: GPL-2.0-or-later
/* ndsend ADDRESS INTERFACE: ndsend(8). */
#include <arpa/inet.h>
#include <stdio.h>

#include "frame.h"
#include "packet.h"

enum { EXC_USAGE = 1, EXC_SYS = 2 };

int main(int argc, char **argv)
{
	struct packet_dev dev;
	uint8_t addr[16], frame[FRAME_MAX];
	size_t n;
	int fd, r;

	if (argc != 3 || inet_pton(AF_INET6, argv[1], addr) != 1) {
		fputs("Usage: ndsend ADDRESS INTERFACE\n"
		      "Tells all neighbours that the IPv6 address is at the interface.\n", stderr);
		return EXC_USAGE;
	}
	fd = packet_open();
	r = fd < 0 ? fd : packet_dev(fd, argv[2], 0, &dev);
	if (r >= 0) {
		n = frame_nd_advert(dev.mac, addr, frame);
		r = packet_send(fd, dev.ifindex, frame, n);
	}
	if (r >= 0)
		return 0;
	fprintf(stderr, "ndsend: %s: %s\n", argv[2], strerror(-r));
	return EXC_SYS;
}
