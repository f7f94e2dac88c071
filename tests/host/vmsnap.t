#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Snapshots of virtual machines: disks and memory, back, delete, list, and kills at every step.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
node_make
export VZ_VMMDIR=$node/vmm
guest_agent || skip_all "$guest_why"
guest_make || skip_all "$guest_why"
before=$(leak_snapshot)
run vzctl create $ct "${vm_args[@]}" --disk 16M --disk 8M
is $rc 0 "create" || bail "$err"
d=$node/private/$ct
guest() { vzctl exec2 $ct "$@"; }
put() { printf '%-511s\n' "$2" | dd of="$d/disks/disk$1.raw" conv=notrunc status=none; }
has() { head -c 32 "${2:-$d/disks}/disk$1.raw" | cut -d' ' -f1; }
ids() { vzctl snapshot-list $ct -H -o uuid | tr -d '{} '; }

# ---- stopped: A-22 -----------------------------------------------------------------------

is "$(vzctl snapshot-list $ct)" "$(printf '%-38s %-1s %-38s %-19s %s' PARENT_UUID C UUID DATE NAME)" "list: the header of 4.x"
code 156 'UUID|uuid|options|index' "snapshot of a container: not there" \
	bash -c "vzctl create $ct2 --ostemplate minimal >/dev/null; vzctl snapshot $ct2; r=\$?; [ \$r = 156 ] && echo uuid; exit \$r"
vzctl destroy $ct2 >/dev/null
declare -a id
for i in 1 2 3 4 5 6; do
	put 0 "state-$i"
	put 1 "other-$i"
	vzctl snapshot $ct --name "snap $i" --description "number $i" >"$tap_tmp/out" || diag "$(cat "$tap_tmp/out")"
	id[i]=$(sed -n 's/.*Snapshot {\(.*\)} has been.*/\1/p' "$tap_tmp/out")
	# Dates are in seconds, and the list is in their order.
	[ $i = 6 ] || sleep 1
done
is "$(ids | xargs)" "${id[*]}" "A-22 six snapshots"
is "$(vzctl snapshot-list $ct -H -o parent_uuid | tr -d '{} ' | xargs)" "${id[*]:1:5}" "... each with its parent"
like "$(vzctl snapshot-list $ct -H | tail -n 1)" "^\\{${id[5]}\\} \\* \\{${id[6]}\\} 20[0-9-]+ [0-9:]{8} snap 6$" "... the last one is current"
put 0 state-now
run vzctl snapshot-switch $ct --id "{${id[2]}}"
is "$rc $(has 0) $(has 1)" "0 state-2 other-2" "A-22 back to the second, both disks" || diag "$err"
is "$(ids | xargs)" "${id[*]}" "A-22 ... newer ones are still there"
put 0 state-2b
vzctl snapshot $ct --name branch >/dev/null
like "$(vzctl snapshot-list $ct -H -o parent_uuid,name)" "\\{${id[2]}\\} +branch" "... and the next is its child"
run vzctl snapshot-switch $ct --id "${id[5]^^}"
is "$rc $(has 0)" "0 state-5" "A-22 forward to the fifth"
code 159 'Unable to find snapshot' "no such snapshot" vzctl snapshot-switch $ct --id 00000000-0000-4000-8000-000000000000
code 21 'a UUID' "no UUID" vzctl snapshot-switch $ct --id ../../../etc
code 20 'is required' "no id" vzctl snapshot-delete $ct
code 159 'no memory' "--must-resume without memory" vzctl snapshot-switch $ct --id "${id[1]}" --must-resume
code 156 'already exists' "an id that is taken" vzctl snapshot $ct --id "${id[1]}"
code 21 'one line' "a name of two lines" vzctl snapshot $ct --name $'a\nb'
code 21 'parent_uuid' "list: no such field" vzctl snapshot-list $ct -o size
run vzctl snapshot-delete $ct --id "${id[3]}"
is "$rc $(ids | grep -c "${id[3]}")" "0 0" "delete"
like "$(vzctl snapshot-list $ct -H -o parent_uuid,uuid)" "\\{${id[2]}\\} +\\{${id[4]}\\}" "... its child is its parent's"
is "$(find "$d/snap" -name "${id[3]}*")" "" "... its files are gone"

# The configuration comes along, unless it is not to.
vzctl set $ct --ram 128M --save >/dev/null
vzctl snapshot-switch $ct --id "${id[4]}" --skip-config >/dev/null
is "$(vzlist -aHo physpages.l $ct | tr -d ' ')" 32768 "--skip-config: the configuration stays"
vzctl snapshot-switch $ct --id "${id[4]}" >/dev/null
is "$(vzlist -aHo physpages.l $ct | tr -d ' ')" 49152 "... else it is the snapshot's"

# A snapshot from elsewhere: images that depend on other files are refused, nothing changes.
python3 -c '
import struct, sys
sys.stdout.buffer.write(b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQQQQII", 3, 112, 8, 16, 1 << 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 104) + bytes(4096))' \
	>"$d/snap/${id[1]}/disks/evil.qcow2"
cp "$d/snap/${id[1]}/ve.conf" "$tap_tmp/ve.conf"
sed -i 's/^DISKS=.*/DISKS="evil.qcow2"/' "$d/snap/${id[1]}/ve.conf"
code 185 'backing file' "a disk with a backing file" vzctl snapshot-switch $ct --id "${id[1]}"
sed -i 's|^DISKS=.*|DISKS="../../../x.raw"|' "$d/snap/${id[1]}/ve.conf"
code 159 'no disk' "a disk outside of it" vzctl snapshot-switch $ct --id "${id[1]}"
ln -s /etc/passwd "$d/snap/${id[1]}/disks/link.raw"
sed -i 's|^DISKS=.*|DISKS="link.raw"|' "$d/snap/${id[1]}/ve.conf"
code 159 'no disk' "a link" vzctl snapshot-switch $ct --id "${id[1]}"
rm "$d/snap/${id[1]}/disks/link.raw" "$d/snap/${id[1]}/disks/evil.qcow2"
cp "$tap_tmp/ve.conf" "$d/snap/${id[1]}/ve.conf"
is "$(has 0)" state-4 "... nothing has changed"

# ---- kills -----------------------------------------------------------------------------------

whole() { find "$d" -maxdepth 1 -name disks.new | wc -l; find "$d/snap" -maxdepth 1 '(' -name '*.new' -o -name '*.del' -o -name switch ')' | wc -l; }
n=$(ids | wc -l)
for step in snap.copy snap.copy:after snap.commit; do
	VZ_KILL_STEP=$step run vzctl snapshot $ct
	is "$(ids | wc -l)" "$n" "a snapshot killed at $step is none"
done
run vzctl snapshot-delete $ct --id "${id[6]}"
is "$rc $(whole | xargs)" "0 0 0" "... and the next command sweeps up"
for step in snap.begin snap.begin:after snap.finish; do
	put 0 before-kill
	VZ_KILL_STEP=$step run vzctl snapshot-switch $ct --id "${id[1]}"
	case $step in
	snap.begin) want="before-kill" ;;
	*) want="state-1" ;;
	esac
	vzctl snapshot $ct --name after >/dev/null
	is "$(has 0) $(whole | xargs)" "$want 0 0" "a switch killed at $step is done or not begun"
	vzctl snapshot-delete $ct --id "$(vzctl snapshot-list $ct -H -o uuid,name | awk '$2 == "after" {print $1}')" >/dev/null
done
# In the middle, by real kills at random points.
for i in 1 2 3 4 5 6; do
	put 0 before-kill
	vzctl snapshot-switch $ct --id "${id[2]}" >/dev/null 2>&1 &
	sleep "0.0$((RANDOM % 6))"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	vzctl snapshot-list $ct >/dev/null
	vzctl snapshot $ct --name after >/dev/null
	case "$(has 0) $(has 1)" in
	"before-kill other-"?|"state-2 other-2") s=whole ;;
	*) s="$(has 0) $(has 1)" ;;
	esac
	is "$s $(whole | xargs)" "whole 0 0" "killed somewhere ($(has 0))"
	vzctl snapshot-delete $ct --id "$(vzctl snapshot-list $ct -H -o uuid,name | awk '$2 == "after" {print $1}')" >/dev/null
done
for x in $(ids); do vzctl snapshot-delete $ct --id "$x" >/dev/null; done
is "$(ids)" "" "all are deleted"

# ---- running: disks and memory -----------------------------------------------------------------

run vzctl start $ct
is $rc 0 "start" || bail "$err"
ok "the agent comes" until_ok 120 vzctl exec2 $ct true || { diag "$(vm_console $ct | tail -n 20)"; bail "no agent"; }
guest 'echo first >/tmp/mem; printf "%-511s\n" first | dd of=/dev/vda conv=fsync 2>/dev/null'
run vzctl snapshot $ct --name full
is "$rc $err" "0 " "a snapshot of a running guest"
full=$(ids)
is "$(vzctl snapshot-list $ct -H -o memory | tr -d ' ')" yes "... with its memory"
is "$(has 0 "$d/snap/$full/disks")" first "... and its disk"
like "$(vzctl qmp $ct query-status)" '"running": *true' "... the guest runs on"
is "$(guest 'cat /tmp/mem')" first "... (its agent answers)"
guest 'echo second >/tmp/mem; printf "%-511s\n" second | dd of=/dev/vda conv=fsync 2>/dev/null'
run vzctl snapshot $ct --name disks --skip-suspend
is $rc 0 "--skip-suspend"
like "$(vzctl snapshot-list $ct -H -o memory,name)" 'no +disks' "... has no memory"
guest 'printf "%-511s\n" third | dd of=/dev/vda conv=fsync 2>/dev/null'
run_timeout=120 run vzctl snapshot-switch $ct --id "$full"
is "$rc $err" "0 " "back, with memory" || diag "$out" "$(tail -n 5 "$node/vzctl.log")"
is "$(vzctl status $ct)" "CTID $ct exist mounted running" "... it runs"
ok "... the agent is there, without a boot" until_ok 20 vzctl exec2 $ct true
is "$(guest 'cat /tmp/mem; head -c 5 /dev/vda')" "first
first" "... memory and disk are those of the snapshot"
is "$(ls "$node/dump")" "" "... the memory that was loaded is no dump any more"
ok "... but the snapshot's" test -s "$d/snap/$full/mem"
guest 'printf "%-511s\n" fourth | dd of=/dev/vda conv=fsync 2>/dev/null'
disks=$(vzctl snapshot-list $ct -H -o uuid,name | awk '$2 == "disks" {print $1}')
run_timeout=120 run vzctl snapshot-switch $ct --id "$disks"
is "$rc $(has 0)" "0 second" "back to disks alone"
is "$(vzctl status $ct)" "CTID $ct exist unmounted down" "... it is stopped"
run vzctl snapshot-switch $ct --id "$full" --skip-resume
is "$rc $(has 0) $(vzctl status $ct | cut -d' ' -f5-)" "0 first down" "--skip-resume"

# A vzctl, and a holder, that are killed leave no guest that stands still.
run vzctl start $ct
is $rc 0 "start" || bail "$err"
ok "it boots" until_ok 120 vzctl exec2 $ct true
n=$(ids | wc -l)
for i in 1 2 3; do
	vzctl snapshot $ct --name killed >/dev/null 2>&1 &
	sleep "0.$((i * 2))"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
	ok "vzctl is killed: the guest runs on" until_ok 20 eval 'vzctl qmp $ct query-status | grep -q "\"running\": *true"'
done
vzctl snapshot $ct --name killed >/dev/null 2>&1 &
s=$!
until_ok 5 test -e "$VZ_RUNDIR/$ct/snapping"
kill -9 "$(pgrep -f "^vzqemu hold $ct ")"
wait $s
until_ok 10 eval 'vzctl exec2 $ct true'
like "$(vzctl qmp $ct query-status)" '"running": *true' "the holder is killed: the guest runs on with the next"
ok "... no mark is left" eval '! test -e "$VZ_RUNDIR/$ct/snapping"'
run vzctl snapshot $ct --name last
is "$rc $(whole | xargs)" "0 0 0" "the next snapshot is whole"
run vzctl stop $ct --fast
run vzctl destroy $ct
is $rc 0 "destroy takes them along"
leak_is "$before" "nothing is left"
done_testing
