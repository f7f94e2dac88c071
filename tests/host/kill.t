#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Failure and death at every step of every command, of the monitor and of init.
# The steps are those that --dry-run prints: a new one is covered as it comes.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
seed=${VZ_TEST_SEED:-$RANDOM}
diag "VZ_TEST_SEED=$seed"
RANDOM=$seed

steps()	# steps COMMAND...: names
{
	"$@" --dry-run | awk '{print $2}'
}

new()
{
	vzctl --quiet create "$ct" --ostemplate minimal --name "n$ct" --hostname h --ipadd 10.99.0.1 >/dev/null
}

# What a user would do next, whatever happened: it must all work.
works()	# works NAME
{
	local text
	text=$( { [ -e "$(conf_of "$ct")" ] || new; } && vzctl start "$ct" &&
		[ "$(vzctl exec2 "$ct" echo in)" = in ] && vzctl stop "$ct" --fast &&
		vzctl destroy "$ct" ) 2>&1 </dev/null
	if [ $? = 0 ]; then
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
	create) cmd=(vzctl create "$ct" --ostemplate minimal --name "n$ct" --hostname h --ipadd 10.99.0.1) ;;
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
		diag "rc $rc" "$out" "$err"
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
		run vzctl start "$ct"
		[ $rc = 0 ] || [ $rc = 32 ] || diag "start: $rc $out $err"
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
done_testing
