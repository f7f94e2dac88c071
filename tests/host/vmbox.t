#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The box of a virtual machine, from inside: box-probe.c runs in QEMU's place.
# A-01 and A-02 of the design.
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2154
. "$(dirname "$0")/../lib/tap.sh"
. "$(dirname "$0")/../lib/leak.sh"
probe=${VZ_BUILD:-$top/build/debug}/tests/host/box-probe
[ -x "$probe" ] || skip_all "needs make MODE=debug"
node_make "QEMU=\"$probe\""
export VZ_VMMDIR=$node/vmm
echo hello >"$tap_tmp/kernel"
run vzctl create $ct --kind vm --disk 1M --kernel "$tap_tmp/kernel" --accel tcg --ram 64M
is $rc 0 "create"
before=$(leak_snapshot)
code 185 'The emulator' "a program that is no QEMU: the start fails, one line" vzctl start $ct
leak_is "$before" "... and leaves nothing"
until_ok 5 grep -q 'PROBE END' "$node/log/$ct.console"
said=$(tr -d '\r\0' <"$node/log/$ct.console")
like "$said" 'PROBE END' "the probe ran to its end"

said()	# said LINE: is there, as a whole
{
	grep -Fxq -- "$1" <<<"$said"
}

# ---- identity ------------------------------------------------------------------

ok "A-01 first process, nobody's user, no parent" said "uid 107 gid 107 pid 1 ppid 0"
ok "A-01 no capabilities" said "caps 0 0 0"
ok "A-01 empty bounding set" said "bounding 0"
ok "A-01 no_new_privs, seccomp" said "nnp 1 seccomp 2 dumpable 1"
ok "A-01 a host name of its own" said "node vm"
is "$(grep -c '^env' <<<"$said")" 2 "A-02 two environment variables"
is "$(grep '^fd ' <<<"$said" | tr '\n' ' ')" "fd 0 fd 1 fd 2 fd 10 fd 11 fd 16 " "A-02 the descriptors that were meant for it"
unlike "$(grep '^arg' <<<"$said")" "$node" "no path of the node in its arguments"


# ---- what is there ---------------------------------------------------------------

is "$(sed -n 's/^dir \(\/[^/]*\)$/\1/p' <<<"$said" | grep -Fvx "/${probe#/}" | grep -vx "/$(cut -d/ -f2 <<<"$probe")" | sort | tr '\n' ' ')" \
	"/ /boot /dev /lib /lib64 /usr " "A-01 the directories of the root"
is "$(grep '^file /dev/' <<<"$said" | sort | tr '\n' ' ')" "file /dev/null 666 file /dev/urandom 666 file /dev/zero 666 " \
	"A-01 /dev: null, zero, urandom"
ok "nothing is above the root" said "above nothing"
is "$(grep -c '^writable' <<<"$said")" 0 "nothing can be written to"
unlike "$(grep -E '^(dir|file)' <<<"$said")" "$node|/etc|/proc|/sys|/home|/root" "no file of the node"

# ---- the way out --------------------------------------------------------------------

attempts=$(sed -n '/^create \/ /,/^PROBE END/p' <<<"$said" | grep -v '^PROBE')
ok "A-02 $(wc -l <<<"$attempts") attempts" [ "$(wc -l <<<"$attempts")" -ge 80 ]
is "$(grep ' done$' <<<"$attempts")" "" "A-02 all of them are refused"

# The filter of system calls is one wall: the others must hold without it.
export VZ_BOX_NO_SECCOMP=1
rm -f "$node/log/$ct.console"
run vzctl start $ct
unset VZ_BOX_NO_SECCOMP
until_ok 5 grep -q 'PROBE END' "$node/log/$ct.console"
said=$(tr -d '\r\0' <"$node/log/$ct.console")
ok "without the filter: it is off" said "nnp 1 seccomp 0 dumpable 1"
# What an unprivileged process may always do: nothing of it reaches beyond the box.
harmless='^(fork|ptrace|vm_readv|modify_ldt|pidfd|affinity|personality|shm|msg|mq_open|inet|netlink|unix|vsock|alg|socketpair|setpriority|userfaultfd|io_uring|keyctl|add_key|tiocsti|tiocsti high|urandom write|kill all|open_tree|setrlimit|perf|name_to_handle|setresuid) '
attempts=$(sed -n '/^create \/ /,/^PROBE END/p' <<<"$said" | grep -v '^PROBE' | grep -Ev "$harmless")
ok "without the filter: $(wc -l <<<"$attempts") attempts" [ "$(wc -l <<<"$attempts")" -ge 50 ]
is "$(grep ' done$' <<<"$attempts")" "" "without the filter: all of them are refused"
ok "without the filter: no user namespace" said "unshare user ENOSPC"
for what in "mount tmpfs" "bind" "remount" "umount" "mknod" "packet" "sethostname"; do
	ok "without the filter: $what" grep -Eq "^$what (EPERM|EROFS)" <<<"$said"
done
leak_is "$before" "nothing is left"
[ $tap_bad = 0 ] || diag "$said"
done_testing
