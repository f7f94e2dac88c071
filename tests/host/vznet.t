#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vznet: what is there, and each kind of damage has its line.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
# What guards by BPF is looked at in guard-bpf.t.
export VZT_FILTER=nft
node_make
ct=29001 host=veth29001.0
ip link add br0 type bridge || skip_all "needs bridges"
ip link set br0 up
ip link add up0 type veth peer name up1
ip link set up0 up
ip link set up1 up
ip addr add 192.0.2.1/24 dev up0

inside() { nsenter -t "$(init_pid $ct)" -n "$@"; }
json() { run vznet --json $ct; python3 -c "import json, sys; d = json.load(sys.stdin); print($1)" <<<"$out"; }

# ---- refused --------------------------------------------------------------------------

code 20 'Usage: vznet' "no argument: 20" vznet
code 20 'Usage: vznet' "two containers: 20" vznet 1 2
code 14 'does not exist|not found' "no such container: 14" vznet $ct
code 21 '' "no name: 21" vznet check no/such
run vzctl create $ct --ostemplate minimal --name netted --ipadd 192.0.2.77 --ipadd 2001:db8:9::77
is $rc 0 "create"
run vzctl set $ct --netif_add eth0,00:18:51:aa:00:01,,,br0,mtu=1400 --portfwd 8080:80 \
	--portfwd 9000-9009:7000/udp --rate '*:1:8000' --save
is $rc 0 "with a bridged interface, forwards and a cap" || diag "$out" "$err"
code 31 'not running' "not running: 31" vznet $ct
code 31 'not running' "nor can it be checked" vznet check $ct
quiet "start" vzctl --quiet start $ct

# ---- shown ------------------------------------------------------------------------------

quiet "show" vznet $ct
like "$out" "link venet0.  inside venet0 .*mtu 1500 .*up.  host   venet0.$ct " "venet0, both ends"
like "$out" "inside eth0  *00:18:51:AA:00:01 mtu 1400 .*.  host   $host .*mtu 1400 up bridge br0" "the bridged one"
like "$out" "address 192.0.2.77 on venet0" "an address inside"
like "$out" "route 192.0.2.77 dev venet0.$ct" "its route"
like "$out" "route 2001:db8:9::77 dev venet0.$ct" "that of IPv6"
like "$out" "proxy 192.0.2.77 dev up0" "who answers for it"
like "$out" "guard table netdev vz_guard, ports.* $host" "the guard and its ports"
like "$out" "drop_ip4  *0 packets" "what was dropped"
like "$out" "cap \* class 1 8000 kbit/s" "the cap"
like "$out" "forward tcp 8080 to 192.0.2.77:80" "a forward"
like "$out" "forward udp 9000-9009 to \[2001:db8:9::77\]:7000-7009" "ports in a row are one line"
like "$out" "traffic class 1 in " "traffic"
inside ip addr add 203.0.113.9/32 dev venet0
inside python3 - <<-'X'
	import socket
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	s.bind(("203.0.113.9", 0))
	for i in range(3): s.sendto(b"x", ("192.0.2.1", 9))
X
inside ip addr del 203.0.113.9/32 dev venet0
is "$(json "d['guard']['drops']['drop_ip4']['packets']")" 3 "JSON: three were dropped"
is "$(json "[(l['inside']['name'], l['host']['name'], l['bridge']) for l in d['links'] if l['inside'] and l['host']]")" \
	"[('venet0', 'venet0.$ct', None), ('eth0', '$host', 'br0')]" "JSON: links"
is "$(json "len(d['forwards']), d['caps'][0]['bytes_per_second'], d['traffic'][0]['class']")" "4 1000000 1" "JSON: forwards, cap, traffic"
run vznet --json netted
is "$(python3 -m json.tool <<<"$out" | head -2 | tail -1)" "    \"ctid\": $ct," "by name; any JSON parser takes it"

# ---- what its root makes ------------------------------------------------------------------

inside ip link add $'e\033[31m"' type bridge
run vznet $ct
like "$out" 'link e\\x1b\[31m" \(bridge\)' "control characters do not reach a terminal"
is "$(json "[l['inside']['name'] for l in d['links'] if not l['host']][-1]")" $'e\033[31m"' "JSON has the name as it is"
inside ip link del $'e\033[31m"'
for i in $(seq 140); do echo "link add d$i group 7 type bridge"; done >"$tap_tmp/batch"
for i in $(seq 6); do for k in $(seq 200); do echo "addr add 10.$i.0.$k/32 dev d1"; done; done >>"$tap_tmp/batch"
inside ip -batch "$tap_tmp/batch"
quiet "140 links and 1200 addresses of its own" vznet $ct
like "$out" "and [0-9]+ links more .*and [0-9]+ addresses more" "are not all shown"
ok "nor is more than that printed" test "$(wc -l <<<"$out")" -lt 1400
quiet "and change nothing for check" vznet check $ct
inside ip link del group 7
cat >"$tap_tmp/flap" <<-'X'
	while :; do ip link add f0 type bridge; ip link del f0; done 2>/dev/null
X
inside timeout 20 sh "$tap_tmp/flap" &
flap=$!
sleep 0.2
run_timeout=10 run vznet $ct
is $rc 0 "links that come and go all the time stop nobody"
kill $flap
wait $flap 2>/dev/null
inside ip link del f0 2>/dev/null

# ---- checked ------------------------------------------------------------------------------

quiet "check: all is as configured" vznet check $ct
is "$out" "" "and says nothing"
# damaged REGEX NAME: one line and exit status 1
damaged()
{
	run vznet check $ct
	if [ $rc = 1 ] && [ "$(wc -l <<<"$out")" = "${3:-1}" ] && [[ $out =~ $1 ]]; then
		tap_pass "$2"
	else
		tap_fail "$2"
		diag "exit code $rc" "$out" "$err"
	fi
}
repaired()
{
	local line=${out%%$'\n'*}
	run vzctl repair $ct
	is $rc 0 "repair" || diag "$out" "$err"
	[[ $out == *"Repaired: $line"* ]] && tap_pass "says so" || { tap_fail "says so"; diag "$line" "$out"; }
	code 0 '' "brings it back" vznet check $ct
}

ip route del 192.0.2.77 dev venet0.$ct
damaged "venet0: the route to 192.0.2.77 over venet0.$ct is missing" "a route is gone"
is "$(vznet check --json $ct | python3 -c 'import json, sys; print(len(json.load(sys.stdin)["differences"]))')" 1 "the same as JSON"
repaired
ip neigh del proxy 192.0.2.77 dev up0
damaged "venet0: up0 does not answer for 192.0.2.77" "a proxy neighbour is gone"
like "$(vznet $ct)" "proxy 192.0.2.77 dev up0 MISSING" "it is shown as missing"
repaired
ip route add 192.0.2.78 dev venet0.$ct proto 118
damaged "192.0.2.78 is routed to it and not in the configuration" "a route too many"
ip route del 192.0.2.78 dev venet0.$ct
nft delete table inet vz_nat
damaged "entries of table inet vz_nat are missing" "the forwards are gone"
repaired
ip link set venet0.$ct down
damaged "venet0: venet0.$ct is down" "the link is down, and its routes are gone" 3
repaired
inside ip addr del 192.0.2.77/32 dev venet0
damaged "venet0: address 192.0.2.77 is missing inside" "its root has deleted an address"
inside ip addr add 192.0.2.77/32 dev venet0
code 0 '' "and added it" vznet check $ct
# Devices share chains, where the kernel lets them.
chain_with() { nft list table netdev vz_guard | awk -v d="\"$1\"" '$1 == "chain" {c = $2} index($0, d) && /device/ {print c}'; }
nft delete table netdev vz_guard
damaged "nothing guards venet0.$ct: .*nothing guards $host" "the guard is gone" 2
repaired
code 0 'nothing to repair' "nothing to repair" vzctl repair $ct
nft flush chain netdev vz_guard routed6
damaged "guard: chain routed6 of table netdev vz_guard has 0 rules, not" "rules of the guard are gone"
repaired
chain=$(chain_with "$host")
nft insert rule netdev vz_guard "$chain" accept
damaged "guard: chain $chain of table netdev vz_guard has 2 rules, not 1" "one more, that lets all through"
repaired
nft insert rule netdev vz_guard ether_a accept
damaged "guard: chain ether_a of table netdev vz_guard has" "the same, for all containers"
repaired
nft add element netdev vz_guard ip4 "{ venet0.$ct . 192.0.2.99 }"
damaged "guard: set ip4 of table netdev vz_guard has not what venet0.$ct should have" "another source"
repaired
nft flush set netdev vz_guard mac
damaged "guard: set mac of table netdev vz_guard has not what $host should have" "no MAC address"
repaired
run vzctl set $ct --rate '*:1:10000' --save
is $rc 0 "a cap" || diag "$out" "$err"
code 0 '' "as configured" vznet check $ct
run vznet $ct
class=$(tc class show dev vzr$ct | awk '/ root / {print $3; exit}')
tc class change dev vzr$ct parent "${class%:*}:" classid "$class" htb rate 99mbit ceil 99mbit
damaged "RATE: the cap of what all interfaces send, class 1 is 99000 kbit/s, not 10000" "another rate"
repaired
tc qdisc del dev vzr$ct root
damaged "RATE: the cap of what all interfaces send, class 1 is missing" "no classes" 6
repaired
ip link del vzr$ct
damaged "RATE: the device that would cap the traffic is missing" "no device"
repaired
run vzctl set $ct --rate '' --save
ip link set $host nomaster
damaged "eth0: $host is in no bridge, not in bridge br0" "a port has left its bridge"
repaired
ip link set $host mtu 1300
damaged "eth0: the MTU of $host is 1300, not 1400" "another MTU"
repaired
ip link set $host address 02:00:00:00:00:09
damaged "eth0: the MAC address of $host is 02:00:00:00:00:09" "another MAC of the node's end"
repaired
inside ip link set eth0 address 02:00:00:00:00:07
damaged "eth0: the MAC address of eth0 is 02:00:00:00:00:07, not 00:18:51:AA:00:01" "another MAC"
inside ip link set eth0 address 00:18:51:aa:00:01
inside ip link set eth0 name lan0
damaged "eth0: is called lan0 inside" "another name"
inside ip link set lan0 name eth0
inside ip link del eth0
damaged "eth0: link $host is missing" "a link is gone"
run vzctl repair $ct
like "$out" "Left as it is: eth0: link $host is missing" "repair says what it leaves"
damaged "eth0: link $host is missing" "which was its root's decision"

vlan=vlan=10+20 has=" vlan 10 tagged 20"
ip link add br1 type bridge vlan_filtering 1 2>/dev/null || { vlan='' has=''; ip link add br1 type bridge; }
ip link set br1 up
run vzctl set $ct --netif_del eth0 --netif_add "eth1,bridge=br1${vlan:+,$vlan}" --save
is $rc 0 "an interface of another bridge" || diag "$out" "$err"
host=veth29001.1
like "$(vznet $ct)" "host   $host .* bridge br1$has" "is shown in it"
code 0 '' "as configured" vznet check $ct
ip link set $host master br0
damaged "eth1: $host is in bridge br0, not in bridge br1" "the wrong bridge"
repaired
like "$(vznet $ct)" "host   $host .* bridge br1$has" "with all that it had"
if [ -n "$vlan" ]; then
	bridge vlan del dev $host vid 20
	bridge vlan add dev $host vid 30
	damaged "eth1: $host is not in VLAN 20.eth1: $host is in VLAN 30, which" "other VLANs" 2
	repaired
else
	skip 3 "this kernel's bridges do not filter VLANs"
fi
quiet "stop" vzctl --quiet stop $ct
done_testing
