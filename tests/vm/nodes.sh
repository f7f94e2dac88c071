#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# NODEMASK on a node with two memory nodes: for tests/vm/run --numa.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2119
. "$(dirname "$0")/../lib/tap.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
[ -e /sys/devices/system/node/node1 ] || skip_all "one memory node: tests/vm/run --numa"
node_make
hold=${VZ_BUILD:-$top/build/debug}/tests/vm/hold
scope=$(slice_dir)/vz-$ct.scope
vzctl --quiet create "$ct" --ostemplate minimal >/dev/null && vzctl --quiet start "$ct" >/dev/null || bail "start"
vzctl exec2 "$ct" 'cat >/bin/hold; chmod 755 /bin/hold' <"$hold"

pages()	# pages NODE: anonymous ones of the hog
{
	local pid
	pid=$(cat "$scope"/ct/cgroup.procs | while read -r p; do [ "$(cat "/proc/$p/comm")" = hold ] && echo "$p"; done)
	sed -n "/anon=/s/.* N$1=\([0-9]*\).*/\1/p" "/proc/$pid/numa_maps" | awk '{s += $1} END {print s + 0}'
}
sets() { echo "$(cat "$scope/cpuset.cpus.effective") $(cat "$scope/cpuset.mems")"; }

run vzctl set "$ct" --cpumask auto --nodemask 1 --save
is "$rc $(sets)" "0 1 1" "NODEMASK 1, processors of that node"
vzctl exec2 "$ct" 'hold memory 24' </dev/null >/dev/null 2>&1 &
until_ok 20 test -n "$(vzctl exec2 "$ct" 'pidof hold' </dev/null)"
until_ok 20 eval '[ "$(pages 1)" -ge 6144 ]'
ok "its memory is of node 1: $(pages 1) pages" test "$(pages 1)" -ge 6144
ok "and hardly of node 0: $(pages 0)" test "$(pages 0)" -lt 64
run vzctl set "$ct" --cpumask auto --nodemask 0 --save
is "$rc $(sets)" "0 0 0" "set --nodemask 0, live"
until_ok 20 eval '[ "$(pages 0)" -ge 6144 ]'
ok "the memory has moved: $(pages 0) pages" test "$(pages 0)" -ge 6144
run vzctl set "$ct" --cpumask auto --nodemask 0-1 --save
is "$rc $(sets)" "0 0-1 0-1" "both"
ok "which moves nothing" test "$(pages 0)" -ge 6144
run vzctl set "$ct" --cpumask auto --nodemask 1,5 --save
is "$rc $(sets)" "0 1 1" "of a list the part that is there"
code 21 '' "no node that is there" vzctl set "$ct" --cpumask auto --nodemask 5 --save
run vzctl set "$ct" --cpumask 0 --nodemask 1 --save
is "$rc $(sets)" "0 0 1" "processors of one node, memory of another"
vzctl --quiet restart "$ct" --fast >/dev/null
is "$(sets)" "0 1" "after a restart"
run vzctl set "$ct" --cpumask all --nodemask all --save
is "$rc $(sets)" "0 0-1 0-1" "all"
vzctl --quiet stop "$ct" --fast >/dev/null
quiet "destroy" vzctl --quiet destroy "$ct"
done_testing
