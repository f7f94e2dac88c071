# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the tests of templates share.  They run on every build, also one without
# test hooks, and need no node: so not tap.sh.
#
#	. "$(dirname "$0")/../lib/tmpl.sh"
#	tmpl_begin NAME PROGRAM...	# skips without root or a program; $work, $build
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
build=${VZ_BUILD:-build/release}
case $build in /*) ;; *) build=$PWD/$build ;; esac
n=0

ok()	# ok STATUS NAME
{
	n=$((n + 1))
	[ "$1" = 0 ] && echo "ok $n - $2" || echo "not ok $n - $2"
}

is()	# is GOT WANT NAME
{
	[ "$1" = "$2" ]
	local r=$?
	ok $r "$3"
	[ $r = 0 ] || printf '# got  %s\n# want %s\n' "$1" "$2"
}

# Mounts of the test are in a namespace of its own; $work goes at the end.
tmpl_begin()
{
	local name=$1 p
	shift
	[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
	for p; do
		command -v "$p" >/dev/null || { echo "1..0 # SKIP needs $p"; exit 0; }
	done
	if [ "${IN_NS:-}" != yes ]; then
		IN_NS=yes exec unshare -m --propagation private bash "$tmpl_self"
	fi
	work=$(mktemp -d "/tmp/vz-$name-XXXXXX")
	trap 'umount -R -l "$work"/full "$work"/small 2>/dev/null; rm -rf --one-file-system "$work"' EXIT
}

# Release builds look in the installed place: ours lies over it, in this namespace.
tmpl_libexec()
{
	mkdir -p /usr/libexec
	mount -t tmpfs vz-libexec /usr/libexec
	mkdir -p /usr/libexec/vzctl
	cp "$build"/bin/vztar /usr/libexec/vzctl/
	export VZ_LIBEXECDIR=/usr/libexec/vzctl
}
