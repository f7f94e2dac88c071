# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# For tests/host/list-*.t: TAP, golden files, a node of stopped containers.
# A golden file is rewritten with GOLDEN=write and then reviewed.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${VZ_BUILD:-$top/build/debug}/bin
golden=$top/tests/golden
n=0 bad=0

skip_all() { echo "1..0 # SKIP $*"; exit 0; }

ok() { # STATUS NAME [TEXT]
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		bad=1
		echo "not ok $n - $2"
		[ -z "${3:-}" ] || sed 's/^/# /' <<<"$3"
	fi
}

is() { # GOT WANT NAME
	[ "$1" == "$2" ]
	ok $? "$3" "got:  $1"$'\n'"want: $2"
}

# run CMD...: $out, $err, $rc
run() {
	local f
	f=$(mktemp)
	out=$("$@" 2>"$f"; echo "$?.")
	rc=${out##*$'\n'} out=${out%"${out##*$'\n'}"}
	rc=${rc%.} err=$(<"$f")
	rm -f "$f"
}

# All of stdout, final newline included, is that file.
is_golden() { # FILE NAME
	local f=$golden/$1 d
	if [ "${GOLDEN:-}" = write ]; then
		printf %s "$out" > "$f"
	fi
	d=$(diff -u "$f" <(printf %s "$out"))
	ok $? "$2" "$d"
}

finish() { echo "1..$n"; exit $bad; }

[ "$(id -u)" = 0 ] || skip_all "needs root"
[ -x "$bin/vzlist" ] || skip_all "no $bin/vzlist"
[[ $(VZ_CONFDIR=/nonexistent "$bin/vzlist" 2>&1) == *"/nonexistent/"* ]] ||
	skip_all "needs a build with test hooks (MODE=debug)"

# Fixed paths, so that golden files may have them: a tmpfs nobody else sees.
private_node() {
	if [ "${VZ_LIST_NS:-}" != yes ]; then
		VZ_LIST_NS=yes exec unshare -m --propagation private bash "$0" "$@"
	fi
	mount -t tmpfs vz-list-test /mnt || exit 1
	export VZ_CONFDIR=/mnt/etc VZ_RUNDIR=/mnt/run
	mkdir -p /mnt/etc/{conf,names} /mnt/{private,root,dump,run}
	cat > /mnt/etc/vz.conf <<-'X'
		DUMPDIR="/mnt/dump"
		VE_ROOT="/mnt/root/$VEID"
		VE_PRIVATE="/mnt/private/$VEID"
		CGROUP_SLICE="vzl-none.slice"
	X
}

# ct ID: its config is standard input.
ct() {
	mkdir -p "/mnt/private/$1" "/mnt/root/$1"
	cat > "/mnt/etc/conf/$1.conf"
}
