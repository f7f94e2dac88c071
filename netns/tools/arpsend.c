// SPDX-License-Identifier: GPL-2.0-or-later
/* arpsend: arpsend(8).  Options, defaults and exit codes are those of vzctl 4.x. */
#include <arpa/inet.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "base/num.h"
#include "frame.h"
#include "packet.h"

enum { EXC_OK, EXC_USAGE, EXC_SYS, EXC_RECV, EXC_NORECV };

#define TARGETS_MAX 1024

struct addr {
	bool v6;
	uint8_t a[16];
};

/* Zero means "not given" where a flag says so. */
struct opts {
	int cmd;			/* U, D, Q, P */
	uint32_t count;			/* 0: for ever */
	uint32_t timeout;		/* seconds between rounds */
	bool at_once, force, verbose;
	bool have_s, have_t, have_S, have_T, have_i;
	uint8_t s[6], t[6], S[6], T[6];	/* -s -t: of the frame; -S -T: in the message */
	struct addr src;
	struct addr targets[TARGETS_MAX];
	size_t n_targets;
	const char *dev;
};

static int usage(void)
{
	fprintf(stderr, "Usage: arpsend <-U -i ADDR [-e ADDR] | -D -e ADDR [-e ADDR]... | -Q | -P> "
			"[-c COUNT]\n\t[-w SECONDS] [-s MAC] [-t MAC] [-S MAC] [-T MAC] [-o] [-f] "
			"[-v] INTERFACE\n");
	return EXC_USAGE;
}

static const char *mac_text(const uint8_t m[6], char buf[18])
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

/* "broadcast", or twelve digits, where a colon may stand after each pair. */
static bool parse_mac(const char *s, uint8_t mac[6], bool *have)
{
	*have = true;
	if (str_eq(s, "broadcast")) {
		memcpy(mac, frame_broadcast, 6);
		return true;
	}
	for (int i = 0; i < 6; i++) {
		unsigned int v;

		if (!s[0] || !s[1] || strspn(s, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(s, "%2x", &v) != 1)
			return false;
		mac[i] = (uint8_t)v;
		s += 2;
		if (*s == ':' && i < 5)
			s++;
	}
	return !*s;
}

static bool parse_addr(const char *s, struct addr *ret)
{
	ret->v6 = strchr(s, ':');
	return inet_pton(ret->v6 ? AF_INET6 : AF_INET, s, ret->a) == 1;
}

static const char *addr_text(const struct addr *a, char buf[INET6_ADDRSTRLEN])
{
	return inet_ntop(a->v6 ? AF_INET6 : AF_INET, a->a, buf, INET6_ADDRSTRLEN);
}

static bool take(struct opts *o, int c)
{
	switch (c) {
	case 'U':
	case 'D':
	case 'Q':
	case 'P':
		if (o->cmd)
			return false;
		o->cmd = c;
		return true;
	case 'c':
		return num_parse_u32(optarg, &o->count) == 0 && o->count;
	case 'w':
		return num_parse_u32(optarg, &o->timeout) == 0 && o->timeout < 86400;
	case 's':
		return parse_mac(optarg, o->s, &o->have_s);
	case 't':
		return parse_mac(optarg, o->t, &o->have_t);
	case 'S':
		return parse_mac(optarg, o->S, &o->have_S);
	case 'T':
		return parse_mac(optarg, o->T, &o->have_T);
	case 'i':
		o->have_i = true;
		return parse_addr(optarg, &o->src);
	case 'e':
		return o->n_targets < TARGETS_MAX &&
		       parse_addr(optarg, &o->targets[o->n_targets++]);
	case 'o':
		return o->at_once = true;
	case 'f':
		return o->force = true;
	case 'v':
		return o->verbose = true;
	}
	return false;
}

static bool parse(int argc, char **argv, struct opts *o)
{
	static const struct option names[] = {
		{ "update", 0, NULL, 'U' },  { "detect", 0, NULL, 'D' },
		{ "request", 0, NULL, 'Q' }, { "reply", 0, NULL, 'P' },
		{ "count", 1, NULL, 'c' },   { "timeout", 1, NULL, 'w' },
		{ "src-hw", 1, NULL, 's' },  { "trg-hw", 1, NULL, 't' },
		{ "src-arp", 1, NULL, 'S' }, { "trg-arp", 1, NULL, 'T' },
		{ "src-ip", 1, NULL, 'i' },  { "trg-ip", 1, NULL, 'e' },
		{ "at-once", 0, NULL, 'o' }, { "force", 0, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	o->timeout = 1;
	while ((c = getopt_long(argc, argv, "UDQPc:w:s:t:S:T:i:e:ovf", names, NULL)) != -1)
		if (!take(o, c))
			return false;
	if (!o->cmd || argc - optind != 1 || (o->cmd == 'U' && !o->have_i) ||
	    (o->cmd == 'D' && !o->n_targets))
		return false;
	o->dev = argv[optind];
	/* The first answer about a single address says all. */
	o->at_once = o->at_once || (o->cmd == 'D' && o->n_targets <= 1);
	return true;
}

/* ---- the network -------------------------------------------------------- */

/* The first IPv4 address of the device. */
static int dev_addr(int fd, const char *name, uint8_t ret[4])
{
	struct sockaddr_in in;
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFADDR, &r) < 0)
		return -errno;
	memcpy(&in, &r.ifr_addr, sizeof(in));
	memcpy(ret, &in.sin_addr, 4);
	return 0;
}

static void fill(const struct opts *o, const struct packet_dev *d, const uint8_t own[4],
		 struct frame_arp *f)
{
	f->op = o->cmd == 'P' ? ARPOP_REPLY : ARPOP_REQUEST;
	memcpy(f->eth_src, o->have_s ? o->s : d->mac, 6);
	memcpy(f->eth_dst, o->have_t ? o->t : frame_broadcast, 6);
	memcpy(f->sha, o->have_S ? o->S : f->eth_src, 6);
	memcpy(f->tha, o->have_T ? o->T : f->eth_dst, 6);
	memcpy(f->spa, o->have_i ? o->src.a : own, 4);
}

static void show(const char *what, const struct frame_arp *f)
{
	char m[4][18], sip[INET_ADDRSTRLEN], tip[INET_ADDRSTRLEN];

	fprintf(stderr, "arpsend: %s: %s > %s %s, sender %s %s, target %s %s\n", what,
		mac_text(f->eth_src, m[0]), mac_text(f->eth_dst, m[1]),
		f->op == ARPOP_REPLY ? "reply" : "request", mac_text(f->sha, m[2]),
		inet_ntop(AF_INET, f->spa, sip, sizeof(sip)), mac_text(f->tha, m[3]),
		inet_ntop(AF_INET, f->tpa, tip, sizeof(tip)));
}

struct net {
	struct packet_dev dev;
	int fd[2];		/* ARP, ND */
	struct frame_arp arp;
};

/* IPv6 has no such variety: an update is told, anything else asks. */
static size_t frame6(const struct opts *o, const struct packet_dev *d, const struct addr *a,
		     uint8_t buf[FRAME_MAX])
{
	return o->cmd == 'U' ? frame_nd_advert(d->mac, o->src.a, buf) :
			       frame_nd_probe(d->mac, a->a, buf);
}

static int send_round(const struct opts *o, struct net *net)
{
	for (size_t i = 0; i < o->n_targets; i++) {
		const struct addr *a = &o->targets[i];
		uint8_t buf[FRAME_MAX];
		size_t n;
		int r;

		if (a->v6) {
			n = frame6(o, &net->dev, a, buf);
		} else {
			memcpy(net->arp.tpa, a->a, 4);
			n = frame_arp(&net->arp, buf);
		}
		r = packet_send(net->fd[0], net->dev.ifindex, buf, n);
		if (r < 0)
			return r;
		if (o->verbose && !a->v6)
			show("sent", &net->arp);
	}
	return 0;
}

/* How many of the targets the frame answers for. */
static unsigned int heard(const struct opts *o, const struct net *net, bool v6, const uint8_t *p,
			  size_t n)
{
	char ip[INET6_ADDRSTRLEN], text[18];
	struct frame_arp f;
	struct frame_nd nd;
	const uint8_t *mac = v6 ? nd.eth_src : f.sha, *addr = v6 ? nd.target : f.spa;
	unsigned int found = 0;

	if (v6 ? !frame_nd_parse(p, n, &nd) || !nd.advert : !frame_arp_parse(p, n, &f))
		return 0;
	if (!memcmp(mac, net->dev.mac, 6))
		return 0;
	if (o->verbose && !v6)
		show("received", &f);
	for (size_t i = 0; i < o->n_targets; i++) {
		const struct addr *a = &o->targets[i];

		if (a->v6 != v6 || memcmp(a->a, addr, v6 ? 16 : 4) != 0)
			continue;
		fprintf(stderr, "arpsend: %s is detected on another computer: %s\n",
			addr_text(a, ip), mac_text(mac, text));
		found++;
	}
	return found;
}

static unsigned int hear(const struct opts *o, const struct net *net, bool v6)
{
	struct sockaddr_ll from = { 0 };
	socklen_t len = sizeof(from);
	uint8_t buf[256];
	ssize_t n = recvfrom(net->fd[v6], buf, sizeof(buf), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);

	if (n <= 0 || from.sll_ifindex != net->dev.ifindex)
		return 0;
	return heard(o, net, v6, buf, (size_t)n);
}

/* Until the time is up, whatever is received meanwhile. */
static unsigned int listen_for(const struct opts *o, const struct net *net)
{
	long long end = vz_now_ms() + (long)o->timeout * 1000, left;
	unsigned int found = 0;

	while ((left = end - vz_now_ms()) > 0 && !(found && o->at_once)) {
		struct pollfd p[2] = { { .fd = net->fd[0], .events = POLLIN },
				       { .fd = net->fd[1], .events = POLLIN } };

		if (poll(p, 2, (int)left) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				found += hear(o, net, i);
	}
	return found;
}

static int fail(const struct opts *o, int err)
{
	fprintf(stderr, "arpsend: %s: %s\n", o->dev, strerror(-err));
	return EXC_SYS;
}

static int net_open(struct opts *o, struct net *net)
{
	uint8_t own[4] = { 0 };
	bool have4 = true;
	int r;

	for (size_t i = 0; i < o->n_targets; i++)
		have4 = have4 && !o->targets[i].v6;
	net->fd[0] = packet_open_arp();
	net->fd[1] = packet_open_nd();
	for (int i = 0; i < 2; i++)
		if (net->fd[i] < 0)
			return net->fd[i];
	r = packet_dev(net->fd[0], o->dev, 0, &net->dev);
	if (r < 0)
		return r;
	r = dev_addr(net->fd[0], o->dev, own);
	/* 4.x wants the device to have an address, even where another is given. */
	if (r < 0 && !o->force && have4 && !o->src.v6)
		return r;
	fill(o, &net->dev, own, &net->arp);
	if (!o->n_targets) {
		o->targets[0].v6 = o->src.v6;
		memcpy(o->targets[o->n_targets++].a, own, 4);
	}
	return 0;
}

static int run(struct opts *o)
{
	bool listens = o->cmd == 'D' || o->cmd == 'Q';
	struct net net = { 0 };
	unsigned int found = 0;
	int r = net_open(o, &net);

	if (r < 0)
		return fail(o, r);
	for (uint32_t i = 0; !o->count || i < o->count; i++) {
		r = send_round(o, &net);
		if (r < 0)
			return fail(o, r);
		/* Nobody is waited for after the last, unless answers are what it is for. */
		if (!listens && i + 1 == o->count)
			break;
		found += listen_for(o, &net);
		if (found && o->at_once)
			break;
	}
	if (o->cmd == 'Q')
		return found ? EXC_OK : EXC_NORECV;
	return found && o->cmd != 'P' ? EXC_RECV : EXC_OK;
}

int main(int argc, char **argv)
{
	static struct opts o;

	return parse(argc, argv, &o) ? run(&o) : usage();
}
