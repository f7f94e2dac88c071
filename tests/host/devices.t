#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# DEVICES and DEVNODES: nodes in /dev, and the rules that any other node meets.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
nothing=$(leak_snapshot)

vzctl --quiet create "$ct" --ostemplate minimal >/dev/null || bail create
run vzctl --verbose start "$ct"
is "$rc:$err" 0: "start"
[[ $out != *"Device rules are not enforced"* ]] || skip_all "${out##*Device}"
dev=/proc/$(init_pid "$ct")/root/dev

opens()	# opens NAME MODE: "yes", or what the kernel says
{
	local m='<'
	[ "$2" = w ] && m='>>'
	vzctl exec2 "$ct" "(: $m /dev/$1) 2>/dev/null && echo yes || echo no" </dev/null 2>&1
}

node()	# node NAME TYPE MAJOR MINOR: put in by the host, which nothing else prevents
{
	mknod -m 666 "$dev/$1" "$2" "$3" "$4"
}

for d in null zero full random urandom; do
	is "$(opens $d r):$(opens $d w)" yes:yes "/dev/$d"
done
is "$(opens ptmx r)" yes "/dev/ptmx"
is "$(vzctl exec2 "$ct" 'exec 3<>/dev/ptmx && echo yes' </dev/null 2>&1)" yes "a pseudo terminal"
node kmsg0 c 1 11
node mem0 c 1 1
node console0 c 5 1
node loop0 b 7 0
for d in kmsg0 mem0 console0 loop0; do
	is "$(opens $d r):$(opens $d w)" no:no "a node of the host's is refused: $d"
	ok "which it has" test -e "$dev/$d"
done
# By every other name, too: it is the numbers that count.
node zero0 c 1 5
is "$(opens zero0 r)" yes "an allowed device by another name"
# The node has none of these rules.
ok "the host itself reads its devices" dd if=/dev/zero of=/dev/null count=1 status=none
# A container cannot make any.
is "$(vzctl exec2 "$ct" 'mknod /x c 1 3 2>/dev/null && echo yes || echo no' </dev/null)" no "mknod"

# ---- live ----------------------------------------------------------------------------

# One that anybody with a node may open.
ctl=$(cat /sys/class/misc/loop-control/dev) || bail "no loop driver"
node ctl0 c "${ctl%:*}" "${ctl#*:}"
is "$(opens ctl0 r)" no "not given yet"
run vzctl set "$ct" --devices "c:$ctl:r" --save
is "$rc:$err" 0: "set --devices"
like "$out" 'Setting devices' "is said"
is "$(opens ctl0 r):$(opens ctl0 w)" yes:no "at once, for reading"
ok "the node's device has a file" test -c "$dev/loop-control"
is "$(stat -c %a "$dev/loop-control")" 444 "of that mode"
run vzctl set "$ct" --devices "c:$ctl:none" --save
is "$(opens ctl0 r)" no "none takes it back"
ok "with its file" test ! -e "$dev/loop-control"
run vzctl set "$ct" --devices "c:${ctl%:*}:all:r c:$ctl:w c:1:5:none" --save
is "$(opens ctl0 r):$(opens ctl0 w)" no:yes "the exact row counts"
is "$(opens zero r):$(opens zero0 r)" no:no "a device of the defaults, taken away"
is "$(opens null r):$(opens null w)" yes:yes "others are as they were"
ok "its file is gone" test ! -e "$dev/zero"
run vzctl set "$ct" --devices 'b:all:all:rw c:1:5:rw' --save
is "$(opens loop0 r)" no "b:all does not mean loop devices"
is "$(opens zero r)" yes "and given back"
run vzctl set "$ct" --devices b:7:0:rw --save
is $rc 21 "nor can they be named"

run vzctl set "$ct" --devnodes full:r --save
is "$rc:$err" 0: "set --devnodes"
is "$(opens full r):$(opens full w)" yes:no "for reading only"
run vzctl set "$ct" --devnodes full:none --save
is "$(opens full r)" no "none"
ok "has no file" test ! -e "$dev/full"
node full0 c 1 7
is "$(opens full0 r)" no "by no name"

# Opened before, by what runs: rules are asked at open, as everywhere in Linux.
vzctl exec2 "$ct" 'sleep 30 </dev/urandom' </dev/null &
until_ok 5 vzctl exec2 "$ct" 'pidof sleep'
run vzctl set "$ct" --devices c:1:9:none --save
is "$(opens urandom r)" no "new opens are refused"
vzctl exec2 "$ct" 'killall sleep' </dev/null >/dev/null 2>&1
wait

# ---- at the next start ---------------------------------------------------------------------

run vzctl restart "$ct" --fast
is "$rc:$err" 0: "restart"
dev=/proc/$(init_pid "$ct")/root/dev
ok "no file for what has no rights" test ! -e "$dev/urandom"
node urandom0 c 1 9
is "$(opens urandom0 r)" no "the rules are there from the start"

# A file from elsewhere must not keep it from starting (compatibility: a config of 2008).
sed -i 's/^DEVICES=.*/DEVICES="b:253:9:rw c:254:all:rwq b:8:all:none c:all:all:none"/' "$(conf_of "$ct")"
run vzctl restart "$ct" --fast
is "$rc:$err" 0: "devices that this node does not have"
is "$(opens null r)" yes "c:all:all:none leaves the exact ones"

vzctl stop "$ct" --fast >/dev/null 2>&1
run vzctl destroy "$ct"
is $rc 0 "destroy"
leak_is "$nothing" "nothing is left"
done_testing
