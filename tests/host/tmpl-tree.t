#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck disable=SC2016
# Template trees through vztmpl: unpacked once, whole after any crash, renewed
# when the archive changes; import, verify, remove.
# shellcheck source-path=SCRIPTDIR
tmpl_self=$(realpath "$0")
. "$(dirname "$0")/../lib/tmpl.sh"
tmpl_begin tree "$build/bin/vztmpl"
tmpl_libexec

t=$work/template
vztmpl()
{
	"$build"/bin/vztmpl --template-dir "$t" --private-dir "$work"/private --quiet "$@"
}

mkdir -p "$t"/cache "$work"/private "$work"/root/etc "$work"/root/sbin
echo one > "$work"/root/etc/version
echo '#!' > "$work"/root/sbin/init
chmod 4755 "$work"/root/sbin/init

# The format of every old template.
tar -C "$work"/root -czf "$t"/cache/centos-6-x86_64.tar.gz .
hash=$(sha256sum < "$t"/cache/centos-6-x86_64.tar.gz | cut -c 1-12)
umask 022
tree=$(vztmpl tree centos-6-x86_64)
is "$? $tree" "0 $t/tree/centos-6-x86_64@$hash" "legacy .tar.gz is unpacked"
is "$(cat "$tree"/etc/version) $(stat -c %a "$tree"/sbin/init)" "one 4755" "its content"
is "$(stat -c %a "$t"/tree)" 700 "trees are closed to users"
is "$(readlink "$t"/tree/centos-6-x86_64)" "centos-6-x86_64@$hash" "relative symlink"
chmod 755 "$t"/tree
inode=$(stat -c %i "$tree")
is "$(vztmpl tree centos-6-x86_64) $(stat -c %i "$tree")" "$tree $inode" "the second time it is there"
is "$(stat -c %a "$t"/tree)" 700 "and closed again"
touch "$t"/cache/centos-6-x86_64.tar.gz
is "$(vztmpl tree centos-6-x86_64) $(stat -c %i "$tree")" "$tree $inode" "touched, same content: the tree stays"
echo two > "$work"/root/etc/version
tar -C "$work"/root -czf "$t"/cache/centos-6-x86_64.tar.gz .
tree2=$(vztmpl tree centos-6-x86_64)
is "$(cat "$tree2"/etc/version) $(cat "$tree"/etc/version)" "two one" "a new archive gives a new tree, the old stays"
mv "$t"/cache/centos-6-x86_64.tar.gz "$work"/
is "$(vztmpl tree centos-6-x86_64)" "$tree2" "a tree without its archive is used"
mv "$work"/centos-6-x86_64.tar.gz "$t"/cache/

# What is not a whole tree is not used.
rm "$tree2".ok
touch "$tree2"/garbage
vztmpl tree centos-6-x86_64 >/dev/null
[ -e "$tree2".ok ] && [ ! -e "$tree2"/garbage ]
ok $? "a tree without .ok is made again"
ln -sfn /etc "$t"/tree/centos-6-x86_64
is "$(vztmpl tree centos-6-x86_64)" "$tree2" "a symlink to elsewhere is not followed"

# Errors.
msg=$(vztmpl tree nothing 2>&1)
is "$? $msg" "91 OS template 'nothing' not found in $t/cache; see vztmpl list" "missing template"
for bad in ../x .x -- a/b "a b" ''; do
	vztmpl -- tree "$bad" >/dev/null 2>&1
	is $? 91 "bad name '$bad'"
done
printf 'noise' > "$t"/cache/noise.tar.xz
vztmpl tree noise >/dev/null 2>&1
is $? 47 "a damaged archive is 47"
is "$(find "$t"/tree -maxdepth 1 -name '*noise*' ! -name '.lock-*')" "" "and leaves nothing"

# Killed at any moment: what is there is whole or not there; the next run works.
mkdir -p "$work"/many
for i in $(seq 3000); do echo "$i" > "$work/many/f$i"; done
tar -C "$work"/many -cf "$t"/cache/many.tar .
bad=0
kills=0
for delay in 0.002 0.005 0.01 0.02 0.03 0.05 0.08 0.12; do
	rm -rf --one-file-system "$t"/tree/many*
	setsid "$build"/bin/vztmpl --template-dir "$t" --quiet tree many >/dev/null 2>&1 &
	pid=$!
	sleep $delay
	kill -9 -- -$pid 2>/dev/null && kills=$((kills + 1))
	wait $pid 2>/dev/null
	if [ -e "$t"/tree/many ]; then
		[ "$(find "$t"/tree/many/ -type f | wc -l)" = 3000 ] || bad=1
	fi
	tree=$(vztmpl tree many) || bad=1
	[ "$(find "$tree" -type f | wc -l)" = 3000 ] || bad=1
	[ ! -e "$t"/tree/.tmp-many ] || bad=1
done
ok $bad "kill -9 while unpacking ($kills times), then again"

# Several at once: one unpacks, all get the same.
rm -rf --one-file-system "$t"/tree/many*
for i in 1 2 3 4; do vztmpl tree many > "$work"/par$i & done
wait
is "$(sort -u "$work"/par? | wc -l) $(find "$(cat "$work"/par1)" -type f | wc -l)" "1 3000" "four at once"

# A full disk.
mkdir "$work"/full
mount -t tmpfs -o size=1m vz-full "$work"/full
mkdir -p "$work"/full/cache
head -c 3M /dev/zero > "$work"/zeros
tar -C "$work" -czf "$work"/full/cache/big.tar.gz zeros
msg=$("$build"/bin/vztmpl --template-dir "$work"/full --quiet tree big 2>&1)
is $? 46 "a full disk is 46"
[[ $msg == *"No space left"* ]]
ok $? "and says so"
is "$(ls "$work"/full/tree)" "" "and leaves nothing"

# import, list, verify, remove.
cp "$t"/cache/centos-6-x86_64.tar.gz "$work"/in.tar.gz
vztmpl import "$work"/in.tar.gz imported-1
ok $? "import"
is "$(vztmpl list | tr '\n' ' ')" "centos-6-x86_64 imported-1 many noise " "list"
vztmpl --json list | python3 -c 'import json,sys; d=json.load(sys.stdin); assert [x for x in d if x["name"]=="imported-1"][0]["sha256"]' 2>/dev/null
ok $? "list --json is JSON"
python3 -m json.tool < "$t"/cache/imported-1.json >/dev/null
ok $? "the manifest is JSON"
vztmpl verify imported-1
ok $? "verify"
cp "$work"/in.tar.gz "$work"/again.tar.gz
tar -C "$work"/many -czf "$t"/cache/imported-1.tar.gz f1
vztmpl verify imported-1 2>/dev/null
is $? 186 "verify sees another archive"
vztmpl verify >/dev/null 2>&1
is $? 186 "verify of all fails when one does"
vztmpl import "$t"/cache/noise.tar.xz noise2 2>/dev/null
is $? 47 "a damaged archive is not imported"
is "$(find "$t"/cache -name '*noise2*')" "" "and leaves nothing"
tar -C "$work"/root -c . | xz -c > "$work"/imported-1.tar.xz
vztmpl import "$work"/imported-1.tar.xz
is "$(cd "$t"/cache && echo imported-1.tar*)" imported-1.tar.xz "importing another format replaces the archive"
tree=$(vztmpl tree imported-1)
mkdir -p "$work"/private/101
basename "$tree" > "$work"/private/101/lower
vztmpl remove imported-1 2>/dev/null
[ -d "$tree" ] && [ ! -e "$t"/cache/imported-1.json ] && [ ! -e "$t"/tree/imported-1 ]
ok $? "remove keeps a tree that a container uses"
vztmpl remove imported-1 2>/dev/null
is $? 91 "gone"
vztmpl remove many
is "$? $(find "$t" -path '*many*' ! -name '.lock-*')" "0 " "remove takes all of a template"

# The offline recipe, when the host has a static busybox.
if "$build"/bin/vztmpl --template-dir "$t" --recipes templates/recipes --quiet build minimal 2>/dev/null; then
	[ "$(stat -c %s "$t"/cache/minimal.tar.zst)" -lt 2000000 ]
	ok $? "minimal is below 2 MB"
	tree=$(vztmpl tree minimal)
	is "$(chroot "$tree" /bin/sh -c 'echo $((6 * 7))')" 42 "its shell runs"
	is "$(find "$t"/cache -name '.*' ! -name '.lock-*' | wc -l)" 0 "no build directory left"
fi
echo "1..$n"
