#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The network's share: of a start, of throughput, of latency.  Part of `make bench`;
# alone:  VZ_BUILD=build/bench tests/bench/net.sh [STARTS [RUNNING [ROUNDS]]]
#
# Every figure is a ratio of medians that were measured in turns in this one run.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
starts=${1:-30} running=${2:-500} rounds=${3:-25}
flow=${VZ_BUILD:-$top/build/bench}/tests/bench/flow
node_make
bits=$tap_tmp/samples
mkdir "$bits"

median()	# FILE
{
	sort -n "$1" | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

# FORMAT of the quotient A / B
ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", b ? a / b : 0}'
}

# ---- a start with and without ------------------------------------------------------

timed_start()	# CTID FILE
{
	local t0 t1
	t0=${EPOCHREALTIME/./}
	vzctl --quiet start "$1" >/dev/null || bail "start $1"
	t1=${EPOCHREALTIME/./}
	vzctl --quiet stop "$1" --fast >/dev/null
	echo $((t1 - t0)) >>"$bits/$2"
}

start_pair()	# NAME
{
	local i
	for ((i = 0; i < starts; i++)); do
		timed_start "$ct" "$1.without"
		timed_start "$ct2" "$1.with"
	done
}

make_ct()	# CTID [OPTION...]
{
	local id=$1
	shift
	vzctl --quiet create "$id" --ostemplate minimal "$@" >/dev/null || bail "create $id"
	# The first start runs scripts inside: not what is measured.
	vzctl --quiet start "$id" >/dev/null && vzctl --quiet stop "$id" --fast >/dev/null
}

make_ct "$ct"
make_ct "$ct2" --ipadd 10.66.0.2
start_pair one
without=$(median "$bits/one.without") with=$(median "$bits/one.with")
one=$((${with%.*} - ${without%.*}))
printf 'start, no network                %7d us\n' "${without%.*}"
printf 'start, one address and guard     %7d us   network %d us (goal 1200)\n' "${with%.*}" $one

base=600000
for ((i = 0; i < running; i++)); do
	id=$((base + i))
	vzctl --quiet create $id --ostemplate minimal --ipadd "10.67.$((i >> 8)).$((i & 255))" >/dev/null &&
		vzctl --quiet start $id >/dev/null || bail "container $id"
done
if [ "$running" -gt 0 ]; then
	start_pair many
	without=$(median "$bits/many.without") many=$(median "$bits/many.with")
	printf 'the same with %4d running       %7d us   network %d us, %s times (goal 1.2)\n' "$running" \
		"${many%.*}" $((${many%.*} - ${without%.*})) "$(ratio "$many" "$with")"
	slice_remove
	for ((i = 0; i < running; i++)); do
		vzctl --quiet stop $((base + i)) --fast >/dev/null 2>&1
		vzctl --quiet destroy $((base + i)) >/dev/null 2>&1
	done
fi

# ---- 500 addresses -----------------------------------------------------------------------

vzctl --quiet start "$ct" >/dev/null
for n in 50 500; do
	args=()
	for ((i = 0; i < n; i++)); do
		args+=(--ipadd "10.68.$((i >> 8)).$((i & 255))")
	done
	t0=${EPOCHREALTIME/./}
	vzctl --quiet set "$ct" "${args[@]}" --save >/dev/null || bail "set --ipadd x $n"
	t1=${EPOCHREALTIME/./}
	vzctl --quiet set "$ct" --ipdel all --save >/dev/null || bail "set --ipdel all"
	t2=${EPOCHREALTIME/./}
	printf 'set of %4d addresses            %7d us   removed in %d us\n' $n $((t1 - t0)) $((t2 - t1))
done
vzctl --quiet stop "$ct" --fast >/dev/null

# ---- traffic -----------------------------------------------------------------------------------

servers=()
# shellcheck disable=SC2317
stop_servers()
{
	kill "${servers[@]}" 2>/dev/null
}
defer stop_servers

serve()	# PID-OF-NETNS
{
	taskset -c 1 nsenter -t "$1" -n "$flow" serve 7777 &
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
serve "$gb"
serve "$nb"
# The host as the other end, bridged by hand and routed by vzctl.
vzctl --quiet start "$ct2" >/dev/null
va=$(init_pid "$ct2")
serve $$

sample()	# NAME KIND PID ADDR
{
	taskset -c 0 nsenter -t "$3" -n "$flow" "$2" "$4" 7777 0.3 >>"$bits/$1.$2" || bail "$1 $2"
}

for ((i = 0; i < rounds; i++)); do
	for kind in stream rr; do
		sample hand $kind "$ha" 10.70.0.2
		sample guarded $kind "$ga" 10.71.0.2
		sample plain $kind "$na" 10.71.0.4
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
		printf '%-32s %9s %-6s of %9s: %s (goal %s)\n' "$1" "$a" $unit "$b" "$(ratio "$a" "$b")" "$4"
	done
}

compare "bridge, guard on / by hand" guarded hand 1.0
compare "bridge, guard on / off" guarded plain 0.95
compare "venet to the host / by hand" venet handhost 1.0
exit 0
