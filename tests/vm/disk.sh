#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# IOPRIO where something acts on it, and limits of what lies on btrfs: for tests/vm/run.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2119
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
node_make
hold=${VZ_BUILD:-$top/build/debug}/tests/vm/hold
scope=$(slice_dir)/vz-$ct.scope

make_ct()	# make_ct CTID [OPTION...]
{
	local c=$1
	shift
	vzctl --quiet create "$c" --ostemplate minimal "$@" >/dev/null && vzctl --quiet start "$c" >/dev/null ||
		bail "container $c"
	vzctl exec2 "$c" 'cat >/bin/hold; chmod 755 /bin/hold' <"$hold"
}

part()
{
	local d
	d=$(stat -c %d "$node/private")
	echo "$((d >> 8)):$((d & 255))"
}

make_ct "$ct"
make_ct "$ct2"
dev=$(part)
queue=/sys/dev/block/$dev/queue
[ -e "$queue" ] || bail "no disk at $dev"

# ---- BFQ -----------------------------------------------------------------------------

was=$(sed 's/.*\[\(.*\)\].*/\1/' "$queue/scheduler")
modprobe bfq 2>/dev/null
run vzctl set "$ct" --ioprio 6 --save
like "$rc $out" '^0 .*IOPRIO has no effect now' "without BFQ and io.cost, set says that IOPRIO has no effect"
if echo bfq >"$queue/scheduler" 2>/dev/null; then
	run vzctl set "$ct" --ioprio 7 --save
	unlike "$rc $out$err" '^[1-9]|no effect' "with BFQ it does not"
	is "$(cat "$scope/io.bfq.weight")" "default 640" "io.bfq.weight"
	run vzctl set "$ct" --ioprio 0 --save
	is "$rc $(cat "$scope/io.bfq.weight")" "0 default 320" "the lowest"
	echo "$was" >"$queue/scheduler"
else
	skip 3 "this kernel has no BFQ"
fi

# ---- io.cost ---------------------------------------------------------------------------

# How much of the disk's time each has got, of what the model says that there is.
root=/sys/fs/cgroup
if echo "$dev enable=1 ctrl=user rpct=0 rlat=0 wpct=0 wlat=0 min=100 max=100" >"$root/io.cost.qos" 2>/dev/null; then
	echo "$dev ctrl=user model=linear rbps=2097152 rseqiops=200 rrandiops=200 wbps=2097152 wseqiops=200 wrandiops=200" \
		>"$root/io.cost.model"
	run vzctl set "$ct" --ioprio 0 --save
	unlike "$rc $out$err" '^[1-9]|no effect' "with io.cost IOPRIO acts"
	vzctl --quiet set "$ct2" --ioprio 7 --save >/dev/null
	is "$(cat "$scope/io.weight") $(cat "$(slice_dir)/vz-$ct2.scope/io.weight")" "default 320 default 640" "io.weight"
	wbytes() { sed -n "s/^$dev .*wbytes=\([0-9]*\).*/\1/p" "$(slice_dir)/vz-$1.scope/io.stat"; }
	for c in "$ct" "$ct2"; do
		vzctl exec2 "$c" 'while :; do hold write /w 65536 64; done' </dev/null >/dev/null 2>&1 &
	done
	sleep 3
	a=$(wbytes "$ct") b=$(wbytes "$ct2")
	sleep 12
	a=$(($(wbytes "$ct") - a)) b=$(($(wbytes "$ct2") - b))
	diag "written in 12 s: $a and $b"
	ok "320 against 640 write one to two" test $((b * 100)) -ge $((a * 150)) -a $((b * 100)) -le $((a * 260))
	for c in "$ct" "$ct2"; do
		vzctl --quiet stop "$c" --fast >/dev/null
	done
	echo "$dev enable=0" >"$root/io.cost.qos"
else
	skip 3 "this kernel has no io.cost"
fi
for c in "$ct" "$ct2"; do
	vzctl --quiet stop "$c" --fast >/dev/null 2>&1
	quiet "destroy $c" vzctl --quiet destroy "$c"
done

# ---- btrfs -------------------------------------------------------------------------------

modprobe btrfs 2>/dev/null
truncate -s 1G "$node/disk"
loop=$(losetup -f --show "$node/disk")
if mkfs.btrfs -q "$loop" >/dev/null 2>&1 && mkdir "$node/btrfs" && mount "$loop" "$node/btrfs" 2>/dev/null; then
	defer "umount $node/btrfs 2>/dev/null; losetup -d $loop 2>/dev/null"
	for l in btrfs dir overlay; do
		make_ct "$ct" --layout $l --private "$node/btrfs/$ct"
		run vzctl set "$ct" --iolimit 2M --iopslimit 500 --save
		is "$rc $(cat "$scope/io.max")" "0 $(stat -c '%Hr:%Lr' "$loop") rbps=2097152 wbps=2097152 riops=500 wiops=500" \
			"$l on btrfs: the limit is that of its device"
		run vzctl set "$ct" --iopslimit 0 --save
		t=$(vzctl exec2 "$ct" 'hold write /w 8192 64' </dev/null)
		ok "8 MiB at 2 MiB a second: ${t:-no} ms" test "${t:-0}" -ge 3000
		vzctl --quiet stop "$ct" --fast >/dev/null
		quiet "destroy" vzctl --quiet destroy "$ct"
	done
	umount "$node/btrfs"
else
	skip 9 "no btrfs here"
fi
losetup -d "$loop"
done_testing
