# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp: the form of series and patches; needs no kernel.

bad=0
say_bad()	{ echo "kp: $*" >&2; bad=1; }

# What git am and git format-patch would not give back, or a list would not take.
lint_patch()
{
	local said
	said=$(awk '
	BEGIN { zero = "0000000000000000000000000000000000000000" }
	NR == 1 && $0 != "From " zero " Mon Sep 17 00:00:00 2001" { print "not written by kp refresh" }
	!body && /^Subject: / { subject = 1; if (!/^Subject: \[PATCH\] [^ ]+: /) print "subject without a subsystem" }
	!body && /^$/ { body = NR; next }
	!body { next }
	/^---$/ && !diff { seps++ }
	/^diff --git / { if (!seps) print "diff --git in the message"; diff = 1 }
	/^-- $/ { print "a signature" }
	diff && /^index / && !/^index [0-9a-f]+\.\.[0-9a-f]+( [0-7]+)?$/ { print "index line: " $0 }
	diff && /^index / && length($2) != 82 { print "abbreviated index line" }
	seps { next }
	/^Index:/ { print "Index: in the message" }
	NR == body + 1 && /^From: / { print "the message begins with From:" }
	/^$/ && blank { print "two empty lines in the message" }
	/^(Signed-off|Reviewed|Acked|Tested)-by: / { print "for a person to add: " $0 }
	/^Assisted-by: / { assisted = 1 }
	{ blank = /^$/ }
	END {
		if (!subject) print "no subject"
		if (seps != 1) print "bare --- in the message"
		if (!diff) print "no diff"
		if (!assisted) print "no Assisted-by:"
	}' "$1")
	[ -z "$said" ] || say_bad "${1#"$patches"/}: $said"
}

cmd_lint()
{
	local s f n list
	for s in $(sets); do
		mapfile -t list < <(files "$s")
		[ "${#list[@]}" -le "$max" ] || say_bad "$s: more than $max patches"
		n=0
		for f in "${list[@]}"; do
			n=$((n + 1))
			case ${f##*/} in
			"$(printf %04d $n)"-*.patch) ;;
			*) say_bad "$s/series: ${f##*/} is not number $n" ;;
			esac
			if [ -f "$f" ]; then lint_patch "$f"; else say_bad "$f is missing"; fi
		done
		for f in "$patches/$s"/*.patch; do
			[ ! -e "$f" ] || grep -qxF "${f##*/}" "$patches/$s/series" || say_bad "$f is not in series"
		done
		for f in 0000-cover-letter CHANGELOG; do
			[ -s "$patches/$s/$f" ] || say_bad "$s/$f is missing"
			! grep -nE 'TODO|FIXME|XXX|\*\*\*' "$patches/$s/$f" || say_bad "$s/$f is not finished"
		done
	done
	for f in "$patches"/*/series "$patches"/*/*/series; do
		[ ! -e "$f" ] || sets | grep -qxF "$(s=${f#"$patches"/}; echo "${s%/series}")" ||
			say_bad "$f: set is not in series"
	done
	return "$bad"
}
