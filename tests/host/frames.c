// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw Ethernet frames for tests/host/guard.t; runs on the host and, copied, in
 * a container.
 *	frames send DEV [-n COUNT] HEX...	each frame COUNT times, in order
 *	frames serve		the same of each line of standard input, with "sent" for each
 *	frames log DEV		what comes in, one frame a line; "ready" first
 *	frames rate DEV HEX SECONDS	how often it could be sent
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX 2048

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int open_on(const char *dev, int proto)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(proto) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(proto)), one = 1;

	a.sll_ifindex = (int)if_nametoindex(dev);
	if (fd < 0 || !a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -1;
	if (proto) {
		struct packet_mreq all = { .mr_ifindex = a.sll_ifindex,
					   .mr_type = PACKET_MR_PROMISC };

		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all));
		setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	}
	return fd;
}

static size_t unhex(const char *hex, uint8_t *ret)
{
	unsigned int v;
	size_t n = 0;

	for (; n < FRAME_MAX && hex[0] && hex[1] && sscanf(hex, "%2x", &v) == 1; hex += 2)
		ret[n++] = (uint8_t)v;
	return n;
}

static int send_all(const char *dev, char **hex)
{
	int fd = open_on(dev, 0), count = 1;
	uint8_t buf[FRAME_MAX];

	if (fd < 0)
		return fail(dev);
	if (*hex && !strcmp(*hex, "-n") && hex[1]) {
		count = atoi(hex[1]);
		hex += 2;
	}
	for (; *hex; hex++) {
		size_t n = unhex(*hex, buf);

		for (int i = 0; i < count; i++) {
			if (send(fd, buf, n, 0) < 0 && errno != ENOBUFS)
				return fail("send");
		}
	}
	close(fd);
	return 0;
}

static int serve(void)
{
	static char line[65536];

	while (fgets(line, sizeof(line), stdin)) {
		char *words[64], *dev = strtok(line, " \n");
		size_t n = 0;

		while (n < 63 && (words[n] = strtok(NULL, " \n")))
			n++;
		words[n] = NULL;
		puts(dev && send_all(dev, words) == 0 ? "sent" : "failed");
		fflush(stdout);
	}
	return 0;
}

static int rate(const char *dev, const char *hex, int seconds)
{
	int fd = open_on(dev, 0);
	uint8_t buf[FRAME_MAX];
	size_t n = unhex(hex, buf);
	struct timespec a, b;
	unsigned long sent = 0;

	if (fd < 0)
		return fail(dev);
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		for (int i = 0; i < 256; i++)
			sent += send(fd, buf, n, 0) > 0;
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while (b.tv_sec - a.tv_sec < seconds);
	printf("%.0f\n", (double)sent / ((double)(b.tv_sec - a.tv_sec) +
					 (double)(b.tv_nsec - a.tv_nsec) / 1e9));
	return 0;
}

static int log_all(const char *dev)
{
	int fd = open_on(dev, ETH_P_ALL);
	uint8_t buf[FRAME_MAX];
	char line[2 * FRAME_MAX + 1];
	ssize_t n;

	if (fd < 0)
		return fail(dev);
	puts("ready");
	fflush(stdout);
	while ((n = recv(fd, buf, sizeof(buf), 0)) >= 0 || errno == EINTR) {
		for (ssize_t i = 0; i < n; i++)
			snprintf(line + 2 * i, 3, "%02x", buf[i]);
		if (n > 0) {
			puts(line);
			fflush(stdout);
		}
	}
	return fail("recv");
}

int main(int argc, char **argv)
{
	if (argc >= 4 && !strcmp(argv[1], "send"))
		return send_all(argv[2], argv + 3);
	if (argc == 2 && !strcmp(argv[1], "serve"))
		return serve();
	if (argc == 3 && !strcmp(argv[1], "log"))
		return log_all(argv[2]);
	if (argc == 5 && !strcmp(argv[1], "rate"))
		return rate(argv[2], argv[3], atoi(argv[4]));
	fprintf(stderr, "usage: frames send|serve|log|rate [DEV ...]\n");
	return 2;
}
