#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# enter and console of a container with systemd and bash, as a person uses them.
# shellcheck source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2119,SC2317
lib=$(cd "$(dirname "$0")/../lib" && pwd)
. "$lib/templates.sh"
template debian-12-x86_64
. "$lib/tap.sh"
have_template debian-12-x86_64 || skip_all "debian-12-x86_64 was not built: ${VZ_TMPL_WHY:-?}"
node_make

# term NAME STEP... -- COMMAND: each step is a wait or keys, see term.py
term()
{
	local name=$1
	shift
	run_timeout=90 run "$lib/term.py" 20 "$@"
	is $rc "${want:-0}" "$name" || diag "$out"
}
prompt='expect:[#] $'

run vzctl create $ct --ostemplate debian-12-x86_64 --hostname tty.example
is $rc 0 "create"
run vzctl start $ct --wait
is $rc 0 "start --wait"
run vzctl --quiet set $ct --userpasswd root:secret
is $rc 0 "set --userpasswd"

# ---- enter ---------------------------------------------------------------------------

term "enter: a terminal, TERM, its size and what changes it" \
	'expect:entered into CT' "$prompt" 'send:tty; echo "<$TERM>"; stty size\r' 'expect:/dev/pts/[0-9]+' \
	'expect:<xterm-vztest>' 'expect:31 97' "$prompt" \
	'send:trap "stty size; echo winch-\$((1+1))" WINCH\r' "$prompt" 'size:40x120' 'send:\r' \
	'expect:40 120' 'expect:winch-2' "$prompt" 'send:exit\r' 'expect:exited from CT' -- vzctl enter $ct
unlike "$out" 'no job control|cannot set terminal process group' "enter: bash has job control"
term "enter: Ctrl-Z, jobs, bg, fg, Ctrl-C" "$prompt" 'send:sleep 1234\r' 'sleep:0.5' 'send:\x1a' \
	'expect:Stopped +sleep 1234' "$prompt" 'send:jobs\r' 'expect:\[1\]\+ +Stopped' "$prompt" \
	'send:bg\r' 'expect:sleep 1234 &' "$prompt" 'send:jobs\r' 'expect:Running' "$prompt" \
	'send:fg\r' 'expect:sleep 1234' 'sleep:0.5' 'send:\x03' "$prompt" 'send:echo rc-$?\r' 'expect:rc-130' \
	"$prompt" 'send:exit\r' 'expect:exited from CT' -- vzctl enter $ct
term 'enter: Ctrl-\ and Ctrl-D' "$prompt" 'send:sleep 1234\r' 'sleep:0.5' 'send:\x1c' 'expect:Quit' "$prompt" \
	'send:cat\r' 'sleep:0.3' 'send:line\r' 'expect:line\r\nline' 'send:\x04' "$prompt" \
	'send:\x04' 'expect:exited from CT' -- vzctl enter $ct
term "enter: a pager, full screen" "$prompt" 'send:seq 500 | TERM=xterm less\r' 'expect:30\r\n:' 'send:G' 'expect:500' \
	'send:q' "$prompt" 'send:exit\r' 'expect:exited from CT' -- vzctl enter $ct
# OpenVZ's enter says 0 whatever the shell said; exec2 is for status.
term "enter: its exit code" "$prompt" 'send:exit 7\r' 'expect:exited from CT' -- vzctl enter $ct
is "$(vzctl exec2 $ct 'pgrep -xc "sleep|less|cat"' </dev/null)" 0 "enter: no job is left"

# ---- the caller's terminal -------------------------------------------------------------

term "enter, console: the terminal is as before" "$prompt" 'send:stty -g >/tmp/in; exit\r' 'expect:exited from CT' \
	'expect:same-1' 'expect:Attached' 'sleep:0.3' 'send:\x1b.' 'expect:Detached' 'expect:same-2' -- sh -c '
	a=$(stty -g); vzctl enter '$ct'; [ "$a" = "$(stty -g)" ] && echo same-$((0+1))
	vzctl console '$ct'; [ "$a" = "$(stty -g)" ] && echo same-$((1+1))'

# ---- console ---------------------------------------------------------------------------

login=('expect:Attached to CT' 'send:\r' 'expect:login: ' 'send:root\r' 'expect:assword: ' 'send:secret\r' "$prompt")
term "console: login, size, Ctrl-C, Ctrl-Z, fg" "${login[@]}" 'send:tty; stty size\r' 'expect:/dev/console' 'expect:31 97' \
	"$prompt" 'size:50x132' 'sleep:0.3' 'send:stty size\r' 'expect:50 132' "$prompt" 'send:sleep 1234\r' 'sleep:0.5' \
	'send:\x1a' 'expect:Stopped' "$prompt" 'send:fg\r' 'expect:sleep 1234' 'sleep:0.5' 'send:\x03' "$prompt" \
	'send:echo kept-$((40 + 2))\r' 'expect:kept-42' "$prompt" 'send:\r' "$prompt" 'send:\x1b.' 'expect:Detached' -- vzctl console $ct
term "console: attached again, the session goes on" 'expect:kept-42' 'send:\r' "$prompt" 'send:echo $((6 * 7))-again\r' \
	'expect:42-again' "$prompt" 'send:echo a\x1b.b\r' "$prompt" 'send:\r' "$prompt" 'send:\x1b.' 'expect:Detached' -- vzctl console $ct
term "console: two at once see the same" 'expect:Attached' 'send:\r' "$prompt" 'send:echo both-$((1+1))\r' 'expect:both-2' \
	'send:\r' "$prompt" 'send:\x1b.' 'expect:Detached' 'expect:other-saw-it' -- sh -c "
	{ sleep 8; printf '\\033.'; } | vzctl console $ct >$tap_tmp/other 2>&1 & vzctl console $ct; wait
	grep -q both-2 $tap_tmp/other && echo other-saw-it"

# ---- a crash -----------------------------------------------------------------------------

run vzctl exec2 $ct 'echo the-last-words >/dev/console; sleep 0.2'
kill -9 "$(init_pid $ct)"
ok "init is killed: the container is down" until_ok 10 is_down $ct
run vzctl console $ct
is $rc 31 "console of what crashed: 31"
like "$out" the-last-words "and what it said last"
run vzctl start $ct --wait
term "it starts again, and its console works" 'expect:Attached' 'send:\r' 'expect:login: ' 'send:\x1b.' 'sleep:0.2' 'send:\r\x1b.' 'expect:Detached' -- vzctl console $ct
run vzctl stop $ct --fast
run vzctl destroy $ct
is $rc 0 "destroy"
done_testing
