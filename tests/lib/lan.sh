# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A network for the tests of guards: bridge br0, which the caller has made, a station on
# it, and who watches what arrives.  After tap.sh; $frames is tests/host/frames.

mac_of() { ip -o link show "$1" | sed 's/.*ether \([0-9a-f:]*\) .*/\1/'; }
in_lan() { nsenter -t "$lan" -n "$@"; }

# Device lan0, with MAC $lanmac, in the network namespace of process $lan.
lan_make()
{
	unshare -n sleep 1000 &
	lan=$!
	disown $lan
	defer "kill $lan"
	until_ok 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$lan/ns/net)"
	ip link add brlan type veth peer name lan0 netns "/proc/$lan/ns/net"
	ip link set brlan master br0 up
	ip link set br0 up
	in_lan ip link set lan0 up
	lanmac=$(in_lan ip -o link show lan0 | sed 's/.*ether \([0-9a-f:]*\) .*/\1/')
}

# The addresses that guard-frames.py knows, of br0 and the station.
lan_addrs()
{
	ip addr add 192.0.2.1/24 dev br0
	ip addr add 2001:db8::1/64 dev br0 nodad
	in_lan ip addr add 192.0.2.2/24 dev lan0
	in_lan ip addr add 2001:db8::2/64 dev lan0 nodad
}

watch()	# NAME COMMAND...: `frames log`; everything that is received, in $tap_tmp/log.NAME
{
	local name=$1
	shift
	"$@" >"$tap_tmp/log.$name" 2>&1 &
	watch_pid=$!
	disown $watch_pid
	defer "kill $watch_pid 2>/dev/null"
	until_ok 5 grep -q ready "$tap_tmp/log.$name" || bail "watch $name"
}
