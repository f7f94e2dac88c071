#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Init systems boot, stop within seconds, and do what reboot and halt inside say.
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/templates.sh"
for t in debian-12-x86_64 debian-13-x86_64 debian-12-sysv-x86_64 minimal; do template $t; done
. "$lib/tap.sh"
node_make
node_has_other

stops()	# NAME: a clean stop, in less than 8 of the 10 seconds that STOP_TIMEOUT has
{
	local t=$SECONDS
	run vzctl stop $ct
	is $rc 0 "$1"
	unlike "$out" Killing "$1: init was heard"
	ok "$1: in seconds" test $((SECONDS - t)) -lt 8
}

rebooted()
{
	[ "$(init_pid $ct)" != "$old" ] && is_running $ct
}

inside()	# COMMAND WANTED
{
	rm -f "$VZ_RUNDIR/restarts.$ct"
	is_running $ct || vzctl --quiet start $ct --wait >/dev/null 2>&1
	old=$(init_pid $ct)
	run vzctl exec $ct "$1"
	if [ "$2" = reboot ]; then
		ok "$t: $1" until_ok 15 rebooted
		run vzctl exec $ct true
		is $rc 0 "$t: runs again"
		vzctl --quiet stop $ct --fast
	else
		ok "$t: $1" until_ok 15 is_down $ct
	fi
}

for t in debian-12-x86_64 debian-13-x86_64 debian-12-sysv-x86_64 minimal; do
	have_template $t || { skip 14 "$t was not built: ${VZ_TMPL_WHY:-?}"; continue; }
	run vzctl create $ct --ostemplate $t --hostname init.example
	is $rc 0 "$t: create"
	run vzctl start $ct --wait
	is $rc 0 "$t: start --wait"
	run vzctl exec $ct hostname
	is "$out" init.example "$t: hostname"
	case $t in
	*sysv*) run vzctl exec $ct runlevel; is "$out" "N 2" "$t: runlevel" ;;
	debian*) run vzctl exec $ct systemctl is-system-running; is "$out" running "$t: running" ;;
	*) run vzctl exec $ct readlink /proc/1/exe; is "$out" /bin/busybox "$t: init" ;;
	esac
	stops "$t: stop"
	run vzctl start $ct
	stops "$t: stop while it comes up"
	inside reboot reboot
	inside halt halt
	inside poweroff halt
	vzctl --quiet stop $ct --fast >/dev/null 2>&1
	vzctl --quiet destroy $ct >/dev/null 2>&1
done
done_testing
