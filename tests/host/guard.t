#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The guard: root of a container attacks its neighbours and the node with raw
# frames.  Three of its interfaces: eth0 is on a bridge and has no addresses
# known to the node, eth1 has, venet0 is routed.  Neighbours watch: a station
# of the LAN on the same bridge, another container on both networks, the node.
# Every attack is followed by the same frame with nothing to object to.
# VZT_FILTER says who guards: nft (default), or bpf (guard-bpf.t).
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
. "$top/tests/lib/lan.sh"
build=${VZ_BUILD:-$top/build/debug}
frames=$build/tests/host/frames
call=$build/tests/host/netns-call
[ -x "$frames" ] && [ -x "$call" ] || skip_all "$frames is missing: make MODE=debug tests"
ip link add br0 type bridge 2>/dev/null || skip_all "no bridges in this kernel"
export VZT_FILTER=${VZT_FILTER:-nft}
is_nft() { [ $VZT_FILTER = nft ]; }
shares() { local v; IFS=.- read -ra v <<<"$(uname -r)"; [ $((v[0] * 100 + v[1])) -ge "${1:-604}" ]; }
if is_nft; then
	nft list ruleset >/dev/null 2>&1 || skip_all "no nf_tables in this kernel, or no nft"
else
	shares 606 || skip_all "Linux $(uname -r) has no tcx"
	short=yes
fi
# iptables for what is bridged (here: 0 or 1): then it has to be bridged.
nf_call() { for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e "$f" ] || echo "$1" >"$f"; done; }
is_nft || nf_call 0
node_make ${short:+'BRIDGE_SHORTCUT="yes"'}
ct=$((21000 + $$ % 400 * 2)) ct2=$((ct + 1))

# ---- the network -------------------------------------------------------------------------

lan_make
lan_addrs
ven4=198.51.100.11 ven6=2001:db8:5::11 peer4=198.51.100.12 peer6=2001:db8:5::12
pin4=192.0.2.21 pin6=2001:db8::21
own=02:18:51:00:00:01 pin=02:18:51:00:00:02 other=02:18:51:00:00:03
# What the first start would change, and what comes by itself.
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for d in br0 brlan; do until_ok 5 eval 'ip -6 route show table local dev $d | grep -q "^local fe80"'; done
nothing=$(leak_snapshot)
tables=$(nft list tables)

new()	# CTID IPv4 IPv6 MAC
{
	vzctl --quiet create "$1" --ostemplate minimal >/dev/null &&
		vzctl --quiet set "$1" --ipadd "$2" --ipadd "$3" --netif_add "eth0,$4,,,br0" --save >/dev/null ||
		bail "create $1"
	run vzctl start "$1"
	[ $rc = 0 ] || bail "start $1: $err"
	vzctl exec2 "$1" 'cat >/frames; chmod 755 /frames; ip link set eth0 up' <"$frames" || bail "exec $1"
}

new "$ct" $ven4 $ven6 $own
new "$ct2" $peer4 $peer6 $other
is "$err" "" "start says nothing of the guard"
in_a=(nsenter -t "$(init_pid "$ct")" -n)
in_b=(nsenter -t "$(init_pid "$ct2")" -n)
"$call" vethadd "$ct" "/proc/$(init_pid "$ct")/ns/net" --veth "eth1,$pin,,,br0" --pin $pin4 --pin $pin6 ||
	bail "eth1"
vzctl exec2 "$ct" 'ip link set eth1 up'
host0=veth$ct.0 host1=veth$ct.1 table=vz_guard
up() { ip -o link show "$1" | grep -q 'state UP'; }
for d in "$host0" "$host1" "veth$ct2.0" "venet0.$ct" "venet0.$ct2" brlan; do
	until_ok 5 up "$d" || diag "$d is not up"
done

# ---- what there is -------------------------------------------------------------------------

guarded() { vznet "$ct" | grep '^guard '; }
if is_nft; then
	chain_with() { nft list table netdev $table | awk -v d="\"$1\"" '$1 == "chain" {c = $2} index($0, d) && /device/ {print c}'; }
	list=$(nft list table netdev $table)
	for d in "$host0" "$host1" "venet0.$ct"; do
		like "$list" "devices?[ ={]+(\"[^\"]*\", )*\"$d\"[^;]* priority -500; policy drop" "a chain on $d"
	done
	index() { ip -o link show "$1" | cut -d: -f1; }
	# Addresses of a device in a set; nft shows its name, its number, or the bytes the wrong way round.
	swapped() { local i; i=$(index "$1"); echo $(((i & 255) << 24 | (i >> 8 & 255) << 16)); }
	set_of()	# SET DEVICE
	{
		nft list set netdev $table "$1" | tr -d '\n\t' | sed 's/.*elements = {//' | tr ',' '\n' |
			sed -nE "s/^ *(\"$2\"|$(index "$2")|$(swapped "$2")) \. ([^ }]*).*/\2/p" | sort | xargs
	}
	is "$(set_of ip4 "venet0.$ct")" "$ven4" "its address in a set"
else
	for d in "$host0" "$host1" "venet0.$ct"; do
		like "$(guarded)" "^guard bpf, ports.* $d( |$)" "a program on $d"
	done
	is "$(nft list tables)" "$tables" "and nothing in nf_tables"
fi
like "$(bridge -d link show dev "$host0" | tr '\n' ' ')" "learning off flood off" "the port does not learn"
like "$(bridge fdb show dev "$host0")" "$own master br0 static" "its MAC is known"

counter()	# NAME, or NAME|NAME: both together
{
	vznet $ct | awk -v re="^drop_($1)\$" '$1 ~ re && $3 ~ /^packets/ { n += $2; k = 1 } END { if (k) print n }'
}
mkfifo "$tap_tmp/orders" "$tap_tmp/answers"
vzctl exec2 "$ct" /frames serve <"$tap_tmp/orders" >"$tap_tmp/answers" 2>&1 &
disown $!
exec 7>"$tap_tmp/orders" 8<"$tap_tmp/answers"
attack()	# DEVICE [-n COUNT] FRAME...: sent by the container's root
{
	local answer
	echo "$*" >&7
	read -r -t 10 answer <&8
	[ "$answer" = sent ] || diag "attack: $answer"
}
watch lan nsenter -t $lan -n "$frames" log lan0
watch peer "${in_b[@]}" "$frames" log eth0
watch venet "${in_b[@]}" "$frames" log venet0
watch node "$frames" log br0
watch self "${in_a[@]}" "$frames" log eth0
seen() { cat "$tap_tmp"/log.{lan,peer,venet,node} | grep -qF "$1"; }

# ---- attacks -------------------------------------------------------------------------------

"$top/tests/host/guard-frames.py" own=$own pin=$pin other=$other "bridge=$(mac_of br0)" \
	"lan=$lanmac" \
	"venet=$(mac_of "venet0.$ct")" pin4=$pin4 pin6=$pin6 ven4=$ven4 ven6=$ven6 peer4=$peer4 \
	peer6=$peer6 >"$tap_tmp/attacks" || bail guard-frames.py

one()	# a line of guard-frames.py
{
	local dev=$1 name=$2 counter=$3 drops=$4 bad=$5 needles=$6 good=$7 needle=$8 before n all
	before=$(counter "$counter") all=$(vznet $ct | grep drop_)
	# In order on one port: when the good one is seen, the bad ones were decided upon.
	# shellcheck disable=SC2086
	attack "$dev" ${bad//,/ } "$good"
	if ! until_ok 3 seen "$needle"; then
		tap_fail "$dev: $name: the honest one passes"
		diag "$(nft list counters table netdev $table | grep -B1 'packets [1-9]')"
		return
	fi
	for n in ${needles//,/ }; do
		if seen "$n"; then
			tap_fail "$dev: $name is dropped"
			diag "$(grep -lF "$n" "$tap_tmp"/log.*)"
			return
		fi
	done
	is $(($(counter "$counter") - before)) "$drops" "$dev: $name ($counter)" ||
		diag "$(diff <(echo "$all") <(vznet $ct | grep drop_))"
}
while IFS=$'\t' read -r -a f; do
	one "${f[@]}"
done <"$tap_tmp/attacks"

# ---- more than one frame -----------------------------------------------------------------

frame()	# DST SRC TEXT [FROM FOR]: UDP
{
	"$top/tests/host/guard-frames.py" "to=$1" "by=$2" "text=$3" "from=${4:-192.0.2.77}" "for=${5:-192.0.2.2}"
}
has_text() { seen "$(printf '%s' "$1" | xxd -p)"; }
from_lan() { nsenter -t $lan -n "$frames" send lan0 "$@"; }
self_has() { grep -qF "$(printf '%s' "$1" | xxd -p)" "$tap_tmp/log.self"; }

# The bridge's table: entries are neither taken over nor made.
fdb=$(bridge fdb show br br0 | sort)
fill=$(frame $lanmac $own filler)
for ((i = 0; i < 300; i++)); do
	printf '%s02aa0000%04x%s\n' "${fill:0:12}" $i "${fill:24}"
done >"$tap_tmp/fill"
before=$(counter mac)
# shellcheck disable=SC2046
for ((i = 0; i < 10; i++)); do
	attack eth0 $(sed -n "$((i * 30 + 1)),$((i * 30 + 30))p" "$tap_tmp/fill")
done
attack eth0 "$(frame $lanmac $other takeover)" "$(frame $lanmac $own mine)"
ok "after 300 forged MACs" until_ok 3 has_text mine
is $(($(counter mac) - before)) 301 "each was dropped"
is "$(bridge fdb show br br0 | sort)" "$fdb" "the bridge learned nothing of it"
from_lan "$(frame $other $lanmac to-peer)"
ok "and frames for a neighbour still go there" until_ok 3 grep -qF "$(printf to-peer | xxd -p)" "$tap_tmp/log.peer"
ok "not to the attacker" eval '! self_has to-peer'
from_lan "$(frame 02:00:00:00:77:77 $lanmac unknown)" "$(frame $own $lanmac to-self)"
ok "its own frames reach it" until_ok 3 self_has to-self
ok "one for a station that the bridge does not know does not" eval '! self_has unknown'
ok "nor is a neighbour asked to hear it" eval '! grep -qF "$(printf unknown | xxd -p)" "$tap_tmp/log.peer"'

# Another MAC, set inside: only a way to be cut off.
vzctl exec2 "$ct" "ip link set eth0 down; ip link set eth0 address $other; ip link set eth0 up"
sleep 0.2
before=$(counter mac)
attack eth0 "$(frame $lanmac $other as-other)"
until_ok 3 eval '[ "$(counter mac)" -gt $before ]'
ok "after a change of its MAC inside it is not heard" eval '! has_text as-other'
from_lan "$(frame $other $lanmac to-peer-2)"
ok "and hears nothing of its neighbour's" until_ok 3 grep -qF "$(printf to-peer-2 | xxd -p)" "$tap_tmp/log.peer"
ok "(it)" eval '! self_has to-peer-2'
vzctl exec2 "$ct" "ip link set eth0 down; ip link set eth0 address $own; ip link set eth0 up; ip link set eth0 mtu 1400"
sleep 0.2
attack eth0 "$(frame $lanmac $own back)"
ok "with its own MAC it is back" until_ok 3 has_text back

# Broadcasts: 256 a second, and as many at once.
before=$(counter bcast)
attack eth0 -n 5000 "$(frame ff:ff:ff:ff:ff:ff $own flood)"
attack eth0 "$(frame $lanmac $own no-cast)"
ok "a flood of broadcasts does not stop what is unicast" until_ok 5 has_text no-cast
n=$(grep -cF "$(printf flood | xxd -p)" "$tap_tmp/log.lan")
ok "of 5000 broadcasts 256 and 256 a second reach the neighbours ($n)" test "$n" -ge 256 -a "$n" -le 1500
ok "the others are counted" test $(($(counter bcast) - before)) -ge 3000

# Routed: a neighbour's hardware address leads nowhere.
venmac=$(mac_of "venet0.$ct") peermac=$(mac_of "venet0.$ct2")
attack venet0 "$(frame "$peermac" "$venmac" over-layer-2 $ven4 $peer4)" \
	"$(frame "$venmac" "$venmac" over-layer-3 $ven4 $peer4)"
ok "venet0: what the node routes arrives" until_ok 3 has_text over-layer-3
ok "venet0: what is addressed to a neighbour's MAC does not" eval '! has_text over-layer-2'
is "$(ip neigh show dev "venet0.$ct" | grep -v NOARP)" "" "the node has learned no neighbour on venet0"

# From one container to the other without the bridge: what is honest, and is counted.
if ! is_nft; then
	to_peer=$(frame $other $own short)
	sent() { ip -s -j link show "veth$ct2.0" | grep -o '"tx":{"bytes":[0-9]*,"packets":[0-9]*' | grep -o '[0-9]*$'; }
	counted() { vznet "$1" | sed -nE "s/^traffic class 1 in [0-9]+ bytes ([0-9]+) packets, out [0-9]+ bytes ([0-9]+) packets/\\$2/p"; }
	before=$(sent) out=$(counted $ct 2) in=$(counted $ct2 1)
	attack eth0 -n 100 "$to_peer"
	ok "a frame for its neighbour arrives" until_ok 3 grep -qF "$(printf short | xxd -p)" "$tap_tmp/log.peer"
	ok "not over the bridge" test $(($(sent) - before)) -lt 50
	before=$(sent)
	for ((i = 0; i < 60; i++)); do from_lan "$(frame $other $lanmac over-the-bridge)"; done
	ok "as what the LAN sends it does" test $(($(sent) - before)) -ge 60
	# Its kernel may have said something meanwhile.
	out=$(($(counted $ct 2) - out)) in=$(($(counted $ct2 1) - in - 60))
	ok "it is counted at both ($out, $in)" test $((out / 10)) = 10 -a $((in / 10)) = 10
	before=$(counter mac)
	attack eth0 "$(frame $other 02:18:51:00:00:99 forged)" "$to_peer"
	ok "one with another's MAC does not" eval '! grep -qF "$(printf forged | xxd -p)" "$tap_tmp/log.peer"'
	is $(($(counter mac) - before)) 1 "and is counted as such"
	if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
		nf_call 1
		run vzctl set "$ct" --ipadd 198.51.100.15
		run vzctl set "$ct" --ipdel 198.51.100.15
		before=$(sent)
		attack eth0 -n 100 "$to_peer"
		ok "where iptables sees what is bridged, it is bridged" until_ok 3 eval '[ $(($(sent) - before)) -ge 100 ]'
		nf_call 0
		run vzctl set "$ct" --ipadd 198.51.100.15
		run vzctl set "$ct" --ipdel 198.51.100.15
	else
		skip 1 "no br_netfilter in this kernel"
	fi
fi

# ---- changes while it runs -------------------------------------------------------------------

addrs_of() { { set_of ip4 "venet0.$ct"; set_of net4 "venet0.$ct"; } | xargs | tr ' ' ,; }
# Maps are not read here: what frames show must do.
addrs_are()	# ADDRESSES NAME
{
	if is_nft; then is "$(addrs_of)" "$1" "$2"; else like "$(guarded)" " venet0.$ct( |$)" "$2 (a port)"; fi
}
before=$(counter ip4)
quiet_() { run vzctl set "$ct" "$@"; [ $rc = 0 ] || { diag "$err"; return 1; }; }
ok "ipadd" quiet_ --ipadd 198.51.100.13
addrs_are "198.51.100.11,198.51.100.13" "one element more"
is "$(counter ip4)" "$before" "and the counters stay"
ok "ipdel" quiet_ --ipdel 198.51.100.13
addrs_are "198.51.100.11" "one less"
ok "a prefix" quiet_ --ipadd 198.51.100.64/28
addrs_are "198.51.100.11,198.51.100.64/28" "is a source as a whole"
attack venet0 "$(frame "$venmac" "$venmac" from-prefix1 198.51.100.66 $peer4)"
ok "as a frame shows" until_ok 3 has_text from-prefix1
ok "an address within" quiet_ --ipadd 198.51.100.65
addrs_are "198.51.100.11,198.51.100.64/28" "changes nothing"
ok "without the prefix" quiet_ --ipdel 198.51.100.64/28
addrs_are "198.51.100.11,198.51.100.65" "the address is left"
ok "back" quiet_ --ipdel 198.51.100.65
is "$(counter ip4)" "$before" "the counters are still there"
attack venet0 "$(frame "$venmac" "$venmac" from-prefix2 198.51.100.66 $peer4)" \
	"$(frame "$venmac" "$venmac" from-own $ven4 $peer4)"
ok "what was taken away" until_ok 3 has_text from-own
ok "is no source any more" eval '! has_text from-prefix2'
is $(($(counter ip4) - before)) 1 "and is counted"
if is_nft; then
	nft flush ruleset
	ok "ipadd after nft flush ruleset" quiet_ --ipadd 198.51.100.13
	addrs_are "198.51.100.11,198.51.100.13" "makes venet0's guard again"
	run vzctl repair "$ct2"
	like "$(nft list table netdev $table)" "device \"venet0.$ct2\"" "and repair its neighbour's"
else
	# Damage is seen, and mended.
	"$call" spoil 0 - --netdev "venet0.$ct"
	like "$(vznet check $ct 2>&1)" "nothing guards venet0.$ct" "a program that is gone is missed"
	run vzctl repair "$ct"
	is "$(vznet check $ct 2>&1)" "" "repair brings it back"
	"$call" spoil2 0 - --netdev "$host0"
	attack eth0 "$(frame $lanmac $own no-port)"
	like "$(vznet check $ct 2>&1)" "nothing guards $host0" "and so is a port that no map has"
	ok "which sends nothing" eval '! has_text no-port'
	run vzctl repair "$ct"
	is "$(vznet check $ct 2>&1)" "" "repair brings it back"
	# One of the files alone, and what a vzctl that was killed has left of them.
	rm "/sys/fs/bpf/${VZ_RUNDIR##*/}/1/own"
	run vzctl repair "$ct2"
	run vzctl repair "$ct"
	is "$(vznet check $ct 2>&1; vznet check $ct2 2>&1)" "" "repair without one of the maps makes all anew"
	# Somebody removes what vzctl has in the kernel: what guards goes on with its own maps.
	find "/sys/fs/bpf/${VZ_RUNDIR##*/}" -type f -delete
	attack venet0 "$(frame "$venmac" "$venmac" from-prefix3 198.51.100.66 $peer4)" \
		"$(frame "$venmac" "$venmac" from-own3 $ven4 $peer4)"
	ok "without the files of its maps: what is its own passes" until_ok 3 has_text from-own3
	ok "and nothing else" eval '! has_text from-prefix3'
	ok "ipadd" quiet_ --ipadd 198.51.100.13
	attack venet0 "$(frame "$venmac" "$venmac" from-added 198.51.100.13 $peer4)" \
		"$(frame "$venmac" "$venmac" from-prefix4 198.51.100.66 $peer4)"
	ok "makes venet0's guard again" until_ok 3 has_text from-added
	ok "with its addresses" eval '! has_text from-prefix4'
	like "$(vznet check $ct2 2>&1)" "nothing guards veth$ct2.0" "its neighbour's is seen to be missing"
	run vzctl repair "$ct2"
	is "$(vznet check $ct2 2>&1)" "" "repair makes it again"
fi
ok "ipdel" quiet_ --ipdel 198.51.100.13
# ---- VLANs, granted -----------------------------------------------------------------------------

# Not in every kernel: CONFIG_BRIDGE_VLAN_FILTERING.
if ip link set br0 type bridge vlan_filtering 1 2>/dev/null &&
	"$call" vethadd "$ct" "/proc/$(init_pid "$ct")/ns/net" --veth "eth2,02:18:51:00:00:04,,,br0" --tagged 5; then
	vzctl exec2 "$ct" 'ip link set eth2 up'
	until_ok 5 up "veth$ct.2"
	tag() { local f; f=$(frame $lanmac 02:18:51:00:00:04 "$2"); echo "${f:0:24}$1${f:24}"; }
	before=$(counter proto)
	attack eth2 "$(tag 81000006 vlan-6)" "$(tag 8100000581000005 vlan-twice)" "$(tag 88a80005 vlan-ad)" \
		"$(tag 81000005 vlan-5)"
	ok "frames of a granted VLAN pass" until_ok 3 has_text vlan-5
	ok "of another, of two, of a provider's they do not" \
		eval '! has_text vlan-6 && ! has_text vlan-twice && ! has_text vlan-ad'
	is $(($(counter proto) - before)) 3 "and are counted"
	"$call" vethdel "$ct" - --veth eth2
else
	skip 3 "no VLAN filtering in this kernel's bridge"
fi
"$call" vethdel "$ct" - --veth eth1
if is_nft; then
	unlike "$(nft list table netdev $table)" "$host1" "an interface that goes takes its chains along"
else
	unlike "$(guarded)" "$host1" "an interface that goes is no port any more"
fi

# ---- the end -----------------------------------------------------------------------------------

exec 7>&- 8<&-
if is_nft; then
	# A table that somebody left does not stop a start.
	quiet "stop" vzctl --quiet stop "$ct"
	unlike "$(nft list table netdev $table)" "venet0.$ct\"|veth$ct" "its chains go with the container"
	like "$(nft list table netdev $table)" "venet0.$ct2\"" "its neighbour's stay"
	export VZ_OWN_CHAINS=1
	nft add chain netdev $table "venet0.$ct"
	run vzctl start "$ct"
	is "$rc:$err" "0:" "before 6.4: start with a left-over chain"
	like "$(nft list chain netdev $table "venet0.$ct")" "policy drop.*goto routed" "which is replaced"
	is "$(chain_with "venet0.$ct")" "venet0.$ct" "a chain of its own"
	quiet "an address" vzctl --quiet set "$ct" --ipadd 2001:db8:77::/64 --save
	is "$(chain_with "venet0.$ct")" "venet0.$ct" "stays there"
	unset VZ_OWN_CHAINS
	if shares; then
		quiet "the next kernel, or vzctl" vzctl --quiet set "$ct" --ipdel 2001:db8:77::/64 --save
		like "$(chain_with "venet0.$ct")" "^routed-[01][0-9a-f]$" "moves it to one that is shared"
		unlike "$(nft list table netdev $table)" "chain venet0.$ct" "its own is gone"
		quiet "stop" vzctl --quiet stop "$ct"
		is "$(chain_with "venet0.$ct")" "" "which it leaves"
		quiet "start" vzctl --quiet start "$ct"
		ports() { nft list set netdev $table port | grep -c "\"$ct/venet0.$ct\""; }
		# As when it ends with its monitor, and nobody has cleaned up.
		ip link del "venet0.$ct"
		for p in $(mon_pid "$ct") $(init_pid "$ct"); do kill -9 "$p"; done
		until_ok 10 is_down "$ct"
		quiet "start" vzctl --quiet start "$ct"
		is "$(ports) $(chain_with "venet0.$ct" | wc -l)" "1 1" "one port, in one chain"
	else
		skip 7 "Linux $(uname -r) has no shared chains"
		quiet "stop" vzctl --quiet stop "$ct"
		quiet "start" vzctl --quiet start "$ct"
	fi
	nft delete chain netdev $table arp 2>/dev/null
	nft flush set netdev $table drops
	quiet "restart" vzctl --quiet restart "$ct"
	run vzctl stop "$ct"
	run vzctl stop "$ct2"
	like "$(nft list tables)" "netdev $table" "the table stays when the last container stops"
	unlike "$(nft list table netdev $table)" "elements|device" "with nothing of a container in it"
	quiet "repair" vzctl --quiet repair "$ct"
	unlike "$(nft list tables)" "netdev vz_" "removes what is empty"
	nft add table netdev $table
	nft add chain netdev $table old
	run vzctl start "$ct"
	is "$rc:$err" "0:" "start with a left-over table"
	like "$(nft list table netdev $table)" "chain old.*goto routed4" "which is completed"
	nft delete chain netdev $table old
	# One that was killed leaves its own.
	for p in $(mon_pid "$ct") $(init_pid "$ct"); do kill -9 "$p"; done
	until_ok 10 is_down "$ct"
	until_ok 10 eval '! ip link show "venet0.$ct" >/dev/null 2>&1'
	run vzctl start "$ct"
	is $rc 0 "start after a crash: $err"
	like "$(nft list table netdev $table)" "device \"venet0.$ct\"" "guarded again"
else
	quiet "stop" vzctl --quiet stop "$ct"
	is "$(vznet $ct2 | grep -c "^guard bpf, ports.*venet0.$ct2")" 1 "its neighbour is guarded"
	maps() { "$call" maps 0 - | xargs; }
	one=$(maps)
	quiet "start" vzctl --quiet start "$ct"
	# As when it ends with its monitor, and nobody has cleaned up.
	ip link del "venet0.$ct"
	for p in $(mon_pid "$ct") $(init_pid "$ct"); do kill -9 "$p"; done
	until_ok 10 is_down "$ct"
	quiet "start after a crash" vzctl --quiet start "$ct"
	like "$(guarded)" "ports.* venet0.$ct( |$)" "guarded again"
	quiet "stop" vzctl --quiet stop "$ct"
	is "$(maps)" "$one" "and nothing of it stays"
	# The other way, and back.
	sed -i 's/^NET_FILTER=.*/NET_FILTER="nft"/' "$node/etc/vz.conf"
	quiet "an address, with nf_tables" vzctl --quiet set "$ct2" --ipadd 198.51.100.14 --save
	like "$(vznet $ct2)" "guard bpf.*veth$ct2.0" "leaves its other port where it is"
	like "$(nft list table netdev $table)" "device.*venet0.$ct2" "and takes this one"
	quiet "restart" vzctl --quiet restart "$ct2"
	like "$(vznet $ct2)" "guard table.*veth$ct2.0" "the next start takes all"
	sed -i 's/^NET_FILTER=.*/NET_FILTER="bpf"/' "$node/etc/vz.conf"
	quiet "repair, with BPF" vzctl --quiet repair "$ct2"
	like "$(vznet $ct2)" "guard bpf, ports.* venet0.$ct2" "takes them back"
	unlike "$(nft list table netdev $table)" "device" "and nf_tables has none"
	quiet "stop" vzctl --quiet stop "$ct2"
fi
for c in "$ct" "$ct2"; do vzctl --quiet destroy "$c" --force >/dev/null 2>&1 || { vzctl --quiet stop "$c"; vzctl --quiet destroy "$c"; }; done
is "$(nft list tables)" "$tables" "no table stays"
leak_is "$nothing" "nor anything else"

# NET_GUARD=no
echo 'NET_GUARD="no"' >>"$node/etc/vz.conf"
vzctl --quiet create "$ct" --ostemplate minimal >/dev/null
vzctl --quiet set "$ct" --ipadd $ven4 --save >/dev/null
quiet "NET_GUARD=no: start" vzctl --quiet start "$ct"
unlike "$(nft list tables; vznet $ct)" "netdev vz_guard|guard bpf" "without a guard"
quiet "stop" vzctl --quiet stop "$ct"
vzctl --quiet destroy "$ct"

done_testing
