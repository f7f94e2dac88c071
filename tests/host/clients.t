#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real clients of vzctl 4.x, unchanged: Pacemaker's ManageVE and libvirt's openvz driver.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
shim=${VZ_BUILD:-$top/build/debug}/tests/host/clients-shim.so
ocf=/usr/lib/ocf
agent=$ocf/resource.d/heartbeat/ManageVE
node_make

# They know these paths; in this mount namespace our build is what is there.
layer()	# DIR
{
	local w=$node/layer$1
	mkdir -p "$w/upper" "$w/work"
	mount -t overlay overlay -o "lowerdir=$1,upperdir=$w/upper,workdir=$w/work" "$1" || bail "overlay on $1"
	defer "umount -l $1"
}
# Overlays do not stack on one whose upper layer is inside: a tmpfs holds the layers.
mkdir "$node/layer"
mount -t tmpfs tmpfs "$node/layer" || bail tmpfs
defer "umount -l $node/layer"
layer /usr/sbin
layer /etc
cp "$bin"/{vzctl,vzlist} /usr/sbin/
rm -rf /etc/vz
ln -s "$node/etc" /etc/vz

# ---- Pacemaker ------------------------------------------------------------------

agent()	# ACTION
{
	run env OCF_ROOT=$ocf OCF_RESKEY_veid="$ct" OCF_RESOURCE_INSTANCE=ve OCF_RESKEY_OCF_CHECK_LEVEL=0 \
		HA_LOGFILE=/dev/null HA_DEBUGLOG=/dev/null "$agent" "$1"
}

if [ -x $agent ]; then
	agent monitor
	is $rc 7 "ManageVE monitor: a container that is none is not running"
	vzctl --quiet create "$ct" --ostemplate minimal >/dev/null
	agent monitor
	is $rc 7 "monitor: created, not running"
	agent start
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "0 running" "start"
	agent start
	is $rc 0 "start again"
	agent monitor
	is $rc 0 "monitor: running"
	agent validate-all
	is $rc 0 "validate-all"
	agent migrate_to
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "1 running" \
		"migrate_to fails while chkpnt is not supported, and the container runs on"
	agent stop
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "0 down" "stop"
	agent stop
	is $rc 0 "stop again"
	run vzctl --quiet destroy "$ct"
else
	skip 9 "no $agent (Debian: resource-agents)"
fi

# ---- libvirt ----------------------------------------------------------------------

v()
{
	run env HOME="$tap_tmp" LD_PRELOAD="$shim" virsh -q -c openvz:///system "$@"
}

# No <filesystem type='template'>: libvirt 9.0 passes freed memory for its name; DEF_OSTEMPLATE it is.
domain()	# DEVICES
{
	cat >"$tap_tmp/dom.xml" <<-X
		<domain type='openvz'>
		  <name>$ct</name>
		  <memory unit='KiB'>262144</memory>
		  <vcpu>1</vcpu>
		  <os><type>exe</type><init>/sbin/init</init></os>
		  <devices>
		    $1
		  </devices>
		</domain>
	X
}

if command -v virsh >/dev/null; then
	v version
	is $rc 0 "virsh version"
	v list --all
	is "$rc$out" 0 "no container, no domain"
	domain "<interface type='ethernet'><mac address='00:18:51:01:02:03'/><ip address='10.9.8.7'/></interface>"
	v define "$tap_tmp/dom.xml"
	is $rc 0 "define creates the container" || diag "$err"
	like "$(cat "$(conf_of "$ct")")" 'IP_ADDRESS="10.9.8.7"' "its address is in the config"
	like "$(vzlist -aHo ctid,ostemplate,status "$ct" | xargs)" "$ct minimal stopped" "vzlist has it"
	v list --all
	like "$out" "$ct +shut off" "virsh lists it, too"
	v dumpxml "$ct"
	like "$out" "<ip address='10.9.8.7'" "dumpxml reads the config"
	v start "$ct"
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "0 running" "start" || diag "$err"
	v list
	like "$out" "$ct +$ct +running" "virsh says running"
	v domstate "$ct"
	is "$out" running "domstate"
	v reboot "$ct"
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "0 running" "reboot"
	v autostart "$ct"
	is "$rc $(grep ^ONBOOT= "$(conf_of "$ct")")" '0 ONBOOT="yes"' "autostart"
	v dominfo "$ct"
	like "$out" "Autostart: +enable" "dominfo"
	v setvcpus "$ct" 2
	is "$rc $(grep ^CPUS= "$(conf_of "$ct")")" '0 CPUS="2"' "setvcpus"
	# "chkpnt --suspend" only freezes; the memory stays where it is.
	v suspend "$ct"
	is "$rc $(cat "$(slice_dir)/vz-$ct.scope"/{,ct/}cgroup.freeze | xargs | tr -d ' ')" "0 10" "suspend freezes"
	# The driver keeps "paused" in its own memory only: one process asks for both.
	v "suspend $ct; resume $ct"
	is "$rc $(cat "$(slice_dir)/vz-$ct.scope"/{,ct/}cgroup.freeze | xargs | tr -d ' ')" "0 00" "resume thaws"
	v shutdown "$ct"
	is "$rc $(vzctl status "$ct" | cut -d' ' -f5)" "0 down" "shutdown"
	# Debian 12's libvirt calls "vzctl start destroy CTID": it must not destroy.
	v undefine "$ct"
	like "$(vzctl status "$ct")" "CTID $ct (exist unmounted down|deleted)" "undefine leaves nothing half done"
else
	skip 20 "no virsh (Debian: libvirt-clients)"
fi
done_testing
