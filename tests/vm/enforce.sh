#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What limits keep a container from, and what its neighbour notices of it: hogs of
# memory, processes, CPU and disk, each with the limit changed while it runs.
# Tolerances are those of docs/resources.md.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2119
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
node_make
run_timeout=30
hold=${VZ_BUILD:-$top/build/debug}/tests/vm/hold
nothing=$(leak_snapshot)
scope=$(slice_dir)/vz-$ct.scope
scope2=$(slice_dir)/vz-$ct2.scope
log=$node/vzctl.log

key()	# key FILE KEY
{
	awk -v k="$2" '$1 == k {print $2}' "$1"
}

set_live()
{
	run vzctl set "$ct" "$@" --save
	is "$rc:$err" 0: "set $*"
}

in_ct()
{
	vzctl exec2 "$ct" "$@" </dev/null
}

in_ct2()
{
	vzctl exec2 "$ct2" "$@" </dev/null
}

background()	# background CTID COMMAND: until end_all
{
	vzctl exec "$1" "$2 >/dev/null 2>&1 &" </dev/null >/dev/null 2>&1
}

end_all()	# end_all CTID: its hogs
{
	vzctl exec "$1" 'killall -9 hold sleep' </dev/null >/dev/null 2>&1
}

lines()	# lines REGEX: how many of the log
{
	grep -cE "$1" "$log"
}

logged()	# logged REGEX NAME
{
	until_ok 12 grep -qE "CT $ct : $1" "$log"
	grep -qE "CT $ct : $1" "$log" || diag "$(tail -n 5 "$log")"
	ok "logged: $2" grep -qE "CT $ct : $1" "$log"
}

swaps()
{
	[ "$(cat "$scope/memory.swap.current")" -gt 8000000 ]
}

at_most()
{
	[ "$(cat "$scope/pids.current")" -le "$1" ]
}

at_least()
{
	[ "$(cat "$scope/pids.current")" -ge "$1" ]
}

# The rest of the machine takes time from a guest, too: only more is a fault.
limited()	# limited GOT LIMIT NAME: in hundredths of a per cent
{
	ok "$3: $1, wanted $2 + 2 - 15 %" test $(($1 * 100)) -le $(($2 * 102)) -a $(($1 * 100)) -ge $(($2 * 85))
}

part()	# where the time goes
{
	diag "$SECONDS s: $1"
}

within()	# within GOT WANTED PER-CENT NAME
{
	ok "$4: $1, wanted $2 +- $3 %" test \
		$((($1 > $2 ? $1 - $2 : $2 - $1) * 100)) -le $(($2 * $3))
}

for c in "$ct" "$ct2"; do
	vzctl --quiet create "$c" --ostemplate minimal >/dev/null 2>&1 || bail "create $c"
	vzctl --quiet set "$c" --ram 64M --swap 0 --numproc 60 --save >/dev/null
	run vzctl start "$c"
	is "$rc:$err" 0: "start $c"
	vzctl exec2 "$c" 'cat >/bin/hold; chmod 755 /bin/hold' <"$hold"
done

# ---- memory ------------------------------------------------------------------------

part memory

background "$ct2" 'hold memory 20'
until_ok 10 in_ct2 'pidof hold'
neighbour=$(in_ct2 'pidof hold')
run vzctl exec2 "$ct" 'hold memory 200'
is $rc 137 "a memory hog is killed"
logged 'Out of memory: process [0-9]+ \(hold\) killed: uid 0, [56][0-9]{4} kB anonymous, .*; limit 64 MiB$' \
	"who it was, and how large"
ok "the limit held" test "$(cat "$scope/memory.peak" 2>/dev/null || echo 0)" -le 67108864
is "$(in_ct echo alive)" alive "the container lives"
is "$(in_ct2 'pidof hold')" "$neighbour" "and its neighbour's processes"
is "$(key "$scope2/memory.events" oom):$(key "$scope2/memory.events" oom_kill)" 0:0 "which had no shortage"
is "$(lines "CT $ct2 : Out of")" 0 "nor a word in the log"
like "$(tr -d '\r' <"$node/log/$ct.console")" '\[vzmon: Out of memory: process [0-9]+ \(hold\) killed' \
	"its own console says so, too"

# Names are the victim's choice.
vzctl exec2 "$ct" 'cat >"/tmp/x) total-vm:9kB" && chmod 755 /tmp/x*' <"$hold"
run vzctl exec2 "$ct" '"/tmp/x) total-vm:9kB" memory 200'
logged 'Out of memory: process [0-9]+ \(x\) total-vm:9kB\) killed: uid 0, [56][0-9]{4} kB' "a name that looks like a size"
in_ct 'mv /tmp/x* "/tmp/a
CT 1 : b"'
n=$(wc -l <"$log")
run vzctl exec2 "$ct" '/tmp/a* memory 200'
logged 'Out of memory: process [0-9]+ \(a\\x0aCT 1 : b\) killed' "a name of two lines"
is "$(($(wc -l <"$log") - n))" 1 "is one line"
# As root of the container only as far as ids go: no other is blamed.
is "$(lines "CT $ct2 : Out of")" 0 "nobody else is blamed"

# Live: what does not fit any more goes, what is cached is dropped.
in_ct 'rm -f /tmp/*; dd if=/dev/zero of=/f bs=1M count=30 && sync' >/dev/null 2>&1
set_live --ram 24M --swap 0
ok "set --ram below what is cached: $(cat "$scope/memory.current")" test "$(cat "$scope/memory.current")" -le 25165824
is "$(in_ct echo alive)" alive "drops the cache"
set_live --ram 128M --swap 0
run vzctl exec2 "$ct" 'timeout 5 hold memory 100'
is "$rc:$out" 143:100 "set --ram above: it fits"

# ---- swap --------------------------------------------------------------------------------

part swap

dd if=/dev/zero of="$node/swap" bs=1M count=256 status=none && chmod 600 "$node/swap" &&
	mkswap -q "$node/swap" >/dev/null && swapon "$node/swap" || bail "swap"
defer "swapoff $node/swap"
set_live --ram 24M --swap 24M
background "$ct" 'hold memory 36'
until_ok 20 in_ct "pidof hold"
until_ok 10 swaps
ok "36 MiB in 24 of memory: $(cat "$scope/memory.swap.current") bytes of swap" swaps
end_all "$ct"
kills=$(key "$scope/memory.events" oom_kill)
run vzctl exec2 "$ct" 'hold memory 80'
ok "memory and swap together are a limit" test "$(key "$scope/memory.events" oom_kill)" -gt "$kills"
logged 'Out of memory: process .*; limit 24 MiB and 24 MiB of swap$' "both limits"
ok "which held" test "$(cat "$scope/memory.swap.peak" 2>/dev/null || cat "$scope/memory.swap.current")" -le 25165824
end_all "$ct"
is "$(in_ct2 'pidof hold')" "$neighbour" "its neighbour stayed in memory"
is "$(cat "$scope2/memory.swap.current")" 0 "and used no swap"
end_all "$ct2"
set_live --ram 64M --swap 0

# ---- processes ------------------------------------------------------------------------------

part processes

set_live --numproc 30
vzctl exec "$ct" 'f() { f | f & }; f' </dev/null >/dev/null 2>&1
until_ok 10 grep -q 'max [1-9]' "$scope/pids.events" "$scope/ct/pids.events"
ok "a fork bomb ends at the limit" test "$(cat "$scope/pids.peak" 2>/dev/null || cat "$scope/pids.current")" -le 30
logged 'Process limit of 30 reached: [0-9]+ fork' "the process limit"
run vzctl exec2 "$ct2" 'i=0; while [ $i -lt 20 ]; do sleep 5 & i=$((i + 1)); done; killall sleep; echo forked'
is "$rc:$out" 0:forked "the neighbour forks"
vzctl exec "$ct" 'killall -9 sh' </dev/null >/dev/null 2>&1
until_ok 10 at_most 10
# As many as there may be, which stay.
vzctl exec "$ct" 'while sleep 60 & do :; done' </dev/null >/dev/null 2>&1
until_ok 10 at_least 30
vzctl exec "$ct" 'exec sleep 60' </dev/null >/dev/null 2>&1 &
until_ok 3 at_least 30
run vzctl exec2 "$ct" 'echo in'
is $rc 7 "exec into a full container fails"
like "$err" 'as many processes as it may have \(NUMPROC\)' "and says why"
set_live --numproc 60
is "$(in_ct 'echo in')" in "after set --numproc it works"
end_all "$ct"
wait

# ---- CPU --------------------------------------------------------------------------------------

part CPU

usage()	# of both, in microseconds
{
	echo "$(key "$scope/cpu.stat" usage_usec) $(key "$scope2/cpu.stat" usage_usec)"
}

measure()	# measure SECONDS: sets u1 u2, shares in hundredths of a per cent, p1 of one CPU
{
	local a1 a2 b1 b2 t
	sleep 0.5
	t=${EPOCHREALTIME/./}
	read -r a1 a2 < <(usage)
	sleep "$1"
	read -r b1 b2 < <(usage)
	t=$((${EPOCHREALTIME/./} - t))
	u1=$(((b1 - a1) * 10000 / (b1 - a1 + b2 - a2)))
	u2=$((10000 - u1))
	p1=$(((b1 - a1) * 10000 / t))
}

# An emulator on a busy machine may spoil one measurement, not two.
shares()	# shares WANTED
{
	measure 5
	[ $((($u1 > $1 ? u1 - $1 : $1 - u1) * 100)) -gt $(($1 * 3)) ] || return 0
	diag "first measurement: $u1"
	measure 8
}

set_live --cpumask 1 --cpuunits 1000
vzctl set "$ct2" --cpumask 1 --cpuunits 3000 --save >/dev/null
background "$ct" 'hold spin'
background "$ct2" 'hold spin'
shares 2500
within $u1 2500 3 "CPU shares for 1000 : 3000"
within $u2 7500 3 "and the other's"
set_live --cpuunits 6000
shares 6667
within $u1 6667 3 "set to 6000 : 3000"
# More processes are no larger share.
background "$ct2" 'hold spin & hold spin'
shares 6667
within $u2 3333 3 "three hogs of the other"
end_all "$ct2"
set_live --cpulimit 25
measure 5
limited $p1 2500 "set --cpulimit 25"
set_live --cpulimit 50
measure 5
limited $p1 5000 "set --cpulimit 50"
set_live --cpulimit 0
pid=$(cat "$scope"/ct/cgroup.procs | while read -r p; do [ "$(cat "/proc/$p/comm")" = hold ] && echo "$p"; done)
is "$(awk '{print $39}' "/proc/$pid/stat")" 1 "runs on CPU 1"
set_live --cpumask 0
until_ok 3 eval '[ "$(awk "{print \$39}" /proc/'"$pid"'/stat)" = 0 ]'
is "$(awk '{print $39}' "/proc/$pid/stat")" 0 "set --cpumask 0 moves it"
end_all "$ct"

# ---- disk ---------------------------------------------------------------------------------------

part disk

writes()	# writes CTID KIB SIZE: milliseconds
{
	vzctl exec2 "$1" "hold write /w $2 $3" </dev/null
}

set_live --iolimit 2M
# The neighbour writes at the same time.
writes "$ct2" 8192 64 >"$tap_tmp/other" &
t=$(writes "$ct" 8192 64)
wait $!
within "$t" 4000 10 "8 MiB at 2 MiB a second, in milliseconds"
ok "its neighbour: $(cat "$tap_tmp/other")" test "$(cat "$tap_tmp/other")" -le 2000
set_live --iolimit 4M
within "$(writes "$ct" 8192 64)" 2000 10 "set --iolimit 4M"
set_live --iolimit 0 --iopslimit 100
within "$(writes "$ct" 1200 4)" 3000 10 "300 writes at 100 a second"
set_live --iopslimit 0
t=$(writes "$ct" 8192 64)
ok "without: $t ms" test "$t" -le 2000

part end
for c in "$ct" "$ct2"; do
	vzctl stop "$c" --fast >/dev/null 2>&1
	run vzctl destroy "$c"
	is $rc 0 "destroy $c"
done
swapoff "$node/swap" && rm "$node/swap"
leak_is "$nothing" "nothing is left"
done_testing
