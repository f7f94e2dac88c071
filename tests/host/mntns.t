#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The mount namespace that inits begin in: made once, kept by monitors, gone with the last.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
link=$VZ_RUNDIR/mntns

for c in $ct $ct2; do
	run vzctl create $c --ostemplate minimal
	is "$rc" 0 "create $c"
	# The first start of each makes directories that stay.
	vzctl --quiet start $c >/dev/null && vzctl --quiet stop $c --fast >/dev/null
done
before=$(leak_snapshot)

run vzctl start $ct
is "$rc" 0 "the first start finds none"
seed=$(seed_of $ct)
like "$seed" '^mnt:\[[0-9]+\]$' "its monitor has made one and keeps it"
is "$(readlink "$link")" "$ct" "and is named"
unlike "$seed" "$(readlink "/proc/$(init_pid $ct)/ns/mnt" | tr '[]' '..')" "it is not the container's own"
unlike "$seed" "$(readlink /proc/self/ns/mnt | tr '[]' '..')" "nor the node's"
run nsenter --mount="/proc/$(mon_pid $ct)/fd/10" /bin/true
is "$rc" 127 "there is nothing in it to execute"

# Mounts of the node that a container must not have, and that must not cost anything.
mkdir "$node/many"
mount -t tmpfs many "$node/many"
run vzctl start $ct2
is "$rc" 0 "the second start"
is "$(seed_of $ct2)" "$seed" "began in the same one"
run vzctl exec $ct2 cat /proc/self/mountinfo
unlike "$out" "many|$node" "nothing of the node is mounted inside"
is "$(awk '$5 == "/" || $5 == "/proc" || $5 == "/sys" {print $5}' <<<"$out" | sort | xargs)" "/ /proc /sys" \
	"what belongs there is, once"
run vzctl exec $ct2 'mkdir -p /tmp/p && unshare -Ur true 2>/dev/null; mount -t proc proc /tmp/p && umount /tmp/p'
is "$rc" 0 "the container may mount another proc"

# What a tenant gets to who takes his root away: enters the mount namespace of PID and lists.
below()	# PID
{
	python3 -c '
import ctypes, glob, os, sys
f = os.open("/proc/%s/ns/mnt" % sys.argv[1], os.O_RDONLY)
if ctypes.CDLL(None).setns(f, 0x20000):
    sys.exit("setns")
os.chdir("/")
names = "/*", "/proc/[0-9]*", "/proc/self", "/sys/class/net/*", "/sys/class"
print(*sorted(p for n in names for p in glob.glob(n) if os.path.exists(p)))
try:
    open("/new", "w")
    print("wrote")
except OSError as e:
    print(e.strerror)
print(os.stat("/proc/uptime").st_size)' "$1"
}
run vzctl exec $ct2 'umount -l /'
is "$rc" 0 "its root may be taken away from inside"
out=$(below "$(init_pid $ct2)" 2>&1)
is "$out" "/proc /sys /sys/class
Read-only file system
0" "below are neither processes nor interfaces, and nothing to write to"
run vzctl stop $ct2 --fast
is "$rc" 0 "such a container stops"
run vzctl start $ct2
is "$rc:$(seed_of $ct2)" "0:$seed" "and starts again"

# The holder goes: the other one still has it.
run vzctl stop $ct --fast
is "$rc" 0 "stop of the first"
ok "it is not named any more" test ! -L "$link"
run vzctl start $ct
is "$rc:$(seed_of $ct)" "0:$seed" "the next start finds it with the second one's monitor"
is "$(readlink "$link")" "$ct2" "which is named now"

# A dead monitor, and a name that leads nowhere.
kill -9 "$(mon_pid $ct2)"
run vzctl stop $ct --fast
is "$rc" 0 "stop"
run vzctl start $ct
is "$rc" 0 "a start whose named monitor was killed"
like "$(seed_of $ct)" '^mnt:' "has one"
run vzctl stop $ct --fast
ln -sfn ../../etc/passwd "$link"
run vzctl start $ct
is "$rc" 0 "a start with a link that is no number"
for c in $ct $ct2; do
	run vzctl stop $c --fast
done
umount "$node/many"
rmdir "$node/many"
leak_is "$before" "nothing is left"
done_testing
