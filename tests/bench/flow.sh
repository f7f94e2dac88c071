#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Throughput and latency of the links of containers beside those made by hand.  Part of
# `make bench`; alone:  VZ_BUILD=build/bench tests/bench/flow.sh [ROUNDS]
# With BPF; VZT_FLOW_FILTER=nft: with nf_tables.
#
# Every figure is a ratio of medians that were measured in turns in this one run.  In
# instructions, which do not stray (a second is a thousand million of them then):
# tests/vm/run --icount --keep DIR tests/bench/flow.sh, and DIR/1-flow.sh.tap
# shellcheck source-path=SCRIPTDIR disable=SC2119
. "$(dirname "$0")/../lib/tap.sh"
node_make "NET_FILTER=\"${VZT_FLOW_FILTER:-bpf}\""
. "$top/tests/bench/lib.sh"
rounds=${1:-25} seconds=0.3
flow=${VZ_BUILD:-$top/build/debug}/tests/bench/flow
client='taskset -c 0' server='taskset -c 1'
if [ "$(nproc)" = 1 ]; then
	rounds=3 client='' server=''
fi

servers=() ha='' hb='' ga='' gb='' na='' nb='' sa='' sb=''	# processes in the network namespaces
# shellcheck disable=SC2317
stop_servers()
{
	kill "${servers[@]}" 2>/dev/null
}
defer stop_servers

serve()	# PID-OF-NETNS
{
	$server nsenter -t "$1" -n "$flow" serve 7777 &
	servers+=($!)
}

# By hand: two namespaces on a bridge, as `ip` makes them.
hand_ns()	# VAR NAME ADDR
{
	unshare -n sleep 3600 &
	printf -v "$1" %s $!
	servers+=($!)
	until [ "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
	ip link add "$2" type veth peer name eth0 netns $!
	ip link set "$2" master brhand up
	nsenter -t $! -n ip addr add "$3/24" dev eth0
	nsenter -t $! -n ip link set eth0 up
}

ip link add brhand type bridge && ip link set brhand up
ip addr add 10.70.0.254/24 dev brhand
hand_ns ha vha 10.70.0.1
hand_ns hb vhb 10.70.0.2
serve "$hb"

bridged()	# VAR CTID BRIDGE ADDR FILTER
{
	make_ct "$2"
	vzctl --quiet set "$2" --netif_add "eth0,,,,$3" --save >/dev/null || bail "netif $2"
	[ "$5" = on ] || vzctl --quiet set "$2" --ifname eth0 --mac_filter off --save >/dev/null || bail mac_filter
	vzctl --quiet start "$2" >/dev/null || bail "start $2"
	vzctl --quiet exec "$2" "ip addr add $4/24 dev eth0; ip link set eth0 up"
	printf -v "$1" %s "$(init_pid "$2")"
}

ip link add brvz type bridge && ip link set brvz up
ip addr add 10.71.0.254/24 dev brvz
c=$((ct + 3))
bridged ga $c brvz 10.71.0.1 on
bridged gb $((c + 1)) brvz 10.71.0.2 on
bridged na $((c + 2)) brvz 10.71.0.3 off
bridged nb $((c + 3)) brvz 10.71.0.4 off
echo 'BRIDGE_SHORTCUT="yes"' >>"$node/etc/vz.conf"
bridged sa $((c + 4)) brvz 10.71.0.5 on
bridged sb $((c + 5)) brvz 10.71.0.6 on
serve "$gb"
serve "$nb"
serve "$sb"
# The host as the other end, bridged by hand and routed by vzctl.
make_ct "$ct2" --ipadd 10.66.0.2
vzctl --quiet start "$ct2" >/dev/null
va=$(init_pid "$ct2")
serve $$

sample()	# NAME KIND PID ADDR
{
	$client nsenter -t "$3" -n "$flow" "$2" "$4" 7777 $seconds >>"$bits/$1.$2" || bail "$1 $2"
}

for ((i = 0; i < rounds; i++)); do
	for kind in stream rr; do
		sample hand $kind "$ha" 10.70.0.2
		sample guarded $kind "$ga" 10.71.0.2
		sample plain $kind "$na" 10.71.0.4
		sample short $kind "$sa" 10.71.0.6
		sample handhost $kind "$ha" 10.70.0.254
		sample venet $kind "$va" 10.70.0.254
	done
done

compare()	# TEXT A B GOAL
{
	local kind unit a b
	for kind in stream rr; do
		unit=Gbit/s
		[ $kind = rr ] && unit=RR/s
		a=$(median "$bits/$2.$kind") b=$(median "$bits/$3.$kind")
		printf '# %-32s %9s %-6s of %9s: %s (goal %s)\n' "$1" "$a" $unit "$b" "$(ratio "$a" "$b")" "$4"
	done
}

compare "bridge, guard on / by hand" guarded hand 1.0
compare "bridge, guard on / off" guarded plain 0.95
compare "the same, BRIDGE_SHORTCUT / by hand" short hand 1.0
compare "venet to the host / by hand" venet handhost 1.0
echo "ok 1 - measured"
echo 1..1
exit 0
