#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vzctl stat: what is printed for people and for machines, of containers that run,
# that do not, and that are not there.  Numbers of controllers: tests/vm/stat.sh.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
node_make
ct=27001 ct2=27002

# json EXPRESSION: of the document d on standard output of the last run
json()
{
	python3 -c 'import json, sys; d = json.loads(sys.argv[1]); print('"$1"')' "$out" 2>&1
}

run vzctl stat
is "$rc|$out|$err" "0||Container(s) not found" "nothing runs"
run vzctl stat --json
is "$rc|$out|$err" "0|[]|" "nothing runs, JSON"
code 14 'config file does not exist' "no such container" vzctl stat $ct
code 21 '' "no such name" vzctl stat nobody
code 20 'Invalid options: --what' "unknown option" vzctl stat --what
code 20 'needs a value' "--interval without a value" vzctl stat --interval
for i in 0 -1 x 1.5 99999; do
	code 21 'interval' "--interval $i" vzctl stat --interval=$i
done

run vzctl create $ct --ostemplate minimal --name st1 --hostname one
is $rc 0 "create"
run vzctl create $ct2 --ostemplate minimal
is $rc 0 "create another"
run vzctl set $ct --ram 64M --swap 32M --numproc 50:100 --kmemsize 10M:12M --netif_add eth0 --save

# ---- one that does not run ------------------------------------------------------

run vzctl stat $ct
is "$rc|$err" "0|" "of a stopped container"
like "$out" "^CTID $ct st1 stopped
RESOURCE " "says so"
unlike "$out" 'PRESSURE|CPU|NET|not enforced' "uses nothing"
like "$out" "
memory +- +- +0 +64M +-
" "its limit is known, its use is not"
run vzctl stat --json $ct
is "$rc|$err" "0|" "JSON of it"
is "$(json 'd[0]["ctid"], d[0]["name"], d[0]["status"], d[0]["uptime"]')" "$ct st1 stopped None" "who"
is "$(json 'd[0]["resources"]["memory"]')" \
	"{'held': None, 'maxheld': None, 'barrier': 0, 'limit': 67108864, 'failures': None, 'enforced': False}" "bytes"
is "$(json 'd[0]["resources"]["numproc"]["barrier"], d[0]["resources"]["numproc"]["limit"]')" "50 100" "items"
is "$(json 'd[0]["resources"]["numtcpsock"]["limit"]')" 9223372036854775807 "no limit"
is "$(json 'd[0]["pressure"]["io"]["full"]["avg10"], d[0]["cpu"]["usage_usec"], d[0]["io"], d[0]["network"]')" \
	"None None None []" "what is not known is null"

# ---- running ------------------------------------------------------------------------

vzctl start $ct >/dev/null 2>&1
vzctl start $ct2 >/dev/null 2>&1
ok "start" is_running $ct
vzctl exec $ct 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done' </dev/null
run vzctl stat --json
is "$rc|$err" "0|" "of all that run"
is "$(json '[c["ctid"] for c in d]')" "[$ct, $ct2]" "both are there"
run vzctl stat --json $ct2 $ct
is "$(json '[c["ctid"] for c in d]')" "[$ct2, $ct]" "in the order that they are named in"
run vzctl stat --json "st1"
is "$(json 'len(d), d[0]["ctid"], d[0]["status"]')" "1 $ct running" "by name"
is "$(json '0 < d[0]["uptime"] < 600')" True "uptime"
is "$(json '0 < d[0]["cpu"]["usage_usec"] < 60000000')" True "processor time"
is "$(json '0 < d[0]["resources"]["numproc"]["held"] < 50')" True "processes, with or without the controller"
is "$(json '[n["name"] for n in d[0]["network"]]')" "['eth0']" "its interface"
is "$(json 'all(n[k] >= 0 for n in d[0]["network"] for k in ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets"))')" \
	True "and its counters"
is "$(json 'sorted(d[0])')" \
	"['cpu', 'ctid', 'io', 'name', 'network', 'pressure', 'resources', 'status', 'traffic', 'uptime']" "the documented keys"
is "$(json 'sorted(d[0]["resources"])')" \
	"['anon', 'dcache', 'disk', 'inodes', 'kernel', 'memory', 'numothersock', 'numproc', 'numtcpsock', 'shm', 'sockbuf', 'swap']" \
	"the documented resources"
is "$(json 'set(map(tuple, (sorted(r) for r in d[0]["resources"].values()))) == {("barrier", "enforced", "failures", "held", "limit", "maxheld")}')" \
	True "all with the same members"
if [ -e "$(slice_dir)/vz-$ct.scope/cpu.pressure" ]; then
	is "$(json 'd[0]["pressure"]["cpu"]["some"]["total_usec"] >= 0')" True "pressure"
else
	is "$(json 'd[0]["pressure"]["cpu"]["some"]["total_usec"]')" None "no pressure"
fi
if [ ! -e "$(slice_dir)/vz-$ct.scope/memory.current" ]; then
	is "$(json '[d[0]["resources"]["memory"][k] for k in ("held", "maxheld", "failures", "enforced")]')" \
		"[None, None, None, False]" "without controllers nothing is made up"
	run vzctl stat $ct
	like "$out" "
memory +- +- +0 +64M +-  \(not enforced\)
" "and it is said"
	like "$out" "
IO -" "no I/O controller"
fi
run vzctl stat $ct
like "$out" "^CTID $ct st1 running for 0d00h:" "text of a running one"
like "$out" "
PRESSURE % +SOME10 +SOME60 +SOME300 +FULL10 +FULL60 +FULL300
cpu +[0-9.]+ " "pressure"
like "$out" "
CPU [0-9.]+ s used, [0-9.]+ s user, [0-9.]+ s system" "processor"
like "$out" "
NET eth0 [0-9.]+[BKM]? received" "network"

# ---- traffic by class ------------------------------------------------------------------------

ip addr add 10.99.27.254/32 dev lo
run vzctl set $ct --ipadd 10.99.27.1
is $rc 0 "--ipadd"
for i in 1 2 3; do echo x >/dev/udp/10.99.27.1/9; done 2>/dev/null
run vzctl stat --json $ct
is "$(json '[n["name"] for n in d[0]["network"]]')" "['venet0', 'eth0']" "a routed interface, too"
is "$(json 'sum(c["rx_bytes"] for c in d[0]["traffic"] or [])')" "$(vzlist -H -o net_in $ct | tr -d ' ')" "traffic by class is vzlist's"
is "$(json 'sum(c["rx_packets"] for c in d[0]["traffic"] or []) >= 3')" True "and is counted" || diag "$out"

# ---- rates -----------------------------------------------------------------------------

vzctl exec2 $ct "timeout 4 sh -c 'while :; do :; done'" </dev/null &
busy=$!
sleep 0.5
run vzctl stat --json --interval 1 $ct $ct2
is "$rc|$err" "0|" "--interval"
is "$(json '20 < d[0]["cpu"]["percent"] < 130')" True "a busy loop is seen: $(json 'd[0]["cpu"]["percent"]') %"
is "$(json '0 <= d[1]["cpu"]["percent"] < 20')" True "in the one that it is in"
is "$(json 'd[0]["network"][0]["rx_rate"] >= 0')" True "rates of the network"
run vzctl stat --interval=1 $ct
like "$out" ', now [0-9.]+ %' "text, too"
kill $busy 2>/dev/null
wait $busy 2>/dev/null

# ---- hostile -----------------------------------------------------------------------------

# Groups that the container makes; a config that is no more.
vzctl exec $ct 'mkdir -p /sys/fs/cgroup/a/b/c; ln -s / /sys/fs/cgroup/x' </dev/null >/dev/null 2>&1
mv "$(conf_of $ct)" "$node/hidden"
run vzctl stat --json
is "$rc|$(json '[c["ctid"] for c in d]')" "0|[$ct, $ct2]" "a running one without a config is shown"
mv "$node/hidden" "$(conf_of $ct)"
# It ends while it is looked at.
for i in 1 2 3; do
	vzctl --quiet start $ct2 >/dev/null 2>&1
	vzctl --quiet stop $ct2 --fast >/dev/null 2>&1 &
	run vzctl stat --json --interval 1
	is "$rc|$(json 'len(d) in (1, 2)')" "0|True" "stopped meanwhile, round $i"
	wait
done
run sh -c 'vzctl stat --json > /dev/full'
is $rc 3 "a full disk"
like "$err" 'standard output' "is an error"
vzctl stop $ct --fast >/dev/null 2>&1
for c in $ct $ct2; do
	run vzctl destroy $c
	is $rc 0 "destroy $c"
done
like "$(vzctl --help)" '
vzctl stat ' "in the usage"
done_testing
