# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A guest for the tests of virtual machines: Debian's cloud kernel, a few of its
# modules, busybox.  Sourced before tap.sh, which leaves the network: the kernel is
# downloaded once.  guest_make, after node_make, sets guest_kernel and guest_initrd.
#
# The guest prints "GUEST UP" on its serial console and gives a shell there.  Files in
# guest_extra are added to it; /start is read before.
guest_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ -z "${VZ_TEST_NS:-}" ] && [ "$(id -u)" = 0 ]; then
	"$guest_top/tests/vm/kernel" 6.12 >/dev/null 2>&1 </dev/null || :
fi

guest_modules="button evdev failover net_failover virtio_net virtio_blk virtio_balloon pvpanic pvpanic-mmio"

# The guest agent itself, started by the guest; after node_make, before guest_make.  1 as there.
guest_agent()
{
	local ga f
	ga=$(command -v qemu-ga || ls /usr/sbin/qemu-ga 2>/dev/null) || { guest_why="needs qemu-guest-agent"; return 1; }
	guest_extra=$tap_tmp/extra
	mkdir -p "$guest_extra"/{sbin,mnt,run,var,usr/sbin,etc,tmp}
	ln -s ../run "$guest_extra/var/run"
	cp "$ga" "$guest_extra/usr/sbin/qemu-ga"
	ldd "$ga" | grep -o '/[^ ]*' | while read -r f; do
		mkdir -p "$guest_extra${f%/*}"
		cp -L "$f" "$guest_extra$f"
	done
	echo 'root:x:0:0:root:/:/bin/sh' >"$guest_extra/etc/passwd"
	echo 'root:*:1::::::' >"$guest_extra/etc/shadow"
	printf '#!/bin/sh\necho "SHUTDOWN $*" >/dev/console\nsync\npoweroff -f\n' >"$guest_extra/sbin/shutdown"
	cat >"$guest_extra/start" <<-'X'
		export PATH=/bin:/usr/sbin:/sbin
		for p in /sys/class/virtio-ports/*; do
			grep -q org.qemu.guest_agent.0 $p/name 2>/dev/null && port=/dev/${p##*/}
		done
		case $(cat /proc/cmdline) in
		*noagent*) ;;
		*) qemu-ga -d -m virtio-serial -p $port -t /tmp 2>/dev/console || /usr/sbin/qemu-ga -d -p $port 2>/dev/console ;;
		esac
	X
	chmod 755 "$guest_extra/start" "$guest_extra/sbin/shutdown"
	guest_modules+=" virtio_console"
}

# 1 and guest_why when it cannot be made here.
guest_make()
{
	local dir m f n=10 t=$tap_tmp/guest
	for m in qemu-system-x86_64 cpio xz zstd apt-get busybox; do
		command -v $m >/dev/null || { guest_why="needs $m"; return 1; }
	done
	if ! dir=$("$top/tests/vm/kernel" 6.12 2>"$tap_tmp/kernel.err"); then
		guest_why=$(tail -n 1 "$tap_tmp/kernel.err")
		return 1
	fi
	guest_kernel=$dir/image guest_initrd=$tap_tmp/guest.cpio
	mkdir -p "$t"/{bin,dev,proc,sys,mod,etc/acpi/PWRF}
	cp "$(command -v busybox)" "$t/bin/busybox"
	for m in $guest_modules; do
		f=$(find "$dir/modules" -name "$m.ko*" | head -n 1)
		[ -n "$f" ] || continue
		cp "$f" "$t/mod/$n-${f##*/}"
		n=$((n + 1))
	done
	find "$t/mod" -name '*.xz' -exec xz -d {} + -o -name '*.zst' -exec zstd -qd --rm {} +
	cat >"$t/init" <<-'X'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		export PATH=/bin HOME=/ PS1='guest# '
		mount -t proc proc /proc
		mount -t sysfs sys /sys
		mount -t devtmpfs dev /dev
		mkdir -p /dev/pts
		for m in /mod/*.ko; do insmod $m 2>/dev/null; done
		grep -q noacpi /proc/cmdline || acpid -c /etc/acpi -l /dev/null
		[ ! -x /start ] || . /start
		echo "GUEST UP $(uname -r)"
		while :; do setsid cttyhack sh; done
	X
	printf '#!/bin/sh\nsync\npoweroff -f\n' >"$t/etc/acpi/PWRF/00000080"
	[ -z "${guest_extra:-}" ] || cp -a "$guest_extra/." "$t/"
	chmod 755 "$t/init" "$t/etc/acpi/PWRF/00000080"
	(cd "$t" && find . | cpio --quiet -o -H newc) >"$guest_initrd"
	# What every test's create has.
	vm_args=(--kind vm --kernel "$guest_kernel" --initrd "$guest_initrd" --accel tcg --ram 192M
		--cmdline "console=ttyS0 quiet panic=-1")
}

vm_console()
{
	tr -d '\0\r' <"$node/log/$1.console" 2>/dev/null
}

vm_says()	# vm_says CTID REGEX
{
	vm_console "$1" | grep -Eq "$2"
}

vm_pid()
{
	vzlist -Ho pid "$1" | tr -d ' '
}
