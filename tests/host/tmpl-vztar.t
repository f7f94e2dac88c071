#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vztar against hostile archives, and what it must not lose from good ones.
# shellcheck source-path=SCRIPTDIR
tmpl_self=$(realpath "$0")
. "$(dirname "$0")/../lib/tmpl.sh"
tmpl_begin vztar python3 "$build/bin/vztar"
vztar=$build/bin/vztar

canary=$work/outside/canary
mkdir -p "$work"/ar "$work"/outside
echo untouched > "$canary"
before=$(stat -c '%a %u %g %h %Y %s' "$canary" "$work"/outside)
PYTHONDONTWRITEBYTECODE=1 python3 tests/host/tmpl-archives.py "$work"/ar "$canary" || exit 1

extract()	# extract NAME [options]: into $dir; output in $out
{
	local file=$1
	shift
	dir=$work/tree
	rm -rf --one-file-system "$dir"
	mkdir "$dir"
	out=$("$vztar" extract --dir "$dir" "$@" "$file" 2>&1)
}

for f in "$work"/ar/bad-*.tar; do
	name=$(basename "$f" .tar)
	extract "$f"
	r=$?
	is $r 3 "$name is refused"
	is "$(echo "$out" | wc -l)" 1 "$name: one line: $(echo "$out" | cut -c 1-100 | tr '#' '?')"
	[ ! -e "$work"/evil ] && [ ! -e /evil ]
	ok $? "$name: nothing beside the tree"
done
is "$(stat -c '%a %u %g %h %Y %s' "$canary" "$work"/outside)" "$before" "the canary is untouched"
is "$(cat "$canary")" untouched "its content too"

# Names in messages cannot drive a terminal.
python3 - "$work"/ar/esc.tar <<'EOF'
import sys, tarfile
with tarfile.open(sys.argv[1], "w") as t:
    t.addfile(tarfile.TarInfo("\x1b[2J/../x"))
EOF
extract "$work"/ar/esc.tar
[[ $out != *$'\e'* && $out == *'?[2J'* ]]
ok $? "no escape sequences in messages"

extract "$work"/ar/replace.tar
ok $? "later entries replace links"
is "$(cat "$dir"/f "$dir"/h)" $'inside\ninside' "with files of their own"
is "$(readlink "$dir"/g)" "$canary" "a link keeps its text"
is "$(cat "$canary")" untouched "and nothing went through it"

extract "$work"/ar/devices.tar
ok $? "device nodes are no error"
[[ $out == *"skipped devices 2 "* ]]
ok $? "but are skipped and counted"
is "$(cd "$dir" && find dev -mindepth 1 -printf '%P %y %l')" "fd l /proc/self/fd" "the rest of /dev is there"

extract "$work"/ar/fidelity.tar
ok $? "fidelity archive"
is "$(stat -c '%a %u %g %F' "$dir"/d)" "2750 3 4 directory" "setgid directory with owner"
is "$(stat -c '%a %u %g %s' "$dir"/d/f)" "644 1000 1001 5" "file below it: no inherited ACL or group"
is "$(stat -c '%a %u %g' "$dir"/setuid)" "6755 0 8" "setuid and setgid"
is "$(stat -c %h "$dir"/x) $(stat -c %i "$dir"/x2)" "2 $(stat -c %i "$dir"/x)" "hard link"
is "$(stat -c '%u %g' "$dir"/s) $(readlink "$dir"/s)" "5 6 /etc/nowhere" "owner of a symlink"
is "$(stat -c '%a %F' "$dir"/fifo)" "622 fifo" "fifo"
is "$(stat -c '%a %u' "$dir"/ro)$(cat "$dir"/ro/in)" "500 9in a read-only directory" "read-only directory"
is "$(stat -c '%Y' "$dir"/ro "$dir"/late "$dir"/d | sort -u)" 1000000000 "times of directories"
is "$(stat -c %.Y "$dir"/t | cut -c 1-13)" 1234567890.25 "fraction of a second"
[ -e "$dir/sp ace"$'\n'"new"$'\t'"line" ]
ok $? "blanks in names"
[ -e "$dir/ümläut-日本" ]
ok $? "UTF-8 in names"
[ -e "$dir/raw-"$'\xff\xfe' ]
ok $? "bytes that are not UTF-8"
is "$(stat -c '%a %u %g' "$dir"/no "$dir"/no/parents | sort -u)" "755 0 0" "parents that the archive lacks"
is "$(stat -c '%a %u' "$dir"/implied)" "700 4" "the last entry of a directory decides"
[[ $out == *"ids-above-65535 1"* ]]
ok $? "ids that no container maps are counted"
xattrs=$(python3 - "$dir"/x "$dir"/d <<'EOF'
import os, sys
for p in sys.argv[1:]:
    for a in sorted(os.listxattr(p)):
        print(os.path.basename(p), a, os.getxattr(p, a).hex() if "acl" in a else os.getxattr(p, a))
EOF
)
[[ $xattrs == *"x user.note b'kept'"* && $xattrs != *overlay* && $xattrs != *selinux* ]]
ok $? "user xattrs stay, overlay and label xattrs go"
[[ $xattrs == *"x system.posix_acl_access 0200000001000600ffffffff02000400d204000004000400ffffffff"* ]]
ok $? "access ACL, numeric user 1234"
[[ $xattrs == *"d system.posix_acl_default "*"080007004d000000"* ]]
ok $? "default ACL, numeric group 77"

# A tree survives create and extract: compare everything but the root's name.
describe()
{
	(cd "$1" && find . -printf '%p %y %m %U:%G %s %Ts %n %l\n' | sed 's/^\(\S* d [^ ]* [^ ]*\) [0-9]*/\1/' | sort
	 find . -type f -exec sha256sum {} + | sort -k 2
	 python3 -c '
import os
for r, ds, fs in sorted(os.walk(".")):
    for f in sorted(ds + fs) :
        p = os.path.join(r, f)
        if not os.path.islink(p):
            print(p.encode("utf-8", "surrogateescape"), [(a, os.getxattr(p, a)) for a in sorted(os.listxattr(p))])')
}
extract "$work"/ar/fidelity.tar
cp /bin/true "$dir"/cap
setcap cap_net_raw+ep "$dir"/cap 2>/dev/null || echo "# no setcap"
truncate -s 64M "$dir"/sparse
truncate -s 1M "$dir"/hole
printf head | dd of="$dir"/sparse conv=notrunc status=none
printf tail | dd of="$dir"/sparse bs=1 seek=$((40 << 20)) conv=notrunc status=none
touch -d @1000000000 "$dir"/sparse "$dir"/hole "$dir"/cap "$dir"/t "$dir"/no "$dir"/no/parents "$dir"
mv "$dir" "$work"/orig
sum=$("$vztar" create --dir "$work"/orig "$work"/a.tar.zst)
ok $? "create"
is "$(echo "$sum" | cut -d' ' -f 2)" "$(sha256sum "$work"/a.tar.zst | cut -d' ' -f 1)" "its sha256"
"$vztar" create --dir "$work"/orig "$work"/b.tar.zst >/dev/null
cmp -s "$work"/a.tar.zst "$work"/b.tar.zst
ok $? "the same tree gives the same bytes"
extract "$work"/a.tar.zst
ok $? "extract it"
is "$(echo "$out" | head -n 1 | cut -d' ' -f 1-4)" "$(echo "$sum" | cut -d' ' -f 1-4)" "the same sum and entries"
diff <(describe "$work"/orig) <(describe "$dir") > "$work"/diff
ok $? "the tree is the same"
sed 's/^/# /' "$work"/diff
[ "$(stat -c %b "$dir"/sparse)" -lt 2048 ]
ok $? "holes stay holes"
is "$(getcap "$dir"/cap 2>/dev/null | sed 's/.* //')" "$(getcap "$work"/orig/cap 2>/dev/null | sed 's/.* //')" "file capability"

# Old formats and every compressor at hand.
tar --numeric-owner -C "$work"/orig -cf "$work"/gnu.tar --format=gnu --sparse d setuid x x2 s sparse
for c in gzip:gz bzip2:bz2 xz:xz zstd:zst; do
	command -v "${c%:*}" >/dev/null || continue
	"${c%:*}" -c < "$work"/gnu.tar > "$work"/gnu.tar."${c#*:}"
	extract "$work"/gnu.tar."${c#*:}"
	is "$? $(stat -c '%a %u' "$dir"/setuid) $(stat -c %h "$dir"/x2)" "0 6755 0 2" "GNU tar in ${c%:*}"
done
cmp -s "$dir"/sparse "$work"/orig/sparse && [ "$(stat -c %b "$dir"/sparse)" -lt 2048 ]
ok $? "GNU sparse file"

# Damage.
size=$(stat -c %s "$work"/a.tar.zst)
head -c $((size / 2)) "$work"/a.tar.zst > "$work"/cut.tar.zst
extract "$work"/cut.tar.zst
is $? 3 "a truncated archive is refused"
head -c 3000 /dev/urandom > "$work"/noise.tar
extract "$work"/noise.tar
is $? 3 "noise is refused"
: > "$work"/nothing.tar
extract "$work"/nothing.tar
is $? 3 "an empty file is refused"
extract "$work"/missing.tar
is $? 1 "a missing file is a plain failure"

# Limits.
extract "$work"/a.tar.zst --max-entries 5
is $? 3 "too many entries"
extract "$work"/ar/devices.tar --max-bytes 3
is $? 3 "too many bytes"
if command -v zstd >/dev/null; then
	{ cat "$work"/ar/bomb-header; head -c 2G /dev/zero; } | zstd -1 -q > "$work"/bomb.tar.zst
	out=$("$vztar" test "$work"/bomb.tar.zst 2>&1)
	is "$? ${out##*: }" "3 the archive unpacks to more than 1000 times its size" "a bomb"
fi

# A full disk is its own exit code.
mkdir "$work"/small
mount -t tmpfs -o size=256k vz-small "$work"/small
out=$("$vztar" extract --dir "$work"/small "$work"/ar/fidelity.tar 2>&1)
ok $? "fits"
head -c 1M /dev/urandom > "$work"/big
tar -C "$work" -cf "$work"/big.tar big
out=$("$vztar" extract --dir "$work"/small "$work"/big.tar 2>&1)
is $? 4 "a full disk"

# --dir as a descriptor, --report, bad usage.
rm -rf --one-file-system "$work"/tree
mkdir "$work"/tree
"$vztar" extract --dir 7 "$work"/ar/devices.tar 7< "$work"/tree >/dev/null
is "$?$(cat "$work"/tree/etc/passwd)" 0root "a descriptor as directory"
out=$("$vztar" extract --report --dir "$work"/tree "$work"/ar/bad-dotdot.tar 2>/dev/null)
is "$? $out" "3 error ../evil: '..' in the name" "--report"
"$vztar" extract "$work"/ar/devices.tar >/dev/null 2>&1
is $? 2 "usage"
echo "1..$n"
