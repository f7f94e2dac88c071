#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vzlist over N stopped containers: time and system calls of each kind of call.
#	make O=build/relhooks MODE=release CPPFLAGS=-DVZ_TEST_HOOKS
#	tests/bench/list.sh [build/relhooks/bin/vzlist [N [RUNS]]]
set -eu
prog=$(realpath "${1:-build/relhooks/bin/vzlist}")
n=${2:-1000} runs=${3:-40}
sample=$(dirname "$(realpath "$0")")/../../templates/conf/ve-vswap-256m.conf-sample
top=$(mktemp -d /tmp/vz-list-bench-XXXXXX)
trap 'rm -rf --one-file-system "$top"' EXIT
export VZ_CONFDIR=$top/etc VZ_RUNDIR=$top/run
mkdir -p "$top"/{etc/conf,etc/names,private,root,dump}
cat > "$top/etc/vz.conf" <<X
LOCKDIR="$top/lock"
DUMPDIR="$top/dump"
VE_ROOT="$top/root/\$VEID"
VE_PRIVATE="$top/private/\$VEID"
CGROUP_SLICE="vzlbench.slice"
X
for ((i = 1; i <= n; i++)); do
	id=$((100000 + i))
	mkdir "$top/private/$id" "$top/root/$id"
	{
		cat "$sample"
		printf 'VE_ROOT="%s"\nVE_PRIVATE="%s"\nOSTEMPLATE="debian-12-x86_64"\nORIGIN_SAMPLE="vswap-256m"\n' \
			"$top/root/\$VEID" "$top/private/\$VEID"
		printf 'HOSTNAME="c%d.example.com"\nNAME="c%d"\nIP_ADDRESS="10.%d.%d.1 2001:db8::%x"\nLOCAL_UID="%d"\n' \
			"$i" "$i" $((i >> 8)) $((i & 255)) "$i" $((1879048192 + i * 65536))
	} > "$top/etc/conf/$id.conf"
done

row()
{
	local best=999999 t0 t1 d calls=-
	for ((i = 0; i < runs; i++)); do
		t0=${EPOCHREALTIME/./}
		"$prog" "$@" > /dev/null 2>&1
		t1=${EPOCHREALTIME/./}
		d=$((t1 - t0))
		[ $d -ge $best ] || best=$d
	done
	if command -v strace >/dev/null; then
		calls=$(strace -c -o "$top/strace" "$prog" "$@" > /dev/null 2>&1
			awk '$NF == "total" { print $(NF-1) == "total" ? $3 : $4 }' "$top/strace")
	fi
	printf '%-44s %8d us (best of %d) %8s syscalls\n' "vzlist $*" "$best" "$runs" "$calls"
}

row
row -a1
row -aH -o ctid,status
row -a
row -aH -o ctid,ip,hostname -s hostname
row -aj
