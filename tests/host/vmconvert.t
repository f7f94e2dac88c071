#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One template, two kinds: a virtual machine made of a container's template, and vzctl convert.
# A-60 of the design, as far as it is there.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
for p in qemu-system-x86_64 cpio gzip e2fsck; do
	command -v $p >/dev/null || skip_all "needs $p"
done
dir=$("$top/tests/vm/kernel" 6.12 2>/dev/null) || skip_all "no kernel for a guest"
node_make
export VZ_VMMDIR=$node/vmm
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip link add br0 type bridge || skip_all "no bridges in this kernel"
ip addr add 192.0.2.1/24 dev br0
ip addr add 2001:db8::1/64 dev br0 nodad
ip link set br0 addrgenmode none
ip link set br0 up
code 1 'no such file' "vzvmboot: no kernel" "$top/vzctl/boot/vzvmboot" /nowhere /nowhere "$node/boot"
code 1 'modules.dep' "vzvmboot: no modules" "$top/vzctl/boot/vzvmboot" "$dir/image" /nowhere "$node/boot"
run "$top/vzctl/boot/vzvmboot" "$dir/image" "$dir"/modules/*/ "$node/boot"
is $rc 0 "vzvmboot" || bail "$err"
echo "VM_BOOT=\"$node/boot\"" >>"$node/etc/vz.conf"
vm=(--accel tcg --ram 256M)
before=$(leak_snapshot)

# ---- a machine of a template ---------------------------------------------------------------

run vzctl create $ct --kind vm --ostemplate minimal "${vm[@]}" --diskspace 100M:100M --hostname one.example \
	--ipadd 198.51.100.7 --ipadd 2001:db8:5::7 --nameserver 192.0.2.53
is $rc 0 "create --kind vm --ostemplate" || bail "$err"
d=$node/private/$ct
is "$(stat -c %s "$d/disks/disk0.raw")" $((100 << 20)) "DISKSPACE is the size of the disk"
like "$(cat "$(conf_of $ct)")" 'KERNEL="kernel"' "it has a kernel"
like "$(cat "$(conf_of $ct)")" 'OSTEMPLATE="minimal"' "... and the template's name"
run vzctl create $ct2 --kind vm --ostemplate minimal "${vm[@]}" --diskspace 100M:100M
is $rc 0 "create another"
unlike "$out" 'Making a disk' "... the template's disk is made once for each size"
is "$(e2fsck -fn "$node/private/$ct2/disks/disk0.raw" >/dev/null 2>&1; echo $?)" 0 "... it is whole"
vzctl destroy $ct2 >/dev/null
code 21 'are for create' "set --diskspace of it" vzctl set $ct --diskspace 1G --save

boots() { until_ok 120 vm_says $ct "$1" || { diag "$(vm_console $ct | tail -n 30)"; return 1; }; }
run vzctl start $ct
is "$rc $err" "0 " "start" || bail "$err"
# The console of the template's init.
ok "its init runs" boots '/ # |Please press Enter'
console()	# COMMAND: sets out
{
	run_timeout=60 run "$lib/term.py" 40 'expect:Attached' 'send:\r' 'sleep:1' "send:$1; echo end-\$((1+1))\r" \
		'expect:end-2' 'send:\x1b.' 'expect:Detached' -- vzctl console $ct
}
ok "it has its address" until_ok 30 busybox ping -c 1 -W 1 198.51.100.7 ||
	{ console 'cat /proc/cmdline; ip addr; ip route'; diag "$out"; }
ok "... IPv6" until_ok 20 busybox ping -c 1 -W 1 2001:db8:5::7
console 'hostname; cat /etc/resolv.conf; id -u; echo made-by-the-guest >/root/made; mkdir -p /srv/www; echo page-of-the-template >/srv/www/index.html; httpd -p 80 -h /srv/www; sync'
is $rc 0 "a shell on its console" || diag "$out"
like "$out" 'one.example' "it has its host name"
like "$out" '192.0.2.53' "... and name server"
is "$(timeout 20 busybox wget -qO - http://198.51.100.7/ 2>&1)" page-of-the-template "it serves a page to the node"
t=$SECONDS
run vzctl stop $ct
is $rc 0 "stop"
ok "... its init ends it, after the power button" [ $((SECONDS - t)) -lt 9 ]

# ---- a machine becomes a container -----------------------------------------------------------

code 21 'ct or vm' "convert: no kind" vzctl convert $ct --kind jail
code 20 'is required' "convert without a kind" vzctl convert $ct
code 155 'already' "convert to what it is" vzctl convert $ct --kind vm
vzctl snapshot $ct --name s >/dev/null
code 155 'snapshots' "convert of one with snapshots" vzctl convert $ct --kind ct
vzctl snapshot-delete $ct --id "$(vzctl snapshot-list $ct -H -o uuid | xargs)" >/dev/null
cp "$d/disks/disk0.raw" "$tap_tmp/good.raw"
dd if=/dev/urandom of="$d/disks/disk0.raw" bs=4096 seek=0 count=600 conv=notrunc status=none
code 155 'no whole ext4|neither' "convert of a disk that is none" vzctl convert $ct --kind ct
like "$(cat "$(conf_of $ct)")" 'VE_TYPE="vm"' "... it is what it was"
cp "$tap_tmp/good.raw" "$d/disks/disk0.raw"
run vzctl convert $ct --kind ct
is $rc 0 "convert --kind ct" || diag "$err"
like "$(cat "$(conf_of $ct)")" 'VE_LAYOUT="image"' "... layout image"
unlike "$(cat "$(conf_of $ct)")" 'KERNEL=|DISKS=' "... what only machines have is gone"
is "$(find "$node/private" -maxdepth 1 -name '*convert*')" "" "... nothing is left beside it"
run vzctl start $ct
is $rc 0 "it starts as a container" || diag "$err"
is "$(vzctl exec2 $ct 'cat /root/made; hostname')" "made-by-the-guest
one.example" "... with its data and settings"
ok "... and its address" busybox ping -c 1 -W 2 198.51.100.7
vzctl exec2 $ct 'echo made-by-the-container >/root/made2; ln /root/made2 /root/hard; ln -s made2 /root/soft; chown 1000:1001 /root/made2; chmod 4711 /root/made2; truncate -s 5M /root/sparse; sync' || diag "exec"
run vzctl stop $ct --fast

# ---- a container becomes a machine, of every layout: A-60 ---------------------------------------

tree()	# CTID: all that a file has, but lost+found
{
	vzctl mount "$1" >/dev/null || return
	(cd "$node/root/$1" && find . -path ./lost+found -prune -o -printf '%p %y %m %U %G %s %l %T@' -printf ' %n\n' |
		sed -E '/^[^ ]+ d /s/ [0-9]+ ( ?[0-9.]+) [0-9]+$/ \1/' | sort
		find . -type f -links +1 -printf '%i %p\n' | sort | awk '{a[$1] = a[$1] " " $2} END {for (i in a) print a[i]}' | sort
		find . -path ./lost+found -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
		getfattr -R -h -d -m - . 2>/dev/null | grep -v '^#\|^trusted.vz\|^$')
	vzctl umount "$1" >/dev/null
}
same()	# CTID NAME: as the tree in $tap_tmp/want
{
	tree "$1" >"$tap_tmp/got"
	ok "$2" cmp -s "$tap_tmp/want" "$tap_tmp/got"
	[ $tap_last = ok ] || diag "$(diff "$tap_tmp/want" "$tap_tmp/got" | head -n 20)"
}
tree $ct >"$tap_tmp/want"
ok "the tree was looked at" [ "$(wc -l <"$tap_tmp/want")" -gt 300 ]
run vzctl convert $ct --kind vm
is $rc 0 "convert --kind vm, of layout image" || diag "$err"
is "$(stat -c %h "$d/disks/disk0.raw")" 1 "... its image is the disk"
run vzctl convert $ct --kind ct
is $rc 0 "... and back"
same $ct "A-60 the same files, owners, times, links, attributes"
VZ_KILL_CONVERT=1 run vzctl convert $ct --kind vm
run vzctl start $ct
ok "killed in the middle: not started as what it is not" [ $rc != 0 ] || diag "$out"
run vzctl convert $ct --kind vm
is $rc 0 "... the same command again finishes it" || diag "$err"
run vzctl start $ct
is $rc 0 "it starts as a machine" || diag "$err"
ok "... with its address" until_ok 90 busybox ping -c 1 -W 1 198.51.100.7 || diag "$(vm_console $ct | tail -n 20)"
console 'cat /root/made2'
like "$out" 'made-by-the-container' "... and its data"
run vzctl stop $ct --fast
run vzctl destroy $ct

for l in $layout dir; do
	vzctl create $ct2 --ostemplate minimal --layout $l --diskspace 100M:100M >/dev/null 2>&1
	vzctl start $ct2 >/dev/null 2>&1
	vzctl exec2 $ct2 'echo x >/root/x; ln /root/x /root/y; chown 5:6 /root/x; rm -rf /srv; mkdir /srv; touch /srv/new; sync'
	vzctl stop $ct2 --fast >/dev/null
	tree $ct2 >"$tap_tmp/want"
	run vzctl convert $ct2 --kind vm
	is $rc 0 "convert --kind vm, of layout $l" || diag "$err"
	is "$(e2fsck -fn "$node/private/$ct2/disks/disk0.raw" >/dev/null 2>&1; echo $?)" 0 "... the disk is whole"
	run vzctl convert $ct2 --kind ct
	is $rc 0 "... and back" || diag "$err"
	same $ct2 "A-60 the same tree"
	vzctl destroy $ct2 >/dev/null
done
vzctl create $ct2 --ostemplate minimal --layout dir >/dev/null
vzctl start $ct2 >/dev/null 2>&1
code 32 'running' "convert of one that runs" vzctl convert $ct2 --kind vm
vzctl stop $ct2 --fast >/dev/null
sed -i '/^VM_BOOT/d' "$node/etc/vz.conf"
echo "VM_BOOT=\"$node/none\"" >>"$node/etc/vz.conf"
code 185 'vzvmboot' "convert without a kernel" vzctl convert $ct2 --kind vm
run vzctl start $ct2
is $rc 0 "... leaves a container that starts"
vzctl stop $ct2 --fast >/dev/null
vzctl destroy $ct2 >/dev/null
leak_settle
leak_is "$before" "nothing is left"
done_testing
