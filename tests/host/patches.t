#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel patches on the source that they are for: each set applies with git am, comes
# back byte for byte, and checkpatch has nothing to say: `kp check --quick`.  Building is
# for `make kernel-check`.
cd "$(dirname "$0")/../.." || exit 1
export KP_CACHE=$PWD/build/kernel-quick
kp=$PWD/kernel-patches/kp

for p in git perl xz; do
	command -v $p >/dev/null || { echo "1..0 # SKIP needs $p"; exit 0; }
done
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if ! "$kp" fetch >"$log" 2>&1; then
	why=$(grep . "$log" | tail -1)
	case $why in
	*"not that of BASE"* | *"not the package of BASE"*) printf '1..1\nnot ok 1 - %s\n' "$why"; exit 1 ;;
	esac
	# A mirror drops a package when there is a newer one.
	echo "1..0 # SKIP the base cannot be had: $why"
	exit 0
fi
echo 1..1
"$kp" check --quick >"$log" 2>&1 || { sed 's/^/# /' "$log"; printf 'not '; }
echo "ok 1 - $(grep -v '^#' kernel-patches/series | paste -sd' '): apply, come back, checkpatch"
