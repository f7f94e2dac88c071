#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What limits do on a host that has all of cgroup v2: for tests/vm/run.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2119
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
node_make
hold=${VZ_BUILD:-$top/build/debug}/tests/vm/hold
nothing=$(leak_snapshot)
scope=$(slice_dir)/vz-$ct.scope
scope2=$(slice_dir)/vz-$ct2.scope

file()	# file NAME: of the container's scope
{
	cat "$scope/$1"
}

key()	# key FILE KEY
{
	awk -v k="$2" '$1 == k {print $2}' "$scope/$1"
}

inside()
{
	vzctl exec2 "$ct" "$@" </dev/null
}

set_live()	# set_live FILE WANTED OPTION...
{
	local f=$1 want=$2
	shift 2
	run vzctl set "$ct" "$@" --save
	[ $rc = 0 ] || diag "vzctl set $*: $rc $out $err"
	unlike "$out$err" 'not enforced|WARN|Unable' "set $*: no complaint"
	is "$(file "$f")" "$want" "set $*: $f"
}

# ---- start -------------------------------------------------------------------------

run vzctl create "$ct" --ostemplate minimal
is $rc 0 "create"
run vzctl set "$ct" --ram 64M --swap 0 --numproc 100 --cpuunits 500 --save
is $rc 0 "set before the start"
run vzctl start "$ct"
is $rc 0 "start"
unlike "$out$err" 'not enforced' "all limits are enforced"
is "$err" '' "nothing on stderr"
is "$(file memory.max)" 67108864 "memory.max"
is "$(file memory.swap.max)" 0 "memory.swap.max"
is "$(file pids.max)" 100 "pids.max"
is "$(file cpu.weight)" 50 "cpu.weight"
is "$(file cpu.max)" 'max 100000' "no quota"
is "$(cat "$(slice_dir)/mon/memory.max")" max "monitors have no limit"
like "$(cat "/proc/$(mon_pid "$ct")/cgroup")" "/$slice/mon\$" "and are outside of the scope"

# ---- memory ------------------------------------------------------------------------

run vzctl exec2 "$ct" 'dd if=/dev/zero of=/dev/null bs=200M count=1'
is $rc 137 "more memory than there is: killed"
ok "the kernel counts it" test "$(key memory.events oom_kill)" -ge 1
is "$(inside echo alive)" alive "the container lives"
run vzctl exec2 "$ct" 'dd if=/dev/zero of=/dev/null bs=30M count=1'
is $rc 0 "less is given"
ok "never more than the limit" test "$(cat "$scope/memory.peak" 2>/dev/null || file memory.current)" -le 67108864
set_live memory.max 268435456 --ram 256M --swap 0
run vzctl exec2 "$ct" 'dd if=/dev/zero of=/dev/null bs=200M count=1'
is $rc 0 "after set --ram it is given"
set_live memory.low $((268435456 / 100 * 50 / 4096 * 4096)) --memguarantee 50
set_live memory.low 0 --memguarantee 0
set_live memory.max 67108864 --ram 64M --swap 0
like "$(cat "$(conf_of "$ct")")" 'PHYSPAGES="0:64M"' "and is saved"

# ---- processes -----------------------------------------------------------------------

set_live pids.max 40 --numproc 40
run_timeout=40 run vzctl exec2 "$ct" 'i=0; while [ $i -lt 200 ]; do sleep 30 & i=$((i + 1)); done'
ok "a fork bomb fails" test $rc != 0
# In the group of the limit since 6.11, before in that of the process.
ok "the kernel counts it" test $(($(key pids.events max) + $(key ct/pids.events max))) -ge 1
ok "at most 40" test "$(file pids.current)" -le 40
ok "the host forks" /bin/true
set_live pids.max 200 --numproc 200
is "$(inside echo in)" in "after set --numproc there is room again"
inside 'killall -9 sleep' >/dev/null 2>&1
until_ok 5 test "$(file pids.current)" -le 10

# A bomb that takes all there is: the host ends it.
vzctl exec "$ct" 'f() { f | f & f | f & }; f' </dev/null >/dev/null 2>&1
run vzctl stop "$ct" --fast
is $rc 0 "stop ends a fork bomb"
ok "which is down" is_down "$ct"
run vzctl start "$ct"
is $rc 0 "start again"

# ---- CPU -------------------------------------------------------------------------------

used()	# used SECONDS: CPU time in percent while it is busy
{
	local a b t
	a=$(key cpu.stat usage_usec) t=${EPOCHREALTIME/./}
	timeout 20 vzctl exec2 "$ct" "timeout $1 sh -c 'while :; do :; done' & timeout $1 sh -c 'while :; do :; done'; wait" </dev/null >/dev/null 2>&1
	b=$(key cpu.stat usage_usec)
	# A guest without a CPU of its own may take longer.
	echo $(((b - a) * 100 / (${EPOCHREALTIME/./} - t)))
}

set_live cpu.max '20000 100000' --cpulimit 20
u=$(used 3)
ok "--cpulimit 20: $u % used" test "$u" -le 30
ok "throttled" test "$(key cpu.stat nr_throttled)" -gt 0
set_live cpu.max.burst 10000 --cpuburst 10
set_live cpu.max '5000 100000' --cpulimit 5
is "$(file cpu.max.burst)" 5000 "the burst follows a lower quota"
set_live cpu.max.burst 0 --cpuburst 0
set_live cpu.max '100000 100000' --cpulimit 0 --cpus 1
set_live cpu.max 'max 100000' --cpulimit 0 --cpus 0
u=$(used 2)
ok "without: $u % used" test "$u" -ge 60
set_live cpu.weight 100 --cpuunits 1000
set_live cpuset.cpus 1 --cpumask 1
is "$(file cpuset.cpus.effective)" 1 "cpuset is in force"
is "$(inside 'grep Cpus_allowed_list /proc/self/status' | tr -d '\t ')" Cpus_allowed_list:1 "for what runs inside"

# Two containers on one CPU, 10 : 1.
vzctl create "$ct2" --ostemplate minimal >/dev/null 2>&1
vzctl set "$ct2" --cpumask 1 --cpuunits 100 --save >/dev/null 2>&1
vzctl start "$ct2" >/dev/null 2>&1
is "$(cat "$scope2/cpu.weight")" 10 "weight of another"
for c in "$ct" "$ct2"; do
	vzctl exec2 "$c" 'cat >/hold; chmod 755 /hold' <"$hold"
	vzctl exec2 "$c" '/hold spin >/dev/null 2>&1 &' </dev/null
done
sleep 1
a1=$(key cpu.stat usage_usec) a2=$(awk '$1 == "usage_usec" {print $2}' "$scope2/cpu.stat")
sleep 4
b1=$(key cpu.stat usage_usec) b2=$(awk '$1 == "usage_usec" {print $2}' "$scope2/cpu.stat")
for c in "$ct" "$ct2"; do
	vzctl exec2 "$c" 'killall -9 hold' </dev/null
done
diag "$((b1 - a1)) : $((b2 - a2)) us"
ok "shares follow the weights" test $((b1 - a1)) -gt $((7 * (b2 - a2))) -a $((b1 - a1)) -lt $((13 * (b2 - a2)))
# "0-1" and "all" are all there are.
run vzctl set "$ct" --cpumask all --save
is "$rc:$(file cpuset.cpus.effective)" 0:0-1 "set --cpumask all takes it back"
set_live cpuset.cpus 1 --cpumask 1-7
set_live cpuset.cpus 0-1 --cpumask 0-99
run vzctl set "$ct" --cpumask 64-70 --save
is "$rc:$(file cpuset.cpus)" 21:0-1 "none that is online: 21"
run vzctl set "$ct" --cpumask all --nodemask 5 --save
is "$rc" 21 "nor such a node"
run vzctl set "$ct" --cpumask auto --nodemask 0 --save
is "$rc:$(file cpuset.cpus.effective):$(file cpuset.mems)" "0:$(cat /sys/devices/system/node/node0/cpulist):0" "auto: the processors of the nodes"
# The other container is bound to 1.
set_live cpuset.cpus 0 --cpus 1 --cpupin yes
is "$(inside nproc)" 1 "CPUPIN: the container sees CPUS processors"
set_live cpu.weight 200 --cpuunits 2000
is "$(file cpuset.cpus)" 0 "which stay the same"
run vzctl set "$ct" --cpupin no --cpus 0 --cpumask all --nodemask all --save
is "$rc:$(file cpuset.cpus.effective)" 0:0-1 "and all again"

# ---- what else has a number ----------------------------------------------------------------

max=$(($(cat /proc/sys/kernel/pid_max) / 8))
is "$(cat "$scope2/pids.max")" $((max < 32768 ? max : 32768)) "without NUMPROC a part of the node's pids"
run vzctl set "$ct" --shmpages 100 --save
is "$rc:$(inside cat /proc/sys/kernel/shmall)" 0:100 "set --shmpages"
run vzctl set "$ct" --shmpages unlimited --save
is "$rc:$(inside cat /proc/sys/kernel/shmall)" "0:$(cat /proc/sys/kernel/shmall)" "and back"
ok "the node's is its own" test "$(cat /proc/sys/kernel/shmall)" != 100
run vzctl set "$ct2" --shmpages 200 --save
vzctl restart "$ct2" --fast >/dev/null 2>&1
is "$(vzctl exec2 "$ct2" cat /proc/sys/kernel/shmall </dev/null)" 200 "SHMPAGES at start"
run vzctl set "$ct" --ioprio 6 --save
is $rc 0 "set --ioprio"
like "$out" 'Setting ioprio: 6' "is said"
[ ! -e "$scope/io.weight" ] || is "$(file io.weight)" 'default 600' "io.weight"
like "$out" 'WARNING: IOPRIO has no effect now' "as well as that nobody acts on it"
if [ -e "$scope/hugetlb.2MB.max" ]; then
	echo 8 >/proc/sys/vm/nr_hugepages
	is "$(file hugetlb.2MB.max):$(inside 'timeout 5 /hold huge 4')" 0:0 "no huge pages"
	set_live hugetlb.2MB.max 4194304 --hugetlb 4M
	is "$(inside 'timeout 5 /hold huge 4')" 4 "set --hugetlb"
	is "$(inside 'timeout 5 /hold huge 8')" 0 "not more"
	set_live hugetlb.2MB.max 0 --hugetlb 0
	echo 0 >/proc/sys/vm/nr_hugepages
else
	skip 8 "no hugetlb controller"
fi
echo 'KMEMSIZE_AS_RAM="yes"' >>"$node/etc/vz.conf"
run vzctl set "$ct2" --kmemsize 96M --save
is "$rc:$(cat "$scope2/memory.max"):$(cat "$scope2/memory.swap.max")" 0:100663296:0 "KMEMSIZE_AS_RAM"
run vzctl set "$ct2" --kmemsize 16M --save
is "$rc:$(cat "$scope2/memory.max")" 0:100663296 "but a small number is kernel memory"
sed -i '/KMEMSIZE_AS_RAM/d' "$node/etc/vz.conf"

# ---- I/O -----------------------------------------------------------------------------

dev=$(stat -c %d "$node/private")
dev=$((dev >> 8)):$((dev & 255))
set_live io.max "$dev rbps=1048576 wbps=1048576 riops=max wiops=max" --iolimit 1M
start=${EPOCHREALTIME/./}
inside 'dd if=/dev/zero of=/f bs=1M count=5 && sync /f && rm /f' >/dev/null 2>&1
took=$(((${EPOCHREALTIME/./} - start) / 1000))
ok "5 MiB at 1 MiB a second: $took ms" test $took -ge 2500
set_live io.max "$dev rbps=1048576 wbps=1048576 riops=200 wiops=200" --iopslimit 200
run vzctl set "$ct" --iolimit 0 --iopslimit 0 --save
is "$rc:$(file io.max)" 0: "0 is no limit"
# A partition has no limits of its own: those of its disk are meant.
truncate -s 64M "$node/disk"
# A table with one partition, 2048 + 126976 sectors.
printf '\0\0\0\0\203\0\0\0\0\010\0\0\0\360\001\0' | dd of="$node/disk" bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of="$node/disk" bs=1 seek=510 conv=notrunc status=none
loop=$(losetup -fP --show "$node/disk")
defer "umount $node/part; losetup -d $loop"
until_ok 5 test -b "${loop}p1"
mkfs.ext4 -q "${loop}p1" && mkdir "$node/part" && mount "${loop}p1" "$node/part"
run vzctl create "$ct3" --ostemplate minimal --private "$node/part/$ct3"
run vzctl set "$ct3" --iolimit 2M --save
run vzctl start "$ct3"
is "$rc:$err" 0: "private area on a partition, with --iolimit"
dev=$(stat -c '%Hr:%Lr' "$loop")
is "$(cat "$(slice_dir)/vz-$ct3.scope/io.max")" "$dev rbps=2097152 wbps=2097152 riops=max wiops=max" \
	"the limit of the disk"
run vzctl stop "$ct3" --fast
run vzctl destroy "$ct3"
is $rc 0 "destroy"
umount "$node/part"
losetup -d "$loop"

# ---- delegation -------------------------------------------------------------------------

is "$(inside 'cat /proc/self/cgroup')" 0::/ "a container sees its own root"
like "$(inside 'cat /sys/fs/cgroup/cgroup.controllers')" 'cpuset cpu io memory.* pids' "controllers are there"
for f in memory.max pids.max cpu.max; do
	run vzctl exec2 "$ct" "echo max > /sys/fs/cgroup/$f"
	ok "its root cannot raise $f" test $rc != 0
	run vzctl exec2 "$ct" "cd /sys/fs/cgroup && echo max > ../$f"
	ok "nor that of its parent" test $rc != 0
done
is "$(file memory.max) $(file pids.max)" '67108864 200' "limits are as they were"
ok "the host's tree is not in sight" inside '[ ! -e /sys/fs/cgroup/../cgroup.procs ] && [ ! -e /sys/fs/cgroup/mon ]'

# As systemd: init moves away, controllers are passed on, groups are made.
run vzctl exec2 "$ct" 'set -e; cd /sys/fs/cgroup; mkdir init.scope
	for p in $(cat cgroup.procs); do echo $p > init.scope/cgroup.procs || true; done
	echo "+memory +pids +cpu" > cgroup.subtree_control
	mkdir job; echo 10M > job/memory.max; cat job/memory.max cgroup.subtree_control'
is "$rc:$out" "0:10485760
cpu memory pids" "groups and limits of its own"
run vzctl exec2 "$ct" 'cat /proc/self/cgroup; echo in'
is "$rc:$out:$err" "0:0::/init.scope
in:" "exec works when the container's root group has become an inner node"
run vzctl exec2 "$ct" 'echo $$ > /sys/fs/cgroup/job/cgroup.procs; dd if=/dev/zero of=/dev/null bs=30M count=1'
is $rc 137 "a limit of its own is enforced"
until_ok 12 grep -q 'dd) killed: .*; not by its own limit' "$node/vzctl.log"
ok "and is told apart in the log" grep -q "CT $ct : .*dd) killed: .*; not by its own limit" "$node/vzctl.log"
run vzctl exec2 "$ct" 'i=0; d=/sys/fs/cgroup/job; while [ $i -lt 60 ]; do mkdir $d/n && d=$d/n || break; i=$((i + 1)); done; echo $i'
is "$rc:$out" 0:60 "a deep tree"
# The same for the whole of the container, with a process that the scope must not keep.
run vzctl stop "$ct" --fast
is $rc 0 "stop removes all of its groups"
ok "which are gone" test ! -e "$scope"

# ---- ceilings of user namespaces ------------------------------------------------------------

run vzctl set "$ct" --lockedpages 64 --numsiginfo 50 --save
is $rc 0 "set --lockedpages --numsiginfo"
run vzctl set "$ct2" --lockedpages 64 --numsiginfo 50 --cpumask all --save
vzctl start "$ct" >/dev/null 2>&1
vzctl restart "$ct2" >/dev/null 2>&1
for c in "$ct" "$ct2"; do
	vzctl exec2 "$c" 'cat > /hold; chmod 755 /hold' <"$hold"
	for what in 'lock 200' 'signals 200'; do
		# Two users of one container share its ceiling.
		vzctl exec "$c" "/hold $what > /tmp/a.${what% *} & sleep 1; /hold $what > /tmp/b.${what% *} &" </dev/null >/dev/null 2>&1
	done
	until_ok 10 test -s "$node/root/$c/tmp/b.signals"
done
for c in "$ct" "$ct2"; do
	t=$node/root/$c/tmp
	is "$(($(cat "$t/a.lock") + $(cat "$t/b.lock")))" 64 "$c: 64 pages of locked memory in all"
	ok "$c: at most 50 queued signals" test "$(($(cat "$t/a.signals") + $(cat "$t/b.signals")))" -le 50
	ok "$c: and as many by the first" test "$(cat "$t/a.signals")" -ge 40
done
vzctl stop "$ct2" --fast >/dev/null 2>&1

# ---- disk space ----------------------------------------------------------------------------

# Layout dir counts the files of the template, too, overlay does not.
run vzctl set "$ct" --diskinodes 100000 --save
read -r _ _ files _ < <(inside 'df -i / | tail -1')
files=$((files + 300))
run vzctl set "$ct" --diskspace 20M --diskinodes "$files" --save
is "$rc:$err" 0: "set --diskspace of a running container"
read -r _ size _ < <(inside 'df -k / | tail -1')
is "$size" 20480 "df shows it"
read -r _ size _ < <(inside 'df -i / | tail -1')
is "$size" "$files" "and the inodes"
run vzctl exec2 "$ct" 'dd if=/dev/zero of=/big bs=1M count=30'
ok "30 MiB do not fit" test $rc != 0
like "$out$err" 'No space left|quota exceeded' "and it is said"
used_kb=$(inside 'du -sk /big' | cut -f1)
ok "$used_kb KiB did" test "$used_kb" -gt 15000 -a "$used_kb" -le 20480
run vzctl exec2 "$ct" 'rm /big; cd /tmp; i=0; while [ $i -lt 400 ]; do touch f$i 2>/dev/null || break; i=$((i + 1)); done; echo $i'
ok "400 files do not: $out" test "${out:-999}" -le 300
run vzctl exec2 "$ct" 'rm -f /tmp/f*'
run vzctl set "$ct" --diskspace 40M --diskinodes 2000 --save
run vzctl exec2 "$ct" 'dd if=/dev/zero of=/big bs=1M count=30 && rm /big'
is $rc 0 "after set --diskspace it fits"
# Nobody inside may leave the project.
run vzctl exec2 "$ct" 'lsattr -pd / 2>/dev/null; : > /x; chattr -p 0 /x'
ok "no way out of the project" test $rc != 0
is "$(repquota -P -O csv / 2>/dev/null | awk -F, -v i="#$ct" '$1 == i {print $6}')" 40960 "the node's quota"

# ---- the end ---------------------------------------------------------------------------------

for c in "$ct" "$ct2"; do
	vzctl stop "$c" --fast >/dev/null 2>&1
	run vzctl destroy "$c"
	is $rc 0 "destroy $c"
done
leak_is "$nothing" "nothing is left"
done_testing
