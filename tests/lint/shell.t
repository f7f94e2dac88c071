#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every shell script of the tree, whatever its name, passes ShellCheck.
cd "$(dirname "$0")/../.." || exit 1
command -v shellcheck >/dev/null || { echo "1..0 # SKIP needs shellcheck"; exit 0; }

scripts=$(git ls-files | while read -r f; do
	if [ ! -f "$f" ] || [ -L "$f" ]; then continue; fi
	case $f in
	templates/dists/scripts/* | *.sh) echo "$f" ;;
	*)
		IFS= read -r line <"$f" 2>/dev/null
		[[ $line =~ ^'#!'.*[/\ ](ba|da)?sh($|\ ) ]] && echo "$f" ;;
	esac
done)

# What runs on nodes: every remark counts.  Tests: warnings; their variables cross
# files through tests/lib, which ShellCheck does not follow.
said=$({
	grep -v ^tests/ <<<"$scripts" | xargs -P 2 -n 10 shellcheck -x -S style -f gcc
	grep ^tests/ <<<"$scripts" | xargs -P 2 -n 10 shellcheck -x -S warning -e SC2154,SC2034 -f gcc
} 2>&1)
n=0
ok()	# ok NAME LINES: fails when there are lines
{
	n=$((n + 1))
	[ -z "$2" ] || { printf '%s\n' "$2" | sed 's/^/# /'; printf 'not '; }
	echo "ok $n - $1"
}

for f in $scripts; do
	ok "$f" "$(grep -F "$f:" <<<"$said")"
done
ok "it says nothing else" "$(grep -vF "$(sed 's/$/:/' <<<"$scripts")" <<<"$said" | grep .)"
# shellcheck disable=SC2016
ok "it would see an unquoted word" \
	"$(printf '#!/bin/sh\nrm $1\n' | shellcheck -f gcc - >/dev/null && echo "it does not")"
echo "1..$n"
