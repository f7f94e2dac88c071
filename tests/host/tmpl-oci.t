#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# OCI image layouts: what their layers add up to, and what hostile ones try.
# shellcheck disable=SC2010
# shellcheck source-path=SCRIPTDIR
tmpl_self=$(realpath "$0")
. "$(dirname "$0")/../lib/tmpl.sh"
tmpl_begin oci python3 zstd "$build/bin/vztmpl"
tmpl_libexec

canary=$work/outside/canary
mkdir -p "$work"/oci "$work"/outside
echo untouched > "$canary"
before=$(stat -c '%a %u %g %h %Y %s' "$canary" "$work"/outside)
PYTHONDONTWRITEBYTECODE=1 python3 tests/host/tmpl-layouts.py "$work"/oci "$canary" || exit 1
oci=$work/oci
dir=$work/tree

unpack()	# unpack NAME [options]: into $dir; output in $out
{
	local layout=$oci/$1
	shift
	rm -rf --one-file-system "$dir"
	mkdir "$dir"
	chmod 755 "$dir"
	out=$(timeout 60 "$build"/bin/vztar oci --dir "$dir" "$@" "$layout" 2>&1)
}

# ---- layers over each other
unpack good
is "$?" 0 "four layers: gzip, tar, an empty one, zstd"
digest=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["manifests"][0]["digest"][7:])' "$oci"/good/index.json)
is "$(echo "$out" | head -n 1 | cut -d' ' -f 2)" "$digest" "the digest of the manifest"
[ ! -e "$dir"/gone ] && [ ! -e "$dir"/gonedir ]
ok $? "whiteouts remove a file and a directory with content"
is "$(ls "$dir"/opaque) $(cat "$dir"/opaque/both)" $'both\nnew new' \
	"an opaque directory keeps what its own layer has, also from before the whiteout"
is "$(ls "$dir"/again)" new "a whiteout of a directory that the layer has anew"
is "$(cat "$dir"/top)" 3 "a whiteout does not hide a file of its own layer"
is "$(find "$dir" -name '.wh.*')" "" "no whiteout is left"
is "$(cat "$dir"/filetodir/in)$(cat "$dir"/dirtofile)" infile "file to directory, directory to file"
is "$(readlink "$dir"/dirtolink) $(stat -c %F "$dir"/linktodir) $(ls "$dir"/linktodir)" \
	"etc directory in" "directory to symlink, symlink to directory"
is "$(ls "$dir"/etc)" os-release "and nothing went through them"
is "$(stat -c '%a %s' "$dir"/replaced)$(cat "$dir"/replaced)" "644 3new" "a file is replaced"
is "$(stat -c '%a %u %g %h' "$dir"/kept)" "4755 1 2 3" "setuid; a hard link from a layer above"
is "$(stat -c %i "$dir"/kept2 "$dir"/kept3 | sort -u)" "$(stat -c %i "$dir"/kept)" "all to one file"
xattrs=$(python3 -c 'import os, sys
print([os.listxattr(p) for p in sys.argv[1:]])' "$dir"/x "$dir"/acl "$dir"/acl/f)
is "$xattrs" "[['user.note'], ['system.posix_acl_default'], []]" "xattrs, and a default ACL that later layers do not inherit"
is "$(stat -c '%a %g' "$dir"/acl/f "$dir"/setgid "$dir"/setgid/f)" $'644 0\n2755 9\n644 3' "nor a group"
is "$(stat -c '%a %u' "$dir"/meta "$dir"/opaque "$dir"/later "$dir"/usr)" \
	$'755 2\n750 6\n700 7\n755 0' "the last entry of a directory decides"
is "$(stat -c %Y "$dir"/meta "$dir"/opaque "$dir"/etc | sort -u)" 1000000000 "times of directories"
[ ! -e "$dir"/dev/null ]
ok $? "no device nodes"

# ---- which image
unpack multi
is "$? $(cat "$dir"/arch)" "0 here" "an index in the index: this machine's platform"
unpack tags
is $? 3 "several images are not guessed at"
[[ $out == *"--tag"* ]]
ok $? "but --tag is named: $out"
unpack tags --tag v2.0
is "$? $(cat "$dir"/t)" "0 two" "--tag"
unpack tags --tag three
is "$? ${out##*: }" "3 one, v2.0" "an unknown tag: those that there are"
unpack docker
is "$? $(cat "$dir"/d)" "0 docker" "docker's media types"

# ---- hostile ones
for l in "$oci"/bad-*; do
	name=${l##*/}
	unpack "$name"
	is $? 3 "$name is refused"
	is "$(echo "$out" | wc -l)" 1 "$name: $(echo "$out" | cut -c 1-110 | tr '#' '?')"
	[ ! -e "$work"/evil ] && [ ! -e "$oci"/evil ]
	ok $? "$name: nothing beside the tree"
done
is "$(stat -c '%a %u %g %h %Y %s' "$canary" "$work"/outside)" "$before" "the canary is untouched"
is "$(cat "$canary")" untouched "its content too"
unpack bad-layer-content
is "$(ls "$dir")" "" "nothing is made of a layer with a wrong sum"
unpack late-damage
is "$? $(cat "$dir"/f)" "3 data" "a damaged layer hides nothing"

# ---- limits count for all layers together
unpack big --max-bytes 100000
is $? 3 "too many bytes"
unpack big --max-bytes 120000
is $? 0 "just enough"
unpack big --max-entries 1
is $? 3 "too many entries"
mkdir "$work"/small
mount -t tmpfs -o size=64k vz-small "$work"/small
out=$("$build"/bin/vztar oci --dir "$work"/small "$oci"/big 2>&1)
is $? 4 "a full disk"

# ---- vztmpl import
t=$work/template
vztmpl()
{
	"$build"/bin/vztmpl --template-dir "$t" --private-dir "$work"/private --quiet "$@"
}

mkdir -p "$work"/private
out=$(vztmpl import "$oci"/good test-1-x86_64 2>&1)
is "$? $out" "0 " "import"
is "$(ls -A "$t"/cache)" $'test-1-x86_64.json\ntest-1-x86_64.tar.zst' "an archive and a manifest, nothing else"
is "$(python3 -c 'import json, sys
m = json.load(open(sys.argv[1]))
print(m["os"], m["version"], m["arch"], m["origin"])' "$t"/cache/test-1-x86_64.json)" \
	"test 1.5 $(uname -m) oci $oci/good@sha256:$digest" "the manifest says what it is and from where"
vztmpl verify test-1-x86_64 >/dev/null
ok $? "verify"
tree=$(vztmpl tree test-1-x86_64)
is "$? $(stat -c '%a %u %h' "$tree"/kept) $(cat "$tree"/opaque/both)" "0 4755 1 3 new" "and its tree"
vztmpl import "$oci"/docker
is "$? $(ls "$t"/cache/docker.tar.zst)" "0 $t/cache/docker.tar.zst" "the directory's name"
vztmpl import --tag one "$oci"/tags tagged
is "$? $(cat "$(vztmpl tree tagged)"/t)" "0 one" "--tag"
out=$(vztmpl import "$oci"/bad-layer-content bad 2>&1)
is "$?" 47 "a bad layout is a bad template: $out"
out=$(vztmpl import "$work"/outside bad 2>&1)
is "$?" 47 "a directory that is none: $out"
[[ $out == *"oci-layout: missing"* ]]
ok $? "says what is missing"
is "$(find "$t"/cache -name '*bad*')" "" "nothing stays of them"
vztmpl import "$oci"/good ../evil 2>/dev/null
is "$?" 187 "a bad name"
mkdir -p "$t"/cache/.import-again/root/old
vztmpl import "$oci"/docker again
is "$? $(cat "$(vztmpl tree again)"/d) $(find "$t"/cache -name '.import-*')" "0 docker " "after one that was killed"
echo "1..$n"
