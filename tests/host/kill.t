#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Failure and death at every step of every command, of the monitor and of init.
# The steps are those that --dry-run prints: a new one is covered as it comes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make 'NAT_NETWORK="10.99.0.0/24"'
seed=${VZ_TEST_SEED:-$RANDOM}
diag "VZ_TEST_SEED=$seed"
RANDOM=$seed

steps()	# steps COMMAND...: names
{
	"$@" --dry-run | awk '{print $2}'
}

new()
{
	vzctl --quiet create "$ct" --ostemplate minimal --name "n$ct" --hostname h --ipadd auto --portfwd 8080:80 >/dev/null
}

# What a user would do next, whatever happened: it must all work.
cycle()
{
	{ [ -e "$(conf_of "$ct")" ] || new; } && vzctl start "$ct" &&
		[ "$(vzctl exec2 "$ct" echo in)" = in ] && vzctl stop "$ct" --fast && vzctl destroy "$ct"
}

works()	# works NAME
{
	local text
	if text=$(cycle 2>&1 </dev/null); then
		tap_pass "$1"
	else
		tap_fail "$1"
		diag "$text"
		# Not to be blamed on the next one.
		slice_remove; umount -l "$node/root/$ct" 2>/dev/null; vzctl --quiet repair "$ct" >/dev/null 2>&1
		vzctl --quiet destroy "$ct" >/dev/null 2>&1
	fi
}

# The state in which COMMAND makes sense.
prepare()	# prepare COMMAND
{
	case $1 in
	create) ;;
	stop) new && vzctl --quiet start "$ct" >/dev/null ;;
	umount) new && vzctl --quiet mount "$ct" >/dev/null ;;
	*) new ;;
	esac 2>"$tap_tmp/prep" || bail "prepare $1: $(cat "$tap_tmp/prep")"
}

# The command with its usual arguments.
words()	# words COMMAND: sets cmd
{
	case $1 in
	create) cmd=(vzctl create "$ct" --ostemplate minimal --name "n$ct" --hostname h --ipadd auto --portfwd 8080:80) ;;
	stop) cmd=(vzctl stop "$ct" --fast) ;;
	*) cmd=(vzctl "$1" "$ct") ;;
	esac
}

nothing=$(leak_snapshot)

# ---- a step fails: nothing of what was done stays --------------------------------

# destroy, stop and umount are one-way: what they did stays done, and the command,
# given again, goes on.
fails()	# fails COMMAND STEP
{
	local before
	prepare "$1"
	# The mount point is made once and stays until destroy.
	[ "$1" = create ] || mkdir -p "$node/root/$ct"
	before=$(leak_snapshot)
	words "$1"
	VZ_FAIL_STEP=$2 run "${cmd[@]}"
	if [ $rc = 0 ] || ! [[ $err =~ "was made to fail" ]]; then
		tap_fail "$1 says that $2 failed"
		diag "rc $rc" "$out" "$err" "$before" "$(tail -20 "$node/vzctl.log")"
	fi
	case $1 in
	create | start | mount)
		leak_is "$before" "$1: failure at $2 is undone" ;;
	destroy)
		run "${cmd[@]}"
		[ $rc = 0 ] || [ $rc = 14 ] || diag "rc $rc $err"
		leak_is "$nothing" "$1: goes on after failure at $2" ;;
	*)
		run "${cmd[@]}"
		[ $rc = 0 ] || [ $rc = 40 ] || diag "rc $rc $err"
		vzctl --quiet destroy "$ct" >/dev/null
		leak_is "$nothing" "$1: goes on after failure at $2" ;;
	esac
	works "$1: all is well after failure at $2"
}

# ---- death at a step: the next command or repair cleans up --------------------------

dies()	# dies COMMAND STEP repair|next
{
	local r
	prepare "$1"
	words "$1"
	VZ_KILL_STEP=$2 run "${cmd[@]}"
	if [ $rc != 137 ]; then
		tap_fail "$1 dies at $2"
		diag "rc $rc" "$out" "$err"
	fi
	if [ "$3" = repair ]; then
		run vzctl repair "$ct"
		r=$rc
		# It may have got as far as to be running or whole: that is no debris.
		vzctl --quiet stop "$ct" --fast >/dev/null 2>&1
		vzctl --quiet umount "$ct" >/dev/null 2>&1
		vzctl --quiet destroy "$ct" >/dev/null 2>&1
		[ $r = 0 ] || [ $r = 14 ] || diag "repair: $r $out $err"
		leak_is "$nothing" "$1: killed at $2, repaired"
	fi
	case $1:$3 in
	create:next)
		# Whole, or to be made again.
		new 2>/dev/null ;;
	start:next)
		# At once: what the dead one has left in the groups is no container that runs.
		run vzctl start "$ct"
		r=0
		case $2 in state.running:after | hook.start*) r=32 ;; esac
		is "$rc" $r "start: at once after death at $2" || diag "$out" "$err"
		vzctl --quiet stop "$ct" --fast >/dev/null 2>&1 ;;
	*:next)
		run "${cmd[@]}"
		[ $rc = 0 ] || [ $rc = 14 ] || [ $rc = 40 ] || diag "again: $rc $out $err"
		vzctl --quiet umount "$ct" >/dev/null 2>&1 ;;
	esac
	works "$1: all is well after death at $2, $3"
}

for c in create start stop mount umount destroy; do
	words $c
	prepare $c
	mapfile -t list < <(steps "${cmd[@]}")
	[ "$c" = create ] || { vzctl stop "$ct" --fast; vzctl umount "$ct"; vzctl destroy "$ct"; } >/dev/null 2>&1
	[ "${#list[@]}" -gt 0 ] || tap_fail "$c prints its steps"
	for s in "${list[@]}"; do
		for when in "" :after; do
			fails $c "$s$when"
			dies $c "$s$when" repair
			dies $c "$s$when" next
		done
	done
	leak_is "$nothing" "$c leaves nothing"
done

# ---- the monitor dies ------------------------------------------------------------

prepare stop
kill -9 "$(mon_pid "$ct")"
sleep 0.2
is "$(vzctl status "$ct")" "CTID $ct exist mounted running" "a container outlives its monitor"
is "$(vzctl exec2 "$ct" echo in </dev/null)" in "exec without a monitor"
code 3 "monitor is gone" "console without a monitor says so" vzctl console "$ct"
quiet "repair gives it a new monitor" vzctl repair "$ct"
ok "the monitor lives" kill -0 "$(mon_pid "$ct")"
vzctl exec "$ct" poweroff >/dev/null 2>&1
clean() { [ "$(vzctl status "$ct")" = "CTID $ct exist unmounted down" ]; }
ok "the new monitor cleans up when init has ended" until_ok 8 clean
vzctl --quiet start "$ct" >/dev/null
kill -9 "$(mon_pid "$ct")"
quiet "stop without a monitor" vzctl stop "$ct" --fast
vzctl --quiet destroy "$ct" >/dev/null
leak_is "$nothing" "a container whose monitor died leaves nothing"

prepare stop
kill -9 "$(mon_pid "$ct")" "$(init_pid "$ct")"
until_ok 5 is_down "$ct"
quiet "start after monitor and init died" vzctl start "$ct"
vzctl --quiet stop "$ct" --fast >/dev/null
vzctl --quiet destroy "$ct" >/dev/null
leak_is "$nothing" "a container that died with its monitor leaves nothing"

# ---- init dies ----------------------------------------------------------------------

stopped()	# exactly what a stop leaves
{
	[ "$(vzctl status "$ct")" = "CTID $ct exist unmounted down" ]
}

new
mkdir -p "$node/root/$ct"
before=$(leak_snapshot)
vzctl --quiet start "$ct" >/dev/null
kill -9 "$(init_pid "$ct")"
ok "killed init: the monitor cleans up by itself" until_ok 5 stopped
ok "the crash is logged" until_ok 3 grep -q "init ended (signal 9)" "$node/vzctl.log"
# It ran when the node would have gone down: that mark is all that stays.
rm -f "$node/reboot/$ct"
leak_is "$before" "a crash leaves nothing"

other_init()	# other_init OLD: running with another init
{
	[ -n "$(init_pid "$ct")" ] && [ "$(init_pid "$ct")" != "$1" ] && is_running "$ct" &&
		grep -q running=1 "$VZ_RUNDIR/$ct/state"
}

inside()	# inside COMMAND NAME again|down
{
	local old
	rm -f "$VZ_RUNDIR/restarts.$ct"
	is_running "$ct" || vzctl --quiet start "$ct" >/dev/null
	old=$(init_pid "$ct")
	# The command's own end is not reported when everything ends with it.
	timeout 10 vzctl exec "$ct" "$1" </dev/null >/dev/null 2>&1
	if [ "$3" = again ]; then
		ok "$2" until_ok 8 other_init "$old"
	else
		ok "$2" until_ok 8 stopped
	fi
}

inside "reboot -f" "reboot(2) restarts" again
inside "reboot" "reboot through init restarts" again
inside "halt -f" "halt stops" down
inside "poweroff -f" "poweroff stops" down
ok "a container halted from inside does not come back at boot" [ ! -e "$node/reboot/$ct" ]
inside "poweroff" "poweroff through init stops" down
leak_is "$before" "halted containers leave nothing"
echo 'ALLOWREBOOT="no"' >>"$(conf_of "$ct")"
inside "reboot -f" "ALLOWREBOOT=no: a reboot stops" down
sed -i /ALLOWREBOOT/d "$(conf_of "$ct")"

echo 'RESTART="on-failure"' >>"$(conf_of "$ct")"
rm -f "$VZ_RUNDIR/restarts.$ct"
vzctl --quiet start "$ct" >/dev/null
for i in 1 2 3; do
	old=$(init_pid "$ct")
	kill -9 "$old"
	ok "RESTART=on-failure: crash $i" until_ok 8 other_init "$old"
done
kill -9 "$(init_pid "$ct")"
ok "the fourth crash within a minute stops" until_ok 8 stopped
ok "the log says why" until_ok 3 grep -q "restarted 3 times within" "$node/vzctl.log"
rm -f "$VZ_RUNDIR/restarts.$ct"
inside "halt -f" "on-failure: halt is no failure" down
quiet "started by hand after all that" vzctl start "$ct"
quiet "a deliberate stop is no failure" vzctl stop "$ct" --fast
sleep 0.3
is "$(vzctl status "$ct")" "CTID $ct exist unmounted down" "and stays"
vzctl --quiet destroy "$ct" >/dev/null
leak_is "$nothing" "restarts leave nothing"

# ---- signals at random times -----------------------------------------------------------

for i in {1..50}; do
	[ -e "$(conf_of "$ct")" ] || new
	verb=start sig=KILL
	[ $((RANDOM % 2)) = 0 ] && sig=INT
	if [ $((RANDOM % 3)) = 0 ]; then
		vzctl --quiet start "$ct" >/dev/null 2>&1
		verb="stop --fast"
	fi
	# shellcheck disable=SC2086
	vzctl ${verb%% *} "$ct" ${verb#"${verb%% *}"} >/dev/null 2>&1 </dev/null &
	pid=$!
	ms=$((RANDOM % 40))
	sleep "0.0$((ms / 10))$((ms % 10))"
	kill -$sig $pid 2>/dev/null
	{ wait $pid; } 2>/dev/null
	how="$verb, SIG$sig after $ms ms"
	run vzctl repair "$ct"
	[ $rc = 0 ] || { tap_fail "repair after $how"; diag "$rc $out $err"; }
	if is_running "$ct"; then
		run vzctl exec2 "$ct" echo in
		[ "$out" = in ] || { tap_fail "$how: running, and exec works"; diag "$rc $out $err"; }
	else
		run vzctl start "$ct"
		[ $rc = 0 ] || { tap_fail "$how: starts again"; diag "$rc $out $err"; }
	fi
	run vzctl stop "$ct" --fast
	[ $rc = 0 ] || { tap_fail "$how: stops"; diag "$rc $out $err"; }
	if [ $((i % 10)) = 0 ]; then
		vzctl --quiet destroy "$ct" >/dev/null 2>&1
		leak_is "$nothing" "10 random signals leave nothing (seed $seed)"
	fi
done
done_testing
