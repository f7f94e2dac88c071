# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp: cover letters and mails, as files: nothing is sent.

applied()	# applied SET: sets from, to
{
	local list
	mapfile -t list < <(files "$1")
	[ "${#list[@]}" -gt 0 ] || die "$1 is empty"
	clean "$src"
	up_to "$src" "$1"
	from=$(repo "$src" rev-parse HEAD)
	am "$src" "${list[@]}"
	to=$(repo "$src" rev-parse HEAD)
}

recipients()	# recipients PATCH...: one address a line
{
	local f
	[ -x "$src/scripts/get_maintainer.pl" ] || return 0
	for f; do
		(cd "$src" && scripts/get_maintainer.pl --no-git --no-rolestats --no-git-fallback "$f" 2>/dev/null) || :
	done | sort -u
}

cmd_cover()
{
	local s=${1:?kp cover SET} from to list
	cmd_fetch
	applied "$s"
	cat "$patches/$s/0000-cover-letter"
	echo
	repo "$src" --no-pager shortlog "$from..$to"
	repo "$src" --no-pager diff --stat=72 --no-renames "$from" "$to"
	echo
	mapfile -t list < <(files "$s")
	recipients "${list[@]}" | sed 's/^/To: /'
	cmd_tree >/dev/null
}

cmd_mail()
{
	local s=${1:?kp mail SET} v=1 one='' out='' from to f prefix=PATCH args addr
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		-v) v=$2; shift ;;
		--patch) one=$2; shift ;;
		--signoff) mailer=$2; shift ;;
		--out) out=$2; shift ;;
		--dry-run) ;;
		*) die "mail: $1?" ;;
		esac
		shift
	done
	[[ $mailer =~ ^[^\<]+\ \<[^@]+@[^@]+\>$ ]] || die "who sends? --signoff 'NAME <ADDRESS>'"
	addr=${mailer#*<}
	addr=${addr%>}
	out=$(readlink -m "${out:-$cache/mail/${s//\//-}-v$v${one:+-$one}}")
	[ ! -e "$out" ] || die "$out is there already"
	cmd_fetch
	applied "$s"
	[ "$v" = 1 ] || prefix="PATCH v$v"
	args=(-q -o "$out" --subject-prefix="$prefix" --signoff --base="$(repo "$src" rev-parse refs/kp/base)")
	if [ -n "$one" ]; then
		to=$(repo "$src" rev-list --reverse "$from..$to" | sed -n "${one}p")
		[ -n "$to" ] || die "$s has no patch $one"
		args+=(--no-numbered -1 "$to")
	else
		args+=(--numbered --cover-letter "$from..$to")
	fi
	GIT_COMMITTER_NAME=${mailer% <*} GIT_COMMITTER_EMAIL=$addr \
		git -C "$src" format-patch "${args[@]}" >&2
	if [ -z "$one" ]; then
		f=$out/0000-cover-letter.patch
		awk -v text="$patches/$s/0000-cover-letter" -v log_="$patches/$s/CHANGELOG" '
		/\*\*\* SUBJECT HERE \*\*\*/ { getline t <text; sub(/\*\*\* SUBJECT HERE \*\*\*/, ""); print $0 t; next }
		/\*\*\* BLURB HERE \*\*\*/ {
			while ((getline t <text) > 0) print t
			print ""
			while ((getline t <log_) > 0) print t
			next
		}
		{ print }' "$f" >"$f.new" && mv "$f.new" "$f"
	fi
	recipients "$out"/*.patch >"$out/recipients"
	cmd_tree >/dev/null
	echo "$out"
}
