#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel patches have the form that kp writes, and kp gives back what it was given:
# shown on a small made-up tree.  Nothing here needs the source of the kernel: that the
# patches apply is tests/host/patches.t, that they build `make kernel-check`.
cd "$(dirname "$0")/../.." || exit 1
command -v git >/dev/null || { echo "1..0 # SKIP needs git"; exit 0; }
kp=$PWD/kernel-patches/kp
tmp=$(mktemp -d) || exit 1
trap 'rm -rf --one-file-system "$tmp"' EXIT
export HOME=$tmp/home KP_PATCHES=$tmp/p KP_CACHE=$tmp/c GIT_CONFIG_NOSYSTEM=1
# shellcheck disable=SC2086
unset ${!GIT_CONFIG_G@} ${!GIT_AUTHOR@} ${!GIT_COMMITTER@} GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
unset XDG_CONFIG_HOME
mkdir -p "$HOME" "$KP_PATCHES/a/b"

n=0
ok()	# ok NAME COMMAND...: says what it said when it fails
{
	local name=$1 said
	shift
	n=$((n + 1))
	said=$("$@" 2>&1) || { sed 's/^/# /' <<<"$said"; printf 'not '; }
	echo "ok $n - $name"
}
no()	{ ! "$@"; }
says()	# says TEXT COMMAND...: it fails, and says so
{
	local text=$1 out
	shift
	! out=$("$@" 2>&1) && grep -qF -- "$text" <<<"$out" && return
	echo "$out"
	return 1
}

ok "the patches of this tree" env -u KP_PATCHES "$kp" lint

# ---- a small kernel ----------------------------------------------------------------
tree=$tmp/tree
mkdir -p "$tree/mm" "$tree/.git"
seq 1 60 | sed 's/.*/int v&;/' >"$tree/mm/a.c"
printf 'int b;\r\nno end' >"$tree/mm/b.c"
printf '*.o\n#\n# Debian packaging: ignore everything at the top\n#\n/*\n!/debian/\n' >"$tree/.gitignore"
echo x >"$tree/mm/c.o"
ln -s a.c "$tree/mm/link"
cat >"$KP_PATCHES/BASE" <<'X'
version 1.0
package linux-small
deb-version 1.0-1
deb-sha256 0
commit 0000000000000000000000000000000000000000
X
echo a/b >"$KP_PATCHES/series"
: >"$KP_PATCHES/a/b/series"
echo "mm: small things" >"$KP_PATCHES/a/b/0000-cover-letter"
echo "v1: first" >"$KP_PATCHES/a/b/CHANGELOG"

ok "a tree that is not that of BASE is refused" says "instead of 000000" "$kp" fetch --tree "$tree"
ok "unless that is wanted" "$kp" fetch --tree "$tree" --unpinned
id=$(git -C "$KP_CACHE/linux" rev-parse HEAD)
rm -rf "$KP_CACHE"
find "$tree" -name '*.c' -exec touch -d 2001-01-01 {} +
mkdir -p "$HOME/.config/git"
cat >"$HOME/.gitconfig" <<X
[user]
	name = Änne Ångström
	email = a@example.org
	signingKey = none
[core]
	abbrev = 5
	autocrlf = true
	attributesFile = $tmp/attributes
[diff]
	noprefix = true
	algorithm = patience
	renames = copies
	context = 9
	external = /bin/false
[format]
	attach = true
	signOff = true
	numbered = true
	thread = true
	signature = mine
	subjectPrefix = MINE
	coverLetter = true
[am]
	threeWay = true
[commit]
	gpgSign = false
X
echo '* -diff' >"$tmp/attributes"
sed -i "s/^commit .*/commit $id/" "$KP_PATCHES/BASE"
ok "the same tree is the same commit, whatever its dates and the user's git" "$kp" fetch --tree "$tree"
ok "what .gitignore names is imported" git -C "$KP_CACHE/linux" cat-file -e HEAD:mm/c.o
ok "Debian's rule that ignores new files is not" no git -C "$KP_CACHE/linux" check-ignore -q new.c

# ---- commits to files and back -------------------------------------------------------
set_=$KP_PATCHES/a/b
edit()	# sets w; git -C "" would be this repository
{
	w=$("$kp" edit a/b) && [ -d "$w/mm" ] && return
	echo "Bail out! kp edit"
	exit 1
}
edit
commit()	# commit FILE MESSAGE
{
	git -C "$w" -c core.autocrlf=false add -A "$1" && git -C "$w" commit -q -F - <<<"$2"
}
sed -i 's/^int v7;/int seven;/; s/^int v50;/int fifty;/' "$w/mm/a.c"
commit mm "mm: [v] name things by a subject that is rather longer than what anybody would want

Über alles: indented
	body.

Assisted-by: test"
printf 'int b;\r\nint c;\r\nstill none' >"$w/mm/b.c"
echo 'int n;' >"$w/new.c"
chmod +x "$w/new.c"
git -C "$w" mv mm/link mm/link2
commit . "mm: second

Assisted-by: test"
ok "refresh" "$kp" refresh a/b
ok "writes a file for each commit" [ "$(cat "$set_/series")" = "$(cd "$set_" && ls -- *.patch)" ]
ok "two" [ "$(wc -l <"$set_/series")" = 2 ]
ok "of the right form" "$kp" lint
cp -a "$set_" "$tmp/first"
ok "which round trips" "$kp" check --quick
head=$(git -C "$w" rev-parse HEAD)
rm -rf "$KP_CACHE/edit" "$HOME/.gitconfig"
git -C "$KP_CACHE/linux" worktree prune
git -C "$KP_CACHE/linux" branch -qD kp/a/b
edit
ok "the mail is the commits again, without the user's configuration" \
	git -C "$w" diff --quiet "$head"
ok "mode, line ends and link are there" \
	[ "$(git -C "$w" ls-tree HEAD new.c mm/b.c mm/link2 | sort)" = "$(git -C "$w" ls-tree "$head" new.c mm/b.c mm/link2 | sort)" ]
ok "and refresh again" "$kp" refresh a/b
ok "writes the same bytes" diff -r "$tmp/first" "$set_"
again=$(git -C "$w" rev-parse HEAD)
rm -rf "$KP_CACHE/edit"
git -C "$KP_CACHE/linux" worktree prune
edit
ok "the same files are the same commits" [ "$(git -C "$w" rev-parse HEAD)" = "$again" ]

# ---- what it refuses -----------------------------------------------------------------
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@x
echo 'int m;' >>"$w/new.c"
ok "refresh refuses what is not committed" says "uncommitted" "$kp" refresh a/b
commit new.c "fixup! mm: second"
ok "and a fixup that is not folded" says "autosquash" "$kp" refresh a/b
ok "edit does not throw commits away" says "not in the patch files" "$kp" edit a/b
git -C "$w" reset -q --soft HEAD~2
commit . "mm: second

Assisted-by: test"
ok "diff shows the change" grep -q 'int m;' <("$kp" diff a/b)
ok "and refresh takes it" "$kp" refresh a/b
ok "in the second patch only" diff "$tmp/first/0001-"* "$set_/0001-"*
ok "which is another" no diff -q "$tmp/first/0002-"* "$set_/0002-"*

broken()	# broken EXPECTED SED-SCRIPT: of the second patch
{
	local f rc
	f=$(echo "$set_"/0002-*)
	cp "$f" "$tmp/keep"
	sed -i "$2" "$f"
	says "$1" "$kp" "${3:-lint}" ${3:+--quick}
	rc=$?
	cp "$tmp/keep" "$f"
	return $rc
}
ok "lint: no signature by a tool" broken "for a person" 's/^Assisted-by.*/&\nSigned-off-by: A <a@b>/'
ok "lint: --- in the message" broken "bare ---" '0,/^Assisted/s/^Assisted/---\nAssisted/'
ok "lint: no abbreviated ids" broken "abbreviated" 's/^index \(.......\)[0-9a-f]*\.\.\(.......\)[0-9a-f]*/index \1..\2/'
ok "lint: subjects name a subsystem" broken "subsystem" 's/^Subject: .*/Subject: [PATCH] things/'
ok "lint: a patch that series does not have" says "not in series" sh -c "cp '$set_/0002-mm-second.patch' '$set_/0003-x.patch'; '$kp' lint"
rm "$set_/0003-x.patch"
ok "lint: a patch that is not there" says "missing" sh -c "echo 0003-y.patch >>'$set_/series'; '$kp' lint"
sed -i '$d' "$set_/series"
ok "check: a patch edited by hand" broken "would write other files" 's/ insertion/  insertion/' check
ok "check: a patch that does not apply" broken "does not apply" 's/^-int b/-int q/; s/^ int b/ int q/' check
ok "all is as before" "$kp" check --quick

# ---- mail ------------------------------------------------------------------------------
out=$("$kp" mail a/b -v 2 --signoff 'A Human <human@example.org>')
ok "mail: cover letter with the subject" grep -q '^Subject: \[PATCH v2 0/2\] mm: small things' "$out/0000-cover-letter.patch"
ok "mail: and the change log" grep -q '^v1: first' "$out/0000-cover-letter.patch"
ok "mail: signed by who sends" [ "$(cat "$out"/*.patch | grep -c '^Signed-off-by: A Human <human@example.org>$')" = 2 ]
ok "mail: the base is named" grep -q "^base-commit: $id" "$out/0000-cover-letter.patch"
ok "mail: one patch alone" sh -c "'$kp' mail a/b --patch 2 --signoff 'A Human <h@example.org>' --out '$tmp/one' && grep -q '^Subject: \[PATCH\] mm: second' '$tmp/one/0001-mm-second.patch'"
ok "mail: not without a name" says "who sends" env HOME=/nonexistent "$kp" mail a/b
ok "an unknown set" says "no such set" "$kp" edit c

# ---- the whole check, on a kernel of four files -----------------------------------------
# Its Makefile does what kp asks of the real one: a configuration that may lose a line,
# objects with W=1 and C=2, an image.
for p in make gcc flex bison bc perl; do
	command -v $p >/dev/null || { echo "# not tested: kp check, which needs $p"; echo "1..$n"; exit 0; }
done
export KP_PATCHES=$tmp/q KP_CACHE=$tmp/d
k=$tmp/kernel
mkdir -p "$k"/{mm,scripts,arch/x86} "$KP_PATCHES"/{config,v/one} "$KP_CACHE/sparse"
echo 'mainmenu "small"' >"$k/Kconfig"
printf '/* SPARSED */\nint a_f(int x) { return x + 1; }\n' >"$k/mm/a.c"
printf '/** UNDOC */\nint b_f(int x) { return x * 3; }\n' >"$k/mm/b.c"
cat >"$k/Makefile" <<'X'
MAKEFLAGS += -r
D = $(shell sed -n 's/^\(CONFIG_.*\)=y/-D\1/p' $(O)/.config)
allnoconfig: ; grep -v '=n\|LOST' $(KCONFIG_ALLCONFIG) >$(O)/.config
%.o: FORCE
	mkdir -p $(O)/$(@D)
	gcc $(D) $(if $(W),-Wall -Werror) -O2 -c -o $(O)/$@ $(@:.o=.c)
	$(if $(C),$(CHECK) -D__x $(@:.o=.c) >&2)
bzImage: $(patsubst %.c,%.o,$(wildcard mm/*.c))
	mkdir -p $(O)/arch/x86/boot
	cd $(O) && ld -r -o vmlinux mm/*.o && cp vmlinux arch/x86/boot/bzImage
FORCE:
X
cat >"$k/scripts/bloat-o-meter" <<'X'
#!/bin/bash
syms() { nm -S "$1" | awk 'NF == 4 { print $4, $2 }' | sort; }
echo "add/remove: some"
echo "Function old new delta"
comm -3 <(syms "$1") <(syms "$2") | awk '{ print $1, "?", $2, "?" }'
echo "Total: Before, After"
X
printf '#!/bin/sh\nshift 2\ngrep -nH "UNDOC" "$@" | sed "s/^/Warning: /"\nexit 0\n' >"$k/scripts/kernel-doc"
chmod +x "$k"/scripts/*
printf '#!/bin/sh\nfor f; do [ ! -f "$f" ] || grep -nH SPARSED "$f" | sed "s/$/ warning: bad/"; done\n' >"$KP_CACHE/sparse/run"
chmod +x "$KP_CACHE/sparse/run"
echo 1 >"$KP_CACHE/sparse/version"
cat >"$KP_PATCHES/BASE" <<'X'
version 1.0
package small
commit 0
mirror http://127.0.0.1:9
sparse 1
sparse-suite sid
X
echo CONFIG_ASKED=y >"$KP_PATCHES/config/qemu.config"
echo CONFIG_DEBUG=y >"$KP_PATCHES/config/debug.config"
echo v/one >"$KP_PATCHES/series"
: >"$KP_PATCHES/v/one/series"
echo "v: one" >"$KP_PATCHES/v/one/0000-cover-letter"
echo "v1: first" >"$KP_PATCHES/v/one/CHANGELOG"
"$kp" fetch --tree "$k" --unpinned 2>/dev/null
w=$("$kp" edit v/one)
[ -d "$w/mm" ] || { echo "Bail out! kp edit"; exit 1; }
ok "kp config: lines of the fragment" grep -qx CONFIG_ASKED=y "$("$kp" config)"
ok "and of debug.config, elsewhere" grep -qx CONFIG_DEBUG=y "$("$kp" config --debug)"
echo CONFIG_LOST=y >>"$KP_PATCHES/config/qemu.config"
ok "a line that does not survive is named" says "configuration lost CONFIG_LOST=y" "$kp" config
sed -i '$d' "$KP_PATCHES/config/qemu.config"

# change EXPECTED FILE [LINE...]: a patch that adds an option with a function, and the
# lines to FILE: kp check says what is expected, or nothing
change()
{
	git -C "$w" checkout -q -B kp/v/one refs/kp/start/v/one || return
	printf 'mainmenu "small"\nconfig NEW_THING\n\tbool "new"\n' >"$w/Kconfig"
	cat >>"$w/mm/a.c" <<-X
		#ifdef CONFIG_NEW_THING
		int new_f(int x);
		int new_f(int x) { return x; }
		#endif
	X
	[ $# -lt 3 ] || printf '%s\n' "${@:3}" >>"$w/mm/$2"
	commit . "mm: change

Assisted-by: test" && "$kp" refresh v/one || return
	if [ -n "$1" ]; then says "$1" "$kp" check; else "$kp" check; fi
}
ok "check: an option, and what was said of the base, too" change '' a.c
ok "the option is on in the image" grep -qx CONFIG_NEW_THING=y "$KP_CACHE/o/.config"
ok "and off in the other" no grep -q NEW_THING=y "$KP_CACHE/o-off/.config"
ok "check: warnings are errors" change "W=1 (o)" a.c 'static int unused;'
ok "check: of what is compiled with the option off, too" \
	change "W=1 (o-off)" a.c '#ifndef CONFIG_NEW_THING' 'static int unused;' '#endif'
ok "check: what sparse says now" change "v/one: sparse" a.c '/* SPARSED too */'
ok "check: what kernel-doc says now" change "v/one: kernel-doc" b.c '/** UNDOC too */'
more='int more_f(void); int more_f(void) { return 0; }'
ok "check: code that grows with the option off" change "have changed: more_f" b.c "$more"
echo "more_f	wanted" >"$KP_PATCHES/v/one/bloat-allow"
ok "unless that is defended" change '' b.c "$more"
rm "$KP_PATCHES/v/one/bloat-allow"
sed -i 's/^sparse 1/sparse 2/' "$KP_PATCHES/BASE"
ok "check: sparse that cannot be had is no error" change '' a.c
ok "but counted" grep -q '1 check skipped' <("$kp" check 2>/dev/null)
ok "build --base is without the series" no grep -q new_f "$("$kp" build --base 2>/dev/null)"
ok "build has it" grep -q new_f "$("$kp" build 2>/dev/null)"
printf '%s\n' 'base host fork 100 101 99' 'off host fork 100 102 99' 'on host fork 105 105' 'on ve fork 200 210' >"$tmp/figures"
ok "the table of costs: medians, spread, difference to the base" \
	grep -qE '^fork +100 +2.0% +100 +3.0% +\+0.00% +105 +0.0% +\+5.00% +200 +5.0% +\+100.00%$' <("${kp%/*}/lib/cost-table" "$tmp/figures")
echo "1..$n"
