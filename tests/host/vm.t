#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tests/vm on distribution kernels, one line each.  The rest of the host
# tests in a guest, by hand: tests/vm/run --distro 6.12 tests/host/life.t
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

skip_all()
{
	echo "1..0 # SKIP $*"
	exit 0
}

[ -z "${VZ_VM:-}" ] || skip_all "is a guest already"
[ "$(id -u)" = 0 ] || skip_all "needs root"
[ "$(uname -m)" = x86_64 ] || skip_all "needs x86_64"
[ -x "${VZ_BUILD:-$top/build/debug}/tests/vm/init" ] || skip_all "needs make MODE=debug tests"
for p in qemu-system-x86_64 mke2fs depmod cpio xz zstd apt-get; do
	command -v "$p" >/dev/null || skip_all "needs $p"
done

n=0 bad=0
echo 1..3
for distro in 5.15 6.1 6.12; do
	n=$((n + 1))
	if ! why=$("$top/tests/vm/kernel" "$distro" 2>&1); then
		echo "ok $n # SKIP ${why##*$'\n'}"
		continue
	fi
	tests="tests/vm/smoke.sh tests/vm/limits.sh tests/vm/stat.sh"
	# What the hogs do takes time, and is the same everywhere.
	[ "$distro" != 6.12 ] || tests+=" tests/vm/enforce.sh"
	# Nor do the weights of disks and memory nodes depend on the kernel.
	numa=''
	[ "$distro" != 6.1 ] || { tests+=" tests/vm/nodes.sh tests/vm/disk.sh"; numa=--numa; }
	# shellcheck disable=SC2086
	if out=$("$top/tests/vm/run" --distro "$distro" $numa --time 240 $tests 2>&1); then
		echo "ok $n - limits on Linux $distro"
	else
		echo "not ok $n - limits on Linux $distro"
		bad=1
	fi
	echo "$out" | tail -n 80 | sed 's/^/# /'
done
exit $bad
