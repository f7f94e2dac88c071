#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What reaches the inside of a virtual machine: exec and its like through the guest
# agent (qemu-ga itself), and the seed for cloud-init.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
node_make
export VZ_VMMDIR=$node/vmm

guest_agent || skip_all "$guest_why"
printf '#!/bin/sh\ncat >/tmp/chpasswd\n' >"$guest_extra/usr/sbin/chpasswd"
chmod 755 "$guest_extra/usr/sbin/chpasswd"
guest_modules+=" cdrom isofs"
guest_make || skip_all "$guest_why"
before=$(leak_snapshot)

ip link add br0 type bridge
ip link set br0 up
mac=02:00:00:aa:bb:02
run vzctl create $ct "${vm_args[@]}" --hostname 'one.example' --nameserver 192.0.2.53 --searchdomain example.org \
	--netif_add "eth0,$mac,vmtest1,,br0,ipaddr=10.99.0.2/24,gw=10.99.0.1"
is $rc 0 "create" || bail "$err"
run vzctl start $ct
is $rc 0 "start" || bail "$err"
code 185 'has no agent' "exec2 before there is an agent" vzctl exec2 $ct true
ok "the guest boots" until_ok 90 vm_says $ct 'GUEST UP' || { diag "$(vm_console $ct | tail -n 20)"; bail "no guest"; }
ok "the agent comes" until_ok 20 vzctl exec2 $ct true || { diag "$(vm_console $ct | tail -n 20)" "$(tail "$node/vzctl.log")"; bail "no agent"; }

# ---- exec --------------------------------------------------------------------------

run vzctl exec2 $ct 'echo out; echo err >&2; exit 7'
is "$rc $out $err" "7 out err" "exec2: output, errors, exit code"
run vzctl exec $ct false
is $rc 8 "exec: has one code for failure"
run vzctl exec3 $ct /bin/echo 'a  b' '$HOME'
is "$out" 'a  b $HOME' "exec3: no shell"
is "$(echo 'echo from-$((1+1)) "$0"' | vzctl exec2 $ct -)" "from-2 /bin/sh" "exec2 -: a script"
printf 'echo script; exit 3\n' >"$tap_tmp/script"
run vzctl runscript $ct "$tap_tmp/script"
is "$rc $out" "3 script" "runscript"
run vzctl exec2 $ct 'kill -9 $$'
is $rc 137 "exec2: a signal"
is "$(vzctl exec2 $ct 'head -c 200000 /dev/zero | tr "\0" x' | wc -c)" 200000 "exec2: much output"
run vzctl exec3 $ct /no/such
ok "exec3: a program that is not there" [ $rc = 185 ] || diag "$rc $err"
run vzctl enter $ct --exec 'echo in; uname -s'
is "$out" "in
Linux" "enter --exec"
vzctl exec2 $ct 'sleep 2; echo slow' >"$tap_tmp/slow" &
is "$(vzctl exec2 $ct 'echo quick')" quick "two at a time"
like "$(vzctl qmp $ct query-status)" running "... and QMP meanwhile"
wait $!
is "$(cat "$tap_tmp/slow")" slow "... both end"
run vzctl set $ct --userpasswd root:se:cret
is "$rc $(vzctl exec2 $ct 'cat /tmp/chpasswd')" "0 root:se:cret" "--userpasswd" || diag "$err"
code 21 'USER:PASSWORD' "--userpasswd without a password" vzctl set $ct --userpasswd root

# ---- seed --------------------------------------------------------------------------

seed=$(vzctl exec2 $ct 'd=$(grep -l cidata /sys/block/vd*/serial | cut -d/ -f4); mount -t iso9660 -o ro /dev/$d /mnt && cd /mnt && for f in meta-data network-config user-data; do echo "== $f"; cat $f; done; cd /; umount /mnt')
like "$seed" 'local-hostname: "one.example"' "seed: the host name"
like "$seed" "macaddress: \"$mac\"" "seed: interfaces by their MAC address"
like "$seed" '- "10.99.0.2/24"' "seed: addresses"
like "$seed" 'via: "10.99.0.1"' "seed: gateway"
like "$seed" '- "192.0.2.53"' "seed: name server"
like "$seed" '- "example.org"' "seed: search domain"
python3 -c 'import yaml' 2>/dev/null && yaml=1 || yaml=''
if [ -n "$yaml" ]; then
	ok "seed: is YAML" python3 -c '
import sys, yaml
parts = sys.stdin.read().split("== ")[1:]
docs = {p.split("\n", 1)[0]: yaml.safe_load(p.split("\n", 1)[1]) for p in parts}
n = docs["network-config"]["ethernets"]["eth0"]
assert n["addresses"] == ["10.99.0.2/24"] and n["nameservers"]["addresses"] == ["192.0.2.53"], n
assert docs["user-data"]["hostname"] == "one.example"' <<<"$seed"
else
	skip 1 "needs python3-yaml"
fi
ok "seed: cannot be written to" [ "$(vzctl exec2 $ct 'cat /sys/block/vda/ro')" = 1 ]

# ---- suspend -------------------------------------------------------------------------

vzctl exec2 $ct 'echo kept-$$ >/tmp/memory; (while :; do echo x >>/tmp/ticks; sleep 1; done) >/dev/null 2>&1 &'
kept=$(vzctl exec2 $ct 'cat /tmp/memory')
code 17 'not running|not suspended|already running' "resume of one that runs" bash -c "vzctl resume $ct; c=\$?; [ \$c = 32 ] && exit 17; exit \$c"
VZ_FAIL_STEP=vm.save:after run vzctl suspend $ct
is $rc 16 "suspend that fails"
like "$(vzctl qmp $ct query-status)" '"running": *true' "... the guest goes on" || diag "$err"
ok "... no file is left" [ -z "$(ls "$node/dump")" ]
run vzctl suspend $ct
is $rc 0 "suspend" || diag "$err"
is "$(vzctl status $ct)" "CTID $ct exist unmounted down suspended" "status: suspended"
is "$(stat -c %a "$node/dump/Dump.$ct")" 600 "the file is root's"
code 17 'is suspended: resume it' "start of a suspended one is refused" vzctl start $ct
code 31 'not running' "suspend again" vzctl suspend $ct
VZ_FAIL_STEP=state.running run vzctl resume $ct
ok "resume that fails" [ $rc != 0 ]
ok "... keeps the file" [ -s "$node/dump/Dump.$ct" ]
cp "$node/dump/Dump.$ct" "$tap_tmp/dump"
head -c 100000 "$tap_tmp/dump" >"$node/dump/Dump.$ct"
code 17 '' "resume of half a file" vzctl resume $ct
mv "$tap_tmp/dump" "$node/dump/Dump.$ct"
VZ_KILL_STEP=state.running:after run vzctl resume $ct
ok "resume that is killed before the guest runs: the file is there" [ -s "$node/dump/Dump.$ct" ]
like "$(vzctl qmp $ct query-status)" '"status": *"paused"' "... and the guest stands still"
run vzctl resume $ct
is $rc 0 "... resume again"
ok "... the file is gone" [ -z "$(ls "$node/dump")" ]
is "$(vzctl exec2 $ct 'cat /tmp/memory')" "$kept" "... its memory is as it was"
VZ_KILL_STEP=vm.save:after run vzctl suspend $ct
ok "suspend that is killed when the file is there" [ -s "$node/dump/Dump.$ct" ]
run vzctl qmp $ct cont
is $rc 0 "... the guest goes on"
ok "... and the file is gone: the guest may change its disks" [ -z "$(ls "$node/dump")" ]
run vzctl suspend $ct
is $rc 0 "suspend again"
run vzctl resume $ct
is $rc 0 "resume" || diag "$err" "$(tail -n 5 "$node/vzctl.log")"
is "$(vzctl exec2 $ct 'cat /tmp/memory')" "$kept" "its memory is as it was"
n=$(vzctl exec2 $ct 'wc -l </tmp/ticks')
ok "... and its processes go on" until_ok 10 bash -c "[ \$(vzctl exec2 $ct 'wc -l </tmp/ticks') -gt $n ]"
ok "... the file is gone" [ -z "$(ls "$node/dump")" ]

# ---- a panic -------------------------------------------------------------------------

vzctl exec2 $ct 'echo c >/proc/sysrq-trigger' >/dev/null 2>&1 &
ok "a guest that panics: it is down" until_ok 20 bash -c "vzctl status $ct | grep -q down" || diag "$(vm_console $ct | tail -n 5)"
wait $!
like "$(cat "$node/vzctl.log")" 'event GUEST_PANICKED' "... the log says why"
vzctl set $ct --restart on-failure --save >/dev/null 2>&1 || echo 'RESTART="on-failure"' >>"$(conf_of $ct)"
rm -f "$node/log/$ct.console"
run vzctl start $ct
is $rc 0 "start with RESTART=on-failure"
ok "... it boots" until_ok 60 vm_says $ct 'GUEST UP'
ok "... with its agent" until_ok 20 vzctl exec2 $ct true
first=$(vm_pid $ct)
kill -9 "$first"
ok "an emulator that dies is started again" until_ok 10 bash -c "p=\$(vzlist -Ho pid $ct | tr -d ' -'); [ -n \"\$p\" ] && [ \"\$p\" != $first ]"
ok "... and boots" until_ok 60 vzctl exec2 $ct true
rm -f "$node/log/$ct.console.1"

# ---- stop, through the agent -----------------------------------------------------------

id=$(sed -n 's/.*instance-id: //p' <<<"$seed")
t=$SECONDS
run vzctl stop $ct
is $rc 0 "stop"
ok "A-12 by the agent" vm_says $ct 'SHUTDOWN -h' || diag "$(vm_console $ct | tail -n 5)"
ok "... within seconds" [ $((SECONDS - t)) -le 12 ]

old=$(stat -c %i.%Y "$node/private/$ct/seed.iso")
run vzctl start $ct
vzctl stop $ct --fast >/dev/null
is "$(stat -c %i.%Y "$node/private/$ct/seed.iso")" "$old" "seed: kept while nothing changes"
vzctl set $ct --hostname two.example --save >/dev/null
run vzctl start $ct
vzctl stop $ct --fast >/dev/null
like "$(cat "$node/private/$ct/seed.txt")" 'hostname: "two.example"' "seed: made anew after set --hostname"
ok "... another instance" [ "$(sed -n 's/instance-id: //p' "$node/private/$ct/seed.txt")" != "$id" ]
printf 'nameserver 127.0.0.53\nnameserver 192.0.2.66\nsearch node.example\n' >"$tap_tmp/resolv"
mount --bind "$tap_tmp/resolv" /etc/resolv.conf
vzctl set $ct --nameserver inherit --searchdomain inherit --save >/dev/null
run vzctl start $ct
vzctl stop $ct --fast >/dev/null
umount /etc/resolv.conf
like "$(tr '\n' '|' <"$node/private/$ct/seed.txt")" \
	'nameservers:\|      addresses:\|      - "192.0.2.66"\|      search:\|      - "node.example"\|' "seed: the node's resolver where it is inherited"

vzctl destroy $ct >/dev/null
ip link del br0
leak_is "$before" "nothing is left"
done_testing
