// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netns-call FUNCTION CTID NETNS [OPTION|ADDRESS]...: net.h for shell tests.
 *	FUNCTION	attach detach add del vethadd vethdel netdev stat inuse setup bench,
 *			maps: those of dp.h that have elements, and how many,
 *			spoil: takes what guards --netdev away, spoil2: its port in the maps,
 *			or ping: one ICMP echo to ADDRESS from the current namespace
 *	NETNS		a path, or - where the function needs none
 *	ADDRESS		of the plan; for add, del and inuse the last one is the subject
 *	--venet, --veth IF,MAC,HOSTIF,HOSTMAC,BRIDGE[,off], --pin ADDRESS, --tagged VID,
 *	--netdev DEV,
 *	--guard no|require, --src DEV, --neigh DEVS,
 *	--wait MS (ping), --detect first|later|no
 * VZT_FILTER in the environment: bpf, or nft.
 * Exit status 0, or the error's vzctl code with its text on stderr.
 */
#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/num.h"
#include "dp.h"

struct args {
	struct net_plan p;
	struct net_addr addrs[1024];
	struct net_veth veths[16];
	const char *netdev;
	struct net_addr pins[16];
	size_t n_pins;
	uint16_t tagged;
	int wait_ms;
};

static void parse_veth(struct net_veth *v, char *s)
{
	const char **f[] = { &v->ifname, &v->mac, &v->host_ifname, &v->host_mac, &v->bridge };

	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		*f[i] = s ? strsep(&s, ",") : "";
	v->mac_filter = !s || !str_eq(s, "off");
}

/* An address of the last --veth. */
static void pin(struct args *a, const char *text)
{
	struct net_veth *v = &a->veths[a->p.n_veths - 1];

	v->addrs = v->addrs ?: &a->pins[a->n_pins];
	if (net_addr_parse(text, &a->pins[a->n_pins++]) < 0)
		exit(20);
	v->n_addrs++;
}

/* The one VLAN of the last --veth that comes with tags. */
static void tag(struct args *a, const char *text)
{
	struct net_veth *v = &a->veths[a->p.n_veths - 1];

	a->tagged = (uint16_t)atoi(text);
	v->tagged = &a->tagged;
	v->n_tagged = 1;
}

static void parse(struct args *a, char **v)
{
	a->p = (struct net_plan){ .ctid = a->p.ctid, .addrs = a->addrs, .veths = a->veths,
				  .bcast_rate = NET_BCAST_RATE };
	for (; *v; v++) {
		if (str_eq(*v, "--venet"))
			a->p.want_venet = true;
		else if (str_eq(*v, "--veth"))
			parse_veth(&a->veths[a->p.n_veths++], *++v);
		else if (str_eq(*v, "--netdev"))
			a->netdev = *++v;
		else if (str_eq(*v, "--src"))
			a->p.src_dev = *++v;
		else if (str_eq(*v, "--wait"))
			a->wait_ms = atoi(*++v);
		else if (str_eq(*v, "--guard"))
			a->p.guard = str_eq(*++v, "no") ? NET_GUARD_NO : NET_GUARD_REQUIRE;
		else if (str_eq(*v, "--tagged"))
			tag(a, *++v);
		else if (str_eq(*v, "--pin"))
			pin(a, *++v);
		else if (str_eq(*v, "--detect"))
			a->p.detect = **++v == 'f' ? NET_DETECT_FIRST :
				      **v == 'n' ? NET_DETECT_NO : NET_DETECT_LATER;
		else if (str_eq(*v, "--neigh"))
			a->p.neigh_devs = *++v;
		else if (net_addr_parse(*v, &a->addrs[a->p.n_addrs++]) < 0)
			exit(20);
	}
}

/* Attach and detach, microseconds of the median attach. */
static int bench(const struct net_plan *p, int fd, struct vz_err *e)
{
	double us[50], t;

	for (size_t i = 0; i < ARRAY_SIZE(us); i++) {
		struct timespec a, b;
		int r;

		clock_gettime(CLOCK_MONOTONIC, &a);
		r = net_attach(p, fd, e);
		clock_gettime(CLOCK_MONOTONIC, &b);
		if (r >= 0)
			r = net_detach(p, e);
		if (r < 0)
			return r;
		us[i] = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
	}
	for (size_t i = 0; i < ARRAY_SIZE(us); i++) {
		for (size_t k = i + 1; k < ARRAY_SIZE(us); k++) {
			if (us[k] < us[i]) {
				t = us[i];
				us[i] = us[k];
				us[k] = t;
			}
		}
	}
	printf("min %.0f median %.0f max %.0f us\n", us[0], us[25], us[49]);
	return 0;
}

static uint16_t checksum(const uint16_t *p, size_t n)
{
	uint32_t sum = 0;

	while (n--)
		sum += *p++;
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~(sum + (sum >> 16));
}

/*
 * Connected and raw: only the answer of @a itself is seen.  0, or 1 without one in @wait_ms.
 * Sent again each half second: a link that has just come up drops what comes before its
 * queue is there, which on a busy machine is not at once (net/core/link_watch.c).
 */
static int ping(const struct net_addr *a, int wait_ms)
{
	bool v6 = a->family == AF_INET6;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	/* type, code, checksum, id, sequence: the same in RFC 792 and RFC 4443 */
	uint16_t echo[4] = { htons(v6 ? ICMP6_ECHO_REQUEST << 8 : ICMP_ECHO << 8), 0, 0x7a76, 1 };
	int fd = socket(a->family, SOCK_RAW | SOCK_CLOEXEC, v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	uint8_t reply = v6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t buf[128];

	memcpy(&to4.sin_addr, a->a, 4);
	memcpy(&to6.sin6_addr, a->a, 16);
	if (!v6)
		echo[1] = checksum(echo, 4);
	if (connect(fd, v6 ? (void *)&to6 : (void *)&to4, v6 ? sizeof(to6) : sizeof(to4)) < 0)
		return 1;
	for (; wait_ms > 0; wait_ms -= 500) {
		/* May be refused at first: a neighbour that was asked for in vain. */
		(void)send(fd, echo, sizeof(echo), 0);
		while (poll(&pfd, 1, wait_ms < 500 ? wait_ms : 500) == 1) {
			ssize_t n = recv(fd, buf, sizeof(buf), 0);
			size_t at = v6 ? 0 : 20;	/* IPv4: its header, without options */

			if (n >= (ssize_t)at + 8 && buf[at] == reply &&
			    !memcmp(buf + at + 4, echo + 2, 4))
				return 0;
			if (n < 0)
				break;
		}
	}
	return 1;
}

static int show_maps(struct vz_err *e)
{
	static const char *const names[] = {
		[DP_ports] = "ports", [DP_own] = "own", [DP_nets] = "nets", [DP_stats] = "stats",
		[DP_slow] = "slow", [DP_peers] = "peers", [DP_owners] = "owners",
	};
	int r = dp_open(e);

	for (size_t i = 0; i < DP_MAPS && r >= 0; i++) {
		_cleanup_free_ void *keys = NULL;
		size_t n;

		r = dp_keys((enum dp_map)i, &keys, &n);
		if (n)
			printf("%s %zu\n", names[i], n);
	}
	return r == -ENOENT ? 0 : r;
}

static int spoil(uint32_t ifindex, bool prog, struct vz_err *e)
{
	int r = dp_open(e);

	if (r < 0)
		return r;
	return prog ? dp_detach(DP_INGRESS, ifindex) : dp_del(DP_ports, &ifindex);
}

static int call(const char *fn, struct args *a, int fd, struct vz_err *e)
{
	struct net_plan *p = &a->p;
	const struct net_addr *last = &a->addrs[p->n_addrs ? p->n_addrs - 1 : 0];
	struct net_stat st;
	int r;

	if (str_eq(fn, "attach"))
		return net_attach(p, fd, e);
	if (str_eq(fn, "netdev")) {
		struct net_netdev d;

		r = net_netdev_get(a->netdev, &d, false, e);
		return r < 0 ? r : net_netdev_move(fd, &d, e);
	}
	if (str_eq(fn, "maps"))
		return show_maps(e);
	if (str_eq(fn, "spoil") || str_eq(fn, "spoil2"))
		return spoil(if_nametoindex(a->netdev), str_eq(fn, "spoil"), e);
	if (str_eq(fn, "detach"))
		return net_detach(p, e);
	if (str_eq(fn, "setup"))
		return net_node_setup(p, e);
	if (str_eq(fn, "bench"))
		return bench(p, fd, e);
	if (str_eq(fn, "add"))
		return net_addrs_add(p, fd, last, 1, e);
	if (str_eq(fn, "ping"))
		return ping(last, a->wait_ms) ? vz_fail(e, VZ_SYSTEM_ERROR, ETIMEDOUT, "ping") : 0;
	if (str_eq(fn, "inuse"))
		return net_addrs_check(p, last, 1, e);
	if (str_eq(fn, "vethadd"))
		return net_veth_add(p, fd, &a->veths[0], e);
	if (str_eq(fn, "vethdel"))
		return net_veth_del(p->ctid, &a->veths[0], e);
	if (str_eq(fn, "del")) {
		p->n_addrs--;	/* the plan is what remains */
		return net_addrs_del(p, fd, last, 1, e);
	}
	r = net_stat(p->ctid, &st, e);
	if (r >= 0)
		printf("rx %llu/%llu tx %llu/%llu\n", (unsigned long long)st.rx_packets,
		       (unsigned long long)st.rx_bytes, (unsigned long long)st.tx_packets,
		       (unsigned long long)st.tx_bytes);
	return r;
}

int main(int argc, char **argv)
{
	const char *filter = getenv("VZT_FILTER");
	static struct args a;
	struct vz_err e = VZ_ERR_INIT;
	int fd = -EBADF, r;

	vz_log_setup(&(struct vz_log_conf){ .prog = "netns-call", .verbosity = 1 });
	if (argc < 4 || num_parse_u32(argv[2], &a.p.ctid) < 0)
		return 20;
	a.wait_ms = 4000;
	parse(&a, argv + 4);
	if (filter && str_eq(filter, "bpf"))
		a.p.filter = NET_FILTER_BPF;
	if (!str_eq(argv[3], "-"))
		fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	r = call(argv[1], &a, fd, &e);
	if (r != 0)
		fprintf(stderr, "%d %s: %s\n", e.code, e.room, e.msg);
	return r == 0 ? 0 : e.code;
}
