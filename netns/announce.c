// SPDX-License-Identifier: GPL-2.0-or-later
#define VZ_ROOM "netns"
#include "announce.h"

#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/log.h"
#include "frame.h"

/* After so many frames a nap: 500 addresses at once would overrun a device's queue. */
#define BURST 64
#define BURST_NAP_MS 1

void announce_add(struct announce *a, int ifindex, const struct net_addr *addr)
{
	a->v = xgrow(a->v, a->n, sizeof(*a->v));
	a->v[a->n++] = (struct announce_target){ .ifindex = ifindex, .addr = *addr };
}

void announce_done(struct announce *a)
{
	free(a->v);
	*a = (struct announce){ 0 };
}

struct talk {
	struct announce *a;
	int fd[2];			/* ARP, ND: both send, too */
	struct packet_dev *devs;	/* of the targets, once each */
	size_t n_devs;
	struct vz_err *e;		/* the first that is taken, or NULL: they are logged */
};

static const struct packet_dev *find_dev(const struct talk *t, int ifindex)
{
	for (size_t i = 0; i < t->n_devs; i++)
		if (t->devs[i].ifindex == ifindex)
			return &t->devs[i];
	return NULL;
}

/* A device that went down, or has no ARP, has nobody to talk to: left out. */
static void find_devs(struct talk *t)
{
	t->devs = xcalloc(t->a->n, sizeof(*t->devs));
	for (size_t i = 0; i < t->a->n; i++) {
		int ifindex = t->a->v[i].ifindex;

		if (!find_dev(t, ifindex) &&
		    packet_dev(t->fd[0], NULL, ifindex, &t->devs[t->n_devs]) == 0)
			t->n_devs++;
	}
}

static int talk_open(struct talk *t, struct announce *a)
{
	*t = (struct talk){ .a = a };
	t->fd[0] = packet_open_arp();
	t->fd[1] = packet_open_nd();
	if (t->fd[0] >= 0 && t->fd[1] >= 0) {
		find_devs(t);
		return 0;
	}
	return t->fd[0] < 0 ? t->fd[0] : t->fd[1];
}

static void talk_close(struct talk *t)
{
	close_fd(&t->fd[0]);
	close_fd(&t->fd[1]);
	free(t->devs);
}

/* ---- asking and telling ----------------------------------------------- */

static void send_arp(struct talk *t, const struct packet_dev *d, const struct net_addr *a,
		     bool tell)
{
	struct frame_arp f = { .op = ARPOP_REQUEST };
	uint8_t buf[FRAME_MAX];
	size_t n;

	memcpy(f.eth_src, d->mac, 6);
	memcpy(f.eth_dst, frame_broadcast, 6);
	memcpy(f.sha, d->mac, 6);
	memcpy(f.tpa, a->a, 4);
	if (tell)
		memcpy(f.spa, a->a, 4);
	n = frame_arp(&f, buf);
	(void)packet_send(t->fd[0], d->ifindex, buf, n);
	if (!tell)
		return;
	/* Some take an announcement for granted only as an answer. */
	f.op = ARPOP_REPLY;
	memcpy(f.tha, frame_broadcast, 6);
	n = frame_arp(&f, buf);
	(void)packet_send(t->fd[0], d->ifindex, buf, n);
}

static void send_all(struct talk *t, bool tell)
{
	const struct timespec nap = { .tv_nsec = BURST_NAP_MS * 1000000L };

	for (size_t i = 0; i < t->a->n; i++) {
		const struct announce_target *g = &t->a->v[i];
		const struct packet_dev *d = find_dev(t, g->ifindex);
		uint8_t buf[FRAME_MAX];
		size_t n;

		if (!d)
			continue;
		if (g->addr.family == AF_INET) {
			send_arp(t, d, &g->addr, tell);
		} else {
			n = tell ? frame_nd_advert(d->mac, g->addr.a, buf) :
				   frame_nd_probe(d->mac, g->addr.a, buf);
			(void)packet_send(t->fd[1], d->ifindex, buf, n);
		}
		if (i % BURST == BURST - 1)
			nanosleep(&nap, NULL);
	}
}

/* ---- answers: from anybody on the wire ---------------------------------- */

static bool is_ours(const struct talk *t, const uint8_t mac[6])
{
	/* Of any uplink: two on one LAN hear each other. */
	for (size_t i = 0; i < t->n_devs; i++)
		if (!memcmp(t->devs[i].mac, mac, 6))
			return true;
	return false;
}

static void taken(struct talk *t, int ifindex, int family, const uint8_t *addr,
		  const uint8_t mac[6])
{
	const struct packet_dev *d = find_dev(t, ifindex);
	size_t len = family == AF_INET6 ? 16 : 4;
	char text[NET_ADDR_STRLEN], what[128];

	for (size_t i = 0; d && i < t->a->n; i++) {
		struct announce_target *g = &t->a->v[i];
		struct net_addr own = net_addr_own(&g->addr);

		/* Once each: whoever answers a thousand times gets one line. */
		if (g->ifindex != ifindex || own.family != family ||
		    memcmp(own.a, addr, len) != 0 || g->taken)
			continue;
		g->taken = true;
		snprintf(what, sizeof(what), "address %s is in use on the network of %s, by "
			 "%02x:%02x:%02x:%02x:%02x:%02x", net_addr_format(&own, text), d->name,
			 mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
		if (!t->e)
			vz_warn("vps-net_add WARNING: %s", what);
		else if (!t->e->code)
			(void)vz_fail(t->e, VZ_CANT_ADDIP, EADDRINUSE, "%s", what);
	}
}

static void heard_arp(struct talk *t, int ifindex, const uint8_t *p, size_t n)
{
	static const uint8_t zero[4];
	struct frame_arp f;

	if (!frame_arp_parse(p, n, &f) || is_ours(t, f.sha))
		return;
	/* Its owner speaks; or somebody else asks whether it may have it (RFC 5227, 2.1.1). */
	if (memcmp(f.spa, zero, 4) != 0)
		taken(t, ifindex, AF_INET, f.spa, f.sha);
	else if (f.op == ARPOP_REQUEST)
		taken(t, ifindex, AF_INET, f.tpa, f.sha);
}

static void heard_nd(struct talk *t, int ifindex, const uint8_t *p, size_t n)
{
	struct frame_nd f;

	if (frame_nd_parse(p, n, &f) && !is_ours(t, f.eth_src) && (f.advert || f.unspecified))
		taken(t, ifindex, AF_INET6, f.target, f.eth_src);
}

static void hear(struct talk *t, int which)
{
	struct sockaddr_ll from = { 0 };
	socklen_t len = sizeof(from);
	uint8_t buf[256];
	ssize_t n = recvfrom(t->fd[which], buf, sizeof(buf), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);

	if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	if (which == 0)
		heard_arp(t, from.sll_ifindex, buf, (size_t)n);
	else
		heard_nd(t, from.sll_ifindex, buf, (size_t)n);
}

/* The clock is read after every frame: a flood of them does not prolong the wait. */
static void listen_for(struct talk *t, int ms)
{
	long long end = vz_now_ms() + ms, left;

	while ((left = end - vz_now_ms()) > 0 && !(t->e && t->e->code)) {
		struct pollfd p[2] = { { .fd = t->fd[0], .events = POLLIN },
				       { .fd = t->fd[1], .events = POLLIN } };

		if (poll(p, 2, (int)left) < 0 && errno != EINTR)
			return;
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				hear(t, i);
	}
}

int announce_detect(struct announce *a, struct vz_err *e)
{
	struct vz_err found = VZ_ERR_INIT;
	struct talk t;
	int r;

	if (!a->n)
		return 0;
	r = talk_open(&t, a);
	if (r < 0) {
		talk_close(&t);
		return vz_fail(e, VZ_CANT_ADDIP, -r, "cannot look for other owners of addresses");
	}
	t.e = &found;
	/* Twice, because a frame may get lost. */
	for (int i = 0; i < 2 && !found.code; i++) {
		send_all(&t, false);
		listen_for(&t, ANNOUNCE_MS / 2);
	}
	talk_close(&t);
	if (!found.code)
		return 0;
	*e = found;
	return -EADDRINUSE;
}

static void run(struct announce *a, bool detect)
{
	const struct timespec nap = { .tv_nsec = ANNOUNCE_MS / 2 * 1000000L };
	struct talk t;

	if (talk_open(&t, a) < 0)
		return;
	send_all(&t, true);
	for (int i = 0; i < 2; i++) {
		if (detect)
			send_all(&t, false);
		if (detect)
			listen_for(&t, ANNOUNCE_MS / 2);
		else
			nanosleep(&nap, NULL);
	}
	send_all(&t, true);
}

void announce_start(struct announce *a, bool detect)
{
	int null;

	if (!a->n || fork() != 0)
		return;
	/* Locks and pipes of the command end with it, not with this process. */
	syscall(SYS_close_range, 0, ~0u, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null != 0 || dup(null) != 1 || dup(null) != 2 || chdir("/") < 0)
		_exit(1);
	setsid();
	prctl(PR_SET_NAME, "vz-announce");
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	alarm(5 * ANNOUNCE_MS / 1000);
	run(a, detect);
	_exit(0);
}
