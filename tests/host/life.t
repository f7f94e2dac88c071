#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What users and clients see: commands, messages, exit codes, streams, terminals.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016
. "$(dirname "$0")/../lib/tap.sh"
. "$top/tests/lib/leak.sh"
node_make
pty=$top/tests/lib/term.py
nothing=$(leak_snapshot)
conf=$(conf_of "$ct")

status()
{
	vzctl status "$ct" </dev/null
}

# ---- command line -------------------------------------------------------------------

code 0 '^vzctl version [0-9]+\.[0-9]+\.[0-9]+
$' "--version is one line" vzctl --version
run env -i LC_ALL=C "$bin/vzctl" --help
is "${out%%$'\n'*}" "$(vzctl --version)" "--help begins with the version"
is $rc 0 "--help: 0"
like "$out" 'vzctl set.*--force' "the usage names vzctl set --force"
run vzctl
is "$rc:${out:-nothing}" 20:nothing "no arguments: 20, usage on stderr"
like "$err" Usage: "which is a usage"
code 20 '^
Bad command: frobnicate$' "unknown command" vzctl frobnicate "$ct"
code 20 'Bad command: ' "libvirt's 'start destroy' must not destroy" vzctl --quiet frob destroy "$ct"
code 21 'CT ID' "libvirt's two verbs: 21" vzctl --quiet start destroy "$ct"
code 21 'CT ID missing' "no CTID" vzctl start
code 21 'Bad CT ID nobody' "a name that is none" vzctl start nobody
code 21 'Bad CT ID 2147483645' "an id out of range" vzctl start 2147483645
code 21 '' "negative id" vzctl start -1
code 20 'Invalid options: --frob' "unknown option of start" vzctl start "$ct" --frob
code 20 'Invalid' "argument of mount" vzctl mount "$ct" now
code 21 '' "unknown option of set" vzctl set "$ct" --frobnicate 1 --save
code 21 '' "unknown option of create" vzctl create "$ct" --frobnicate 1
code 10 '' "no vz.conf" env VZ_CONFDIR=/nonexistent vzctl start "$ct"

# ---- a container that is none --------------------------------------------------------

is "$(status)" "CTID $ct deleted unmounted down" "status of nothing"
quiet "and its exit code" vzctl status "$ct"
for v in start stop mount umount destroy restart; do
	code 14 '^
Container config file does not exist$' "$v of nothing: 14" vzctl $v "$ct"
done
code 14 'config file does not exist' "exec2 of nothing: 14" vzctl exec2 "$ct" true
code 21 '' "status of an unknown name" vzctl status nobody

# ---- create -----------------------------------------------------------------------------

code 91 '' "unknown template: 91" vzctl create "$ct" --ostemplate no-such-template
code 82 '' "unknown sample: 82" vzctl create "$ct" --config no-such-sample
code 21 '' "bad address: 21" vzctl create "$ct" --ipadd 300.1.1.1
leak_is "$nothing" "failed creates leave nothing"

quiet "create" vzctl create "$ct" --ostemplate minimal --hostname first.example --name "one$ct"
like "$out" 'Creating container private area \(minimal\)
(.*
)*Performing postcreate actions
(.*
)*CT configuration saved to '"$conf"'
(.*
)*Container private area was created$' "create's messages"
like "$(cat "$conf")" 'ONBOOT="(no|auto)"' "the config has ONBOOT (libvirt crashes without)"
like "$(cat "$conf")" 'VE_PRIVATE="[^"]*/\$VEID"' "VE_PRIVATE keeps \$VEID"
# shellcheck disable=SC1090
( VEID=$ct; . "$conf" && [ "$HOSTNAME" = first.example ] )
ok "the config is a shell script" test $? = 0
is "$(status)" "CTID $ct exist unmounted down" "status: created"
is "$(vzctl status "one$ct")" "CTID $ct exist unmounted down" "status by name"
code 44 'already exists' "create again: 44" vzctl create "$ct" --ostemplate minimal
code 131 '' "name taken: 131" vzctl create "$ct2" --ostemplate minimal --name "one$ct"
is "$(vzctl status "$ct2")" "CTID $ct2 deleted unmounted down" "and nothing was made"

# ---- stopped ---------------------------------------------------------------------------------

code 31 '^
Container is not running$' "exec2, stopped: 31" vzctl exec2 "$ct" true
code 8 '^
Container is not running$' "exec, stopped: 8" vzctl exec "$ct" true
code 31 'not running' "enter, stopped: 31" vzctl enter "$ct"
code 0 '^
Unable to stop: container is not running$' "stop, stopped: 0" vzctl stop "$ct"
code 40 'CT is not mounted' "umount, not mounted: 40" vzctl umount "$ct"
quiet "mount" vzctl mount "$ct"
is "$out" "Container is mounted" "mount says so"
is "$(status)" "CTID $ct exist mounted down" "status: mounted"
code 0 '^Container is mounted
$' "mount, mounted: 0" vzctl mount "$ct"
code 41 'mounted' "destroy, mounted: 41" vzctl destroy "$ct"
ok "the root is there" test -x "$node/root/$ct/bin/busybox"
quiet "umount" vzctl umount "$ct"
is "$out" "Container is unmounted" "umount says so"
is "$(status)" "CTID $ct exist unmounted down" "status: unmounted"
echo 'DISABLED="yes"' >>"$conf"
code 105 '' "DISABLED: 105" vzctl start "$ct"
quiet "--force starts it" vzctl start "$ct" --force
quiet "and it stops" vzctl stop "$ct" --fast
sed -i /DISABLED/d "$conf"
mv "$node/private/$ct" "$node/private/away"
code 43 '' "no private area: 43" vzctl start "$ct"
is "$(status)" "CTID $ct deleted unmounted down" "status without private area"
mv "$node/private/away" "$node/private/$ct"

# ---- start, stop -----------------------------------------------------------------------------

stopped=$(leak_snapshot)
# Command substitution and a reader of a pipe end only when nobody holds it.
out=$(timeout 20 "$bin/vzctl" start "$ct" 2>&1 </dev/null)
is $? 0 '$(vzctl start) returns'
like "$out" '^Starting container\.\.\.
(.*
)*Container is mounted
(.*
)*Setting CPU units: 1000
(.*
)*Container start in progress\.\.\.$' "start's messages"
is "$(status)" "CTID $ct exist mounted running" "status: running"
code 32 '^
Container is already running$' "start, running: 32" vzctl start "$ct"
code 32 'currently running' "destroy, running: 32" vzctl destroy "$ct"
code 32 'stop it first' "umount, running: 32" vzctl umount "$ct"
quiet "mount, running: 0" vzctl mount "$ct"
is "$(status)" "CTID $ct exist mounted running" "still running"
held=$(find /proc/"$(mon_pid "$ct")"/fd /proc/"$(init_pid "$ct")"/fd -lname '*pipe*' -o -lname "$node/lock/*" -o -lname "$tap_tmp/*")
is "$held" "" "monitor and init hold none of vzctl's descriptors"
is "$(readlink "/proc/$(mon_pid "$ct")/cwd")" / "the monitor's directory is /"

# exec: the shell inside joins and evaluates again
x()	# x WANTED NAME WORDS...
{
	local want=$1 name=$2
	shift 2
	run vzctl exec2 "$ct" "$@"
	is "$out" "$want" "exec: $name"
}
x "a b" "words are joined" echo a b
x "a b" "blanks are not kept" echo "a      b"
x "/" "double evaluation" echo '$HOME'
x "2" "a pipe in one word" 'printf "1\n2\n" | wc -l'
x "/bin/busybox" "globs expand inside" echo '/bin/busyb*'
x "<>" "an empty word becomes ''" printf '"<%s>\n"' ""
x "a'b" "quotes are for the shell inside" echo "\"a'b\""
x "HOME=/
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
TERM=linux" "the environment" 'env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD= | sort'
x "/" "the directory" pwd
x "0 0" "the ids" 'echo $(id -u) $(id -g)'
x "first.example" "the hostname" hostname
# Not by ash, which ignores SIGQUIT.  The caller's own do not count, nor vzctl's SIGPIPE.
run sh -c 'trap "" INT HUP USR1; exec "$@"' sh "$bin/vzctl" exec3 "$ct" /bin/grep -E 'Sig(Blk|Ign)' /proc/self/status
is "$out" "SigBlk:	0000000000000000
SigIgn:	0000000000000000" "exec: no signal is blocked or ignored"
run vzctl exec3 "$ct" /bin/echo 'a  $HOME' '*'
is "$out" 'a  $HOME *' "exec3: argv as it is"
code 20 'No command line given for exec2' "exec2 without a command: 20" vzctl exec2 "$ct"
code 8 '' "exec of a failing command: 8" vzctl exec "$ct" exit 3
code 3 '' "exec2: its own status" vzctl exec2 "$ct" exit 3
code 137 '' "exec2: 128 + signal" vzctl exec2 "$ct" 'kill -9 $$'
code 127 '' "exec2: no such command" vzctl exec2 "$ct" no-such-command
run vzctl exec2 "$ct" 'echo to-out; echo to-err >&2'
is "$out/$err" "to-out/to-err" "stdout and stderr stay apart"
is "$(echo 'echo $0-script $((6 * 7))' | timeout 20 vzctl exec "$ct" -)" "/bin/sh-script 42" "exec -: a script on stdin"
is "$(printf 'x\ny\n' | timeout 20 vzctl exec2 "$ct" cat -n | tr -s ' \t\n' ' ')" " 1 x 2 y " "stdin is passed on, with its end"
is "$(printf '1\n2\n3\n' | while read -r l; do vzctl exec2 "$ct" echo "l$l" </dev/null; done | tr '\n' ' ')" \
	"l1 l2 l3 " "while read, with </dev/null"
is "$(timeout 20 vzctl exec2 "$ct" 'sleep 300 & echo started' </dev/null)" started "a background child does not hold exec"
is "$(timeout 20 vzctl exec2 "$ct" 'exec sleep 0' 0<&- 2>&1; echo $?)" 0 "exec with stdin closed"
is "$(timeout 20 vzctl exec2 "$ct" 'yes | head -c 10000000' </dev/null | head -c 5)" "$(printf 'y\ny\ny')" "a reader that goes away"
big=$tap_tmp/big
head -c 67108864 /dev/urandom >"$big"
sum=$(sha256sum <"$big")
is "$(timeout 60 vzctl exec2 "$ct" cat <"$big" | sha256sum)" "$sum" "64 MiB through exec, both ways"
is "$(timeout 60 vzctl exec2 "$ct" sha256sum <"$big")" "$sum" "64 MiB in"
rm "$big"
is "$(vzctl exec2 "$ct" 'sleep 30' </dev/null & p=$!; sleep 0.3; kill $p; { wait $p; } 2>/dev/null; echo $?)" 143 \
	"exec ends by its signal"
echo 'echo "from $(hostname) $1"; exit 5' >"$tap_tmp/script"
code 5 '^from first\.example' "runscript" vzctl runscript "$ct" "$tap_tmp/script"
run vzctl runscript "$ct" /nonexistent
ok "runscript without its file fails" test $rc != 0
x "" "no process of an exec stays but what it left on purpose" 'ps | grep -v -e "\[" -e "sleep 300" -e ps -e grep -e init -e "sh$" -e COMMAND -e awk -e " sh " -e "-c "'

# ---- a second command meanwhile -------------------------------------------------------------------

flock "$node/lock/$ct.lck" sh -c 'echo "$PPID
start" >"$0"; exec sleep 3' "$node/lock/$ct.lck" &
locker=$!
sleep 0.2
echo "$locker
start" >"$node/lock/$ct.lck"
code 9 'Container already locked' "locked: 9" vzctl stop "$ct"
quiet "exec needs no lock" vzctl exec2 "$ct" true
quiet "status needs no lock" vzctl status "$ct"
code 9 '' "--wait-lock gives up" vzctl --wait-lock 1 stop "$ct"
kill $locker; { wait $locker; } 2>/dev/null
sleep 0.1

# ---- terminals ---------------------------------------------------------------------------------------

run "$pty" 10 'expect:entered into CT' 'expect:[#$] ' 'send:tty; echo $TERM/$HOME/$USER/$LOGNAME; stty size\r' \
	'expect:/dev/pts/[0-9]+' 'expect:xterm-vztest//root/root/root' 'expect:31 97' \
	'size:40x120' 'sleep:0.2' 'send:stty size\r' 'expect:40 120' \
	'send:sleep 100\r' 'sleep:0.3' 'send:\x03' 'expect:[#$] ' 'send:sleep 99 &\r' 'expect:[#$] ' 'send:jobs\r' 'expect:sleep 99' \
	'send:cat\r' 'sleep:0.2' 'send:\x04' 'expect:[#$] ' 'send:exit 3\r' 'expect:exited from CT' -- vzctl enter "$ct"
is $rc 0 "enter: terminal, TERM, window size, SIGWINCH, Ctrl-C, jobs, Ctrl-D; 0 at the end" || diag "$out"
like "$out" "^entered into CT $ct" "enter: the first line"
like "$out" "exited from CT $ct" "enter: the last line"
run "$pty" 10 'expect:marker-4' 'send:exit\r' -- vzctl enter "$ct" --exec 'echo marker-$((2+2))'
is $rc 0 "enter --exec types a command" || diag "$out"
like "$(echo 'echo piped-$((1+1))' | timeout 10 vzctl enter "$ct"; echo "rc $?")" 'piped-2.*exited from.*rc 0' "enter without a terminal ends with its input"
run "$pty" 5 'expect:[#$] ' 'send:sleep 777\r' 'sleep:0.3' hup -- vzctl enter "$ct"
gone() { ! vzctl exec2 "$ct" 'ps | grep -v grep | grep "sleep 777"' </dev/null; }
ok "a closed terminal ends what runs in it" until_ok 5 gone

run "$pty" 10 'expect:Attached to CT' 'send:\r' 'expect:[#$] ' 'send:echo con-$((40 + 2)); stty size\r' 'expect:con-42' 'expect:31 97' \
	'send:\r' 'expect:[#$] ' 'sleep:0.2' 'send:\x1b.' 'expect:Detached' -- vzctl console "$ct"
is $rc 0 "console: attach, a shell, window size, ESC . detaches" || diag "$out"
run "$pty" 10 'expect:con-42' 'send:\r' 'sleep:0.2' 'send:\x1b.' 'expect:Detached' -- vzctl console "$ct"
is $rc 0 "console: what was said before is shown again" || diag "$out"
run vzctl exec2 "$ct" 'echo last-words >/dev/console'
sleep 0.2

# ---- stop, restart -----------------------------------------------------------------------------------

quiet "stop" vzctl stop "$ct"
is "$out" "Stopping container ...
Container was stopped
Container is unmounted" "stop's messages"
is "$(status)" "CTID $ct exist unmounted down" "status: stopped"
leak_is "$stopped" "stop leaves what was before start"
code 31 'last-words' "console of a stopped container shows its log" vzctl console "$ct"
quiet "restart of a stopped one" vzctl restart "$ct"
old=$(init_pid "$ct")
quiet "restart" vzctl restart "$ct" --fast
like "$out" 'Restarting container
.*Container was stopped.*
Starting container' "restart's messages"
ok "it is another init" test "$old" != "$(init_pid "$ct")"
quiet "stop --fast" vzctl stop "$ct" --fast
quiet "start right after stop" vzctl start "$ct"
quiet "stop --skip-umount" vzctl stop "$ct" --fast --skip-umount
is "$(status)" "CTID $ct exist mounted down" "is mounted still"
quiet "start when mounted" vzctl start "$ct"
quiet "stop" vzctl stop "$ct" --fast
for i in 1 2 3 4 5; do
	vzctl --quiet start "$ct" && vzctl --quiet stop "$ct" --fast || { tap_fail "round $i"; break; }
done
leak_is "$stopped" "rounds of start and stop leave nothing"
run vzctl --quiet start "$ct"
is "$out$err" "" "--quiet says nothing"
vzctl --quiet stop "$ct" --fast

# ---- many at once, killed from outside, a flood ----------------------------------------------------------

for i in 1 2 3 4 5 6; do
	vzctl start "$ct" >/dev/null 2>&1 </dev/null &
	par[i]=$!
done
codes=''
for i in 1 2 3 4 5 6; do
	wait "${par[i]}"
	codes+=" $?"
done
is "$(tr ' ' '\n' <<<"$codes" | grep -cx 0)" 1 "six starts at once: one does it"
like "$codes" '^( 0| 9| 32)+$' "the others: locked or running"
for i in 1 2 3 4 5 6; do
	( vzctl --quiet create $((ct + 3 + i)) --ostemplate minimal && vzctl --quiet start $((ct + 3 + i)) &&
		[ "$(vzctl exec2 $((ct + 3 + i)) echo in </dev/null)" = in ] &&
		vzctl --quiet stop $((ct + 3 + i)) --fast && vzctl --quiet destroy $((ct + 3 + i)) ) >/dev/null 2>&1 &
	par[i]=$!
done
codes=''
for i in 1 2 3 4 5 6; do
	wait "${par[i]}"
	codes+=" $?"
done
is "$codes" " 0 0 0 0 0 0" "six containers at once: create, start, exec, stop, destroy"
timeout 30 vzctl exec2 "$ct" 'yes 0123456789 | head -c 8000000 >/dev/console' </dev/null
is "$(vzctl exec2 "$ct" echo in </dev/null)" in "a flood on the console holds nothing up"
ok "its log is bounded" test "$(cat "$node/log/$ct.console"* | wc -c)" -lt 3000000
mapfile -t all <"$(slice_dir)/vz-$ct.scope/ct/cgroup.procs"
kill -9 "${all[@]}" 2>/dev/null
ok "all processes killed from outside: cleaned up" until_ok 5 is_down "$ct"
until_ok 5 test ! -e "$VZ_RUNDIR/$ct"
rm -f "$node/reboot/$ct"
leak_is "$stopped" "and nothing is left"

# ---- suspend in memory -----------------------------------------------------------------------------------

vzctl --quiet start "$ct"
quiet "chkpnt --suspend" vzctl chkpnt "$ct" --suspend
run_timeout=5 code 31 'suspended' "exec into a frozen container: 31, no hanging" vzctl exec2 "$ct" true
quiet "chkpnt --resume" vzctl chkpnt "$ct" --resume
is "$(vzctl exec2 "$ct" echo thawed </dev/null)" thawed "it goes on"
echo 'echo "stop script"; touch /stop-script' >"$node/etc/conf/$ct.stop"
vzctl --quiet chkpnt "$ct" --suspend
quiet "a frozen container stops" vzctl stop "$ct" --fast
ok "its stop script has run" test -e "$(tree_of "$ct")/stop-script"
echo 'exit 1' >"$node/etc/conf/$ct.start"
code 79 '' "a start script that fails: 79" vzctl start "$ct"
is "$(status)" "CTID $ct exist unmounted down" "and all is undone"
rm "$node/etc/conf/$ct".st*
code 31 '' "chkpnt of a stopped one: 31" vzctl chkpnt "$ct" --suspend

# ---- set ----------------------------------------------------------------------------------------------

printf '#UUID: 1234\nODDKEY="kept"\n' >>"$conf"
quiet "set --save, stopped" vzctl set "$ct" --hostname second.example --save
is "$out" "CT configuration saved to $conf" "set's message"
like "$(cat "$conf")" '#UUID: 1234' "comments survive"
like "$(cat "$conf")" 'ODDKEY="kept"' "unknown keys survive"
code 31 '' "set --ipadd without --save, stopped: 31" vzctl set "$ct" --ipadd 10.9.9.9

# ---- --dry-run changes nothing -----------------------------------------------------------------------------

before=$(leak_snapshot; md5sum "$conf")
for c in "start $ct" "stop $ct" "destroy $ct" "mount $ct" "create $ct2 --ostemplate minimal --name n --hostname h" \
	"set $ct --hostname third --save"; do
	# shellcheck disable=SC2086
	quiet "--dry-run: $c" vzctl $c --dry-run
	like "$out" . "prints something"
done
vzctl --quiet mount "$ct"
quiet "--dry-run: umount" vzctl umount "$ct" --dry-run
is "$(status)" "CTID $ct exist mounted down" "still mounted"
code 0 '' "--dry-run: destroy --force of a mounted one" vzctl destroy "$ct" --force --dry-run
is "$(status)" "CTID $ct exist mounted down" "still mounted after destroy --force --dry-run"
vzctl --quiet umount "$ct" >/dev/null 2>&1
vzctl --quiet start "$ct"
quiet "--dry-run: stop, running" vzctl stop "$ct" --dry-run
is "$(status)" "CTID $ct exist mounted running" "still running"
vzctl --quiet stop "$ct" --fast
is "$(leak_snapshot; md5sum "$conf")" "$before" "--dry-run changed nothing"

# ---- configs as they are in the wild -------------------------------------------------------------------------

cp "$conf" "$tap_tmp/good.conf"
wild()	# wild NAME: the text for the config is on stdin
{
	{ cat "$tap_tmp/good.conf"; cat; } >"$conf"
	run vzctl start "$ct"
	is $rc 0 "starts with $1"
	is "$(vzctl exec2 "$ct" echo in </dev/null)" in "and runs"
	vzctl --quiet stop "$ct" --fast >/dev/null 2>&1
}
sed 's/$/\r/' "$tap_tmp/good.conf" >"$conf"
run vzctl start "$ct"
is $rc 0 "starts with CRLF"
is "$(vzctl exec2 "$ct" hostname </dev/null)" second.example "whose values have no CR"
vzctl --quiet stop "$ct" --fast
wild "unknown keys" <<<$'FROBNICATE="1"\nKMEMSIZE="14372700:14790164"\nDCACHESIZE="3409920:3624960"\nIPTABLES="ipt_REJECT"'
wild "syntax errors" <<<$'this is no line\nHALF="open\n=x\n""\n'
wild "bad values" <<<$'CPUUNITS="many"\nNUMPROC="x:y"\nCAPABILITY="NO_SUCH:on"\nFEATURES="no_such:on"'
wild "a device that is not there" <<<'DEVNODES="no/such/node:rw "'
wild "noise" < <(head -c 20000 /dev/urandom | tr -d '\0')
cp "$tap_tmp/good.conf" "$conf"

# ---- destroy --------------------------------------------------------------------------------------------------

quiet "destroy" vzctl destroy "$ct"
is "$out" "Destroying container private area: $node/private/$ct
Container private area was destroyed" "destroy's messages"
is "$(status)" "CTID $ct deleted unmounted down" "status: destroyed"
leak_is "$nothing" "destroy leaves nothing"

# libvirt: the config is there before create, and a name equal to the id
cp "$node/etc/conf/ve-test.conf-sample" "$conf"
quiet "create with a config that is there" vzctl --quiet create "$ct" --name "$ct" --ostemplate minimal
vzctl --quiet destroy "$ct"

# ---- the ids of a create that is under way -----------------------------------------------------------------------

# One range on this node: a create that was killed keeps it until it is cleaned up.
cp "$node/etc/vz.conf" "$tap_tmp/vz.conf"
echo 'UIDMAP_BASE="2147352576"' >>"$node/etc/vz.conf"
VZ_KILL_STEP=store.create vzctl --quiet create "$ct" --ostemplate minimal </dev/null >/dev/null 2>&1
code 180 'ranges of ids are taken' "a create does not take the ids of another that is not done" \
	vzctl create "$ct2" --ostemplate minimal
quiet "which goes on with them" vzctl --quiet create "$ct" --ostemplate minimal
code 180 'ranges of ids are taken' "and keeps them" vzctl create "$ct2" --ostemplate minimal
vzctl --quiet destroy "$ct"
cp "$tap_tmp/vz.conf" "$node/etc/vz.conf"

# ---- a full disk ------------------------------------------------------------------------------------------------

mkdir -p "$node/small"
truncate -s 4M "$node/disk"
mkfs.ext4 -q -O ^has_journal "$node/disk" 2>/dev/null && mount -o loop "$node/disk" "$node/small"
if mountpoint -q "$node/small"; then
	head -c 16M /dev/zero >"$node/small/fill" 2>/dev/null
	full=$(leak_snapshot)
	for l in $(printf '%s\n' $layout dir | sort -u); do
		run vzctl create "$ct" --ostemplate minimal --layout $l --private "$node/small/$ct"
		ok "create on a full disk fails ($l)" test $rc != 0
		like "$err" 'No space left' "and says why ($l)"
		is "$(status)" "CTID $ct deleted unmounted down" "and made nothing ($l)"
		is "$(find "$node/small" -mindepth 1 ! -name lost+found ! -name fill)" "" "nor left anything ($l)"
	done
	leak_is "$full" "a full disk leaves nothing"
	umount "$node/small"
else
	skip 9 "no loop devices or mkfs.ext4"
fi
leak_is "$nothing" "nothing is left in the end"
done_testing
