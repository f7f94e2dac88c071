#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is read back of limits and use where all of cgroup v2 is: vzctl stat, vzlist,
# vzubc and vzctl-node against the files of the scope.  For tests/vm/run.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
node_make
ct=27031
scope=$(slice_dir)/vz-$ct.scope

file()	# file NAME: of the container's scope; "-" when there is none
{
	cat "$scope/$1" 2>/dev/null || echo -
}

key()	# key FILE KEY
{
	awk -v k="$2" '$1 == k {print $2}' "$scope/$1"
}

inside()
{
	vzctl exec2 "$ct" "$@" </dev/null
}

stat()	# stat EXPRESSION: of vzctl stat, d being the container
{
	vzctl stat --json "$ct" 2>&1 | python3 -c 'import json, sys
d = json.load(sys.stdin)[0]; r = d["resources"]; print('"$1"')' 2>&1
}

list()	# list FIELD
{
	vzlist -H -o "$1" "$ct" | tr -d ' '
}

raw()	# raw RESOURCE COLUMN: 1 held 2 maxheld 3 barrier 4 limit 5 failcnt
{
	vzubc --raw "$ct" | sed 's/^ *[0-9]*: *//' | awk -v r="$1" -v c="$2" '$1 == r {print $(c + 1)}'
}

near()	# near A B NAME: within a twentieth, or 64
{
	ok "$3 ($1, $2)" awk -v a="$1" -v b="$2" 'BEGIN {d = a > b ? a - b : b - a; exit !(d <= 64 || d * 20 <= b)}'
}

diag "$(uname -r): $(for f in memory.peak memory.swap.peak pids.peak pids.events.local; do
	ls "$(slice_dir)"/../*.slice/$f 2>/dev/null | head -n 1; done)"

# ---- the samples, enforced ----------------------------------------------------------

# tests/host/node.t starts the others.
for s in vswap-512m:536870912:1073741824 basic:x:max; do
	IFS=: read -r name ram swap <<<"$s"
	run vzctl create "$ct" --ostemplate minimal --config "$name"
	is "$rc" 0 "create --config $name"
	run vzctl start "$ct"
	is "$rc:$err" 0: "starts in silence"
	unlike "$out" 'not enforced' "with all of it enforced"
	if [ "$ram" = x ]; then
		# PRIVVMPAGES in bytes and the five others, as they stand in the file.
		ram=$(sed -n 's/^\(PRIVVMPAGES\|KMEMSIZE\|TCPSNDBUF\|TCPRCVBUF\|OTHERSOCKBUF\|DGRAMRCVBUF\)="[0-9]*:\([0-9]*\)"/\1 \2/p' \
			"$node/etc/conf/ve-$name.conf-sample" |
			awk '{s += $1 == "PRIVVMPAGES" ? $2 * 4096 : $2} END {printf "%d", s - s % 4096}')
	fi
	is "$(file memory.max):$(file memory.swap.max)" "$ram:$swap" "memory and swap of $name"
	is "$(stat 'r["memory"]["limit"], r["memory"]["enforced"]')" "$ram True" "as stat says"
	is "$(list memory.l)" "$ram" "and vzlist"
	vzctl --quiet stop "$ct" --fast
	vzctl --quiet destroy "$ct"
done

# ---- each limit, set live and read back ------------------------------------------------

run vzctl create "$ct" --ostemplate minimal --config vswap-256m --name st27
run vzctl set "$ct" --netif_add eth0 --save
run vzctl start "$ct"
is "$rc" 0 "start"
run vzctl set "$ct" --ram 128M --swap 32M --numproc 60:80
is $rc 0 "set, without --save"
is "$(file memory.max) $(file memory.swap.max) $(file pids.max)" "134217728 33554432 80" "the kernel has them"
is "$(stat '[r[k]["limit"] for k in ("memory", "swap", "numproc")]')" "[134217728, 33554432, 80]" "stat has them"
is "$(list physpages.l) $(list swappages.l) $(list numproc.l)" "32768 8192 80" "vzlist has them"
is "$(raw physpages 4) $(raw swappages 4) $(raw numproc 4)" "32768 8192 80" "vzubc has them"
like "$(vzubc "$ct")" 'physpages\|.*\|    -\| 128M\|' "in its table, too"
is "$(vzctl-node mem --json | python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["sum"]["memory_limit"], d["sum"]["swap_limit"])')" \
	"134217728 33554432" "vzctl-node counts what is in force"
run vzctl set "$ct" --cpulimit 40 --cpuunits 2500 --save
is "$(stat 'd["cpu"]["limit_percent"], d["cpu"]["weight"]')" "40 250" "limit and weight of the processor"
run vzctl set "$ct" --cpulimit 0 --save
is "$(stat 'd["cpu"]["limit_percent"]')" 9223372036854775807 "none"
run vzctl set "$ct" --iolimit 8M --iopslimit 900 --save
is "$(stat 'sorted(set((i["read_bps_limit"], i["write_bps_limit"], i["read_iops_limit"], i["write_iops_limit"]) for i in d["io"] if i["read_iops_limit"] == 900))')" \
	"[(8388608, 8388608, 900, 900)]" "limits of the disk"
like "$(vzctl stat "$ct")" 'IO .*, limit 8M and 8M/s, limit 900 and 900 operations/s' "for people"
run vzctl set "$ct" --iolimit 0 --iopslimit 0 --save
run vzctl set "$ct" --memguarantee 50 --save
is "$(list vmguarpages)" $(($(file memory.low) / 4096)) "what is protected"
run vzctl set "$ct" --diskspace 40M --diskinodes 5000 --save
is "$(stat 'r["disk"]["limit"], r["disk"]["enforced"], r["inodes"]["limit"], r["inodes"]["enforced"]')" \
	"41943040 True 5000 True" "disk space"

# ---- memory --------------------------------------------------------------------------------

inside 'dd if=/dev/zero of=/dev/null bs=60M count=1; dd if=/dev/zero of=/dev/shm/f bs=1M count=20; sync' >/dev/null 2>&1
near "$(list physpages)" $(($(file memory.current) / 4096)) "physpages is memory.current"
near "$(list shmpages)" 5120 "shmpages is what is in /dev/shm"
near "$(list privvmpages)" $(($(key memory.stat anon) / 4096)) "privvmpages is anonymous memory"
near "$(list dcachesize)" "$(key memory.stat slab_reclaimable)" "dcachesize"
k=$(key memory.stat kernel)
if [ -n "$k" ]; then
	near "$(list kmemsize)" "$k" "kmemsize is kernel memory"
	near "$(stat 'r["kernel"]["held"]')" "$k" "stat's kernel"
else
	is "$(list kmemsize):$(stat 'r["kernel"]["held"]')" "-:None" "this kernel has no sum of kernel memory"
fi
is "$(list tcpsndbuf)" "$(key memory.stat sock)" "tcpsndbuf is all of socket memory"
is "$(list tcprcvbuf)" 0 "and so the others are none"
near "$(stat 'r["shm"]["held"]')" 20971520 "stat counts bytes"
# Peaks: where the kernel keeps them.  Nowhere else is there a number.
for p in memory:physpages:memory.peak swap:swappages:memory.swap.peak numproc:numproc:pids.peak; do
	IFS=: read -r res field f <<<"$p"
	v=$(file "$f")
	diag "$f: $v"
	if [ "$v" = - ]; then
		is "$(list "$field.m"):$(stat "r['$res']['maxheld']")" "-:None" "no $f: no highest $res"
	else
		[ "$field" = numproc ] || v=$((v / 4096))
		near "$(list "$field.m")" "$v" "highest $res"
		near "$(raw "$field" 2)" "$v" "vzubc --raw"
	fi
done
[ "$(file memory.peak)" = - ] ||
	ok "the 60 MiB were seen" test "$(stat 'r["memory"]["maxheld"] >= 60 << 20')" = True
is "$(list physpages.f):$(stat 'r["memory"]["failures"]'):$(raw physpages 5)" 0:0:0 "no failure"
# A limit inside is no failure of the container's.
run vzctl exec2 "$ct" 'set -e; cd /sys/fs/cgroup; mkdir i
	for p in $(cat cgroup.procs); do echo $p > i/cgroup.procs || true; done
	echo +memory > cgroup.subtree_control; mkdir j; echo 10M > j/memory.max; echo 0 > j/memory.swap.max'
run vzctl exec2 "$ct" 'echo $$ > /sys/fs/cgroup/j/cgroup.procs; dd if=/dev/zero of=/dev/null bs=30M count=1'
is "$rc:$(list physpages.f):$(list oomguarpages.f)" 137:0:1 "one of the container's own limits: killed, no failure"
run vzctl set "$ct" --ram 128M --swap 0
run vzctl exec2 "$ct" 'dd if=/dev/zero of=/dev/null bs=300M count=1'
is $rc 137 "more than there is"
n=$(list physpages.f)
ok "is a failure: $n" test "$n" -ge 1
is "$(stat 'r["memory"]["failures"]'):$(raw physpages 5)" "$n:$n" "for all the same"
is "$(list privvmpages.f)" "$n" "of allocation"
is "$(list oomguarpages.f)" "$(key memory.events oom_kill)" "and who died is counted"
like "$(vzubc -q "$ct")" 'physpages\|' "vzubc -q shows it"
vzubc -r -rd "$node/st" "$ct" >/dev/null
like "$(vzubc -q -qh 9 -qm 9 -r -rd "$node/st" "$ct" && echo none)" '^none$' "-r: only once"

# ---- processes ------------------------------------------------------------------------------

run vzctl set "$ct" --numproc 30
run_timeout=40 run vzctl exec2 "$ct" 'i=0; while [ $i -lt 50 ]; do sleep 90 & i=$((i + 1)); done'
n=$(stat 'r["numproc"]["failures"]')
ok "failed forks: $n" test "$n" -ge 1
is "$(list numproc.f):$(raw numproc 5)" "$n:$n" "for all the same"
is "$(list numproc)" "$(file pids.current)" "numproc is pids.current"
inside 'killall -9 sleep' >/dev/null 2>&1
run vzctl set "$ct" --numproc 500
if [ "$(file pids.events.local)" != - ]; then
	run_timeout=40 run vzctl exec2 "$ct" 'cd /sys/fs/cgroup; echo +pids > cgroup.subtree_control; echo 5 > j/pids.max
		echo $$ > j/cgroup.procs; i=0; while [ $i -lt 10 ]; do sleep 5 & i=$((i + 1)); done'
	is "$(list numproc.f)" "$n" "a limit inside is no failure of the container's"
else
	skip 1 "this kernel does not say whose limit it was"
fi

# ---- waiting, processor, disk, network ---------------------------------------------------------

vzctl set "$ct" --cpulimit 20 >/dev/null
a=$(stat 'd["cpu"]["usage_usec"]')
vzctl exec2 "$ct" "timeout 3 sh -c 'while :; do :; done' & timeout 3 sh -c 'while :; do :; done'; wait" </dev/null >/dev/null 2>&1
b=$(stat 'd["cpu"]["usage_usec"]')
ok "processor time: $(((b - a) / 1000)) ms" test $((b - a)) -gt 200000
near "$b" "$(key cpu.stat usage_usec)" "is cpu.stat"
is "$(stat 'd["cpu"]["nr_throttled"] > 0, d["cpu"]["throttled_usec"] > 0, d["cpu"]["nr_periods"] > 0')" "True True True" "throttled"
if [ "$(file cpu.pressure)" != - ]; then
	is "$(stat 'd["pressure"]["cpu"]["some"]["total_usec"] > 100000, d["pressure"]["cpu"]["some"]["avg10"] > 0')" \
		"True True" "pressure of the processor"
	is "$(stat 'all(d["pressure"][k]["full"]["total_usec"] is not None for k in ("memory", "io"))')" True "of memory and disks"
	like "$(vzctl stat "$ct")" "
cpu +[0-9]+\.[0-9]+ " "for people"
else
	skip 3 "a kernel without pressure"
fi
vzctl set "$ct" --cpulimit 0 >/dev/null
inside 'dd if=/dev/zero of=/f bs=1M count=8; sync; sync /f' >/dev/null 2>&1
is "$(stat 'sum(i["write_bytes"] for i in d["io"]) >= 8 << 20, all(i["name"] for i in d["io"])')" "True True" "8 MiB written"
is "$(stat '8 << 20 <= r["disk"]["held"] <= 12 << 20')" True "and counted by the quota" || diag "$(stat 'r["disk"]')"
is "$(stat '[n["name"] for n in d["network"]]')" "['eth0']" "its interface"

# ---- what it costs -----------------------------------------------------------------------------

t=${EPOCHREALTIME/./}
for _ in 1 2 3 4; do vzctl stat --json "$ct" >/dev/null; done
diag "vzctl stat: $(((${EPOCHREALTIME/./} - t) / 4)) us"

vzctl --quiet stop "$ct" --fast
run vzctl destroy "$ct"
is $rc 0 "destroy"
done_testing
