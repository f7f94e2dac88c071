// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link.h against the kernel: kinds of links, rules, taps, in namespaces of their own.
 * What was made is looked at with ip(8), and packets go through it.
 */
#include "link.h"
#include "tests/lib/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/spawn.h"

/* The exit status of a script in the current namespace. */
static int shell(const char *script)
{
	const char *argv[] = { "sh", "-euc", script, NULL };
	struct spawn sp = SPAWN_INIT;
	int st;

	sp.path = "/bin/sh";
	sp.argv = argv;
	st = spawn_run(&sp);
	return WIFEXITED(st) ? WEXITSTATUS(st) : st;
}

static int own_ns(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Two namespaces; the process is in the first.  The second's descriptor. */
static int two_ns(int *ret_first)
{
	int second;

	ok(unshare(CLONE_NEWNET) == 0);
	second = own_ns();
	shell("ip link set lo up");
	ok(unshare(CLONE_NEWNET) == 0);
	shell("ip link set lo up");
	*ret_first = own_ns();
	return second;
}

static void go(int ns)
{
	ok(setns(ns, CLONE_NEWNET) == 0);
}

/* Sends the batch in the current namespace: 0 or a negative errno. */
static int commit(struct nl_batch *b)
{
	struct vz_err e = VZ_ERR_INIT;
	struct nl_sock s = NL_SOCK_INIT;
	int r = nl_open(&s);

	if (r == 0)
		r = rtnl_commit(&s, b, VZ_SYSTEM_ERROR, &e);
	if (r < 0)
		printf("# %s\n", e.msg);
	nl_close(&s);
	return r;
}

static int newlink(const struct rtnl_newlink *l)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_newlink(&b, l);
	return commit(&b);
}

static int index_of(const char *name)
{
	return (int)if_nametoindex(name);
}

/* A datagram to @to:7 in namespace @from arrives in @at: its text, "" without. */
static const char *udp(int from, int at, const char *to)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(7777) };
	struct pollfd p = { .events = POLLIN };
	static char buf[16];
	int rx, tx;

	buf[0] = '\0';
	go(at);
	rx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok(bind(rx, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	go(from);
	tx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, to, &sa.sin_addr);
	p.fd = rx;
	/* The first may be lost while a link comes up and a neighbour is asked for. */
	for (int i = 0; i < 40 && !buf[0]; i++) {
		if (sendto(tx, "hello", 6, 0, (struct sockaddr *)&sa, sizeof(sa)) < 0 &&
		    errno != EHOSTUNREACH && errno != ENETUNREACH)
			break;
		if (poll(&p, 1, 100) == 1 && recv(rx, buf, sizeof(buf), 0) <= 0)
			buf[0] = '\0';
	}
	close(rx);
	close(tx);
	return buf;
}

/* Makes the link; false when the kernel has no such kind: said, and nothing more is tested. */
static bool made(const struct rtnl_newlink *l, const char *kind)
{
	int r = newlink(l);

	if (r == -EOPNOTSUPP) {
		printf("# this kernel has no %s: not tested\n", kind);
		return false;
	}
	is_int(r, 0);
	return true;
}

/* The device is up, and has 192.0.2.@host. */
static void set_up(const char *dev, int host)
{
	char script[100];

	snprintf(script, sizeof(script), "ip addr add 192.0.2.%d/24 dev %s; ip link set %s up",
		 host, dev, dev);
	is_int(shell(script), 0);
}

/* A pair, low0 here and up, low1 in namespace @second. */
static int low_pair(int second)
{
	char script[200];

	snprintf(script, sizeof(script), "ip link add low0 type veth peer name low1; "
		 "ip link set low0 up; ip link set low1 netns /proc/%d/fd/%d", getpid(), second);
	is_int(shell(script), 0);
	return index_of("low0");
}

/* The link in place of the one of that name, as 192.0.2.2. */
static void replace(const struct rtnl_newlink *l, const char *old)
{
	char script[50];

	snprintf(script, sizeof(script), "ip link del %s", old);
	is_int(shell(script), 0);
	is_int(newlink(l), 0);
	set_up(l->name, 2);
}

TEST(macvlan)
{
	int first, second = two_ns(&first);
	struct rtnl_newlink l = { .kind = RTNL_MACVLAN, .name = "mv0", .mtu = 1400,
				  .group = 4711, .have_mac = true,
				  .mac = { 2, 0, 0, 0, 0, 1 } };

	is_int(shell("ip link add low0 type veth peer name low1; ip link set low0 up; "
		     "ip link set low1 up"), 0);
	l.lower = index_of("low0");
	if (!made(&l, "macvlan"))
		return;
	is_int(shell("ip -d link show mv0 | tr '\\n' ' ' | grep -q "
		     "'mv0@low0.*mtu 1400.*group 4711.*02:00:00:00:00:01.*mode bridge'"), 0);
	is_int(shell("ip link show mv0 | grep -q 'state DOWN'"), 0);
	is_int(newlink(&l), -EEXIST);
	/* Another, born in the second namespace, over the device of this one. */
	l = (struct rtnl_newlink){ .kind = RTNL_MACVLAN, .name = "mv9", .lower = index_of("low0"),
				   .elsewhere = true, .netns_fd = second };
	is_int(newlink(&l), 0);
	set_up("mv0", 1);
	go(second);
	set_up("mv9", 2);
	is_str(udp(first, second, "192.0.2.2"), "hello");
	/* A private one hears no other. */
	go(first);
	is_int(shell("ip link del mv0"), 0);
	l = (struct rtnl_newlink){ .kind = RTNL_MACVLAN, .name = "mv1", .lower = index_of("low0"),
				   .macvlan_mode = MACVLAN_MODE_PRIVATE };
	is_int(newlink(&l), 0);
	is_int(shell("ip -d link show mv1 | grep -q 'mode private'"), 0);
	set_up("mv1", 1);
	is_str(udp(first, second, "192.0.2.2"), "");
}

TEST(vlan)
{
	int first, second = two_ns(&first);
	struct rtnl_newlink l = { .kind = RTNL_VLAN, .name = "v10", .vlan_id = 10,
				  .lower = low_pair(second) };

	if (!made(&l, "vlan"))
		return;
	is_int(shell("ip -d link show v10 | grep -q 'vlan protocol 802.1Q id 10'"), 0);
	set_up("v10", 1);
	go(second);
	is_int(shell("ip link set low1 up"), 0);
	l = (struct rtnl_newlink){ .kind = RTNL_VLAN, .name = "v20", .vlan_id = 20,
				   .lower = index_of("low1") };
	is_int(newlink(&l), 0);
	set_up("v20", 2);
	is_str(udp(first, second, "192.0.2.2"), "");
	go(second);
	l.name = "v10";
	l.vlan_id = 10;
	replace(&l, "v20");
	is_str(udp(first, second, "192.0.2.2"), "hello");
	l.vlan_id = 4096;
	l.name = "v11";
	go(second);
	is_int(newlink(&l), -ERANGE);
}

TEST(vxlan)
{
	int first, second = two_ns(&first);
	struct rtnl_newlink l = { .kind = RTNL_VXLAN, .name = "vx0", .vxlan = { .vni = 42 },
				  .lower = low_pair(second) };

	is_int(shell("ip addr add 198.51.100.1/24 dev low0"), 0);
	is_int(net_addr_parse("198.51.100.1", &l.vxlan.local), 0);
	is_int(net_addr_parse("198.51.100.2", &l.vxlan.remote), 0);
	if (!made(&l, "vxlan"))
		return;
	is_int(shell("ip -d link show vx0 | grep 'vxlan id 42 remote 198.51.100.2 "
		     "local 198.51.100.1 dev low0' | grep 'dstport 4789' | grep -q nolearning"), 0);
	set_up("vx0", 1);
	go(second);
	is_int(shell("ip addr add 198.51.100.2/24 dev low1; ip link set low1 up"), 0);
	l.lower = index_of("low1");
	l.vxlan.learning = true;
	is_int(net_addr_parse("198.51.100.2", &l.vxlan.local), 0);
	is_int(net_addr_parse("198.51.100.1", &l.vxlan.remote), 0);
	is_int(newlink(&l), 0);
	set_up("vx0", 2);
	is_str(udp(first, second, "192.0.2.2"), "hello");
	/* Another number is another network. */
	go(second);
	l.vxlan.vni = 43;
	replace(&l, "vx0");
	is_str(udp(first, second, "192.0.2.2"), "");
}

static int rule(uint16_t type, uint16_t flags, const struct rtnl_rule *r)
{
	struct nl_batch b;

	nl_batch_reset(&b);
	rtnl_rule(&b, type, flags, r);
	return commit(&b);
}

TEST(rules)
{
	struct net_addr src = { 0 }, dst = { 0 };
	struct rtnl_rule r = { .family = AF_INET, .priority = 100, .table = 77 };
	int first, second = two_ns(&first);

	go(first);
	is_int(shell("ip link add d0 type veth peer name d1; ip addr add 192.0.2.1/24 dev d0; "
		     "ip link set d0 up; ip link set d1 up; "
		     "ip route add 198.51.100.0/24 dev d0 table 77"), 0);
	ok(shell("ip route get 198.51.100.9 2>/dev/null") != 0);
	is_int(net_addr_parse("198.51.100.0/24", &dst), 0);
	r.dst = &dst;
	is_int(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &r), 0);
	is_int(shell("ip rule show | grep -q '^100:.*from all to 198.51.100.0/24 lookup 77 "
		     "proto 118'"), 0);
	is_int(shell("ip route get 198.51.100.9 | grep -q 'dev d0 table 77'"), 0);
	is_int(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &r), -EEXIST);
	is_int(rule(RTM_DELRULE, 0, &r), 0);
	is_int(rule(RTM_DELRULE, 0, &r), -ENOENT);
	ok(shell("ip route get 198.51.100.9 2>/dev/null") != 0);
	/* Without a table: unreachable; by source, device and mark. */
	is_int(net_addr_parse("203.0.113.7", &src), 0);
	r = (struct rtnl_rule){ .family = AF_INET, .priority = 101, .src = &src, .iif = "d0",
				.mark = 0x10, .mask = 0xf0 };
	is_int(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &r), 0);
	is_int(shell("ip rule show | grep -q '^101:.*from 203.0.113.7 fwmark 0x10/0xf0 iif d0 "
		     "unreachable'"), 0);
	is_int(net_addr_parse("192.0.2.0/24", &dst), 0);
	r = (struct rtnl_rule){ .family = AF_INET, .priority = 102, .dst = &dst };
	is_int(shell("ip route get 192.0.2.50 >/dev/null"), 0);
	is_int(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &r), 0);
	ok(shell("ip route get 192.0.2.50 2>/dev/null") != 0);
	is_int(net_addr_parse("2001:db8:1::/48", &dst), 0);
	r = (struct rtnl_rule){ .family = AF_INET6, .priority = 103, .dst = &dst, .table = 77 };
	is_int(rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &r), 0);
	is_int(shell("ip -6 rule show | grep -q '^103:.*to 2001:db8:1::/48 lookup 77'"), 0);
	/* Nothing of all that is in the other namespace. */
	go(second);
	is_int(shell("ip rule show | grep -c ' 77\\|unreachable' | grep -qx 0"), 0);
}

TEST(tap)
{
	/* To everybody, from 02:..:09, an ethertype for experiments. */
	uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5 };
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(9) };
	int first, second = two_ns(&first), fd, tx;
	struct vz_err e = VZ_ERR_INIT;
	struct pollfd p = { .events = POLLIN };
	uint8_t buf[2048];
	bool arp = false;

	if (access("/dev/net/tun", R_OK) < 0) {
		printf("# no /dev/net/tun: not tested\n");
		return;
	}
	fd = net_tap_make(second, "tap0", &e);
	if (fd < 0)
		printf("# %s\n", e.msg);
	ok(fd >= 0);
	/* There, and the thread is back here. */
	is_int(index_of("tap0"), 0);
	go(second);
	ok(index_of("tap0") > 0);
	is_int(shell("ip -d link show tap0 | grep -q 'tun type tap pi off.*persist on'"), 0);
	set_up("tap0", 1);
	ok(write(fd, frame, sizeof(frame)) == (ssize_t)sizeof(frame));
	is_int(shell("ip -s -s link show tap0 | sed -n '/RX:/{n;s/^ *//;s/ .*//;p;q}' | "
		     "grep -qvx 0"), 0);
	/* What the namespace sends, the descriptor gets: a question for 192.0.2.7. */
	tx = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, "192.0.2.7", &sa.sin_addr);
	ok(sendto(tx, "x", 1, 0, (struct sockaddr *)&sa, sizeof(sa)) == 1);
	p.fd = fd;
	while (!arp && poll(&p, 1, 3000) == 1) {
		ssize_t n = read(fd, buf, sizeof(buf));

		arp = n >= 42 && buf[12] == 0x08 && buf[13] == 0x06 && buf[41] == 7;
	}
	ok(arp);
	close(tx);
	close(fd);
	/* It stays without us, and its name is taken. */
	ok(index_of("tap0") > 0);
	go(first);
	is_int(net_tap_make(second, "tap0", &e), -EBUSY);
	is_int(e.code, VZ_NETDEV_ERROR);
	is_int(net_tap_make(second, "a-name-of-16-let", &e), -ENAMETOOLONG);
	fd = net_tap_make(-EBADF, "tap1", &e);
	ok(fd >= 0 && index_of("tap1") > 0);
}

int main(void)
{
	if (geteuid() != 0) {
		puts("1..0 # SKIP needs root");
		return 0;
	}
	return tap_run();
}
