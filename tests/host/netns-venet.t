#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Routed and bridged container networks in throw-away namespaces: this script's
# own one is "the host", a second one the LAN, three are containers.
set -u
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP needs root"
	exit 0
fi
if [ -z "${VZ_NETNS_TEST:-}" ]; then
	exec env VZ_NETNS_TEST=1 VZT_FILTER=nft unshare -n -- "$0" "$@"
fi

top=$(cd "$(dirname "$0")/../.." && pwd)
call=${VZ_BUILD:-$top/build/release}/tests/host/netns-call
[ -x "$call" ] || { echo "Bail out!  $call is missing: make tests"; exit 1; }
n=0
bad=0
pids=()
trap 'kill "${pids[@]}" 2>/dev/null' EXIT

ok() { # COMMAND... -- NAME
	local cmd=()
	while [ "$1" != -- ]; do cmd+=("$1"); shift; done
	shift
	n=$((n + 1))
	if out=$("${cmd[@]}" 2>&1); then
		echo "ok $n - $*"
	else
		bad=1
		echo "not ok $n - $*"
		sed 's/^/# /' <<<"$out"
	fi
}
# Exit status CODE and the text MATCH.
fails() { # CODE MATCH COMMAND...
	local code=$1 match=$2 out rc
	shift 2
	out=$("$@" 2>&1)
	rc=$?
	echo "$rc: $out"
	[ $rc = "$code" ] && [[ $out == *$match* ]]
}
is() { echo "got '$1' want '$2'"; [ "$1" = "$2" ]; }
has() { echo "'$1' lacks '$2'"; [[ $1 == *$2* ]]; }
lacks() { echo "'$1' has '$2'"; [[ $1 != *$2* ]]; }
newns() { # VAR: a namespace held by a process
	unshare -n sleep 1000 &
	pids+=($!)
	printf -v "$1" %s $!
	until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
}
in_ns() { local p=$1; shift; nsenter -t "$p" -n "$@"; }
ping_in() { in_ns "$1" "$call" ping 0 - "$2"; }
rp_drops() { # TcpExt: IPReversePathFilter, two lines: names, values
	awk '/^TcpExt:/ { if (!n) n = split($0, k); else { split($0, v)
		for (i in k) if (k[i] == "IPReversePathFilter") print v[i] } }' /proc/net/netstat
}
silent_in() { fails 3 "timed out" in_ns "$1" "$call" ping 0 - "$2" --wait 300; }
# Everything of ours on this "host": links, routes, proxies.
ours() {
	ip -o link | grep -E 'venet0|veth[0-9]|vn[0-9]'
	ip route show proto 118
	ip -6 route show proto 118
	ip neigh show proxy
	ip -6 neigh show proxy
}

ip link set lo up
newns lan
newns c1
newns c2
newns c3
ip link add up0 type veth peer name lan0 netns /proc/$lan/ns/net
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
echo 0 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/up0/accept_ra
# A proxy's answer waits up to 0.8 s by default (arp(7), proxy_delay): not in a test.
echo 0 >/proc/sys/net/ipv4/neigh/up0/proxy_delay
echo 0 >/proc/sys/net/ipv6/neigh/up0/proxy_delay
# Nor does the LAN's duplicate detection: it would delay its first answers.
echo 0 >/proc/sys/net/ipv6/conf/up0/dad_transmits
in_ns $lan sh -c 'echo 0 >/proc/sys/net/ipv6/conf/lan0/dad_transmits'
ip link set up0 up
in_ns $lan ip link set lan0 up
in_ns $lan ip addr add 192.0.2.2/24 dev lan0
in_ns $lan ip addr add 2001:db8::2/64 dev lan0 nodad
ns1=/proc/$c1/ns/net ns2=/proc/$c2/ns/net ns3=/proc/$c3/ns/net
a1="192.0.2.11 2001:db8::11" a2="192.0.2.12 2001:db8::12"

# --- node
ok "$call" setup 101 - $a1 -- "node setup"
ok is "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs)" "1 1" \
	-- "forwarding is on"
ok is "$(cat /proc/sys/net/ipv6/conf/up0/accept_ra)" 2 -- "a device that took advertisements still does"
ok is "$("$call" setup 101 - $a1 2>&1)" "" -- "a second setup changes nothing"

# --- attach
ok "$call" attach 101 $ns1 $a1 198.51.100.7/24 -- "attach 101"
ok "$call" attach 102 $ns2 $a2 -- "attach 102"
link=$(ip -d link show venet0.101)
ok has "$link" "NOARP,UP,LOWER_UP" -- "host end is up, without ARP"
ok is "$(cat /proc/sys/net/ipv4/conf/venet0.101/{rp_filter,forwarding,accept_redirects,accept_source_route} | xargs)" \
	"1 1 0 0" -- "IPv4 sysctls of the host end"
ok is "$(cat /proc/sys/net/ipv6/conf/venet0.101/{accept_ra,disable_ipv6} | xargs)" "0 0" \
	-- "no advertisement is taken from a container"
ok is "$(ip route show 192.0.2.11)" "192.0.2.11 dev venet0.101 proto 118 scope link " -- "host route"
ok is "$(in_ns $c1 ip -4 -o addr show venet0 | awk '{print $4}' | xargs)" \
	"192.0.2.11/32 198.51.100.7/32" -- "host addresses in order, the stored mask is not used"
ok has "$(in_ns $c1 ip -4 addr show venet0)" "198.51.100.7/32 scope global venet0:1" -- "alias labels"
ok is "$(in_ns $c1 ip -6 -o addr show dev venet0 | grep -c .)" 1 -- "no link-local address on venet0"
ok lacks "$(in_ns $c1 ip -6 addr show venet0)" tentative -- "no duplicate detection"
ok has "$(in_ns $c1 ip route)" "default via 169.254.1.1 dev venet0" -- "IPv4 default route"
ok has "$(in_ns $c1 ip -6 route)" "default via fe80::1 dev venet0 proto 118 src 2001:db8::11" \
	-- "IPv6 default route"
ok has "$(in_ns $c1 ip link show lo)" LOWER_UP -- "lo is up"
for v in 192.0.2.1 192.0.2.2 192.0.2.12 2001:db8::1 2001:db8::2 2001:db8::12; do
	ok ping_in $c1 $v -- "container pings $v"
done
for v in $a1 198.51.100.7; do
	ok "$call" ping 0 - $v -- "host pings $v"
done
for v in $a1; do
	ok ping_in $lan $v -- "the LAN pings $v: proxy ARP and NDP"
done
ok is "$(ip -4 neigh show proxy | sort | xargs)" \
	"192.0.2.11 dev up0 proxy proto 118 192.0.2.12 dev up0 proxy proto 118" \
	-- "proxies only where the subnet is"
# --- a foreign source does not get through
in_ns $c1 ip addr add 192.0.2.66/32 dev venet0
in_ns $c1 ip route replace default via 169.254.1.1 dev venet0 onlink src 192.0.2.66
ok silent_in $c1 192.0.2.2 -- "a stolen source address gets no answer"
ok has "$(nft list set netdev vz_guard drops)" "0x00000001 counter packets 1 " -- "because the guard dropped it"
nft delete table netdev vz_guard
before=$(rp_drops)
ok silent_in $c1 192.0.2.2 -- "nor when somebody deleted the guard"
ok is $(($(rp_drops) - before)) 1 -- "because the reverse path filter dropped it"
in_ns $c1 ip route replace default via 169.254.1.1 dev venet0 onlink
in_ns $c1 ip addr del 192.0.2.66/32 dev venet0

# --- counters
ok has "$("$call" stat 101 -)" "rx " -- "statistics"
in_ns $c1 "$call" ping 0 - 192.0.2.1
ok is "$("$call" stat 101 - | cut -d/ -f2 | grep -c '^[1-9]')" 1 -- "statistics count"
ok fails 3 "venet0.999" "$call" stat 999 - -- "statistics of nobody"

# --- in use
ok fails 78 "used by container 101" "$call" attach 103 $ns3 192.0.2.50 192.0.2.11 -- "an address in use: 78"
ok is "$(ours | grep -E 'venet0.103|192.0.2.50')" "" -- "a failed attach leaves nothing"
ok ping_in $lan 192.0.2.11 -- "and takes nothing from its owner"
ok fails 78 "used by container 101" "$call" inuse 102 - 192.0.2.11 -- "in use, asked"
ok fails 78 "this node's own" "$call" inuse 102 - 192.0.2.1 -- "the node's own address, asked"
ok "$call" inuse 101 - 192.0.2.11 -- "one's own is free"
ok "$call" inuse 101 - 192.0.2.99 -- "a free one is free"
ok fails 78 "container 101" "$call" add 102 $ns2 $a2 2001:db8::11 -- "live: in use is 78"

# --- live
ok "$call" add 101 $ns1 $a1 198.51.100.7 192.0.2.21 -- "add an address"
ok "$call" add 101 $ns1 $a1 198.51.100.7 192.0.2.21 -- "add it again"
ok ping_in $lan 192.0.2.21 -- "it answers"
ok is "$(in_ns $c1 ip -4 addr show venet0 | grep -c inet)" 3 -- "once"
ok "$call" del 101 $ns1 $a1 198.51.100.7 192.0.2.21 -- "delete it"
ok "$call" del 101 $ns1 $a1 198.51.100.7 192.0.2.21 -- "delete it again"
ok silent_in $lan 192.0.2.21 -- "it is silent"
ok lacks "$(ours)" 192.0.2.21 -- "nothing of it stays on the host"
ok lacks "$(in_ns $c1 ip addr)" 192.0.2.21 -- "nor in the container"
ok "$call" del 101 $ns1 198.51.100.7 2001:db8::11 192.0.2.11 -- "delete the first address"
ok ping_in $c1 192.0.2.1 -- "the next one is the source"
ok "$call" del 101 $ns1 2001:db8::11 198.51.100.7 -- "delete the last IPv4 address"
ok is "$(in_ns $c1 ip route)" "" -- "no IPv4 route without an address"
ok "$call" add 101 $ns1 2001:db8::11 192.0.2.11 -- "and back"
ok ping_in $lan 192.0.2.11 -- "it answers again"
ok "$call" del 101 $ns1 192.0.2.11 2001:db8::11 -- "delete the last IPv6 address"
ok is "$(in_ns $c1 ip -6 route show default)" "" -- "no IPv6 default route"
in_ns $c1 ip -6 route add default via fe80::99 dev venet0 proto static
ok "$call" add 101 $ns1 192.0.2.11 2001:db8::11 -- "back, with a default route of the container's own"
ok has "$(in_ns $c1 ip -6 route show default)" fe80::99 -- "which stays"
ok lacks "$(in_ns $c1 ip -6 route show default)" "fe80::1 " -- "alone"
in_ns $c1 ip -6 route del default via fe80::99 dev venet0
ok "$call" add 101 $ns1 2001:db8::2a 192.0.2.11 2001:db8::11 -- "add again repairs the route"
ok has "$(in_ns $c1 ip -6 route show default)" "via fe80::1 dev venet0" -- "although the first address is missing"
ok "$call" add 101 $ns1 192.0.2.11 2001:db8::11 -- "once more"
ok has "$(in_ns $c1 ip -6 route show default)" "src 2001:db8::11" -- "the first address is the source"
in_ns $c1 ip link set venet0 down
in_ns $c1 ip link set venet0 name eth7
in_ns $c1 ip link set eth7 up
ok "$call" add 101 $ns1 2001:db8::11 192.0.2.11 192.0.2.22 -- "a renamed venet0 is found"
ok has "$(in_ns $c1 ip addr show eth7)" 192.0.2.22 -- "and gets the address"
ok "$call" attach 103 $ns3 --venet -- "venet0 without address"
ok is "$(cat /proc/sys/net/ipv6/conf/venet0.103/disable_ipv6)" 1 -- "IPv6 is off on its host end"
ok "$call" add 103 $ns3 2001:db8::13 -- "first IPv6 address, live"
ok ping_in $c3 2001:db8::2 -- "works"
ok "$call" detach 103 - 2001:db8::13 -- "detach"
ok "$call" add 103 $ns3 192.0.2.13 -- "live address without venet0 makes it"
ok ping_in $c3 192.0.2.2 -- "works too"

in_ns $c3 ip link del venet0
ok "$call" add 103 $ns3 192.0.2.13 2001:db8::13 192.0.2.14 -- "a container that deleted its venet0"
ok is "$(in_ns $c3 ip addr show venet0 | grep -c inet)" 3 -- "gets all its addresses back"
ok ping_in $lan 192.0.2.13 -- "and works"

# --- attach again, detach
ok "$call" attach 102 $ns2 $a2 -- "attach twice: the left-over is replaced"
ok ping_in $lan 192.0.2.12 -- "and works"
kill $c2
wait $c2 2>/dev/null
for i in $(seq 100); do ip link show venet0.102 >/dev/null 2>&1 || break; sleep 0.02; done
ok lacks "$(ip -o link)" venet0.102 -- "a dead namespace takes the link along"
ok has "$(ip neigh show proxy)" 192.0.2.12 -- "but not the proxies"
ok "$call" detach 102 - $a2 -- "detach after a crash"
ok "$call" detach 102 - $a2 -- "detach twice"
ok lacks "$(ours)" 2.12 -- "removes them"
ok "$call" detach 101 - 2001:db8::11 -- "detach with a plan that forgot addresses"
ok lacks "$(ours)" venet0.101 -- "links and routes are gone"
ok lacks "$(ours)" "192.0.2.11" -- "and the forgotten proxies"
ok "$call" detach 103 - 192.0.2.13 192.0.2.14 2001:db8::13 -- "detach 103"
ok is "$(ours)" "" -- "nothing stays"

# --- prefixes
newns p1
newns p2
nsp1=/proc/$p1/ns/net nsp2=/proc/$p2/ns/net
ip route add 198.18.0.0/24 dev up0
ok "$call" attach 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 -- "attach with prefixes"
ok is "$(ip -6 route show 2001:db8:1::/64)" "2001:db8:1::/64 dev venet0.101 proto 118 metric 1024 pref medium" \
	-- "the /64 is routed"
ok is "$(ip route show 198.51.100.8/29)" "198.51.100.8/29 dev venet0.101 proto 118 scope link " -- "and the /29"
ok is "$(in_ns $p1 ip -o addr show venet0 | awk '{print $4}' | xargs)" \
	"192.0.2.11/32 198.51.100.9/32 2001:db8:1::1/128" -- "the container has the first address of each"
ok lacks "$(ip -6 neigh show proxy)" 2001:db8:1 -- "no proxy for what the router must route"
ok "$call" ping 0 - 2001:db8:1::1 -- "host pings the first address"
ok fails 3 "ping" "$call" ping 0 - 2001:db8:1::77 --wait 300 -- "an unused one is silent"
in_ns $p1 ip addr add 2001:db8:1::77/128 dev venet0
ok "$call" ping 0 - 2001:db8:1::77 -- "until the container takes it"
in_ns $p1 sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
got() { "$call" stat 101 - | sed 's,^rx \([0-9]*\)/.*,\1,'; }
before=$(got)
"$call" ping 0 - 2001:db8:1::78 --wait 300 2>/dev/null
ok test $(($(got) - before)) -le 3 -- "a router inside does not send it back and forth"
snap=$(ours)
for v in 2001:db8:1::9 2001:db8:1::/64 2001:db8:1::/48 2001:db8:1::/80 198.51.100.12 198.51.100.8/30 198.51.100.0/24 192.0.2.8/29; do
	ok fails 78 "container 101" "$call" attach 102 $nsp2 $v -- "$v overlaps what 101 has: 78"
	ok is "$(ours)" "$snap" -- "and nothing has changed"
done
ok fails 78 "own address 192.0.2.1" "$call" inuse 102 - 192.0.2.0/29 -- "with the node's own address: 78"
ok fails 78 "own address 2001:db8::1" "$call" inuse 102 - 2001:db8::/64 -- "IPv6, too"
ok fails 78 "device up0" "$call" inuse 102 - 198.18.0.0/16 -- "with a network of the node's: 78"
ok "$call" inuse 102 - 198.18.0.64/26 -- "within one is fine"
ok fails 78 "this node's own" "$call" inuse 102 - 192.0.2.255 -- "a broadcast address: 78"
ok "$call" inuse 102 - 2001:db8:2::/64 -- "another prefix is free"
ok "$call" inuse 101 - 2001:db8:1::5 -- "one's own is free"
ok "$call" add 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 2001:db8:1::1 -- "an address of one's own prefix"
ok "$call" del 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 2001:db8:1::1 -- "goes"
ok has "$(in_ns $p1 ip -6 addr show venet0)" "2001:db8:1::1/128" -- "but stays that of the prefix"
ok "$call" add 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 2001:db8:2::/64 -- "live prefix"
ok "$call" add 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 2001:db8:2::/64 -- "twice"
ok "$call" ping 0 - 2001:db8:2::1 -- "works"
ok "$call" del 101 $nsp1 192.0.2.11 2001:db8:1::/64 198.51.100.8/29 2001:db8:2::/64 -- "live delete"
ok lacks "$(in_ns $p1 ip -6 route; in_ns $p1 ip -6 addr)" 2001:db8:2 -- "leaves nothing inside"
ok is "$(ours)" "$snap" -- "nor on the host"
ok "$call" detach 101 - -- "detach"
ok is "$(ours)" "" -- "nothing stays"
ip route del 198.18.0.0/24 dev up0

# --- names
ip link add venet0.101 type veth peer name other
ok fails 34 "venet0.101 is not container 101's" "$call" attach 101 $ns1 192.0.2.11 -- "a foreign device of that name"
ok ip link show venet0.101 -- "which is left alone"
ok "$call" detach 101 - 192.0.2.11 -- "detach leaves it alone, too"
ok ip link show venet0.101 -- "still there"
ip link del venet0.101
newns c4
ok "$call" attach 2147483644 /proc/$c4/ns/net 192.0.2.11 -- "the longest CTID"
ok has "$(ip -o link)" vn2147483644@ -- "short name"
ok "$call" detach 2147483644 - 192.0.2.11 -- "detach it"

# --- many
many=$(for i in $(seq 250); do echo 10.9.0.$i; done)
newns c5
ok "$call" attach 105 /proc/$c5/ns/net $many 2001:db8::15 --neigh list:up0 -- "250 addresses"
ok is "$(ip route show proto 118 | grep -c venet0.105)" 250 -- "250 routes"
ok is "$(ip neigh show proxy | grep -c 10.9.0)" 250 -- "250 proxies"
ok is "$(in_ns $c5 ip -4 addr show venet0 | grep -c inet)" 250 -- "250 addresses inside"
ok ping_in $c5 192.0.2.1 -- "works"
ok fails 78 "container 105" "$call" attach 106 $ns3 $many -- "250 addresses in use"
ok is "$(ip neigh show proxy | grep -c 10.9.0)" 250 -- "stay with their owner"
ok "$call" detach 105 - $many 2001:db8::15 -- "detach"
ok is "$(ours)" "" -- "nothing stays of 250"

# --- a namespace that belongs to a user namespace, as a container's does
unshare -U -n sleep 1000 &
c8=$!
pids+=("$c8")
until [ "$(readlink /proc/$c8/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ok "$call" attach 108 /proc/$c8/ns/net 192.0.2.18 2001:db8::18 -- "owned by a user namespace"
ok "$call" ping 0 - 192.0.2.18 -- "works"
ok "$call" add 108 /proc/$c8/ns/net 192.0.2.18 2001:db8::18 192.0.2.19 -- "live add"
ok "$call" ping 0 - 192.0.2.19 -- "works"
ip route add blackhole 192.0.2.80
ip -6 route add blackhole 2001:db8::80 metric 1024
for v in 192.0.2.80 2001:db8::80; do
	ok fails 34 "cannot add route to $v: File exists" \
		"$call" add 108 /proc/$c8/ns/net 192.0.2.18 2001:db8::18 $v -- "live add of $v that fails late"
	ok lacks "$(in_ns $c8 ip addr)" $v -- "leaves the container as it was"
	ok lacks "$(ip neigh show proxy; ip -6 neigh show proxy)" $v -- "and the host"
	ok ping_in $c8 192.0.2.1 -- "and the rest works"
	ok fails 34 "File exists" "$call" attach 109 $ns3 192.0.2.81 $v -- "so does a start"
	ok lacks "$(ours)" 109 -- "without traces"
done
ip route del blackhole 192.0.2.80
ip -6 route del blackhole 2001:db8::80
ok "$call" detach 108 - 192.0.2.18 2001:db8::18 192.0.2.19 -- "detach"

# --- routes' source, NEIGHBOUR_DEVS=all
ip addr add 203.0.113.1/32 dev lo
newns c6
ok "$call" attach 101 /proc/$c6/ns/net 198.51.100.9 --src up0 --neigh all -- "source device, all devices"
ok has "$(ip route show 198.51.100.9)" "src 192.0.2.1" -- "the route has the device's address"
ok is "$(ip -4 neigh show proxy | xargs)" "198.51.100.9 dev up0 proxy proto 118" -- "all: not lo, not containers"
ok "$call" detach 101 - 198.51.100.9 -- "detach"

# --- veth, bridge, netdev
newns c7
ns7=/proc/$c7/ns/net
if ip link add br0 type bridge 2>/dev/null; then
	ip link set br0 up
	ok "$call" attach 107 $ns7 --veth eth0,00:18:51:00:00:07,,,br0 --veth eth1,,veth107.1.,, -- "bridged and not"
	link=$(ip -d link show veth107.0)
	ok has "$link" "master br0" -- "in its bridge"
	ok has "$link" "link/ether fe:18:51:00:00:07" -- "the bridge will not adopt its MAC"
	ok has "$(in_ns $c7 ip link show eth0)" "00:18:51:00:00:07" -- "the container's MAC"
	ok has "$(in_ns $c7 ip link show eth1)" "00:18:51:" -- "a random one"
	ok ip link show veth107.1. -- "libvirt's trailing dot"
	ok fails 130 "bridge nobr" "$call" vethadd 107 $ns7 --veth eth2,,,,nobr -- "missing bridge: 130"
	ok fails 130 "bad MAC" "$call" vethadd 107 $ns7 --veth eth2,00:18:51:00:00,,, -- "bad MAC: 130"
	ok fails 130 "device br0 is not" "$call" vethadd 107 $ns7 --veth eth2,,br0,, -- "foreign name: 130"
	ok ip link show br0 -- "which is left alone"
	ok "$call" vethadd 107 $ns7 --veth eth2,,,,br0 -- "live add"
	ok "$call" vethdel 107 - --veth eth2,,,, -- "live delete"
	ok "$call" vethdel 107 - --veth eth2,,,, -- "twice"
	ok lacks "$(in_ns $c7 ip link)" eth2 -- "gone inside"
	ok "$call" detach 107 - -- "detach"
	ok is "$(ours)" "" -- "nothing stays"
	ip link del br0
fi
ip link add nic0 type veth peer name nic1
ok "$call" netdev 107 $ns7 --netdev nic1 -- "a host device moves in"
ok has "$(in_ns $c7 ip link)" nic1 -- "inside"
ok fails 104 "nic9" "$call" netdev 107 $ns7 192.0.2.70 --netdev nic9 -- "missing device: 104"
ok lacks "$(ours)" 192.0.2.70 -- "and all is undone"

echo "1..$n"
exit $bad
