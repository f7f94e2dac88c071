#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the conventions of docs/architecture.md say and a program can see.
cd "$(dirname "$0")/../.." || exit 1

# Reviewed uses: FILE CALL.
reviewed='
vzctl/ct/exec.c getenv
'
n=0
ok()	# ok NAME LINES: fails when there are lines
{
	n=$((n + 1))
	[ -z "$2" ] || { printf '%s\n' "$2" | sed 's/^/# /'; printf 'not '; }
	echo "ok $n - $1"
}

c_files=$(git ls-files '*.c' '*.h')
product=$(grep -v ^tests/ <<<"$c_files")

# Tabs count to the next multiple of 8.  A message is not broken, so that it can be
# found by its text: a line that is one string and what closes the call may be long.
long_lines()
{
	xargs awk '
	FNR == 1 { off = 0 }
	/clang-format off/ { off = 1 }
	/clang-format on/ { off = 0 }
	off || length($0) <= 25 { next }
	{
		col = 0
		k = split($0, part, "\t")
		for (i = 1; i <= k; i++) {
			col += length(part[i])
			if (i < k)
				col += 8 - col % 8
		}
		if (col <= 100 || $0 ~ /^[\t ]*([a-z_]+\()?"[^"]*"([,;)]*| :| [})]*,)$/)
			next
		print FILENAME ":" FNR ": " col " columns"
	}'
}

# Code without comments and strings; line numbers stay.
bare()
{
	sed -E 's/"([^"\\]|\\.)*"/""/g; s|//.*||; s|/\*.*\*/||g; /\/\*/,/\*\//s/.*//' "$1"
}

calls()	# calls REGEX: "FILE:LINE: CALL" for product code, minus what was reviewed
{
	local f call line
	for f in $product; do
		bare "$f" | grep -noE "(^|[^a-zA-Z0-9_.>])($1)\(" | sed -E 's/^([0-9]+):.*[^a-zA-Z0-9_]?\b([a-z_]+)\($/\1 \2/' |
			while read -r line call; do
				grep -qxF "$f $call" <<<"$reviewed" || echo "$f:$line: $call"
			done
	done
}

# getenv() is for test hooks: the rest is listed above.
hookless()
{
	awk -v reviewed="$reviewed" '
	FNR == 1 { depth = hook = 0 }
	/^#if/ { depth++ }
	/^#ifdef VZ_TEST_HOOKS/ { hook = depth }
	/^#(else|elif)/ && hook == depth { hook = 0 }
	/^#endif/ { if (hook == depth) hook = 0; depth-- }
	/[^a-z_](secure_)?getenv\(/ && !hook && index(reviewed, "\n" FILENAME " getenv\n") == 0 {
		print FILENAME ":" FNR ": getenv outside VZ_TEST_HOOKS"
	}' "$@"
}

no_spdx()
{
	git ls-files '*.c' '*.h' '*.def' '*.mk' '*.sh' '*.t' '*.py' '*.policy' Makefile | while read -r f; do
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$f"
	done
}

ok "lines of C have at most 100 columns" "$(long_lines <<<"$c_files")"
ok "every file says its license" "$(no_spdx)"
ok "no blanks at the end of lines, no spaces before tabs" \
	"$(xargs grep -nE '[	 ]+$| 	' <<<"$c_files" | cut -c 1-90)"
ok "nothing that starts a shell" "$(calls 'system|popen|execlp|execvp|execvpe|posix_spawnp|wordexp')"
ok "nothing that writes without a bound" \
	"$(calls 'strcpy|strcat|sprintf|vsprintf|gets|stpcpy|tmpnam|mktemp|tempnam|alloca|strncat')"
ok "nothing that keeps hidden state" "$(calls 'strtok|getpwnam|getpwuid|getgrnam|gethostbyname|inet_ntoa|asctime|ctime')"
# shellcheck disable=SC2086
ok "getenv only for test hooks" "$(hookless $product)"
ok "every header has a guard of its own" "$(grep '\.h$' <<<"$product" | while read -r f; do
	guard=$(sed -n 's/^#ifndef \([A-Z0-9_]*_H\)$/\1/p;' "$f" | head -n 1)
	grep -qx "#define ${guard:-?}" "$f" || echo "$f: no guard"
	echo "=$guard"
done | sort | uniq -d; grep '\.h$' <<<"$product" | xargs grep -LE '^#ifndef [A-Z0-9_]*_H$')"

# The checks themselves.
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cat >"$tmp/bad.c" <<'X'
#include <stdlib.h>
/* system("in a comment") */
#ifdef VZ_TEST_HOOKS
char *a(void) { return getenv("VZ_A"); }
#else
char *b(void) { return getenv("B"); }
#endif
int c(const char *s) { puts("system("); return system(s); }
X
{ printf '\tx = '; printf 'a + %.0s' {1..30}; echo 'b;'
	printf '\tvz_warn("'; printf 'long %.0s' {1..30}; echo '");'; } >>"$tmp/bad.c"
product=$tmp/bad.c
ok "sees a call, but not in strings and comments" \
	"$([ "$(calls 'system')" = "$tmp/bad.c:8: system" ] || calls 'system' | sed 's/^/got /')"
ok "sees getenv outside hooks" \
	"$([ "$(hookless "$tmp/bad.c")" = "$tmp/bad.c:6: getenv outside VZ_TEST_HOOKS" ] || hookless "$tmp/bad.c")"
ok "sees a long line, but not a long message" \
	"$([ "$(long_lines <<<"$tmp/bad.c")" = "$tmp/bad.c:9: 134 columns" ] || long_lines <<<"$tmp/bad.c")"
echo "1..$n"
