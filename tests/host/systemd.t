#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node as it is in the field: Debian 12 with systemd and cgroup v2 only, vz as
# `make install` puts it there, containers that vz.service starts and stops.
# shellcheck disable=SC2016
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/templates.sh"
top=$(cd "$lib/../.." && pwd)
build=${VZ_BUILD:-$top/build/debug}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

[ -z "${VZ_VM:-}" ] || skip_all "is a guest already"
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ "$(uname -m)" = x86_64 ] || skip_all "needs x86_64"
for p in qemu-system-x86_64 mke2fs depmod cpio zstd busybox; do
	command -v "$p" >/dev/null || skip_all "needs $p"
done
template debian-12-x86_64
have_template debian-12-x86_64 || skip_all "debian-12-x86_64 was not built: ${VZ_TMPL_WHY:-?}"
template minimal
kernel=$("$top/tests/vm/kernel" 6.12 2>&1) || skip_all "${kernel##*$'\n'}"

tmp=$(mktemp -d /var/tmp/vzsd-XXXXXX)
guest=''
# shellcheck disable=SC2317
cleanup()
{
	[ -z "$guest" ] || kill "$guest" 2>/dev/null
	rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT

# ---- the disk ------------------------------------------------------------------

t=$tmp/t
mkdir "$t"
zstd -dc "$tmpl_dir/cache/debian-12-x86_64.tar.zst" | tar -x -C "$t" --numeric-owner
make -s -C "$top" --no-print-directory O="$build" MODE=debug install DESTDIR="$t" >/dev/null || skip_all "make install failed"
mkdir -p "$t/usr/lib/modules" "$t/var/lib/vz/template/cache" "$t/etc/systemd/system/multi-user.target.wants"
cp -a "$kernel"/modules/* "$t/usr/lib/modules/"
cp "$tmpl_dir"/cache/minimal.tar.zst* "$t/var/lib/vz/template/cache/"
# What apt would install with it: this host is, or is near, Debian 12.
ldd "$build"/bin/vz* 2>/dev/null | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u | while read -r f; do
	[ -e "$t/usr/lib/x86_64-linux-gnu/${f##*/}" ] || cp -L "$f" "$t/usr/lib/x86_64-linux-gnu/"
done
echo node >"$t/etc/hostname"
printf '/dev/vda / ext4 defaults,prjquota 0 0\n' >"$t/etc/fstab"
ln -s /usr/lib/systemd/system/vz.service "$t/etc/systemd/system/multi-user.target.wants/"
for f in serial-getty@ttyS0 kmod-static-nodes; do
	ln -s /dev/null "$t/etc/systemd/system/$f.service"
done
cat >"$t/etc/systemd/system/vztest.service" <<'X'
[Unit]
After=multi-user.target vz.service
[Service]
Type=oneshot
ExecStart=/bin/bash /vztest
StandardOutput=tty
StandardError=journal
TTYPath=/dev/ttyS0
X
cat >"$t/etc/systemd/system/vztest.timer" <<'X'
[Timer]
OnBootSec=1
[Install]
WantedBy=timers.target
X
mkdir -p "$t/etc/systemd/system/timers.target.wants"
ln -s ../vztest.timer "$t/etc/systemd/system/timers.target.wants/"
cat >"$t/vztest" <<'X'
n=0
is() { n=$((n + 1)); if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3"; printf '# got: %s\n# wanted: %s\n' "$1" "$2"; fi; }
first=1; [ -e /second ] && first=
c=/sys/fs/cgroup/vz.slice/vz-101.scope
while [ "$(systemctl is-active multi-user.target)" != active ]; do sleep 1; done
if [ $first ]; then
	is "$(stat -fc %T /sys/fs/cgroup)" cgroup2fs "one cgroup v2 hierarchy"
	out=$(vzctl create 101 --ostemplate minimal --ram 64M --swap 0 --cpuunits 2000 --numproc 77 --onboot yes --diskspace 50M 2>&1); is $? 0 "create: $(echo $out | tail -c 80)"
	out=$(vzctl start 101 2>&1); is $? 0 "start: $(echo $out | tail -c 120)"
	case $out in *WARNING*) is "$out" "" "nothing is not enforced" ;; *) is "" "" "nothing is not enforced" ;; esac
else
	is "$(vzctl status 101)" "CTID 101 exist mounted running" "vz.service started it"
fi
is "$(cat $c/memory.max $c/cpu.weight $c/pids.max | xargs)" "67108864 200 77" "its limits"
systemctl daemon-reload; systemctl restart cron; systemd-run -q --wait -p MemoryMax=100M /bin/true
systemctl daemon-reload; sleep 2
is "$(cat $c/memory.max $c/cpu.weight $c/pids.max | xargs)" "67108864 200 77" "and systemd leaves them"
is "$(vzctl status 101)" "CTID 101 exist mounted running" "it runs on"
vzctl exec2 101 'dd if=/dev/zero of=/dev/null bs=80M count=1' >/dev/null 2>&1; is $? 137 "memory is limited"
is "$(vzctl exec 101 'df -k / | tail -1' | awk '{print $2}')" 51200 "disk space is limited"
is "$(systemctl is-active vz.service)" active "vz.service"
is "$(systemctl show -p ControlGroup --value vz.service; cat /proc/$(sed -n 's/^mon=\([0-9]*\) .*/\1/p' /run/vz/101/state)/cgroup | grep -c vz.service)" "$(systemctl show -p ControlGroup --value vz.service)
0" "no monitor lives in vz.service's group"
if [ $first ]; then
	: >/second
	sync; systemctl reboot
else
	out=$(systemctl stop vz.service 2>&1); is $? 0 "systemctl stop vz: $out"
	is "$(vzctl status 101)" "CTID 101 exist unmounted down" "stops it"
	is "$(ls -d $c 2>/dev/null)" "" "and leaves nothing"
	is "$(systemctl --failed --no-legend | grep -v vztest)" "" "no unit failed"
	echo "1..$n"; echo "THE END"; sync; systemctl poweroff
fi
X
mke2fs -q -t ext4 -O quota,project -E quotatype=prjquota,root_owner=0:0,lazy_itable_init=1,lazy_journal_init=1 \
	-d "$t" "$tmp/img" 2500M >/dev/null || skip_all mke2fs
rm -rf --one-file-system "$t"

# ---- the first steps ----------------------------------------------------------------

i=$tmp/i
mkdir -p "$i"/{bin,mod,root,dev,proc}
cp "$(command -v busybox)" "$i/bin/busybox"
mkdir -p "$tmp/b/lib"
ln -s "$kernel/modules" "$tmp/b/lib/modules"
m=10
for f in $(for k in virtio_pci virtio_blk ext4 quota_v2; do
	modprobe -d "$tmp/b" -S "$(ls "$kernel/modules")" --show-depends $k 2>/dev/null
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'); do
	cp "$f" "$i/mod/$m-${f##*/}"
	m=$((m + 1))
done
cat >"$i/init" <<'X'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for m in /mod/*; do /bin/busybox insmod $m; done
n=0; while [ ! -b /dev/vda ] && [ $n -lt 100 ]; do /bin/busybox usleep 100000; n=$((n + 1)); done
/bin/busybox mount -t ext4 -o prjquota /dev/vda /root
echo "first steps done" >/dev/ttyS0
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
X
chmod +x "$i/init"
(cd "$i" && find . | cpio --quiet -o -H newc) >"$tmp/initramfs"

boot()	# LOG
{
	local try
	for try in 1 2 3; do
		timeout -k 5 280 qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max,-cx16 -smp 2 -m 1024 \
			-nodefaults -display none -no-reboot -kernel "$kernel/image" -initrd "$tmp/initramfs" \
			-append "console=ttyS0 quiet panic=-1 systemd.show_status=0" \
			-drive file="$tmp/img",format=raw,if=none,id=d0,cache=unsafe -device virtio-blk-pci,drive=d0 \
			-serial "file:$1" </dev/null >"$tmp/qemu" 2>&1 &
		guest=$!
		wait $guest
		guest=''
		# Before anything of ours ran it is the emulator that died: seen once in a hundred.
		! grep -q 'first steps done' "$1" || return 0
		echo "# boot $try ended before its first steps: $(tail -n 3 "$tmp/qemu" "$1" | tr -c '[:print:]' ' ')" >&2
	done
}

boot "$tmp/1"
boot "$tmp/2"
tr -d '\r' <"$tmp/1" >"$tmp/all"
tr -d '\r' <"$tmp/2" >>"$tmp/all"
grep -E '^(not )?ok [0-9]|^# ' "$tmp/all" | awk '/^(not )?ok/ {n++; sub(/ok [0-9]+/, "ok " n)} {print} END {print "1.." n}'
if ! grep -q '^THE END' "$tmp/2" || grep -q '^not ok' "$tmp/all"; then
	echo "not ok - the node lived to its end"
	tail -n 40 "$tmp/1" "$tmp/2" "$tmp/qemu" | sed 's/^/# /' >&2
	exit 1
fi
