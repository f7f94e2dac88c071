#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# Distribution scripts, run for real: in a chroot of the minimal template with
# busybox sh, and over a copy-on-write view of this host with dash and bash.
# Every script runs twice and the files must come out the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
if [ "${IN_NS:-}" != yes ]; then
	IN_NS=yes exec unshare -m --propagation private bash "$0" "$@"
fi
work=$(mktemp -d /tmp/vz-dist-XXXXXX)
mount -t tmpfs vz-dist-test "$work" || exit 1
trap 'umount -R -l "$work"; rmdir "$work"' EXIT
scripts=templates/dists/scripts
n=0

ok()	# ok STATUS NAME
{
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
	fi
}

run()	# run SCRIPT VAR=VALUE...: in $root with $shell, wrapped as vzctl does
{
	local script=$1
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=linux "$@" chroot "$root" $shell -c \
		"( $(cat $scripts/functions; echo; cat "$scripts/$script.sh")
		) </dev/null || exit \$?" </dev/null
}

snapshot()
{
	(cd "$root/etc" && find . -type f -printf '%p %m %U:%G ' -exec md5sum {} \;) 2>/dev/null | sort
}

twice()	# twice NAME SCRIPT VAR=VALUE...
{
	local name=$1 first r=0
	shift
	run "$@" || r=1
	first=$(snapshot)
	run "$@" || r=1
	[ "$first" = "$(snapshot)" ] || r=1
	ok $r "$name, twice"
}

has()	# has FILE FIXED-LINE...
{
	local f=$root$1 r=0 line
	shift
	for line; do
		grep -qxF -- "$line" "$f" || { echo "# no '$line' in $f"; r=1; }
	done
	[ $r = 0 ] || sed 's/^/# /' "$f"
	ok $r "${f#"$root"} has ${1:-}"
}

hasnt()	# hasnt FILE PATTERN
{
	! grep -q -- "$2" "$root$1"
	ok $? "$1 has no $2"
}

all_tests()
{
	twice "$shell: hostname" set_hostname HOSTNM=ct1.example.com IP_ADDR="10.0.0.7/32 10.0.0.8"
	has /etc/hostname ct1.example.com
	has /etc/hosts $'10.0.0.7\tct1.example.com ct1 # vz-hostname'
	run set_hostname HOSTNM=other IP_ADDR=
	has /etc/hosts $'127.0.1.1\tother # vz-hostname'
	hasnt /etc/hosts ct1.example

	rm -f "$root"/etc/resolv.conf
	ln -s ../run/stub.conf "$root"/etc/resolv.conf
	twice "dns" set_dns NAMESERVER="1.1.1.1 2001:db8::1" SEARCHDOMAIN="a.org b.org"
	has /etc/resolv.conf "search a.org b.org" "nameserver 1.1.1.1" "nameserver 2001:db8::1"
	[ ! -h "$root"/etc/resolv.conf ]
	ok $? "resolv.conf is a file"
	run set_dns SEARCHDOMAIN=c.org
	has /etc/resolv.conf "search c.org" "nameserver 1.1.1.1"
	hasnt /etc/resolv.conf a.org

	run set_userpass 'USERPW=root:s3:cr"e$t'
	grep -q '^root:\$[0-9a-z]*\$' "$root"/etc/shadow
	ok $? "root has a hash"
	run set_userpass 'USERPW=alice:{crypt}$6$abc$def./1'
	grep -q '^alice:\$6\$abc\$def./1:' "$root"/etc/shadow && grep -q '^alice:' "$root"/etc/passwd
	ok $? "a new user with a hash of the caller's"
	run set_userpass 'USERPW=-x:y' 2>/dev/null
	[ $? = 74 ]
	ok $? "bad user name is 74"
	run set_userpass 'USERPW=bob' 2>/dev/null
	[ $? = 74 ]
	ok $? "no password is 74"
}

net_tests()	# net_tests FILE PATTERN-OF-ADDRESS
{
	local f=$1
	twice "$shell: addresses at start" add_ip VE_STATE=starting IP_ADDR="10.0.0.1 2001:db8::5/64"
	grep -q 'default.*169\.254\.1\.1\|=169\.254\.1\.1\|"169\.254\.1\.1"' "$root$f" "$root"/etc/sysconfig/network-scripts/route-* 2>/dev/null
	ok $? "it names the gateway"
	has "$f" "# vz-addr 10.0.0.1/32" "# vz-addr 2001:db8::5/64"
	twice "one more" add_ip VE_STATE=running IP_ADDR=10.0.0.2/24
	has "$f" "# vz-addr 10.0.0.1/32" "# vz-addr 10.0.0.2/24"
	run add_ip VE_STATE=running IP_ADDR=10.0.0.2
	has "$f" "# vz-addr 10.0.0.2/32"
	hasnt "$f" "10.0.0.2/24"
	twice "one less" del_ip VE_STATE=running IP_ADDR=10.0.0.1
	hasnt "$f" "10\.0\.0\.1/32"
	has "$f" "# vz-addr 10.0.0.2/32"
	run add_ip VE_STATE=running IPDELALL=yes IP_ADDR=10.9.9.9
	hasnt "$f" "10.0.0.2"
	has "$f" "# vz-addr 10.9.9.9/32"
	twice "none left" del_ip IPDELALL=yes
	[ ! -e "$root$f" ] || ! grep -q vz "$root$f"
	ok $? "$f is clean again"
}

dev_null()
{
	rm -f "$root"/dev/null
	mknod -m 666 "$root"/dev/null c 1 3
}

fresh_minimal()
{
	root=$work/minimal
	rm -rf --one-file-system "$root"
	mkdir -m 755 "$root"
	ROOT=$root RECIPES=$PWD/templates/recipes sh templates/recipes/minimal && dev_null
}

shell=/bin/sh
fresh_minimal || { echo "1..0 # SKIP no static busybox"; exit 0; }
all_tests
cp "$root"/etc/network/interfaces "$work"/interfaces.orig
net_tests /etc/network/interfaces.d/venet0
sed -i '/^source/d' "$root"/etc/network/interfaces
cp "$root"/etc/network/interfaces "$work"/interfaces.orig
net_tests /etc/network/interfaces
[ "$(cat "$root"/etc/network/interfaces)" = "$(cat "$work"/interfaces.orig)" ]
ok $? "interfaces is what it was"
rm "$root"/etc/network/interfaces
mkdir -p "$root"/etc/systemd/network
net_tests /etc/systemd/network/10-vz-venet0.network
mkdir -p "$root"/etc/sysconfig/network-scripts
net_tests /etc/sysconfig/network-scripts/ifcfg-venet0
[ ! -e "$root"/etc/sysconfig/network-scripts/route-venet0 ]
ok $? "no route file left"
mkdir -p "$root"/etc/NetworkManager/system-connections
ln -s busybox "$root"/bin/NetworkManager
net_tests /etc/NetworkManager/system-connections/vz-venet0.nmconnection
mkdir "$root"/etc/netplan
ln -s busybox "$root"/bin/netplan
net_tests /etc/netplan/60-vz-venet0.yaml

# Consoles: sysvinit's form, then busybox's.
printf 'id:2:initdefault:\n1:2345:respawn:/sbin/getty 38400 tty1\n2:23:respawn:/sbin/getty 38400 tty2\n' \
	> "$root"/etc/inittab
touch "$root"/dev/tty2
twice "console of sysvinit" set_console
has /etc/inittab '#vz# 1:2345:respawn:/sbin/getty 38400 tty1' '2:23:respawn:/sbin/getty 38400 tty2' \
	'vz:2345:respawn:/sbin/getty 38400 console'
printf '::sysinit:/sbin/openrc\ntty1::respawn:/sbin/getty 38400 tty1\n' > "$root"/etc/inittab
twice "console of Alpine" set_console
has /etc/inittab '#vz# tty1::respawn:/sbin/getty 38400 tty1' 'console::respawn:/sbin/getty 38400 console'
echo 0123 > "$root"/etc/machine-id
twice "post-create" post_create
[ ! -s "$root"/etc/machine-id ]
ok $? "machine-id is empty"

# A full disk is 46 and leaves the old file.
mkdir "$work"/full
root=$work/full
mount -t tmpfs -o size=3m vz-full "$root"
cp -a "$work"/minimal/bin "$root"/
mkdir "$root"/etc "$root"/dev
dev_null
echo old > "$root"/etc/hostname
dd if=/dev/zero of="$root"/fill bs=64k >/dev/null 2>&1
run set_hostname HOSTNM=new 2>/dev/null
[ $? = 46 ] && [ "$(cat "$root"/etc/hostname)" = old ]
ok $? "full disk is 46, the old file stays"

# The shells and tools of a grown-up distribution.
mkdir "$work"/upper "$work"/work "$work"/host
if mount -t overlay vz-host -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" "$work"/host; then
	root=$work/host
	dev_null
	mkdir -p "$root"/etc/network/interfaces.d
	rm -rf "$root"/etc/netplan "$root"/etc/NetworkManager "$root"/etc/sysconfig
	printf 'source /etc/network/interfaces.d/*\n' > "$root"/etc/network/interfaces
	for shell in /bin/dash /bin/bash; do
		[ -x $shell ] || continue
		all_tests
		net_tests /etc/network/interfaces.d/venet0
	done
fi
echo "1..$n"
