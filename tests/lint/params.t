#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A parameter that claims to act (PA_MAP) must be read by some room above conf.
# Otherwise its row says PA_WARN, PA_VIEW or PA_STORE.
cd "$(dirname "$0")/../.." || exit 1

# Read through the table, or by the boot scripts: not by name.
elsewhere=' DESCRIPTION ONBOOT BOOTORDER AUTOSTOP '

acting=$(printf '#define PARAM(...) ROW(__VA_ARGS__)\n#include "conf/params.def"\n' |
	cc -E -P -Ivzctl -x c - | tr -d '\n' | sed 's/ROW(/\n&/g' |
	sed -n '/\.opt = /{/PA_VIEW\|PA_STORE\|PA_WARN\|PA_REJECT/!s/^ROW(\([A-Z0-9_]*\).*/\1/p}')
used=$(grep -rhoE '\bP_[A-Z0-9_]+' vzctl --include='*.[ch]' --exclude-dir=conf --exclude-dir=validate |
	sort -u)

echo "1..2"
[ "$(wc -w <<<"$acting")" -gt 30 ] || printf 'not '
echo "ok 1 - the table can be read"
missing=
for key in $acting; do
	[[ $elsewhere == *" $key "* ]] || grep -qx "P_$key" <<<"$used" || missing+=" $key"
done
[ -z "$missing" ] || printf '# nobody reads:%s\nnot ' "$missing"
echo "ok 2 - every acting parameter is read by somebody"
