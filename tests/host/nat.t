#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Private addresses and forwarded ports.  This file's namespace is the node, another
# one the Internet: it has no route to the private networks.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make 'NAT_NETWORK="10.200.0.0/24 fd5a:7a3c:9d21::/64"'
peer=$top/tests/host/nat-peer.py
a=25101 b=25102 c=25103
addr() { sed -n 's/^IP_ADDRESS="\([^ "]*\).*/\1/p' "$(conf_of "$1")"; }
addr6() { sed -n 's/^IP_ADDRESS="[^ ]* \([^"]*\)"/\1/p' "$(conf_of "$1")"; }

# ---- the Internet ------------------------------------------------------------------

unshare -n sleep 1000 &
net=$!
defer "kill $net"
until [ "$(readlink /proc/$net/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add up0 type veth peer name net0 netns /proc/$net/ns/net
# Names of neighbours are not the matter here: no waiting for duplicates of addresses.
echo 0 >/proc/sys/net/ipv6/conf/up0/accept_dad
ip addr add 192.0.2.1/24 dev up0
ip addr add 192.0.2.7/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
ip link set up0 up
in_net() { nsenter -t $net -n "$@"; }
in_net sh -c 'echo 0 >/proc/sys/net/ipv6/conf/net0/accept_dad; ip link set net0 up; ip link set lo up
	ip addr add 192.0.2.2/24 dev net0; ip addr add 2001:db8::2/64 dev net0 nodad'

servers=()
serve()	# serve PID NAME PORTS...: in the network of PID
{
	local pid=$1 f=$tap_tmp/serve.$2
	shift
	nsenter -t "$pid" -n "$peer" serve "$@" >"$f" &
	servers+=($!)
	defer "kill $!"
	until_ok 5 grep -q ready "$f"
}
ask() { run "$peer" ask "$@"; }
ask_in() { local pid=$1; shift; run nsenter -t "$pid" -n "$peer" ask "$@"; }

# A router has routes of its own (subnet-router anycast, RFC 4291 2.6.1).
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
nothing=$(leak_snapshot)
serve $net internet 7000
serve $$ node 9000

# ---- addresses ----------------------------------------------------------------------

quiet "create --ipadd auto" vzctl create $a --ostemplate minimal --ipadd auto
like "$out" 'IP address\(es\) chosen: 10\.200\.0\.[0-9]+ fd5a:7a3c:9d21::' "says what was chosen"
like "$(addr $a)/$(addr6 $a)" '^10\.200\.0\.[0-9]+/fd5a:7a3c:9d21::[0-9a-f]+$' "and writes it down"
is "$(ls "$node/creating")" "" "nothing is reserved any more"
# Each wants the number that its own id gives; $a + 254 and $a are the same.
d=$((a + 254)) e=$((a + 508)) creates=()
for i in $d $e; do
	vzctl create $i --ostemplate minimal --ipadd auto >/dev/null 2>&1 &
	creates+=($!)
done
vzctl create $b --ostemplate minimal --ipadd auto >/dev/null 2>&1
wait "${creates[@]}"
is "$(for i in $a $b $d $e; do addr $i; done | sort -u | wc -l)" 4 "four creates, two of them at once: four addresses"
quiet "a sample may say it" sh -c "echo 'IP_ADDRESS=\"auto\"' >'$node/etc/conf/ve-nat.conf-sample'; vzctl create $c --config nat --ostemplate minimal"
like "$(addr $c)" '^10\.200\.0\.[0-9]+$' "and has an address then"
VZ_KILL_STEP=net.auto:after run vzctl create $((c + 1)) --ostemplate minimal --ipadd auto
is $rc 137 "a create dies with an address"
taken=$(sed -n '4s/ .*//p' "$node/creating/$((c + 1))")
like "$taken" '^10\.200\.0\.' "its note has it"
quiet "the next one" vzctl create $((c + 255)) --ostemplate minimal --ipadd auto
ok "gets another" test "$(addr $((c + 255)))" != "$taken"
vzctl --quiet repair $((c + 1)) >/dev/null
vzctl --quiet destroy $((c + 255))
vzctl --quiet destroy $d
vzctl --quiet destroy $e
sed 's/^NAT_NETWORK=.*/NAT_NETWORK="10.200.9.0\/30"/' "$node/etc/vz.conf" >"$node/etc/vz.small"
cp "$node/etc/vz.conf" "$node/etc/vz.full"
cp "$node/etc/vz.small" "$node/etc/vz.conf"
quiet "set --ipadd auto" vzctl set $b --ipadd auto --save
quiet "once more" vzctl set $b --ipadd auto --save
code 89 'No free address in 10\.200\.9\.0/30' "the third of two: 89" vzctl set $b --ipadd auto --save
quiet "take them away" vzctl set $b --ipdel 10.200.9.1 --ipdel 10.200.9.2 --save
sed -i /NAT_NETWORK/d "$node/etc/vz.conf"
code 89 'NAT_NETWORK' "without NAT_NETWORK: 89" vzctl set $b --ipadd auto --save
cp "$node/etc/vz.full" "$node/etc/vz.conf"

quiet "without an address" vzctl set $c --ipdel all --portfwd 8300:80 --save
code 0 'PORTFWD leads nowhere' "a forward to nothing is said" vzctl start $c
vzctl --quiet stop $c --fast
sed -i 's/^IP_ADDRESS=.*/IP_ADDRESS="auto"/; /^PORTFWD=/d' "$(conf_of $c)"
quiet "start of a file that says auto" vzctl start $c
like "$(addr $c)" '^10\.200\.0\.' "it is written out"
like "$(nsenter -t "$(init_pid $c)" -n ip -o -4 addr show dev venet0)" "inet $(addr $c)/32" "and it has it"
vzctl --quiet stop $c --fast

# ---- masquerading -----------------------------------------------------------------------

# Mount points are made once and stay until destroy.
mkdir -p "$node/root/$a" "$node/root/$b"
stopped=$(leak_snapshot)
quiet "start" vzctl start $a
pa=$(init_pid $a)
like "$(nft list table inet vz_nat)" "set masq4.*elements = \\{ $(addr $a) comment \"CT $a\"" "the address is in the table"
for k in tcp udp; do
	ask_in "$pa" $k 192.0.2.2 7000
	is "$out" "internet 192.0.2.1 7000" "$k to the Internet carries the node's address"
	ask_in "$pa" $k 2001:db8::2 7000
	is "$out" "internet 2001:db8::1 7000" "$k over IPv6"
	ask_in "$pa" $k 192.0.2.1 9000
	is "$out" "node $(addr $a) 9000" "$k to the node: its own address"
done
quiet "another container" vzctl start $b
pb=$(init_pid $b)
serve "$pb" b 80 81 6000 6001 6002
ask_in "$pa" tcp "$(addr $b)" 80
is "$out" "b $(addr $a) 80" "to another container: its own address"
ask_in "$pa" tcp "$(addr6 $b)" 80
is "$out" "b $(addr6 $a) 80" "over IPv6"
ask_in $net tcp "$(addr $b)" 80
is $rc 1 "the Internet has no way to a private address"
quiet "a public address" vzctl set $a --ipadd 192.0.2.50
ask_in "$pa" udp 192.0.2.2 7000 192.0.2.50
is "$out" "internet 192.0.2.50 7000" "is not hidden"
quiet "and goes" vzctl set $a --ipdel 192.0.2.50

# ---- forwards ------------------------------------------------------------------------------

quiet "live" vzctl set $b --portfwd 8080:80 --portfwd '8080:80/udp 6000-6002:6000' --save
like "$(cat "$(conf_of $b)")" $'\nPORTFWD="8080:80 8080:80/udp 6000-6002:6000"' "saved"
for k in tcp udp; do
	ask_in $net $k 192.0.2.1 8080
	is "$out" "b 192.0.2.2 80" "$k from the Internet: the client's address is seen"
	ask_in $net $k 192.0.2.7 8080
	is "$out" "b 192.0.2.2 80" "$k to another address of the node"
	ask_in $net $k 2001:db8::1 8080
	is "$out" "b 2001:db8::2 80" "$k over IPv6"
	ask $k 192.0.2.1 8080
	is "$out" "b 192.0.2.1 80" "$k from the node"
	ask $k 2001:db8::1 8080
	is "$out" "b 2001:db8::1 80" "$k from the node, IPv6"
	ask_in "$pa" $k 192.0.2.1 8080
	is "$out" "b $(addr $a) 80" "$k from another container: its address is seen"
	ask_in "$pb" $k 192.0.2.1 8080
	like "$out" "^b (192.0.2.1|192.0.2.7) 80$" "$k from the container itself"
	ask_in "$pb" $k 2001:db8::1 8080
	is "$out" "b 2001:db8::1 80" "$k from the container itself, IPv6"
	ask $k 127.0.0.1 8080
	is $rc 1 "$k to 127.0.0.1 is the node's own"
	ask $k ::1 8080
	is $rc 1 "$k to ::1, too"
	ask_in $net $k 192.0.2.1 9000
	is "$out" "node 192.0.2.2 9000" "$k to a port of the node stays there"
done
for p in 6000 6002; do
	ask_in $net tcp 192.0.2.1 $p
	is "$out" "b 192.0.2.2 $p" "port $p of a range"
done
ask_in $net tcp 192.0.2.1 6003
is $rc 1 "not the next one"
ask_in "$pa" tcp 192.0.2.2 8080
is $rc 1 "what goes to other hosts' port 8080 is left alone"
quiet "one address, another port" vzctl set $b --portfwd 192.0.2.7:9100:81 --save
ask_in $net tcp 192.0.2.7 9100
is "$out" "b 192.0.2.2 81" "is forwarded"
ask_in $net tcp 192.0.2.1 9100
is $rc 1 "not on the other"
quiet "IPv6 only" vzctl set $b --portfwd '[2001:db8::1]:9200:81' --save
ask_in $net tcp 2001:db8::1 9200
is "$out" "b 2001:db8::2 81" "is forwarded"
ask_in $net tcp 192.0.2.1 9200
is $rc 1 "not over IPv4"

# ---- refused ----------------------------------------------------------------------------------

before=$(nft list table inet vz_nat)
nft list table inet vz_nat >"$tap_tmp/table"
quiet "what nft lists it takes back (who saves the rules of a node, restores them)" \
	sh -c "echo 'delete table inet vz_nat' | cat - '$tap_tmp/table' | nft -f -"
is "$(nft list table inet vz_nat)" "$before" "unchanged"
code 188 "port 8080/tcp is forwarded to container $b" "another container has the port: 188" vzctl set $a --portfwd 8080:22 --cpuunits 500 --save
code 188 "container $b" "on one address, too" vzctl set $a --portfwd 192.0.2.1:8080:22 --save
code 188 "container $b" "all addresses against one" vzctl set $a --portfwd 9100:22 --save
code 188 "container $b" "the end of a range" vzctl set $a --portfwd 5990-6000:22 --save
code 188 'port 9000/tcp of 192\.0\.2\.1 is used by a program' "the node listens: 188" vzctl set $a --portfwd 9000:22 --save
code 188 'port 9000/udp' "or receives" vzctl set $a --portfwd 9000:22/udp --save
taken=$(sed -n 's/^IP_ADDRESS="\([0-9.]*\).*/\1/p' "$(conf_of $b)")
code 78 "$taken is used by container $b" "an address that is taken, with a port that is free: 78" \
	vzctl set $a --portfwd 9500:22 --ipadd "$taken" --cpuunits 500
code 21 'are the same port' "the same port twice: 21" vzctl set $b --portfwd 8080:81 --save
code 21 'Bad parameter' "nonsense: 21" vzctl set $b --portfwd 8080 --save
unlike "$(cat "$(conf_of $a)")" 'PORTFWD|CPUUNITS="500"' "nothing is saved"
is "$(nft list table inet vz_nat)" "$before" "and nothing has changed"
"$peer" serve lo 9300 >/dev/null 2>&1 &
defer "kill $!"
nsenter -t $$ -n python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 9400)); s.listen(); time.sleep(300)' &
lo=$!
defer "kill $lo"
until_ok 5 sh -c "ss -Hltn | grep -q 127.0.0.1:9400"
quiet "a listener on loopback is not in the way" vzctl set $a --portfwd 9400:80 --save
vzctl --quiet stop $a --fast
echo 'PORTFWD="8080:80"' >>"$(conf_of $a)"
sed -i '/PORTFWD="9400/d' "$(conf_of $a)"
off=$(leak_snapshot)
code 188 'port 8080/tcp is forwarded' "start with a taken port: 188" vzctl start $a
leak_is "$off" "and nothing is left of it"
VZ_KILL_STEP=ids.claim code 188 'port 8080/tcp is forwarded' "before its first step" vzctl start $a
sed -i /PORTFWD/d "$(conf_of $a)"
echo 'PORTFWD="8180:80 8181:80"' >>"$(conf_of $a)"

# ---- changes ------------------------------------------------------------------------------------

quiet "del" vzctl set $b --portfwd_del 8080:80/tcp --save
ask_in $net tcp 192.0.2.1 8080
is $rc 1 "a deleted forward is gone"
ask_in $net udp 192.0.2.1 8080
is "$out" "b 192.0.2.2 80" "the other one is not"
quiet "now it is free" vzctl set $b --portfwd_del all --portfwd 8080:81 --save
ask_in $net tcp 192.0.2.1 8080
is "$out" "b 192.0.2.2 81" "all replaced by one"
old=$(addr $b)
quiet "another address" vzctl set $b --ipdel "$old" --ipadd 10.200.0.77 --save
ask_in $net tcp 192.0.2.1 8080
is "$out" "b 192.0.2.2 81" "the forward follows"
ask_in "$pb" tcp 192.0.2.2 7000
is "$out" "internet 192.0.2.1 7000" "and it is masqueraded"
unlike "$(nft list table inet vz_nat)" "$old" "the old one is forgotten"
code 0 '' "what somebody flushed" sh -c "nft flush ruleset; vzctl set $b --portfwd 9001:80"
ask_in $net tcp 192.0.2.1 8080
is "$out" "b 192.0.2.2 81" "is there again"
nft flush ruleset
quiet "or by repair" vzctl repair $b
ask_in $net tcp 192.0.2.1 8080
is "$out" "b 192.0.2.2 81" "it is"
quiet "start with forwards" vzctl start $a
serve "$(init_pid $a)" a 80
for p in 8180 8181; do
	ask_in $net tcp 192.0.2.1 $p
	is "$out" "a 192.0.2.2 80" "forward from the config, port $p"
done
quiet "a thousand ports" vzctl set $a --portfwd 20000-21023:20000
is "$(nft -j list map inet vz_nat any4 | grep -o "CT $a" | wc -l)" 1026 "each of them"
quiet "and removed" vzctl set $a --portfwd_del 20000-21023:20000
like "$(nft list table inet vz_nat)" "8180 comment \"CT $a\" : $(addr $a) . 80" "the rest stays"

# A client that keeps its port is an old acquaintance of conntrack.
for src in 192.0.2.2/192.0.2.1 2001:db8::2/2001:db8::1; do
	ask_in $net udp "${src#*/}" 8400 "${src%/*}" 5555
	is $rc 1 "nobody is there for ${src%/*}"
	quiet "now somebody is" vzctl set $b --portfwd 8400:80/udp
	ask_in $net udp "${src#*/}" 8400 "${src%/*}" 5555
	is "$out" "b ${src%/*} 80" "who asked before is answered"
	quiet "another one" sh -c "vzctl set $b --portfwd_del 8400:80/udp; vzctl set $a --portfwd 8400:80/udp"
	ask_in $net udp "${src#*/}" 8400 "${src%/*}" 5555
	is "$out" "a ${src%/*} 80" "is answered by that"
	quiet "and none" vzctl set $a --portfwd_del 8400:80/udp
	ask_in $net udp "${src#*/}" 8400 "${src%/*}" 5555
	is $rc 1 "and then by nobody"
done

# ---- what the kernel tells about others' filters ----------------------------------------------------

nft -f - <<-X
	table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }
X
vzctl --quiet stop $a --fast
code 0 "drops what is forwarded.*'ip filter FORWARD'" "a policy of others that drops: said at start" vzctl start $a
nft delete table ip filter


# ---- the end -----------------------------------------------------------------------------------------

kill "${servers[@]}" 2>/dev/null
sleep 0.1
quiet "stop one" vzctl stop $a --fast
unlike "$(nft list table inet vz_nat)" "CT $a" "its elements are gone"
like "$(nft list table inet vz_nat)" "CT $b" "the other's are there"
kill -9 "$(init_pid $b)"
ok "the other one crashes: the table goes with the last" until_ok 5 sh -c '! nft list table inet vz_nat'
until_ok 5 test ! -e "$VZ_RUNDIR/$b"
rm -f "$node/reboot/$b"
leak_is "$stopped" "nothing is left"

# Killed in between: the next command cleans up.
for s in net.nat net.nat:after init.exec; do
	VZ_KILL_STEP=$s run vzctl start $a
	is $rc 137 "start dies at $s"
	quiet "repair" vzctl repair $a
	leak_is "$stopped" "leaves nothing"
	VZ_FAIL_STEP=$s run vzctl start $a
	leak_is "$stopped" "start fails at $s: nothing is left"
done
for s in clean clean:after; do
	vzctl --quiet start $a >/dev/null
	VZ_KILL_STEP=$s run vzctl stop $a --fast
	run vzctl stop $a --fast
	run vzctl repair $a
	leak_is "$stopped" "stop dies at $s: nothing is left"
done
# All at once: each transaction sees the others' or starts over.
for i in 1 2 3 4; do
	vzctl --quiet create $((c + 10 + i)) --ostemplate minimal --ipadd auto --portfwd $((8200 + i)):80 >/dev/null
done
all_at_once()	# all_at_once VERB [OPTION]
{
	local i pids=()
	for i in 1 2 3 4; do
		vzctl --quiet "$1" $((c + 10 + i)) "${@:2}" >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
}
all_at_once start
is "$(nft list map inet vz_nat any4 | grep -o '820[1-4] ' | wc -l)" 4 "four starts at once: all forwards"
all_at_once stop --fast
ok "four stops at once: the table is gone" until_ok 1 sh -c '! nft list table inet vz_nat'
for i in 1 2 3 4; do vzctl --quiet destroy $((c + 10 + i)); done
for i in $a $b $c; do vzctl --quiet destroy $i; done
rm "$node/etc/conf/ve-nat.conf-sample"
leak_is "$nothing" "destroyed: nothing is left"
done_testing
