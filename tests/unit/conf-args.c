// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of create and set: spellings, values, refusals, exit codes. */
#include <stdarg.h>

#include "base/log.h"
#include "base/num.h"
#include "conf/conf.h"
#include "tests/lib/tap.h"

static struct conf *c;
static struct vz_err e;
static bool save;
static const char *mode, *passwd;

/* Lives as long as the case's process; reachable, so no leak to LSan. */
static void *keep(void *p)
{
	static void *kept[4096];
	static size_t n;

	if (n < ARRAY_SIZE(kept))
		kept[n++] = p;
	return p;
}

/* Parses the words behind @when and applies them to the global conf; the exit code. */
static int run(unsigned int when, ...)
{
	const struct conf_extra_opt extra[] = {
		{ "save", 0, false, &save, NULL },
		{ "setmode", 0, true, NULL, &mode },
		{ "userpasswd", 0, true, NULL, &passwd },
	};
	struct conf_change *ch = conf_change_new();
	char *argv[16];
	int argc = 0, r;
	va_list ap;

	va_start(ap, when);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	e = VZ_ERR_INIT;
	if (!c)
		c = conf_new();
	r = conf_parse_args(argc, argv, when, extra, ARRAY_SIZE(extra), ch, &e);
	if (r == 0)
		r = conf_apply(c, ch, &e);
	conf_change_free(ch);
	return r < 0 ? e.code : 0;
}

#define SET(...) run(WHEN_SET, __VA_ARGS__, NULL)

static const char *fmt(enum param_id p)
{
	return keep(conf_format(c, p));
}

TEST(spellings)
{
	is_int(SET("--onboot", "yes", "--cpuunits=2000", "--save", "--setmode", "restart"), 0);
	is_str(fmt(P_ONBOOT), "yes");
	is_int(conf_u64(c, P_CPUUNITS, 0), 2000);
	ok(save);
	is_str(mode, "restart");
	is_int(SET("--stop_timeout", "60", "--ha-enable", "yes"), 0);
	is_int(conf_u64(c, P_STOP_TIMEOUT, 0), 60);
	is_int(SET("--descr=a b", "-p", "100:200", "-k2M"), 0);
	is_str(fmt(P_DESCRIPTION), "a b");
	is_str(fmt(P_NUMPROC), "100:200");
	is_str(fmt(P_KMEMSIZE), "2097152");
	is_int(SET("--layout", "dir"), 21);
	is_int(run(WHEN_CREATE, "--velayout", "ploop:raw", NULL), 0);
	is_str(conf_str(c, P_VE_LAYOUT), "ploop:raw");
}

TEST(mistakes)
{
	is_int(SET("--disk", "1G"), 21);
	is_str(e.msg, "option '--disk' is ambiguous");
	is_int(SET("--nosuch", "1"), 21);
	is_int(SET("--onboot"), 21);
	is_int(SET("--save=1"), 21);
	is_int(SET("-Z"), 21);
	is_int(SET("--"), 0);
	is_int(SET("stray"), 20);
	is_str(e.msg, "Invalid extra arguments: stray");
	is_int(SET("--save", "--", "--onboot"), 20);
	is_int(SET("--onboot", "maybe"), 21);
	ok(strncmp(e.msg, "Bad parameter for --onboot: maybe", 33) == 0);
	is_int(SET("--cpuunits", "7"), 21);
	is_int(SET("--cpuunits", "-1000"), 21);
	is_int(SET("--numproc", "10k"), 21);
	is_int(SET("--kmemsize", "99999999999999999999"), 21);
	is_int(SET("--physpages", "1:"), 21);
	is_int(SET("--physpages", ""), 21);
	is_int(SET("--nodemask", "0"), 20);
	is_int(SET("--nodemask", "0", "--cpumask", "all"), 0);
	is_int(SET("--cpumask", "3-1"), 21);
	is_int(SET("--cpumask", "0,"), 21);
}

TEST(refused_with_a_hint)
{
	is_int(SET("--pci_add", "0:1.0"), 21);
	ok(strstr(e.msg, "--netdev_add") != NULL);
	is_int(SET("--pci_del", "0:1.0"), 21);
	is_int(SET("--slmmode", "ubc"), 20);
	is_int(SET("--crypted", "x"), 20);
	is_int(SET("--device-add", "hdd"), 20);
	is_int(SET("--cpulimit", "500m"), 21);
}

TEST(units)
{
	struct conf_pair p;

	ok(SET("--ram", "512M", "--swap", "unlimited") == 0);
	is_str(fmt(P_PHYSPAGES), "0:512M");
	is_str(fmt(P_SWAPPAGES), "0:unlimited");
	is_int(SET("--memory=4097"), 0);
	ok(conf_pair(c, P_PHYSPAGES, &p) && p.bar == 0);
	is_int(p.lim, 4096 / sysconf(_SC_PAGESIZE) + 1);
	is_int(SET("--privvmpages", "1G:unlimited"), 0);
	ok(conf_pair(c, P_PRIVVMPAGES, &p) && p.lim == VZ_UNLIMITED);
	is_int(p.bar, (1 << 30) / sysconf(_SC_PAGESIZE));
	is_int(SET("--vmguarpages", "unlimited"), 0);
	is_str(fmt(P_VMGUARPAGES), "9223372036854775807:9223372036854775807");
	is_int(SET("--lockedpages", "2P"), 0);
	is_str(fmt(P_LOCKEDPAGES), "2");
	is_int(SET("--diskspace", "2G:2.2g"), 0);
	is_str(fmt(P_DISKSPACE), "2097152:2306867");
	is_int(SET("--diskspace", "1000"), 0);
	is_str(fmt(P_DISKSPACE), "1000:1000");
	is_int(SET("--diskinodes", "200k"), 0);
	is_str(fmt(P_DISKINODES), "204800:204800");
	is_int(SET("--iolimit", "10"), 0);
	is_int(conf_u64(c, P_IOLIMIT, 0), 10485760);
	is_int(SET("--iolimit", "10K"), 0);
	is_int(conf_u64(c, P_IOLIMIT, 0), 10240);
	is_int(SET("--iolimit", "unlimited", "--iopslimit", "unlimited"), 0);
	is_int(conf_u64(c, P_IOLIMIT, 1), 0);
	is_int(SET("--cpulimit", "150%"), 0);
	is_int(conf_u64(c, P_CPULIMIT, 0), 150);
}

TEST(addresses)
{
	is_int(SET("--ipadd", "192.0.2.1/24", "--ipadd=2001:DB8:0::1 10.0.0.1",
		   "--ip", "0.0.0.0"), 0);
	is_str(fmt(P_IP_ADDRESS), "192.0.2.1/24 2001:db8::1 10.0.0.1");
	is_int(SET("--ipdel", "2001:0db8::1"), 0);
	is_str(fmt(P_IP_ADDRESS), "192.0.2.1/24 10.0.0.1");
	is_int(SET("--ipadd", "192.0.2.1/32"), 0);
	is_str(fmt(P_IP_ADDRESS), "10.0.0.1 192.0.2.1/32");
	/* Deletions come first wherever they stand. */
	is_int(SET("--ipadd", "10.9.9.9/255.255.255.0", "--ipdel", "all"), 0);
	is_str(fmt(P_IP_ADDRESS), "10.9.9.9/24");
	is_int(SET("--ipadd", "10.0.0.256"), 21);
	is_int(SET("--ipadd", "10.0.0.1/33"), 21);
	is_int(SET("--ipadd", "10.0.0.1/255.0.255.0"), 21);
	is_int(SET("--ipadd", "host"), 21);
	is_int(SET("--ipdel", ""), 21);
	is_int(SET("--nameserver", "192.0.2.53 2001:db8::53", "--nameserver", "10.0.0.53"), 0);
	is_str(fmt(P_NAMESERVER), "192.0.2.53 2001:db8::53 10.0.0.53");
	is_int(SET("--nameserver", "inherit"), 0);
	is_str(fmt(P_NAMESERVER), "inherit");
	is_int(SET("--nameserver", "ns.example.com"), 21);
}

TEST(interfaces)
{
	const struct conf_netif *n;

	is_int(SET("--netif_add", "eth0,00:18:51:aa:bb:cc,veth101.0.,00:18:51:dd:ee:ff,br0"), 0);
	is_str(fmt(P_NETIF), "ifname=eth0,bridge=br0,mac=00:18:51:AA:BB:CC,"
			     "host_ifname=veth101.0.,host_mac=00:18:51:DD:EE:FF");
	is_int(SET("--netif_add", "eth1,,,,br1", "--netif-add", "eth2"), 0);
	is_int(conf_netifs(c, &n), 3);
	is_str(n[1].bridge, "br1");
	is_int(SET("--mac_filter", "off", "--ifname", "eth1", "--bridge", "",
		   "--gw", "10.0.0.1"), 0);
	is_int(conf_netifs(c, &n), 3);
	ok(!n[1].mac_filter);
	is_str(n[1].bridge, "");
	is_str(n[1].extra, "gw=10.0.0.1");
	is_int(SET("--netif_del", "eth0", "--netif_del", "eth2"), 0);
	is_str(fmt(P_NETIF), "ifname=eth1,mac_filter=off,gw=10.0.0.1");
	is_int(SET("--ifname", "eth7", "--mac", "00:18:51:00:00:01"), 20);
	is_str(e.msg, "device eth7 is not configured, use --netif_add option first");
	is_int(SET("--mac", "00:18:51:00:00:01"), 20);
	is_int(SET("--ifname", "eth1"), 20);
	is_int(SET("--ifname", "eth1", "--mac", "01:18:51:00:00:01"), 21);
	is_int(SET("--netif_add", "averyveryverylongname"), 21);
	is_int(SET("--netif_add", "../x"), 21);
	is_int(SET("--netif_add", "eth0,;"), 0);
	is_int(SET("--netif_add", "eth5,a,b,c,d,e"), 21);
	is_int(SET("--netif_add", ""), 21);
	is_int(SET("--netif_del", "all"), 0);
	is_int(conf_netifs(c, &n), 0);
}

TEST(interface_vlan_mtu)
{
	char text[CONF_VLAN_STRLEN], many[512] = "1";
	const struct conf_netif *n;

	is_int(SET("--netif_add", "eth0,bridge=br0,vlan=10+20+4094,mtu=68,mac_filter=off"), 0);
	is_str(fmt(P_NETIF), "ifname=eth0,bridge=br0,mac_filter=off,vlan=10+20+4094,mtu=68");
	is_int(conf_netifs(c, &n), 1);
	is_int(n->pvid, 10);
	is_int(n->n_tagged, 2);
	is_int(n->tagged[1], 4094);
	is_int(SET("--ifname", "eth0", "--vlan", "+30", "--mtu", "65535"), 0);
	is_str(fmt(P_NETIF), "ifname=eth0,bridge=br0,mac_filter=off,vlan=+30,mtu=65535");
	is_int(SET("--ifname", "eth0", "--vlan", "", "--mtu", "", "--ipaddr",
		   "192.0.2.1/24+2001:db8::1/64"), 0);
	is_str(fmt(P_NETIF), "ifname=eth0,bridge=br0,mac_filter=off,"
			     "ipaddr=192.0.2.1/24+2001:db8::1/64");
	conf_netifs(c, &n);
	is_str(conf_netif_extra(n, "ipaddr", text, sizeof(text)), "192.0.2.1/24+2001:db8::1/64");
	is_str(conf_netif_extra(n, "ip", text, sizeof(text)), "");
	for (int i = 2; i <= CONF_VLANS_MAX + 1; i++)
		sprintf(many + strlen(many), "+%d", i);
	is_int(SET("--ifname", "eth0", "--vlan", many), 0);
	conf_netifs(c, &n);
	is_str(conf_netif_vlan(n, text), many);
	strcat(many, "+99");
	is_int(SET("--ifname", "eth0", "--vlan", many), 21);
	for (size_t i = 0; i < 2; i++) {
		static const char *const bad[][2] = { { "0", "67" }, { "4095", "65536" } };

		is_int(SET("--ifname", "eth0", "--vlan", bad[i][0]), 21);
		is_int(SET("--ifname", "eth0", "--mtu", bad[i][1]), 21);
	}
	is_int(SET("--ifname", "eth0", "--vlan", "10+10"), 21);
	is_int(SET("--ifname", "eth0", "--vlan", "+"), 21);
	is_int(SET("--ifname", "eth0", "--vlan", "1-5"), 21);
	is_int(SET("--ifname", "eth0", "--ipaddr", "192.0.2.1/24,x"), 21);
	is_int(SET("--netif_add", "mac=00:18:51:00:00:01"), 21);
	is_int(SET("--netif_add", "eth1,vlan=0"), 21);
}

static bool first_taken(const char *mac, void *arg)
{
	int *calls = arg;

	ok(strncmp(mac, "00:18:51:", 9) == 0);
	return ++*calls < 3;
}

TEST(interface_mac_is_drawn_until_free)
{
	char *one[] = { (char *)"--netif_add", (char *)"eth3" };
	struct conf_change *ch = keep(conf_change_new());
	int calls = 0;

	is_int(conf_parse_args(2, one, WHEN_SET, NULL, 0, ch, &e), 0);
	conf_change_fill_netif(ch, 101, first_taken, &calls);
	is_int(calls, 3);
}

TEST(interface_names_are_filled_in)
{
	const struct conf_netif *n;
	char *one[] = { (char *)"--netif_add", (char *)"eth3" };
	struct conf_change *ch = keep(conf_change_new());

	c = conf_new();
	is_int(conf_parse_args(2, one, WHEN_SET, NULL, 0, ch, &e), 0);
	is_str(conf_change_added(ch, P_NETIF)->v[0], "eth3");
	conf_change_fill_netif(ch, 2147483644, NULL, NULL);
	is_int(conf_apply(c, ch, &e), 0);
	is_int(conf_netifs(c, &n), 1);
	is_str(n->host_ifname, "vezik0zg.3");
	ok(strncmp(n->mac, "00:18:51:", 9) == 0 && strlen(n->mac) == 17);
	ok(strncmp(n->host_mac, "FE:18:51:", 9) == 0 && strcmp(n->mac + 2, n->host_mac + 2) == 0);
}

TEST(rights)
{
	is_int(SET("--capability", "NET_ADMIN:on", "--capability", "cap_sys_time:off"), 0);
	is_str(fmt(P_CAPABILITY), "NET_ADMIN:on SYS_TIME:off");
	is_int(SET("--capability", "net_admin:off"), 0);
	is_str(fmt(P_CAPABILITY), "NET_ADMIN:off SYS_TIME:off");
	is_int(SET("--capability", "NO_SUCH:on"), 21);
	is_int(SET("--capability", "NET_ADMIN"), 21);
	is_int(SET("--features", "fuse:on ppp:on", "--features", "ppp:off"), 0);
	is_str(fmt(P_FEATURES), "fuse:on ppp:off");
	is_int(SET("--devices", "c:10:229:rw", "--devices", "b:8:all:none"), 0);
	is_str(fmt(P_DEVICES), "c:10:229:rw b:8:all:none");
	is_int(SET("--devices", "b:7:0:rw"), 21);
	is_int(SET("--devices", "x:1:1:rw"), 21);
	is_int(SET("--devices", "c:1:1"), 21);
	is_int(SET("--devnodes", "net/tun:rw"), 0);
	is_str(fmt(P_DEVNODES), "net/tun:rw");
	is_int(SET("--devnodes", "../etc/shadow:rw"), 21);
	is_int(SET("--netfilter", "FULL"), 0);
	is_str(fmt(P_NETFILTER), "full");
}

TEST(text)
{
	is_int(SET("--hostname", "web1.example.com"), 0);
	is_int(SET("--hostname", "a b"), 21);
	is_int(SET("--hostname", "a\nb"), 21);
	is_int(SET("--hostname", ""), 0);
	ok(!conf_has(c, P_HOSTNAME));
	is_int(SET("--name", "-x"), 21);
	is_int(SET("--name", "a/b"), 21);
	is_int(SET("--description", "line\nline"), 21);
	is_int(SET("--private", "relative"), 21);
	is_int(SET("--private", "/a/../b"), 21);
	is_int(SET("--private", "/a/`id`"), 21);
	is_int(SET("--private", "/srv/$VEID/"), 0);
	is_str(fmt(P_VE_PRIVATE), "/srv/$VEID");
	is_int(SET("--ostemplate", "../x"), 21);
	is_int(SET("--bindmount_add", "/srv/a:/data,ro"), 0);
	is_int(SET("--bindmount_add", "/srv/a"), 21);
	/* A line of its own in the file would be a parameter of its own. */
	is_int(SET("--bindmount_add", "/srv/a:/data\nCAPABILITY=x"), 21);
	is_int(SET("--bindmount_del", "/data"), 0);
	is_str(fmt(P_BINDMOUNT), "");
}

/* The password never gets into what is saved. */
TEST(userpasswd_is_an_extra)
{
	is_int(SET("--userpasswd", "root:secret"), 0);
	is_str(passwd, "root:secret");
	param_for_each(p)
		ok(!conf_has(c, p));
}

TAP_MAIN()
