#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What vz.service starts and stops: ONBOOT, the last shutdown, BOOTORDER, DISABLED.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
node_make VE_PARALLEL=1
vz=$top/vzctl/boot/vz

# make CTID KEY=VALUE...
make_ct()
{
	local id=$1
	shift
	vzctl --quiet create "$id" --ostemplate minimal >/dev/null || bail "create $id"
	sed -i '/^ONBOOT/d' "$(conf_of "$id")"
	printf '%s\n' "$@" >>"$(conf_of "$id")"
}

state()
{
	vzlist -aHo ctid,status | awk '{printf "%s%s", s, $2; s = " "}'
}

a=$ct b=$((ct + 1)) c=$((ct + 2)) d=$((ct + 3)) e=$((ct + 4))
make_ct $a 'ONBOOT="yes"' 'BOOTORDER="1"'
make_ct $b 'ONBOOT="yes"' 'BOOTORDER="9"'
make_ct $c 'ONBOOT="auto"'
make_ct $d 'ONBOOT="no"'
make_ct $e 'ONBOOT="yes"' 'DISABLED="yes"'

run sh "$vz" status
is "$rc $out" "3 OpenVZ is stopped." "status before start"
run sh "$vz" start
is "$rc" 0 "start"
is "$(state)" "running running stopped stopped stopped" "only those with ONBOOT=yes, not the disabled one"
is "$(grep -o "CT [0-9]* : Starting container" "$node/vzctl.log" | awk '{print $2}' | tr '\n' ' ')" "$b $a " \
	"the highest BOOTORDER first"
run sh "$vz" status
is "$rc $out" "0 OpenVZ is running..." "status after start"

vzctl --quiet start $c >/dev/null
vzctl --quiet start $d >/dev/null
: >"$node/vzctl.log"
run sh "$vz" stop
is "$rc" 0 "stop"
is "$(state)" "stopped stopped stopped stopped stopped" "all are stopped"
is "$(grep -o "CT [0-9]* : Stopping container" "$node/vzctl.log" | awk '{print $2}' | tail -2 | tr '\n' ' ')" "$a $b " \
	"the lowest BOOTORDER first"

run sh "$vz" start
is "$(state)" "running running running stopped stopped" \
	"a container that ran comes back, one with ONBOOT=no does not"
sh "$vz" stop >/dev/null 2>&1

# Deliberately stopped before the node went down: stays down.
vzctl --quiet start $c >/dev/null && vzctl --quiet stop $c --fast >/dev/null
run sh "$vz" start
is "$(state)" "running running stopped stopped stopped" "stopped by hand stays stopped"

# Power cut: no stop script ran, all processes are gone.
vzctl --quiet start $c >/dev/null
slice_remove
until_ok 10 sh -c '! vzlist -Ho ctid | grep -q .'
for i in $a $b $c; do vzctl --quiet repair "$i" >/dev/null; done
run sh "$vz" start
is "$(state)" "running running running stopped stopped" "after a power cut what ran comes back"

sed -i 's/^VIRTUOZZO=.*//' "$node/etc/vz.conf"
echo 'VIRTUOZZO=no' >>"$node/etc/vz.conf"
sh "$vz" stop >/dev/null 2>&1
run sh "$vz" start
is "$(state)" "stopped stopped stopped stopped stopped" "VIRTUOZZO=no: nothing is started"
mv "$node/etc/vz.conf" "$node/etc/vz.conf.away"
run sh "$vz" start
is "$rc" 10 "no vz.conf: 10"
mv "$node/etc/vz.conf.away" "$node/etc/vz.conf"
for i in $a $b $c $d $e; do vzctl --quiet destroy "$i" >/dev/null; done
done_testing
