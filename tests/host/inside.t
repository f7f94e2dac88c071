#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a container sees and may do, and what a hostile one cannot.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC1010,SC2016
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
probe=${VZ_BUILD:-$top/build/debug}/tests/host/inside-probe
[ -x "$probe" ] || skip_all "$probe is missing: make MODE=debug"
node_make
node_has_other
root=$node/root/$ct
nothing=$(leak_snapshot)
# A kernel of kernel-patches/ gives each container a kernel log.
own_log=$(vzctl features --json | python3 -c 'import json, sys; print("yes" if json.load(sys.stdin).get("ve.log") else "")')

new()	# new CTID
{
	vzctl --quiet create "$1" --ostemplate minimal --hostname "h$1" >/dev/null &&
		vzctl --quiet start "$1" >/dev/null || bail "container $1"
	vzctl exec2 "$1" 'cat >/probe; chmod 0755 /probe' <"$probe"
}

in_ct()	# in_ct WORDS...: output of a command in the container
{
	timeout 20 vzctl exec2 "$ct" "$@" </dev/null 2>&1
}

# answer WANTED NAME PROBE-ARGUMENTS...
answer()
{
	local want=$1 name=$2
	shift 2
	is "$(in_ct /probe "$@")" "$want" "$name"
}

new "$ct"
new "$ct2"
init=$(init_pid "$ct")
init2=$(init_pid "$ct2")

# ---- its own view ------------------------------------------------------------------------

is "$(in_ct 'cat /proc/1/comm')" init "pid 1 is its init"
# In one shell, without a pipe: how many there are changes while init's scripts run and a
# pipe is being set up.  ps itself has ended when /proc is read.
same='for i in 1 2 3 4 5 6 7 8 9 10; do ps >/tmp/ps; set -- /proc/[0-9]*; n=$(grep -c "^ *[0-9]" /tmp/ps)
	[ $((n - 1)) = $# ] && echo same && exit; sleep 0.3; done; cat /tmp/ps; echo "$@"'
is "$(in_ct "$same")" same "/proc shows what ps shows"
ok "only a few processes" test "$(in_ct 'ls -d /proc/[0-9]* | wc -l')" -lt 12
ok "uptime begins with the container" test "$(in_ct 'cut -d. -f1 /proc/uptime')" -lt 60
is "$(in_ct hostname)" "h$ct" "hostname"
unlike "$(uname -n)" "^h$ct\$" "the host keeps its own"
is "$(in_ct 'tr "\0" "\n" </proc/1/environ | grep ^container=')" "container=openvz" "init is told what it runs in"
unlike "$(in_ct 'cat /proc/self/mountinfo')" "$node|/var/|/home/|/tmp|/run/" "no path of the host in mountinfo"
like "$(in_ct 'cat /proc/mounts')" '[^ ]+ / [^ ]+ rw' "/proc/mounts has /"
is "$(in_ct 'ls /proc/self/fd | wc -l')" 4 "no descriptor but the three (and ls's own)"
is "$(in_ct 'for f in cwd root; do readlink /proc/self/$f; done' | tr '\n' ' ')" "/ / " "directory and root"
is "$(in_ct 'for f in /proc/1/fd/*; do readlink $f; done' | sort -u)" "/dev/pts/0" "init holds its console only"
is "$(in_ct 'cat /proc/self/cgroup | grep ^0::')" "0::/" "its cgroup is the root of its view"
is "$(in_ct 'ls /sys/class/net')" "lo" "no link of the host"
ok "random is random" test "$(in_ct 'head -c 8 /dev/urandom | md5sum')" != "$(in_ct 'head -c 8 /dev/urandom | md5sum')"
is "$(in_ct 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; echo x >/dev/full || echo full' | grep -c -x -e 4 -e full)" 2 "null, zero, full"
is "$(in_ct 'mkdir /tmp/d && rmdir /tmp/d && echo x >/dev/shm/f && rm /dev/shm/f && echo fine')" fine "/tmp, /dev/shm"
is "$(in_ct 'cat /proc/self/uid_map | tr -s " "' | cut -d' ' -f2,4)" "0 65536" "65536 ids"

# ---- the host's view ------------------------------------------------------------------------

u=$(awk '/^Uid:/ {print $2}' "/proc/$init/status")
u2=$(awk '/^Uid:/ {print $2}' "/proc/$init2/status")
ok "ids of the host are 0x70000000 and up" test "$u" -ge $((0x70000000))
ok "two containers have disjoint ranges" test $((u > u2 ? u - u2 : u2 - u)) -ge 65536
in_ct 'echo data >/made; chown 7:8 /made' >/dev/null
is "$(stat -c %u:%g "$node/private/$ct/upper/made")" 7:8 "ids on disk count from 0"
is "$(stat -c %u:%g "$root/made")" "$((u + 7)):$((u + 8))" "in VE_ROOT they are the range's"
is "$(stat -c %a "$node/private/$ct")" 700 "no user of the host reaches setuid files of a container"
is "$(cat "/proc/$init/oom_score_adj")" "$(cat /proc/self/oom_score_adj)" "oom_score_adj as it was"

# ---- neighbours and outside ---------------------------------------------------------------------

sleep 1000 &
victim=$!
disown $victim
defer "kill $victim"
is "$(in_ct "kill -0 $victim 2>/dev/null || kill -0 $init2 2>/dev/null || echo none")" none "no process of others by its number"
vzctl exec2 "$ct" '/probe kill-all' </dev/null >/dev/null 2>&1
sleep 0.1
ok "kill -1 stays inside: host" kill -0 $victim
ok "kill -1 stays inside: neighbour" kill -0 "$init2"
in_ct 'mkdir -p /tmp/m && mount -t tmpfs mine /tmp/m && touch /tmp/m/f' >/dev/null
is "$(find "$root/tmp/m" -mindepth 1; grep -c "$root/tmp/m" /proc/self/mountinfo)" 0 "a mount inside stays inside"
is "$(in_ct 'umount /tmp/m && echo gone')" gone "and can be undone"
mkdir -p "$node/shared" && echo hello >"$node/shared/f" && mkdir -p "$root/srv" &&
	mount --bind "$node/shared" "$root/srv"
is "$(in_ct cat /srv/f)" hello "a mount that the host makes below VE_ROOT arrives"
umount "$root/srv"
# Commands enter it, and go on outside: what they make then is none of the container's.
strangers()	# processes in its pid namespace and not in its cgroup
{
	local p ns
	ns=$(readlink "/proc/$init/ns/pid")
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/pid" 2>/dev/null)" != "$ns" ] || grep -q "vz-$ct.scope" "$p/cgroup" ||
			echo "$(cat "$p/comm") $(tail -n 1 "$p/cgroup")"
	done
}
run vzctl set "$ct" --ipadd 192.0.2.200 --hostname other
is "$rc:$(strangers)" "0:" "an address and a name set inside leave no process of the node there"
run vzctl set "$ct" --ipdel 192.0.2.200 --hostname inside
is "$rc:$(strangers)" "0:" "nor does taking them away"
for ns in user mnt pid net uts ipc cgroup time; do
	a=$(readlink "/proc/$init/ns/$ns") b=$(readlink "/proc/self/ns/$ns")
	ok "its own $ns namespace" test "$a" != "$b" -a "$a" != "$(readlink "/proc/$init2/ns/$ns")"
	is "$(readlink "/proc/$init/ns/$ns")" "$(in_ct readlink /proc/self/ns/$ns)" "exec is in the same $ns namespace"
done

# ---- devices ----------------------------------------------------------------------------------------

answer done "/dev/net/tun makes a device" tun
answer EPERM "no disk by mknod" mknod /dev/disk 8 0
answer EPERM "no /dev/mem by mknod" mknod /tmp/mem 1 1
answer ENOENT "no /dev/mem" read /dev/mem
if [ -n "$own_log" ]; then
	answer done "/dev/kmsg is its own" read /dev/kmsg
	unlike "$(in_ct 'dmesg; cat /proc/kmsg & sleep 1; kill $!')" 'Linux version|Command line' "and shows nothing of the host's"
else
	answer ENOENT "no /dev/kmsg of the host" read /dev/kmsg
	unlike "$(in_ct /probe write /proc/kmsg)" done "no writing to /proc/kmsg"
fi
is "$(find "$root/dev" "$node/private/$ct/upper/dev" -type b 2>/dev/null)" "" "no block device"

# ---- /proc and /sys -----------------------------------------------------------------------------------

for f in sysrq-trigger sys/kernel/core_pattern sys/kernel/panic sys/kernel/modprobe sys/vm/drop_caches \
	sys/vm/swappiness sys/fs/file-max sys/kernel/randomize_va_space kcore; do
	[ -e "/proc/$f" ] || continue
	unlike "$(in_ct /probe write "/proc/$f")" done "no writing to /proc/$f"
done
unlike "$(in_ct /probe read /proc/kcore)" done "no reading of /proc/kcore"
is "$(in_ct 'echo 1 >/proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward')" 1 "its own net sysctls"
is "$(in_ct 'hostname other && hostname')" other "it may change its hostname"
like "$(in_ct 'echo x >/sys/kernel/vz')" "Read-only" "/sys is read-only"
in_ct 'mount -o remount,rw /sys' >/dev/null
for f in power/state kernel/uevent_helper kernel/mm/transparent_hugepage/enabled class/net/lo/mtu; do
	[ -e "/sys/$f" ] || continue
	[ $f = class/net/lo/mtu ] && continue
	unlike "$(in_ct /probe write "/sys/$f")" done "nor writable after a remount: $f"
done
in_ct 'mount -o remount,ro /sys' >/dev/null

# ---- rights --------------------------------------------------------------------------------------------

for s in kexec_load init_module finit_module delete_module swapon acct bpf perf_event_open userfaultfd \
	io_uring_setup open_by_handle_at settime tiocsti tiocsti-high; do
	answer EPERM "$s: EPERM" sys $s
done
answer "$([ -n "$own_log" ] && echo EINVAL || echo EPERM)" "syslog" sys syslog
# As if the kernel had no keys: what container engines inside expect.
for s in add_key keyctl request_key; do
	answer ENOSYS "$s: ENOSYS" sys $s
done
answer ENOSYS "unknown calls: ENOSYS" sys no-such
is "$(in_ct '/probe status CapEff; /probe status CapBnd' | sort -u | wc -l)" 1 "exec has the rights of the bounding set"
is "$(in_ct '/probe status CapBnd')" "$(awk '/^CapBnd/ {print $2}' "/proc/$init/status")" "which is that of init"
is "$(in_ct '/probe status Seccomp; /probe status NoNewPrivs' | tr '\n' ' ')" "2 0 " "exec is filtered, and may gain rights by setuid"
is "$(in_ct 'cp /probe /suid; chmod 4755 /suid; /probe as 1000 /suid euid')" 0 "setuid works"
is "$(in_ct 'cp /probe /fcap; /probe setcap /fcap; /probe as 1000 /fcap status CapEff')" "done
0000000000002000" "file capabilities work"
is "$(in_ct '/probe as 1000 /probe nest')" "pid 1
done" "a container in the container: user namespace, own /proc, mounts"
is "$(in_ct '/probe as 1000 /probe read /etc/shadow')" EACCES "users inside are users"

# ---- escapes ---------------------------------------------------------------------------------------------

# release_agent (CVE-2022-0492): cgroup v1 can be mounted where the host has it.
in_ct 'for c in memory pids cpu devices systemd; do mkdir -p /v1/$c
	/probe mount none /v1/$c cgroup $c || /probe mount none /v1/$c cgroup none,name=$c; done' >/dev/null
unlike "$(in_ct 'for d in /v1/*; do for f in release_agent tasks cgroup.procs devices.allow notify_on_release; do
	[ -e $d/$f ] && /probe write $d/$f; done; grep -q " $d cgroup " /proc/mounts && /probe mkdir $d/evil; done' | grep -v ENOENT; in_ct 'ls -d /v1/*/evil' | grep -v 'No such')" \
	"OPENED|/evil" "no cgroup of the host can be made through v1"
if [ -n "$(in_ct 'ls /v1/memory/release_agent /v1/*/tasks 2>/dev/null')" ]; then
	unlike "$(in_ct 'for f in /v1/*/release_agent /v1/*/tasks /v1/*/devices.allow; do [ -e $f ] && /probe write $f; done')" done \
		"no v1 file of the host can be written (release_agent)"
else
	skip 1 "no cgroup v1 on this host"
fi
unlike "$(in_ct 'for f in cgroup.kill cgroup.max.depth memory.max pids.max cpu.max; do
	[ -e /sys/fs/cgroup/$f ] && /probe write /sys/fs/cgroup/$f; done')" done "its own limits are not its to change"
answer done "but it may make groups below" mkdir /sys/fs/cgroup/mine

# The runtime through /proc/self/exe (CVE-2019-5736), directories and
# descriptors that exec may leak (CVE-2016-9962, CVE-2024-21626).
sum=$(cat "$bin/vzctl" "$bin/vzmon" | sha256sum)
vzctl exec2 "$ct" '/probe grab 3' </dev/null >"$tap_tmp/grab" 2>&1 &
grabber=$!
in_ct 'rm /bin/sh; printf "#!/proc/self/exe\n" >/bin/sh; chmod 755 /bin/sh' >/dev/null
end=$((SECONDS + 2)) n=0
while [ $SECONDS -lt $end ]; do
	timeout 5 vzctl exec2 "$ct" true </dev/null >/dev/null 2>&1
	timeout 5 vzctl exec3 "$ct" /bin/busybox true </dev/null >/dev/null 2>&1
	n=$((n + 1))
done
wait $grabber
diag "$(sort "$tap_tmp/grab" | uniq -c)"
unlike "$(cat "$tap_tmp/grab")" OPENED "$n execs under attack: nothing of the host was opened for writing"
unlike "$(cat "$tap_tmp/grab")" "(cwd|root|fd/.) of another" "and no directory or file of the host was found"
is "$(cat "$bin/vzctl" "$bin/vzmon" | sha256sum)" "$sum" "vzctl and vzmon are what they were"
vzctl exec3 "$ct" /bin/busybox rm /bin/sh </dev/null; vzctl exec3 "$ct" /bin/busybox ln -s busybox /bin/sh </dev/null
is "$(in_ct echo back)" back "the shell is back"

# A terminal that is none.
in_ct 'mkdir /fake && mkfifo /fake/ptmx && mount --bind /fake /dev/pts' >/dev/null
code 3 'terminal' "enter with a faked /dev/pts fails" "$top/tests/lib/term.py" 5 -- vzctl enter "$ct"
in_ct 'umount /dev/pts' >/dev/null
ok "and works again" "$top/tests/lib/term.py" 5 'expect:[#$] ' 'send:exit\r' 'expect:exited' -- vzctl enter "$ct"

# ---- hostile before the start ---------------------------------------------------------------------------

vzctl --quiet stop "$ct" --fast
upper=$node/private/$ct/upper
mkdir "$node/victim" && echo untouched >"$node/victim/file"
victim_sum() { find "$node/victim" -printf '%p %m %U %s\n' | sort; }
before=$(victim_sum)

led()	# led NAME: /NAME of the container is a link to the host's directory
{
	rm -rf --one-file-system "${upper:?}/$1"
	ln -s "$node/victim" "$upper/$1"
	run vzctl start "$ct"
	if [ $rc = 0 ]; then
		unlike "$(in_ct ls "/$1")" untouched "started with /$1 led away: it does not arrive on the host"
		vzctl --quiet stop "$ct" --fast >/dev/null 2>&1
	else
		like "$err" "/$1|script failed inside" "start with /$1 led away fails and says where"
	fi
	is "$(victim_sum)" "$before" "and the host's directory is untouched"
	is "$(vzctl status "$ct")" "CTID $ct exist unmounted down" "and nothing is left mounted"
	rm "$upper/$1"
	mkdir "$upper/$1"
}
led dev
led proc
led sys
cp -a "$node/template/tree/minimal/etc" "$tap_tmp/etc"
rm -f "$node"/dist/*
led etc
rm -rf "${upper:?}/etc"; cp -a "$tap_tmp/etc" "$upper/etc"

# A shell that is not: what it is given when the distribution scripts run.
vzctl --quiet set "$ct" --hostname changed --nameserver 10.1.1.1 --save
mkdir -p "$upper/bin"
rm -f "$upper/bin/sh"
cat >"$upper/bin/sh" <<'X'
#!/bin/busybox sh
{
	echo "--- $*"
	cat /proc/self/uid_map
	grep -E '^(CapEff|Seccomp|Uid):' /proc/self/status
	for ns in user mnt pid; do readlink /proc/self/ns/$ns; done
	ls -l /proc/self/fd
	/probe mknod /evil-disk 8 0
	/probe read /proc/kcore
} >>/evil 2>&1
exec /bin/busybox sh "$@"
X
chmod 0755 "$upper/bin/sh"
quiet "start with a hostile shell" vzctl start "$ct"
init=$(init_pid "$ct")
evil=$(cat "$root/evil")
like "$evil" '^---' "it was run for the scripts"
unlike "$evil" "0 +0 +4294967295" "not with the host's ids"
is "$(grep -E '^(user|mnt|pid):' "$root/evil" | sort -u)" \
	"$(readlink /proc/"$init"/ns/{user,mnt,pid} | sort -u)" "only in the container's namespaces"
is "$(grep ^Seccomp: "$root/evil" | tr -d '\t ' | sort -u)" "Seccomp:2" "always filtered"
is "$(grep ^CapEff: "$root/evil" | cut -f2 | sort -u)" "$(awk '/^CapBnd/ {print $2}' "/proc/$init/status")" "with the container's rights"
unlike "$evil" "$node|/work/|vzctl" "without a descriptor of the host"
unlike "$evil" done "and its attempts failed"
rm "$root/bin/sh"; vzctl exec3 "$ct" /bin/busybox ln -s busybox /bin/sh </dev/null
is "$(in_ct cat /etc/hostname)" changed "the scripts did their work"

# ---- ids of somebody else -----------------------------------------------------------------------------------

vzctl --quiet stop "$ct" --fast
cp "$(conf_of "$ct")" "$tap_tmp/conf"
sed -i "s/^LOCAL_\\(UID\\|GID\\)=.*/LOCAL_\\1=\"$u2\"/" "$(conf_of "$ct")"
code 180 '' "LOCAL_UID of another container: 180" vzctl start "$ct"
sed -i "s/^LOCAL_\\(UID\\|GID\\)=.*/LOCAL_\\1=\"0\"/" "$(conf_of "$ct")"
code 180 'LOCAL_UID=0' "LOCAL_UID=0: 180" vzctl start "$ct"
cp "$tap_tmp/conf" "$(conf_of "$ct")"

# ---- a fork bomb ----------------------------------------------------------------------------------------------

if grep -qw pids "$(dirname "$(slice_dir)")/cgroup.controllers"; then
	sed -i '/^NUMPROC/d' "$(conf_of "$ct")"
	echo 'NUMPROC="64:64"' >>"$(conf_of "$ct")"
	vzctl --quiet start "$ct"
	timeout 5 vzctl exec2 "$ct" 'f() { f | f & }; f; sleep 2' </dev/null >/dev/null 2>&1
	ok "a fork bomb stays below its limit" test "$(cat "$(slice_dir)/vz-$ct.scope/pids.current")" -le 64
	quiet "and is stopped" vzctl stop "$ct" --fast
else
	skip 2 "the v2 hierarchy of this host has no pids controller"
fi

# ---- the end -----------------------------------------------------------------------------------------------------

for i in $ct $ct2; do
	vzctl --quiet stop "$i" --fast >/dev/null 2>&1
	vzctl --quiet destroy "$i" >/dev/null
done
leak_is "$nothing" "nothing is left of all that"
done_testing
