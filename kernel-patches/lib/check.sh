# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src, bad: of kp
#
# kp check: what a maintainer, or the robots of a list, would say of a set.
# What a tool says of the base, too, is not counted.

skipped=0
say_skip()	{ echo "kp: skipped: $*" >&2; skipped=$((skipped + 1)); }

check_round_trip()	# check_round_trip SET FROM TO
{
	local t
	t=$(mktemp -d "$cache/round-XXXXXX")
	mkdir "$t/want" "$t/got"
	format "$src" "$2..$3" "$t/got"
	grep -v '^#' "$patches/$1/series" | (cd "$patches/$1" && xargs -r cp -t "$t/want") || :
	diff -r "$t/want" "$t/got" >&2 || say_bad "$1: kp refresh would write other files"
	rm -rf "$t"
}

defended()	# defended SET FILE: first words of its lines
{
	awk '!/^(#|$)/ { print $1 }' "$patches/$1/$2" 2>/dev/null || :
}

# Types that a set's checkpatch-ignore names are defended there.
check_style()	# check_style SET FILE...
{
	local s=$1 ignore
	shift
	[ -x "$src/scripts/checkpatch.pl" ] && [ $# -gt 0 ] || return 0
	ignore=$(defended "$s" checkpatch-ignore | paste -sd,)
	(cd "$src" && scripts/checkpatch.pl -q --strict --no-signoff --show-types ${ignore:+--ignore "$ignore"} "$@") \
		>&2 || say_bad "$s: checkpatch"
}

touched()	# touched FROM TO PATTERN: what there is of it at TO
{
	repo "$src" diff --name-only --no-renames --diff-filter=AM "$1" "$2" | grep -E "$3" | grep -v '^tools/' || :
}

objects()	# objects FROM TO: as targets
{
	touched "$1" "$2" '\.c$' | sed 's/c$/o/'
}

check_w1()	# check_w1 O COMMIT OBJECT...
{
	local o=$1 c=$2
	shift 2
	echo "# ${o##*/}: $(repo "$src" log -1 --format=%s "$c"): $*"
	configure_old "$o"
	kmake "$o" -k W=1e -j"${JOBS:-2}" "$@" >&2 || say_bad "${c:0:12}: W=1 (${o##*/}): $*"
}

# Objects of what a patch touches, with the warnings of W=1 as errors, with the
# options that there are by then on and off.
check_objects()	# check_objects FROM TO
{
	local c o objs
	for c in $(repo "$src" rev-list --reverse "$1..$2"); do
		repo "$src" checkout -q --detach "$c"
		mapfile -t objs < <(objects "$c^" "$c")
		[ ${#objs[@]} -gt 0 ] || continue
		check_w1 "$cache/o" "$c" "${objs[@]}"
		[ -n "$(options "$c")" ] || continue
		# Files of the series' own are not compiled where its options are off.
		mapfile -t objs < <(printf '%s\n' "${objs[@]}" | while read -r o; do
			! repo "$src" cat-file -e "refs/kp/base:${o%o}c" 2>/dev/null || echo "$o"; done)
		[ ${#objs[@]} = 0 ] || check_w1 "$cache/o-off" "$c" "${objs[@]}"
	done
}

# ---- what is said now and was not before -----------------------------------------

numberless()	{ sed -E 's/:[0-9]+(:[0-9]+)?//; s/^\.\.\/linux\///; s/^\.\.\///' | sort -u; }

declare -A said

said_new()	# said_new SET WHAT: of what has been said after and was not before
{
	local new
	new=$(comm -13 <(echo "${said[$2-before]}") <(echo "${said[$2-after]}") | grep -E 'warning|error|Warning|Error' || :)
	[ -z "$new" ] || { echo "$new" >&2; say_bad "$1: $2"; }
}

doc_of()	# doc_of FROM TO: kernel-doc of the files that are there
{
	local f list=()
	for f in $(touched "$1" "$2" '\.[ch]$'); do
		[ ! -f "$src/$f" ] || list+=("$f")
	done
	[ ${#list[@]} = 0 ] || (cd "$src" && scripts/kernel-doc -none -Wall "${list[@]}") || :
}

sparse_of()
{
	local o list=()
	for o in $(objects "$1" "$2"); do
		[ ! -f "$src/${o%.o}.c" ] || list+=("$o")
	done
	configure_old "$cache/o"
	[ ${#list[@]} = 0 ] || kmake "$cache/o" -k C=2 CHECK="$cache/sparse/run" "${list[@]}" || :
}

# Debian 12's sparse does not parse __typeof_unqual__.  That of BASE is unpacked here, with
# the C library of a suite that it runs on; where it cannot be had, that is said.
sparse()	# 0: $cache/sparse/run is there
{
	local d=$cache/sparse deb ld
	[ ! -x "$d/run" ] || [ "$(cat "$d/version")" != "$(base sparse)" ] || return 0
	[ -n "$(base sparse)" ] || return 1
	rm -rf --one-file-system "$d"
	{ download "$d/sid" "$(base sparse-suite)" "sparse=$(base sparse)" &&
		download "$d/libc" "$(base sparse-libc)" libc6; } >/dev/null 2>&1 || return 1
	deb=$(echo "$d"/sid/sparse_*.deb)
	echo "$(base sparse-sha256)  $deb" | sha256sum -c --quiet - >&2 || die "$deb is not the sparse of BASE"
	for deb in "$deb" "$d"/libc/libc6_*.deb; do
		dpkg-deb -x "$deb" "$d/root"
	done
	rm -rf --one-file-system "$d/sid" "$d/libc"
	ld=$(echo "$d"/root/usr/lib/*/ld-linux-x86-64.so.2)
	cat >"$d/run" <<-R
		#!/bin/sh
		exec $ld --library-path ${ld%/*} $d/root/usr/bin/sparse "\$@"
	R
	base sparse >"$d/version"
	chmod +x "$d/run"
}

hear()	# hear before|after FROM TO: what the tools say of the files, as they are checked out
{
	[ ! -e "$src/scripts/kernel-doc" ] || said[kernel-doc-$1]=$(doc_of "$2" "$3" 2>&1 | numberless)
	[ -n "$(objects "$2" "$3")" ] && sparse || return 0
	said[sparse-$1]=$(sparse_of "$2" "$3" 2>&1 | numberless)
}

check_said()	# check_said SET FROM TO
{
	local what
	for what in kernel-doc sparse; do
		[ -z "${said[$what-after]+is}" ] || said_new "$1" $what
	done
	if [ -n "$(objects "$2" "$3")" ] && ! sparse; then
		say_skip "$1: sparse $(base sparse) cannot be fetched from $(base sparse-suite)"
	fi
}

# ---- the image ---------------------------------------------------------------------

symbols()	# symbols COMMIT: prints a vmlinux of it, options off
{
	local d=$cache/bloat/$1
	[ "$1" != "$(repo "$src" rev-parse refs/kp/base)" ] || { base_image >/dev/null; echo "$cache/base/vmlinux"; return; }
	if [ ! -f "$d" ] || [ "$(wanted "$cache/o-off" | sha256sum)" != "$(cat "$d.key" 2>/dev/null)" ]; then
		repo "$src" checkout -q --detach "$1"
		image "$cache/o-off"
		mkdir -p "${d%/*}"
		cp "$cache/o-off/vmlinux" "$d"
		wanted "$cache/o-off" | sha256sum >"$d.key"
	fi
	echo "$d"
}

# A set that adds options changes nothing where they are off, but for what its
# bloat-allow names.  Of one that does not, the table is for the reader.
check_bloat()	# check_bloat SET FROM TO
{
	local old new table rows opts
	old=$(symbols "$2")
	new=$(symbols "$3")
	table=$(cd "$src" && scripts/bloat-o-meter "$old" "$new")
	mkdir -p "$cache/report"
	echo "$table" >"$cache/report/bloat-${1//\//-}"
	echo "# $1: bloat-o-meter, options off: $(tail -1 <<<"$table")"
	sed -n '2,20{s/^/#   /;p}' <<<"$table"
	opts=$(comm -13 <(options "$2" | sort) <(options "$3" | sort))
	[ -n "$opts" ] || return 0
	rows=$(awk 'NR > 2 && !/^Total/ { print $1 }' <<<"$table" | grep -vxF "$(defended "$1" bloat-allow; echo /)" || :)
	[ -z "$rows" ] || say_bad "$1: with its options off these have changed: ${rows//$'\n'/ }"
}

phase()	# phase WHAT COMMAND...: how long it takes, for who waits for it
{
	local t=$SECONDS
	"${@:2}"
	[ $((SECONDS - t)) -lt 10 ] || echo "# $1: $((SECONDS - t)) s"
}

# From the beginning of the set to its end, once: what is built goes on from patch to patch.
check_builds()	# check_builds SET FROM TO
{
	local was=$bad
	bad=0
	said=()
	repo "$src" checkout -q --detach "$2"
	phase "$1: sparse and kernel-doc before" hear before "$2" "$3"
	phase "$1: W=1" check_objects "$2" "$3"
	repo "$src" checkout -q --detach "$3"
	phase "$1: sparse and kernel-doc after" hear after "$2" "$3"
	check_said "$@"
	if [ $bad = 0 ]; then
		phase "$1: options off" check_bloat "$@"
		repo "$src" checkout -q --detach "$3"
		phase "$1: options on" image "$cache/o"
	fi
	bad=$((bad | was))
}

cmd_check()
{
	local quick='' s from to list want
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) quick=1 ;;
		*) break ;;
		esac
		shift
	done
	cmd_lint || :
	cmd_fetch
	clean "$src"
	[ -n "$quick" ] || tools
	want="${*:-$(sets)}"
	for s in $want; do
		mapfile -t list < <(files "$s")
		up_to "$src" "$s"
		from=$(repo "$src" rev-parse HEAD)
		with "$src" HEAD "${list[@]}"
		to=$(repo "$src" rev-parse HEAD)
		phase "$s: round trip" check_round_trip "$s" "$from" "$to"
		phase "$s: checkpatch" check_style "$s" "${list[@]}"
		[ -n "$quick" ] || [ "$from" = "$to" ] || check_builds "$s" "$from" "$to"
	done
	cmd_tree >/dev/null
	[ "$bad" = 0 ] || return 1
	[ -n "$quick" ] || phase "the series" cmd_build
	[ $skipped = 0 ] || echo "kp: $skipped check skipped"
	echo "kp: ${want//$'\n'/ }: clean"
}
