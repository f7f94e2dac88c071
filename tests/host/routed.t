#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Routed addresses as users see them: --ipadd, --ipdel, prefixes, what the neighbours
# hear, what is refused, and the tools arpsend, ndsend and vzifup-post.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
ct=22001 ct2=22002
peer=$top/tests/host/lan-peer.py
call=$bin/../tests/host/netns-call

# ---- a LAN: up0 here, lan0 there ----------------------------------------------------

unshare -n sleep 1000 &
lan=$!
disown $lan
defer "kill $lan"
until [ "$(readlink /proc/$lan/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
in_lan() { nsenter -t $lan -n "$@"; }
ip link add up0 address 02:00:00:00:00:01 type veth \
	peer name lan0 address 02:00:00:00:00:02 netns "/proc/$lan/ns/net"
echo 0 >/proc/sys/net/ipv6/conf/up0/dad_transmits
in_lan sh -c 'echo 0 >/proc/sys/net/ipv6/conf/lan0/dad_transmits; ip link set lo up'
echo 0 >/proc/sys/net/ipv4/neigh/up0/proxy_delay
echo 0 >/proc/sys/net/ipv6/neigh/up0/proxy_delay
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
ip link set up0 up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
in_lan ip addr add 192.0.2.2/24 dev lan0
in_lan ip addr add 2001:db8::2/64 dev lan0 nodad
in_lan ip link set lan0 up
node_mac=02:00:00:00:00:01 lan_mac=02:00:00:00:00:02 all=ff:ff:ff:ff:ff:ff none=00:00:00:00:00:00

# What arrives at lan0 while COMMAND runs and SECONDS after: in $seen.
watch()	# watch SECONDS COMMAND...
{
	local s=$1 w
	shift
	: >"$tap_tmp/seen"	# the background may be slow to do so
	nsenter -t $lan -n "$peer" watch lan0 30 >"$tap_tmp/seen" &
	w=$!
	until_ok 5 grep -q ready "$tap_tmp/seen"
	run "$@"
	sleep "$s"
	# Frames arrive in order: with this one, all before it have been seen.
	arpsend -U -c 1 -i 192.0.2.254 -e 192.0.2.254 up0
	until_ok 5 grep -q 'request.* 192.0.2.254 ' "$tap_tmp/seen"
	kill $w
	wait $w 2>/dev/null
	seen=$(grep -v -e ready -e ' 192\.0\.2\.254 ' "$tap_tmp/seen")
}

# Milliseconds that COMMAND took: in $ms.
timed()
{
	local t0
	t0=$(date +%s%N)
	run "$@"
	ms=$((($(date +%s%N) - t0) / 1000000))
}

# ---- arpsend ----------------------------------------------------------------------------

watch 0 arpsend -U -c 1 -w 1 -i 192.0.2.9 -e 192.0.2.9 up0
is "$rc:$out$err" "0:" "arpsend -U: 0 and silence"
is "$(grep 192.0.2.9 <<<"$seen")" \
	"arp request $node_mac>$all $node_mac 192.0.2.9 $all 192.0.2.9 len 60" "arpsend -U: one frame"
watch 0 arpsend -U -c 1 -i 192.0.2.9 up0
is "$(grep -c "192.0.2.9 $all 192.0.2.1 " <<<"$seen")" 1 "without -e the target is the interface's address"
watch 0 arpsend -P -c 1 -i 192.0.2.9 -e 192.0.2.2 -s 02:aa:aa:aa:aa:01 -S 02aaaaaaaa02 \
	-t $lan_mac -T broadcast up0
is "$rc:$(grep 192.0.2.9 <<<"$seen")" \
	"0:arp reply 02:aa:aa:aa:aa:01>$lan_mac 02:aa:aa:aa:aa:02 192.0.2.9 $all 192.0.2.2 len 60" \
	"arpsend -P: a reply, with the addresses of -s -S -t -T"
watch 0 arpsend -U -c 3 -w 0 -i 192.0.2.9 -e 192.0.2.9 up0
is "$(grep -c 192.0.2.9 <<<"$seen")" 3 "-c counts"

in_lan ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:99 dev lan0 nud reachable
arpsend -U -c 1 -i 192.0.2.9 -e 192.0.2.9 up0
ok "the neighbours believe it" until_ok 2 eval 'in_lan ip neigh show 192.0.2.9 | grep -q 02:00:00:00:00:01'
in_lan ip neigh flush dev lan0

timed arpsend -D -c 1 -w 1 -e 192.0.2.2 up0
is "$rc" 3 "arpsend -D: 3 when somebody has it"
like "$err" "192\.0\.2\.2 is detected on another computer: $lan_mac" "who"
ok "and does not wait any longer ($ms ms)" test "$ms" -lt 900
timed arpsend -D -c 1 -w 1 -e 192.0.2.77 up0
is "$rc:$out$err" "0:" "arpsend -D: 0 when nobody has it"
ok "after one second ($ms ms)" test "$ms" -ge 1000 -a "$ms" -lt 3000
run arpsend -D -c 1 -w 1 -e 192.0.2.77 -e 192.0.2.2 -e 192.0.2.78 up0
is "$rc:$(grep -c detected <<<"$err")" 3:1 "of several, one is taken"
run arpsend -D -c 1 -w 1 -e 2001:db8::2 up0
is "$rc" 3 "arpsend -D of an IPv6 address: 3 when somebody has it"
run arpsend -D -c 1 -w 1 -e 2001:db8::77 up0
is "$rc" 0 "0 when not"
run arpsend -Q -c 1 -w 1 -e 192.0.2.2 -o up0
is "$rc" 0 "arpsend -Q: 0 with an answer"
run arpsend -Q -c 1 -w 1 -e 192.0.2.77 up0
is "$rc" 4 "arpsend -Q: 4 without"
for args in "" "-U up0" "-D up0" "-U -D -i 192.0.2.9 up0" "-U -i 192.0.2.9" "-U -i 192.0.2.9 up0 up1" \
	"-U -i 192.0.2.256 up0" "-U -i x up0" "-U -i 192.0.2.9 -c 0 up0" "-U -i 192.0.2.9 -c x up0" \
	"-U -i 192.0.2.9 -s 02:00 up0" "-U -i 192.0.2.9 -s 02:00:00:00:00:0g up0" \
	"-D -e 2001:db8::x up0" "-X up0"; do
	# shellcheck disable=SC2086
	code 1 Usage "arpsend $args: 1" arpsend $args
done
ip link add down0 type veth peer name noaddr0
ip link set noaddr0 up
for dev in nodev lo down0 a-name-that-is-too-long; do
	code 2 "arpsend: $dev: " "arpsend on $dev: 2" arpsend -U -c 1 -i 192.0.2.9 $dev
done
code 2 "" "arpsend on an interface without an address: 2" arpsend -U -c 1 -i 192.0.2.9 noaddr0
code 0 "" "-f does not mind" arpsend -f -U -c 1 -i 192.0.2.9 noaddr0
ip link del down0

flood_while()	# flood_while ADDR COMMAND...
{
	local claim=$1 f
	shift
	: >"$tap_tmp/flood"
	nsenter -t $lan -n "$peer" flood lan0 3 "$claim" >"$tap_tmp/flood" &
	f=$!
	until_ok 5 grep -q ready "$tap_tmp/flood"
	timed "$@"
	wait $f
}

flood_while - arpsend -D -c 1 -w 1 -e 192.0.2.77 up0
is "$rc:$err" "0:" "a flood of wrong answers is no answer ($(tail -1 "$tap_tmp/flood"))"
ok "and does not prolong the wait ($ms ms)" test "$ms" -lt 2500
flood_while 192.0.2.78 arpsend -D -c 1 -w 1 -e 192.0.2.77 -e 192.0.2.78 up0
is "$rc" 3 "a claim among them is found"
ok "in time ($ms ms)" test "$ms" -lt 2500

# ---- ndsend ------------------------------------------------------------------------------

watch 0 ndsend 2001:db8::9 up0
is "$rc:$out$err" "0:" "ndsend: 0 and silence"
is "$(grep "target 2001:db8::9" <<<"$seen")" \
	"na $node_mac>33:33:00:00:00:01 from 2001:db8::9 to ff02::1 target 2001:db8::9 flags 20 hops 255 sum good option 2 $node_mac" \
	"ndsend: an overriding advertisement to all nodes"
in_lan ip neigh replace 2001:db8::9 lladdr 02:00:00:00:00:99 dev lan0 nud reachable
ndsend 2001:db8::9 up0
ok "the neighbours believe it" until_ok 2 eval 'in_lan ip neigh show 2001:db8::9 | grep -q 02:00:00:00:00:01'
in_lan ip neigh replace 2001:db8::9 lladdr 02:00:00:00:00:99 dev lan0 nud reachable
arpsend -U -i 2001:db8::9 -e 2001:db8::9 -c 1 up0
ok "arpsend -U of an IPv6 address does the same" \
	until_ok 2 eval 'in_lan ip neigh show 2001:db8::9 | grep -q 02:00:00:00:00:01'
in_lan ip neigh flush dev lan0
code 1 Usage "ndsend: 1" ndsend
code 1 Usage "ndsend of an IPv4 address: 1" ndsend 192.0.2.9 up0
code 2 "ndsend: nodev: " "ndsend on no interface: 2" ndsend 2001:db8::9 nodev

# ---- start ---------------------------------------------------------------------------------

new()	# new CTID ADDRESS...
{
	local id=$1
	shift
	# shellcheck disable=SC2046
	vzctl --quiet create "$id" --ostemplate minimal --hostname h $(printf -- '--ipadd %s ' "$@") >/dev/null ||
		bail "create $id"
}
in_ct() { nsenter -t "$(init_pid "$1")" -n "${@:2}"; }
# Everything on the node that addresses make.
state()
{
	ip route show proto 118
	ip -6 route show proto 118
	ip neigh show proxy
	ip -6 neigh show proxy
	cat "$node"/etc/conf/*.conf
	for f in "$VZ_RUNDIR"/*/state; do
		f=${f%/state}
		in_ct "${f##*/}" ip -o addr show venet0
		in_ct "${f##*/}" ip route
		in_ct "${f##*/}" ip -6 route
	done
}

nothing=$(leak_snapshot)
new "$ct" 192.0.2.5/24 2001:db8::5/64
new "$ct2" 192.0.2.6
# An entry from where the address was before.
in_lan ip neigh replace 192.0.2.5 lladdr 02:00:00:00:00:99 dev lan0 nud reachable
in_lan ip neigh replace 2001:db8::5 lladdr 02:00:00:00:00:99 dev lan0 nud reachable
watch 2 vzctl start "$ct"
is "$rc:$err" "0:" "start"
is "$(grep -c "arp request $node_mac>$all $node_mac 192.0.2.5 $none 192.0.2.5 " <<<"$seen")" 2 \
	"the LAN hears two announcements"
is "$(grep -c "arp reply $node_mac>$all $node_mac 192.0.2.5 $all 192.0.2.5 " <<<"$seen")" 2 \
	"in both forms"
is "$(grep -c "^na $node_mac.* target 2001:db8::5 flags 20 .*sum good option 2 $node_mac" <<<"$seen")" 2 \
	"and of the IPv6 address"
like "$seen" "arp request $node_mac>$all $node_mac 0\.0\.0\.0 $none 192\.0\.2\.5 " "it is asked who has the address"
like "$seen" "ns $node_mac>33:33:ff:00:00:05 from :: to ff02::1:ff00:5 target 2001:db8::5 .*sum good" \
	"and for IPv6"
like "$(in_lan ip neigh show 192.0.2.5)" "$node_mac" "the neighbour has forgotten where it was"
like "$(in_lan ip neigh show 2001:db8::5)" "$node_mac" "IPv6 as well"
ok "the LAN reaches it" in_lan "$call" ping 0 - 192.0.2.5
ok "by IPv6" in_lan "$call" ping 0 - 2001:db8::5
quiet "start another" vzctl start "$ct2"

watch 0.7 vzctl set "$ct" --ipadd 192.0.2.15 --ipadd 2001:db8::15 --save
is "$rc:$err" "0:" "set --ipadd"
like "$seen" "arp request [^ ]* $node_mac 192\.0\.2\.15 $none 192\.0\.2\.15 " "is announced"
like "$seen" "na [^ ]* from [^ ]* to [^ ]* target 2001:db8::15 " "IPv6, too"
is "$(grep -c "192.0.2.5 " <<<"$seen")" 0 "the others are not"
ok "works" in_lan "$call" ping 0 - 192.0.2.15
quiet "--ipdel" vzctl set "$ct" --ipdel 192.0.2.15 --ipdel 2001:db8::15 --save
unlike "$(state)" "192.0.2.15|2001:db8::15" "leaves nothing anywhere"
quiet "without --save" vzctl set "$ct" --ipadd 192.0.2.16
quiet "--ipdel of it" vzctl set "$ct" --ipdel 192.0.2.16 --save
unlike "$(state)" "192.0.2.16" "leaves nothing"
quiet "again" vzctl set "$ct" --ipadd 192.0.2.16
quiet "and --ipdel all" vzctl set "$ct" --ipdel all --save
is "$(ip route show proto 118; ip -6 route show proto 118)" "$(ip route show proto 118 192.0.2.6)" \
	"takes that along, and leaves the other container's"
is "$(in_ct "$ct" ip -o -4 addr show venet0; in_ct "$ct" ip route)" "" "and nothing inside"
quiet "back" vzctl set "$ct" --ipadd "192.0.2.5/24 2001:db8::5/64" --save

# ---- bad input: refused, and nothing has changed -----------------------------------------------

refused()	# refused CODE REGEX SET-ARGUMENTS...
{
	local want=$1 re=$2 before
	shift 2
	before=$(state)
	code "$want" "$re" "set $*: $want" vzctl set "$ct2" "$@" --save
	is "$(state)" "$before" "and nothing has changed"
}

quiet "a /64" vzctl set "$ct" --ipadd 2001:db8:1::/64 --save
refused 78 "192\.0\.2\.5 is used by container $ct" --ipadd 192.0.2.5
refused 78 "used by container $ct" --ipadd 192.0.2.31 --ipadd 192.0.2.5 --ipadd 192.0.2.32
refused 78 "used by container $ct" --ipdel all --ipadd 192.0.2.31 --ipadd 2001:db8::5
refused 78 "192\.0\.2\.1 is this node's own" --ipadd 192.0.2.1
refused 78 "192\.0\.2\.255 is this node's own" --ipadd 192.0.2.255
refused 78 "own address 192\.0\.2\.1" --ipadd 192.0.2.0/24
refused 78 "used by container $ct" --ipadd 192.0.2.4/30
refused 78 "used by container $ct" --ipadd 2001:db8:1::77
refused 78 "used by container $ct" --ipadd 2001:db8:1::/64
refused 78 "used by container $ct" --ipadd 2001:db8:1::/48
refused 78 "used by container $ct" --ipadd 2001:db8:1:0:8000::/65
for v in 192.0.2.9/33 192.0.2.9/-1 192.0.2.9/255.0.255.0 2001:db8::9/129 2001:db8::9/x 192.0.2 192.0.2.9.1 \
	2001:db8:::9 224.0.0.1 239.1.2.3 ff02::1 127.0.0.1 ::1 255.255.255.255 fe80::1 ::ffff:192.0.2.9 \
	10.0.0.0/7 2000::/3 hostname; do
	refused 21 'ipadd' --ipadd "$v"
done
refused 21 'ipadd' --ipadd 192.0.2.31 --ipadd 224.0.0.1
before=$(state)
for v in 0.0.0.0 :: ::0; do
	run vzctl set "$ct2" --ipadd $v --save
	is "$rc:$err:$(state)" "0::$before" "--ipadd $v: accepted, as by 4.x, and nothing"
done
before=$(state)
code 21 ipadd "create with a multicast address: 21" vzctl create 22003 --ostemplate minimal --ipadd 224.0.0.1
is "$(state)" "$before" "makes nothing"
quiet "stop" vzctl stop "$ct2" --fast
quiet "a stopped container's config may name any" vzctl set "$ct2" --ipadd 192.0.2.5 --save
before=$(leak_snapshot)
code 78 "192\.0\.2\.5 is used by container $ct" "but it does not start with it" vzctl start "$ct2"
leak_is "$before" "and leaves nothing"
VZ_KILL_STEP=ids.claim code 78 "is used by container $ct" "not even its first step is made" vzctl start "$ct2"
quiet "without it" vzctl set "$ct2" --ipdel 192.0.2.5 --save
quiet "it does" vzctl start "$ct2"

# ---- prefixes -------------------------------------------------------------------------------

is "$(ip -6 route show 2001:db8:1::/64 | cut -d' ' -f1-5)" "2001:db8:1::/64 dev venet0.$ct proto 118" \
	"the prefix is routed"
like "$(in_ct "$ct" ip -6 -o addr show venet0)" "2001:db8:1::1/128" "its first address is the container's"
unlike "$(in_ct "$ct" ip -6 -o addr show venet0)" "2001:db8:1::/" "the prefix itself is not"
like "$(in_ct "$ct" ip -6 route)" "unreachable 2001:db8:1::/64" "what is not used of it ends inside"
in_lan ip -6 route add 2001:db8:1::/64 via 2001:db8::1
ok "the LAN, that routes it here, reaches it" in_lan "$call" ping 0 - 2001:db8:1::1
quiet "restart" vzctl restart "$ct" --fast
ok "works from the start" in_lan "$call" ping 0 - 2001:db8:1::1
run vzctl set "$ct" --ipadd 2001:db8:1::/56 --save
is "$rc:$(ip -6 route show proto 118 | grep -c 2001:db8:1::/)" 0:1 "another length replaces it"
like "$(ip -6 route show proto 118)" "2001:db8:1::/56" "by the new one"
like "$(in_ct "$ct" ip -6 -o addr show venet0)" "2001:db8:1::1/128" "the container keeps the address"
is "$(in_ct "$ct" ip -6 route | grep unreachable | cut -d' ' -f1-2)" "unreachable 2001:db8:1::/56" "and has the new end"
quiet "--ipdel of the prefix" vzctl set "$ct" --ipdel 2001:db8:1::/56 --save
unlike "$(state)" "2001:db8:1:" "leaves nothing"

# ---- an uplink that loses everything -----------------------------------------------------------

want=$(state)
lose() { ip link set up0 down; ip addr flush dev up0; ip link set up0 up; ip addr add 192.0.2.1/24 dev up0
	ip addr add 2001:db8::1/64 dev up0 nodad; }
lose
isnt_back() { [ "$(state)" != "$want" ]; }
ok "an uplink that was down has lost the proxies" isnt_back
watch 0.7 vzctl repair "$ct"
is "$rc" 0 "repair"
like "$seen" "arp request $node_mac>$all $node_mac 192\.0\.2\.5 $none 192\.0\.2\.5 " "announces"
quiet "repair the other" vzctl repair "$ct2"
is "$(state)" "$want" "all is there again"
lose
quiet "vzifup-post does it for all containers" "$top/vzctl/boot/vzifup-post" up0
is "$(state)" "$want" "all is there again"
code 1 Usage "vzifup-post without a device: 1" "$top/vzctl/boot/vzifup-post"
quiet "a container's own interface is none of it" "$top/vzctl/boot/vzifup-post" venet0.22001

# ---- another machine has the address ----------------------------------------------------------

in_lan ip addr add 192.0.2.41/24 dev lan0
in_lan ip addr add 2001:db8::41/64 dev lan0 nodad
log=$node/vzctl.log
: >"$log"
timed vzctl set "$ct" --ipadd 192.0.2.41 --ipadd 2001:db8::41
is "$rc:$err" "0:" "an address that another machine has is added all the same"
later_ms=$ms
warned() { grep -q "CT $ct : vps-net_add WARNING: address $1 is in use on the network of up0, by $lan_mac" "$log"; }
ok "the log says so" until_ok 4 warned 192.0.2.41
ok "IPv6 as well" until_ok 4 warned 2001:db8::41
sleep 1
is "$(grep -c "vps-net_add WARNING" "$log")" 2 "once each"
quiet "away with them" vzctl set "$ct" --ipdel "192.0.2.41 2001:db8::41" --save

sed -i '$aERROR_ON_ARPFAIL="yes"' "$node/etc/vz.conf"
before=$(state)
for v in 192.0.2.41 2001:db8::41; do
	code 34 "$v is in use on the network of up0, by $lan_mac" "ERROR_ON_ARPFAIL=yes: $v is refused" \
		vzctl set "$ct" --ipadd $v --save
	is "$(state)" "$before" "and nothing has changed"
done
timed vzctl set "$ct" --ipadd 192.0.2.42 --save
is "$rc" 0 "a free one is added"
ok "after a second of asking ($ms ms, $later_ms without)" test "$ms" -ge 1000 -a "$ms" -lt 5000
timed vzctl set "$ct" --ipadd 192.0.2.42 --save
ok "what it has already is not asked for ($ms ms)" test "$ms" -lt 900
run vzctl set "$ct" --ipadd 192.0.2.41 --skip_arpdetect
is "$rc" 0 "--skip_arpdetect does not ask"
quiet "--ipdel" vzctl set "$ct" --ipdel "192.0.2.41 192.0.2.42" --save
quiet "stop" vzctl stop "$ct2" --fast
quiet "config" vzctl set "$ct2" --ipadd 192.0.2.41 --save
before=$(leak_snapshot)
code 34 "192.0.2.41 is in use" "start is refused, too" vzctl start "$ct2"
leak_is "$before" "and leaves nothing"
VZ_KILL_STEP=ids.claim code 34 "192.0.2.41 is in use" "before its first step" vzctl start "$ct2"
sed -i '$aSKIP_ARPDETECT="yes"' "$node/etc/vz.conf"
watch 1.5 vzctl start "$ct2"
is "$rc" 0 "SKIP_ARPDETECT=yes: it starts"
is "$(grep -c "$node_mac 0.0.0.0" <<<"$seen")" 0 "and nobody is asked"
like "$seen" "arp request $node_mac>$all $node_mac 192\.0\.2\.41 " "but told"
quiet "stop it" vzctl stop "$ct2" --fast
sed -i '/ARP/d' "$node/etc/vz.conf"

# ---- many ------------------------------------------------------------------------------------

many=$(for i in {1..500}; do echo "10.9.$((i / 250)).$((1 + i % 250))"; done)
# shellcheck disable=SC2046,SC2086
timed vzctl set "$ct" $(printf -- '--ipadd %s ' $many) --save
is "$rc:$(ip route show proto 118 | grep -c '^10\.9')" 0:500 "500 addresses"
t500=$ms
is "$(in_ct "$ct" ip -o -4 addr show venet0 | grep -c ' 10\.9\.')" 500 "are the container's"
timed vzctl set "$ct" --ipdel all --save
is "$rc:$(ip route show proto 118 | grep -c '^10\.9')" 0:0 "--ipdel all"
d500=$ms
is "$(in_ct "$ct" ip -o -4 addr show venet0)" "" "takes all of them"
# shellcheck disable=SC2046,SC2086
timed vzctl set "$ct" $(head -50 <<<"$many" | sed 's/^/--ipadd /') --save
t50=$ms
diag "50: $t50 ms; 500: $t500 ms, deleted in $d500 ms"
ok "500 in less than 5 seconds" test "$t500" -lt 5000 -a "$d500" -lt 5000
quiet "config again" vzctl set "$ct" --ipdel all --ipadd "192.0.2.5 2001:db8::5" --save

# ---- a guard that somebody has removed --------------------------------------------------------------

if command -v nft >/dev/null && nft list table netdev vz_guard >/dev/null 2>&1; then
	elements() { nft list table netdev vz_guard | grep -o 'elements = {[^}]*}' | tr -d '\n'; }
	want=$(elements)
	like "$want" "192\.0\.2\.5.*2001:db8::5" "the guard knows the addresses"
	nft delete table netdev vz_guard
	quiet "repair makes it again" vzctl repair "$ct"
	is "$(elements)" "$want" "with all that was in it"
	nft "flush table netdev vz_guard; delete set netdev vz_guard bcast"
	quiet "a set alone is missing: an address" vzctl set "$ct" --ipadd 192.0.2.19
	like "$(nft list set netdev vz_guard ip4)" "192\.0\.2\.19" "is added"
	quiet "a prefix, too, which has the port made again" vzctl set "$ct" --ipadd 2001:db8:9::/64
	like "$(nft list set netdev vz_guard net6)" "2001:db8:9::" "in its sets"
	quiet "both go" vzctl set "$ct" --ipdel 192.0.2.19 --ipdel 2001:db8:9::/64
	quiet "repair makes the set again" vzctl repair "$ct"
	like "$(nft list set netdev vz_guard bcast)" "set bcast" "as it was"
	is "$(elements)" "$want" "and the rest"
else
	skip 11 "no nft"
fi

# ---- killed in the middle ------------------------------------------------------------------------

stop_leaves()	# stop_leaves NAME
{
	vzctl --quiet stop "$ct" --fast >/dev/null
	vzctl --quiet destroy "$ct" >/dev/null
	vzctl --quiet destroy "$ct2" >/dev/null
	leak_is "$nothing" "$1"
}
for i in {1..20}; do
	# shellcheck disable=SC2046,SC2086
	"$bin/vzctl" --quiet set "$ct" $(printf -- '--ipadd %s ' $many) --ipadd 2001:db8:7::/64 >/dev/null 2>&1 &
	pid=$!
	sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
	kill -9 $pid 2>/dev/null
	{ wait $pid; } 2>/dev/null
	if [ $((i % 2)) = 0 ]; then
		run vzctl set "$ct" --ipdel all
	else
		run vzctl set "$ct" --ipdel all --ipadd 192.0.2.5
	fi
	[ $rc = 0 ] || { tap_fail "set after a set that was killed"; diag "$rc $err"; }
	left=$(ip route show proto 118; ip neigh show proxy; ip -6 route show proto 118)
	unlike "$left$(in_ct "$ct" ip -o addr show venet0)" "10\.9\.|2001:db8:7" "killed, then --ipdel all: nothing stays"
done
stop_leaves "stop and destroy leave nothing"

vzctl --quiet create "$ct" --ostemplate minimal --hostname h >/dev/null
vzctl --quiet start "$ct" >/dev/null
vzctl --quiet set "$ct" --ipadd 192.0.2.44 --ipadd 2001:db8::44 >/dev/null 2>&1
like "$(ip neigh show proxy; ip -6 neigh show proxy)" '192\.0\.2\.44.*2001:db8::44' "addresses without --save"
vzctl --quiet stop "$ct" --fast >/dev/null
unlike "$(ip neigh show proxy; ip -6 neigh show proxy)" '44' "go at the end"
vzctl --quiet destroy "$ct" >/dev/null
leak_is "$nothing" "and nothing stays"

for i in {1..12}; do
	vzctl --quiet create "$ct" --ostemplate minimal --hostname h --ipadd 192.0.2.5 --ipadd 2001:db8::5 \
		--ipadd 2001:db8:7::/64 >/dev/null
	case $i in
	1) VZ_KILL_STEP=net.attach run vzctl start "$ct" ;;
	2 | 3) VZ_KILL_STEP=net.attach:after run vzctl start "$ct" ;;
	*)
		vzctl --quiet start "$ct" >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((RANDOM % 5))$((RANDOM % 10))"
		kill -9 $pid 2>/dev/null
		{ wait $pid; } 2>/dev/null ;;
	esac
	if [ $((i % 2)) = 0 ]; then
		vzctl --quiet repair "$ct" >/dev/null 2>&1
	else
		vzctl --quiet start "$ct" >/dev/null 2>&1
	fi
	vzctl --quiet stop "$ct" --fast >/dev/null 2>&1
	vzctl --quiet destroy "$ct" >/dev/null 2>&1
	leak_is "$nothing" "start killed ($i), then $([ $((i % 2)) = 0 ] && echo repair || echo start): nothing stays"
done
done_testing
