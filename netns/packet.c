// SPDX-License-Identifier: GPL-2.0-or-later
#include "packet.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SNAP 128	/* no frame that we read is longer */

int packet_open(void)
{
	/* Protocol 0: nothing is received. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* The filter is there before the socket is: not a frame of other traffic gets in. */
static int open_filtered(uint16_t protocol, struct sock_filter *f, size_t n)
{
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	struct sock_fprog prog = { (unsigned short)n, f };
	_cleanup_close_ int fd = packet_open();

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	return take_fd(&fd);
}

int packet_open_arp(void)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SNAP) };

	return open_filtered(ETHERTYPE_ARP, all, ARRAY_SIZE(all));
}

int packet_open_nd(void)
{
	/* ICMPv6 right behind the fixed header, neighbour solicitation or advertisement. */
	struct sock_filter nd[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 4),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SNAP),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	return open_filtered(ETHERTYPE_IPV6, nd, ARRAY_SIZE(nd));
}

int packet_send(int fd, int ifindex, const uint8_t *frame, size_t n)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	ssize_t w = sendto(fd, frame, n, 0, (struct sockaddr *)&to, sizeof(to));

	return w < 0 ? -errno : 0;
}

int packet_dev(int fd, const char *name, int ifindex, struct packet_dev *ret)
{
	struct packet_dev d = { .ifindex = ifindex };
	struct ifreq r = { .ifr_ifindex = ifindex };

	if (name) {
		if (strlen(name) >= sizeof(r.ifr_name))
			return -ENODEV;
		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
		if (ioctl(fd, SIOCGIFINDEX, &r) < 0)
			return -errno;
		d.ifindex = r.ifr_ifindex;
	} else if (ioctl(fd, SIOCGIFNAME, &r) < 0) {
		return -errno;
	}
	memcpy(d.name, r.ifr_name, sizeof(d.name));
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	if (!(r.ifr_flags & IFF_UP))
		return -ENETDOWN;
	if (r.ifr_flags & (IFF_NOARP | IFF_LOOPBACK | IFF_SLAVE))
		return -EOPNOTSUPP;
	if (ioctl(fd, SIOCGIFHWADDR, &r) < 0)
		return -errno;
	if (r.ifr_hwaddr.sa_family != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	memcpy(d.mac, r.ifr_hwaddr.sa_data, sizeof(d.mac));
	*ret = d;
	return 0;
}
