# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# tap_tmp: of tap.sh, which is read before
# What the scripts of this directory share.
bits=$tap_tmp/samples
mkdir "$bits"

median()	# FILE
{
	sort -n "$1" | awk '{v[NR] = $1} END {print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2}'
}

# FORMAT of the quotient A / B
ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", b ? a / b : 0}'
}

make_ct()	# CTID [OPTION...]
{
	local id=$1
	shift
	vzctl --quiet create "$id" --ostemplate minimal "$@" >/dev/null || bail "create $id"
	# The first start runs scripts inside: not what is measured.
	vzctl --quiet start "$id" >/dev/null && vzctl --quiet stop "$id" --fast >/dev/null
}
