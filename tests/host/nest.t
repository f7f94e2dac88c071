#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Containers in a container: podman, systemd-nspawn; sandboxed units.
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/templates.sh"
t=debian-12-nest-x86_64
if ! have_template $t; then
	rec=$(mktemp -d)
	cp "$tmpl_top/templates/recipes/debian.sh" "$tmpl_top/tests/host/recipes/$t" "$rec"
	template $t "$rec"
	rm -r "$rec"
fi
have_template $t || { echo "1..0 # SKIP $t was not built: ${VZ_TMPL_WHY:-?}"; exit 0; }
template minimal
. "$lib/tap.sh"
node_make
node_has_other

run vzctl create $ct --ostemplate $t
is $rc 0 create
run vzctl start $ct --wait
is $rc 0 start
zstd -dc "$tmpl_dir/cache/minimal.tar.zst" | vzctl exec $ct 'cat >/var/tmp/bb.tar'
# The node may have no v2 pids controller, which podman's default limit wants.
# nspawn takes a root without systemd for one that needs cgroup v1.
# useradd's default subordinate ids lie beyond the container's 65536.
run vzctl exec $ct 'mkdir -p /etc/containers /var/lib/machines/bb
printf "[containers]\npids_limit=0\n" >/etc/containers/containers.conf
tar -xf /var/tmp/bb.tar -C /var/lib/machines/bb; chmod 644 /var/tmp/bb.tar; useradd -m u
echo u:20000:20000 | tee /etc/subuid >/etc/subgid; loginctl enable-linger u
until [ -d /run/user/$(id -u u) ]; do sleep 0.1; done
podman import -q /var/tmp/bb.tar local/bb'
is $rc 0 "podman import"

has()	# NAME COMMAND: prints "works"
{
	run vzctl exec $ct "$2"
	is "$out" works "$1"
}
user='runuser -u u -- env -C /home/u HOME=/home/u XDG_RUNTIME_DIR=/run/user/$(id -u u)'
nspawn='SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q --pipe -D /var/lib/machines/bb'
has "podman, no network" 'podman run --rm --network=none local/bb /bin/echo works'
has "podman, network of the container" 'podman run --rm --network=host local/bb /bin/echo works'
has "rootless podman" "$user podman import -q /var/tmp/bb.tar local/bb >/dev/null &&
	$user podman run --rm --network=none local/bb /bin/echo works"
has systemd-nspawn "$nspawn /bin/echo works"
has "systemd-nspawn --private-network" "$nspawn --private-network /bin/echo works"
has "systemd-nspawn --boot" "($nspawn --boot </dev/null >/dev/null 2>&1 &)
	for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.3
	machinectl --no-legend list | grep -q '^bb ' && echo works && break; done
	machinectl terminate bb"

for p in PrivateTmp=yes ProtectSystem=strict DynamicUser=yes PrivateUsers=yes ProtectHostname=yes \
	PrivateNetwork=yes ProtectProc=invisible ProtectKernelTunables=yes ProtectControlGroups=yes \
	PrivateDevices=yes PrivateIPC=yes RestrictNamespaces=yes SystemCallFilter=@system-service \
	ProtectHome=yes ProtectClock=yes ProtectKernelLogs=yes MemoryDenyWriteExecute=yes; do
	run vzctl exec $ct systemd-run -q --wait --pipe -p $p /bin/true
	is $rc 0 "unit with $p"
done
# An image as podman writes it becomes a template of this node.
run vzctl exec $ct 'podman save -q --format oci-dir -o /var/tmp/oci local/bb && chmod -R a+rX /var/tmp/oci'
is $rc 0 "podman save"
vzctl exec $ct 'tar -C /var/tmp/oci -c .' </dev/null >"$tap_tmp/oci.tar"
mkdir "$tap_tmp/oci" && tar -C "$tap_tmp/oci" -xf "$tap_tmp/oci.tar"
run vztmpl --template-dir "$node/oci" import "$tap_tmp/oci" podman-bb
is $rc 0 "vztmpl import of podman's image"
run sh -c "zstd -dc '$node/oci/cache/podman-bb.tar.zst' | tar -tv | awk '\$NF ~ /bin.busybox\$/ {print \$1, \$2}'"
like "$out" '^-rwxr-xr-x 0/0|^-rwxr-xr-x root/root' "with what was in it"
run vzctl stop $ct
is $rc 0 stop
done_testing
