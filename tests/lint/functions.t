#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Functions fit on a screen or two: 60 lines is the aim and reported, 100 the
# limit.  Files end at 1200 lines.
cd "$(dirname "$0")/../.." || exit 1
command -v ctags >/dev/null || { echo "1..0 # SKIP needs universal-ctags"; exit 0; }
aim=60 limit=100 file_limit=1200

lengths()	# "LINES FILE:LINE FUNCTION" of each file named on stdin
{
	ctags -L - -x --languages=C --langmap=C:.c.h --kinds-C=f --fields=+e --_xformat='%F %n %{end} %N' \
		-I '__printf+,__noreturn,__must_check,_cleanup_+' |
		awk '{ print $3 - $2 + 1, $1 ":" $2, $4 }'
}

files=$(git ls-files '*.c' '*.h')
all=$(lengths <<<"$files")
echo "1..4"

# A body starts with a brace in the first column, and so do initializers: after "=".
bodies=$(xargs awk 'FNR == 1 { prev = "" } /^{$/ && prev !~ /=$/ { n++ } { prev = $0 } END { print n }' \
	<<<"$files")
seen=$(wc -l <<<"$all")
[ "$seen" -ge "$bodies" ] || printf '# %s bodies, %s functions seen\nnot ' "$bodies" "$seen"
echo "ok 1 - every function is seen"

awk -v aim=$aim '$1 > aim { print "# above " aim " lines: " $2, $3, $1 }' <<<"$all"
bad=$(awk -v limit=$limit '$1 > limit { print "# " $2, $3 ": " $1 " lines" }' <<<"$all")
[ -z "$bad" ] || printf '%s\nnot ' "$bad"
echo "ok 2 - no function of more than $limit lines"

bad=$(git ls-files '*.c' '*.h' '*.def' '*.t' '*.sh' '*.py' |
	xargs wc -l | awk -v limit=$file_limit '$2 != "total" && $1 > limit { print "# " $2 ": " $1 " lines" }')
[ -z "$bad" ] || printf '%s\nnot ' "$bad"
echo "ok 3 - no file of more than $file_limit lines"

tmp=$(mktemp --suffix=.c) || exit 1
trap 'rm -f "$tmp"' EXIT
{ printf 'int long_one(void)\n{\n'; yes '	f();' | head -n 98; echo '}'; } >"$tmp"
got=$(lengths <<<"$tmp" | cut -d' ' -f1,3)
[ "$got" = "101 long_one" ] || printf '# got %s\nnot ' "$got"
echo "ok 4 - a function of 101 lines is measured as that"
