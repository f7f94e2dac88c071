# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154	# here, patches, cache, src: of kp
#
# kp test: selftests of the kernel in a guest of tests/vm/run.

selftest_dirs()	# directories below selftests that the series touches: the nearest with a Makefile
{
	local d
	repo "$src" diff --name-only refs/kp/base refs/kp/tree -- tools/testing/selftests |
		sed -n 's|^tools/testing/selftests/\(.*\)/[^/]*$|\1|p' | sort -u | while read -r d; do
		while [ ! -f "$src/tools/testing/selftests/$d/Makefile" ] && [ "$d" != "${d%/*}" ]; do
			d=${d%/*}
		done
		echo "$d"
	done | sort -u
}

# Static: the guest's root has the libraries of its own programs only.  stddef.h is what
# some of the base's forget to include.
selftests()	# selftests O OUT DIR...: builds, with the headers of the tree
{
	local o=$1 out=$2 dir
	shift 2
	kmake "$o" headers >&2
	rm -rf --one-file-system "$out"
	mkdir -p "$out"
	for dir; do
		[ -d "$src/tools/testing/selftests/$dir" ] || die "$dir: no such selftests"
		env CFLAGS="-static -include stddef.h -isystem $o/usr/include" make -s -C "$src/tools/testing/selftests" O="$o" \
			KHDR_INCLUDES="-isystem $o/usr/include" TARGETS="$dir" INSTALL_PATH="$out/$dir.d" \
			SKIP_TARGETS= FORCE_TARGETS=1 install >&2 || die "$dir: does not build"
	done
}

# A case has 30 s, or what it says itself.  With KASAN in an emulated machine that is
# not enough for what is slow anyway: five times as much.
patience()	# until EXIT at the latest: patience_end
{
	local f=tools/testing/selftests/kselftest_harness.h
	# shellcheck disable=SC2064
	trap "repo '$src' checkout -q -- $f" EXIT
	sed -i 's/t->timeout \* 1000)/t->timeout * 1000 * 5)/' "$src/$f"
	! repo "$src" diff --quiet -- $f || die "$f: where does it wait?"
}

patience_end()
{
	repo "$src" checkout -q -- tools/testing/selftests/kselftest_harness.h
	trap - EXIT
}

cmd_test()
{
	local kind='' o image='' ksft=$cache/ksft list=() dirs dir t args=() more=() seconds=120
	while [[ ${1:-} = --* ]]; do
		case $1 in
		--image) image=$(readlink -e "$2") || die "$2?" ; shift ;;
		--keep) more+=(--keep "$2"); shift ;;
		--debug) more+=(--mem 2048) && seconds=600 && kind=$1 ;;
		*) kind=$1 ;;
		esac
		shift
	done
	tools
	[ -z "$image" ] || cmd_tree >/dev/null
	[ -n "$image" ] || image=$(cmd_build ${kind:+"$kind"})
	o=$cache/o
	[ $# -gt 0 ] || mapfile -t list < <(selftest_dirs; echo kunit)
	list+=("$@")
	[ ${#list[@]} -gt 0 ] || die "the series has no selftests, and none were named"
	configure_old "$o"
	mapfile -t dirs < <(printf '%s\n' "${list[@]%%:*}" | grep -vx kunit | sort -u)
	[ "$kind" != --debug ] || patience
	selftests "$o" "$ksft/built" "${dirs[@]}"
	[ "$kind" != --debug ] || patience_end
	rm -rf --one-file-system "$ksft/run"
	mkdir -p "$ksft/run/ksft"
	if printf '%s\n' "${list[@]}" | grep -qx kunit; then
		cp "$here/lib/kunit" "$ksft/run/ksft/kunit"
		more+=(--append kunit.enable=1)
		args+=(ksft/kunit)
	fi
	for dir in "${dirs[@]}"; do
		mkdir -p "$(dirname "$ksft/run/ksft/$dir")"
		mv "$ksft/built/$dir.d/$dir" "$ksft/run/ksft/$dir"
		while IFS=: read -r _ t; do
			printf '%s\n' "${list[@]}" | grep -qxF -e "$dir" -e "$dir:$t" || continue
			ln -sr "$ksft/run/tests/vm/ksft" "$ksft/run/ksft/$dir:$t"
			args+=("ksft/$dir:$t")
		done <"$ksft/built/$dir.d/kselftest-list.txt"
	done
	"$top/tests/vm/run" --kernel "$image" --add "$ksft/run/ksft" --time "${KP_TEST_TIME:-$seconds}" "${more[@]}" "${args[@]}"
}
