# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp: patch files to commits, and commits to patch files.

# ---- files to commits -----------------------------------------------------------

clean()	# clean DIR: nothing there that is not committed
{
	local g
	g=$(repo "$1" rev-parse --absolute-git-dir)
	# A kp that was killed: its lock is ours now, git's is a file.
	if [ "$1" = "$src" ] && { [ -e "$g/index.lock" ] || [ -d "$g/rebase-apply" ]; }; then
		rm -f "$g/index.lock"
		rm -rf "$g/rebase-apply"
		repo "$1" reset -q --hard
	fi
	[ -z "$(repo "$1" status --porcelain --untracked-files=no)" ] || die "$1: uncommitted changes"
}

am()	# am DIR FILE...: on top of what is checked out
{
	local d=$1
	shift
	[ $# -gt 0 ] || return 0
	repo "$d" am -q --committer-date-is-author-date --keep-non-patch --keep-cr --quoted-cr=nowarn --no-scissors --no-3way "$@" >&2 ||
		{ repo "$d" am --abort; die "does not apply"; }
}

# What has been applied once is kept, by the patches that went into it: it is checked out
# again as it was, and a build goes on where it was, since only what differs is written.
up_to()	# up_to DIR SET: checks out the base with all sets before SET
{
	local s='' list before=()
	for s in $(sets); do
		[ "$s" != "$2" ] || break
		mapfile -t list < <(files "$s")
		before+=("${list[@]}")
	done
	[ "$s" = "$2" ] || [ -z "$2" ] || die "$2: not in $patches/series"
	with "$1" refs/kp/base "${before[@]}"
}

with()	# with DIR COMMIT FILE...: checks out COMMIT with FILEs on it
{
	local d=$1 from ref
	from=$(repo "$d" rev-parse "$2")
	shift 2
	ref=refs/kp/at/$({ echo "$from"; cat /dev/null "$@"; } | sha256sum | cut -c1-40)
	if repo "$d" rev-parse -q --verify "$ref" >/dev/null; then
		repo "$d" checkout -q --detach "$ref"
		return
	fi
	repo "$d" checkout -q --detach "$from"
	am "$d" "$@"
	repo "$d" update-ref "$ref" HEAD
}

cmd_tree()
{
	cmd_fetch
	clean "$src"
	up_to "$src" ''
	repo "$src" update-ref refs/kp/tree HEAD
	echo "$src"
}

work()	{ echo "$cache/edit/${1//\//-}"; }

cmd_edit()
{
	local s=${1:?kp edit SET} d list
	d=$(work "$s")
	mapfile -t list < <(files "$s")
	cmd_fetch
	if [ -d "$d" ]; then
		clean "$d"
		[ "$(repo "$d" rev-parse "kp/$s")" = "$(repo "$d" rev-parse "refs/kp/applied/$s")" ] ||
			die "$d has commits that are not in the patch files: kp diff $s, kp refresh $s"
	else
		repo "$src" worktree prune
		repo "$src" worktree add -q --detach "$d" refs/kp/base
	fi
	up_to "$d" "$s"
	repo "$d" update-ref "refs/kp/start/$s" HEAD
	am "$d" "${list[@]}"
	repo "$d" update-ref "refs/kp/applied/$s" HEAD
	repo "$d" checkout -q -B "kp/$s"
	echo "$d"
}

# ---- commits to files -----------------------------------------------------------

format()	# format DIR FROM..TO OUT
{
	repo "$1" -c core.quotePath=true -c diff.suppressBlankEmpty=false -c diff.indentHeuristic=true \
		format-patch -q -o "$3" --zero-commit --no-signature --full-index --no-renames --no-base \
		--no-numbered --diff-algorithm=histogram --unified=3 --inter-hunk-context=0 --stat=72 \
		--src-prefix=a/ --dst-prefix=b/ --no-ext-diff --no-textconv --no-relative --no-color \
		--no-attach --no-thread --no-cover-letter --no-signoff --no-notes --subject-prefix=PATCH \
		--suffix=.patch --filename-max-length=64 --encode-email-headers "$2" >&2
}

cmd_refresh()
{
	local s=${1:?kp refresh SET} d t
	d=$(work "$s")
	[ -d "$d" ] || die "kp edit $s comes first"
	clean "$d"
	[ "$(repo "$d" symbolic-ref -q HEAD)" = "refs/heads/kp/$s" ] || die "$d is not on kp/$s: a rebase?"
	! repo "$d" log --format=%s "refs/kp/start/$s..kp/$s" | grep -E '^(fixup|squash|amend)!' >&2 ||
		die "git rebase -i --autosquash comes first"
	t=$(mktemp -d "$patches/$s/.new-XXXXXX")
	format "$d" "refs/kp/start/$s..kp/$s" "$t"
	chmod 644 "$t"/*
	rm -f "$patches/$s"/[0-9]*.patch
	(cd "$t" && printf '%s\n' *.patch) >"$patches/$s/series"
	mv "$t"/*.patch "$patches/$s/"
	rmdir "$t"
	repo "$d" update-ref "refs/kp/applied/$s" "kp/$s"
}

cmd_diff()
{
	local s=${1:?kp diff SET} d
	d=$(work "$s")
	[ -d "$d" ] || die "kp edit $s comes first"
	repo "$d" --no-pager range-diff "refs/kp/start/$s..refs/kp/applied/$s" "refs/kp/start/$s..kp/$s"
}
