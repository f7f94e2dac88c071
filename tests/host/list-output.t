#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What vzlist prints about containers that do not run: columns, JSON, order,
# filters, exit codes.  The expected text is in tests/golden/list-*.
set -u
# shellcheck source=tests/host/list-lib.sh
. "$(dirname "$0")/list-lib.sh"
private_node "$@"
PATH=$bin:$PATH

run vzlist
is "$rc|$out|$err" "0||Container(s) not found" "no container: 0, and says so on stderr"
run vzlist -a -j
is "$rc|$out|$err" $'0|[]\n|' "no container, JSON: []"
run vzlist -a -ovpsid,status -H
is "$rc|$out" "0|" "no container, as libvirt asks"

ct 7001 < "$top/templates/conf/ve-basic.conf-sample"
cat >> /mnt/etc/conf/7001.conf <<'X'
HOSTNAME="web1.example.com"
NAME="web1"
DESCRIPTION="say \"hi\" to C:\\ and 100%"
OSTEMPLATE="debian-12-x86_64"
ORIGIN_SAMPLE="basic"
IP_ADDRESS="192.0.2.10 2001:db8::10"
NAMESERVER="192.0.2.53 2001:db8::53"
SEARCHDOMAIN="example.com example.net"
NETIF="ifname=eth0,bridge=vmbr0,mac=00:18:51:AA:BB:01,host_ifname=veth7001.0,host_mac=FE:18:51:AA:BB:01;ifname=eth1,mac=00:18:51:AA:BB:02,host_ifname=veth7001.1,host_mac=FE:18:51:AA:BB:02,gw=192.0.2.1,network=lan"
CPULIMIT="150"
CPUS="2"
CPUMASK="0-3,8"
NODEMASK="0"
IOPRIO="6"
IOLIMIT="10485760"
IOPSLIMIT="500"
BOOTORDER="10"
VE_LAYOUT="simfs"
FEATURES="fuse:on nfs:off"
CAPABILITY="NET_ADMIN:on SYS_TIME:off"
VM_OVERCOMMIT="1.5"
NETFILTER="full"
UUID="dd7a9a26-0b6f-4a0e-8b3c-0f7d5a3f6f11"
LOCAL_UID="1879048192"
#UUID: 8cf9a5b8-0000-0000-0000-000000000000
X
sed -i 's/^ONBOOT=.*/ONBOOT="yes"/' /mnt/etc/conf/7001.conf
ln -s ../conf/7001.conf /mnt/etc/names/web1
ct 7002 <<'X'
ONBOOT="no"
PHYSPAGES="0:256M"
SWAPPAGES="0:512M"
HOSTNAME="a-host-name-that-is-longer-than-its-column.example.com"
NAME="7002"
IP_ADDRESS="2001:db8:1111:2222:3333:4444:5555:6666"
DISABLED="yes"
NUMPROC="100"
X
touch /mnt/dump/Dump.7002
ct 7003 < /dev/null
mount -t tmpfs vz-list-test /mnt/root/7003
ct 7004 <<'X'
HOSTNAME="no-private-area"
X
rmdir /mnt/private/7004
# A private area may be elsewhere, behind a link, and have a name with blanks.
mkdir /mnt/elsewhere "/mnt/with blank" "/mnt/with blank/root"
ct 7005 <<'X'
ONBOOT="auto"
VE_ROOT="/mnt/with blank/root"
PHYSPAGES="0:unlimited"
NUMPROC="9:9"
HOSTNAME="Web5"
X
rmdir /mnt/private/7005
ln -s ../elsewhere /mnt/private/7005
mount -t tmpfs vz-list-test "/mnt/with blank/root"

# ---- text -----------------------------------------------------------------
run vzlist -a
is "$rc|$err" "0|" "vzlist -a: 0, nothing on stderr"
is_golden list-default.txt "default columns"
run vzlist -a -n
is_golden list-names.txt "names"
run vzlist -L
is_golden list-fields.txt "-L"
is "$rc" 0 "-L: 0"
fields=$(awk '{ print $1 }' <<<"$out")
run vzlist -a -o "$(paste -sd, <<<"$fields")"
is_golden list-all-fields.txt "every field"
run vzlist -a -H -o ctid,status
is_golden list-ctid-status.txt "ctid,status"
run vzlist -t -a -o ip,hostname,status
is_golden list-no-trim.txt "-t: neither values nor blanks are cut"
run vzlist -a1
is "$out" $'7001\n7002\n7003\n7005\n' "-a1: one number a line"
run vzlist -aHo hostname 7001
is "$out" $'web1.example.com\n' "glued options, the last column is not padded"
run vzlist -aHo ip -1
is "$out" $'7001\n7002\n7003\n7005\n' "-1 after -o counts"
run vzlist -a1n
is "${out%%$'\n'*}" "      web1          - stopped   192.0.2.10      web1.example.com" "-n after -1 counts"
# The same answers one by one and in bulk (directories are read as a whole from 17 on).
for i in {7020..7040}; do ct "$i" </dev/null; done
run vzlist -aH -o ctid,status 7001 7002 7003 7005
few=$out
run vzlist -aH -o ctid,status
is "$(grep -v ' 70[234][0-9] ' <<<"$out")" "${few%$'\n'}" "many containers, same states"
rm /mnt/etc/conf/70[234]?.conf

# ---- JSON ------------------------------------------------------------------
run vzlist -a -j
is "$rc|$err" "0|" "vzlist -aj: 0, nothing on stderr"
is_golden list-all.json "JSON of everything"
json=$out
python3 -m json.tool >/dev/null <<<"$json"
ok $? "a JSON parser reads it"
got=$(python3 -c '
import json, sys
a = json.load(sys.stdin)
c = {x["ctid"]: x for x in a}
w = c[7001]
assert [type(w[k]) for k in ("ctid", "cpus", "cpuunits", "cpulimit", "ioprio")] == [int] * 5
assert w["description"] == "say \"hi\" to C:\\ and 100%", w["description"]
assert w["ip"] == ["192.0.2.10", "2001:db8::10"] and c[7003]["ip"] == []
assert w["onboot"] is True and c[7002]["onboot"] is False
assert c[7003]["onboot"] is None and c[7005]["onboot"] is None
assert w["features"] == {"fuse": True, "nfs": False} and c[7003]["features"] is None
assert w["capability"] == {"net_admin": True, "sys_time": False}
assert w["private"] == "/mnt/private/7001" and w["root"] == "/mnt/root/7001"
assert c[7002]["physpages"] == dict(held=0, maxheld=0, barrier=0, limit=65536, failcnt=0)
assert c[7003]["numproc"]["limit"] == 2**63 - 1 == c[7003]["diskspace"]["hardlimit"]
assert w["diskspace"] == dict(usage=None, softlimit=2097152, hardlimit=2306867)
assert [c[i]["vswap"] for i in (7001, 7002, 7005)] == [False, True, False]
assert w["uptime"] == 0 and w["laverage"] is None and w["hostname"] and c[7003]["hostname"] is None
assert c[7003]["cpulimit"] is None and c[7003]["cpus"] == 0
assert [c[i]["status"] for i in sorted(c)] == ["stopped", "suspended", "mounted", "mounted"]
assert "veid" not in w and list(w)[:3] == ["ctid", "private", "root"]
print("good")' <<<"$json" 2>&1)
is "$got" good "types and values of JSON"
is "$(grep -A4 '^    "ctid": 7002,' <<<"$json" | grep -o '"root": .*')" '"root": "/mnt/root/7002",' "line oriented tools find their line"
is "$(grep -c '^    "ip": \[' <<<"$json")" 4 "lists are on one line"
run vzlist -jo veid,hostname 7003 7001
is "$out" $'[\n  {\n    "veid": 7001,\n    "hostname": "web1.example.com"\n  },\n  {\n    "veid": 7003,\n    "hostname": null\n  }\n]\n' "-jo: these fields, in this order"
# Latin-1 of old configs, a control character cannot come through the parser.
ct 7006 <<<$'DESCRIPTION="caf\xe9 \xc3\xa9 \xed\xa0\x80"'
run vzlist -jo description 7006
python3 -c 'import json,sys; assert json.load(sys.stdin)[0]["description"] == "caf\u00e9 \u00e9 \u00ed\u00a0\u0080"' <<<"$out"
ok $? "bytes that are not UTF-8 do not break JSON" "$out"
rm /mnt/etc/conf/7006.conf

# ---- which, in which order ---------------------------------------------------
run vzlist web1 -ovpsid,status -H
is "$out" $'      7001 stopped\n' "a name, options after it, a stopped container without -a"
run vzlist 7003 7001 7003 -1
is "$out" $'7001\n7003\n' "numbers are sorted and shown once"
run vzlist -S1
is "$out" $'7001\n7002\n7003\n7005\n' "-S"
run vzlist -a --missing -1
is "$out" $'7001\n7002\n7003\n7004\n7005\n' "--missing"
run vzlist -a1 -s -ctid
is "$out" $'7005\n7003\n7002\n7001\n' "-s -ctid: descending"
run vzlist -a1 -s hostname
is "$out" $'7003\n7005\n7002\n7001\n' "-s hostname: unset first, bytes then"
run vzlist -a1 -s-numproc.l
is "$out" $'7003\n7001\n7002\n7005\n' "-s-numproc.l: numbers as numbers, unset is unlimited"
run vzlist -a1 --sort numproc.b
is "$out" $'7005\n7002\n7001\n7003\n' ".b sorts by barrier"
run vzlist -a1 -s status
is "$out" $'7003\n7005\n7001\n7002\n' "equal values by number"
run vzlist -a1 -s -status
is "$out" $'7002\n7001\n7003\n7005\n' "also when descending"
run vzlist -a1 -h 'web*'
is "$out" $'7001\n' "-h: a pattern, case matters, no match without a value"
run vzlist -a1 -N '*'
is "$out" $'7001\n7002\n' "-N: those with a name"
run vzlist -a1 -d '*hi*'
is "$out" $'7001\n' "-d"
run vzlist -a1 -i 'veth7001.?'
is "$out" $'7001\n' "-i"
run vzlist --all --no-header --output=ctid --hostname 'Web[0-9]'
is "$out" $'      7005\n' "long options"
run vzlist -a -h nobody -o ctid
is "$rc|$out|$err" $'0|      CTID\n|' "all filtered out: the header, 0"
run vzlist -aj -h nobody
is "$rc|$out|$err" $'0|[\n]\n|' "all filtered out, JSON: an empty array on two lines"

# ---- what libvirt and shell loops do --------------------------------------------
run vzlist --no-header -oprivvmpages.b,privvmpages.l 7001
is "$out" $'     65536      69632\n' "libvirt's memory tuning: two numbers"
run vzlist --no-header -oprivvmpages.b,privvmpages.l 7003
is "$out" $'9223372036854775807 9223372036854775807\n' "... when not set, too"
run vzlist -a -ovpsid,status -H
got=$(python3 -c '
import re, sys
for l in sys.stdin:
    m = re.match(r"\s*(\d+)", l)
    assert l[m.end()] == " "
    print(m[1], l[m.end() + 1:] == "stopped\n")' <<<"${out%$'\n'}" 2>&1)
is "$got" $'7001 True\n7002 False\n7003 False\n7005 False' "libvirt: number, one blank, the state is the rest"

# ---- errors ----------------------------------------------------------------------
run vzlist 7004
is "$rc|$out|$err" "1||Container(s) not found" "private area missing: not found"
run vzlist -j 7999
is "$rc|$out|$err" $'1|[]\n|' "not found, JSON"
run vzlist 7999 7001 -1
is "$rc|$out" $'0|7001\n' "one of two found: 0"
run vzlist nobody
is "$rc|$out|$err" "1||CT ID nobody is invalid." "no such name"
run vzlist 0
is "$rc|$err" "1|CT ID 0 is invalid." "0 is the node"
run vzlist ../conf/7001
is "$rc|$err" "1|CT ID ../conf/7001 is invalid." "a path is no name"
run vzlist -o ctid,nope
is "$rc|$out|$err" "1||Unknown field: nope" "unknown field"
for f in ctid.l numproc.x numproc. numproc.lx .l '' NUMPROC diskspace.b; do
	run vzlist -o "$f"
	is "$rc|$out|$err" "1||Unknown field: $f" "unknown field '$f'"
done
run vzlist -s nope
is "$rc|$out|$err" "1||Invalid sort field name: nope" "unknown sort field"
run vzlist -s -nope
is "$rc|$out|$err" "1||Invalid sort field name: nope" "unknown sort field, descending"
run vzlist -o ctid,numproc.l -j
is "$rc|$out|$err" "1||Field \`numproc.l' is not available in JSON output" "indexed field and JSON"
run vzlist --help
is "$rc|${out%%$'\n'*}|$err" "1|Usage: vzlist [-a | -S] [-n] [-H] [-t] [-j] [-o field[,field...] | -1]|" "--help: usage on stdout, 1"
run vzlist -Z
is "$rc|${out%% *}" "1|Usage:" "unknown option: the same"
run setpriv --reuid 65534 --clear-groups vzlist -a
is "$rc|$out|$err" "1||This program can only be run under root." "others than root"
run setpriv --reuid 65534 --clear-groups vzlist -L
is "$rc" 0 "others may ask for the fields"
run bash -c 'vzlist -a > /dev/full'
is "$rc|$err" "1|vzlist: No space left on device" "a full disk is an error"
# Nonsense in a config is no reason to say anything on stderr, or to lose the container.
ct 7007 <<'X'
NUMPROC="many"
IP_ADDRESS="1.2.3.4.5"
CPUS="-3"
HOSTNAME="x
X
run vzlist -H -o ctid,cpus,ip 7007
is "$rc|$out|$err" $'0|      7007     - -\n|' "a broken config"
head -c 100000 /dev/zero > /mnt/etc/conf/7007.conf
run vzlist -aH -o ctid,status
[[ $out == *"      7007 stopped"* ]]
ok $? "a config that cannot be read hides no container" "$out"
rm /mnt/etc/vz.conf
run vzlist -a
is "$rc|$out|$err" "1||Global configuration file /mnt/etc/vz.conf not found" "no vz.conf"
run vzpid $$
is "$rc|$out" "0|"$'Pid\tCTID\tName\n'"$$"$'\t0\tbash\n' "vzpid works without"
finish
