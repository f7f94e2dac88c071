#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The two guards decide alike: the same thousands of malformed frames, made of the
# attacks of guard.t, are sent with each of them; the same arrive.  VZT_SEED=N: others,
# VZT_COUNT=N: as many at each of three interfaces.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2154
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/lan.sh"
frames=${VZ_BUILD:-$top/build/debug}/tests/host/frames
[ -x "$frames" ] || skip_all "$frames is missing: make MODE=debug tests"
ip link add br0 type bridge 2>/dev/null || skip_all "no bridges in this kernel"
nft list ruleset >/dev/null 2>&1 || skip_all "no nf_tables in this kernel, or no nft"
IFS=.- read -ra v <<<"$(uname -r)"
[ $((v[0] * 100 + v[1])) -ge 606 ] || skip_all "Linux $(uname -r) has no tcx"
# How many broadcasts come too often depends on the time.
node_make 'NET_GUARD_BCAST="0"' 'NET_FILTER="nft"'
ct=$((21000 + $$ % 400 * 2))
seed=${VZT_SEED:-$((EPOCHSECONDS % 100000))}

lan_make
# It knows nobody: what is sent to whomever goes to all.
ip link set br0 type bridge ageing_time 0
own=02:18:51:00:00:01 pin=02:18:51:00:00:02 other=02:18:51:00:00:03
ven4=198.51.100.11 ven6=2001:db8:5::11 pin4=192.0.2.21 pin6=2001:db8::21
vzctl --quiet create "$ct" --ostemplate minimal >/dev/null &&
	vzctl --quiet set "$ct" --ipadd $ven4 --ipadd $ven6 --netif_add "eth0,$own,,,br0" \
		--netif_add "eth1,mac=$pin,bridge=br0,ipaddr=$pin4/24,ipaddr=$pin6/64" --save >/dev/null || bail create

attacks() { "$top/tests/host/guard-frames.py" own=$own pin=$pin other=$other "bridge=$(mac_of br0)" "lan=$lanmac" \
	"venet=$(mac_of "venet0.$ct")" pin4=$pin4 pin6=$pin6 ven4=$ven4 ven6=$ven6 peer4=198.51.100.12 peer6=2001:db8:5::12; }

try()	# FILTER
{
	sed -i "s/^NET_FILTER=.*/NET_FILTER=\"$1\"/" "$node/etc/vz.conf"
	vzctl --quiet start "$ct" >/dev/null || bail "start"
	like "$(vznet "$ct")" "guard $([ "$1" = nft ] && echo table || echo bpf)" "$1 guards"
	vzctl exec2 "$ct" 'cat >/frames; chmod 755 /frames; ip link set eth0 up; ip link set eth1 up' <"$frames" || bail exec
	[ -s "$tap_tmp/mutants" ] || attacks | "$top/tests/host/guard-mutate.py" "$seed" "${VZT_COUNT:-600}" >"$tap_tmp/mutants"
	watch "$1" nsenter -t "$lan" -n "$frames" log lan0
	vzctl exec2 "$ct" /frames serve <"$tap_tmp/mutants" >"$tap_tmp/sent.$1" 2>&1
	sleep 1
	kill "$watch_pid"
	grep -oE '767a73(3[0-9]){6}' "$tap_tmp/log.$1" | sort -u >"$tap_tmp/seen.$1"
	vznet "$ct" | grep drop_ >"$tap_tmp/drops.$1"
	# Linux 7 tells nf_tables no protocol behind a header that does not end.
	if [ "${v[0]}" -ge 7 ]; then
		awk '/_(nd|proto) / {n += $2; next} 1; END {print n}' "$tap_tmp/drops.$1" >"$tap_tmp/d"
		mv "$tap_tmp/d" "$tap_tmp/drops.$1"
	fi
	vzctl --quiet stop "$ct" --fast >/dev/null
}
try nft
try bpf
is "$(sort "$tap_tmp/sent.bpf" | uniq -c)" "$(sort "$tap_tmp/sent.nft" | uniq -c)" "the same were sent"
n=$(wc -l <"$tap_tmp/seen.nft")
ok "of $(wc -l <"$tap_tmp/mutants") frames, $n pass (seed $seed)" test "$n" -ge 60
diff "$tap_tmp/seen.nft" "$tap_tmp/seen.bpf" >"$tap_tmp/diff"
while read -r side mark; do
	[ "$side" = '<' ] && diag "nf_tables only: $(grep "$mark" "$tap_tmp/mutants")"
	[ "$side" = '>' ] && diag "BPF only: $(grep "$mark" "$tap_tmp/mutants")"
done <"$tap_tmp/diff"
is "$(grep -c '^[<>]' "$tap_tmp/diff")" 0 "the same frames with both"
is "$(cat "$tap_tmp/drops.bpf")" "$(cat "$tap_tmp/drops.nft")" "and as many dropped for each reason, on venet0, too"
vzctl --quiet destroy "$ct" >/dev/null
done_testing
