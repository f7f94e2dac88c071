#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The network of a virtual machine as containers have it: routed addresses, NAT, forwards,
# caps, counters; and the guard: root of a guest makes the attacks of guard.t (the same
# frames) from a bridged interface, one with known addresses, and the routed one.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
. "$lib/lan.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
frames=${VZ_BUILD:-$top/build/debug}/tests/host/frames
[ -x "$frames" ] || skip_all "$frames is missing: make MODE=debug tests"
ip link add br0 type bridge 2>/dev/null || skip_all "no bridges in this kernel"
nft list ruleset >/dev/null 2>&1 || skip_all "no nf_tables in this kernel, or no nft"
node_make 'NAT_NETWORK="10.200.0.0/16"'
export VZ_VMMDIR=$node/vmm
guest_agent || skip_all "$guest_why"
cp "$frames" "$guest_extra/frames"
guest_modules+=" ipv6 af_packet"
guest_make || skip_all "$guest_why"

# ---- the network -----------------------------------------------------------------------

lan_make
lan_addrs
in_lan ip link set lo up
in_lan ip route add 198.51.100.0/24 via 192.0.2.1
in_lan ip -6 route add 2001:db8:5::/48 via 2001:db8::1
ven4=198.51.100.11 ven6=2001:db8:5::11 peer4=198.51.100.12 peer6=2001:db8:5::12
pin4=192.0.2.21 pin6=2001:db8::21
own=02:18:51:00:00:01 pin=02:18:51:00:00:02 other=02:18:51:00:00:03
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for d in br0 brlan; do until_ok 5 eval 'ip -6 route show table local dev $d | grep -q "^local fe80"'; done
nothing=$(leak_snapshot)
tables=$(nft list tables)

vzctl --quiet create $ct2 --ostemplate minimal >/dev/null &&
	vzctl --quiet set $ct2 --ipadd $peer4 --ipadd $peer6 --netif_add "eth0,$other,,,br0" --save >/dev/null &&
	vzctl --quiet start $ct2 >/dev/null || bail "the neighbour"
vzctl exec2 $ct2 'ip link set eth0 up'
run vzctl create $ct "${vm_args[@]}" --ipadd $ven4 --ipadd $ven6 --netif_add "eth0,$own,,,br0" \
	--netif_add "eth1,$pin,,,br0,ipaddr=$pin4/24+$pin6/64"
is $rc 0 "create with --ipadd and --netif_add" || bail "$err"
like "$(vzctl start $ct --dry-run)" 'vm.router.*169.254.0.1' "start --dry-run: a router"
run vzctl start $ct
is "$rc $err" "0 " "start" || bail "$err"
like "$(ip route show $ven4)" "dev venet0.$ct proto 118" "the node has a route"
is "$(ip neigh show proxy | grep -c "^$ven4")" 0 "no neighbour asks for it: it is in no uplink's network"
ok "the agent comes" until_ok 120 vzctl exec2 $ct true || { diag "$(vm_console $ct | tail -n 20)" "$(tail "$node/vzctl.log")"; bail "no agent"; }
guest() { vzctl exec2 $ct "$@"; }
vmac=$(printf '02:76:%02x:%02x:%02x:%02x' $((ct >> 24)) $((ct >> 16 & 255)) $((ct >> 8 & 255)) $((ct & 255)))
# As cloud-init names them.
guest "cd /sys/class/net; for d in eth*; do ip link set \$d name x\$d; done
	for p in venet0=$vmac eth0=$own eth1=$pin; do for d in xeth*; do [ \"\$(cat \$d/address)\" = \${p#*=} ] && ip link set \$d name \${p%%=*}; done; done
	ip link set eth0 up; ip link set eth1 up"
like "$(guest 'ls /sys/class/net' | xargs)" 'eth0 eth1 lo venet0' "three interfaces in the guest"

# ---- routed addresses --------------------------------------------------------------------

# There is no cloud-init in this guest: the change of a running one comes by the agent.
run vzctl set $ct --ipdel $ven4 --ipdel $ven6 --save
is "$rc $err" "0 " "--ipdel of a running one"
is "$(ip route show $ven4)" "" "... no route any more"
run vzctl set $ct --ipadd $ven4 --ipadd $ven6 --save
is "$rc $err" "0 " "--ipadd of a running one"
unlike "$out" 'next start' "... the agent took it"
like "$(guest 'ip -o addr show dev venet0')" "$ven4/32.*$ven6/128" "the guest has the addresses"
like "$(guest 'ip route')" 'default via 169.254.0.1 dev venet0' "... and a default route"
ok "node to guest" busybox ping -c 2 -W 3 $ven4
ok "node to guest, IPv6" busybox ping -c 2 -W 3 $ven6
ok "a station of the LAN to the guest" in_lan busybox ping -c 2 -W 3 $ven4
ok "... IPv6" in_lan busybox ping -c 2 -W 3 $ven6
ok "container to guest" vzctl exec2 $ct2 "ping -c 2 -W 3 $ven4 >/dev/null"
ok "guest to container" guest "ping -c 2 -W 3 $peer4 >/dev/null"
ok "guest to the LAN" guest "ping -c 2 -W 3 192.0.2.2 >/dev/null"
ok "... IPv6" guest "ping -c 2 -W 3 2001:db8::2 >/dev/null"
is "$(vznet check $ct 2>&1)" "" "vznet check: as configured"
code 78 "$peer4" "an address that the container has is refused" vzctl set $ct --ipadd $peer4
run vzctl set $ct --ipadd 2001:db8:5:7::/64
is "$rc" 0 "a prefix"
ok "... its first address is the guest's" until_ok 8 in_lan busybox ping -c 1 -W 1 2001:db8:5:7::1
guest 'ip addr add 2001:db8:5:7::77/128 dev venet0'
ok "... and any other that it takes" until_ok 8 in_lan busybox ping -c 1 -W 1 2001:db8:5:7::77
run vzctl set $ct --ipdel 2001:db8:5:7::/64
ok "... until it is taken back" eval '! in_lan busybox ping -c 1 -W 1 2001:db8:5:7::1'

# ---- NAT, forwards --------------------------------------------------------------------------

run vzctl set $ct --ipadd auto --save
is $rc 0 "--ipadd auto" || diag "$err"
priv=$(sed -n 's/.*chosen: *//p' <<<"$out")
ok "node to the private address" busybox ping -c 2 -W 3 "$priv"
nsenter -t $lan -n python3 -c '
import socket
s = socket.create_server(("192.0.2.2", 7070))
while True:
    c, a = s.accept(); c.sendall(a[0].encode() + b"\n"); c.close()' &
srv=$!
disown $srv
defer "kill $srv"
until_ok 5 in_lan sh -c 'ss -ltn | grep -q 7070'
guest "ip route add 192.0.2.2/32 via 169.254.0.1 dev venet0 src $priv"
is "$(guest 'nc 192.0.2.2 7070 </dev/null')" 192.0.2.1 "what the private address sends is masqueraded"
guest 'ip route del 192.0.2.2/32'
run vzctl set $ct --portfwd 18080:80 --save
is "$rc $err" "0 " "--portfwd of a running one"
guest 'mkdir -p /www; echo from-the-guest >/www/index.html; httpd -p 80 -h /www'
is "$(timeout 20 nsenter -t $lan -n busybox wget -qO - http://192.0.2.1:18080/ 2>&1)" from-the-guest "a page of the guest by a port of the node"
is "$(timeout 20 nsenter -t $lan -n busybox wget -qO - http://$ven4/ 2>&1)" from-the-guest "... and by its address"
code 188 '' "a port that it has is refused to another" vzctl set $ct2 --portfwd 18080:80
run vzctl set $ct --portfwd_del all --ipdel "$priv" --save
is $rc 0 "taken back"

# ---- caps and counters -----------------------------------------------------------------------

guest 'head -c 1000000 /dev/zero >/www/big'
rx=$(vzlist -Ho net_out $ct | tr -d ' ')
took() { local t; t=$(date +%s%N); timeout 30 "$@" >/dev/null; echo $((($(date +%s%N) - t) / 1000000)); }
fast=$(took timeout 20 nsenter -t $lan -n busybox wget -qO /dev/null http://$ven4/big)
ok "traffic is counted" [ $(($(vzlist -Ho net_out $ct | tr -d ' ') - rx)) -ge 1000000 ]
run vzctl set $ct --rate '*:1:2000' --save
is "$rc $err" "0 " "--rate of a running one"
slow=$(took timeout 20 nsenter -t $lan -n busybox wget -qO /dev/null http://$ven4/big)
# A million bytes at 2 Mbit/s are 4 seconds.
ok "2 Mbit/s hold: $slow ms, without $fast ms" [ "$slow" -ge 3500 -a "$slow" -le 12000 ]
is "$(vznet check $ct 2>&1)" "" "vznet check: the cap is as configured"
run vzctl set $ct --rate '' --save
ok "the cap is gone" [ "$(took timeout 20 nsenter -t $lan -n busybox wget -qO /dev/null http://$ven4/big)" -lt 3000 ]

# ---- attacks -----------------------------------------------------------------------------------

in_b=(nsenter -t "$(init_pid $ct2)" -n)
watch lan nsenter -t $lan -n "$frames" log lan0
watch peer "${in_b[@]}" "$frames" log eth0
watch venet "${in_b[@]}" "$frames" log venet0
watch node "$frames" log br0
seen() { cat "$tap_tmp"/log.{lan,peer,venet,node} | grep -qF "$1"; }
counter() { vznet $ct | awk -v c="^drop_($1)\$" '$1 ~ c {n += $2} END {print n + 0}'; }	# "nd|proto": either
"$top/tests/host/guard-frames.py" own=$own pin=$pin other=$other "bridge=$(mac_of br0)" \
	"lan=$lanmac" \
	"venet=fe${vmac#02}" pin4=$pin4 pin6=$pin6 ven4=$ven4 ven6=$ven6 peer4=$peer4 \
	peer6=$peer6 >"$tap_tmp/attacks" || bail guard-frames.py

one()	# a line of guard-frames.py
{
	local dev=$1 name=$2 counter=$3 drops=$4 bad=$5 needles=$6 good=$7 needle=$8 before n
	before=$(counter "$counter")
	[ "$good" != - ] || good=
	# In order on one port: when the good one is seen, the bad ones were decided upon.
	# The router of the guest takes what is for layer 2 only, and IP that cannot be.
	guest "/frames send $dev ${bad//,/ } $good" >/dev/null || { tap_fail "$dev: $name: sent"; return; }
	if [ -n "$good" ] && ! until_ok 3 seen "$needle"; then
		tap_fail "$dev: $name: the honest one passes"
		return
	fi
	for n in ${needles//,/ }; do
		if seen "$n"; then
			tap_fail "$dev: $name is dropped"
			diag "$(grep -lF "$n" "$tap_tmp"/log.*)"
			return
		fi
	done
	if [ "$dev" = venet0 ]; then
		tap_pass "$dev: $name is dropped"
	else
		is $(($(counter "$counter") - before)) "$drops" "$dev: $name ($counter)"
	fi
}
before4=$(counter ip4) before6=$(counter ip6)
while IFS=$'\t' read -r -a f <&9; do
	# Frames end at the router: what is behind a tag is routed as what it is.
	case ${f[0]}:${f[1]} in venet0:*tag*) continue ;; esac
	one "${f[@]}"
done 9<"$tap_tmp/attacks"
ok "venet0: forged sources are counted by the node's guard" [ "$(counter ip4)" -gt "$before4" ] && [ "$(counter ip6)" -gt "$before6" ]

# What is the guest's own does not change where its packets go: nor does a lie to its router.
guest "ip addr add $peer4/32 dev venet0; ping -c 1 -W 1 -I $peer4 192.0.2.2 >/dev/null; ip addr del $peer4/32 dev venet0"
ok "... the neighbour is where it was" in_lan busybox ping -c 2 -W 3 $peer4
guest "ip link set venet0 down; ip link set venet0 address $other; ip link set venet0 up; ip route add 169.254.0.1/32 dev venet0; ip route add default via 169.254.0.1 dev venet0; ping -c 1 -W 1 192.0.2.2 >/dev/null"
ok "another MAC: it is cut off" eval '! in_lan busybox ping -c 1 -W 1 $ven4'
guest "ip link set venet0 down; ip link set venet0 address $vmac; ip link set venet0 up; ip route add 169.254.0.1/32 dev venet0; ip route add default via 169.254.0.1 dev venet0"
ok "... and back with its own" until_ok 5 in_lan busybox ping -c 1 -W 1 $ven4
pid=$(vm_pid $ct)
is "$(nsenter -t "$pid" -n ss -lntuxH | wc -l)" 0 "nothing listens in the guest's router"

# ---- seed, stop ------------------------------------------------------------------------------

seed=$(strings -n 3 "$node/private/$ct/seed.iso")
like "$seed" "macaddress: \"$vmac\"" "seed: the routed interface"
like "$seed" "\"$ven4/32\"" "seed: its address"
like "$seed" 'via: "169.254.0.1"' "seed: its gateway"
like "$seed" "\"$ven6/128\"" "seed: IPv6"
# An agent that does not come is no reason to refuse.
guest 'kill $(pidof qemu-ga)' >/dev/null 2>&1
until_ok 10 eval '! vzctl exec2 $ct true'
run vzctl set $ct --ipadd 198.51.100.55 --save
is $rc 0 "--ipadd without an agent"
like "$out$err" 'at its next start' "... says when the guest takes it"
like "$(ip route show 198.51.100.55)" "venet0.$ct" "... the node has the route"
run vzctl stop $ct --fast
is $rc 0 "stop"
is "$(ip route show $ven4)$(ip -o link show | grep "venet0.$ct")" "" "routes and links are gone"
for step in vm.router net.attach vm.taps; do
	VZ_FAIL_STEP=$step:after run vzctl start $ct
	is "$rc $(ip -o link show | grep "venet0.$ct")" "3 " "a start that fails behind $step leaves no link"
done
vzctl stop $ct2 --fast >/dev/null
vzctl destroy $ct >/dev/null
vzctl destroy $ct2 >/dev/null
leak_settle
leak_is "$nothing" "nothing is left"
done_testing
