#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The network of a virtual machine: a tap behind the pair of a container, with the
# same bridge, guard, caps and counters.  And the choice of the accelerator (A-04).
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
node_make
export VZ_VMMDIR=$node/vmm

# ---- accelerator -------------------------------------------------------------------

verdict=$("$bin/vzqemu" kvm)
like "$verdict" '^(ok|no-guest|absent|no-permission) ' "A-04 this machine: $verdict"
like "$(unshare -m sh -c 'mount -t tmpfs t /dev && exec "$0" kvm' "$bin/vzqemu")" '^absent ' "A-04 no device"
if [ -c /dev/kvm ]; then
	like "$(setpriv --reuid 65534 --clear-groups "$bin/vzqemu" kvm)" '^no-permission ' "A-04 not allowed"
	like "$(unshare -m sh -c 'mount --bind /dev/null /dev/kvm && exec "$0" kvm' "$bin/vzqemu")" '^no-guest ' \
		"A-04 a device that is something else"
else
	skip 2 "no /dev/kvm"
fi
guest_make || { diag "$guest_why"; skip 1 "$guest_why"; done_testing; }
before=$(leak_snapshot)

ip link add br0 type bridge
ip addr add 10.99.0.1/24 dev br0
ip link set br0 up
here=$(leak_snapshot)

mac=02:00:00:aa:bb:01
run vzctl create $ct "${vm_args[@]}" --netif_add eth0,$mac,vmtest0,,br0
is $rc 0 "create with --netif_add" || bail "$err"
run vzctl set $ct --netif_add eth0,$mac,vmtest0,,br0,ipaddr=10.99.0.2/24 --save
is $rc 0 "set --netif_add with an address" || diag "$err"

if [ "${verdict%% *}" = ok ]; then
	skip 4 "KVM works here"
else
	vzctl set $ct --accel auto --save >/dev/null
	code 185 "No usable KVM \\(${verdict%% *}" "A-04 ACCEL=auto without KVM: refused, with the reason" vzctl start $ct
	ok "... which is kept" grep -q "${verdict%% *}" "$VZ_RUNDIR/kvm"
	sed -i "s/ ${verdict%% *} .*/ no-guest planted/" "$VZ_RUNDIR/kvm"
	code 185 'planted' "... and used" vzctl start $ct
	sed -i 's/^[^ ]*/0.0.0.0/' "$VZ_RUNDIR/kvm"
	code 185 "${verdict%% *}" "... until something has changed" vzctl start $ct
	echo 'ALLOW_TCG="yes"' >>"$node/etc/vz.conf"
fi

# ---- traffic -----------------------------------------------------------------------

run vzctl start $ct
is $rc 0 "start" || bail "$err"
[ "${verdict%% *}" = ok ] || like "$out" 'WARNING: the virtual machine is emulated' "ALLOW_TCG: emulated, with a warning"
pid=$(vm_pid $ct)
like "$(ip -o link show vmtest0)" 'master br0' "the node's end is in the bridge"
like "$(nsenter -t "$pid" -n ip -o link)" 'tap0.*' "a tap in the box's namespace"
ok "the guest boots" until_ok 90 vm_says $ct 'GUEST UP' || { diag "$(vm_console $ct | tail -n 20)"; bail "no guest"; }

# What COMMAND prints on the console comes into a file: lines there are as long as they are.
type_n=0
guest_sh()	# guest_sh COMMAND: sets out
{
	type_n=$((type_n + 1))
	run_timeout=60 run "$lib/term.py" 30 'expect:Attached' 'send:\r' 'expect:guest# ' "send:{ $1; } 2>&1 | tr a-z A-Z; echo end-$type_n-\$((1+1))\r" \
		"expect:end-$type_n-2" 'sleep:0.1' 'send:\r' 'expect:guest# ' 'send:\x1b.' 'expect:Detached' -- vzctl console $ct
	# What was typed is echoed in lower case; the ring repeats what was before.
	out=$(tr -d '\r' <<<"$out" | tail -n 12)
}

guest_sh 'cat /sys/class/net/eth0/address'
like "$out" "${mac^^}" "the guest has the MAC address" || diag "$out"
guest_sh 'ip link set eth0 up; ip addr add 10.99.0.2/24 dev eth0'
ok "node to guest" busybox ping -c 3 -W 3 10.99.0.2
guest_sh 'ping -c 2 -W 3 10.99.0.1'
like "$out" ' 2 PACKETS REC' "guest to node" || diag "$out"
nsenter -t "$pid" -n timeout 2 busybox ping -c 1 -W 1 10.99.0.1 >/dev/null 2>&1
is $? 1 "the box's own namespace has no way out"
head -c 300000 /dev/urandom >"$tap_tmp/blob"
timeout 60 python3 -c '
import socket, sys
s = socket.create_server(("10.99.0.1", 7777)); c = s.accept()[0]
c.sendall(open(sys.argv[1], "rb").read()); c.shutdown(socket.SHUT_WR); c.recv(1)' "$tap_tmp/blob" &
nc_pid=$!
sum=$(md5sum <"$tap_tmp/blob" | cut -d' ' -f1)
guest_sh 'nc 10.99.0.1 7777 </dev/null | md5sum'
like "$out" "${sum^^}" "data arrives whole" || diag "$out"
kill $nc_pid 2>/dev/null
wait $nc_pid 2>/dev/null

# ---- guard, counters, caps -------------------------------------------------------------

if nft list table netdev vz_guard >/dev/null 2>&1; then
	guest_sh 'ip addr add 10.99.0.77/24 dev eth0; ping -I 10.99.0.77 -c 2 -W 1 10.99.0.1; ip addr del 10.99.0.77/24 dev eth0'
	like "$out" ' 0 PACKETS REC' "guard: an address that is not its own" || diag "$out"
	guest_sh 'ip link set eth0 address 02:00:00:00:00:99; ping -c 2 -W 1 10.99.0.1'
	like "$out" ' 0 PACKETS REC' "guard: a MAC address that is not its own" || diag "$out"
	guest_sh "ip link set eth0 address $mac; ping -c 2 -W 3 10.99.0.1"
	like "$out" ' 2 PACKETS REC' "guard: as it was" || diag "$out"
else
	skip 3 "this kernel has no guard"
fi
ok "traffic is counted" [ "$(vzlist -Ho net_in $ct | tr -d ' ')" -gt 300000 ] || diag "$(vzlist -o net_in,net_out $ct)"

run vzctl stop $ct
is $rc 0 "stop"
leak_settle
ip -o link show vmtest0 >/dev/null 2>&1
is $? 1 "the link is gone"

VZ_FAIL_STEP=vm.taps:after run vzctl start $ct
is $rc 3 "a start that fails behind the taps"
ip -o link show vmtest0 >/dev/null 2>&1
is $? 1 "... leaves no link"

# ---- admission: A-30 ---------------------------------------------------------------------

printf 'MemTotal: 4194304 kB\nMemFree: 1 kB\nHugetlb: 0 kB\n' >"$tap_tmp/meminfo"
export VZ_MEMINFO=$tap_tmp/meminfo
vzctl set $ct --ram 3G --save >/dev/null
code 6 'Not enough memory: 3[0-9]+ MiB are needed, [0-9]+ of 4096 MiB are free \(node 1024, page cache 819, huge pages 0, virtual machines 0, containers 0\)' \
	"A-30 a start that would take the node's reserve is refused with the numbers" vzctl start $ct
leak_settle
vzctl set $ct --ram 400M --save >/dev/null
for i in 1 2 3 4 5 6; do
	vzctl create $((ct + i)) "${vm_args[@]}" --ram 400M >/dev/null
done
# Not one after the other: a storm.
for i in 0 1 2 3 4 5 6; do
	vzctl start $((ct + i)) >"$tap_tmp/storm.$i" 2>&1 &
done
wait
up=$(vzlist -Ho ctid 2>/dev/null | wc -l)
# 4096 - 1024 - 819 and 8 for each: three of 400 + 164 fit.
is "$up" 3 "A-30 a storm of starts: those that fit are up"
like "$(vzctl-node mem --admission)" 'memory +4096
node +1048
page cache +819
huge pages +0
virtual machines +169[0-9]
containers +0
free +5[0-9][0-9]' "A-30 vzctl-node mem --admission: the numbers"
is "$(vzctl-node mem --admission --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["memory"] == d["node_reserve"] + d["page_cache"] + d["huge_pages"] + d["virtual_machines"] + d["containers"] + d["free"])')" \
	True "... as JSON, they add up"
code 1 'vzctl-node mem' "... and nothing else with it" vzctl-node mem --admission -v
is "$(grep -l 'Not enough memory' "$tap_tmp"/storm.* | wc -l)" 4 "... the others are refused"
one=$(vzlist -Ho ctid | tr -d ' ' | head -n 1)
vzctl stop "$one" --fast >/dev/null
next=$(vzlist -SHo ctid | tr -d ' ' | grep -v "^$one\$" | head -n 1)
run vzctl start "$next"
is $rc 0 "... and after the stop of one the next starts" || diag "$err"
unset VZ_MEMINFO
for i in 0 1 2 3 4 5 6; do
	vzctl stop $((ct + i)) --fast >/dev/null 2>&1
	vzctl destroy $((ct + i)) >/dev/null 2>&1
done
ip link del br0
leak_is "$before" "nothing is left"
done_testing
