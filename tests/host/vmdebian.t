#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A Debian container of the template that the demo has becomes a virtual machine: it boots with
# systemd, has its address, serves a page to the node, is snapshotted, taken back, and is a
# container again.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154,SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/templates.sh"
t=debian-12-x86_64
template $t
. "$lib/vmguest.sh"
. "$lib/tap.sh"
. "$lib/leak.sh"
[ -z "${VZ_VM:-}" ] || skip_all "emulates a machine: too slow in a guest"
have_template $t || skip_all "$t was not built: ${VZ_TMPL_WHY:-?}"
for p in qemu-system-x86_64 cpio gzip e2fsck; do
	command -v $p >/dev/null || skip_all "needs $p"
done
dir=$("$top/tests/vm/kernel" 6.12 2>/dev/null) || skip_all "no kernel for a guest"
node_make
export VZ_VMMDIR=$node/vmm
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link add br0 type bridge || skip_all "no bridges in this kernel"
ip addr add 192.0.2.1/24 dev br0
ip link set br0 addrgenmode none
ip link set br0 up
run "$top/vzctl/boot/vzvmboot" "$dir/image" "$dir"/modules/*/ "$node/boot"
is $rc 0 "vzvmboot" || bail "$err"
echo "VM_BOOT=\"$node/boot\"" >>"$node/etc/vz.conf"
before=$(leak_snapshot)

run vzctl create $ct --ostemplate $t --layout image --diskspace 1G:1G --ipadd 198.51.100.7 --hostname deb.example --ram 512M --swap 0
is $rc 0 "create a container of $t" || bail "$err"
run vzctl start $ct --wait
is $rc 0 "start it" || bail "$err"
vzctl exec2 $ct 'cat >/usr/local/sbin/page; chmod 755 /usr/local/sbin/page' <<'P'
#!/usr/bin/perl
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die;
my $n = 0;
while (my $c = $s->accept) {
	my $line = <$c>;
	while (defined(my $h = <$c>)) { last if $h =~ /^\r?$/; }
	$n++;
	open(my $f, '<', '/srv/page'); my $text = join('', <$f>); close($f);
	print $c "HTTP/1.0 200 OK\r\n\r\n$text request $n\n";
	close $c;
}
P
vzctl exec2 $ct 'cat >/etc/systemd/system/page.service; echo of-the-container >/srv/page; systemctl daemon-reload; systemctl enable --now page.service' <<'P' >/dev/null 2>&1
[Service]
ExecStart=/usr/local/sbin/page
Restart=always
[Install]
WantedBy=multi-user.target
P
page() { timeout 20 busybox wget -qO - http://198.51.100.7/ 2>&1 | tr '\n' ' '; }
until_ok 20 eval 'page | grep -q of-the'
like "$(page)" 'of-the-container +request' "the container serves a page"
run vzctl stop $ct
is $rc 0 "stop"

run vzctl convert $ct --kind vm
is $rc 0 "convert --kind vm" || bail "$err"
run vzctl set $ct --accel tcg --save
t0=$SECONDS
run vzctl start $ct
is "$rc $err" "0 " "the machine starts" || bail "$err"
ok "it has its address" until_ok 240 busybox ping -c 1 -W 1 198.51.100.7
ok "it serves the page" until_ok 240 eval 'page | grep -q of-the-container' || diag "$(vm_console $ct | tail -n 30)"
diag "page after $((SECONDS - t0)) seconds, emulated"
until_ok 120 vm_says $ct 'login:'
like "$(vm_console $ct)" 'deb login:' "its console asks for a login, with its name"

n=$(page | tr -dc 0-9)
run vzctl snapshot $ct --name served
is $rc 0 "a snapshot with memory" || diag "$err"
ok "... the page is still served" until_ok 20 eval 'page | grep -q of-the-container'
page >/dev/null
page >/dev/null
id=$(vzctl snapshot-list $ct -H -o uuid | xargs)
run_timeout=180 run vzctl snapshot-switch $ct --id "$id"
is $rc 0 "back to it" || diag "$err"
ok "... the page is served, without a boot" until_ok 30 eval 'page | grep -q of-the'
got=$(page | tr -dc 0-9)
ok "... the server counts from where it was: $got after $n" [ "$got" -le $((n + 3)) ]
run_timeout=200 run vzctl stop $ct
is $rc 0 "stop"
like "$(vm_console $ct)" 'Power down|reboot: Power' "... systemd ended it"
vzctl snapshot-delete $ct --id "$id" >/dev/null

run vzctl convert $ct --kind ct
is $rc 0 "convert --kind ct" || diag "$err"
run vzctl start $ct
is $rc 0 "the container starts" || diag "$err"
ok "... and serves the page" until_ok 60 eval 'page | grep -q of-the-container'
vzctl stop $ct --fast >/dev/null
vzctl destroy $ct >/dev/null
leak_settle
leak_is "$before" "nothing is left"
done_testing
