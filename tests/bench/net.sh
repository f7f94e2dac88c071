#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The network's share of a start.  Part of `make bench`;
# alone:  VZ_BUILD=build/bench tests/bench/net.sh [STARTS [RUNNING]]
#
# Every figure is a ratio of medians that were measured in turns in this one run.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2015
. "$(dirname "$0")/../lib/tap.sh"
starts=${1:-30} running=${2:-500}
node_make
. "$top/tests/bench/lib.sh"

# ---- a start with and without ------------------------------------------------------

timed_start()	# CTID FILE
{
	local t0 t1
	t0=${EPOCHREALTIME/./}
	vzctl --quiet start "$1" >/dev/null || bail "start $1"
	t1=${EPOCHREALTIME/./}
	vzctl --quiet stop "$1" --fast >/dev/null
	echo $((t1 - t0)) >>"$bits/$2"
}

start_pair()	# NAME
{
	local i
	for ((i = 0; i < starts; i++)); do
		timed_start "$ct" "$1.without"
		timed_start "$ct2" "$1.with"
	done
}

make_ct "$ct"
make_ct "$ct2" --ipadd 10.66.0.2
start_pair one
without=$(median "$bits/one.without") with=$(median "$bits/one.with")
one=$((${with%.*} - ${without%.*}))
printf 'start, no network                %7d us\n' "${without%.*}"
printf 'start, one address and guard     %7d us   network %d us (goal 1200)\n' "${with%.*}" $one

base=600000
for ((i = 0; i < running; i++)); do
	id=$((base + i))
	vzctl --quiet create $id --ostemplate minimal --ipadd "10.67.$((i >> 8)).$((i & 255))" >/dev/null &&
		vzctl --quiet start $id >/dev/null || bail "container $id"
done
if [ "$running" -gt 0 ]; then
	start_pair many
	without=$(median "$bits/many.without") many=$(median "$bits/many.with")
	printf 'the same with %4d running       %7d us   network %d us, %s times (goal 1.2)\n' "$running" \
		"${many%.*}" $((${many%.*} - ${without%.*})) "$(ratio "$many" "$with")"
	slice_remove
	for ((i = 0; i < running; i++)); do
		vzctl --quiet stop $((base + i)) --fast >/dev/null 2>&1
		vzctl --quiet destroy $((base + i)) >/dev/null 2>&1
	done
fi

# ---- 500 addresses -----------------------------------------------------------------------

vzctl --quiet start "$ct" >/dev/null
for n in 50 500; do
	args=()
	for ((i = 0; i < n; i++)); do
		args+=(--ipadd "10.68.$((i >> 8)).$((i & 255))")
	done
	t0=${EPOCHREALTIME/./}
	vzctl --quiet set "$ct" "${args[@]}" --save >/dev/null || bail "set --ipadd x $n"
	t1=${EPOCHREALTIME/./}
	vzctl --quiet set "$ct" --ipdel all --save >/dev/null || bail "set --ipdel all"
	t2=${EPOCHREALTIME/./}
	printf 'set of %4d addresses            %7d us   removed in %d us\n' $n $((t1 - t0)) $((t2 - t1))
done
vzctl --quiet stop "$ct" --fast >/dev/null
exit 0
