#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vzubc: the table, the old text, files from elsewhere, what it remembers.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib/tap.sh"
node_make
ct=27011
st=$node/state

file()	# file FAILS HELD: of an OpenVZ node
{
	cat <<-X
		Version: 2.5
		       uid  resource           held    maxheld    barrier      limit    failcnt
		      101:  kmemsize        1048576    4648960   14372700   14790164          0
		            dummy                 0          0          0          0          0
		            lockedpages           0          8        256        256          0
		            physpages         60000      65536          0      65536          $1
		            numproc             $2        130        240        240          0
		            numfile              10         30 9223372036854775807 9223372036854775807 0
		        0:  numproc               1          2        100        100          0
	X
}
file 3 10 >"$node/f"

row()	# row NAME: the cells of the last run's output
{
	sed -n "s/^ *$1|//p" <<<"$out" | tr -s ' ' | sed 's/ *| */|/g; s/^ //'
}

# ---- files ----------------------------------------------------------------------------

run vzubc -f "$node/f"
is "$rc|$err" "0|" "a file"
is "$(row kmemsize)" "1M 7.2% 7.0%|4.4M 32% 31%|13.7M|14.1M|-" "bytes, shares, limits"
is "$(row lockedpages)" "- - -|32K 3.1% 3.1%|1M|1M|-" "pages are bytes"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|3" "a limit without a barrier"
is "$(row numfile)" "" "what has no limit is not shown"
like "$out" "CT 101 .*CT 0 " "both owners"
run vzubc -v -f - <"$node/f"
is "$rc|$err|$out" "0||" "standard input is empty here"
run sh -c "vzubc -v -f - <'$node/f'"
is "$(row numfile)" "10 - -|30 - -|-|-|-" "-v, standard input"
run vzubc --file "$node/f" 0
unlike "$out" 'CT 101' "one of them"
is "$(row numproc)" "1 1.0% 1.0%|2 2.0% 2.0%|100|100|-" "is it"
run vzubc -f "$node/f" 55 nobody
is "$rc|$out" "0|" "unknown ones are ignored"

run vzubc -q -f "$node/f"
is "$(grep -c '[0-9]%|' <<<"$out")" 1 "-q: one row"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|3" "the one at its limit"
run vzubc -qm 0.5 -f "$node/f"
is "$(row numproc)" "10 4.1% 4.1%|130 54% 54%|240|240|-" "-qm"
run vzubc -qh 0.01 -qm 99 -f "$node/f"
is "$(row numproc)" "10 4.1% 4.1%|130 54% 54%|240|240|-" "-qh"
run vzubc -c -q -f "$node/f"
like "$out" $'\033\\[1;31m +physpages.*\033\\[0m' "-c: failures are red"

# ---- the run before ----------------------------------------------------------------------

run vzubc -r -i -rd "$st" -f "$node/f"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|3|-" "-r, the first time: all"
like "$out" '\+ FAIL\|  HELD' "says that it counts from there"
is "$(stat -c %a "$st")" 700 "what is kept is root's"
file 5 42 >"$node/f"
run vzubc -r -i -id "$st" -f "$node/f"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|2|-" "two more"
is "$(head -n1 <<<"$(row numproc)")" "42 17% 17%|130 54% 54%|240|240|-|+32" "32 more are held"
file 5 41 >"$node/f"
run vzubc -q -r -i -id "$st" -f "$node/f"
is "$(head -n1 <<<"$(row numproc)")" "41 17% 17%|130 54% 54%|240|240|-|-1" "-q shows what changed"
file 1 41 >"$node/f"
run vzubc -r -rd "$st" -f "$node/f"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|1" "counters from 0 again"
run vzubc -rc -rd "$st" -f "$node/f"
is "$(row physpages)" "234M - 91%|256M - 100%|-|256M|1" "-rc forgets"
ok "held is not" test -e "$st/held.101"
run vzubc -ic -id "$st" -f "$node/f"
ok "and is written again" test -e "$st/held.101"
# Somebody else's files do not become ours.
echo keep >"$node/victim"
rm "$st/failcnt.101"
ln -s "$node/victim" "$st/failcnt.101"
run vzubc -r -rd "$st" -f "$node/f"
is "$rc|$(cat "$node/victim")" "0|keep" "a link in the directory is replaced, not followed"
for bad in 'x' "$(head -c 3000 /dev/zero | tr '\0' 9)"; do
	echo "$bad" >"$st/failcnt.101"
	run vzubc -r -rd "$st" -f "$node/f"
	is "$rc|$(row physpages)" "0|234M - 91%|256M - 100%|-|256M|1" "a broken memory is none"
done
run env VZ_RUNDIR="$node/new/run" vzubc -r -f "$node/f"
is "$rc" 0 "the default directory is made"
ok "is there" test -e "$node/new/run/vzubc/failcnt.101"
# Failures of what is not held.
sed 's/^ *physpages .*/oomguarpages - - 0 100 7/' "$node/f" >"$node/g"
run vzubc -r -rd "$st" -f "$node/g"
is "$(row oomguarpages)" "- - -|- - -|-|400K|7" "an unknown use with failures"
run vzubc -r -rd "$st" -f "$node/g"
is "$(row oomguarpages)" "- - -|- - -|-|400K|-" "which are seen once"
run vzubc -r -rd /proc/nowhere -f "$node/f"
is "$rc" 1 "a directory that cannot be"

# ---- errors ---------------------------------------------------------------------------------

printf 'Version: 2.4\n' >"$node/bad"
run vzubc -f "$node/bad"
is "$rc|$err" "1|$node/bad: line 1: not version 2.5" "another version"
printf '101: kmemsize 1 2 3 4\n' >"$node/bad"
run vzubc -f "$node/bad"
is "$rc|$out|$err" "1||$node/bad: line 1: not a beancounter" "a short line"
head -c 100000 /dev/urandom >"$node/bad"
run vzubc -f "$node/bad"
is "$rc|$out" "1|" "noise"
run vzubc -f "$node/none"
is "$rc" 1 "no file"
code 1 'Unrecognized option: -x' "an unknown option" vzubc -x
code 1 'needs a value' "no value" vzubc -f
for v in x -1 nan inf 1x; do
	code 1 'needs another value' "-qh $v" vzubc -qh $v -f "$node/f"
done
code 1 'another value' "-wn 0" vzubc -wn 0 -f "$node/f"
code 1 'only once' "-w of standard input" vzubc -w -f -
code 0 'Usage: vzubc' "--help" vzubc --help

# ---- again and again -----------------------------------------------------------------------

run timeout 1 vzubc -w -wd -wn 0.2 -f "$node/f"
is $rc 124 "-w goes on"
ok "several times" test "$(grep -c 'Every 0.2s: vzubc' <<<"$out")" -ge 3
run timeout 1 vzubc -wt -wn 0.2 -f "$node/f"
unlike "$out" 'Every' "-wt: no title"
{ timeout 3 vzubc -wd -wn 0.2 -f "$node/f" & sleep 0.7; file 77 88 >"$node/f.new"; mv "$node/f.new" "$node/f"; wait; } >"$node/wd" 2>/dev/null
like "$(cat "$node/wd")" $'\033\\[7m' "-wd marks what changed"

# ---- this node --------------------------------------------------------------------------------

run vzubc
is "$rc|$out|$err" "0||" "nothing runs"
run vzubc --raw
is "$rc|$(wc -l <<<"$out")" "0|2" "--raw: the header"
run vzctl create $ct --ostemplate minimal --name ubc27
run vzctl set $ct --ram 64M --swap 0 --numproc 50:100 --save
vzctl start $ct >/dev/null 2>&1
run vzubc ubc27
is "$rc|$err" "0|" "by name"
like "$(row numproc)" '^[0-9]+ [0-9.]+% [0-9.]+%\|.*\|50\|100\|-$' "processes"
like "$(row physpages)" '\|-\|64M\|' "memory"
run vzubc --raw $ct
like "$out" "^Version: 2.5
       uid  resource                     held              maxheld              barrier                limit              failcnt
 +$ct: [a-z]+ " "--raw"
like "$out" "numproc +[1-9][0-9]* +[1-9][0-9]* +50 +100 +0
" "has numbers"
printf '%s\n' "$out" >"$node/raw"
is "$(awk 'NR > 2 && NF != 6 && !(NR == 3 && NF == 7)' "$node/raw")" "" "as many words as ever"
is "$(awk 'NR > 2 && $0 ~ / -|null/' "$node/raw")" "" "and numbers only"
run vzubc -v -f "$node/raw"
is "$rc|$err" "0|" "can read its own"
if [ ! -e "$(slice_dir)/vz-$ct.scope/memory.current" ]; then
	unlike "$(cat "$node/raw")" 'physpages' "what is not counted has no row"
fi
vzctl --quiet stop $ct --fast
run vzctl destroy $ct
is $rc 0 "destroy"
done_testing
