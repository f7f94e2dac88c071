#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Includes go downwards only: the rules of docs/architecture.md, on every #include
# of the tree.  Linking enforces the same for code; this sees headers, too.
cd "$(dirname "$0")/../.." || exit 1

# What a room may include besides itself.  ROOM/PROG are the programs that live
# in a room's directory: they are on top, and see their room as cmd sees ct.
sees='
base
sys			base
conf			base
netns ns cg sec store tmpl	sys base
mon
ct			netns ns cg sec store tmpl mon conf sys base
cmd list validate node	ct conf base
tmpl/vztar		tmpl sys base
tmpl/vztmpl		tmpl conf sys base
qemu			sys base
sec/gen
docs			conf base
'
# Reviewed exceptions: FILE HEADER.
except='
vzctl/cmd/features.c sys/kfeat.h
'
n=0
ok()	# ok NAME LINES: fails when there are lines
{
	n=$((n + 1))
	[ -z "$2" ] || { printf '%s\n' "$2" | sed 's/^/# /'; printf 'not '; }
	echo "ok $n - $1"
}

# "FILE FILE": an edge of the include graph, resolved as the compiler does.
# Generated headers (seccomp-NAME.h, port-prog.h) have no file: they belong to their includer.
edges()
{
	xargs grep -EH '^[[:blank:]]*#[[:blank:]]*include[[:blank:]]*"' |
		sed -E 's/^([^:]*):[^"]*"([^"]*)".*/\1 \2/' |
		while read -r file inc; do
			for dir in "${file%/*}" vzctl netns .; do
				[ -e "$dir/$inc" ] || continue
				path=$dir/$inc
				while [[ $path =~ ^(.*/)?([^/]+)/\.\./(.*)$ ]]; do
					path=${BASH_REMATCH[1]}${BASH_REMATCH[3]}
				done
				echo "$file ${path#./}"
				continue 2
			done
			case $inc in
			seccomp-*.h | port-prog.h) ;;
			*) echo "$file ?$inc" ;;
			esac
		done
}

judge()	# edges in, violations out
{
	awk -v sees="$sees" -v except="$except" '
	function room(f) {
		if (f ~ /^netns\//)
			return "netns"
		if (f ~ /^docs\//)
			return "docs"
		sub(/^vzctl\//, "", f)
		sub(/\/[^\/]*$/, "", f)
		return f
	}
	BEGIN {
		n = split(sees, line, "\n")
		for (i = 1; i <= n; i++) {
			k = split(line[i], half, /\t+/)
			m = split(half[1], who, " ")
			w = split(half[2], what, " ")
			for (a = 1; a <= m; a++) {
				known[who[a]] = may[who[a], who[a]] = 1
				for (b = 1; k > 1 && b <= w; b++)
					may[who[a], what[b]] = 1
			}
		}
		n = split(except, line, "\n")
		for (i = 1; i <= n; i++)
			fine[line[i]] = 1
	}
	$1 ~ /^tests\// { next }
	$2 ~ /^\?/ { print $1 " includes " substr($2, 2) ": no such file"; next }
	{
		header = $2
		sub(/^vzctl\//, "", header)
		if (($1 " " header) in fine)
			next
		from = room($1)
		to = room($2)
		if (!(from in known))
			print $1 ": room " from " has no line in tests/lint/layers.t"
		else if (!((from, to) in may))
			print $1 " (" from ") includes " header " (" to ")"
	}'
}

all=$(git ls-files '*.c' '*.h' '*.def' | edges)
ok "the include graph can be read" "$([ "$(wc -l <<<"$all")" -gt 200 ] || echo "few edges")"
ok "includes go downwards and never sideways" "$(judge <<<"$all")"
ok "no include cycles" "$(tsort <<<"$all" 2>&1 >/dev/null | sed 's/^tsort: //')"
ok "no file includes a .c, but tests" \
	"$(awk '$2 ~ /\.c$/ && $1 !~ /^tests\//' <<<"$all")"
ok "every room of the diagram has its line here" "$(
	for r in $(sed -n 's/^L[0-4]  \([a-z ]*[a-z]\)   *[^ ].*/\1/p' docs/architecture.md); do
		grep -qE "(^|[ 	])$r([ 	]|$)" <<<"$sees" || echo "$r"
	done)"
# The judge itself: each of these must be seen.
for bad in "vzctl/base/io.c vzctl/sys/kfeat.h" "vzctl/store/dir.c vzctl/cg/cg.h" \
	"vzctl/tmpl/tree.c vzctl/conf/conf.h" "vzctl/cmd/life.c vzctl/store/store.h" \
	"netns/host.c vzctl/ct/ct.h" "vzctl/sys/kfeat.c vzctl/conf/conf.h" \
	"vzctl/tmpl/dist.c vzctl/tmpl/vztar/vztar.h" "vzctl/new/x.c vzctl/base/io.h" \
	"vzctl/ct/set.c ?gone.h"; do
	ok "refused: $bad" "$([ -n "$(judge <<<"$bad")" ] || echo "not seen")"
done
echo "1..$n"
