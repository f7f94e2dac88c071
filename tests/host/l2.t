#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bridged interfaces of containers: --netif_add, --ifname, what is refused, reboot.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
# The id range of this file; the network namespace is its own.
ct=$((23000 + $$ % 300 * 3)) ct2=$((ct + 1)) ct3=2147483644
ip link add br0 type bridge || skip_all "needs bridges"
ip link add br1 type bridge
ip link set br0 up
ip link set br1 up
ip addr add 192.0.2.1/24 dev br0
# Ports of their own: a bridge without loses its carrier, and with it the routes' look.
for b in br0 br1; do
	ip link add p$b type veth peer name q$b
	ip link set p$b master $b up
	ip link set q$b up
done
settled() { [ "$(ip -6 -o addr show scope link | wc -l)" = 6 ] && [ -z "$(ip -6 -o addr show tentative)" ]; }
until_ok 10 settled
nothing=$(leak_snapshot)
for c in $ct $ct2; do
	run vzctl create "$c" --ostemplate minimal
	is $rc 0 "create $c" || diag "$out"
done

netif()	# netif CTID
{
	sed -n 's/^NETIF="\(.*\)"$/\1/p' "$(conf_of "$1")"
}

inside()	# inside CTID COMMAND...: in its network namespace, with the host's programs
{
	local c=$1
	shift
	nsenter -t "$(init_pid "$c")" -n "$@"
}

link()	# link NAME [CTID]
{
	if [ $# = 2 ]; then inside "$2" ip -d -o link show "$1" 2>&1; else ip -d -o link show "$1" 2>&1; fi
}

pings() { inside "$ct" "$call" ping 0 - "$1" >/dev/null 2>&1; }
has_link() { inside "$ct" ip link show "$1" >/dev/null 2>&1; }
call=${VZ_BUILD:-$top/build/debug}/tests/host/netns-call

# ---- adding ------------------------------------------------------------------------

quiet "netif_add" vzctl set "$ct" --netif_add eth0,00:18:51:aa:00:01,,,br0 --save
is "$(netif "$ct")" "ifname=eth0,bridge=br0,mac=00:18:51:AA:00:01,host_ifname=veth$ct.0,host_mac=FE:18:51:AA:00:01" "saved as 4.x does"
quiet "two in one command, keys by name" vzctl set "$ct" \
	--netif_add "eth1,,,,br1,mtu=1400 eth2,mac=00:18:51:aa:00:03,bridge=br0,mac_filter=off" --save
like "$(netif "$ct")" "ifname=eth1,bridge=br1,mac=00:18:51:[0-9A-F:]{8},host_ifname=veth$ct.1,host_mac=FE:18:51:[0-9A-F:]{8},mtu=1400;" "mtu is kept"
like "$(netif "$ct")" "ifname=eth2,.*,host_ifname=veth$ct.2,host_mac=FE:18:51:AA:00:03,mac_filter=off$" "and mac_filter=off"
quiet "start" vzctl start "$ct"
like "$(link "veth$ct.0")" 'mtu 1500 .*master br0 .*state UP|mtu 1500 .*master br0' "eth0 is in its bridge"
like "$(link "veth$ct.0")" 'link/ether fe:18:51:aa:00:01' "MAC of the host's end"
like "$(link eth0 "$ct")" 'link/ether 00:18:51:aa:00:01' "MAC inside"
like "$(link "veth$ct.1")" 'mtu 1400 .*master br1' "MTU outside"
like "$(link eth1 "$ct")" 'mtu 1400 ' "MTU inside"

# ---- refused, and nothing has changed --------------------------------------------------

# Without the state of the carrier, which comes by and by.
before() { cat "$(conf_of "$ct")"; { ip -o link; inside "$ct" ip -o link; } | sed -E 's/<[^>]*>//; s/state [A-Z]* //; s/qdisc [a-z_]* //'; }
refused()	# refused CODE REGEX NAME OPTION...
{
	local want=$1 re=$2 name=$3 was now
	shift 3
	was=$(before)
	code "$want" "$re" "$name" vzctl set "$ct" "$@" --save
	now=$(before)
	is "$now" "$was" "... nothing changed"
}
refused 21 '1 to 15 characters' "a name of 16 letters" --netif_add abcdefghijklmnop
refused 21 '1 to 15 characters' "a host name of 16 letters" --netif_add eth5,,abcdefghijklmnop
refused 21 'unicast' "a multicast MAC" --netif_add eth5,01:18:51:00:00:01
refused 21 'unicast' "MAC zero" --netif_add eth5,00:00:00:00:00:00
refused 21 'unicast' "half a MAC" --netif_add eth5,00:18:51
refused 21 'vlan is' "VLAN 0" --netif_add eth5,bridge=br0,vlan=0
refused 21 'vlan is' "VLAN 4095" --netif_add eth5,bridge=br0,vlan=4095
refused 21 'vlan is' "VLAN twice" --netif_add eth5,bridge=br0,vlan=5+5
refused 21 'vlan is' "VLAN x" --ifname eth0 --vlan x
refused 21 'mtu is' "MTU 67" --netif_add eth5,mtu=67
refused 21 'mtu is' "MTU 70000" --ifname eth0 --mtu 70000
refused 21 'keys are' "an unknown key" --netif_add eth5,colour=blue
refused 21 'expected' "a sixth field" --netif_add eth5,,,,br0,x
refused 130 'bridge nobr of eth5' "a missing bridge" --netif_add eth5,,,,nobr
refused 130 'bridge nobr of eth0' "a missing bridge, changed to" --ifname eth0 --bridge nobr
refused 130 'lo of eth5 is not a bridge' "a bridge that is none" --netif_add eth5,,,,lo
refused 130 'not tell VLANs apart|does not' "VLAN on a bridge without" --netif_add eth5,bridge=br0,vlan=10
refused 130 'no bridge' "VLAN without bridge" --netif_add eth5,vlan=10
refused 130 "is eth0's" "MAC twice in a container" --netif_add eth5,00:18:51:aa:00:01
refused 130 "is eth0's" "MAC of another's host end" --ifname eth2 --mac FE:18:51:AA:00:01
refused 130 "that of eth1, give another" "host name twice" --netif_add "eth5,,veth$ct.1"
refused 130 "veth$ct.1 of wan1 is that of eth1" "default host name twice" --netif_add wan1
refused 130 "device br1 is not container" "host name of a device" --netif_add eth5,,br1
refused 20 'use --netif_add option first' "an interface that is not there" --ifname eth9 --mtu 1400
ip link add up0 address 02:00:00:00:00:77 type veth peer name up1
refused 130 "node's device up0" "MAC of a device" --netif_add eth5,02:00:00:00:00:77
ip link del up0
was=$(cat "$(conf_of "$ct2")")
code 130 "of eth0 of container $ct\$|of container $ct" "MAC of another container" \
	vzctl set "$ct2" --netif_add eth0,00:18:51:aa:00:01 --save
code 130 "of container $ct" "host name of another container" \
	vzctl set "$ct2" --netif_add "eth0,,veth$ct.0" --save
code 130 'bridge nobr' "missing bridge, stopped" vzctl set "$ct2" --netif_add eth0,,,,nobr --save
is "$(cat "$(conf_of "$ct2")")" "$was" "its file is as it was"
run vzctl set "$ct2" --netif_add eth0,,,,nobr --save --force
is $rc 0 "--force saves what is not there yet"
code 130 'bridge nobr' "which then does not start" vzctl start "$ct2"
quiet "netif_del" vzctl set "$ct2" --netif_del all --save
# Two commands at once: one of them is first.
for i in 1 2 3 4 5; do
	vzctl set "$ct2" --netif_add eth7,00:18:51:aa:77:77 --save >/dev/null 2>&1 &
	vzctl set "$ct" --netif_add eth7,00:18:51:aa:77:77 --save >/dev/null 2>&1
	r=$?
	wait $!
	is "$(printf '%s\n' $r $? | sort -n | xargs)" "0 130" "the same MAC in two commands at once ($i)"
	is "$(cat "$(conf_of "$ct")" "$(conf_of "$ct2")" | grep -c 00:18:51:AA:77:77)" 1 "is saved once"
	for n in "$ct" "$ct2"; do
		! grep -q AA:77:77 "$(conf_of "$n")" || vzctl --quiet set "$n" --netif_del eth7 --save >/dev/null
	done
done
VZ_KILL_STEP=store.create run vzctl create $((ct + 2)) --ostemplate minimal --netif_add eth0,00:18:51:aa:77:78
is $rc 137 "a create that dies"
code 130 "of eth0 of container $((ct + 2))" "its MAC is taken" vzctl set "$ct2" --netif_add eth0,00:18:51:aa:77:78 --save
quiet "until it is repaired" sh -c "vzctl --quiet repair $((ct + 2)) >/dev/null && vzctl --quiet set $ct2 --netif_add eth0,00:18:51:aa:77:78 --save && vzctl --quiet set $ct2 --netif_del all --save"
code 130 'bridge nobr' "create with a missing bridge" vzctl create $((ct + 2)) --ostemplate minimal --netif_add eth0,,,,nobr
ok "creates nothing" test ! -e "$(conf_of $((ct + 2)))" -a ! -e "$node/private/$((ct + 2))"

# ---- live changes, in place ----------------------------------------------------------------

index() { ip -o link show "veth$ct.0" | cut -d: -f1; }
i=$(index)
inside "$ct" ip link set eth0 up
inside "$ct" ip addr add 192.0.2.11/24 dev eth0
ok "the bridge is reached" pings 192.0.2.1
code 0 "Configure veth devices: veth$ct.0 " "--mtu" vzctl set "$ct" --ifname eth0 --mtu 1300 --save
like "$(link "veth$ct.0")" 'mtu 1300' "outside"
like "$(link eth0 "$ct")" 'mtu 1300' "inside"
quiet "--bridge" vzctl set "$ct" --ifname eth0 --bridge br1 --save
like "$(link "veth$ct.0")" 'master br1' "moves"
quiet "--mac --host_mac" vzctl set "$ct" --ifname eth0 --mac 00:18:51:aa:00:44 --host_mac FE:18:51:AA:00:44 --bridge br0 --save
like "$(link eth0 "$ct")" '00:18:51:aa:00:44' "inside"
like "$(link "veth$ct.0")" 'master br0 .*|fe:18:51:aa:00:44' "outside"
is "$(index)" "$i" "it is the same device"
quiet "--host_ifname" vzctl set "$ct" --ifname eth0 --host_ifname wan --save
is "$(ip -o link show wan | cut -d: -f1)" "$i" "renamed, not made again"
like "$(link wan)" 'master br0.*' "still in its bridge"
ok "and works" pings 192.0.2.1
quiet "back" vzctl set "$ct" --ifname eth0 --host_ifname "veth$ct.0" --mtu '' --save
like "$(link eth0 "$ct")" 'mtu 1500' "no MTU is 1500"
inside "$ct" ip link set eth0 down
inside "$ct" ip link set eth0 name evil
quiet "the container renamed its end" vzctl set "$ct" --ifname eth0 --mtu 1350 --save
like "$(link evil "$ct")" 'mtu 1350' "which is found"
inside "$ct" ip link del evil
quiet "the container deleted it" vzctl set "$ct" --ifname eth0 --mtu 1360 --save
like "$(link eth0 "$ct")" 'mtu 1360' "it is made again"
quiet "another, live" vzctl set "$ct" --netif_add eth7 --save
ok "inside" has_link eth7
code 0 "Deleting veth devices: veth$ct.7 " "deleted, live" vzctl set "$ct" --netif_del eth7 --save
unlike "$(inside "$ct" ip -o link)" eth7 "gone"
quiet "ipaddr and gw" vzctl set "$ct" --ifname eth0 --ipaddr 192.0.2.12/24+2001:db8::12/64 --gw 192.0.2.1 --save
like "$(inside "$ct" ip -o addr show eth0)" '192.0.2.12/24.*2001:db8::12/64' "addresses inside"
like "$(inside "$ct" ip route)" 'default via 192.0.2.1 dev eth0' "gateway"
ok "work" pings 192.0.2.1
quiet "another" vzctl set "$ct" --ifname eth0 --ipaddr 192.0.2.13/24 --save
unlike "$(inside "$ct" ip -o addr show eth0)" '192.0.2.12|2001' "the old ones are gone"

# ---- reboot from inside, stop --------------------------------------------------------------

pid=$(init_pid "$ct")
vzctl exec "$ct" 'reboot -f' >/dev/null 2>&1
rebooted() { is_running "$ct" && [ "$(init_pid "$ct")" != "$pid" ] && grep -q running=1 "$VZ_RUNDIR/$ct/state"; }
ok "reboot from inside" until_ok 20 rebooted
like "$(link "veth$ct.0")" 'mtu 1360 .*master br0' "the interface is back"
like "$(link eth0 "$ct")" '00:18:51:aa:00:44' "with its MAC"
like "$(inside "$ct" ip -o addr show eth0)" '192.0.2.13/24' "and its address"
like "$(link "veth$ct.1")" 'master br1' "so is the other"

# ---- the administrator's script -----------------------------------------------------------------

cat >"$node/ext" <<-X
	#!/bin/sh
	echo "\$VEID \$*" >>$node/ext.log
	[ ! -e $node/ext.fail ]
X
chmod 755 "$node/ext"
printf '#!/bin/bash\n# comment\nEXTERNAL_SCRIPT="%s"\n' "$node/ext" >"$node/etc/vznet.conf"
quiet "netif_add with EXTERNAL_SCRIPT" vzctl set "$ct" --netif_add eth8 --save
is "$(cat "$node/ext.log")" "$ct init veth veth$ct.8" "is run"
: >"$node/ext.log"
touch "$node/ext.fail"
code 130 'failed \(exit code 1\)' "one that fails" vzctl set "$ct" --netif_add eth9 --save
unlike "$(ip -o link)" "veth$ct.9" "leaves nothing"
rm "$node/ext.fail"
: >"$node/ext.log"
quiet "netif_del" vzctl set "$ct" --netif_del eth8 --save
is "$(cat "$node/ext.log")" "$ct down veth veth$ct.8" "down"
: >"$node/ext.log"
quiet "stop" vzctl stop "$ct"
is "$(sort "$node/ext.log" | xargs)" "$ct down veth veth$ct.0 $ct down veth veth$ct.1 $ct down veth veth$ct.2" "down, for each"
unlike "$(ip -o link)" "veth$ct" "no link stays"
rm "$node/etc/vznet.conf"

# ---- the longest CTID, libvirt's name -------------------------------------------------------------

run vzctl create $ct3 --ostemplate minimal
quiet "2147483644" vzctl set $ct3 --netif_add "eth0 eth1,,veth101.0.,,br0" --save
like "$(netif $ct3)" 'host_ifname=vezik0zi?j?[a-z0-9]*\.0|host_ifname=ve[0-9a-z]{6}\.0' "a short host name"
quiet "starts" vzctl start $ct3
like "$(link "$(netif $ct3 | sed 's/.*host_ifname=\(ve[0-9a-z]*\.0\),.*/\1/')")" 'veth' "it is there"
like "$(link veth101.0.)" 'master br0' "libvirt's trailing dot"
quiet "stop" vzctl stop $ct3 --fast

# ---- devices of the node -----------------------------------------------------------------------------

ip link add up0 type veth peer name up1
ip link set up0 up
ip link set up1 up
ip addr add 198.51.100.1/24 dev up0
ip link add mv0 link up0 type macvlan mode bridge
ip tuntap add tp0 mode tap
ip link set tp0 mtu 1400
all() { ip -o link show "$1" 2>&1 | sed -E 's/<[^>]*>//; s/state [A-Z]* //; s/qdisc [a-z_]* //; s/qlen [0-9]*//; s/ mode DEFAULT//'; }
mv=$(all mv0) tp=$(all tp0)
quiet "netdev_add, stopped" vzctl set "$ct" --netdev_add "mv0 tp0" --save
quiet "start" vzctl start "$ct"
unlike "$(ip -o link)" ' (mv0|tp0)[:@]' "they are away"
like "$(inside "$ct" ip -o link | xargs)" 'mv0.* tp0' "and inside"
code 104 "is container $ct's" "another cannot have one" vzctl set "$ct2" --netdev_add mv0 --save
code 104 'nodev' "one that is not there" vzctl set "$ct" --netdev_add nodev --save
code 104 'cannot be given away' "loopback" vzctl set "$ct" --netdev_add lo --save
code 104 'cannot be given away' "a bridge" vzctl set "$ct" --netdev_add br0 --save
code 21 'interface names' "16 letters" vzctl set "$ct" --netdev_add abcdefghijklmnop --save
ip route add default via 198.51.100.2 dev up0
code 104 'default route' "the node's uplink" vzctl set "$ct" --netdev_add up0 --save
ip route del default
quiet "netdev_del, live" vzctl set "$ct" --netdev_del tp0 --save
is "$(all tp0)" "$tp" "it is back as it was"
quiet "netdev_add, live" vzctl set "$ct" --netdev_add tp0 --save
# A root who wants to keep them.
inside "$ct" ip link set mv0 down
inside "$ct" ip link set mv0 name br0 address 02:00:00:00:00:99
inside "$ct" ip link property add dev br0 altname up1
inside "$ct" ip link set tp0 name lo7 mtu 1000
quiet "stop" vzctl stop "$ct"
is "$(all mv0)" "$mv" "renamed to a bridge's name, another MAC: as it was"
is "$(all tp0)" "$tp" "another MTU: as it was"
quiet "start" vzctl start "$ct"
inside "$ct" ip link set mv0 name evil
pid=$(init_pid "$ct")
vzctl exec "$ct" 'reboot -f' >/dev/null 2>&1
ok "reboot from inside" until_ok 20 rebooted
like "$(inside "$ct" ip -o link | xargs)" 'mv0.* tp0|tp0.* mv0' "they are in again"
quiet "stop --fast" vzctl stop "$ct" --fast
is "$(all mv0)" "$mv" "back after stop --fast"
quiet "start" vzctl start "$ct"
vzctl exec "$ct" 'poweroff -f' >/dev/null 2>&1
ok "poweroff from inside" until_ok 20 is_down "$ct"
back() { ip -o link show mv0 && ip -o link show tp0; }
until_ok 10 back
is "$(all mv0)" "$mv" "back"
quiet "start" vzctl start "$ct"
kill -9 "$(mon_pid "$ct")" "$(init_pid "$ct")"
until_ok 10 is_down "$ct"
run vzctl repair "$ct"
is $rc 0 "repair, when monitor and init were killed"
is "$(all mv0)" "$mv" "back"
is "$(all tp0)" "$tp" "both"
for s in net.attach init.exec state.running; do
	VZ_FAIL_STEP=$s:after run vzctl start "$ct"
	ok "a start that fails at $s" test $rc != 0
	is "$(all mv0)" "$mv" "gives them back"
done
VZ_KILL_STEP=net.attach:after run vzctl start "$ct"
until_ok 10 is_down "$ct"
run vzctl start "$ct"
is "$rc:$err" 0: "a start that was killed, and another"
like "$(inside "$ct" ip -o link | xargs)" 'mv0.* tp0|tp0.* mv0' "they are inside"
quiet "netdev_del all" vzctl set "$ct" --netdev_del all --save
is "$(all mv0)" "$mv" "both are back"
ok "and nothing is pinned" test ! -e "$VZ_RUNDIR/$ct/netns"
quiet "stop" vzctl stop "$ct"
ip link del mv0
ip link del up0
ip link del tp0

for c in $ct $ct2 $ct3; do
	run vzctl destroy "$c"
	is $rc 0 "destroy $c"
done
leak_is "$nothing" "nothing is left"
done_testing
