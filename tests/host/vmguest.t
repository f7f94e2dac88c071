#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A virtual machine under the same verbs as a container, with a guest that boots.
# A-10 and A-12 of the design, as far as they are there.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
node_make
guest_make || skip_all "$guest_why"
export VZ_VMMDIR=$node/vmm
before=$(leak_snapshot)

# ---- what create refuses -----------------------------------------------------------

code 21 'accepted: one of: ct' "create: an unknown kind" vzctl create $ct --kind jail
code 21 'ct or vm' "create: a kind of Virtuozzo" vzctl create $ct --kind temporary
code 21 '--disk is for virtual machines' "create: --disk for a container" vzctl create $ct --disk 1G
code 21 '--kernel is for virtual machines' "create: --kernel for a container" vzctl create $ct --kernel /vmlinuz
code 185 'vzvmboot' "create: --ostemplate without a kernel for it" vzctl create $ct --kind vm --ostemplate minimal
code 21 'needs --ostemplate' "create: --diskspace without a template" vzctl create $ct --kind vm --diskspace 1G
code 21 'a size from 1M to 64T' "create: a disk of no size" vzctl create $ct --kind vm --disk much
code 21 'a size from 1M to 64T' "create: a disk too small" vzctl create $ct --kind vm --disk 1K
code 20 'requires an argument' "create: --disk alone" vzctl create $ct --kind vm --disk
code 185 "'/nowhere': No such file" "create: no such image" vzctl create $ct --kind vm --disk /nowhere
code 185 'no regular file' "create: an image that is a directory" vzctl create $ct --kind vm --disk /etc
printf 'KDMV and so on' >"$tap_tmp/x.vmdk"
code 185 'is a VMDK image' "create: a VMDK" vzctl create $ct --kind vm --disk "$tap_tmp/x.vmdk"
printf '%0513d' 0 >"$tap_tmp/odd"
code 185 'no raw image' "create: a raw image of 513 bytes" vzctl create $ct --kind vm --disk "$tap_tmp/odd"
qcow2()	# qcow2 BACKING-OFFSET INCOMPATIBLE: a header
{
	python3 -c '
import struct, sys
h = b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQQQQII", 3, int(sys.argv[1]), 0, 16, 1 << 20, 0, 0, 0, 0, 0, 0, 0,
			     int(sys.argv[2]), 0, 0, 4, 104)
sys.stdout.buffer.write(h + bytes(4096))' "$1" "$2"
}
qcow2 112 0 >"$tap_tmp/backed"
code 185 'backing file' "create: a qcow2 image with a backing file" vzctl create $ct --kind vm --disk "$tap_tmp/backed"
qcow2 0 4 >"$tap_tmp/external"
code 185 'data in another file' "create: a qcow2 image with external data" vzctl create $ct --kind vm --disk "$tap_tmp/external"
code 185 "'/nokernel'" "create: no such kernel" vzctl create $ct --kind vm --disk 1M --kernel /nokernel
leak_is "$before" "nothing is left of all that"
like "$(vzctl create $ct --kind vm --disk 1M --dry-run)" 'vm.area' "create --dry-run"

# ---- create ------------------------------------------------------------------------

mkfs.ext4 -q "$tap_tmp/image.raw" 8M 2>/dev/null || truncate -s 8M "$tap_tmp/image.raw"
run vzctl create $ct "${vm_args[@]}" --disk 64M --disk "$tap_tmp/image.raw" --disk 64M --name vm-one
is $rc 0 "create" || bail "$err"
like "$out" 'Virtual machine private area was created' "... says so"
d=$node/private/$ct
is "$(stat -c %a:%s "$d/disks/disk0.raw" "$d/disks/disk2.raw" | tr '\n' ' ')" "600:67108864 600:67108864 " "new disks"
ok "... take no space" [ "$(stat -c %b "$d/disks/disk0.raw")" -lt 16 ]
ok "the image is copied" cmp "$tap_tmp/image.raw" "$d/disks/disk1.raw"
ok "the kernel is copied" cmp "$guest_kernel" "$d/kernel"
is "$(stat -c %a:%u "$d")" 700:0 "only root gets at it"
like "$(cat "$(conf_of $ct)")" 'VE_TYPE="vm"' "VE_TYPE in the file"
like "$(cat "$(conf_of $ct)")" 'DISKS="disk0.raw disk1.raw disk2.raw"' "DISKS in the file"
is "$(vzlist -aHo kind,status $ct | tr -s ' ')" "vm stopped" "vzlist: kind, stopped"
is "$(vzctl status $ct)" "CTID $ct exist unmounted down" "status: down"
code 44 'already exists' "create again" vzctl create $ct "${vm_args[@]}" --disk 1M
code 31 'not running' "qmp of one that does not run" vzctl qmp $ct query-status
code 21 '--bindmount_add is for containers' "set: what containers have" vzctl set $ct --bindmount_add /srv:/srv --save
code 21 'is for virtual machines' "set: what virtual machines have, of a container" \
	bash -c "vzctl create $ct2 --ostemplate minimal >/dev/null && vzctl set $ct2 --accel tcg --save"
is "$(vzlist -aHo kind $ct2)" ct "vzlist: kind of a container"
run vzctl destroy $ct2

# ---- start -------------------------------------------------------------------------

like "$(vzctl start $ct --dry-run)" 'vm.hold.*vzqemu' "start --dry-run"
run vzctl start $ct
is $rc 0 "start"
is "$err" "" "... says nothing on standard error"
is "$(vzctl status $ct)" "CTID $ct exist mounted running" "status: running"
code 32 'already running' "start again" vzctl start $ct
pid=$(vm_pid $ct)
like "$(cat /proc/$pid/comm)" '^qemu' "its first process is the emulator"
is "$(awk '/^Seccomp_filters/ {print ($2 >= 2)}' /proc/$pid/status)" 1 "A-01 two filters"
is "$(awk '/^Cap(Prm|Eff|Bnd)/ {printf "%s ", $2}' /proc/$pid/status)" \
	"0000000000000000 0000000000000000 0000000000000000 " "A-01 no capabilities"
for ns in user mnt pid net uts ipc cgroup; do
	ok "A-01 its own $ns namespace" [ "$(readlink /proc/$pid/ns/$ns)" != "$(readlink /proc/self/ns/$ns)" ]
done
is "$(awk '{print $5}' /proc/$pid/mountinfo | sort | tr '\n' ' ')" "/ /boot/initrd /boot/kernel /dev " "A-01 four mounts"
ok "the guest boots" until_ok 90 vm_says $ct 'GUEST UP' || { diag "$(vm_console $ct | tail -n 20)"; bail "no guest"; }

# ---- QMP: one owner ------------------------------------------------------------------

like "$(vzctl qmp $ct query-status)" '"running": *true' "qmp"
like "$(vzctl qmp $ct query-block)" '"/dev/fdset/0"|fdset' "qmp: the disks have no path"
like "$(vzctl qmp $ct query-version '{}')" '"major"' "qmp with arguments"
code 185 'not been found' "qmp: an unknown command" vzctl qmp $ct no-such
code 21 'no JSON object' "qmp: bad JSON" vzctl qmp $ct query-status '{"a"'
code 21 'no JSON object' "qmp: JSON that is no object" vzctl qmp $ct query-status '[1]'
code 21 'Bad QMP command' "qmp: a bad name" vzctl qmp $ct 'a b'
code 21 "holder's own" "qmp: what is not for others" vzctl qmp $ct human-monitor-command '{"command-line":"quit"}'
is "$(timeout 2 python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(1)
try: print(len(s.recv(100)))
except TimeoutError: print("silence")' "$VZ_RUNDIR/$ct/qmp.sock")" silence "A-11 a raw client on the socket gets no greeting"
like "$(vzctl qmp $ct query-status)" 'running' "... and disturbs nothing"
holder=$(pgrep -f "^vzqemu hold $ct ")
is "$(awk '/^(CapPrm|CapEff|CapBnd|NoNewPrivs):/ {printf "%s ", $2}' "/proc/$holder/status")" \
	"0000000000000000 0000000000000000 0000000000000000 1 " "the holder has no capability"
kill -9 "$holder"
t=$(date +%s%N)
like "$(vzctl qmp $ct query-status)" 'running' "A-11 the holder is killed: the guest runs, the next command has a new one"
ok "... within 2 seconds" [ $((($(date +%s%N) - t) / 1000000)) -lt 2000 ]
ok "... one" [ "$(pgrep -fc "^vzqemu hold $ct ")" = 1 ]

# ---- console -----------------------------------------------------------------------

run_timeout=60 run "$lib/term.py" 30 'expect:Attached' 'send:\r' 'expect:guest# ' \
	'send:echo sum-$((40+2)); cat /sys/block/vd?/size; echo end-$((1+1))\r' 'expect:sum-42' 'expect:131072' 'expect:end-2' \
	'send:\x1b.' 'expect:Detached' -- vzctl console $ct
is $rc 0 "console: a shell of the guest" || diag "$out"
like "$out" '16384' "... which sees the disks"
code 8 'has no agent' "exec without an agent: a clear word" vzctl exec $ct true
code 185 'has no agent' "... exec2" vzctl exec2 $ct true
code 74 'has no agent' "... and --userpasswd" vzctl set $ct --userpasswd root:x
code 183 'virtual machine|kernel log' "... and log" vzctl log $ct
code 0 'Setting CPU limit: 150' "set of a running one: CPULIMIT at once" vzctl set $ct --cpulimit 150 --save
code 0 'next start: PHYSPAGES' "... more RAM at the next start" vzctl set $ct --ram 200M --save
code 0 'Memory of the guest: 150 of 192 MiB' "... less at once" vzctl set $ct --ram 150M
like "$(vzctl qmp $ct query-balloon)" "\"actual\": *$((150 << 20))" "... the guest gave it back"
code 0 'Disk disk0.raw has 80 MiB' "... a disk grows" vzctl set $ct --disk_resize disk0.raw:80M
is "$(stat -c %s "$d/disks/disk0.raw")" $((80 << 20)) "... its file as well"
run_timeout=60 run "$lib/term.py" 30 'expect:Attached' 'send:\r' 'expect:guest# ' 'send:cat /sys/block/vda/size; echo end-$((1+2))\r' \
	'expect:163840' 'expect:end-3' 'send:\x1b.' 'expect:Detached' -- vzctl console $ct
is $rc 0 "... and the guest sees it" || diag "$out"
code 185 'never shrink' "... and does not shrink" vzctl set $ct --disk_resize disk0.raw:70M
code 21 'no such disk' "... nor one that is not there" vzctl set $ct --disk_resize disk9.raw:70M
code 21 'DISK:SIZE' "... nor to no size" vzctl set $ct --disk_resize disk0.raw
code 21 'for virtual machines' "... nor that of a container" \
	bash -c "vzctl create $ct2 --ostemplate minimal >/dev/null; vzctl set $ct2 --disk_resize disk0.raw:1G"
vzctl destroy $ct2 >/dev/null

# ---- stop --------------------------------------------------------------------------

run vzctl stop $ct
is $rc 0 "stop"
ok "A-12 the guest was asked and ended by itself" vm_says $ct 'Power down'
like "$(cat "$node/vzctl.log")" 'event SHUTDOWN.*"guest":true' "events are in the log"
is "$(vzctl status $ct)" "CTID $ct exist unmounted down" "status: down"
code 0 'not running' "stop again" vzctl stop $ct

code 0 'has 96 MiB' "a stopped one's disk grows" vzctl set $ct --disk_resize disk0.raw:96M
is "$(stat -c %s "$d/disks/disk0.raw")" $((96 << 20)) "... its file"
code 185 'never shrink' "... and does not shrink" vzctl set $ct --disk_resize disk0.raw:1M

# A guest that does not listen: STOP_TIMEOUT, then the emulator ends in order.
sed -i 's/^STOP_TIMEOUT=.*/STOP_TIMEOUT="2"/' "$(conf_of $ct)"
run vzctl set $ct --cmdline "console=ttyS0 acpi=off" --save
run vzctl start $ct
is $rc 0 "start of a deaf guest"
t=$SECONDS
run vzctl stop $ct
is $rc 0 "A-12 stop of a deaf guest"
ok "... after STOP_TIMEOUT" [ $((SECONDS - t)) -ge 2 ] && [ $((SECONDS - t)) -le 9 ]
like "$(tail -n 5 "$node/vzctl.log")" 'host-qmp-quit' "... by quit"
run vzctl start $ct
t=$SECONDS
run vzctl stop $ct --fast
is $rc 0 "stop --fast"
ok "... at once" [ $((SECONDS - t)) -le 3 ]

# ---- the emulator dies ---------------------------------------------------------------

run vzctl start $ct
kill -9 "$(vm_pid $ct)"
ok "an emulator that is killed: the machine is down" until_ok 5 bash -c "vzctl status $ct | grep -q down"
leak=$(ls "$VZ_RUNDIR/$ct" 2>/dev/null)
ok "... and its state removed" until_ok 5 bash -c "! ls '$VZ_RUNDIR/$ct'" || diag "$leak"

# ---- bad state ---------------------------------------------------------------------

mv "$d/disks/disk1.raw" "$d/disks/x"
code 185 'disk1.raw.*No such file' "start without a disk" vzctl start $ct
ln -s /etc/passwd "$d/disks/disk1.raw"
code 185 'disk1.raw' "start with a link in its place" vzctl start $ct
rm "$d/disks/disk1.raw"
mv "$d/disks/x" "$d/disks/disk1.raw"
cp "$tap_tmp/backed" "$d/disks/disk3.qcow2"
sed -i 's/^DISKS=.*/DISKS="disk3.qcow2"/' "$(conf_of $ct)"
code 185 'backing file' "start with a qcow2 image that leads elsewhere" vzctl start $ct
sed -i 's/^DISKS=.*/DISKS="..\/..\/x.raw"/' "$(conf_of $ct)"
code 185 'x.raw' "start with a disk outside of the private area" vzctl start $ct
sed -i 's/^DISKS=.*/DISKS="disk0.raw"/' "$(conf_of $ct)"
echo 'MACHINE="pc,accel=kvm"' >>"$(conf_of $ct)"
code 185 'MACHINE' "start with a machine that smuggles options" vzctl start $ct
sed -i '/^MACHINE/d' "$(conf_of $ct)"
echo 'MACHINE="pc-none"' >>"$(conf_of $ct)"
code 185 'The emulator ended: .*unsupported machine' "what the emulator says is the error" vzctl start $ct
sed -i '/^MACHINE/d' "$(conf_of $ct)"
echo 'QEMU="/nowhere/qemu"' >>"$node/etc/vz.conf"
code 185 "/nowhere/qemu" "no emulator" vzctl start $ct
sed -i '/^QEMU/d' "$node/etc/vz.conf"

# ---- steps that fail -----------------------------------------------------------------

here=$(leak_snapshot)
for step in $(vzctl start $ct --dry-run | awk '{print $2}'); do
	VZ_FAIL_STEP=$step run vzctl start $ct
	[ $rc = 3 ] || diag "$step: $rc $err"
	leak_is "$here" "start fails at $step: nothing is left"
done
VZ_KILL_STEP=vm.hold:after run vzctl start $ct
run vzctl repair $ct
is $rc 0 "repair after a start that was killed"
leak_is "$here" "... leaves nothing"
VZ_KILL_STEP=state.running:after run vzctl start $ct
like "$(vzctl qmp $ct query-status)" '"status": *"prelaunch"' "killed at the end of a start: the guest stands still"
run vzctl start $ct
is $rc 0 "... start again"
like "$out" 'goes on' "... says that it goes on"
like "$(vzctl qmp $ct query-status)" '"running": *true' "... and it runs"
code 32 'already running' "... and is started once" vzctl start $ct
run vzctl stop $ct --fast

# ---- what the emulator is made of ----------------------------------------------------

roots() { find "$node/vmm" -mindepth 1 -maxdepth 1 -type d | wc -l; }
list=$(echo "$node"/vmm/*.files)
is "$(roots)" 1 "one copy of the emulator's files for all starts"
like "$(cat "$list")" '/lib.*/libc\.so\.6' "and of its libraries"
ok "the list is of what is there" bash -c 'tail -n +2 "$1" | while read -r i s m f; do
	[ "$(stat -Lc %i,%s,%Y "$f")" = "$((16#$i)),$((16#$s)),$((16#$m))" ] || exit 1; done' - "$list"
sed -i '/libc\.so\.6/s/^[0-9a-f]*/1/' "$list"
run vzctl start $ct
is $rc 0 "start after the C library was updated"
like "$out" 'Copying the files' "copies again"
run vzctl stop $ct --fast
run vzctl start $ct
unlike "$out" 'Copying' "once"
run vzctl stop $ct --fast

run vzctl destroy $ct
is $rc 0 "destroy"
leak_is "$before" "nothing is left"
done_testing
