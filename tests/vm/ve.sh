#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The ve namespace (kernel-patches): its own rules by tests/vm/ve.c, and what vzctl makes
# of it.  For tests/vm/run --kernel; elsewhere `vzctl log` says that there is none.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
[ -n "${VZ_VM:-}" ] || skip_all "for the guest of tests/vm/run"
ve=${VZ_BUILD:-$top/build/debug}/tests/vm/ve
node_make
a=27041 b=27042
inside() { run vzctl exec2 "$@"; }
feature() { vzctl features --json | python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }
field() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"$out"; }

run "$ve" info
is "$([ $rc = 77 ] && echo False || echo True)" "$(feature ve)" "vzctl features tells the truth about ve"
for i in $a $b; do
	vzctl --quiet create $i --ostemplate minimal >/dev/null
	quiet "start $i" vzctl start $i
done

if [ "$(feature ve.log)" != True ]; then
	code 183 'no kernel log of its own' "vzctl log on this kernel" vzctl log $a
	inside $a dmesg
	ok "dmesg inside shows nothing" test -z "$out"
	ok "there is no /dev/kmsg" vzctl exec2 $a '[ ! -e /dev/kmsg ]'
	[ "$(feature ve)" = True ] || done_testing
fi

# ---- the namespace -------------------------------------------------------------------

code 0 'name=web.1 log=0 sealed=0 host=0' "a new one, named" "$ve" new -n web.1 "$ve" info
code 125 'EEXIST' "a name is for good" "$ve" new -n x "$ve" set -n y
code 125 'EINVAL' "no spaces in it" "$ve" new -n 'x y'
code 125 'EPERM' "the node's own is not to be changed" "$ve" set -s
code 0 'sealed=1' "sealed" "$ve" new -U -s "$ve" info
code 125 'EPERM' "nothing inside opens the seal" "$ve" new -U -s "$ve" set -n y
code 0 'name=z' "a new user namespace may have one" setpriv --reuid=65534 --clear-groups "$ve" new -U -n z "$ve" info
code 125 'EPERM' "a user alone may not" setpriv --reuid=65534 --clear-groups "$ve" new
run "$ve" info
is "$(field host)" 1 "this test is in the node's"

# ---- containers ------------------------------------------------------------------------

declare -A ns
for i in $a $b; do
	run "$ve" info "$(init_pid $i)"
	is "$(field name) $(field sealed) $(field host)" "$i 1 0" "container $i has its own, with its id, sealed"
	ns[$i]=$(field id)
done
ok "they are two" test "${ns[$a]}" != "${ns[$b]}"
vzctl exec2 $a 'cat >/ve && chmod 755 /ve' <"$ve"
is "$(vzctl exec2 $a readlink /proc/self/ns/ve)" "$(readlink "/proc/$(init_pid $a)/ns/ve")" "vzctl exec joins it"
is "$(vzctl exec2 $a /ve info | grep -o 'id=[0-9]*')" "id=${ns[$a]}" "and is told the same inside"
inside $a /ve set -n other
like "$rc $err" '^125 .*EPERM' "root inside does not rename it"
inside $a /ve new -U -n inner /ve info
like "$out" 'name=inner' "but makes one for a container of the container"
inside $a /ve in 1 /ve info
like "$out" "id=${ns[$a]}" "and joins that of its own init"

# An init whose first words are questions.
vzctl exec2 $b 'cat >/ve && chmod 755 /ve' <"$ve"
vzctl exec2 $b 'rm /sbin/init && cat >/sbin/init && chmod 755 /sbin/init' <<'X'
#!/bin/sh
/ve info >/first
/ve set -n other >>/first 2>&1
exec /bin/busybox init
X
vzctl --quiet restart $b
like "$(vzctl exec2 $b cat /first)" "^id=[0-9]+ name=$b .*sealed=1.*EPERM" "it has its name, and is sealed, before init runs"

# ---- the log -----------------------------------------------------------------------------

if [ "$(feature ve.log)" = True ]; then
	# Whatever is there already is none of the host's: the host has talked a lot.
	unlike "$(vzctl exec2 $a dmesg)" 'Linux version|Command line' "dmesg inside is not the host's"
	vzctl exec2 $a 'echo "<4>hello from a" >/dev/kmsg'
	like "$(vzctl exec2 $a dmesg)" 'hello from a' "what is written to /dev/kmsg is in dmesg inside"
	unlike "$(dmesg)" 'hello from a' "and not in the host's"
	unlike "$(vzctl exec2 $b dmesg)" 'hello from a' "nor in another container's"
	code 0 '^\[ *[0-9]+\.[0-9]{6}\] .*hello from a' "vzctl log shows it" vzctl log $a
	unlike "$(vzctl log $b)" 'hello from a' "of that container only"
	echo "<4>hello from the host" >/dev/kmsg
	unlike "$(vzctl log $a)$(vzctl exec2 $a dmesg)" 'from the host' "the host's is not in it"
	vzctl exec2 $a '/ve crash' >/dev/null 2>&1
	like "$(vzctl log $a)" 've\[[0-9]+\]: segfault' "a segmentation fault inside is in it"
	vzctl exec2 $a 'printf "esc \033[2J and \\\\\n" >/dev/kmsg'
	unlike "$(vzctl log $a)" $'\033' "an escape sequence does not reach the terminal"
	vzctl exec2 $a 'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done >/dev/kmsg; dmesg' >/dev/null
	like "$(vzctl log $a | tail -n 1)" 'line 1999' "a full log keeps the newest"
	unlike "$(vzctl log $a)" 'hello from a' "and drops the oldest"
	vzctl log $a --follow >"$tap_tmp/follow" 2>&1 &
	follow=$!
	vzctl exec2 $a 'echo "and then" >/dev/kmsg'
	ok "vzctl log --follow goes on" until_ok 10 grep -q 'and then' "$tap_tmp/follow"
	kill $follow
	is "$(vzctl exec2 $a 'ls -l /dev/kmsg | cut -c 1-10')" "crw-r--r--" "/dev/kmsg inside is root's"
	run vzctl exec2 $a 'dmesg -n 1'
	ok "the console's level is the node's" test $rc != 0
	code 31 'not running' "vzctl log of one that is down" vzctl log 27043
	vzctl --quiet restart $a
	unlike "$(vzctl log $a)" 'line 1999' "a restarted container has a new log"
fi
vzctl --quiet stop $a --fast
vzctl --quiet stop $b --fast
done_testing
