# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a command may leave on the host, as text that can be compared.

leak_procs()
{
	local d
	d=$(slice_dir)
	node_procs | sed 's/^/process /'
	[ -d "$d" ] && find "$d" -name cgroup.procs -exec cat {} + 2>/dev/null |
		while read -r p; do
			echo "process in slice: $(tr '\0' ' ' <"/proc/$p/cmdline")"
		done 2>/dev/null
}

# The tables that all containers share stay, and their rules: no port, no element.
leak_nft()
{
	awk '/^table/ {shared = $3 == "vz_guard" || $3 ~ "^vz_traffic_[tr]x$"}
		!shared || /elements = |devices? / {print "nft", $0}'
}

# A monitor ends after its init: closing its packet filter socket can take a moment.
leak_settle()
{
	local i dying init
	for ((i = 0; i < 20; i++)); do
		dying=''
		for init in $(node_procs | awk '$1 == "vzmon" {print $3}'); do
			# Gone, or a zombie: its monitor leaves it to what it becomes.
			grep -q '^State:.*[RSDTt] (' "/proc/$init/status" 2>/dev/null || dying=$init
		done
		[ -n "$dying" ] || return
		sleep 0.1
	done
}

# The parts which do not depend on what containers exist.
leak_snapshot()
{
	local d f
	leak_settle
	d=$(slice_dir)
	{
		# That of bpf is the system's: vzctl mounts it where nobody has.
		awk '$5 != "/sys/fs/bpf" {print "mount", $4, $5}' /proc/self/mountinfo
		# The slice, and the group of the monitors in it, stay when a container ends.
		find "$d" -mindepth 1 -type d ! -path "$d/mon" 2>/dev/null | sed 's/^/cgroup /'
		ip -o link | awk '{print "link", $2}'
		ip -o addr | awk '{print "addr", $2, $4}'
		{ ip -4 route show table all; ip -6 route show table all; } | sed 's/^/route /'
		{ ip -4 neigh show proxy; ip -6 neigh show proxy; } | sed 's/^/proxy /'
		ip -o rule | sed 's/^/rule /'
		command -v nft >/dev/null && nft list ruleset | leak_nft
		"${VZ_BUILD:-$top/build/debug}"/tests/host/netns-call maps 0 - 2>/dev/null | sed 's/^/bpf /'
		find "$VZ_RUNDIR" -mindepth 1 ! -name 'restarts.*' ! -name mntns \
			! -name kvm ! -name mem.lock | sed 's/^/run /'
		# Names one that runs (mntns.t), which one may change.
		f=$(readlink "$VZ_RUNDIR/mntns") && [ ! -d "$VZ_RUNDIR/$f" ] && echo "run mntns of $f"
		for f in ids creating reboot private root etc/names etc/conf; do
			find "$node/$f" -mindepth 1 -maxdepth 1 ! -name '*.destroyed' |
				sed 's/^/file /'
		done
		for f in "$node"/lock/*; do
			[ -e "$f" ] && ! flock -n "$f" true && echo "locked $f"
		done
		losetup -nO NAME,BACK-FILE 2>/dev/null | grep -F "$node/" | sed 's/^/loop /'
		leak_procs
	} | sort
}

# Equal to what was taken before; processes that are ending get 5 seconds.
# leak_is "$before" NAME
leak_is()
{
	local before=$1 now i
	for ((i = 0; i < 40; i++)); do
		now=$(leak_snapshot)
		if [ "$now" = "$before" ]; then
			tap_pass "$2"
			return 0
		fi
		sleep 0.1
	done
	tap_fail "$2"
	diag "$(diff <(echo "$before") <(echo "$now"))"
	return 1
}
