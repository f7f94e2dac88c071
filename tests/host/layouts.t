#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole life of a container through vzctl, once for each layout, and death in
# the middle of it.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2119,SC2317
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make

# A file system of its own for the private areas; the loop goes with the mount.
private_on()	# private_on MKFS-COMMAND OPTIONS
{
	command -v "${1%% *}" >/dev/null || return
	rm -f "$node/private.img"
	truncate -s 1G "$node/private.img"
	$1 "$node/private.img" >/dev/null 2>&1 &&
		mount -o "loop,$2" "$node/private.img" "$node/private" 2>/dev/null
}

# Growing a mounted ext4 is for CAP_SYS_RESOURCE (ext4_resize_begin()), which not
# every container host has that runs these tests.
can_grow_ext4()
{
	(((0x$(awk '/^CapEff/ {print $2}' /proc/self/status) >> 24) & 1))
}

x()	# x COMMAND: inside
{
	vzctl exec2 "$ct" "$1" </dev/null 2>/dev/null
}

root_kb()	# the size of / that the container sees
{
	x 'df -k / | tail -n 1' | awk '{print $(NF-4)}'
}

about()	# about KB WANTED: within a tenth, for what a file system keeps for itself
{
	[ -n "$1" ] && [ "$1" -gt $(($2 * 8 / 10)) ] && [ "$1" -le $(($2 * 105 / 100)) ]
}

# Only what this command was: a container that ran before it may run.
dies_at()	# dies_at STEP COMMAND...
{
	local step=$1
	shift
	export VZ_KILL_STEP=$step
	run "$@"
	unset VZ_KILL_STEP
	is $rc 137 "$l: vzctl is killed at $step"
}

has_size()	# has_size MIB NAME: df inside, and what can be written
{
	# statfs(2) of btrfs knows nothing of qgroups.
	[[ $l == btrfs* ]] || ok "$l: $2: df shows $1 MiB" about "$(root_kb)" $(($1 << 10))
	run vzctl exec2 "$ct" "dd if=/dev/zero of=/big bs=1M count=$(($1 * 6 / 10))"
	is $rc 0 "$l: $2: which can be used"
	run vzctl exec2 "$ct" "dd if=/dev/zero of=/big bs=1M count=$(($1 + 50))"
	like "$rc $err" '^[1-9][0-9]* .*(No space|quota)' "$l: $2: and no more"
	x 'rm -f /big; sync'
}

quota()	# quota LAYOUT: 384 MiB, then 600
{
	has_size 384 "limit"
	if [ "$1" = image ] && ! can_grow_ext4; then
		code 154 'cannot grow' "$l: growing without CAP_SYS_RESOURCE" \
			vzctl set "$ct" --diskspace 600M --save
		has_size 384 "and is what it was"
		return
	fi
	quiet "$l: set --diskspace while it runs" vzctl --quiet set "$ct" --diskspace 600M --save
	has_size 600 "raised"
	[[ $1 != image* ]] || code 154 'of 614400 KiB cannot shrink to 409600 KiB' \
		"$l: shrinking is refused" vzctl set "$ct" --diskspace 400M --save
	vzctl --quiet restart "$ct" --fast >/dev/null
	has_size 600 "after a restart"
}

# Death of everything that is the container's, as when memory ends; then of vzctl.
deaths()	# deaths LAYOUT [quota]
{
	kill -9 "$(mon_pid "$ct")" "$(init_pid "$ct")"
	ok "$l: init and monitor are killed: it is down" until_ok 10 is_down "$ct"
	run vzctl start "$ct"
	is "$rc $(x 'cat /data')" "0 one" "$l: and starts again, with its data"
	vzctl --quiet stop "$ct" --fast >/dev/null
	dies_at store.mount vzctl start "$ct"
	run vzctl start "$ct"
	is "$rc $(x 'cat /data')" "0 one" "$l: the next start works"
	vzctl --quiet stop "$ct" --fast >/dev/null
	dies_at store.destroy vzctl destroy "$ct"
	run vzctl destroy "$ct"
	is $rc 0 "$l: destroy, once more"
	is "$(vzctl status "$ct")" "CTID $ct deleted unmounted down" "$l: nothing is left of it"
	dies_at store.create "${new[@]}"
}

life()	# life LAYOUT [quota]
{
	local before
	new=(vzctl --quiet create "$ct" --ostemplate minimal --layout "$1" ${2:+--diskspace 384M})
	# A btrfs area keeps a snapshot of the template: it is there before.
	"${new[@]}" >/dev/null 2>&1 && vzctl --quiet destroy "$ct" >/dev/null
	before=$(leak_snapshot)
	quiet "$l: create" "${new[@]}"
	run vzlist -aHo layout "$ct"
	is "$(tr -d ' ' <<<"$out")" "$1" "$l: vzlist"
	run vzctl start "$ct"
	is $rc 0 "$l: start"
	is "$(x 'echo one >/data && cat /data && stat -c %u:%g /data /bin/busybox | tr "\n" " "')" \
		$'one\n0:0 0:0 ' "$l: files are its root's"
	ok "$l: which is nobody on the host" test "$(x 'cat /proc/self/uid_map' | awk '{print $2}')" -gt 65535
	[ -z "${2:-}" ] || quota "$1"
	run vzctl stop "$ct"
	is $rc 0 "$l: stop"
	run vzctl start "$ct"
	is "$(x 'cat /data')" one "$l: data stays"
	deaths "$@"
	quiet "$l: create after one that was killed" "${new[@]}"
	quiet "$l: destroy" vzctl --quiet destroy "$ct"
	leak_is "$before" "$l: no mount, no loop device, no file is left"
}

for l in overlay dir; do
	life $l
done
l=image
life image quota
l=image:xfs
if grep -qw xfs /proc/filesystems && command -v mkfs.xfs >/dev/null; then
	life image:xfs quota
else
	skip 1 "no xfs, or no mkfs.xfs"
fi
while read -r fs options mkfs; do
	quota=quota
	if ! grep -qw "$fs" /proc/filesystems; then
		skip 1 "this kernel has no $fs"
		continue
	elif ! private_on "$mkfs" "$options"; then
		# A kernel without CONFIG_QUOTA refuses the option.
		quota=''
		private_on "$mkfs" noatime || { skip 1 "no $fs on a loop device"; continue; }
		diag "$fs without quota here"
	fi
	if [ "$fs" = btrfs ]; then
		btrfs quota enable "$node/private"
		l="dir on btrfs"
		life dir
		l="btrfs on btrfs"
		life btrfs quota
	else
		for layout in overlay dir; do
			l="$layout on $fs"
			life $layout $quota
		done
	fi
	umount "$node/private"
done <<X
ext4 prjquota mkfs.ext4 -q -O quota,project -E quotatype=prjquota
xfs prjquota mkfs.xfs -q
btrfs noatime mkfs.btrfs -q
X
is "$(losetup -nO BACK-FILE | grep -F "$node/")" "" "no loop device is left"
done_testing
