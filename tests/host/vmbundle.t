#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The private area of a virtual machine as a bundle: ve.json, register, what hostile ones try.
# A-41 of the design.  Nothing is started here but at the end.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
node_make
export VZ_VMMDIR=$node/vmm
guest_make || skip_all "$guest_why"
before=$(leak_snapshot)
run vzctl create $ct "${vm_args[@]}" --disk 8M --disk 4M --name first --hostname 'a.example' --ipadd 198.51.100.7 \
	--netif_add eth0,02:18:51:00:00:01 --description 'with "quotes" and \ '
is $rc 0 "create" || bail "$err"
d=$node/private/$ct
json() { python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); print(eval(sys.argv[2], {"o": o}))' "$1/ve.json" "$2"; }
is "$(json "$d" 'o["schema"], o["type"], o["ctid"]')" "(1, 'vm', $ct)" "ve.json is there after create"
is "$(json "$d" 'o["conf"]["DISKS"]')" "disk0.raw disk1.raw" "... with the disks"
is "$(json "$d" 'o["conf"]["DESCRIPTION"]')" 'with "quotes" and \ ' "... and any text"
is "$(json "$d" '[k for k in o["conf"] if k in ("VE_ROOT", "VE_PRIVATE", "LOCAL_UID", "LOCAL_GID")]')" "[]" "... and nothing of this node"
is "$(stat -c %a "$d/ve.json")" 600 "... for root alone"
vzctl set $ct --ram 100M --save >/dev/null
is "$(json "$d" 'o["conf"]["PHYSPAGES"]')" "0:100M" "set --save changes it"

# ---- another node: only the directory ---------------------------------------------------------

b=$node/elsewhere/bundle
mkdir -p "$node/elsewhere"
cp -a "$d" "$b"
code 82 'has a configuration already' "register: the number is taken" vzctl register "$b"
code 130 'MAC address' "register with another number: its MAC address is taken" vzctl register "$b" $ct2
vzctl destroy $ct >/dev/null
rm -f "$node"/etc/conf/$ct.conf.destroyed
run vzctl register "$b"
is $rc 0 "A-41 register: its own number" || diag "$err"
is "$(vzlist -aHo kind,name,hostname,ip,private $ct | tr -s ' ')" "vm first a.example 198.51.100.7 $b" "... its settings, where it is"
is "$(grep -c LOCAL_UID "$(conf_of $ct)")" 0 "... ids are this node's, later"
sed -i 's/^NETIF=.*//' "$(conf_of $ct)"
sed -i 's/^IP_ADDRESS=.*//' "$(conf_of $ct)"
run vzctl start $ct
is $rc 0 "A-41 it starts" || diag "$err"
ok "A-41 ... and boots" until_ok 90 vm_says $ct 'GUEST UP'
is "$(json "$b" '"IP_ADDRESS" in o["conf"]')" False "a start writes what was edited by hand"
vzctl stop $ct --fast >/dev/null
cp -a "$b" "$tap_tmp/good"
vzctl destroy $ct >/dev/null

# ---- hostile ones: A-41, and point 11 -----------------------------------------------------------

n=0
hostile()	# CODE REGEX NAME PYTHON: o is changed by it; or the text t
{
	local x=$node/elsewhere/h$((n += 1))
	rm -rf --one-file-system "$x"
	cp -a "$tap_tmp/good" "$x"
	python3 -c '
import json, sys
t = None
o = json.load(open(sys.argv[1]))
exec(sys.argv[2])
open(sys.argv[1], "wb").write((t if t is not None else json.dumps(o)).encode("utf-8", "surrogatepass"))' "$x/ve.json" "$4" || bail python
	code "$1" "$2" "refused: $3" vzctl register "$x" $ct2
	[ ! -e "$(conf_of $ct2)" ] || { tap_fail "... leaves no configuration"; rm -f "$(conf_of $ct2)"; }
	[ -n "${keep:-}" ] || rm -rf --one-file-system "$x"
}
hostile 21 'no JSON' "no JSON" 't = "VE_TYPE=vm"'
hostile 21 'no JSON' "an empty file" 't = ""'
hostile 21 'no JSON' "an array" 't = "[1]"'
hostile 21 'no JSON' "half of one" 't = json.dumps(o)[:-5]'
hostile 21 'no JSON' "two" 't = json.dumps(o) * 2'
hostile 21 'no JSON' "very deep" 't = "{\"a\":" * 5000 + "1" + "}" * 5000'
hostile 21 'no JSON' "very long" 'o["x"] = "a" * 1000000'
hostile 21 '' "no UTF-8" 't = json.dumps(o).replace("first", "\udc80")'
hostile 21 'schema' "another schema" 'o["schema"] = 2'
hostile 21 'schema' "another type" 'o["type"] = "ct"'
hostile 21 'number' "a number that is text" 'o["ctid"] = "../../1"'
hostile 21 'number' "a configuration that is a list" 'o["conf"] = [1]'
hostile 21 'number' "many keys" 'o["conf"] = {"K%d" % i: "" for i in range(1000)}'
hostile 21 'bad key or value' "a value that is an object" 'o["conf"]["NAME"] = {"a": 1}'
hostile 21 'bad key or value' "a line break in a value" 'o["conf"]["DESCRIPTION"] = "a\nVE_ROOT=\"/\""'
hostile 21 'bad key or value' "NUL in a value" 'o["conf"]["DESCRIPTION"] = "a\0b"'
hostile 21 'bad key or value' "a key that is a line" 'o["conf"]["A=b\nC"] = "x"'
hostile 21 'no parameter' "an unknown key" 'o["conf"]["EVIL"] = "x"'
hostile 21 'no parameter' "another private area" 'o["conf"]["VE_PRIVATE"] = "/etc"'
hostile 21 'no parameter' "another root" 'o["conf"]["VE_ROOT"] = "/"'
hostile 21 'no parameter' "ids of the node" 'o["conf"]["LOCAL_UID"] = "0"'
hostile 21 'no parameter' "the emulator" 'o["conf"]["QEMU"] = "/bin/sh"'
hostile 21 'is for containers|no virtual' "a container" 'o["conf"]["VE_TYPE"] = "ct"'
hostile 21 'is for containers' "a directory of the node" 'o["conf"]["BINDMOUNT"] = "/etc:/etc"'
hostile 21 'is for containers' "a device of the node" 'o["conf"]["NETDEV"] = "lo"'
hostile 21 'no name in the bundle' "a kernel of the node" 'o["conf"]["KERNEL"] = "/etc/shadow"'
hostile 21 'no name in the bundle' "a kernel outside" 'o["conf"]["INITRD"] = "../x"'
hostile 21 'no name of a disk' "a disk of the node" 'o["conf"]["DISKS"] = "../../../../dev/sda.raw"'
hostile 185 'No such file' "a disk that is missing" 'o["conf"]["DISKS"] = "disk7.raw"'
hostile 21 '' "an address that cannot be" 'o["conf"]["PHYSPAGES"] = "much"'
link()	# NAME COMMANDS in the bundle
{
	local x=$node/elsewhere/l$((n += 1))
	cp -a "$tap_tmp/good" "$x"
	(cd "$x" && eval "$3")
	code "$1" '' "refused: $2" vzctl register "$x" $ct2
	[ ! -e "$(conf_of $ct2)" ] || { tap_fail "... leaves no configuration"; rm -f "$(conf_of $ct2)"; }
	rm -rf --one-file-system "$x"
}
link 21 "no ve.json" 'rm ve.json'
link 21 "ve.json is a link" 'mv ve.json x; ln -s x ve.json'
link 21 "ve.json is a pipe" 'rm ve.json; mkfifo ve.json'
link 185 "a disk that is a link" 'rm disks/disk0.raw; ln -s /etc/passwd disks/disk0.raw'
link 185 "a disk that is a pipe" 'rm disks/disk0.raw; mkfifo disks/disk0.raw'
link 43 "others may write to it" 'chmod 777 .'
link 43 "somebody else's" 'chown 1000 .'
code 43 'no absolute path' "a relative path" vzctl register elsewhere $ct2
code 43 'no absolute path' "no directory" vzctl register /etc/passwd $ct2
code 20 'required' "no path" vzctl register
code 21 'Invalid CTID' "a bad number" vzctl register "$tap_tmp/good" x
run vzctl register "$tap_tmp/good" $ct2
is $rc 0 "what all these were made of is taken" || diag "$err"
vzctl destroy $ct2 >/dev/null
rm -rf --one-file-system "$node/elsewhere"
leak_settle
leak_is "$before" "nothing is left"
done_testing
