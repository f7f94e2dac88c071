# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# TAP for the host tests, and a scratch node for each of them.
#
#   . "$(dirname "$0")/../lib/tap.sh"
#   node_make			# own configuration, slice, network, mounts
#   run vzctl start $ct; is $rc 0 "starts"
#   done_testing
#
# A test file re-executes itself in mount and network namespaces of its own:
# what it does to links, routes and mounts is its own affair, and a comparison of
# before and after (leak.sh) is exact while other tests run on the same host.
# Mounts are made shared there, as they are on any host with systemd.
set -u

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${VZ_BUILD:-$top/build/debug}/bin
tap_n=0 tap_bad=0 tap_planned='' tap_defer=() tap_pid=$BASHPID
rc=0 out='' err='' tap_last=ok

plan()
{
	tap_planned=$1
	echo "1..$1"
}

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

bail()
{
	echo "Bail out!  $*"
	exit 255
}

# Why something failed goes to standard error: prove, and so CI, shows only that.
diag()
{
	local fd=1
	[ $tap_last = ok ] || fd=2
	# Not every line that is looked at is text.
	printf '%s\n' "$@" | tr -c '[:print:]\n\t' '?' | head -n 60 | sed 's/^/# /' >&$fd
}

tap_pass()
{
	tap_n=$((tap_n + 1)) tap_last=ok
	echo "ok $tap_n - $1"
}

tap_fail()
{
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1)) tap_last=bad
	echo "not ok $tap_n - $1"
	diag "${0##*/}: failed $tap_n - $1"
}

# ok NAME COMMAND...: passes when the command succeeds.
ok()
{
	local name=$1
	shift
	if "$@"; then tap_pass "$name"; else tap_fail "$name"; fi
}

# is GOT WANTED NAME
is()
{
	if [ "$1" = "$2" ]; then
		tap_pass "$3"
		return 0
	fi
	tap_fail "$3"
	diag "got:    $1" "wanted: $2" ${err:+"stderr: $err"}
	return 1
}

# like GOT EXTENDED-REGEX NAME; unlike
like()
{
	if [[ $1 =~ $2 ]]; then
		tap_pass "$3"
		return 0
	fi
	tap_fail "$3"
	diag "got:      $1" "not like: $2"
	return 1
}

unlike()
{
	if ! [[ $1 =~ $2 ]]; then
		tap_pass "$3"
		return 0
	fi
	tap_fail "$3"
	diag "got:  $1" "like: $2"
	return 1
}

# skip COUNT REASON
skip()
{
	local i
	for ((i = 0; i < $1; i++)); do
		tap_n=$((tap_n + 1))
		echo "ok $tap_n # SKIP $2"
	done
}

# A known bug: reported, does not fail the file.  todo REASON is/like/ok ...
todo()
{
	local reason=$1 bad=$tap_bad text
	shift
	text=$("$@")
	tap_n=$((tap_n + 1))
	sed "s/^\\(\\(not \\)\\?ok [0-9]* - .*\\)/\\1 # TODO $reason/" <<<"$text"
	tap_bad=$bad
}

# run COMMAND...: sets rc, out, err; standard input is empty; 60 seconds at most.
run()
{
	# The outer redirection is for what bash says of a killed command.
	{ timeout -k 5 "${run_timeout:-60}" "$@" </dev/null >"$tap_tmp/out" 2>"$tap_tmp/err"; } 2>/dev/null
	rc=$?
	out=$(tr -d '\0' <"$tap_tmp/out")
	err=$(tr -d '\0' <"$tap_tmp/err")
}

# Exit code, then what stdout and stderr together must match: code CODE REGEX NAME COMMAND...
code()
{
	local want=$1 re=$2 name=$3
	shift 3
	run "$@"
	if [ "$rc" = "$want" ] && [[ "$out
$err" =~ $re ]]; then
		tap_pass "$name"
		return 0
	fi
	tap_fail "$name"
	diag "command: $*" "exit code $rc, wanted $want" "not like: $re" "out: $out" "err: $err"
	return 1
}

# Exit code 0 and nothing on stderr: the contract for whatever succeeds.
quiet()
{
	local name=$1
	shift
	run "$@"
	if [ "$rc" = 0 ] && [ -z "$err" ]; then
		tap_pass "$name"
		return 0
	fi
	tap_fail "$name"
	diag "command: $*" "exit code $rc" "out: $out" "err: $err"
	return 1
}

# until_ok SECONDS COMMAND...: polls
until_ok()
{
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -le $end ] || return 1
		sleep 0.05
	done
}

# defer COMMAND-LINE: run at exit, the last one first
defer()
{
	tap_defer+=("$1")
}

done_testing()
{
	[ -n "$tap_planned" ] || echo "1..$tap_n"
	[ "$tap_bad" = 0 ] || { diag "$tap_bad of $tap_n failed"; exit 1; }
	exit 0
}

tap_exit()
{
	local status=$? i
	[ "$BASHPID" = "$tap_pid" ] || return
	trap - EXIT
	for ((i = ${#tap_defer[@]} - 1; i >= 0; i--)); do
		eval "${tap_defer[i]}" </dev/null >/dev/null 2>&1
	done
	exit $status
}
trap tap_exit EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- isolation ---------------------------------------------------------------

[ "$(id -u)" = 0 ] || skip_all "needs root"
grep -q VZ_FAIL_STEP "$bin/vzctl" 2>/dev/null ||
	skip_all "needs a build with test hooks: make MODE=debug"
if [ "${VZ_TEST_NS:-}" != "$0" ]; then
	trap - EXIT
	VZ_TEST_NS=$0 exec unshare -m -n --propagation private bash "$0" "$@"
fi
mount --make-rshared / || bail "mount"
ip link set lo up

# A guest of tests/vm/run brings its template along.
if [ -n "${VZ_VM:-}" ] && [ -d /vz/template-cache ]; then
	tmpl_dir=/var/lib/vz/template
	mkdir -p $tmpl_dir/cache
	cp -n /vz/template-cache/* $tmpl_dir/cache/
fi

# ---- scratch node ----------------------------------------------------------------

slice_dir()
{
	local m=/sys/fs/cgroup
	[ -e $m/cgroup.procs ] || m=/sys/fs/cgroup/unified
	echo "$m/$slice"
}

# Ends what is left in the slice, by the kernel's own means, and removes it.
slice_remove()
{
	local d i
	d=$(slice_dir)
	[ -d "$d" ] || return 0
	echo 1 >"$d/cgroup.kill"
	for ((i = 0; i < 100; i++)); do
		grep -q 'populated 0' "$d/cgroup.events" && break
		sleep 0.02
	done
	find "$d" -depth -type d -exec rmdir {} \;
}

node_remove()
{
	local f
	# Monitors would restart or clean up what is removed here.
	slice_remove
	for f in $(findmnt -rno TARGET | grep "^$node/" | sort -r); do
		umount -l "$f"
	done
	for f in $(losetup -nO NAME,BACK-FILE | awk -v d="$node/" 'index($2, d) == 1 {print $1}'); do
		losetup -d "$f"
	done
	rm -rf --one-file-system "$node"
	rm -rf --one-file-system "$VZ_RUNDIR"
	# Where the host has mounted it, it is the same one here.
	rm -rf --one-file-system "/sys/fs/bpf/${VZ_RUNDIR##*/}"
}

# What a node has by default: overlay needs Linux 5.19.
layout=overlay
printf '5.19\n%s\n' "$(uname -r)" | sort -CV || layout=dir

# The tree that a container of the default layout writes to.
tree_of()
{
	case $layout in
	overlay) echo "$node/private/$1/upper" ;;
	*) echo "$node/private/$1" ;;
	esac
}

# node_make [KEY=VALUE...]: lines for vz.conf
node_make()
{
	local v
	node=$(mktemp -d /var/tmp/vzh-XXXXXX) || bail mktemp
	node=$(readlink -f "$node")
	tap_tmp=$node/tmp
	slice=vzh$$.slice
	# Ids of this file; a node of its own keeps them from meeting others.
	ct=$((61000 + $$ % 99 * 10))
	ct2=$((ct + 1)) ct3=$((ct + 2))
	mkdir -p "$tap_tmp" "$node"/{etc/conf,etc/names,lock,dump,log,private,root,ids,dist,creating,reboot}
	export VZ_CONFDIR=$node/etc VZ_RUNDIR=/run/vzh$$ VZ_LIBEXECDIR=$bin VZ_SBINDIR=$bin
	export VZ_DATADIR=$top/templates VZ_IDSDIR=$node/ids VZ_DISTDIR=$node/dist
	export VZ_CREATINGDIR=$node/creating VZ_CONSOLE_LOGDIR=$node/log VZ_REBOOTDIR=$node/reboot
	export VZ_TRAFFICDIR=$node/traffic
	export PATH=$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
	unset VZ_FAIL_STEP VZ_KILL_STEP
	mkdir -p "$VZ_RUNDIR"
	defer node_remove
	cat >"$node/etc/vz.conf" <<-X
		LOCKDIR="$node/lock"
		DUMPDIR="$node/dump"
		TEMPLATE="${tmpl_dir:-$node/template}"
		VE_ROOT="$node/root/\$VEID"
		VE_PRIVATE="$node/private/\$VEID"
		CONFIGFILE="basic"
		DEF_OSTEMPLATE="minimal"
		LOGFILE="$node/vzctl.log"
		VE_LAYOUT="$layout"
		CGROUP_SLICE="$slice"
	X
	# What the file itself does not say: guard.t and others are run with each.
	[ -z "${VZT_FILTER:-}" ] || echo "NET_FILTER=\"$VZT_FILTER\"" >>"$node/etc/vz.conf"
	for v in "$@"; do
		echo "$v" >>"$node/etc/vz.conf"
	done
	cp "$top"/templates/conf/ve-*.conf-sample "$node/etc/conf/"
	# The limits of the samples need controllers, which not every host gives to
	# its v2 hierarchy; vzctl says so at each start, and tests want silence.
	printf 'ONBOOT="no"\nCPUUNITS="1000"\nSTOP_TIMEOUT="10"\n' >"$node/etc/conf/ve-test.conf-sample"
	sed -i 's/^CONFIGFILE=.*/CONFIGFILE="test"/' "$node/etc/vz.conf"
	# Shared with other tests when templates.sh was read: it is there already.
	[ -n "${tmpl_dir:-}" ] && [ -e "$tmpl_dir/cache/minimal.tar.zst" ] ||
	vztmpl --quiet --recipes "$top/templates/recipes" build minimal >"$tap_tmp/tmpl" 2>&1 ||
		bail "vztmpl build minimal: $(tail -1 "$tap_tmp/tmpl")"
}

conf_of()
{
	echo "$node/etc/conf/$1.conf"
}

is_running()
{
	[ "$(vzctl status "$1" | cut -d' ' -f5)" = running ]
}

is_down()
{
	! is_running "$1"
}

init_pid()	# on the host
{
	sed -n 's/^init=\([0-9]*\) .*/\1/p' "$VZ_RUNDIR/$1/state"
}

mon_pid()
{
	sed -n 's/^mon=\([0-9]*\) .*/\1/p' "$VZ_RUNDIR/$1/state"
}

# What the monitor of CTID keeps of mount namespaces; it is executed after init.
seed_of()	# CTID
{
	local i
	for ((i = 0; i < 50; i++)); do
		readlink "/proc/$(mon_pid "$1")/fd/10" | grep '^mnt:' && return
		sleep 0.1
	done
}

# Another container runs: what starts from now on has its root over that one's mount
# namespace (vzctl/ns/seed.c), as nearly all containers of a node have.
node_has_other()
{
	local other=$((ct + 9))
	vzctl --quiet create $other --ostemplate minimal >/dev/null &&
		vzctl --quiet start $other >/dev/null && seed_of $other >/dev/null || bail "container $other"
}

# Processes of this node, wherever they are: its configuration is in their environment.
node_procs()
{
	local f p
	grep -lzsxF "VZ_CONFDIR=$VZ_CONFDIR" /proc/[0-9]*/environ | while read -r f; do
		p=${f%/environ}
		# They end by themselves: after a second of telling the neighbours, or a moment.
		case $(cat "$p/comm") in vz-announce | vz-linger) continue ;; esac
		case $(readlink "$p/exe") in
		*/vzctl* | */vzmon* | */vztmpl* | */vztar*) tr '\0' ' ' <"$p/cmdline"; echo ;;
		esac
	done 2>/dev/null
}
