# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp: the base, from a package mirror, a file or a tree, as a repository of one commit.

apt_lists()	# apt_lists DIR SUITE: sets opts: apt with lists of its own, whose signature apt checks
{
	local d=$1
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	: >"$d/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(base mirror) $2 main" >"$d/sources"
	opts=(-q -o "Dir::State::lists=$d/lists" -o "Dir::State::status=$d/status"
		-o "Dir::Cache=$d/cache" -o "Dir::Etc::sourcelist=$d/sources" -o Dir::Etc::sourceparts=/dev/null
		-o Acquire::Languages=none -o APT::Sandbox::User=)
	apt-get "${opts[@]}" update >&2
}

download()	# download DIR SUITE PACKAGE...: NAME or NAME=VERSION
{
	local d=$1 opts
	apt_lists "$d" "$2"
	shift 2
	(cd "$d" && apt-get "${opts[@]}" download "$@") >&2
}

import()	# import DIR [any]: makes it a repository with one commit
{
	local d=$1 got
	# Debian's tree ignores every new file at its top.
	[ ! -f "$d/.gitignore" ] || sed -i '/^# Debian packaging: ignore everything/,$d' "$d/.gitignore"
	rm -rf --one-file-system "$d/.git"
	git init -q -b base "$d"
	repo "$d" config gc.auto 0
	repo "$d" config core.fileMode true
	repo "$d" -c core.looseCompression=1 add -f -A .
	GIT_AUTHOR_NAME=kp GIT_AUTHOR_EMAIL=kp@localhost GIT_AUTHOR_DATE='1700000000 +0000' \
		GIT_COMMITTER_DATE='1700000000 +0000' \
		git -C "$d" commit -q -m "Linux $(base version) ($(base package) $(base deb-version))"
	got=$(repo "$d" rev-parse HEAD)
	[ "$got" = "$(base commit)" ] || [ -n "${2:-}" ] ||
		die "the tree is not that of BASE: commit $got instead of $(base commit)"
	repo "$d" update-ref refs/kp/base "$got"
	repo "$d" checkout -q --detach
	repo "$d" branch -q -D base
}

cmd_fetch()
{
	local deb='' tar='' tree='' any='' d=$cache/fetch
	while [ $# -gt 0 ]; do
		case $1 in
		--deb) deb=$(readlink -f "$2"); shift ;;
		--tar) tar=$(readlink -f "$2"); shift ;;
		--tree) tree=$(readlink -f "$2"); shift ;;
		--unpinned) any=1 ;;
		*) die "fetch: $1?" ;;
		esac
		shift
	done
	if repo "$src" rev-parse -q --verify refs/kp/base >/dev/null 2>&1; then
		[ -z "$deb$tar$tree" ] || die "$src is there already; remove it to fetch another"
		return 0
	fi
	rm -rf --one-file-system "$d" "$src"
	mkdir -p "$d/linux"
	if [ -z "$deb$tar$tree" ]; then
		download "$d" "$(base suite)" "$(base package)=$(base deb-version)"
		deb=$(echo "$d"/*.deb)
	fi
	if [ -n "$deb" ]; then
		echo "$(base deb-sha256)  $deb" | sha256sum -c --quiet - >&2 || die "$deb is not the package of BASE"
		tar=$d/source.tar.xz
		dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$(base package).tar.xz" >"$tar"
	fi
	if [ -n "$tar" ]; then
		tar -xf "$tar" -C "$d/linux" --strip-components=1
	else
		cp -a "$tree/." "$d/linux"
	fi
	import "$d/linux" $any
	mv "$d/linux" "$src"
	rm -rf --one-file-system "$d"
}
