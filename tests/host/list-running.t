#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vzlist and vzpid of a container that runs: counters, states, and what its root
# user could do to mislead them.  Uses CTID 7010 in a slice of its own.
set -u
# shellcheck source=tests/host/list-lib.sh
. "$(dirname "$0")/list-lib.sh"
if [ "${VZ_LIST_NS:-}" != yes ]; then
	VZ_LIST_NS=yes exec unshare -m -n --propagation private bash "$0" "$@"
fi
mount --make-rshared / || exit 1
ip link set lo up
for cg in /sys/fs/cgroup /sys/fs/cgroup/unified; do
	[ "$(stat -fc %T $cg 2>/dev/null)" = cgroup2fs ] && break
done
PATH=$bin:$PATH
id=7010 slice=vzl$$.slice
scope=$cg/$slice/vz-$id.scope
tn=$(mktemp -d /var/tmp/vz-list-XXXXXX)
export VZ_CONFDIR=$tn/etc VZ_RUNDIR=$tn/run VZ_LIBEXECDIR=$bin VZ_SBINDIR=$bin \
	VZ_DATADIR=$top/templates VZ_IDSDIR=$tn/ids VZ_DISTDIR=$tn/dist \
	VZ_CREATINGDIR=$tn/creating VZ_CONSOLE_LOGDIR=$tn/log VZ_REBOOTDIR=$tn/reboot
mkdir -p "$tn"/{etc/conf,etc/names,run}
cp "$top"/templates/conf/ve-*.conf-sample "$tn/etc/conf/"
cat > "$tn/etc/vz.conf" <<X
LOCKDIR="$tn/lock"
DUMPDIR="$tn/dump"
TEMPLATE="$tn/template"
VE_ROOT="$tn/root/\$VEID"
VE_PRIVATE="$tn/private/\$VEID"
CONFIGFILE="vswap-256m"
LOGFILE="$tn/vzctl.log"
VE_LAYOUT="overlay"
CGROUP_SLICE="$slice"
X
clean() {
	[ -e "$tn/etc/conf/$id.conf" ] || mv "$tn/etc/hidden" "$tn/etc/conf/$id.conf" 2>/dev/null
	find "$scope/ct" -depth -mindepth 1 -type d -exec rmdir {} + 2>/dev/null
	vzctl --quiet stop $id --fast >/dev/null 2>&1
	vzctl --quiet destroy $id >/dev/null 2>&1
	rmdir "$cg/$slice/other/vz-$id.scope" "$cg/$slice/other" "$cg/$slice/mon" "$cg/$slice" 2>/dev/null
	rm -rf --one-file-system "$tn"
}
trap clean EXIT

run vztmpl --quiet --recipes "$top/templates/recipes" build minimal
ok "$rc" "the minimal template" "$out$err"
run vzctl create $id --ostemplate minimal --name list7010 --hostname list.example
[ "$rc" = 0 ] || { echo "$out$err" | sed 's/^/# /'; ok 1 "create"; finish; }
run vzlist
is "$rc|$err" "0|Container(s) not found" "a stopped container is not shown"
run vzctl start $id
ok "$rc" "start" "$out$err"
sleep 0.2	# the minimal init has started what it starts

# ---- vzlist ---------------------------------------------------------------
run vzlist -H -o ctid,status
is "$rc|$out|$err" "0|$(printf %10s $id) running"$'\n|' "a running one is"
run vzlist -S
is "$rc|$out|$err" "0||Container(s) not found" "... and not with -S"
threads() { find "$scope" -name cgroup.threads -exec cat {} + | wc -l; }
numproc() { vzlist -Ho numproc $id | tr -d ' '; }
is "$(numproc)" "$(threads)" "numproc counts its threads"
mkdir -p "$scope/ct/a/b"
sleep 100 & sleeper=$!
echo $sleeper > "$scope/ct/a/b/cgroup.procs"
before=$(threads)
is "$(numproc)" "$before" "... in nested groups too"
pid=$(vzlist -Ho pid $id | tr -d ' ')
is "$(sed -n 's/^NSpid:\t[0-9]*\t//p' "/proc/$pid/status")" 1 "pid is that of its init"
is "$(vzlist -Ho netns $id | tr -d ' ')" "$(stat -Lc %i "/proc/$pid/ns/net")" "netns"
run vzlist -j
got=$(python3 -c '
import json, sys
c, = json.load(sys.stdin)
assert c["ctid"] == 7010 and c["status"] == "running" and c["smart_name"] == "list7010"
assert 0 < c["uptime"] < 60, c["uptime"]
assert c["laverage"] is None and c["vswap"] is True
assert c["physpages"]["limit"] == 65536 and c["memory"]["limit"] == 268435456
assert c["numproc"]["held"] > 0
for f in "numfile", "numflock", "lockedpages":
    assert c[f]["held"] is None and c[f]["limit"] == 2**63 - 1, f
mem = sys.argv[1] == "yes"
assert (c["physpages"]["held"] is not None) == mem, c["physpages"]
assert (c["memory"]["used"] is not None) == mem, c["memory"]
assert c["numtcpsock"]["held"] == 0 and c["numothersock"]["held"] is not None
assert c["freeze"] is None and c["layout"] == "overlay" and c["uidmap"].endswith(":65536")
print("good")' "$([ -e "$scope/memory.current" ] && echo yes)" <<<"$out" 2>&1)
is "$got" good "JSON: numbers where the node has them, null where not"
run vzlist -o uptime
[[ $out =~ ^\ +UPTIME$'\n'000d00h:0[0-9]m:[0-5][0-9]s$ ]] || [[ $out =~ 000d00h:0[0-9]m:[0-5][0-9]s ]]
ok $? "uptime in text" "$out"
vzctl --quiet chkpnt $id --suspend >/dev/null
run vzlist -Ho status,freeze
is "$out" $'running   paused\n' "frozen: still running, and paused in its own field"
vzctl --quiet chkpnt $id --resume >/dev/null
run vzlist -Ho freeze
is "$out" $'-\n' "thawed"
mv "$tn/etc/conf/$id.conf" "$tn/etc/hidden"
run vzlist -Ho ctid,status,hostname
is "$out" "$(printf %10s $id) running   -"$'\n' "running without a config file: listed"
mv "$tn/etc/hidden" "$tn/etc/conf/$id.conf"

# ---- a hostile tree of groups ----------------------------------------------
deep=$scope/ct
for _ in {1..40}; do deep=$deep/d; done
mkdir -p "$deep"
run timeout 5 vzlist -Ho numproc $id
is "$rc|$out" $'0|         -\n' "groups nested without end: unknown, at once"
find "$scope/ct/d" -depth -type d -exec rmdir {} +
mkdir "$scope/ct/vz-1.scope"
echo $sleeper > "$scope/ct/vz-1.scope/cgroup.procs"
run vzlist -aH -o ctid
is "$out" "$(printf %10s $id)"$'\n' "a group called like a container makes none"

# ---- vzpid ---------------------------------------------------------------------
comm=$(</proc/$$/comm)
run vzpid $$ "$pid" $sleeper
is "$rc|$out|$err" $'0|Pid\tCTID\tName\n'"$$"$'\t0\t'"$comm"$'\n'"$pid"$'\t7010\tinit\n'"$sleeper"$'\t7010\tsleep\n|' \
	"vzpid: of the node, of the container, in a group that it named"
run vzpid -p "$pid" $$
is "$out" $'Pid\tCT/Pid\tCTID\tName\n'"$pid"$'\t1\t7010\tinit\n'"$$"$'\t'"$$"$'\t0\t'"$comm"$'\n' "vzpid -p"
run vzpid - <<<" $pid"$'\t'"$$"$'\n\n 4194305 '
is "$rc|$out" $'0|Pid\tCTID\tName\n'"$pid"$'\t7010\tinit\n'"$$"$'\t0\t'"$comm"$'\n' "vzpid -: any white space, dead ones skipped"
mkdir -p "$cg/$slice/other/vz-$id.scope"
echo $sleeper > "$cg/$slice/other/vz-$id.scope/cgroup.procs"
run vzpid $sleeper
is "${out##*$'\n'"$sleeper"}" $'\t0\tsleep\n' "a group of that name elsewhere is no container"
python3 -c 'import time
open("/proc/self/comm", "w").write("x\nNSpid:\t1 7")
time.sleep(30)' & liar=$!
echo $liar > "$scope/ct/a/b/cgroup.procs"
for _ in {1..300}; do
	[[ $(</proc/$liar/comm) == x* ]] && break
	sleep 0.01
done
run vzpid -p $liar
kill $liar
is "${out#*$'\n'}" "$liar"$'\t'"$liar"$'\t7010\tx\\nNSpid:\t1 7\n' "a name with a newline fakes no line"
run vzpid
is "$rc|$out" "1|" "vzpid without arguments: 1"
run vzpid nonsense "$pid"
is "$rc|$err|${out#*$'\n'}" "0|Invalid PID: nonsense|$pid"$'\t7010\tinit\n' "vzpid of a word: said, and the rest shown"
run setpriv --reuid 65534 --clear-groups vzpid "$pid"
is "$rc" 0 "vzpid is for everybody"

# ---- after stop ------------------------------------------------------------------
kill $sleeper; wait $sleeper 2>/dev/null
find "$scope/ct" -depth -mindepth 1 -type d -exec rmdir {} + 2>/dev/null
run vzctl stop $id --fast
run vzlist -aH -o numproc,status,uptime,pid,laverage
is "$out" $'         - stopped                 -          -              -\n' "stopped: no counters"
finish
